package coordinator_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/coordinator"
)

// A job is granted once, whoever asks; the same claim again hears the same.
func TestClaim(t *testing.T) {
	d := newDesk(t)
	s := d.create(nil)
	jobs := d.queued(s.ID)
	if len(jobs) != 4 {
		t.Fatalf("%d jobs are queued, want the sweep's parallelism, 4", len(jobs))
	}
	a := d.claim("w-a", "claim-1", jobs[:3]...)
	b := d.claim("w-b", "claim-2", jobs...)
	if len(a) != 3 || len(b) != 1 || b[0].Job.Trial != jobs[3].Trial {
		t.Fatalf("granted %d and %d", len(a), len(b))
	}
	again := d.claim("w-a", "claim-1", jobs[:3]...)
	if len(again) != 3 || again[0].Token != a[0].Token || again[0].Token.Attempt != 1 {
		t.Errorf("the same claim again got %+v, first %+v", again, a)
	}
	if other := d.claim("w-b", "claim-1", jobs[:3]...); len(other) != 0 {
		t.Error("another worker got the grants with the claim's id")
	}
}

// A claim gets no more than there is room for; the rest is offered again.
func TestClaimHasRoom(t *testing.T) {
	d := newDesk(t)
	s := d.create(nil)
	jobs := d.queued(s.ID)
	reply := d.Claim(t.Context(), "w", tourney.ClaimRequest{ID: "c", Capacity: 2, Jobs: jobs})
	if len(reply.Grants) != 2 {
		t.Errorf("%d granted with room for 2", len(reply.Grants))
	}
}

// However much room a worker has, its answer fits into one message of the bus,
// and another claim gets the rest.
func TestClaimFitsAMessage(t *testing.T) {
	const message = 900 << 10 // bytes, as bus.MaxBody
	d := newDesk(t)
	s := d.create(func(spec *tourney.Spec) { spec.RunCap, spec.Parallelism = 4000, 2000 })
	left := d.queued(s.ID)
	for n := 1; len(left) > 0; n++ {
		reply := d.Claim(t.Context(), "w", tourney.ClaimRequest{ID: fmt.Sprint("c", n), Capacity: 1 << 20, Jobs: left})
		body, err := json.Marshal(reply)
		if err != nil || len(reply.Grants) == 0 || len(body) > message {
			t.Fatalf("claim %d: %d grants in %d bytes, %v", n, len(reply.Grants), len(body), err)
		}
		if n == 1 && len(reply.Grants) == len(left) {
			t.Fatal("all fit into one message: the test needs more jobs")
		}
		left = left[len(reply.Grants):]
	}
}

// A worker that lost its lease writes nothing any more: the next attempt's
// report counts.
func TestZombie(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(nil)
		job := d.queued(s.ID)[0]
		zombie := d.claim("w-zombie", "c1", job)[0]
		time.Sleep(coordinator.DefaultLease + 5*time.Second)
		synctest.Wait()
		if state := d.trial(s.ID, job.Trial).State; state != tourney.TrialQueued {
			t.Fatalf("after its lease the trial is %s", state)
		}
		heir := d.claim("w-heir", "c2", job)[0]
		if heir.Token.Attempt != 2 || !heir.Job.Alone {
			t.Fatalf("the second attempt is %+v, alone %v", heir.Token, heir.Job.Alone)
		}
		bad := done(zombie)
		*bad.End.Value = -1
		d.report("w-zombie", bad)
		stolen := done(heir)
		*stolen.End.Value = -2
		d.report("w-zombie", stolen) // the heir's token from another worker
		if v := d.trial(s.ID, job.Trial).Value; v != nil {
			t.Fatalf("the zombie's value counts: %v", *v)
		}
		d.report("w-heir", done(heir))
		d.report("w-heir", bad, stolen) // late and twice
		if v := d.trial(s.ID, job.Trial).Value; v == nil || *v != value(&heir.Job) {
			t.Errorf("the heir's value does not count")
		}
		d.close()
	})
}

