package bustest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"tourney"
)

// Server is the coordinator's end, as package coordinator needs it.
type Server interface {
	Offer(ctx context.Context, pool, sweep string, offer tourney.Offer) error
	Control(ctx context.Context, worker string, c tourney.Control) error
	Serve(ctx context.Context, h tourney.Handler) error
	Created() bool
}

// Client is a worker's end, as package worker needs it.
type Client interface {
	Fetch(ctx context.Context, n int, wait time.Duration) ([]tourney.Offered, error)
	Claim(ctx context.Context, req tourney.ClaimRequest) (tourney.ClaimReply, error)
	Beat(ctx context.Context, beat tourney.Beat) (tourney.BeatReply, error)
	Report(ctx context.Context, r tourney.Report) error
	Control() <-chan tourney.Control
	Close() error
}

// Bus is a bus under test. It is new: nothing was ever sent on it.
type Bus struct {
	Server Server
	// Dial connects one more worker. The suite closes it.
	Dial func(t *testing.T, worker, pool string) Client
}

// patience is how long something that must happen may take. It is only ever
// waited for in a test that fails.
const patience = 20 * time.Second

// Run tests a bus; open makes a new one, and has it closed at the test's end.
func Run(t *testing.T, open func(t *testing.T) Bus) {
	for _, c := range []struct {
		claim string
		test  func(t *testing.T, b Bus)
	}{
		{"a new bus says that its offers are new", testCreated},
		{"an offer reaches one worker, whole", testOffer},
		{"an offer stays in its pool", testPools},
		{"no offer is no error", testNoOffer},
		{"fetch returns what is there", testFetchMany},
		{"what cannot be addressed is refused", testAddresses},
		{"a claim is answered to the worker that asked", testClaims},
		{"a beat is answered to the worker that asked", testBeats},
		{"without a coordinator a claim may be repeated", testUnserved},
		{"reports come in order until they are taken", testReports},
		{"reports wait for the coordinator", testReportsWait},
		{"reports that were not taken come to the next coordinator", testReportsAgain},
		{"too large a report is refused", testLargeReport},
		{"a control message reaches its worker alone", testControl},
		{"a closed client fails", testClosed},
		{"serving ends with its context, after its handlers", testServeEnds},
	} {
		t.Run(strings.ReplaceAll(c.claim, " ", "-"), func(t *testing.T) { c.test(t, open(t)) })
	}
}

// Handler is a coordinator in a test. A nil function answers with nothing.
type Handler struct {
	OnClaim   func(ctx context.Context, worker string, req tourney.ClaimRequest) tourney.ClaimReply
	OnBeat    func(ctx context.Context, worker string, beat tourney.Beat) tourney.BeatReply
	OnReports func(ctx context.Context, batch []tourney.Incoming) error
}

// Claim calls OnClaim.
func (h *Handler) Claim(ctx context.Context, worker string, req tourney.ClaimRequest) tourney.ClaimReply {
	if h.OnClaim == nil {
		return tourney.ClaimReply{}
	}
	return h.OnClaim(ctx, worker, req)
}

// Beat calls OnBeat.
func (h *Handler) Beat(ctx context.Context, worker string, beat tourney.Beat) tourney.BeatReply {
	if h.OnBeat == nil {
		return tourney.BeatReply{}
	}
	return h.OnBeat(ctx, worker, beat)
}

// Reports calls OnReports.
func (h *Handler) Reports(ctx context.Context, batch []tourney.Incoming) error {
	if h.OnReports == nil {
		return nil
	}
	return h.OnReports(ctx, batch)
}

// Serve runs the server until the returned function is called, at the latest
// at the test's end. It returns once the server answers.
func Serve(t *testing.T, b Bus, h tourney.Handler) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- b.Server.Serve(ctx, h) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Serve returned %v after its context was cancelled, want nil", err)
		}
	})
	t.Cleanup(stop)
	probe := b.Dial(t, "probe", tourney.DefaultPool)
	defer closeClient(t, probe)
	Eventually(t, "the server answers", func() bool {
		_, err := probe.Beat(t.Context(), tourney.Beat{})
		return err == nil
	})
	return stop
}

// Eventually calls until it returns true.
func Eventually(t *testing.T, what string, until func() bool) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !until() {
		if time.Now().After(deadline) {
			t.Fatalf("in %s it did not come true that %s", patience, what)
		}
	}
}

// Recorder is an OnReports that keeps what it takes. Refuse, if it is set, is
// asked about each batch first.
type Recorder struct {
	Refuse func(batch []tourney.Incoming) error

	mu    sync.Mutex
	taken []tourney.Incoming
	more  chan struct{}
}

// NewRecorder returns a Recorder that takes everything.
func NewRecorder() *Recorder { return &Recorder{more: make(chan struct{}, 1)} }

// Reports takes a batch.
func (r *Recorder) Reports(_ context.Context, batch []tourney.Incoming) error {
	if r.Refuse != nil {
		if err := r.Refuse(batch); err != nil {
			return err
		}
	}
	r.mu.Lock()
	r.taken = append(r.taken, batch...)
	r.mu.Unlock()
	select {
	case r.more <- struct{}{}:
	default:
	}
	return nil
}

// Wait returns the reports taken, in order, once they are at least n. A report
// that was taken twice is there twice.
func (r *Recorder) Wait(t *testing.T, n int) []tourney.Incoming {
	t.Helper()
	timeout := time.After(patience)
	for {
		r.mu.Lock()
		taken := append([]tourney.Incoming(nil), r.taken...)
		r.mu.Unlock()
		if len(taken) >= n {
			return taken
		}
		select {
		case <-r.more:
		case <-timeout:
			t.Fatalf("%d reports were taken in %s, want %d", len(taken), patience, n)
		}
	}
}

// Report returns a report that can be told by its number.
func Report(number int) tourney.Report {
	return tourney.Report{Entries: []tourney.Entry{{
		Token:  tourney.Token{Epoch: "e", Sweep: "s", Trial: number, Attempt: 1},
		Points: []tourney.Point{{Step: 1, Metrics: tourney.Metrics{"accuracy": 0.5}}},
	}}}
}

// Number is the reverse of Report.
func Number(in tourney.Incoming) int { return in.Report.Entries[0].Token.Trial }

// Offer returns an offer of one job that can be told by its trial.
func Offer(trial int) tourney.Offer {
	return tourney.Offer{Jobs: []tourney.JobID{{Sweep: "s", Trial: trial}}}
}

// FetchOne fetches until there is an offer, and returns it.
func FetchOne(t *testing.T, c Client) tourney.Offered {
	t.Helper()
	var got []tourney.Offered
	Eventually(t, "an offer arrives", func() bool {
		var err error
		got, err = c.Fetch(t.Context(), 1, time.Second)
		return err == nil && len(got) > 0
	})
	return got[0]
}

func closeClient(t *testing.T, c Client) {
	t.Helper()
	if err := c.Close(); err != nil {
		t.Errorf("close client: %v", err)
	}
}

// dial connects a worker until the test ends.
func dial(t *testing.T, b Bus, worker, pool string) Client {
	t.Helper()
	c := b.Dial(t, worker, pool)
	t.Cleanup(func() { closeClient(t, c) })
	return c
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantIs fails unless err is the sentinel.
func wantIs(t *testing.T, what string, err, sentinel error) {
	t.Helper()
	if !errors.Is(err, sentinel) {
		t.Errorf("%s: error %v, want one that is %q", what, err, sentinel)
	}
}

func workerName(i int) string { return fmt.Sprintf("w-%d", i) }
