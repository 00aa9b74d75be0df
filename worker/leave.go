package worker

import (
	"context"
	"errors"
	"sync"
	"time"

	"tourney"
	"tourney/failpoint"
)

// The budget of a worker that leaves: ten seconds in all, so that it fits the
// fifteen that a pod on a spot node has.
const (
	stepWait   = 3 * time.Second // for the next step of each trial; then it is given back as it was saved last
	uploadWait = 7 * time.Second // for checkpoints to be put; then trials are given back without
	drainTime  = 9 * time.Second // for the coordinator to say that all is committed
	lastWait   = time.Second     // for it to hear the last word
)

// Notice is why a worker leaves. As the cause of the context of Run it is what
// the coordinator is told.
type Notice struct { //nolint:errname // a cause, and no failure
	Leave tourney.Leave
	Why   string // in words
}

// Error implements error.
func (n Notice) Error() string { return string(n.Leave) + ": " + n.Why }

// reasonOf says why a context that is done is done.
func reasonOf(ctx context.Context) Notice {
	cause := context.Cause(ctx)
	var n Notice
	switch {
	case errors.As(cause, &n):
		return n
	case errors.Is(cause, context.Canceled) && cause.Error() == context.Canceled.Error():
		return Notice{tourney.LeaveTerminated, "it was stopped"}
	}
	return Notice{tourney.LeaveTerminated, cause.Error()}
}

// going is how a worker leaves, if it does. Its fields are guarded by the
// worker's mu.
type going struct {
	mode   tourney.Drain
	notice Notice
	warned time.Time // when to have saved everything

	asked, now         chan struct{} // closed when it is to leave, and when it is to release
	askOnce, hurryOnce sync.Once
}

func (g *going) ask()   { g.askOnce.Do(func() { close(g.asked) }) }
func (g *going) hurry() { g.hurryOnce.Do(func() { close(g.now) }) }

// Warn has the worker save all trials at their next step, claim no more, and
// leave when those that run have ended: its cloud may take the machine soon. It
// may be called from any goroutine.
func (w *Worker) Warn(why string) {
	w.mu.Lock()
	w.going.warned = time.Now()
	w.mu.Unlock()
	w.leave(tourney.DrainFinish, Notice{tourney.LeaveRebalance, why})
}

// leave has the worker leave. One that finishes may be hurried by the other way.
func (w *Worker) leave(mode tourney.Drain, n Notice) {
	w.mu.Lock()
	g := &w.going
	if g.mode == tourney.DrainRelease || g.mode == mode {
		w.mu.Unlock()
		return
	}
	g.mode, g.notice = mode, n
	attempts := len(w.attempts)
	w.mu.Unlock()
	w.cfg.Log.Info("leaving", "reason", n.Leave, "why", n.Why, "mode", mode, "attempts", attempts)
	g.ask()
	if mode == tourney.DrainRelease {
		g.hurry()
	}
}

// Leaving returns why the worker leaves or has left, if it does.
func (w *Worker) Leaving() (Notice, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.going.notice, w.going.mode != ""
}

// isReleasing reports whether the worker gives back what it has.
func (w *Worker) isReleasing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.going.mode == tourney.DrainRelease
}

// finish waits, if the worker may finish what runs, until it has, or until it
// is hurried.
func (w *Worker) finish(ctx context.Context) {
	if n, _ := w.Leaving(); !w.isReleasing() && ctx.Err() == nil {
		w.beat(ctx) // so that it is seen
		for ctx.Err() == nil && !w.isReleasing() && len(w.running()) > 0 {
			select {
			case <-ctx.Done():
			case <-w.going.now:
			case <-w.freed:
			}
		}
		w.leave(tourney.DrainRelease, n) // nothing is left but to wait for commits
	}
}

// drain makes every attempt give itself back at its next step, with a
// checkpoint, and waits until that is committed; each for its part of the
// budget.
func (w *Worker) drain(ctx context.Context) {
	w.release(false)
	failpoint.Pass(failpoint.WorkerReleasing)
	steps := time.AfterFunc(stepWait, func() { w.release(true) })
	defer steps.Stop()
	uploads := time.AfterFunc(uploadWait, w.spool.hurry)
	defer uploads.Stop()
	deadline, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	for deadline.Err() == nil && (len(w.running()) > 0 || !w.spool.empty()) {
		w.beat(deadline)
		pause(deadline, 50*time.Millisecond)
	}
	if ctx.Err() != nil {
		return // shut out: nobody listens
	}
	last, cancel := context.WithTimeout(ctx, lastWait)
	defer cancel()
	failpoint.Pass(failpoint.WorkerSilent)
	beat := w.report()
	beat.Gone = true
	if _, err := w.cfg.Bus.Beat(last, beat); err != nil {
		w.cfg.Log.Debug("last word", "error", err) // the lease ends what it still holds
	}
}

// release gives attempts back as they were saved last: those whose training has
// not begun, or all, since they have come to no step.
func (w *Worker) release(all bool) {
	w.mu.Lock()
	var left []*task
	for _, t := range w.attempts {
		if all || !t.joined {
			left = append(left, t)
		}
	}
	w.mu.Unlock()
	for _, t := range left {
		if t.stopped.Swap(true) {
			continue
		}
		if all {
			w.cfg.Log.Warn("no step in time; given back as it was saved last", describe(&t.grant))
		}
		w.spool.end(t, t.preempted(), nil, 0)
		w.forget(t)
	}
}

// returnUnused gives a grant back that was not begun.
func (w *Worker) returnUnused(g tourney.Grant) {
	t := newTask(w, g)
	w.spool.end(t, t.preempted(), nil, 0)
}

// preempted is the end of an attempt that leaves no new checkpoint.
func (t *task) preempted() tourney.End {
	return tourney.End{Outcome: tourney.OutcomePreempted, Step: t.from}
}
