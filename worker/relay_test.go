package worker_test

import (
	"context"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/dataset"
	"tourney/trainers"
	"tourney/worker"
)

// instant ends every trial at once.
type instant struct{}

func (instant) Name() string { return "instant" }

func (instant) Train(ctx context.Context, _ *dataset.Data, _ *trainers.Pool, feed trainers.Feed) error {
	for {
		tasks, ok := feed.Next(ctx, false)
		if !ok {
			return nil
		}
		for _, t := range tasks {
			v := 1.0
			t.End(tourney.End{Outcome: tourney.OutcomeDone, Step: 1, BestStep: 1, Value: &v}, nil)
		}
	}
}

// openInstant starts a worker whose trials end at once.
func openInstant(t *testing.T, edit func(*boss)) *shop {
	t.Helper()
	s := &shop{boss: newBoss(), shelf: &shelf{}, gone: make(chan error, 1)}
	edit(s.boss)
	w := worker.New(worker.Config{
		SpoolDir: t.TempDir(), Bus: s.boss, Blobs: s.shelf, Data: rows{}, Slots: 4, Lease: 30 * time.Second, Log: slog.New(slog.DiscardHandler),
		Trainers: func(string) (trainers.Family, bool) { return trainers.Family{Trainer: instant{}}, true },
	})
	ctx, leave := context.WithCancelCause(t.Context())
	s.cancel, s.worker = func() { leave(nil) }, w
	go func() { s.gone <- w.Run(ctx) }()
	return s
}

func grantOf(trial int) tourney.Grant {
	return tourney.Grant{Job: job(trial, 1), Token: tourney.Token{Epoch: "e", Sweep: "s", Trial: trial, Attempt: 1}}
}

// Trials that end at once are told with a claim, and others come in their place
// without an offer.
func TestRelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openInstant(t, func(b *boss) { b.next = []tourney.Grant{grantOf(1), grantOf(2)} })
		s.give(job(0, 1), 1)
		time.Sleep(5 * time.Second)
		s.close(t)
		ends := s.ends()
		if len(ends) != 3 || s.brief != 3 {
			t.Fatalf("%d ends, %d of them with a claim; want 3", len(ends), s.brief)
		}
		for i, e := range ends {
			if e.Token.Trial != i {
				t.Errorf("end %d is of trial %d", i, e.Token.Trial)
			}
		}
		if s.acked != 1 {
			t.Errorf("%d offers were acknowledged, want the first alone", s.acked)
		}
	})
}

// A claim with ends that is not answered is asked again with the same id, until
// it is; then the ends have gone out once more, and nothing is lost.
func TestRelayWithoutAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := openInstant(t, func(b *boss) { b.next = []tourney.Grant{grantOf(1)} })
		s.give(job(0, 1), 1)
		s.boss.mu.Lock()
		s.mute = 3
		s.boss.mu.Unlock()
		time.Sleep(30 * time.Second)
		s.close(t)
		if len(s.claims) != 6 { // of the offer, four of the first end, one of the second
			t.Fatalf("claims %v, want six", s.claims)
		}
		for _, id := range s.claims[2:5] {
			if id != s.claims[1] {
				t.Errorf("claims %v, want the second to the fifth with one id", s.claims)
			}
		}
		if s.claims[5] == s.claims[1] {
			t.Error("an answered claim's id is used again")
		}
		if s.again != 3 {
			t.Errorf("%d claims said that the answer may be lost, want 3", s.again)
		}
	})
}