// A worker that beats keeps its lease, and hears what is not its own.
func TestBeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(nil)
		jobs := d.queued(s.ID)
		kept := d.claim("w", "c1", jobs[0])[0]
		lost := d.claim("w", "c2", jobs[1])[0]
		ended := d.claim("w", "c3", jobs[2])[0]
		d.report("w", done(ended))
		unheard := tourney.Token{Epoch: "no", Sweep: "such", Trial: 1, Attempt: 1}
		for range 10 {
			time.Sleep(coordinator.DefaultLease / 3)
			d.Beat(t.Context(), "w", tourney.Beat{Running: []tourney.Token{kept.Token}})
		}
		reply := d.Beat(t.Context(), "w", tourney.Beat{
			Running: []tourney.Token{kept.Token, lost.Token},
			Ended:   []tourney.Token{ended.Token, unheard},
		})
		if !slices.Equal(reply.Stop, []tourney.Token{lost.Token}) {
			t.Errorf("told to stop %v, want the lost one", reply.Stop)
		}
		if !slices.Equal(reply.Committed, []tourney.Token{ended.Token, unheard}) {
			t.Errorf("told that %v are committed", reply.Committed)
		}
		if other := d.Beat(t.Context(), "w-other", tourney.Beat{Running: []tourney.Token{kept.Token}}); len(other.Stop) != 1 {
			t.Error("another worker beats for the attempt")
		}
		d.close()
	})
}

// Ten deaths in a row without a new checkpoint are poison; a checkpoint starts
// the count anew, and what a worker gives back does not count.
func TestPoison(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(nil)
		job := d.queued(s.ID)[0]
		lose := func(n int, checkpoint bool) {
			for i := range n {
				g := d.claim("w", fmt.Sprint(checkpoint, i), job)
				if len(g) != 1 {
					t.Fatalf("loss %d: the job cannot be claimed", i)
				}
				if checkpoint && i == n-1 {
					d.report("w", tourney.Entry{Token: g[0].Token, Checkpoint: &tourney.Checkpoint{Blob: "b", Step: 1}})
				}
				time.Sleep(coordinator.DefaultLease + 5*time.Second)
				synctest.Wait()
			}
		}
		lose(9, true) // the ninth has got on: it is the first of a new count
		g := d.claim("w", "preempted", job)[0]
		d.report("w", ended(g, tourney.OutcomePreempted, ""))
		lose(9, false)
		trial := d.trial(s.ID, job.Trial)
		if trial.State != tourney.TrialFailed || trial.Reason != tourney.ReasonPoison {
			t.Errorf("the trial is %s (%s)", trial.State, trial.Reason)
		}
		if trial.Attempts != 19 {
			t.Errorf("%d attempts, want 19", trial.Attempts)
		}
		d.close()
	})
}

// A user's error is tried three times; a diverged trial once.
func TestFailures(t *testing.T) {
	d := newDesk(t)
	s := d.create(nil)
	jobs := d.queued(s.ID)
	for i := range 3 {
		if state := d.trial(s.ID, jobs[0].Trial).State; state.Terminal() {
			t.Fatalf("after %d failures it is %s", i, state)
		}
		g := d.claim("w", fmt.Sprint(i), jobs[0])[0]
		d.report("w", ended(g, tourney.OutcomeFailed, tourney.ReasonUserError))
	}
	if trial := d.trial(s.ID, jobs[0].Trial); trial.State != tourney.TrialFailed || trial.Reason != tourney.ReasonUserError || trial.Error != "why" {
		t.Errorf("the trial is %s (%s, %q)", trial.State, trial.Reason, trial.Error)
	}
	g := d.claim("w", "d", jobs[1])[0]
	d.report("w", ended(g, tourney.OutcomeDiverged, ""))
	if trial := d.trial(s.ID, jobs[1].Trial); trial.State != tourney.TrialDiverged || trial.Value != nil {
		t.Errorf("the trial is %s", trial.State)
	}
	g = d.claim("w", "x", jobs[2])[0]
	d.report("w", ended(g, "exploded", ""))
	if trial := d.trial(s.ID, jobs[2].Trial); trial.State != tourney.TrialFailed || trial.Reason != tourney.ReasonSpecInvalid {
		t.Errorf("after an end that there is not, the trial is %s (%s)", trial.State, trial.Reason)
	}
}

