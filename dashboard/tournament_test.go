package dashboard_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"tourney"
)

// digitsSpec is a sweep as a person would write it.
func digitsSpec(name string) tourney.Spec {
	return tourney.Spec{
		Name: name, Dataset: "digits", Trainer: "linear", Method: tourney.MethodRandom,
		Metric:     tourney.Metric{Name: "accuracy", Goal: tourney.Maximize},
		Validation: tourney.Validation{Kind: tourney.Holdout, Fraction: 0.2},
		RunCap:     120, Parallelism: 16, Order: tourney.OrderFixed, Seed: 7,
		EarlyTerminate: &tourney.EarlyTerminate{Type: "asha", MinIter: 1, MaxIter: 27, Eta: 3},
		Parameters: tourney.Space{
			{Name: "batch_size", Distribution: tourney.Categorical, Values: []any{int64(32), int64(64), int64(128)}},
			{Name: "epochs", Distribution: tourney.Constant, Value: int64(27)},
			{Name: "l2", Distribution: tourney.LogUniformValues, Min: 1e-7, Max: 1e-1},
			{Name: "learning_rate", Distribution: tourney.LogUniformValues, Min: 1e-3, Max: 1},
			{Name: "momentum", Distribution: tourney.Uniform, Min: 0, Max: 0.99},
			{Name: "optimizer", Distribution: tourney.Categorical, Values: []any{"sgd", "adam"}},
		},
	}
}

// play runs a tournament of successive halving with made-up learning curves
// until so many jobs have been reported, one each gap, and leaves four running.
func play(f *fake, id string, spec tourney.Spec, started time.Time, jobs int, gap time.Duration) {
	rng := rand.New(rand.NewPCG(spec.Seed, 1))
	budgets := spec.EarlyTerminate.Rungs()
	type done struct {
		trial int
		value float64
	}
	rungs := make([][]done, len(budgets))
	promoted := make([]map[int]bool, len(budgets))
	for i := range promoted {
		promoted[i] = map[int]bool{}
	}
	talent := map[int]float64{}
	rate := map[int]float64{}
	now := started

	// next promotes one of the best third of a rung, or proposes a new trial.
	next := func() (trial, rung int) {
		for r := len(budgets) - 2; r >= 0; r-- {
			best := slices.Clone(rungs[r])
			slices.SortFunc(best, func(a, b done) int { return int(math.Copysign(1, b.value-a.value)) })
			for _, d := range best[:len(best)/spec.EarlyTerminate.Eta] {
				if !promoted[r][d.trial] {
					promoted[r][d.trial] = true
					return d.trial, r + 1
				}
			}
		}
		lr, momentum := math.Pow(10, -3+3*rng.Float64()), 0.99*rng.Float64()
		l2 := math.Pow(10, -7+6*rng.Float64())
		params := tourney.Params{
			"batch_size": []any{int64(32), int64(64), int64(128)}[rng.IntN(3)], "epochs": int64(27), "l2": l2,
			"learning_rate": lr, "momentum": momentum, "optimizer": []any{"sgd", "adam"}[rng.IntN(2)],
		}
		n := f.propose(id, params, now)
		off := math.Log10(lr) + 1.1
		talent[n] = 0.975 - 0.035*off*off - 0.02*math.Abs(momentum-0.8) - 0.004*math.Max(0, math.Log10(l2)+4) + 0.004*rng.NormFloat64()
		rate[n] = lr
		return n, 0
	}
	for range jobs {
		n, r := next()
		now = now.Add(gap)
		if rate[n] > 0.85 {
			f.report(id, n, r, tourney.TrialDiverged, tourney.End{Outcome: tourney.OutcomeDiverged, Step: 1}, now)
			continue
		}
		value := talent[n] - 0.22*math.Exp(-0.55*float64(budgets[r])) - 0.02/float64(budgets[r])
		metrics := tourney.Metrics{"accuracy": value, "logloss": 3.4 * (1 - value), "train_accuracy": math.Min(1, value+0.012)}
		state := tourney.TrialPaused
		if r == len(budgets)-1 {
			state = tourney.TrialCompleted
		}
		f.report(id, n, r, state, tourney.End{Outcome: tourney.OutcomeDone, Step: budgets[r], BestStep: budgets[r], Value: &value, Metrics: metrics}, now)
		rungs[r] = append(rungs[r], done{n, value})
	}
	for range 4 {
		f.propose(id, tourney.Params{
			"batch_size": int64(64), "epochs": int64(27), "l2": 1e-5, "learning_rate": 0.05 + 0.1*rng.Float64(),
			"momentum": 0.9 * rng.Float64(), "optimizer": "sgd",
		}, now)
	}
}
