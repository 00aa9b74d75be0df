package store

import (
	"cmp"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"tourney"
)

// change is a tourney.Change as rows. It is made by the caller of Commit, so
// that the writer's goroutine only binds and steps.
type change struct {
	*tourney.Change
	create *sweepRow
	amend  sql.Null[string]
	events []eventRow
	trials []trialRow
	jobs   []jobRow
	points []pointRow

	// Set by write.
	at      int64 // when it was committed, microseconds
	firstID int64 // of its events
}

// head is what a change must know of its sweep.
type head struct {
	LastSeq int64              `db:"last_seq"`
	Weight  float64            `db:"weight"` // of a job, in cores; 0: 1
	State   tourney.SweepState `db:"state"`
	Goal    tourney.Goal       `db:"goal"`
}

// encode checks what can be checked without the database, and turns nouns into
// rows.
func (s *Store) encode(c *tourney.Change) (*change, error) {
	ch := &change{Change: c}
	if err := ch.encode(s.epoch); err != nil {
		return nil, fmt.Errorf("commit change of sweep %s: %w", c.Sweep, err)
	}
	return ch, nil
}

func (ch *change) encode(epoch string) (err error) {
	c := ch.Change
	if c.Sweep == "" {
		return errors.New("it names no sweep")
	}
	if c.Create != nil {
		if ch.create, err = newSweepRow(c); err != nil {
			return err
		}
	}
	if ch.amend, err = optionalJSON("amendment", c.Amended); err != nil {
		return err
	}
	for i := range c.Events {
		if e := &c.Events[i]; e.Seq != c.Events[0].Seq+int64(i) {
			return fmt.Errorf("%w: event %d follows on event %d", tourney.ErrConflict, e.Seq, c.Events[i-1].Seq)
		}
	}
	if ch.events, err = newEventRows(c.Sweep, c.Events); err != nil {
		return err
	}
	ch.trials = make([]trialRow, len(c.Trials))
	for i := range c.Trials {
		if ch.trials[i], err = newTrialRow(c.Sweep, &c.Trials[i]); err != nil {
			return err
		}
	}
	ch.jobs = make([]jobRow, len(c.Jobs))
	for i := range c.Jobs {
		if ch.jobs[i], err = newJobRow(c.Sweep, &c.Jobs[i]); err != nil {
			return err
		}
	}
	for i := range c.Attempts {
		if err := checkAttempt(c.Sweep, epoch, &c.Attempts[i]); err != nil {
			return err
		}
	}
	ch.points, err = newPointRows(c.Points)
	return err
}

// write writes the rows, those that others refer to first. An error undoes
// them all.
func (ch *change) write(t *tx) error {
	if err := ch.writeRows(t); err != nil {
		return sqlError("commit change of sweep "+ch.Sweep, err)
	}
	ch.at = t.now
	return nil
}

func (ch *change) writeRows(t *tx) error {
	h, err := ch.head(t)
	if err != nil {
		return err
	}
	if err := ch.writeTrials(t, tourney.Metric{Goal: h.Goal}); err != nil {
		return err
	}
	if err := ch.writeJobs(t); err != nil {
		return err
	}
	for i := range ch.Attempts {
		a := &ch.Attempts[i]
		if err := writeAttempt(t, ch.Sweep, a); err != nil {
			return fmt.Errorf("attempt %s: %w", a.Token, err)
		}
	}
	for i := range ch.points {
		p := &ch.points[i]
		if err := p.write(t, ch.Sweep); err != nil {
			return fmt.Errorf("trial %d: point at step %d: %w", p.trial, p.Step, err)
		}
	}
	for i := range ch.Logs {
		if err := writeLog(t, ch.Sweep, &ch.Logs[i]); err != nil {
			return fmt.Errorf("trial %d: log: %w", ch.Logs[i].Trial, err)
		}
	}
	for i := range ch.Artifacts {
		if err := writeArtifact(t, ch.Sweep, &ch.Artifacts[i]); err != nil {
			return fmt.Errorf("trial %d: artifact: %w", ch.Artifacts[i].Trial, err)
		}
	}
	if err := ch.writeEvents(t, h); err != nil {
		return err
	}
	return ch.turn(t, h)
}

// head reads the sweep, or writes it if it is new.
func (ch *change) head(t *tx) (head, error) {
	if ch.create != nil {
		return head{State: ch.create.State, Goal: ch.create.Goal}, ch.create.write(t)
	}
	var h head
	err := t.get(&h, `SELECT last_seq, state, goal, COALESCE(plan ->> '$.weight', 0) AS weight FROM sweeps WHERE id = ? AND deleting = 0`, ch.Sweep)
	if errors.Is(err, sql.ErrNoRows) {
		return h, fmt.Errorf("%w: there is no such sweep", tourney.ErrConflict)
	}
	return h, err
}

// writeEvents appends the events to the log.
func (ch *change) writeEvents(t *tx, h head) error {
	if len(ch.Events) == 0 {
		return nil
	}
	if first := ch.Events[0].Seq; first != h.LastSeq+1 {
		return fmt.Errorf("%w: event %d follows on event %d", tourney.ErrConflict, first, h.LastSeq)
	}
	id, err := t.lastID()
	if err != nil {
		return err
	}
	ch.firstID = id + 1
	for i := range ch.events {
		id += int64(ch.events[i].count)
		if err := ch.events[i].write(t, id); err != nil {
			return fmt.Errorf("event %d: %w", ch.events[i].Seq, err)
		}
	}
	return nil
}

