package search_test

import (
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"

	"tourney"
	"tourney/search"
)

// wandbSays is what bench/python/wandb_sweeps.py tells of W&B's own engine.
type wandbSays struct {
	Samples int
	Random  []struct {
		Name    string
		Spec    json.RawMessage
		Columns map[string]json.RawMessage // samples, or quantiles, or counts
	}
	Grid []struct {
		Name  string
		Spec  json.RawMessage
		Cells []tourney.Params
	}
}

// wandbColumn is a parameter's samples in short.
type wandbColumn struct {
	Counts    []json.RawMessage // pairs of a value and how often it came
	Quantiles []float64         // at 1/n, 2/n, …, 1
}

// ksCritical is what the distance of two samples of 10,000 stays below with a
// probability of 99.9 % if they are of one distribution: 1.949·sqrt(2/n), by
// the Kolmogorov distribution.
const ksCritical = 1.949 * 0.0141421

// Each generated sweep file of W&B's loads, its random parameters are
// distributed as theirs (Kolmogorov-Smirnov on 10,000 samples of each side),
// and its grid has their cells in their order. The file says in 200 quantiles
// what they drew, so that a distance is known to 1/200.
func TestSweepsOfWandBAreDistributedAlike(t *testing.T) {
	data, err := os.ReadFile("testdata/wandb_sweeps.json")
	if err != nil {
		t.Fatal(err)
	}
	compareWithWandB(t, data)
}

// The same beside the package itself, with every sample.
func TestSweepsOfWandBBesideThePackage(t *testing.T) {
	python := os.Getenv("TOURNEY_TEST_PYTHON")
	if python == "" {
		python = "../bench/.venv/bin/python"
	}
	path, err := filepath.Abs(python)
	if err != nil || exec.CommandContext(t.Context(), path, "-c", "import sweeps, numpy").Run() != nil {
		t.Skip("no Python with the package sweeps; name one in TOURNEY_TEST_PYTHON")
	}
	data, err := exec.CommandContext(t.Context(), path, "../bench/python/wandb_sweeps.py", "--samples").Output()
	if err != nil {
		t.Fatal(err)
	}
	compareWithWandB(t, data)
}

func compareWithWandB(t *testing.T, data []byte) {
	t.Helper()
	if testing.Short() {
		t.Skip("73 sweeps of 10,000 points take long")
	}
	var says wandbSays
	if err := json.Unmarshal(data, &says); err != nil {
		t.Fatal(err)
	}
	if len(says.Random) < 40 || len(says.Grid) < 10 {
		t.Fatalf("there are %d random sweeps and %d grids", len(says.Random), len(says.Grid))
	}
	seen := map[tourney.Distribution]bool{}
	worst, where := 0.0, ""
	for _, sweep := range says.Random {
		spec, points := proposalsOf(t, sweep.Spec, says.Samples)
		for i := range spec.Parameters {
			seen[spec.Parameters[i].Distribution] = true
		}
		for name, column := range sweep.Columns {
			ours := make([]any, len(points))
			for i, p := range points {
				ours[i] = p[name]
			}
			d, slack := distance(t, ours, column)
			if d > ksCritical+slack {
				t.Errorf("%s: %s: the distance of the samples is %.4f, above %.4f", sweep.Name, name, d, ksCritical+slack)
			}
			if d > worst {
				worst, where = d, sweep.Name
			}
		}
	}
	t.Logf("%d sweeps, %d grids; the largest distance is %.4f, of %s", len(says.Random), len(says.Grid), worst, where)
	for _, d := range []tourney.Distribution{
		tourney.Constant, tourney.Categorical, tourney.CategoricalProbs, tourney.IntUniform, tourney.Uniform, tourney.QUniform, tourney.LogUniformValues,
		tourney.QLogUniformValues, tourney.InvLogUniformValues, tourney.Normal, tourney.QNormal, tourney.LogNormal, tourney.QLogNormal, tourney.Beta, tourney.QBeta,
	} {
		if !seen[d] {
			t.Errorf("no sweep draws from %s", d)
		}
	}
	for _, sweep := range says.Grid {
		_, points := proposalsOf(t, sweep.Spec, len(sweep.Cells)+10)
		got, want := keys(points), keys(sweep.Cells)
		if !slices.Equal(got, want) {
			t.Errorf("%s: the cells are\n%q\nwant\n%q", sweep.Name, got, want)
		}
	}
}

