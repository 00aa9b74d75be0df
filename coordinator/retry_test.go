package coordinator_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"tourney"
)

// failing trains all there is to train, and has the trials fail that fails
// says, until the sweep ends.
func (d *desk) failing(id string, fails func(trial int) bool) {
	d.t.Helper()
	for i := 0; !d.sweep(id).State.Terminal(); i++ {
		jobs := d.queued(id)
		if len(jobs) == 0 || i > 10_000 {
			d.t.Fatalf("nothing is queued, and the sweep is %s", d.sweep(id).State)
		}
		for _, g := range d.claim("w", fmt.Sprint(id, d.sweep(id).Cursor, i), jobs...) {
			if g.Job.Kind == tourney.JobRung && fails(g.Job.Trial) {
				d.report("w", ended(g, tourney.OutcomeFailed, tourney.ReasonSpecInvalid))
			} else {
				d.report("w", done(g))
			}
		}
	}
}

func only(trials ...int) func(int) bool {
	return func(trial int) bool {
		for _, n := range trials {
			if n == trial {
				return true
			}
		}
		return false
	}
}

func (d *desk) retry(id string, trial int) tourney.Retry {
	d.t.Helper()
	r, err := d.Retry(d.t.Context(), id, trial)
	if err != nil {
		d.t.Fatal(err)
	}
	if r.Of != trial {
		d.t.Errorf("%+v is not of trial %d", r, trial)
	}
	return r
}

// again wants a trial to be one that tries another again.
func (d *desk) again(id string, trial, of int, state tourney.TrialState) {
	d.t.Helper()
	got, was := d.trial(id, trial), d.trial(id, of)
	if got.RetryOf == nil || *got.RetryOf != of || got.Params.Key() != was.Params.Key() || got.State != state {
		d.t.Errorf("trial %d is %+v, and should try again %+v", trial, got, was)
	}
	if was.State != tourney.TrialFailed || was.RetryOf != nil {
		d.t.Errorf("trial %d is %s now", of, was.State)
	}
}

// A failed trial of a sweep that has ended is tried again as a new one, and
// nothing else is: whatever ended the sweep, and whatever its scheduler.
func TestRetryAtTheEnd(t *testing.T) {
	target := 0.5
	for name, edit := range map[string]func(*tourney.Spec){
		"none":   func(*tourney.Spec) {},
		"target": func(s *tourney.Spec) { s.Limits.Target = &target },
		"asha": func(s *tourney.Spec) {
			s.EarlyTerminate = &tourney.EarlyTerminate{Type: "asha", MinIter: 1, MaxIter: 9, Eta: 3}
		},
		"median": func(s *tourney.Spec) {
			s.EarlyTerminate = &tourney.EarlyTerminate{Type: "median", MinIter: 1, MaxIter: 9, MinTrials: 2, Interval: 3}
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			d := openDesk(t, dir)
			s := d.create(edit)
			d.failing(s.ID, only(1, 2))
			before := total(d.sweep(s.ID))
			first, second := d.retry(s.ID, 2), d.retry(s.ID, 1)
			if first.Trial != before || second.Trial != before+1 || first.State != tourney.SweepRunning {
				t.Fatalf("after %d trials: %+v, %+v", before, first, second)
			}
			d.close()
			d = openDesk(t, dir)
			d.failing(s.ID, only(first.Trial))
			d.again(s.ID, first.Trial, 2, tourney.TrialFailed)
			end := d.sweep(s.ID)
			if got := d.trial(s.ID, second.Trial); got.RetryOf == nil || *got.RetryOf != 1 || got.State == tourney.TrialFailed {
				t.Errorf("trial %d is %+v", second.Trial, got)
			}
			if end.State != tourney.SweepCompleted || total(end) != before+2 || !end.Amended.Unsealed {
				t.Errorf("the sweep is %s with %d trials, not %d; %+v", end.State, total(end), before+2, end.Amended)
			}
			d.verified()
		})
	}
}

func total(s tourney.Sweep) (n int) {
	for _, c := range s.Counts {
		n += c
	}
	return n
}

