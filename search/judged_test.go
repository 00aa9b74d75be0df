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
)

// stopper is what a scheduler that ends trials for good adds.
type stopper interface {
	search.Scheduler
	Stop() (trial int, ok bool)
}

// judge says whether a trial goes on that has just finished a rung below the
// highest. log holds all that finished one, in order, it itself last.
type judge func(log []search.Finished) bool

// againstJudge plays random histories, and holds what a scheduler does with
// each trial against a reading of its rule that looks through everything.
func againstJudge(t *testing.T, seeds int, make func(rng *rand.Rand) (tourney.Spec, tourney.Plan, judge)) {
	t.Helper()
	ended, went := 0, 0
	for seed := range uint64(seeds) {
		rng := rand.New(rand.NewPCG(seed, 1))
		spec, plan, goesOn := make(rng)
		made, err := search.NewScheduler(spec, plan)
		if err != nil {
			t.Fatal(err)
		}
		s := made.(stopper)
		ladder := search.Ladder(spec, plan)
		distinct := 1 + rng.IntN(20)
		loss := func() float64 {
			if rng.IntN(10) == 0 {
				return math.Inf(1)
			}
			return float64(rng.IntN(distinct)) - 3
		}
		var log []search.Finished
		var on, out, running [][2]int // trial and rung
		trials := 0
		for range 80 {
			switch {
			case len(running) > 0 && rng.IntN(2) == 0:
				i := rng.IntN(len(running))
				f := search.Finished{Result: search.Result{Trial: running[i][0], Rung: running[i][1], Budget: ladder[running[i][1]], Loss: loss()}, Last: loss()}
				running = slices.Delete(running, i, i+1)
				if rng.IntN(12) == 0 {
					s.Drop(f.Trial)
					continue
				}
				s.Finish(f)
				log = append(log, f)
				if f.Rung == len(ladder)-1 {
					continue
				}
				if goesOn(log) {
					on = append(on, [2]int{f.Trial, f.Rung + 1})
				} else {
					out = append(out, [2]int{f.Trial, f.Rung})
				}
			case rng.IntN(2) == 0:
				trial, ok := s.Stop()
				if ok != (len(out) > 0) || ok && trial != out[0][0] {
					t.Fatalf("seed %d: Stop() = %d, %v; want the first of %v", seed, trial, ok, out)
				}
				if ok && rng.IntN(4) > 0 {
					s.Drop(trial)
					out = out[1:]
					ended++
				}
			default:
				trial, rung, ok := s.Next()
				if ok != (len(on) > 0) || ok && [2]int{trial, rung} != on[0] {
					t.Fatalf("seed %d: Next() = %d@%d, %v; want the first of %v", seed, trial, rung, ok, on)
				}
				if !ok || rng.IntN(3) == 0 {
					trial = trials
					_, rung = s.Enter(tourney.Proposed{Trial: trial})
					trials++
				} else {
					on = on[1:]
					went++
				}
				s.Start(trial, rung)
				running = append(running, [2]int{trial, rung})
			}
		}
	}
	if ended < seeds || went < 2*seeds {
		t.Errorf("in %d histories only %d trials ended and %d went on: they test little", seeds, ended, went)
	}
}

// at returns those of a log that finished a rung.
func at(log []search.Finished, rung int) []search.Finished {
	var all []search.Finished
	for _, f := range log {
		if f.Rung == rung {
			all = append(all, f)
		}
	}
	return all
}

func TestStoppingASHAIsItsRule(t *testing.T) {
	againstJudge(t, 1500, func(rng *rand.Rand) (tourney.Spec, tourney.Plan, judge) {
		eta := 2 + rng.IntN(3)
		e := &tourney.EarlyTerminate{Type: "asha", MinIter: 1, MaxIter: power(eta, 1+rng.IntN(4)), Eta: eta, Stop: true}
		return tourney.Spec{EarlyTerminate: e}, plan, func(log []search.Finished) bool {
			f := log[len(log)-1]
			var losses []float64
			for _, o := range at(log, f.Rung) {
				losses = append(losses, o.Loss)
			}
			slices.Sort(losses)
			k := len(losses) / eta
			return !math.IsInf(f.Loss, 1) && (k == 0 || f.Loss <= losses[k-1])
		}
	})
}

