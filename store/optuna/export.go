package optuna

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strings"

	"tourney"
)

// FromSweep makes a study of a sweep and its trials, given by number from 0,
// with the learning curves that there are, by number.
//
// Trials that completed are COMPLETE, those that were stopped early PRUNED,
// those that failed, diverged or were cancelled FAIL, those that wait for their
// first step WAITING, and all others RUNNING. Bounds of metrics become
// constraints. A constant is a choice of one. A parameter without ends, as one
// of a normal distribution, gets the ends of what was drawn, since Optuna has
// no such distributions. What Optuna has no place for becomes a user
// attribute: other metrics, rung, seed of the sweep.
func FromSweep(sweep *tourney.Sweep, trials []tourney.Trial, curves map[int][]tourney.Point) Study {
	spec := &sweep.Spec
	s := Study{Name: spec.Name, UserAttrs: map[string]json.RawMessage{}, SystemAttrs: map[string]json.RawMessage{}}
	if s.Name == "" {
		s.Name = sweep.ID
	}
	objectives := objectivesOf(spec)
	var names []string
	for _, m := range objectives {
		s.Directions = append(s.Directions, m.Goal)
		names = append(names, m.Name)
	}
	s.SystemAttrs[metricNamesKey] = quoted(names)
	s.UserAttrs["tourney:sweep"] = quoted(sweep.ID)
	s.UserAttrs["tourney:spec"] = quoted(spec)
	e := &exporter{spec: spec, objectives: objectives, distributions: map[string]Distribution{}}
	for i := range spec.Parameters {
		p := &spec.Parameters[i]
		e.distributions[p.Name] = distributionOf(p, trials)
	}
	for i := range trials {
		s.Trials = append(s.Trials, e.trial(&trials[i], curves[trials[i].Number]))
	}
	return s
}

// quoted is a value as JSON.
func quoted(v any) json.RawMessage {
	data, err := json.Marshal(v)
	if err != nil { // a number that is not finite
		return json.RawMessage("null")
	}
	return data
}

// objectivesOf returns the metrics that a sweep improves.
func objectivesOf(spec *tourney.Spec) []tourney.Metric {
	if len(spec.Metrics) == 0 {
		return []tourney.Metric{spec.Metric}
	}
	return slices.DeleteFunc(slices.Clone(spec.Metrics), func(m tourney.Metric) bool { return m.Goal == "" })
}

type exporter struct {
	spec          *tourney.Spec
	objectives    []tourney.Metric
	distributions map[string]Distribution
}

func (e *exporter) trial(t *tourney.Trial, points []tourney.Point) Trial {
	out := newTrial()
	out.State = e.state(t)
	out.Start, out.End = &t.Created, t.Ended
	for _, name := range slices.Sorted(maps.Keys(t.Params)) {
		if d, ok := e.distributions[name]; ok {
			out.Params = append(out.Params, Param{Name: name, Distribution: d, Value: t.Params[name]})
		}
	}
	for _, p := range points {
		if v, ok := p.Metrics[e.objectives[0].Name]; ok && len(e.objectives) == 1 {
			out.Curve[int64(p.Step)] = v
		}
	}
	switch out.State {
	case Complete:
		out.Values = e.values(t)
	case Pruned:
		// As Optuna does: the last value on the way.
		if steps := slices.Sorted(maps.Keys(out.Curve)); len(steps) > 0 {
			out.Values = []float64{out.Curve[steps[len(steps)-1]]}
		} else if t.Value != nil && len(e.objectives) == 1 {
			out.Values = []float64{*t.Value}
		}
	case Waiting:
		out.SystemAttrs[fixedKey] = quoted(t.Params)
		out.Params, out.Start = nil, nil
	}
	if !out.State.ended() {
		out.End = nil
	} else if out.End == nil {
		out.End = out.Start
	}
	e.attrs(t, &out)
	return out
}

func (e *exporter) state(t *tourney.Trial) State {
	switch t.State {
	case tourney.TrialCompleted:
		if len(e.values(t)) == 0 {
			return Fail
		}
		return Complete
	case tourney.TrialPruned:
		return Pruned
	case tourney.TrialFailed, tourney.TrialDiverged, tourney.TrialCancelled:
		return Fail
	case tourney.TrialQueued:
		if t.Step == 0 && t.Rung < 0 {
			return Waiting
		}
	}
	return Running
}

// values are those of the objectives, or nil if one is missing.
func (e *exporter) values(t *tourney.Trial) []float64 {
	var values []float64
	for i, m := range e.objectives {
		v, ok := t.Metrics[m.Name]
		if i == 0 && t.Value != nil {
			v, ok = *t.Value, true
		}
		if !ok {
			return nil
		}
		values = append(values, v)
	}
	return values
}

