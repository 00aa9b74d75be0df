package coordinator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"time"

	"tourney"
)

const (
	noticeEvery = 5 * time.Second  // between looks for notices that are due, besides when a sweep ends
	noticeBatch = 16               // that are sent in one look
	noticeLast  = 20 * time.Second // that one try may take
	firstPutOff = 2 * time.Second  // after the first try that failed; it doubles
	maxPutOff   = time.Hour
	maxTries    = 60 // over about two days; then a notice is given up
)

// announce adds to a change that ends the sweep the notice of that.
func (ch *change) announce() {
	s := ch.s
	if s.row.Spec.Webhook == "" {
		return
	}
	ending := tourney.Ending{
		ID: newID("n"), Type: "sweep.ended", Sweep: s.id, Name: s.row.Spec.Name, State: s.row.State, Reason: s.row.Reason,
		CreatedAt: s.row.Created, EndedAt: ch.now,
	}
	body, err := json.Marshal(ending)
	if err != nil {
		s.c.log.Error("write the notice of a sweep's end", "sweep", s.id, "error", err)
		return
	}
	ch.Notice = &tourney.Notice{ID: ending.ID, Sweep: s.id, URL: s.row.Spec.Webhook, Body: body}
}

// posted has deliver look for notices.
func (c *Coordinator) posted() {
	select {
	case c.posts <- struct{}{}:
	default:
	}
}

// deliver sends the notices that are due until ctx is done. They lie in the
// store, so that a crash loses none; one that was taken just before a crash is
// sent again, with the same id.
func (c *Coordinator) deliver(ctx context.Context) error {
	if c.cfg.Post == nil {
		return nil
	}
	tick := time.NewTicker(noticeEvery)
	defer tick.Stop()
	for {
		if err := c.deliverDue(ctx); err != nil && ctx.Err() == nil {
			c.log.Warn("send notices", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-c.posts:
		case <-tick.C:
		}
	}
}

func (c *Coordinator) deliverDue(ctx context.Context) error {
	notices, err := c.cfg.Store.DueNotices(ctx, time.Now(), noticeBatch)
	if err != nil {
		return err
	}
	for _, n := range notices {
		if err := c.post(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// post tries to send a notice, and writes down what came of it.
func (c *Coordinator) post(ctx context.Context, n tourney.Notice) error {
	whole, err := c.complete(ctx, n)
	if err != nil {
		return err
	}
	bounded, cancel := context.WithTimeout(ctx, noticeLast)
	err = c.cfg.Post.Send(bounded, whole)
	cancel()
	switch {
	case err == nil:
		c.log.Info("notice taken", "notice", n.ID, "sweep", n.Sweep)
		return c.cfg.Store.DropNotice(ctx, n.ID)
	case ctx.Err() != nil:
		return ctx.Err() // whoever starts next tries again
	case errors.Is(err, tourney.ErrRefused), n.Tries+1 >= maxTries:
		c.log.Error("notice given up", "notice", n.ID, "sweep", n.Sweep, "tries", n.Tries+1, "error", err)
		return c.cfg.Store.DropNotice(ctx, n.ID)
	}
	wait := min(firstPutOff<<min(n.Tries, 20), maxPutOff)
	wait += time.Duration(rand.Int64N(int64(wait)/4 + 1)) // so that many do not come at once
	c.log.Warn("notice not taken", "notice", n.ID, "sweep", n.Sweep, "again_in", wait, "error", err)
	return c.cfg.Store.PutOff(ctx, n.ID, time.Now().Add(wait), err.Error())
}

// complete adds what the sweep has come to, as far as it is still there. It is
// the same whenever it is asked for, since the sweep has ended.
func (c *Coordinator) complete(ctx context.Context, n tourney.Notice) (tourney.Notice, error) {
	row, err := c.cfg.Store.Sweep(ctx, n.Sweep)
	if errors.Is(err, tourney.ErrNotFound) {
		return n, nil // it was deleted since
	}
	if err != nil {
		return n, err
	}
	var ending tourney.Ending
	if err := json.Unmarshal(n.Body, &ending); err != nil {
		return n, fmt.Errorf("read notice %s: %w", n.ID, err)
	}
	ending.Counts = maps.Clone(row.Counts)
	if b := row.Best; b != nil && b.Value != nil {
		ending.Best = &tourney.BestTrial{Number: b.Number, Value: *b.Value, Params: b.Params, Metrics: b.Metrics}
	}
	n.Body, err = json.Marshal(ending)
	return n, err
}

// expireEvery is how often sweeps are looked for that are kept no longer.
const expireEvery = time.Minute

// expire deletes sweeps that ended longer ago than they are kept, until ctx is
// done.
func (c *Coordinator) expire(ctx context.Context) error {
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		ids, err := c.cfg.Store.Expired(ctx, time.Now(), c.cfg.Retention)
		if err != nil && ctx.Err() == nil {
			c.log.Warn("look for sweeps to delete", "error", err)
		}
		for _, id := range ids {
			c.log.Info("sweep is kept no longer", "sweep", id)
			if err := c.DeleteSweep(ctx, id, false, ""); err != nil && ctx.Err() == nil && !errors.Is(err, tourney.ErrConflict) && !errors.Is(err, tourney.ErrNotFound) {
				c.log.Warn("delete a sweep that is kept no longer", "sweep", id, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}
