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
	l1                 float32
	batch              int
	w, v               []float32

	update  func(m *dumb, w, a, b, g []float32, scale, l1, l2 float32) // instead of sgd
	u       []float32
	batches int // done
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
		if m.update != nil {
			cut := x.D * m.k
			m.update(m, m.w[:cut], m.v[:cut], m.u[:cut], g[:cut], inv, m.l1, m.l2)
			m.update(m, m.w[cut:], m.v[cut:], m.u[cut:], g[cut:], inv, 0, 0)
			m.batches++
			continue
		}
		for i := range g {
			g[i] = float32(g[i] * inv)
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
				m.target, _, _ = standardised(d)
			}
			for range epochs {
				m.epoch()
			}
			got := weights(t, d, 0, trial.Final)
			for j := range got {
				if math.Float32bits(got[j]) != math.Float32bits(m.w[j]) {
					t.Fatalf("%s: weights %x, want %x", fmt.Sprint(classes, " classes, ", params[i]), got, m.w)
				}
			}
		}
	}
}

// The bits of the other optimisers are those of their updates, coordinate by
// coordinate, with no penalty on the intercepts and a rate that is a function
// of how many batches have been trained.
func TestBitsOfOptimisersAreThoseOfTheirUpdates(t *testing.T) {
	const epochs, n, batch = 3, 900, 200
	rate := func(m *dumb, base float64) float32 {
		return float32(float64(float32(base)) * linear.Factor("cosine", 0, 1.5, epochs, m.batches, 5))
	}
	for name, c := range map[string]struct {
		params tourney.Params
		update func(m *dumb, w, a, b, g []float32, scale, l1, l2 float32)
	}{
		"nesterov": {tourney.Params{"optimizer": "sgd", "momentum": 0.8, "nesterov": true, "learning_rate": 0.05, "schedule": "cosine", "warmup": 1.5}, func(m *dumb, w, a, _, g []float32, scale, l1, l2 float32) {
			kernels.UpdateSGD(w, a, g, kernels.SGD{Rate: rate(m, 0.05), Momentum: 0.8, Nesterov: true, Scale: scale, L1: l1, L2: l2})
		}},
		"adam": {tourney.Params{"optimizer": "adam", "beta1": 0.8, "beta2": 0.95, "learning_rate": 0.05, "schedule": "cosine", "warmup": 1.5}, func(m *dumb, w, a, b, g []float32, scale, l1, l2 float32) {
			step := float64(m.batches + 1)
			kernels.UpdateAdam(w, a, b, g, kernels.Adam{
				Rate: rate(m, 0.05), Beta1: 0.8, Rest1: float32(1 - 0.8), Beta2: 0.95, Rest2: float32(1 - 0.95), Eps: 1e-8,
				Fix1: float32(1 / (1 - math.Pow(0.8, step))), Fix2: float32(1 / math.Sqrt(1-math.Pow(0.95, step))), Scale: scale, L1: l1, L2: l2,
			})
		}},
		"adagrad": {tourney.Params{"optimizer": "adagrad", "learning_rate": 0.3}, func(_ *dumb, w, a, _, g []float32, scale, l1, l2 float32) {
			kernels.UpdateAdaGrad(w, a, g, kernels.AdaGrad{Rate: 0.3, Eps: 1e-8, Scale: scale, L1: l1, L2: l2})
		}},
		"ftrl": {tourney.Params{"optimizer": "ftrl", "learning_rate": 0.3, "ftrl_beta": 0.7}, func(_ *dumb, w, a, b, g []float32, scale, l1, l2 float32) {
			kernels.UpdateFTRL(w, a, b, g, kernels.FTRL{Alpha: 0.3, Beta: 0.7, Scale: scale, L1: l1, L2: l2})
		}},
	} {
		for _, classes := range []int{2, 3} {
			d := data(n, 20, 3, classes, false)
			c.params["l1"], c.params["l2"], c.params["batch_size"] = 0.01, 0.02, int64(batch)
			trial := train(t, d, "logloss", epochs, c.params)[0]
			m := &dumb{data: d, k: 1, batch: batch, l1: 0.01, l2: 0.02, update: c.update}
			if classes > 2 {
				m.k = classes
			}
			m.w, m.v, m.u = make([]float32, 4*m.k), make([]float32, 4*m.k), make([]float32, 4*m.k)
			for range epochs {
				m.epoch()
			}
			for j, got := range weights(t, d, 0, trial.Final) {
				if math.Float32bits(got) != math.Float32bits(m.w[j]) {
					t.Errorf("%s, %d classes: weight %d is %v, want %v", name, classes, j, got, m.w[j])
				}
			}
		}
	}
}
