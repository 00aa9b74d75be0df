package optuna

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"regexp"
	"slices"
	"strings"

	"tourney"
)

// Replay is a sweep that plays the trials of a study again, as the trials of
// `trainer: external`: its points are theirs in their order, and what came of
// them is told as it is asked for.
type Replay struct {
	Spec  tourney.Spec
	Tells []tourney.Tell // one a point, without a token
	Notes []string       // what could not be carried, for people
}

// Replay makes a sweep of a study. Trials that have not ended, that have no
// parameters, or that repeat a point are left out; a sweep has each point once.
// A parameter that some trials lack gets a condition if a choice tells those
// apart. A pruned trial is told as failed, since a value of a trial that was
// not trained to its end has no place on the board; its curve is kept.
//
// It returns a tourney.ErrInvalid for a study of which nothing is left.
func (s *Study) Replay() (Replay, error) {
	r := &replayer{study: s, names: map[string]string{}}
	for i := range s.Trials {
		if t := &s.Trials[i]; t.State.ended() && len(t.Params) > 0 {
			r.trials = append(r.trials, t)
		}
	}
	r.count(len(s.Trials)-len(r.trials), "%d trials have not ended, or ended before they had a parameter")
	r.metrics()
	r.space()
	r.points()
	if len(r.out.Tells) == 0 {
		return Replay{}, fmt.Errorf("%w: study %s has no finished trial to import", tourney.ErrInvalid, s.Name)
	}
	spec := &r.out.Spec
	spec.Name = cleaned(s.Name, sweepName, "study")
	spec.Description = "Imported from the Optuna study " + s.Name
	spec.Trainer = tourney.TrainerExternal
	spec.Method = tourney.MethodAuto
	spec.RunCap = len(r.out.Tells)
	spec.Parallelism = min(len(r.out.Tells), 100_000)
	if err := spec.Normalise(); err != nil {
		return Replay{}, fmt.Errorf("study %s: %w", s.Name, err)
	}
	return r.out, nil
}

type replayer struct {
	study       *Study
	trials      []*Trial
	names       map[string]string // of parameters, by Optuna's name
	metricNames []string
	constraints []string // names of metrics that stand for constraints
	out         Replay
}

func (r *replayer) note(format string, args ...any) {
	r.out.Notes = append(r.out.Notes, fmt.Sprintf(format, args...))
}

// count notes how many of something there are, if there are any.
func (r *replayer) count(n int, format string) {
	if n > 0 {
		r.note(format, n)
	}
}

var (
	sweepName  = regexp.MustCompile(`[^A-Za-z0-9._-]+`)
	metricName = regexp.MustCompile(`[^A-Za-z0-9_./-]+`)
)

// cleaned leaves of a name what one here may hold.
func cleaned(name string, not *regexp.Regexp, otherwise string) string {
	name = strings.TrimLeft(not.ReplaceAllString(name, "_"), "._-/0123456789")
	if name == "" {
		return otherwise
	}
	return name[:min(len(name), 100)]
}

// metrics names the objectives, and a metric for each constraint that all
// complete trials have.
func (r *replayer) metrics() {
	goals := r.study.Directions
	if len(goals) == 0 {
		r.note("the study says no direction; its value is taken as one to minimize")
		goals = []tourney.Goal{tourney.Minimize}
	}
	var named []string
	_ = json.Unmarshal(r.study.SystemAttrs[metricNamesKey], &named)
	var metrics []tourney.Metric
	for i, goal := range goals {
		name := "value"
		if len(goals) > 1 {
			name = fmt.Sprintf("value_%d", i)
		}
		if len(named) == len(goals) {
			name = cleaned(named[i], metricName, name)
		}
		for slices.Contains(r.metricNames, name) {
			name += "_"
		}
		r.metricNames = append(r.metricNames, name)
		metrics = append(metrics, tourney.Metric{Name: name, Goal: goal})
	}
	r.findConstraints()
	for _, name := range r.constraints {
		zero := 0.0
		metrics = append(metrics, tourney.Metric{Name: "constraint_" + name, AtMost: &zero})
	}
	if len(metrics) == 1 {
		r.out.Spec.Metric = metrics[0]
		return
	}
	r.out.Spec.Metrics = metrics
}

func (r *replayer) findConstraints() {
	missing, n := 0, 0
	var common map[string]bool
	for _, t := range r.trials {
		if t.State != Complete {
			continue
		}
		n++
		all := constraintsOf(t)
		if len(all) == 0 {
			missing++
			continue
		}
		if common == nil {
			common = map[string]bool{}
			for name := range all {
				common[name] = true
			}
		}
		maps.DeleteFunc(common, func(name string, _ bool) bool { _, ok := all[name]; return !ok })
	}
	switch {
	case len(common) > 0 && missing == 0:
		r.constraints = slices.Sorted(maps.Keys(common))
	case missing > 0 && missing < n:
		r.note("constraints are left out: %d of %d complete trials have none", missing, n)
	}
}

