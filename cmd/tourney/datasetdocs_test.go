package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tourney"
)

// The commands of docs/datasets.md do what it says, one after the other.
func TestDocumentedDatasetCommands(t *testing.T) {
	text, err := os.ReadFile("../../docs/datasets.md")
	if err != nil {
		t.Fatal(err)
	}
	up := start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--data-dir", dir(t))
	url := up.url()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	in := t.TempDir()
	if err := os.Symlink(exe, filepath.Join(in, "tourney")); err != nil {
		t.Fatal(err)
	}
	// A test file is somebody's own.
	must(t, "dataset", "synth", "regression", "--rows", "50", "--columns", "3", "--seed", "2", "--out", filepath.Join(in, "toy-test.csv"))
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 4 {
		t.Fatalf("there are %d blocks of commands", len(blocks))
	}
	for _, m := range blocks {
		cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", m[1])
		cmd.Dir = in
		cmd.Env = append(os.Environ(), "PATH="+in+":"+os.Getenv("PATH"), "TOURNEY_TEST_MAIN=1", "TOURNEY_SERVER="+url)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s\n%s", err, m[1], out)
		}
	}
	for name, rows := range map[string]int{"clicks": 2000, "grouped": 2000, "timed": 500, "given": 550} {
		var ds tourney.Dataset
		if !get(t.Context(), url+"/api/v1/datasets/"+name, &ds) || ds.Rows != rows {
			t.Errorf("%s has %d rows, want %d", name, ds.Rows, rows)
		}
	}
	var ds tourney.Dataset
	if get(t.Context(), url+"/api/v1/datasets/toy", &ds) {
		t.Error("toy was deleted and is there")
	}
}

// The table of preprocessing in docs/datasets.md has each field, and the words
// that it takes, the default first.
func TestDocumentedPreprocessing(t *testing.T) {
	text, err := os.ReadFile("../../docs/datasets.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tourney.PreprocessNames() {
		if !strings.Contains(string(text), "\n| `"+name+"` | ") {
			t.Errorf("there is no row of %s", name)
		}
	}
	var p tourney.Preprocess
	if bad := p.Normalise(); len(bad) > 0 {
		t.Fatal(bad)
	}
	for name, first := range map[string]string{"impute": p.Impute, "indicator": p.Indicator, "scale": p.Scale, "log": p.Log, "encode": p.Encode} {
		if !strings.Contains(string(text), "\n| `"+name+"` | `"+first+"`") {
			t.Errorf("the default of %s is %s", name, first)
		}
	}
}
