package api_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/api"
	"tourney/api/internal/apitest"
)

// message is one message of a stream.
type message struct{ id, event, data string }

// follow opens a stream; next returns its messages one by one and is false at
// its end.
func (r *rig) follow(ctx context.Context, path string, h header) (next func() (message, bool)) {
	r.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.http.URL+path, nil)
	if err != nil {
		r.Fatal(err)
	}
	for k, v := range h {
		req.Header.Set(k, v)
	}
	resp, err := r.client.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() { resp.Body.Close() })
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		r.Fatalf("%s: %s, %v", path, resp.Status, resp.Header)
	}
	lines := bufio.NewScanner(resp.Body)
	return func() (m message, ok bool) {
		for lines.Scan() {
			key, value, _ := strings.Cut(lines.Text(), ": ")
			switch key {
			case "id":
				m.id = value
			case "event":
				m.event = value
			case "data":
				m.data = value
			case "":
				if m != (message{}) {
					return m, true
				}
			}
		}
		return m, false
	}
}

func TestAStreamGivesEventsAsTheyAreCommitted(t *testing.T) {
	r := newRig(t)
	id := r.create().ID
	next := r.follow(t.Context(), "/api/v1/sweeps/"+id+"/events", nil)
	first, _ := next()
	if want := strconv.FormatInt(r.world.Events("")[1], 10); first != (message{id: want}) {
		t.Errorf("the stream starts with %+v, want the id %s of the newest event and nothing else", first, want)
	}
	value := 0.5
	bodies := []tourney.EventBody{
		tourney.Engine{Version: "1", Arch: "arm64"},
		tourney.Proposed{Trial: 1, Params: tourney.Params{"lr": 0.1, "n": nil}},
		tourney.Queued{Trial: 1, Rung: 0, For: tourney.JobRung, Budget: 9, Start: 0, Finish: 9},
		tourney.Reported{Trial: 1, End: tourney.End{Outcome: tourney.OutcomeDone, Step: 9, BestStep: 8, Value: &value, Metrics: tourney.Metrics{"logloss": 0.5}}},
		tourney.Reported{Trial: 2, End: tourney.End{Outcome: tourney.OutcomeFailed, Reason: tourney.ReasonOOM, Error: "two\nlines"}},
		tourney.Lost{Trial: 1, Attempt: 2, Outcome: tourney.OutcomeLost},
		tourney.Ended{Trial: 1, State: tourney.TrialCompleted},
		tourney.Acted{Action: tourney.ActionPause},
		tourney.Turned{State: tourney.SweepPaused, Reason: "asked"},
	}
	go r.world.Commit(id, bodies...)
	for i, body := range bodies {
		m, ok := next()
		r.checker.Schema("Event", []byte(m.data))
		if !ok || m.event != body.Kind() || m.id != strconv.FormatInt(r.world.Events(id)[2+i], 10) || !strings.Contains(m.data, fmt.Sprintf(`"seq":%d,`, 3+i)) {
			t.Errorf("message %d is %+v, want a %s", i, m, body.Kind())
		}
	}
}

func TestAStreamOfOneSweepHasNoOthers(t *testing.T) {
	r := newRig(t)
	one, two := r.create().ID, r.create().ID
	next := r.follow(t.Context(), "/api/v1/sweeps/"+one+"/events?after=0", nil)
	next()
	r.world.Commit(two, tourney.Acted{Action: tourney.ActionPause})
	r.world.Commit(one, tourney.Acted{Action: tourney.ActionCancel})
	var got []string
	for range 3 {
		m, _ := next()
		got = append(got, m.event)
		if !strings.Contains(m.data, `"sweep":"`+one+`"`) {
			t.Errorf("an event of another sweep: %s", m.data)
		}
	}
	if !slices.Equal(got, []string{"engine", "turned", "acted"}) {
		t.Errorf("events %q", got)
	}
}