// constraintsOf are a trial's constraints by name. In the list of Optuna
// before 5 the name is the place.
func constraintsOf(t *Trial) map[string]float64 {
	all := map[string]float64{}
	var list []float64
	if json.Unmarshal(t.SystemAttrs[constraintsKey], &list) == nil {
		for i, x := range list {
			all[fmt.Sprint(i)] = x
		}
	}
	for key, value := range t.SystemAttrs {
		var x float64
		if name, ok := strings.CutPrefix(key, constraintPrefix); ok && json.Unmarshal(value, &x) == nil {
			all[cleaned("_"+name, metricName, "c")] = x
		}
	}
	return all
}

// space makes the parameters: of each the widest range that a trial drew from.
func (r *replayer) space() {
	merged := map[string]Distribution{}
	for _, t := range r.trials {
		for i := range t.Params {
			p := &t.Params[i]
			if d, ok := merged[p.Name]; ok {
				merged[p.Name] = d.joined(p.Distribution)
			} else {
				merged[p.Name] = p.Distribution
			}
		}
	}
	taken := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(merged)) {
		ours := cleaned(name, sweepName, "p")
		for taken[ours] {
			ours += "_"
		}
		taken[ours] = true
		if ours != name {
			r.note("parameter %q is called %s", name, ours)
		}
		r.names[name] = ours
		d := merged[name]
		r.out.Spec.Parameters = append(r.out.Spec.Parameters, r.param(ours, &d))
	}
	for _, name := range slices.Sorted(maps.Keys(merged)) {
		r.condition(name, merged)
	}
}

// joined is the distribution that holds what two hold. Optuna lets a study
// change the ends of a range, and nothing else.
func (d Distribution) joined(e Distribution) Distribution {
	switch {
	case d.Kind == Categorical && e.Kind == Categorical:
		for _, c := range e.Choices {
			if _, ok := d.internal(c); !ok {
				d.Choices = append(slices.Clone(d.Choices), c)
			}
		}
	case d.Kind != Categorical && e.Kind != Categorical:
		if d.Kind != e.Kind {
			d.Kind = Float
		}
		if d.Step != e.Step {
			d.Step = 0
			if d.Kind == Int {
				d.Step = 1
			}
		}
		d.Low, d.High, d.Log = min(d.Low, e.Low), max(d.High, e.High), d.Log && e.Log
	}
	return d
}

// maxSteps is up to how many values a stepped range becomes a list of them.
const maxSteps = 1000

// param is the parameter that draws as a distribution does.
func (r *replayer) param(name string, d *Distribution) tourney.Param {
	p := tourney.Param{Name: name, Min: d.Low, Max: d.High, Q: 1, IntQ: true, Sigma: 1, A: 1, B: 1}
	steps := math.Inf(1)
	if d.Step > 0 {
		steps = math.Floor((d.High-d.Low)/d.Step+1e-8) + 1
	}
	aligned := d.Step > 0 && math.Abs(d.Low/d.Step-math.Round(d.Low/d.Step)) < 1e-9
	switch {
	case d.Kind == Categorical && len(d.Choices) == 1:
		p.Distribution, p.Value = tourney.Constant, d.Choices[0]
	case d.Kind == Categorical:
		p.Distribution, p.Values = tourney.Categorical, d.Choices
	case d.Low == d.High:
		p.Distribution = tourney.Constant
		p.Value, _ = d.external(d.Low)
	case d.Kind == Int && d.Log:
		p.Distribution = tourney.QLogUniformValues
	case d.Kind == Int && d.Step == 1:
		p.Distribution = tourney.IntUniform
	case d.Log:
		p.Distribution = tourney.LogUniformValues
	case d.Step == 0:
		p.Distribution = tourney.Uniform
	case steps <= maxSteps && !aligned:
		p.Distribution = tourney.Ordinal
		for i := range int(steps) {
			v, _ := d.external(d.Low + float64(i)*d.Step)
			p.Values = append(p.Values, v)
		}
	case aligned:
		p.Distribution, p.Q, p.IntQ = tourney.QUniform, d.Step, d.Kind == Int
	default:
		r.note("parameter %s has %v values, which are no multiples of their step; it is taken as a range without steps", name, steps)
		p.Distribution = tourney.Uniform
	}
	return p
}

