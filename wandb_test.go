package tourney_test

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tourney"
)

// theirs is testdata/wandb.json: what W&B's own package makes of sweep files.
type theirs struct {
	Draws         int
	Distributions []struct {
		YAML         string
		Distribution string
		Quantiles    []float64
		Counts       [][2]any
	}
	Grids []struct {
		YAML  string
		Cells []tourney.Params
	}
}

func readTheirs(t *testing.T) (w theirs) {
	t.Helper()
	data, err := os.ReadFile("testdata/wandb.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &w); err != nil {
		t.Fatal(err)
	}
	return w
}

// wandbFile is a sweep file with these parameters.
func wandbFile(t *testing.T, method, parameters string) tourney.Spec {
	t.Helper()
	text := "dataset: d\ntrainer: linear\nrun_cap: 5\nmethod: " + method + "\nparameters:\n  " + strings.ReplaceAll(parameters, "\n", "\n  ") + "\n"
	spec, err := tourney.ParseSpec([]byte(text), "")
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	return spec
}

// sameAs writes a value as JSON, numbers of equal value alike.
func sameAs(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	var back any
	if err := json.Unmarshal(data, &back); err != nil {
		return err.Error()
	}
	if back == 0.0 {
		back = 0.0 // -0 is 0
	}
	return fmt.Sprintf("%#v", back)
}

// Each distribution is W&B's: a Kolmogorov–Smirnov test of 10,000 draws of
// theirs against ours, at a level of 0.001 (1.95/√10,000), and no other values.
func TestDistributionsAreTheirs(t *testing.T) {
	w := readTheirs(t)
	if len(w.Distributions) < 40 || w.Draws != 10_000 {
		t.Fatalf("%d distributions of %d draws", len(w.Distributions), w.Draws)
	}
	const grain = 20_000
	for _, d := range w.Distributions {
		p := &wandbFile(t, "random", "x: "+d.YAML).Parameters[0]
		if want := newName(d.Distribution); p.Distribution != want {
			t.Errorf("%s is %s, want %s", d.YAML, p.Distribution, want)
		}
		far := 1.95/math.Sqrt(float64(w.Draws)) + 1.0/grain
		if d.Quantiles != nil {
			far += 1.0 / 200
			ours := make([]float64, grain)
			for i := range ours {
				ours[i], _ = tourney.Params{"x": p.Decode((float64(i) + 0.5) / grain)}.Float("x", 0)
			}
			slices.Sort(ours)
			for k, q := range d.Quantiles {
				slack := 1e-9 * math.Abs(q)
				below, _ := slices.BinarySearch(ours, q-slack)
				upTo, _ := slices.BinarySearch(ours, math.Nextafter(q+slack, math.Inf(1)))
				at := float64(k+1) / 200
				if float64(below)/grain-far > at || float64(upTo)/grain+far < at {
					t.Errorf("%s: %v is their quantile %v; ours is between %v and %v there", d.YAML, q, at, float64(below)/grain, float64(upTo)/grain)
				}
			}
			continue
		}
		ours, sum := map[string]float64{}, 0.0
		for i := range grain {
			ours[sameAs(p.Decode((float64(i)+0.5)/grain))] += 1.0 / grain
		}
		counts := map[string]float64{}
		for _, c := range d.Counts {
			n, _ := c[1].(float64)
			counts[sameAs(c[0])] += n / float64(w.Draws)
		}
		for v, theirs := range counts {
			share := ours[v]
			if sum += share; math.Abs(share-theirs) > far || share == 0 && theirs > 1e-3 {
				t.Errorf("%s: %v comes with %v, theirs with %v", d.YAML, v, share, theirs)
			}
		}
		if sum < 1-1e-3 { // their rarest values may be missing among the draws
			t.Errorf("%s: ours also has others of %v: %v", d.YAML, 1-sum, ours)
		}
	}
}

// newName is the name by which the older ones of exponents are read.
func newName(d string) tourney.Distribution {
	switch d {
	case "log_uniform", "q_log_uniform", "inv_log_uniform":
		return tourney.Distribution(d + "_values")
	}
	return tourney.Distribution(d)
}

// A grid has W&B's cells, in W&B's order.
func TestGridsAreTheirs(t *testing.T) {
	for _, g := range readTheirs(t).Grids {
		space := wandbFile(t, "grid", g.YAML).Parameters
		if n := space.GridSize(); n != int64(len(g.Cells)) {
			t.Errorf("%s: %d cells, want %d", g.YAML, n, len(g.Cells))
			continue
		}
		for i, want := range g.Cells {
			got, rest := tourney.Params{}, int64(i)
			for k := len(space) - 1; k >= 0; k-- { // sorted by name, the last fastest
				n, _ := space[k].GridCells()
				got[space[k].Name] = space[k].GridValue(rest % n)
				rest /= n
			}
			if sameAs(got) != sameAs(want) {
				t.Errorf("%s: cell %d is %v, want %v", g.YAML, i, got, want)
			}
		}
	}
}

