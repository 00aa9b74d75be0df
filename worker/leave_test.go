package worker_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/worker"
)

// On notice each trial is saved at its next step and given back, within ten
// seconds, with the reason; nothing is claimed any more.
func TestNotice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, rows{})
		s.give(job(0, 100), 1)
		s.give(job(1, 100), 1)
		time.Sleep(5500 * time.Millisecond)
		begin := time.Now()
		s.leave(worker.Notice{Leave: tourney.LeavePreempted, Why: "aws terminates it"})
		synctest.Wait()
		s.give(job(2, 100), 1)
		if err := <-s.gone; err != nil || time.Since(begin) > 2*time.Second {
			t.Errorf("it left after %v with %v", time.Since(begin), err)
		}
		ends := s.ends()
		if len(ends) != 2 {
			t.Fatalf("%d ends, want 2", len(ends))
		}
		for _, e := range ends {
			if e.End.Outcome != tourney.OutcomePreempted || e.Checkpoint == nil || e.Checkpoint.Step != 6 || e.Checkpoint.Sum == "" {
				t.Errorf("end %+v with %+v", *e.End, e.Checkpoint)
			}
		}
		last := s.lastWord()
		if !last.Gone || last.Leaving != tourney.LeavePreempted || last.Why != "aws terminates it" {
			t.Errorf("its last word is %+v", last)
		}
		if len(s.claims) != 1 {
			t.Errorf("%d claims, want that of before", len(s.claims))
		}
	})
}

// The budget holds whatever takes long: a step that does not come, a checkpoint
// that cannot be put. The trial is given back as it was saved last.
func TestNoticeWithoutTime(t *testing.T) {
	for _, tt := range []struct {
		name string
		step time.Duration
		slow time.Duration
	}{
		{"a step of a minute", time.Minute, 0},
		{"an upload of a minute", time.Second, time.Minute},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, rows{})
				s.trainer.step, s.slow = tt.step, tt.slow
				j := job(0, 100)
				hash, err := (&shelf{}).Put(t.Context(), make([]byte, 8))
				if err != nil {
					t.Fatal(err)
				}
				s.blobs = map[string][]byte{hash: make([]byte, 8)}
				j.Checkpoint = &tourney.Checkpoint{Blob: hash, Size: 8, Step: 3}
				s.give(j, 2)
				time.Sleep(1500 * time.Millisecond)
				begin := time.Now()
				s.leave(worker.Notice{Leave: tourney.LeavePreempted})
				if err := <-s.gone; err != nil || time.Since(begin) > 10*time.Second {
					t.Errorf("it left after %v with %v", time.Since(begin), err)
				}
				ends := s.ends()
				if len(ends) != 1 || ends[0].End.Outcome != tourney.OutcomePreempted || ends[0].Checkpoint != nil {
					t.Errorf("ends %+v, want one that is given back as it was", ends)
				}
			})
		})
	}
}

// A model that cannot be put in time is not reported as done, for then it would
// be lost: the final job goes to another.
func TestNoticeBeforeTheModelIsPut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, finalRows{})
		s.slow = time.Hour
		j := job(0, 2)
		j.Kind = tourney.JobFinal
		s.give(j, 1)
		time.Sleep(5 * time.Second)
		s.leave(worker.Notice{Leave: tourney.LeavePreempted})
		if err := <-s.gone; err != nil {
			t.Fatal(err)
		}
		if ends := s.ends(); len(ends) != 1 || ends[0].End.Outcome != tourney.OutcomePreempted {
			t.Errorf("ends %+v, want one that is given back", ends)
		}
	})
}

