package command

import (
	"cmp"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"tourney"
	"tourney/trainers/command"
	"tourney/worker/process"
)

// place is all that an attempt has on this machine.
type place struct {
	entry      Entry
	dir        string // the trial's own, with all that follows
	work       string
	checkpoint string
	artifacts  string
	params     string // file
	argv       []string
	env        []string
	gpus       []string
}

// interpreter returns what ${interpreter} stands for here.
func interpreter() string {
	for _, name := range tourney.Interpreters() {
		if _, err := exec.LookPath(name); err == nil {
			return name
		}
	}
	return tourney.Interpreters()[0]
}

// allowed finds the entry for a command. An entry may name either interpreter.
func (r *Runner) allowed(c *tourney.Command) (e Entry, with string, err error) {
	with = interpreter()
	if e, err = r.cfg.Allow.find(c.Fixed(with)); err == nil {
		return e, with, nil
	}
	for _, other := range tourney.Interpreters() {
		if e, err2 := r.cfg.Allow.find(c.Fixed(other)); err2 == nil {
			return e, other, nil
		}
	}
	return e, with, err
}

// settle makes the directories of an attempt and says what is to be run there.
// The error is a tourney.ErrRefused, or ErrInvalid, if it may not or cannot be.
func (r *Runner) settle(a Attempt, gpus []string) (_ *place, err error) {
	job := a.Job()
	c := job.Command
	p := &place{gpus: gpus}
	var with string
	if p.entry, with, err = r.allowed(c); err != nil {
		return nil, err
	}
	if err := p.entry.verify(); err != nil {
		return nil, err
	}
	if p.dir, err = os.MkdirTemp(r.dir, fmt.Sprintf("%s-%d-", job.Sweep, job.Trial)); err != nil {
		return nil, err
	}
	p.work, p.checkpoint, p.artifacts = filepath.Join(p.dir, "work"), filepath.Join(p.dir, "checkpoint"), filepath.Join(p.dir, "artifacts")
	p.params = filepath.Join(p.dir, "params.json")
	for _, d := range []string{p.work, p.checkpoint, p.artifacts, filepath.Join(p.dir, "tmp")} {
		if err := os.Mkdir(d, 0o700); err != nil {
			return p, err
		}
	}
	if err := os.WriteFile(p.params, []byte(command.JSON(job.Params)+"\n"), 0o600); err != nil {
		return p, err
	}
	macros := command.Macros{Interpreter: with, JSONFile: p.params, EnvVar: p.entry.variable}
	if p.argv, err = command.Expand(c, job.Params, macros); err != nil {
		return p, err
	}
	return p, r.environ(p, a, macros)
}

// environ makes the environment: nothing of the worker's own but its PATH, and
// what its allow file names.
func (r *Runner) environ(p *place, a Attempt, macros command.Macros) error {
	job, token := a.Job(), a.Token()
	env := map[string]string{
		"PATH": cmp.Or(os.Getenv("PATH"), "/usr/local/bin:/usr/bin:/bin"), "HOME": p.dir, "LANG": "C.UTF-8", "TMPDIR": filepath.Join(p.dir, "tmp"),
		"PYTHONUNBUFFERED": "1", // or its metrics would come with its end
		"OMP_NUM_THREADS":  strconv.Itoa(max(1, int(math.Ceil(job.Command.Weight())))),
	}
	for _, name := range p.entry.Env {
		if v, ok := os.LookupEnv(name); ok {
			env[name] = v
		}
	}
	for name, text := range job.Command.Env {
		if !slices.Contains(p.entry.Env, name) {
			return fmt.Errorf("%w: env.%s of the sweep may not be set here; a line in the worker's --allow-commands file would let it: commands.%s.env: [%s]",
				tourney.ErrRefused, name, p.entry.Name, name)
		}
		var err error
		if env[name], err = command.Replace(text, job.Params, macros); err != nil {
			return err
		}
	}
	if job.Command.WandB == "shim" {
		dir, err := r.shimDir()
		if err != nil {
			return err
		}
		env["PYTHONPATH"] = strings.TrimSuffix(dir+":"+env["PYTHONPATH"], ":")
		env["TOURNEY_WANDB"] = "shim"
	}
	if len(r.cfg.GPUs) > 0 {
		env["CUDA_VISIBLE_DEVICES"] = strings.Join(p.gpus, ",")
	}
	for name, v := range map[string]string{
		"SWEEP": token.Sweep, "TRIAL": strconv.Itoa(token.Trial), "ATTEMPT": strconv.Itoa(token.Attempt),
		"SEED": strconv.FormatUint(job.Seed, 10), "STEP": strconv.Itoa(from(job)), "PARAMS": p.params,
		"CHECKPOINT_DIR": p.checkpoint, "ARTIFACT_DIR": p.artifacts, "DIR": p.work,
	} {
		env["TOURNEY_"+name] = v
	}
	if budget := budgetOf(job); budget > 0 {
		env["TOURNEY_BUDGET"] = strconv.Itoa(budget)
	}
	for name, v := range env {
		p.env = append(p.env, name+"="+v)
	}
	slices.Sort(p.env)
	return nil
}

// from returns the step that an attempt goes on from.
func from(job *tourney.Job) int {
	if job.Checkpoint == nil {
		return 0
	}
	return job.Checkpoint.Step
}

// budgetOf returns the step that a program is to come to, or 0 if that is for
// it to say.
func budgetOf(job *tourney.Job) int {
	switch {
	case !job.Tiered:
		return 0
	case job.Command.Resumable:
		return job.Budget
	}
	return job.MaxBudget
}

// limits are those of the worker's entry, and those of the sweep where they are
// tighter.
func (p *place) limits(c *tourney.Command) process.Limits {
	l := p.entry.Limits
	wall := time.Duration(c.Timeout * float64(time.Second))
	return process.Limits{
		Wall: tighter(l.Timeout, wall), Grace: Grace,
		Memory: tighter(l.Memory, c.Resources.Memory),
		CPU:    l.CPUTime, Files: l.Files, FileSize: l.FileSize, Procs: l.Procs,
		Disk: cmp.Or(l.Disk, DefaultDisk), DiskDir: p.dir,
	}
}

// tighter returns the lower of two limits, of which 0 is none.
func tighter[T int64 | time.Duration](a, b T) T {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}

// cwd is where the program runs.
func (p *place) cwd() string { return cmp.Or(p.entry.Dir, p.work) }
