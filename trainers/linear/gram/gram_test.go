package gram_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/kernels"
	"tourney/trainers/linear/gram"
)

// problem draws rows: numbers far from 0, categories with all their levels, and
// weights.
func problem(seed uint64, n, d int, weighted bool) (m *dataset.Matrix, y, w []float32) {
	rng := rand.New(rand.NewPCG(seed, 9))
	m = &dataset.Matrix{N: n, D: d, X: make([]float32, n*d)}
	for i := range n {
		level := rng.IntN(3)
		sum := rng.NormFloat64()
		for j := range d {
			v := rng.NormFloat64()
			switch {
			case j < 3:
				v = 0
				if j == level {
					v = 1
				}
			case j == 4:
				v = 2000 + 5*v
			case j == 5:
				v += float64(m.X[i*d+3])
			}
			m.X[i*d+j] = float32(v)
			sum += float64(v) * float64(j%4-1) / 3
		}
		y = append(y, float32(sum+2000/3.0))
		if weighted {
			w = append(w, rng.Float32()*2)
		}
	}
	return m, y, w
}

// moments are the mean products about the means, in float64 by the book.
func moments(m *dataset.Matrix, y, w []float32) (a [][]float64, b, mean []float64, target float64) {
	of := func(i int) float64 {
		if w == nil {
			return 1
		}
		return float64(w[i])
	}
	total := 0.0
	mean = make([]float64, m.D)
	for i := range m.N {
		total += of(i)
		target += of(i) * float64(y[i])
		for j := range m.D {
			mean[j] += of(i) * float64(m.X[i*m.D+j])
		}
	}
	for j := range mean {
		mean[j] /= total
	}
	target /= total
	a, b = make([][]float64, m.D), make([]float64, m.D)
	for j := range a {
		a[j] = make([]float64, m.D)
		for i := range m.N {
			x := of(i) * (float64(m.X[i*m.D+j]) - mean[j]) / total
			b[j] += x * (float64(y[i]) - target)
			for k := range m.D {
				a[j][k] += x * (float64(m.X[i*m.D+k]) - mean[k])
			}
		}
	}
	return a, b, mean, target
}

// gradient is that of half the mean squared error at w.
func gradient(a [][]float64, b, w []float64) []float64 {
	g := make([]float64, len(w))
	for i := range g {
		for j, v := range w {
			g[i] += a[i][j] * v
		}
		g[i] -= b[i]
	}
	return g
}

// Solutions meet the conditions of an optimum on the moments by the book, to
// what float32 sums leave of them.
func TestSolutionsMeetTheirConditions(t *testing.T) {
	pool := heat.NewPool(2)
	defer pool.Close()
	for _, weighted := range []bool{false, true} {
		m, y, w := problem(1, 9000, 12, weighted)
		s := gram.Gather(pool, m, y, w)
		a, b, mean, target := moments(m, y, w)
		for _, l2 := range []float64{0, 1e-6, 0.01, 1, 100} {
			for _, l1 := range []float64{0, 0.001, 0.05, 0.3, 10} {
				got, intercept := s.Solve(l1, l2)
				zeros, want := 0, target
				for j, g := range gradient(a, b, got) {
					v := got[j]
					want -= mean[j] * v
					wrong := math.Abs(g + l2*v)
					switch {
					case l1 > 0 && v == 0:
						zeros++
						wrong = math.Abs(g) - l1
					case l1 > 0:
						wrong = math.Abs(g + l2*v + math.Copysign(l1, v))
					}
					if wrong > 2e-5 {
						t.Errorf("weights %v, l1 %v, l2 %v: weight %d is %v, its condition off by %v", weighted, l1, l2, j, v, wrong)
					}
				}
				if math.Abs(intercept-want) > 1e-3 {
					t.Errorf("l1 %v, l2 %v: intercept %v, want %v", l1, l2, intercept, want)
				}
				if l1 == 10 && zeros != m.D {
					t.Errorf("l1 %v leaves %d weights", l1, m.D-zeros)
				}
			}
		}
	}
}

// The loss from products is that of the rows.
func TestLossIsThatOfTheRows(t *testing.T) {
	pool := heat.NewPool(1)
	defer pool.Close()
	m, y, w := problem(2, 5000, 9, true)
	s := gram.Gather(pool, m, y, w)
	for _, l2 := range []float64{0.01, 3} {
		got, intercept := s.Solve(0, l2)
		loss, total := 0.0, 0.0
		for i := range m.N {
			e := float64(y[i]) - intercept
			for j, v := range got {
				e -= v * float64(m.X[i*m.D+j])
			}
			loss += float64(w[i]) * e * e / 2
			total += float64(w[i])
		}
		if want := loss / total; math.Abs(s.Loss(got)-want) > 1e-5*want {
			t.Errorf("l2 %v: loss %v, of the rows %v", l2, s.Loss(got), want)
		}
	}
}

// Statistics do not depend on the slots nor on the class of kernels.
func TestBitsOfStatistics(t *testing.T) {
	for _, weighted := range []bool{false, true} {
		m, y, w := problem(3, 3*dataset.PartRows+17, 21, weighted)
		var want *gram.Statistics
		for _, class := range kernels.Classes() {
			restore, err := kernels.Use(class)
			if err != nil {
				t.Fatal(err)
			}
			for _, slots := range []int{1, 3} {
				pool := heat.NewPool(slots)
				s := gram.Gather(pool, m, y, w)
				pool.Close()
				if want == nil {
					want = s
				}
				if !slices.Equal(s.A, want.A) || !slices.Equal(s.B, want.B) || !slices.Equal(s.Mean, want.Mean) || s.C != want.C || s.Target != want.Target {
					t.Errorf("weights %v: %s kernels on %d slots give other bits", weighted, class, slots)
				}
			}
			restore()
		}
	}
}

// Features that do not vary, and a single one, are solved too.
func TestSmallAndDegenerate(t *testing.T) {
	pool := heat.NewPool(1)
	defer pool.Close()
	for _, x := range [][]float32{{1, 1, 1, 1}, {0, 1, 2, 3}} {
		s := gram.Gather(pool, &dataset.Matrix{N: 4, D: 1, X: x}, []float32{1, 3, 5, 7}, nil)
		for _, l1 := range []float64{0, 0.1} {
			w, b := s.Solve(l1, 0)
			want := 2.0
			if x[0] == x[1] {
				want = 0
			} else if l1 > 0 {
				want = 2 - 0.1/1.25 // the feature's variance is 1.25
			}
			mean := (float64(x[0]) + float64(x[3])) / 2
			if math.Abs(w[0]-want) > 1e-6 || math.Abs(b-(4-mean*want)) > 1e-5 {
				t.Errorf("%v with l1 %v: weight %v and intercept %v, want %v", x, l1, w[0], b, want)
			}
		}
	}
}
