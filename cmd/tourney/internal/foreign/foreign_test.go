package foreign_test

import (
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/cmd/tourney/internal/foreign"
)

var update = flag.Bool("update", false, "write the golden files anew, to be read by a person")

// open reads the files that documents name, below testdata.
func open(name string) ([]byte, error) { return os.ReadFile(filepath.Join("testdata", name)) }

// Each configuration becomes the sweep file beside it, which is one; the format
// is told from the document.
func TestGolden(t *testing.T) {
	inputs, err := filepath.Glob("testdata/*-*")
	if err != nil {
		t.Fatal(err)
	}
	inputs = append(inputs, "testdata/wandb.yaml")
	n := 0
	for _, in := range inputs {
		if strings.HasSuffix(in, ".golden") {
			continue
		}
		n++
		data, err := os.ReadFile(in)
		if err != nil {
			t.Fatal(err)
		}
		r, err := foreign.Convert(data, foreign.Options{Source: in, Open: open})
		if err != nil {
			t.Errorf("%v", err)
			continue
		}
		if tool, _, _ := strings.Cut(strings.TrimSuffix(filepath.Base(in), ".yaml"), "-"); string(r.Format) != tool {
			t.Errorf("%s is taken for %s", in, r.Format)
		}
		golden := strings.TrimSuffix(in, filepath.Ext(in)) + ".golden"
		if *update {
			if err := os.WriteFile(golden, r.File, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if string(r.File) != string(want) {
			t.Errorf("%s:\n%s\nwant\n%s", in, r.File, want)
		}
		if _, err := tourney.ParseSpec(r.File, golden); err != nil {
			t.Error(err)
		}
		for _, l := range r.Lost {
			if !strings.Contains(string(r.File), "# Not carried: "+l) {
				t.Errorf("%s: %q is not said at the top", in, l)
			}
		}
	}
	if n < 12 {
		t.Errorf("only %d configurations", n)
	}
}

// space converts a document and returns its parameters.
func space(t *testing.T, from foreign.Format, text string) tourney.Space {
	t.Helper()
	r, err := foreign.Convert([]byte(text), foreign.Options{From: from})
	if err != nil {
		t.Fatalf("%s\n%v", text, err)
	}
	spec, err := tourney.ParseSpec(r.File, "")
	if err != nil {
		t.Fatal(err)
	}
	return spec.Parameters
}

// Integer ranges end where each tool's documentation says.
func TestUpperEnds(t *testing.T) {
	for _, tt := range []struct {
		from foreign.Format
		text string
		last float64
	}{
		{foreign.Ray, `{"x": "tune.randint(1, 9)"}`, 8},
		{foreign.Ray, `{"x": "tune.lograndint(1, 9)"}`, 8},
		{foreign.Ray, `{"x": "tune.qrandint(1, 9)"}`, 8}, // q=1 takes the way of randint
		{foreign.NNI, `{"x": {"_type": "randint", "_value": [1, 9]}}`, 8},
		{foreign.Optuna, `{"x": {"type": "int", "low": 1, "high": 9}}`, 9},
		{foreign.Determined, `{"hyperparameters": {"x": {"type": "int", "minval": 1, "maxval": 9}}, "searcher": {"name": "random", "metric": "m", "max_trials": 3}}`, 9},
		{foreign.Katib, `{"spec": {"objective": {"type": "minimize", "objectiveMetricName": "m"}, "algorithm": {"algorithmName": "random"}, "maxTrialCount": 3, "parameters": [{"name": "x", "parameterType": "int", "feasibleSpace": {"min": "1", "max": "9"}}]}}`, 9},
		{foreign.WandB, `{"method": "random", "run_cap": 3, "parameters": {"x": {"min": 1, "max": 9}}}`, 9},
	} {
		p := space(t, tt.from, tt.text)[0]
		last, ok := tourney.Params{"x": p.Decode(1 - 1e-12)}.Float("x", 0)
		if !ok || last != tt.last {
			t.Errorf("%s %s: the last value is %v, want %v", tt.from, tt.text, last, tt.last)
		}
	}
}

// Steps count from the lower end, and an upper end that no step reaches is
// lowered, as Optuna and Katib do.
func TestSteps(t *testing.T) {
	for text, want := range map[string][]any{
		`{"x": {"type": "float", "low": 0.1, "high": 0.45, "step": 0.1}}`: {0.1, 0.2, 0.3, 0.4},
		`{"x": {"type": "int", "low": 1, "high": 9, "step": 3}}`:          {int64(1), int64(4), int64(7)},
	} {
		if got := space(t, foreign.Optuna, text)[0].Values; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", text, got, want)
		}
	}
}

// What cannot be read is said with its line and field.
func TestErrors(t *testing.T) {
	for _, tt := range []struct {
		from       foreign.Format
		text, want string
	}{
		{"", "a: 1\n", "x.yaml:1: is a configuration of no tool that is known; say which it is with --from"},
		{"", "trainer: linear\nmethod: random\n", "x.yaml:1: is a sweep file of Tourney already"},
		{"", "[1, 2]", "holds no keys"},
		{"", "{", "neither YAML nor JSON: "},
		{"vizier", "a: 1", `"vizier" is no format`},
		{"", "apiVersion: kubeflow.org/v1alpha3\nkind: Experiment\nspec: {}\n", "x.yaml:1: apiVersion: kubeflow.org/v1alpha3 is not known; there is kubeflow.org/v1beta1"},
		{foreign.Katib, "spec:\n  objective: {type: min}\n  algorithm: {algorithmName: enas}\n  parameters: []\n", "x.yaml:2: spec.objective.type: must be minimize or maximize, not \"min\"\nx.yaml:3: spec.algorithm.algorithmName: enas searches for architectures"},
		{foreign.Katib, "spec:\n  objective: {type: minimize}\n  algorithm: {algorithmName: tpe}\n  parameters:\n  - {name: x, parameterType: double,\n     feasibleSpace: {min: a, max: '2'}}\n", `x.yaml:6: spec.parameters.0.feasibleSpace.min: must be a number, not "a"`},
		{foreign.Katib, "spec:\n  objective: {type: minimize}\n  algorithm: {algorithmName: tpe}\n  parameters: [{name: lr, parameterType: int, feasibleSpace: {min: '1', max: '2'}}]\n  trialTemplate:\n    trialParameters:\n    - {name: lr, reference: learningRate}\n", `x.yaml:7: spec.trialTemplate.trialParameters.0.reference: there is no parameter "learningRate"`},
		{foreign.Katib, "spec:\n  objective: {type: minimize}\n  algorithm: {algorithmName: tpe}\n  parameters: [{name: lr, parameterType: int, feasibleSpace: {min: '1', max: '2'}}]\n  trialTemplate:\n    trialSpec: {containers: [{command: [x,\n    '${trialParameters.rate}']}]}\n", "x.yaml:7: spec.trialTemplate: ${trialParameters.rate}: there is no trial parameter of that name"},
		{foreign.Optuna, "{\"x\": {\"name\": \"FlotDistribution\",\n\"attributes\": {}}}", `x.yaml:1: x.name: "FlotDistribution" is no distribution of Optuna; did you mean "FloatDistribution"?`},
		{foreign.Optuna, "x: {type: float, low: 0, high: 1,\n  log: true}\n", "x.yaml:1: parameters.x.min: must be greater than 0 on a log scale, not 0"},
		{foreign.NNI, "a: {_type: uniform, _value: [0, 1]}\nx: {_type: randint, _value: [3]}\n", "x.yaml:2: x._value: randint takes 2 numbers, not 1"},
		{foreign.NNI, "searchSpacePath: s.json\ntuner: {name: TPE}\n", "x.yaml:1: searchSpacePath: s.json: the search space lies in a file"},
		{foreign.Ray, `{"x": "tune.uniform(1)"}`, "x.yaml:1: x: uniform needs upper"},
		{foreign.Ray, `{"x": "tune.uniform(3, 1)"}`, "x.yaml:1: parameters.x.min: the range is empty"},
		{foreign.Determined, "hyperparameters:\n  x: {type: double, minval: 0, maxval: 1}\nsearcher: {name: grid, metric: m}\n", "x.yaml:2: hyperparameters.x.count: is missing: a grid needs the number of values"},
		{foreign.Determined, "hyperparameters: {x: 1}\nsearcher: {name: pbt, metric: m}\n", `x.yaml:2: searcher.name: "pbt" must be single, random, grid, adaptive_asha or asha`},
		{foreign.WandB, "method: best\nparameters: {x: {value: 1}}\n", `x.yaml:1: method: "best" must be bayes, random, grid or custom`},
	} {
		_, err := foreign.Convert([]byte(tt.text), foreign.Options{From: tt.from, Source: "x.yaml"})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s\ngot  %v\nwant %s", tt.text, err, tt.want)
		}
	}
}

