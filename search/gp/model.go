package gp

import (
	"math"
	"slices"

	"tourney/search/axis"
)

// Observation is a finished trial: its point, and its loss, lower being better,
// +Inf if it failed. It must not be changed once a model has seen it.
type Observation struct {
	U    []float64
	Loss float64
}

func (o Observation) failed() bool { return !(math.Abs(o.Loss) <= math.MaxFloat64) }

// most is how many observations a model holds. Of more, the best half and the
// newest half are taken.
const most = 300

// Model is a process that has seen observations, with the hyperparameters of
// largest posterior density. Where trials failed, a second one models whether a
// training succeeds. A Model does not change.
type Model struct {
	geometry
	history // of the hyperparameters
	all     []Observation
	values  *posterior
	success *posterior // of labels +1 and -1; nil if none failed
	failed  float64    // part of the trials
	best    float64    // the least mean at an observed point
	around  [][]float64
}

// history is how the hyperparameters came about: they are found again after
// each of the first observations and ever more rarely then (after six at 100),
// starting from the last ones.
// So they follow from the observations alone, and an earlier model only saves
// the way there.
type history struct {
	fits int       // so far
	next int       // observations at which the next fit is due
	warp bool      // whether values are warped
	p    []float64 // of the values: logarithms of θ, s and σ²
	ps   []float64 // of success
}

const (
	firstFit = 4 // observations at which hyperparameters are first fitted
	anew     = 5 // every how many fits the centre of the prior is a start too
)

// Fit returns the model of observations, in the order in which they came, or
// nil if there are fewer than two that did not fail. prior is the model of the
// first of them, or nil: it saves time, and changes nothing.
func Fit(axes []axis.Axis, obs []Observation, prior *Model) *Model {
	m := &Model{geometry: newGeometry(axes), all: slices.Clip(obs), history: history{next: firstFit}}
	if prior.precedes(axes, obs) {
		if len(prior.all) == len(obs) {
			return prior
		}
		m.history = prior.history
	}
	for ; m.next <= min(len(obs), most); m.next += max(1, m.next*m.next/1600) {
		m.refit(obs[:m.next])
	}
	held := newest(obs)
	v := m.split(held)
	if len(v.loss) < 2 {
		return nil
	}
	now := *m
	if m.p == nil || m.ps == nil && len(v.all) > len(v.loss) {
		now.refit(held) // out of turn, so it is no part of the history
	}
	y, _ := now.warping(v.loss)
	m.values = condition(m.geometry, asKernel(now.p), v.z, y)
	m.best = m.values.least(y)
	if now.ps != nil {
		m.success = condition(m.geometry, asKernel(now.ps), v.all, v.labels)
	}
	m.around = bestPoints(held, 5)
	m.failed = 1 - float64(len(v.loss))/float64(len(v.all))
	return m
}

// precedes says whether a model has seen a beginning of the observations.
func (m *Model) precedes(axes []axis.Axis, obs []Observation) bool {
	if m == nil || len(m.all) > len(obs) || len(m.axes) != len(axes) {
		return false
	}
	same := func(x, y float64) bool { return x == y || math.IsNaN(x) && math.IsNaN(y) }
	return slices.EqualFunc(m.all, obs[:len(m.all)], func(a, b Observation) bool {
		return same(a.Loss, b.Loss) && slices.EqualFunc(a.U, b.U, same)
	})
}

// newest returns the observations that a model holds.
func newest(obs []Observation) []Observation {
	if len(obs) <= most {
		return obs
	}
	old := slices.Clone(obs[:len(obs)-most/2])
	slices.SortStableFunc(old, byLoss)
	return append(old[:most/2], obs[len(obs)-most/2:]...)
}

