package mlp_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/lap"
	"tourney/trainers/mlp"
	"tourney/trainers/trainertest"
)

func TestHiddenIsReadAsPeopleWriteIt(t *testing.T) {
	for text, want := range map[string][]int{
		"256": {256}, "256,128": {256, 128}, "256, 128": {256, 128}, "(64, 64, 10)": {64, 64, 10}, "[32]": {32},
		"100x50": {100, 50}, " 7 8 ": {7, 8}, "(100,)": {100},
	} {
		got, err := mlp.Hidden(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%q gives %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "()", "0", "-3", "8,-1", "a", "1.5", "99999", "1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17"} {
		if got, err := mlp.Hidden(text); err == nil {
			t.Errorf("%q gives %v, want an error", text, got)
		}
	}
}

func TestSpacesThatDoNotFit(t *testing.T) {
	f := mlp.Family()
	hidden := tourney.Param{Name: "hidden_layer_sizes", Distribution: tourney.Categorical, Values: []any{"8", "8,8"}}
	layers := tourney.Param{Name: "layers", Distribution: tourney.IntUniform, Min: 1, Max: 3}
	width := tourney.Param{Name: "width", Distribution: tourney.Constant, Value: int64(16)}
	smoothing := tourney.Param{Name: "label_smoothing", Distribution: tourney.Uniform, Min: 0, Max: 0.2}
	for _, tt := range []struct {
		task  tourney.Task
		space tourney.Space
		paths []string
	}{
		{tourney.Classification, tourney.Space{hidden, smoothing}, nil},
		{tourney.Regression, tourney.Space{hidden, smoothing}, []string{"parameters.label_smoothing"}},
		{tourney.Regression, tourney.Space{layers, width}, nil},
		{tourney.Classification, tourney.Space{hidden, layers, width}, []string{"parameters.layers", "parameters.width"}},
	} {
		if errs := f.CheckSpace(tt.space); len(errs) > 0 {
			t.Errorf("%v: %v", tt.space, errs)
		}
		var paths []string
		for _, e := range f.Fits(tt.space, &tourney.Dataset{Task: tt.task, Target: "y"}) {
			paths = append(paths, e.Path)
		}
		if !slices.Equal(paths, tt.paths) {
			t.Errorf("wrong at %v, want %v", paths, tt.paths)
		}
	}
	if _, err := probe(tourney.Params{"hidden": "8", "width": int64(3)}, 20); err == nil || !strings.Contains(err.Error(), "hidden") {
		t.Errorf("a trial with hidden and width: %v", err)
	}
	if _, err := probe(tourney.Params{"layers": int64(16), "width": int64(16_384)}, 20); err == nil || !strings.Contains(err.Error(), "weights") {
		t.Errorf("a network of 4 billion weights: %v", err)
	}
}

// The names of scikit-learn and PyTorch stand for the package's.
func TestNamesOfOtherPrograms(t *testing.T) {
	f := mlp.Family()
	for name, want := range map[string]string{
		"hidden_layer_sizes": "hidden", "learning_rate_init": "learning_rate", "lr": "learning_rate", "max_iter": "epochs", "solver": "optimizer",
		"beta_1": "beta1", "beta_2": "beta2", "nesterovs_momentum": "nesterov", "n_iter_no_change": "early_stopping", "eps": "epsilon",
	} {
		if p := f.Lookup(name); p == nil || p.Name != want {
			t.Errorf("%s is %+v, want %s", name, p, want)
		}
	}
	if !slices.IsSorted(f.Names()) {
		t.Errorf("the table is not sorted: %v", f.Names())
	}
}

func probe(params tourney.Params, rows int) (*mlp.Probe, error) {
	return mlp.NewProbe(data(rows, 8, 2, 2, false), tourney.Job{Params: params, Budget: 4, MaxBudget: 10, Seed: 5})
}

// Rates by hand: of 10 epochs of 4 batches, the trial's own budget of 4 plays
// no part.
func TestSchedules(t *testing.T) {
	for _, tt := range []struct {
		params      tourney.Params
		epoch, done int
		want        float64
	}{
		{tourney.Params{}, 7, 3, 0.5},
		{tourney.Params{"schedule": "linear"}, 0, 0, 0.5},
		{tourney.Params{"schedule": "linear"}, 5, 2, 0.5 * 0.45},
		{tourney.Params{"schedule": "cosine"}, 5, 0, 0.25},
		{tourney.Params{"schedule": "cosine"}, 2, 2, 0.5 * (1 + math.Sqrt2/2) / 2},
		{tourney.Params{"schedule": "step", "step_size": int64(3), "gamma": 0.5}, 2, 3, 0.5},
		{tourney.Params{"schedule": "step", "step_size": int64(3), "gamma": 0.5}, 9, 0, 0.0625},
		{tourney.Params{"warmup": 2.0}, 0, 0, 0.5 / 8},
		{tourney.Params{"warmup": 2.0}, 1, 3, 0.5},
		{tourney.Params{"warmup": 2.0, "schedule": "linear"}, 2, 0, 0.5},
		{tourney.Params{"warmup": 2.0, "schedule": "linear"}, 6, 0, 0.25},
		{tourney.Params{"warmup": 0.5, "schedule": "cosine"}, 0, 1, 0.5},
		{tourney.Params{"warmup": 100.0}, 9, 3, 0.5 * 40 / 400},
	} {
		tt.params["learning_rate"], tt.params["batch_size"] = 0.5, int64(10)
		p, err := probe(tt.params, 40)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Rate(tt.epoch, tt.done, 4); math.Abs(float64(got)-tt.want) > 1e-7 {
			t.Errorf("%v: after %d epochs and %d batches %v, want %v", tt.params, tt.epoch, tt.done, got, tt.want)
		}
	}
	for i := range 1001 {
		if u := float64(i) / 1000; math.Abs(mlp.CosPi(u)-math.Cos(math.Pi*u)) > 1e-15 {
			t.Errorf("cos of %v pi is %v, want %v", u, mlp.CosPi(u), math.Cos(math.Pi*u))
		}
	}
}

// Each epoch sees each row once, parts as a whole, in an order of its own.
func TestOrderOfRows(t *testing.T) {
	const n = 2*dataset.PartRows + 100
	p, err := probe(tourney.Params{"hidden": "1"}, n)
	if err != nil {
		t.Fatal(err)
	}
	first := slices.Clone(p.Order())
	p.Epoch()
	second := slices.Clone(p.Order())
	if slices.Equal(first, second) || slices.IsSorted(first) || slices.IsSorted(first[:100]) {
		t.Error("the order is not drawn anew")
	}
	for _, order := range [][]int32{first, second} {
		seen := make([]bool, n)
		changes := 0
		for i, r := range order {
			if seen[r] {
				t.Fatalf("row %d comes twice", r)
			}
			seen[r] = true
			if i > 0 && r/dataset.PartRows != order[i-1]/dataset.PartRows {
				changes++
			}
		}
		if len(order) != n || changes != 2 {
			t.Errorf("%d rows with %d changes of the part", len(order), changes)
		}
	}
	again, err := probe(tourney.Params{"hidden": "1"}, n)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(again.Order(), first) {
		t.Error("the same seed has another order")
	}
	still, err := probe(tourney.Params{"hidden": "1", "shuffle": "none"}, n)
	if err != nil {
		t.Fatal(err)
	}
	if still.Order() != nil {
		t.Error("shuffle none has an order")
	}
}

// First weights are even between the bounds of He, or of Glorot, and differ
// with the seed.
func TestFirstWeights(t *testing.T) {
	d := data(10, 4, 50, 3, false)
	for activation, want := range map[string][2]float64{
		"relu": {math.Sqrt(6.0 / 50), math.Sqrt(6.0 / 103)}, "tanh": {math.Sqrt(6.0 / 150), math.Sqrt(6.0 / 103)},
	} {
		job := tourney.Job{Params: tourney.Params{"hidden": "100", "activation": activation}, Budget: 1, MaxBudget: 1, Seed: 8}
		p, err := mlp.NewProbe(d, job)
		if err != nil {
			t.Fatal(err)
		}
		job.Seed = 9
		other, _ := mlp.NewProbe(d, job)
		w := p.Weights()
		for i, part := range [][]float32{w[:5000], w[5100:5400]} {
			top, mean, square := 0.0, 0.0, 0.0
			for _, v := range part {
				x := float64(v) / want[i]
				top = max(top, math.Abs(x))
				mean += x / float64(len(part))
				square += x * x / float64(len(part))
			}
			// Five standard errors; the variance of an even draw is a third.
			if e := 5 / math.Sqrt(float64(len(part))); top > 1 || top < 0.97 || math.Abs(mean) > e*0.58 || math.Abs(square-1.0/3) > e*0.3 {
				t.Errorf("%s, layer %d: at most %v of the bound, mean %v, mean square %v", activation, i+1, top, mean, square)
			}
		}
		if slices.Equal(w, other.Weights()) {
			t.Error("another seed has the same weights")
		}
		for _, v := range append(slices.Clone(w[5000:5100]), w[5400:]...) {
			if v != 0 {
				t.Errorf("a shift starts at %v", v)
			}
		}
	}
}

// A rate that is far too large ends the epoch at the batch that shows it.
func TestDivergesAtOnce(t *testing.T) {
	for _, params := range []tourney.Params{
		{"optimizer": "sgd", "learning_rate": 1e20, "batch_size": int64(10)},
		{"optimizer": "sgd", "learning_rate": 1e38, "batch_size": int64(1000)},
	} {
		p, err := probe(params, 400)
		if err != nil {
			t.Fatal(err)
		}
		p.Epoch()
		p.Epoch()
		if !p.Diverged() {
			t.Errorf("%v: loss %v, not diverged", params, p.Loss())
		}
	}
}

// A clipped gradient is no longer than asked for.
func TestClippedSteps(t *testing.T) {
	for _, limit := range []float64{0, 1e-3} {
		p, err := probe(tourney.Params{"optimizer": "sgd", "momentum": 0.0, "learning_rate": 1.0, "clip_norm": limit, "batch_size": int64(40)}, 40)
		if err != nil {
			t.Fatal(err)
		}
		before := slices.Clone(p.Weights())
		p.Epoch()
		square := 0.0
		for i, v := range p.Weights() {
			square += float64(v-before[i]) * float64(v-before[i])
		}
		length := math.Sqrt(square)
		if limit > 0 && math.Abs(length-limit) > 0.01*limit || limit == 0 && length < 0.1 {
			t.Errorf("with clip_norm %v a step is %v long", limit, length)
		}
	}
}

// Without early stopping a trial trains to its budget; with it, it is done so
// many epochs after its best.
func TestEarlyStopping(t *testing.T) {
	d := data(60, 200, 20, 2, false)
	params := tourney.Params{"hidden": "64", "learning_rate": 0.02, "batch_size": int64(10), "early_stopping": int64(3)}
	end := train(t, d, "logloss", 60, params)[0].Ended
	if end.Step != end.BestStep+3 || end.Step == 60 {
		t.Errorf("done at step %d, the best is %d", end.Step, end.BestStep)
	}
}

func TestNoBatchBeginsOnceTheContextHasEnded(t *testing.T) {
	p, err := probe(tourney.Params{}, 100)
	if err != nil {
		t.Fatal(err)
	}
	before := slices.Clone(p.Weights())
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	p.EpochUnder(ctx)
	if !slices.Equal(p.Weights(), before) {
		t.Error("the weights have changed")
	}
}

// A state that is none of the trial's network is refused, whatever it has in
// common with one.
func TestStatesOfOtherNetworks(t *testing.T) {
	d := data(60, 30, 3, 2, false)
	first := train(t, d, "logloss", 2, tourney.Params{"hidden": "5"})[0]
	resume := func(state []byte, params tourney.Params) *tourney.End {
		job := *first.Job()
		job.Params, job.Checkpoint = params, &tourney.Checkpoint{Step: 1}
		trial := trainertest.NewTrial(job, state)
		pool := heat.NewPool(1)
		defer pool.Close()
		if err := mlp.Family().Trainer.Train(context.Background(), d, pool, &trainertest.Script{Joins: [][]*trainertest.Trial{{trial}}}); err != nil {
			t.Fatal(err)
		}
		return trial.Ended
	}
	changed := func(at int, v []byte) []byte {
		state := slices.Clone(first.States[0])
		s, err := lap.ReadState(state)
		if err != nil {
			t.Fatal(err)
		}
		copy(s.Fits[0].Saved[at:], v)
		return state
	}
	nan := []byte{0, 0, 0xc0, 0x7f}
	two := []byte{0, 0, 0, 0, 0, 0, 0, 0x40}
	same := tourney.Params{"hidden": "5"}
	if end := resume(first.States[0], same); end.Outcome != tourney.OutcomeDone {
		t.Errorf("its own state ends as %+v", end)
	}
	for what, end := range map[string]*tourney.End{
		"wider":             resume(first.States[0], tourney.Params{"hidden": "6"}),
		"another optimizer": resume(first.States[0], tourney.Params{"hidden": "5", "optimizer": "sgd"}),
		"NaN":               resume(changed(24, nan), same),
		"a power of two":    resume(changed(8, two), same),
	} {
		if end.Outcome != tourney.OutcomeFailed || end.Reason != tourney.ReasonDataCorrupt {
			t.Errorf("%s: %+v", what, end)
		}
	}
}
