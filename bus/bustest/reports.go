package bustest

import (
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"

	"tourney"
)

func testClaims(t *testing.T, b Bus) {
	grant := func(worker string) tourney.ClaimReply {
		return tourney.ClaimReply{Grants: []tourney.Grant{{
			Job:   tourney.Job{JobID: tourney.JobID{Sweep: "s", Trial: 7, Rung: 1}, Trainer: "linear", Weight: 0.5},
			Token: tourney.Token{Epoch: worker, Sweep: "s", Trial: 7, Attempt: 2},
		}}}
	}
	sent := tourney.ClaimRequest{
		ID: "c1", Capacity: 1.5, Datasets: []string{"d"}, Running: []string{"k"},
		Jobs: []tourney.JobID{{Sweep: "s", Trial: 7, Rung: 1}},
	}
	const workers = 8
	var all sync.WaitGroup
	all.Add(workers)
	Serve(t, b, &Handler{OnClaim: func(_ context.Context, worker string, req tourney.ClaimRequest) tourney.ClaimReply {
		if !reflect.DeepEqual(req, sent) {
			t.Errorf("worker %s asked %+v, want %+v", worker, req, sent)
		}
		// Answered when all have asked: the handler is called for many at once.
		all.Done()
		all.Wait()
		return grant(worker)
	}})
	var done sync.WaitGroup
	for i := range workers {
		c := dial(t, b, workerName(i), tourney.DefaultPool)
		done.Go(func() {
			got, err := c.Claim(t.Context(), sent)
			if err != nil {
				t.Errorf("worker %d: %v", i, err)
			}
			if want := grant(workerName(i)); !reflect.DeepEqual(got, want) {
				t.Errorf("worker %d got %+v, want %+v", i, got, want)
			}
		})
	}
	done.Wait()
}

func testBeats(t *testing.T, b Bus) {
	tokens := []tourney.Token{{Epoch: "e", Sweep: "s", Trial: 1, Attempt: 1}, {Epoch: "e", Sweep: "s", Trial: 2, Attempt: 3}}
	sent := tourney.Beat{Slots: 4, Running: tokens[:1], Ended: tokens[1:]}
	reply := tourney.BeatReply{Stop: tokens[:1], Committed: tokens[1:]}
	Serve(t, b, &Handler{OnBeat: func(_ context.Context, worker string, beat tourney.Beat) tourney.BeatReply {
		if worker == "w" && reflect.DeepEqual(beat, sent) {
			return reply
		}
		return tourney.BeatReply{}
	}})
	got, err := dial(t, b, "w", tourney.DefaultPool).Beat(t.Context(), sent)
	must(t, err)
	if !reflect.DeepEqual(got, reply) {
		t.Errorf("worker w got %+v, want %+v", got, reply)
	}
	got, err = dial(t, b, "x", tourney.DefaultPool).Beat(t.Context(), sent)
	must(t, err)
	if !reflect.DeepEqual(got, tourney.BeatReply{}) {
		t.Errorf("worker x got %+v, which is another's answer", got)
	}
}

func testUnserved(t *testing.T, b Bus) {
	c := dial(t, b, "w", tourney.DefaultPool)
	_, err := c.Claim(t.Context(), tourney.ClaimRequest{ID: "c"})
	wantIs(t, "claim", err, tourney.ErrUnavailable)
	Serve(t, b, &Handler{OnClaim: func(_ context.Context, _ string, req tourney.ClaimRequest) tourney.ClaimReply {
		return tourney.ClaimReply{Error: "asked by " + req.ID}
	}})
	got, err := c.Claim(t.Context(), tourney.ClaimRequest{ID: "c"})
	must(t, err)
	if got.Error != "asked by c" {
		t.Errorf("got error %q, want the coordinator's", got.Error)
	}
}

