package search_test

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/search"
	"tourney/search/searchtest"
)

// propose returns what a sweep proposes when all its trials start at once.
func propose(t testing.TB, spec tourney.Spec) []tourney.Params {
	t.Helper()
	s, err := search.New(spec, plan)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(tourney.Engine{}); err != nil {
		t.Fatal(err)
	}
	var points []tourney.Params
	for _, d := range s.Decide() {
		if p, ok := d.(tourney.Proposed); ok {
			points = append(points, p.Params)
		}
	}
	return points
}

func sweep(t testing.TB, method string, trials int, params string) tourney.Spec {
	t.Helper()
	return parse(t, fmt.Sprintf("metric: {name: rmse}\nparallelism: 100000\nmethod: %s\nrun_cap: %d\nseed: 11\nparameters:\n%s", method, trials, params))
}

func TestRandomReachesBothEnds(t *testing.T) {
	// 2,000 draws miss one end's hundredth, or one of at most 50 cells, with a
	// probability below 1e-8 and 1e-15.
	points := propose(t, sweep(t, "random", 2000, `
  c: {value: 3}
  cat: {values: [1, x, true, null]}
  catp: {values: [a, b, c], probabilities: [0.05, 0.9, 0.05]}
  int: {min: -3, max: 46}
  log: {distribution: log_uniform_values, min: 0.001, max: 1000}
  lognormal: {distribution: log_normal, mu: 1, sigma: 2}
  normal: {distribution: normal, mu: 5, sigma: 2}
  qlog: {distribution: q_log_uniform_values, min: 1, max: 20, q: 1}
  qlognormal: {distribution: q_log_normal, mu: 3, sigma: 1, q: 2}
  qnormal: {distribution: q_normal, mu: 0, sigma: 5, q: 5}
  quni: {distribution: q_uniform, min: 0, max: 1, q: 0.25}
  uni: {min: -1.0, max: 1.0}
`))
	lo, hi := map[string]float64{}, map[string]float64{}
	values := map[string]map[any]bool{}
	for _, p := range points {
		for name, v := range p {
			if values[name] == nil {
				values[name], lo[name], hi[name] = map[any]bool{}, math.Inf(1), math.Inf(-1)
			}
			values[name][v] = true
			if x, ok := p.Float(name, 0); ok {
				lo[name], hi[name] = min(lo[name], x), max(hi[name], x)
			}
		}
	}
	for name, want := range map[string][2]float64{ // exactly
		"c": {3, 3}, "int": {-3, 46}, "qlog": {1, 20}, "quni": {0, 1},
	} {
		if got := [2]float64{lo[name], hi[name]}; got != want {
			t.Errorf("%s runs from %v to %v, want %v to %v", name, got[0], got[1], want[0], want[1])
		}
	}
	for name, n := range map[string]int{"c": 1, "cat": 4, "catp": 3, "int": 50, "qlog": 20, "quni": 5} {
		if got := len(values[name]); got != n {
			t.Errorf("%s takes %d values, want %d", name, got, n)
		}
	}
	for name, want := range map[string][4]float64{ // least between the first two, greatest between the last two
		"uni":        {-1, -0.98, 0.98, 1},
		"log":        {0.001, 0.0012, 830, 1000},
		"normal":     {5 - 2*6, 5 - 2*2.3, 5 + 2*2.3, 5 + 2*6},
		"lognormal":  {math.Exp(1 - 2*6), math.Exp(1 - 2*2.3), math.Exp(1 + 2*2.3), math.Exp(1 + 2*6)},
		"qnormal":    {-30, -10, 10, 30},
		"qlognormal": {0, 2, 200, math.Exp(3 + 6)},
	} {
		if !(want[0] <= lo[name] && lo[name] <= want[1] && want[2] <= hi[name] && hi[name] <= want[3]) {
			t.Errorf("%s runs from %v to %v, want from [%v, %v] to [%v, %v]", name, lo[name], hi[name], want[0], want[1], want[2], want[3])
		}
	}
}

func TestRandomCoordinatesAreUniformAcrossTrials(t *testing.T) {
	// Each trial has a generator of its own, with neighbouring seeds. Were they
	// not independent, the first draws of the trials would not be uniform.
	spec := sweep(t, "random", 10_000, "  a: {min: 0.0, max: 1.0}\n  b: {min: 0.0, max: 1.0}\n")
	const cells = 10
	var count [cells][cells]float64
	points := propose(t, spec)
	for _, p := range points {
		count[int(p["a"].(float64)*cells)][int(p["b"].(float64)*cells)]++
	}
	chi2, want := 0.0, float64(len(points))/cells/cells
	for i := range count {
		for j := range count[i] {
			chi2 += (count[i][j] - want) * (count[i][j] - want) / want
		}
	}
	// The 0.0001 and 0.9999 quantiles of χ² with 99 degrees of freedom.
	if chi2 < 54 || chi2 > 161 {
		t.Errorf("χ² of the first two coordinates is %.1f, want between 54 and 161", chi2)
	}
}

