package optuna_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tourney"
	"tourney/store/optuna"
)

// golden is what Optuna itself reads from a file of testdata.
type golden struct {
	Name       string
	Directions []string
	UserAttrs  map[string]any `json:"user_attrs"`
	Trials     []struct {
		Number        int
		State         string
		Params        map[string]any
		Distributions map[string]json.RawMessage
		Values        []any
		Curve         map[string]any
		Start         *string
		Complete      *string
		UserAttrs     map[string]any `json:"user_attrs"`
		Constraints   []float64
	}
}

// What Optuna reads from its files, of all versions from 3.0 to 5.0, is what
// is read here.
func TestReadsWhatOptunaWrites(t *testing.T) {
	files, err := filepath.Glob("testdata/*.json")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var want map[string][]golden
		if err := json.Unmarshal(data, &want); err != nil {
			t.Fatal(err)
		}
		for ending, studies := range want {
			path := strings.TrimSuffix(file, "json") + ending
			t.Run(filepath.Base(path), func(t *testing.T) {
				if ok, err := optuna.Recognise(path); !ok || err != nil {
					t.Errorf("Recognise: %v, %v", ok, err)
				}
				got, err := optuna.Read(t.Context(), path, time.UTC)
				if err != nil {
					t.Fatal(err)
				}
				compare(t, got, studies)
			})
		}
	}
}

func compare(t *testing.T, got []optuna.Study, want []golden) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("there are %d studies, want %d", len(got), len(want))
	}
	for i := range want {
		g, w := &got[i], &want[i]
		if g.Name != w.Name || len(g.Trials) != len(w.Trials) || same(g.UserAttrs, w.UserAttrs) != "" {
			t.Fatalf("study %q with %d trials, want %q with %d", g.Name, len(g.Trials), w.Name, len(w.Trials))
		}
		for j, d := range w.Directions {
			if strings.ToUpper(string(g.Directions[j])) != d {
				t.Errorf("%s: direction %v, want %v", w.Name, g.Directions, w.Directions)
			}
		}
		for n := range w.Trials {
			compareTrial(t, fmt.Sprintf("%s %d", w.Name, n), &g.Trials[n], w, n)
		}
	}
}

func compareTrial(t *testing.T, at string, g *optuna.Trial, study *golden, n int) {
	t.Helper()
	w := &study.Trials[n]
	if g.State.String() != w.State {
		t.Errorf("%s: state %v, want %v", at, g.State, w.State)
	}
	params, dists := map[string]any{}, map[string]json.RawMessage{}
	for _, p := range g.Params {
		params[p.Name], dists[p.Name] = p.Value, json.RawMessage(p.Distribution.String())
	}
	curve := map[string]any{}
	for step, v := range g.Curve {
		curve[fmt.Sprint(step)] = plain(v)
	}
	var values []any
	for _, v := range g.Values {
		values = append(values, plain(v))
	}
	for what, diff := range map[string]string{
		"params": same(params, w.Params), "distributions": same(dists, w.Distributions), "values": same(values, w.Values),
		"curve": same(curve, w.Curve), "user attributes": same(g.UserAttrs, w.UserAttrs),
	} {
		if diff != "" {
			t.Errorf("%s: %s: %s", at, what, diff)
		}
	}
	if len(w.Constraints) > 0 {
		if diff := same(g.SystemAttrs["constraints"], w.Constraints); diff != "" {
			t.Errorf("%s: constraints: %s", at, diff)
		}
	}
	for what, times := range map[string]struct {
		got  *time.Time
		want *string
	}{"start": {g.Start, w.Start}, "end": {g.End, w.Complete}} {
		switch {
		case (times.got == nil) != (times.want == nil):
			t.Errorf("%s: %s %v, want %v", at, what, times.got, times.want)
		case times.got != nil:
			if want, err := time.Parse("2006-01-02T15:04:05.999999", *times.want); err != nil || !times.got.Equal(want) {
				t.Errorf("%s: %s %v, want %v", at, what, times.got, *times.want)
			}
		}
	}
}

// plain is a number as make.py tells it.
func plain(v float64) any {
	switch {
	case math.IsNaN(v):
		return "nan"
	case math.IsInf(v, 1):
		return "inf"
	case math.IsInf(v, -1):
		return "-inf"
	}
	return v
}

