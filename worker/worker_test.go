package worker_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/dataset"
	"tourney/trainers"
	"tourney/worker"
)

// shop is a worker with everything around it.
type shop struct {
	*boss
	*shelf
	trainer *counter
	cancel  context.CancelFunc
	leave   context.CancelCauseFunc
	worker  *worker.Worker
	gone    chan error
}

// open starts a worker with four slots and a lease of 30 s.
func open(t *testing.T, data worker.Data, edit ...func(*boss)) *shop {
	t.Helper()
	s := &shop{boss: newBoss(), shelf: &shelf{}, trainer: &counter{}, gone: make(chan error, 1)}
	s.spoolDir = t.TempDir()
	for _, f := range edit {
		f(s.boss)
	}
	w := worker.New(worker.Config{
		SpoolDir: s.spoolDir, SpoolBytes: s.spoolBytes,
		Bus: s.boss, Blobs: s.shelf, Data: data, Slots: 4, Lease: 30 * time.Second, Log: slog.New(slog.DiscardHandler),
		Trainers: func(name string) (trainers.Family, bool) {
			return trainers.Family{Trainer: s.trainer, Open: openSteps, ReadModel: readSteps}, name == "counter"
		},
	})
	ctx, leave := context.WithCancelCause(t.Context())
	s.cancel, s.leave, s.worker = func() { leave(nil) }, leave, w
	go func() { s.gone <- w.Run(ctx) }()
	return s
}

// close tells the worker to leave and waits for it.
func (s *shop) close(t *testing.T) {
	t.Helper()
	s.cancel()
	if err := <-s.gone; err != nil {
		t.Errorf("run: %v", err)
	}
}

func job(trial, budget int) tourney.Job {
	return tourney.Job{
		JobID: tourney.JobID{Sweep: "s", Trial: trial}, Kind: tourney.JobRung, Trainer: "counter",
		Budget: budget, MaxBudget: budget, Weight: 1,
	}
}

// Jobs that share data and family train in one heat; one that comes later joins
// at the next pass.
func TestHeat(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, rows{})
		s.give(job(0, 5), 1)
		s.give(job(1, 5), 1)
		time.Sleep(2500 * time.Millisecond)
		s.give(job(2, 5), 1)
		time.Sleep(20 * time.Second)
		if got := s.ends(); len(got) != 3 {
			t.Fatalf("%d ends, want 3", len(got))
		}
		for _, e := range s.ends() {
			if e.End.Outcome != tourney.OutcomeDone || e.End.Step != 5 || e.Checkpoint == nil || e.Checkpoint.Step != 5 {
				t.Errorf("trial %d ended as %+v with checkpoint %+v", e.Token.Trial, *e.End, e.Checkpoint)
			}
		}
		s.close(t)
		if s.trainer.heats != 1 || s.trainer.most != 3 {
			t.Errorf("%d heats, at most %d trials together; want one of 3", s.trainer.heats, s.trainer.most)
		}
		if s.acked != 3 {
			t.Errorf("%d offers acknowledged, want 3", s.acked)
		}
	})
}

// A claim without an answer is asked again with the same id.
func TestClaimAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, rows{}, func(b *boss) { b.failing = 2 })
		s.give(job(0, 1), 1)
		time.Sleep(10 * time.Second)
		s.close(t)
		if len(s.claims) != 3 || s.claims[0] != s.claims[1] || s.claims[1] != s.claims[2] {
			t.Errorf("claims %v, want three with one id", s.claims)
		}
		if len(s.ends()) != 1 {
			t.Error("the job was not trained")
		}
	})
}

// An end goes out again until the coordinator says that it is committed.
func TestEndIsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, rows{}, func(b *boss) { b.confirm = false })
		token := s.give(job(0, 1), 1)
		time.Sleep(35 * time.Second)
		if n := len(s.ends()); n < 3 {
			t.Errorf("the end went out %d times in 35 seconds, want it every ten", n)
		}
		s.controls <- tourney.Control{Committed: []tourney.Token{token}}
		synctest.Wait()
		before := len(s.ends())
		time.Sleep(time.Minute)
		if n := len(s.ends()); n != before {
			t.Errorf("committed, it went out %d times more", n-before)
		}
		s.close(t)
	})
}

// An attempt that is no longer ours is left at the next step, without a word.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, rows{})
		token := s.give(job(0, 100), 1)
		other := s.give(job(1, 30), 1)
		time.Sleep(5500 * time.Millisecond)
		s.controls <- tourney.Control{Stop: []tourney.Token{token}}
		time.Sleep(time.Minute)
		ends := s.ends()
		if len(ends) != 1 || ends[0].Token != other {
			t.Errorf("ends %+v, want that of the other trial alone", ends)
		}
		s.close(t)
	})
}