// What workers inside the coordinator's process held is queued again at its
// next start; others have a whole lease to be heard.
func TestWorkersInside(t *testing.T) {
	dir := t.TempDir()
	d := openDesk(t, dir)
	inside, err := d.Enrol(t.Context(), tourney.EnrolRequest{Host: "h", Slots: 1, Version: "test", Inside: true})
	if err != nil {
		t.Fatal(err)
	}
	outside, err := d.Enrol(t.Context(), tourney.EnrolRequest{Host: "h", Slots: 1, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	s := d.create(nil)
	jobs := d.queued(s.ID)
	d.claim(inside.Worker, "c1", jobs[0])
	kept := d.claim(outside.Worker, "c2", jobs[1])[0]
	d.close()
	d = openDesk(t, dir)
	if state := d.trial(s.ID, jobs[0].Trial).State; state != tourney.TrialQueued {
		t.Errorf("the trial of the worker inside is %s", state)
	}
	reply := d.Beat(t.Context(), outside.Worker, tourney.Beat{Running: []tourney.Token{kept.Token}})
	if state := d.trial(s.ID, jobs[1].Trial).State; state != tourney.TrialRunning || len(reply.Stop) != 0 {
		t.Errorf("the trial of the worker outside is %s", state)
	}
}

// An end that comes before its turn is committed, also over a restart, and
// counts when its turn comes.
func TestHeldEnd(t *testing.T) {
	dir := t.TempDir()
	d := openDesk(t, dir)
	s := d.create(nil)
	jobs := d.queued(s.ID)
	first := d.claim("w", "c1", jobs[0])[0]
	second := d.claim("w", "c2", jobs[1])[0]
	d.report("w", done(second))
	if trial := d.trial(s.ID, 1); trial.State != tourney.TrialRunning || trial.Value != nil {
		t.Fatalf("trial 1 was folded before trial 0: %s", trial.State)
	}
	reply := d.Beat(t.Context(), "w", tourney.Beat{Ended: []tourney.Token{second.Token}})
	if len(reply.Committed) != 1 {
		t.Error("the held end is not committed")
	}
	d.close()
	d = openDesk(t, dir)
	d.report("w", done(first))
	for n := range 2 {
		if trial := d.trial(s.ID, n); trial.State != tourney.TrialCompleted {
			t.Errorf("trial %d is %s", n, trial.State)
		}
	}
}

// Under order arrival nothing waits.
func TestArrival(t *testing.T) {
	d := newDesk(t)
	s := d.create(func(s *tourney.Spec) { s.Order = tourney.OrderArrival })
	g := d.claim("w", "c", d.queued(s.ID)[3])[0]
	d.report("w", done(g))
	if trial := d.trial(s.ID, 3); trial.State != tourney.TrialCompleted {
		t.Errorf("trial 3 is %s", trial.State)
	}
}

// Sealed rows go to the current attempt that refits a finalist, and to nobody
// else.
func TestMayRead(t *testing.T) {
	d := newDesk(t)
	s := d.create(func(s *tourney.Spec) { s.RunCap = 1 })
	if err := d.MayRead(t.Context(), "0000", nil); err != nil {
		t.Errorf("an open blob: %v", err)
	}
	rung := d.claim("w", "c1", d.queued(s.ID)...)[0]
	refused := func(what string, token *tourney.Token) {
		t.Helper()
		if err := d.MayRead(t.Context(), sealedBlob, token); !errors.Is(err, tourney.ErrRefused) {
			t.Errorf("%s: %v, want a refusal", what, err)
		}
	}
	refused("nobody", nil)
	refused("a rung's attempt", &rung.Token)
	d.report("w", done(rung))
	final := d.claim("w", "c2", d.queued(s.ID)...)[0]
	if final.Job.Kind != tourney.JobFinal {
		t.Fatalf("the last job is of kind %s", final.Job.Kind)
	}
	refused("the attempt before", &rung.Token)
	forged := final.Token
	forged.Epoch = "other"
	refused("another epoch", &forged)
	if err := d.MayRead(t.Context(), sealedBlob, &final.Token); err != nil {
		t.Errorf("the final attempt: %v", err)
	}
	e := done(final)
	e.End.Metrics = tourney.Metrics{"test_rmse": 3}
	d.report("w", e)
	refused("an attempt that has ended", &final.Token)
	row := d.sweep(s.ID)
	if row.State != tourney.SweepCompleted || row.Best.Metrics["test_rmse"] != 3 || row.Best.Metrics["rmse"] == 0 {
		t.Errorf("the sweep is %s, its best %+v", row.State, row.Best)
	}
}

// The same key and body is the same sweep; another body is a conflict.
func TestIdempotencyKey(t *testing.T) {
	d := newDesk(t)
	first, err := d.CreateSweep(t.Context(), spec(nil), "key")
	if err != nil {
		t.Fatal(err)
	}
	second, err := d.CreateSweep(t.Context(), spec(nil), "key")
	if err != nil || second.ID != first.ID {
		t.Errorf("got sweep %s, %v, want %s", second.ID, err, first.ID)
	}
	if _, err := d.CreateSweep(t.Context(), spec(asha), "key"); !errors.Is(err, tourney.ErrConflict) {
		t.Errorf("another body: %v, want a conflict", err)
	}
}

// While a sweep is paused nothing is granted; cancelled, its attempts are void
// and its workers are told.
func TestPauseAndCancel(t *testing.T) {
	d := newDesk(t)
	s := d.create(nil)
	jobs := d.queued(s.ID)
	g := d.claim("w", "c1", jobs[0])[0]
	if _, err := d.Act(t.Context(), s.ID, tourney.ActionPause); err != nil {
		t.Fatal(err)
	}
	if got := d.claim("w", "c2", jobs...); len(got) != 0 {
		t.Errorf("%d jobs of a paused sweep were granted", len(got))
	}
	d.report("w", done(g)) // what runs goes on, and counts once the sweep does
	if state := d.trial(s.ID, 0).State; state != tourney.TrialRunning {
		t.Errorf("in the pause the trial is %s", state)
	}
	if _, err := d.Act(t.Context(), s.ID, tourney.ActionResume); err != nil {
		t.Fatal(err)
	}
	if state := d.trial(s.ID, 0).State; state != tourney.TrialCompleted {
		t.Errorf("after the pause the trial is %s", state)
	}
	g = d.claim("w", "c3", d.queued(s.ID)[0])[0]
	row, err := d.Act(t.Context(), s.ID, tourney.ActionCancel)
	if err != nil || row.State != tourney.SweepCancelled {
		t.Fatalf("cancelled: %s, %v", row.State, err)
	}
	d.report("w", done(g))
	if state := d.trial(s.ID, g.Job.Trial).State; state != tourney.TrialCancelled {
		t.Errorf("the trial is %s", state)
	}
	if _, err := d.Act(t.Context(), s.ID, tourney.ActionResume); !errors.Is(err, tourney.ErrConflict) {
		t.Errorf("resuming it: %v, want a conflict", err)
	}
	if len(d.bus.controls["w"]) == 0 || len(d.bus.controls["w"][len(d.bus.controls["w"])-1].Stop) != 1 {
		t.Errorf("the worker was told %v", d.bus.controls["w"])
	}
}

// Cancelled in a pause, a sweep keeps what was reported during it.
func TestCancelInAPause(t *testing.T) {
	d := newDesk(t)
	s := d.create(nil)
	g := d.claim("w", "c1", d.queued(s.ID)[0])[0]
	if _, err := d.Act(t.Context(), s.ID, tourney.ActionPause); err != nil {
		t.Fatal(err)
	}
	d.report("w", done(g))
	if _, err := d.Act(t.Context(), s.ID, tourney.ActionCancel); err != nil {
		t.Fatal(err)
	}
	if trial := d.trial(s.ID, 0); trial.State != tourney.TrialCompleted || trial.Value == nil {
		t.Errorf("the trial is %s", trial.State)
	}
}

// What is not claimed is offered again after a minute, not sooner.
func TestOfferedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(func(s *tourney.Spec) { s.Parallelism = 2 })
		time.Sleep(5 * time.Second)
		if got := len(d.bus.take()); got != 2 {
			t.Fatalf("%d jobs offered, want 2", got)
		}
		time.Sleep(50 * time.Second)
		if got := len(d.bus.take()); got != 0 {
			t.Errorf("%d jobs offered again after 55 seconds", got)
		}
		d.claim("w", "c", d.queued(s.ID)[0])
		time.Sleep(10 * time.Second)
		if got := len(d.bus.take()); got != 1 {
			t.Errorf("%d jobs offered after 65 seconds, want the one that is not claimed", got)
		}
		d.close()
	})
}

