package coordinator_test

import (
	"errors"
	"fmt"
	"strconv"
	"testing"

	"tourney"
)

// drain trains all there is to train until the sweep ends, and returns how many
// final jobs were among it.
func (d *desk) drain(id string) (finals int) {
	d.t.Helper()
	for i := 0; !d.sweep(id).State.Terminal(); i++ {
		jobs := d.queued(id)
		if len(jobs) == 0 || i > 10_000 {
			d.t.Fatalf("nothing is queued, and the sweep is %s", d.sweep(id).State)
		}
		for _, g := range d.claim("w", fmt.Sprint(id, i), jobs...) {
			if g.Job.Kind == tourney.JobFinal {
				finals++
			}
			d.report("w", done(g))
		}
	}
	return finals
}

// A sweep that is completed goes on when it is given more trials, whatever its
// scheduler; its end is one like the first, and its log replays.
func TestExtend(t *testing.T) {
	for name, e := range map[string]*tourney.EarlyTerminate{
		"none":   nil,
		"asha":   {Type: "asha", MinIter: 1, MaxIter: 9, Eta: 3},
		"stop":   {Type: "asha", MinIter: 1, MaxIter: 9, Eta: 3, Stop: true},
		"wide":   {Type: "asha", MinIter: 1, MaxIter: 9, Eta: 3, Brackets: 2},
		"pasha":  {Type: "pasha", MinIter: 1, MaxIter: 27, Eta: 3},
		"bands":  {Type: "hyperband", MinIter: 1, MaxIter: 9, Eta: 3},
		"median": {Type: "median", MinIter: 1, MaxIter: 9, MinTrials: 2, Interval: 3},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := openDesk(t, dir)
			s := d.create(func(s *tourney.Spec) { s.EarlyTerminate = e; s.RunCap = 13 })
			if n := d.drain(s.ID); n != 1 {
				t.Fatalf("%d final jobs", n)
			}
			first := d.sweep(s.ID)
			got, err := d.Extend(t.Context(), s.ID, tourney.Amendment{RunCap: 31})
			if err != nil {
				t.Fatal(err)
			}
			if got.State != tourney.SweepRunning || got.Ended != nil || !got.Amended.Unsealed || got.Amended.RunCap != 31 || got.Spec.RunCap != 13 {
				t.Errorf("after it: %s, ended %v, %+v, cap %d", got.State, got.Ended, got.Amended, got.Spec.RunCap)
			}
			d.close()
			d = openDesk(t, dir)
			if n := d.drain(s.ID); n != 1 {
				t.Errorf("%d final jobs at its second end", n)
			}
			end := d.sweep(s.ID)
			trials := 0
			for _, n := range end.Counts {
				trials += n
			}
			if end.State != tourney.SweepCompleted || trials != 31 || end.Ended == nil {
				t.Errorf("the sweep is %s with %d trials", end.State, trials)
			}
			if *end.Best.Value > *first.Best.Value && end.Best.Rung <= first.Best.Rung {
				t.Errorf("its best became worse: %v, was %v", *end.Best.Value, *first.Best.Value)
			}
			d.verified()
		})
	}
}

// A population that has come to its end cannot go on.
func TestExtendPopulation(t *testing.T) {
	d := newDesk(t)
	s := d.create(func(s *tourney.Spec) {
		s.EarlyTerminate = &tourney.EarlyTerminate{Type: "pbt", MaxIter: 8, Interval: 2, Population: 4}
		s.RunCap = 13
	})
	d.drain(s.ID)
	if _, err := d.Extend(t.Context(), s.ID, tourney.Amendment{RunCap: 31}); !errors.Is(err, tourney.ErrConflict) {
		t.Errorf("extended: %v", err)
	}
	if state := d.sweep(s.ID).State; state != tourney.SweepCompleted {
		t.Errorf("the sweep is %s", state)
	}
	d.verified()
}

