package store

import (
	"context"

	"github.com/jmoiron/sqlx"

	"tourney"
)

// Ping returns nil if the store takes changes.
func (s *Store) Ping(ctx context.Context) error {
	return s.writer.submit(ctx, func(*tx) error { return nil }, false)
}

// Census counts sweeps, trials and open jobs, on one snapshot. It takes as long
// as there are sweeps and open jobs, however many trials there are.
func (r *Reader) Census(ctx context.Context) (c tourney.Census, err error) {
	const op = "count"
	var sweeps []struct {
		State tourney.SweepState `db:"state"`
		N     int                `db:"n"`
	}
	var trials []struct {
		State tourney.TrialState `db:"state"`
		N     int                `db:"n"`
	}
	var jobs []struct {
		State  tourney.JobState `db:"state"`
		N      int              `db:"n"`
		Wanted float64          `db:"wanted"`
	}
	err = r.read(ctx, op, func(tx *sqlx.Tx) error {
		if err := tx.SelectContext(ctx, &sweeps, `SELECT state, count(*) AS n FROM sweeps GROUP BY state`); err != nil {
			return sqlError(op, err)
		}
		if err := tx.SelectContext(ctx, &trials, `SELECT state, sum(trials) AS n FROM tallies GROUP BY state`); err != nil {
			return sqlError(op, err)
		}
		return sqlError(op, tx.SelectContext(ctx, &jobs, `SELECT j.state, count(*) AS n,
				total(CASE WHEN s.state <> ? AND j.state <> ? AND s.spec ->> 'trainer' <> ? THEN s.plan ->> 'weight' END) AS wanted
			FROM jobs j JOIN sweeps s ON s.id = j.sweep WHERE `+isOpenJob+` GROUP BY j.state`,
			tourney.SweepPaused, tourney.JobHeld, tourney.TrainerExternal))
	})
	c = tourney.Census{Sweeps: map[tourney.SweepState]int{}, Trials: map[tourney.TrialState]int{}, Jobs: map[tourney.JobState]int{}}
	for _, s := range sweeps {
		c.Sweeps[s.State] = s.N
	}
	for _, t := range trials {
		c.Trials[t.State] = t.N
	}
	for _, j := range jobs {
		c.Jobs[j.State] = j.N
		c.Wanted += j.Wanted
	}
	return c, err
}
