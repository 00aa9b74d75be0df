package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tourney"
	"tourney/store/optuna"
)

// pythonWith returns a Python that has packages, or skips the test.
func pythonWith(t *testing.T, packages ...string) string {
	t.Helper()
	candidates := []string{os.Getenv("TOURNEY_TEST_PYTHON"), "../../bench/.venv/bin/python", "python3"}
	for _, name := range candidates {
		path, err := exec.LookPath(name)
		if name == "" || err != nil {
			continue
		}
		if path, err = filepath.Abs(path); err != nil {
			continue
		}
		if exec.CommandContext(t.Context(), path, "-c", "import "+strings.Join(packages, ", ")).Run() == nil {
			return path
		}
	}
	t.Skipf("no Python with %s; make bench-env installs one, or name one in TOURNEY_TEST_PYTHON", strings.Join(packages, ", "))
	return ""
}

// optunaSweep is an external sweep in which everything occurs that Optuna has
// a word for: two conditions, steps, a bound, curves, rungs, and trials that
// were pruned, that failed, that diverged and that still wait.
const optunaSweep = `
name: everything
trainer: external
method: random
seed: 3
run_cap: 40
metrics: [{name: loss, goal: minimize}, {name: size, at_most: 50}]
early_terminate: {type: asha, min_iter: 1, max_iter: 9, eta: 3}
parameters:
  model: {values: [svm, forest, null, 3, true]}
  c: {distribution: log_uniform_values, min: 1.0e-3, max: 10, when: {model: svm}}
  depth: {min: 1, max: 8, when: {model: forest}}
  noise: {distribution: normal, mu: 1, sigma: 2}
  drop: {distribution: q_uniform, min: 0.1, max: 0.9, q: 0.2}
  units: {distribution: q_log_uniform_values, min: 8, max: 512}
  kind: {value: fixed}
`

// playEverything plays that sweep and leaves it one trial before its end.
func playEverything(t *testing.T, url string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "everything.yaml")
	if err := os.WriteFile(file, []byte(optunaSweep), 0o600); err != nil {
		t.Fatal(err)
	}
	id := strings.TrimSpace(must(t, "sweep", "create", file, "--server", url))
	c := access{server: url}.client()
	for told := 0; told < 70; told++ {
		reply, err := c.Ask(t.Context(), id, tourney.AskRequest{}, "")
		if err != nil {
			t.Fatal(err)
		}
		if len(reply.Trials) == 0 {
			break
		}
		a := reply.Trials[0]
		tell := tourney.Tell{Token: a.Token}
		switch a.Trial {
		case 5:
			tell.Outcome, tell.Reason, tell.Error = tourney.OutcomeFailed, tourney.ReasonSpecInvalid, "no such model"
		case 6:
			tell.Outcome = tourney.OutcomeDiverged
		default:
			noise, _ := a.Params.Float("noise", 0)
			for step := a.From + 1; step <= a.Budget; step++ {
				tell.Points = append(tell.Points, tourney.Point{Step: step, Metrics: tourney.Metrics{"loss": noise*noise + 1/float64(step)}})
			}
			tell.Metrics = tourney.Metrics{"loss": noise*noise + 1/float64(a.Budget), "size": float64(a.Trial * 2)}
		}
		if _, err := c.Tell(t.Context(), id, tell); err != nil {
			t.Fatal(err)
		}
	}
	return id
}

// readEverything is what Optuna itself says of both exports.
const readEverything = `
import json, sys, warnings
warnings.simplefilter("ignore")
import optuna
optuna.logging.set_verbosity(optuna.logging.ERROR)
def storage(path):
    if path.endswith(".db"):
        return "sqlite:///" + path
    return optuna.storages.JournalStorage(optuna.storages.journal.JournalFileBackend(path))
said = []
for path in sys.argv[1:]:
    study = optuna.load_study(study_name="everything", storage=storage(path))
    for t in study.trials:
        if t.state != optuna.trial.TrialState.WAITING:
            t._validate()
    states = [t.state.name for t in study.trials]
    importances = optuna.importance.get_param_importances(study, params=["noise", "drop", "units"])
    said.append({
        "names": study.metric_names, "directions": [d.name for d in study.directions],
        "best": study.best_trial.number, "value": study.best_value, "params": study.best_params,
        "states": {s: states.count(s) for s in sorted(set(states))},
        "importances": sorted(importances), "rows": len(study.trials_dataframe()),
        "feasible": sum(all(c <= 0 for c in t.system_attrs.get("constraints", [])) for t in study.trials if t.state.name == "COMPLETE"),
        "curves": {t.number: sorted(t.intermediate_values) for t in study.trials if t.intermediate_values},
        "fixed": [t.system_attrs["fixed_params"] for t in study.trials if t.state.name == "WAITING"],
    })
    try:
        import plotly
    except ImportError:
        continue
    v = optuna.visualization
    for plot in (v.plot_optimization_history, v.plot_slice, v.plot_parallel_coordinate, v.plot_contour, v.plot_edf,
                 v.plot_intermediate_values, v.plot_param_importances, v.plot_rank, v.plot_timeline):
        kw = {"params": ["noise", "units"]} if plot in (v.plot_contour, v.plot_slice, v.plot_rank, v.plot_param_importances) else {}
        if plot is v.plot_parallel_coordinate:
            kw = {"params": ["noise", "drop"]}
        assert plot(study, **kw).data, plot
print(json.dumps(said))
`

