package worker

import (
	"context"
	"time"

	"tourney"
	"tourney/worker/command"
)

// Commands runs the programs of trials. *command.Runner implements it.
type Commands interface {
	// Prefixes returns how the commands begin that may run here.
	Prefixes() [][]string
	// FreeGPUs returns how many graphics cards nobody has.
	FreeGPUs() int
	// Run runs the program of an attempt to its end.
	Run(ctx context.Context, a command.Attempt) command.Result
}

// prefixes returns how the commands begin that may run here.
func (w *Worker) prefixes() [][]string {
	if w.cfg.Commands == nil {
		return nil
	}
	return w.cfg.Commands.Prefixes()
}

func (w *Worker) freeGPUs() int {
	if w.cfg.Commands == nil {
		return 0
	}
	return w.cfg.Commands.FreeGPUs()
}

// runCommand runs a job that is a program: alone, with no data but its own.
func (w *Worker) runCommand(ctx context.Context, t *task) {
	if w.cfg.Commands == nil {
		t.End(tourney.End{
			Outcome: tourney.OutcomeFailed, Reason: tourney.ReasonSpecInvalid, Error: "this worker runs no programs; start it with --allow-commands FILE",
		}, nil)
		return
	}
	if !t.prepare(ctx) {
		return
	}
	result := w.cfg.Commands.Run(ctx, attempt{t})
	if result.End == nil || ctx.Err() != nil {
		w.forget(t)
		return
	}
	w.spool.leave(t, result.Artifacts)
	t.End(*result.End, result.State)
}

// attempt is a task as the runner of programs sees it.
type attempt struct{ *task }

// Token implements command.Attempt.
func (a attempt) Token() tourney.Token { return a.grant.Token }

// Fate implements command.Attempt. A worker that has not heard of the
// coordinator for a lease has lost its attempts: their programs must not run
// beside those that take their place.
func (a attempt) Fate() command.Fate {
	switch {
	case a.stopped.Load(), time.Since(a.w.lastHeard()) > a.w.cfg.Lease:
		return command.Stop
	case a.w.isReleasing():
		return command.Leave
	}
	return command.GoOn
}

// Points implements command.Attempt.
func (a attempt) Points(points []tourney.Point) {
	if a.stopped.Load() {
		return
	}
	for _, p := range points {
		a.last = p
		a.w.spool.point(a.task, p)
	}
}

// Checkpoint implements command.Attempt.
func (a attempt) Checkpoint(state []byte, step int) {
	if !a.stopped.Load() {
		a.w.spool.checkpoint(a.task, state, step)
	}
}

// Log implements command.Attempt.
func (a attempt) Log(c tourney.LogChunk, end bool) bool {
	return a.stopped.Load() || a.w.spool.log(a.task, c, end)
}

// maxLogged bounds the logs in a report, in bytes.
const maxLogged = 256 << 10

// log adds a piece of a log, one to each report; with end however much it is.
func (s *spool) log(t *task, c tourney.LogChunk, end bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.draft(t)
	if len(d.Log) > 0 && !end {
		return false
	}
	d.Log = append(d.Log, c)
	return true
}

// leave adds the files that a trial has left.
func (s *spool) leave(t *task, artifacts []tourney.Artifact) {
	if len(artifacts) == 0 {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.draft(t).Artifacts = artifacts
}

// fit returns how many of the pending entries a report has room for.
func (s *spool) fit() int {
	size, most := 0, maxEntries
	for i, token := range s.order {
		d := s.pending[token]
		if d.brief {
			most = maxBrief
		}
		size += len(d.Points) * 64
		for _, c := range d.Log {
			size += len(c.Text)
		}
		size += len(d.Artifacts) * 128
		if i >= most || i > 0 && size > maxLogged {
			return i
		}
	}
	return len(s.order)
}
