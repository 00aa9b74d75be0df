package coordinator_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/coordinator"
)

// enrolAt takes a worker in that says its price, and returns its id.
func (d *desk) enrolAt(pool string, price float64) string {
	d.t.Helper()
	e, err := d.Enrol(d.t.Context(), tourney.EnrolRequest{Host: "h", Pool: pool, Slots: 1, Version: "test", Machine: tourney.Machine{PricePerHour: price}})
	if err != nil {
		d.t.Fatal(err)
	}
	return e.Worker
}

// seek claims with room for a job, asking for all that wait of these sweeps.
func (d *desk) seek(worker, claim string, room float64, sweeps ...string) []tourney.Grant {
	d.t.Helper()
	var jobs []tourney.JobID
	for _, id := range sweeps {
		jobs = append(jobs, d.queued(id)...)
	}
	return d.Claim(d.t.Context(), worker, tourney.ClaimRequest{ID: claim, Capacity: room, Jobs: jobs}).Grants
}

// A pool's workers are given its jobs alone, and its jobs are offered to them
// alone; a sweep whose pool has no worker says so.
func TestPools(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		gpu := d.create(func(s *tourney.Spec) { s.Pool = "gpu" })
		plain := d.create(nil)
		if w := d.sweep(gpu.ID).Warnings; len(w) != 1 || !strings.Contains(w[0], `"gpu"`) {
			t.Errorf("without a worker the sweep warns of %q", w)
		}
		inGPU, inDefault := d.enrolAt("gpu", 0), d.enrolAt("", 0)
		if w := d.sweep(gpu.ID).Warnings; len(w) != 0 {
			t.Errorf("with a worker the sweep warns of %q", w)
		}
		synctest.Wait()
		for pool, id := range map[string]string{"gpu": gpu.ID, tourney.DefaultPool: plain.ID} {
			if got := d.bus.pools(); !slices.Equal(got[id], []string{pool}) {
				t.Errorf("the jobs of %s were offered to %v, want %s", id, got[id], pool)
			}
		}
		if g := d.seek(inDefault, "c1", 9, gpu.ID); len(g) != 0 {
			t.Errorf("a worker of the default pool was given %d jobs of gpu", len(g))
		}
		if g := d.seek(inGPU, "c2", 1, gpu.ID, plain.ID); len(g) != 1 || g[0].Job.Sweep != gpu.ID {
			t.Errorf("a worker of gpu was given %+v", g)
		}
		pools := d.Pools()
		if p := pools["gpu"]; p.Queued != 3 || p.Running != 1 || p.Wanted != 4 || p.Workers != 1 || p.Slots != 1 {
			t.Errorf("gpu holds %+v", p)
		}
		// Moved to the other pool, its jobs are offered there.
		if _, err := d.Amend(t.Context(), gpu.ID, tourney.Amendment{Pool: tourney.DefaultPool}, ""); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if got := d.bus.pools()[gpu.ID]; !slices.Contains(got, tourney.DefaultPool) {
			t.Errorf("after it was moved its jobs were offered to %v", got)
		}
		if g := d.seek(inDefault, "c3", 9, gpu.ID); len(g) != 3 {
			t.Errorf("after the sweep was moved a worker of the default pool was given %d jobs", len(g))
		}
		d.close()
	})
}