// attrs notes what Optuna has no column for.
func (e *exporter) attrs(t *tourney.Trial, out *Trial) {
	for name, v := range t.Metrics {
		if !slices.ContainsFunc(e.objectives, func(m tourney.Metric) bool { return m.Name == name }) {
			out.UserAttrs[name] = quoted(v)
		}
	}
	out.UserAttrs["tourney:number"] = quoted(t.Number)
	out.UserAttrs["tourney:state"] = quoted(t.State)
	if t.Rung >= 0 {
		out.UserAttrs["tourney:rung"] = quoted(t.Rung)
		out.UserAttrs["tourney:step"] = quoted(t.Step)
		out.UserAttrs["tourney:best_step"] = quoted(t.BestStep)
	}
	if t.Reason != "" {
		out.UserAttrs["tourney:reason"] = quoted(t.Reason)
	}
	if t.Error != "" {
		out.UserAttrs["tourney:error"] = quoted(t.Error)
	}
	if bounds := e.constraints(t); bounds != nil && (out.State == Complete || out.State == Pruned) {
		out.SystemAttrs[constraintsKey] = quoted(bounds)
	}
}

// constraints are by how much each metric is beyond each of its bounds; 0 and
// less is within. A metric that is missing is as far beyond as can be.
func (e *exporter) constraints(t *tourney.Trial) []float64 {
	var all []float64
	for i := range e.spec.Metrics {
		m := &e.spec.Metrics[i]
		v, ok := t.Metrics[m.Name]
		if m.AtMost != nil {
			all = append(all, beyond(ok, v-*m.AtMost))
		}
		if m.AtLeast != nil {
			all = append(all, beyond(ok, *m.AtLeast-v))
		}
	}
	return all
}

func beyond(known bool, x float64) float64 {
	if !known || math.IsNaN(x) || math.IsInf(x, 0) {
		return math.MaxFloat64
	}
	return x
}

// distributionOf is the distribution that Optuna is told of a parameter. Its
// ends hold all that was drawn.
func distributionOf(p *tourney.Param, trials []tourney.Trial) Distribution {
	d := Distribution{Kind: Float, Low: p.Min, High: p.Max}
	switch p.Distribution {
	case tourney.Constant:
		return Distribution{Kind: Categorical, Choices: []any{p.Value}}
	case tourney.Categorical, tourney.CategoricalProbs, tourney.Ordinal:
		return Distribution{Kind: Categorical, Choices: p.Values}
	case tourney.IntUniform:
		d.Kind, d.Step = Int, 1
	case tourney.LogUniformValues, tourney.InvLogUniformValues, tourney.QLogUniformValues, tourney.LogNormal, tourney.QLogNormal:
		d.Log = true
	case tourney.Beta, tourney.QBeta:
		d.Low, d.High = 0, 1
	}
	drawn := false
	low, high := d.Low, d.High
	if endless(p.Distribution) {
		low, high = math.Inf(1), math.Inf(-1)
	}
	for i := range trials {
		if x, ok := float(trials[i].Params[p.Name]); ok {
			low, high, drawn = min(low, x), max(high, x), true
		}
	}
	if endless(p.Distribution) && !drawn {
		low, high = p.Mu-3*p.Sigma, p.Mu+3*p.Sigma
		if d.Log {
			low, high = math.Exp(low), math.Exp(high)
		}
	}
	d.Low, d.High = low, high
	if strings.HasPrefix(string(p.Distribution), "q_") {
		d.quantise(p)
	}
	d.Log = d.Log && d.Low > 0
	return d
}

func endless(d tourney.Distribution) bool {
	return slices.Contains([]tourney.Distribution{tourney.Normal, tourney.QNormal, tourney.LogNormal, tourney.QLogNormal}, d)
}

// quantise makes a range one of multiples of q. Optuna has no steps on a log
// scale, but for whole numbers in steps of 1.
func (d *Distribution) quantise(p *tourney.Param) {
	d.Low, d.High = math.RoundToEven(d.Low/p.Q)*p.Q, math.RoundToEven(d.High/p.Q)*p.Q
	whole := p.IntQ && math.Abs(d.Low) < 1<<53 && math.Abs(d.High) < 1<<53
	switch {
	case d.Log && d.Low > 0 && whole && p.Q == 1:
		d.Kind, d.Step = Int, 1
	case d.Log && d.Low > 0:
	case whole:
		d.Kind, d.Step, d.Log = Int, p.Q, false
	default:
		d.Step, d.Log = p.Q, false
	}
}