func testReports(t *testing.T, b Bus) {
	const n = 40
	r := NewRecorder()
	refusals := 0
	var refused []tourney.Incoming
	r.Refuse = func(batch []tourney.Incoming) error {
		// What was refused comes again before anything else.
		for i := range min(len(refused), len(batch)) {
			if !reflect.DeepEqual(refused[i], batch[i]) {
				t.Errorf("after a refusal, report %d is of trial %d, want %d", i, Number(batch[i]), Number(refused[i]))
			}
		}
		refused = nil
		if refusals++; refusals%3 != 0 {
			refused = batch
			return errors.New("the disk is full")
		}
		return nil
	}
	Serve(t, b, &Handler{OnReports: r.Reports})
	c := dial(t, b, "w", tourney.DefaultPool)
	for i := range n {
		must(t, c.Report(t.Context(), Report(i)))
	}
	got := r.Wait(t, n)
	for i, in := range got {
		if want := (tourney.Incoming{Worker: "w", Report: Report(i)}); !reflect.DeepEqual(in, want) {
			t.Fatalf("report %d is %+v, want %+v", i, in, want)
		}
	}
	if len(got) != n {
		t.Errorf("%d reports were taken, want each of %d once", len(got), n)
	}
}

func testReportsWait(t *testing.T, b Bus) {
	c := dial(t, b, "w", tourney.DefaultPool)
	for i := range 3 {
		must(t, c.Report(t.Context(), Report(i)))
	}
	r := NewRecorder()
	Serve(t, b, &Handler{OnReports: r.Reports})
	wantNumbers(t, r.Wait(t, 3), 0, 1, 2)
}

func testReportsAgain(t *testing.T, b Bus) {
	c := dial(t, b, "w", tourney.DefaultPool)
	must(t, c.Report(t.Context(), Report(0)))
	asked := make(chan struct{})
	stop := Serve(t, b, &Handler{OnReports: func(ctx context.Context, _ []tourney.Incoming) error {
		close(asked)
		<-ctx.Done() // the coordinator goes down in the middle of it
		return ctx.Err()
	}})
	<-asked
	must(t, c.Report(t.Context(), Report(1)))
	stop()
	must(t, c.Report(t.Context(), Report(2)))
	r := NewRecorder()
	stop = Serve(t, b, &Handler{OnReports: r.Reports})
	wantNumbers(t, r.Wait(t, 3), 0, 1, 2)
	// What was taken does not come to a third.
	stop()
	third := NewRecorder()
	Serve(t, b, &Handler{OnReports: third.Reports})
	must(t, c.Report(t.Context(), Report(3)))
	wantNumbers(t, third.Wait(t, 1), 3)
}

func testLargeReport(t *testing.T, b Bus) {
	c := dial(t, b, "w", tourney.DefaultPool)
	large := Report(1)
	large.Entries[0].End = &tourney.End{Error: strings.Repeat("x", 1<<20)}
	wantIs(t, "report of 1 MiB", c.Report(t.Context(), large), tourney.ErrInvalid)
	// The connection has survived that.
	must(t, c.Report(t.Context(), Report(2)))
	r := NewRecorder()
	Serve(t, b, &Handler{OnReports: r.Reports})
	wantNumbers(t, r.Wait(t, 1), 2)
}

func testServeEnds(t *testing.T, b Bus) {
	c := dial(t, b, "w", tourney.DefaultPool)
	asked, finished := make(chan struct{}), false
	stop := Serve(t, b, &Handler{OnClaim: func(ctx context.Context, _ string, _ tourney.ClaimRequest) tourney.ClaimReply {
		close(asked)
		<-ctx.Done()
		finished = true // read after stop: a race if Serve did not wait
		return tourney.ClaimReply{Error: "the last word"}
	}})
	var answered sync.WaitGroup
	answered.Go(func() {
		for {
			got, err := c.Claim(t.Context(), tourney.ClaimRequest{})
			select {
			case <-asked:
			default:
				continue // nobody listened yet
			}
			if err != nil || got.Error != "the last word" {
				t.Errorf("the last claim was answered %+v, %v", got, err)
			}
			return
		}
	})
	<-asked
	stop()
	if !finished {
		t.Error("Serve returned before its handler did")
	}
	answered.Wait()
}

// wantNumbers fails unless these reports, by number, came in this order.
func wantNumbers(t *testing.T, got []tourney.Incoming, want ...int) {
	t.Helper()
	numbers := make([]int, len(got))
	for i, in := range got {
		numbers[i] = Number(in)
	}
	if !reflect.DeepEqual(numbers, want) {
		t.Errorf("reports came as %v, want %v", numbers, want)
	}
}
