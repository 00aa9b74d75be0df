package main

import (
	"os"
	"os/exec"
	"path/filepath"
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