// Plain scalars are read as PyYAML 6.0.3 reads them; the right column is its
// own. Only exponents without point or sign, which it takes for texts, are the
// numbers that they look like.
func TestPlainScalars(t *testing.T) {
	for text, want := range map[string]any{
		"1.0e-5": 1e-05, "1.0e+5": 100000.0, "010": int64(8), "0o10": "0o10", "08": "08", "0x1F": int64(31), "0b11": int64(3),
		"1_000": int64(1000), "1_0.5": 10.5, "1:30": int64(90), "1:30.5": 90.5, "0:30": "0:30", "yes": true, "No": false, "on": true, "OFF": false,
		"y": "y", "n": "n", "TRUE": true, "~": nil, "null": nil, ".5": 0.5, "5.": 5.0, "-1": int64(-1), "+3": int64(3),
		"00": int64(0), "1__2": int64(12), "007": int64(7), "-010": int64(-8), "'1,000'": "1,000", "-1.5e-3": -0.0015, "0.1_0": 0.1,
		"0x": "0x", "0b": "0b", "_1": "_1", "190:20:30": int64(685230), "Yes": true, "yEs": "yEs", "-1:30": int64(-90), "3.0": 3.0,
		"+0x1f": int64(31), "-0b1": int64(-1), "12:60": "12:60", "none": "none", "None": "None", "nan": "nan", "inf": "inf", "1.2.3": "1.2.3",
		"1e": "1e", "0_7": int64(7), "2001-01-01x": "2001-01-01x", `"yes"`: "yes", `"010"`: "010", `'1'`: "1", "!!str 1": "1", "!!float 1e-5": 1e-5,

		"1e-5": 1e-5, "1E-5": 1e-5, "1.0e5": 1e5, "1e5": 1e5,
	} {
		space := wandbFile(t, "random", "x: {value: "+text+"}").Parameters
		if got := space[0].Value; !reflect.DeepEqual(got, want) {
			t.Errorf("%s is %#v, want %#v", text, got, want)
		}
	}
}

