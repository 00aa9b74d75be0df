// Package searchtest drives a search as a coordinator and its workers would,
// in simulated time, and holds the claims that every sampler and scheduler
// must meet.
package searchtest

import (
	"container/heap"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"tourney"
	"tourney/search"
)

// Fleet is a number of simulated workers that carry one sweep to its end.
type Fleet struct {
	Spec    tourney.Spec
	Plan    tourney.Plan
	Workers int
	Warm    []tourney.Warmed // what past sweeps have learnt
	Seed    uint64           // of what the fleet does: durations, losses, pauses
	Lose    float64          // probability that an attempt is lost, and its job offered again
	Preempt float64          // probability that a worker leaves in the middle of an attempt; what it trained is kept
	Pause   float64          // probability that a user pauses the sweep after a report
	// Train says what a job comes to. It must depend on its arguments alone.
	Train func(job tourney.Queued, params tourney.Params) tourney.End
	// Duration draws how long an attempt takes.
	Duration func(rng *rand.Rand, job tourney.Queued) float64
	// Takes says how long a whole job takes that goes on from so many steps, if
	// it is known; then nothing is drawn.
	Takes func(job tourney.Queued, params tourney.Params, from int) float64
	// Watch, if set, is told of each attempt and when it begins.
	Watch func(job tourney.Queued, params tourney.Params, from int, now float64)
	// Until, if set, ends the simulation once it is true of the time.
	Until func(now float64) bool
}

// attempt is a worker that trains a job until a time.
type attempt struct {
	job   tourney.Queued
	until float64
	seq   int
	lost  tourney.Outcome // why it ends without a report; empty if it does not
	left  float64         // the share of the job that it leaves then
}

// attempts is a heap, the first to end on top.
type attempts []attempt

func (a attempts) Len() int { return len(a) }
func (a attempts) Less(i, j int) bool {
	return a[i].until < a[j].until || a[i].until == a[j].until && a[i].seq < a[j].seq
}
func (a attempts) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *attempts) Push(x any)   { *a = append(*a, x.(attempt)) }
func (a *attempts) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

// run is one simulation.
type run struct {
	Fleet
	rng     *rand.Rand
	search  *search.Search
	log     []tourney.Event
	params  map[int]tourney.Params
	steps   map[int]int      // by trial: of its last report, or of its parent's state
	queue   []tourney.Queued // offered
	left    map[int]float64  // by trial: the share of its job that a preempted attempt left
	running attempts         // at most Workers
	claims  int
	held    map[[2]int]tourney.Reported // by trial and rung: ended, waiting for their turn
	now     float64
}

// Run carries the sweep to its end and returns its log.
func (f Fleet) Run() ([]tourney.Event, error) {
	s, err := search.New(f.Spec, f.Plan)
	if err != nil {
		return nil, err
	}
	r := &run{
		Fleet: f, search: s, rng: rand.New(rand.NewPCG(f.Seed, 0)),
		params: map[int]tourney.Params{}, steps: map[int]int{}, left: map[int]float64{}, held: map[[2]int]tourney.Reported{},
	}
	for _, past := range f.Warm {
		if err := r.input(past); err != nil {
			return r.log, err
		}
	}
	if err := r.input(tourney.Engine{Version: "simulated", Arch: "simulated"}); err != nil {
		return r.log, err
	}
	for !s.State().Terminal() {
		if f.Until != nil && f.Until(r.now) {
			return r.log, nil
		}
		r.claim()
		if len(r.running) == 0 {
			if s.State() != tourney.SweepPaused {
				return r.log, fmt.Errorf("the sweep is %s and nothing is outstanding", s.State())
			}
			if err := r.input(tourney.Acted{Action: tourney.ActionResume}); err != nil {
				return r.log, err
			}
			continue
		}
		if err := r.step(); err != nil {
			return r.log, err
		}
	}
	return r.log, nil
}

// claim gives the oldest offers to idle workers.
func (r *run) claim() {
	for len(r.running) < r.Workers && len(r.queue) > 0 {
		job := r.queue[0]
		r.queue = r.queue[1:]
		heap.Push(&r.running, r.attempt(job))
	}
}

