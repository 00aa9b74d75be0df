package kernels_test

import (
	"math"
	"testing"

	"tourney/trainers/kernels"
)

// accuracy walks f over the float32 of both signs up to hi, and demands that it
// stay within so many units in the last place of want.
func accuracy(t *testing.T, f func(x float32) float32, want func(x float64) float64, lo, hi float32, bound float64) {
	t.Helper()
	if testing.Short() {
		t.Skip("the bits are the same everywhere")
	}
	worst, at := 0.0, float32(0)
	check := func(x float32) {
		if u := ulps(f(x), want(float64(x))); !(u <= worst) {
			worst, at = u, x
		}
	}
	everyFloat(math.SmallestNonzeroFloat32, hi, check)
	everyFloat(math.SmallestNonzeroFloat32, -lo, func(x float32) { check(-x) })
	if !(worst <= bound) {
		t.Errorf("worst error %.3f ulp, at %v: %v, want %v", worst, at, f(at), want(float64(at)))
	}
	t.Logf("worst error %.3f ulp, at %v", worst, at)
}

func sigmoid64(x float64) float64 { return 1 / (1 + math.Exp(-x)) }

func gelu64(x float64) float64 {
	return x * sigmoid64(2*math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x))
}

func TestSigmoidIsWithinTwoAndAHalfUlps(t *testing.T) {
	accuracy(t, kernels.Sigmoid, sigmoid64, -103, 40, 2.5)
}

func TestTanhIsWithinTwoAndAHalfUlps(t *testing.T) {
	accuracy(t, kernels.Tanh, math.Tanh, -30, 30, 2.5)
}

// The argument of the sigmoid is rounded, and is up to 20: below 0, where GELU
// decays, that many units of error are more than elsewhere.
func TestGELUIsAccurate(t *testing.T) {
	gelu := func(x float32) float32 {
		v := []float32{x}
		kernels.GELU(v, v)
		return v[0]
	}
	accuracy(t, gelu, gelu64, -1, 50, 4.5)
	accuracy(t, gelu, gelu64, -5, 0x1p-100, 30)
}

func TestTanhAndSigmoidOfSpecialValues(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	zero := float32(math.Copysign(0, -1))
	for _, c := range []struct {
		name      string
		got, want float32
	}{
		{"Tanh(0)", kernels.Tanh(0), 0},
		{"Tanh(-0)", kernels.Tanh(zero), zero},
		{"Tanh(+Inf)", kernels.Tanh(inf), 1},
		{"Tanh(-Inf)", kernels.Tanh(-inf), -1},
		{"Tanh(least)", kernels.Tanh(math.SmallestNonzeroFloat32), math.SmallestNonzeroFloat32},
		{"Tanh(NaN)", kernels.Tanh(nan), nan},
		{"Sigmoid(0)", kernels.Sigmoid(0), 0.5},
		{"Sigmoid(-Inf)", kernels.Sigmoid(-inf), 0},
		{"Sigmoid(+Inf)", kernels.Sigmoid(inf), 1},
		{"Sigmoid(NaN)", kernels.Sigmoid(nan), nan},
	} {
		if !alike(c.got, c.want) {
			t.Errorf("%s = %v, want %v", c.name, c.got, c.want)
		}
	}
	everyFloat(math.SmallestNonzeroFloat32, 12, func(x float32) {
		if kernels.Tanh(-x) != -kernels.Tanh(x) {
			t.Fatalf("Tanh is not odd at %v", x)
		}
	})
}

// p1 of Logistic and Sigmoid are one function.
func TestSigmoidIsThatOfLogistic(t *testing.T) {
	everyFloat(math.SmallestNonzeroFloat32, 120, func(x float32) {
		for _, z := range []float32{x, -x} {
			if _, p1, _, _ := kernels.Logistic(z); p1 != kernels.Sigmoid(z) {
				t.Fatalf("Sigmoid(%v) = %v, p1 = %v", z, kernels.Sigmoid(z), p1)
			}
		}
	})
}

// Derivatives of the activations against differences in float64.
func TestActivationsGoBackByTheirSlope(t *testing.T) {
	const h = 1e-5
	for x := float32(-6); x < 6; x += 0.0137 {
		for _, c := range []struct {
			name string
			f    func(x float64) float64
			back func(dz, dy, x []float32)
		}{
			{"ReLU", func(x float64) float64 { return max(x, 0) }, kernels.ReLUBack},
			{"GELU", gelu64, kernels.GELUBack},
			{"Tanh", math.Tanh, func(dz, dy, x []float32) { kernels.TanhBack(dz, dy, []float32{kernels.Tanh(x[0])}) }},
		} {
			if math.Abs(float64(x)) < 2*h {
				continue // the bend of ReLU
			}
			dz := []float32{0}
			c.back(dz, []float32{3}, []float32{x})
			want := 3 * (c.f(float64(x)+h) - c.f(float64(x)-h)) / (2 * h)
			if math.Abs(float64(dz[0])-want) > 3e-6 {
				t.Errorf("%s at %v: %v, want %v", c.name, x, dz[0], want)
			}
		}
	}
}
