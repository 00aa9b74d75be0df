package gbdt_test

import (
	"math/rand/v2"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/trainertest"
	"tourney/trainers/tree/gbdt"
)

// kind says which target toys have.
type kind struct {
	classes int // 0: regression
	folds   int // 0: a final job
	weights bool
}

// toys makes rows with numbers, missing values and categories, which two or
// three folds or a final job share.
func toys(n int, k kind) *dataset.Data {
	const d = 6
	rng := rand.New(rand.NewPCG(5, uint64(n)))
	m := &dataset.Matrix{N: n, D: d, Bins: make([]uint8, n*d), Y: make([]float32, n)}
	if k.weights {
		m.W = make([]float32, n)
	}
	for i := range n {
		row := m.Bins[i*d : (i+1)*d]
		z := rng.NormFloat64()
		for j := range row {
			row[j] = uint8(1 + rng.IntN(30))
			if j == 4 {
				row[j] = uint8(1 + rng.IntN(9))
			}
			if j < 2 && rng.IntN(6) == 0 {
				row[j] = 0
			}
		}
		z += float64(row[0])/8 - float64(row[1]%8)/2 + float64(row[2])*float64(row[3])/150 + float64(row[4]*7%9)/3
		switch k.classes {
		case 0:
			m.Y[i] = float32(1000 + 50*z)
		case 2:
			m.Y[i] = float32(min(1, int(max(0, z-3.5))))
		default:
			m.Y[i] = float32(min(k.classes-1, int(max(0, z/2))))
		}
		if k.weights {
			m.W[i] = float32(rng.IntN(4))
		}
	}
	binning := &dataset.Binning{}
	for j := range d {
		f := dataset.BinnedFeature{Name: string(rune('a' + j)), Kind: tourney.Number}
		for e := range 29 {
			f.Edges = append(f.Edges, float64(e)+0.5)
		}
		if j == 4 {
			f.Kind, f.Edges, f.Levels = tourney.Category, nil, []string{"p", "q", "r", "s", "t", "u", "v", "w", "x"}
		}
		binning.Features = append(binning.Features, f)
	}
	out := &dataset.Data{Version: "v", Form: dataset.Binned, Task: tourney.Classification}
	for i := range k.classes {
		out.Classes = append(out.Classes, string(rune('A'+i)))
	}
	if k.classes == 0 {
		out.Task = tourney.Regression
	}
	if k.folds == 0 {
		cut := n * 4 / 5
		out.Folds = []*dataset.Fold{{Train: part(m, dataset.Span{From: 0, To: cut}), Bins: binning}}
		out.Test = part(m, dataset.Span{From: cut, To: n})
	}
	for f := range k.folds {
		lo, hi := f*n/(k.folds+1), (f+1)*n/(k.folds+1)
		out.Folds = append(out.Folds, &dataset.Fold{
			Train: part(m, dataset.Span{From: 0, To: lo}, dataset.Span{From: hi, To: n}),
			Valid: part(m, dataset.Span{From: lo, To: hi}), Bins: binning,
		})
	}
	return out
}

// part returns some rows of a matrix, which share its bins.
func part(m *dataset.Matrix, spans ...dataset.Span) *dataset.Matrix {
	out := &dataset.Matrix{D: m.D, Bins: m.Bins}
	for _, s := range spans {
		if s.From == s.To {
			continue
		}
		out.N += s.To - s.From
		out.Y = append(out.Y, m.Y[s.From:s.To]...)
		if m.W != nil {
			out.W = append(out.W, m.W[s.From:s.To]...)
		}
		out.Spans = append(out.Spans, s)
	}
	return out
}

// merged returns parameters with others beside them.
func merged(all ...tourney.Params) tourney.Params {
	out := tourney.Params{}
	for _, params := range all {
		for name, v := range params {
			out[name] = v
		}
	}
	return out
}

func TestConformance(t *testing.T) {
	small := tourney.Params{"num_leaves": 8, "min_data_in_leaf": 5, "learning_rate": 0.3}
	trials := func(common tourney.Params, each ...tourney.Params) []tourney.Params {
		var out []tourney.Params
		for _, p := range each {
			out = append(out, merged(small, common, p))
		}
		return out
	}
	variety := []tourney.Params{
		{},
		{"bagging_fraction": 0.6, "bagging_freq": 2, "feature_fraction": 0.5},
		{"learning_rate": 0.1, "lambda_l2": 3, "extra_trees": true},
		{"max_depth": 2, "grow_policy": "depth"},
		{"data_sample_strategy": "goss", "learning_rate": 0.6},
	}
	for name, s := range map[string]*trainertest.Suite{
		"two classes": {
			Rung: toys(900, kind{classes: 2, folds: 1}), Final: toys(500, kind{classes: 2}),
			Metric: tourney.DefaultMetric(tourney.Classification), Params: trials(nil, variety...),
		},
		"three classes, weighted": {
			Rung: toys(600, kind{classes: 3, folds: 2, weights: true}), Final: toys(500, kind{classes: 3, weights: true}),
			Metric: tourney.Metric{Name: "accuracy", Goal: tourney.Maximize}, Params: trials(nil, variety...),
		},
		"regression": {
			Rung: toys(9000, kind{folds: 1}), Final: toys(500, kind{}),
			Metric: tourney.DefaultMetric(tourney.Regression), Params: trials(nil, variety...),
			Diverge: tourney.Params{"learning_rate": 1e30},
		},
		"objectives": {
			Rung: toys(700, kind{folds: 2, weights: true}), Final: toys(500, kind{weights: true}),
			Metric: tourney.Metric{Name: "mae", Goal: tourney.Minimize}, Params: trials(nil,
				tourney.Params{"objective": "l1"}, tourney.Params{"objective": "huber", "alpha": 20, "data_sample_strategy": "goss", "learning_rate": 1},
				tourney.Params{"objective": "quantile", "alpha": 0.7}, tourney.Params{"objective": "poisson"},
				tourney.Params{"objective": "fair"}, tourney.Params{"objective": "gamma"}),
		},
		"dart": {
			Rung: toys(700, kind{classes: 2, folds: 2}), Final: toys(500, kind{classes: 2}),
			Metric: tourney.DefaultMetric(tourney.Classification), Params: trials(tourney.Params{"boosting": "dart", "skip_drop": 0.1, "drop_rate": 0.5},
				variety[0], variety[1], tourney.Params{"xgboost_dart_mode": true}, tourney.Params{"uniform_drop": true}, variety[4]),
		},
		"dart, three classes": {
			Rung: toys(700, kind{classes: 3, folds: 1}), Final: toys(500, kind{classes: 3}),
			Metric: tourney.DefaultMetric(tourney.Classification), Params: trials(tourney.Params{"boosting": "dart", "skip_drop": 0.1, "drop_rate": 0.5},
				variety[0], variety[1], tourney.Params{"xgboost_dart_mode": true}, tourney.Params{"uniform_drop": true}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.Trainer, s.Budget = gbdt.Family().Trainer, 6
			s.Refuse = tourney.Params{"num_leaves": 1}
			s.Run(t)
		})
	}
}