// TestStoppingASHAWithBounds: what breaks a bound is worse than what breaks
// none, and worse the more it does.
func TestStoppingASHAWithBounds(t *testing.T) {
	limit := 5.0
	spec := tourney.Spec{
		EarlyTerminate: &tourney.EarlyTerminate{Type: "asha", MinIter: 1, MaxIter: 2, Eta: 2, Stop: true},
		Metrics:        []tourney.Metric{{Name: "rmse", Goal: tourney.Minimize}, {Name: "mae", AtMost: &limit}},
	}
	s, err := search.NewScheduler(spec, plan)
	if err != nil {
		t.Fatal(err)
	}
	var on []int
	for trial, r := range []search.Result{
		{Loss: 9},                           // the first goes on
		{Loss: 1, Violation: 0.5},           // second of two
		{Loss: 0, Violation: 0.6},           // third of three, one goes on
		{Loss: 10},                          // second of four, two go on
		{Loss: 0, Violation: 0.4},           // third of five, two go on
		{Loss: 0, Violation: 0.3},           // third of six, three go on
		{Loss: 0, Violation: math.Inf(1)},   // has no value of a bounded metric
		{Loss: math.Inf(1), Violation: 0.1}, // has no value
	} {
		r.Trial = trial
		s.Enter(tourney.Proposed{Trial: trial})
		s.Finish(search.Finished{Result: r})
		if next, _, ok := s.Next(); ok {
			on = append(on, next)
			s.Start(next, 1)
		}
	}
	if want := []int{0, 3, 5}; !slices.Equal(on, want) {
		t.Errorf("%v go on, want %v", on, want)
	}
}

func TestMedianIsVizierSRule(t *testing.T) {
	againstJudge(t, 1500, func(rng *rand.Rand) (tourney.Spec, tourney.Plan, judge) {
		e := &tourney.EarlyTerminate{Type: "median", MinIter: 1 + rng.IntN(3), MaxIter: 9, Interval: 1 + rng.IntN(4), MinTrials: 1 + rng.IntN(5)}
		return tourney.Spec{EarlyTerminate: e}, plan, func(log []search.Finished) bool {
			f := log[len(log)-1]
			var averages []float64 // of the others that came to the rung
			for _, o := range at(log[:len(log)-1], f.Rung) {
				sum := 0.0
				for rung := range f.Rung + 1 {
					for _, x := range at(log, rung) {
						if x.Trial == o.Trial {
							sum += x.Last
						}
					}
				}
				averages = append(averages, sum/float64(f.Rung+1))
			}
			best := math.Inf(1)
			for _, x := range log {
				if x.Trial == f.Trial {
					best = min(best, x.Loss, x.Last)
				}
			}
			if len(averages) < e.MinTrials {
				return true
			}
			slices.Sort(averages)
			n := len(averages)
			middle := averages[n/2]
			if n%2 == 0 && averages[n/2-1] != middle {
				middle = averages[n/2-1] + (middle-averages[n/2-1])/2
			}
			return !(best > middle)
		}
	})
}

func TestHyperbandIsWandBsRule(t *testing.T) {
	againstJudge(t, 1500, func(rng *rand.Rand) (tourney.Spec, tourney.Plan, judge) {
		eta := 2 + rng.IntN(3)
		e := &tourney.EarlyTerminate{Type: "hyperband", MinIter: 1 + rng.IntN(2), Eta: eta, Strict: rng.IntN(2) == 0}
		return tourney.Spec{EarlyTerminate: e}, tourney.Plan{Budget: 3 + rng.IntN(40)}, func(log []search.Finished) bool {
			f := log[len(log)-1]
			var values []float64
			for _, o := range at(log, f.Rung) {
				values = append(values, o.Last)
			}
			slices.Sort(values)
			value := f.Last
			if !e.Strict {
				for _, x := range log {
					if x.Trial == f.Trial {
						value = min(value, x.Loss, x.Last)
					}
				}
			}
			return !(value > values[len(values)/eta])
		}
	})
}

