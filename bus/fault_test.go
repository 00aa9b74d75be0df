package bus_test

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"os"
	"reflect"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats-server/v2/server/ats"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tourney"
	"tourney/bus"
	"tourney/bus/bustest"
)

const inProcess = ""

// inBubble runs a test with a clock of its own, which jumps when all wait. The
// NATS server's global ticker has to run outside, and the client's global pool
// of timers must not carry one in or out: two collections empty it.
func inBubble(t *testing.T, test func(t *testing.T)) {
	ats.Register()
	defer ats.Unregister()
	empty := func() { runtime.GC(); runtime.GC() }
	empty()
	defer empty()
	synctest.Test(t, test)
}

func TestOfferComesAgainWhenNotAcknowledged(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, inProcess)
		one, two := w.client(t, "one"), w.client(t, "two")
		must(t, w.server.Offer(t.Context(), tourney.DefaultPool, "s", bustest.Offer(5)))
		bustest.FetchOne(t, one)
		if got, err := two.Fetch(t.Context(), 1, 29*time.Second); err != nil || len(got) > 0 {
			t.Fatalf("within 29 s the offer came to a second worker: %v, %v", got, err)
		}
		got, err := two.Fetch(t.Context(), 1, 5*time.Second)
		must(t, err)
		if len(got) != 1 || got[0].Jobs[0].Trial != 5 {
			t.Fatalf("after 30 s got %v, want the offer again", got)
		}
		must(t, got[0].Ack())
		if got, err := one.Fetch(t.Context(), 1, 5*time.Minute); err != nil || len(got) > 0 {
			t.Errorf("the acknowledged offer came again: %v, %v", got, err)
		}
	})
}

func TestOfferNobodyTakesExpires(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, inProcess)
		must(t, w.server.Offer(t.Context(), tourney.DefaultPool, "s", bustest.Offer(5)))
		time.Sleep(11 * time.Minute) // of the bubble's clock
		c := w.client(t, "w")
		if got, err := c.Fetch(t.Context(), 1, time.Second); err != nil || len(got) > 0 {
			t.Errorf("after 11 minutes got %v, %v, want nothing", got, err)
		}
	})
}

func TestFetchEndsWithItsContext(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		c := newWorld(t, inProcess).client(t, "w")
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(7*time.Second, cancel)
		began := time.Now()
		_, err := c.Fetch(ctx, 1, time.Hour)
		if !errors.Is(err, context.Canceled) || time.Since(began) != 7*time.Second {
			t.Errorf("Fetch ended after %s with %v, want 7s and %v", time.Since(began), err, context.Canceled)
		}
	})
}

func TestRequestHasADeadlineOfItsOwn(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		w := newWorld(t, inProcess)
		// Somebody listens and does not answer.
		_, err := w.nc.Subscribe("tourney.claim.w", func(*nats.Msg) {})
		must(t, err)
		must(t, w.nc.Flush())
		began := time.Now()
		_, err = w.client(t, "w").Claim(context.Background(), tourney.ClaimRequest{})
		if !errors.Is(err, tourney.ErrUnavailable) || time.Since(began) != 5*time.Second {
			t.Errorf("Claim ended after %s with %v, want 5s and %q", time.Since(began), err, tourney.ErrUnavailable)
		}
	})
}

func TestReportNotUnderstoodBlocksNothing(t *testing.T) {
	w := newWorld(t, inProcess)
	nc := w.raw(t, "w")
	for _, body := range []string{"hello", "", `{"entries":7}`, `{"entries":[]}`, `{"jobs":[{"sweep":"s"}]}`} {
		_, err := nc.Request("tourney.reports.w", []byte(body), 10*time.Second) // the stream's answer
		must(t, err)
	}
	must(t, w.client(t, "w2").Report(t.Context(), bustest.Report(1)))
	r := bustest.NewRecorder()
	bustest.Serve(t, w.bus(), &bustest.Handler{OnReports: r.Reports})
	if got := r.Wait(t, 1); len(got) != 1 || got[0].Worker != "w2" {
		t.Errorf("got %+v, want the one report of w2", got)
	}
	if got := w.server.Stats().Undecodable; got != 5 {
		t.Errorf("%d reports were counted, want 5", got)
	}
	wantEmpty(t, w, "REPORTS")
}

