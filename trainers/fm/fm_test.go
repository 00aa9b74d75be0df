package fm_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/fm"
	"tourney/trainers/heat"
	"tourney/trainers/trainertest"
)

// clicks draws sparse rows of three one-hot fields, whose class or value
// depends on which levels of the first two meet, and on nothing else: no linear
// model can learn that.
func clicks(seed uint64, n, levels, classes int) *dataset.Matrix {
	rng := rand.New(rand.NewPCG(seed, 5))
	m := &dataset.Matrix{N: n, D: 3 * levels, RowPtr: []int64{0}, Y: make([]float32, n)}
	for i := range n {
		a, b, c := rng.IntN(levels), rng.IntN(levels), rng.IntN(levels)
		m.Col = append(m.Col, uint32(a), uint32(levels+b), uint32(2*levels+c))
		m.Val = append(m.Val, 1, 1, 1)
		m.RowPtr = append(m.RowPtr, int64(len(m.Col)))
		switch classes {
		case 0:
			m.Y[i] = float32(100 + 10*(a%2*2-1)*(b%2*2-1))
		default:
			m.Y[i] = float32((a%classes + b%classes) % classes)
		}
	}
	return m
}

// dense returns the same rows in the other form.
func dense(m *dataset.Matrix) *dataset.Matrix {
	out := &dataset.Matrix{N: m.N, D: m.D, X: make([]float32, m.N*m.D), Y: m.Y, W: m.W}
	for i := range m.N {
		for k := m.RowPtr[i]; k < m.RowPtr[i+1]; k++ {
			out.X[i*m.D+int(m.Col[k])] = m.Val[k]
		}
	}
	return out
}

func data(train, other, levels, classes int, final bool) *dataset.Data {
	out := &dataset.Data{Version: "v", Task: tourney.Classification, Folds: []*dataset.Fold{{
		Train: clicks(1, train, levels, classes), Prep: prep(levels),
	}}}
	for i := range classes {
		out.Classes = append(out.Classes, fmt.Sprint(i))
	}
	if classes == 0 {
		out.Task = tourney.Regression
	}
	if final {
		out.Test = clicks(3, other, levels, classes)
	} else {
		out.Folds[0].Valid = clicks(2, other, levels, classes)
	}
	return out
}

// prep is a pipeline of three fields.
func prep(levels int) *dataset.Pipeline {
	p := &dataset.Pipeline{}
	for i := range 3 {
		p.Inputs = append(p.Inputs, dataset.Input{Name: fmt.Sprint("f", i), Kind: tourney.Text, Buckets: levels})
	}
	return p
}

func suite(classes int, metric string) *trainertest.Suite {
	builtin, _ := tourney.LookupMetric(metric)
	return &trainertest.Suite{
		Trainer: fm.Family().Trainer,
		Rung:    data(600, 200, 4, classes, false),
		Final:   data(700, 200, 4, classes, true),
		Metric:  tourney.Metric{Name: metric, Goal: builtin.Goal},
		Params: []tourney.Params{
			{"learning_rate": 0.1},
			{"learning_rate": 0.02, "optimizer": "adam", "factors": int64(3), "batch_size": int64(64)},
			{"learning_rate": 0.3, "optimizer": "sgd", "l2": 0.01, "l2_factors": 0.001, "batch_size": int64(7)},
			{"learning_rate": 0.1, "field_aware": "true", "factors": int64(2), "batch_size": int64(100)},
			{"learning_rate": 0.2, "field_aware": true, "optimizer": "adam", "factors": int64(4), "batch_size": int64(1e6)},
		},
		Diverge: tourney.Params{"learning_rate": 1e30, "optimizer": "sgd", "batch_size": int64(32)},
		Refuse:  tourney.Params{"factors": int64(0)},
		Budget:  5,
	}
}

func TestClassesAreATrainer(t *testing.T)     { suite(2, "logloss").Run(t) }
func TestManyClassesAreATrainer(t *testing.T) { suite(3, "auc").Run(t) }
func TestValuesAreATrainer(t *testing.T)      { suite(0, "rmse").Run(t) }

