package search_test

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tourney"
	"tourney/search"
	"tourney/search/searchtest"
)

type breeder interface {
	stopper
	Vacant() bool
	Parent(rng *rand.Rand) (tourney.Parent, bool)
}

// population reads Algorithm 1 of arXiv:1711.09846 from a list of results,
// slowly.
type population struct {
	quantile float64
	limit    int
	rungs    int
	entered  int
	results  []search.Finished // in the order of folding
	gone     map[int]bool      // ended, or come to the top
	done     bool              // somebody came to the top
	turns    []turn
	out      []int
}

// turn is a trial that goes on, or a vacancy.
type turn struct {
	trial, rung   int
	vacant, first bool
}

// ranked returns the latest results of the trials that still train, best first.
func (p *population) ranked() []search.Finished {
	var latest []search.Finished
	for i, f := range p.results {
		later := slices.ContainsFunc(p.results[i+1:], func(o search.Finished) bool { return o.Trial == f.Trial })
		if !later && !p.gone[f.Trial] {
			latest = append(latest, f)
		}
	}
	slices.SortStableFunc(latest, func(a, b search.Finished) int { return cmp.Compare(a.Last, b.Last) })
	return latest
}

func (p *population) room() bool {
	n := p.entered + len(p.out)
	for _, t := range p.turns {
		if t.vacant {
			n++
		}
	}
	return n < p.limit
}

func (p *population) finish(f search.Finished) {
	p.results = append(p.results, f)
	if f.Rung == p.rungs-1 {
		p.gone[f.Trial] = true
		p.done = true
		return
	}
	all := p.ranked()
	worst := all[len(all)-int(p.quantile*float64(len(all))):]
	if p.room() && slices.ContainsFunc(worst, func(o search.Finished) bool { return o.Trial == f.Trial }) {
		p.out = append(p.out, f.Trial)
	} else {
		p.turns = append(p.turns, turn{trial: f.Trial, rung: f.Rung + 1})
	}
}

func (p *population) drop(trial int) {
	p.gone[trial] = true
	p.out = slices.DeleteFunc(p.out, func(o int) bool { return o == trial })
	if p.room() && (len(p.parents()) > 0 || !p.done) {
		p.turns = append(p.turns, turn{vacant: true})
	}
}

// parents are the best share, one at least, as far as they have a value.
func (p *population) parents() []search.Finished {
	all := p.ranked()
	all = all[:min(len(all), max(1, int(p.quantile*float64(len(all)))))]
	return slices.DeleteFunc(all, func(f search.Finished) bool { return math.IsInf(f.Last, 1) })
}

func TestPBTIsThePapersAlgorithm1(t *testing.T) {
	ended, heirs := 0, 0
	for seed := range uint64(1500) {
		rng := rand.New(rand.NewPCG(seed, 4))
		e := &tourney.EarlyTerminate{
			Type: "pbt", Interval: 2, MaxIter: 2 + rng.IntN(12), Population: 1 + rng.IntN(10),
			Quantile: 0.1 + 0.4*rng.Float64(), Resample: 0.25,
		}
		spec := tourney.Spec{EarlyTerminate: e, RunCap: 1 + rng.IntN(40)}
		made, err := search.NewScheduler(spec, plan)
		if err != nil {
			t.Fatal(err)
		}
		s := made.(breeder)
		ladder := search.Ladder(spec, plan)
		dumb := population{quantile: e.Quantile, limit: spec.RunCap, rungs: len(ladder), gone: map[int]bool{}}
		for range e.Population {
			dumb.turns = append(dumb.turns, turn{vacant: true, first: true})
		}
		var running [][2]int
		for range 100 {
			switch {
			case len(running) > 0 && rng.IntN(2) == 0:
				i := rng.IntN(len(running))
				f := search.Finished{Result: search.Result{Trial: running[i][0], Rung: running[i][1]}, Last: float64(rng.IntN(12))}
				running = slices.Delete(running, i, i+1)
				if rng.IntN(10) == 0 {
					s.Drop(f.Trial) // it failed
					dumb.drop(f.Trial)
					continue
				}
				if rng.IntN(10) == 0 {
					f.Last = math.Inf(1)
				}
				s.Finish(f)
				dumb.finish(f)
			case rng.IntN(2) == 0:
				trial, ok := s.Stop()
				if ok != (len(dumb.out) > 0) || ok && trial != dumb.out[0] {
					t.Fatalf("seed %d: Stop() = %d %v, want the first of %v", seed, trial, ok, dumb.out)
				}
				if ok {
					s.Drop(trial)
					dumb.drop(trial)
					ended++
				}
			default:
				if vacant := len(dumb.turns) > 0 && dumb.turns[0].vacant; s.Vacant() != vacant {
					t.Fatalf("seed %d: Vacant() = %v, want %v", seed, s.Vacant(), vacant)
				}
				i := slices.IndexFunc(dumb.turns, func(t turn) bool { return !t.vacant })
				if s.Vacant() && dumb.entered < spec.RunCap {
					i = 0
				}
				if i < 0 {
					continue
				}
				next := dumb.turns[i]
				dumb.turns = slices.Delete(dumb.turns, i, i+1)
				if !next.vacant {
					trial, rung, ok := s.Next()
					if !ok || trial != next.trial || rung != next.rung {
						t.Fatalf("seed %d: Next() = %d@%d %v, want %d@%d", seed, trial, rung, ok, next.trial, next.rung)
					}
					s.Start(trial, rung)
					running = append(running, [2]int{trial, rung})
					continue
				}
				proposed := tourney.Proposed{Trial: dumb.entered}
				want := -1
				parent, has := s.Parent(rng)
				if parents := dumb.parents(); !next.first && len(parents) > 0 {
					want = slices.IndexFunc(parents, func(f search.Finished) bool {
						return parent == tourney.Parent{Trial: f.Trial, Step: ladder[f.Rung]}
					})
				}
				if has != (want >= 0) {
					t.Fatalf("seed %d: Parent() = %v %v, of %v", seed, parent, has, dumb.parents())
				}
				if has {
					proposed.Parent = &parent
					heirs++
				}
				all, first := s.Enter(proposed)
				if has && all[first-1] != parent.Step || !has && first != 0 {
					t.Fatalf("seed %d: parent %v %v, and the first rung is %d", seed, parent, has, first)
				}
				dumb.entered++
				s.Start(proposed.Trial, first)
				running = append(running, [2]int{proposed.Trial, first})
			}
		}
	}
	if ended < 3000 || heirs < 3000 {
		t.Errorf("only %d ended and %d took over: the histories test little", ended, heirs)
	}
}