// condition finds out when a parameter has a part, if complete trials lack it:
// a choice that is there in more of them than the parameter, and whose values
// tell those that have it from the others. Without one the parameter is left
// out if more than half of the trials lack it.
func (r *replayer) condition(name string, all map[string]Distribution) {
	have, lack := 0, 0
	for _, t := range r.trials {
		switch _, ok := t.value(name); {
		case t.State != Complete:
		case ok:
			have++
		default:
			lack++
		}
	}
	if lack == 0 || have == 0 {
		return
	}
	for _, other := range slices.Sorted(maps.Keys(all)) {
		if values, ok := r.tells(other, name); ok && other != name && all[other].Kind == Categorical && len(all[other].Choices) > 1 {
			p := r.out.Spec.Parameters.Lookup(r.names[name])
			p.When = []tourney.Condition{{Param: r.names[other], Values: values}}
			return
		}
	}
	if have >= lack {
		return
	}
	r.note("parameter %s is left out: %d of %d trials lack it, and no choice says which", r.names[name], lack, have+lack)
	r.out.Spec.Parameters = slices.DeleteFunc(r.out.Spec.Parameters, func(p tourney.Param) bool { return p.Name == r.names[name] })
	delete(r.names, name)
}

// tells returns the values of one parameter with which the complete trials
// have the other.
func (r *replayer) tells(one, other string) (values []any, ok bool) {
	var without []any
	for _, t := range r.trials {
		if t.State != Complete {
			continue
		}
		v, there := t.value(one)
		_, has := t.value(other)
		switch {
		case has && !there:
			return nil, false
		case has && !slices.ContainsFunc(values, func(w any) bool { return same(v, w) }):
			values = append(values, v)
		case !has && there:
			without = append(without, v)
		}
	}
	for _, v := range without {
		if slices.ContainsFunc(values, func(w any) bool { return same(v, w) }) {
			return nil, false
		}
	}
	return values, len(without) > 0
}

// value returns a parameter's value.
func (t *Trial) value(name string) (any, bool) {
	for i := range t.Params {
		if t.Params[i].Name == name {
			return t.Params[i].Value, true
		}
	}
	return nil, false
}

// maxPoints is how many bytes points may have, so that a sweep file that holds
// them is taken.
const maxPoints = tourney.MaxSpecBytes * 3 / 4

// points lists the points, and what came of each.
func (r *replayer) points() {
	seen := map[string]int{}
	again, misfit, over, size := 0, 0, 0, 0
	for _, t := range r.trials {
		point, ok := r.point(t)
		if !ok {
			misfit++
			continue
		}
		key := point.Key()
		if at, ok := seen[key]; ok {
			again++
			if t.State == Complete && r.out.Tells[at].Outcome != "" {
				r.out.Tells[at] = r.tell(t)
			}
			continue
		}
		if size += len(key) + 8; size > maxPoints {
			over++
			continue
		}
		seen[key] = len(r.out.Tells)
		r.out.Spec.Points = append(r.out.Spec.Points, point)
		r.out.Tells = append(r.out.Tells, r.tell(t))
	}
	r.count(again, "%d trials repeat a point; of each point one is kept, the first that is complete")
	r.count(misfit, "%d trials do not fit the space that the others make, and are left out")
	r.count(over, "%d trials are left out: the points of a sweep have at most 768 KiB")
}

// point is a trial's point, if it has the parameters that the space gives it.
func (r *replayer) point(t *Trial) (tourney.Params, bool) {
	point := tourney.Params{}
	for i := range t.Params {
		if name, ok := r.names[t.Params[i].Name]; ok {
			point[name] = t.Params[i].Value
		}
	}
	space := r.out.Spec.Parameters
	active := 0
	order, _ := space.Order()
	for _, i := range order {
		p := &space[i]
		v, ok := point[p.Name]
		if p.Active(point) != ok {
			return nil, false
		}
		if ok && p.Refuses(v) != "" {
			return nil, false
		}
		if ok {
			active++
		}
	}
	return point, active == len(point)
}

// tell is what is told of a trial.
func (r *replayer) tell(t *Trial) tourney.Tell {
	var tell tourney.Tell
	last := int64(0)
	for step, v := range sorted(t.Curve) {
		if step >= 0 && step < 1<<31 && !math.IsNaN(v) && !math.IsInf(v, 0) && len(tell.Points) < 10_000 {
			tell.Points = append(tell.Points, tourney.Point{Step: int(step), Metrics: tourney.Metrics{r.metricNames[0]: v}})
			last = step
		}
	}
	switch {
	case t.State == Pruned:
		tell.Outcome, tell.Reason = tourney.OutcomeFailed, tourney.ReasonTimeout
		tell.Error = fmt.Sprintf("pruned in Optuna at step %d", last)
		return tell
	case t.State == Fail:
		tell.Outcome, tell.Reason, tell.Error = tourney.OutcomeFailed, tourney.ReasonUserError, "failed in Optuna"
		return tell
	case len(t.Values) != len(r.metricNames) || slices.ContainsFunc(t.Values, func(v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) }):
		tell.Outcome = tourney.OutcomeDiverged
		return tell
	}
	tell.Step = int(last)
	tell.Metrics = tourney.Metrics{}
	for i, name := range r.metricNames {
		tell.Metrics[name] = t.Values[i]
	}
	bounds := constraintsOf(t)
	for _, name := range r.constraints {
		tell.Metrics["constraint_"+name] = bounds[name]
	}
	return tell
}
