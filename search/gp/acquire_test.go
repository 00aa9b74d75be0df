package gp_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tourney/search/gp"
)

// The gradient of the acquisition, alone, with pending points and with
// failures, is that of finite differences.
func TestAcquisitionGradient(t *testing.T) {
	for _, v := range vectors(t) {
		y, best := negated(v.Y)
		p := gp.Condition(v.axes(), v.InvSqLengthscales, v.KernelScale, 1e-3, 1, v.X, y)
		labels := make([]float64, len(y))
		for i := range labels {
			labels[i] = 1 - 2*float64(i%2)
		}
		f := gp.Condition(v.axes(), v.InvSqLengthscales, 1, 0.1, 1, v.X, labels)
		for name, promise := range map[string]gp.Promise{
			"alone":    p.Promise(nil, best, nil, nil),
			"pending":  p.Promise(nil, best, v.Points[4:7], rand.New(rand.NewPCG(1, 1))),
			"failures": p.Promise(&f, best, nil, nil),
		} {
			for k, x := range v.Points[:4] {
				value, g := promise.Value(x)
				if plain := promise.Plain(x); plain != value {
					t.Errorf("%s, %s: value %v with the gradient, %v without", v.Func, name, value, plain)
				}
				for i := range x {
					if v.IsCategorical[i] {
						if g[i] != 0 {
							t.Errorf("%s, %s: a choice has slope %v", v.Func, name, g[i])
						}
						continue
					}
					const h = 1e-6
					at := x[i]
					x[i] = at + h
					up := promise.Plain(x)
					x[i] = at - h
					down := promise.Plain(x)
					x[i] = at
					if want := (up - down) / (2 * h); math.Abs(g[i]-want) > 1e-4*max(1, math.Abs(want)) {
						t.Errorf("%s, %s, point %d: slope %d = %v, by differences %v", v.Func, name, k, i, g[i], want)
					}
				}
			}
		}
	}
}

// What a point promises beside pending ones is what it adds to the expected
// improvement of the best of them all, which plain simulation of the joint
// normal values also finds.
func TestPendingBySimulation(t *testing.T) {
	v := vectors(t)[0]
	y, best := negated(v.Y)
	p := gp.Condition(v.axes(), v.InvSqLengthscales, v.KernelScale, 1e-3, 0, v.X, y)
	pending := [][]float64{v.Points[6], v.Points[1]}
	best += 0.5 // so that several points may improve
	x := v.Points[4]
	// Conditioned on values of the pending points, drawn from the joint posterior,
	// the value at x is normal; draw all three in turn.
	rng := rand.New(rand.NewPCG(7, 7))
	const n = 8000
	sum, square := 0.0, 0.0
	for range n {
		xs, ys, low := append([][]float64(nil), v.X...), append([]float64(nil), y...), best
		var gain float64
		for i, z := range append(append([][]float64(nil), pending...), x) {
			mean, variance := gp.Condition(v.axes(), v.InvSqLengthscales, v.KernelScale, 1e-3, 0, xs, ys).Predict(z)
			value := mean + math.Sqrt(variance)*rng.NormFloat64()
			xs, ys = append(xs, z), append(ys, value)
			if i == len(pending) {
				gain = max(low-value, 0)
			}
			low = min(low, value)
		}
		sum += gain
		square += gain * gain
	}
	mean := sum / n
	sd := math.Sqrt((square/n - mean*mean) / n)
	got := 0.0
	const scrambles = 20
	for seed := range uint64(scrambles) {
		got += math.Exp(p.Promise(nil, best, pending, rand.New(rand.NewPCG(seed, 1))).Plain(x)) / scrambles
	}
	if math.Abs(got-mean) > 4*sd+0.01*mean {
		t.Errorf("expected improvement beside pending points %v, by simulation %v ± %v", got, mean, sd)
	}
	if alone := math.Exp(p.Promise(nil, best, nil, nil).Plain(x)); alone <= got {
		t.Errorf("pending points do not lower the promise: %v beside them, %v alone", got, alone)
	}
}

// A point that is pending promises nothing more, and many pending points that
// are the same are no trouble.
func TestPendingTwice(t *testing.T) {
	v := vectors(t)[1]
	y, best := negated(v.Y)
	p := gp.Condition(v.axes(), v.InvSqLengthscales, v.KernelScale, 1e-4, 1, v.X, y)
	x := v.Points[0]
	alone := p.Promise(nil, best, nil, nil).Plain(x)
	var many [][]float64
	for range 50 {
		many = append(many, x)
	}
	beside := p.Promise(nil, best, many, rand.New(rand.NewPCG(1, 1))).Plain(x)
	if !(beside < alone-3) || math.IsNaN(beside) {
		t.Errorf("a pending point promises %v, %v if it is not pending", beside, alone)
	}
}

// The minimiser finds minima inside a box and on its border.
func TestMinimise(t *testing.T) {
	rosenbrock := func(x, g []float64) float64 {
		a, b := x[1]-x[0]*x[0], 1-x[0]
		g[0], g[1] = -400*a*x[0]-2*b, 200*a
		return 100*a*a + b*b
	}
	x := []float64{-1.2, 1}
	if v := gp.Minimise(rosenbrock, x, []float64{-5, -5}, []float64{5, 5}, 200); v > 1e-10 {
		t.Errorf("the minimum of Rosenbrock's function is 0 at (1, 1); got %v at %v", v, x)
	}
	// With x0 held below 0.5 the minimum is 0.25 at (0.5, 0.25).
	x = []float64{-1.2, 1}
	if v := gp.Minimise(rosenbrock, x, []float64{-5, -5}, []float64{0.5, 5}, 200); math.Abs(v-0.25) > 1e-8 || x[0] != 0.5 {
		t.Errorf("in the box the minimum is 0.25 at (0.5, 0.25); got %v at %v", v, x)
	}
	// A linear function ends in a corner.
	x = []float64{0.5, 0.5}
	line := func(x, g []float64) float64 { g[0], g[1] = 1, -2; return x[0] - 2*x[1] }
	if v := gp.Minimise(line, x, []float64{0, 0}, []float64{1, 1}, 50); v != -2 {
		t.Errorf("the corner has -2; got %v at %v", v, x)
	}
}
