package worker

import (
	"math"
	"sync"
	"time"
)

// The bounds of Interval, and what holds before anything is known.
const (
	minInterval     = 10 * time.Second
	maxInterval     = 15 * time.Minute
	minLifetime     = 10 * time.Minute
	defaultLifetime = time.Hour
)

// Interval returns how long to train between two checkpoints that cost so much
// on a worker that lasts so long in the mean: sqrt(2·cost·lifetime), between 10
// seconds and 15 minutes. Lifetimes under 10 minutes count as that; 0 means that
// none was observed, and counts as an hour.
//
// J. W. Young, "A first order approximation to the optimum checkpoint interval",
// Communications of the ACM 17(9), 1974, equation 9; J. T. Daly, "A higher order
// estimate of the optimum checkpoint interval for restart dumps", Future
// Generation Computer Systems 22(3), 2006, whose further terms matter only where
// the cost comes near the lifetime. The optimum is flat: an interval twice or
// half as long loses less than a percent.
func Interval(cost, lifetime time.Duration) time.Duration {
	if lifetime <= 0 {
		lifetime = defaultLifetime
	}
	lifetime = max(lifetime, minLifetime)
	best := math.Sqrt(2 * cost.Seconds() * lifetime.Seconds())
	return min(max(time.Duration(best*float64(time.Second)), minInterval), maxInterval)
}

// cadence knows what checkpoints cost here and how long workers last.
type cadence struct {
	mu       sync.Mutex
	snapshot time.Duration // mean time that a trial stands still for one
	upload   time.Duration // mean time to put one
	lifetime time.Duration
}

// smoothing is the weight of a new measurement.
const smoothing = 0.25

func smooth(mean *time.Duration, d time.Duration) {
	if *mean == 0 {
		*mean = d
		return
	}
	*mean += time.Duration(smoothing * float64(d-*mean))
}

// took notes how long a snapshot has taken.
func (c *cadence) took(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	smooth(&c.snapshot, d)
}

// put notes how long n states took to be put. Training goes on meanwhile, but
// bandwidth and the coordinator's time are not free.
func (c *cadence) put(d time.Duration, n int) {
	if n == 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	smooth(&c.upload, d/time.Duration(n))
}

// lasts notes how long workers last, in seconds; 0: not known.
func (c *cadence) lasts(seconds float64) {
	if seconds <= 0 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.lifetime = time.Duration(min(seconds, 1e9) * float64(time.Second))
}

// every is the interval by what is known.
func (c *cadence) every() time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Interval(c.snapshot+c.upload, c.lifetime)
}

// snapshot takes a state and measures what that costs.
func (t *task) snapshot(take func() []byte) []byte {
	begin := time.Now()
	state := take()
	t.w.cadence.took(time.Since(begin))
	return state
}

// due reports whether the trial is to be saved at this step. That has no
// influence on what it comes to.
func (t *task) due(step int) bool {
	since := time.Since(t.saved)
	t.w.mu.Lock()
	warned := t.w.going.warned
	t.w.mu.Unlock()
	if t.saved.Before(warned) {
		return true
	}
	every := t.w.cfg.CheckpointEvery
	if every > 0 {
		return since >= every
	}
	if every = t.w.cadence.every(); since < every {
		return false
	}
	from := 0
	if c := t.grant.Job.Checkpoint; c != nil {
		from = c.Step
	}
	if step <= from {
		return true
	}
	perStep := time.Since(t.began) / time.Duration(step-from)
	// Its end saves it anyway. 2·rest < every, without overflow.
	return time.Duration(t.grant.Job.Budget-step) >= every/2/max(perStep, 1)
}
