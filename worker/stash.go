package worker

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// DefaultSpoolBytes bounds the checkpoints that wait on disk.
const DefaultSpoolBytes = 4 << 30

// errDamaged means that a checkpoint is not what was saved.
var errDamaged = errors.New("the checkpoint is damaged")

// errNoRoom means that too many checkpoints wait already.
var errNoRoom = errors.New("the spool is full")

// stashPrefix begins the name of a stash's directory; one that is older than
// stashAge was left behind by a process that died.
const (
	stashPrefix = "tourney-spool-"
	stashAge    = 24 * time.Hour
)

// stash keeps states on disk while they cannot be put. They are of use to this
// process alone, since a token is worth nothing to another worker; so nothing is
// made durable.
type stash struct {
	parent string
	limit  int64 // bytes

	mu   sync.Mutex
	dir  string // empty: not made yet
	used int64
	n    int
}

// kept is a state in a stash.
type kept struct {
	path string
	size int64
	sum  string
}

// keep writes a state. It returns errNoRoom beyond the limit.
func (s *stash) keep(state []byte) (*kept, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	size := int64(len(state))
	if s.used+size > s.limit {
		return nil, fmt.Errorf("%w: %d bytes wait already", errNoRoom, s.used)
	}
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("keep checkpoint: %w", err)
	}
	s.n++
	k := &kept{filepath.Join(s.dir, fmt.Sprint(s.n)), size, sumOf(state)}
	if err := os.WriteFile(k.path, state, 0o600); err != nil {
		return nil, fmt.Errorf("keep checkpoint: %w", errors.Join(err, ignoreAbsent(os.Remove(k.path))))
	}
	s.used += size
	return k, nil
}

// open makes the directory, and removes those of processes that died.
func (s *stash) open() error {
	if s.dir != "" {
		return nil
	}
	parent := s.parent
	if parent == "" {
		parent = os.TempDir()
	}
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return err
	}
	entries, err := os.ReadDir(parent)
	if err != nil {
		return err
	}
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && e.IsDir() && strings.HasPrefix(e.Name(), stashPrefix) && time.Since(info.ModTime()) > stashAge {
			_ = os.RemoveAll(filepath.Join(parent, e.Name())) // else the next time
		}
	}
	s.dir, err = os.MkdirTemp(parent, stashPrefix)
	return err
}

// take reads a state and forgets it. It returns errDamaged if the disk has not
// kept it as it was.
func (s *stash) take(k *kept) ([]byte, error) {
	state, err := os.ReadFile(k.path)
	s.drop(k)
	if err != nil {
		return nil, fmt.Errorf("read kept checkpoint: %w", err)
	}
	if sumOf(state) != k.sum {
		return nil, fmt.Errorf("read kept checkpoint: %w: %d bytes of %d are there", errDamaged, len(state), k.size)
	}
	return state, nil
}

// drop forgets a state.
func (s *stash) drop(k *kept) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used -= k.size
	_ = os.Remove(k.path) // the directory goes at the end
}

// close removes everything.
func (s *stash) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir != "" {
		_ = os.RemoveAll(s.dir) // else by another process, in a day
		s.dir = ""
	}
}

func ignoreAbsent(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// sumOf returns the SHA-256 of a state, hex.
func sumOf(state []byte) string {
	sum := sha256.Sum256(state)
	return hex.EncodeToString(sum[:])
}

// isDiskFull reports whether the disk of this worker is to blame, and no trial.
func isDiskFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// The shortest and the longest time that a worker whose disk is full claims
// nothing.
const (
	fullAtFirst = 2 * time.Second
	fullAtMost  = time.Minute
)

// diskFull has the worker claim nothing for a while, longer each time.
func (w *Worker) diskFull() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.full = min(max(2*w.full, fullAtFirst), fullAtMost)
	w.resume = time.Now().Add(w.full)
	w.cfg.Log.Error("the disk is full; claiming nothing for a while", "for", w.full)
}

// diskHasRoom ends that.
func (w *Worker) diskHasRoom() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.full = 0
}

// pauseForDisk returns how long to wait before something is claimed.
func (w *Worker) pauseForDisk() time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.full == 0 {
		return 0
	}
	return time.Until(w.resume)
}
