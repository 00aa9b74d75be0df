package gbdt_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/trainertest"
	"tourney/trainers/tree/gbdt"
)

// wide makes n rows of 28 numbers in 255 bins each, of two classes of which the
// logarithm of the odds is a sum of a few features and two products.
func wide(n, valid int) *dataset.Data {
	const d = 28
	rng := rand.New(rand.NewPCG(1, 1))
	all := n + valid
	m := &dataset.Matrix{N: all, D: d, Bins: make([]uint8, all*d), Y: make([]float32, all)}
	for i := range all {
		row := m.Bins[i*d : (i+1)*d]
		for j := 0; j < d; j += 4 {
			v := rng.Uint32()
			for k := range 4 {
				row[j+k] = uint8(1 + (v>>(8*k)&0xff)*255/256)
			}
		}
		x := func(j int) float64 { return float64(row[j])/128 - 1 }
		z := x(0) + x(1)*x(2)*2 - x(3)*x(3) + x(4)*x(5) - x(6)/2
		if rng.Float64() < 1/(1+math.Exp(-z)) {
			m.Y[i] = 1
		}
	}
	b := &dataset.Binning{}
	for j := range d {
		f := dataset.BinnedFeature{Name: fmt.Sprint("x", j), Kind: tourney.Number}
		for e := range 254 {
			f.Edges = append(f.Edges, float64(e))
		}
		b.Features = append(b.Features, f)
	}
	data := &dataset.Data{Version: "v", Form: dataset.Binned, Task: tourney.Classification, Classes: []string{"a", "b"}}
	data.Folds = []*dataset.Fold{{
		Train: part(m, dataset.Span{From: 0, To: n}), Valid: part(m, dataset.Span{From: n, To: all}), Bins: b,
	}}
	return data
}

// silent is a task that nobody listens to.
type silent struct {
	*trainertest.Trial
	last float64
}

func (s *silent) Step(p tourney.Point, _ func() []byte) { s.last = p.Metrics["train_logloss"] }
func (s *silent) End(tourney.End, []byte)               {}

// heatOf trains a heat of jobs with so many rounds each and returns the last
// losses.
func heatOf(b *testing.B, data *dataset.Data, slots, rounds int, params ...tourney.Params) []float64 {
	pool := heat.NewPool(slots)
	defer pool.Close()
	var tasks []heat.Task
	for i, p := range params {
		tasks = append(tasks, &silent{Trial: trainertest.NewTrial(tourney.Job{
			Kind: tourney.JobRung, Trainer: "gbdt", Params: p, Metric: tourney.DefaultMetric(tourney.Classification),
			Budget: rounds, MaxBudget: rounds, Seed: uint64(i), Weight: 1,
		}, nil)})
	}
	if err := gbdt.Family().Trainer.Train(b.Context(), data, pool, &once{tasks}); err != nil {
		b.Fatal(err)
	}
	var losses []float64
	for _, task := range tasks {
		losses = append(losses, task.(*silent).last)
	}
	return losses
}

// once is a feed that gives all its tasks at once.
type once struct{ tasks []heat.Task }

func (o *once) Next(_ context.Context, _ bool) ([]heat.Task, bool) { return o.tasks, false }

// BenchmarkOneFit trains 100 rounds on a million rows.
func BenchmarkOneFit(b *testing.B) {
	data := wide(1_000_000, 1000)
	for _, c := range []struct {
		name   string
		params tourney.Params
	}{
		{"plain", tourney.Params{}},
		{"bagging", tourney.Params{"bagging_fraction": 0.5}},
		{"goss", tourney.Params{"boosting": "goss"}},
	} {
		for _, slots := range []int{1, 2} {
			b.Run(fmt.Sprintf("%s/slots=%d", c.name, slots), func(b *testing.B) {
				const rounds = 100
				for b.Loop() {
					b.ReportMetric(heatOf(b, data, slots, rounds, c.params)[0], "train_logloss")
				}
				b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N*rounds), "ms/tree")
			})
		}
	}
}

// BenchmarkHeat trains 32 trials of 100 rounds on 20,000 rows: all unlike each
// other, and unlike in nothing but their rounds.
func BenchmarkHeat(b *testing.B) {
	data := wide(20_000, 5000)
	unlike := make([]tourney.Params, 32)
	alike := make([]tourney.Params, 32)
	for i := range unlike {
		unlike[i] = tourney.Params{"learning_rate": 0.05 + 0.01*float64(i), "num_leaves": 15 + i}
		alike[i] = tourney.Params{"early_stopping_round": 1000 + i}
	}
	for name, params := range map[string][]tourney.Params{"unlike": unlike, "rounds": alike} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				heatOf(b, data, 2, 100, params...)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*3200), "µs/tree")
		})
	}
}
