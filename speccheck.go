package tourney

import (
	"cmp"
	"fmt"
	"math"
	"regexp"
)

// report notes what is wrong with the field at a path.
type report func(path, format string, args ...any)

// checkMetrics checks what is optimised. With several objectives Metric is the
// first of them.
func (s *Spec) checkMetrics(bad report) {
	if len(s.Metrics) == 0 {
		s.checkMetric(&s.Metric, "metric", bad)
		if s.Metric.Bounded() {
			bad("metric", "bounds go with metrics, the list of several")
		}
		return
	}
	seen := map[string]bool{}
	for i := range s.Metrics {
		m := &s.Metrics[i]
		path := indexed("metrics", i)
		if m.Name == "" {
			bad(path+".name", "is missing")
		}
		if seen[m.Name] {
			bad(path+".name", "%s is there twice", m.Name)
		}
		seen[m.Name] = true
		bounded := m.Goal == "" && m.Bounded()
		s.checkMetric(m, path, bad)
		if bounded {
			m.Goal = "" // with a bound and no goal it is a bound and no objective
		}
		if m.AtMost != nil && m.AtLeast != nil && *m.AtLeast > *m.AtMost {
			bad(path+".at_most", "must not be less than at_least")
		}
	}
	switch first := s.Metrics[0]; {
	case first.Goal == "":
		bad(indexed("metrics", 0), "is a bound only; put an objective first, which orders the board")
	case s.Metric.Name != "" && s.Metric.Name != first.Name:
		bad("metric", "does not go with metrics; leave it out")
	default:
		s.Metric = Metric{Name: first.Name, Goal: first.Goal, Of: first.Of}
	}
}

func (s *Spec) checkMetric(m *Metric, path string, bad report) {
	if s.External() || s.Runs() {
		if s.Runs() && m.Goal == "" && !m.Bounded() { // as W&B has it
			if _, ok := LookupMetric(m.Name); !ok {
				m.Goal = Minimize
			}
		}
		m.checkOwn(path, bad)
	} else {
		m.check(path, bad)
	}
	switch {
	case m.Of == "" || s.Runs() && (m.Of == "best" || m.Of == "last"):
	case s.Runs():
		bad(path+".of", "%q must be best or last", m.Of)
	default:
		bad(path+".of", "is for commands; the value of a built-in trainer is its best, of which the model is kept")
	}
}

// checkExternal refuses what means nothing to trials that are trained outside.
func (s *Spec) checkExternal(bad report) {
	if s.Dataset != "" {
		bad("dataset", "means nothing to trainer external, which reads no data; leave it out")
	}
	if s.Target != "" {
		bad("target", "means nothing to trainer external; leave it out")
	}
	if s.Split != nil {
		bad("split", "means nothing to trainer external; leave it out")
	}
	if s.Order != OrderArrival {
		bad("order", "trials that are trained outside are folded as they come: use arrival, or leave it out")
	}
	if s.Metric.Name == "" && len(s.Metrics) == 0 {
		bad("metric.name", "is missing: name what is told, with its goal, as in metric: {name: loss, goal: minimize}")
	}
	if e := s.EarlyTerminate; e != nil && (e.Type == "pbt" || e.Fidelity == "rows") {
		bad("early_terminate", "trials that are trained outside have neither checkpoints nor rows to share; use asha, pasha, hyperband or median, by steps")
	}
}

// checkOwn checks a metric that is told from outside, whose name is free.
func (m *Metric) checkOwn(path string, bad report) {
	switch builtin, ok := LookupMetric(m.Name); {
	case m.Name != "" && !metricRE.MatchString(m.Name):
		bad(path+".name", "%q is no name for a metric: start with a letter or '_', go on with letters, digits, '_', '.', '/' and '-', at most 128", m.Name)
	case m.Goal != "" && m.Goal != Minimize && m.Goal != Maximize:
		bad(path+".goal", "%q must be minimize or maximize", m.Goal)
	case m.Goal == "" && ok:
		m.Goal = builtin.Goal
	case m.Goal == "" && !m.Bounded() && m.Name != "":
		bad(path+".goal", "is missing: nobody knows whether %s is to be minimized or maximized", m.Name)
	}
}

