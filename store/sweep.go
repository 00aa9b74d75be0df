package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/jmoiron/sqlx"

	"tourney"
)

// sweepRow is a row of sweeps.
type sweepRow struct {
	ID      string             `db:"id"`
	Spec    string             `db:"spec"`
	Plan    string             `db:"plan"`
	State   tourney.SweepState `db:"state"`
	Reason  string             `db:"reason"`
	Created int64              `db:"created"`
	Started sql.Null[int64]    `db:"started"`
	Ended   sql.Null[int64]    `db:"ended"`
	Amended sql.Null[string]   `db:"amended"`
	Cursor  int64              `db:"cursor"` // id of the last event; read only

	Used         float64 `db:"used"` // read only, as those below
	Cost         float64 `db:"cost"`
	Improvements int     `db:"improvements"`

	// These are written only.
	Name    string           `db:"-"`
	Dataset string           `db:"-"`
	Goal    tourney.Goal     `db:"-"`
	Key     sql.Null[string] `db:"-"`
	KeyBody string           `db:"-"`
	dated   bool             // Created is set
}

// sweepColumns take a moment twice, in microseconds: for spentColumns.
const sweepColumns = `s.id, s.spec, s.plan, s.state, s.reason, s.created, s.started, s.ended, s.amended, s.improvements, ` + spentColumns + `,
	COALESCE((SELECT e.id FROM events e WHERE e.sweep = s.id AND e.seq = s.last_seq), 0) AS cursor`

// isOpenSweep is the condition of the index sweeps_open.
const isOpenSweep = `state NOT IN ('completed', 'failed', 'cancelled')`

func newSweepRow(c *tourney.Change) (*sweepRow, error) {
	s := c.Create
	if err := belongs("the row to create", c.Sweep, s.ID); err != nil {
		return nil, err
	}
	row := &sweepRow{
		ID: c.Sweep, State: s.State, Reason: s.Reason,
		Started: nullMicros(s.Started), Ended: nullMicros(s.Ended),
		Name: s.Spec.Name, Dataset: s.Plan.Dataset, Goal: s.Spec.Metric.Goal,
		Key: sql.Null[string]{V: c.Key, Valid: c.Key != ""}, KeyBody: c.KeyBody,
	}
	if row.State == "" {
		row.State = tourney.SweepCreated
	}
	if row.dated = !s.Created.IsZero(); row.dated {
		row.Created = micros(s.Created)
	}
	var err error
	if row.Spec, err = encodeJSON("spec", &s.Spec); err != nil {
		return nil, err
	}
	row.Plan, err = encodeJSON("plan", &s.Plan)
	return row, err
}

func (r *sweepRow) write(t *tx) error {
	if !r.dated {
		r.Created = t.now
	}
	if err := mustHaveDataset(t, r.Dataset); err != nil {
		return err
	}
	_, err := t.exec(`INSERT INTO sweeps (id, name, spec, plan, dataset, goal, state, reason, created, started, ended, last_seq, key, key_body)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, ?, ?)`,
		r.ID, r.Name, r.Spec, r.Plan, r.Dataset, r.Goal, r.State, r.Reason, r.Created, r.Started, r.Ended, r.Key, r.KeyBody)
	return err
}

func (r *sweepRow) sweep(known *specs) (tourney.Sweep, error) {
	s := tourney.Sweep{
		ID: r.ID, State: r.State, Reason: r.Reason,
		Created: fromMicros(r.Created), Started: fromNullMicros(r.Started), Ended: fromNullMicros(r.Ended),
		Counts: map[tourney.TrialState]int{}, Cursor: r.Cursor,
	}
	var err error
	if s.Spec, err = known.read(r.ID, r.Spec); err != nil {
		return s, err
	}
	if s.Amended, err = decodeOptional[tourney.Amendment]("amendment of sweep "+r.ID, r.Amended); err != nil {
		return s, err
	}
	if s.Amended != nil && s.Amended.Name != "" {
		s.Spec.Name = s.Amended.Name
	}
	if r.Used > 0 {
		s.Spent = &tourney.Spent{WorkerHours: r.Used / 3600, Cost: r.Cost, Improvements: r.Improvements}
		if r.Improvements > 0 {
			each := r.Cost / float64(r.Improvements)
			s.Spent.PerImprovement = &each
		}
	}
	return s, decodeJSON("plan of sweep "+r.ID, r.Plan, &s.Plan)
}

// specs are specs that were read before: one takes as long as all else that is
// read of a sweep, and never changes. Those who get one share what its lists
// hold, and do not change it.
type specs struct {
	mu    sync.Mutex
	known map[string]knownSpec // by sweep
}

type knownSpec struct {
	text string
	spec tourney.Spec
}

// maxSpecs bounds how many are remembered.
const maxSpecs = 256