// wantEmpty fails unless a stream becomes empty.
func wantEmpty(t *testing.T, w *world, stream string) {
	t.Helper()
	js, err := jetstream.New(w.nc)
	must(t, err)
	bustest.Eventually(t, stream+" is empty", func() bool {
		s, err := js.Stream(t.Context(), stream)
		return err == nil && s.CachedInfo().State.Msgs == 0
	})
}

// TestReportLostOnItsWay has somebody take a report out of the recorder's
// hands: the recorder sees the gap and no report overtakes another.
func TestReportLostOnItsWay(t *testing.T) {
	w := newWorld(t, inProcess)
	r := bustest.NewRecorder()
	asked, release := make(chan struct{}), make(chan struct{})
	var calls atomic.Int64
	bustest.Serve(t, w.bus(), &bustest.Handler{OnReports: func(ctx context.Context, batch []tourney.Incoming) error {
		if calls.Add(1) == 1 {
			close(asked)
			<-release
		}
		return r.Reports(ctx, batch)
	}})
	c := w.client(t, "w")
	must(t, c.Report(t.Context(), bustest.Report(0)))
	<-asked
	for i := 1; i <= 3; i++ {
		must(t, c.Report(t.Context(), bustest.Report(i)))
	}
	js, err := jetstream.New(w.nc)
	must(t, err)
	cons, err := js.Consumer(t.Context(), "REPORTS", "recorder")
	must(t, err)
	stolen, err := cons.Fetch(1)
	must(t, err)
	if msg := <-stolen.Messages(); msg == nil || !strings.Contains(string(msg.Data()), `"trial":1`) {
		t.Fatalf("stole %v, want report 1", msg)
	}
	close(release)
	var order []int
	for _, in := range r.Wait(t, 4) {
		order = append(order, bustest.Number(in))
	}
	if want := []int{0, 1, 2, 3}; !reflect.DeepEqual(order, want) {
		t.Errorf("reports came as %v, want %v", order, want)
	}
	if w.server.Stats().Resets == 0 {
		t.Error("the lost report was not noticed")
	}
}

func TestWipedStoreIsCreatedAnew(t *testing.T) {
	w := newWorld(t, inProcess)
	must(t, w.server.Offer(t.Context(), tourney.DefaultPool, "s", bustest.Offer(1)))
	w.stop()
	w.start(t, inProcess)
	if w.server.Created() {
		t.Error("Created() = true after a start on what was there")
	}
	if got := bustest.FetchOne(t, w.client(t, "w")); got.Jobs[0].Trial != 1 {
		t.Errorf("got trial %d, want the offer of before", got.Jobs[0].Trial)
	}
	w.stop()
	must(t, os.RemoveAll(w.dir))
	w.start(t, inProcess)
	if !w.server.Created() {
		t.Error("Created() = false after the store was wiped")
	}
}

// TestStreamsLostUnderTheServer deletes everything while all run.
func TestStreamsLostUnderTheServer(t *testing.T) {
	w := newWorld(t, inProcess)
	w.stop()
	w.start(t, inProcess) // on old streams
	r := bustest.NewRecorder()
	bustest.Serve(t, w.bus(), &bustest.Handler{OnReports: r.Reports})
	c := w.client(t, "w")
	must(t, w.server.Offer(t.Context(), tourney.DefaultPool, "s", bustest.Offer(1)))
	must(t, bustest.FetchOne(t, c).Ack())

	js, err := jetstream.New(w.nc)
	must(t, err)
	must(t, js.DeleteStream(t.Context(), "OFFERS"))
	must(t, js.DeleteStream(t.Context(), "REPORTS"))
	if _, err := c.Fetch(t.Context(), 1, time.Second); !errors.Is(err, tourney.ErrUnavailable) {
		t.Errorf("Fetch without a stream: %v, want %q", err, tourney.ErrUnavailable)
	}
	must(t, w.server.Offer(t.Context(), tourney.DefaultPool, "s", bustest.Offer(2)))
	if !w.server.Created() {
		t.Error("Created() = false after the stream was lost")
	}
	if got := bustest.FetchOne(t, c); got.Jobs[0].Trial != 2 {
		t.Errorf("got trial %d, want 2", got.Jobs[0].Trial)
	}
	bustest.Eventually(t, "the stream takes the report", func() bool {
		return c.Report(t.Context(), bustest.Report(7)) == nil
	})
	if got := r.Wait(t, 1); bustest.Number(got[0]) != 7 {
		t.Errorf("got report %d, want 7", bustest.Number(got[0]))
	}
}

