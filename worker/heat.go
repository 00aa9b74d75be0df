package worker

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"time"

	"tourney"
	"tourney/dataset"
	"tourney/trainers"
)

// heat is the jobs that train together. It is a trainers.Feed: the trainer
// asks it who joins.
type heat struct {
	w       *Worker
	key     string
	joining []*task       // guarded by w.mu
	rows    int           // that a step trains on, all folds together
	wake    chan struct{} // someone joins

	// What trains now, for the heat's goroutine.
	family trainers.Family
	data   *dataset.Data
}

// run trains until nobody is left. New jobs with the same key then start a new
// heat.
func (h *heat) run(ctx context.Context) {
	for h.waiting() && ctx.Err() == nil {
		err := h.train(ctx)
		if err == nil {
			err = errLeft
		}
		h.fail(ctx, err)
	}
}

// errLeft is what fails the attempts, if any, that a trainer returned without
// having ended.
var errLeft = errors.New("the trainer returned before the trial had ended")

// waiting reports whether anybody wants to join. If not, the heat is closed.
func (h *heat) waiting() bool {
	h.w.mu.Lock()
	defer h.w.mu.Unlock()
	if len(h.joining) > 0 {
		return true
	}
	delete(h.w.heats, h.key)
	return false
}

// train loads the data and trains one pass after the other, while there are
// tasks.
func (h *heat) train(ctx context.Context) (err error) {
	h.w.mu.Lock()
	first := h.joining[0].grant
	h.w.mu.Unlock()
	family, ok := h.w.cfg.Trainers(first.Job.Trainer)
	if !ok {
		return fmt.Errorf("%w: this worker has no trainer %q", tourney.ErrInvalid, first.Job.Trainer)
	}
	data, err := h.w.cfg.Data.Load(ctx, dataset.Request{
		Version: first.Job.Dataset, Validation: first.Job.Validation, Preprocess: first.Job.Preprocess,
		Kind: first.Job.Kind, Form: family.Form,
	}, &first.Token)
	if err != nil {
		return fmt.Errorf("load dataset: %w", err)
	}
	defer func() {
		if p := recover(); p != nil {
			h.w.cfg.Log.Error("trainer panicked", "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("the trainer broke: %v", p)
		}
	}()
	defer runtime.KeepAlive(data)
	h.w.diskHasRoom()
	h.family, h.data = family, data.Share(first.Job.Share)
	defer func() { h.data = nil }()
	h.rows = 0
	for _, f := range h.data.Folds {
		h.rows += f.Train.N
	}
	return family.Trainer.Train(ctx, h.data, h.w.pool, h)
}

// Next implements trainers.Feed.
func (h *heat) Next(ctx context.Context, busy bool) ([]trainers.Task, bool) {
	h.w.mu.Lock()
	joining := h.joining
	h.joining = nil
	for _, t := range joining {
		t.joined = true
	}
	h.w.mu.Unlock()
	var tasks []trainers.Task
	for _, t := range joining {
		if t.stopped.Load() || !t.prepare(ctx) {
			continue
		}
		tasks = append(tasks, t)
	}
	return tasks, busy || len(tasks) > 0
}

// retryAfter is how long a heat waits after its data could not be reached.
const retryAfter = 2 * time.Second

// fail ends the attempts of the heat with the reason why it cannot train; if
// the trainer just returned, those that joined and have not ended.
func (h *heat) fail(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	end := tourney.End{Outcome: tourney.OutcomeFailed, Reason: tourney.ReasonUserError, Error: err.Error()}
	switch {
	case errors.Is(err, tourney.ErrUnavailable):
		// Not the trials' fault: they are given back, for somebody who can
		// reach the data, and this worker takes a breath.
		end = tourney.End{Outcome: tourney.OutcomePreempted}
		defer pause(ctx, retryAfter)
	case isDiskFull(err): // likewise, and this worker claims nothing for a while
		end = tourney.End{Outcome: tourney.OutcomePreempted}
		h.w.diskFull()
	case errors.Is(err, dataset.ErrCorrupt):
		end.Reason = tourney.ReasonDataCorrupt
	case errors.Is(err, tourney.ErrInvalid):
		end.Reason = tourney.ReasonSpecInvalid
	}
	h.w.mu.Lock()
	if !errors.Is(err, errLeft) {
		for _, t := range h.joining {
			t.joined = true
		}
		h.joining = nil
	}
	var tasks []*task
	for _, t := range h.w.attempts {
		if t.heat == h && t.joined {
			tasks = append(tasks, t)
		}
	}
	h.w.mu.Unlock()
	for _, t := range tasks {
		h.w.cfg.Log.Error("heat failed", describe(&t.grant), "error", err)
		if end.Outcome == tourney.OutcomePreempted && t.grant.Job.Checkpoint != nil {
			end.Step = t.grant.Job.Checkpoint.Step
		}
		t.End(end, nil)
	}
}

// task is one attempt in a heat. It implements trainers.Task.
type task struct {
	w       *Worker
	heat    *heat
	grant   tourney.Grant
	granted time.Time // when it was claimed
	state   []byte
	stopped atomic.Bool
	from    int       // step of the checkpoint that it was granted with
	joined  bool      // the trainer has it; guarded by w.mu
	began   time.Time // when it joined the heat
	saved   time.Time // when the last checkpoint within the rung was taken
	last    tourney.Point
	told    bool // something of it was sent; guarded by the spool's mu
}

func newTask(w *Worker, g tourney.Grant) *task {
	t := &task{w: w, grant: g, granted: time.Now()}
	if c := g.Job.Checkpoint; c != nil {
		t.from = c.Step
	}
	return t
}

// prepare fetches the checkpoint to go on from. Without it the trial starts
// over: that costs time and changes nothing.
func (t *task) prepare(ctx context.Context) bool {
	t.saved = time.Now()
	t.began = t.saved
	c := t.grant.Job.Checkpoint
	if c == nil {
		return true
	}
	state, err := t.fetch(ctx, c)
	if err != nil {
		if ctx.Err() != nil {
			return false
		}
		t.w.cfg.Log.Warn("checkpoint is gone; starting over", describe(&t.grant), "error", err)
		t.grant.Job.Checkpoint = nil
		return true
	}
	t.state = state
	return true
}

func (t *task) fetch(ctx context.Context, c *tourney.Checkpoint) ([]byte, error) {
	r, err := t.w.cfg.Blobs.Open(ctx, c.Blob, c.Offset, c.Size, &t.grant.Token)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	state := make([]byte, c.Size)
	if _, err := io.ReadFull(r, state); err != nil {
		return nil, fmt.Errorf("read checkpoint: %w", err)
	}
	if c.Sum != "" && c.Sum != sumOf(state) {
		return nil, fmt.Errorf("read checkpoint at step %d: %w", c.Step, errDamaged)
	}
	return state, nil
}

// Job implements trainers.Task.
func (t *task) Job() *tourney.Job { return &t.grant.Job }

// State implements trainers.Task.
func (t *task) State() []byte { return t.state }

// Stopped implements trainers.Task.
func (t *task) Stopped() bool { return t.stopped.Load() }

// Step implements trainers.Task.
func (t *task) Step(p tourney.Point, snapshot func() []byte) {
	if t.stopped.Load() {
		return
	}
	t.last = p
	last := p.Step >= t.grant.Job.Budget
	if t.grant.Job.Kind == tourney.JobRung && (last || p.Step%stride(t.grant.Job.MaxBudget) == 0) {
		t.w.spool.point(t, p)
	}
	if last {
		return // its end follows, with the state
	}
	switch {
	case t.w.isReleasing():
		state := t.snapshot(snapshot)
		if t.stopped.Swap(true) {
			return // it took too long, and was given back without
		}
		t.w.spool.end(t, tourney.End{Outcome: tourney.OutcomePreempted, Step: p.Step}, state, p.Step)
		t.w.forget(t)
	case t.due(p.Step):
		state := t.snapshot(snapshot)
		t.saved = time.Now()
		t.w.spool.checkpoint(t, state, p.Step)
	}
}

// End implements trainers.Task.
func (t *task) End(end tourney.End, state []byte) {
	if t.stopped.Swap(true) {
		return
	}
	if v, ok := t.last.Metrics[t.grant.Job.Metric.Name]; ok && t.last.Step == end.Step && end.Outcome == tourney.OutcomeDone &&
		t.grant.Job.Kind == tourney.JobRung && !math.IsNaN(v) && !math.IsInf(v, 0) {
		end.Last = &v
	}
	if t.grant.Job.Kind == tourney.JobFinal && end.Outcome == tourney.OutcomeDone && state != nil {
		state = t.seal(end.Metrics, state)
	}
	t.w.spool.end(t, end, state, end.Step)
	t.w.forget(t)
}

// seal turns the last state of a final job into the model that the sweep
// leaves. A state that cannot be turned into one is of no use to anybody; the
// metrics of the trial count all the same.
func (t *task) seal(metrics tourney.Metrics, state []byte) []byte {
	document, err := trainers.Seal(t.heat.family, &t.grant.Job, t.heat.data, metrics, state)
	if err != nil {
		t.w.cfg.Log.Error("the trial leaves no model", describe(&t.grant), "error", err)
		return nil
	}
	return document
}

// telemetry tells how the attempt ran up to a step, or nil if it took none.
func (t *task) telemetry(step int) *tourney.Telemetry {
	if c := t.grant.Job.Checkpoint; c != nil {
		step -= c.Step
	}
	seconds := time.Since(t.began).Seconds()
	if step <= 0 || t.began.IsZero() || seconds <= 0 {
		return nil
	}
	if t.heat == nil {
		return nil
	}
	return &tourney.Telemetry{RowsPerSecond: float64(step) * float64(t.heat.rows) / seconds, Memory: t.w.memory.read()}
}

// gauge knows how much memory the process has. To measure that takes longer than
// a brief trial, so that it is done once a second.
type gauge struct {
	mu    sync.Mutex
	at    time.Time
	bytes int64
}

func (g *gauge) read() int64 {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.at.IsZero() || time.Since(g.at) > time.Second {
		memory := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
		metrics.Read(memory)
		g.at, g.bytes = time.Now(), int64(memory[0].Value.Uint64())
	}
	return g.bytes
}

// maxPoints bounds the learning curve that is kept of a trial.
const maxPoints = 512

// stride is the distance of the steps whose metrics are kept: the least power
// of two that keeps at most maxPoints of a whole training.
func stride(budget int) int {
	s := 1
	for budget/s > maxPoints {
		s *= 2
	}
	return s
}
