package worker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"tourney"
)

// beats tells the coordinator three times a lease what runs.
func (w *Worker) beats(ctx context.Context) error {
	tick := time.NewTicker(max(w.cfg.Lease/3, 10*time.Millisecond))
	defer tick.Stop()
	for {
		w.beat(ctx)
		w.fence()
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// beat sends one beat and acts on the answer. Without an answer the trainers
// go on: the token decides when the coordinator is back.
func (w *Worker) beat(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, max(w.cfg.Lease/3, time.Second))
	defer cancel()
	beat := w.report()
	reply, err := w.cfg.Bus.Beat(ctx, beat)
	if err == nil && reply.Error != "" {
		err = errors.New(reply.Error)
	}
	if err != nil {
		if ctx.Err() == nil {
			w.cfg.Log.Warn("beat", "error", err)
		}
		return
	}
	w.answered(beat.Datasets)
	w.cadence.lasts(reply.Lifetime)
	w.stop(reply.Stop)
	w.spool.settle(reply.Committed)
	w.obey(reply.Drain, reply.Why)
}

// obey leaves if the coordinator asks for it.
func (w *Worker) obey(mode tourney.Drain, why string) {
	if mode != "" {
		w.leave(mode, Notice{tourney.LeaveDrained, why})
	}
}

// report is what a beat says now.
func (w *Worker) report() tourney.Beat {
	beat := tourney.Beat{Slots: w.cfg.Slots, Running: w.running(), Ended: w.spool.unsettled(), Commands: w.prefixes()}
	versions := w.cfg.Data.Versions()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !slices.Equal(versions, w.told) {
		beat.Datasets = append([]string{}, versions...)
	}
	beat.Heats = len(w.heats)
	if w.going.mode != "" {
		beat.Leaving, beat.Why = w.going.notice.Leave, w.going.notice.Why
	}
	return beat
}

// answered notes that the coordinator has heard a beat.
func (w *Worker) answered(datasets []string) {
	w.mu.Lock()
	w.heard = time.Now()
	if datasets != nil {
		w.told = datasets
	}
	w.mu.Unlock()
	w.spool.online()
}

// awayFor is how long trials are trained on while the coordinator is away. What
// has ended by then stays in the spool, and its token decides when there is an
// answer again.
const awayFor = 15 * time.Minute

// fence stops the attempts of a worker that is cut off for so long that they
// are another's by now.
func (w *Worker) fence() {
	w.mu.Lock()
	away := time.Since(w.heard)
	w.mu.Unlock()
	running := w.running()
	if away < awayFor || len(running) == 0 {
		return
	}
	w.cfg.Log.Warn("the coordinator is away; its trials are given up", "for", away, "attempts", len(running))
	w.stop(running)
}

// controls acts on messages to this worker. Losing one costs a beat's time.
func (w *Worker) controls(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case msg, ok := <-w.cfg.Bus.Control():
			if !ok {
				return fmt.Errorf("%w: the bus has shut this worker out", tourney.ErrRefused)
			}
			w.stop(msg.Stop)
			w.spool.settle(msg.Committed)
			w.obey(msg.Drain, msg.Why)
		}
	}
}
