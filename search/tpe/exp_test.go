package tpe

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"

	"tourney/search/axis"
	"tourney/search/searchtest/suite"
	"tourney/search/sobol"
)

func activeOf(p *suite.Problem) func(u []float64, i int) bool {
	if p.Mask == nil {
		return nil
	}
	return func(u []float64, i int) bool {
		v := make([]float64, len(u))
		for j := range v {
			v[j] = 0.5
			if j < i && !math.IsNaN(u[j]) {
				v[j] = u[j]
			}
		}
		p.Mask(v)
		return !math.IsNaN(v[i])
	}
}

func asker(p *suite.Problem, o Options, seed uint64, sob bool) suite.Asker {
	o.Active = activeOf(p)
	if sob {
		sq := sobol.New(len(p.Axes), seed)
		o.Start = func(n int) []float64 { u := make([]float64, len(p.Axes)); sq.At(n, u); return u }
	}
	t, err := New(p.Axes, o)
	if err != nil {
		panic(err)
	}
	return func(rng *rand.Rand, done []suite.Observation, k int, seen func([]float64) bool) [][]float64 {
		tr := make([]Trial, len(done))
		for i, d := range done {
			tr[i] = Trial{U: d.U, Loss: d.Loss}
			if math.IsInf(d.Loss, 1) {
				tr[i].State = Failed
			}
		}
		return t.ProposeN(rng, tr, seen, k)
	}
}

func expConfigs() map[string]Options {
	return map[string]Options{"optuna": {Optuna: true}, "own": {}, "u5": {Uniform: .05}}
}

func TestExp(t *testing.T) {
	env := os.Getenv("EXP")
	if env == "" {
		t.Skip()
	}
	f := strings.Split(env, ":") // name:batch:seeds:n:funcs
	batch, _ := strconv.Atoi(f[1])
	seeds, _ := strconv.Atoi(f[2])
	off, _ := strconv.Atoi(os.Getenv("OFF"))
	n, _ := strconv.Atoi(f[3])
	for _, name := range strings.Split(f[0], ",") {
		key := strings.TrimSuffix(name, "+s"); _ = key
		o, sob := expConfigs()[strings.TrimSuffix(name, "+s")], strings.HasSuffix(name, "+s")
		at := []int{25, 50, 100, 200}
		sum := make([]float64, 4)
		cnt := 0
		line := ""
		for _, p := range suite.Problems() {
			if len(f) > 4 && !strings.Contains(f[4], p.Name) {
				continue
			}
			cnt++
			regs := make([][]float64, 4)
			fail := 0
			for seed := uint64(off); seed < uint64(off+seeds); seed++ {
				out := suite.Play(&p, asker(&p, o, seed, sob), n, batch, seed)
				fail += out.Failed
				for i, a := range at {
					if a <= n {
						regs[i] = append(regs[i], out.Regret[a-1])
					}
				}
			}
			for i, a := range at {
				if a <= n {
					sum[i] += p.Score(regs[i])
				}
			}
			line += fmt.Sprintf("  %-12s", p.Name)
			for i, a := range at {
				if a <= n {
					line += fmt.Sprintf(" %10.4g", suite.Median(regs[i]))
				}
			}
			line += fmt.Sprintf("  failed %d\n", fail/seeds)
		}
		fmt.Printf("%s batch %d seeds %d: S3", name, batch, seeds)
		for i := range at {
			fmt.Printf(" %.3f", sum[i]/float64(cnt))
		}
		fmt.Println()
		if os.Getenv("V") != "" {
			fmt.Print(line)
		}
	}
}

// synth: k branches of random bowls.
func synth(seed uint64, k int) suite.Problem {
	rng := rand.New(rand.NewPCG(seed, 77))
	p := suite.Problem{Name: "synth", Scale: 1}
	p.Axes = append(p.Axes, axis.Axis{Kind: axis.Choice, Cells: int64(k)})
	type br struct {
		off, sc float64
		c, a    []float64
		from    int
	}
	var bs []br
	least := 1.0
	for range k {
		d := 1 + rng.IntN(4)
		b := br{off: rng.Float64() * rng.Float64() * .5, sc: math.Exp(rng.NormFloat64() * .7), from: len(p.Axes)}
		least = min(least, b.off)
		for range d {
			b.c = append(b.c, rng.Float64())
			b.a = append(b.a, math.Exp(rng.NormFloat64()))
			p.Axes = append(p.Axes, axis.Axis{Gates: []int{0}})
		}
		bs = append(bs, b)
	}
	p.Mask = func(u []float64) {
		b := int(p.Axes[0].Cell(u[0]))
		for i := 1; i < len(u); i++ {
			if i < bs[b].from || i >= bs[b].from+len(bs[b].c) {
				u[i] = math.NaN()
			}
		}
	}
	p.Truth = func(u []float64) float64 {
		b := bs[int(p.Axes[0].Cell(u[0]))]
		v := b.off - least
		for i, c := range b.c {
			z := u[b.from+i] - c
			v += b.sc * b.a[i] * z * z
		}
		return v
	}
	return p
}

func TestSynth(t *testing.T) {
	env := os.Getenv("SYN")
	if env == "" {
		t.Skip()
	}
	for _, name := range strings.Split(env, ",") {
		o := expConfigs()[name]
		fmt.Printf("%-8s", name)
		for _, k := range []int{3, 8, 24} {
			var at [3]float64
			N := 60
			for seed := uint64(5000); seed < uint64(5000+N); seed++ {
				p := synth(seed, k)
				out := suite.Play(&p, asker(&p, o, seed, false), 200, 1, seed)
				for i, n := range []int{50, 100, 200} {
					at[i] += math.Log10(max(out.Regret[n-1], 1e-5)) / float64(N)
				}
			}
			fmt.Printf("   k=%d %.3f %.3f %.3f", k, at[0], at[1], at[2])
		}
		fmt.Println()
	}
	for _, name := range strings.Split(env, ",") {
		o := expConfigs()[name]
		p := suite.Problems()[14]
		var r [4][]float64
		for seed := range uint64(40) {
			out := suite.Play(&p, asker(&p, o, seed, false), 200, 1, seed)
			for i, n := range []int{25, 50, 100, 200} {
				r[i] = append(r[i], out.Regret[n-1])
			}
		}
		fmt.Println(name, p.Name, suite.Median(r[0]), suite.Median(r[1]), suite.Median(r[2]), suite.Median(r[3]))
	}
}