// TestServerRestart takes the server away from under a worker that waits for
// an offer and brings it back: the worker needs no new credential.
func TestServerRestart(t *testing.T) {
	w := newWorld(t, "127.0.0.1:0")
	c := w.client(t, "w")
	address, err := url.Parse(w.natsd.URL())
	must(t, err)
	waiting := make(chan error, 1)
	go func() {
		_, err := c.Fetch(t.Context(), 1, time.Hour)
		waiting <- err
	}()
	js, err := jetstream.New(w.nc)
	must(t, err)
	bustest.Eventually(t, "the worker waits", func() bool {
		cons, err := js.Consumer(t.Context(), "OFFERS", "workers-default")
		return err == nil && cons.CachedInfo().NumWaiting == 1
	})
	w.stop()
	if err := <-waiting; !errors.Is(err, tourney.ErrUnavailable) {
		t.Errorf("Fetch ended with %v when the server did, want %q", err, tourney.ErrUnavailable)
	}
	for what, call := range map[string]func() error{
		"Report": func() error { return c.Report(t.Context(), bustest.Report(1)) },
		"Beat":   func() error { _, err := c.Beat(t.Context(), tourney.Beat{}); return err },
	} {
		if err := call(); !errors.Is(err, tourney.ErrUnavailable) {
			t.Errorf("%s without a server: %v, want %q", what, err, tourney.ErrUnavailable)
		}
	}
	w.start(t, address.Host)
	must(t, w.server.Offer(t.Context(), tourney.DefaultPool, "s", bustest.Offer(3)))
	if got := bustest.FetchOne(t, c); got.Jobs[0].Trial != 3 {
		t.Errorf("got trial %d, want 3", got.Jobs[0].Trial)
	}
}

// TestCoordinatorReconnects cuts the coordinator's connection while it serves.
func TestCoordinatorReconnects(t *testing.T) {
	w := newWorld(t, inProcess)
	r := bustest.NewRecorder()
	bustest.Serve(t, w.bus(), &bustest.Handler{OnReports: r.Reports})
	c := w.client(t, "w")
	must(t, c.Report(t.Context(), bustest.Report(0)))
	r.Wait(t, 1)
	must(t, w.nc.ForceReconnect())
	must(t, c.Report(t.Context(), bustest.Report(1)))
	got := r.Wait(t, 2)
	if bustest.Number(got[len(got)-1]) != 1 {
		t.Errorf("got %v last, want report 1", got[len(got)-1])
	}
	bustest.Eventually(t, "beats are answered again", func() bool {
		_, err := c.Beat(t.Context(), tourney.Beat{})
		return err == nil
	})
}

func TestServeEndsWhenItsConnectionIsClosed(t *testing.T) {
	w := newWorld(t, inProcess)
	done := make(chan error, 1)
	go func() { done <- w.server.Serve(context.Background(), &bustest.Handler{}) }()
	probe := w.client(t, "probe")
	bustest.Eventually(t, "the server answers", func() bool {
		_, err := probe.Beat(t.Context(), tourney.Beat{})
		return err == nil
	})
	w.nc.Close()
	if err := <-done; !errors.Is(err, tourney.ErrUnavailable) {
		t.Errorf("Serve returned %v, want %q", err, tourney.ErrUnavailable)
	}
	if err := w.server.Serve(context.Background(), &bustest.Handler{}); !errors.Is(err, tourney.ErrUnavailable) {
		t.Errorf("Serve on a closed connection returned %v, want %q", err, tourney.ErrUnavailable)
	}
}

