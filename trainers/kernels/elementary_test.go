package kernels_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"tourney/trainers/kernels"
)

// ulps returns how far got is from want in units of the last place of want as
// a float32. Values are compared where float32 has them.
func ulps(got float32, want float64) float64 {
	_, e := math.Frexp(want)
	return math.Abs(float64(got)-want) / math.Ldexp(1, max(e-24, -149))
}

// everyFloat walks the float32 from lo to hi in steps of a prime, so that all
// exponents and many mantissas come by.
func everyFloat(lo, hi float32, f func(x float32)) {
	for u := math.Float32bits(lo); u <= math.Float32bits(hi); u += 4099 {
		f(math.Float32frombits(u))
	}
	f(hi)
}

func TestExpIsWithinOneUlp(t *testing.T) {
	worst := 0.0
	check := func(x float32) {
		want := math.Exp(float64(x))
		if want > math.MaxFloat32 {
			return
		}
		if u := ulps(kernels.Exp(x), want); u > worst {
			worst = u
			if worst > 1 {
				t.Fatalf("Exp(%v) = %v, want %v: %v ulp", x, kernels.Exp(x), want, worst)
			}
		}
	}
	everyFloat(0, 88.72283, check)
	everyFloat(0, 103.98, func(x float32) { check(-x) })
	t.Logf("worst error %.3f ulp", worst)
}

func TestLogIsWithinOneUlp(t *testing.T) {
	worst := 0.0
	check := func(x float32) {
		if u := ulps(kernels.Log(x), math.Log(float64(x))); u > worst {
			worst = u
			if worst > 1 {
				t.Fatalf("Log(%v) = %v, want %v: %v ulp", x, kernels.Log(x), math.Log(float64(x)), worst)
			}
		}
	}
	everyFloat(math.SmallestNonzeroFloat32, math.MaxFloat32, check)
	for u := math.Float32bits(0.5); u < math.Float32bits(2); u += 37 {
		check(math.Float32frombits(u))
	}
	t.Logf("worst error %.3f ulp", worst)
}

func TestLog64IsWithinTwoUlps(t *testing.T) {
	rng := rand.New(rand.NewPCG(21, 22))
	worst := 0.0
	for range 300_000 {
		// Subnormal numbers are left out: math.Log is wrong on some of them on amd64.
		x := math.Float64frombits(1<<52 + rng.Uint64N(0x7ff<<52-1<<52))
		if rng.IntN(2) == 0 {
			x = math.Exp(rng.NormFloat64())
		}
		want := math.Log(x)
		if want == 0 {
			continue
		}
		got := kernels.Log64(x)
		_, e := math.Frexp(want)
		worst = max(worst, math.Abs(got-want)/math.Ldexp(1, e-53))
		if worst > 2 {
			t.Fatalf("Log64(%v) = %v, want %v", x, got, want)
		}
	}
	t.Logf("worst distance from the standard library %.3f ulp", worst)
	if got, want := kernels.Log64(math.SmallestNonzeroFloat64), -1074*math.Ln2; math.Abs(got-want) > 1e-12 {
		t.Errorf("Log64 of the least float64 = %v, want %v", got, want)
	}
	if got := kernels.Log64(1); got != 0 || math.Signbit(got) {
		t.Errorf("Log64(1) = %v", got)
	}
}

func TestElementaryFunctionsOutsideTheirRange(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	for _, c := range []struct {
		name      string
		got, want float32
	}{
		{"Exp(0)", kernels.Exp(0), 1},
		{"Exp(-0)", kernels.Exp(float32(math.Copysign(0, -1))), 1},
		{"Exp(1e-42)", kernels.Exp(1e-42), 1},
		{"Exp(1)", kernels.Exp(1), math.E},
		{"Exp(88.73)", kernels.Exp(88.73), inf},
		{"Exp(+Inf)", kernels.Exp(inf), inf},
		{"Exp(-Inf)", kernels.Exp(-inf), 0},
		{"Exp(-104)", kernels.Exp(-104), 0},
		{"Exp(-103.9)", kernels.Exp(-103.9), math.SmallestNonzeroFloat32},
		{"Exp(NaN)", kernels.Exp(nan), nan},
		{"Log(1)", kernels.Log(1), 0},
		{"Log(0)", kernels.Log(0), -inf},
		{"Log(-0)", kernels.Log(float32(math.Copysign(0, -1))), -inf},
		{"Log(-1)", kernels.Log(-1), nan},
		{"Log(-Inf)", kernels.Log(-inf), nan},
		{"Log(+Inf)", kernels.Log(inf), inf},
		{"Log(NaN)", kernels.Log(nan), nan},
		{"Log(2)", kernels.Log(2), math.Ln2},
		{"Log64(0)", float32(kernels.Log64(0)), -inf},
		{"Log64(-1)", float32(kernels.Log64(-1)), nan},
		{"Log64(NaN)", float32(kernels.Log64(math.NaN())), nan},
		{"Log64(+Inf)", float32(kernels.Log64(math.Inf(1))), inf},
		{"Log64(2)", float32(kernels.Log64(2)), math.Ln2},
	} {
		if c.got != c.want && !(c.got != c.got && c.want != c.want) {
			t.Errorf("%s = %v, want %v", c.name, c.got, c.want)
		}
	}
}

// The steps of Exp are those of its comment, each an exact FMA: here by
// math/big, so that a second implementation can rely on it.
func TestExpIsItsDefinition(t *testing.T) {
	rng := rand.New(rand.NewPCG(23, 24))
	hi, lo := float32(0x1.62e4p-1), float32(math.Ln2-0x1.62e4p-1)
	for range 20_000 {
		x := float32(rng.NormFloat64() * 20)
		if rng.IntN(3) == 0 {
			x = float32(rng.IntN(64)-32) / 8 // many ties
		}
		n := float32(math.RoundToEven(float64(float32(x * float32(math.Log2E)))))
		r := exactFMA(n, -lo, exactFMA(n, -hi, x))
		p := exactFMA(1.0/5040, r, 1.0/720)
		for _, c := range []float32{1.0 / 120, 1.0 / 24, 1.0 / 6, 0.5, 1, 1} {
			p = exactFMA(p, r, c)
		}
		want, _ := new(big.Float).SetMantExp(big.NewFloat(float64(p)), int(n)).Float32()
		if got := kernels.Exp(x); got != want {
			t.Fatalf("Exp(%v) = %x, want %x", x, got, want)
		}
	}
}

func BenchmarkElementary(b *testing.B) {
	x := make([]float32, 1024)
	rng := rand.New(rand.NewPCG(25, 26))
	for i := range x {
		x[i] = float32(-4 * rng.Float64())
	}
	var sink float32
	b.Run("exp", func(b *testing.B) {
		for i := range b.N {
			sink += kernels.Exp(x[i%len(x)])
		}
	})
	b.Run("log", func(b *testing.B) {
		for i := range b.N {
			sink += kernels.Log(-x[i%len(x)])
		}
	})
	b.Run("log64", func(b *testing.B) {
		for i := range b.N {
			sink += float32(kernels.Log64(float64(-x[i%len(x)])))
		}
	})
	_ = sink
}
