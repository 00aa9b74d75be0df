package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"tourney"
)

// trialRow is a row of trials.
type trialRow struct {
	Sweep    string             `db:"sweep"`
	Number   int                `db:"number"`
	State    tourney.TrialState `db:"state"`
	Params   string             `db:"params"`
	Rung     int                `db:"rung"`
	Step     int                `db:"step"`
	BestStep int                `db:"best_step"`
	Value    sql.Null[float64]  `db:"value"`
	Metrics  sql.Null[string]   `db:"metrics"`
	Reason   tourney.Reason     `db:"reason"`
	Error    string             `db:"error"`
	Attempts int                `db:"attempts"`
	Created  int64              `db:"created"`
	Ended    sql.Null[int64]    `db:"ended"`

	Violation float64          `db:"violation"`
	Parent    sql.Null[string] `db:"parent"`
	RetryOf   sql.Null[int]    `db:"retry_of"`
	Duration  sql.Null[int64]  `db:"duration"` // read only
	Telemetry sql.Null[string] `db:"telemetry"`
	boardKey
	dated bool // Created is set

	of *tourney.Trial // of a row to be written; its parameters are encoded when they are needed
}

// boardKey is the place of a trial on its sweep's board: the columns of the
// index trials_board after the sweep.
type boardKey struct {
	Sunk   int     `db:"sunk" json:"b"` // diverged or failed
	Beyond int     `db:"beyond" json:"y"`
	Depth  int     `db:"depth" json:"d"`
	Blank  int     `db:"blank" json:"v"`
	Loss   float64 `db:"loss" json:"l"`
	Number int     `db:"-" json:"n"`
}

const trialColumns = `sweep, number, state, params, rung, step, best_step, value, metrics, reason, error, attempts, created, ended,
	violation, parent, retry_of, telemetry, duration, sunk, beyond, depth, blank, loss`

// isOpenTrial is the condition of trials that have not ended, under the name t.
const isOpenTrial = `t.state IN ('queued', 'running', 'paused')`

func newTrialRow(sweep string, t *tourney.Trial) (row trialRow, err error) {
	if t.Sweep != "" && t.Sweep != sweep {
		return row, belongs(fmt.Sprintf("trial %d", t.Number), sweep, t.Sweep)
	}
	if t.State == "" {
		return row, fmt.Errorf("trial %d has no state", t.Number)
	}
	row = trialRow{
		Sweep: sweep, Number: t.Number, State: t.State, Rung: t.Rung, Step: t.Step, BestStep: t.BestStep,
		Reason: t.Reason, Error: t.Error, Attempts: t.Attempts, Ended: nullMicros(t.Ended), Violation: t.Violation, of: t,
	}
	if t.State == tourney.TrialDiverged || t.State == tourney.TrialFailed {
		row.Sunk = 1
	}
	if t.RetryOf != nil {
		row.RetryOf = sql.Null[int]{V: *t.RetryOf, Valid: true}
	}
	if row.Telemetry, err = optionalJSON("telemetry", t.Telemetry); err != nil {
		return row, fmt.Errorf("trial %d: %w", t.Number, err)
	}
	if !isFinite(t.Violation) {
		return row, finite(fmt.Sprintf("trials.%d.violation", t.Number), t.Violation)
	}
	if row.dated = !t.Created.IsZero(); row.dated {
		row.Created = micros(t.Created)
	}
	if t.Value != nil {
		if !isFinite(*t.Value) {
			return row, finite(fmt.Sprintf("trials.%d.value", t.Number), *t.Value)
		}
		row.Value = sql.Null[float64]{V: *t.Value, Valid: true}
	}
	for _, v := range t.Metrics {
		if !isFinite(v) {
			return row, finiteMetrics(fmt.Sprintf("trials.%d.metrics", t.Number), t.Metrics)
		}
	}
	if t.Metrics != nil {
		if row.Metrics, err = optionalJSON("metrics", &t.Metrics); err != nil {
			return row, fmt.Errorf("trial %d: %w", t.Number, err)
		}
	}
	if row.fresh() {
		err = row.constants()
	}
	return row, err
}

