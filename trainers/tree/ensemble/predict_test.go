package ensemble_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"tourney/dataset"
	"tourney/trainers/tree/ensemble"
)

// slow is what Ensemble says of scores, word by word.
func slow(e *ensemble.Ensemble, bins []uint8, rounds int) []float64 {
	d := len(e.Features.Features)
	rounds = min(rounds, e.Rounds())
	var out []float64
	for ; len(bins) > 0; bins = bins[d:] {
		score := make([]float64, e.Outputs)
		if !e.Average {
			copy(score, e.Base)
		}
		for i, t := range e.Trees[:rounds*e.PerRound] {
			weight, leaf := 1.0, t.Leaf(bins[:d])
			if e.Weights != nil {
				weight = e.Weights[i]
			}
			if e.PerRound > 1 {
				score[i%e.PerRound] += float64(t.Value[leaf] * weight)
				continue
			}
			for k := range score {
				score[k] += float64(t.Value[leaf*e.Outputs+k] * weight)
			}
		}
		if e.Average {
			for k := range score {
				score[k] = e.Base[k] + score[k]/float64(max(1, rounds))
			}
		}
		out = append(out, score...)
	}
	return out
}

// goroutines is a pool that keeps no order.
type goroutines struct{}

func (goroutines) Slots() int { return 3 }

func (goroutines) Do(n int, f func(int)) {
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() { f(n - 1 - i) })
	}
	wait.Wait()
}

func TestScoresAreThoseOfTreesOneByOne(t *testing.T) {
	for name, s := range shapes {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(1, uint64(len(name))))
			e := random(rng, s)
			if err := e.Validate(); err != nil {
				t.Fatal(err)
			}
			p := ensemble.NewPredictor(e)
			for _, n := range []int{1, 3, 127, 128, 1500} {
				bins := anyBins(rng, len(e.Features.Features), n)
				m, err := e.Matrix(bins)
				if err != nil {
					t.Fatal(err)
				}
				for _, rounds := range []int{0, 1, s.rounds / 2, s.rounds + 5} {
					want := slow(e, bins, rounds)
					if got := p.Scores(goroutines{}, m, rounds); !slices.Equal(got, want) {
						t.Fatalf("%d rounds over %d rows have other scores than trees one by one", rounds, n)
					}
					if got := ensemble.NewPredictor(e.First(rounds)).Scores(ensemble.Serial{}, m, rounds); !slices.Equal(got, want) {
						t.Fatalf("First(%d) over %d rows has other scores", rounds, n)
					}
				}
			}
		})
	}
}

// What a trainer adds round by round is what a model predicts at once.
func TestRoundsAddUp(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	e := random(rng, shapes["boosted classes"])
	bins := anyBins(rng, len(e.Features.Features), 700)
	m, err := e.Matrix(bins)
	if err != nil {
		t.Fatal(err)
	}
	p := ensemble.NewPredictor(e)
	want := p.Scores(ensemble.Serial{}, m, e.Rounds())
	got := p.Scores(ensemble.Serial{}, m, 0)
	for _, to := range []int{1, 2, 5, e.Rounds()} {
		from := map[int]int{1: 0, 2: 1, 5: 2, e.Rounds(): 5}[to]
		p.Add(goroutines{}, m, from, to, got)
	}
	if !slices.Equal(got, want) {
		t.Error("rounds added one after another give other bits than at once")
	}
}

// A matrix is rows of a dataset, of which it may have but some.
func TestScoresOfSpans(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	e := random(rng, shapes["boosted"])
	d := len(e.Features.Features)
	bins := anyBins(rng, d, 3000)
	spans := []dataset.Span{{From: 5, To: 6}, {From: 10, To: 1400}, {From: 1400, To: 1400}, {From: 2000, To: 3000}}
	var own []uint8
	for _, s := range spans {
		own = append(own, bins[s.From*d:s.To*d]...)
	}
	m := &dataset.Matrix{N: len(own) / d, D: d, Bins: bins, Spans: spans}
	if got := ensemble.NewPredictor(e).Scores(goroutines{}, m, 99); !slices.Equal(got, slow(e, own, 99)) {
		t.Error("rows of spans have other scores than by themselves")
	}
}

func TestLinks(t *testing.T) {
	for _, tt := range []struct {
		link    ensemble.Link
		outputs int
		scores  []float64
		want    []float64
	}{
		{ensemble.Identity, 2, []float64{1, -2, 1e10 + 0.1, 4}, []float64{1, -2, 1e10 + 0.1, 4}},
		{ensemble.Logistic, 1, []float64{0, math.Log(3)}, []float64{0.5, 0.5, 0.25, 0.75}},
		{ensemble.Softmax, 3, []float64{math.Log(1), math.Log(2), math.Log(5)}, []float64{0.125, 0.25, 0.625}},
		{ensemble.Exp, 1, []float64{0, math.Log(7)}, []float64{1, 7}},
	} {
		e := &ensemble.Ensemble{Outputs: tt.outputs, Link: tt.link}
		got := e.Linked(tt.scores)
		if len(got) != len(tt.scores)/tt.outputs*e.Width() {
			t.Errorf("%s makes %d outputs", tt.link, len(got))
		}
		for i, want := range tt.want {
			if math.Abs(got[i]-want) > 1e-6*math.Abs(want) || tt.link == ensemble.Identity && got[i] != want {
				t.Errorf("%s makes %v of %v, want %v", tt.link, got, tt.scores, tt.want)
				break
			}
		}
	}
}

func TestMatrixRefusesHalfRows(t *testing.T) {
	e := random(rand.New(rand.NewPCG(4, 4)), shapes["one tree"])
	if _, err := e.Matrix(make([]uint8, len(e.Features.Features)+1)); err == nil {
		t.Error("a row and a bin are rows")
	}
}

func BenchmarkScores(b *testing.B) {
	for _, name := range []string{"boosted numbers", "boosted", "large trees"} {
		b.Run(name, func(b *testing.B) {
			rng := rand.New(rand.NewPCG(5, 5))
			e := random(rng, shapes[name])
			m, err := e.Matrix(anyBins(rng, len(e.Features.Features), 20_000))
			if err != nil {
				b.Fatal(err)
			}
			p := ensemble.NewPredictor(e)
			p.Scores(ensemble.Serial{}, m, 1)
			for b.Loop() {
				p.Scores(ensemble.Serial{}, m, e.Rounds())
			}
			b.ReportMetric(b.Elapsed().Seconds()*1e9/float64(b.N*m.N*len(e.Trees)), "ns/(row·tree)")
		})
	}
}