// Claims divide a worker's time by the weights, whatever it asks for, and a
// change of weight counts from then on. The boards are those of sweeps alone.
func TestSharesFollowWeights(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		many := func(weight float64) func(*tourney.Spec) {
			return func(s *tourney.Spec) { s.Weight, s.RunCap, s.Parallelism = weight, 160, 16 }
		}
		alone := d.create(many(0))
		for i := 0; d.sweep(alone.ID).State == tourney.SweepRunning; i++ {
			for _, g := range d.seek("w", fmt.Sprint("alone", i), 1, alone.ID) {
				d.report("w", done(g))
			}
		}
		a, b := d.create(many(3)), d.create(many(1))
		count := map[string]int{}
		play := func(n int, name string) {
			for i := range n {
				// Always in the same order: what is asked for first is not given first.
				grants := d.seek("w", fmt.Sprint(name, i), 1, b.ID, a.ID)
				if len(grants) != 1 {
					t.Fatalf("claim %d was given %d jobs", i, len(grants))
				}
				time.Sleep(2 * time.Second)
				d.report("w", done(grants[0]))
				count[grants[0].Job.Sweep]++
			}
		}
		play(100, "first")
		if n := count[a.ID]; n < 72 || n > 78 {
			t.Errorf("of 100 jobs %d were of the sweep of weight 3 of 4, want 75", n)
		}
		if _, err := d.Amend(t.Context(), a.ID, tourney.Amendment{Weight: 1}, ""); err != nil {
			t.Fatal(err)
		}
		clear(count)
		play(100, "second")
		if n := count[a.ID]; n < 47 || n > 53 {
			t.Errorf("with equal weights %d of 100 jobs, want 50", n)
		}
		for i := 0; i < 2000 && (d.sweep(a.ID).State == tourney.SweepRunning || d.sweep(b.ID).State == tourney.SweepRunning); i++ {
			for _, g := range d.seek("w", fmt.Sprint("rest", i), 1, a.ID, b.ID) {
				d.report("w", done(g))
			}
		}
		want := board(t, d, alone.ID)
		for _, s := range []tourney.Sweep{a, b} {
			if got := board(t, d, s.ID); got != want {
				t.Errorf("the board of the sweep of weight %v is another than of one alone", s.Spec.Weight)
			}
		}
		d.close()
	})
}

// board is what a sweep came to.
func board(t *testing.T, d *desk, id string) string {
	t.Helper()
	trials, _, err := d.db.Leaderboard(t.Context(), id, tourney.Page{Limit: 1000})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, trial := range trials {
		fmt.Fprintf(&b, "%d %s %s %v %v\n", trial.Number, trial.Params.Key(), trial.State, trial.Rung, *trial.Value)
	}
	return b.String()
}

// A worker may be given what it did not ask for, if that is due; asked again
// with the same id, since the answer was lost, it is given the same.
func TestAnUnaskedGrantIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		more := func(s *tourney.Spec) { s.Parallelism, s.RunCap = 16, 50 }
		a, b := d.create(more), d.create(more)
		var given []tourney.Grant
		var last tourney.ClaimRequest
		for i := 0; i < 10 && (len(given) == 0 || given[0].Job.Sweep == a.ID); i++ {
			last = tourney.ClaimRequest{ID: fmt.Sprint("c", i), Capacity: 1, Jobs: d.queued(a.ID)}
			given = d.Claim(t.Context(), "w", last).Grants
		}
		if len(given) != 1 || given[0].Job.Sweep != b.ID {
			t.Fatalf("who asks for one sweep's jobs alone was given %d, never of the other that is due", len(given))
		}
		last.Capacity = 1
		again := d.Claim(t.Context(), "w", last).Grants
		if len(again) == 0 || !slices.ContainsFunc(again, func(g tourney.Grant) bool { return g.Token == given[0].Token }) {
			t.Errorf("asked again it was given %+v, before %+v", again, given)
		}
		d.close()
	})
}