// Last-Event-ID goes before after, after before the newest.
func TestWhereAStreamStarts(t *testing.T) {
	r := newRig(t)
	id := r.create(1, 2, 3).ID
	all := r.world.Events("")
	for _, path := range []string{"/api/v1/events", "/api/v1/sweeps/" + id + "/events"} {
		for _, tt := range []struct {
			query string
			h     header
			start int64
		}{
			{"", nil, all[len(all)-1]},
			{"?after=0", nil, 0},
			{"?after=" + fmt.Sprint(all[2]), nil, all[2]},
			{"?after=0", header{"Last-Event-ID": fmt.Sprint(all[4])}, all[4]},
		} {
			next := r.follow(t.Context(), path+tt.query, tt.h)
			if m, _ := next(); m.id != fmt.Sprint(tt.start) {
				t.Errorf("%s%s %v starts after %s, want %d", path, tt.query, tt.h, m.id, tt.start)
			}
			if i := slices.Index(all, tt.start); i+1 < len(all) {
				if m, _ := next(); m.id != fmt.Sprint(all[i+1]) {
					t.Errorf("%s%s %v goes on with %s, want %d", path, tt.query, tt.h, m.id, all[i+1])
				}
			}
		}
	}
	r.wrong(http.StatusBadRequest, "GET", "/api/v1/events", "", header{"Last-Event-ID": "abc"})
}

// The newest event is found in any log, also one that grew since the last time.
func TestTheNewestEventIsFound(t *testing.T) {
	r := newRig(t)
	start := func() string {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		m, _ := r.follow(ctx, "/api/v1/events", nil)()
		return m.id
	}
	if got := start(); got != "0" {
		t.Errorf("an empty log starts at %s", got)
	}
	id := r.create().ID
	for grow := range 12 {
		bodies := make([]tourney.EventBody, 1+grow*grow)
		for i := range bodies {
			bodies[i] = tourney.Acted{Action: tourney.ActionPause}
		}
		r.world.Commit(id, bodies...)
		all := r.world.Events("")
		if got, want := start(), fmt.Sprint(all[len(all)-1]); got != want {
			t.Fatalf("after %d events the stream starts at %s, want %s", len(all), got, want)
		}
	}
}

// Readers that come back at any moment, while others commit, see each event
// once and in order.
func TestNothingIsRepeatedOrLostAcrossReconnects(t *testing.T) {
	r := newRig(t)
	one, two := r.create().ID, r.create().ID
	const commits = 150
	var writers sync.WaitGroup
	for _, id := range []string{one, two} {
		writers.Go(func() {
			for i := range commits {
				r.world.Commit(id, tourney.Acted{Action: tourney.ActionPause}, tourney.Ended{Trial: i, State: tourney.TrialPruned})
			}
		})
	}
	var readers sync.WaitGroup
	for reader := range 4 {
		sweep, path := "", "/api/v1/events"
		if reader%2 == 1 {
			sweep, path = one, "/api/v1/sweeps/"+one+"/events"
		}
		readers.Go(func() {
			rng := rand.New(rand.NewPCG(1, uint64(reader)))
			want := 2 + 2*commits // events of one sweep
			if sweep == "" {
				want *= 2
			}
			var got []int64
			last := "0"
			for len(got) < want {
				ctx, cancel := context.WithCancel(t.Context())
				next := r.follow(ctx, path, header{"Last-Event-ID": last})
				for range 1 + rng.IntN(100) {
					m, ok := next()
					if !ok {
						t.Error("the stream ended")
						break
					}
					last = m.id
					if m.data != "" {
						id, err := strconv.ParseInt(m.id, 10, 64)
						if err != nil {
							t.Error(err)
						}
						got = append(got, id)
					}
					if len(got) == want {
						break
					}
				}
				cancel()
			}
			writers.Wait()
			if all := r.world.Events(sweep); !slices.Equal(got, all) {
				t.Errorf("%s: read %d events, there are %d; or in another order", path, len(got), len(all))
			}
		})
	}
	writers.Wait()
	readers.Wait()
}

