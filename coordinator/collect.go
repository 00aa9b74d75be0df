package coordinator

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tourney"
	"tourney/failpoint"
)

// DefaultCheckpointBytes is how many bytes of checkpoints are kept, as far as
// they are those of paused trials.
const DefaultCheckpointBytes = 20 << 30

const (
	// uploadGrace is how long a blob is kept that nothing refers to. Workers
	// tell of what they put within half of that.
	uploadGrace = time.Hour
	// collectEvery is how often blobs are collected.
	collectEvery = time.Minute
	// collectAfter is how long a new process waits, for reports that were on
	// their way when the last one ended.
	collectAfter = 10 * time.Minute
	// collectSlice is how many rows are changed at a time.
	collectSlice = 200
)

// Blobs is where what nobody needs any more is removed from.
type Blobs interface {
	// Delete removes a blob, or returns tourney.ErrNotFound.
	Delete(ctx context.Context, hash string) error
}

// uploads are the blobs that are being put or removed: never both.
type uploads struct {
	mu    sync.Mutex
	busy  map[string]int           // put, by hash: how often
	going map[string]chan struct{} // removed; closed afterwards
}

func newUploads() *uploads {
	return &uploads{busy: map[string]int{}, going: map[string]chan struct{}{}}
}

// begin waits until a blob is not being removed, and keeps it from being so.
func (u *uploads) begin(ctx context.Context, hash string) error {
	for {
		u.mu.Lock()
		wait := u.going[hash]
		if wait == nil {
			u.busy[hash]++
			u.mu.Unlock()
			return nil
		}
		u.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (u *uploads) end(hash string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.busy[hash]--; u.busy[hash] == 0 {
		delete(u.busy, hash)
	}
}

// remove runs f unless the blob is being put.
func (u *uploads) remove(hash string, f func() error) error {
	u.mu.Lock()
	if u.busy[hash] > 0 || u.going[hash] != nil {
		u.mu.Unlock()
		return nil
	}
	done := make(chan struct{})
	u.going[hash] = done
	u.mu.Unlock()
	defer func() {
		u.mu.Lock()
		defer u.mu.Unlock()
		delete(u.going, hash)
		close(done)
	}()
	return f()
}

// Upload has put store a blob of that hash and return its size; see api.Service.
// It is kept as long as something refers to it, and for a while before that.
func (c *Coordinator) Upload(ctx context.Context, hash string, put func() (int64, error)) error {
	if err := c.uploads.begin(ctx, hash); err != nil {
		return err
	}
	defer c.uploads.end(hash)
	if err := c.cfg.Store.NoteUpload(ctx, hash, 0); err != nil {
		return err
	}
	size, err := put()
	if err != nil {
		return err
	}
	failpoint.Pass(failpoint.UploadStored)
	return c.cfg.Store.NoteUpload(ctx, hash, size)
}

// collect removes blobs that nobody needs any more, until ctx is done.
func (c *Coordinator) collect(ctx context.Context) error {
	if c.cfg.Blobs == nil {
		return nil
	}
	next := time.NewTimer(collectAfter)
	defer next.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-next.C:
		}
		removed, err := c.Collect(ctx)
		if err != nil && ctx.Err() == nil {
			c.log.Warn("blobs that nobody needs are left for the next time", "error", err)
		}
		if removed > 0 {
			c.log.Info("blobs removed", "blobs", removed)
		}
		next.Reset(collectEvery)
	}
}

// Collect lets go of the checkpoints that nobody goes on from, and of those of
// paused trials that are the least likely to be promoted as far as there are too
// many; it removes the uploads that nothing has referred to for an hour, and
// returns how many. Run calls it every minute.
func (c *Coordinator) Collect(ctx context.Context) (removed int, err error) {
	for {
		n, err := c.cfg.Store.ShedCheckpoints(ctx, collectSlice)
		if err != nil {
			return 0, err
		}
		if n < collectSlice {
			break
		}
	}
	if err := c.dropPaused(ctx); err != nil {
		return 0, err
	}
	before := time.Now().Add(-uploadGrace)
	for {
		hashes, err := c.cfg.Store.DoomUploads(ctx, before, collectSlice)
		if err != nil {
			return removed, err
		}
		gone := 0
		for _, hash := range hashes {
			err := c.uploads.remove(hash, func() error {
				ok, err := c.removeUpload(ctx, hash)
				if ok {
					gone++
				}
				return err
			})
			if err != nil {
				return removed + gone, fmt.Errorf("remove blob %s: %w", hash, err)
			}
		}
		removed += gone
		if len(hashes) < collectSlice || gone == 0 {
			return removed, nil
		}
	}
}

// removeUpload removes a doomed blob, unless it was put again since it was
// doomed. Nobody puts it meanwhile.
func (c *Coordinator) removeUpload(ctx context.Context, hash string) (bool, error) {
	doomed, err := c.cfg.Store.IsDoomed(ctx, hash)
	if err != nil || !doomed {
		return false, err
	}
	failpoint.Pass(failpoint.BlobDoomed)
	if err := c.cfg.Blobs.Delete(ctx, hash); err != nil && !errors.Is(err, tourney.ErrNotFound) {
		return false, err
	}
	failpoint.Pass(failpoint.BlobDeleted)
	return true, c.cfg.Store.ForgetUpload(ctx, hash)
}

// dropPaused lets go of checkpoints of paused trials while all uploads together
// are more than they may be. A trial that is promoted all the same trains from
// the beginning, to the same result.
func (c *Coordinator) dropPaused(ctx context.Context) error {
	have, err := c.cfg.Store.Uploaded(ctx)
	if err != nil || have <= c.cfg.CheckpointBytes {
		return err
	}
	paused, err := c.cfg.Store.PausedCheckpoints(ctx)
	if err != nil {
		return err
	}
	// A blob holds the states of a heat: it goes with the best of them.
	users := map[string][]tourney.PausedCheckpoint{}
	var order []string // of blobs, that which is the least likely to be needed first
	for i := len(paused) - 1; i >= 0; i-- {
		p := paused[i]
		if users[p.Blob] == nil {
			order = append(order, p.Blob)
		}
		users[p.Blob] = append(users[p.Blob], p)
	}
	excess := have - c.cfg.CheckpointBytes
	for i := len(order) - 1; i >= 0 && excess > 0; i-- {
		size, err := c.cfg.Store.UploadSize(ctx, order[i])
		if err != nil {
			return err
		}
		if err := c.drop(ctx, users[order[i]]); err != nil {
			return err
		}
		excess -= size
	}
	return nil
}

// drop lets go of the checkpoints of trials that are still paused.
func (c *Coordinator) drop(ctx context.Context, paused []tourney.PausedCheckpoint) error {
	bySweep := map[string][]tourney.PausedCheckpoint{}
	for _, p := range paused {
		bySweep[p.Sweep] = append(bySweep[p.Sweep], p)
	}
	for id, list := range bySweep {
		s := c.lookup(id)
		if s == nil {
			continue // it has just ended
		}
		err := s.do(ctx, func(ctx context.Context) error {
			var jobs []tourney.JobID
			for _, p := range list {
				if s.jobs[p.Trial] == nil && s.last[p.Trial] != nil && s.last[p.Trial].Blob == p.Blob {
					jobs = append(jobs, tourney.JobID{Sweep: id, Trial: p.Trial, Rung: p.Rung})
				}
			}
			if err := c.cfg.Store.DropCheckpoints(ctx, jobs); err != nil {
				return err
			}
			for _, j := range jobs {
				delete(s.last, j.Trial)
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnded) {
			return err
		}
	}
	return nil
}
