package coordinator_test

import (
	"testing"

	"tourney"
)

// train is the program of a sweep here.
var train = &tourney.Command{Program: "train.py"}

// streamed is a sweep whose programs are stopped at 3 and 6 reports (min_iter 3,
// eta 2) when they are not among the better half; the budget is the planner's,
// 5, so that there is one band.
func streamed(s *tourney.Spec) {
	s.Dataset, s.Trainer, s.Command = "", "", train
	s.Metric = tourney.Metric{Name: "loss"}
	s.EarlyTerminate = &tourney.EarlyTerminate{Type: "hyperband", MinIter: 3, Eta: 2}
	s.RunCap, s.Parallelism = 4, 4
}

func (d *desk) claimCommands(worker, id string, req tourney.ClaimRequest) []tourney.Grant {
	d.t.Helper()
	req.ID, req.Capacity = id, 100
	reply := d.Claim(d.t.Context(), worker, req)
	if reply.Error != "" {
		d.t.Fatal(reply.Error)
	}
	return reply.Grants
}

var mayTrain = [][]string{{"/usr/bin/env", "python3", "train.py"}}

// A trial goes to workers that may run its program, and have the cards for it.
func TestCommandsGoToWhoMay(t *testing.T) {
	d := newDesk(t)
	id := d.create(func(s *tourney.Spec) {
		streamed(s)
		c := *train
		c.Resources.GPUs = 1
		s.Command = &c
	}).ID
	jobs := d.queued(id)
	if len(jobs) != 4 {
		t.Fatalf("%d jobs, want 4", len(jobs))
	}
	for _, req := range []tourney.ClaimRequest{
		{Jobs: jobs, GPUs: 4},
		{Jobs: jobs, GPUs: 4, Commands: [][]string{{"/bin/sh"}}},
		{Jobs: jobs, Commands: mayTrain},
	} {
		if got := d.claimCommands("w1", "c", req); len(got) != 0 {
			t.Errorf("%+v got %d jobs", req, len(got))
		}
	}
	got := d.claimCommands("w1", "c2", tourney.ClaimRequest{Jobs: jobs, GPUs: 2, Commands: mayTrain})
	if len(got) != 2 || got[0].Job.Command == nil || got[0].Job.Rungs[0] != 3 || !got[0].Job.Counted {
		t.Errorf("with two cards: %+v", got)
	}
}

func curve(g tourney.Grant, from, to int, loss float64) tourney.Entry {
	e := tourney.Entry{Token: g.Token, Rung: g.Job.Rung}
	for step := from; step <= to; step++ {
		e.Points = append(e.Points, tourney.Point{Step: step, Metrics: tourney.Metrics{"loss": loss}})
	}
	return e
}

// A run passes its rungs as it reports, with one token all the way. By W&B's
// rule the threshold is number ⌊n/eta⌋ of the n sorted losses at the band: of
// {1}, {1, 2}, {1, 2, 3} with eta 2 that is 1, 2 and 2, so that the third is
// above it and is stopped.
func TestRunsAreStoppedAtBands(t *testing.T) {
	d := newDesk(t)
	id := d.create(streamed).ID
	g := d.claimCommands("w1", "c", tourney.ClaimRequest{Jobs: d.queued(id), Commands: mayTrain})
	if len(g) != 4 {
		t.Fatalf("%d grants, want 4", len(g))
	}
	d.report("w1", curve(g[0], 1, 2, 1))
	if got := d.trial(id, 0); got.Rung != -1 {
		t.Errorf("after two reports trial 0 is at rung %d", got.Rung)
	}
	d.report("w1", curve(g[0], 3, 3, 1), curve(g[1], 1, 4, 2), curve(g[2], 1, 3, 3))
	for n, want := range []tourney.TrialState{tourney.TrialRunning, tourney.TrialRunning, tourney.TrialPruned, tourney.TrialRunning} {
		if got := d.trial(id, n); got.State != want {
			t.Errorf("trial %d is %s, want %s", n, got.State, want)
		}
	}
	if stop := d.Beat(t.Context(), "w1", tourney.Beat{Slots: 4, Running: []tourney.Token{g[0].Token, g[2].Token}}).Stop; len(stop) != 1 || stop[0] != g[2].Token {
		t.Errorf("to stop: %v, want trial 2 alone", stop)
	}
	d.verified()

	// A run that ends by itself before the band is completed and held against
	// nobody; the others end in the rung above.
	end := func(g tourney.Grant, step int, loss float64) tourney.Entry {
		return tourney.Entry{Token: g.Token, Rung: g.Job.Rung, End: &tourney.End{
			Outcome: tourney.OutcomeDone, Step: step, BestStep: step, Value: &loss, Last: &loss, Metrics: tourney.Metrics{"loss": loss}, Whole: true,
		}}
	}
	d.report("w1", end(g[3], 2, 9), end(g[0], 5, 0.5), end(g[1], 4, 0.25))
	for n, want := range []struct {
		state tourney.TrialState
		rung  int
		value float64
	}{{tourney.TrialCompleted, 1, 0.5}, {tourney.TrialCompleted, 1, 0.25}, {tourney.TrialPruned, 0, 3}, {tourney.TrialCompleted, 0, 9}} {
		if got := d.trial(id, n); got.State != want.state || got.Rung != want.rung || *got.Value != want.value {
			t.Errorf("trial %d is %s at rung %d with %v, want %+v", n, got.State, got.Rung, *got.Value, want)
		}
	}
	if s := d.sweep(id); s.State != tourney.SweepCompleted {
		t.Errorf("the sweep is %s (%s), want completed without a refit", s.State, s.Reason)
	}
	d.verified()
}

// What a program prints and leaves is kept within bounds, whoever sends it.
func TestLogsAndArtifacts(t *testing.T) {
	d := newDesk(t)
	id := d.create(streamed).ID
	g := d.claimCommands("w1", "c", tourney.ClaimRequest{Jobs: d.queued(id)[:1], Commands: mayTrain})
	sum := "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	e := tourney.Entry{Token: g[0].Token, Log: []tourney.LogChunk{{Offset: 0, Text: "one\n"}, {Offset: 9, Text: "\xff\n"}, {Offset: -1, Text: "x"}}, Artifacts: []tourney.Artifact{
		{Name: "a/b.txt", Size: 3, SHA256: sum}, {Name: "../x", SHA256: sum}, {Name: "/etc/x", SHA256: sum}, {Name: "c", SHA256: "no hash"}, {Name: "d", Size: -1, SHA256: sum},
	}}
	d.report("w1", e, e) // it may come twice
	page, err := d.db.Log(t.Context(), id, 0, 0, 2)
	if err != nil || page.Attempt != 1 || len(page.Items) != 2 || page.Items[0].Text != "e\n" || page.Items[0].Offset != 2 || page.Items[1].Text != "\uFFFD\n" || page.Next != 13 || page.Ended {
		t.Errorf("%+v, error %v", page, err)
	}
	files, err := d.db.Artifacts(t.Context(), id, 0)
	if err != nil || len(files) != 1 || files[0].Name != "a/b.txt" {
		t.Errorf("%+v, error %v", files, err)
	}
}
