package grow_test

import (
	"math/rand/v2"
	"sync"
	"syscall"
	"testing"

	"tourney/trainers/kernels"
	"tourney/trainers/tree/grow"
)

// higgs is a million rows of 28 features of 255 bins, and a step of logistic
// boosting on them: a target that depends on a dozen of the features, in part
// by products, as physicists' do.
var higgs = sync.OnceValue(func() (w struct {
	table *grow.Table
	rows  []int32
	in    grow.Input
},
) {
	const n, d = 1_000_000, 28
	rng := rand.New(rand.NewPCG(1, 2))
	w.table = &grow.Table{D: d, Bins: make([]uint8, n*d), Features: make([]grow.Feature, d)}
	for f := range d {
		w.table.Features[f].Bins = 256
	}
	w.rows = make([]int32, n)
	w.in.Grad, w.in.Hess, w.in.Shrink = make([]float32, n), make([]float32, n), 0.1
	for i := range n {
		w.rows[i] = int32(i)
		row := w.table.Bins[i*d : (i+1)*d]
		for f := range row {
			row[f] = uint8(1 + rng.IntN(255))
		}
		x := func(f int) float64 { return float64(row[f])/128 - 1 }
		z := x(0)*x(1) + x(2) - 0.5*x(3)*x(4) + 0.3*x(5) + x(6)*x(6)*x(7) + 0.7*rng.NormFloat64()
		p := 0.5 + 0.3*(rng.Float64()-0.5) + 0.1*x(2)
		y := 0.0
		if z > 0 {
			y = 1
		}
		w.in.Grad[i], w.in.Hess[i] = float32(p-y), float32(p*(1-p))
	}
	return w
})

// The histogram of all rows, and of three of ten.
func BenchmarkHistogram(b *testing.B) {
	w := higgs()
	gh, sums := make([]int64, len(w.rows)), make([]int64, w.table.D*kernels.HistogramStride)
	var some []int32
	for _, r := range w.rows {
		gh[r] = int64(r % 1000)
		if r*7%10 < 3 {
			some = append(some, r)
		}
	}
	b.Run("root", func(b *testing.B) {
		for b.Loop() {
			kernels.Histogram(sums, w.table.Bins, w.table.D, w.table.D, gh)
		}
	})
	b.Run("leaf", func(b *testing.B) {
		for b.Loop() {
			kernels.HistogramOf(sums, w.table.Bins, w.table.D, w.table.D, gh, some)
		}
	})
}

// A tree of 31 leaves and the update of scores.
func BenchmarkTree(b *testing.B) {
	w := higgs()
	c := grow.Default()
	g := grow.New(w.table, w.rows, c)
	scores := make([]float32, len(w.rows))
	before := cpu()
	for b.Loop() {
		w.in.Rounding++
		t := g.Grow(w.in, nil)
		g.AddTo(scores, 1, 0, t, nil)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/tree")
	b.ReportMetric((cpu()-before)*1000/float64(b.N), "cpu-ms/tree")
}

func cpu() float64 {
	var r syscall.Rusage
	syscall.Getrusage(syscall.RUSAGE_SELF, &r)
	return float64(r.Utime.Sec) + float64(r.Utime.Usec)/1e6
}

// A tree of 31 leaves over a table of so few rows that most of the time goes
// into looking for splits.
func BenchmarkSmallTree(b *testing.B) {
	w := higgs()
	const n = 20_000
	in := w.in
	in.Grad, in.Hess = in.Grad[:n], in.Hess[:n]
	g := grow.New(w.table, w.rows[:n], grow.Default())
	scores := make([]float32, n)
	for b.Loop() {
		in.Rounding++
		g.AddTo(scores, 1, 0, g.Grow(in, nil), nil)
	}
}
