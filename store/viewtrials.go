package store

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"tourney"
)

// noTrial is the state of a number that has no trial yet.
const noTrial = 255

// maxFaults is how many ways of ending badly a sweep's views tell apart.
const maxFaults = 200

// viewTrials is the trials of a sweep as columns. Index i is trial i × stride.
type viewTrials struct {
	loaded bool
	seq    int64 // of the last event that was taken in
	stride int
	change int64 // grows when anything does

	state    []uint8 // place in tourney.TrialStates
	beyond   []bool  // violates a bound
	rung     []int32
	step     []int32
	value    []float64 // NaN: none
	created  []int64   // microseconds
	ended    []int64   // 0: not yet
	attempts []int32
	fault    []int32 // place in faults, -1: none
	axes     []viewAxis
	faults   []viewFault
	faultOf  map[string]int32
}

// viewAxis is a parameter, or an objective, as a column.
type viewAxis struct {
	tourney.Axis
	metric bool
	levels map[string]float64 // place by JSON text; nil: numbers
	values []float64          // NaN: the trial has none
}

// viewFault is one way of ending badly.
type viewFault struct {
	state  tourney.TrialState
	reason tourney.Reason
	line   string
}

var trialStates = tourney.TrialStates()

func (t *viewTrials) len() int { return len(t.state) }

func (t *viewTrials) cells() int { return t.len() * (7 + len(t.axes)) }

func (t *viewTrials) number(i int32) int { return int(i) * t.stride }

func (t *viewTrials) bad(i int32) bool {
	s := trialStates[t.state[i]]
	return s == tourney.TrialDiverged || s == tourney.TrialFailed
}

// counts reports whether the trial has a value to be compared by.
func (t *viewTrials) counts(i int32) bool {
	return !math.IsNaN(t.value[i]) && !t.bad(i) && !t.beyond[i]
}

// axis returns the column of a parameter or objective, or nil.
func (t *viewTrials) axis(name string) *viewAxis {
	for i := range t.axes {
		if t.axes[i].Name == name {
			return &t.axes[i]
		}
	}
	return nil
}

// column returns what a clause or an order of that name looks at, or nil.
func (t *viewTrials) column(name string) func(i int32) float64 {
	switch name {
	case "@number":
		return func(i int32) float64 { return float64(t.number(i)) }
	case "@value":
		return func(i int32) float64 { return t.value[i] }
	case "@rung":
		return func(i int32) float64 { return float64(t.rung[i]) }
	case "@step":
		return func(i int32) float64 { return float64(t.step[i]) }
	case "@state":
		return func(i int32) float64 { return float64(t.state[i]) }
	case "@duration":
		return func(i int32) float64 {
			if t.ended[i] == 0 {
				return math.NaN()
			}
			return float64(t.ended[i]-t.created[i]) / 1e6
		}
	}
	if a := t.axis(name); a != nil {
		return func(i int32) float64 { return a.values[i] }
	}
	return nil
}

func (t *viewTrials) columnNames() []string {
	names := []string{"@number", "@value", "@rung", "@step", "@state", "@duration"}
	for i := range t.axes {
		names = append(names, t.axes[i].Name)
	}
	return names
}

// trialsPart brings the trials up to date.
func trialsPart(ctx context.Context, tx *sqlx.Tx, sweep string, v *viewSweep) error {
	t := &v.trials
	var last int64
	if err := tx.GetContext(ctx, &last, `SELECT last_seq FROM sweeps WHERE id = ?`, sweep); err != nil {
		return sqlError("read sweep", err)
	}
	if t.loaded && t.cells() <= maxViewCells {
		changed, err := t.changedSince(ctx, tx, sweep)
		if err != nil {
			return err
		}
		if len(changed) <= max(1000, t.len()/4) {
			if err := t.reread(ctx, tx, sweep, changed); err != nil {
				return err
			}
			t.seq = last
			return nil
		}
	}
	var total int
	if err := tx.GetContext(ctx, &total, `SELECT COALESCE(SUM(trials), 0) FROM tallies WHERE sweep = ?`, sweep); err != nil {
		return sqlError("count trials", err)
	}
	*t = viewTrials{stride: 1, axes: axesOf(v.head.spec), faultOf: map[string]int32{}, change: t.change + 1}
	for total/t.stride*(7+len(t.axes)) > maxViewCells/2 {
		t.stride *= 2
	}
	t.grow(total)
	if err := t.read(ctx, tx, `SELECT `+viewColumns+` FROM trials WHERE sweep = ?`, sweep); err != nil {
		return err
	}
	t.seq, t.loaded = last, true
	return nil
}

