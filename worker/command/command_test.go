package command_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"tourney"
	"tourney/worker/command"
	"tourney/worker/process"
)

func TestMain(m *testing.M) {
	process.Main()
	os.Exit(m.Run())
}

// shop is a runner with everything around it.
type shop struct {
	*command.Runner
	dir   string
	mu    sync.Mutex
	blobs map[string][]byte
}

func open(t *testing.T, edit func(*command.Entry), more ...func(*command.Config)) *shop {
	t.Helper()
	s := &shop{dir: t.TempDir(), blobs: map[string][]byte{}}
	e := command.Entry{Name: "test", Argv: []string{"/bin/sh"}, Env: []string{"COLOUR"}}
	if edit != nil {
		edit(&e)
	}
	cfg := command.Config{
		Allow: command.AllowOnly(e), Dir: s.dir, Log: slog.New(slog.DiscardHandler), CheckpointEvery: 100 * time.Millisecond,
		Put: func(_ context.Context, data []byte) (string, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			sum := sha256.Sum256(data)
			hash := hex.EncodeToString(sum[:])
			s.blobs[hash] = data
			return hash, nil
		},
	}
	for _, f := range more {
		f(&cfg)
	}
	var err error
	if s.Runner, err = command.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// attempt is a trial as a worker would run it.
type attempt struct {
	job    tourney.Job
	number int
	state  []byte

	mu     sync.Mutex
	fate   command.Fate
	points []tourney.Point
	saved  map[int][]byte
	log    strings.Builder
	end    int64 // of the log
	onLog  func(string)
}

func trial(script string, edit ...func(*tourney.Job)) *attempt {
	a := &attempt{number: 1, saved: map[int][]byte{}}
	a.job = tourney.Job{
		JobID: tourney.JobID{Sweep: "s1", Trial: 7}, Kind: tourney.JobRung, Trainer: "command", Budget: 1, MaxBudget: 1, Seed: 42,
		Params: tourney.Params{"lr": 0.5, "flag": true}, Metric: tourney.Metric{Name: "loss", Goal: tourney.Minimize},
		Command: &tourney.Command{Argv: []string{"/bin/sh", "-c", script, "trial", "${args}"}},
	}
	for _, f := range edit {
		f(&a.job)
	}
	return a
}

func (a *attempt) Job() *tourney.Job { return &a.job }
func (a *attempt) State() []byte     { return a.state }
func (a *attempt) Token() tourney.Token {
	return tourney.Token{Epoch: "e", Sweep: "s1", Trial: 7, Attempt: a.number}
}
func (a *attempt) Fate() command.Fate { a.mu.Lock(); defer a.mu.Unlock(); return a.fate }
func (a *attempt) become(f command.Fate) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.fate = f
}

func (a *attempt) Points(points []tourney.Point) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, p := range points { // as the store does
		for i := range a.points {
			if a.points[i].Step == p.Step {
				a.points = append(a.points[:i], a.points[i+1:]...)
				break
			}
		}
		a.points = append(a.points, p)
	}
}

func (a *attempt) Checkpoint(state []byte, step int) { a.saved[step] = state }

func (a *attempt) Log(c tourney.LogChunk, _ bool) bool {
	a.mu.Lock()
	if c.Offset != a.end {
		panic(fmt.Sprintf("a piece of the log begins at %d, and the one before ends at %d", c.Offset, a.end))
	}
	a.end = c.End()
	a.log.WriteString(c.Text)
	a.mu.Unlock()
	if a.onLog != nil {
		a.onLog(c.Text)
	}
	return true
}

// run runs an attempt to its end.
func (s *shop) run(t *testing.T, a *attempt) command.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	r := s.Run(ctx, a)
	if ctx.Err() != nil {
		t.Fatal("the attempt took longer than a minute")
	}
	entries, _ := filepath.Glob(filepath.Join(s.dir, "commands-*", "s1-7-*"))
	if len(entries) > 0 {
		t.Errorf("%q are left", entries)
	}
	return r
}

// done makes sure that an attempt ended well, with that value.
func (s *shop) done(t *testing.T, a *attempt, value float64) command.Result {
	t.Helper()
	r := s.run(t, a)
	if r.End == nil || r.End.Outcome != tourney.OutcomeDone || r.End.Value == nil || *r.End.Value != value || !r.End.Whole {
		t.Fatalf("end %+v, want value %v; log:\n%s", r.End, value, a.log.String())
	}
	return r
}

