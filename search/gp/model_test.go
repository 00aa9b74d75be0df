package gp_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"tourney/search/axis"
	"tourney/search/gp"
)

// vector is a process as the reference program has it. testdata/optuna.json was
// drawn from the GP sampler of Optuna 5.0.0.dev (master 1d8ce7bb), whose values
// are larger for better points, standardised: after some trials, the
// hyperparameters that it found, and what it then says of further points.
type vector struct {
	Func                 string
	X                    [][]float64
	Y                    []float64
	IsCategorical        []bool      `json:"is_categorical"`
	InvSqLengthscales    []float64   `json:"inv_sq_lengthscales"`
	KernelScale          float64     `json:"kernel_scale"`
	NoiseVar             float64     `json:"noise_var"`
	LogMarginalPlusPrior float64     `json:"log_marginal_plus_prior"`
	Points               [][]float64 `json:"x"`
	Mean, Var, LogEI     []float64
}

func (v vector) axes() []axis.Axis {
	axes := make([]axis.Axis, len(v.IsCategorical))
	for i, c := range v.IsCategorical {
		if c {
			axes[i] = axis.Axis{Kind: axis.Choice, Cells: 20}
		}
	}
	return axes
}

func vectors(t *testing.T) []vector {
	t.Helper()
	data, err := os.ReadFile("testdata/optuna.json")
	if err != nil {
		t.Fatal(err)
	}
	// Keys that differ only in case would be mixed up: x and X.
	var raw []map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		t.Fatal(err)
	}
	out := make([]vector, len(raw))
	for i, r := range raw {
		v := &out[i]
		for key, field := range map[string]any{
			"func": &v.Func, "X": &v.X, "y": &v.Y, "is_categorical": &v.IsCategorical,
			"inv_sq_lengthscales": &v.InvSqLengthscales, "kernel_scale": &v.KernelScale, "noise_var": &v.NoiseVar,
			"log_marginal_plus_prior": &v.LogMarginalPlusPrior, "x": &v.Points, "mean": &v.Mean, "var": &v.Var, "logei": &v.LogEI,
		} {
			if err := json.Unmarshal(r[key], field); err != nil {
				t.Fatalf("%s: %v", key, err)
			}
		}
	}
	if len(out) != 4 {
		t.Fatalf("%d vectors, want 4", len(out))
	}
	return out
}

func negated(y []float64) (out []float64, least float64) {
	least = math.Inf(1)
	for _, v := range y {
		out = append(out, -v)
		least = min(least, -v)
	}
	return out, least
}

// The posterior and the logarithm of the expected improvement are those of the
// reference program.
func TestPosteriorVectors(t *testing.T) {
	for _, v := range vectors(t) {
		y, best := negated(v.Y)
		p := gp.Condition(v.axes(), v.InvSqLengthscales, v.KernelScale, v.NoiseVar, 0, v.X, y)
		promise := p.Promise(nil, best, nil, nil)
		for i, x := range v.Points {
			mean, variance := p.Predict(x)
			if math.Abs(-mean-v.Mean[i]) > 1e-6 || math.Abs(variance-v.Var[i]) > 1e-6 {
				t.Errorf("%s, point %d: mean %v, variance %v; want %v, %v", v.Func, i, -mean, variance, v.Mean[i], v.Var[i])
			}
			want := v.LogEI[i]
			for _, got := range []float64{gp.LogEI(mean, variance, best), promise.Plain(x)} {
				if math.Abs(got-want) > 1e-6*max(1, math.Abs(want)) {
					t.Errorf("%s, point %d: log EI %v, want %v", v.Func, i, got, want)
				}
			}
		}
	}
}

// referencePrior is the prior of the reference program: on θ by its own
// formula, Gamma(2, 1) on the scale, Gamma(1.1, 30) on the noise.
func referencePrior(p, g []float64) float64 {
	d, sum := len(p)-2, 0.0
	for i := range d {
		theta := math.Exp(p[i])
		sum -= 0.1/theta + 0.1*theta
		g[i] += 0.1/theta - 0.1*theta
	}
	scale, noise := math.Exp(p[d]), math.Exp(p[d+1])+gp.NoiseFloor
	g[d] += 1 - scale
	g[d+1] += (0.1/noise - 30) * math.Exp(p[d+1])
	return sum + p[d] - scale + 0.1*math.Log(noise) - 30*noise
}

// At the hyperparameters of the reference program the posterior density is the
// one that it reports, and our climb finds one that is as good.
func TestLikelihoodVectors(t *testing.T) {
	for _, v := range vectors(t) {
		l := gp.NewLikelihood(v.axes(), v.X, v.Y, 0, referencePrior)
		p := logs(v)
		got, _ := l.At(p)
		// The reference leaves the constant of the normal density out.
		want := v.LogMarginalPlusPrior - float64(len(v.Y))*0.5*math.Log(2*math.Pi)
		if math.Abs(got-want) > 1e-6 {
			t.Errorf("%s: log density %v, want %v", v.Func, got, want)
		}
		if best := l.Best(); best < want-0.05 {
			t.Errorf("%s: the climb ends at %v, the reference at %v", v.Func, best, want)
		}
	}
}

func logs(v vector) []float64 {
	var p []float64
	for _, theta := range v.InvSqLengthscales {
		p = append(p, math.Log(theta))
	}
	return append(p, math.Log(v.KernelScale), math.Log(v.NoiseVar-gp.NoiseFloor))
}