// The traps of W&B's format, one a line, each with what must come of it.
func TestWandbTraps(t *testing.T) {
	const base = "dataset: d\ntrainer: linear\nrun_cap: 5\nmethod: random\n"
	ok := func(what, text string, holds func(s tourney.Spec) bool) {
		t.Helper()
		spec, err := tourney.ParseSpec([]byte(text), "")
		if err != nil {
			t.Errorf("%s: %v", what, err)
		} else if !holds(spec) {
			t.Errorf("%s: read as %+v", what, spec)
		}
	}
	x := "parameters: {x: {min: 1, max: 3}}\n"
	early := func(text string, holds func(e *tourney.EarlyTerminate) bool) {
		t.Helper()
		ok(text, base+x+"early_terminate: "+text+"\n", func(s tourney.Spec) bool { return holds(s.EarlyTerminate) })
	}
	early("{type: hyperband, min_iter: 3}", func(e *tourney.EarlyTerminate) bool { return e.Strict && e.Eta == 3 && e.MinIter == 3 })
	early("{type: hyperband, min_iter: 3, strict: false}", func(e *tourney.EarlyTerminate) bool { return !e.Strict })
	early("{type: hyperband, min_iter: 3, strict: yes}", func(e *tourney.EarlyTerminate) bool { return e.Strict })
	early("{type: hyperband, max_iter: 27, s: 2, eta: 2.0}", func(e *tourney.EarlyTerminate) bool { return e.MaxIter == 27 && e.S == 2 && e.Eta == 2 })
	early("{type: asha, max_iter: 9}", func(e *tourney.EarlyTerminate) bool { return !e.Strict })

	ok("bayes", strings.Replace(base, "random", "bayes", 1)+x, func(s tourney.Spec) bool { return s.Method == tourney.MethodAuto })
	ok("other keys", base+x+"project: p\nentity: e\napiVersion: v1\nkind: sweep\ncontroller: {type: local}\nmetric: {name: logloss, impute: best, impute_while_running: latest, target: 0.1}\n",
		func(s tourney.Spec) bool { return len(s.Ignored) == 7 && *s.Limits.Target == 0.1 })
	ok("a name with blanks", base+x+"name: My  first sweep\n", func(s tourney.Spec) bool { return s.Name == "My-first-sweep" })
	ok("numbers as texts", base+"parameters: {x: {min: '1e-5', max: '1'}}\n",
		func(s tourney.Spec) bool {
			return s.Parameters[0].Distribution == tourney.Uniform && s.Parameters[0].Min == 1e-5
		})
	ok("whole texts", base+"parameters: {x: {min: '1', max: '8'}}\n", func(s tourney.Spec) bool { return s.Parameters[0].Distribution == tourney.IntUniform })
	ok("underscores and octals", strings.Replace(base, "run_cap: 5", "run_cap: 1_000", 1)+"parameters: {x: {min: 010, max: 1_0}}\n",
		func(s tourney.Spec) bool {
			return s.RunCap == 1000 && s.Parameters[0].Min == 8 && s.Parameters[0].Max == 10
		})
	ok("anchors and merges", base+"parameters:\n  x: &x {min: 1, max: 3}\n  y: *x\n  z: {<<: *x, max: 9}\n  u: {<<: [{max: 5}, *x]}\n", func(s tourney.Spec) bool {
		return s.Parameters.Lookup("y").Max == 3 && s.Parameters.Lookup("z").Max == 9 && s.Parameters.Lookup("z").Min == 1 && s.Parameters.Lookup("u").Max == 5
	})
	ok("lists and mappings as values", base+"parameters: {x: {values: [[64, 32], {b: yes, a: 1e-3}]}}\n", func(s tourney.Spec) bool {
		return reflect.DeepEqual(s.Parameters[0].Values, []any{tourney.Structured("[64,32]"), tourney.Structured(`{"a":0.001,"b":true}`)})
	})
	ok("step of its own kind", base+"parameters: {x: {distribution: q_uniform, min: 0, max: 8, q: 2}, y: {distribution: q_uniform, min: 0, max: 8, q: 2.0}}\n", func(s tourney.Spec) bool {
		_, whole := s.Parameters[0].Decode(0.5).(int64)
		_, broken := s.Parameters[1].Decode(0.5).(float64)
		return whole && broken
	})

	for text, want := range map[string]string{
		base + "parameters: {x: {min: 1, max: 1}}\n":                                                        "the range is empty",
		base + "parameters: {x: {min: 1, max: 3, lag: 2}}\n":                                                "unknown key",
		base + "parameters: {x: {min: 1.5, max: 3, distribution: int_uniform}}\n":                           "whole numbers for int_uniform",
		base + "parameters: {x: {values: []}}\n":                                                            "is empty",
		base + "parameters: {x: {values: [1], probabilities: [0.5]}}\n":                                     "must sum to 1",
		base + "parameters: {x: {distribution: log_uniform_values, min: 0, max: 1}}\n":                      "greater than 0",
		base + "parameters: {1x: {value: 1}}\n":                                                             "is no name",
		base + x + "early_terminate: {type: hyperband}\n":                                                   "needs min_iter",
		base + x + "early_terminate: {type: hyperband, min_iter: 1, eta: 1}\n":                              "eta",
		base + x + "metric: {name: logloss, goal: Minimise}\n":                                              `"Minimise" must be minimize or maximize`,
		strings.Replace(base, "random", "custom", 1) + x:                                                    `no method "custom"`,
		strings.Replace(base, "random", "grid", 1) + "parameters: {x: {min: 0.0, max: 1}}\n":                "a grid has no steps",
		strings.Replace(base, "random", "grid", 1) + "parameters: {x: {values: [1], probabilities: [1]}}\n": "a grid has no steps",
	} {
		if _, err := tourney.ParseSpec([]byte(text), ""); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\ngot %v, want %s", text, err, want)
		}
	}
}

// strict is written out, so that what is stored says the same when it is read.
func TestStrictSurvives(t *testing.T) {
	for _, strict := range []bool{true, false} {
		data, err := json.Marshal(tourney.Spec{EarlyTerminate: &tourney.EarlyTerminate{Type: "hyperband", MinIter: 2, Strict: strict}})
		if err != nil {
			t.Fatal(err)
		}
		var back tourney.Spec
		if err := json.Unmarshal(data, &back); err != nil || back.EarlyTerminate.Strict != strict {
			t.Errorf("%s: %+v, %v", data, back.EarlyTerminate, err)
		}
	}
	var old tourney.Spec // as earlier versions left strict: false
	if err := json.Unmarshal([]byte(`{"early_terminate":{"type":"hyperband","min_iter":2}}`), &old); err != nil || old.EarlyTerminate.Strict {
		t.Errorf("%+v, %v", old.EarlyTerminate, err)
	}
}
