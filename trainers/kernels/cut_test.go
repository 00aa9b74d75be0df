package kernels_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"tourney/trainers/kernels"
)

// The best cut is the one that its definition finds, in all classes.
func TestCutsBest(t *testing.T) {
	eachClass(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		found := 0
		for round := range 3000 {
			sums := make([]int64, rng.IntN(300))
			start := int64(0)
			pack := func() int64 { return (rng.Int64N(2001)-1000)<<32 + rng.Int64N(50) }
			if rng.IntN(3) == 0 {
				start = pack()
			}
			total := start
			for i := range sums {
				if rng.IntN(4) > 0 { // equal cuts, of which the first counts
					sums[i] = pack()
				}
				total += sums[i]
			}
			h := total & (1<<32 - 1)
			c := kernels.Cuts{Total: total, Lo: 1 + rng.Int64N(h+2)/4, UnitG: math.Ldexp(1, -3), UnitH: math.Ldexp(1, -5), L2: float64(rng.IntN(3))}
			c.Hi = h - c.Lo
			if rng.IntN(2) == 0 {
				c.L1 = 40 * rng.Float64()
			}
			if rng.IntN(20) == 0 {
				c.L2 = math.Ldexp(1, 150+rng.IntN(850)) // gains next to nothing, which may still be compared
			}
			least := 0.0
			if rng.IntN(3) == 0 {
				least = 3000 * rng.Float64()
			}
			wantAt, wantGain, wantLeft := -1, least, int64(0)
			for i := range sums {
				left := start
				for _, v := range sums[:i+1] {
					left += v
				}
				if lh := left & (1<<32 - 1); lh < c.Lo || lh > c.Hi {
					continue
				}
				gain := 0.0
				for _, side := range []int64{left, total - left} {
					g, h := float64(side>>32)/8, float64(side&(1<<32-1))/32
					if g = math.Abs(g) - c.L1; g > 0 {
						gain += g * g / (h + c.L2)
					}
				}
				if gain > wantGain {
					wantAt, wantGain, wantLeft = i, gain, left
				}
			}
			at, gain, left := c.Best(sums, start, least)
			if at != wantAt || gain != wantGain || left != wantLeft {
				t.Fatalf("round %d, %d sums: got %d %v %d, want %d %v %d", round, len(sums), at, gain, left, wantAt, wantGain, wantLeft)
			}
			if at >= 0 {
				found++
			}
		}
		if found < 1000 {
			t.Fatalf("only %d cuts were found: the test looks at too little", found)
		}
	})
}

func BenchmarkCuts(b *testing.B) {
	rng := rand.New(rand.NewPCG(5, 6))
	sums := make([]int64, 255)
	total := int64(0)
	for i := range sums {
		sums[i] = (rng.Int64N(2001)-1000)<<32 + rng.Int64N(50)
		total += sums[i]
	}
	c := kernels.Cuts{Total: total, Lo: 20, Hi: total&(1<<32-1) - 20, UnitG: 1, UnitH: 1}
	for _, name := range kernels.Classes() {
		b.Run(name, func(b *testing.B) {
			restore, err := kernels.Use(name)
			if err != nil {
				b.Fatal(err)
			}
			defer restore()
			for b.Loop() {
				c.Best(sums, 0, 0)
			}
		})
	}
}
