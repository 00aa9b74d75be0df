package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jmoiron/sqlx"

	"tourney"
)

// jobRow is a row of jobs.
type jobRow struct {
	Sweep      string           `db:"sweep"`
	Trial      int              `db:"trial"`
	Rung       int              `db:"rung"`
	Kind       tourney.JobKind  `db:"kind"`
	Budget     int              `db:"budget"`
	Start      int64            `db:"start"`
	Finish     int64            `db:"finish"`
	State      tourney.JobState `db:"state"`
	Attempt    int              `db:"attempt"`
	Worker     string           `db:"worker"`
	Claim      string           `db:"claim"`
	Lease      float64          `db:"lease"`
	Losses     int              `db:"losses"`
	Failures   int              `db:"failures"`
	Alone      bool             `db:"alone"`
	Checkpoint sql.Null[string] `db:"checkpoint"`
	Held       sql.Null[string] `db:"held"`

	Was int  `db:"-"`
	New bool `db:"-"`

	Started sql.Null[int64]   `db:"started"` // of the attempt that runs; read only, by openJobColumns
	Price   sql.Null[float64] `db:"price"`   // likewise
}

const jobColumns = `j.sweep, j.trial, j.rung, j.kind, j.budget, j.start, j.finish, j.state, j.attempt, j.worker, j.claim, j.lease,
	j.losses, j.failures, j.alone, j.checkpoint, j.held`

// openJobColumns are jobColumns with what is known of the attempt that runs.
const openJobColumns = jobColumns + `, a.started, a.price`

const openAttempt = ` LEFT JOIN attempts a ON j.state = 'running' AND a.sweep = j.sweep AND a.trial = j.trial AND a.attempt = j.attempt`

// isOpenJob is the condition of the index jobs_open, of jobs under the name j.
const isOpenJob = `(j.state = 'queued' OR j.state = 'running' OR j.state = 'held')`

func newJobRow(sweep string, j *tourney.JobRow) (row jobRow, err error) {
	if j.Sweep != "" && j.Sweep != sweep {
		return row, belongs("job "+j.JobID.String(), sweep, j.Sweep)
	}
	row = jobRow{
		Sweep: sweep, Trial: j.Trial, Rung: j.Rung, Kind: j.Kind, Budget: j.Budget, Start: j.Start, Finish: j.Finish,
		State: j.State, Attempt: j.Attempt, Worker: j.Worker, Claim: j.Claim, Lease: j.Lease,
		Losses: j.Losses, Failures: j.Failures, Alone: j.Alone, Was: j.Was, New: j.New,
	}
	if row.Checkpoint, err = optionalJSON("checkpoint", j.Checkpoint); err == nil {
		row.Held, err = optionalJSON("held end", j.Held)
	}
	if err != nil {
		return row, fmt.Errorf("job %s: %w", j.JobID, err)
	}
	return row, nil
}

// plain reports whether nothing has befallen the job, and nothing is kept of it.
func (r *jobRow) plain() bool {
	return r.Lease == 0 && r.Losses == 0 && r.Failures == 0 && !r.Alone && !r.Checkpoint.Valid && !r.Held.Valid
}

