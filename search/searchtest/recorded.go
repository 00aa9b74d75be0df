package searchtest

import (
	"encoding/csv"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"

	"tourney"
)

// Table holds recorded learning curves, which stand for training: what each of
// many configurations came to after each step, and how long its steps took.
type Table struct {
	Goal    tourney.Goal
	Values  [][]float64 // [configurations × steps]; NaN where it diverged
	Seconds []float64   // a step, by configuration
}

// ReadTable reads curves from CSV with a header and a row for each
// configuration. Columns e1, e2, … are accuracies after each step, with
// sec_per_epoch beside them; columns v0, v1, … are losses, the first of them
// before any step, and a step takes 1.
func ReadTable(r io.Reader) (*Table, error) {
	rows, err := csv.NewReader(r).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read curves: %w", err)
	}
	if len(rows) < 2 {
		return nil, fmt.Errorf("read curves: there is no configuration: %w", tourney.ErrInvalid)
	}
	head := rows[0]
	t := &Table{Goal: tourney.Maximize}
	first, seconds := slices.Index(head, "e1"), slices.Index(head, "sec_per_epoch")
	if first < 0 {
		t.Goal, first, seconds = tourney.Minimize, slices.Index(head, "v1"), -1
	}
	if first < 0 {
		return nil, fmt.Errorf("read curves: the header has neither e1 nor v1: %w", tourney.ErrInvalid)
	}
	for n, row := range rows[1:] {
		number := func(column int) float64 {
			x, parseErr := strconv.ParseFloat(row[column], 64)
			if parseErr != nil && row[column] != "" { // empty: diverged
				err = fmt.Errorf("read curves: row %d, %s: %w", n+1, head[column], parseErr)
			}
			if parseErr != nil || math.IsInf(x, 0) {
				return math.NaN()
			}
			return x
		}
		curve := make([]float64, 0, len(head)-first)
		for column := first; column < len(head); column++ {
			curve = append(curve, number(column))
		}
		step := 1.0
		if seconds >= 0 {
			step = number(seconds)
		}
		t.Values, t.Seconds = append(t.Values, curve), append(t.Seconds, step)
	}
	return t, err
}

// Steps returns how many steps the curves have.
func (t *Table) Steps() int { return len(t.Values[0]) }

// Full returns how long it takes to train a configuration to the end, on
// average.
func (t *Table) Full() float64 {
	sum := 0.0
	for _, s := range t.Seconds {
		sum += s
	}
	return sum / float64(len(t.Seconds)) * float64(t.Steps())
}

// Target returns the value that the best so many of a hundred configurations
// reach at some step.
func (t *Table) Target(percent int) float64 {
	metric := tourney.Metric{Goal: t.Goal}
	var losses []float64
	for _, curve := range t.Values {
		best := math.Inf(1)
		for _, v := range curve {
			best = min(best, metric.Loss(v))
		}
		losses = append(losses, best)
	}
	slices.Sort(losses)
	loss := losses[max(1, len(losses)*percent/100)-1]
	return metric.Loss(loss) // the sign once more
}

// End is what a job comes to that trains a configuration up to a budget. The
// value is that of the last step.
func (t *Table) End(config, budget int) tourney.End {
	end := tourney.End{Outcome: tourney.OutcomeDone, Step: budget, BestStep: budget}
	if v := t.Values[config][budget-1]; !math.IsNaN(v) {
		end.Value = &v
	}
	return end
}

// Reach returns the first step after `from` and up to `to` at which a
// configuration is as good as a target.
func (t *Table) Reach(config, from, to int, target float64) (step int, ok bool) {
	metric := tourney.Metric{Goal: t.Goal}
	for step := from + 1; step <= to; step++ {
		if metric.Loss(t.Values[config][step-1]) <= metric.Loss(target) {
			return step, true
		}
	}
	return 0, false
}

// Replay carries a sweep over recorded curves. The spec has an integer
// parameter "config", whose value n is the configuration Order[n].
type Replay struct {
	Spec    tourney.Spec
	Plan    tourney.Plan
	Table   *Table
	Order   []int
	Workers int
	Target  float64
	Fleet   Fleet // of which Seed, Lose, Preempt and Pause are taken
}

// Run returns when some trial first shows the target, +Inf if none does. The
// simulation ends there.
func (r Replay) Run() (reached float64, err error) {
	f := r.Fleet
	f.Spec, f.Plan, f.Workers = r.Spec, r.Plan, r.Workers
	reached = math.Inf(1)
	config := func(params tourney.Params) int {
		n, _ := params.Int("config", 0)
		return r.Order[n]
	}
	budget := func(job tourney.Queued) int { return min(job.Budget, r.Table.Steps()) }
	f.Train = func(job tourney.Queued, params tourney.Params) tourney.End {
		return r.Table.End(config(params), budget(job))
	}
	f.Takes = func(job tourney.Queued, params tourney.Params, from int) float64 {
		if job.For == tourney.JobFinal {
			from = 0
		}
		return float64(budget(job)-from) * r.Table.Seconds[config(params)]
	}
	f.Watch = func(job tourney.Queued, params tourney.Params, from int, now float64) {
		if job.For == tourney.JobFinal {
			return
		}
		if step, ok := r.Table.Reach(config(params), from, budget(job), r.Target); ok {
			reached = min(reached, now+float64(step-from)*r.Table.Seconds[config(params)])
		}
	}
	f.Until = func(now float64) bool { return now >= reached }
	_, err = f.Run()
	return reached, err
}