// failed makes sure that an attempt failed for a reason, and said so.
func (s *shop) failed(t *testing.T, a *attempt, reason tourney.Reason, text string) {
	t.Helper()
	r := s.run(t, a)
	if r.End == nil || r.End.Outcome != tourney.OutcomeFailed || r.End.Reason != reason || !strings.Contains(r.End.Error, text) {
		t.Errorf("end %+v, want reason %s with %q", r.End, reason, text)
	}
}

// Each way of telling metrics gives the same curve.
func TestMetricSources(t *testing.T) {
	s := open(t, func(e *command.Entry) { e.Argv = []string{"/bin/sh"} })
	want := []tourney.Point{{Step: 1, Metrics: tourney.Metrics{"loss": 0.5}}, {Step: 2, Metrics: tourney.Metrics{"loss": 0.25}}}
	push := `python3 - <<'END'
import json, os, urllib.request
for step, loss in ((1, 0.5), (2, 0.25)):
    body = json.dumps({"step": step, "metrics": {"loss": loss}}).encode()
    request = urllib.request.Request(os.environ["TOURNEY_REPORT_URL"], body, {"Authorization": "Bearer " + os.environ["TOURNEY_REPORT_TOKEN"]})
    assert json.load(urllib.request.urlopen(request)) == {"stop": False}
END`
	events, err := filepath.Abs("testdata/two.tfevents")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		script string
		from   tourney.MetricSource
	}{
		"json":        {`echo '{"step": 1, "loss": 0.5}'; echo '{"step": 2, "loss": 0.25}'`, tourney.MetricSource{}},
		"name=value":  {`echo 'epoch=1 loss=0.5'; printf 'epoch=2 loss=0.25'`, tourney.MetricSource{}},
		"progress":    {`printf '\r10%%\rstep=1 loss=0.5\n\rstep=2 loss=0.25\r\n'`, tourney.MetricSource{}},
		"regex":       {`echo 'Loss is 0.5 now'; echo 'Loss is 0.25 now'`, tourney.MetricSource{Format: "regex", Regex: `Loss is (?P<loss>\S+)`}},
		"csv":         {`echo 'step,loss'; echo 1,0.5; echo 2,0.25`, tourney.MetricSource{Format: "csv"}},
		"file":        {`mkdir out; echo '{"step": 1, "loss": 0.5}' > out/m.jsonl; sleep 0.3; printf '{"step": 2, "loss": 0.25}' >> out/m.jsonl`, tourney.MetricSource{Format: "json", File: "out/m.jsonl"}},
		"tensorboard": {`mkdir -p runs/a; cp ` + events + ` runs/a/events.out.tfevents.1`, tourney.MetricSource{Format: "tensorboard", File: "runs"}},
		"push":        {push, tourney.MetricSource{}},
	} {
		t.Run(name, func(t *testing.T) {
			a := trial(c.script)
			if c.from.Format != "" {
				a.job.Command.MetricsFrom = []tourney.MetricSource{c.from}
			}
			r := s.done(t, a, 0.25)
			if !reflect.DeepEqual(a.points, want) {
				t.Errorf("points %v, want %v", a.points, want)
			}
			if r.End.Step != 2 || r.End.BestStep != 2 {
				t.Errorf("ended at step %d, value of step %d, want 2", r.End.Step, r.End.BestStep)
			}
		})
	}
}