func TestFiniteSpacesAreExhaustedWithoutARepeat(t *testing.T) {
	for name, c := range map[string]struct {
		params string
		points int // by hand
	}{
		"product":              {"  a: {min: 1, max: 7}\n  b: {values: [x, y, z]}\n  c: {value: 1}\n", 21},
		"repeated values":      {"  a: {values: [x, y, x, y, z]}\n", 3},
		"1 and 1.0 are one":    {"  a: {values: [1, 1.0, 2]}\n", 2},
		"rare values":          {"  a: {values: [x, y, z], probabilities: [0.999999998, 0.000000001, 0.000000001]}\n  b: {min: 1, max: 5}\n", 15},
		"impossible values":    {"  a: {values: [x, y, z], probabilities: [0.5, 0, 0.5]}\n", 2},
		"quantised":            {"  a: {distribution: q_uniform, min: 0, max: 2, q: 0.5}\n", 5},
		"quantised, skewed":    {"  a: {distribution: q_log_uniform_values, min: 1, max: 4000, q: 1}\n", 4000},
		"an end never reached": {"  a: {distribution: q_uniform, min: 0, max: 1.5, q: 1}\n", 2}, // 1.5 would round to 2, but is not drawn
		"one point":            {"  a: {values: [x]}\n", 1},
	} {
		t.Run(name, func(t *testing.T) {
			points := propose(t, sweep(t, "random", 5000, c.params))
			seen := map[string]bool{}
			for _, p := range points {
				seen[p.Key()] = true
			}
			if len(points) != c.points || len(seen) != c.points {
				t.Errorf("%d trials at %d points, want %d at as many", len(points), len(seen), c.points)
			}
		})
	}
}

func TestVastSkewedSpaceDoesNotRunOut(t *testing.T) {
	// 2^70 points, one of which has nearly all of the probability.
	var b strings.Builder
	for i := range 70 {
		fmt.Fprintf(&b, "  p%02d: {values: [x, y], probabilities: [0.999999999, 0.000000001]}\n", i)
	}
	points := map[string]bool{}
	for _, p := range propose(t, sweep(t, "random", 20, b.String())) {
		points[p.Key()] = true
	}
	if len(points) != 20 {
		t.Errorf("trials at %d points, want 20", len(points))
	}
}

func TestQuantisedNormalEndsWhereFloatsDo(t *testing.T) {
	// A q_normal has no ends, but no uniform float lies beyond 8.3 σ, so a
	// sweep over it alone must not draw for ever. Its trials never repeat.
	points := propose(t, sweep(t, "random", 100, "  a: {distribution: q_normal, mu: 0, sigma: 1, q: 1}\n"))
	seen := map[any]bool{}
	for _, p := range points {
		seen[p["a"]] = true
	}
	if len(seen) != len(points) || len(points) < 15 || len(points) > 18 || !seen[int64(0)] || !seen[int64(7)] || !seen[int64(-7)] {
		t.Errorf("values %v, want each whole number to ±7 or ±8 once", slices.Collect(maps.Keys(seen)))
	}
}

func TestValuesThatJSONCannotCarry(t *testing.T) {
	// exp(μ + σ·z) is infinite for a quarter of all draws, and 0 for as many.
	spec := sweep(t, "random", 200, "  a: {distribution: log_normal, mu: 0, sigma: 1000}\n  b: {min: 0.0, max: 1.0}\n")
	for _, p := range propose(t, spec) {
		if a, ok := p["a"].(float64); !ok || math.IsInf(a, 0) || math.IsNaN(a) {
			t.Fatalf("a = %v, want a finite number", p["a"])
		}
	}
	searchtest.Claims(t, sweep(t, "random", 10, "  a: {values: [-0.0, 1]}\n  b: {distribution: q_uniform, min: -1, max: 1, q: 0.5}\n"), plan)
}

