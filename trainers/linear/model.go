package linear

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/metrics"
)

// model is one trial as it trains.
type model struct {
	task   heat.Task
	metric tourney.Metric
	budget int
	final  bool

	rate, momentum, l2 float32

	step     int
	bestStep int       // 0 before the first step
	bestOf   []float64 // the metrics of bestStep, in the order of problem.names

	fits []*fit // one a fold, in lock step
}

// fit is a trial's model of one fold.
type fit struct {
	*model
	batch int       // rows, at most all
	w, v  []float32 // [(d+1)×outputs] weights and velocity
	best  []float32 // the weights of bestStep; unused by a final job

	diverged bool
	loss     float64 // of the pass so far: the sum over its rows
	classes  metrics.Classification
	errors   metrics.Regression
}

// corrupt is an error in a state.
type corrupt struct{ error }

// failed makes an end of an error.
func failed(err error) tourney.End {
	end := tourney.End{Outcome: tourney.OutcomeFailed, Reason: tourney.ReasonSpecInvalid, Error: err.Error()}
	if errors.As(err, new(corrupt)) {
		end.Reason = tourney.ReasonDataCorrupt
	}
	return end
}

// newModel reads a trial's job and state.
func (p *problem) newModel(t heat.Task) (*model, error) {
	job := t.Job()
	f := Family()
	values, err := f.Read(job.Params)
	if err != nil {
		return nil, fmt.Errorf("linear: %w", err)
	}
	m := &model{
		task: t, metric: job.Metric, budget: job.Budget, final: job.Kind == tourney.JobFinal,
		rate: float32(values["learning_rate"]), momentum: float32(values["momentum"]), l2: float32(values["l2"]),
	}
	for _, f := range p.folds {
		m.fits = append(m.fits, &fit{model: m, batch: min(int(values["batch_size"]), f.train.N)})
	}
	switch {
	case m.budget < 1:
		return nil, fmt.Errorf("linear: a budget of %d epochs", m.budget)
	case !slices.Contains(p.metrics(), m.metric.Name):
		return nil, fmt.Errorf("linear: no metric %q for %s; use one of %v", m.metric.Name, p.data.Task, p.metrics())
	case m.final && (p.data.Test == nil || p.data.Test.N == 0):
		return nil, fmt.Errorf("linear: no rows to test on")
	case m.final && len(p.folds) > 1:
		return nil, fmt.Errorf("linear: %d folds in a final job", len(p.folds))
	case !m.final && slices.ContainsFunc(p.folds, func(f *fold) bool { return f.valid == nil || f.valid.N == 0 }):
		return nil, fmt.Errorf("linear: no rows to validate on")
	}
	if s := t.State(); s != nil {
		if err := p.restore(m, s); err != nil {
			return nil, corrupt{fmt.Errorf("linear: state: %w", err)}
		}
		if c := job.Checkpoint; c != nil && c.Step != m.step {
			return nil, corrupt{fmt.Errorf("linear: state: of step %d where %d was to come", m.step, c.Step)}
		}
		return m, nil
	}
	for i, f := range p.folds {
		m.fits[i].w, m.fits[i].v = make([]float32, f.weights()), make([]float32, f.weights())
	}
	return m, nil
}

// step closes an epoch of a model: it reports the step, or ends the trial as
// diverged and returns false. It returns false too if the trial was stopped.
func (h *run) step(m *model) bool {
	if slices.ContainsFunc(m.fits, func(f *fit) bool { return f.diverged || !finite(f.w) }) { // in the middle of the epoch, which does not count
		m.task.End(tourney.End{Outcome: tourney.OutcomeDiverged, Step: m.step}, nil)
		return false
	}
	m.step++
	values := h.values(m)
	for _, v := range values {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			m.task.End(tourney.End{Outcome: tourney.OutcomeDiverged, Step: m.step}, nil)
			return false
		}
	}
	if !m.final && (m.bestStep == 0 || m.metric.Loss(h.of(values, m.metric)) < m.metric.Loss(h.of(m.bestOf, m.metric))) {
		m.bestStep, m.bestOf = m.step, values
		for _, f := range m.fits {
			f.best = append(f.best[:0], f.w...)
		}
	}
	m.task.Step(tourney.Point{Step: m.step, Metrics: h.named(values)}, func() []byte { return h.encode(m) })
	return !m.task.Stopped()
}