var metricRE = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_./-]{0,127}$`)

// check fills in the goal of a built-in metric.
func (m *Metric) check(path string, bad report) {
	builtin, ok := LookupMetric(m.Name)
	switch {
	case m.Goal != "" && m.Goal != Minimize && m.Goal != Maximize:
		bad(path+".goal", "%q must be minimize or maximize", m.Goal)
	case m.Name == "" && m.Goal != "":
		bad(path+".name", "is missing; the built-in metrics are %v", MetricNames(""))
	case m.Name == "":
	case !ok:
		bad(path+".name", "no metric %q%s; the built-in ones are %v", m.Name, DidYouMean(m.Name, MetricNames("")), MetricNames(""))
	case m.Goal == "":
		m.Goal = builtin.Goal
	case m.Goal != builtin.Goal:
		bad(path+".goal", "%s is to %s, not to %s", m.Name, builtin.Goal, m.Goal)
	}
}

// CheckLimits returns what is wrong with other limits for the sweep.
func (s *Spec) CheckLimits(l Limits) []FieldError {
	var fields []FieldError
	other := Spec{Limits: l, Metrics: s.Metrics}
	other.checkLimits(func(path, format string, args ...any) {
		fields = append(fields, FieldError{Path: path, Message: fmt.Sprintf(format, args...)})
	})
	return fields
}

func (s *Spec) checkLimits(bad report) {
	l := &s.Limits
	for _, f := range []struct {
		name  string
		value float64
	}{{"wall", l.Wall}, {"worker_hours", l.WorkerHours}, {"cost", l.Cost}, {"no_improvement", float64(l.NoImprovement)}} {
		if !(f.value >= 0) || math.IsInf(f.value, 0) {
			bad("limits."+f.name, "must be 0 (no limit) or more, not %v", f.value)
		}
	}
	if l.Target != nil && (math.IsNaN(*l.Target) || math.IsInf(*l.Target, 0)) {
		bad("limits.target", "must be a finite number")
	}
	if s.Objectives() > 1 && (l.Target != nil || l.NoImprovement > 0) {
		bad("limits", "target and no_improvement are of one objective; the sweep has %d", s.Objectives())
	}
}

// schedulerKeys lists the types of early_terminate with the keys that each
// takes.
var schedulerKeys = map[string][]string{
	"asha":      {"min_iter", "max_iter", "eta", "stop", "brackets", "fidelity"},
	"pasha":     {"min_iter", "max_iter", "eta", "fidelity"},
	"hyperband": {"min_iter", "max_iter", "eta", "s", "strict"},
	"median":    {"min_iter", "max_iter", "min_trials", "interval"},
	"pbt":       {"max_iter", "interval", "population", "quantile", "resample"},
}

// maxIter is the most steps of a trial.
const maxIter = 10_000_000

func (s *Spec) checkEarly(bad report) {
	e := s.EarlyTerminate
	if e == nil {
		return
	}
	if e.MaxIter < 0 || e.MaxIter > maxIter {
		bad("early_terminate.max_iter", "must be at most %d, not %d", maxIter, e.MaxIter)
		return
	}
	switch e.Type {
	case "asha", "pasha":
		e.checkLadder(bad)
	case "hyperband":
		e.checkBands(bad)
	case "median":
		e.MinIter = cmp.Or(e.MinIter, 1)
		e.MinTrials = cmp.Or(e.MinTrials, 5)
		e.needMax(bad)
		e.Interval = cmp.Or(e.Interval, max(1, e.MaxIter/20))
	case "pbt":
		e.checkPBT(bad)
	case "":
		bad("early_terminate.type", "is missing; there are asha, hyperband, median, pasha, pbt")
	default:
		bad("early_terminate.type", "no scheduler %q%s; there are asha, hyperband, median, pasha, pbt", e.Type, DidYouMean(e.Type, []string{"asha", "hyperband", "median", "pasha", "pbt"}))
	}
	if s.Objectives() > 1 && e.Type != "asha" {
		bad("early_terminate.type", "%s ranks by one objective; with several use asha, which ranks by domination", e.Type)
	}
}

func (e *EarlyTerminate) needMax(bad report) {
	switch {
	case e.MaxIter == 0:
		bad("early_terminate.max_iter", "is missing: the steps that a trial trains at most")
	case e.MaxIter < e.MinIter:
		bad("early_terminate.max_iter", "must be at least min_iter %d, not %d", e.MinIter, e.MaxIter)
	}
}

func (e *EarlyTerminate) checkLadder(bad report) {
	e.Eta = cmp.Or(e.Eta, 3)
	e.MinIter = cmp.Or(e.MinIter, 1)
	if e.Eta < 2 || e.Eta > 1000 {
		bad("early_terminate.eta", "must be between 2 and 1000, not %d", e.Eta)
		return
	}
	if e.MinIter < 1 {
		bad("early_terminate.min_iter", "must be at least 1, not %d", e.MinIter)
		return
	}
	e.needMax(bad)
	if e.Fidelity != "" && e.Fidelity != "steps" && e.Fidelity != "rows" {
		bad("early_terminate.fidelity", "%q must be steps or rows", e.Fidelity)
	}
	if e.MaxIter >= e.MinIter && e.Brackets > len(e.Rungs()) {
		bad("early_terminate.brackets", "must be at most %d, the rungs that there are, not %d", len(e.Rungs()), e.Brackets)
	}
}

// checkBands checks W&B's hyperband: min_iter, or max_iter with s.
func (e *EarlyTerminate) checkBands(bad report) {
	e.Eta = cmp.Or(e.Eta, 3)
	switch {
	case e.Eta < 2 || e.Eta > 1000:
		bad("early_terminate.eta", "must be between 2 and 1000, not %d", e.Eta)
	case e.MinIter > 0 && e.S > 0:
		bad("early_terminate.s", "goes with max_iter, not with min_iter")
	case e.S > 0 && e.MaxIter == 0:
		bad("early_terminate.max_iter", "is missing: s counts the bands below it")
	case e.MinIter == 0 && e.S == 0:
		bad("early_terminate", "hyperband needs min_iter, or max_iter and s")
	}
}

func (e *EarlyTerminate) checkPBT(bad report) {
	e.Population = cmp.Or(e.Population, 16)
	e.Quantile = cmp.Or(e.Quantile, 0.25)
	e.Resample = cmp.Or(e.Resample, 0.25)
	e.needMax(bad)
	e.Interval = cmp.Or(e.Interval, max(1, e.MaxIter/10))
	if e.Population < 4 || e.Population > 10_000 {
		bad("early_terminate.population", "must be between 4 and 10000, not %d", e.Population)
	}
	if !(e.Quantile > 0 && e.Quantile <= 0.5) {
		bad("early_terminate.quantile", "must be greater than 0 and at most 0.5, not %v", e.Quantile)
	}
	if !(e.Resample >= 0 && e.Resample <= 1) {
		bad("early_terminate.resample", "must be between 0 and 1, not %v", e.Resample)
	}
	if e.Interval > e.MaxIter {
		bad("early_terminate.interval", "must be at most max_iter %d, not %d", e.MaxIter, e.Interval)
	}
}
