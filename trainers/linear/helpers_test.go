package linear_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/lap"
	"tourney/trainers/linear"
	"tourney/trainers/metrics"
	"tourney/trainers/trainertest"
)

// train trains trials of a rung to the end on two slots.
func train(t testing.TB, data *dataset.Data, metric string, budget int, params ...tourney.Params) []*trainertest.Trial {
	t.Helper()
	builtin, _ := tourney.LookupMetric(metric)
	trials := make([]*trainertest.Trial, len(params))
	for i, p := range params {
		trials[i] = trainertest.NewTrial(tourney.Job{
			Kind: tourney.JobRung, Params: p, Metric: tourney.Metric{Name: metric, Goal: builtin.Goal}, Budget: budget, MaxBudget: budget,
		}, nil)
	}
	run(t, data, 2, trials...)
	return trials
}

func run(t testing.TB, data *dataset.Data, slots int, trials ...*trainertest.Trial) {
	t.Helper()
	pool := heat.NewPool(slots)
	defer pool.Close()
	runOn(t, data, pool, trials...)
}

func runOn(t testing.TB, data *dataset.Data, pool *heat.Pool, trials ...*trainertest.Trial) {
	t.Helper()
	feed := &trainertest.Script{Joins: [][]*trainertest.Trial{trials}}
	if err := linear.Family().Trainer.Train(context.Background(), data, pool, feed); err != nil {
		t.Fatal(err)
	}
}

// weights returns the weights of a fold's last step in a state, [(d+1)×outputs]
// with the intercepts last.
func weights(t testing.TB, d *dataset.Data, fold int, state []byte) []float32 {
	t.Helper()
	s, err := lap.ReadState(state)
	if err != nil {
		t.Fatal(err)
	}
	k := 1
	if len(d.Classes) > 2 {
		k = len(d.Classes)
	}
	w := make([]float32, (d.Folds[fold].Train.D+1)*k)
	for i := range w {
		w[i] = math.Float32frombits(binary.LittleEndian.Uint32(s.Fits[fold].Saved[4*i:]))
	}
	return w
}

// standardised returns the target of the training rows as trials see it.
func standardised(d *dataset.Data) (target []float32, mean, sd float64) {
	y := d.Folds[0].Train.Y
	mean, spread := metrics.Moments(y, nil, dataset.PartRows)
	sd = math.Sqrt(spread / float64(len(y)))
	for _, v := range y {
		target = append(target, float32((float64(v)-mean)/sd))
	}
	return target, mean, sd
}

// reencode has a state read and written again, by a trial that it leaves
// nothing to do. It returns nil if the state is refused.
func reencode(t testing.TB, d *dataset.Data, params tourney.Params, metric string, kind tourney.JobKind, state []byte) []byte {
	t.Helper()
	s, err := lap.ReadState(state)
	if err != nil {
		return nil
	}
	builtin, _ := tourney.LookupMetric(metric)
	trial := trainertest.NewTrial(tourney.Job{
		Kind: kind, Params: params, Metric: tourney.Metric{Name: metric, Goal: builtin.Goal}, Budget: max(1, s.Step),
	}, state)
	run(t, d, 1, trial)
	if len(trial.Points) > 0 || trial.Ended == nil {
		t.Fatalf("a state of step %d was trained on", s.Step)
	}
	return trial.Final
}

func sameBytes(a, b []byte) bool { return bytes.Equal(a, b) }

// sparse returns a dense matrix as CSR, without its zeros.
func sparse(m *dataset.Matrix) *dataset.Matrix {
	out := &dataset.Matrix{N: m.N, D: m.D, Y: m.Y, W: m.W, RowPtr: []int64{0}, Col: []uint32{}, Val: []float32{}}
	for i := range m.N {
		for j, v := range m.X[i*m.D : (i+1)*m.D] {
			if v != 0 {
				out.Col, out.Val = append(out.Col, uint32(j)), append(out.Val, v)
			}
		}
		out.RowPtr = append(out.RowPtr, int64(len(out.Col)))
	}
	return out
}

// sparseData returns data with all matrices as CSR.
func sparseData(d *dataset.Data) *dataset.Data {
	out := *d
	out.Folds = nil
	for _, f := range d.Folds {
		g := &dataset.Fold{Train: sparse(f.Train)}
		if f.Valid != nil {
			g.Valid = sparse(f.Valid)
		}
		out.Folds = append(out.Folds, g)
	}
	if d.Test != nil {
		out.Test = sparse(d.Test)
	}
	return &out
}
