package main

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tourney"
	"tourney/bench/report"
	"tourney/search/axis"
	"tourney/search/searchtest/suite"
)

// The parameters of a sweep's space lead to the point of the suite that they
// name, over the whole of each range.
func TestPoints(t *testing.T) {
	problems, err := functions()
	if err != nil {
		t.Fatal(err)
	}
	if len(problems) != 18 {
		t.Fatalf("%d functions, want 18", len(problems))
	}
	for i := range problems {
		p := &problems[i]
		params, err := points(p, 400)
		if err != nil {
			t.Fatal(err)
		}
		lo, hi := make([]float64, len(p.names)), make([]float64, len(p.names))
		for k := range lo {
			lo[k], hi[k] = 1, 0
		}
		var regrets []float64
		for _, one := range params {
			u, err := p.point(one)
			if err != nil {
				t.Fatal(err)
			}
			masked := append([]float64(nil), u...)
			for k := range masked {
				if math.IsNaN(masked[k]) {
					masked[k] = 0.5
				}
			}
			if p.Mask != nil {
				p.Mask(masked)
			}
			for k := range u {
				if math.IsNaN(u[k]) != math.IsNaN(masked[k]) && p.Mask != nil {
					t.Fatalf("%s: %s has a part in %s here, and not in the suite", p.Name, p.names[k], one.Key())
				}
				if !math.IsNaN(u[k]) {
					lo[k], hi[k] = min(lo[k], u[k]), max(hi[k], u[k])
				}
			}
			if r := p.Regret(u); !math.IsNaN(r) {
				regrets = append(regrets, r)
			}
		}
		for k := range lo {
			if lo[k] > 0.17 || hi[k] < 0.83 || lo[k] < 0 || hi[k] > 1 {
				t.Errorf("%s: %s goes from %v to %v of its range", p.Name, p.names[k], lo[k], hi[k])
			}
		}
		if m := suite.Median(regrets) / p.Scale; m < 0.6 || m > 1.5 {
			t.Errorf("%s: the median of random points is %v of the scale", p.Name, m)
		}
	}
}

// By hand: the optimum of mixed6 is at these parameters.
func TestPointOfTheOptimum(t *testing.T) {
	for name, params := range map[string]tourney.Params{
		"mixed6": {"lr": math.Pow(10, -2.5), "wd": 1e-5, "layers": int64(5), "units": 200.0, "drop": 0.3, "bsexp": int64(6)},
		"cat20":  {"c": "c07", "a": "gelu", "x": 0.15, "y": 0.7},
		"cond8":  {"model": "mlp", "lr": math.Pow(10, -2.3), "mom": 0.9, "h": 128.0},
	} {
		p := functionNamed(t, name)
		u, err := p.point(params)
		if err != nil {
			t.Fatal(err)
		}
		if r := p.Regret(u); math.Abs(r) > 1e-12 {
			t.Errorf("%s: the regret of the optimum is %v", name, r)
		}
	}
	p := functionNamed(t, "cat20")
	if _, err := p.point(tourney.Params{"c": "c99"}); !errors.Is(err, errForeign) {
		t.Errorf("a level that there is not: %v", err)
	}
	if _, err := p.point(tourney.Params{"x": "wide"}); !errors.Is(err, errForeign) {
		t.Errorf("a word for a number: %v", err)
	}
}

func functionNamed(t *testing.T, name string) *problem {
	t.Helper()
	problems, err := functions()
	if err != nil {
		t.Fatal(err)
	}
	for i := range problems {
		if problems[i].Name == name {
			return &problems[i]
		}
	}
	t.Fatalf("no function %s", name)
	return nil
}

// A run has as many trials as it should, its regret never rises, and the model
// does better than chance in each mode.
func TestPlay(t *testing.T) {
	p := functionNamed(t, "branin2")
	for _, how := range []mode{one, batch, async} {
		model, err := play(p, tourney.MethodAuto, how, 50, 1)
		if err != nil {
			t.Fatal(err)
		}
		random, err := play(p, tourney.MethodRandom, how, 50, 1)
		if err != nil {
			t.Fatal(err)
		}
		for n := 2; n <= 50; n++ {
			if model.at(n) > model.at(n-1) {
				t.Errorf("%s: the regret rises from %v to %v", how, model.at(n-1), model.at(n))
			}
		}
		if model.at(50) >= random.at(50) || model.at(51) != math.Inf(1) {
			t.Errorf("%s: the model comes to %v, chance to %v", how, model.at(50), random.at(50))
		}
		again, err := play(p, tourney.MethodAuto, how, 50, 1)
		if err != nil || again.at(50) != model.at(50) {
			t.Errorf("%s: the same seed comes to %v and %v, %v", how, model.at(50), again.at(50), err)
		}
	}
}

func TestPlayCountsFailures(t *testing.T) {
	p := functionNamed(t, "nanhart3")
	out, err := play(p, tourney.MethodRandom, one, 300, 3)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(out.Failed); n < 110 || n > 190 { // 49 % of the box crashes
		t.Errorf("%d of 300 random trials fail", len(out.Failed))
	}
}