// TestLadders: the bands are those that W&B computes, and the other ladders
// what the specification of each type says.
func TestLadders(t *testing.T) {
	for _, c := range []struct {
		early tourney.EarlyTerminate
		want  []int // with a plan of 100 steps
	}{
		{tourney.EarlyTerminate{Type: "hyperband", MinIter: 3, Eta: 3}, []int{3, 9, 27, 81, 100}},
		{tourney.EarlyTerminate{Type: "hyperband", MinIter: 3, MaxIter: 27, Eta: 3}, []int{3, 9, 27}},
		{tourney.EarlyTerminate{Type: "hyperband", MaxIter: 27, S: 2, Eta: 3}, []int{3, 9, 27}}, // the documentation's example: [9, 3]
		{tourney.EarlyTerminate{Type: "hyperband", MaxIter: 18, S: 2, Eta: 3}, []int{2, 6, 18}},
		{tourney.EarlyTerminate{Type: "hyperband", MaxIter: 5, S: 9, Eta: 2}, []int{1, 2, 5}},
		{tourney.EarlyTerminate{Type: "hyperband", MinIter: 200, Eta: 2}, []int{100}},
		{tourney.EarlyTerminate{Type: "asha", MinIter: 2, MaxIter: 20, Eta: 3, Brackets: 2}, []int{2, 6, 18, 20}},
		{tourney.EarlyTerminate{Type: "pasha", MinIter: 1, MaxIter: 9, Eta: 3}, []int{1, 3, 9}},
		{tourney.EarlyTerminate{Type: "median", MinIter: 2, MaxIter: 10, Interval: 3, MinTrials: 5}, []int{2, 5, 8, 10}},
		{tourney.EarlyTerminate{Type: "pbt", MaxIter: 10, Interval: 4, Population: 4, Quantile: 0.25}, []int{4, 8, 10}},
		{tourney.EarlyTerminate{Type: "pbt", MaxIter: 1 << 30, Interval: 1, Population: 4, Quantile: 0.25}, nil},
		{tourney.EarlyTerminate{Type: "median", MinIter: 1, MaxIter: 1 << 30, Interval: 1, MinTrials: 5}, nil},
		{tourney.EarlyTerminate{Type: "hyperband", Eta: 3}, nil},
		{tourney.EarlyTerminate{Type: "hyperband", S: 2, Eta: 3}, nil},
		{tourney.EarlyTerminate{Type: "pbt", MaxIter: 10, Interval: 4, Population: 4, Quantile: 0.6}, nil},
		{tourney.EarlyTerminate{Type: "asha", MinIter: 1, MaxIter: 9, Eta: 3, Brackets: 4}, nil},
	} {
		spec, plan := tourney.Spec{EarlyTerminate: &c.early}, tourney.Plan{Budget: 100}
		if got := search.Ladder(spec, plan); !slices.Equal(got, c.want) {
			t.Errorf("%+v: Ladder = %v, want %v", c.early, got, c.want)
		}
		if got := search.TopRung(spec, plan); got != max(len(c.want)-1, 0) {
			t.Errorf("%+v: TopRung = %d", c.early, got)
		}
		if _, err := search.NewScheduler(spec, plan); (c.want == nil) != (tourney.AsInvalid(err) != nil) {
			t.Errorf("%+v: error %v", c.early, err)
		}
	}
}

