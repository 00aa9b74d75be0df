package coordinator_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"

	"tourney"
	"tourney/coordinator"
	"tourney/store"
)

// The spans of a trial hang together: each has its parent among the spans of the
// trial, and there is one of each claim, job and fold.
func TestTrialsAreTraced(t *testing.T) {
	db, err := store.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := db.SaveDataset(t.Context(), table); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var spans []tourney.Span
	d := &desk{t: t, db: db, bus: &queue{}, done: make(chan error, 1)}
	d.Coordinator = coordinator.New(coordinator.Config{
		Store: db, Bus: d.bus, Trainers: planner{}, Gate: gate{}, Version: "test", Log: slog.New(slog.DiscardHandler),
		Trace: func(s tourney.Span) {
			mu.Lock()
			defer mu.Unlock()
			spans = append(spans, s)
		},
	})
	ctx, cancel := context.WithCancel(context.Background())
	d.cancel = cancel
	go func() { d.done <- d.Run(ctx) }()
	t.Cleanup(d.close)
	for d.Healthy(ctx) != nil {
		select {
		case err := <-d.done:
			t.Fatal(err)
		default:
		}
	}
	s := d.create(nil)
	d.finish(s.ID)
	d.close()

	kinds := map[tourney.SpanKind]int{}
	byTrace := map[string]map[string]tourney.Span{}
	for _, span := range spans {
		kinds[span.Kind]++
		trace := byTrace[span.TraceID()]
		if trace == nil {
			trace = map[string]tourney.Span{}
			byTrace[span.TraceID()] = trace
		}
		if other, twice := trace[span.ID()]; twice {
			t.Errorf("two spans have one id: %+v and %+v", span, other)
		}
		trace[span.ID()] = span
	}
	// 12 trials of a rung each, and the winner's final job.
	if kinds[tourney.SpanTrial] != 12 || kinds[tourney.SpanJob] != 13 || kinds[tourney.SpanClaim] != 13 || kinds[tourney.SpanFold] != 13 {
		t.Errorf("spans: %v", kinds)
	}
	if len(byTrace) != 12 {
		t.Errorf("%d traces", len(byTrace))
	}
	for _, trace := range byTrace {
		for _, span := range trace {
			if _, ok := trace[span.ParentID()]; !ok && span.Kind != tourney.SpanTrial {
				t.Errorf("the parent of %+v is not there", span)
			}
			if span.End.Before(span.Start) || span.Start.IsZero() {
				t.Errorf("%+v lasts from %v to %v", span, span.Start, span.End)
			}
		}
	}
}
