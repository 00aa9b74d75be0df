package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const pythonClient = "../../clients/python"

// pythons are the interpreters to test with: python3, and what
// TOURNEY_TEST_PYTHONS lists.
func pythons(t *testing.T) []string {
	t.Helper()
	names := append([]string{"python3"}, filepath.SplitList(os.Getenv("TOURNEY_TEST_PYTHONS"))...)
	var found []string
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			found = append(found, path)
		}
	}
	if len(found) == 0 {
		t.Skip("no python3")
	}
	return found
}

// pythonEnv is the environment of a Python that finds the client, and a server.
func pythonEnv(t *testing.T, url string) []string {
	t.Helper()
	src, err := filepath.Abs(pythonClient + "/src")
	if err != nil {
		t.Fatal(err)
	}
	return append(os.Environ(), "PYTHONPATH="+src, "PYTHONDONTWRITEBYTECODE=1", "PYTHONWARNINGS=error::DeprecationWarning:tourney", "TOURNEY_SERVER="+url)
}

// The client's own tests pass against a real server, by the standard library
// alone.
func TestPythonClient(t *testing.T) {
	up := start(t, "up", "--workers", "1", "--addr", "127.0.0.1:0", "--data-dir", dir(t))
	url := up.url()
	for _, python := range pythons(t) {
		cmd := exec.CommandContext(t.Context(), python, "-m", "unittest", "discover", "-s", "tests", "-t", ".")
		cmd.Dir = pythonClient
		cmd.Env = pythonEnv(t, url)
		out, err := cmd.CombinedOutput()
		if text := string(out); err != nil || !strings.HasSuffix(strings.TrimSpace(text), "OK") { // nothing is skipped
			t.Errorf("%s: %v\n%s", python, err, text)
		}
	}
}

// The blocks of docs/python.md run one after the other, as they stand.
func TestDocumentedPython(t *testing.T) {
	text, err := os.ReadFile("../../docs/python.md")
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```python\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 7 {
		t.Fatalf("there are %d blocks", len(blocks))
	}
	var program strings.Builder
	for _, m := range blocks {
		program.WriteString(m[1] + "\n")
	}
	up := start(t, "up", "--workers", "1", "--addr", "127.0.0.1:0", "--data-dir", dir(t))
	cmd := exec.CommandContext(t.Context(), pythons(t)[0], "-c", program.String())
	cmd.Dir = t.TempDir()
	cmd.Env = pythonEnv(t, up.url())
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{"metod unknown key", `"loss": 0.05`, "'proposed'", "'pruned'"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s is not in\n%s", want, out)
		}
	}
}

// The examples run, and say what they have found.
func TestPythonExamples(t *testing.T) {
	if raced {
		t.Skip("the client's own tests are played under the race detector; libraries take long to load")
	}
	up := start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--data-dir", dir(t))
	url := up.url()
	for _, tt := range []struct{ file, packages, trials, want string }{
		{"sklearn_digits.py", "sklearn", "4", "best accuracy 0."},
		{"lightgbm_pruning.py", "lightgbm sklearn", "18", "'pruned'"},
		{"xgboost_parallel.py", "xgboost sklearn", "6", "rmse"},
		{"pytorch_trial.py", "torch", "", `"step": 5, "loss"`},
	} {
		t.Run(tt.file, func(t *testing.T) {
			python := pythonWith(t, strings.Fields(tt.packages)...)
			path, err := filepath.Abs("../../examples/python/" + tt.file)
			if err != nil {
				t.Fatal(err)
			}
			cmd := exec.CommandContext(t.Context(), python, path, tt.trials)
			cmd.Dir = t.TempDir()
			cmd.Env = append(pythonEnv(t, url), "OMP_NUM_THREADS=1")
			out, err := cmd.CombinedOutput()
			if err != nil || !strings.Contains(string(out), tt.want) {
				t.Errorf("%v; %q is not in\n%s", err, tt.want, out)
			}
		})
	}
}

// A trial that is cut off goes on from its checkpoint: it trains the steps that
// it was not trained yet, and no other.
func TestPyTorchExampleResumes(t *testing.T) {
	python := pythonWith(t, "torch")
	path, err := filepath.Abs("../../examples/python/pytorch_trial.py")
	if err != nil {
		t.Fatal(err)
	}
	checkpoints := t.TempDir()
	steps := func(budget string) []string {
		cmd := exec.CommandContext(t.Context(), python, path)
		cmd.Env = append(pythonEnv(t, "http://127.0.0.1:1"), "TOURNEY_CHECKPOINT_DIR="+checkpoints, "TOURNEY_BUDGET="+budget, "OMP_NUM_THREADS=1")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v\n%s", err, stderrOf(err))
		}
		var found []string
		for _, m := range regexp.MustCompile(`"step": (\d+)`).FindAllStringSubmatch(string(out), -1) {
			found = append(found, m[1])
		}
		return found
	}
	if got := steps("2"); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("the first attempt has the steps %v", got)
	}
	if got := steps("4"); !slices.Equal(got, []string{"3", "4"}) {
		t.Errorf("the second attempt has the steps %v", got)
	}
}