// Told to leave, a worker saves each trial at its next step and gives it back.
func TestDrain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, rows{})
		s.give(job(0, 100), 1)
		time.Sleep(5500 * time.Millisecond)
		begin := time.Now()
		s.close(t)
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("leaving took %v", took)
		}
		ends := s.ends()
		if len(ends) != 1 || ends[0].End.Outcome != tourney.OutcomePreempted || ends[0].Checkpoint == nil {
			t.Fatalf("ends %+v, want one that is preempted, with a checkpoint", ends)
		}
		if c := ends[0].Checkpoint; c.Step != ends[0].End.Step || c.Step != 6 {
			t.Errorf("saved at step %d, gave back at %d, want 6", c.Step, ends[0].End.Step)
		}
	})
}

// From a checkpoint a trial goes on; without it, it starts over.
func TestResume(t *testing.T) {
	for _, lost := range []bool{false, true} {
		t.Run(fmt.Sprintf("lost %v", lost), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, rows{})
				// Two trials share the blob.
				blob := binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, 3), 7)
				hash, err := s.Put(t.Context(), blob)
				if err != nil {
					t.Fatal(err)
				}
				want := 2 * time.Second
				if lost {
					hash, want = "gone", 9*time.Second
				}
				j := job(0, 9)
				j.Checkpoint = &tourney.Checkpoint{Blob: hash, Offset: 8, Size: 8, Step: 7}
				begin := time.Now()
				s.give(j, 2)
				for len(s.ends()) == 0 {
					time.Sleep(100 * time.Millisecond)
				}
				if took := time.Since(begin); took < want || took > want+time.Second {
					t.Errorf("took %v, want about %v", took, want)
				}
				if e := s.ends()[0].End; e.Step != 9 {
					t.Errorf("ended at step %d", e.Step)
				}
				s.close(t)
			})
		})
	}
}

// Within a rung a trial is saved every ten seconds.
func TestCheckpoints(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, rows{})
		s.give(job(0, 35), 1)
		time.Sleep(40 * time.Second)
		var steps []int
		for _, e := range s.entries() {
			if e.Checkpoint != nil {
				steps = append(steps, e.Checkpoint.Step)
			}
		}
		if len(steps) != 4 || steps[3] != 35 {
			t.Errorf("checkpoints at %v, want three on the way and the end", steps)
		}
		s.close(t)
	})
}

// A trainer that breaks, data that cannot be had, a trainer that there is not:
// each fails the attempts it concerns with its reason, and the worker goes on.
func TestFailures(t *testing.T) {
	broken := job(0, 9)
	broken.Params = tourney.Params{"panic": int64(2)}
	unknown := job(0, 9)
	unknown.Trainer = "other"
	for _, tt := range []struct {
		name string
		job  tourney.Job
		data rows
		want tourney.Reason
	}{
		{"panic", broken, rows{}, tourney.ReasonUserError},
		{"unknown trainer", unknown, rows{}, tourney.ReasonSpecInvalid},
		{"corrupt data", job(0, 9), rows{fmt.Errorf("shard: %w", dataset.ErrCorrupt)}, tourney.ReasonDataCorrupt},
		{"no data", job(0, 9), rows{errors.New("connection refused")}, tourney.ReasonUserError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, tt.data)
				s.give(tt.job, 1)
				time.Sleep(5 * time.Second)
				ends := s.ends()
				if len(ends) != 1 || ends[0].End.Outcome != tourney.OutcomeFailed || ends[0].End.Reason != tt.want || ends[0].End.Error == "" {
					t.Fatalf("ends %+v, want one that failed with %s", ends, tt.want)
				}
				if tt.data.err == nil {
					s.give(job(1, 1), 1)
					time.Sleep(5 * time.Second)
					if n := len(s.ends()); n != 2 {
						t.Errorf("the worker does not go on")
					}
				}
				s.close(t)
			})
		})
	}
}

// Shut out by the bus, a worker ends and says so.
func TestShutOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, rows{})
		s.give(job(0, 100), 1)
		time.Sleep(5 * time.Second)
		close(s.controls)
		if err := <-s.gone; !errors.Is(err, tourney.ErrRefused) {
			t.Errorf("run: %v, want a refusal", err)
		}
	})
}

// Data that cannot be reached now is nobody's failure: the trial is given back.
func TestUnreachableData(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, rows{fmt.Errorf("fetch: %w", tourney.ErrUnavailable)})
		s.give(job(0, 9), 1)
		time.Sleep(5 * time.Second)
		if ends := s.ends(); len(ends) != 1 || ends[0].End.Outcome != tourney.OutcomePreempted {
			t.Errorf("ends %+v, want one that is given back", ends)
		}
		s.close(t)
	})
}

// A learning curve of any length is thinned to at most 512 points and the last.
func TestPointsAreThinned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, rows{})
		s.give(job(0, 3000), 1)
		time.Sleep(3010 * time.Second)
		points := 0
		last := 0
		for _, e := range s.entries() {
			points += len(e.Points)
			for _, p := range e.Points {
				last = p.Step
			}
		}
		if points > 513 || points < 256 || last != 3000 {
			t.Errorf("%d points, the last at step %d", points, last)
		}
		s.close(t)
	})
}