// writeTrials writes the trials and moves the counters of their states.
func (ch *change) writeTrials(t *tx, metric tourney.Metric) error {
	moved := map[tourney.TrialState]int{}
	for i := range ch.trials {
		r := &ch.trials[i]
		was, err := r.write(t, metric)
		if err != nil {
			return fmt.Errorf("trial %d: %w", r.Number, err)
		}
		moved[was]--
		moved[r.State]++
	}
	delete(moved, "") // where new trials come from
	for state, n := range moved {
		if n == 0 {
			continue
		}
		if _, err := t.exec(`INSERT INTO tallies (sweep, state, trials) VALUES (?, ?, ?)
			ON CONFLICT (sweep, state) DO UPDATE SET trials = trials + excluded.trials`, ch.Sweep, state, n); err != nil {
			return fmt.Errorf("count trials: %w", err)
		}
	}
	return nil
}

// writeJobs closes jobs before it opens others, since a trial has one open job
// at most.
func (ch *change) writeJobs(t *tx) error {
	for _, fresh := range []bool{false, true} {
		for i := range ch.jobs {
			j := &ch.jobs[i]
			if j.New != fresh {
				continue
			}
			err := j.write(t)
			if errors.Is(err, errNoRow) {
				err = fmt.Errorf("%w: it is not open with attempt %d", tourney.ErrConflict, j.Was)
			}
			if err != nil {
				return fmt.Errorf("job %d@%d: %w", j.Trial, j.Rung, err)
			}
		}
	}
	return nil
}

// turn brings the sweep's row up to date.
func (ch *change) turn(t *tx, h head) error {
	if ch.amend.Valid {
		if err := t.change(`UPDATE sweeps SET amended = ?, name = CASE ? WHEN '' THEN name ELSE ? END WHERE id = ?`, ch.amend, ch.Amended.Name, ch.Amended.Name, ch.Sweep); err != nil {
			return err
		}
	}
	if err := ch.spend(t, h.Weight); err != nil {
		return err
	}
	if err := ch.notify(t); err != nil {
		return err
	}
	if len(ch.Events) == 0 && ch.State == "" {
		return nil
	}
	seq := h.LastSeq + int64(len(ch.Events))
	if ch.State == "" {
		return t.change(`UPDATE sweeps SET last_seq = ? WHERE id = ?`, seq, ch.Sweep)
	}
	var started, ended sql.Null[int64]
	started = sql.Null[int64]{V: t.now, Valid: ch.State == tourney.SweepRunning}
	ended = sql.Null[int64]{V: t.now, Valid: ch.State.Terminal()}
	return t.change(`UPDATE sweeps SET last_seq = ?, state = ?, reason = ?,
		started = COALESCE(started, ?), ended = ? WHERE id = ?`,
		seq, ch.State, ch.Reason, started, ended, ch.Sweep)
}

// spend adds what the attempts have used that the change ends.
func (ch *change) spend(t *tx, weight float64) error {
	if weight == 0 {
		weight = 1
	}
	var used, cost float64
	for i := range ch.Attempts {
		a := &ch.Attempts[i]
		if a.New || a.Started.IsZero() {
			continue
		}
		seconds := weight * float64(max(t.now-micros(a.Started), 0)) / 1e6
		used += seconds
		cost += seconds / 3600 * a.Price
	}
	if used == 0 && ch.Improvements == 0 {
		return nil
	}
	return t.change(`UPDATE sweeps SET used = used + ?, cost = cost + ?, improvements = improvements + ? WHERE id = ?`,
		used, cost, ch.Improvements, ch.Sweep)
}

// belongs tells whether a row says that it is of the change's sweep; it may
// say nothing.
func belongs(what, sweep, own string) error {
	if cmp.Or(own, sweep) != sweep {
		return fmt.Errorf("%s is of sweep %s", what, own)
	}
	return nil
}

func isFinite(v float64) bool { return v-v == 0 }

// finite refuses numbers that have no order.
func finite(path string, v float64) error {
	if !isFinite(v) {
		return tourney.Invalid(path, "is %v; only finite numbers are stored", v)
	}
	return nil
}

func finiteMetrics(path string, m tourney.Metrics) error {
	for name, v := range m {
		if err := finite(path+"."+name, v); err != nil {
			return err
		}
	}
	return nil
}

// encodeJSON returns JSON for a column of text.
func encodeJSON(what string, v any) (string, error) {
	marshal := func() ([]byte, error) { return json.Marshal(v) }
	switch m := v.(type) { // these write what is compact and escaped already
	case tourney.Params:
		marshal = m.MarshalJSON
	case *tourney.Metrics:
		marshal = m.MarshalJSON
	}
	b, err := marshal()
	if err != nil {
		return "", fmt.Errorf("write %s: %w", what, err)
	}
	return string(b), nil
}

// optionalJSON returns JSON, or NULL for a nil pointer.
func optionalJSON[T any](what string, v *T) (sql.Null[string], error) {
	if v == nil {
		return sql.Null[string]{}, nil
	}
	text, err := encodeJSON(what, v)
	return sql.Null[string]{V: text, Valid: true}, err
}

func decodeJSON(what, text string, v any) error {
	if err := json.Unmarshal([]byte(text), v); err != nil {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return nil
}

// decodeOptional is the reverse of optionalJSON.
func decodeOptional[T any](what string, text sql.Null[string]) (*T, error) {
	if !text.Valid {
		return nil, nil
	}
	v := new(T)
	return v, decodeJSON(what, text.V, v)
}
