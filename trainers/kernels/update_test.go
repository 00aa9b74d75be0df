package kernels_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"tourney/trainers/kernels"
)

// torchCase is a case of testdata/optimisers.json; see optimisers.py.
type torchCase struct {
	Name    string
	Options struct {
		Rate     float64 `json:"lr"`
		Momentum float64
		Nesterov bool
		L2       float64 `json:"weight_decay"`
		Betas    [2]float64
		Eps      float64
	}
	Start              []float32
	Gradients, Weights [][]float32
}

// adam are the hyperparameters at step t.
func adam(rate, beta1, beta2, eps float64, t int) kernels.Adam {
	return kernels.Adam{
		Rate: float32(rate), Beta1: float32(beta1), Rest1: float32(1 - beta1), Beta2: float32(beta2), Rest2: float32(1 - beta2),
		Eps: float32(eps), Scale: 1,
		Fix1: float32(1 / (1 - math.Pow(beta1, float64(t)))), Fix2: float32(1 / math.Sqrt(1-math.Pow(beta2, float64(t)))),
	}
}

func TestUpdatesTakeTheStepsOfPyTorch(t *testing.T) {
	text, err := os.ReadFile("testdata/optimisers.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []torchCase
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	eachClass(t, func(t *testing.T) {
		for _, c := range cases {
			w := append([]float32(nil), c.Start...)
			first, second := make([]float32, len(w)), make([]float32, len(w))
			for step, g := range c.Gradients {
				o := c.Options
				switch c.Name {
				case "sgd", "sgd l2":
					kernels.UpdateSGD(w, nil, g, kernels.SGD{Rate: float32(o.Rate), Scale: 1, L2: float32(o.L2)})
				case "heavy ball", "nesterov":
					kernels.UpdateSGD(w, first, g, kernels.SGD{Rate: float32(o.Rate), Momentum: float32(o.Momentum), Scale: 1, L2: float32(o.L2), Nesterov: o.Nesterov})
				case "adam", "adam l2", "adamw":
					p := adam(o.Rate, o.Betas[0], o.Betas[1], o.Eps, step+1)
					p.L2 = float32(o.L2)
					if c.Name == "adamw" {
						p.L2, p.Decay = 0, float32(o.L2)
					}
					kernels.UpdateAdam(w, first, second, g, p)
				case "adagrad", "adagrad l2":
					kernels.UpdateAdaGrad(w, first, g, kernels.AdaGrad{Rate: float32(o.Rate), Eps: float32(o.Eps), Scale: 1, L2: float32(o.L2)})
				default:
					t.Fatalf("no optimiser for %q", c.Name)
				}
				for i, want := range c.Weights[step] {
					if math.Abs(float64(w[i]-want)) > 2e-6*max(1, math.Abs(float64(want))) {
						t.Fatalf("%s, step %d, weight %d: %v, PyTorch has %v", c.Name, step, i, w[i], want)
					}
				}
			}
		}
	})
}

// shrink64 is the minimiser of (x-v)²/2 + t·|x|, found by its three cases.
func shrink64(v, t float64) float64 {
	return math.Copysign(max(math.Abs(v)-t, 0), v)
}

// ftrl64 is Algorithm 1 of McMahan et al., line by line, for one coordinate.
type ftrl64 struct{ alpha, beta, l1, l2, z, n float64 }

func (f *ftrl64) weight() float64 {
	if math.Abs(f.z) <= f.l1 {
		return 0
	}
	return -(f.z - math.Copysign(f.l1, f.z)) / ((f.beta+math.Sqrt(f.n))/f.alpha + f.l2)
}

func (f *ftrl64) learn(g float64) {
	w := f.weight()
	sigma := (math.Sqrt(f.n+g*g) - math.Sqrt(f.n)) / f.alpha
	f.z += g - sigma*w
	f.n += g * g
}

func TestFTRLIsItsAlgorithm(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(71, 72))
		const size = 37
		w, z, n, g := make([]float32, size), make([]float32, size), make([]float32, size), make([]float32, size)
		dumb := make([]ftrl64, size)
		p := kernels.FTRL{Alpha: 0.1, Beta: 1, Scale: 0.5, L1: 0.7, L2: 0.2}
		for i := range dumb {
			dumb[i] = ftrl64{alpha: 0.1, beta: 1, l1: 0.7, l2: 0.2}
		}
		zeros := 0
		for range 50 {
			for i := range g {
				g[i] = float32(rng.NormFloat64())
				dumb[i].learn(float64(g[i]) / 2)
			}
			kernels.UpdateFTRL(w, z, n, g, p)
			for i := range w {
				near(t, "w", float64(w[i]), dumb[i].weight(), 1e-5)
				if w[i] == 0 {
					zeros++
				}
			}
		}
		if zeros == 0 || zeros == 50*size {
			t.Errorf("%d of %d weights were 0: L1 was not put to the test", zeros, 50*size)
		}
	})
}

