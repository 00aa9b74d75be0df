package linear_test

import (
	"fmt"
	"math"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/kernels"
	"tourney/trainers/linear"
)

// dumb is one model trained by the words of the package's comment and nothing
// else: no panels, no blocks, no pool.
type dumb struct {
	data               *dataset.Data
	target             []float32 // standardised; nil for classes
	k                  int
	rate, momentum, l2 float32
	batch              int
	w, v               []float32
}

// row returns the derivatives of the loss of row i by the outputs.
func (m *dumb) row(i int) []float32 {
	x := m.data.Folds[0].Train
	z := make([]float32, m.k)
	for c := range z {
		z[c] = m.w[x.D*m.k+c]
		for j := range x.D {
			z[c] = kernels.FMA(x.X[i*x.D+j], m.w[j*m.k+c], z[c])
		}
	}
	switch y := x.Y[i]; {
	case m.target != nil:
		z[0] -= m.target[i]
	case m.k == 1:
		p0, p1, _, _ := kernels.Logistic(z[0])
		z[0] = p1
		if y == 1 {
			z[0] = -p0
		}
	default:
		kernels.Softmax(z)
		z[int(y)] -= 1
	}
	return z
}

// part returns the sum of gradients over rows lo to hi.
func (m *dumb) part(lo, hi int) []float32 {
	x := m.data.Folds[0].Train
	g := make([]float32, len(m.w))
	for i := lo; i < hi; i++ {
		for c, r := range m.row(i) {
			for j := range x.D {
				g[j*m.k+c] = kernels.FMA(x.X[i*x.D+j], r, g[j*m.k+c])
			}
			g[x.D*m.k+c] += r
		}
	}
	return g
}

func (m *dumb) epoch() {
	x := m.data.Folds[0].Train
	for lo := 0; lo < x.N; lo += m.batch {
		hi := min(lo+m.batch, x.N)
		g := m.part(lo, min(lo+4096, hi))
		for from := lo + 4096; from < hi; from += 4096 {
			for i, v := range m.part(from, min(from+4096, hi)) {
				g[i] += v
			}
		}
		inv := 1 / float32(hi-lo)
		for i := range g {
			g[i] *= inv
			if i < x.D*m.k {
				g[i] += float32(m.l2 * m.w[i])
			}
			m.v[i] = float32(m.momentum*m.v[i]) + g[i]
			m.w[i] -= float32(m.rate * m.v[i])
		}
	}
}

// The bits of a trial are those of the definition, also where a batch has
// several parts and the last one is short.
func TestBitsAreThoseOfTheDefinition(t *testing.T) {
	const epochs = 2
	for _, classes := range []int{0, 2, 3} {
		d := data(9000, 20, 3, classes, false)
		metric := map[bool]string{true: "rmse", false: "logloss"}[classes == 0]
		params := []tourney.Params{
			{"learning_rate": 0.1, "momentum": 0.7, "l2": 0.03, "batch_size": int64(1000)},
			{"learning_rate": 0.4, "momentum": 0.3, "l2": 0.01, "batch_size": int64(8500)},
			{"learning_rate": 0.2, "batch_size": int64(4096)},
			{"learning_rate": 0.3, "momentum": 0.9, "batch_size": int64(1_000_000)},
		}
		for i, trial := range train(t, d, metric, epochs, params...) {
			m := &dumb{data: d, k: 1}
			if classes > 2 {
				m.k = classes
			}
			rate, _ := params[i].Float("learning_rate", 0)
			momentum, _ := params[i].Float("momentum", 0)
			l2, _ := params[i].Float("l2", 0)
			m.rate, m.momentum, m.l2 = float32(rate), float32(momentum), float32(l2)
			m.batch, _ = params[i].Int("batch_size", 0)
			m.w, m.v = make([]float32, 4*m.k), make([]float32, 4*m.k)
			if classes == 0 {
				m.target = linear.Target(t, d)
			}
			for range epochs {
				m.epoch()
			}
			got, err := linear.LastWeights(d, trial.Final)
			if err != nil {
				t.Fatal(err)
			}
			for j := range got {
				if math.Float32bits(got[j]) != math.Float32bits(m.w[j]) {
					t.Fatalf("%s: weights %x, want %x", fmt.Sprint(classes, " classes, ", params[i]), got, m.w)
				}
			}
		}
	}
}