// What cannot be extended or changed says so and stays as it was.
func TestAmend(t *testing.T) {
	d := newDesk(t)
	s := d.create(nil) // 12 trials
	trials := func(n int) tourney.Amendment { return tourney.Amendment{RunCap: n} }
	if _, err := d.Amend(t.Context(), s.ID, trials(11), ""); !errors.Is(err, tourney.ErrConflict) {
		t.Errorf("a lower cap: %v", err)
	}
	was := s.Revision()
	got, err := d.Amend(t.Context(), s.ID, tourney.Amendment{Name: "other", RunCap: 14}, was)
	if err != nil || got.Spec.Name != "other" || got.Amended.RunCap != 14 || got.Amended.Unsealed || got.Revision() == was {
		t.Fatalf("%+v, %v", got.Amended, err)
	}
	if _, err := d.Amend(t.Context(), s.ID, tourney.Amendment{Name: "third"}, was); !errors.Is(err, tourney.ErrChanged) {
		t.Errorf("by an old revision: %v", err)
	}
	wrong := tourney.Limits{Wall: -1}
	if _, err := d.Amend(t.Context(), s.ID, tourney.Amendment{Limits: &wrong}, ""); !errors.Is(err, tourney.ErrInvalid) {
		t.Errorf("a wrong limit: %v", err)
	}
	d.drain(s.ID)
	if n := d.sweep(s.ID).Counts[tourney.TrialCompleted]; n != 14 {
		t.Errorf("%d trials, want 14", n)
	}
	if _, err := d.Amend(t.Context(), s.ID, trials(20), ""); !errors.Is(err, tourney.ErrConflict) {
		t.Errorf("a cap of a sweep that has ended: %v", err)
	}
	if _, err := d.Extend(t.Context(), s.ID, trials(14)); !errors.Is(err, tourney.ErrConflict) {
		t.Errorf("no more trials than there are: %v", err)
	}
	if _, err := d.Extend(t.Context(), s.ID, tourney.Amendment{}); !errors.Is(err, tourney.ErrInvalid) {
		t.Errorf("nothing: %v", err)
	}
	if got, err := d.Amend(t.Context(), s.ID, tourney.Amendment{Name: "last"}, ""); err != nil || got.Spec.Name != "last" || got.State != tourney.SweepCompleted {
		t.Errorf("a new name at the end: %v, %v", got.Spec.Name, err)
	}
	if _, err := d.Extend(t.Context(), "snone", trials(14)); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("no such sweep: %v", err)
	}
	d.verified()
}

// A sweep without a cap may be given limits while it runs.
func TestAmendLimits(t *testing.T) {
	d := newDesk(t)
	s := d.create(func(s *tourney.Spec) { s.RunCap, s.Limits.NoImprovement = 0, 500 })
	if _, err := d.Extend(t.Context(), s.ID, tourney.Amendment{Limits: &tourney.Limits{NoImprovement: 3}}); err != nil {
		t.Fatal(err)
	}
	d.drain(s.ID)
	if n := d.sweep(s.ID).Counts[tourney.TrialCompleted]; n > 60 {
		t.Errorf("%d trials, and three in a row without improvement end it", n)
	}
	d.verified()
}

// A sweep of loops of one's own goes on as well, with nothing unsealed.
func TestExtendOutside(t *testing.T) {
	d := newDesk(t)
	s := d.create(func(s *tourney.Spec) { external(s); s.RunCap = 1 })
	for i := range 2 {
		got := d.ask(s.ID, tourney.AskRequest{Count: 5}, "")
		if len(got) != 1 || got[0].Trial != i {
			t.Fatalf("asked: %+v", got)
		}
		d.tell(s.ID, tourney.Tell{Token: got[0].Token, Value: value1(1)})
		if i == 0 {
			if now, err := d.Extend(t.Context(), s.ID, tourney.Amendment{RunCap: 2}); err != nil || now.Amended.Unsealed {
				t.Fatalf("%+v, %v", now.Amended, err)
			}
		}
	}
	if state := d.sweep(s.ID).State; state != tourney.SweepCompleted {
		t.Errorf("the sweep is %s", state)
	}
	d.verified()
}

