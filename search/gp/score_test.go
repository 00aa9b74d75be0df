package gp_test

import (
	"testing"

	"tourney/search/searchtest/suite"
)

// On problems of each kind the median regret of three runs of fifty trials is
// below the least that Optuna's samplers reach on them, Gaussian process, tree
// of Parzen estimators or CMA-ES, as measured with five to twenty seeds.
func TestBeatsPeers(t *testing.T) {
	if testing.Short() {
		t.Skip("some seconds of search")
	}
	for _, tt := range []struct {
		name string
		peer float64 // median regret at 50 trials
	}{
		{"hartmann6", 0.0089}, {"ackley5s", 7.02}, {"rosenbrock5", 420}, {"cond8", 0.0202}, {"nanhart3", 0.151},
	} {
		p := named(t, tt.name)
		var regrets []float64
		for seed := range uint64(3) {
			regrets = append(regrets, suite.Play(p, sampler(p, false), 50, 1, seed).Regret[49])
		}
		if m := suite.Median(regrets); m > tt.peer {
			t.Errorf("%s: median regret %v, the best peer's is %v", tt.name, m, tt.peer)
		}
	}
}

// Of a space where half of the trainings crash, few crash before the best is
// found, and it is.
func TestFailures(t *testing.T) {
	p := named(t, "nanhart3")
	out := suite.Play(p, sampler(p, false), 60, 1, 3)
	if out.Regret[59] > 0.005 {
		t.Errorf("the best of 60 trials is %v above the minimum, want 0.005", out.Regret[59])
	}
	if out.Failed > 21 {
		t.Errorf("%d of 60 trials failed, want 35 of 100 at most", out.Failed)
	}
}
