package suite

import "math"

// shift says where the optimum of a shifted function lies, as a part of half
// the range of each coordinate.
var shift = [...]float64{0.31, -0.47, 0.22, -0.15, 0.56, -0.38, 0.41, -0.27, 0.12, -0.52}

// shifted returns x moved so that the optimum is at zero.
func shifted(x []float64, half float64) []float64 {
	z := make([]float64, len(x))
	for i, v := range x {
		z[i] = v - shift[i]*half
	}
	return z
}

func branin(v []float64) float64 {
	x, y := v[0], v[1]
	q := y - 5.1/(4*math.Pi*math.Pi)*x*x + 5/math.Pi*x - 6
	return q*q + 10*(1-1/(8*math.Pi))*math.Cos(x) + 10
}

// bumps are the four wells of a Hartmann function (Hartmann 1973).
type bumps struct{ a, p [4][]float64 }

var depth = [4]float64{1, 1.2, 3, 3.2}

var hartmann3 = bumps{
	a: [4][]float64{{3, 10, 30}, {.1, 10, 35}, {3, 10, 30}, {.1, 10, 35}},
	p: [4][]float64{{.3689, .1170, .2673}, {.4699, .4387, .7470}, {.1091, .8732, .5547}, {.0381, .5743, .8828}},
}

var hartmann6 = bumps{
	a: [4][]float64{{10, 3, 17, 3.5, 1.7, 8}, {.05, 10, 17, .1, 8, 14}, {3, 3.5, 1.7, 10, 17, 8}, {17, 8, .05, 10, .1, 14}},
	p: [4][]float64{
		{.1312, .1696, .5569, .0124, .8283, .5886},
		{.2329, .4135, .8307, .3736, .1004, .9991},
		{.2348, .1451, .3522, .2883, .3047, .6650},
		{.4047, .8828, .8732, .5743, .1091, .0381},
	},
}

func (b *bumps) value(x []float64) float64 {
	sum := 0.0
	for k, d := range depth {
		r := 0.0
		for i, v := range x {
			r += b.a[k][i] * (v - b.p[k][i]) * (v - b.p[k][i])
		}
		sum -= d * math.Exp(-r)
	}
	return sum
}

// crashing is Hartmann-3 where about half of the box crashes, right beside the
// optimum.
func crashing(x []float64) float64 {
	if x[1] > 0.60 || x[2] < 0.25 && x[0] > 0.4 {
		return math.NaN()
	}
	return hartmann3.value(x)
}

func ackley(z []float64) float64 {
	squares, cosines := 0.0, 0.0
	for _, v := range z {
		squares += v * v
		cosines += math.Cos(2 * math.Pi * v)
	}
	d := float64(len(z))
	return -20*math.Exp(-0.2*math.Sqrt(squares/d)) - math.Exp(cosines/d) + 20 + math.E
}

func rosenbrock(x []float64) float64 {
	sum := 0.0
	for i := range len(x) - 1 {
		a, b := x[i+1]-x[i]*x[i], 1-x[i]
		sum += 100*a*a + b*b
	}
	return sum
}

func levy(x []float64) float64 {
	w := make([]float64, len(x))
	for i, v := range x {
		w[i] = 1 + (v-1)/4
	}
	last := w[len(w)-1]
	s, e := math.Sin(math.Pi*w[0]), math.Sin(2*math.Pi*last)
	sum := s*s + (last-1)*(last-1)*(1+e*e)
	for _, v := range w[:len(w)-1] {
		t := math.Sin(math.Pi*v + 1)
		sum += (v - 1) * (v - 1) * (1 + 10*t*t)
	}
	return sum
}

func griewank(z []float64) float64 {
	sum, product := 0.0, 1.0
	for i, v := range z {
		sum += v * v
		product *= math.Cos(v / math.Sqrt(float64(i+1)))
	}
	return sum/4000 - product + 1
}

func rastrigin(z []float64) float64 {
	sum := 10 * float64(len(z))
	for _, v := range z {
		sum += v*v - 10*math.Cos(2*math.Pi*v)
	}
	return sum
}

func styblinski(x []float64) float64 {
	sum := 0.0
	for _, v := range x {
		sum += v*v*v*v - 16*v*v + 5*v
	}
	return sum / 2
}

func eggholder(v []float64) float64 {
	x, y := v[0], v[1]
	return -(y+47)*math.Sin(math.Sqrt(math.Abs(y+x/2+47))) - x*math.Sin(math.Sqrt(math.Abs(x-y-47)))
}

// training is made like the loss of a network in lr, wd, layers, units, drop
// and the exponent of the batch size: log scales, whole numbers, a step, an
// interaction of lr with depth and batch, and a cliff where lr is too high.
func training(p []float64) float64 {
	lr, wd, layers, units, drop, batch := p[0], p[1], p[2], p[3], p[4], p[5]
	a := math.Log10(lr) + 2.5 + 0.25*(layers-5) - 0.3*(batch-6)
	b := math.Log10(wd) + 5 + 2*(drop-0.3)
	c := math.Log2(units / 200)
	v := a*a + 0.1*b*b + 0.15*(layers-5)*(layers-5) + 0.2*c*c +
		4*(drop-0.3)*(drop-0.3) + 0.05*(batch-6)*(batch-6)
	if a > 1.2 {
		v += 10
	}
	return v
}

// choices has a choice of 20, a choice of 5, and two numbers whose best values
// depend on the first choice.
func choices(p []float64) float64 {
	k, j := (int(p[0])+13)%20, (int(p[1])+3)%5
	off := 0.0
	if k > 0 {
		off = 0.15 + 1.85*float64(k*7%19)/18
	}
	best := 0.15 + 0.7*float64(k*3%20)/19
	dx, dy := p[2]-best, p[3]-0.7
	return off + 0.25*float64(j) + 2*dx*dx + dy*dy*(1+0.5*float64(j))
}

// families has three branches with parameters of their own: 0 model; 1 C,
// 2 kernel, 3 g of the first model (g only of its first kernel); 4 depth, 5 feat
// of the second; 6 lr, 7 mom, 8 h of the third.
func families(p []float64) float64 {
	switch p[0] {
	case 0:
		c := math.Log10(p[1])
		if p[2] == 0 {
			g := math.Log10(p[3]) + 2.1 + 0.4*(c-1.2)
			return 0.06 + 0.02*(c-1.2)*(c-1.2) + 0.05*g*g
		}
		base := 0.18
		if p[2] == 2 {
			base = 0.15
		}
		return base + 0.01*(c+0.5)*(c+0.5)
	case 1:
		return 0.07 + 0.0006*(p[4]-17)*(p[4]-17) + 0.2*(p[5]-0.35)*(p[5]-0.35)
	}
	l, h := math.Log10(p[6])+2.3+1.5*(p[7]-0.9), math.Log2(p[8]/128)
	return 0.05 + 0.06*l*l + 0.1*(p[7]-0.9)*(p[7]-0.9) + 0.02*h*h
}

// few has 20 parameters of which 4 matter.
func few(x []float64) float64 {
	z := [4]float64{x[2] - 0.23, x[7] - 0.81, x[11] - 0.64, x[16] - 0.37}
	m := z[3] + 0.5*z[0]
	sum := 4*z[0]*z[0] + 2*z[1]*z[1] + z[2]*z[2] + 1.5*m*m + 0.1*(1-math.Cos(6*math.Pi*z[0]))
	for i, v := range x {
		if i != 2 && i != 7 && i != 11 && i != 16 {
			sum += 0.0002 * (v - 0.5) * (v - 0.5)
		}
	}
	return sum
}
