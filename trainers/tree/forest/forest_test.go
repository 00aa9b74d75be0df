package forest_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/trainertest"
	"tourney/trainers/tree/forest"
)

// rows draws binned rows with missing values and a category, whose classes or
// values depend on some of them. The first go to train, the others to other.
func rows(seed uint64, train, other, classes int) (bins []uint8, y []float32, b *dataset.Binning) {
	rng := rand.New(rand.NewPCG(seed, 3))
	const d = 6
	b = &dataset.Binning{}
	for j := range d {
		f := dataset.BinnedFeature{Name: fmt.Sprint("x", j), Kind: tourney.Number}
		for e := range 40 {
			f.Edges = append(f.Edges, float64(e))
		}
		if j == 5 {
			f = dataset.BinnedFeature{Name: "c", Kind: tourney.Category, Levels: []string{"a", "b", "c", "d", "e", "f"}}
		}
		b.Features = append(b.Features, f)
	}
	n := train + other
	for range n {
		row := make([]uint8, d)
		for j := range row {
			row[j] = uint8(rng.IntN(b.Features[j].Bins()))
			if j < 2 && rng.IntN(10) == 0 {
				row[j] = 0
			}
		}
		bins = append(bins, row...)
		z := float64(row[0])/20 + math.Sin(float64(row[1])/6) + float64(row[5]%3) + 0.3*rng.NormFloat64()
		if classes == 0 {
			y = append(y, float32(100+z))
		} else {
			y = append(y, float32(min(classes-1, max(0, int(z*float64(classes)/3.5)))))
		}
	}
	return bins, y, b
}

func data(train, other, classes int, final bool) *dataset.Data {
	bins, y, b := rows(1, train, other, classes)
	matrix := func(lo, hi int) *dataset.Matrix {
		return &dataset.Matrix{N: hi - lo, D: 6, Y: y[lo:hi], Bins: bins, Spans: []dataset.Span{{From: lo, To: hi}}}
	}
	out := &dataset.Data{Version: "v", Task: tourney.Regression, Folds: []*dataset.Fold{{Train: matrix(0, train), Bins: b}}}
	for c := range classes {
		out.Task = tourney.Classification
		out.Classes = append(out.Classes, fmt.Sprint(c))
	}
	if final {
		out.Test = matrix(train, train+other)
	} else {
		out.Folds[0].Valid = matrix(train, train+other)
	}
	return out
}

func suite(classes int, metric string) *trainertest.Suite {
	builtin, _ := tourney.LookupMetric(metric)
	return &trainertest.Suite{
		Trainer: forest.Forest().Trainer,
		Rung:    data(400, 150, classes, false),
		Final:   data(500, 150, classes, true),
		Metric:  tourney.Metric{Name: metric, Goal: builtin.Goal},
		Params: []tourney.Params{
			{},
			{"max_features": 0.5, "min_samples_leaf": int64(5), "bootstrap": false, "max_samples": 0.7},
			{"extra_trees": true, "max_depth": int64(6), "max_features": "all"},
			{"max_leaf_nodes": int64(12), "ccp_alpha": 0.002, "max_features": "log2", "random_state": int64(4)},
			{"bootstrap": false, "max_features": "sqrt", "max_samples": 1.0, "min_impurity_decrease": 0.001},
		},
		Refuse: tourney.Params{"max_features": "many"},
		Budget: 5,
	}
}

func TestTwoClassesAreATrainer(t *testing.T)  { suite(2, "logloss").Run(t) }
func TestManyClassesAreATrainer(t *testing.T) { suite(4, "accuracy").Run(t) }
func TestValuesAreATrainer(t *testing.T)      { suite(0, "rmse").Run(t) }
func TestEntropyIsATrainer(t *testing.T) {
	s := suite(2, "auc")
	for i, p := range s.Params {
		s.Params[i] = tourney.Params{"criterion": "entropy"}
		for k, v := range p {
			s.Params[i][k] = v
		}
	}
	s.Run(t)
}

// train trains trials of a family together.
func train(t *testing.T, family heat.Family, d *dataset.Data, kind tourney.JobKind, budget, slots int, params ...tourney.Params) []*trainertest.Trial {
	t.Helper()
	pool := heat.NewPool(slots)
	defer pool.Close()
	var trials []*trainertest.Trial
	for _, p := range params {
		trials = append(trials, trainertest.NewTrial(tourney.Job{
			Kind: kind, Trainer: family.Trainer.Name(), Params: p, Metric: tourney.DefaultMetric(d.Task), Budget: budget, MaxBudget: budget, Seed: 3, Weight: 1,
		}, nil))
	}
	if err := family.Trainer.Train(context.Background(), d, pool, &trainertest.Script{Joins: [][]*trainertest.Trial{trials}}); err != nil {
		t.Fatal(err)
	}
	for _, trial := range trials {
		if trial.Ended == nil || trial.Ended.Outcome != tourney.OutcomeDone {
			t.Fatalf("%v ended as %+v", trial.Job().Params, trial.Ended)
		}
	}
	return trials
}

