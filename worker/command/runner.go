package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tourney"
	"tourney/worker/process"
)

// Config is what a Runner works with.
type Config struct {
	Allow *Allow
	Dir   string   // under which trials have their directories
	Shim  fs.FS    // what `wandb: shim` puts in the way of Python's imports; nil: there is none
	GPUs  []string // as CUDA_VISIBLE_DEVICES names them; empty: none are handed out
	Put   Put
	Log   *slog.Logger

	CheckpointEvery time.Duration // between looks at the checkpoint directory; 0: 30 s
}

// Put stores a blob and returns its hash.
type Put func(ctx context.Context, data []byte) (hash string, err error)

// Runner runs the programs of a worker. Its methods may be called from many
// goroutines.
type Runner struct {
	cfg  Config
	dir  string // its own, below cfg.Dir
	lock *os.File
	push *pushServer

	mu   sync.Mutex
	gpus []string // free
	shim string   // where the shim was written; empty: not yet
}

// New prepares to run programs. It ends what an earlier worker on this machine
// has left running, and removes the directories of those that are gone.
func New(cfg Config) (_ *Runner, err error) {
	if n := process.Strays(); n > 0 {
		cfg.Log.Warn("killed what an earlier worker had left running", "processes", n)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the directory of trials: %w", err)
	}
	if cfg.Dir, err = filepath.Abs(cfg.Dir); err != nil {
		return nil, err
	}
	removeDead(cfg.Dir)
	cfg.CheckpointEvery = cmp.Or(cfg.CheckpointEvery, 30*time.Second)
	r := &Runner{cfg: cfg, gpus: slices.Clone(cfg.GPUs)}
	if r.dir, err = os.MkdirTemp(cfg.Dir, dirPrefix); err != nil {
		return nil, fmt.Errorf("make the directory of trials: %w", err)
	}
	if r.lock, err = lockDir(r.dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(r.dir))
	}
	if r.push, err = startPush(); err != nil {
		return nil, errors.Join(err, r.lock.Close(), os.RemoveAll(r.dir))
	}
	return r, nil
}

// Close removes the runner's directory. No attempt may run any more.
func (r *Runner) Close() error {
	return errors.Join(r.push.close(), r.lock.Close(), os.RemoveAll(r.dir))
}

// Prefixes returns how the commands begin that are allowed.
func (r *Runner) Prefixes() [][]string { return r.cfg.Allow.Prefixes() }

// FreeGPUs returns how many graphics cards nobody has.
func (r *Runner) FreeGPUs() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.gpus)
}

// takeGPUs hands out cards, all that are asked for or none.
func (r *Runner) takeGPUs(n int) (cards []string, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n > len(r.gpus) {
		return nil, false
	}
	cards, r.gpus = slices.Clone(r.gpus[:n]), r.gpus[n:]
	return cards, true
}

func (r *Runner) giveGPUs(cards []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gpus = append(slices.Clone(r.gpus), cards...)
	slices.SortFunc(r.gpus, func(a, b string) int { return slices.Index(r.cfg.GPUs, a) - slices.Index(r.cfg.GPUs, b) })
}

// shimDir writes the shim where Python finds it.
func (r *Runner) shimDir() (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.shim != "" {
		return r.shim, nil
	}
	if r.cfg.Shim == nil {
		return "", fmt.Errorf("%w: this program has no wandb shim in it; leave wandb: shim out", tourney.ErrInvalid)
	}
	dir := filepath.Join(r.dir, "shim")
	if err := os.CopyFS(dir, r.cfg.Shim); err != nil {
		return "", fmt.Errorf("write the wandb shim: %w", err)
	}
	r.shim = dir
	return dir, nil
}

// dirPrefix begins the names of runners' directories, lockName is the file in
// each that says whether its runner lives.
const (
	dirPrefix = "commands-"
	lockName  = "lock"
)

func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// removeDead removes the directories whose runners are gone.
func removeDead(dir string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), dirPrefix) {
			continue
		}
		info, err := e.Info()
		if err != nil || time.Since(info.ModTime()) < time.Second {
			continue // it may not have its lock yet
		}
		own := filepath.Join(dir, e.Name())
		if lock, err := lockDir(own); err == nil {
			_ = os.RemoveAll(own) // what stays is tried again next time
			_ = lock.Close()
		}
	}
}