// Asked to finish, a worker claims nothing more and leaves when its jobs have
// ended; hurried, it gives them back.
func TestDrainFinishes(t *testing.T) {
	for _, hurried := range []bool{false, true} {
		t.Run(fmt.Sprintf("hurried %v", hurried), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, rows{})
				s.give(job(0, 60), 1)
				time.Sleep(5500 * time.Millisecond)
				s.controls <- tourney.Control{Drain: tourney.DrainFinish, Why: "asked"}
				synctest.Wait()
				s.give(job(1, 60), 1)
				time.Sleep(10 * time.Second)
				if w := s.lastWord(); w.Leaving != tourney.LeaveDrained || w.Gone || len(w.Running) != 1 {
					t.Errorf("it says %+v", w)
				}
				want := tourney.OutcomeDone
				if hurried {
					s.boss.mu.Lock()
					s.drain, want = tourney.DrainRelease, tourney.OutcomePreempted
					s.boss.mu.Unlock()
				}
				if err := <-s.gone; err != nil {
					t.Fatal(err)
				}
				if ends := s.ends(); len(ends) != 1 || ends[0].End.Outcome != want {
					t.Errorf("ends %+v, want one that is %s", ends, want)
				}
				if w := s.lastWord(); !w.Gone || w.Leaving != tourney.LeaveDrained {
					t.Errorf("its last word is %+v", w)
				}
			})
		})
	}
}

// Warned, a worker saves everything at once and finishes what it has.
func TestWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, rows{})
		s.give(job(0, 9), 1)
		time.Sleep(2500 * time.Millisecond)
		s.worker.Warn("aws recommends to rebalance")
		if err := <-s.gone; err != nil {
			t.Fatal(err)
		}
		var steps []int
		for _, e := range s.entries() {
			if e.Checkpoint != nil {
				steps = append(steps, e.Checkpoint.Step)
			}
		}
		if fmt.Sprint(steps) != "[3 9]" {
			t.Errorf("saved at %v, want at once and at the end", steps)
		}
		if ends := s.ends(); len(ends) != 1 || ends[0].End.Outcome != tourney.OutcomeDone {
			t.Errorf("ends %+v", ends)
		}
		if w := s.lastWord(); w.Leaving != tourney.LeaveRebalance {
			t.Errorf("its last word is %+v", w)
		}
	})
}

// away has the coordinator not answer for a while.
func (s *shop) away(down bool) {
	s.boss.mu.Lock()
	s.boss.down = down
	s.boss.mu.Unlock()
	s.shelf.mu.Lock()
	defer s.shelf.mu.Unlock()
	s.shelf.down = nil
	if down {
		s.shelf.down = fmt.Errorf("put: %w", tourney.ErrUnavailable)
	}
}

// While the coordinator is away trials go on, and what they come to is reported
// whole when it is back, with its checkpoint.
func TestTheCoordinatorIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, rows{})
		s.give(job(0, 300), 1)
		s.give(job(1, 3000), 1)
		time.Sleep(2500 * time.Millisecond)
		s.away(true)
		time.Sleep(10 * time.Minute)
		if n := len(s.ends()); n != 0 {
			t.Fatalf("%d ends while it is away", n)
		}
		s.away(false)
		time.Sleep(time.Minute)
		ends := s.ends()
		if len(ends) != 1 || ends[0].End.Outcome != tourney.OutcomeDone || ends[0].Checkpoint == nil || ends[0].Checkpoint.Step != 300 {
			t.Fatalf("ends %+v, want that of the trial that has ended, with its checkpoint", ends)
		}
		seen := map[int]int{}
		for _, e := range s.entries() {
			for _, p := range e.Points {
				if e.Token.Trial == 0 {
					seen[p.Step]++
				}
			}
		}
		for step := 1; step <= 300; step++ {
			if seen[step] != 1 {
				t.Fatalf("step %d was reported %d times", step, seen[step])
			}
		}
		s.close(t)
	})
}

