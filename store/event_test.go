package store_test

import (
	"fmt"
	"slices"
	"testing"

	"tourney"
)

// fill commits changes of two sweeps in turn, some with hundreds of events, and
// returns the events as they were committed, by sweep.
func fill(t *testing.T, commit func(*tourney.Change) error) map[string][]tourney.Event {
	t.Helper()
	log := map[string][]tourney.Event{}
	trials := map[string]int{}
	for round, size := range []int{1, 2, 3, 700, 5, 1300, 4} {
		for _, sweep := range []string{"a", "b"} {
			c := &tourney.Change{Sweep: sweep}
			add := func(body tourney.EventBody) {
				c.Events = append(c.Events, tourney.Event{Sweep: sweep, Seq: int64(len(log[sweep]) + len(c.Events) + 1), Body: body})
			}
			if round%2 == 1 {
				add(tourney.Acted{Action: tourney.ActionPause}) // has a row of its own
			}
			for range size {
				n := trials[sweep]
				trials[sweep]++
				v := float64(n) / 8
				add(tourney.Proposed{Trial: n, Params: tourney.Params{"x": v, `"]},[`: `"]},["`}})
				add(tourney.Reported{Trial: n, End: tourney.End{Outcome: tourney.OutcomeDone, Step: 1, Value: &v, Error: `}]"],\`}})
				add(tourney.Ended{Trial: n, State: tourney.TrialCompleted})
			}
			must(t, commit(c))
			log[sweep] = append(log[sweep], c.Events...)
		}
	}
	return log
}

// However events share rows, they are read as they were committed, from
// anywhere, and a row is read for hundreds of them.
func TestEventsShareRows(t *testing.T) {
	s := start(t)
	must(t, s.Commit(t.Context(), newSweep(t, "a")))
	must(t, s.Commit(t.Context(), newSweep(t, "b")))
	log := fill(t, func(c *tourney.Change) error { return s.Commit(t.Context(), c) })
	var all []tourney.Event
	for _, events := range log {
		all = append(all, events...)
	}
	slices.SortFunc(all, func(a, b tourney.Event) int { return int(a.ID - b.ID) })
	compare := func(what string, got, want []tourney.Event, err error) {
		t.Helper()
		if err != nil || fmt.Sprintf("%+v", plainEvents(got)) != fmt.Sprintf("%+v", plainEvents(want)) {
			t.Fatalf("%s: %d events, %v; want %d", what, len(got), err, len(want))
		}
	}
	for i := range all {
		if all[i].ID != int64(i+1) {
			t.Fatalf("event %d of all has id %d", i+1, all[i].ID)
		}
	}
	for sweep, events := range log {
		for _, after := range []int{0, 1, 5, 6, 700, 701, 2107, len(events) - 1, len(events)} {
			for _, limit := range []int{1, 3, 1000, 10_000} {
				want := events[after:min(after+limit, len(events))]
				got, err := s.Events(t.Context(), sweep, int64(after), limit)
				compare(fmt.Sprintf("%s after %d, at most %d", sweep, after, limit), got, want, err)
			}
		}
	}
	for _, after := range []int{0, 1, 7, 8, 100, 1500, 2119, 2120, 2121, len(all) - 1, len(all)} {
		got, err := s.EventsAfter(t.Context(), "", int64(after), 50)
		compare(fmt.Sprintf("all after %d", after), got, all[after:min(after+50, len(all))], err)
		for sweep := range log {
			want := []tourney.Event{}
			for _, e := range all[after:] {
				if e.Sweep == sweep && len(want) < 50 {
					want = append(want, e)
				}
			}
			got, err := s.EventsAfter(t.Context(), sweep, int64(after), 50)
			compare(fmt.Sprintf("%s after id %d", sweep, after), got, want, err)
		}
	}
	var rows int
	must(t, s.ReadPool().Get(&rows, "SELECT count(*) FROM events"))
	if rows*50 > len(all) {
		t.Errorf("%d events take %d rows", len(all), rows)
	}
}

// plainEvents are events with their values instead of pointers to them.
func plainEvents(events []tourney.Event) []string {
	out := make([]string, len(events))
	for i, e := range events {
		text, _ := tourney.AppendEvent(nil, e.Body) // both sides are written alike
		out[i] = fmt.Sprint(e.ID, e.Sweep, e.Seq, e.At.UnixMicro(), e.Body.Kind(), string(text))
	}
	return out
}

// The curve of a sweep that is looked at now and again is that of one look.
func TestHistoryFollows(t *testing.T) {
	s, once := start(t), start(t)
	must(t, s.Commit(t.Context(), newSweep(t, "a")))
	must(t, s.Commit(t.Context(), newSweep(t, "b")))
	must(t, once.Commit(t.Context(), newSweep(t, "a")))
	must(t, once.Commit(t.Context(), newSweep(t, "b")))
	fill(t, func(c *tourney.Change) error {
		if _, err := s.History(t.Context(), c.Sweep, 10); err != nil {
			return err
		}
		return s.Commit(t.Context(), c)
	})
	fill(t, func(c *tourney.Change) error { return once.Commit(t.Context(), c) })
	for _, sweep := range []string{"a", "b"} {
		got, err := s.History(t.Context(), sweep, 1000)
		must(t, err)
		want, err := once.History(t.Context(), sweep, 1000)
		must(t, err)
		if len(got) != 1000 || len(want) != 1000 {
			t.Fatalf("sweep %s: %d and %d points", sweep, len(got), len(want))
		}
		for i := range got {
			got[i].At = want[i].At
			if got[i] != want[i] {
				t.Fatalf("sweep %s, point %d: %+v, want %+v", sweep, i, got[i], want[i])
			}
		}
	}
}

// A spec that was read before is the one that was written, whatever its first
// reader has made of his.
func TestSpecsAreRemembered(t *testing.T) {
	s := start(t)
	for _, id := range []string{"a", "b"} {
		c := newSweep(t, id)
		c.Create.Spec.Name = "sweep-" + id
		must(t, s.Commit(t.Context(), c))
	}
	for range 2 {
		for _, id := range []string{"a", "b"} {
			sweep, err := s.Sweep(t.Context(), id)
			must(t, err)
			if sweep.Spec.Name != "sweep-"+id {
				t.Errorf("sweep %s is named %q", id, sweep.Spec.Name)
			}
			sweep.Spec.Name = "changed"
		}
	}
}
