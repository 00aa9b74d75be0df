package worker_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/worker"
)

// Young's interval, by hand: sqrt(2·1·3600) = 84.85 s, sqrt(2·5·14400) = 379.47 s.
func TestInterval(t *testing.T) {
	for _, tt := range []struct {
		cost, lifetime time.Duration
		want           float64 // seconds
	}{
		{time.Second, time.Hour, 84.853},
		{5 * time.Second, 4 * time.Hour, 379.473},
		{time.Second, 0, 84.853},           // an hour, unless it is known
		{time.Second, time.Second, 34.641}, // no lifetime under ten minutes
		{0, time.Hour, 10},
		{time.Microsecond, time.Hour, 10},
		{time.Minute, 1000 * time.Hour, 900},
	} {
		if got := worker.Interval(tt.cost, tt.lifetime).Seconds(); math.Abs(got-tt.want) > 1e-3 {
			t.Errorf("Interval(%v, %v) = %v s, want %v", tt.cost, tt.lifetime, got, tt.want)
		}
	}
}

// goodput plays a worker's life on a clock of its own: it trains, stands still
// for each checkpoint, is killed without notice after exponentially distributed
// times, and begins anew a while later from its last checkpoint. It returns the
// share of the time that was of use.
func goodput(rng *rand.Rand, interval, cost, lifetime, restart, horizon float64) float64 {
	useful, now := 0.0, 0.0
	for now < horizon {
		death := now + rng.ExpFloat64()*lifetime
		saved := 0.0
		for now += restart; now+interval+cost < death; {
			now += interval + cost
			saved += interval
		}
		useful += saved
		now = max(now, death)
	}
	return useful / now
}

// With one preemption an hour, a minute to come back, and checkpoints that cost
// up to a second, at least 95 % of a worker's time is of use; an interval four
// times as long or as short is worse.
func TestGoodput(t *testing.T) {
	const horizon = 5e7 // seconds
	for _, cost := range []time.Duration{10 * time.Millisecond, 200 * time.Millisecond, time.Second} {
		play := func(factor float64) float64 {
			interval := factor * worker.Interval(cost, time.Hour).Seconds()
			return goodput(rand.New(rand.NewPCG(1, 2)), interval, cost.Seconds(), 3600, 60, horizon)
		}
		best := play(1)
		t.Logf("cost %v: interval %v, goodput %.2f %%", cost, worker.Interval(cost, time.Hour), 100*best)
		if best < 0.95 {
			t.Errorf("cost %v: goodput %.4f", cost, best)
		}
		if long := play(4); long > best {
			t.Errorf("cost %v: four times the interval is better: %.4f, not %.4f", cost, long, best)
		}
		if short := play(0.25); cost == time.Second && short > best {
			t.Errorf("cost %v: a quarter of the interval is better: %.4f, not %.4f", cost, short, best)
		}
	}
}

// A worker measures what checkpoints cost and hears how long workers last, and
// saves as often as is best for that; the first is soon, so that there is
// something to measure. What the trial comes to is the same.
func TestCadence(t *testing.T) {
	last := ""
	for _, tt := range []struct {
		save     time.Duration
		lifetime float64
		want     int // steps between checkpoints
	}{
		{time.Second, 3600, 85},
		{time.Second, 4 * 3600, 170},
		{5 * time.Second, 3600, 190},
		{0, 3600, 10},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := open(t, rows{}, func(b *boss) { b.lifetime = tt.lifetime })
			s.trainer.save = tt.save
			s.give(job(0, 2000), 1)
			for len(s.ends()) == 0 {
				time.Sleep(time.Minute)
			}
			var steps []int
			for _, e := range s.entries() {
				if e.Checkpoint != nil && e.End == nil {
					steps = append(steps, e.Checkpoint.Step)
				}
			}
			if len(steps) < 4 || steps[0] > 11 {
				t.Fatalf("saved at %v", steps)
			}
			for i := 2; i < len(steps); i++ {
				// Standing still for the checkpoint is part of the interval.
				if d := steps[i] - steps[i-1]; d < tt.want-6 || d > tt.want+1 {
					t.Errorf("%d steps between checkpoints, want about %d: %v", d, tt.want, steps)
					break
				}
			}
			if rest := 2000 - steps[len(steps)-1]; rest < tt.want/2-1 {
				t.Errorf("saved %d steps before the end, which saves it anyway", rest)
			}
			e := s.ends()[0].End
			if now := fmt.Sprint(e.Outcome, e.Step, *e.Value); last != "" && now != last {
				t.Errorf("it ended with %s, and with another cadence with %s", now, last)
			} else {
				last = now
			}
			s.close(t)
		})
	}
	if want := fmt.Sprint(tourney.OutcomeDone, 2000, 1.0/2000); last != want {
		t.Errorf("it ended with %s, want %s", last, want)
	}
}
