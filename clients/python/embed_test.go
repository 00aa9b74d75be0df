package python_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	python "tourney/clients/python"
)

// shim writes the stand-in to a directory, as a worker does.
func shim(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, python.Shim()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The stand-in is one module that needs no other.
func TestShimIsOneModule(t *testing.T) {
	var files []string
	err := fs.WalkDir(python.Shim(), ".", func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			files = append(files, path)
		}
		return err
	})
	if err != nil || len(files) != 1 || files[0] != "wandb/__init__.py" {
		t.Errorf("the shim is %v, %v", files, err)
	}
}

// A script that is written for wandb runs with the stand-in alone, and its rows
// come out as lines of JSON.
func TestShimRunsAScript(t *testing.T) {
	interpreter, err := exec.LookPath("python3")
	if err != nil {
		t.Skip("no python3")
	}
	params := filepath.Join(t.TempDir(), "params.json")
	if err := os.WriteFile(params, []byte(`{"lr":0.5,"net.depth":3}`), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), interpreter, "-S", "-c", `
import wandb
run = wandb.init(project="p", config={"lr": 0.1, "epochs": 2, "net": {"width": 8}})
for epoch in range(wandb.config.epochs):
    wandb.log({"loss": wandb.config.lr * wandb.config["net"]["depth"] / (epoch + 1), "note": "text"})
wandb.finish()
`)
	cmd.Env = []string{"PYTHONPATH=" + shim(t), "TOURNEY_PARAMS=" + params, "TOURNEY_TRIAL=4", "PYTHONDONTWRITEBYTECODE=1"}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	if want := "{\"step\": 1, \"loss\": 1.5}\n{\"step\": 2, \"loss\": 0.75}\n"; string(out) != want {
		t.Errorf("it says\n%swant\n%s", out, want)
	}
	if !strings.Contains(stderr.String(), "Tourney's stand-in") || strings.Count(stderr.String(), "'note' is no number") != 1 {
		t.Errorf("stderr is %q", stderr.String())
	}
}
