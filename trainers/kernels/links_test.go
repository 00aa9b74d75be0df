package kernels_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tourney/trainers/kernels"
)

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol*max(1, math.Abs(want))) {
		t.Errorf("%s = %v, want %v", what, got, want)
	}
}

func TestSoftmaxAgainstFloat64(t *testing.T) {
	rng := rand.New(rand.NewPCG(31, 32))
	for range 2000 {
		z := make([]float32, 1+rng.IntN(12))
		top := math.Inf(-1)
		for c := range z {
			z[c] = float32(rng.NormFloat64() * 10)
			top = max(top, float64(z[c]))
		}
		want, sum := make([]float64, len(z)), 0.0
		for c, v := range z {
			want[c] = math.Exp(float64(v) - top)
			sum += want[c]
		}
		lse := kernels.Softmax(z)
		near(t, "log Σ exp", lse, top+math.Log(sum), 1e-6)
		for c := range z {
			near(t, "p", float64(z[c]), want[c]/sum, 1e-6)
		}
	}
}

func TestLogisticAgainstFloat64(t *testing.T) {
	for z := float32(-120); z <= 120; z += 0.37 {
		p0, p1, loss0, loss1 := kernels.Logistic(z)
		near(t, "p1", float64(p1), 1/(1+math.Exp(-float64(z))), 1e-6)
		near(t, "p0", float64(p0), 1/(1+math.Exp(float64(z))), 1e-6)
		near(t, "loss1", loss1, math.Log1p(math.Exp(-float64(z))), 1e-6)
		near(t, "loss0", loss0, math.Log1p(math.Exp(float64(z))), 1e-6)
	}
	if p0, p1, l0, l1 := kernels.Logistic(0); p0 != 0.5 || p1 != 0.5 || l0 != l1 || float32(l0) != math.Ln2 {
		t.Errorf("Logistic(0) = %v %v %v %v", p0, p1, l0, l1)
	}
}

// What is not finite must not pass for a loss.
func TestLinksDoNotHideWhatIsNotFinite(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, z := range [][]float32{{nan, 1}, {1, nan}, {inf, 1}, {1, inf}, {inf, inf}, {-inf, -inf}, {nan}} {
		in := append([]float32(nil), z...)
		if lse := kernels.Softmax(z); !math.IsNaN(lse) && !math.IsInf(lse, 0) {
			t.Errorf("log Σ exp of %v = %v", in, lse)
		}
	}
	if _, _, l0, l1 := kernels.Logistic(nan); !math.IsNaN(l0) || !math.IsNaN(l1) {
		t.Errorf("Logistic(NaN) has losses %v, %v", l0, l1)
	}
	if _, _, l0, l1 := kernels.Logistic(inf); !math.IsInf(l0, 1) || l1 != 0 {
		t.Errorf("Logistic(+Inf) has losses %v, %v", l0, l1)
	}
	if _, _, l0, l1 := kernels.Logistic(-inf); l0 != 0 || !math.IsInf(l1, 1) {
		t.Errorf("Logistic(-Inf) has losses %v, %v", l0, l1)
	}
}
