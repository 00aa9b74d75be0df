package coordinator_test

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/coordinator"
)

// enrol takes in a worker of this version.
func (d *desk) enrol(token string) string {
	d.t.Helper()
	return d.enrolIn("", token)
}

func (d *desk) enrolIn(pool, token string) string {
	d.t.Helper()
	e, err := d.Enrol(d.t.Context(), tourney.EnrolRequest{Host: "h", Pool: pool, Slots: 4, Version: "test", Token: token})
	if err != nil {
		d.t.Fatal(err)
	}
	return e.Worker
}

// worker returns what the store knows of a worker.
func (d *desk) worker(id string) tourney.Worker {
	d.t.Helper()
	workers, err := d.db.Workers(d.t.Context())
	if err != nil {
		d.t.Fatal(err)
	}
	i := slices.IndexFunc(workers, func(w tourney.Worker) bool { return w.ID == id })
	if i < 0 {
		d.t.Fatalf("worker %s is not listed", id)
	}
	return workers[i]
}

// A worker that is asked to leave hears at once and with each beat, and gets no
// more jobs: what it is offered goes to others.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(nil)
		w := d.enrol("")
		jobs := d.queued(s.ID)
		held := d.claim(w, "c1", jobs[0])[0]
		if got, err := d.Drain(t.Context(), w, tourney.DrainFinish); err != nil || got.State != tourney.WorkerDraining {
			t.Fatalf("drain: %+v, %v", got, err)
		}
		if c := d.bus.controls[w]; len(c) != 1 || c[0].Drain != tourney.DrainFinish || c[0].Why == "" {
			t.Errorf("told %+v", c)
		}
		if got := d.claim(w, "c2", jobs[1]); len(got) != 0 {
			t.Error("a draining worker gets jobs")
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if again := d.bus.take(); !slices.Contains(again, jobs[1]) {
			t.Error("what it did not get is not offered again")
		}
		reply := d.Beat(t.Context(), w, tourney.Beat{Slots: 4, Running: []tourney.Token{held.Token}})
		if reply.Drain != tourney.DrainFinish || len(reply.Stop) != 0 {
			t.Errorf("the beat's answer is %+v", reply)
		}
		if _, err := d.Drain(t.Context(), "w-none", ""); !errors.Is(err, tourney.ErrNotFound) {
			t.Errorf("a worker that there is not: %v", err)
		}
		if _, err := d.Drain(t.Context(), w, "now"); tourney.AsInvalid(err) == nil {
			t.Errorf("a way that there is not: %v", err)
		}
		d.report(w, done(held))
		d.Beat(t.Context(), w, tourney.Beat{Leaving: tourney.LeaveDrained, Why: "asked", Gone: true})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := d.worker(w); got.State != tourney.WorkerLeft || got.Reason != tourney.LeaveDrained || got.Left == nil || got.Drain != tourney.DrainFinish {
			t.Errorf("it left as %+v", got)
		}
		if _, err := d.Drain(t.Context(), w, ""); !errors.Is(err, tourney.ErrConflict) {
			t.Errorf("once it is gone: %v", err)
		}
		d.close()
	})
}

// What a worker is being granted while it is asked to leave goes to another at
// once; it is told of nothing, and nothing is lost.
func TestClaimCrossesDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(nil)
		w := d.enrol("")
		job := d.queued(s.ID)[0]
		d.late.then = func() {
			if _, err := d.Drain(t.Context(), w, ""); err != nil {
				t.Error(err)
			}
		}
		if got := d.claim(w, "c", job); len(got) != 0 {
			t.Errorf("it is granted %+v", got)
		}
		if heir := d.claim("w-heir", "c2", job); len(heir) != 1 || heir[0].Token.Attempt != 2 || heir[0].Job.Alone {
			t.Errorf("the job went on as %+v", heir)
		}
		d.Beat(t.Context(), w, tourney.Beat{Leaving: tourney.LeaveDrained, Gone: true})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := d.worker(w); got.State != tourney.WorkerLeft || got.Lost != 0 || got.Preempted != 1 {
			t.Errorf("it left as %+v", got)
		}
		d.close()
	})
}

// A worker is listed with the heats that it tells of.
func TestHeatsAreListed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(nil)
		w := d.enrol("")
		var running []tourney.Token
		for _, g := range d.claim(w, "c", d.queued(s.ID)[:2]...) {
			running = append(running, g.Token)
		}
		d.Beat(t.Context(), w, tourney.Beat{Running: running, Heats: 1})
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := d.worker(w); got.Running != 2 || got.Heats != 1 {
			t.Errorf("it is listed with %d attempts in %d heats, want 2 in 1", got.Running, got.Heats)
		}
		d.close()
	})
}