func TestStreamsAreBounded(t *testing.T) {
	r := newRig(t, func(cfg *api.Config) { cfg.MaxStreams = 2 })
	ctx, cancel := context.WithCancel(t.Context())
	r.follow(ctx, "/api/v1/events", nil)()
	r.follow(t.Context(), "/api/v1/events", nil)()
	a := r.do(t.Context(), "GET", "/api/v1/events", "", nil)
	if a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" || a.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("a third stream: %s %v", a.Status, a.Header)
	}
	cancel()
	for { // until the server has seen that the reader left
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, r.http.URL+"/api/v1/events", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK {
			return
		}
	}
}

// A stream that has rested for longer than a reader may take is ended as
// cleanly as any.
func TestShutdownEndsStreams(t *testing.T) {
	bubble(t, func(b bubbled) {
		conn := b.dial()
		defer conn.Close()
		stream := b.ask(conn, "")
		defer stream.Close()
		down := make(chan error, 1)
		time.AfterFunc(14*time.Second, func() { down <- b.srv.Shutdown(context.Background()) })
		body, err := io.ReadAll(stream)
		if err != nil || !strings.HasSuffix(string(body), "\n\n") {
			b.Errorf("the stream ends with %q, %v", body, err)
		}
		if err := <-down; err != nil {
			b.Error(err)
		}
	})
}

func TestALongLogIsReadWithoutWaiting(t *testing.T) {
	bubble(t, func(b bubbled) {
		const n = 1000
		bodies := make([]tourney.EventBody, n)
		for i := range bodies {
			bodies[i] = tourney.Ended{Trial: i, State: tourney.TrialPruned}
		}
		b.world.Commit("s1", bodies...)
		conn := b.dial()
		defer conn.Close()
		start := time.Now()
		stream := b.ask(conn, "?after=0")
		defer stream.Close()
		lines := bufio.NewScanner(stream)
		for got := 0; got < 2+n; {
			if !lines.Scan() {
				b.Fatalf("the stream ended after %d events: %v", got, lines.Err())
			}
			if strings.HasPrefix(lines.Text(), "data: ") {
				got++
			}
		}
		if d := time.Since(start); d != 0 {
			b.Errorf("events that were there took %v", d)
		}
	})
}

// bubble serves a world over pipes, inside a synctest bubble, where an hour
// passes at once.
func bubble(t *testing.T, do func(bubbled), change ...func(*api.Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		world := apitest.NewWorld()
		if _, err := world.Table(t.Context(), tourney.DatasetRequest{Name: "telco", Target: "y"}, "y\n1\n"); err != nil {
			t.Fatal(err)
		}
		parsed, err := tourney.ParseSpec([]byte(spec), "")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := world.CreateSweep(t.Context(), parsed, ""); err != nil {
			t.Fatal(err)
		}
		cfg := api.Config{Service: world, Reader: world, Datasets: world, Blobs: world, Access: world, Logger: slog.New(slog.DiscardHandler)}
		for _, f := range change {
			f(&cfg)
		}
		s, err := api.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		listener := make(pipes)
		srv := api.NewHTTPServer(s)
		done := make(chan error, 1)
		go func() { done <- srv.Serve(listener) }()
		defer func() {
			if err := srv.Close(); err != nil {
				t.Error(err)
			}
			<-done
		}()
		do(bubbled{t, world, srv, listener})
	})
}

// bubbled is what a test has inside its bubble.
type bubbled struct {
	*testing.T
	world    *apitest.World
	srv      *http.Server
	listener pipes
}

func (b bubbled) dial() net.Conn {
	client, server := net.Pipe()
	b.listener <- server
	return client
}

// ask opens a stream over a connection and returns its body.
func (b bubbled) ask(conn net.Conn, query string) io.ReadCloser {
	b.Helper()
	fmt.Fprintf(conn, "GET /api/v1/events%s HTTP/1.1\r\nHost: localhost\r\n\r\n", query)
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		b.Fatal(err)
	}
	return resp.Body
}