// read reads the spec of a sweep.
func (k *specs) read(sweep, text string) (tourney.Spec, error) {
	k.mu.Lock()
	old, ok := k.known[sweep]
	k.mu.Unlock()
	if ok && old.text == text {
		return old.spec, nil
	}
	var spec tourney.Spec
	if err := decodeJSON("spec of sweep "+sweep, text, &spec); err != nil {
		return spec, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil || len(k.known) >= maxSpecs {
		k.known = map[string]knownSpec{}
	}
	k.known[sweep] = knownSpec{text, spec}
	return spec, nil
}

// Sweep returns a sweep by id or tourney.ErrNotFound.
func (r *Reader) Sweep(ctx context.Context, id string) (s tourney.Sweep, err error) {
	op := "read sweep " + id
	err = r.read(ctx, op, func(tx *sqlx.Tx) error {
		sweeps, err := r.selectSweeps(ctx, tx, op, `WHERE s.id = ?`, id)
		if err == nil && len(sweeps) == 0 {
			return fmt.Errorf("sweep %s: %w", id, tourney.ErrNotFound)
		}
		if err == nil {
			s = sweeps[0]
		}
		return err
	})
	return s, err
}

// OpenSweeps returns the sweeps that have not ended, oldest first.
func (r *Reader) OpenSweeps(ctx context.Context) (sweeps []tourney.Sweep, err error) {
	const op = "read open sweeps"
	err = r.read(ctx, op, func(tx *sqlx.Tx) error {
		sweeps, err = r.selectSweeps(ctx, tx, op, `WHERE s.`+isOpenSweep+` ORDER BY s.created, s.id`)
		return err
	})
	return sweeps, err
}

// sweepKey is the place of a sweep among all, newest first.
type sweepKey struct {
	Created int64  `json:"c"`
	ID      string `json:"i"`
}

// Sweeps lists sweeps, newest first.
func (r *Reader) Sweeps(ctx context.Context, page tourney.Page) (sweeps []tourney.Sweep, next string, err error) {
	const op = "list sweeps"
	size := pageSize(page.Limit)
	after, err := readCursor("sweeps", page.Cursor, sweepKey{Created: math.MaxInt64})
	if err != nil {
		return nil, "", err
	}
	err = r.read(ctx, op, func(tx *sqlx.Tx) error {
		sweeps, err = r.selectSweeps(ctx, tx, op,
			`WHERE (s.created, s.id) < (?, ?) ORDER BY s.created DESC, s.id DESC LIMIT ?`, after.Created, after.ID, size+1)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	return cut("sweeps", sweeps, size, func(s *tourney.Sweep) sweepKey { return sweepKey{micros(s.Created), s.ID} })
}

// SweepByKey returns the sweep that was created with an idempotency key, and
// the hash of what was asked then, or tourney.ErrNotFound.
func (r *Reader) SweepByKey(ctx context.Context, key string) (sweep, keyBody string, err error) {
	var row struct {
		ID      string `db:"id"`
		KeyBody string `db:"key_body"`
	}
	err = r.db.GetContext(ctx, &row, `SELECT id, key_body FROM sweeps WHERE key = ? AND deleting = 0`, key)
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", fmt.Errorf("sweep with that key: %w", tourney.ErrNotFound)
	}
	return row.ID, row.KeyBody, sqlError("read sweep by key", err)
}

// selectSweeps reads sweeps with their numbers of trials and their best.
func (r *Reader) selectSweeps(ctx context.Context, q queryer, op, where string, args ...any) ([]tourney.Sweep, error) {
	var rows []sweepRow
	now := micros(r.now())
	args = append([]any{now, now}, args...)
	if err := q.SelectContext(ctx, &rows, `SELECT `+sweepColumns+` FROM (SELECT * FROM sweeps WHERE deleting = 0) s `+where, args...); err != nil {
		return nil, sqlError(op, err)
	}
	sweeps := make([]tourney.Sweep, len(rows))
	for i := range rows {
		s, err := rows[i].sweep(&r.specs)
		if err != nil {
			return nil, err
		}
		if err := tally(ctx, q, op, &s); err != nil {
			return nil, err
		}
		if s.Best, err = best(ctx, q, op, s.ID); err != nil {
			return nil, err
		}
		if err := r.warn(ctx, q, op, &s); err != nil {
			return nil, err
		}
		sweeps[i] = s
	}
	return sweeps, nil
}

// workerGone is how long a worker may be unheard of until it does not count.
const workerGone = time.Minute

// warn says of a sweep that runs that nobody trains it.
func (r *Reader) warn(ctx context.Context, q queryer, op string, s *tourney.Sweep) error {
	if s.State != tourney.SweepRunning && s.State != tourney.SweepFinishing || s.Spec.External() {
		return nil
	}
	pool := s.TermsNow().Pool
	var alive bool
	if err := q.GetContext(ctx, &alive, `SELECT EXISTS (SELECT 1 FROM workers WHERE pool = ? AND last_seen >= ?)`, pool, micros(r.now().Add(-workerGone))); err != nil {
		return sqlError(op, err)
	}
	if !alive {
		s.Warnings = append(s.Warnings, fmt.Sprintf("no worker of pool %q is alive, so that nothing of it is trained: start one with tourney worker --pool %s, or change the sweep's pool", pool, pool))
	}
	return nil
}

// tally fills in the numbers of trials by state.
func tally(ctx context.Context, q queryer, op string, s *tourney.Sweep) error {
	var rows []struct {
		State  tourney.TrialState `db:"state"`
		Trials int                `db:"trials"`
	}
	if err := q.SelectContext(ctx, &rows, `SELECT state, trials FROM tallies WHERE sweep = ? AND trials > 0`, s.ID); err != nil {
		return sqlError(op, err)
	}
	for _, row := range rows {
		s.Counts[row.State] = row.Trials
	}
	return nil
}

// mustExist returns tourney.ErrNotFound if there is no such sweep. Lists call
// it when they are empty.
func mustExist(ctx context.Context, q queryer, op, id string) error {
	var there bool
	if err := q.GetContext(ctx, &there, `SELECT EXISTS (SELECT 1 FROM sweeps WHERE id = ? AND deleting = 0)`, id); err != nil {
		return sqlError(op, err)
	}
	if !there {
		return fmt.Errorf("sweep %s: %w", id, tourney.ErrNotFound)
	}
	return nil
}
