package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tourney"
)

// A directory as W&B's users have it runs as it is, and leaves a board, logs and
// files.
func TestRunWandBDirectory(t *testing.T) {
	home, data := t.TempDir(), dir(t)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("helper.py", "SCALE = 2.0\n")
	write("data.txt", "3\n")
	write("train.py", `import argparse, os
import helper
parser = argparse.ArgumentParser()
parser.add_argument("--x", type=float)
parser.add_argument("--steps", type=int)
args = parser.parse_args()
base = float(open("data.txt").read())
for step in range(args.steps):
    print(f"step={step + 1} loss={helper.SCALE * args.x + base / (step + 1)}")
open(os.path.join(os.environ["TOURNEY_ARTIFACT_DIR"], "model.txt"), "w").write("trained")
`)
	write("sweep.yaml", `project: mine
program: train.py
method: grid
metric: {name: loss, goal: minimize}
parameters:
  x: {values: [3, 1, 2]}
  steps: {value: 3}
`)
	stdout, stderr, code := play(t, "run", filepath.Join(home, "sweep.yaml"), "--json", "--data-dir", data, "--workers", "2")
	if code != 0 {
		t.Fatalf("exit %d\n%s", code, stderr)
	}
	if !strings.Contains(stderr, "allowed for this run alone: /usr/bin/env python train.py") {
		t.Errorf("it does not say what it allows:\n%s", stderr)
	}
	var out struct {
		Sweep tourney.Sweep
		Best  struct {
			Params  tourney.Params
			Metrics tourney.Metrics
		}
	}
	if err := json.Unmarshal([]byte(stdout), &out); err != nil {
		t.Fatal(err)
	}
	if out.Sweep.State != tourney.SweepCompleted || out.Best.Metrics["loss"] != 3 {
		t.Errorf("%s: best %+v, want loss 3 of x 1", out.Sweep.State, out.Best)
	}
	if problems := must(t, "verify", data); !strings.Contains(problems, "0 problems") {
		t.Errorf("verify: %s", problems)
	}
}

// A server that may run programs keeps strangers out, runs what its file names
// and refuses the rest, and shows what was printed.
func TestServeCommands(t *testing.T) {
	home, data := t.TempDir(), dir(t)
	allow, sweep := filepath.Join(home, "allow.yaml"), filepath.Join(home, "sweep.yaml")
	if err := os.WriteFile(allow, []byte("commands: {ok: {argv: [/bin/echo]}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := `command: [/bin/echo, "loss=${x}"]
method: grid
metric: {name: loss}
parameters: {x: {values: [1, 2]}}
`
	if err := os.WriteFile(sweep, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := play(t, "up", "--addr", "127.0.0.1:0", "--data-dir", data, "--allow-commands", allow); code != exitRefused || !strings.Contains(stderr, "tourney token create") {
		t.Errorf("without a token: exit %d, %s", code, stderr)
	}
	token := strings.TrimSpace(must(t, "token", "create", "--data-dir", data, "--scope", "admin", "--name", "me"))
	token = token[strings.LastIndex(token, "tourney_"):]
	token, _, _ = strings.Cut(token, "\n")
	p := start(t, "up", "--addr", "127.0.0.1:0", "--data-dir", data, "--workers", "1", "--allow-commands", allow)
	url := p.url()
	if _, stderr, code := play(t, "sweep", "create", sweep, "--server", url); code == 0 {
		t.Errorf("a stranger may create a sweep: %s", stderr)
	}
	t.Setenv("TOURNEY_TOKEN", token)
	id := strings.TrimSpace(must(t, "sweep", "create", sweep, "--server", url))
	must(t, "sweep", "watch", id, "--server", url)
	log := must(t, "sweep", "logs", id, "1", "--follow", "--server", url)
	if !strings.Contains(log, "out| loss=2\n") || !strings.Contains(log, "tourney| exit code 0\n") {
		t.Errorf("the log is %q", log)
	}
	if err := os.WriteFile(sweep, []byte(strings.Replace(text, "/bin/echo", "/bin/printf", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, _ := play(t, "sweep", "validate", sweep, "--server", url); !strings.Contains(stderr, "no worker that is there may run it") {
		stdout, _, _ := play(t, "sweep", "validate", sweep, "--server", url)
		if !strings.Contains(stdout, "no worker that is there may run it") {
			t.Errorf("of a program that nobody may run it is not said: %s%s", stdout, stderr)
		}
	}
}

// The example is played as its first lines say.
func TestCommandExample(t *testing.T) {
	stdout, stderr, code := play(t, "run", "../../examples/command/sweep.yaml", "--json", "--data-dir", dir(t), "--workers", "2", "--seed", "1")
	if code != 0 || !strings.Contains(stdout, `"state":"completed"`) && !strings.Contains(stdout, `"state": "completed"`) {
		t.Errorf("exit %d\n%s%s", code, stdout, stderr)
	}
}

// A script that imports wandb runs without an account where the sweep asks for
// the stand-in: its config has the trial's parameters, what it logs is the board's.
func TestRunWandBShim(t *testing.T) {
	home := t.TempDir()
	write(t, filepath.Join(home, "train.py"), `import wandb
run = wandb.init(config={"x": -1.0, "scale": 2.0})
for step in range(3):
    wandb.log({"loss": wandb.config.scale * wandb.config.x + 3 / (step + 1)})
run.finish()
`)
	write(t, filepath.Join(home, "sweep.yaml"), `program: train.py
method: grid
metric: {name: loss, goal: minimize}
wandb: shim
parameters:
  x: {values: [3, 1, 2]}
`)
	o := result(t, must(t, "run", filepath.Join(home, "sweep.yaml"), "--json", "--data-dir", dir(t)))
	if o.Sweep.State != tourney.SweepCompleted || len(o.Leaderboard) != 3 {
		t.Fatalf("the sweep is %s with %d trials", o.Sweep.State, len(o.Leaderboard))
	}
	for i, want := range []float64{3, 5, 7} { // 2x and 3/3, best first
		if got := o.Leaderboard[i].Metrics["loss"]; got != want {
			t.Errorf("place %d has loss %v, want %v", i, got, want)
		}
	}
}