func TestDeleteSweep(t *testing.T) {
	d := newDesk(t)
	kept := d.create(nil)
	s := d.create(nil)
	if err := d.DeleteSweep(t.Context(), s.ID, false, ""); !errors.Is(err, tourney.ErrConflict) {
		t.Errorf("while it runs: %v", err)
	}
	g := d.claim("w", "c", d.queued(s.ID)[0])[0]
	if err := d.DeleteSweep(t.Context(), s.ID, true, ""); err != nil {
		t.Fatal(err)
	}
	if _, err := d.db.Sweep(t.Context(), s.ID); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("after it: %v", err)
	}
	d.report("w", done(g)) // too late, and no harm
	if err := d.DeleteSweep(t.Context(), s.ID, true, ""); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("again: %v", err)
	}
	d.drain(kept.ID)
	d.verified()
}

// The rungs of a sweep add up while it goes and at its end, and their trials
// are the top of its board; lists by state and by number backwards are whole,
// page after page.
func TestRungs(t *testing.T) {
	d := newDesk(t)
	s := d.create(wide) // rungs of 1, 3 and 9 steps, 30 trials
	check := func(all bool) {
		t.Helper()
		rungs, err := d.db.Rungs(t.Context(), s.ID)
		if err != nil || len(rungs) != 3 {
			t.Fatalf("%+v, %v", rungs, err)
		}
		for i, r := range rungs {
			if r.Rung != i || r.Budget != []int{1, 3, 9}[i] || r.Reached != r.Promoted+r.Stopped+r.Waiting {
				t.Errorf("rung %d does not add up: %+v", i, r)
			}
			if i > 0 && r.Reached+r.Training != rungs[i-1].Promoted {
				t.Errorf("%d went on from rung %d, and to the next %+v", rungs[i-1].Promoted, i-1, r)
			}
			if all && (r.Training != 0 || r.Waiting != 0) {
				t.Errorf("at the end: %+v", r)
			}
			if i == 0 {
				continue
			}
			n := 0
			for page := (tourney.Page{Limit: 2, Where: tourney.TrialFilter{{Field: "rung", Op: ">=", Value: strconv.Itoa(i)}}}); ; {
				trials, next, err := d.db.Leaderboard(t.Context(), s.ID, page)
				if err != nil {
					t.Fatal(err)
				}
				for _, trial := range trials {
					if n++; trial.Rung < i {
						t.Errorf("trial %d is at rung %d, not %d", trial.Number, trial.Rung, i)
					}
				}
				if page.Cursor = next; next == "" {
					break
				}
			}
			if n != r.Reached {
				t.Errorf("%d trials of rung %d, and %d have reached it", n, i, r.Reached)
			}
		}
	}
	check(false)
	for i := 0; !d.sweep(s.ID).State.Terminal(); i++ {
		for _, g := range d.claim("w", fmt.Sprint(i), d.queued(s.ID)[0]) {
			d.report("w", done(g))
		}
		check(false)
	}
	check(true)
	seen := 0
	for _, state := range tourney.TrialStates() {
		before := 1 << 30
		for page := (tourney.Page{Limit: 3, Sort: "-number", Where: tourney.TrialFilter{{Field: "state", Op: ":", Value: string(state)}}}); ; {
			trials, next, err := d.db.Trials(t.Context(), s.ID, page)
			if err != nil {
				t.Fatal(err)
			}
			for _, trial := range trials {
				if seen++; trial.State != state || trial.Number >= before {
					t.Errorf("trial %d, which is %s, comes after %d", trial.Number, trial.State, before)
				}
				before = trial.Number
			}
			if page.Cursor = next; next == "" {
				break
			}
		}
	}
	if seen != 30 {
		t.Errorf("%d trials by state, want 30", seen)
	}
	all, next, err := d.db.Trials(t.Context(), s.ID, tourney.Page{Limit: 3})
	if err != nil || len(all) != 3 {
		t.Fatal(err)
	}
	if _, _, err := d.db.Trials(t.Context(), s.ID, tourney.Page{Limit: 3, Sort: "-number", Cursor: next}); !errors.Is(err, tourney.ErrInvalid) {
		t.Errorf("a cursor of another order: %v", err)
	}
}
