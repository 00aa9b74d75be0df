package search_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/search"
)

const cash = `
  model: {values: [svm, forest]}
  kernel: {values: [rbf, poly], when: {model: svm}}
  degree: {min: 2, max: 4, when: {kernel: poly}}
  trees: {values: [10, 100], when: {model: [forest]}}
  seed: {min: 1, max: 2}
  fixed: {value: 7, when: {model: forest}}
`

// cashPoints are all points of that space, by hand.
func cashPoints() []string {
	var keys []string
	for _, seed := range []int64{1, 2} {
		keys = append(keys, tourney.Params{"model": "svm", "kernel": "rbf", "seed": seed}.Key())
		for _, degree := range []int64{2, 3, 4} {
			keys = append(keys, tourney.Params{"model": "svm", "kernel": "poly", "degree": degree, "seed": seed}.Key())
		}
		for _, trees := range []int64{10, 100} {
			keys = append(keys, tourney.Params{"model": "forest", "trees": trees, "fixed": int64(7), "seed": seed}.Key())
		}
	}
	slices.Sort(keys)
	return keys
}

// A search through a conditional space proposes each point once and no other,
// whatever the sampler.
func TestConditionalSpaceIsExhausted(t *testing.T) {
	for _, method := range []string{"random", "grid"} {
		var got []string
		for _, p := range propose(t, sweep(t, method, 100, cash)) {
			got = append(got, p.Key())
		}
		slices.Sort(got)
		if want := cashPoints(); !slices.Equal(got, want) {
			t.Errorf("%s proposes\n%s\nwant\n%s", method, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// Constraints leave out exactly the points that break them; one that names a
// parameter without a part in a point asks nothing of it.
func TestConstraints(t *testing.T) {
	for _, tt := range []struct {
		constraints []string
		keep        func(p map[string]any) bool
	}{
		{[]string{"seed < 2"}, func(p map[string]any) bool { return p["seed"] == int64(1) }},
		{[]string{"degree * seed <= 4"}, func(p map[string]any) bool {
			d, ok := p["degree"].(int64)
			return !ok || d*p["seed"].(int64) <= 4
		}},
		{[]string{`model == "svm"`, `kernel != "rbf" or seed == 2`}, func(p map[string]any) bool {
			return p["model"] == "svm" && (p["kernel"] != "rbf" || p["seed"] == int64(2))
		}},
		{[]string{"log10(trees) >= 2"}, func(p map[string]any) bool { return p["trees"] != int64(10) }},
		{[]string{"trees / (seed - 1) > 0"}, func(p map[string]any) bool { return true }}, // +Inf is above 0
	} {
		var want []string
		for _, key := range cashPoints() {
			var p tourney.Params
			if err := p.UnmarshalJSON([]byte(key)); err != nil {
				t.Fatal(err)
			}
			if tt.keep(p) {
				want = append(want, key)
			}
		}
		for _, method := range []string{"random", "grid"} {
			spec := sweep(t, method, 100, cash)
			spec.Constraints = tt.constraints
			var got []string
			for _, p := range propose(t, spec) {
				got = append(got, p.Key())
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("%v, %s proposes\n%s\nwant\n%s", tt.constraints, method, strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		}
	}
}

func TestConstraintErrors(t *testing.T) {
	for text, want := range map[string]string{
		"seed <":               "constraints.0: is no expression: ",
		"sed < 2":              `constraints.0: there is no parameter "sed"; did you mean "seed"?`,
		"1 < 2":                "constraints.0: names no parameter; there are degree, fixed, kernel, model, seed, trees",
		"seed + 1":             "constraints.0: is no condition over the parameters: ",
		"model < 3":            "constraints.0: is no condition over the parameters: ",
		"seed > 5":             "constraints: no point of the space fulfils all of them",
		"seed > 1 && seed < 2": "constraints: no point of the space fulfils all of them",
	} {
		spec := sweep(t, "random", 100, cash)
		spec.Constraints = []string{text}
		_, err := search.New(spec, plan)
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	spec := sweep(t, "random", 100, "  a: {min: 0.0, max: 1.0}\n  b: {min: 0.0, max: 1.0}\n")
	spec.Constraints = []string{"a > b + 1"}
	if _, err := search.New(spec, plan); err == nil || !strings.Contains(err.Error(), "no point of 100000 drawn at random fulfils all of them") {
		t.Errorf("a continuous space: %v", err)
	}
}

// Nested names are written with dots, as in the file.
func TestConstraintsOnNestedNames(t *testing.T) {
	spec := sweep(t, "random", 50, "  net: {parameters: {width: {min: 1, max: 9}, depth: {min: 1, max: 9}}}\n")
	spec.Constraints = []string{"net.width * net.depth < 12"}
	points := propose(t, spec)
	for _, p := range points {
		if p["net.width"].(int64)*p["net.depth"].(int64) >= 12 {
			t.Errorf("%s breaks the constraint", p.Key())
		}
	}
	// Of 81 pairs, those with a product below 12: 9+5+3+2+2+1+1+1+1.
	if len(points) != 25 {
		t.Errorf("%d points, want 25", len(points))
	}
}

// What models see: axes with their kinds and gates, and coordinates that are
// missing where a parameter is.
func TestAxes(t *testing.T) {
	s, err := search.New(sweep(t, "random", 100, cash), plan)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Apply(tourney.Engine{}); err != nil {
		t.Fatal(err)
	}
	s.Decide()
	axes := s.History().Axes() // model kernel degree seed trees
	want := [][]int{nil, {0}, {0, 1}, nil, {0}}
	for i, a := range axes {
		if !slices.Equal(a.Gates, want[i]) {
			t.Errorf("axis %d has gates %v, want %v", i, a.Gates, want[i])
		}
	}
	places := map[string]int{"model": 0, "kernel": 1, "degree": 2, "seed": 3, "trees": 4}
	for trial := range s.History().Trials() {
		v := s.History().At(trial)
		params := s.History().Params(v)
		for _, name := range slices.Sorted(maps.Keys(places)) {
			if _, active := params[name]; active != (v[places[name]] == v[places[name]]) {
				t.Errorf("trial %d: %s in %s, coordinates %v", trial, name, params.Key(), v)
			}
		}
	}
}