// Optuna itself opens both exports of a sweep, says the same of each as
// the server does, and draws its plots.
func TestOptunaOpensExports(t *testing.T) {
	python := pythonWith(t, "optuna", "pandas", "sklearn")
	up := start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--data-dir", dir(t))
	url := up.url()
	id := playEverything(t, url)
	out := t.TempDir()
	db, journal := filepath.Join(out, "everything.db"), filepath.Join(out, "everything.log")
	must(t, "sweep", "export", id, "--server", url, "--format", "optuna-sqlite", "-o", db)
	must(t, "sweep", "export", id, "--server", url, "--format", "optuna-journal", "-o", journal)
	if _, _, code := play(t, "sweep", "export", id, "--server", url, "--format", "optuna-sqlite", "-o", db); code != 1 {
		t.Errorf("an export over a file that is there ends with %d", code)
	}
	data, err := exec.CommandContext(t.Context(), python, "-c", readEverything, db, journal).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderrOf(err))
	}
	t.Run("dashboard", func(t *testing.T) { openInDashboard(t, db, len(trialsOf(t, url, id))) })
	var said []struct {
		Names, Directions, Importances []string
		Best, Rows, Feasible           int
		Value                          float64
		Params                         map[string]any
		States                         map[string]int
		Curves                         map[int][]int
		Fixed                          []tourney.Params
	}
	if err := json.Unmarshal(data, &said); err != nil || len(said) != 2 {
		t.Fatalf("%v\n%s", err, data)
	}
	trials := trialsOf(t, url, id)
	states, feasible, best := map[string]int{}, 0, -1
	for i := range trials {
		tr := &trials[i]
		name := map[tourney.TrialState]string{
			tourney.TrialCompleted: "COMPLETE", tourney.TrialPruned: "PRUNED", tourney.TrialFailed: "FAIL", tourney.TrialDiverged: "FAIL",
			tourney.TrialPaused: "RUNNING", tourney.TrialRunning: "RUNNING", tourney.TrialQueued: "RUNNING",
		}[tr.State]
		if tr.State == tourney.TrialQueued && tr.Rung < 0 {
			name = "WAITING"
		}
		states[name]++
		if name == "COMPLETE" && tr.Metrics["size"] <= 50 {
			feasible++
			if best < 0 || *tr.Value < *trials[best].Value {
				best = i
			}
		}
	}
	if states["COMPLETE"] == 0 || states["FAIL"] != 2 {
		t.Fatalf("the sweep has %v; it should have complete and failed trials", states)
	}
	for _, s := range said {
		if !slices.Equal(s.Names, []string{"loss"}) || !slices.Equal(s.Directions, []string{"MINIMIZE"}) || s.Rows != len(trials) {
			t.Errorf("it has %v %v with %d rows", s.Names, s.Directions, s.Rows)
		}
		if canonicalJSON(t, s.States) != canonicalJSON(t, states) || s.Feasible != feasible {
			t.Errorf("its states are %v (%d feasible), want %v (%d)", s.States, s.Feasible, states, feasible)
		}
		if s.Best != best || s.Value != *trials[best].Value || canonicalJSON(t, s.Params) != canonicalJSON(t, trials[best].Params) {
			t.Errorf("its best is %d: %v %v, want %d: %v %v", s.Best, s.Value, s.Params, best, *trials[best].Value, trials[best].Params)
		}
		if len(s.Importances) != 3 {
			t.Errorf("its importances are of %v", s.Importances)
		}
		if want := []int{1, 2, 3, 4, 5, 6, 7, 8, 9}; !slices.Equal(s.Curves[best], want) {
			t.Errorf("the winner's curve has the steps %v, want %v", s.Curves[best], want)
		}
		if len(s.Fixed) != states["WAITING"] {
			t.Errorf("%d trials wait with their parameters, want %d", len(s.Fixed), states["WAITING"])
		}
	}
}

func trialsOf(t *testing.T, url, id string) []tourney.Trial {
	t.Helper()
	var trials []tourney.Trial
	if err := json.Unmarshal([]byte(must(t, "sweep", "trials", id, "--json", "--server", url)), &trials); err != nil {
		t.Fatal(err)
	}
	return trials
}

