package lap

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"tourney"
	"tourney/trainers/heat"
)

// Trial is one trial as it trains.
type Trial struct {
	Job    *tourney.Job
	Values heat.Values // of its parameters
	Final  bool        // the job refits on all rows but the test rows
	Step   int         // steps trained
	Fits   []Fit       // one a fold, in lock step

	task     heat.Task
	patience int
	bestStep int       // 0 before the first step
	bestOf   []float64 // the values of bestStep, in the order of names
	told     []string  // the names of what fits tell; known after the first step or from a state
	metrics  []string  // what is measured of it, sorted as metricNames
	scores   []*score  // one a fold
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

// newTrial reads a task's job and state.
func (h *run) newTrial(task heat.Task) (*Trial, error) {
	job := task.Job()
	f := h.options.Family
	name := f.Trainer.Name()
	values, err := f.Read(job.Params)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t := &Trial{Job: job, Values: values, Final: job.Kind == tourney.JobFinal, task: task}
	if h.options.Patience != "" {
		t.patience = values.Int(h.options.Patience)
	}
	if err := h.check(t); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	t.metrics = h.metricsOf(t)
	for _, fold := range h.Folds {
		fit, err := h.problem.Fit(t, fold)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		t.Fits, t.scores = append(t.Fits, fit), append(t.scores, &score{})
	}
	if s := task.State(); s != nil {
		if err := h.restore(t, s); err != nil {
			return nil, corrupt{fmt.Errorf("%s: state: %w", name, err)}
		}
		if c := job.Checkpoint; c != nil && c.Step != t.Step {
			return nil, corrupt{fmt.Errorf("%s: state: of step %d where %d was to come", name, t.Step, c.Step)}
		}
	}
	return t, nil
}

// check checks a job against the data.
func (h *run) check(t *Trial) error {
	switch {
	case t.Job.Budget < 1:
		return fmt.Errorf("a budget of %d %s", t.Job.Budget, h.options.Family.Budget)
	case !slices.Contains(tourney.MetricNames(h.data.Task), t.Job.Metric.Name):
		return fmt.Errorf("no metric %q for %s; use one of %v", t.Job.Metric.Name, h.data.Task, tourney.MetricNames(h.data.Task))
	case t.Final && (h.data.Test == nil || h.data.Test.N == 0):
		return fmt.Errorf("no rows to test on")
	case t.Final && len(h.Folds) > 1:
		return fmt.Errorf("%d folds in a final job", len(h.Folds))
	}
	for i, f := range h.Folds {
		m := f.Valid
		if t.Final {
			m = h.data.Test
		}
		if m == nil || m.N == 0 {
			return fmt.Errorf("no rows to validate on")
		}
		if name := t.wantsRanks(); name != "" && !h.rankable[m] {
			rows := fmt.Sprintf("the rows to validate on in fold %d", i+1)
			if t.Final {
				rows = "the rows to test on"
			}
			return fmt.Errorf("%s is not defined: %s have one class alone", name, rows)
		}
	}
	return nil
}

// wantsRanks returns a metric that the sweep needs at every step and that needs
// rows of several classes, or nothing.
func (t *Trial) wantsRanks() string {
	for _, name := range append([]string{t.Job.Metric.Name}, t.Job.Metrics...) {
		if ranked(name) {
			return name
		}
	}
	return ""
}

// done reports whether a trial needs no further step.
func (t *Trial) done() bool {
	return t.Step >= t.Job.Budget || !t.Final && t.patience > 0 && t.bestStep > 0 && t.Step-t.bestStep >= t.patience || t.settled()
}

// settled reports whether a further step would leave a trial as it is.
func (t *Trial) settled() bool {
	for _, f := range t.Fits {
		if s, ok := f.(Settler); !ok || !s.Settled() {
			return false
		}
	}
	return t.Step > 0
}

// close closes a step of a trial: it reports it, or ends the trial as diverged
// and returns false. It returns false too if the trial was stopped.
func (h *run) close(t *Trial) bool {
	var told [][]float64
	for _, f := range t.Fits {
		var names []string
		var values []float64
		for _, v := range f.Told() {
			names, values = append(names, v.Name), append(values, v.V)
		}
		if t.told != nil && !slices.Equal(t.told, names) { // out of a state
			err := corrupt{fmt.Errorf("%s: state: with the values %q, not %q", h.options.Family.Trainer.Name(), t.told, names)}
			t.task.End(failed(err), nil)
			return false
		}
		t.told = names
		told = append(told, values)
		if !finite(values) { // in the middle of the step, which does not count
			t.task.End(tourney.End{Outcome: tourney.OutcomeDiverged, Step: t.Step}, nil)
			return false
		}
	}
	t.Step++
	values := h.values(t, told)
	if !finite(values) {
		t.task.End(tourney.End{Outcome: tourney.OutcomeDiverged, Step: t.Step}, nil)
		return false
	}
	if !t.Final && (t.bestStep == 0 || t.loss(values) < t.loss(t.bestOf)) {
		t.bestStep, t.bestOf = t.Step, values
		for _, f := range t.Fits {
			f.Keep()
		}
	}
	t.task.Step(tourney.Point{Step: t.Step, Metrics: t.named(values)}, func() []byte { return h.encode(t) })
	return !t.task.Stopped()
}

// names lists what is told of a step, in the order of a state: what the fits
// tell, the metrics, and with several folds the deviations of these.
func (t *Trial) names() []string {
	if t.Final {
		return t.told
	}
	names := slices.Concat(t.told, t.metrics)
	if len(t.Fits) > 1 {
		for _, m := range t.metrics {
			names = append(names, m+"_sd")
		}
	}
	return names
}

// values returns what is told of the step that was just trained and measured,
// in the order of names. With several folds it is the means over them, and the
// deviations, dividing by their number.
func (h *run) values(t *Trial, told [][]float64) []float64 {
	if t.Final {
		return told[0]
	}
	for i, f := range h.Folds {
		told[i] = append(told[i], t.scores[i].values(f, f.Valid, t.metrics)...)
	}
	if len(told) == 1 {
		return told[0]
	}
	folds := float64(len(told))
	var means, deviations []float64
	for k := range told[0] {
		sum, squares := 0.0, 0.0
		for _, of := range told {
			sum += of[k]
		}
		mean := sum / folds
		for _, of := range told {
			squares += float64((of[k] - mean) * (of[k] - mean))
		}
		means, deviations = append(means, mean), append(deviations, math.Sqrt(squares/folds))
	}
	return append(means, deviations[len(t.told):]...)
}

// loss returns the loss of the sweep's metric out of values.
func (t *Trial) loss(values []float64) float64 {
	return t.Job.Metric.Loss(values[len(t.told)+slices.Index(t.metrics, t.Job.Metric.Name)])
}

// named names values that are in the order of names.
func (t *Trial) named(values []float64) tourney.Metrics {
	named := make(tourney.Metrics, len(values))
	for i, name := range t.names() {
		named[name] = values[i]
	}
	return named
}

// endRung ends a trial that is done with its best step.
func (h *run) endRung(t *Trial) {
	metrics := t.named(t.bestOf)
	value := metrics[t.Job.Metric.Name]
	t.task.End(tourney.End{
		Outcome: tourney.OutcomeDone, Step: t.Step, BestStep: t.bestStep,
		Value: &value, Metrics: metrics,
	}, h.encode(t))
}

// finite reports whether all values are finite.
func finite(values []float64) bool {
	for _, v := range values {
		if v-v != 0 {
			return false
		}
	}
	return true
}