func TestParametersAndEnvironment(t *testing.T) {
	t.Setenv("SECRET_OF_THE_WORKER", "planted")
	s := open(t, func(e *command.Entry) { e.Env = append(e.Env, "PYTHONPATH") }, func(c *command.Config) {
		c.GPUs = []string{"3", "5"}
		c.Shim = fstest.MapFS{"wandb/__init__.py": {Data: []byte("here = 'shim'\n")}}
	})
	a := trial(`echo "args $*"; cat "$TOURNEY_PARAMS"; env | cut -d= -f1 | sort | tr '\n' ' '; echo
echo "gpu $CUDA_VISIBLE_DEVICES colour $COLOUR $TOURNEY_SWEEP $TOURNEY_TRIAL $TOURNEY_ATTEMPT $TOURNEY_STEP $TOURNEY_SEED"
[ "$PWD" = "$TOURNEY_DIR" ] && python3 -c 'import wandb; print(wandb.here)'; [ -d "$TOURNEY_CHECKPOINT_DIR" ] && echo loss=1`, func(j *tourney.Job) {
		j.Command.Env = map[string]string{"COLOUR": "blue ${lr}"}
		j.Command.WandB = "shim"
		j.Command.Resources.GPUs = 1
	})
	s.done(t, a, 1)
	for _, want := range []string{
		"out| args --flag=True --lr=0.5\n", `out| {"flag": true, "lr": 0.5}` + "\n", "out| gpu 3 colour blue 0.5 s1 7 1 0 42\n", "out| shim\n",
		"tourney| import wandb finds tourney's stand-in here",
	} {
		if !strings.Contains(a.log.String(), want) {
			t.Errorf("the log has no %q:\n%s", want, a.log.String())
		}
	}
	if log := a.log.String(); strings.Contains(log, "SECRET_OF_THE_WORKER") || strings.Contains(log, "TOURNEY_BUDGET") {
		t.Errorf("the environment is not clean:\n%s", log)
	}
	if s.FreeGPUs() != 2 {
		t.Errorf("%d cards are free, want both", s.FreeGPUs())
	}
	greedy := trial("echo loss=1", func(j *tourney.Job) { j.Command.Resources.GPUs = 3 })
	if r := s.run(t, greedy); r.End.Outcome != tourney.OutcomePreempted {
		t.Errorf("without enough cards: %+v, want it given back", r.End)
	}
}

func TestFailures(t *testing.T) {
	s := open(t, func(e *command.Entry) { e.Limits.Memory = 200 << 20 })
	s.failed(t, trial(`echo working; echo "Traceback: bad" >&2; exit 3`), tourney.ReasonUserError, "exit code 3\nTraceback: bad")
	s.failed(t, trial(`echo accuracy=1`), tourney.ReasonUserError, "the program ended without having reported loss; it reported accuracy")
	s.failed(t, trial(`true`), tourney.ReasonUserError, "nor anything else")
	s.failed(t, trial(`kill -9 $$`), tourney.ReasonOOM, "ended by signal: killed")
	s.failed(t, trial(`python3 -c 'x = bytearray(1 << 30)'`), tourney.ReasonOOM, "MemoryError")
	s.failed(t, trial(`sleep 60`, func(j *tourney.Job) { j.Command.Timeout = 0.2 }), tourney.ReasonTimeout, "longer than 200ms")
	s.failed(t, trial(``, func(j *tourney.Job) { j.Command.Argv = []string{"/bin/cat", "/etc/passwd"} }), tourney.ReasonSpecInvalid,
		`a line in its --allow-commands file would let it: commands: {NAME: {argv: ["/bin/cat", "/etc/passwd"]}}`)
	s.failed(t, trial(``, func(j *tourney.Job) { j.Command.Argv = []string{"/bin/sh", "${envvar:HOME}"} }), tourney.ReasonSpecInvalid, "commands.test.envvar: [HOME]")
	s.failed(t, trial(``, func(j *tourney.Job) { j.Command.Env = map[string]string{"LD_PRELOAD": "x"} }), tourney.ReasonSpecInvalid, "commands.test.env: [LD_PRELOAD]")
	s.failed(t, trial(``, func(j *tourney.Job) { j.Command.WandB = "shim" }), tourney.ReasonSpecInvalid, "no wandb shim")
	if r := s.run(t, trial(`echo loss=1; echo loss=nan; sleep 60`)); r.End == nil || r.End.Outcome != tourney.OutcomeDiverged || r.End.Step != 1 {
		t.Errorf("a loss that is no number: %+v, want diverged after step 1", r.End)
	}
}