func byLoss(a, b Observation) int {
	switch {
	case a.failed() || b.failed():
		return boolInt(a.failed()) - boolInt(b.failed())
	case a.Loss < b.Loss:
		return -1
	case a.Loss > b.Loss:
		return 1
	}
	return 0
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// bestPoints returns the points of the k best observations, the best first.
func bestPoints(obs []Observation, k int) [][]float64 {
	sorted := slices.Clone(obs)
	slices.SortStableFunc(sorted, byLoss)
	var out [][]float64
	for _, o := range sorted[:min(k, len(sorted))] {
		if !o.failed() {
			out = append(out, o.U)
		}
	}
	return out
}

// parts are observations as the two processes take them.
type parts struct {
	z      [][]float64 // of those with a loss
	loss   []float64
	all    [][]float64
	labels []float64 // +1, or -1 where the trial failed
}

func (m *Model) split(obs []Observation) parts {
	var out parts
	for _, o := range obs {
		z := m.features(o.U)
		out.all = append(out.all, z)
		if o.failed() {
			out.labels = append(out.labels, -1)
			continue
		}
		out.labels = append(out.labels, 1)
		out.z, out.loss = append(out.z, z), append(out.loss, o.Loss)
	}
	return out
}

func (h *history) warping(loss []float64) (y, logSlope []float64) {
	if h.warp {
		return warped(loss)
	}
	return plain(loss)
}

// refit finds the hyperparameters of observations, and at times whether the
// losses are better warped.
func (m *Model) refit(obs []Observation) {
	v := m.split(obs)
	if len(v.loss) >= 2 {
		if m.p == nil || m.fits%anew == 0 {
			m.choose(v)
		} else {
			y, _ := m.warping(v.loss)
			m.p = climbed(newTraining(m.geometry, v.z, y), m.p)
		}
	}
	if len(v.loss) > 0 && len(v.all) > len(v.loss) {
		t := newTraining(m.geometry, v.all, v.labels)
		if m.ps == nil || m.fits%anew == 0 {
			m.ps = climbed(t, m.ps, t.start())
		} else {
			m.ps = climbed(t, m.ps)
		}
	}
	m.fits++
}

// choose fits plain and warped values and keeps those that foretell each other
// better.
func (m *Model) choose(v parts) {
	last, lastWarp := m.p, m.warp
	_, slopes := warped(v.loss)
	counted := make([]bool, len(slopes))
	for i, s := range slopes {
		counted[i] = !math.IsNaN(s)
	}
	value := math.Inf(-1)
	for _, w := range [...]bool{true, false} {
		h := history{warp: w}
		y, logSlope := h.warping(v.loss)
		t := newTraining(m.geometry, v.z, y)
		starts := [][]float64{t.start()}
		if last != nil && lastWarp == w {
			starts = append(starts, last)
		}
		p := climbed(t, starts...)
		fit := agreement(condition(m.geometry, asKernel(p), v.z, y), y, logSlope, counted)
		if m.p == nil || fit > value {
			m.p, m.warp, value = p, w, fit
		}
	}
}

// climbed returns the best of the maxima that are reached from the starts that
// are not nil, which it leaves as they are.
func climbed(t *training, starts ...[]float64) []float64 {
	var best []float64
	value := math.Inf(-1)
	for _, s := range starts {
		if s == nil {
			continue
		}
		p := slices.Clone(s)
		if v := t.maximise(p); v > value || best == nil {
			best, value = p, v
		}
	}
	return best
}

// Predict returns mean and variance of the value at u. Values are standardised
// and, where that fits better, warped losses: lower is better.
func (m *Model) Predict(u []float64) (mean, variance float64) {
	return m.values.predict(m.features(u))
}

// LogEI returns the logarithm of the improvement on the best trial that is to be
// expected at u, weighed by the odds that it does not fail. It ranks points.
func (m *Model) LogEI(u []float64) float64 {
	z := m.features(u)
	mean, variance := m.values.predict(z)
	value := LogEI(mean, variance, m.best)
	if m.success != nil {
		mean, variance := m.success.predict(z)
		odds, _ := logPhi(mean / math.Sqrt(variance+m.success.noise))
		value += caution * odds
	}
	return value
}