// values returns what is told of the step that was just trained and measured,
// in the order of names; of a final job the first alone. With several folds it
// is the means over them, and the deviations, dividing by their number.
func (h *run) values(m *model) []float64 {
	values := h.valuesOf(m.fits[0], h.folds[0])
	if len(h.folds) == 1 {
		return values
	}
	each := [][]float64{values}
	for i, f := range h.folds[1:] {
		each = append(each, h.valuesOf(m.fits[i+1], f))
	}
	folds := float64(len(each))
	var means, deviations []float64
	for k := range values {
		sum, squares := 0.0, 0.0
		for _, of := range each {
			sum += of[k]
		}
		mean := sum / folds
		for _, of := range each {
			squares += float64((of[k] - mean) * (of[k] - mean))
		}
		means, deviations = append(means, mean), append(deviations, math.Sqrt(squares/folds))
	}
	return append(means, deviations[1:]...)
}

// valuesOf returns what is told of one fold.
func (h *run) valuesOf(m *fit, f *fold) []float64 {
	loss := m.loss / float64(f.train.N)
	if h.regression() {
		loss = math.Sqrt(loss) * f.sd
	}
	if m.final {
		return []float64{loss}
	}
	if h.regression() {
		return []float64{loss, m.errors.RMSE(), m.errors.MAE(), m.errors.R2(f.spread[f.valid])}
	}
	return []float64{loss, m.classes.LogLoss(), m.classes.Accuracy()}
}

// of returns the sweep's metric out of values in the order of names.
func (p *problem) of(values []float64, metric tourney.Metric) float64 {
	return values[slices.Index(p.names(), metric.Name)]
}

// named names values that are in the order of names.
func (p *problem) named(values []float64) tourney.Metrics {
	named := make(tourney.Metrics, len(values))
	for i, v := range values {
		named[p.names()[i]] = v
	}
	return named
}

// endRung ends a trial whose budget is reached with its best step.
func (h *run) endRung(m *model) {
	value := h.of(m.bestOf, m.metric)
	m.task.End(tourney.End{
		Outcome: tourney.OutcomeDone, Step: m.step, BestStep: m.bestStep,
		Value: &value, Metrics: h.named(m.bestOf),
	}, h.encode(m))
}

// endFinal measures final models on the test rows and ends them.
func (h *run) endFinal(models []*model) {
	if len(models) == 0 {
		return
	}
	panels := h.panels(models)
	for _, p := range panels {
		p.gather()
	}
	h.measure(panels, func(*fold) *dataset.Matrix { return h.data.Test })
	for _, m := range models {
		test, fit := tourney.Metrics{}, m.fits[0]
		if h.regression() {
			test["test_rmse"], test["test_mae"], test["test_r2"] = fit.errors.RMSE(), fit.errors.MAE(), fit.errors.R2(h.folds[0].spread[h.data.Test])
		} else {
			test["test_logloss"], test["test_accuracy"] = fit.classes.LogLoss(), fit.classes.Accuracy()
		}
		value := test["test_"+m.metric.Name]
		end := tourney.End{Outcome: tourney.OutcomeDone, Step: m.step, BestStep: m.step, Value: &value, Metrics: test}
		state := h.encode(m)
		for _, v := range test {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				end, state = tourney.End{Outcome: tourney.OutcomeDiverged, Step: m.step}, nil
			}
		}
		m.task.End(end, state)
	}
}

// finite reports whether all of w are finite.
func finite(w []float32) bool {
	for _, v := range w {
		if v-v != 0 {
			return false
		}
	}
	return true
}