// What a worker holds when it says its last word is queued again at once, but
// for what it has reported; none of it counts against a trial.
func TestLastWord(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(nil)
		w := d.enrol("")
		grants := d.claim(w, "c", d.queued(s.ID)[:2]...)
		d.Beat(t.Context(), w, tourney.Beat{
			Ended: []tourney.Token{grants[0].Token}, Leaving: tourney.LeavePreempted, Why: "aws", Gone: true,
		})
		if state := d.trial(s.ID, grants[0].Job.Trial).State; state != tourney.TrialRunning {
			t.Errorf("the trial whose end is on its way is %s", state)
		}
		if state := d.trial(s.ID, grants[1].Job.Trial).State; state != tourney.TrialQueued {
			t.Errorf("the other is %s", state)
		}
		heir := d.claim("w-heir", "c2", grants[1].Job.JobID)[0]
		if heir.Job.Alone || heir.Token.Attempt != 2 {
			t.Errorf("it is blamed: %+v", heir)
		}
		d.close()
	})
}

// A revoked token ends its workers' attempts at once, and others' not; they get
// no more jobs, and what they say of those attempts is void.
func TestExpel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(nil)
		bad, good := d.enrol("bad"), d.enrol("good")
		jobs := d.queued(s.ID)
		lost := d.claim(bad, "c1", jobs[0])[0]
		kept := d.claim(good, "c2", jobs[1])[0]
		if err := d.Expel(t.Context(), "bad"); err != nil {
			t.Fatal(err)
		}
		if state := d.trial(s.ID, lost.Job.Trial).State; state != tourney.TrialQueued {
			t.Errorf("its trial is %s", state)
		}
		if state := d.trial(s.ID, kept.Job.Trial).State; state != tourney.TrialRunning {
			t.Errorf("another worker's trial is %s", state)
		}
		if got := d.claim(bad, "c3", jobs[0]); len(got) != 0 {
			t.Error("it gets jobs")
		}
		d.report(bad, done(lost))
		if v := d.trial(s.ID, lost.Job.Trial).Value; v != nil {
			t.Error("its report counts")
		}
		if heir := d.claim(good, "c4", jobs[0]); len(heir) != 1 || heir[0].Job.Alone {
			t.Errorf("the job went on as %+v", heir)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if w := d.worker(bad); w.State != tourney.WorkerLost || w.Reason != tourney.LeaveExpelled || w.Lost != 1 {
			t.Errorf("it is listed as %+v", w)
		}
		d.close()
	})
}

// A worker that goes silent is listed as lost, and as active when it is heard
// again; how long workers last is told with each beat.
func TestSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(nil)
		w, other := d.enrol(""), d.enrolIn("other", "")
		g := d.claim(w, "c", d.queued(s.ID)[0])[0]
		time.Sleep(coordinator.DefaultLease + 10*time.Second)
		synctest.Wait()
		if got := d.worker(w); got.State != tourney.WorkerLost || got.Reason != tourney.LeaveUnheard || got.Lost != 1 || got.Left == nil {
			t.Errorf("silent, it is %+v", got)
		}
		time.Sleep(2 * time.Minute) // the lifetimes are counted
		synctest.Wait()
		// One hour assumed and next to nothing observed, over two ends.
		reply := d.Beat(t.Context(), w, tourney.Beat{Running: []tourney.Token{g.Token}})
		if got := reply.Lifetime; got < 1800 || got > 1860 {
			t.Errorf("workers last %v s in the mean, want half an hour", got)
		}
		if got := d.Beat(t.Context(), other, tourney.Beat{}).Lifetime; got < 1800 || got > 1860 {
			t.Errorf("in the other pool %v s", got)
		}
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if got := d.worker(w); got.State != tourney.WorkerActive || got.Reason != "" || got.Left != nil {
			t.Errorf("heard again, it is %+v", got)
		}
		d.close()
	})
}

// A worker of another version that has outlived its coordinator is told to
// leave by the new one.
func TestAWorkerOfAnotherVersionLeaves(t *testing.T) {
	dir := t.TempDir()
	d := openDesk(t, dir)
	w := d.enrol("")
	old := d.worker(w)
	old.Version = "older"
	if err := d.db.SaveWorker(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	d.close()
	d = openDesk(t, dir)
	s := d.create(nil)
	if got := d.claim(w, "c", d.queued(s.ID)...); len(got) != 0 {
		t.Error("it gets jobs")
	}
	if reply := d.Beat(t.Context(), w, tourney.Beat{}); reply.Drain != tourney.DrainRelease || reply.Why == "" {
		t.Errorf("the beat's answer is %+v", reply)
	}
}
