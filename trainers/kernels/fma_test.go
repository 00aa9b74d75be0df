package kernels_test

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"

	"tourney/trainers/kernels"
)

// exactFMA is the oracle: the exact sum in math/big, rounded once. The sign of
// a zero and what is not finite follow IEEE 754, 6.3 and 7.2.
func exactFMA(a, b, c float32) float32 {
	x, y, z := float64(a), float64(b), float64(c)
	if math.IsNaN(x+y+z) || math.IsInf(x, 0) || math.IsInf(y, 0) || math.IsInf(z, 0) {
		return float32(x*y + z) // one operand is not finite: float64 rounds nothing
	}
	sum := new(big.Float).SetPrec(1000).Mul(big.NewFloat(x), big.NewFloat(y))
	sum.Add(sum, big.NewFloat(z))
	if sum.Sign() == 0 {
		return float32(float64(x*y) + z) // exact; only the sign matters
	}
	r, _ := sum.Float32()
	return r
}

func checkFMA(t *testing.T, a, b, c float32) {
	t.Helper()
	got, want := kernels.FMA(a, b, c), exactFMA(a, b, c)
	if math.IsNaN(float64(want)) && math.IsNaN(float64(got)) {
		return
	}
	if math.Float32bits(got) != math.Float32bits(want) {
		t.Fatalf("FMA(%x, %x, %x) = %x, want %x", a, b, c, got, want)
	}
}

func TestFMAOfEverySpecialValue(t *testing.T) {
	values := []float32{
		0, 1, 1.5, 1 + 0x1p-23, 1 - 0x1p-24, 0x1p-126, 0x1p-149, 0x1.8p-149, 0x1p-127, 0x1.fffffcp-127,
		3, 0x1p-75, 0x1.8p-75, 0x1p-100, 0x1p64, 0x1.fffffep63, math.MaxFloat32, 0x1p127, float32(math.Inf(1)), float32(math.NaN()),
	}
	for _, v := range values {
		values = append(values, -v)
	}
	for _, a := range values {
		for _, b := range values {
			for _, c := range values {
				checkFMA(t, a, b, c)
			}
		}
	}
}

func TestFMAOfRandomBits(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100_000 {
		checkFMA(t, math.Float32frombits(rng.Uint32()), math.Float32frombits(rng.Uint32()), math.Float32frombits(rng.Uint32()))
	}
}

func TestFMAOfNearbyExponents(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 100_000 {
		a := float32(math.Ldexp(rng.Float64()*2-1, rng.IntN(8)))
		b := float32(math.Ldexp(rng.Float64()*2-1, rng.IntN(8)))
		checkFMA(t, a, b, -a*b)
		checkFMA(t, a, b, float32(math.Ldexp(rng.Float64()*2-1, rng.IntN(60)-30)))
	}
}

// nearOne draws (1+2^-i)·(1-2^-j) and the like, often with i = j, when the
// product is 1-2^-2i, which float32 cannot hold.
func nearOne(rng *rand.Rand) (a, b float32) {
	i := 1 + rng.IntN(23)
	j := i
	if rng.IntN(4) == 0 {
		j = 1 + rng.IntN(23)
	}
	u := math.Ldexp(float64(rng.IntN(3)-1), -i)
	v := math.Ldexp(float64(rng.IntN(3)-1), -j)
	return float32(1 + u), float32(1 + v)
}

// Sums that lie so near a tie that float64 cannot tell them from it: c has a
// few bits, and a·b = h + l with h half an ulp of c and l far below it.
func TestFMANextToTies(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	wrong := 0
	for range 100_000 {
		a, b := nearOne(rng)
		e := rng.IntN(40) - 20
		c := float32(math.Ldexp(float64(1<<23+rng.IntN(1<<23)), e+1))
		if rng.IntN(2) == 0 {
			c = -c
		}
		a = float32(math.Ldexp(float64(a), e)) // a·b ≈ 2^e, half an ulp of c
		checkFMA(t, a, b, c)
		if float32(float64(a)*float64(b)+float64(c)) != exactFMA(a, b, c) {
			wrong++
		}
	}
	if wrong < 1000 {
		t.Errorf("only %d of the cases need care: the test has lost its point", wrong)
	}
}

// The same where float32 is subnormal, and at its upper end.
func TestFMANextToTiesOfSubnormals(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	wrong := 0
	for range 100_000 {
		a, b := nearOne(rng)
		a, b = a*0x1p-75, b*0x1p-75 // a·b ≈ 2^-150, half the least step
		c := math.Float32frombits(uint32(rng.IntN(1<<rng.IntN(25))) | uint32(rng.IntN(2))<<31)
		checkFMA(t, a, b, c)
		checkFMA(t, -a, b, c)
		if float32(float64(a)*float64(b)+float64(c)) != exactFMA(a, b, c) {
			wrong++
		}
		checkFMA(t, a, float32(math.Ldexp(float64(b), rng.IntN(40)-20)), c)
	}
	if wrong < 1000 {
		t.Errorf("only %d of the cases need care: the test has lost its point", wrong)
	}
	for _, l := range []float32{0x1p102, 0x1.fffffep102, 0x1.000002p102} { // half an ulp of the largest, and beside it
		for _, b := range []float32{1, 1 + 0x1p-23, 1 - 0x1p-24} {
			checkFMA(t, l, b*2, math.MaxFloat32)
			checkFMA(t, l, b, math.MaxFloat32)
			checkFMA(t, -l, b*2, -math.MaxFloat32)
		}
	}
}
