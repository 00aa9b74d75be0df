package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tourney"
)

// The commands of docs/api.md play a sweep from the table to the model, in one
// shell, one after the other, as they stand but for the address.
func TestDocumentedAPICommands(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Fatal("the commands of docs/api.md need curl; install it: sudo apt-get install -y curl")
	}
	text, err := os.ReadFile("../../docs/api.md")
	if err != nil {
		t.Fatal(err)
	}
	up := start(t, "up", "--workers", "1", "--addr", "127.0.0.1:0", "--data-dir", dir(t))
	url := up.url()
	blocks := regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(text), -1)
	if len(blocks) < 9 {
		t.Fatalf("there are %d blocks of commands", len(blocks))
	}
	var script strings.Builder
	for i, m := range blocks {
		commands := m[1]
		if i == 0 {
			var found bool
			if commands, found = strings.CutPrefix(commands, "tourney up &\n"); !found {
				t.Fatalf("the first block does not start the server:\n%s", commands)
			}
			commands = strings.ReplaceAll(commands, "http://127.0.0.1:8080", url)
		}
		script.WriteString(commands + "\necho\n")
	}
	in := t.TempDir()
	cmd := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script.String())
	cmd.Dir = in
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		`"version":`, `"valid":true`, "event: proposed\n", "event: ended\n", `"metrics":{`, `"method":"ped"`,
		`"status":"ok"`, "tourney_workers_wanted 0\n",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s is not in\n%.5000s", want, out)
		}
	}
	data, err := os.ReadFile(filepath.Join(in, "model.json"))
	if err != nil {
		t.Fatal(err)
	}
	var model struct{ Format, Trainer, Target string }
	if err := json.Unmarshal(data, &model); err != nil || model.Format != "tourney-model" || model.Trainer != "linear" || model.Target != "above" {
		t.Errorf("the model is %+v, %v", model, err)
	}
	var sweeps struct{ Items []tourney.Sweep }
	if get(t.Context(), url+"/api/v1/sweeps", &sweeps) {
		t.Error("there is a token, and the list is shown without one")
	}
	// The token is told to its holder alone.
	secret := regexp.MustCompile(`tourney_[a-z2-7]{16}_[a-z2-7]{52}`)
	if said := up.said(); secret.MatchString(said) {
		t.Errorf("the log has a token:\n%s", said)
	}
}
