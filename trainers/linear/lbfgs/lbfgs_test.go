package lbfgs_test

import (
	"bytes"
	"math"
	"math/rand/v2"
	"testing"

	"tourney/trainers/linear/lbfgs"
)

// function returns a value and its gradient.
type function func(x []float32) (float64, []float64)

// minimise runs a minimisation to its end and returns its iterations and
// evaluations.
func minimise(t *testing.T, m *lbfgs.Minimiser, f function) (iterations, evaluations int) {
	t.Helper()
	last := math.Inf(1)
	for m.State() == lbfgs.Going {
		if evaluations++; evaluations > 2000 {
			t.Fatal("no end")
		}
		v, g := f(m.Point())
		if m.Take(v, g) {
			iterations++
			if now := m.F(); now > last+1e-7*math.Abs(last) {
				t.Errorf("iteration %d rises from %v to %v", iterations, last, now)
			}
			last = m.F()
		}
	}
	return iterations, evaluations
}

// rosenbrock is the extended function of that name: its minimum is 0 at ones.
func rosenbrock(x []float32) (float64, []float64) {
	f, g := 0.0, make([]float64, len(x))
	for i := 0; i+1 < len(x); i += 2 {
		a, b := float64(x[i]), float64(x[i+1])
		f += 100*(b-a*a)*(b-a*a) + (1-a)*(1-a)
		g[i] = -400*a*(b-a*a) - 2*(1-a)
		g[i+1] = 200 * (b - a*a)
	}
	return f, g
}

func TestRosenbrock(t *testing.T) {
	x := []float32{-1.2, 1, -1.2, 1, 3, -2}
	m := lbfgs.New(x, lbfgs.Options{Tol: 1e-4})
	_, evaluations := minimise(t, m, rosenbrock)
	for i, v := range m.X() {
		if math.Abs(float64(v)-1) > 1e-3 {
			t.Errorf("variable %d is %v, want 1", i, v)
		}
	}
	if m.State() != lbfgs.Converged || m.Norm() > 1e-4 || evaluations > 120 {
		t.Errorf("state %v with norm %v after %d evaluations", m.State(), m.Norm(), evaluations)
	}
	if x[0] != -1.2 {
		t.Error("the start was changed")
	}
}

// quadratic is (x-c)ᵀH(x-c)/2 for a well-conditioned H.
func quadratic(n int, seed uint64) (f function, h [][]float64, c []float64) {
	rng := rand.New(rand.NewPCG(seed, 3))
	b := make([][]float64, n)
	for i := range b {
		b[i] = make([]float64, n)
		for j := range b[i] {
			b[i][j] = rng.NormFloat64()
		}
		c = append(c, 2*rng.NormFloat64())
	}
	for i := range n {
		h = append(h, make([]float64, n))
		for j := range n {
			for k := range n {
				h[i][j] += b[k][i] * b[k][j] / float64(n)
			}
		}
		h[i][i] += 0.3
	}
	return func(x []float32) (float64, []float64) {
		v, g := 0.0, make([]float64, n)
		for i := range n {
			for j := range n {
				g[i] += h[i][j] * (float64(x[j]) - c[j])
			}
			v += g[i] * (float64(x[i]) - c[i]) / 2
		}
		return v, g
	}, h, c
}

// With l1 the optimum is where the conditions of Karush, Kuhn and Tucker hold:
// the gradient is -l1·sign(x) where x is not 0, and within l1 of 0 elsewhere.
// The last two variables are free of penalties.
func TestPenaltiesMeetTheirConditions(t *testing.T) {
	for seed := range uint64(30) {
		const n, l1, l2 = 12, 0.7, 0.2
		f, _, _ := quadratic(n, seed)
		m := lbfgs.New(make([]float32, n), lbfgs.Options{L1: l1, L2: l2, Free: 2, Tol: 1e-5})
		minimise(t, m, f)
		x := m.X()
		_, g := f(x)
		zeros := 0
		for i, v := range x {
			wrong := math.Abs(g[i])
			switch {
			case i >= n-2:
			case v == 0:
				zeros++
				wrong = math.Abs(g[i]) - l1
			default:
				wrong = math.Abs(g[i] + l2*float64(v) + math.Copysign(l1, float64(v)))
			}
			if wrong > 2e-5 {
				t.Errorf("seed %d: variable %d is %v, its condition off by %v", seed, i, v, wrong)
			}
		}
		if seed == 0 && zeros == 0 {
			t.Error("no variable is 0: the test has no force")
		}
	}
}

// A minimisation that is saved after each iteration and loaded again goes the
// way of one that is not.
func TestLoadedGoesTheSameWay(t *testing.T) {
	for _, l1 := range []float64{0, 0.5} {
		o := lbfgs.Options{L1: l1, L2: 0.1, Free: 1}
		f, _, _ := quadratic(8, 5)
		straight, torn := lbfgs.New(make([]float32, 8), o), lbfgs.New(make([]float32, 8), o)
		loads := 0
		for range 60 {
			if straight.State() != lbfgs.Going {
				break
			}
			closed := straight.Take(f(straight.Point()))
			if torn.Take(f(torn.Point())) != closed || !bytes.Equal(straight.Save(nil), torn.Save(nil)) {
				t.Fatalf("l1 %v: other bits after %d loads", l1, loads)
			}
			if !closed {
				continue
			}
			again, rest, err := lbfgs.Load(torn.X(), o, torn.Save(nil))
			if err != nil || len(rest) > 0 {
				t.Fatalf("l1 %v: load: %v, %d bytes over", l1, err, len(rest))
			}
			torn = again
			loads++
		}
		if straight.State() == lbfgs.Going || loads < 5 {
			t.Errorf("l1 %v: state %v after %d iterations", l1, straight.State(), loads)
		}
	}
}

// Values without end are stepped back from, and a start that has none ends.
func TestValuesThatAreNotFinite(t *testing.T) {
	wall := func(x []float32) (float64, []float64) { // -log(1-x)+x²/2-3x
		v := float64(x[0])
		if v >= 1 {
			return math.NaN(), []float64{math.NaN()}
		}
		return -math.Log(1-v) + v*v/2 - 3*v, []float64{1/(1-v) + v - 3}
	}
	m := lbfgs.New([]float32{0}, lbfgs.Options{Tol: 1e-6, Free: 1})
	minimise(t, m, wall)
	// 1/(1-x) + x = 3 at x = 2-√2.
	if math.Abs(float64(m.X()[0])-(2-math.Sqrt2)) > 1e-5 {
		t.Errorf("ends at %v", m.X())
	}
	m = lbfgs.New([]float32{2}, lbfgs.Options{Tol: 1e-6, Free: 1})
	for i := 0; m.State() == lbfgs.Going; i++ {
		if m.Take(wall(m.Point())); i > 100 {
			t.Fatal("no end")
		}
	}
	if !math.IsNaN(m.F()) {
		t.Errorf("a start without a value has the value %v", m.F())
	}
}

func FuzzLoad(f *testing.F) {
	o := lbfgs.Options{L2: 0.1, Free: 1}
	q, _, _ := quadratic(3, 1)
	m := lbfgs.New(make([]float32, 3), o)
	for range 12 {
		m.Take(q(m.Point()))
		f.Add(m.Save(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		m, rest, err := lbfgs.Load([]float32{1, 2, 3}, o, b)
		if err == nil && !bytes.Equal(append(m.Save(nil), rest...), b) {
			t.Errorf("%x is read and written as %x", b, m.Save(nil))
		}
	})
}