// A table is searched by the cells of its columns, without a repeat.
func TestTable(t *testing.T) {
	values := [3][2]float64{{5, 4}, {3, 0}, {2, 1}}
	p, err := tableProblem(suite.Problem{
		Name: "hpobench_toy", Scale: 1,
		Axes: []axis.Axis{{Kind: axis.Ordered, Cells: 3}, {Kind: axis.Choice, Cells: 2}},
		Truth: func(u []float64) float64 {
			return values[min(int(u[0]*3), 2)][min(int(u[1]*2), 1)]
		},
	}, "toy.csv.gz")
	if err != nil {
		t.Fatal(err)
	}
	if p.table.Sign != -1 || !p.table.Columns[0].Ordered || p.table.Columns[1].Ordered || p.table.Columns[1].Cells != 2 {
		t.Errorf("the peer is told %+v", p.table)
	}
	out, err := play(&p, tourney.MethodAuto, one, 100, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(out.Regrets) != 6 || len(out.Repeats) != 0 || out.at(6) != 0 {
		t.Errorf("%d trials of 6, repeats %v, regret %v", len(out.Regrets), out.Repeats, out.at(6))
	}
}

// The figures of a match follow from its regrets.
func TestMatch(t *testing.T) {
	a, b := contestant{method: tourney.MethodAuto, how: one, n: 1, seeds: 5}, contestant{sampler: "default", how: one, n: 1, seeds: 5}
	m := &match{order: []contestant{a, b}, runs: map[string][][]outcome{}}
	for i, scale := range []float64{1, 10, 100} {
		m.problems = append(m.problems, problem{Problem: suite.Problem{Name: string(rune('a' + i)), Scale: scale}})
	}
	put := func(c contestant, regrets ...[]float64) {
		for _, seeds := range regrets {
			var runs []outcome
			for _, r := range seeds {
				runs = append(runs, outcome{Regrets: []*float64{&r, &r}, Failed: []int{0, 1}, Repeats: []int{1}})
			}
			m.runs[c.String()] = append(m.runs[c.String()], runs)
		}
	}
	// a wins the first, draws the second, loses the third.
	put(a, []float64{.01, .011, .012, .009, .008}, []float64{1, 2, 3, 4, 5}, []float64{51, 52, 50, 53, 54})
	put(b, []float64{.1, .11, .12, .09, .08}, []float64{1.5, 2.5, 3.5, 4.5, .5}, []float64{10.1, 10.2, 10, 9.9, 9.8})
	if s := m.s3(a.String(), 1); math.Abs(s-(math.Log10(.01)+math.Log10(.3)+math.Log10(.52))/3) > 1e-12 {
		t.Errorf("S3 = %v", s)
	}
	if wins, losses := m.wins(a.String(), b.String(), 1); wins != 1 || losses != 1 {
		t.Errorf("%d wins and %d losses, want 1 and 1", wins, losses)
	}
	row := m.row("x", "y", a, b, 1)
	if want := math.Pow(10, m.s3(b.String(), 1)-m.s3(a.String(), 1)); math.Abs(float64(row.Ratio)-want) > 1e-12 || row.QualityOurs != 1 {
		t.Errorf("row %+v", row)
	}
	if s := m.share(a.String(), -1, 2, func(o *outcome) []int { return o.Failed }); s != 100 {
		t.Errorf("%v %% fail, want all", s)
	}
	repeats := func(o *outcome) []int { return o.Repeats }
	if one, both := m.share(a.String(), 0, 1, repeats), m.share(a.String(), 0, 2, repeats); one != 0 || both != 50 {
		t.Errorf("of one trial %v %% are repeats, of two %v %%", one, both)
	}
	dir := t.TempDir()
	if err := m.raw(dir, "x"); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "search-x.csv"))
	if err != nil || strings.Count(string(text), "\n") != 1+2*3*5 {
		t.Errorf("raw results: %v\n%s", err, text)
	}
}

// A speed-up is the geometric mean over tables of the ratio of medians; runs
// that never reach the target count as endless.
func TestSpeedup(t *testing.T) {
	a := &arena{times: map[string][]float64{}, solved: map[string]float64{}}
	times := func(x ...float64) (out []*float64) {
		for _, v := range x {
			p := &v
			if v < 0 {
				p = nil
			}
			out = append(out, p)
		}
		return out
	}
	a.put("none", "t", 4, times(40, 80, 60))
	a.put("none", "u", 4, times(10, 10, 10))
	a.put("fast", "t", 4, times(10, 20, 15))
	a.put("fast", "u", 4, times(1, -1, .5))
	got, solved := a.speedup("fast", "none", []string{"t", "u"}, 4)
	if math.Abs(got-math.Sqrt(4*10)) > 1e-12 || math.Abs(solved-500.0/6) > 1e-9 {
		t.Errorf("%v times as fast, %v %% solved", got, solved)
	}
}

// An ask is timed after so many trials, each time once.
func TestAskCost(t *testing.T) {
	p := functionNamed(t, "rosenbrock10")
	seconds, err := askCost(p, ask{method: tourney.MethodTPE, n: 30, asks: 4}, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(seconds) != 4 {
		t.Errorf("%d times, want 4", len(seconds))
	}
}

// Without the shared folder nothing is measured, and all is named as skipped.
func TestWithoutShared(t *testing.T) {
	r := &run{Report: &report.Report{Name: "x"}, out: t.TempDir()}
	if err := r.sections(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 0 || len(r.Skipped) != len(sections) {
		t.Fatalf("rows %v, skipped %v", r.Rows, r.Skipped)
	}
	for _, s := range r.Skipped {
		if !strings.Contains(s.Reason, "../shared/hpo") {
			t.Errorf("%s is skipped because %s", s.Name, s.Reason)
		}
	}
	if err := r.sections(t.Context(), "cost,speed"); err == nil {
		t.Error("a section that there is not is taken")
	}
}
