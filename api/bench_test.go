package api_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"tourney"
	"tourney/api"
	"tourney/api/internal/apitest"
)

// A board that nobody has changed since it was last read, and one that was.
func BenchmarkBoard(b *testing.B) {
	for _, changed := range []bool{false, true} {
		b.Run(fmt.Sprintf("changed=%v", changed), func(b *testing.B) {
			s, world := played(b, 20)
			w := &sink{header: http.Header{}}
			req := httptest.NewRequest(http.MethodGet, "/api/v1/sweeps/s1/leaderboard?limit=20", http.NoBody)
			req.Host = "localhost"
			b.ReportAllocs()
			for b.Loop() {
				if changed {
					b.StopTimer()
					world.Commit("s1", tourney.Acted{Action: tourney.ActionPause})
					b.StartTimer()
				}
				clear(w.header)
				s.ServeHTTP(w, req)
			}
			if w.status != http.StatusOK || w.bytes < b.N*1000 {
				b.Fatalf("status %d, %d bytes in all", w.status, w.bytes)
			}
		})
	}
}

// played is a server over a world with a sweep of n trials.
func played(b *testing.B, n int) (*api.Server, *apitest.World) {
	b.Helper()
	world := apitest.NewWorld()
	if _, err := world.Table(b.Context(), tourney.DatasetRequest{Name: "telco", Target: "y"}, "x,y\n1,0\n2,1\n"); err != nil {
		b.Fatal(err)
	}
	parsed, err := tourney.ParseSpec([]byte(spec), "")
	if err != nil {
		b.Fatal(err)
	}
	sweep, err := world.CreateSweep(b.Context(), parsed, "")
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		world.Try(sweep.ID, float64(i))
	}
	s, err := api.New(api.Config{
		Service: world, Reader: world, Datasets: world, Blobs: world, Access: world, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(s.Close)
	return s, world
}

// sink is an answer that nobody keeps.
type sink struct {
	header        http.Header
	status, bytes int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(p []byte) (int, error) { s.bytes += len(p); return len(p), nil }