// fresh reports whether the row looks like one that is not there yet.
func (r *trialRow) fresh() bool {
	return (r.State == tourney.TrialQueued && r.Attempts == 0 || r.State == tourney.TrialRunning && r.Attempts == 1) && r.Rung < 0
}

// constants encodes what is written once.
func (r *trialRow) constants() (err error) {
	if r.Params != "" {
		return nil
	}
	if r.Parent, err = optionalJSON("parent", r.of.Parent); err != nil {
		return fmt.Errorf("trial %d: %w", r.Number, err)
	}
	if r.Params, err = encodeJSON("parameters", r.of.Params); err != nil {
		return fmt.Errorf("trial %d: %w", r.Number, err)
	}
	return nil
}

// write inserts the trial or brings it up to date, and returns the state that
// it had before, empty if it is new. Its parameters and the time at which it
// was proposed never change; the time of its end is the first one known.
func (r *trialRow) write(t *tx, metric tourney.Metric) (was tourney.TrialState, err error) {
	if r.Value.Valid {
		r.Loss = metric.Loss(r.Value.V)
	}
	before, known := t.memory.trial(r.Sweep, r.Number)
	switch {
	case known && r.claims(&before):
		err = t.change(`UPDATE OR FAIL trials SET state = ?, attempts = ? WHERE sweep = ? AND number = ?`, r.State, r.Attempts, r.Sweep, r.Number)
	case known:
		err = r.update(t)
	default:
		before.State, err = r.insertOrUpdate(t)
	}
	if err == nil {
		t.memory.keep(r)
	}
	return before.State, err
}

// claims reports whether the row differs from an older one only in what a claim
// changes.
func (r *trialRow) claims(old *written) bool {
	return r.State == tourney.TrialRunning && old.State == tourney.TrialQueued && *old == written{
		State: old.State, Rung: r.Rung, Step: r.Step, BestStep: r.BestStep, Value: r.Value, Metrics: r.Metrics,
		Reason: r.Reason, Error: r.Error, Ended: r.Ended, Violation: r.Violation, Telemetry: r.Telemetry,
	}
}

func (r *trialRow) insertOrUpdate(t *tx) (was tourney.TrialState, err error) {
	if r.fresh() {
		n, err := r.insert(t)
		if err != nil || n > 0 {
			return "", err
		}
	}
	err = t.get(&was, `SELECT state FROM trials WHERE sweep = ? AND number = ?`, r.Sweep, r.Number)
	switch {
	case err == nil:
		return was, r.update(t)
	case errors.Is(err, sql.ErrNoRows):
		_, err = r.insert(t)
	}
	return "", err
}

// plain reports whether nothing has come of the trial yet, and it comes of none.
func (r *trialRow) plain() bool {
	return r.fresh() && r.Rung == -1 && r.Step == 0 && r.BestStep == 0 && !r.Value.Valid && r.Loss == 0 && r.Reason == "" && r.Error == "" &&
		!r.Ended.Valid && r.Violation == 0 && !r.Parent.Valid && !r.RetryOf.Valid && !r.Telemetry.Valid && r.Sunk == 0
}

