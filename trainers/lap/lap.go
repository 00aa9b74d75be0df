package lap

import (
	"context"
	"slices"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
)

// Problem is what the trials of a heat share: the rows, and what is told from
// them once. Its methods are called from the heat's goroutine alone.
type Problem interface {
	// Fit returns a fit that has not been trained, of a trial to a fold. The
	// trial's parameters are legal one by one; an error says what is wrong
	// with them together, or with them on these data.
	Fit(t *Trial, f *Fold) (Fit, error)
	// Pass trains fits of all trials and folds, in the order in which their
	// trials joined, by one step each. It may return early once ctx is done:
	// what it has done so far is thrown away then.
	Pass(ctx context.Context, fits []Fit)
	// Scorers deals out fits to those that score them side by side.
	Scorers(fits []Fit) []Scorer
}

// Fit is a trial's model of one fold.
type Fit interface {
	// Told returns what the last pass has told, the same names at every step
	// and in every fold, each beginning with "train_" and the objective first.
	// A value that is not finite means that the fit has diverged.
	Told() []Value
	// Keep notes that the present step is the best so far.
	Keep()
	// Save appends what training goes on from, and what Keep last kept unless
	// it is the present step, which kept says.
	Save(b []byte, kept bool) []byte
	// Load reads what Save wrote into a fit that has not been trained.
	Load(b []byte, kept bool) error
}

// Settler is a Fit that can tell that no pass would change it any more. A trial
// all of whose fits have settled is done, whatever its budget is.
type Settler interface {
	Settled() bool
}

// Value is a number with its name.
type Value struct {
	Name string
	V    float64
}

// Scorer scores rows by one or more fits to the same fold.
type Scorer interface {
	// Fits returns the fits.
	Fits() []Fit
	// Score computes the outputs of rows lo to hi of m, at most ScoreRows of
	// them, for each fit: [rows×Outputs] row-major, probabilities of all
	// classes or a value in the target's units. It may be called from many
	// goroutines at once.
	Score(m *dataset.Matrix, lo, hi int, out [][]float32)
}

// ScoreRows is how many rows are scored at once at most. It divides the rows of
// a part.
const ScoreRows = 512

// Options is what a family trains by.
type Options struct {
	Family *heat.Family
	// New makes the problem of the data.
	New func(d *Data, pool *heat.Pool) (Problem, error)
	// Patience names the parameter that says after how many steps without a
	// better one a trial is done, 0 for never; empty if the family has none.
	Patience string
	// Standardise says that fits of a regression train on Fold.Target.
	Standardise bool
}

// Train is the Train of a heat.Trainer. Trials join and leave between two
// passes.
func Train(ctx context.Context, data *dataset.Data, pool *heat.Pool, feed heat.Feed, o Options) error {
	d, err := newData(data, o)
	if err != nil {
		return err
	}
	problem, err := o.New(d, pool)
	if err != nil {
		return err
	}
	h := &run{Data: d, problem: problem, pool: pool, options: &o}
	for open := true; ; {
		if open && ctx.Err() == nil {
			var tasks []heat.Task
			tasks, open = feed.Next(ctx, len(h.trials) > 0)
			h.admit(ctx, tasks)
		}
		if ctx.Err() != nil || !open && len(h.trials) == 0 {
			return nil //nolint:nilerr // that ctx ends is no failure
		}
		h.trials = slices.DeleteFunc(h.trials, func(t *Trial) bool { return t.task.Stopped() })
		if len(h.trials) > 0 {
			h.step(ctx)
		}
	}
}

// run is one call of Train.
type run struct {
	*Data
	problem Problem
	pool    *heat.Pool
	options *Options
	trials  []*Trial // in the order in which they joined
}

// admit takes in the trials that join. Those that cannot train end here.
func (h *run) admit(ctx context.Context, tasks []heat.Task) {
	for _, task := range tasks {
		if task.Stopped() {
			continue
		}
		t, err := h.newTrial(task)
		switch {
		case err != nil:
			task.End(failed(err), nil)
		case !t.done():
			h.trials = append(h.trials, t)
		case t.Final:
			h.endFinal(ctx, []*Trial{t})
		default:
			h.endRung(t)
		}
	}
}

// step trains all trials by one step and reports it. If ctx ends on the way it
// returns with nothing reported.
func (h *run) step(ctx context.Context) {
	fits := h.fits(h.trials)
	h.problem.Pass(ctx, fits)
	if ctx.Err() != nil {
		return
	}
	if h.Folds[0].Valid != nil {
		h.measure(h.trials, func(f *Fold) *dataset.Matrix { return f.Valid })
		if ctx.Err() != nil {
			return
		}
	}
	var finals []*Trial
	h.trials = slices.DeleteFunc(h.trials, func(t *Trial) bool {
		if t.task.Stopped() || !h.close(t) {
			return true
		}
		if !t.done() {
			return false
		}
		if t.Final {
			finals = append(finals, t)
		} else {
			h.endRung(t)
		}
		return true
	})
	h.endFinal(ctx, finals)
}

// fits lists the fits of trials, those of a fold together.
func (h *run) fits(trials []*Trial) []Fit {
	var fits []Fit
	for i := range h.Folds {
		for _, t := range trials {
			fits = append(fits, t.Fits[i])
		}
	}
	return fits
}

// endFinal measures final models on the test rows and ends them, unless ctx ends
// on the way.
func (h *run) endFinal(ctx context.Context, trials []*Trial) {
	if len(trials) == 0 {
		return
	}
	h.measure(trials, func(*Fold) *dataset.Matrix { return h.data.Test })
	if ctx.Err() != nil {
		return
	}
	for _, t := range trials {
		test := tourney.Metrics{}
		values := t.scores[0].values(h.Folds[0], h.data.Test, t.metrics)
		for i, name := range t.metrics {
			test["test_"+name] = values[i]
		}
		value := test["test_"+t.Job.Metric.Name]
		end := tourney.End{Outcome: tourney.OutcomeDone, Step: t.Step, BestStep: t.Step, Value: &value, Metrics: test}
		state := h.encode(t)
		if !finite(values) {
			end, state = tourney.End{Outcome: tourney.OutcomeDiverged, Step: t.Step}, nil
		}
		t.task.End(end, state)
	}
}