// changedSince returns the trials that the log names since, and those that
// wait or run, whose state no event tells.
func (t *viewTrials) changedSince(ctx context.Context, tx *sqlx.Tx, sweep string) ([]int, error) {
	var changed []int
	err := tx.SelectContext(ctx, &changed, `SELECT body ->> 'trial' FROM events
			WHERE sweep = ?1 AND seq > ?2 AND kind IN ('proposed', 'queued', 'reported', 'lost', 'ended')
		UNION SELECT b.value ->> '$[1].trial' FROM events r, json_each(r.body) b
			WHERE r.sweep = ?1 AND r.seq > ?2 AND r.kind = '`+batchKind+`' AND b.value ->> '$[1].trial' IS NOT NULL
		UNION SELECT number FROM trials WHERE sweep = ?1 AND state = 'queued'
		UNION SELECT number FROM trials WHERE sweep = ?1 AND state = 'running'`, sweep, t.seq)
	for i := range t.state { // those that were so when last seen
		if s := trialStates[min(int(t.state[i]), len(trialStates)-1)]; t.state[i] != noTrial && (s == tourney.TrialQueued || s == tourney.TrialRunning) {
			changed = append(changed, t.number(int32(i)))
		}
	}
	slices.Sort(changed)
	return slices.Compact(changed), sqlError("read what has changed", err)
}

const viewColumns = `number, state, rung, step, value, violation > 0, created, COALESCE(ended, 0), attempts, params,
	CASE WHEN state IN ('failed', 'diverged') THEN reason END, CASE WHEN state IN ('failed', 'diverged') THEN error END, metrics`

// reread reads some trials again, a few hundred in each statement.
func (t *viewTrials) reread(ctx context.Context, tx *sqlx.Tx, sweep string, numbers []int) error {
	for some := range slices.Chunk(numbers, 400) {
		args := make([]any, 1, len(some)+1)
		args[0] = sweep
		for _, n := range some {
			if n%t.stride == 0 {
				args = append(args, n)
			}
		}
		if len(args) == 1 {
			continue
		}
		marks := strings.Repeat(",?", len(args)-1)[1:]
		if err := t.read(ctx, tx, `SELECT `+viewColumns+` FROM trials WHERE sweep = ? AND number IN (`+marks+`)`, args...); err != nil {
			return err
		}
	}
	return nil
}

// read takes in the rows of a statement that selects viewColumns.
func (t *viewTrials) read(ctx context.Context, tx *sqlx.Tx, query string, args ...any) error {
	// Rows of a context that may end are handed over through a channel each,
	// which doubles the time; the loop looks at the context itself.
	rows, err := tx.QueryContext(context.WithoutCancel(ctx), query, args...)
	if err != nil {
		return sqlError("read trials", err)
	}
	defer rows.Close()
	var r viewRow
	for n := 0; rows.Next(); n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := rows.Scan(&r.number, &r.state, &r.rung, &r.step, &r.value, &r.beyond, &r.created, &r.ended, &r.attempts, &r.params,
			&r.reason, &r.err, &r.metrics); err != nil {
			return sqlError("read trials", err)
		}
		if r.number%t.stride != 0 {
			continue
		}
		if err := t.set(&r); err != nil {
			return fmt.Errorf("trial %d: %w", r.number, err)
		}
	}
	return sqlError("read trials", rows.Err())
}

type viewRow struct {
	number, rung, step, attempts int
	state                        sql.RawBytes
	value                        sql.NullFloat64
	beyond                       bool
	created, ended               int64
	params, metrics              sql.RawBytes
	reason, err                  sql.RawBytes
}

// grow makes room for trials up to a number.
func (t *viewTrials) grow(total int) {
	for len(t.state) < (total+t.stride-1)/t.stride {
		n := (total+t.stride-1)/t.stride - len(t.state)
		t.state = append(t.state, bytes.Repeat([]byte{noTrial}, n)...)
		t.beyond = append(t.beyond, make([]bool, n)...)
		t.rung = append(t.rung, make([]int32, n)...)
		t.step = append(t.step, make([]int32, n)...)
		t.value = append(t.value, make([]float64, n)...)
		t.created = append(t.created, make([]int64, n)...)
		t.ended = append(t.ended, make([]int64, n)...)
		t.attempts = append(t.attempts, make([]int32, n)...)
		t.fault = append(t.fault, make([]int32, n)...)
		for i := range t.axes {
			t.axes[i].values = append(t.axes[i].values, make([]float64, n)...)
		}
	}
}

