package search_test

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tourney"
	"tourney/search"
)

// openRung is the highest rung that PASHA has opened after a log, by reading
// the paper's rules anew after each result.
func openRung(log []finished, rungs int) int {
	top, epsilon := min(1, rungs-1), 0.0
	loss := map[[2]int]float64{}
	for n, f := range log {
		loss[[2]int{f.trial, f.rung}] = f.loss
		if f.rung != top || top == rungs-1 || math.IsInf(f.loss, 1) {
			continue
		}
		var trials []int
		for _, o := range log[:n+1] {
			if o.rung == top && !math.IsInf(o.loss, 1) {
				trials = append(trials, o.trial)
			}
		}
		at := func(trial, rung int) float64 { return loss[[2]int{trial, rung}] }
		ranked := func(first, second int) []int {
			return slices.SortedFunc(slices.Values(trials), func(a, b int) int {
				return cmp.Or(cmp.Compare(at(a, first), at(b, first)), cmp.Compare(at(a, second), at(b, second)))
			})
		}
		var apart []float64
		for i, a := range trials {
			for _, b := range trials[:i] {
				// f(r_j) > f'(r_j), f(r_k) < f'(r_k), f(r_l) > f'(r_l) for
				// some r_j > r_k > r_l, or the other way round.
				crossed := false
				for k := range top {
					for l := range k {
						x, y, z := at(a, top)-at(b, top), at(a, k)-at(b, k), at(a, l)-at(b, l)
						crossed = crossed || x > 0 && y < 0 && z > 0 || x < 0 && y > 0 && z < 0
					}
				}
				if crossed {
					apart = append(apart, math.Abs(at(a, top)-at(b, top)))
				}
			}
		}
		if m := len(apart); m > 0 {
			slices.Sort(apart)
			lo, part := 9*(m-1)/10, float64(9*(m-1)%10)/10
			epsilon = apart[lo]
			if part > 0 {
				epsilon += (apart[lo+1] - apart[lo]) * part
			}
		}
		here, below := ranked(top, top-1), ranked(top-1, top)
		for i := range here {
			if math.Abs(at(here[i], top-1)-at(below[i], top-1)) > epsilon {
				top++
				break
			}
		}
	}
	return top
}

func TestPASHAIsThePapersRule(t *testing.T) {
	if raced {
		t.Skip("one goroutine computes; nothing that the race detector could see")
	}
	promotions, rises := 0, 0
	for seed := range uint64(1000) {
		rng := rand.New(rand.NewPCG(seed, 0))
		eta, rungs := 2+rng.IntN(2), 1+rng.IntN(6)
		early := &tourney.EarlyTerminate{Type: "pasha", MinIter: 1, MaxIter: power(eta, rungs-1), Eta: eta}
		s, err := search.NewScheduler(tourney.Spec{EarlyTerminate: early}, plan)
		if err != nil {
			t.Fatal(err)
		}
		quality := map[int]float64{} // of a trial; its losses lie around it
		noise := rng.Float64() * 3
		var running [][2]int
		var log []finished
		promoted := map[[2]int]bool{}
		for range 90 {
			if len(running) > 0 && rng.IntN(2) == 0 {
				i := rng.IntN(len(running))
				f := finished{trial: running[i][0], rung: running[i][1]}
				f.loss = math.Round(quality[f.trial] + noise*rng.NormFloat64())
				if rng.IntN(15) == 0 {
					f.loss = math.Inf(1)
				}
				running = slices.Delete(running, i, i+1)
				s.Finish(search.Finished{Result: search.Result{Trial: f.trial, Rung: f.rung, Loss: f.loss}, Last: f.loss})
				log = append(log, f)
				continue
			}
			open := openRung(log, rungs)
			wantTrial, wantRung, want := promotable(log, promoted, open+1, eta)
			trial, rung, ok := s.Next()
			if ok != want || ok && (trial != wantTrial || rung != wantRung) {
				t.Fatalf("seed %d: Next() = %d@%d %v, want %d@%d %v, with rung %d open", seed, trial, rung, ok, wantTrial, wantRung, want, open)
			}
			if ok {
				promoted[[2]int{trial, rung - 1}] = true
				promotions++
			} else {
				trial, rung = len(quality), 0
				quality[trial] = math.Round(10 * rng.Float64())
				s.Enter(tourney.Proposed{Trial: trial})
			}
			s.Start(trial, rung)
			running = append(running, [2]int{trial, rung})
		}
		rises += max(openRung(log, rungs)-1, 0)
	}
	if promotions < 5_000 || rises < 300 {
		t.Errorf("only %d promotions and %d rises in all histories: they test little", promotions, rises)
	}
}

// TestPASHAOpensARungWhenRankingsDisagree: the highest rung rises if the two
// highest rank the trials differently, and stays if they agree.
func TestPASHAOpensARungWhenRankingsDisagree(t *testing.T) {
	for turns, want := range map[int]int{
		9: 1, // the order never turns round: two rungs are enough
		1: 2, // it does between rungs 0 and 1; 1 and 2 agree again
	} {
		early := &tourney.EarlyTerminate{Type: "pasha", MinIter: 1, MaxIter: 81, Eta: 3}
		s, err := search.NewScheduler(tourney.Spec{EarlyTerminate: early}, plan)
		if err != nil {
			t.Fatal(err)
		}
		highest, trials := 0, 0
		for range 300 {
			next, rung, ok := s.Next()
			if !ok {
				next, rung = trials, 0
				s.Enter(tourney.Proposed{Trial: next})
				trials++
			}
			s.Start(next, rung)
			loss := float64(next*7919%1000) + 1
			if rung >= turns {
				loss = 1 / loss
			}
			s.Finish(search.Finished{Result: search.Result{Trial: next, Rung: rung, Loss: loss}, Last: loss})
			highest = max(highest, rung)
		}
		if highest != want {
			t.Errorf("the order turns round at rung %d: the highest rung is %d, want %d", turns, highest, want)
		}
	}
}