// The first step by hand: g = 2, n = 4, σ = 2/0.5 = 4, z = 2;
// w = -(2-0.5)/((1+2)/0.5 + 0.25) = -0.24.
func TestFTRLByHand(t *testing.T) {
	w, z, n := []float32{0}, []float32{0}, []float32{0}
	kernels.UpdateFTRL(w, z, n, []float32{4}, kernels.FTRL{Alpha: 0.5, Beta: 1, Scale: 0.5, L1: 0.5, L2: 0.25})
	near(t, "w", float64(w[0]), -0.24, 1e-7)
	if z[0] != 2 || n[0] != 4 {
		t.Errorf("z, n = %v, %v; want 2, 4", z[0], n[0])
	}
}

// With a penalty L1, a step is the proximal step of the plain one.
func TestL1DrawsToZeroInTheMetricOfTheStep(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(73, 74))
		const size, rate, l1 = 200, 0.25, 0.5
		w, g := make([]float32, size), make([]float32, size)
		state, second := make([]float32, size), make([]float32, size)
		for i := range w {
			w[i], g[i] = float32(rng.NormFloat64()/4), float32(rng.NormFloat64())
			state[i], second[i] = float32(rng.NormFloat64()), float32(1+rng.Float64())
		}
		copyOf := func(v []float32) []float32 { return append([]float32(nil), v...) }

		sgd := copyOf(w)
		kernels.UpdateSGD(sgd, nil, g, kernels.SGD{Rate: rate, Scale: 2, L2: 0.5, L1: l1})
		grad := copyOf(w)
		h := copyOf(second)
		kernels.UpdateAdaGrad(grad, h, g, kernels.AdaGrad{Rate: rate, Eps: 0.5, Scale: 2, L2: 0.5, L1: l1})
		ad := copyOf(w)
		m, v := copyOf(state), copyOf(second)
		p := adam(rate, 0.75, 0.5, 0.5, 3)
		p.Scale, p.L2, p.Decay, p.L1 = 2, 0.5, 0.125, l1
		kernels.UpdateAdam(ad, m, v, g, p)

		zeros := 0
		for i := range w {
			w0, g0 := float64(w[i]), 2*float64(g[i])+0.5*float64(w[i])
			near(t, "SGD", float64(sgd[i]), shrink64(w0-rate*g0, rate*l1), 1e-6)
			eta := rate / (math.Sqrt(float64(second[i])+g0*g0) + 0.5)
			near(t, "AdaGrad", float64(grad[i]), shrink64(w0-eta*g0, eta*l1), 1e-6)
			mean := (0.75*float64(state[i]) + 0.25*g0) / (1 - 0.75*0.75*0.75)
			eta = rate / (math.Sqrt((0.5*float64(second[i])+0.5*g0*g0)/(1-0.5*0.5*0.5)) + 0.5)
			near(t, "Adam", float64(ad[i]), shrink64(w0-rate*0.125*w0-eta*mean, eta*l1), 1e-6)
			if sgd[i] == 0 {
				zeros++
			}
		}
		if zeros == 0 || zeros == size {
			t.Errorf("%d of %d weights are 0", zeros, size)
		}
	})
}

// A column of a panel gets the bits of the flat form, whatever lies beside it.
func TestColumnsAreUpdatedAsIfAlone(t *testing.T) {
	panels, flats := updates()[5:], updates()[:5]
	pairs := [][2]operation{{panels[0], flats[0]}, {panels[1], flats[1]}, {panels[2], flats[2]}, {panels[3], flats[3]}, {panels[4], flats[4]}}
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(75, 76))
		for _, pair := range pairs {
			for _, s := range [][2]int{{9, 1}, {40, 3}, {11, 17}, {5, 45}} {
				n, c := s[0], s[1]
				in := operands(rng, pair[0].shapes, n, c, false)
				out := pair[0].on(in, n, c)
				for j := range c {
					var matrices []poisoned
					hyper := newPoisoned(12)
					for i, shape := range pair[0].shapes {
						if shape == 'p' {
							hyper.array[i-len(matrices)] = in[i].array[j]
							continue
						}
						p := newPoisoned(n)
						for r := range n {
							p.array[r] = in[i].array[r*c+j]
						}
						matrices = append(matrices, p)
					}
					alone := append(slices.Clone(matrices), hyper)
					lone := pair[1].on(alone, 1, n)
					for i := range matrices {
						for r := range n {
							if got, want := out[i].array[r*c+j], lone[i].array[r]; !alike(got, want) {
								t.Fatalf("%s [%d×%d] column %d row %d: %x, alone %x", pair[0].name, n, c, j, r, got, want)
							}
						}
					}
				}
			}
		}
	})
}