// TestBracketsAreHyperbandS: with R = 81 and eta = 3 Hyperband starts 81, 34,
// 15, 8 and 5 trials in its brackets by the formula of
// Algorithm 1 (Li et al. 2018), n = ⌈(s_max+1)/(s+1)·eta^s⌉, and each bracket
// begins a rung higher.
func TestBracketsAreHyperbandS(t *testing.T) {
	e := &tourney.EarlyTerminate{Type: "asha", MinIter: 1, MaxIter: 81, Eta: 3, Brackets: 5}
	s, err := search.NewScheduler(tourney.Spec{EarlyTerminate: e}, plan)
	if err != nil {
		t.Fatal(err)
	}
	share := []float64{81, 34, 15, 8, 5}
	count := make([]float64, 5)
	for trial := range 5000 {
		ladder, first := s.Enter(tourney.Proposed{Trial: trial})
		if len(ladder) != 5 || ladder[first] != power(3, first) {
			t.Fatalf("trial %d begins at rung %d of %v", trial, first, ladder)
		}
		count[first]++
		for b := range count {
			if want := share[b] * float64(trial+1) / 143; math.Abs(count[b]-want) > 5 {
				t.Fatalf("after %d trials bracket %d has %v, want %.1f", trial+1, b, count[b], want)
			}
		}
	}
	if got := fmt.Sprint(count); got == fmt.Sprint(make([]float64, 5)) || slices.ContainsFunc(count, func(n float64) bool { return n == 0 }) {
		t.Errorf("a bracket is empty: %v", got)
	}
}

// TestBracketsRankForThemselves holds asynchronous Hyperband against Algorithm
// 2 of the ASHA paper in each bracket.
func TestBracketsRankForThemselves(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 2))
		e := &tourney.EarlyTerminate{Type: "asha", MinIter: 1, MaxIter: 16, Eta: 2, Brackets: 1 + rng.IntN(4)}
		s, err := search.NewScheduler(tourney.Spec{EarlyTerminate: e}, plan)
		if err != nil {
			t.Fatal(err)
		}
		logs := make([][]finished, e.Brackets)
		promoted := map[[2]int]bool{}
		bracket := map[int]int{}
		var running [][2]int
		for range 200 {
			if len(running) > 0 && rng.IntN(2) == 0 {
				i := rng.IntN(len(running))
				f := finished{running[i][0], running[i][1], float64(rng.IntN(9))}
				running = slices.Delete(running, i, i+1)
				s.Finish(search.Finished{Result: search.Result{Trial: f.trial, Rung: f.rung, Loss: f.loss}})
				logs[bracket[f.trial]] = append(logs[bracket[f.trial]], f)
				continue
			}
			trial, rung, ok := s.Next()
			var want [2]int // the highest of what the brackets would promote
			for _, log := range logs {
				if n, r, ok := promotable(log, promoted, 5, 2); ok && r > want[1] {
					want = [2]int{n, r}
				}
			}
			if ok != (want[1] > 0) || ok && [2]int{trial, rung} != want {
				t.Fatalf("seed %d: Next() = %d@%d %v, want %v", seed, trial, rung, ok, want)
			}
			if ok {
				promoted[[2]int{trial, rung - 1}] = true
			} else {
				trial = len(bracket)
				_, rung = s.Enter(tourney.Proposed{Trial: trial})
				bracket[trial] = rung
			}
			s.Start(trial, rung)
			running = append(running, [2]int{trial, rung})
		}
	}
}

// vectors is a trial at a rung of several objectives.
type vectors struct {
	trial     int
	losses    []float64
	violation float64
}