// Whatever workers do and however often the coordinator dies: no trial is lost,
// none counts twice, and the board is the one of an undisturbed run. Each seed
// is one history of claims, reports (late, twice, out of order), losses,
// preemptions and restarts.
func TestRandomHistories(t *testing.T) {
	calm := newDesk(t)
	s := calm.create(wide)
	rng := rand.New(rand.NewPCG(0, 0))
	for !calm.sweep(s.ID).State.Terminal() {
		step(calm, s.ID, rng, 0, nil)
	}
	want := calm.board(s.ID)
	seeds := uint64(25)
	if testing.Short() {
		seeds = 5
	}
	for seed := range seeds {
		dir := t.TempDir()
		d := openDesk(t, dir)
		id := d.create(wide).ID
		rng := rand.New(rand.NewPCG(seed, 1))
		var sent []sentEntry
		for !d.sweep(id).State.Terminal() {
			if rng.IntN(25) == 0 {
				d.close()
				d = openDesk(t, dir)
			}
			if rng.IntN(3) == 0 {
				pause(d, id, rng)
			}
			step(d, id, rng, 0.4, &sent)
		}
		if got := d.board(id); got != want {
			t.Fatalf("seed %d: the board is\n%s\nwant\n%s", seed, got, want)
		}
		v, err := coordinator.Verify(t.Context(), d.db, allBlobs{table.Version, sealedBlob})
		if err != nil || len(v.Problems) > 0 {
			t.Fatalf("seed %d: verify: %v, %v", seed, v.Problems, err)
		}
		d.close()
	}
}