// What waits on disk is bounded, and checked when it is read again: without it
// the end counts all the same, and goes without a checkpoint.
func TestTheSpoolLosesACheckpoint(t *testing.T) {
	for _, damaged := range []bool{false, true} {
		t.Run(fmt.Sprintf("damaged %v", damaged), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, rows{}, func(b *boss) {
					if !damaged {
						b.spoolBytes = 7 // a state has eight
					}
				})
				s.give(job(0, 5), 1)
				time.Sleep(1500 * time.Millisecond)
				s.away(true)
				time.Sleep(time.Minute)
				files, err := filepath.Glob(filepath.Join(s.spoolDir, "*", "*"))
				if err != nil || (len(files) == 1) != damaged {
					t.Errorf("%q wait on disk", files)
				}
				for _, f := range files {
					if err := os.Truncate(f, 5); err != nil {
						t.Fatal(err)
					}
				}
				s.away(false)
				time.Sleep(time.Minute)
				if ends := s.ends(); len(ends) != 1 || ends[0].End.Outcome != tourney.OutcomeDone || ends[0].Checkpoint != nil {
					t.Errorf("ends %+v, want one that is done, without a checkpoint", ends)
				}
				s.close(t)
				if left, err := os.ReadDir(s.spoolDir); err != nil || len(left) != 0 {
					t.Errorf("it leaves %v, %v", left, err)
				}
			})
		})
	}
}

// Cut off for longer than a quarter of an hour, a worker gives its trials up:
// they are another's by now.
func TestFence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, rows{})
		s.give(job(0, 5000), 1)
		time.Sleep(2500 * time.Millisecond)
		s.away(true)
		time.Sleep(14 * time.Minute)
		s.boss.mu.Lock()
		before := s.trainer.heats
		s.boss.mu.Unlock()
		time.Sleep(2 * time.Minute)
		s.away(false)
		s.give(job(1, 1), 1)
		time.Sleep(time.Minute)
		if ends := s.ends(); len(ends) != 1 || ends[0].Token.Trial != 1 || before != 1 {
			t.Errorf("ends %+v, want that of the trial that came afterwards alone", ends)
		}
		for _, e := range s.entries() {
			for _, p := range e.Points {
				if p.Step > 1000 {
					t.Fatalf("it was trained on to step %d", p.Step)
				}
			}
		}
		s.close(t)
	})
}

// A disk that is full is no trial's fault: what cannot be loaded is given back,
// and nothing is claimed for a while, longer each time.
func TestDiskFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, rows{fmt.Errorf("cache shard: %w", syscall.ENOSPC)})
		for i := range 20 {
			s.give(job(i, 5), 1)
		}
		time.Sleep(5 * time.Minute)
		ends := s.ends()
		if len(ends) == 0 || len(ends) > 20 {
			t.Errorf("%d ends", len(ends))
		}
		for _, e := range ends {
			if e.End.Outcome != tourney.OutcomePreempted {
				t.Errorf("it ended as %+v", *e.End)
			}
		}
		if n := len(s.claims); n > 9 { // after 2, 4, 8, 16, 32, 60, 60, … seconds
			t.Errorf("%d claims in five minutes", n)
		}
		s.close(t)
	})
}

// A checkpoint that is shorter than it should be, or other, is not trained from.
func TestDamagedCheckpoint(t *testing.T) {
	for _, tt := range []struct {
		name string
		blob []byte
		sum  string
	}{
		{"truncated", []byte{7, 0, 0}, ""},
		{"other", []byte{6, 0, 0, 0, 0, 0, 0, 0}, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := open(t, rows{})
				s.blobs = map[string][]byte{"h": tt.blob}
				s.short = true
				j := job(0, 9)
				j.Checkpoint = &tourney.Checkpoint{Blob: "h", Size: 8, Step: 7, Sum: tt.sum}
				begin := time.Now()
				s.give(j, 2)
				for len(s.ends()) == 0 {
					time.Sleep(100 * time.Millisecond)
				}
				if took := time.Since(begin); took < 9*time.Second {
					t.Errorf("it was trained from: all nine steps took %v", took)
				}
				s.close(t)
			})
		})
	}
}
