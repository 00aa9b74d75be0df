package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tourney"
)

// Datasets and sweeps by the command line, against a server that the
// environment names.
func TestCommands(t *testing.T) {
	up := start(t, "up", "--workers", "1", "--addr", "127.0.0.1:0", "--data-dir", dir(t))
	t.Setenv("TOURNEY_SERVER", up.url())
	file := sweepFile(t, "dataset: table.csv", "dataset: mine", "target: y\n", "")
	table := filepath.Join(filepath.Dir(file), "table.csv")

	var ds tourney.Dataset
	if err := json.Unmarshal([]byte(must(t, "dataset", "add", "mine", table, "--target", "y", "--drop", "b", "--split", "0.25", "--json")), &ds); err != nil {
		t.Fatal(err)
	}
	if ds.Name != "mine" || ds.Rows != 40 || ds.TestRows != 10 || ds.Task != tourney.Classification || len(ds.Version) != 64 {
		t.Errorf("registered as %+v", ds)
	}
	again := must(t, "dataset", "add", "mine", table, "--target", "y", "--drop", "b", "--split", "0.25")
	if !strings.Contains(again, ds.Version[:12]) {
		t.Errorf("the same file again is another version:\n%s", again)
	}
	if out := must(t, "dataset", "list"); strings.Count(out, "\n") != 1 || !strings.Contains(out, "mine") {
		t.Errorf("dataset list:\n%s", out)
	}
	if out := must(t, "dataset", "show", "mine"); !strings.Contains(out, "40 rows, 10 of them sealed") || !strings.Contains(out, "classification of y, 2 classes") {
		t.Errorf("dataset show:\n%s", out)
	}

	id := strings.TrimSpace(must(t, "sweep", "create", file))
	if out := must(t, "sweep", "watch", id, "--json"); !strings.Contains(out, `"leaderboard"`) {
		t.Errorf("sweep watch --json:\n%s", out)
	}
	for _, tt := range []struct {
		args []string
		want []string
	}{
		{[]string{"sweep", "list"}, []string{id, "completed", "4 trials", "accuracy"}},
		{[]string{"sweep", "show", id}, []string{"winner: trial", "sealed test accuracy"}},
		{[]string{"sweep", "trials", id}, []string{"trial", "learning_rate", "completed"}},
		{[]string{"sweep", "leaderboard", id, "--limit", "2"}, []string{"\n1 ", "\n2 "}},
		{[]string{"version"}, []string{"tourney ", "go1."}},
		{[]string{"completion", "bash"}, []string{"complete"}},
		{[]string{"--help"}, []string{"tourney run examples/digits.yaml", "coordinator", "worker"}},
	} {
		out := must(t, tt.args...)
		for _, w := range tt.want {
			if !strings.Contains(out, w) {
				t.Errorf("tourney %s: %q is not in\n%s", strings.Join(tt.args, " "), w, out)
			}
		}
	}
	for _, args := range [][]string{{"sweep", "show", "snowhere"}, {"dataset", "show", "nowhere"}, {"sweep", "cancel", "snowhere"}} {
		if _, stderr, code := play(t, args...); code != 1 || !strings.Contains(stderr, "nowhere") {
			t.Errorf("tourney %s: exit %d: %s", strings.Join(args, " "), code, stderr)
		}
	}
}

// A flag's value comes from the command line, else the environment, else the
// config file.
func TestSettings(t *testing.T) {
	config := filepath.Join(t.TempDir(), "tourney.yaml")
	write(t, config, "server: http://127.0.0.1:1\n")
	refused := func(env, want string, args ...string) {
		t.Helper()
		if env != "" {
			t.Setenv("TOURNEY_SERVER", env)
		}
		_, stderr, code := play(t, append([]string{"sweep", "list", "--config", config}, args...)...)
		if code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("exit %d: %s, want %s", code, stderr, want)
		}
	}
	refused("", "127.0.0.1:1:")
	refused("http://127.0.0.1:2", "127.0.0.1:2:")
	refused("http://127.0.0.1:2", "127.0.0.1:3:", "--server", "http://127.0.0.1:3")
	write(t, config, "server: [\n")
	if _, stderr, code := play(t, "sweep", "list", "--config", config); code != 2 || !strings.Contains(stderr, config) {
		t.Errorf("a broken config file: exit %d: %s", code, stderr)
	}
	write(t, config, "sever: http://127.0.0.1:1\n")
	if _, stderr, code := play(t, "sweep", "list", "--config", config); code != 2 || !strings.Contains(stderr, `sever: no flag of that name; did you mean "server"?`) {
		t.Errorf("an unknown key: exit %d: %s", code, stderr)
	}
	if err := os.Remove(config); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := play(t, "sweep", "list", "--config", config); code != 2 || !strings.Contains(stderr, config) {
		t.Errorf("no config file: exit %d: %s", code, stderr)
	}
}