// TestExplore checks each kind of parameter: a child's
// value is 0.8 or 1.2 times its parent's, measured from the least value where
// the parameter is uniform, and drawn anew with probability resample.
func TestExplore(t *testing.T) {
	const space = `
parameters:
  choice: {values: [a, b, c, d]}
  floor: {distribution: uniform, min: 10.0, max: 20.0}
  level: {distribution: ordinal, values: [0, 1, 2, 3, 4]}
  noise: {distribution: normal, mu: 0, sigma: 1}
  odds: {distribution: uniform, min: 0.0, max: 1.0}
  rate: {distribution: log_uniform_values, min: 0.0001, max: 1}
  units: {distribution: int_uniform, min: 0, max: 100}
`
	near := func(child, parent, least, most float64) bool {
		for _, factor := range []float64{0.8, 1.2} {
			if want := min(max(least+(parent-least)*factor, least), most); math.Abs(child-want) < 1e-9*max(1, math.Abs(want)) {
				return true
			}
		}
		return false
	}
	for _, resample := range []float64{0, 0.5} {
		spec := parse(t, "metric: {name: rmse}\nmethod: random\nrun_cap: 300\nseed: 5\nparallelism: 8\nearly_terminate: {type: pbt, max_iter: 60, interval: 2, population: 8}\n"+space)
		spec.EarlyTerminate.Resample = resample
		log, err := searchtest.Fleet{Spec: spec, Plan: plan, Workers: 3, Train: searchtest.Curves(0), Duration: searchtest.LogNormal(0.5)}.Run()
		if err != nil {
			t.Fatal(err)
		}
		params := map[int]tourney.Params{}
		children, kept := 0, map[string]int{}
		for _, ev := range log {
			p, ok := ev.Body.(tourney.Proposed)
			if !ok {
				continue
			}
			params[p.Trial] = p.Params
			if p.Parent == nil {
				continue
			}
			children++
			parent := params[p.Parent.Trial]
			of := func(name string) (child, was float64) {
				child, _ = p.Params.Float(name, 0)
				was, _ = parent.Float(name, 0)
				return child, was
			}
			for name, ends := range map[string][2]float64{"floor": {10, 20}, "odds": {0, 1}} {
				if child, was := of(name); near(child, was, ends[0], ends[1]) {
					kept[name]++
				}
			}
			if child, was := of("rate"); near(child, was, 0, 1) || child == 0.0001 && 0.8*was < 0.0001 {
				kept["rate"]++
			}
			if child, was := of("noise"); near(child, was, 0, math.Inf(1)) || near(-child, -was, 0, math.Inf(1)) {
				kept["noise"]++
			}
			if child, was := of("units"); math.Abs(child-0.8*was) <= 0.5 || math.Abs(child-min(1.2*was, 100)) <= 0.5 ||
				math.Abs(child-was) == 1 || child == was && (was == 0 || was == 100) {
				kept["units"]++
			}
			if child, was := of("level"); math.Abs(child-was) == 1 || child == was && (was == 0 || was == 4) {
				kept["level"]++
			}
			if p.Params["choice"] == parent["choice"] {
				kept["choice"]++
			}
		}
		if children < 50 {
			t.Fatalf("only %d children", children)
		}
		for _, p := range spec.Parameters {
			switch share := float64(kept[p.Name]) / float64(children); {
			case resample == 0 && kept[p.Name] != children:
				t.Errorf("%s: %d of %d children are around their parents", p.Name, kept[p.Name], children)
			case resample > 0 && (share < 0.3 || share > 0.9):
				t.Errorf("%s, resampled half of the time: a share of %.2f is around the parent", p.Name, share)
			}
		}
	}
}

