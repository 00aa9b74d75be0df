package coordinator_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
)

// checkpointBytes is how much a desk keeps for paused trials.
const checkpointBytes = 1000

// bin is a place of blobs that remembers which were removed.
type bin struct {
	mu      sync.Mutex
	blobs   []string
	fail    error         // what removing comes to
	enter   chan struct{} // if set, told of each removal
	proceed chan struct{} // and waited for
}

func (b *bin) put(hash string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !slices.Contains(b.blobs, hash) {
		b.blobs = append(b.blobs, hash)
	}
}

func (b *bin) has(hash string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.blobs, hash)
}

func (b *bin) left() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.blobs)
}

func (b *bin) Delete(_ context.Context, hash string) error {
	if b.enter != nil {
		b.enter <- struct{}{}
		<-b.proceed
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail != nil {
		return b.fail
	}
	i := slices.Index(b.blobs, hash)
	if i < 0 {
		return tourney.ErrNotFound
	}
	b.blobs = slices.Delete(b.blobs, i, i+1)
	return nil
}

// upload puts a blob as a worker does.
func (d *desk) upload(hash string, size int64) {
	d.t.Helper()
	err := d.Upload(d.t.Context(), hash, func() (int64, error) {
		d.bin.put(hash)
		return size, nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// collect collects and returns how many blobs went.
func (d *desk) collect() int {
	d.t.Helper()
	n, err := d.Collect(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// saved is an entry with a checkpoint.
func saved(g tourney.Grant, blob string, step int) tourney.Entry {
	return tourney.Entry{Token: g.Token, Rung: g.Job.Rung, Checkpoint: &tourney.Checkpoint{Blob: blob, Size: 8, Step: step}}
}

// What a trial goes on from is kept; what it went on from before, and what
// nobody ever told of, goes an hour after it was put, and not before.
func TestSupersededCheckpointsGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(nil)
		g := d.claim("w", "c", d.queued(s.ID)[0])[0]
		for i, blob := range []string{"first", "second"} {
			d.upload(blob, 8)
			d.report("w", saved(g, blob, i+1))
		}
		d.upload("orphan", 8)
		keepAlive := func(d *desk, more time.Duration) {
			for range more / (10 * time.Second) {
				time.Sleep(10 * time.Second)
				d.Beat(t.Context(), "w", tourney.Beat{Running: []tourney.Token{g.Token}})
			}
		}
		keepAlive(d, 59*time.Minute)
		if n := d.collect(); n != 0 || !d.bin.has("orphan") || !d.bin.has("first") {
			t.Errorf("%d blobs went within the hour; left %v", n, d.bin.left())
		}
		keepAlive(d, 3*time.Minute) // Run collects by itself
		synctest.Wait()
		if left := d.bin.left(); !slices.Equal(left, []string{"second"}) {
			t.Errorf("left %v, want what the trial goes on from", left)
		}
		d.close()
	})
}

// The last state of a trial that has ended goes; the model of a finalist stays
// as long as its sweep.
func TestEndedTrialsLeaveNoCheckpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(func(s *tourney.Spec) { s.RunCap, s.Parallelism = 3, 3 })
		model := ""
		for round := 0; ; round++ {
			jobs := d.queued(s.ID)
			if len(jobs) == 0 {
				break
			}
			for _, g := range d.claim("w", fmt.Sprint("c", round), jobs...) {
				blob := fmt.Sprintf("%s-%d-%d", g.Job.Kind, g.Job.Trial, g.Job.Rung)
				d.upload(blob, 8)
				e := done(g)
				e.Checkpoint = saved(g, blob, g.Job.Budget).Checkpoint
				d.report("w", e)
				if g.Job.Kind == tourney.JobFinal {
					model = blob
				}
			}
		}
		if state := d.sweep(s.ID).State; state != tourney.SweepCompleted || len(d.bin.left()) != 4 {
			t.Fatalf("the sweep is %s and has left %v", state, d.bin.left())
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		if left := d.bin.left(); !slices.Equal(left, []string{model}) || model == "" {
			t.Errorf("left %v, want the model %s", left, model)
		}
		if err := d.DeleteSweep(t.Context(), s.ID, false, ""); err != nil {
			t.Fatal(err)
		}
		if d.collect(); len(d.bin.left()) != 0 {
			t.Errorf("the deleted sweep leaves %v", d.bin.left())
		}
		d.close()
	})
}

// With more than is allowed, the states of the worst paused trials go first, a
// blob with the best of its trials; a trial that is promoted without one starts
// over.
func TestPausedCheckpointsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(func(s *tourney.Spec) {
			asha(s)
			s.RunCap, s.Parallelism = 60, 6
		})
		grants := d.claim("w", "c", d.queued(s.ID)...)
		if len(grants) != 6 {
			t.Fatalf("%d grants", len(grants))
		}
		// Trials 0 to 5 have the losses 0.1 to 0.6; blobs of 400 bytes hold two each:
		// the best and the worst, two in the middle, the third and the fifth.
		blobs := []string{"a", "b", "c", "b", "c", "a"}
		for _, b := range []string{"a", "b", "c"} {
			d.upload(b, 400)
		}
		var entries []tourney.Entry
		for i, g := range grants {
			e := done(g)
			*e.End.Value = float64(g.Job.Trial+1) / 10
			e.End.Metrics["rmse"] = *e.End.Value
			e.Checkpoint = saved(g, blobs[i], g.Job.Budget).Checkpoint
			entries = append(entries, e)
		}
		d.report("w", entries...)
		jobs, err := d.db.OpenJobs(t.Context(), s.ID)
		if err != nil {
			t.Fatal(err)
		}
		promoted := map[string]bool{}
		for _, j := range jobs {
			if j.State == tourney.JobQueued && j.Checkpoint != nil {
				promoted[j.Checkpoint.Blob] = true
			}
		}
		if !promoted["a"] || promoted["c"] {
			t.Fatalf("blobs of promoted trials are %v", promoted)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		d.bin.mu.Lock()
		left := slices.Sorted(slices.Values(d.bin.blobs))
		d.bin.mu.Unlock()
		if !slices.Equal(left, []string{"a", "b"}) {
			t.Errorf("left %v, want those of the better trials", left)
		}
		d.close()
	})
}