// The gradient of the likelihood is that of finite differences.
func TestLikelihoodGradient(t *testing.T) {
	for _, v := range vectors(t) {
		l := gp.NewLikelihood(v.axes(), v.X, v.Y, 1, nil)
		p := logs(v)
		for i := range p {
			p[i] += 0.3 * float64(i%3-1)
		}
		_, g := l.At(p)
		for i := range p {
			const h = 1e-5
			x := p[i]
			p[i] = x + h
			up, _ := l.At(p)
			p[i] = x - h
			down, _ := l.At(p)
			p[i] = x
			if want := (up - down) / (2 * h); math.Abs(g[i]-want) > 1e-5*max(1, math.Abs(want)) {
				t.Errorf("%s: slope %d = %v, by differences %v", v.Func, i, g[i], want)
			}
		}
	}
}

// Leaving one value out and predicting it is what the closed form says.
func TestLeaveOneOut(t *testing.T) {
	v := vectors(t)[2]
	p := gp.Condition(v.axes(), v.InvSqLengthscales, v.KernelScale, 0.01, 1, v.X, v.Y)
	mean, variance := p.LeaveOneOut(v.Y)
	for i := range v.Y {
		var x [][]float64
		var y []float64
		for j := range v.Y {
			if j != i {
				x, y = append(x, v.X[j]), append(y, v.Y[j])
			}
		}
		rest := gp.Condition(v.axes(), v.InvSqLengthscales, v.KernelScale, 0.01, 1, x, y)
		m, s := rest.Predict(v.X[i])
		if math.Abs(m-mean[i]) > 1e-8 || math.Abs(s+0.01-variance[i]) > 1e-8 {
			t.Errorf("value %d: %v ± %v, by leaving it out %v ± %v", i, mean[i], variance[i], m, s+0.01)
		}
	}
}

// The least mean at the observations is that of predicting each.
func TestLeast(t *testing.T) {
	v := vectors(t)[1]
	p := gp.Condition(v.axes(), v.InvSqLengthscales, v.KernelScale, 0.1, 1, v.X, v.Y)
	want := math.Inf(1)
	for _, x := range v.X {
		m, _ := p.Predict(x)
		want = min(want, m)
	}
	if got := p.Least(v.Y); math.Abs(got-want) > 1e-9 {
		t.Errorf("least mean %v, want %v", got, want)
	}
}

// The kernel's own exponential is that of the library.
func TestDecay(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 9))
	for i := range 20000 {
		x := 40 * rng.Float64() * rng.Float64()
		if i < 700 {
			x = float64(i)
		}
		if got, want := gp.Decay(x), math.Exp(-x); math.Abs(got-want) > 2e-15*want {
			t.Fatalf("exp(-%v) = %v, want %v", x, got, want)
		}
	}
	for _, x := range []float64{700, 1e4, math.Inf(1), math.NaN()} {
		if got := gp.Decay(x); got != 0 {
			t.Errorf("exp(-%v) = %v, want 0", x, got)
		}
	}
}

// A covariance of mixed points, some of them with parts missing, is positive
// semidefinite: xᵀKx is not negative.
func TestKernelPositive(t *testing.T) {
	axes := []axis.Axis{{}, {Kind: axis.Choice, Cells: 4}, {Kind: axis.Ordered, Cells: 5}, {}}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		theta := make([]float64, len(axes))
		for i := range theta {
			theta[i] = math.Exp(6*rng.Float64() - 3)
		}
		p := gp.Condition(axes, theta, 1, 1, 0.5, [][]float64{{0.5, 0, 0.5, 0.5}}, []float64{0})
		z, w := make([][]float64, 12), make([]float64, 12)
		for i := range z {
			z[i] = []float64{rng.Float64(), float64(rng.IntN(5) - 1), 0.1 + 0.2*float64(rng.IntN(5)), 0.5}
			if rng.IntN(2) == 0 {
				z[i][3] = rng.Float64()
			}
			w[i] = rng.NormFloat64()
		}
		form := 0.0
		for i := range z {
			for j := range z {
				form += w[i] * w[j] * p.Covariance(z[i], z[j])
			}
		}
		if form < -1e-9 {
			t.Fatalf("wᵀKw = %v", form)
		}
	}
}

// A factor that grew by rows is the factor of the whole, and gives the inverse.
func TestFactorGrows(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const n = 14
	b := make([][]float64, n)
	for i := range b {
		b[i] = make([]float64, n)
		for j := range n {
			b[i][j] = rng.NormFloat64()
		}
	}
	m := make([][]float64, n)
	for i := range m {
		m[i] = make([]float64, n)
		for j := range n {
			for k := range n {
				m[i][j] += b[i][k] * b[j][k]
			}
		}
		m[i][i] += 0.1
	}
	for _, k := range []int{1, 5, n} {
		l, inverse, ok := gp.Factor(m, k)
		if !ok {
			t.Fatal("not positive definite")
		}
		for i := range n {
			for j := range n {
				llt, one := 0.0, 0.0
				for q := range n {
					if q <= min(i, j) {
						llt += l[i][q] * l[j][q]
					}
					one += m[i][q] * inverse[q][j]
				}
				want := 0.0
				if i == j {
					want = 1
				}
				if math.Abs(llt-m[i][j]) > 1e-10 || math.Abs(one-want) > 1e-7 {
					t.Fatalf("grown from %d rows: (L·Lᵀ)[%d][%d] = %v, want %v; (M·M⁻¹) = %v", k, i, j, llt, m[i][j], one)
				}
			}
		}
	}
	m[n-1][n-1] = -1
	if _, _, ok := gp.Factor(m, n); ok {
		t.Error("an indefinite matrix is factored")
	}
	if _, _, ok := gp.Factor(m, n-1); ok {
		t.Error("a row that makes the matrix indefinite is taken")
	}
}
