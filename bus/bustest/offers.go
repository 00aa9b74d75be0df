package bustest

import (
	"reflect"
	"testing"
	"time"

	"tourney"
)

func testCreated(t *testing.T, b Bus) {
	if !b.Server.Created() {
		t.Error("Created() = false on a new bus")
	}
}

func testOffer(t *testing.T, b Bus) {
	one, two := dial(t, b, "one", tourney.DefaultPool), dial(t, b, "two", tourney.DefaultPool)
	sent := tourney.Offer{Jobs: []tourney.JobID{{Sweep: "s-1", Trial: 3, Rung: 2}, {Sweep: "s-1", Trial: 4}}}
	must(t, b.Server.Offer(t.Context(), tourney.DefaultPool, "s-1", sent))
	got := FetchOne(t, one)
	if !reflect.DeepEqual(got.Offer, sent) {
		t.Errorf("got offer %+v, want %+v", got.Offer, sent)
	}
	// Not acknowledged yet, but with one worker is with no other.
	for name, c := range map[string]Client{"one": one, "two": two} {
		if more, err := c.Fetch(t.Context(), 10, time.Millisecond); err != nil || len(more) > 0 {
			t.Errorf("worker %s then fetched %v, %v, want nothing", name, more, err)
		}
	}
	must(t, got.Ack())
	// The next fetch comes after the acknowledgement: only the new offer is there.
	must(t, b.Server.Offer(t.Context(), tourney.DefaultPool, "s-1", Offer(9)))
	if next := FetchOne(t, one); !reflect.DeepEqual(next.Offer, Offer(9)) {
		t.Errorf("after the acknowledgement got %+v, want %+v", next.Offer, Offer(9))
	}
}

func testPools(t *testing.T, b Bus) {
	must(t, b.Server.Offer(t.Context(), "gpu", "s", Offer(1)))
	must(t, b.Server.Offer(t.Context(), "cpu", "s", Offer(2)))
	cpu, gpu := dial(t, b, "c", "cpu"), dial(t, b, "g", "gpu")
	for _, c := range []struct {
		pool   string
		client Client
		want   int
	}{{"cpu", cpu, 2}, {"gpu", gpu, 1}} {
		if got := FetchOne(t, c.client); got.Jobs[0].Trial != c.want {
			t.Errorf("pool %s got trial %d, want %d", c.pool, got.Jobs[0].Trial, c.want)
		}
	}
}

func testNoOffer(t *testing.T, b Bus) {
	c := dial(t, b, "w", tourney.DefaultPool)
	for _, wait := range []time.Duration{0, time.Millisecond} {
		if got, err := c.Fetch(t.Context(), 4, wait); err != nil || len(got) > 0 {
			t.Errorf("Fetch with wait %s = %v, %v, want nothing", wait, got, err)
		}
	}
}

func testFetchMany(t *testing.T, b Bus) {
	c := dial(t, b, "w", tourney.DefaultPool)
	for trial := range 5 {
		must(t, b.Server.Offer(t.Context(), tourney.DefaultPool, "s", Offer(trial)))
	}
	first, err := c.Fetch(t.Context(), 3, patience)
	must(t, err)
	// Two are left, and asking for more must not wait for more.
	second, err := c.Fetch(t.Context(), 100, patience)
	must(t, err)
	if len(first) != 3 || len(second) != 2 {
		t.Fatalf("fetched %d and %d offers, want 3 and 2", len(first), len(second))
	}
	for i, o := range append(first, second...) {
		if o.Jobs[0].Trial != i {
			t.Errorf("offer %d is of trial %d", i, o.Jobs[0].Trial)
		}
		must(t, o.Ack())
	}
}

func testAddresses(t *testing.T, b Bus) {
	for _, bad := range []string{"", "*", ">", "a.b", "a b", "a\r\nb", "ä"} {
		wantIs(t, "offer to pool "+bad, b.Server.Offer(t.Context(), bad, "s", Offer(1)), tourney.ErrInvalid)
		wantIs(t, "offer of sweep "+bad, b.Server.Offer(t.Context(), tourney.DefaultPool, bad, Offer(1)), tourney.ErrInvalid)
		wantIs(t, "control of worker "+bad, b.Server.Control(t.Context(), bad, tourney.Control{}), tourney.ErrInvalid)
	}
}

func testControl(t *testing.T, b Bus) {
	one, two := dial(t, b, "one", tourney.DefaultPool), dial(t, b, "two", tourney.DefaultPool)
	token := func(trial int) []tourney.Token {
		return []tourney.Token{{Epoch: "e", Sweep: "s", Trial: trial, Attempt: 1}}
	}
	sent := tourney.Control{Stop: token(1), Committed: token(2)}
	must(t, b.Server.Control(t.Context(), "one", sent))
	last := tourney.Control{Drain: tourney.DrainFinish, Why: "asked"}
	must(t, b.Server.Control(t.Context(), "two", last))
	receive := func(c Client) tourney.Control {
		select {
		case got := <-c.Control():
			return got
		case <-time.After(patience):
			t.Fatal("no control message came")
			panic("unreachable")
		}
	}
	if got := receive(one); !reflect.DeepEqual(got, sent) {
		t.Errorf("worker one got %+v, want %+v", got, sent)
	}
	// The first message to two is the second sent: what was for one is not for two.
	if got := receive(two); !reflect.DeepEqual(got, last) {
		t.Errorf("worker two got %+v, want %+v", got, last)
	}
}

func testClosed(t *testing.T, b Bus) {
	c := b.Dial(t, "w", tourney.DefaultPool)
	must(t, c.Close())
	if _, open := <-c.Control(); open {
		t.Error("Control's channel is open after Close")
	}
	_, err := c.Fetch(t.Context(), 1, patience)
	wantIs(t, "Fetch after Close", err, tourney.ErrUnavailable)
	_, err = c.Claim(t.Context(), tourney.ClaimRequest{})
	wantIs(t, "Claim after Close", err, tourney.ErrUnavailable)
	_, err = c.Beat(t.Context(), tourney.Beat{})
	wantIs(t, "Beat after Close", err, tourney.ErrUnavailable)
	wantIs(t, "Report after Close", c.Report(t.Context(), Report(1)), tourney.ErrUnavailable)
}