// write inserts the job, or brings it up to date if it is open and still has
// the attempt that the change was made on; otherwise it returns errNoRow. What a
// job is and its place in virtual time never change.
func (r *jobRow) write(t *tx) error {
	switch {
	case r.New && r.plain(): // what is not said need not be bound
		_, err := t.exec(`INSERT INTO jobs (sweep, trial, rung, kind, budget, start, finish, state, attempt, worker, claim, lease, losses, failures, alone, checkpoint, held)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, NULL, NULL)`,
			r.Sweep, r.Trial, r.Rung, r.Kind, r.Budget, r.Start, r.Finish, r.State, r.Attempt, r.Worker, r.Claim)
		return err
	case r.plain():
		return t.change(`UPDATE OR FAIL jobs AS j SET state = ?, attempt = ?, worker = ?, claim = ?, lease = 0,
				losses = 0, failures = 0, alone = 0, checkpoint = NULL, held = NULL
			WHERE sweep = ? AND trial = ? AND rung = ? AND attempt = ? AND `+isOpenJob,
			r.State, r.Attempt, r.Worker, r.Claim, r.Sweep, r.Trial, r.Rung, r.Was)
	case r.New:
		_, err := t.exec(`INSERT INTO jobs (sweep, trial, rung, kind, budget, start, finish, state, attempt, worker, claim, lease, losses, failures, alone, checkpoint, held)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			r.Sweep, r.Trial, r.Rung, r.Kind, r.Budget, r.Start, r.Finish, r.State, r.Attempt, r.Worker, r.Claim, r.Lease,
			r.Losses, r.Failures, r.Alone, r.Checkpoint, r.Held)
		return err
	}
	return t.change(`UPDATE OR FAIL jobs AS j SET state = ?, attempt = ?, worker = ?, claim = ?, lease = ?,
			losses = ?, failures = ?, alone = ?, checkpoint = ?, held = ?
		WHERE sweep = ? AND trial = ? AND rung = ? AND attempt = ? AND `+isOpenJob,
		r.State, r.Attempt, r.Worker, r.Claim, r.Lease,
		r.Losses, r.Failures, r.Alone, r.Checkpoint, r.Held,
		r.Sweep, r.Trial, r.Rung, r.Was)
}

// job returns the row as one that a change may be made on.
func (r *jobRow) job() (tourney.JobRow, error) {
	j := tourney.JobRow{
		JobID: tourney.JobID{Sweep: r.Sweep, Trial: r.Trial, Rung: r.Rung},
		Kind:  r.Kind, Budget: r.Budget, Start: r.Start, Finish: r.Finish,
		State: r.State, Attempt: r.Attempt, Was: r.Attempt, Worker: r.Worker, Claim: r.Claim, Lease: r.Lease,
		Losses: r.Losses, Failures: r.Failures, Alone: r.Alone, Price: r.Price.V,
	}
	if r.Started.Valid {
		j.Started = fromMicros(r.Started.V)
	}
	var err error
	if j.Checkpoint, err = decodeOptional[tourney.Checkpoint]("checkpoint of job "+j.JobID.String(), r.Checkpoint); err != nil {
		return j, err
	}
	j.Held, err = decodeOptional[tourney.End]("held end of job "+j.JobID.String(), r.Held)
	return j, err
}

// OpenJobs returns the jobs of a sweep that are queued, running or held, and
// for each trial that has not ended the last job that is done; by trial and
// rung. Was is the attempt that each has.
func (r *Reader) OpenJobs(ctx context.Context, sweep string) ([]tourney.JobRow, error) {
	var rows []jobRow
	err := r.db.SelectContext(ctx, &rows, `SELECT `+openJobColumns+` FROM jobs j`+openAttempt+` WHERE j.sweep = ? AND `+isOpenJob+`
		UNION ALL
		SELECT `+jobColumns+`, NULL, NULL FROM trials t JOIN jobs j ON j.sweep = t.sweep AND j.trial = t.number
		WHERE t.sweep = ? AND `+isOpenTrial+` AND j.rung =
			(SELECT max(d.rung) FROM jobs d WHERE d.sweep = t.sweep AND d.trial = t.number AND d.state = 'done')
		ORDER BY 2, 3`, sweep, sweep)
	if err != nil {
		return nil, sqlError("read open jobs", err)
	}
	jobs := make([]tourney.JobRow, len(rows))
	for i := range rows {
		if jobs[i], err = rows[i].job(); err != nil {
			return nil, err
		}
	}
	return jobs, nil
}

// CheckpointAt returns the checkpoint that a trial's job ended with at a step,
// or tourney.ErrNotFound.
func (r *Reader) CheckpointAt(ctx context.Context, sweep string, trial, step int) (tourney.Checkpoint, error) {
	var text string
	err := r.db.GetContext(ctx, &text, `SELECT checkpoint FROM jobs
		WHERE sweep = ? AND trial = ? AND kind = 'rung' AND state = 'done' AND checkpoint ->> 'step' = ? ORDER BY rung LIMIT 1`, sweep, trial, step)
	if errors.Is(err, sql.ErrNoRows) {
		return tourney.Checkpoint{}, fmt.Errorf("checkpoint of trial %s/%d at step %d: %w", sweep, trial, step, tourney.ErrNotFound)
	}
	if err != nil {
		return tourney.Checkpoint{}, sqlError("read checkpoint", err)
	}
	var c tourney.Checkpoint
	return c, decodeJSON("checkpoint", text, &c)
}

// FinalJobs returns the final jobs of a sweep that are done, by trial and rung:
// their checkpoints are its models.
func (r *Reader) FinalJobs(ctx context.Context, sweep string) (jobs []tourney.JobRow, err error) {
	const op = "read final jobs"
	err = r.read(ctx, op, func(tx *sqlx.Tx) error {
		if err := mustKnow(ctx, tx, op, sweep); err != nil {
			return err
		}
		var rows []jobRow
		if err := tx.SelectContext(ctx, &rows, `SELECT `+jobColumns+` FROM jobs j
			WHERE j.sweep = ? AND j.kind = 'final' AND j.state = 'done' ORDER BY j.trial, j.rung`, sweep); err != nil {
			return sqlError(op, err)
		}
		jobs = make([]tourney.JobRow, len(rows))
		for i := range rows {
			if jobs[i], err = rows[i].job(); err != nil {
				return err
			}
		}
		return nil
	})
	return jobs, err
}

// Usage returns what a sweep has used until a moment.
func (r *Reader) Usage(ctx context.Context, sweep string, now time.Time) (tourney.Usage, error) {
	const op = "read usage"
	var u tourney.Usage
	err := r.read(ctx, op, func(tx *sqlx.Tx) error {
		var used struct {
			Used float64 `db:"used"`
			Cost float64 `db:"cost"`
		}
		if err := tx.GetContext(ctx, &used, `SELECT `+spentColumns+` FROM sweeps s WHERE s.id = ?`, micros(now), micros(now), sweep); err != nil {
			return sqlError(op, err)
		}
		u.Slots, u.Cost = used.Used, used.Cost
		var turns []struct {
			At    int64              `db:"at"`
			State tourney.SweepState `db:"state"`
		}
		if err := tx.SelectContext(ctx, &turns, `SELECT at, body ->> 'state' AS state FROM events WHERE sweep = ? AND kind = 'turned' ORDER BY seq`, sweep); err != nil {
			return sqlError(op, err)
		}
		for i, turn := range turns {
			until := micros(now)
			if i+1 < len(turns) {
				until = turns[i+1].At
			}
			if turn.State == tourney.SweepRunning {
				u.Wall += float64(max(until-turn.At, 0)) / 1e6
			}
		}
		return nil
	})
	return u, err
}

// spentColumns are the seconds of a core that the sweep s has used until a
// moment, and what they cost: of the attempts that have ended, and of those that
// are open. They take the moment twice, in microseconds.
const spentColumns = `s.used + COALESCE(NULLIF(s.plan ->> '$.weight', 0), 1) * (
		SELECT total(max(? - a.started, 0)) / 1e6 FROM attempts a WHERE a.sweep = s.id AND a.outcome = '') AS used,
	s.cost + COALESCE(NULLIF(s.plan ->> '$.weight', 0), 1) * (
		SELECT total(max(? - a.started, 0) * a.price) / 3.6e9 FROM attempts a WHERE a.sweep = s.id AND a.outcome = '') AS cost`

func checkAttempt(sweep, epoch string, a *tourney.AttemptRow) error {
	if err := belongs("attempt "+a.Token.String(), sweep, a.Token.Sweep); err != nil {
		return err
	}
	if a.New && a.Token.Epoch != epoch {
		return fmt.Errorf("%w: attempt %s is not of epoch %s", tourney.ErrConflict, a.Token, epoch)
	}
	return nil
}

// writeAttempt inserts an attempt or ends an open one. One that stays open goes
// on in another rung.
func writeAttempt(t *tx, sweep string, a *tourney.AttemptRow) error {
	ended := sql.Null[int64]{V: t.now, Valid: a.Outcome != ""}
	if a.New {
		_, err := t.exec(`INSERT OR FAIL INTO attempts (sweep, trial, attempt, epoch, rung, worker, outcome, step, told, started, ended, price)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			sweep, a.Token.Trial, a.Token.Attempt, a.Token.Epoch, a.Rung, a.Worker, a.Outcome, a.Step, a.Told, t.now, ended, a.Price)
		return err
	}
	err := t.change(`UPDATE OR FAIL attempts SET outcome = ?, rung = CASE ? WHEN '' THEN ? ELSE rung END, step = ?, told = ?, ended = ?
		WHERE sweep = ? AND trial = ? AND attempt = ? AND epoch = ? AND outcome = ''`,
		a.Outcome, a.Outcome, a.Rung, a.Step, a.Told, ended, sweep, a.Token.Trial, a.Token.Attempt, a.Token.Epoch)
	if errors.Is(err, errNoRow) {
		return fmt.Errorf("%w: it is not open", tourney.ErrConflict)
	}
	return err
}