// Of a bounded sweep no more run at a time, however many there is room for; and
// what ends makes room.
func TestMaxConcurrency(t *testing.T) {
	d := newDesk(t)
	s := d.create(func(s *tourney.Spec) { s.MaxConcurrency = 3; s.Parallelism = 8; s.RunCap = 20 })
	grants := d.seek("w", "c1", 99, s.ID)
	if len(grants) != 3 {
		t.Fatalf("%d run, want 3", len(grants))
	}
	if g := d.seek("w2", "c2", 99, s.ID); len(g) != 0 {
		t.Errorf("%d more were given", len(g))
	}
	d.report("w", done(grants[0]))
	if g := d.seek("w2", "c3", 99, s.ID); len(g) != 1 {
		t.Errorf("after one had ended %d were given, want 1", len(g))
	}
	none := 0
	if _, err := d.Amend(t.Context(), s.ID, tourney.Amendment{MaxConcurrency: &none}, ""); err != nil {
		t.Fatal(err)
	}
	if g := d.seek("w2", "c4", 99, s.ID); len(g) != len(d.queued(s.ID))+len(g) || len(g) < 4 {
		t.Errorf("without a bound %d were given", len(g))
	}
	// A bound holds over a restart of the sweep's goroutine too: it is stored.
	now := d.sweep(s.ID)
	if got := now.TermsNow().MaxConcurrency; got != 0 {
		t.Errorf("the bound in force is %d", got)
	}
}

// An attempt that trains for too long fails its trial, once, and its worker is
// told to stop; a trial in time does not.
func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(func(s *tourney.Spec) { s.Timeout = 60 })
		jobs := d.queued(s.ID)
		slow := d.claim("w", "c1", jobs[0])[0]
		running := []tourney.Token{slow.Token}
		for range 55 {
			time.Sleep(time.Second)
			d.Beat(t.Context(), "w", tourney.Beat{Running: running})
		}
		late := d.claim("w", "c2", jobs[1])[0]
		if state := d.trial(s.ID, slow.Job.Trial).State; state != tourney.TrialRunning {
			t.Fatalf("after 55 s of 60 it is %s", state)
		}
		running = append(running, late.Token)
		var stop []tourney.Token
		for range 10 {
			time.Sleep(time.Second)
			synctest.Wait()
			stop = append(stop, d.Beat(t.Context(), "w", tourney.Beat{Running: running}).Stop...)
		}
		trial := d.trial(s.ID, slow.Job.Trial)
		if trial.State != tourney.TrialFailed || trial.Reason != tourney.ReasonTimeout || !strings.Contains(trial.Error, "1m0s") {
			t.Errorf("after 65 s of 60 it is %s (%s, %q)", trial.State, trial.Reason, trial.Error)
		}
		if !slices.Contains(stop, slow.Token) || slices.Contains(stop, late.Token) {
			t.Errorf("told to stop %v", stop)
		}
		if trial.Outcomes[tourney.OutcomeFailed] != 1 || trial.Attempts != 1 {
			t.Errorf("its attempts ended as %v, %d in all", trial.Outcomes, trial.Attempts)
		}
		d.report("w", done(slow)) // too late
		if v := d.trial(s.ID, slow.Job.Trial).Value; v != nil {
			t.Error("what came after the timeout counts")
		}
		d.close()
	})
}

// The first loss may be the company's fault and does not count; ten alone are
// poison. What a worker gives back counts nowhere, and each is told apart.
func TestLossesAreCountedAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		s := d.create(nil)
		job := d.queued(s.ID)[0]
		for i := range 11 {
			g := d.claim("w", fmt.Sprint(i), job)
			if len(g) != 1 || g[0].Job.Alone != (i > 0) {
				t.Fatalf("claim %d: %+v", i, g)
			}
			time.Sleep(coordinator.DefaultLease + 5*time.Second)
			synctest.Wait()
			if i == 4 {
				g := d.claim("w", "given back", job)[0]
				d.report("w", ended(g, tourney.OutcomePreempted, ""))
			}
		}
		trial := d.trial(s.ID, job.Trial)
		if trial.State != tourney.TrialFailed || trial.Reason != tourney.ReasonPoison {
			t.Errorf("after a loss in company and ten alone the trial is %s (%s)", trial.State, trial.Reason)
		}
		if trial.Outcomes[tourney.OutcomeLost] != 11 || trial.Outcomes[tourney.OutcomePreempted] != 1 {
			t.Errorf("its attempts ended as %v", trial.Outcomes)
		}
		d.close()
	})
}

