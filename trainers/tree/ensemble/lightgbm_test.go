package ensemble_test

import (
	"encoding/json"
	"errors"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/dataset/table"
	"tourney/trainers/tree/ensemble"
)

var update = flag.Bool("update", false, "keep what LightGBM answers in testdata")

// lightCase is a case of testdata/ask_lightgbm.py.
type lightCase struct {
	Model   string              `json:"model"`
	Columns json.RawMessage     `json:"columns"` // in order
	Levels  map[string][]string `json:"levels"`
	Answer  lightAnswer         `json:"answer,omitzero"`
}

type lightAnswer struct {
	Scores        []float64 `json:"scores"`
	Outputs       []float64 `json:"outputs"`
	OfFrame       []float64 `json:"of_frame"`
	FirstRounds   []float64 `json:"first_rounds"`
	Contributions []float64 `json:"contributions"`
}

// lightCases are how ensembles are written and asked.
var lightCases = map[string]struct {
	shape
	ensemble.LightGBM
}{
	"boosted":           {shape{outputs: 1, perRound: 1, rounds: 5, leaves: 31, link: ensemble.Logistic}, ensemble.LightGBM{}},
	"boosted numbers":   {shape{outputs: 1, perRound: 1, rounds: 5, leaves: 15, link: ensemble.Exp, numbersOnly: true}, ensemble.LightGBM{Objective: "tweedie"}},
	"boosted classes":   {shape{outputs: 3, perRound: 3, rounds: 3, leaves: 8, link: ensemble.Softmax}, ensemble.LightGBM{}},
	"dart":              {shape{outputs: 1, perRound: 1, rounds: 5, leaves: 8, link: ensemble.Identity, weights: true}, ensemble.LightGBM{Objective: "quantile alpha:0.9"}},
	"forest":            {shape{outputs: 3, perRound: 1, rounds: 3, leaves: 12, link: ensemble.Identity, average: true}, ensemble.LightGBM{}},
	"regression forest": {shape{outputs: 1, perRound: 1, rounds: 3, leaves: 40, link: ensemble.Identity, average: true, weights: true}, ensemble.LightGBM{}},
	"stumps":            {shape{outputs: 1, perRound: 1, rounds: 20, leaves: 2, link: ensemble.Logistic}, ensemble.LightGBM{}},
	"no tree":           {shapes["no tree"], ensemble.LightGBM{}},
	"constants":         {shapes["constants"], ensemble.LightGBM{}},
	"rare levels named": {shape{outputs: 1, perRound: 1, rounds: 5, leaves: 15, link: ensemble.Identity, parted: true}, ensemble.LightGBM{Other: "any \"other\""}},
}

// lightEnsemble returns the ensemble of a case, and rows for it.
func lightEnsemble(name string) (*ensemble.Ensemble, *table.Frame) {
	rng := rand.New(rand.NewPCG(6, uint64(len(name))))
	c := lightCases[name]
	e := random(rng, c.shape)
	return e, rows(rng, e.Features, 30)
}

// ask writes a case for LightGBM. Of a column whose rare levels have a name they
// are given by that name.
func ask(t *testing.T, name string) lightCase {
	t.Helper()
	e, frame := lightEnsemble(name)
	light := lightCases[name].LightGBM
	model, err := light.Write(e)
	if err != nil {
		t.Fatal(err)
	}
	c := lightCase{Model: string(model), Levels: map[string][]string{}}
	var columns []string
	for i, s := range frame.Series {
		f := &e.Features.Features[i]
		var values []any
		for row := range frame.Rows {
			switch {
			case s.Missing(row):
				values = append(values, nil)
			case s.Kind != tourney.Category:
				values = append(values, s.Numbers[row])
			case f.Other && light.Other != "" && !slices.Contains(f.Levels, s.Levels[s.Codes[row]]):
				values = append(values, light.Other)
			default:
				values = append(values, s.Levels[s.Codes[row]])
			}
		}
		if s.Kind == tourney.Category {
			c.Levels[s.Name] = f.Levels
			if f.Other && light.Other != "" {
				c.Levels[s.Name] = append(slices.Clone(f.Levels), light.Other)
			}
		}
		key, _ := json.Marshal(s.Name)
		list, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		columns = append(columns, string(key)+":"+string(list))
	}
	c.Columns = json.RawMessage("{" + strings.Join(columns, ",") + "}")
	return c
}