// pipes is a listener of pipes.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}

func (p pipes) Close() error {
	select {
	case <-p:
	default:
		close(p)
	}
	return nil
}

func (p pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func TestAStreamPingsAndEndsAfterAnHour(t *testing.T) {
	bubble(t, func(b bubbled) {
		conn := b.dial()
		defer conn.Close()
		start := time.Now()
		stream := b.ask(conn, "")
		defer stream.Close()
		body, err := io.ReadAll(stream)
		if err != nil {
			b.Fatal(err)
		}
		// 240 quarters of a minute, of which the last may fall to the end.
		if n := strings.Count(string(body), "event: ping\ndata: {}\n\n"); n != 239 && n != 240 {
			b.Errorf("%d pings in an hour, want one each 15 s", n)
		}
		if d := time.Since(start); d != time.Hour {
			b.Errorf("the stream lasted %v", d)
		}
	})
}

func TestASlowReaderIsCutOff(t *testing.T) {
	bubble(t, func(b bubbled) {
		conn := b.dial()
		defer conn.Close()
		stream := b.ask(conn, "")
		defer stream.Close()
		body := bufio.NewReader(stream)
		long := tourney.Turned{State: tourney.SweepPaused, Reason: strings.Repeat("long ", 1<<12)}
		b.world.Commit("s1", long)
		time.Sleep(9 * time.Second) // a reader may take its time
		for line := ""; !strings.HasPrefix(line, "data: "); {
			var err error
			if line, err = body.ReadString('\n'); err != nil {
				b.Fatalf("a reader that paused for 9 s: %v", err)
			}
		}
		b.world.Commit("s1", long)
		time.Sleep(11 * time.Second) // but not longer than 10 s
		if _, err := io.Copy(io.Discard, body); err == nil {
			b.Error("a reader that paused for 11 s was not cut off")
		}
	})
}

// sly commits an event just after the stream has read the log.
type sly struct {
	*apitest.World
	once sync.Once
}

func (s *sly) EventsAfter(ctx context.Context, sweep string, after int64, limit int) ([]tourney.Event, error) {
	events, err := s.World.EventsAfter(ctx, sweep, after, limit)
	if len(events) == 0 && limit > 1 {
		s.once.Do(func() { s.Commit("s1", tourney.Acted{Action: tourney.ActionPause}) })
	}
	return events, err
}

func TestACommitBetweenReadingAndWaitingIsNotMissed(t *testing.T) {
	bubble(t, func(b bubbled) {
		conn := b.dial()
		defer conn.Close()
		stream := b.ask(conn, "")
		defer stream.Close()
		body, err := io.ReadAll(stream) // of an hour
		if err != nil {
			b.Fatal(err)
		}
		if !strings.Contains(string(body), "event: acted\n") {
			b.Error("the event was missed")
		}
	}, func(cfg *api.Config) { cfg.Reader = &sly{World: cfg.Reader.(*apitest.World)} })
}

func TestStreamsReadTheLogAtAPace(t *testing.T) {
	bubble(t, func(b bubbled) {
		conn := b.dial()
		defer conn.Close()
		stream := b.ask(conn, "")
		defer stream.Close()
		body := bufio.NewReader(stream)
		read := func(until string) {
			b.Helper()
			for {
				line, err := body.ReadString('\n')
				if err != nil {
					b.Fatal(err)
				}
				if strings.HasPrefix(line, until) {
					return
				}
			}
		}
		read("id: ")
		time.Sleep(time.Second)
		start := time.Now()
		b.world.Commit("s1", tourney.Acted{Action: tourney.ActionPause})
		read("data: ")
		if d := time.Since(start); d != 0 {
			b.Errorf("the first event after a rest came after %v, want at once", d)
		}
		b.world.Commit("s1", tourney.Acted{Action: tourney.ActionResume})
		read("data: ")
		if d := time.Since(start); d != 50*time.Millisecond {
			b.Errorf("the second came after %v, want at the pace of 50 ms", d)
		}
	})
}