// A retry in a sweep that runs is the next trial that it proposes, beyond the
// cap; a grid still comes to each of its cells.
func TestRetryWhileItRuns(t *testing.T) {
	d := newDesk(t)
	s := d.create(func(s *tourney.Spec) {
		s.Method, s.RunCap, s.Parallelism = tourney.MethodGrid, 0, 2
		s.Parameters = tourney.Space{{Name: "x", Distribution: tourney.Categorical, Values: []any{int64(0), int64(1), int64(2), int64(3), int64(4)}}}
	})
	jobs := d.claim("w", "a", d.queued(s.ID)...)
	d.report("w", ended(jobs[0], tourney.OutcomeFailed, tourney.ReasonSpecInvalid))
	d.report("w", done(jobs[1]))
	if r := d.retry(s.ID, 0); r.Trial != 4 {
		t.Errorf("after 4 proposals: %+v", r)
	}
	if _, err := d.Retry(t.Context(), s.ID, 0); !errors.Is(err, tourney.ErrConflict) || !strings.Contains(err.Error(), "that is trial 4") {
		t.Errorf("retried twice: %v", err)
	}
	if _, err := d.Act(t.Context(), s.ID, tourney.ActionPause); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Act(t.Context(), s.ID, tourney.ActionResume); err != nil {
		t.Fatal(err)
	}
	d.drain(s.ID)
	d.again(s.ID, 4, 0, tourney.TrialCompleted)
	cells := map[string]int{}
	for n := range 6 {
		cells[d.trial(s.ID, n).Params.Key()]++
	}
	if len(cells) != 5 || total(d.sweep(s.ID)) != 6 || cells[d.trial(s.ID, 0).Params.Key()] != 2 {
		t.Errorf("the cells are %v", cells)
	}
	if a := d.sweep(s.ID).Amended; a != nil {
		t.Errorf("a sweep that had not ended was amended: %+v", a)
	}
	d.verified()
}

// A sweep that failed, since none of its trials came to a value, goes on.
func TestRetryInASweepThatFailed(t *testing.T) {
	d := newDesk(t)
	s := d.create(func(s *tourney.Spec) { s.RunCap, s.Parallelism = 2, 2 })
	d.failing(s.ID, only(0, 1))
	if state := d.sweep(s.ID).State; state != tourney.SweepFailed {
		t.Fatalf("the sweep is %s", state)
	}
	d.retry(s.ID, 1)
	d.drain(s.ID)
	d.again(s.ID, 2, 1, tourney.TrialCompleted)
	if end := d.sweep(s.ID); end.State != tourney.SweepCompleted || end.Best == nil || end.Best.Number != 2 {
		t.Errorf("the sweep is %s, its best %+v", end.State, end.Best)
	}
	if _, err := d.Extend(t.Context(), s.ID, tourney.Amendment{RunCap: 3}); err != nil {
		t.Errorf("a retry counts against the cap: %v", err)
	}
	d.drain(s.ID)
	if n := total(d.sweep(s.ID)); n != 4 {
		t.Errorf("%d trials, want 3 and the retry", n)
	}
	d.verified()
}

// Where a retry makes no sense the refusal says why, and what would be right.
func TestRetryRefused(t *testing.T) {
	d := newDesk(t)
	refused := func(id string, trial int, sentinel error, want string) {
		t.Helper()
		before := d.sweep(id)
		_, err := d.Retry(t.Context(), id, trial)
		if !errors.Is(err, sentinel) || !strings.Contains(fmt.Sprint(err), want) {
			t.Errorf("trial %d: %v, want %q", trial, err, want)
		}
		if after := d.sweep(id); after.State != before.State || after.Cursor != before.Cursor {
			t.Errorf("a refusal left the sweep %s at %d, which was %s at %d", after.State, after.Cursor, before.State, before.Cursor)
		}
	}
	s := d.create(nil)
	refused(s.ID, 99, tourney.ErrNotFound, "")
	refused(s.ID, 0, tourney.ErrConflict, "it is queued; only a trial that failed is retried")
	d.failing(s.ID, only(3))
	refused(s.ID, 0, tourney.ErrConflict, "it is completed")
	d.retry(s.ID, 3)
	if _, err := d.Act(t.Context(), s.ID, tourney.ActionCancel); err != nil {
		t.Fatal(err)
	}
	refused(s.ID, 3, tourney.ErrConflict, "that is trial 12")

	c := d.create(func(s *tourney.Spec) { s.Seed = 2 })
	d.report("w", ended(d.claim("w", "c", d.queued(c.ID)[0])[0], tourney.OutcomeFailed, tourney.ReasonSpecInvalid))
	if _, err := d.Act(t.Context(), c.ID, tourney.ActionCancel); err != nil {
		t.Fatal(err)
	}
	refused(c.ID, 0, tourney.ErrConflict, "the sweep is cancelled")

	p := d.create(func(s *tourney.Spec) {
		s.EarlyTerminate = &tourney.EarlyTerminate{Type: "pbt", MaxIter: 8, Interval: 2, Population: 4}
		s.RunCap = 13
	})
	d.failing(p.ID, only(1))
	refused(p.ID, 1, tourney.ErrConflict, "population")
	d.verified()
}