// What a program has saved is there for the next attempt, on another worker.
func TestCheckpoint(t *testing.T) {
	first, second := open(t, nil), open(t, nil)
	script := `cd "$TOURNEY_CHECKPOINT_DIR"; at=$(cat sub/at 2>/dev/null || echo 0)
[ "$at" = "$TOURNEY_STEP" ] || exit 9
while [ $at -lt $TOURNEY_BUDGET ]; do at=$((at+1)); mkdir -p sub; echo $at > sub/at.new; mv sub/at.new sub/at; echo "loss=$at"; [ $at = 3 ] && [ $TOURNEY_ATTEMPT = 1 ] && { trap 'exit 0' TERM; while :; do sleep 0.05; done; }; done; exit 0`
	resumable := func(j *tourney.Job) { j.Command.Resumable, j.Tiered, j.Budget, j.MaxBudget = true, true, 5, 27 }
	a := trial(script, resumable)
	a.onLog = func(text string) {
		if strings.Contains(text, "loss=3") {
			a.become(command.Leave)
		}
	}
	r := first.run(t, a)
	if r.End == nil || r.End.Outcome != tourney.OutcomePreempted || r.End.Step != 3 || r.State == nil {
		t.Fatalf("told to leave: %+v, want it given back at step 3 with a checkpoint\n%s", r.End, a.log.String())
	}
	b := trial(script, resumable)
	b.number, b.state, b.job.Checkpoint = 2, r.State, &tourney.Checkpoint{Step: 3}
	r = second.run(t, b)
	if r.End == nil || r.End.Outcome != tourney.OutcomeDone || r.End.Step != 5 || *r.End.Value != 5 || r.End.Whole || r.State == nil {
		t.Fatalf("gone on with: %+v, want the budget reached\n%s", r.End, b.log.String())
	}
	if len(b.points) != 2 || b.points[0].Step != 4 {
		t.Errorf("points %v, want those of steps 4 and 5", b.points)
	}
}

// While a program runs, its checkpoint is taken once it lies still.
func TestCheckpointOnTheWay(t *testing.T) {
	s := open(t, nil)
	a := trial(`echo one > "$TOURNEY_CHECKPOINT_DIR/f"; echo loss=1; touch ready; while [ ! -e go ] && [ $((n=n+1)) -lt 400 ]; do sleep 0.05; done; exit 1`)
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Run(t.Context(), stopAfterCheckpoint{a})
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("no checkpoint came in a minute")
	}
	if a.saved[1] == nil {
		t.Errorf("checkpoints %v, want one of step 1", a.saved)
	}
}

type stopAfterCheckpoint struct{ *attempt }

func (a stopAfterCheckpoint) Checkpoint(state []byte, step int) {
	a.attempt.Checkpoint(state, step)
	a.become(command.Stop)
}

// A trial that is not wanted any more ends without a word.
func TestStop(t *testing.T) {
	s := open(t, nil)
	a := trial(`trap 'exit 0' TERM; echo loss=1; while :; do sleep 0.05; done`)
	a.onLog = func(text string) {
		if strings.Contains(text, "loss=1") {
			a.become(command.Stop)
		}
	}
	if r := s.run(t, a); r.End != nil {
		t.Errorf("end %+v, want none", r.End)
	}
}

func TestArtifacts(t *testing.T) {
	s := open(t, nil)
	a := trial(`cd "$TOURNEY_ARTIFACT_DIR"; mkdir p; echo hello > p/a.txt; ln -s /etc/passwd stolen; printf x > "$(printf 'b\001d')"; echo loss=1`)
	r := s.done(t, a, 1)
	sum := sha256.Sum256([]byte("hello\n"))
	want := []tourney.Artifact{{Name: "p/a.txt", Size: 6, SHA256: hex.EncodeToString(sum[:])}}
	if !reflect.DeepEqual(r.Artifacts, want) || string(s.blobs[want[0].SHA256]) != "hello\n" {
		t.Errorf("artifacts %+v, want %+v: no links, no names that cannot be shown", r.Artifacts, want)
	}
}

