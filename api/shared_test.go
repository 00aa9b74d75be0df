package api_test

import (
	"bytes"
	"context"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"

	"tourney"
	"tourney/api"
	"tourney/api/internal/apitest"
)

// countingReader counts how often a board is read, and may be held.
type countingReader struct {
	api.Reader
	boards atomic.Int64
	hold   chan struct{} // nil: it is not held
}

func (c *countingReader) Leaderboard(ctx context.Context, sweep string, page tourney.Page) ([]tourney.Trial, string, error) {
	c.boards.Add(1)
	if c.hold != nil {
		<-c.hold
	}
	return c.Reader.Leaderboard(ctx, sweep, page)
}

func newCounting(t *testing.T) (*rig, *countingReader) {
	reader := &countingReader{}
	r := newRig(t, func(cfg *api.Config) {
		reader.Reader = cfg.Reader
		cfg.Reader = reader
	})
	return r, reader
}

// A board is read once for all who look at it until something is committed; then
// nobody sees the old one any more.
func TestABoardIsReadOnceBetweenCommits(t *testing.T) {
	r, reader := newCounting(t)
	id := r.create(make([]float64, 50)...).ID
	path := "/api/v1/sweeps/" + id + "/leaderboard"
	first := r.get(path, nil)
	for range 5 {
		again := r.get(path, nil)
		if !bytes.Equal(again.body, first.body) || again.Header.Get("Content-Type") != first.Header.Get("Content-Type") {
			t.Errorf("answered otherwise: %v", again.Header)
		}
		if id := again.Header.Get("X-Request-Id"); id == "" || id == first.Header.Get("X-Request-Id") || len(again.Header.Values("X-Request-Id")) != 1 {
			t.Errorf("the id of the request is %q", again.Header.Values("X-Request-Id"))
		}
	}
	if n := reader.boards.Load(); n != 1 {
		t.Errorf("the board was read %d times", n)
	}
	r.get(path+"?limit=3", nil)
	if n := reader.boards.Load(); n != 2 {
		t.Errorf("another page: read %d times", n)
	}
	for i := range 20 { // each commit shows at once
		r.world.Try(id, float64(i))
		var board struct{ Items []tourney.Trial }
		if r.get(path, &board); len(board.Items) != 51+i {
			t.Fatalf("%d trials after a commit, want %d", len(board.Items), 51+i)
		}
	}
	// What fails is answered to each by itself.
	for range 2 {
		if p := r.wrong(http.StatusNotFound, "GET", "/api/v1/sweeps/snone/leaderboard", "", nil); p.Detail == "" {
			t.Error("no detail")
		}
	}
	r.wrong(400, "GET", path+"?cursor=zzz", "", nil)
}

// Those who ask while a board is being read wait for that reading, and those
// who ask after a commit for another.
func TestWhoAsksAfterACommitWaitsForAnotherReading(t *testing.T) {
	r, reader := newCounting(t)
	id := r.create(1).ID
	path := "/api/v1/sweeps/" + id + "/leaderboard"
	reader.hold = make(chan struct{})
	var wg sync.WaitGroup
	ask := func(want int64) {
		wg.Go(func() {
			if a := r.do(apitest.Wrong(t.Context()), "GET", path, "", nil); a.StatusCode != http.StatusOK {
				t.Errorf("%s %s", a.Status, a.body)
			}
		})
		for reader.boards.Load() < want {
			runtime.Gosched()
		}
	}
	ask(1)
	for range 8 {
		ask(1)
	}
	r.world.Try(id, 2)
	ask(2)
	close(reader.hold)
	wg.Wait()
	if n := reader.boards.Load(); n != 2 {
		t.Errorf("the board was read %d times, want once before the commit and once after", n)
	}
}
