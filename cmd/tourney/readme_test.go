package main

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"tourney"
)

// readmeBlock returns the first code block of the README that holds what is
// asked.
func readmeBlock(t *testing.T, holds string) string {
	t.Helper()
	data, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(data), -1) {
		if strings.Contains(m[1], holds) {
			return m[1]
		}
	}
	t.Fatalf("the README has no block with %q", holds)
	return ""
}

// The README's curl commands launch a sweep and read its board, as they stand.
func TestREADMECurl(t *testing.T) {
	if raced {
		t.Skip("the README's own sweep takes minutes under the race detector; it is played without")
	}
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("the README's commands need curl; install it: sudo apt-get install -y curl")
	}
	up := start(t, "up", "--addr", "127.0.0.1:0", "--data-dir", dir(t))
	url := up.url()
	script := strings.ReplaceAll(readmeBlock(t, "curl -s"), "http://127.0.0.1:8080", url)
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script+"\necho; echo ID=$ID")
	cmd.Dir = "../.."
	out, err := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); err != nil && code != 28 { // the event stream is cut by --max-time
		t.Fatalf("exit %d: %v\n%s", code, err, out)
	}
	for _, want := range []string{`"name":"digits"`, `"items":[`, "event: proposed", "event: reported"} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s is not in\n%.3000s", want, out)
		}
	}
	var sweeps struct{ Items []tourney.Sweep }
	if !get(t.Context(), url+"/api/v1/sweeps", &sweeps) || len(sweeps.Items) != 1 {
		t.Fatalf("there are %d sweeps, want one", len(sweeps.Items))
	}
	untilSweep(t, url, sweeps.Items[0].ID, func(s tourney.Sweep) bool { return s.State == tourney.SweepCompleted })
}

// The documented sweep files are ones.
func TestDocumentedSweepFiles(t *testing.T) {
	for _, file := range []string{"../../README.md", "../../docs/sweep-file.md"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(data), -1)
		if len(blocks) == 0 {
			t.Errorf("%s has no sweep file", file)
		}
		for _, m := range blocks {
			if _, err := tourney.ParseSpec([]byte(m[1]), file); err != nil {
				t.Error(err)
			}
		}
	}
}
