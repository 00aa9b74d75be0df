package tourney

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
)

// Goal is the direction in which a metric improves.
type Goal string

// The two goals.
const (
	Minimize Goal = "minimize"
	Maximize Goal = "maximize"
)

// Metric is the number that a sweep improves.
type Metric struct {
	Name    string   `json:"name"`
	Goal    Goal     `json:"goal"`               // empty in a list of metrics: not an objective, bounded only
	AtMost  *float64 `json:"at_most,omitempty"`  // a trial above it is infeasible
	AtLeast *float64 `json:"at_least,omitempty"` // a trial below it is infeasible
	Of      string   `json:"of,omitempty"`       // of a command: last (the default), or best, of what a trial reported
}

// Bounded reports whether the metric has a bound.
func (m Metric) Bounded() bool { return m.AtMost != nil || m.AtLeast != nil }

// Violation is by how much a value is beyond the metric's bounds, 0 if it is
// within; +Inf for a value that is not finite and has bounds.
func (m Metric) Violation(value float64) float64 {
	switch {
	case !m.Bounded():
		return 0
	case math.IsNaN(value) || math.IsInf(value, 0):
		return math.Inf(1)
	case m.AtMost != nil && value > *m.AtMost:
		return value - *m.AtMost
	case m.AtLeast != nil && value < *m.AtLeast:
		return *m.AtLeast - value
	}
	return 0
}

// Loss turns a reported value into a loss, lower being better. It is the only
// place that looks at the goal's sign. A value that is not finite is the worst
// loss there is, +Inf, whatever the goal.
func (m Metric) Loss(value float64) float64 {
	if math.IsNaN(value) || math.IsInf(value, 0) {
		return math.Inf(1)
	}
	if m.Goal == Maximize {
		return -value
	}
	return value
}

// Losses turns the metrics of a trial into the loss of each objective and the
// sum of the violations of bounds. One that is missing is as bad as can be.
func (s *Spec) Losses(values Metrics) (losses []float64, violation float64) {
	for i := range s.Metrics {
		m := &s.Metrics[i]
		v, ok := values[m.Name]
		if !ok {
			v = math.NaN()
		}
		if m.Goal != "" {
			losses = append(losses, m.Loss(v))
		}
		violation += m.Violation(v)
	}
	return losses, min(violation, math.MaxFloat64)
}

// MetricNames returns the names of the metrics of a sweep with several, in
// order.
func (s *Spec) MetricNames() []string {
	var names []string
	for i := range s.Metrics {
		names = append(names, s.Metrics[i].Name)
	}
	return names
}

// Metrics are named values at one step. Only finite values enter it.
type Metrics map[string]float64

// MarshalJSON writes what encoding/json would write, without its detours.
func (m Metrics) MarshalJSON() ([]byte, error) { return appendObject(nil, m, appendFloat) }

// UnmarshalJSON is the reverse of MarshalJSON.
func (m *Metrics) UnmarshalJSON(data []byte) error {
	if f := (&flat{text: data}); len(data) > 0 && data[0] == '{' {
		if fast := f.metrics(); f.whole() {
			*m = fast
			return nil
		}
	}
	var slow map[string]float64
	if err := json.Unmarshal(data, &slow); err != nil {
		return err
	}
	*m = slow
	return nil
}

// BuiltinMetric describes a metric that the built-in trainers report. Bare
// names are measured on the validation rows; "train_" and "test_" before the
// name say otherwise.
type BuiltinMetric struct {
	Goal Goal
	Task Task
}

var builtinMetrics = map[string]BuiltinMetric{
	"logloss":  {Minimize, Classification},
	"accuracy": {Maximize, Classification},
	"auc":      {Maximize, Classification},
	"pr_auc":   {Maximize, Classification},
	"f1":       {Maximize, Classification},
	"brier":    {Minimize, Classification},
	"rmse":     {Minimize, Regression},
	"mae":      {Minimize, Regression},
	"r2":       {Maximize, Regression},
	"mape":     {Minimize, Regression},
}

// LookupMetric returns the built-in metric of that name.
func LookupMetric(name string) (BuiltinMetric, bool) {
	m, ok := builtinMetrics[name]
	return m, ok
}

// MetricNames returns the built-in metrics that fit a task, sorted; all of
// them if task is empty.
func MetricNames(task Task) []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(builtinMetrics)) {
		if task == "" || builtinMetrics[name].Task == task {
			names = append(names, name)
		}
	}
	return names
}

// DefaultMetric is what a sweep over such a task improves unless it says
// otherwise.
func DefaultMetric(task Task) Metric {
	if task == Regression {
		return Metric{Name: "rmse", Goal: Minimize}
	}
	return Metric{Name: "logloss", Goal: Minimize}
}
