package coordinator_test

import (
	"testing"

	"tourney"
)

// relay has w claim with ends.
func (d *desk) relay(w, claim string, room float64, again bool, ends ...tourney.Entry) tourney.ClaimReply {
	d.t.Helper()
	reply := d.Claim(d.t.Context(), w, tourney.ClaimRequest{ID: claim, Capacity: room, Ends: ends, Again: again})
	if reply.Error != "" {
		d.t.Fatal(reply.Error)
	}
	return reply
}

// enrolled is a worker of four slots that may have what is on nobody's list.
func (d *desk) enrolled() string {
	d.t.Helper()
	e, err := d.Enrol(d.t.Context(), tourney.EnrolRequest{Host: "h", Slots: 4, Version: "test"})
	if err != nil {
		d.t.Fatal(err)
	}
	return e.Worker
}

// An end that comes with a claim is committed with what takes its place.
func TestRelay(t *testing.T) {
	d := newDesk(t)
	w := d.enrolled()
	s := d.create(func(spec *tourney.Spec) { spec.Order = tourney.OrderArrival })
	first := d.claim(w, "c1", d.queued(s.ID)...)
	reply := d.relay(w, "c2", 2, false, done(first[0]), done(first[1]))
	if len(reply.Grants) != 2 || reply.Grants[0].Token.Attempt != 1 || reply.Grants[0].Job.Trial == first[0].Job.Trial {
		t.Fatalf("granted %+v, want two other trials", reply.Grants)
	}
	for _, g := range first[:2] {
		if got := d.trial(s.ID, g.Job.Trial); got.State != tourney.TrialCompleted || got.Value == nil || *got.Value != value(&g.Job) {
			t.Errorf("trial %d is %s with %v", g.Job.Trial, got.State, got.Value)
		}
	}
	for _, g := range reply.Grants {
		if got := d.trial(s.ID, g.Job.Trial); got.State != tourney.TrialRunning || got.Attempts != 1 {
			t.Errorf("trial %d is %s after %d attempts", g.Job.Trial, got.State, got.Attempts)
		}
	}
	d.sound()
}

// The same claim again gets the same, and changes nothing; what another worker
// says of an attempt is void.
func TestRelayAgain(t *testing.T) {
	d := newDesk(t)
	w := d.enrolled()
	s := d.create(func(spec *tourney.Spec) { spec.Order = tourney.OrderArrival })
	first := d.claim(w, "c1", d.queued(s.ID)...)
	end := done(first[0])
	reply := d.relay(w, "c2", 1, false, end)
	*end.End.Value = -1
	again := d.relay(w, "c2", 1, true, end)
	if len(again.Grants) != 1 || again.Grants[0].Token != reply.Grants[0].Token {
		t.Errorf("again it got %+v, first %+v", again, reply)
	}
	if got := d.trial(s.ID, first[0].Job.Trial); *got.Value != value(&first[0].Job) {
		t.Errorf("the value is %v", *got.Value)
	}
	d.relay("w-thief", "c3", 0, false, done(first[1]))
	if got := d.trial(s.ID, first[1].Job.Trial); got.State != tourney.TrialRunning {
		t.Errorf("after another worker's word the trial is %s", got.State)
	}
	d.sound()
}

// A claim with ends gets no more than there is room for, and than the worker's
// share of the slots: the rest is for others. One that leaves gets nothing.
func TestRelayLeavesSome(t *testing.T) {
	d := newDesk(t)
	w, other := d.enrolled(), d.enrolled()
	s := d.create(func(spec *tourney.Spec) { spec.Order, spec.RunCap = tourney.OrderArrival, 40 })
	first := d.claim(w, "c1", d.queued(s.ID)...) // all four: two more than its share
	if got := d.relay(w, "c2", 4, false, done(first[0])).Grants; len(got) != 0 {
		t.Errorf("with three of four it is granted %d", len(got))
	}
	if got := d.relay(w, "c3", 4, false, done(first[1]), done(first[2])).Grants; len(got) != 1 {
		t.Errorf("with one of four it is granted %d, want one, up to its half", len(got))
	}
	taken := d.claim(other, "c4", d.queued(s.ID)...)
	if len(taken) != 2 {
		t.Fatalf("the other is granted %d, want the two that are left", len(taken))
	}
	if got := d.relay(other, "c5", 0, false, done(taken[0])).Grants; len(got) != 0 {
		t.Errorf("without room it is granted %d", len(got))
	}
	if _, err := d.Drain(t.Context(), other, ""); err != nil {
		t.Fatal(err)
	}
	if got := d.relay(other, "c6", 4, false, done(taken[1])).Grants; len(got) != 0 {
		t.Errorf("while it leaves it is granted %d", len(got))
	}
	d.sound()
}

// While another sweep of the pool has jobs that wait, nothing takes the place of
// what has ended: what there is room for is divided by claims.
func TestRelayIsFair(t *testing.T) {
	d := newDesk(t)
	w := d.enrolled()
	arrival := func(spec *tourney.Spec) { spec.Order, spec.RunCap = tourney.OrderArrival, 40 }
	s := d.create(arrival)
	first := d.claim(w, "c1", d.queued(s.ID)...)
	other := d.create(arrival)
	if got := d.relay(w, "c2", 1, false, done(first[0])).Grants; len(got) != 0 {
		t.Errorf("while another sweep waits it is granted %+v", got)
	}
	if got := d.claim(w, "c3", d.queued(other.ID)...); len(got) != 4 {
		t.Fatalf("of the other sweep it is granted %d", len(got))
	}
	d.claim(w, "c4", d.queued(s.ID)...)
	if got := d.relay(w, "c5", 1, false, done(first[1])).Grants; len(got) != 1 {
		t.Errorf("when none waits any more it is granted %d, want 1", len(got))
	}
	d.sound()
}

// sound fails the test if the database holds what must never be in it.
func (d *desk) sound() {
	d.t.Helper()
	violations, err := d.db.Check(d.t.Context())
	if err != nil || len(violations) > 0 {
		d.t.Errorf("the database holds %v, %v", violations, err)
	}
}