// attempt begins one now.
func (r *run) attempt(job tourney.Queued) attempt {
	params, from := r.params[job.Trial], r.steps[job.Trial]
	if r.Watch != nil {
		r.Watch(job, params, from, r.now)
	}
	r.claims++
	a := attempt{job: job, seq: r.claims}
	var takes float64
	if r.Takes != nil {
		takes = r.Takes(job, params, from)
	} else {
		takes = r.Duration(r.rng, job)
	}
	if left, ok := r.left[job.Trial]; ok {
		takes *= left
		delete(r.left, job.Trial)
		a.left = left
	} else {
		a.left = 1
	}
	if r.rng.Float64() < r.Lose {
		a.lost = tourney.OutcomeLost
	}
	if r.Preempt > 0 && r.rng.Float64() < r.Preempt {
		share := r.rng.Float64()
		a.lost = tourney.OutcomePreempted
		a.left *= 1 - share
		takes *= share
	}
	a.until = r.now + takes
	return a
}

// step lets time pass until the next attempt ends, and folds what it can.
func (r *run) step() error {
	a := heap.Pop(&r.running).(attempt)
	r.now = a.until
	if a.lost != "" {
		if a.left < 1 {
			r.left[a.job.Trial] = a.left
		}
		r.queue = append(r.queue, a.job)
		return r.input(tourney.Lost{Trial: a.job.Trial, Outcome: a.lost})
	}
	report := tourney.Reported{Trial: a.job.Trial, Rung: a.job.Rung, End: r.Train(a.job, r.params[a.job.Trial])}
	if r.Spec.Order == tourney.OrderArrival {
		return r.report(report)
	}
	r.held[[2]int{report.Trial, report.Rung}] = report
	for {
		trial, rung, ok := r.search.Due()
		next, here := r.held[[2]int{trial, rung}]
		if !ok || !here {
			return nil
		}
		delete(r.held, [2]int{trial, rung})
		if err := r.report(next); err != nil {
			return err
		}
	}
}

func (r *run) report(e tourney.Reported) error {
	r.steps[e.Trial] = e.Step
	if err := r.input(e); err != nil {
		return err
	}
	state := r.search.State()
	if r.rng.Float64() >= r.Pause || state != tourney.SweepRunning && state != tourney.SweepFinishing {
		return nil
	}
	return r.input(tourney.Acted{Action: tourney.ActionPause})
}

// input folds an input, and writes it and the decisions that follow.
func (r *run) input(body tourney.EventBody) error {
	if err := r.search.Apply(body); err != nil {
		return err
	}
	r.write(body)
	for _, d := range r.search.Decide() {
		r.write(d)
		switch d := d.(type) {
		case tourney.Proposed:
			r.params[d.Trial] = d.Params
			if d.Parent != nil {
				r.steps[d.Trial] = d.Parent.Step
			}
		case tourney.Queued:
			r.queue = append(r.queue, d)
		}
	}
	return nil
}

func (r *run) write(body tourney.EventBody) {
	r.log = append(r.log, tourney.Event{Seq: int64(len(r.log)) + 1, Body: body})
}

// LogNormal draws durations around a job's steps with that spread (σ of the
// logarithm), as those of real fleets are.
func LogNormal(sigma float64) func(*rand.Rand, tourney.Queued) float64 {
	return func(rng *rand.Rand, job tourney.Queued) float64 {
		return float64(job.Budget) * math.Exp(sigma*rng.NormFloat64())
	}
}

// Curves returns a Train whose trials improve with their steps towards a limit
// that their parameters decide, as if at random. Of a hundred reports, `bad`
// are failures, as many are diverged, and as many have no value.
func Curves(bad int) func(tourney.Queued, tourney.Params) tourney.End {
	return func(job tourney.Queued, params tourney.Params) tourney.End {
		end := tourney.End{Outcome: tourney.OutcomeDone, Step: job.Budget, BestStep: job.Budget}
		luck := hash(fmt.Sprint(params.Key(), job.Rung)) % 100
		switch fate := int(luck); {
		case fate < bad:
			end.Outcome, end.Reason = tourney.OutcomeFailed, tourney.ReasonOOM
			return end
		case fate < 2*bad:
			end.Outcome = tourney.OutcomeDiverged
			return end
		case fate < 3*bad:
			return end
		}
		// Few different limits, so that ties are common.
		value := float64(hash(params.Key())%16)/16 + 1/float64(job.Budget+1)
		end.Value = &value
		return end
	}
}

func hash(s string) uint64 {
	h := fnv.New64a()
	h.Write([]byte(s))
	x := h.Sum64()
	return x ^ x>>29 // the low bits of FNV are its weak ones
}
