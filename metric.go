package tourney

import (
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
	Name string `json:"name"`
	Goal Goal   `json:"goal"`
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

// Metrics are named values at one step. Only finite values enter it.
type Metrics map[string]float64

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
	"rmse":     {Minimize, Regression},
	"mae":      {Minimize, Regression},
	"r2":       {Maximize, Regression},
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