// pause lets a worker claim some jobs, pauses the sweep, and resumes it after
// the worker has reported some of them; the rest it gives back.
func pause(d *desk, id string, rng *rand.Rand) {
	d.t.Helper()
	grants := d.claim("w-p", fmt.Sprint("p", rng.Uint64()), d.queued(id)...)
	if d.sweep(id).State.Terminal() {
		return
	}
	if _, err := d.Act(d.t.Context(), id, tourney.ActionPause); err != nil {
		d.t.Fatal(err)
	}
	for i, g := range grants {
		if i%2 == 0 {
			d.report("w-p", done(g))
		}
	}
	if _, err := d.Act(d.t.Context(), id, tourney.ActionResume); err != nil {
		d.t.Fatal(err)
	}
	for i, g := range grants {
		if i%2 == 1 {
			d.report("w-p", ended(g, tourney.OutcomePreempted, ""))
		}
	}
}

// sentEntry is a report and who sent it.
type sentEntry struct {
	worker string
	entry  tourney.Entry
}

// step lets some worker claim some jobs and report them in some order; with
// that probability each job goes wrong first.
func step(d *desk, id string, rng *rand.Rand, wrong float64, sent *[]sentEntry) {
	jobs := d.queued(id)
	rng.Shuffle(len(jobs), func(i, j int) { jobs[i], jobs[j] = jobs[j], jobs[i] })
	jobs = jobs[:rng.IntN(len(jobs)+1)]
	worker := fmt.Sprint("w-", rng.IntN(5))
	claim := fmt.Sprint(rng.Uint64())
	grants := d.claim(worker, claim, jobs...)
	rng.Shuffle(len(grants), func(i, j int) { grants[i], grants[j] = grants[j], grants[i] })
	for _, g := range grants {
		if rng.Float64() < wrong {
			outcome := tourney.OutcomePreempted
			d.report(worker, ended(g, outcome, ""))
			if sent != nil { // a zombie, later
				bad := done(g)
				*bad.End.Value = -100
				*sent = append(*sent, sentEntry{worker, bad})
			}
			continue
		}
		e := done(g)
		d.report(worker, e)
		if sent != nil {
			*sent = append(*sent, sentEntry{worker, e})
		}
	}
	if sent != nil && len(*sent) > 0 && rng.IntN(3) == 0 {
		late := (*sent)[rng.IntN(len(*sent))]
		again := late.entry
		d.report(late.worker, again)
	}
}

