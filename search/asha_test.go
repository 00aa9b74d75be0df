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

// finished is a trial that has finished a rung, in the order of folding.
type finished struct {
	trial, rung int
	loss        float64
}

// promotable is Algorithm 2 of arXiv:1810.05934 read word for word: it returns
// the trial to promote and the rung to go to.
func promotable(log []finished, promoted map[[2]int]bool, rungs, eta int) (trial, rung int, ok bool) {
	for k := rungs - 2; k >= 0; k-- { // for k = K-1, ..., 1, 0 do
		var at []finished
		for _, f := range log {
			if f.rung == k {
				at = append(at, f)
			}
		}
		// candidates = top_k(rung k, |rung k| / eta)
		slices.SortStableFunc(at, func(a, b finished) int { return cmp.Compare(a.loss, b.loss) })
		for _, c := range at[:len(at)/eta] {
			// promotable = {t for t in candidates if t not already promoted}
			if !promoted[[2]int{c.trial, k}] && !math.IsInf(c.loss, 1) {
				return c.trial, k + 1, true // return promotable[0], k+1
			}
		}
	}
	return 0, 0, false
}

func TestASHAIsThePapersAlgorithm2(t *testing.T) {
	if raced {
		t.Skip("one goroutine computes; nothing that the race detector could see")
	}
	promotions := 0
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 0))
		eta := 2 + rng.IntN(3)
		rungs := 1 + rng.IntN(4)
		early := &tourney.EarlyTerminate{Type: "asha", MinIter: 1, MaxIter: power(eta, rungs-1), Eta: eta}
		asha, err := search.NewScheduler(tourney.Spec{EarlyTerminate: early}, tourney.Plan{})
		if err != nil {
			t.Fatal(err)
		}
		ladder, first := asha.Enter(tourney.Proposed{})
		if n := len(ladder); n != rungs || first != 0 {
			t.Fatalf("eta %d, max %d: %d rungs from %d, want %d from 0", eta, early.MaxIter, n, first, rungs)
		}
		var running [][2]int
		var log []finished
		promoted := map[[2]int]bool{}
		trials := 0
		distinct := 1 + rng.IntN(20) // of losses: few make many ties
		for range 150 {
			if len(running) > 0 && rng.IntN(2) == 0 {
				i := rng.IntN(len(running))
				f := finished{trial: running[i][0], rung: running[i][1], loss: float64(rng.IntN(distinct))}
				if rng.IntN(8) == 0 {
					f.loss = math.Inf(1)
				}
				running = slices.Delete(running, i, i+1)
				if rng.IntN(8) == 0 {
					continue // it failed: the scheduler hears nothing
				}
				asha.Finish(search.Finished{Result: search.Result{Trial: f.trial, Rung: f.rung, Loss: f.loss}, Last: f.loss})
				log = append(log, f)
				continue
			}
			wantTrial, wantRung, want := promotable(log, promoted, rungs, eta)
			trial, rung, ok := asha.Next()
			if ok != want || ok && (trial != wantTrial || rung != wantRung) {
				t.Fatalf("seed %d: Next() = %d@%d %v, want %d@%d %v", seed, trial, rung, ok, wantTrial, wantRung, want)
			}
			switch {
			case ok && rng.IntN(10) == 0:
				continue // the slot was taken away: nothing was started
			case ok:
				promoted[[2]int{trial, rung - 1}] = true
				promotions++
			default:
				trial, rung = trials, 0
				trials++
			}
			asha.Start(trial, rung)
			running = append(running, [2]int{trial, rung})
		}
	}
	if promotions < 10_000 {
		t.Errorf("only %d promotions in all histories: they test little", promotions)
	}
}

func power(b, n int) int {
	p := 1
	for range n {
		p *= b
	}
	return p
}

func TestLaddersThatCannotBe(t *testing.T) {
	for _, early := range []tourney.EarlyTerminate{
		{Type: "asha", MinIter: 3, MaxIter: 10, Eta: 1 << 62}, // 3·2^62 wraps round below 10
		{Type: "asha", MinIter: 1, MaxIter: 10, Eta: 1},
		{Type: "asha", MinIter: 0, MaxIter: 10, Eta: 3},
		{Type: "asha", MinIter: 11, MaxIter: 10, Eta: 3},
		{Type: "ashes", MinIter: 1, MaxIter: 10, Eta: 3},
		{MinIter: 1, MaxIter: 10, Eta: 3},
	} {
		if _, err := search.NewScheduler(tourney.Spec{EarlyTerminate: &early}, plan); tourney.AsInvalid(err) == nil {
			t.Errorf("%+v: error %v, want an InvalidError", early, err)
		}
	}
}