// check holds what LightGBM answered against what the ensemble says.
func check(t *testing.T, name string, got lightAnswer) {
	t.Helper()
	e, frame := lightEnsemble(name)
	m := binned(t, e, frame)
	p := ensemble.NewPredictor(e)
	scores := p.Scores(ensemble.Serial{}, m, e.Rounds())
	outputs := e.Linked(scores)
	if e.Link == ensemble.Logistic { // LightGBM tells of class 1 alone
		var one []float64
		for i := 1; i < len(outputs); i += 2 {
			one = append(one, outputs[i])
		}
		outputs = one
	}
	first := p.Scores(ensemble.Serial{}, m, 2)
	x, err := ensemble.NewExplainer(e)
	if err != nil {
		t.Fatal(err)
	}
	contributions := x.Explain(ensemble.Serial{}, m, e.Rounds())
	if e.Average { // of means LightGBM tells the scores, and explains them, as sums
		scale(scores, e.Rounds())
		scale(first, 2)
		scale(contributions, e.Rounds())
	}
	near(t, "scores", got.Scores, scores, 1e-9)
	near(t, "outputs", got.Outputs, outputs, 2e-7)
	near(t, "outputs of a DataFrame", got.OfFrame, outputs, 2e-7)
	near(t, "scores of two rounds", got.FirstRounds, first, 1e-9)
	near(t, "contributions", got.Contributions, contributions, 1e-9)
}

func scale(values []float64, by int) {
	for i := range values {
		values[i] *= float64(by)
	}
}

// near asks for values that differ by at most a bound, times their magnitude
// where that is above 1.
func near(t *testing.T, what string, got, want []float64, bound float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d %s, want %d", len(got), what, len(want))
		return
	}
	for i, v := range want {
		if !(math.Abs(got[i]-v) <= bound*max(1, math.Abs(v))) {
			t.Errorf("%s: value %d is %v, want %v", what, i, got[i], v)
			return
		}
	}
}

const lightAnswers = "testdata/lightgbm.json"

// LightGBM answers with models that we wrote as we do. Here are the answers that
// it once gave; TestLightGBMItself asks it.
func TestLightGBM(t *testing.T) {
	data, err := os.ReadFile(lightAnswers)
	if err != nil {
		t.Fatal(err)
	}
	var kept map[string]lightCase
	if err := json.Unmarshal(data, &kept); err != nil {
		t.Fatal(err)
	}
	for name := range lightCases {
		t.Run(name, func(t *testing.T) {
			if kept[name].Model != ask(t, name).Model {
				t.Fatal("the model is another than the one that LightGBM was asked about: ask again with -update")
			}
			check(t, name, kept[name].Answer)
		})
	}
}