// same says how the JSON of two values differs, or "".
func same(a, b any) string {
	x, y := canonical(a), canonical(b)
	if x == y {
		return ""
	}
	return x + ", want " + y
}

func canonical(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	var w any
	if err := json.Unmarshal(data, &w); err != nil {
		return err.Error()
	}
	if w == nil || canonicalEmpty(w) {
		return "none"
	}
	data, _ = json.Marshal(w)
	return string(data)
}

func canonicalEmpty(v any) bool {
	switch x := v.(type) {
	case map[string]any:
		return len(x) == 0
	case []any:
		return len(x) == 0
	}
	return false
}

// What is written is read again as it was, in both forms.
func TestWritesWhatItReads(t *testing.T) {
	studies, err := optuna.Read(t.Context(), "testdata/5.0.0.db", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	zone := time.FixedZone("east", 5*3600)
	db, log := filepath.Join(t.TempDir(), "a file%20.db"), filepath.Join(t.TempDir(), "a.log")
	if err := optuna.WriteSQLite(t.Context(), db, zone, studies...); err != nil {
		t.Fatal(err)
	}
	if err := optuna.WriteSQLite(t.Context(), db, zone); !errors.Is(err, os.ErrExist) {
		t.Errorf("writing over a file: %v", err)
	}
	f, err := os.Create(log)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(optuna.WriteJournal(f, studies...), f.Close()); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{db, log} {
		again, err := optuna.Read(t.Context(), path, zone)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprintf("%+v", flat(again)), fmt.Sprintf("%+v", flat(studies)); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", path, got, want)
		}
	}
}

// flat is studies without pointers.
func flat(studies []optuna.Study) []string {
	var all []string
	for _, s := range studies {
		all = append(all, fmt.Sprint(s.Name, s.Directions, canonical(s.UserAttrs)))
		for _, t := range s.Trials {
			all = append(all, fmt.Sprint(t.State, t.Params, t.Values, t.Curve, moment(t.Start), moment(t.End), canonical(t.UserAttrs), canonical(t.SystemAttrs)))
		}
	}
	return all
}

func moment(t *time.Time) string {
	if t == nil {
		return "never"
	}
	return t.UTC().String()
}

