package lap_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/lap"
	"tourney/trainers/trainertest"
)

// script is a family whose trials do what their parameters say: at step s the
// fit to fold f (from 0) is off by the s-th of errors times f+1, and tells half
// of that. Of classes it says class 1 with a probability that is off by that.
type script struct {
	passes [][]string         // the trials' names in each pass
	cancel context.CancelFunc // called in the second pass, unless nil
}

func (*script) Name() string { return "script" }

func (s *script) family() *heat.Family {
	return &heat.Family{Trainer: s, Budget: "steps", Params: []heat.Param{
		{Name: "errors", Text: func(text string) error { _, err := numbers(text); return err }, DefaultWord: "1", Help: "by step"},
		{Name: "name", Text: func(string) error { return nil }, Help: "of the trial"},
		{Name: "patience", Whole: true, Max: 100, Help: "steps"},
		{Name: "settled", Whole: true, Default: 99, Max: 99, Help: "the step from which on nothing changes"},
		{Name: "steps", Whole: true, Default: 4, Min: 1, Max: 100, Help: "steps"},
		{Name: "told", Text: func(string) error { return nil }, DefaultWord: "error", Help: "what is told"},
	}}
}

func numbers(text string) ([]float64, error) {
	var out []float64
	for item := range strings.SplitSeq(text, ",") {
		v, err := strconv.ParseFloat(item, 64)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func (s *script) Train(ctx context.Context, data *dataset.Data, pool *heat.Pool, feed heat.Feed) error {
	return lap.Train(ctx, data, pool, feed, lap.Options{
		Family: s.family(), Patience: "patience", Standardise: true,
		New: func(d *lap.Data, _ *heat.Pool) (lap.Problem, error) { return &problem{d, s}, nil },
	})
}

type problem struct {
	*lap.Data
	script *script
}

func (p *problem) Fit(t *lap.Trial, f *lap.Fold) (lap.Fit, error) {
	v, _ := numbers(t.Values.Word("errors"))
	if len(v) == 0 {
		return nil, errors.New("parameter errors: is empty")
	}
	return &fit{problem: p, trial: t, fold: f, errors: v, settled: t.Values.Int("settled")}, nil
}

func (p *problem) Pass(ctx context.Context, fits []lap.Fit) {
	var names []string
	for _, f := range fits {
		f := f.(*fit)
		f.step++
		names = append(names, f.trial.Values.Word("name"))
	}
	p.script.passes = append(p.script.passes, names)
	if len(p.script.passes) == 2 && p.script.cancel != nil {
		p.script.cancel()
	}
}

// Scorers makes one of all fits to a fold.
func (p *problem) Scorers(fits []lap.Fit) []lap.Scorer { return []lap.Scorer{scorer{p, fits}} }

type fit struct {
	*problem
	trial      *lap.Trial
	fold       *lap.Fold
	errors     []float64
	settled    int
	step, best int
}

func (f *fit) off() float64 { return f.errors[(f.step-1)%len(f.errors)] * float64(f.fold.Index+1) }

func (f *fit) Told() []lap.Value {
	return []lap.Value{{Name: "train_" + f.trial.Values.Word("told"), V: f.off() / 2}}
}

func (f *fit) Settled() bool { return f.step >= f.settled }
func (f *fit) Keep()         { f.best = f.step }

func (f *fit) Save(b []byte, kept bool) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(f.step))
	if !kept {
		b = binary.LittleEndian.AppendUint32(b, uint32(f.best))
	}
	return b
}

func (f *fit) Load(b []byte, kept bool) error {
	if kept && len(b) != 4 || !kept && len(b) != 8 {
		return errors.New("of another size")
	}
	f.step = int(binary.LittleEndian.Uint32(b))
	if f.step != f.trial.Step {
		return errors.New("of another step")
	}
	if f.best = f.step; !kept {
		f.best = int(binary.LittleEndian.Uint32(b[4:]))
	}
	return nil
}

type scorer struct {
	*problem
	fits []lap.Fit
}

func (s scorer) Fits() []lap.Fit { return s.fits }

func (s scorer) Score(m *dataset.Matrix, lo, hi int, out [][]float32) {
	if hi-lo > lap.ScoreRows {
		panic(fmt.Sprint(hi-lo, " rows at once"))
	}
	for i, f := range s.fits {
		off := float32(f.(*fit).off())
		for row := lo; row < hi; row++ {
			if s.Regression() {
				out[i][row-lo] = m.Y[row] + off
				continue
			}
			p := off
			if m.Y[row] == 1 {
				p = 1 - off
			}
			out[i][2*(row-lo)], out[i][2*(row-lo)+1] = 1-p, p
		}
	}
}

// values is a matrix of one feature whose targets are these.
func values(y ...float32) *dataset.Matrix {
	return &dataset.Matrix{N: len(y), D: 1, X: make([]float32, len(y)), Y: y}
}

// regression has the targets ±1 to validate on, so that the variance is 1.
func regression(folds int) *dataset.Data {
	d := &dataset.Data{Task: tourney.Regression}
	for range folds {
		d.Folds = append(d.Folds, &dataset.Fold{Train: values(3, 5, 7), Valid: values(1, -1, 1, -1)})
	}
	return d
}

func final() *dataset.Data {
	d := regression(1)
	d.Folds[0].Valid = nil
	d.Test = values(1, -1)
	return d
}

// classes has rows of two classes to validate on.
func classes(zeros, ones int) *dataset.Data {
	y := append(make([]float32, zeros), slices.Repeat([]float32{1}, ones)...)
	return &dataset.Data{
		Task: tourney.Classification, Classes: []string{"no", "yes"},
		Folds: []*dataset.Fold{{Train: values(0, 1), Valid: values(y...)}},
	}
}

var (
	byRMSE = tourney.Metric{Name: "rmse", Goal: tourney.Minimize}
	byR2   = tourney.Metric{Name: "r2", Goal: tourney.Maximize}
	byAUC  = tourney.Metric{Name: "auc", Goal: tourney.Maximize}
	byLoss = tourney.Metric{Name: "logloss", Goal: tourney.Minimize}
)

func trial(metric tourney.Metric, budget int, params tourney.Params, state []byte) *trainertest.Trial {
	return trainertest.NewTrial(tourney.Job{Kind: tourney.JobRung, Params: params, Metric: metric, Budget: budget, MaxBudget: budget}, state)
}

func finalTrial(metric tourney.Metric, budget int, params tourney.Params, state []byte) *trainertest.Trial {
	t := trial(metric, budget, params, state)
	t.Job().Kind = tourney.JobFinal
	return t
}

// train has trials join at the calls of Next, and returns the passes.
func train(t testing.TB, data *dataset.Data, joins ...[]*trainertest.Trial) [][]string {
	t.Helper()
	pool := heat.NewPool(2)
	defer pool.Close()
	s := &script{}
	if err := s.Train(context.Background(), data, pool, &trainertest.Script{Joins: slices.Clone(joins)}); err != nil {
		t.Fatal(err)
	}
	for _, join := range joins {
		for _, trial := range join {
			for _, e := range trial.Errors {
				t.Error(e)
			}
		}
	}
	return s.passes
}

func near(a, b float64) bool { return math.Abs(a-b) <= 1e-6*(1+math.Abs(b)) }