func TestGridRunsThroughItsCells(t *testing.T) {
	// By hand: three parameters of 2, 3 and 2 cells; trial n is 6a + 2b + c.
	points := propose(t, sweep(t, "grid", 1000, "  a: {values: [0, 1]}\n  b: {min: 0, max: 2}\n  c: {distribution: q_uniform, min: 0, max: 2, q: 1}\n"))
	if len(points) != 12 {
		t.Fatalf("%d trials, want 12", len(points))
	}
	for n, p := range points {
		if got := 6*p["a"].(int64) + 2*p["b"].(int64) + p["c"].(int64); got != int64(n) {
			t.Errorf("trial %d is cell %d", n, got)
		}
	}
}

func TestSeedsTellSweepsApart(t *testing.T) {
	spec := sweep(t, "random", 50, "  a: {min: 0.0, max: 1.0}\n")
	other := spec
	other.Seed++
	a, b := propose(t, spec), propose(t, other)
	for i := range a {
		if a[i]["a"] == b[i]["a"] {
			t.Errorf("trial %d is the same with both seeds", i)
		}
	}
}

// TestSameProposalsInAnotherProcess runs the test binary again: nothing may
// depend on what differs between processes, such as the order of maps.
func TestSameProposalsInAnotherProcess(t *testing.T) {
	spec := parse(t, "metric: {name: rmse}\nparallelism: 4\nmethod: random\nrun_cap: 60\nseed: 5\nearly_terminate: {type: asha, max_iter: 9}\n"+mixed)
	log, err := searchtest.Fleet{Spec: spec, Plan: plan, Workers: 3, Train: searchtest.Curves(3), Duration: searchtest.LogNormal(0.5)}.Run()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, e := range log {
		if d, ok := e.Body.(tourney.Proposed); ok {
			fmt.Fprintf(&b, "%d %s\n", d.Trial, d.Params.Key())
		} else {
			fmt.Fprintln(&b, e.Body.Kind())
		}
	}
	const file = "SEARCH_TEST_WRITES_ITS_LOG_TO"
	if path := os.Getenv(file); path != "" {
		if err := os.WriteFile(path, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	path := t.TempDir() + "/log"
	cmd := exec.Command(os.Args[0], "-test.run=^TestSameProposalsInAnotherProcess$", "-test.count=1")
	cmd.Env = append(os.Environ(), file+"="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != b.String() {
		t.Error("the other process has another log")
	}
}

func TestHistory(t *testing.T) {
	spec := parse(t, "metric: {name: accuracy}\nparallelism: 3\nmethod: random\nrun_cap: 200\norder: arrival\nearly_terminate: {type: asha, max_iter: 2, eta: 2}\n"+mixed)
	s, err := search.New(spec, plan)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(tourney.Engine{}); err != nil {
		t.Fatal(err)
	}
	s.Decide()
	value := 0.75
	for _, e := range []tourney.Reported{
		{Trial: 1, End: tourney.End{Outcome: tourney.OutcomeDone, Value: &value}},
		{Trial: 2, End: tourney.End{Outcome: tourney.OutcomeDiverged}},
	} {
		if err := s.Apply(e); err != nil {
			t.Fatal(err)
		}
		s.Decide()
	}
	h := s.History()
	want := []search.Result{{Trial: 1, Budget: 1, Loss: -0.75}, {Trial: 2, Budget: 1, Loss: math.Inf(1)}}
	if !reflect.DeepEqual(h.Done(), want) {
		t.Errorf("Done() = %v, want %v", h.Done(), want)
	}
	if !slices.Equal(h.Pending(), []int{0, 3, 4}) {
		t.Errorf("Pending() = %v, want trials 0, 3 and 4", h.Pending())
	}
	if h.Trials() != 5 || h.Dim() != 4 {
		t.Errorf("Trials() = %d, Dim() = %d, want 5 and 4 (one parameter is fixed)", h.Trials(), h.Dim())
	}
}

// TestPointsDecodeToTheirParameters: a point that a model is fitted on must be
// the trial that was run, for every kind of parameter.
func TestPointsDecodeToTheirParameters(t *testing.T) {
	spec := sweep(t, "random", 300, `
  cat: {values: [1, x, true, null, 1]}
  catp: {values: [a, b, c], probabilities: [0.2, 0, 0.8]}
  int: {min: -3, max: 46}
  log: {distribution: log_uniform_values, min: 0.001, max: 1000}
  lognormal: {distribution: log_normal, mu: 1, sigma: 2}
  normal: {distribution: normal, mu: 5, sigma: 2}
  qlog: {distribution: q_log_uniform_values, min: 1, max: 20, q: 1}
  qnormal: {distribution: q_normal, mu: 0, sigma: 5, q: 5}
  quni: {distribution: q_uniform, min: 0, max: 1, q: 0.1}
  uni: {min: -1.0, max: 1.0}
`)
	s, err := search.New(spec, plan)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(tourney.Engine{}); err != nil {
		t.Fatal(err)
	}
	for _, d := range s.Decide() {
		p, ok := d.(tourney.Proposed)
		if !ok {
			continue
		}
		u := s.History().At(p.Trial)
		for _, x := range u {
			if !(x >= 0 && x < 1) {
				t.Fatalf("trial %d has coordinates %v outside [0, 1)", p.Trial, u)
			}
		}
		if got := s.History().Params(u); got.Key() != p.Params.Key() {
			t.Fatalf("trial %d: Params(At) = %s, want %s", p.Trial, got.Key(), p.Params.Key())
		}
	}
}

func TestCellsAreNumberedBothWays(t *testing.T) {
	for params, cells := range map[string]int64{ // by hand
		"  a: {values: [x, y, x]}\n  b: {min: -2, max: 3}\n  c: {values: [p, q], probabilities: [0.9, 0.1]}\n": 24,
		"  a: {distribution: q_uniform, min: 0, max: 1, q: 0.1}\n":                                             11,
		"  a: {min: 0, max: 99999}\n": 100_000, // too many for a table
		"  a: {distribution: q_log_uniform_values, min: 1, max: 3000, q: 1}\n  b: {min: 1, max: 3}\n": 9000,
		"  a: {min: -2251799813685248, max: 2251799813685247}\n":                                      1 << 52,
		"  a: {min: -4503599627370496, max: 4503599627370495}\n":                                      0, // too many for floats to tell apart
		"  a: {min: 0.0, max: 1.0}\n  b: {min: 1, max: 3}\n":                                          0,
	} {
		s, err := search.New(sweep(t, "random", 10, params), plan)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.History().Cells(); got != cells {
			t.Errorf("%s has %d cells, want %d", params, got, cells)
			continue
		}
		for cell := int64(0); cell < cells; cell += 1 + cells/5000 {
			if got := s.History().CellOfCell(cell); got != cell {
				t.Fatalf("%s: the coordinates of cell %d lie in cell %d", params, cell, got)
			}
		}
	}
}

func TestRandomDrawsAgainBeforeItWalks(t *testing.T) {
	// Half of the 200 likely points are proposed; a walk from a repeated one
	// would soon come by an unlikely z.
	for _, p := range propose(t, sweep(t, "random", 100, "  a: {min: 1, max: 100}\n  b: {values: [x, y, z], probabilities: [0.5, 0.499999999, 0.000000001]}\n")) {
		if p["b"] == "z" {
			t.Fatalf("%s has a probability of 1e-9 and was proposed", p.Key())
		}
	}
}

// TestNextOpenVisitsEveryCellOnce walks through a space from random places,
// as if every draw had been seen before.
func TestNextOpenVisitsEveryCellOnce(t *testing.T) {
	spec := sweep(t, "random", 2000, "  a: {min: 0, max: 6}\n  b: {distribution: q_log_uniform_values, min: 1, max: 9, q: 1}\n  c: {values: [x, y, z]}\n")
	s, err := search.New(spec, plan)
	if err != nil {
		t.Fatal(err)
	}
	bodies := []tourney.EventBody{tourney.Engine{}, tourney.Turned{State: tourney.SweepRunning}}
	rng := rand.New(rand.NewPCG(1, 2))
	seen := map[string]bool{}
	for n := range 7 * 9 * 3 {
		u := []float64{rng.Float64(), rng.Float64(), rng.Float64()}
		p, ok := s.History().NextOpen(u)
		if again, _ := s.History().NextOpen(u); again.Key() != p.Key() {
			t.Fatalf("point %d: asked twice, the answer is %s, then %s", n, p.Key(), again.Key())
		}
		if !ok || seen[p.Key()] {
			t.Fatalf("point %d: %s, %v, seen %v", n, p.Key(), ok, seen[p.Key()])
		}
		seen[p.Key()] = true
		bodies = append(bodies, tourney.Proposed{Trial: n, Params: p},
			tourney.Queued{Trial: n, For: tourney.JobRung, Budget: 10, Finish: 10})
		for _, body := range bodies {
			if err := s.Apply(body); err != nil {
				t.Fatal(err)
			}
		}
		bodies = nil
	}
	if p, ok := s.History().NextOpen([]float64{0.5, 0.5, 0.5}); ok {
		t.Errorf("after all cells there is %s", p.Key())
	}
}