// Batches of several parts are spread over the pool.
func TestLargeBatchesAreATrainer(t *testing.T) {
	if testing.Short() {
		t.Skip("trains on 13,000 rows")
	}
	s := suite(2, "logloss")
	s.Rung = data(3*dataset.PartRows+700, dataset.PartRows+10, 4, 2, false)
	s.Params = []tourney.Params{
		{"learning_rate": 0.1, "batch_size": int64(1e6)},
		{"learning_rate": 0.1, "batch_size": int64(5000), "optimizer": "adam"},
		{"learning_rate": 0.2, "batch_size": int64(dataset.PartRows)},
		{"learning_rate": 0.2, "batch_size": int64(9000), "field_aware": true, "factors": int64(2)},
	}
	s.Budget = 4
	s.Run(t)
}

// The score is the definition's: a sum over all pairs (Rendle 2010, equation 1;
// Juan et al. 2016, equation 4), here in float64.
func TestScoreIsTheSumOverPairs(t *testing.T) {
	const d, factors, outputs = 9, 3, 2
	rng := rand.New(rand.NewPCG(1, 2))
	x := &dataset.Matrix{N: 20, D: d, X: make([]float32, 20*d)}
	for i := range x.X {
		if rng.IntN(2) == 0 {
			x.X[i] = float32(rng.NormFloat64())
		}
	}
	for _, field := range [][]int{nil, {0, 0, 0, 1, 1, 2, 2, 2, 2}} {
		fields := 1
		if field != nil {
			fields = 3
		}
		w := make([]float32, fm.Size(d, outputs, factors, fields))
		for i := range w {
			w[i] = float32(rng.NormFloat64())
		}
		unit := 1 + fields*factors
		for o := range outputs {
			z, g := fm.Score(field, outputs, factors, w, x, o)
			score := func(w []float32, row int) float64 {
				total := float64(w[d*outputs*unit+o])
				at := func(i, j int) []float32 { // the vector of i that meets j
					f := 0
					if field != nil {
						f = field[j]
					}
					return w[i*outputs*unit+o*unit+1+f*factors:][:factors]
				}
				for i := range d {
					xi := float64(x.X[row*d+i])
					total += float64(w[i*outputs*unit+o*unit]) * xi
					for j := i + 1; j < d; j++ {
						for k := range factors {
							total += float64(at(i, j)[k]) * float64(at(j, i)[k]) * xi * float64(x.X[row*d+j])
						}
					}
				}
				return total
			}
			for row := range x.N {
				if want := score(w, row); math.Abs(float64(z[row])-want) > 1e-4*(1+math.Abs(want)) {
					t.Errorf("fields %v, output %d, row %d: %v, want %v", field, o, row, z[row], want)
				}
			}
			// Finite differences of the sum of all rows' scores.
			for i := range w {
				const h = 1.0 / 64
				sum := func(by float32) (s float64) {
					v := slices.Clone(w)
					v[i] += by
					for row := range x.N {
						s += score(v, row)
					}
					return s
				}
				want := (sum(h) - sum(-h)) / (2 * h)
				if math.Abs(float64(g[i])-want) > 2e-3*(1+math.Abs(want)) {
					t.Errorf("fields %v, output %d: derivative %d is %v, want %v", field, o, i, g[i], want)
				}
			}
		}
	}
}

// train trains trials together and returns them.
func train(t *testing.T, d *dataset.Data, kind tourney.JobKind, metric string, budget int, params ...tourney.Params) []*trainertest.Trial {
	t.Helper()
	pool := heat.NewPool(2)
	defer pool.Close()
	builtin, _ := tourney.LookupMetric(metric)
	var trials []*trainertest.Trial
	for _, p := range params {
		trials = append(trials, trainertest.NewTrial(tourney.Job{
			Kind: kind, Trainer: "fm", Params: p, Metric: tourney.Metric{Name: metric, Goal: builtin.Goal}, Budget: budget, MaxBudget: budget, Seed: 3, Weight: 1,
		}, nil))
	}
	if err := fm.Family().Trainer.Train(context.Background(), d, pool, &trainertest.Script{Joins: [][]*trainertest.Trial{trials}}); err != nil {
		t.Fatal(err)
	}
	return trials
}

// What only interactions tell is learnt by every optimizer, field-aware or not.
func TestInteractionsAreLearnt(t *testing.T) {
	d := data(4000, 1000, 4, 2, false)
	for i, trial := range train(t, d, tourney.JobRung, "accuracy", 30,
		tourney.Params{"learning_rate": 0.2, "batch_size": int64(32)},
		tourney.Params{"learning_rate": 0.2, "batch_size": int64(32), "field_aware": true},
		tourney.Params{"learning_rate": 0.02, "batch_size": int64(32), "optimizer": "adam"},
		tourney.Params{"learning_rate": 0.5, "batch_size": int64(32), "optimizer": "sgd", "init": 0.5},
	) {
		if trial.Ended == nil || *trial.Ended.Value < 0.99 {
			t.Errorf("trial %d: end %+v", i, trial.Ended)
		}
	}
}