// Trees are scikit-learn's where bins lose nothing and no two splits are alike:
// as many leaves, and the same outputs of every row.
func TestTreesAreScikitLearns(t *testing.T) {
	text, err := os.ReadFile("testdata/trees.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		Classes int
		X       [][]uint8
		Y, W    []float32
		Trees   []struct {
			Params   tourney.Params
			Weighted bool
			Leaves   int
			Out      [][]float64
		}
	}
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	family := forest.Tree()
	for _, c := range cases {
		n, dim := len(c.X), len(c.X[0])
		b := &dataset.Binning{}
		for j := range dim {
			f := dataset.BinnedFeature{Name: fmt.Sprint("x", j), Kind: tourney.Number}
			for e := range n - 1 {
				f.Edges = append(f.Edges, float64(e)+0.5)
			}
			b.Features = append(b.Features, f)
		}
		m := &dataset.Matrix{N: n, D: dim, Y: c.Y, Spans: []dataset.Span{{To: n}}}
		for _, row := range c.X {
			for _, v := range row {
				m.Bins = append(m.Bins, v+1)
			}
		}
		for _, tree := range c.Trees {
			own := *m
			if tree.Weighted {
				own.W = c.W
			}
			d := &dataset.Data{Task: tourney.Regression, Folds: []*dataset.Fold{{Train: &own, Bins: b}}, Test: m}
			for k := range c.Classes {
				d.Task, d.Classes = tourney.Classification, append(d.Classes, fmt.Sprint(k))
			}
			trial := train(t, family, d, tourney.JobFinal, 1, 1, tree.Params)[0]
			model, err := family.Open(trial.Job(), d, trial.Final)
			if err != nil {
				t.Fatal(err)
			}
			doc, err := json.Marshal(model)
			if err != nil {
				t.Fatal(err)
			}
			k := max(1, c.Classes)
			out := make([]float32, n*k)
			model.Predict(m, 0, n, out)
			worst := 0.0
			distinct := map[string]bool{}
			for i, want := range tree.Out {
				for j, v := range want {
					worst = max(worst, math.Abs(float64(out[i*k+j])-v))
				}
			}
			for i := range n {
				distinct[fmt.Sprint(out[i*k:(i+1)*k])] = true
			}
			if worst > 1e-5 {
				t.Errorf("%d classes, %v, weighted %v: outputs differ by %g; %d leaves wanted, at least %d found (%.80s)", c.Classes, tree.Params, tree.Weighted, worst, tree.Leaves, len(distinct), doc)
			}
		}
	}
}

// A forest's steps do not depend on how many trees are grown at once, and a
// single tree's bits not on company.
func TestTreesAlone(t *testing.T) {
	d := data(400, 150, 3, false)
	params := []tourney.Params{{"max_depth": int64(3)}, {"criterion": "entropy"}, {"min_samples_leaf": int64(9)}}
	together := train(t, forest.Tree(), d, tourney.JobRung, 1, 3, params...)
	for i, p := range params {
		alone := train(t, forest.Tree(), d, tourney.JobRung, 1, 1, p)[0]
		if !reflect.DeepEqual(alone.Points, together[i].Points) || !slices.Equal(alone.Final, together[i].Final) {
			t.Errorf("%v: other bits in company", p)
		}
	}
}

// A forest beats a tree, and what it says of rows that it has not seen is what
// it is worth on others: the out-of-bag loss is near the validation's.
func TestOutOfBag(t *testing.T) {
	for _, classes := range []int{0, 2, 3} {
		d := data(3000, 3000, classes, false)
		one := train(t, forest.Tree(), d, tourney.JobRung, 1, 1, tourney.Params{"min_samples_leaf": int64(2)})[0]
		many := train(t, forest.Forest(), d, tourney.JobRung, 60, 2, tourney.Params{"min_samples_leaf": int64(2)})[0]
		name := tourney.DefaultMetric(d.Task).Name
		if *many.Ended.Value > 0.95**one.Ended.Value {
			t.Errorf("%d classes: %s of the forest %v, of a tree %v", classes, name, *many.Ended.Value, *one.Ended.Value)
		}
		last := many.Points[len(many.Points)-1].Metrics
		if oob := last["train_oob_"+name]; math.Abs(oob/last[name]-1) > 0.1 {
			t.Errorf("%d classes: out of bag %s %v, of the validation rows %v", classes, name, oob, last[name])
		}
		if last["train_"+name] >= last["train_oob_"+name] {
			t.Errorf("%d classes: the loss of rows that were seen, %v, is not below that of others, %v", classes, last["train_"+name], last["train_oob_"+name])
		}
	}
}