// A reason that is not in the list is an error of the user's; those in it are
// kept as they are, and only two are tried again.
func TestReasonsAreAClosedList(t *testing.T) {
	d := newDesk(t)
	s := d.create(func(s *tourney.Spec) { s.RunCap, s.Parallelism = 20, 8 })
	for _, tt := range []struct {
		says, keeps tourney.Reason
		tries       int
	}{
		{tourney.ReasonUserError, tourney.ReasonUserError, 3},
		{tourney.ReasonOOM, tourney.ReasonOOM, 3},
		{tourney.ReasonTimeout, tourney.ReasonTimeout, 1},
		{tourney.ReasonSpecInvalid, tourney.ReasonSpecInvalid, 1},
		{tourney.ReasonDataCorrupt, tourney.ReasonDataCorrupt, 1},
		{"gremlins", tourney.ReasonUserError, 3},
		{"", tourney.ReasonUserError, 3},
	} {
		job := d.queued(s.ID)[0]
		for i := range tt.tries {
			g := d.claim("w", fmt.Sprint(tt.says, i), job)
			if len(g) != 1 {
				t.Fatalf("%q: try %d was not given", tt.says, i)
			}
			d.report("w", ended(g[0], tourney.OutcomeFailed, tt.says))
		}
		if trial := d.trial(s.ID, job.Trial); trial.State != tourney.TrialFailed || trial.Reason != tt.keeps || trial.Outcomes[tourney.OutcomeFailed] != tt.tries {
			t.Errorf("%q: the trial is %s (%s) after %v", tt.says, trial.State, trial.Reason, trial.Outcomes)
		}
	}
}

// Cost is hours of a core by the worker's own price, else its pool's, and a
// limit of cost ends the search; improvements are told with it.
func TestCost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDesk(t)
		dear, plain := d.enrolAt("gpu", 36), d.enrolAt("gpu", 0)
		if _, err := d.CreateSweep(t.Context(), spec(func(s *tourney.Spec) { s.Limits.Cost = 1 }), ""); tourney.AsInvalid(err) == nil {
			t.Errorf("a limit of cost in a pool without a price: %v", err)
		}
		s := d.create(func(s *tourney.Spec) { s.Pool, s.Limits.Cost = "gpu", 1; s.RunCap = 50 })
		jobs := d.queued(s.ID)
		claim := func(worker string, job tourney.JobID) tourney.Grant {
			grants := d.Claim(t.Context(), worker, tourney.ClaimRequest{ID: job.String(), Capacity: 1, Jobs: []tourney.JobID{job}}).Grants
			if len(grants) != 1 {
				t.Fatalf("%d grants", len(grants))
			}
			return grants[0]
		}
		first, second := claim(dear, jobs[0]), claim(plain, jobs[1])
		time.Sleep(20 * time.Second) // 20 s at 36 an hour are 0.2
		d.report(dear, done(first))
		d.report(plain, done(second))
		spent := d.sweep(s.ID).Spent
		if spent == nil || spent.Cost < 0.1999 || spent.Cost > 0.2001 || spent.WorkerHours < 39.9/3600 || spent.WorkerHours > 40.1/3600 {
			t.Fatalf("spent %+v, want 0.2 in 40 seconds", spent)
		}
		if spent.Improvements < 1 || spent.Improvements > 2 || *spent.PerImprovement != spent.Cost/float64(spent.Improvements) {
			t.Errorf("spent %+v", spent)
		}
		third := claim(dear, jobs[2])
		for range 90 { // 0.9 more
			time.Sleep(time.Second)
			d.Beat(t.Context(), dear, tourney.Beat{Running: []tourney.Token{third.Token}})
		}
		synctest.Wait()
		if n := events(t, d, s.ID, "limited"); n != 1 {
			t.Errorf("the limit was noted %d times after 1.1 of 1", n)
		}
		d.close()
	})
}
