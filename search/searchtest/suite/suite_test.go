package suite_test

import (
	"encoding/csv"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"testing/fstest"

	"tourney/search/searchtest/suite"
)

// The functions are those that the peers were measured with.
func TestValues(t *testing.T) {
	f, err := os.Open("testdata/values.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.FieldsPerRecord = -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	number := func(s string) float64 {
		if s == "" {
			return math.NaN()
		}
		v, err := strconv.ParseFloat(s, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	problems := map[string]suite.Problem{}
	for _, p := range suite.Problems() {
		problems[p.Name] = p
	}
	checked := map[string]int{}
	for _, row := range rows {
		p := problems[row[0]]
		u := make([]float64, len(row)-2)
		for i := range u {
			u[i] = number(row[i+2])
		}
		if len(u) != len(p.Axes) {
			t.Fatalf("%s has %d axes, want %d", p.Name, len(p.Axes), len(u))
		}
		if p.Mask != nil {
			masked := make([]float64, len(u))
			for i, v := range u {
				masked[i] = v
				if math.IsNaN(v) {
					masked[i] = 0.5
				}
			}
			p.Mask(masked)
			for i := range u {
				if math.IsNaN(u[i]) != math.IsNaN(masked[i]) {
					t.Errorf("%s: axis %d of %v is masked to %v", p.Name, i, u, masked[i])
				}
			}
		}
		want, got := number(row[1]), p.Truth(u)
		if math.IsNaN(want) != math.IsNaN(got) || math.Abs(got-want) > 1e-11*max(1, math.Abs(want)) {
			t.Errorf("%s at %v = %v, want %v", p.Name, u, got, want)
		}
		checked[p.Name]++
	}
	if len(checked) != 18 {
		t.Errorf("%d functions have values, want 18", len(checked))
	}
}

// The optimum is the least value where it is known to be: the sources of the
// functions say where.
func TestOptimum(t *testing.T) {
	known := map[string][]float64{
		"branin2":     {(math.Pi + 5) / 15, 2.275 / 15},
		"hartmann3":   {0.114614, 0.555649, 0.852547},
		"hartmann6":   {0.20169, 0.150011, 0.476874, 0.275332, 0.311652, 0.6573},
		"rosenbrock5": {0.4, 0.4, 0.4, 0.4, 0.4},
		"levy5":       {0.55, 0.55, 0.55, 0.55, 0.55},
		"rastrigin5s": {0.655, 0.265, 0.61, 0.425, 0.78},
		"ackley5s":    {0.655, 0.265, 0.61, 0.425, 0.78},
		"griewank5s":  {0.655, 0.265, 0.61, 0.425, 0.78},
		"eggholder2":  {1 - 1e-9, (404.2319 + 512) / 1024},
	}
	for _, p := range suite.Problems() {
		if u, ok := known[p.Name]; ok {
			if r := p.Regret(u); math.Abs(r) > 1e-5*p.Scale {
				t.Errorf("%s: the regret of its optimum is %v", p.Name, r)
			}
		}
		rng := rand.New(rand.NewPCG(1, 1))
		for range 2000 {
			if r := p.Regret(p.Random(rng)); r < -1e-9 {
				t.Errorf("%s: a random point is better than the optimum, by %v", p.Name, -r)
			}
		}
	}
}

// The scale is the regret of the median random point.
func TestScale(t *testing.T) {
	for _, p := range suite.Problems() {
		rng := rand.New(rand.NewPCG(2, 2))
		var regrets []float64
		for len(regrets) < 4000 {
			if r := p.Regret(p.Random(rng)); !math.IsNaN(r) {
				regrets = append(regrets, r)
			}
		}
		if m := suite.Median(regrets); math.Abs(m/p.Scale-1) > 0.2 {
			t.Errorf("%s: median random regret %v, scale %v", p.Name, m, p.Scale)
		}
	}
}

// Random search scores what it scored with the peers' own random sampler:
// -0.85 at 100 trials with 20 seeds there.
func TestRandomScore(t *testing.T) {
	problems := suite.Problems()
	regrets := make([][]float64, len(problems))
	for i := range problems {
		p := &problems[i]
		ask := func(rng *rand.Rand, _ []suite.Observation, k int, _ func([]float64) bool) [][]float64 {
			out := make([][]float64, k)
			for j := range out {
				out[j] = p.Random(rng)
			}
			return out
		}
		for seed := range uint64(20) {
			out := suite.Play(p, ask, 100, 16, seed)
			if len(out.Regret) != 100 {
				t.Fatalf("%d trials, want 100", len(out.Regret))
			}
			regrets[i] = append(regrets[i], out.Regret[99])
		}
	}
	if s := suite.S3(problems, regrets); math.Abs(s+0.85) > 0.07 {
		t.Errorf("S3 of random search at 100 trials = %.3f, want -0.85", s)
	}
}

// A score is a decade for a decade, and ends at the floor.
func TestScore(t *testing.T) {
	p := suite.Problem{Scale: 10}
	for _, tt := range []struct {
		regrets []float64
		want    float64
	}{
		{[]float64{10}, 0},
		{[]float64{5, 0.1, 1}, -1},
		{[]float64{1.5, 0.5}, -1},
		{[]float64{0}, -3},
		{[]float64{1e-9}, -3},
		{[]float64{math.Inf(1), 1, math.Inf(1)}, 3},
	} {
		if got := p.Score(tt.regrets); math.Abs(got-tt.want) > 1e-12 {
			t.Errorf("Score(%v) = %v, want %v", tt.regrets, got, tt.want)
		}
	}
}

// The tables are read whole, and random search scores on them what it scored
// with the peers: -1.56 at 100 trials.
func TestTables(t *testing.T) {
	folder := os.DirFS("../../../../shared/hpo/tables")
	if _, err := fs.Stat(folder, "."); err != nil {
		t.Skip("the tables of real trainings are not beside the repository")
	}
	problems, err := suite.Tables(folder)
	if err != nil {
		t.Fatal(err)
	}
	regrets := make([][]float64, len(problems))
	for i := range problems {
		p := &problems[i]
		ask := func(rng *rand.Rand, _ []suite.Observation, _ int, _ func([]float64) bool) [][]float64 {
			return [][]float64{p.Random(rng)}
		}
		for seed := range uint64(20) {
			regrets[i] = append(regrets[i], suite.Play(p, ask, 100, 1, seed).Regret[99])
		}
	}
	if s := suite.S3(problems, regrets); math.Abs(s+1.56) > 0.08 {
		t.Errorf("S3 of random search at 100 trials = %.3f, want -1.56", s)
	}
}

func TestTablesMissing(t *testing.T) {
	if _, err := suite.Tables(fstest.MapFS{}); err == nil {
		t.Error("no error from a folder without tables")
	}
}
