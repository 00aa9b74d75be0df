package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"tourney/bench/peer"
)

// env is where the benchmark finds things.
type env struct {
	root   string // of the repository
	python string // the interpreter of the peers' environment
	shared string // the folder with suites, tables and curves; empty: not there
}

// peerOf starts the process in which Optuna answers.
func (e *env) peerOf(ctx context.Context) (*peer.Peer, error) {
	folder := e.shared
	if folder == "" {
		folder = "-"
	}
	// One thread: the peers' numerics would otherwise take all cores.
	one := []string{"OMP_NUM_THREADS=1", "OPENBLAS_NUM_THREADS=1", "MKL_NUM_THREADS=1"}
	return peer.Start(ctx, one, e.python, filepath.Join(e.root, "bench", "python", "search_peer.py"), folder)
}

// worker does tasks one after the other, with a peer's process of its own.
type worker struct {
	env  *env
	peer *peer.Peer
}

// python returns the worker's peer, started when it is first asked for.
func (w *worker) python(ctx context.Context) (*peer.Peer, error) {
	if w.peer == nil {
		var err error
		if w.peer, err = w.env.peerOf(ctx); err != nil {
			return nil, err
		}
	}
	return w.peer, nil
}

// task is one piece of work. Ours and a peer's stand side by side in the list,
// so that both meet the machine as it is at that time.
type task func(ctx context.Context, w *worker) error

// do does tasks in their order, so many at a time, and says how far it is.
func do(ctx context.Context, e *env, what string, tasks []task, wide int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var mu sync.Mutex
	next, done := 0, 0
	var wg sync.WaitGroup
	for range wide {
		wg.Go(func() {
			runtime.LockOSThread() // CPU times are the thread's
			w := &worker{env: e}
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= len(tasks) || ctx.Err() != nil {
					break
				}
				if err := tasks[i](ctx, w); err != nil {
					cancel(err)
					break
				}
				mu.Lock()
				done++
				if done%max(1, len(tasks)/20) == 0 || done == len(tasks) {
					fmt.Fprintf(os.Stderr, "%s: %d of %d\n", what, done, len(tasks))
				}
				mu.Unlock()
			}
			if w.peer != nil {
				if err := w.peer.Close(); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	if err := context.Cause(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("%s: %w", what, err)
	}
	return ctx.Err()
}
