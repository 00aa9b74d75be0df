package cmaes_test

import (
	"math/rand/v2"
	"testing"

	"tourney/search/cmaes"
	"tourney/search/searchtest/suite"
)

// asker lets a search meet a problem of the suite.
func asker(p *suite.Problem, seed uint64) suite.Asker {
	c := cmaes.New(p.Axes, cmaes.Options{Seed: seed})
	told := 0
	return func(rng *rand.Rand, done []suite.Observation, k int, seen func([]float64) bool) [][]float64 {
		for ; told < len(done); told++ {
			c.Tell(done[told].U, done[told].Loss)
		}
		points := make([][]float64, k)
		for i := range points {
			u := make([]float64, len(p.Axes))
			for range 100 {
				c.Ask(rng, u)
				if p.Mask != nil {
					p.Mask(u)
				}
				if !seen(u) {
					break
				}
			}
			points[i] = u
		}
		return points
	}
}

// On the suite the score is what Optuna's CMA-ES scored there with 20 seeds, or
// better: one trial at a time -1.42 at 100 and -1.86 at 200, and with 16
// pending -1.21 and -1.55. A score of 20 seeds moves by about 0.04.
func TestScoresAsThePeerOnTheSuite(t *testing.T) {
	const seeds, noise = 20, 0.04
	problems := suite.Problems()
	for _, tt := range []struct {
		batch     int
		at100, at float64
	}{{1, -1.42, -1.86}, {16, -1.21, -1.55}} {
		at100, at200 := make([][]float64, len(problems)), make([][]float64, len(problems))
		for i := range problems {
			for seed := range uint64(seeds) {
				out := suite.Play(&problems[i], asker(&problems[i], seed), 200, tt.batch, seed)
				at100[i] = append(at100[i], out.Regret[99])
				at200[i] = append(at200[i], out.Regret[199])
			}
			t.Logf("%d pending, %s: %.3g, %.3g", tt.batch, problems[i].Name, suite.Median(at100[i]), suite.Median(at200[i]))
		}
		s100, s200 := suite.S3(problems, at100), suite.S3(problems, at200)
		t.Logf("%d pending: %.2f at 100, %.2f at 200", tt.batch, s100, s200)
		if s100 > tt.at100+noise || s200 > tt.at+noise {
			t.Errorf("%d pending: %.2f at 100, %.2f at 200; want %.2f, %.2f", tt.batch, s100, s200, tt.at100, tt.at)
		}
	}
}