// A model that was written and read again gives the bits that were measured.
func TestModelRoundTrip(t *testing.T) {
	for _, classes := range []int{0, 2, 3} {
		family := forest.Forest()
		d := data(300, 200, classes, true)
		trial := train(t, family, d, tourney.JobFinal, 7, 2, tourney.Params{})[0]
		m, err := family.Open(trial.Job(), d, trial.Final)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := json.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		again, err := family.ReadModel(doc, heat.About{Task: d.Task, Classes: d.Classes, Features: d.Folds[0].Bins.Names(), Binning: d.Folds[0].Bins})
		if err != nil {
			t.Fatal(err)
		}
		k := max(1, classes)
		p, q := make([]float32, d.Test.N*k), make([]float32, d.Test.N*k)
		m.Predict(d.Test, 0, d.Test.N, p)
		again.Predict(d.Test, 0, d.Test.N, q)
		if !slices.Equal(p, q) {
			t.Errorf("%d classes: the model that was read gives other outputs", classes)
		}
	}
}

// one is a table of one number with these bins, the last rows of which are those
// to test on.
func one(classes, test int, bins []uint8, y []float32) *dataset.Data {
	b := &dataset.Binning{Features: []dataset.BinnedFeature{{Name: "x", Kind: tourney.Number, Edges: []float64{1, 2}}}}
	cut := len(y) - test
	d := &dataset.Data{
		Task: tourney.Regression, Folds: []*dataset.Fold{{Train: &dataset.Matrix{N: cut, D: 1, Bins: bins, Y: y[:cut], Spans: []dataset.Span{{To: cut}}}, Bins: b}},
		Test: &dataset.Matrix{N: test, D: 1, Bins: bins, Y: y[cut:], Spans: []dataset.Span{{From: cut, To: len(y)}}},
	}
	for c := range classes {
		d.Task, d.Classes = tourney.Classification, append(d.Classes, fmt.Sprint(c))
	}
	return d
}

// A missing value where none was seen goes where more rows went, and one that
// was seen where it does good.
func TestMissingValues(t *testing.T) {
	for _, classes := range []int{0, 2, 3} {
		for _, c := range []struct {
			low, high, missing int // rows with the lower, the higher and no number
			of                 float32
		}{{30, 10, 0, 0}, {10, 30, 0, 1}, {30, 10, 5, 1}, {10, 30, 5, 0}} {
			bins := slices.Concat(slices.Repeat([]uint8{1}, c.low), slices.Repeat([]uint8{2}, c.high), make([]uint8, c.missing+1))
			y := slices.Concat(make([]float32, c.low), slices.Repeat([]float32{1}, c.high), slices.Repeat([]float32{c.of}, c.missing+1))
			d := one(classes, 1, bins, y)
			trial := train(t, forest.Tree(), d, tourney.JobFinal, 1, 1, tourney.Params{})[0]
			m, err := forest.Tree().Open(trial.Job(), d, trial.Final)
			if err != nil {
				t.Fatal(err)
			}
			out := make([]float32, max(1, classes))
			m.Predict(d.Test, 0, 1, out)
			if got := out[min(1, len(out)-1)]; math.Abs(float64(got-c.of)) > 1e-6 {
				t.Errorf("%d classes, %+v: %v", classes, c, out)
			}
		}
	}
}

// Rows of weight 0 are nothing to the losses, out of bag or not, and the scale
// of weights changes no tree.
func TestWeights(t *testing.T) {
	for _, classes := range []int{0, 2, 3} {
		d := data(1500, 1500, classes, false)
		own := *d.Folds[0].Train
		d.Folds[0].Train = &own
		own.W = make([]float32, own.N)
		own.Y = slices.Clone(own.Y)
		for i := range own.W {
			if own.W[i] = 3; i%3 == 0 { // and what they say is wrong
				own.W[i], own.Y[i] = 0, float32(max(0, classes-1))
			}
		}
		name := tourney.DefaultMetric(d.Task).Name
		a := train(t, forest.Forest(), d, tourney.JobRung, 40, 2, tourney.Params{"min_samples_leaf": int64(4)})[0]
		last := a.Points[len(a.Points)-1].Metrics
		if oob := last["train_oob_"+name]; math.Abs(oob/last[name]-1) > 0.12 {
			t.Errorf("%d classes: out of bag %s %v, of the validation rows %v", classes, name, oob, last[name])
		}
	}
	d := data(400, 400, 3, false)
	params := func(weights string) tourney.Params {
		return tourney.Params{"class_weight": weights, "criterion": "entropy", "max_depth": int64(5)}
	}
	trials := train(t, forest.Tree(), d, tourney.JobRung, 1, 1, params("1,2,1"), params("0.0000019073486328125,0.000003814697265625,0.0000019073486328125"), params("262144,524288,262144"))
	for _, other := range trials[1:] { // by powers of two
		if !reflect.DeepEqual(other.Points, trials[0].Points) {
			t.Errorf("%v: %v, want %v", other.Job().Params, other.Points, trials[0].Points)
		}
	}
}

