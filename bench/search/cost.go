package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"

	"tourney"
	"tourney/bench/report"
	"tourney/bench/stats"
	"tourney/search"
)

// ask is a cost to be measured: an ask after n trials on a function.
type ask struct {
	method  tourney.Method
	sampler string
	fn      string
	n       int
	asks    int     // a repetition, timed one by one
	goal    float64 // milliseconds
	full    bool    // left out of a quick run
}

var asks = []ask{
	{tourney.MethodGP, "gp", "rosenbrock10", 100, 10, 10, false},
	{tourney.MethodTPE, "default", "rosenbrock10", 200, 20, 0.5, false},
	{tourney.MethodTPE, "default", "rosenbrock10", 10_000, 10, 2, false},
	{tourney.MethodTPE5, "default", "rosenbrock10", 200, 20, 0, false},
	{tourney.MethodTPE, "default", "cond8", 200, 20, 0, true},
	{tourney.MethodGP, "gp", "cat20", 100, 10, 0, true},
}

// cost measures asks: ours and the peer's in turn, alone on the machine as far
// as this program can see to that.
func (r *run) cost(ctx context.Context) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	problems, err := functions()
	if err != nil {
		return err
	}
	repetitions := 5
	if r.quick {
		repetitions = 2
	}
	w := &worker{env: &r.env}
	python, err := w.python(ctx)
	if err != nil {
		return err
	}
	for _, a := range asks {
		name := fmt.Sprintf("search %s ask, %s, n=%d, CPU", a.method, a.fn, a.n)
		if a.full && r.quick {
			r.Skip("quick run", name)
			continue
		}
		var p *problem
		for i := range problems {
			if problems[i].Name == a.fn {
				p = &problems[i]
			}
		}
		var ours, theirs []float64
		for seed := range repetitions {
			seconds, err := askCost(p, a, uint64(seed))
			if err != nil {
				return err
			}
			ours = append(ours, seconds...)
			var out struct{ Seconds []float64 }
			req := map[string]any{"op": "cost", "sampler": a.sampler, "func": a.fn, "n": a.n, "asks": a.asks, "seed": seed}
			if err := python.Call(req, &out); err != nil {
				return fmt.Errorf("cost of %s: %w", a.sampler, err)
			}
			theirs = append(theirs, out.Seconds...)
		}
		peerName := r.optuna + " " + map[string]string{"gp": "GPSampler", "default": "default"}[a.sampler]
		row := report.New(name, peerName, "ms", report.Lower, 1000*stats.Median(ours), 1000*stats.Median(theirs))
		if a.goal > 0 {
			row = row.WithGoal(report.Lower, a.goal)
		}
		r.Add(row)
	}
	return python.Close()
}

// askCost returns the CPU seconds of this process for each of some asks, after
// n random trials. The first one, which learns all from nothing, is left out.
func askCost(p *problem, a ask, seed uint64) ([]float64, error) {
	log, err := history(p, a.n, a.n+a.asks+2, seed)
	if err != nil {
		return nil, err
	}
	spec, err := p.spec(a.method, a.n+a.asks+2, 1, seed)
	if err != nil {
		return nil, err
	}
	s, err := search.New(spec, tourney.Plan{Budget: 1})
	if err != nil {
		return nil, err
	}
	for _, body := range log {
		if err := s.Apply(body); err != nil {
			return nil, err
		}
	}
	r := &player{Search: s, p: p, params: map[int]tourney.Params{}, seen: map[string]bool{}, noise: rand.New(rand.NewPCG(seed, 4))}
	var seconds []float64
	runtime.GC() // what others left behind is not this ask's
	for range a.asks + 1 {
		from := processTime()
		r.decide()
		seconds = append(seconds, (processTime() - from).Seconds())
		if len(r.open) != 1 {
			return nil, fmt.Errorf("%s on %s: %d jobs after an ask, not 1", a.method, p.Name, len(r.open))
		}
		job := r.open[0]
		r.open = nil
		end, err := r.train(job)
		if err != nil {
			return nil, err
		}
		if err := s.Apply(tourney.Reported{Trial: job.Trial, Rung: job.Rung, End: end}); err != nil {
			return nil, err
		}
	}
	return seconds[1:], nil
}

// history is the log of a sweep of random trials, up to the n-th report.
func history(p *problem, n, limit int, seed uint64) ([]tourney.EventBody, error) {
	spec, err := p.spec(tourney.MethodRandom, limit, 1, seed)
	if err != nil {
		return nil, err
	}
	s, err := search.New(spec, tourney.Plan{Budget: 1})
	if err != nil {
		return nil, err
	}
	r := &player{Search: s, p: p, params: map[int]tourney.Params{}, noise: rand.New(rand.NewPCG(seed, 2))}
	var log []tourney.EventBody
	var input tourney.EventBody = tourney.Engine{Version: "bench"}
	for done := 0; ; done++ {
		if err := s.Apply(input); err != nil {
			return nil, err
		}
		log = append(log, input)
		if done == n {
			return log, nil
		}
		var job tourney.Queued
		for _, d := range s.Decide() {
			log = append(log, d)
			switch d := d.(type) {
			case tourney.Proposed:
				r.params[d.Trial] = d.Params
			case tourney.Queued:
				job = d
			}
		}
		end, err := r.train(job)
		if err != nil {
			return nil, err
		}
		input = tourney.Reported{Trial: job.Trial, Rung: job.Rung, End: end}
	}
}

// points returns the parameters of random trials.
func points(p *problem, n int) ([]tourney.Params, error) {
	log, err := history(p, n, n, 1)
	if err != nil {
		return nil, err
	}
	var out []tourney.Params
	for _, body := range log {
		if d, ok := body.(tourney.Proposed); ok {
			out = append(out, d.Params)
		}
	}
	return out, nil
}
