package tpe_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tourney/search/searchtest/suite"
	"tourney/search/sobol"
	"tourney/search/tpe"
)

// activity returns which axes of a problem have a part.
func activity(p *suite.Problem) func(u []float64, num int) bool {
	if p.Mask == nil {
		return nil
	}
	return func(u []float64, num int) bool {
		v := make([]float64, len(u))
		for i := range v {
			if v[i] = 0.5; i < num && !math.IsNaN(u[i]) {
				v[i] = u[i]
			}
		}
		p.Mask(v)
		return !math.IsNaN(v[num])
	}
}

// asker lets a sampler meet a problem of the suite. The default begins with a
// Sobol sequence.
func asker(t testing.TB, p *suite.Problem, optuna bool, seed uint64) suite.Asker {
	o := tpe.Options{Optuna: optuna, Active: activity(p)}
	if !optuna {
		start := sobol.New(len(p.Axes), seed)
		o.Start = func(n int) []float64 {
			u := make([]float64, len(p.Axes))
			start.At(n, u)
			return u
		}
	}
	s := build(t, p.Axes, o)
	return func(rng *rand.Rand, done []suite.Observation, k int, seen func([]float64) bool) [][]float64 {
		trials := make([]tpe.Trial, len(done))
		for i, d := range done {
			trials[i] = tpe.Trial{U: d.U, Loss: d.Loss}
			if math.IsInf(d.Loss, 1) {
				trials[i].State = tpe.Failed
			}
		}
		return s.ProposeN(rng, trials, seen, k)
	}
}

// On the suite, Optuna's rules score at 100 trials what Optuna 5 scored there
// with 20 seeds, -1.55 one at a time and -1.45 with 16 pending, within the
// noise of few seeds; the default scores better.
func TestScoresOnTheSuite(t *testing.T) {
	if raced {
		t.Skip("too slow under the race detector")
	}
	problems := suite.Problems()
	for _, tt := range []struct {
		optuna       bool
		seeds, batch int
		low, top     float64
	}{
		{true, 10, 1, -1.65, -1.45},
		{true, 10, 16, -1.55, -1.35},
		{false, 6, 1, -3, -1.70},
		{false, 6, 16, -3, -1.50},
	} {
		regrets := make([][]float64, len(problems))
		for i := range problems {
			p := &problems[i]
			for seed := range uint64(tt.seeds) {
				out := suite.Play(p, asker(t, p, tt.optuna, seed), 100, tt.batch, seed)
				regrets[i] = append(regrets[i], out.Regret[99])
			}
		}
		if s3 := suite.S3(problems, regrets); s3 < tt.low || s3 > tt.top {
			t.Errorf("optuna %v, %d pending: %.2f, want %v to %v", tt.optuna, tt.batch, s3, tt.low, tt.top)
		} else {
			t.Logf("optuna %v, %d pending: %.2f", tt.optuna, tt.batch, s3)
		}
	}
}

// Failures teach and branches are chosen: medians over 20 seeds at 100 trials
// of what Optuna 5 ends at 0.31 and 0.020 with.
func TestFailuresAndBranches(t *testing.T) {
	for name, most := range map[string]float64{"nanhart3": 0.013, "cond8": 0.011} {
		for _, p := range suite.Problems() {
			if p.Name != name {
				continue
			}
			var regrets []float64
			failed := 0
			for seed := range uint64(20) {
				out := suite.Play(&p, asker(t, &p, false, seed), 100, 1, seed)
				regrets = append(regrets, out.Regret[99])
				failed += out.Failed
			}
			if m := suite.Median(regrets); !(m <= most) {
				t.Errorf("%s: median regret %v, want at most %v", name, m, most)
			}
			if failed > 20*35 {
				t.Errorf("%s: %d of 2000 trials failed", name, failed)
			}
		}
	}
}

// The default is better than random draws in at least 17 of 20 pairs of runs,
// which chance does once in 700 times. Not so on eggholder2, a field of deep
// holes of much the same depth, where it is in 14.
func TestBetterThanRandom(t *testing.T) {
	if raced {
		t.Skip("too slow under the race detector")
	}
	for _, p := range suite.Problems() {
		if p.Noise > 0 || p.Name == "eggholder2" {
			continue // noise: the best seen is not the best
		}
		wins := 0
		for seed := range uint64(20) {
			ours := suite.Play(&p, asker(t, &p, false, seed), 80, 1, seed).Regret[79]
			theirs := suite.Play(&p, func(rng *rand.Rand, _ []suite.Observation, k int, _ func([]float64) bool) [][]float64 {
				points := make([][]float64, k)
				for i := range points {
					points[i] = p.Random(rng)
				}
				return points
			}, 80, 1, seed).Regret[79]
			if ours < theirs {
				wins++
			}
		}
		if wins < 17 {
			t.Errorf("%s: better than random in %d of 20", p.Name, wins)
		}
	}
}