// A study that branches becomes a space with conditions, and its trials the
// points of a sweep.
func TestReplayOfBranches(t *testing.T) {
	studies, err := optuna.Read(t.Context(), "testdata/5.0.0.db", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	r, err := studies[2].Replay()
	if err != nil {
		t.Fatal(err)
	}
	p := r.Spec.Parameters
	for name, want := range map[string]string{"depth": "forest", "svm_c": "svm"} {
		when := p.Lookup(name).When
		if len(when) != 1 || when[0].Param != "model" || len(when[0].Values) != 1 || when[0].Values[0] != want {
			t.Errorf("%s has a part when %v, want when model is %s", name, when, want)
		}
	}
	if p.Lookup("svm_c").Distribution != tourney.LogUniformValues || p.Lookup("depth").Distribution != tourney.IntUniform {
		t.Errorf("the space is %+v", p)
	}
	if r.Spec.Metric != (tourney.Metric{Name: "value", Goal: tourney.Maximize}) || r.Spec.RunCap != len(r.Tells) || len(r.Spec.Points) != len(r.Tells) {
		t.Errorf("%+v with %d points and %d tells", r.Spec.Metric, len(r.Spec.Points), len(r.Tells))
	}
	data, err := json.Marshal(r.Spec)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tourney.ParseSpec(data, ""); err != nil {
		t.Errorf("the sweep cannot be read again: %v", err)
	}
}

func TestReplayOfStatesAndConstraints(t *testing.T) {
	studies, err := optuna.Read(t.Context(), "testdata/4.9.0.log", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	r, err := studies[0].Replay()
	if err != nil {
		t.Fatal(err)
	}
	var outcomes []tourney.Outcome
	for _, tell := range r.Tells {
		outcomes = append(outcomes, tell.Outcome)
	}
	// make.py prunes trial 2, and has trial 3 fail. The failed one has no
	// constraints in any version.
	if fmt.Sprint(outcomes) != "[  failed failed  ]" {
		t.Errorf("the outcomes are %q", outcomes)
	}
	first, want := r.Tells[0], studies[0].Trials[0]
	if first.Metrics["value"] != want.Values[0] || first.Metrics["constraint_0"] != want.Curve[1]-0.5 || first.Metrics["constraint_1"] != -1 {
		t.Errorf("trial 0 is told as %v", first.Metrics)
	}
	if len(first.Points) != 2 || first.Points[1].Step != 7 || first.Step != 7 { // 2 is not a number, 3 is infinite
		t.Errorf("its curve is %v, up to step %d", first.Points, first.Step)
	}
	stepped := r.Spec.Parameters.Lookup("stepped")
	if stepped.Distribution != tourney.Ordinal || fmt.Sprint(stepped.Values) != "[0.1 0.35 0.6 0.85 1.1]" {
		t.Errorf("0.1 to 1.1 by 0.25 became %+v", stepped)
	}
	if odd := r.Spec.Parameters.Lookup("odd"); odd.Distribution != tourney.Ordinal || fmt.Sprint(odd.Values) != "[1 3 5 7 9]" {
		t.Errorf("1 to 9 by 2 became %+v", odd)
	}
	if renamed := r.Spec.Parameters.Lookup("log_int"); renamed == nil || renamed.Distribution != tourney.QLogUniformValues {
		t.Errorf("log int became %+v", renamed)
	}
	if text := strings.Join(r.Notes, "\n"); !strings.Contains(text, `parameter "log int" is called log_int`) {
		t.Errorf("the notes are %s", text)
	}
}

func TestReplayOfObjectives(t *testing.T) {
	studies, err := optuna.Read(t.Context(), "testdata/3.1.1.db", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	r, err := studies[1].Replay()
	if err != nil {
		t.Fatal(err)
	}
	if r.Spec.Objectives() != 2 || r.Spec.Metrics[1].Goal != tourney.Maximize {
		t.Errorf("the metrics are %+v", r.Spec.Metrics)
	}
	// The second trial's value is infinite, and the fourth still waits.
	if len(r.Tells) != 3 || r.Tells[1].Outcome != tourney.OutcomeDiverged || len(r.Notes) != 1 {
		t.Errorf("%+v, %v", r.Tells, r.Notes)
	}
}

func TestWrongFiles(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	head := `{"op_code":0,"worker_id":"w","study_name":"s","directions":[1]}` + "\n"
	for _, tt := range []struct{ path, want string }{
		{file("empty", ""), "neither"},
		{file("sweep.yaml", "trainer: linear\n"), "neither"},
		{file("json", `{"parameters":{}}`), "neither"},
		{file("op", head+`{"op_code":77,"worker_id":"w"}`+"\n"), "line 2: invalid: there is no operation 77"},
		{file("cut", head+`{"op_code":4,"worker_id"`+"\n"), "line 2"},
		{file("dist", head+`{"op_code":4,"worker_id":"w","study_id":0,"datetime_start":null}`+"\n"+
			`{"op_code":5,"worker_id":"w","trial_id":0,"param_name":"x","param_value_internal":1,"distribution":"{\"name\":\"CategoricalDistribution\",\"attributes\":{\"choices\":[1]}}"}`+"\n"), "line 3: parameter x"},
		{"../storetest", ""},
	} {
		_, err := optuna.Read(t.Context(), tt.path, time.UTC)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", filepath.Base(tt.path), err)
		}
	}
	// What was being written when its writer died is passed over.
	studies, err := optuna.Read(t.Context(), file("torn", head+`{"op_code":4,"wor`), time.UTC)
	if err != nil || len(studies) != 1 || len(studies[0].Trials) != 0 {
		t.Errorf("%v, %v", studies, err)
	}
}

func FuzzParseDistribution(f *testing.F) {
	f.Add(`{"name": "FloatDistribution", "attributes": {"step": null, "low": 0.0, "high": 1.0, "log": false}}`)
	f.Add(`{"name": "IntLogUniformDistribution", "attributes": {"low": 1, "high": 9, "step": 1}}`)
	f.Add(`{"name": "CategoricalDistribution", "attributes": {"choices": ["a", null, true, 2, 2.5, NaN]}}`)
	f.Fuzz(func(t *testing.T, text string) {
		d, err := optuna.ParseDistribution(text)
		if err != nil {
			return
		}
		again, err := optuna.ParseDistribution(d.String())
		if err != nil || again.String() != d.String() {
			t.Errorf("%s became %s, %v", text, again, err)
		}
	})
}