func TestWorkerThatIsShutOut(t *testing.T) {
	w := newWorld(t, "127.0.0.1:0")
	c := w.client(t, "w")
	must(t, w.natsd.Revoke("w"))
	if _, open := <-c.Control(); open {
		t.Error("a control message came instead of the end")
	}
	_, err := c.Fetch(t.Context(), 1, time.Second)
	if !errors.Is(err, tourney.ErrRefused) || !strings.Contains(err.Error(), "enrol again") {
		t.Errorf("Fetch failed with %v, want %q and what to do", err, tourney.ErrRefused)
	}
	if err := c.Report(t.Context(), bustest.Report(1)); !errors.Is(err, tourney.ErrRefused) {
		t.Errorf("Report failed with %v, want %q", err, tourney.ErrRefused)
	}
	if _, err := c.Beat(t.Context(), tourney.Beat{}); !errors.Is(err, tourney.ErrRefused) {
		t.Errorf("Beat failed with %v, want %q", err, tourney.ErrRefused)
	}
}

func TestDialRefusals(t *testing.T) {
	w := newWorld(t, "127.0.0.1:0")
	good := w.enrol(t, "w", tourney.DefaultPool)
	for _, c := range []struct {
		name   string
		change func(e *tourney.Enrolment)
		want   error
	}{
		{"wrong password", func(e *tourney.Enrolment) { e.Password += "x" }, tourney.ErrRefused},
		{"no user", func(e *tourney.Enrolment) { e.User = "" }, tourney.ErrRefused},
		{"wildcard id", func(e *tourney.Enrolment) { e.Worker = "*" }, tourney.ErrInvalid},
		{"wildcard pool", func(e *tourney.Enrolment) { e.Pool = ">" }, tourney.ErrInvalid},
		{"no URL", func(e *tourney.Enrolment) { e.NATS = "" }, tourney.ErrInvalid},
		{"nobody listens", func(e *tourney.Enrolment) { e.NATS = "nats://127.0.0.1:1" }, tourney.ErrUnavailable},
		{"another's inbox", func(e *tourney.Enrolment) { e.Inbox = bus.Inbox("x") }, tourney.ErrInvalid},
	} {
		e := good
		c.change(&e)
		if _, err := bus.Dial(t.Context(), e); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
}

// TestExternalServer uses a NATS server that is not ours by its URL, whose
// credential coordinator and workers share.
func TestExternalServer(t *testing.T) {
	ns, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
		JetStream: true, StoreDir: t.TempDir(), JetStreamMaxStore: 64 << 20, JetStreamMaxMemory: 1 << 20,
		Username: "shared", Password: "secret",
	})
	must(t, err)
	ns.Start()
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	if !ns.ReadyForConnections(20 * time.Second) {
		t.Fatal("the server does not start")
	}
	log := slog.New(slog.DiscardHandler)
	address := strings.TrimPrefix(ns.ClientURL(), "nats://")
	if _, err := bus.Connect("nats://shared:wrong@"+address, log); !errors.Is(err, tourney.ErrRefused) {
		t.Errorf("connect with a wrong password: %v, want %q", err, tourney.ErrRefused)
	}
	if _, err := bus.Connect("nats://127.0.0.1:1", log); !errors.Is(err, tourney.ErrUnavailable) {
		t.Errorf("connect where nobody listens: %v, want %q", err, tourney.ErrUnavailable)
	}
	shared := "nats://shared:secret@" + address
	nc, err := bus.Connect(shared, log)
	must(t, err)
	defer nc.Close()
	s, err := bus.NewServer(t.Context(), nc, log)
	must(t, err)
	b := bustest.Bus{Server: s, Dial: func(t *testing.T, worker, pool string) bustest.Client {
		c, err := bus.Dial(t.Context(), tourney.Enrolment{Worker: worker, NATS: shared, Inbox: bus.Inbox(worker), Pool: pool})
		must(t, err)
		return c
	}}
	r := bustest.NewRecorder()
	defer bustest.Serve(t, b, &bustest.Handler{OnReports: r.Reports})()
	c := b.Dial(t, "w", tourney.DefaultPool)
	defer c.Close()
	must(t, s.Offer(t.Context(), tourney.DefaultPool, "s", bustest.Offer(4)))
	if got := bustest.FetchOne(t, c); got.Jobs[0].Trial != 4 {
		t.Errorf("got trial %d, want 4", got.Jobs[0].Trial)
	}
	must(t, c.Report(t.Context(), bustest.Report(4)))
	if got := r.Wait(t, 1); got[0].Worker != "w" {
		t.Errorf("the report is of %q, want w", got[0].Worker)
	}
}
