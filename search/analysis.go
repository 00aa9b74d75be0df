package search

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"tourney"
	"tourney/search/importance"
	"tourney/search/pareto"
)

// enough is how many trials must have come to the highest rung for importance
// to be told from them alone: values of different rungs are not the same
// measure.
const enough = 30

// Importance says how much each parameter mattered to the trials of a sweep. A
// trial that diverged or failed by its own doing counts as worse than all
// others; one that was lost or cancelled is left out. Requests that make no
// sense are a *tourney.InvalidError.
func Importance(spec tourney.Spec, trials []tourney.Trial, req tourney.ImportanceRequest) (tourney.Importance, error) {
	out := tourney.Importance{Method: req.Method, Metric: req.Metric, Params: []tourney.ParamImportance{}}
	metric := spec.Metric
	if out.Metric == "" {
		out.Metric = metric.Name
	}
	if out.Method == "" {
		out.Method = "ped"
	}
	if out.Metric != metric.Name {
		metric = objective(&spec, out.Metric)
	}
	c, err := newCube(spec.Parameters, nil)
	if err != nil {
		return out, err
	}
	views := c.views()
	var points [][]float64
	var losses []float64
	known := false
	for _, t := range measured(&spec, trials, req.Trials) {
		loss := math.Inf(1)
		if v, ok := t.Metrics[out.Metric]; ok && t.State != tourney.TrialDiverged && t.State != tourney.TrialFailed {
			known = true
			loss = metric.Loss(v)
		} else if t.State != tourney.TrialDiverged && t.State != tourney.TrialFailed {
			continue
		}
		points = append(points, c.view(views, c.encode(c.values(t.Params))))
		losses = append(losses, loss)
	}
	if !known && req.Metric != "" {
		return out, tourney.Invalid("metric", "no trial reports %q", req.Metric)
	}
	out.Trials = len(points)
	if len(points) == 0 {
		return out, nil
	}
	var shares []importance.Importance
	switch out.Method {
	case "ped":
		shares, err = importance.PEDAnova(views, points, losses, importance.PEDOptions{})
	case "fanova":
		var r importance.FanovaResult
		r, err = importance.Fanova(views, points, losses, importance.FanovaOptions{Pairs: req.Pairs}, rand.New(rand.NewPCG(spec.Seed, 0)))
		shares = r.Axes
		for _, p := range r.Pairs {
			out.Pairs = append(out.Pairs, tourney.PairImportance{
				Names: [2]string{c.axes[p.Axes[0]].param.Name, c.axes[p.Axes[1]].param.Name}, Value: p.Value, StdErr: p.StdErr,
			})
		}
	default:
		return out, tourney.Invalid("method", "%q must be ped or fanova", req.Method)
	}
	if err != nil {
		return out, fmt.Errorf("importance: %w", err)
	}
	for _, s := range shares {
		out.Params = append(out.Params, tourney.ParamImportance{Name: c.axes[s.Axis].param.Name, Value: s.Value, StdErr: s.StdErr})
	}
	return out, nil
}

// objective returns how a metric that is not the sweep's first is to be read.
func objective(spec *tourney.Spec, name string) tourney.Metric {
	for _, m := range spec.Metrics {
		if m.Name == name && m.Goal != "" {
			return m
		}
	}
	builtin, _ := tourney.LookupMetric(name)
	return tourney.Metric{Name: name, Goal: builtin.Goal}
}

// measured returns the trials that tell something: those asked for, or all
// that have a value or failed by their own doing; of those with a value the
// ones that came to the highest rung, if they are enough.
func measured(spec *tourney.Spec, trials []tourney.Trial, asked []int) []tourney.Trial {
	var all, top []tourney.Trial
	wanted := make(map[int]bool, len(asked))
	for _, n := range asked {
		wanted[n] = true
	}
	highest := -1
	for i := range trials {
		highest = max(highest, trials[i].Rung)
	}
	for _, t := range trials {
		if asked != nil && !wanted[t.Number] {
			continue
		}
		bad := t.State == tourney.TrialDiverged || t.State == tourney.TrialFailed &&
			(t.Reason == tourney.ReasonUserError || t.Reason == tourney.ReasonOOM)
		if t.Value == nil && !bad || t.State == tourney.TrialFailed && !bad {
			continue
		}
		all = append(all, t)
		if t.Rung == highest || bad {
			top = append(top, t)
		}
	}
	if asked == nil && len(top) >= enough && spec.EarlyTerminate != nil {
		return top
	}
	return all
}

// Pareto returns the front of a sweep. With one objective it is the best trial.
// The hypervolume is measured from the worst value of each objective among the
// trials that have all of them.
func Pareto(spec tourney.Spec, trials []tourney.Trial) tourney.Front {
	if len(spec.Metrics) == 0 {
		spec.Metrics = []tourney.Metric{spec.Metric}
	}
	out := tourney.Front{Trials: []tourney.Trial{}}
	for _, m := range spec.Metrics {
		if m.Goal != "" {
			out.Metrics = append(out.Metrics, m)
		}
	}
	var losses [][]float64
	var with []tourney.Trial
	for _, t := range trials {
		if t.Value == nil || t.State == tourney.TrialDiverged || t.State == tourney.TrialFailed {
			continue
		}
		l, violation := spec.Losses(t.Metrics)
		if violation > 0 || slices.Contains(l, math.Inf(1)) {
			continue
		}
		losses, with = append(losses, l), append(with, t)
	}
	if len(with) == 0 {
		return out
	}
	front := pareto.Front(losses, make([]float64, len(losses)))
	slices.SortStableFunc(front, func(a, b int) int { return slices.Compare(losses[a], losses[b]) })
	for _, i := range front {
		out.Trials = append(out.Trials, with[i])
	}
	if len(out.Metrics) < 2 {
		return out
	}
	worst := slices.Clone(losses[0])
	for _, l := range losses {
		for j := range l {
			worst[j] = max(worst[j], l[j])
		}
	}
	best := make([][]float64, len(front))
	for k, i := range front {
		best[k] = losses[i]
	}
	volume := pareto.Hypervolume(best, worst)
	if !math.IsInf(volume, 0) && !math.IsNaN(volume) {
		out.Hypervolume = &volume
		for j, m := range out.Metrics {
			out.Reference = append(out.Reference, m.Loss(worst[j])) // a loss of a loss is the value
		}
	}
	return out
}
