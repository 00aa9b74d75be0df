package metrics_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tourney/trainers/metrics"
)

// Of the four pairs of a row of class 1 and one of class 0 three are in order
// and one is tied. From the top, precision is 1 at a recall of ½ and ⅔ at 1.
func TestRankMetricsByHand(t *testing.T) {
	y, score := []float32{0, 1, 0, 1}, []float32{1, 2, 2, 3}
	near(t, "AUC", metrics.AUC(y, nil, score), 3.5/4, 1e-15)
	near(t, "average precision", metrics.AveragePrecision(y, nil, score), 0.5+1.0/3, 1e-15)

	// The tied row of class 0 counts three times: of 8 pairs 5 are in order and
	// 3 are tied; precision at the tie is 2 of 5.
	w := []float32{1, 1, 3, 1}
	near(t, "weighted AUC", metrics.AUC(y, w, score), 6.5/8, 1e-15)
	near(t, "weighted average precision", metrics.AveragePrecision(y, w, score), 0.5+0.2, 1e-15)
}

// dumbAUC looks at every pair.
func dumbAUC(y, w, score []float32) float64 {
	won, pairs := 0.0, 0.0
	for i := range y {
		for j := range y {
			if y[i] != 1 || y[j] != 0 {
				continue
			}
			both := 1.0
			if w != nil {
				both = float64(w[i]) * float64(w[j])
			}
			pairs += both
			switch {
			case score[i] > score[j]:
				won += both
			case score[i] == score[j]:
				won += both / 2
			}
		}
	}
	return won / pairs
}

// dumbAveragePrecision cuts at the score of every row of class 1, and shares
// each cut's precision out to them: ∑ P(cut)·ΔR is the weighted mean of the
// precision at their own scores.
func dumbAveragePrecision(y, w, score []float32) float64 {
	weight := func(i int) float64 {
		if w == nil {
			return 1
		}
		return float64(w[i])
	}
	sum, total := 0.0, 0.0
	for i := range y {
		if y[i] != 1 {
			continue
		}
		hits, all := 0.0, 0.0
		for j := range y {
			if score[j] >= score[i] {
				all += weight(j)
				hits += weight(j) * float64(y[j])
			}
		}
		if all > 0 {
			sum += weight(i) * hits / all
		}
		total += weight(i)
	}
	return sum / total
}

func TestRankMetricsEqualTheirDefinitions(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	odd := []float32{0, float32(math.Copysign(0, -1)), float32(math.Inf(1)), float32(math.Inf(-1)), math.SmallestNonzeroFloat32, -math.SmallestNonzeroFloat32, 1, -1}
	var ranker metrics.Ranker
	check := func(n, kind int, weighted bool) {
		y, score := make([]float32, n), make([]float32, n)
		var w []float32
		if weighted {
			w = make([]float32, n)
		}
		for i := range y {
			y[i] = float32(rng.IntN(2))
			switch kind {
			case 0:
				score[i] = float32(rng.NormFloat64())
			case 1:
				score[i] = float32(rng.IntN(5)) / 4
			default:
				score[i] = odd[rng.IntN(len(odd))]
			}
			if weighted {
				w[i] = float32(rng.IntN(3))
			}
		}
		wantAUC, wantAP := dumbAUC(y, w, score), dumbAveragePrecision(y, w, score)
		gotAUC, gotAP := ranker.AUC(y, w, score), ranker.AveragePrecision(y, w, score)
		if math.IsNaN(wantAUC) { // no pair, or none with a weight
			if !math.IsNaN(gotAUC) || !math.IsNaN(gotAP) {
				t.Fatalf("one class alone: AUC %v, average precision %v", gotAUC, gotAP)
			}
			return
		}
		if math.Abs(gotAUC-wantAUC) > 1e-12 || math.Abs(gotAP-wantAP) > 1e-12 {
			t.Fatalf("n %d, scores %d, weights %v: AUC %v, want %v; average precision %v, want %v", n, kind, weighted, gotAUC, wantAUC, gotAP, wantAP)
		}
	}
	for i := range 3000 {
		check(rng.IntN(24), i%3, i%2 == 0)
	}
	for i := range 6 { // enough rows to be counted rather than compared
		check(1100+rng.IntN(200), i%3, i%2 == 0)
	}
}

func TestRankMetricsOfOneClassAreNotDefined(t *testing.T) {
	score := []float32{0.1, 0.2}
	for _, y := range [][]float32{{0, 0}, {1, 1}} {
		if v := metrics.AUC(y, nil, score); !math.IsNaN(v) {
			t.Errorf("AUC of %v = %v", y, v)
		}
		if v := metrics.AveragePrecision(y, nil, score); !math.IsNaN(v) {
			t.Errorf("average precision of %v = %v", y, v)
		}
	}
	if v := metrics.AUC([]float32{0, 1}, nil, []float32{0, float32(math.NaN())}); !math.IsNaN(v) {
		t.Errorf("AUC of a score that is NaN = %v", v)
	}
	if v := metrics.OneVsRest(metrics.AUC, []float32{2, 2}, nil, []float32{0, 0, 1, 0, 0, 1}, 3); !math.IsNaN(v) {
		t.Errorf("AUC of three classes of which one is there = %v", v)
	}
}

// Class 0 is ranked perfectly, 1 at random, 2 is absent: (1 + ½) / 2.
func TestAbsentClassesAreLeftOut(t *testing.T) {
	p := []float32{.5, .3, .2, .25, .3, .45, .25, .3, .45}
	near(t, "AUC", metrics.OneVsRest(metrics.AUC, []float32{0, 1, 1}, nil, p, 3), 0.75, 1e-15)
}

func TestRankerAllocatesNothingMore(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	y, p := make([]float32, 2000), make([]float32, 6000)
	for i := range y {
		y[i] = float32(rng.IntN(3))
	}
	for i := range p {
		p[i] = rng.Float32()
	}
	var r metrics.Ranker
	auc := r.AUC
	if n := testing.AllocsPerRun(10, func() { r.OneVsRest(auc, y, nil, p, 3) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	var c metrics.Classification
	c.Add(p[:3], 0)
	if n := testing.AllocsPerRun(10, func() { c.Add(p[3:6], 1) }); n != 0 {
		t.Errorf("%v allocations for a row", n)
	}
}

func BenchmarkAUC(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 6))
	y, score := make([]float32, 200_000), make([]float32, 200_000)
	for i := range y {
		y[i], score[i] = float32(rng.IntN(2)), rng.Float32()
	}
	var r metrics.Ranker
	b.SetBytes(int64(len(y)))
	for b.Loop() {
		r.AUC(y, nil, score)
	}
}

func BenchmarkClassification(b *testing.B) {
	var c metrics.Classification
	p := []float32{.2, .8}
	for b.Loop() {
		c.AddWeighted(p, 1, 1)
	}
}