// proposalsOf returns the first points of a sweep file of W&B's, to which only
// is added what it cannot say: who trains.
func proposalsOf(t *testing.T, file json.RawMessage, n int) (tourney.Spec, []tourney.Params) {
	t.Helper()
	var spec map[string]any
	if err := json.Unmarshal(file, &spec); err != nil {
		t.Fatal(err)
	}
	text := append([]byte(`{"trainer": "linear", "dataset": "d", "metric": {"name": "logloss"}, "run_cap": 100000, "seed": 9, `), file[1:]...)
	parsed, err := tourney.ParseSpec(text, "")
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	parsed.Parallelism = n
	f, err := search.Forecast(parsed, tourney.Plan{Budget: 1, Size: parsed.Parameters.Size()}, nil, n)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	return parsed, f.Proposals
}

// keys are points as texts in which equal numbers are equal, as W&B's own hash
// of a cell has it.
func keys(points []tourney.Params) []string {
	texts := make([]string, len(points))
	for i, p := range points {
		flat := tourney.Params{}
		for name, v := range p {
			if x, ok := v.(float64); ok && x == math.Trunc(x) && math.Abs(x) < 1<<53 {
				v = int64(x)
			}
			flat[name] = v
		}
		texts[i] = flat.Key()
	}
	return texts
}

// distance is the Kolmogorov-Smirnov distance of our samples from theirs, and
// by how much theirs are known too coarsely.
func distance(t *testing.T, ours []any, theirs json.RawMessage) (d, slack float64) {
	t.Helper()
	var samples []any
	if json.Unmarshal(theirs, &samples) == nil {
		if numeric(samples) {
			return twoSamples(numbers(t, ours), numbers(t, samples)), 0
		}
		return shares(ours, count(samples)), 0
	}
	var c wandbColumn
	if err := json.Unmarshal(theirs, &c); err != nil {
		t.Fatal(err)
	}
	if c.Counts != nil {
		return shares(ours, counted(t, c.Counts)), 0
	}
	xs := numbers(t, ours)
	slices.Sort(xs)
	for i, q := range c.Quantiles {
		at, _ := slices.BinarySearchFunc(xs, q, func(x, q float64) int {
			if x <= q {
				return -1
			}
			return 1
		})
		d = max(d, math.Abs(float64(at)/float64(len(xs))-float64(i+1)/float64(len(c.Quantiles))))
	}
	return d, 1 / float64(len(c.Quantiles))
}

func numeric(vs []any) bool {
	return !slices.ContainsFunc(vs, func(v any) bool { _, ok := v.(float64); return !ok })
}

func numbers(t *testing.T, vs []any) []float64 {
	t.Helper()
	xs := make([]float64, len(vs))
	for i, v := range vs {
		switch x := v.(type) {
		case float64:
			xs[i] = x
		case int64:
			xs[i] = float64(x)
		default:
			t.Fatalf("%v is no number", v)
		}
	}
	return xs
}

// twoSamples walks both samples in order.
func twoSamples(a, b []float64) (d float64) {
	slices.Sort(a)
	slices.Sort(b)
	for i, j := 0, 0; i < len(a) && j < len(b); {
		x := min(a[i], b[j])
		for i < len(a) && a[i] <= x {
			i++
		}
		for j < len(b) && b[j] <= x {
			j++
		}
		d = max(d, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return d
}

// shares is the largest distance of the sums of shares of values, numbers in
// their order and others by their text.
func shares(ours []any, theirs map[string]int) (d float64) {
	mine := count(ours)
	total := 0
	names := map[string]bool{}
	for name, n := range theirs {
		total += n
		names[name] = true
	}
	for name := range mine {
		names[name] = true
	}
	ordered := make([]string, 0, len(names))
	for name := range names {
		ordered = append(ordered, name)
	}
	slices.SortFunc(ordered, func(a, b string) int {
		var x, y float64
		if json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && x != y {
			if x < y {
				return -1
			}
			return 1
		}
		return len(a) - len(b)
	})
	sum := 0.0
	for _, name := range ordered {
		sum += float64(mine[name])/float64(len(ours)) - float64(theirs[name])/float64(total)
		d = max(d, math.Abs(sum))
	}
	return d
}

// count counts values by a text in which equal numbers are equal.
func count(vs []any) map[string]int {
	n := map[string]int{}
	for _, v := range vs {
		n[text(v)]++
	}
	return n
}

func text(v any) string {
	switch x := v.(type) {
	case int64:
		v = float64(x)
	case float64:
		v = math.Round(x*1e9)/1e9 + 0 // multiples of q differ in the last bit; there is one 0
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(data)
}

func counted(t *testing.T, pairs []json.RawMessage) map[string]int {
	t.Helper()
	n := map[string]int{}
	for _, pair := range pairs {
		var two []any
		if err := json.Unmarshal(pair, &two); err != nil || len(two) != 2 {
			t.Fatalf("%s: %v", pair, err)
		}
		times, ok := two[1].(float64)
		if !ok {
			t.Fatalf("%s has no count", pair)
		}
		n[text(two[0])] += int(times)
	}
	return n
}
