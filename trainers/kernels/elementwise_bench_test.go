package kernels_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"tourney/trainers/kernels"
)

// BenchmarkElementwise runs each kernel with all classes, on as many elements
// as a block of a pass has. Its metric is millions of elements a second; the
// ratio to the class go is that of the two lines.
func BenchmarkElementwise(b *testing.B) {
	shapes := [][2]int{{4096, 1}, {1000, 4}, {500, 8}, {128, 32}}
	for _, o := range append(operations(), softmaxLoss(3), softmaxLoss(10)) {
		for _, s := range shapes {
			if o.flat && s[1] > 1 {
				continue
			}
			benchmark(b, &o, s[0], s[1])
		}
	}
}

func softmaxLoss(k int) operation {
	return operation{fmt.Sprintf("SoftmaxLoss k=%d", k), "mmr", false, func(a [][]float32, n, c int) {
		if c == 1 {
			n, c = n/k, k
		}
		m := max(c/k, 1)
		n = min(n, len(a[0])/(m*k))
		clear(a[2])
		kernels.SoftmaxLoss(a[0], a[1], a[2], n, m, k)
	}}
}

func benchmark(b *testing.B, o *operation, n, c int) {
	rng := rand.New(rand.NewPCG(51, 52))
	arrays := make([][]float32, len(o.shapes))
	for i, s := range o.shapes {
		arrays[i] = make([]float32, map[rune]int{'m': n * c, 'r': n, 'c': c, 's': (n + 15) / 16 * c, 'p': c, 'f': 12}[s])
		for j := range arrays[i] {
			arrays[i][j] = rng.Float32()
			if s == 'r' {
				arrays[i][j] = 1 // else repetition makes all subnormal
			}
		}
	}
	rows, columns := n, c
	if o.flat {
		rows, columns = 1, n*c
	}
	for _, class := range kernels.Classes() {
		b.Run(fmt.Sprintf("%s/%dx%d/%s", o.name, n, c, class), func(b *testing.B) {
			restore, err := kernels.Use(class)
			if err != nil {
				b.Fatal(err)
			}
			defer restore()
			for b.Loop() {
				o.run(arrays, rows, columns)
			}
			b.ReportMetric(float64(n*c)*float64(b.N)/1e6/b.Elapsed().Seconds(), "M/s")
			b.ReportMetric(0, "ns/op")
		})
	}
}
