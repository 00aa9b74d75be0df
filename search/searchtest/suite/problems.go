package suite

import (
	"math"

	"tourney/search/axis"
)

// param is an axis with the values that its coordinates stand for.
type param struct {
	axis   axis.Axis
	decode func(u float64) float64
}

// number is a uniform number.
func number(lo, hi float64) param {
	return param{axis.Axis{Kind: axis.Continuous}, func(u float64) float64 { return lo + (hi-lo)*u }}
}

// logarithmic is a number, uniform in the logarithm.
func logarithmic(lo, hi float64) param {
	a, b := math.Log(lo), math.Log(hi)
	return param{axis.Axis{Kind: axis.Continuous}, func(u float64) float64 { return math.Exp(a + (b-a)*u) }}
}

// lattice is one of n numbers from lo on.
func lattice(lo, step float64, n int64) param {
	a := axis.Axis{Kind: axis.Ordered, Cells: n}
	return param{a, func(u float64) float64 { return lo + step*float64(a.Cell(u)) }}
}

// integers is a whole number, uniform in the logarithm: each takes the part of
// the axis that rounds to it.
func integers(lo, hi int) param {
	a := axis.Axis{Kind: axis.Ordered, Cells: int64(hi - lo + 1)}
	from, to := math.Log(float64(lo)-0.5), math.Log(float64(hi)+0.5)
	a.Edges = make([]float64, hi-lo+2)
	for i := range a.Edges {
		a.Edges[i] = (math.Log(float64(lo+i)-0.5) - from) / (to - from)
	}
	a.Edges[0], a.Edges[len(a.Edges)-1] = 0, 1
	return param{a, func(u float64) float64 { return float64(lo + int(a.Cell(u))) }}
}

// choice is one of n things without an order, which decodes to its number.
func choice(n int64) param {
	a := axis.Axis{Kind: axis.Choice, Cells: n}
	return param{a, func(u float64) float64 { return float64(a.Cell(u)) }}
}

// gated is a parameter that has a part only where those axes say so.
func gated(p param, gates ...int) param {
	p.axis.Gates = gates
	return p
}

// box is d numbers with the same range.
func box(d int, lo, hi float64) []param {
	out := make([]param, d)
	for i := range out {
		out[i] = number(lo, hi)
	}
	return out
}

// problem puts a function of native values on the unit cube. median is the
// median of 100,000 random values.
func problem(name string, f func([]float64) float64, optimum, median float64, params ...param) Problem {
	p := Problem{Name: name, Optimum: optimum, Scale: median - optimum}
	for i := range params {
		p.Axes = append(p.Axes, params[i].axis)
	}
	p.Truth = func(u []float64) float64 {
		x := make([]float64, len(u))
		for i, v := range u {
			if math.IsNaN(v) {
				x[i] = v
			} else {
				x[i] = params[i].decode(v)
			}
		}
		return f(x)
	}
	return p
}

// shiftedBox is a function whose optimum is moved away from the centre.
func shiftedBox(name string, f func([]float64) float64, d int, half, median float64) Problem {
	return problem(name, func(x []float64) float64 { return f(shifted(x, half)) }, 0, median, box(d, -half, half)...)
}

// Problems returns the 18 functions.
func Problems() []Problem {
	const low3, low6 = -3.8627821478207554, -3.3223680114155147
	noisy := problem("noisyhart6", hartmann6.value, low6, -0.1027694713263499, box(6, 0, 1)...)
	noisy.Noise = 0.2
	return []Problem{
		problem("branin2", branin, 0.39788735772973816, 35.11145594735505, number(-5, 10), number(0, 15)),
		problem("hartmann3", hartmann3.value, low3, -0.5504493628323799, box(3, 0, 1)...),
		problem("hartmann6", hartmann6.value, low6, -0.1027694713263499, box(6, 0, 1)...),
		shiftedBox("ackley5s", ackley, 5, 32.768, 21.36473302008858),
		shiftedBox("ackley10s", ackley, 10, 32.768, 21.431557728508295),
		problem("rosenbrock5", rosenbrock, 0, 414475.52265355247, box(5, -5, 10)...),
		problem("rosenbrock10", rosenbrock, 0, 1090277.9333206168, box(10, -5, 10)...),
		problem("levy5", levy, 0, 50.85806687337687, box(5, -10, 10)...),
		shiftedBox("griewank5s", griewank, 5, 600, 205.16836501563574),
		shiftedBox("rastrigin5s", rastrigin, 5, 5.12, 109.9640054616527),
		problem("stybtang5", styblinski, -39.16616570377142*5, -32.598462420770275, box(5, -5, 5)...),
		problem("eggholder2", eggholder, -959.6406627208506, 1.3333000976224398, box(2, -512, 512)...),
		problem("mixed6", training, 0, 5.631338640725015,
			logarithmic(1e-5, 1), logarithmic(1e-8, 1e-1), lattice(1, 1, 8), integers(8, 1024), lattice(0, 0.05, 17), lattice(4, 1, 7)),
		problem("cat20", choices, 0, 2.0026553107382403, choice(20), choice(5), number(0, 1), number(0, 1)),
		conditional(),
		noisy,
		problem("nanhart3", crashing, low3, -0.5554893105160877, box(3, 0, 1)...),
		problem("lowdim20", few, 0, 1.270568615963272, box(20, 0, 1)...),
	}
}

// conditional is the problem of three model families.
func conditional() Problem {
	p := problem("cond8", families, 0.05, 0.1865786073305771,
		choice(3),
		gated(logarithmic(1e-3, 1e3), 0), gated(choice(3), 0), gated(logarithmic(1e-5, 10), 0, 2),
		gated(lattice(1, 1, 30), 0), gated(number(0.05, 1), 0),
		gated(logarithmic(1e-5, 1), 0), gated(number(0, 0.99), 0), gated(integers(4, 512), 0))
	owner := [...]int64{0, 0, 0, 0, 1, 1, 2, 2, 2} // the model that each axis but the first belongs to
	p.Mask = func(u []float64) {
		model := p.Axes[0].Cell(u[0])
		for i := 1; i < len(u); i++ {
			if owner[i] != model || i == 3 && p.Axes[2].Cell(u[2]) != 0 {
				u[i] = math.NaN()
			}
		}
	}
	return p
}