// set takes in one row.
func (t *viewTrials) set(r *viewRow) error {
	t.grow(r.number + 1)
	i := r.number / t.stride
	state := slices.IndexFunc(trialStates, func(s tourney.TrialState) bool { return string(s) == string(r.state) })
	if state < 0 {
		return fmt.Errorf("unknown state %q", r.state)
	}
	isNew := t.state[i] == noTrial
	t.state[i] = uint8(state)
	t.beyond[i], t.rung[i], t.step[i], t.attempts[i] = r.beyond, int32(r.rung), int32(r.step), int32(r.attempts)
	t.created[i], t.ended[i] = r.created, r.ended
	t.value[i] = math.NaN()
	if r.value.Valid {
		t.value[i] = r.value.Float64
	}
	t.fault[i] = t.faultIndex(trialStates[state], r.reason, r.err)
	t.change++
	if isNew { // parameters never change
		for k := range t.axes {
			t.axes[k].values[i] = math.NaN()
		}
		if err := scanObject(r.params, func(key, value []byte) { t.setAxis(i, key, value, false) }); err != nil {
			return err
		}
	}
	if len(r.metrics) == 0 || !slices.ContainsFunc(t.axes, func(a viewAxis) bool { return a.metric }) {
		return nil
	}
	return scanObject(r.metrics, func(key, value []byte) { t.setAxis(i, key, value, true) })
}

func (t *viewTrials) setAxis(i int, key, value []byte, metric bool) {
	for k := range t.axes {
		a := &t.axes[k]
		if a.metric != metric || a.Name[a.skip():] != string(key) {
			continue
		}
		if a.levels != nil {
			place, ok := a.levels[string(value)]
			if !ok {
				place = math.NaN()
			}
			a.values[i] = place
		} else if x, err := strconv.ParseFloat(string(value), 64); err == nil {
			a.values[i] = x
		}
		return
	}
}

// metricPrefix stands before the name of an objective that is an axis.
const metricPrefix = "@metric."

func (a *viewAxis) skip() int {
	if a.metric {
		return len(metricPrefix)
	}
	return 0
}

// axesOf returns an axis for each parameter that varies, and for each of
// several objectives.
func axesOf(spec *tourney.Spec) []viewAxis {
	var axes []viewAxis
	for i := range spec.Parameters {
		p := &spec.Parameters[i]
		if p.Fixed() {
			continue
		}
		a := viewAxis{Axis: tourney.Axis{Name: p.Name}}
		switch p.Distribution {
		case tourney.LogUniformValues, tourney.QLogUniformValues, tourney.LogNormal, tourney.QLogNormal, tourney.InvLogUniformValues:
			a.Log = true
		}
		if p.Values != nil {
			a.levels = map[string]float64{}
			for k, value := range p.Values {
				text, err := json.Marshal(value)
				if err != nil {
					text = []byte("null")
				}
				a.levels[string(text)] = float64(k)
				a.Levels = append(a.Levels, strings.Trim(string(text), `"`))
				if s, ok := value.(string); ok {
					a.Levels[k] = s
				}
			}
		}
		axes = append(axes, a)
	}
	if names := objectives(spec); len(names) > 1 {
		for _, name := range names {
			axes = append(axes, viewAxis{Axis: tourney.Axis{Name: metricPrefix + name}, metric: true})
		}
	}
	return axes
}

func objectives(spec *tourney.Spec) []string {
	var names []string
	for _, m := range spec.Metrics {
		if m.Goal != "" {
			names = append(names, m.Name)
		}
	}
	return names
}

// numbersRE are the parts of an error that differ between trials that failed in
// the same way: addresses and numbers.
var numbersRE = regexp.MustCompile(`0x[0-9a-fA-F]+|[0-9]+(\.[0-9]+)?`)

// faultIndex returns the place of a way of ending badly, -1 for other ends.
func (t *viewTrials) faultIndex(state tourney.TrialState, reason, text []byte) int32 {
	if state != tourney.TrialFailed && state != tourney.TrialDiverged {
		return -1
	}
	line := bytes.TrimSpace(text)
	if k := bytes.LastIndexByte(line, '\n'); k >= 0 {
		line = line[k+1:]
	}
	if len(line) > 300 {
		line = line[:300]
	}
	key := string(state) + "\x00" + string(reason) + "\x00" + string(numbersRE.ReplaceAll(line, []byte("…")))
	if k, ok := t.faultOf[key]; ok {
		return k
	}
	parts := strings.SplitN(key, "\x00", 3)
	f := viewFault{tourney.TrialState(parts[0]), tourney.Reason(parts[1]), strings.ToValidUTF8(parts[2], "�")}
	if len(t.faults) >= maxFaults { // the rest of that reason is one group
		f.line = "other errors"
		key = string(state) + "\x00" + string(reason) + "\x00\x00"
		if k, ok := t.faultOf[key]; ok {
			return k
		}
	}
	k := int32(len(t.faults))
	t.faults = append(t.faults, f)
	t.faultOf[key] = k
	return k
}