// TestPBTInASweep: the population trains side by side, each child begins above
// its parent's step, and in virtual time trains only what is left of the rung.
func TestPBTInASweep(t *testing.T) {
	spec := parse(t, "metric: {name: rmse}\nmethod: random\nrun_cap: 40\nparallelism: 3\nearly_terminate: {type: pbt, max_iter: 12, interval: 3, population: 6}\n"+finite)
	log, err := searchtest.Fleet{Spec: spec, Plan: plan, Workers: 3, Train: searchtest.Curves(0), Duration: searchtest.LogNormal(0.5)}.Run()
	if err != nil {
		t.Fatal(err)
	}
	jobs := map[int][]tourney.Queued{}
	parents := map[int]tourney.Parent{}
	founders, members := 0, map[int]bool{}
	for _, ev := range log {
		switch b := ev.Body.(type) {
		case tourney.Proposed:
			if b.Parent != nil {
				parents[b.Trial] = *b.Parent
			} else {
				founders++
			}
		case tourney.Queued:
			if b.For == tourney.JobFinal {
				continue
			}
			if len(jobs[b.Trial]) > 0 && len(members) < 6 {
				t.Errorf("trial %d goes on before the population is there", b.Trial)
			}
			members[b.Trial] = true
			from := 0
			if n := len(jobs[b.Trial]); n > 0 {
				from = jobs[b.Trial][n-1].Budget
			} else if p, ok := parents[b.Trial]; ok {
				from = p.Step
			}
			if b.Budget != from+3 || b.Finish-b.Start != 3 || b.Rung != b.Budget/3-1 {
				t.Errorf("trial %d trains from %d: %+v", b.Trial, from, b)
			}
			jobs[b.Trial] = append(jobs[b.Trial], b)
		}
	}
	if founders != 6 || len(parents) == 0 {
		t.Errorf("%d founders and %d children; want 6 and some", founders, len(parents))
	}
}

func TestParentsThatCannotBe(t *testing.T) {
	spec := parse(t, "metric: {name: rmse}\nmethod: random\nrun_cap: 9\nparallelism: 4\nearly_terminate: {type: pbt, max_iter: 4, interval: 2, population: 4}\nparameters: {a: {min: 0.0, max: 1.0}}\n")
	other := spec
	other.EarlyTerminate = &tourney.EarlyTerminate{Type: "asha", MinIter: 2, MaxIter: 4, Eta: 2, Stop: true}
	for _, c := range []struct {
		spec   tourney.Spec
		parent tourney.Parent
		good   bool
	}{
		{spec, tourney.Parent{Trial: 0, Step: 2}, true},
		{spec, tourney.Parent{Trial: 0, Step: 4}, false}, // the top: nothing is left
		{spec, tourney.Parent{Trial: 0, Step: 3}, false}, // no rung
		{spec, tourney.Parent{Trial: 1, Step: 2}, false}, // has not finished it
		{spec, tourney.Parent{Trial: 9, Step: 2}, false},
		{spec, tourney.Parent{Trial: -1, Step: 2}, false},
		{other, tourney.Parent{Trial: 0, Step: 2}, false}, // no population
	} {
		s, err := search.New(c.spec, plan)
		if err != nil {
			t.Fatal(err)
		}
		value := 1.0
		point := func(n int) tourney.Params { return tourney.Params{"a": float64(n) / 10} }
		events := []tourney.EventBody{tourney.Engine{}, tourney.Turned{State: tourney.SweepRunning}}
		for n := range 3 {
			events = append(events, tourney.Proposed{Trial: n, Params: point(n)}, tourney.Queued{Trial: n, For: tourney.JobRung, Budget: 2, Finish: 2})
		}
		events = append(events, tourney.Reported{Trial: 0, End: tourney.End{Outcome: tourney.OutcomeDone, Value: &value}})
		for _, e := range events {
			if err := s.Apply(e); err != nil {
				t.Fatal(err)
			}
		}
		err = s.Apply(tourney.Proposed{Trial: 3, Params: point(3), Parent: &c.parent})
		if (err == nil) != c.good {
			t.Errorf("%s with parent %+v: error %v", fmt.Sprint(c.spec.EarlyTerminate.Type), c.parent, err)
		}
	}
}