// Outcomes returns how attempts ended; attempts that are open or unknown are
// absent.
func (r *Reader) Outcomes(ctx context.Context, tokens []tourney.Token) (map[tourney.Token]tourney.Outcome, error) {
	const op = "read outcomes"
	outcomes := make(map[tourney.Token]tourney.Outcome, len(tokens))
	err := r.read(ctx, op, func(tx *sqlx.Tx) error {
		for _, token := range tokens {
			var outcome tourney.Outcome
			err := tx.GetContext(ctx, &outcome,
				`SELECT outcome FROM attempts WHERE sweep = ? AND trial = ? AND attempt = ? AND epoch = ? AND outcome <> ''`,
				token.Sweep, token.Trial, token.Attempt, token.Epoch)
			switch {
			case err == nil:
				outcomes[token] = outcome
			case !errors.Is(err, sql.ErrNoRows):
				return sqlError(op, err)
			}
		}
		return nil
	})
	return outcomes, err
}

// Attempt returns an attempt that has ended, with what was told, or
// tourney.ErrNotFound.
func (r *Reader) Attempt(ctx context.Context, token tourney.Token) (tourney.AttemptRow, error) {
	a := tourney.AttemptRow{Token: token}
	var row struct {
		Rung    int             `db:"rung"`
		Worker  string          `db:"worker"`
		Outcome tourney.Outcome `db:"outcome"`
		Step    int             `db:"step"`
		Told    string          `db:"told"`
	}
	err := r.db.GetContext(ctx, &row, `SELECT rung, worker, outcome, step, told FROM attempts
		WHERE sweep = ? AND trial = ? AND attempt = ? AND epoch = ? AND outcome <> ''`,
		token.Sweep, token.Trial, token.Attempt, token.Epoch)
	if errors.Is(err, sql.ErrNoRows) {
		return a, fmt.Errorf("attempt %s: %w", token, tourney.ErrNotFound)
	}
	a.Rung, a.Worker, a.Outcome, a.Step, a.Told = row.Rung, row.Worker, row.Outcome, row.Step, row.Told
	return a, sqlError("read attempt", err)
}