// readDashboard asks optuna-dashboard for the study, as its pages do.
const readDashboard = `
import json, sys
from wsgiref.util import setup_testing_defaults
from optuna_dashboard import wsgi
app = wsgi("sqlite:///" + sys.argv[1])
def get(path):
    environ = {"PATH_INFO": path, "REQUEST_METHOD": "GET"}
    setup_testing_defaults(environ)
    status = []
    body = b"".join(app(environ, lambda s, h, e=None: status.append(s)))
    assert status[0].startswith("200"), (path, status, body[:500])
    return json.loads(body)
studies = get("/api/studies")["study_summaries"]
study = get("/api/studies/1")
print(json.dumps({"name": studies[0]["study_name"], "trials": len(study["trials"]), "best": len(study["best_trials"])}))
`

// openInDashboard has optuna-dashboard read a file.
func openInDashboard(t *testing.T, db string, trials int) {
	t.Helper()
	python := pythonWith(t, "optuna_dashboard")
	data, err := exec.CommandContext(t.Context(), python, "-c", readDashboard, db).Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderrOf(err))
	}
	var said struct {
		Name         string
		Trials, Best int
	}
	if err := json.Unmarshal(data, &said); err != nil || said.Name != "everything" || said.Trials != trials || said.Best != 1 {
		t.Errorf("%v, %s; want %d trials", err, data, trials)
	}
}

func stderrOf(err error) string {
	if exit, ok := err.(*exec.ExitError); ok { //nolint:errorlint // as Output returns it
		return string(exit.Stderr)
	}
	return ""
}

func canonicalJSON(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var w any
	if err := json.Unmarshal(data, &w); err != nil {
		t.Fatal(err)
	}
	data, _ = json.Marshal(w)
	return string(data)
}

// A study of the real Optuna becomes a sweep with its board, and comes back
// from an export as it was.
func TestImportOfAnOptunaStudy(t *testing.T) {
	up := start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--data-dir", dir(t))
	url := up.url()
	golden := "../../store/optuna/testdata/5.0.0.db"
	if _, stderr, code := play(t, "sweep", "import-optuna", golden, "--server", url); code != 2 || !strings.Contains(stderr, "3 studies") {
		t.Errorf("without --study: exit %d, %s", code, stderr)
	}
	if _, stderr, code := play(t, "sweep", "import-optuna", golden, "--study", "tre", "--server", url); code != 2 || !strings.Contains(stderr, `"tree"`) {
		t.Errorf("with a wrong --study: exit %d, %s", code, stderr)
	}
	for _, study := range []string{"tree", "all kinds", "two"} {
		id := strings.TrimSpace(must(t, "sweep", "import-optuna", golden, "--study", study, "--server", url))
		out := filepath.Join(t.TempDir(), "again.db")
		must(t, "sweep", "export", id, "--format", "optuna-sqlite", "-o", out, "--server", url)
		before, err := optuna.Read(t.Context(), golden, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		after, err := optuna.Read(t.Context(), out, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		i := slices.IndexFunc(before, func(s optuna.Study) bool { return s.Name == study })
		if got, want := completeOf(&after[0]), completeOf(&before[i]); !slices.Equal(got, want) {
			t.Errorf("%s: its complete trials are\n%s\nwant\n%s", study, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// completeOf writes the complete trials, in order, each point once.
func completeOf(s *optuna.Study) []string {
	var lines []string
	for i := range s.Trials {
		tr := &s.Trials[i]
		if tr.State != optuna.Complete {
			continue
		}
		params := tourney.Params{}
		for _, p := range tr.Params {
			params[strings.ReplaceAll(p.Name, " ", "_")] = p.Value
		}
		if values, err := json.Marshal(tr.Values); err == nil { // those of a diverged trial are not finite
			if line := params.Key() + " " + string(values); !slices.Contains(lines, line) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// A study of more trials than one request asks for is imported whole, without
// the points that it repeats.
func TestImportOfALongStudy(t *testing.T) {
	study := optuna.Study{Name: "long", Directions: []tourney.Goal{tourney.Minimize}}
	d := optuna.Distribution{Kind: optuna.Int, Low: 0, High: 5000, Step: 1}
	for i := range 1500 {
		study.Trials = append(study.Trials, optuna.Trial{
			State:  optuna.Complete,
			Params: []optuna.Param{{Name: "x", Distribution: d, Value: int64(i - i%7)}},
			Values: []float64{float64(i - i%7)},
		})
	}
	path := filepath.Join(t.TempDir(), "long.log")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1200 { // and these once each
		study.Trials = append(study.Trials, optuna.Trial{
			State: optuna.Complete, Params: []optuna.Param{{Name: "x", Distribution: d, Value: int64(2000 + i)}}, Values: []float64{float64(i)},
		})
	}
	if err := optuna.WriteJournal(f, study); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	up := start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--data-dir", dir(t))
	var sweep tourney.Sweep
	if err := json.Unmarshal([]byte(must(t, "sweep", "import-optuna", path, "--json", "--server", up.url())), &sweep); err != nil {
		t.Fatal(err)
	}
	if want := 215 + 1200; sweep.State != tourney.SweepCompleted || sweep.Counts[tourney.TrialCompleted] != want { // 1500/7, rounded up
		t.Errorf("the sweep is %s with %v, want %d completed", sweep.State, sweep.Counts, want)
	}
}