// A crash between the decision to remove a blob and the end of that leaves it to
// the next process; a blob that is put again in between stays.
func TestCollectGoesOnAfterACrash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		d := openDesk(t, dir)
		for _, blob := range []string{"again", "dead"} {
			d.upload(blob, 8)
		}
		time.Sleep(time.Minute)
		d.bin.fail = errors.New("the process died")
		before, err := d.db.DoomUploads(t.Context(), time.Now(), 10)
		if err != nil || len(before) != 2 {
			t.Fatalf("doomed %v, %v", before, err)
		}
		if _, err := d.Collect(t.Context()); !errors.Is(err, d.bin.fail) {
			t.Fatalf("collect: %v", err)
		}
		blobs := d.bin
		d.close()
		d = openDesk(t, dir)
		d.bin.blobs = blobs.blobs
		d.upload("again", 8)
		if n := d.collect(); n != 1 || !slices.Equal(d.bin.left(), []string{"again"}) {
			t.Errorf("%d blobs went, left %v", n, d.bin.left())
		}
		d.close()
	})
}

// A blob is never removed while it is put, and never put while it is removed:
// whoever puts it has it afterwards.
func TestCollectAndUploadAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		d.bin.enter, d.bin.proceed = make(chan struct{}), make(chan struct{})
		d.upload("h", 8)
		if _, err := d.db.DoomUploads(t.Context(), time.Now().Add(time.Minute), 10); err != nil {
			t.Fatal(err)
		}
		var group sync.WaitGroup
		group.Go(func() { d.collect() })
		<-d.bin.enter // it is being removed
		put := false
		group.Go(func() {
			d.upload("h", 8)
			put = true
		})
		synctest.Wait()
		if put {
			t.Error("it was put while it was being removed")
		}
		d.bin.proceed <- struct{}{}
		group.Wait()
		if !d.bin.has("h") {
			t.Error("it was put, and is not there")
		}
		// The other way round.
		if _, err := d.db.DoomUploads(t.Context(), time.Now().Add(time.Minute), 10); err != nil {
			t.Fatal(err)
		}
		err := d.Upload(t.Context(), "h", func() (int64, error) {
			d.collect() // would wait for the bin
			return 8, nil
		})
		if err != nil || !d.bin.has("h") {
			t.Errorf("removed while it was put: %v", err)
		}
		d.close()
	})
}
