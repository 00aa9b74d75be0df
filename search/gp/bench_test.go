package gp_test

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"testing"

	"tourney/search/axis"
	"tourney/search/gp"
	"tourney/search/searchtest/suite"
)

// BenchmarkAsk is one proposal in ten dimensions after a hundred trials, with
// what fits of the hyperparameters cost on average: asks go from 90 trials to
// 110, and over again.
func BenchmarkAsk(b *testing.B) {
	axes := make([]axis.Axis, 10)
	p := named(b, "rosenbrock10")
	rng := rand.New(rand.NewPCG(1, 1))
	var obs []gp.Observation
	var model *gp.Model
	add := func() {
		var out [][]float64
		out, model = gp.Propose(rng, gp.Space{Axes: axes}, obs, nil, 1, model)
		obs = append(obs, gp.Observation{U: out[0], Loss: p.Truth(out[0])})
	}
	for len(obs) < 90 {
		add()
	}
	start, from := model, len(obs)
	for b.Loop() {
		if len(obs) == 110 {
			obs, model = obs[:from:from], start
		}
		add()
	}
}

// BenchmarkScore is the quality of the search: S3 of the suite's functions and
// tables after 25, 50, 100 and 200 trials, alone and in batches of 16. Each
// iteration is one seed, so use -benchtime 20x; -v prints each problem.
func BenchmarkScore(b *testing.B) {
	b.Run("functions", func(b *testing.B) { score(b, suite.Problems(), 200, 1) })
	b.Run("pending", func(b *testing.B) { score(b, suite.Problems(), 100, 16) })
	b.Run("tables", func(b *testing.B) {
		folder := os.DirFS("../../../shared/hpo/tables")
		if _, err := fs.Stat(folder, "."); err != nil {
			b.Skip("the tables of real trainings are not beside the repository")
		}
		problems, err := suite.Tables(folder)
		if err != nil {
			b.Fatal(err)
		}
		score(b, problems, 100, 1)
	})
}

func score(b *testing.B, problems []suite.Problem, n, batch int) {
	outcomes := make([][]suite.Outcome, len(problems))
	for seed := uint64(0); b.Loop(); seed++ {
		for i := range problems {
			p := &problems[i]
			outcomes[i] = append(outcomes[i], suite.Play(p, sampler(p, false), n, batch, seed))
		}
	}
	for _, at := range []int{25, 50, 100, 200} {
		if at > n {
			break
		}
		regrets := make([][]float64, len(problems))
		for i := range problems {
			for _, o := range outcomes[i] {
				regrets[i] = append(regrets[i], o.Regret[at-1])
			}
			b.Logf("%-34s @%-3d median regret %-10.3g score %.2f", problems[i].Name, at, suite.Median(regrets[i]), problems[i].Score(regrets[i]))
		}
		b.ReportMetric(suite.S3(problems, regrets), fmt.Sprintf("S3@%d", at))
	}
}