func TestLightGBMItself(t *testing.T) {
	python := os.Getenv("TOURNEY_PYTHON")
	if python == "" {
		python = filepath.Join("..", "..", "..", "bench", ".venv", "bin", "python")
	}
	const has = "import importlib.util as u, sys; sys.exit(not (u.find_spec('lightgbm') and u.find_spec('pandas')))"
	if err := exec.Command(python, "-c", has).Run(); err != nil {
		t.Skip("no Python with lightgbm and pandas here (TOURNEY_PYTHON names one):", err)
	}
	cases := map[string]lightCase{}
	for name := range lightCases {
		cases[name] = ask(t, name)
	}
	data, err := json.Marshal(cases)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "cases.json")
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, filepath.Join("testdata", "ask_lightgbm.py"), file)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var answers map[string]lightAnswer
	if err := json.Unmarshal(out, &answers); err != nil {
		t.Fatal(err)
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) { check(t, name, answers[name]) })
		c.Answer = answers[name]
		cases[name] = c
	}
	if *update && !t.Failed() {
		data, _ := json.Marshal(cases)
		if err := os.WriteFile(lightAnswers, append(data, '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// What LightGBM's form cannot express is an error that names it.
func TestLightGBMRefuses(t *testing.T) {
	text := &dataset.Binning{Features: []dataset.BinnedFeature{{Name: "note", Kind: tourney.Text}}}
	tiny := &dataset.Binning{Features: []dataset.BinnedFeature{{Name: "small", Kind: tourney.Number, Edges: []float64{1e-36}}}}
	rare := &dataset.Binning{Features: []dataset.BinnedFeature{{Name: "town", Kind: tourney.Category, Levels: []string{"a", "b"}, Other: true}}}
	split := func(features *dataset.Binning, set *[4]uint64) *ensemble.Ensemble {
		return &ensemble.Ensemble{Outputs: 1, PerRound: 1, Base: []float64{0}, Link: ensemble.Identity, Features: features, Trees: []*ensemble.Tree{{
			Feature: []int32{0}, Bin: []uint8{1}, Cats: []*[4]uint64{set}, MissingLeft: []bool{false}, Left: []int32{^0}, Right: []int32{^1},
			Gain: []float64{1}, Value: []float64{1, 2}, Weight: make([]float64, 3), Count: []int32{2, 1, 1},
		}}}
	}
	for _, tt := range []struct {
		name  string
		e     *ensemble.Ensemble
		light ensemble.LightGBM
		want  string
	}{
		{"text", split(text, &[4]uint64{2}), ensemble.LightGBM{}, "column note: is text"},
		{"an edge that LightGBM takes for 0", split(tiny, nil), ensemble.LightGBM{}, "column small: is split at 1e-36"},
		{"rare levels apart from missing ones", split(rare, &[4]uint64{0b1000}), ensemble.LightGBM{}, "column town: has rare levels"},
		{"missing levels apart from rare ones", split(rare, &[4]uint64{0b0001}), ensemble.LightGBM{}, "column town: has rare levels"},
		{"a name that is taken", split(rare, &[4]uint64{0b1000}), ensemble.LightGBM{Other: "b"}, `"b" is a level of column town`},
		{"another link", split(rare, &[4]uint64{0b0010}), ensemble.LightGBM{Objective: "poisson"}, `"poisson" of LightGBM does not have the link identity`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.e.Validate(); err != nil {
				t.Fatal(err)
			}
			_, err := tt.light.Write(tt.e)
			if !errors.Is(err, tourney.ErrInvalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v, want %q in it", err, tt.want)
			}
		})
	}
	unused := split(tiny, nil)
	unused.Features = &dataset.Binning{Features: append([]dataset.BinnedFeature{{Name: "big", Kind: tourney.Number, Edges: []float64{1}}}, text.Features...)}
	if _, err := (ensemble.LightGBM{}).Write(unused); err != nil {
		t.Error("with a text that no tree asks for:", err)
	}
	if _, err := (ensemble.LightGBM{Other: "(other)"}).Write(split(rare, &[4]uint64{0b1000})); err != nil {
		t.Error("with a name for rare levels:", err)
	}
}

// Names that LightGBM would not take are made such.
func TestLightGBMNames(t *testing.T) {
	e := random(rand.New(rand.NewPCG(7, 7)), shapes["no tree"])
	for i, name := range []string{"a b", "a_b", "", "x:{y}", "\n", "Straße", "a_b_2"} {
		e.Features.Features[i].Name = name
	}
	model, err := ensemble.LightGBM{}.Write(e)
	if err != nil {
		t.Fatal(err)
	}
	const want = "\nfeature_names=a_b a_b_2 _ x__y_ __2 Straße a_b_2_2 "
	if !strings.Contains(string(model), want) {
		t.Errorf("no line %q in\n%s", want, model)
	}
}