// The form of the matrix changes no bit.
func TestDenseRowsAreTheSame(t *testing.T) {
	sparse := data(600, 200, 4, 2, false)
	other := data(600, 200, 4, 2, false)
	f := other.Folds[0]
	f.Train, f.Valid = dense(f.Train), dense(f.Valid)
	params := suite(2, "logloss").Params
	a, b := train(t, sparse, tourney.JobRung, "logloss", 3, params...), train(t, other, tourney.JobRung, "logloss", 3, params...)
	for i := range a {
		if !reflect.DeepEqual(a[i].Points, b[i].Points) || !slices.Equal(a[i].Final, b[i].Final) {
			t.Errorf("trial %d differs", i)
		}
	}
}

// A model that was written and read again gives the bits that were measured.
func TestModelRoundTrip(t *testing.T) {
	family := fm.Family()
	for _, c := range []struct {
		classes int
		metric  string
	}{{2, "logloss"}, {3, "logloss"}, {0, "rmse"}} {
		for _, aware := range []bool{false, true} {
			d := data(500, 300, 3, c.classes, true)
			trial := train(t, d, tourney.JobFinal, c.metric, 4, tourney.Params{"field_aware": aware, "factors": int64(3)})[0]
			m, err := family.Open(trial.Job(), d, trial.Final)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := json.Marshal(m)
			if err != nil {
				t.Fatal(err)
			}
			about := heat.About{Task: d.Task, Classes: d.Classes, Features: d.Folds[0].Prep.Features()}
			again, err := family.ReadModel(doc, about)
			if err != nil {
				t.Fatal(err)
			}
			k := about.Outputs()
			p, q := make([]float32, d.Test.N*k), make([]float32, d.Test.N*k)
			m.Predict(d.Test, 0, d.Test.N, p)
			again.Predict(d.Test, 0, d.Test.N, q)
			if !slices.Equal(p, q) {
				t.Errorf("%d classes: the model that was read gives other outputs", c.classes)
			}
			got := 0.0 // the metric of the test rows, by its definition
			for i, y := range d.Test.Y {
				if c.classes == 0 {
					got += float64(p[i]-y) * float64(p[i]-y)
				} else {
					got -= math.Log(float64(p[i*k+int(y)]))
				}
			}
			got /= float64(d.Test.N)
			if c.classes == 0 {
				got = math.Sqrt(got)
			}
			if want := *trial.Ended.Value; math.Abs(got-want) > 1e-5*math.Abs(want) {
				t.Errorf("%d classes: the model's %s is %v, the board's %v", c.classes, c.metric, got, want)
			}
			for _, bad := range []string{"", "{}", `{"factors":3,"weights":[[1]],"vectors":[[]],"intercepts":[0]}`, `{"factors":-1}`, `{"factors":3,"fields":[9]}`} {
				if _, err := family.ReadModel([]byte(bad), about); err == nil {
					t.Errorf("no error for %q", bad)
				}
			}
		}
	}
}

// Field-aware machines need to know the fields.
func TestFieldAwareNeedsFields(t *testing.T) {
	d := data(100, 50, 3, 2, false)
	d.Folds[0].Prep = nil
	trial := train(t, d, tourney.JobRung, "logloss", 2, tourney.Params{"field_aware": true})[0]
	if trial.Ended == nil || trial.Ended.Reason != tourney.ReasonSpecInvalid {
		t.Errorf("end %+v", trial.Ended)
	}
}

func BenchmarkEpoch(b *testing.B) {
	d := data(50_000, 100, 1000, 2, false)
	pool := heat.NewPool(1)
	defer pool.Close()
	for b.Loop() {
		trial := trainertest.NewTrial(tourney.Job{Kind: tourney.JobRung, Trainer: "fm", Metric: tourney.DefaultMetric(d.Task), Budget: 1, MaxBudget: 1}, nil)
		if err := fm.Family().Trainer.Train(context.Background(), d, pool, &trainertest.Script{Joins: [][]*trainertest.Trial{{trial}}}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(50_000*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
