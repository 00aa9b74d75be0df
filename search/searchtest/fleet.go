// Package searchtest drives a search as a coordinator and its workers would,
// in simulated time, and holds the claims that every sampler and scheduler
// must meet.
package searchtest

import (
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"

	"tourney"
	"tourney/search"
)

// Fleet is a number of simulated workers that carry one sweep to its end.
type Fleet struct {
	Spec    tourney.Spec
	Plan    tourney.Plan
	Workers int
	Seed    uint64  // of what the fleet does: durations, losses, pauses
	Lose    float64 // probability that an attempt is lost, and its job offered again
	Pause   float64 // probability that a user pauses the sweep after a report
	// Train says what a job comes to. It must depend on its arguments alone.
	Train func(job tourney.Queued, params tourney.Params) tourney.End
	// Duration draws how long an attempt takes.
	Duration func(rng *rand.Rand, job tourney.Queued) float64
}

// attempt is a worker that trains a job until a time.
type attempt struct {
	job   tourney.Queued
	until float64
	lost  bool
}

// run is one simulation.
type run struct {
	Fleet
	rng     *rand.Rand
	search  *search.Search
	log     []tourney.Event
	params  map[int]tourney.Params
	queue   []tourney.Queued            // offered
	running []attempt                   // at most Workers
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
		params: map[int]tourney.Params{}, held: map[[2]int]tourney.Reported{},
	}
	if err := r.input(tourney.Engine{Version: "simulated", Arch: "simulated"}); err != nil {
		return r.log, err
	}
	for !s.State().Terminal() {
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
		r.running = append(r.running, attempt{
			job: job, until: r.now + r.Duration(r.rng, job), lost: r.rng.Float64() < r.Lose,
		})
	}
}

// step lets time pass until the next attempt ends, and folds what it can.
func (r *run) step() error {
	first := 0
	for i, a := range r.running {
		if a.until < r.running[first].until {
			first = i
		}
	}
	a := r.running[first]
	r.running = slices.Delete(r.running, first, first+1)
	r.now = a.until
	if a.lost {
		r.queue = append(r.queue, a.job)
		return r.input(tourney.Lost{Trial: a.job.Trial, Outcome: tourney.OutcomeLost})
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