// allBlobs is a blob store that holds what it lists.
type allBlobs []string

func (b allBlobs) Verify(_ context.Context, hash string) error {
	if slices.Contains(b, hash) {
		return nil
	}
	return tourney.ErrNotFound
}

// A promoted trial goes on from the checkpoint of its last rung, also over a
// restart.
func TestCheckpointTravels(t *testing.T) {
	for _, restart := range []bool{false, true} {
		dir := t.TempDir()
		d := openDesk(t, dir)
		s := d.create(asha)
		promoted := -1
		for n := 0; promoted < 0; n++ {
			for _, g := range d.claim("w", fmt.Sprint(n), d.queued(s.ID)...) {
				e := done(g)
				e.Checkpoint = &tourney.Checkpoint{Blob: fmt.Sprint("blob", g.Job.Trial), Offset: 5, Size: 7, Step: 1}
				d.report("w", e)
				if restart {
					d.close()
					d = openDesk(t, dir)
				}
			}
			for _, id := range d.queued(s.ID) {
				if id.Rung == 1 {
					promoted = id.Trial
				}
			}
		}
		g := d.claim("w", "promoted", tourney.JobID{Sweep: s.ID, Trial: promoted, Rung: 1})[0]
		want := tourney.Checkpoint{Blob: fmt.Sprint("blob", promoted), Offset: 5, Size: 7, Step: 1}
		if g.Job.Checkpoint == nil || *g.Job.Checkpoint != want {
			t.Errorf("restart %v: the job goes on from %+v, want %+v", restart, g.Job.Checkpoint, want)
		}
		// Lost before its first new checkpoint, it goes on from there again.
		d.report("w", ended(g, tourney.OutcomePreempted, ""))
		g = d.claim("w", "again", g.Job.JobID)[0]
		if g.Job.Checkpoint == nil || *g.Job.Checkpoint != want {
			t.Errorf("restart %v: given back, the job goes on from %+v", restart, g.Job.Checkpoint)
		}
		d.close()
	}
}

// What a worker has no room for, and what it gives back, is offered again at
// once, and before what has waited less.
func TestOfferedAgainAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(func(s *tourney.Spec) { s.Parallelism = 2 })
		time.Sleep(5 * time.Second)
		jobs := d.bus.take()
		if len(jobs) != 2 {
			t.Fatalf("%d jobs offered, want 2", len(jobs))
		}
		reply := d.Claim(t.Context(), "w", tourney.ClaimRequest{ID: "c", Capacity: 1, Jobs: jobs})
		if len(reply.Grants) != 1 {
			t.Fatalf("%d granted with room for 1", len(reply.Grants))
		}
		time.Sleep(2 * time.Second)
		if got := d.bus.take(); !slices.Equal(got, jobs[1:]) {
			t.Errorf("offered again %v, want %v", got, jobs[1:])
		}
		d.report("w", ended(reply.Grants[0], tourney.OutcomePreempted, ""))
		time.Sleep(2 * time.Second)
		if got := d.bus.take(); !slices.Equal(got, jobs[:1]) {
			t.Errorf("given back, offered %v, want %v", got, jobs[:1])
		}
		if s := d.sweep(s.ID); s.State != tourney.SweepRunning {
			t.Errorf("the sweep is %s", s.State)
		}
		d.close()
	})
}