// More rows than a part are counted as few are: the forest's value on the board
// is the model's, and its steps do not depend on slots.
func TestManyParts(t *testing.T) {
	d := data(2*dataset.PartRows+500, dataset.PartRows+300, 3, false)
	a := train(t, forest.Forest(), d, tourney.JobRung, 3, 1, tourney.Params{"max_depth": int64(7)})[0]
	b := train(t, forest.Forest(), d, tourney.JobRung, 3, 5, tourney.Params{"max_depth": int64(7)})[0]
	if !reflect.DeepEqual(a.Points, b.Points) || !slices.Equal(a.Final, b.Final) {
		t.Error("other bits on five slots")
	}
	pool := heat.NewPool(3)
	defer pool.Close()
	job := *a.Job()
	job.Checkpoint = &tourney.Checkpoint{Step: 2}
	again := trainertest.NewTrial(job, a.States[1])
	if err := forest.Forest().Trainer.Train(context.Background(), d, pool, &trainertest.Script{Joins: [][]*trainertest.Trial{{again}}}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(again.Points, a.Points[2:]) || !reflect.DeepEqual(again.Ended, a.Ended) || !slices.Equal(again.Final, a.Final) {
		t.Errorf("resumed: other bits: %+v, want %+v", again.Ended, a.Ended)
	}
	final := *d
	fold := *d.Folds[0]
	final.Test, fold.Valid = fold.Valid, nil
	final.Folds = []*dataset.Fold{&fold}
	f := train(t, forest.Forest(), &final, tourney.JobFinal, 3, 2, tourney.Params{"max_depth": int64(7)})[0]
	for name, v := range a.Points[2].Metrics {
		if w, ok := f.Ended.Metrics["test_"+name]; ok && math.Abs(v-w) > 1e-6 {
			t.Errorf("%s of sums is %v, of the model %v", name, v, w)
		}
	}
}

func TestWrongParameters(t *testing.T) {
	for _, c := range []struct {
		classes int
		params  tourney.Params
		want    string
	}{
		{0, tourney.Params{"criterion": "gini"}, "for classes"},
		{2, tourney.Params{"criterion": "squared_error"}, "for values"},
		{2, tourney.Params{"class_weight": "1,2,3"}, "3 weights for 2 classes"},
		{0, tourney.Params{"class_weight": "balanced"}, "for classes"},
		{2, tourney.Params{"class_weight": "much"}, "separated by commas"},
		{2, tourney.Params{"num_leaves": int64(1)}, "at least 2"},
	} {
		pool := heat.NewPool(1)
		d := data(60, 30, c.classes, false)
		trial := trainertest.NewTrial(tourney.Job{Kind: tourney.JobRung, Params: c.params, Metric: tourney.DefaultMetric(d.Task), Budget: 1, MaxBudget: 1}, nil)
		if err := forest.Tree().Trainer.Train(context.Background(), d, pool, &trainertest.Script{Joins: [][]*trainertest.Trial{{trial}}}); err != nil {
			t.Fatal(err)
		}
		pool.Close()
		if e := trial.Ended; e == nil || e.Reason != tourney.ReasonSpecInvalid || !strings.Contains(e.Error, c.want) {
			t.Errorf("%v ended as %+v, want an error with %q", c.params, e, c.want)
		}
	}
}

func BenchmarkForest(b *testing.B) {
	for _, classes := range []int{2, 4, 0} {
		b.Run(fmt.Sprint(classes, " classes"), func(b *testing.B) {
			d := data(50_000, 100, classes, false)
			pool := heat.NewPool(1)
			defer pool.Close()
			for b.Loop() {
				trial := trainertest.NewTrial(tourney.Job{Kind: tourney.JobRung, Metric: tourney.DefaultMetric(d.Task), Budget: 1, MaxBudget: 1}, nil)
				if err := forest.Forest().Trainer.Train(context.Background(), d, pool, &trainertest.Script{Joins: [][]*trainertest.Trial{{trial}}}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e3/float64(b.N), "ms/tree")
		})
	}
}