// insert writes the row if there is none, and returns how many it wrote.
func (r *trialRow) insert(t *tx) (int64, error) {
	if err := r.constants(); err != nil {
		return 0, err
	}
	created := t.now
	if r.dated {
		created = r.Created
	}
	if r.plain() { // what is not said need not be bound
		res, err := t.exec(`INSERT INTO trials (sweep, number, state, params, rung, step, best_step, value, loss, metrics, reason, error, attempts, created, ended, violation, parent, retry_of, telemetry, sunk)
			VALUES (?, ?, ?, ?, -1, 0, 0, NULL, 0, ?, '', '', ?, ?, NULL, 0, NULL, NULL, NULL, 0) ON CONFLICT (sweep, number) DO NOTHING`,
			r.Sweep, r.Number, r.State, r.Params, r.Metrics, r.Attempts, created)
		if err != nil {
			return 0, err
		}
		return res.RowsAffected()
	}
	res, err := t.exec(`INSERT INTO trials (sweep, number, state, params, rung, step, best_step, value, loss, metrics, reason, error, attempts, created, ended, violation, parent, retry_of, telemetry, sunk)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (sweep, number) DO NOTHING`,
		r.Sweep, r.Number, r.State, r.Params, r.Rung, r.Step, r.BestStep, r.Value, r.Loss, r.Metrics,
		r.Reason, r.Error, r.Attempts, created, r.end(t), r.Violation, r.Parent, r.RetryOf, r.Telemetry, r.Sunk)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

func (r *trialRow) update(t *tx) error {
	return t.change(`UPDATE OR FAIL trials SET state = ?, rung = ?, step = ?, best_step = ?, value = ?, loss = ?, metrics = ?,
			reason = ?, error = ?, attempts = ?, ended = COALESCE(ended, ?), violation = ?, telemetry = ?, sunk = ?
		WHERE sweep = ? AND number = ?`,
		r.State, r.Rung, r.Step, r.BestStep, r.Value, r.Loss, r.Metrics, r.Reason, r.Error, r.Attempts, r.end(t), r.Violation, r.Telemetry, r.Sunk,
		r.Sweep, r.Number)
}

// end is when the trial ended, if it has.
func (r *trialRow) end(t *tx) sql.Null[int64] {
	if r.State.Terminal() && !r.Ended.Valid {
		return sql.Null[int64]{V: t.now, Valid: true}
	}
	return r.Ended
}

func (r *trialRow) trial() (tourney.Trial, error) {
	t := tourney.Trial{
		Sweep: r.Sweep, Number: r.Number, State: r.State, Rung: r.Rung, Step: r.Step, BestStep: r.BestStep,
		Reason: r.Reason, Error: r.Error, Attempts: r.Attempts, Violation: r.Violation,
		Created: fromMicros(r.Created), Ended: fromNullMicros(r.Ended),
	}
	if r.Value.Valid {
		t.Value = &r.Value.V
	}
	if r.RetryOf.Valid {
		t.RetryOf = &r.RetryOf.V
	}
	if err := r.decode(&t); err != nil {
		return t, fmt.Errorf("trial %s/%d: %w", r.Sweep, r.Number, err)
	}
	return t, nil
}

// decode reads the columns that are JSON.
func (r *trialRow) decode(t *tourney.Trial) (err error) {
	if err := t.Params.UnmarshalJSON([]byte(r.Params)); err != nil {
		return fmt.Errorf("read parameters: %w", err)
	}
	if t.Telemetry, err = decodeOptional[tourney.Telemetry]("telemetry", r.Telemetry); err != nil {
		return err
	}
	if t.Parent, err = decodeOptional[tourney.Parent]("parent", r.Parent); err != nil {
		return err
	}
	if r.Metrics.Valid {
		if err := t.Metrics.UnmarshalJSON([]byte(r.Metrics.V)); err != nil {
			return fmt.Errorf("read metrics: %w", err)
		}
	}
	return nil
}

func selectTrialRows(ctx context.Context, q queryer, op, where string, args ...any) ([]trialRow, error) {
	found, err := q.QueryxContext(ctx, `SELECT `+trialColumns+` FROM trials t `+where, args...)
	if err != nil {
		return nil, sqlError(op, err)
	}
	defer found.Close()
	var rows []trialRow
	for found.Next() {
		var r trialRow
		// A board is read often, and finding fields by name takes longer than the
		// query.
		if err := found.Scan(&r.Sweep, &r.Number, &r.State, &r.Params, &r.Rung, &r.Step, &r.BestStep, &r.Value, &r.Metrics, &r.Reason, &r.Error,
			&r.Attempts, &r.Created, &r.Ended, &r.Violation, &r.Parent, &r.RetryOf, &r.Telemetry, &r.Duration, &r.Sunk, &r.Beyond, &r.Depth, &r.Blank, &r.Loss); err != nil {
			return nil, sqlError(op, err)
		}
		rows = append(rows, r)
	}
	return rows, sqlError(op, found.Err())
}

func trialsOf(rows []trialRow) ([]tourney.Trial, error) {
	trials := make([]tourney.Trial, len(rows))
	for i := range rows {
		var err error
		if trials[i], err = rows[i].trial(); err != nil {
			return nil, err
		}
	}
	return trials, nil
}

// Trial returns one trial or tourney.ErrNotFound.
func (r *Reader) Trial(ctx context.Context, sweep string, number int) (tourney.Trial, error) {
	rows, err := selectTrialRows(ctx, r.db, "read trial", `WHERE sweep = ? AND number = ?`, sweep, number)
	if err != nil {
		return tourney.Trial{}, err
	}
	if len(rows) == 0 {
		return tourney.Trial{}, fmt.Errorf("trial %s/%d: %w", sweep, number, tourney.ErrNotFound)
	}
	t, err := rows[0].trial()
	if err != nil {
		return t, err
	}
	t.Outcomes, err = r.outcomes(ctx, sweep, number)
	return t, err
}

// outcomes counts the attempts of a trial by how they ended.
func (r *Reader) outcomes(ctx context.Context, sweep string, number int) (tourney.Outcomes, error) {
	var rows []struct {
		Outcome tourney.Outcome `db:"outcome"`
		N       int             `db:"n"`
	}
	if err := r.db.SelectContext(ctx, &rows, `SELECT outcome, count(*) AS n FROM attempts
		WHERE sweep = ? AND trial = ? AND outcome <> '' GROUP BY outcome`, sweep, number); err != nil {
		return nil, sqlError("count attempts", err)
	}
	if len(rows) == 0 {
		return nil, nil
	}
	counts := make(tourney.Outcomes, len(rows))
	for _, row := range rows {
		counts[row.Outcome] = row.N
	}
	return counts, nil
}

// OpenTrials returns the trials of a sweep that have not ended, by number.
func (r *Reader) OpenTrials(ctx context.Context, sweep string) ([]tourney.Trial, error) {
	rows, err := selectTrialRows(ctx, r.db, "read open trials", `WHERE sweep = ? AND `+isOpenTrial+` ORDER BY +number`, sweep)
	if err != nil {
		return nil, err
	}
	return trialsOf(rows)
}

// place returns where on the board the row is.
func (r *trialRow) place() boardKey {
	key := r.boardKey
	key.Number = r.Number
	return key
}

// best returns the first trial of the board that has a value, or nil. In each
// group of the board (sunk, beyond, depth), trials without a value come last, so that a
// group's first row tells whether any has one; there are few groups.
func best(ctx context.Context, q queryer, op, sweep string) (*tourney.Trial, error) {
	at := boardKey{Sunk: -1}
	for {
		rows, err := selectTrialRows(ctx, q, op,
			`WHERE sweep = ? AND (sunk, beyond, depth) > (?, ?, ?) ORDER BY sunk, beyond, depth, blank, loss, number LIMIT 1`, sweep, at.Sunk, at.Beyond, at.Depth)
		if err != nil || len(rows) == 0 {
			return nil, err
		}
		if rows[0].Value.Valid {
			t, err := rows[0].trial()
			return &t, err
		}
		at = rows[0].boardKey
	}
}

// pointRow is a row of points.
type pointRow struct {
	trial   int
	Step    int    `db:"step"`
	Metrics string `db:"metrics"`
}

func newPointRows(all []tourney.TrialPoints) ([]pointRow, error) {
	var rows []pointRow
	for _, of := range all {
		for _, p := range of.Points {
			what := fmt.Sprintf("trial %d: point at step %d", of.Trial, p.Step)
			if err := finiteMetrics(fmt.Sprintf("points.%d.%d", of.Trial, p.Step), p.Metrics); err != nil {
				return nil, err
			}
			text, err := encodeJSON(what, p.Metrics)
			if err != nil {
				return nil, err
			}
			rows = append(rows, pointRow{of.Trial, p.Step, text})
		}
	}
	return rows, nil
}

func (p *pointRow) write(t *tx, sweep string) error {
	_, err := t.exec(`INSERT OR REPLACE INTO points (sweep, trial, step, metrics) VALUES (?, ?, ?, ?)`, sweep, p.trial, p.Step, p.Metrics)
	return err
}

// Points returns the learning curve of a trial, by step.
func (r *Reader) Points(ctx context.Context, sweep string, number int) ([]tourney.Point, error) {
	var rows []pointRow
	err := r.db.SelectContext(ctx, &rows, `SELECT step, metrics FROM points WHERE sweep = ? AND trial = ? ORDER BY step`, sweep, number)
	if err != nil {
		return nil, sqlError("read points", err)
	}
	if len(rows) == 0 {
		var there int
		err := r.db.GetContext(ctx, &there, `SELECT 1 FROM trials WHERE sweep = ? AND number = ?`, sweep, number)
		if errors.Is(err, sql.ErrNoRows) {
			return nil, fmt.Errorf("trial %s/%d: %w", sweep, number, tourney.ErrNotFound)
		}
		return nil, sqlError("read points", err)
	}
	points := make([]tourney.Point, len(rows))
	for i, row := range rows {
		points[i].Step = row.Step
		if err := decodeJSON("point", row.Metrics, &points[i].Metrics); err != nil {
			return nil, err
		}
	}
	return points, nil
}

// Rungs says how many trials each rung of a sweep has seen, the lowest first.
func (r *Reader) Rungs(ctx context.Context, sweep string) (rungs []tourney.RungCount, err error) {
	op := "read rungs"
	err = r.read(ctx, op, func(tx *sqlx.Tx) error {
		sweeps, err := r.selectSweeps(ctx, tx, op, `WHERE s.id = ?`, sweep)
		if err == nil && len(sweeps) == 0 {
			return fmt.Errorf("sweep %s: %w", sweep, tourney.ErrNotFound)
		}
		if err != nil {
			return err
		}
		var counts []struct {
			Rung   int                `db:"rung"`
			State  tourney.TrialState `db:"state"`
			Trials int                `db:"trials"`
		}
		if err := tx.SelectContext(ctx, &counts, `SELECT rung, state, count(*) AS trials FROM trials WHERE sweep = ? GROUP BY state, rung`, sweep); err != nil {
			return sqlError(op, err)
		}
		rungs = make([]tourney.RungCount, max(len(sweeps[0].Plan.Ladder), 1))
		for i := range rungs {
			rungs[i].Rung, rungs[i].Budget = i, sweeps[0].Plan.Budget
			if i < len(sweeps[0].Plan.Ladder) {
				rungs[i].Budget = sweeps[0].Plan.Ladder[i]
			}
		}
		for _, c := range counts {
			for i := 0; i <= c.Rung && i < len(rungs); i++ {
				rungs[i].Reached += c.Trials
				if i < c.Rung {
					rungs[i].Promoted += c.Trials
				}
			}
			going := c.State == tourney.TrialQueued || c.State == tourney.TrialRunning
			if next := c.Rung + 1; going && next < len(rungs) {
				rungs[next].Training += c.Trials
			}
			if c.Rung < 0 || c.Rung >= len(rungs) {
				continue
			}
			switch {
			case going:
				rungs[c.Rung].Promoted += c.Trials
			case c.State.Terminal():
				rungs[c.Rung].Stopped += c.Trials
			default:
				rungs[c.Rung].Waiting += c.Trials
			}
		}
		return nil
	})
	return rungs, err
}