// Where commands are played, a command is carried with our macros.
func TestCommandsAreCarried(t *testing.T) {
	data, err := os.ReadFile("testdata/katib-random.yaml")
	if err != nil {
		t.Fatal(err)
	}
	r, err := foreign.Convert(data, foreign.Options{Commands: true})
	if err == nil {
		if !strings.Contains(string(r.File), `"--lr=${lr}", "--optimizer=${optimizer}"`) {
			t.Errorf("%s", r.File)
		}
	} else if !strings.Contains(err.Error(), "command: ") { // a version that does not play them refuses the file
		t.Error(err)
	}
}

// Whatever the bytes: an error, or a sweep file.
func FuzzConvert(f *testing.F) {
	inputs, err := filepath.Glob("testdata/*")
	if err != nil {
		f.Fatal(err)
	}
	for _, in := range inputs {
		data, err := os.ReadFile(in)
		if err != nil {
			continue
		}
		f.Add(data, "")
		f.Add(data, "ray")
	}
	f.Add([]byte(`{"x": "tune.choice([1, (2), x=3])"}`), "ray")
	f.Add([]byte("a: &a [*a]"), "optuna")
	f.Fuzz(func(t *testing.T, data []byte, from string) {
		r, err := foreign.Convert(data, foreign.Options{From: foreign.Format(from)})
		if err != nil {
			return
		}
		if _, err := tourney.ParseSpec(r.File, ""); err != nil {
			t.Fatalf("%s: %v", r.File, err)
		}
	})
}