// byDomination sorts trials by definition: those that keep the bounds by peeling
// off one front of non-dominated trials after the other, each by crowding
// distance; then those that do not, by violation.
func byDomination(all []vectors) []vectors {
	var order, left, broken []vectors
	for _, v := range all {
		switch {
		case math.IsInf(v.violation, 1) || slices.ContainsFunc(v.losses, func(x float64) bool { return math.IsInf(x, 1) }):
		case v.violation > 0:
			broken = append(broken, v)
		default:
			left = append(left, v)
		}
	}
	for len(left) > 0 {
		var front, rest []vectors
		for _, v := range left {
			beaten := slices.ContainsFunc(left, func(o vectors) bool {
				worse := false
				for m := range v.losses {
					if o.losses[m] > v.losses[m] {
						return false
					}
					worse = worse || o.losses[m] < v.losses[m]
				}
				return worse
			})
			if beaten {
				rest = append(rest, v)
			} else {
				front = append(front, v)
			}
		}
		distance := map[int]float64{}
		for m := range front[0].losses {
			at := slices.Clone(front)
			slices.SortStableFunc(at, func(a, b vectors) int { return cmp.Compare(a.losses[m], b.losses[m]) })
			width := at[len(at)-1].losses[m] - at[0].losses[m]
			distance[at[0].trial], distance[at[len(at)-1].trial] = math.Inf(1), math.Inf(1)
			for i := 1; i < len(at)-1 && width > 0; i++ {
				distance[at[i].trial] += (at[i+1].losses[m] - at[i-1].losses[m]) / width
			}
		}
		slices.SortStableFunc(front, func(a, b vectors) int { return cmp.Compare(distance[b.trial], distance[a.trial]) })
		order = append(order, front...)
		left = rest
	}
	slices.SortStableFunc(broken, func(a, b vectors) int { return cmp.Compare(a.violation, b.violation) })
	return append(order, broken...)
}

// TestASHAWithSeveralObjectives holds a rung against a sort by definition, in
// both forms.
func TestASHAWithSeveralObjectives(t *testing.T) {
	promotions := 0
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 3))
		eta, stop := 2+rng.IntN(3), seed%2 == 0
		spec := tourney.Spec{
			EarlyTerminate: &tourney.EarlyTerminate{Type: "asha", MinIter: 1, MaxIter: eta, Eta: eta, Stop: stop},
			Metrics:        slices.Repeat([]tourney.Metric{{Goal: tourney.Minimize}}, 2+rng.IntN(2)),
		}
		s, err := search.NewScheduler(spec, plan)
		if err != nil {
			t.Fatal(err)
		}
		var all []vectors
		promoted := map[int]bool{}
		distinct := 3 + rng.IntN(30)
		for trial := range 60 {
			v := vectors{trial: trial}
			for range spec.Metrics {
				v.losses = append(v.losses, float64(rng.IntN(distinct)))
			}
			switch rng.IntN(12) {
			case 0:
				v.losses[rng.IntN(len(v.losses))] = math.Inf(1)
			case 1, 2:
				v.violation = float64(rng.IntN(4))
			case 3:
				v.violation = math.Inf(1)
			}
			all = append(all, v)
			s.Enter(tourney.Proposed{Trial: trial})
			s.Start(trial, 0)
			s.Finish(search.Finished{Result: search.Result{Trial: trial, Loss: v.losses[0], Losses: v.losses, Violation: v.violation}})
			order := byDomination(all)
			best := order[:min(len(all)/eta, len(order))]
			if stop {
				is := func(o vectors) bool { return o.trial == trial }
				want := slices.ContainsFunc(order, is) && (len(all) < eta || slices.ContainsFunc(best, is))
				next, _, ok := s.Next()
				if ok != want || ok && next != trial {
					t.Fatalf("seed %d: trial %d goes on: %v, want %v", seed, trial, ok, want)
				}
				if ok {
					s.Start(trial, 1)
					promotions++
				}
				continue
			}
			for rng.IntN(3) > 0 {
				want := slices.IndexFunc(best, func(o vectors) bool { return !promoted[o.trial] })
				next, _, ok := s.Next()
				if ok != (want >= 0) || ok && next != best[want].trial {
					t.Fatalf("seed %d: after %d, Next() = %d %v, want number %d of %v", seed, len(all), next, ok, want, best)
				}
				if !ok {
					break
				}
				s.Start(next, 1)
				promoted[next] = true
				promotions++
			}
		}
	}
	if promotions < 2000 {
		t.Errorf("only %d promotions: they test little", promotions)
	}
}
