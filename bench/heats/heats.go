// Package heats hides how a benchmark trains a heat by itself: trials that all
// join at once, on matrices that it was given, with nothing of the service
// around them.
package heats

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"time"

	"tourney"
	"tourney/dataset"
	"tourney/trainers"
)

// Result is what became of a trial.
type Result struct {
	End   tourney.End
	State []byte  // its last
	At    float64 // seconds from the heat's start to the trial's end
}

// task is a trial that writes down how it ended.
type task struct {
	job    tourney.Job
	began  time.Time
	result Result
}

func (t *task) Job() *tourney.Job                 { return &t.job }
func (t *task) State() []byte                     { return nil }
func (t *task) Stopped() bool                     { return false }
func (t *task) Step(tourney.Point, func() []byte) {}
func (t *task) End(end tourney.End, state []byte) {
	t.result = Result{end, state, time.Since(t.began).Seconds()}
}

// feed gives all its trials at the first call.
type feed struct{ tasks []trainers.Task }

func (f *feed) Next(context.Context, bool) ([]trainers.Task, bool) {
	tasks := f.tasks
	f.tasks = nil
	return tasks, len(tasks) > 0
}

// Train trains jobs in one heat and returns their results and the seconds that
// it took. A trial that does not end as done is an error.
func Train(ctx context.Context, data *dataset.Data, slots int, jobs []tourney.Job) ([]Result, float64, error) {
	if len(jobs) == 0 {
		return nil, 0, errors.New("no jobs")
	}
	family, ok := trainers.Lookup(jobs[0].Trainer)
	if !ok {
		return nil, 0, fmt.Errorf("no trainer %q", jobs[0].Trainer)
	}
	pool := trainers.NewPool(slots)
	defer pool.Close()
	tasks := make([]*task, len(jobs))
	f := &feed{}
	began := time.Now()
	for i, j := range jobs {
		tasks[i] = &task{job: j, began: began}
		f.tasks = append(f.tasks, tasks[i])
	}
	if err := family.Trainer.Train(ctx, data, pool, f); err != nil {
		return nil, 0, err
	}
	seconds := time.Since(began).Seconds()
	results := make([]Result, len(tasks))
	for i, t := range tasks {
		results[i] = t.result
		if t.result.End.Outcome != tourney.OutcomeDone {
			return nil, 0, fmt.Errorf("trial %d of %s, %v, ended as %s %s", i, t.job.Trainer, t.job.Params, t.result.End.Outcome, t.result.End.Error)
		}
	}
	return results, seconds, nil
}

// Job returns a job that trains so many steps.
func Job(trainer string, kind tourney.JobKind, metric string, steps int, params tourney.Params) tourney.Job {
	builtin, _ := tourney.LookupMetric(metric)
	return tourney.Job{
		Kind: kind, Trainer: trainer, Params: params, Metric: tourney.Metric{Name: metric, Goal: builtin.Goal},
		Budget: steps, MaxBudget: steps, Seed: 1, Weight: 1,
	}
}

// Synth is a made-up task: numbers of which a linear and a curved combination,
// with noise, say the class. Its first rows train, its last Held measure.
type Synth struct {
	N, Held, D, Classes int
	Seed                uint64
	Curved              bool // the class depends on products too
}

// Make makes the matrices.
func (s Synth) Make() *dataset.Data {
	rng := rand.New(rand.NewPCG(s.Seed, 17))
	k := max(1, s.Classes-1)
	if s.Classes > 2 {
		k = s.Classes
	}
	w := make([]float64, s.D*k)
	for i := range w {
		w[i] = rng.NormFloat64() / math.Sqrt(float64(s.D)) * 2
	}
	m := &dataset.Matrix{N: s.N, D: s.D, X: make([]float32, s.N*s.D), Y: make([]float32, s.N)}
	z := make([]float64, k)
	for i := range s.N {
		x := m.X[i*s.D : (i+1)*s.D]
		clear(z)
		for j := range x {
			x[j] = float32(rng.NormFloat64())
			for c := range z {
				z[c] += float64(x[j]) * w[j*k+c]
			}
		}
		if s.Curved {
			z[0] += float64(x[0]*x[1]) + math.Abs(float64(x[2])) - math.Sin(3*float64(x[3%s.D]))
		}
		best := 0
		for c := range z {
			z[c] += rng.NormFloat64()
			if z[c] > z[best] {
				best = c
			}
		}
		switch s.Classes {
		case 0:
			m.Y[i] = float32(z[0])
		case 2:
			if z[0] > 0 {
				m.Y[i] = 1
			}
		default:
			m.Y[i] = float32(best)
		}
	}
	train, held := Rows(m, 0, s.N-s.Held), Rows(m, s.N-s.Held, s.N)
	data := &dataset.Data{Version: "synthetic", Task: tourney.Regression, Folds: []*dataset.Fold{{Train: train, Valid: held}}}
	if s.Classes > 0 {
		data.Task = tourney.Classification
		for c := range s.Classes {
			data.Classes = append(data.Classes, fmt.Sprint(c))
		}
	}
	return data
}

// Rows returns rows of a dense matrix, not copied.
func Rows(m *dataset.Matrix, lo, hi int) *dataset.Matrix {
	return &dataset.Matrix{N: hi - lo, D: m.D, X: m.X[lo*m.D : hi*m.D], Y: m.Y[lo:hi]}
}

// Final returns the data of a final job, which tests on what would validate.
func Final(d *dataset.Data) *dataset.Data {
	out := *d
	out.Folds = []*dataset.Fold{{Train: d.Folds[0].Train, Prep: d.Folds[0].Prep, Bins: d.Folds[0].Bins}}
	out.Test = d.Folds[0].Valid
	return &out
}

// Folded returns the training rows as k folds of consecutive rows, each of them
// trained on two pieces that are copied together.
func Folded(d *dataset.Data, k int) *dataset.Data {
	out := *d
	out.Folds = nil
	m := d.Folds[0].Train
	for i := range k {
		lo, hi := i*m.N/k, (i+1)*m.N/k
		train := &dataset.Matrix{N: m.N - (hi - lo), D: m.D}
		train.X = append(append(train.X, m.X[:lo*m.D]...), m.X[hi*m.D:]...)
		train.Y = append(append(train.Y, m.Y[:lo]...), m.Y[hi:]...)
		out.Folds = append(out.Folds, &dataset.Fold{Train: train, Valid: Rows(m, lo, hi)})
	}
	return &out
}

// Save writes a matrix for a peer: PREFIX.x and PREFIX.y, float32 little endian.
func Save(prefix string, m *dataset.Matrix) error {
	for ext, v := range map[string][]float32{".x": m.X, ".y": m.Y} {
		b := make([]byte, 0, 4*len(v))
		for _, f := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(f))
		}
		if err := os.WriteFile(prefix+ext, b, 0o600); err != nil {
			return err
		}
	}
	return nil
}
