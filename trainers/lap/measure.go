package lap

import (
	"slices"
	"sync"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/metrics"
)

// score is what the rows that were measured last come to for a fit.
type score struct {
	classes metrics.Classification
	errors  metrics.Regression
	all     []float32 // [n×outputs] all scores, if they are to be ranked
	auc     float64   // if they are
	prAUC   float64
}

// rankCells is how many scores a fit may have for the metrics that need them
// sorted to be told of every step without anybody having asked for them.
const rankCells = 2_000

// ranked reports whether a metric needs all scores, in order.
func ranked(metric string) bool { return metric == "auc" || metric == "pr_auc" }

// metricsOf lists what is measured of a trial, sorted.
func (h *run) metricsOf(t *Trial) []string {
	cheap, defined := true, true
	for _, f := range h.Folds {
		m := f.Valid
		if t.Final {
			m = h.data.Test
		}
		cheap = cheap && m.N*h.Outputs <= rankCells
		defined = defined && h.rankable[m]
	}
	return slices.DeleteFunc(tourney.MetricNames(h.data.Task), func(name string) bool {
		return ranked(name) && (!defined || !cheap && !t.Final && !t.Job.Wants(name))
	})
}

// values returns the metrics of rows that have been measured, in that order.
func (s *score) values(f *Fold, m *dataset.Matrix, names []string) []float64 {
	out := make([]float64, len(names))
	for i, name := range names {
		switch name {
		case "accuracy":
			out[i] = s.classes.Accuracy()
		case "logloss":
			out[i] = s.classes.LogLoss()
		case "brier":
			out[i] = s.classes.Brier()
		case "f1":
			out[i] = s.classes.F1()
		case "auc":
			out[i] = s.auc
		case "pr_auc":
			out[i] = s.prAUC
		case "rmse":
			out[i] = s.errors.RMSE()
		case "mae":
			out[i] = s.errors.MAE()
		case "mape":
			out[i] = s.errors.MAPE()
		case "r2":
			out[i] = s.errors.R2(f.spread[m])
		default:
			panic("lap: no way to measure " + name)
		}
	}
	return out
}

// rankers keep their memory from one step to the next.
var rankers = sync.Pool{New: func() any { return new(metrics.Ranker) }}

// rank measures what needs all scores, of the metrics asked for.
func (s *score) rank(m *dataset.Matrix, names []string, k int) {
	r := rankers.Get().(*metrics.Ranker)
	defer rankers.Put(r)
	for _, name := range names {
		switch name {
		case "auc":
			s.auc = r.OneVsRest(r.AUC, m.Y, m.W, s.all, k)
		case "pr_auc":
			s.prAUC = r.OneVsRest(r.AveragePrecision, m.Y, m.W, s.all, k)
		}
	}
}

// measure sets the scores of all fits of trials over the rows that of returns
// for their fold, part by part on the pool.
func (h *run) measure(trials []*Trial, of func(*Fold) *dataset.Matrix) {
	type item struct {
		scorer Scorer
		scores []*score
		fold   *Fold
		lo     int
		sums   []score
	}
	var items []*item
	var ranks []func()
	for i, f := range h.Folds {
		m := of(f)
		scoreOf := map[Fit]*score{}
		var fits []Fit
		for _, t := range trials {
			s := &score{}
			if slices.ContainsFunc(t.metrics, ranked) {
				s.all = t.scores[i].all
				if len(s.all) != m.N*h.Outputs {
					s.all = make([]float32, m.N*h.Outputs)
				}
				ranks = append(ranks, func() { s.rank(m, t.metrics, h.Outputs) })
			}
			t.scores[i] = s
			scoreOf[t.Fits[i]], fits = s, append(fits, t.Fits[i])
		}
		for _, scorer := range h.problem.Scorers(fits) {
			var scores []*score
			for _, fit := range scorer.Fits() {
				scores = append(scores, scoreOf[fit])
			}
			for lo := 0; lo < m.N; lo += dataset.PartRows {
				items = append(items, &item{scorer: scorer, scores: scores, fold: f, lo: lo})
			}
		}
	}
	h.pool.Do(len(items), func(i int) {
		it := items[i]
		m := of(it.fold)
		it.sums = h.measurePart(it.scorer, it.scores, m, it.lo, min(it.lo+dataset.PartRows, m.N))
	})
	for _, it := range items {
		for i, s := range it.scores {
			s.classes.Merge(it.sums[i].classes)
			s.errors.Merge(it.sums[i].errors)
		}
	}
	h.pool.Do(len(ranks), func(i int) { ranks[i]() })
}

// measurePart measures the rows lo to hi of m, which are of one part.
func (h *run) measurePart(scorer Scorer, scores []*score, m *dataset.Matrix, lo, hi int) []score {
	sums := make([]score, len(scores))
	k := h.Outputs
	var scratch []float32
	out := make([][]float32, len(scores))
	for ; lo < hi; lo += ScoreRows {
		n := min(ScoreRows, hi-lo)
		for i, s := range scores {
			if s.all != nil {
				out[i] = s.all[lo*k : (lo+n)*k]
				continue
			}
			if scratch == nil {
				scratch = make([]float32, len(scores)*ScoreRows*k)
			}
			out[i] = scratch[i*ScoreRows*k:][:n*k]
		}
		scorer.Score(m, lo, lo+n, out)
		y := m.Y[lo : lo+n]
		var w []float32
		if m.W != nil {
			w = m.W[lo : lo+n]
		}
		for i := range scores {
			if h.Regression() {
				sums[i].errors.AddBlock(y, out[i], w)
			} else {
				sums[i].classes.AddBlock(out[i], y, w, k)
			}
		}
	}
	return sums
}