// A program may print what it likes.
func TestHostileOutput(t *testing.T) {
	s := open(t, nil)
	a := trial(`printf 'tourney| fake\n\033[2Jclear\377\376\000\342\200\256\n'; head -c 10000000 /dev/urandom; echo; head -c 60000000 /dev/zero; echo; yes 'line of text x' | head -c 40000000; head -c 100000 /dev/zero | tr '\0' x >&2; echo; echo loss=0.5`)
	s.done(t, a, 0.5)
	log := a.log.String()
	if len(log) > 2<<20 {
		t.Errorf("the log has %d bytes", len(log))
	}
	if !strings.Contains(log, "out| tourney| fake\nout| \\x1b[2Jclear��\\x00\\x202e\n") {
		t.Errorf("the log begins %.300q", log)
	}
	if !strings.Contains(log, "bytes were dropped here") {
		t.Error("nothing says that something was dropped")
	}
	for line := range strings.Lines(log) {
		if !strings.HasPrefix(line, "out| ") && !strings.HasPrefix(line, "err| ") && !strings.HasPrefix(line, "tourney| ") {
			t.Fatalf("a line without a mark: %.100q", line)
		}
	}
}

func TestReportsNeedTheSecret(t *testing.T) {
	s := open(t, nil)
	a := trial(`python3 - <<'END'
import os, urllib.request, urllib.error
def code(token, body=b'{"metrics":{"loss":1}}'):
    try:
        return urllib.request.urlopen(urllib.request.Request(os.environ["TOURNEY_REPORT_URL"], body, {"Authorization": "Bearer " + token})).status
    except urllib.error.HTTPError as e:
        return e.code
print(code("guess"), code(""), code(os.environ["TOURNEY_REPORT_TOKEN"], b"?"), code(os.environ["TOURNEY_REPORT_TOKEN"], b"x" * (2 << 20)), code(os.environ["TOURNEY_REPORT_TOKEN"]))
END`)
	s.done(t, a, 1)
	if !strings.Contains(a.log.String(), "out| 401 401 400 413 200\n") {
		t.Errorf("log:\n%s", a.log.String())
	}
}

func TestAllowFile(t *testing.T) {
	dir := t.TempDir()
	write := func(text string, mode os.FileMode) string {
		name := filepath.Join(dir, "allow.yaml")
		os.Remove(name)
		if err := os.WriteFile(name, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
		return name
	}
	a, err := command.ReadAllow(write("commands:\n  short: {argv: [/bin/sh]}\n  train: {argv: [/bin/sh, train.sh], memory: 8GiB, timeout: 2h, dir: "+dir+"}\n", 0o600))
	if err != nil || !reflect.DeepEqual(a.Prefixes(), [][]string{{"/bin/sh", "train.sh"}, {"/bin/sh"}}) {
		t.Errorf("%v, error %v", a.Prefixes(), err)
	}
	for text, want := range map[string]string{
		"commands: {x: {argv: [a], memory: lots}}": `commands.x.memory: "lots" is no size`,
		"commands: {x: {}}":                        "commands.x.argv: is missing",
		"commands: {x: {argv: [a], timeout: 5}}":   `commands.x.timeout: "5" is no time`,
		"commands: {x: {argv: ['${program}']}}":    "macros are the sweep's",
		"commands: {x: {argv: [a], sha256: 12}}":   "64 hexadecimal digits",
		"commands: {x: {argv: [a], dir: here}}":    "must be an absolute path",
		"commands: {x: {argv: [a], memroy: 8GiB}}": "memroy",
		"commands: 3": "allow.yaml",
	} {
		if _, err := command.ReadAllow(write(text, 0o600)); !errors.Is(err, tourney.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: error %v, want %q", text, err, want)
		}
	}
	if name := write("commands: {x: {argv: [a]}}", 0o600); os.Chmod(name, 0o666) == nil {
		if _, err := command.ReadAllow(name); !errors.Is(err, tourney.ErrRefused) {
			t.Errorf("a file that anybody may write: error %v", err)
		}
	}
}

// A program that has changed since it was allowed is not run.
func TestChangedProgram(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "train.sh")
	if err := os.WriteFile(file, []byte("echo loss=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte("echo loss=1\n"))
	s := open(t, func(e *command.Entry) {
		e.Argv, e.Dir, e.SHA256 = []string{"/bin/sh", "train.sh"}, dir, hex.EncodeToString(sum[:])
	})
	edit := func(j *tourney.Job) {
		j.Command.Program, j.Command.Argv = "train.sh", []string{"/bin/sh", "${program}", "${args}"}
	}
	s.done(t, trial("", edit), 1)
	if err := os.WriteFile(file, []byte("echo loss=0\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s.failed(t, trial("", edit), tourney.ReasonSpecInvalid, "train.sh has changed: its sha256 is")
}
