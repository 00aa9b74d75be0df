package worker

import (
	"context"
	"errors"
	"fmt"
	"time"

	"tourney"
)

// beats tells the coordinator three times a lease what runs.
func (w *Worker) beats(ctx context.Context) error {
	tick := time.NewTicker(max(w.cfg.Lease/3, 10*time.Millisecond))
	defer tick.Stop()
	for {
		w.beat(ctx)
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
	reply, err := w.cfg.Bus.Beat(ctx, tourney.Beat{Slots: w.cfg.Slots, Running: w.running(), Ended: w.spool.unsettled()})
	if err == nil && reply.Error != "" {
		err = errors.New(reply.Error)
	}
	if err != nil {
		if ctx.Err() == nil {
			w.cfg.Log.Warn("beat", "error", err)
		}
		return
	}
	w.stop(reply.Stop)
	w.spool.settle(reply.Committed)
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
		}
	}
}
