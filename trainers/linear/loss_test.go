package linear_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/linear"
)

// book is a loss in float64, by the book.
type book struct {
	name      string
	classes   int
	parameter float64 // delta or tau
	class     []float64
	w         []float32 // of the rows
	target    []float64
	x         *dataset.Matrix
}

// row is the loss of a row by its outputs.
func (b *book) row(z []float64, y float64) float64 {
	side := func(c int) float64 {
		if int(y) == c {
			return 1
		}
		return -1
	}
	switch b.name {
	case "squared":
		return (z[0] - y) * (z[0] - y) / 2
	case "huber":
		if r := math.Abs(z[0] - y); r > b.parameter {
			return b.parameter * (r - b.parameter/2)
		}
		return (z[0] - y) * (z[0] - y) / 2
	case "quantile":
		return max(b.parameter*(y-z[0]), (b.parameter-1)*(y-z[0]))
	case "poisson":
		return math.Exp(z[0]) - y*z[0]
	case "hinge", "squared_hinge":
		total := 0.0
		for c, v := range z {
			of := c
			if len(z) == 1 {
				of = 1
			}
			short := max(0, 1-side(of)*v)
			if b.name == "squared_hinge" {
				short *= short
			}
			total += short
		}
		return total
	}
	if len(z) == 1 {
		return math.Log1p(math.Exp(-z[0] * (2*y - 1)))
	}
	sum := 0.0
	for _, v := range z {
		sum += math.Exp(v)
	}
	return math.Log(sum) - z[int(y)]
}

// mean is the loss of all rows, weighted.
func (b *book) mean(w []float64) float64 {
	m := b.x
	k := len(w) / (m.D + 1)
	total, weight := 0.0, 0.0
	for i := range m.N {
		z := make([]float64, k)
		for c := range z {
			z[c] = w[m.D*k+c]
			for j := range m.D {
				z[c] += float64(m.X[i*m.D+j]) * w[j*k+c]
			}
		}
		of := 1.0
		if b.w != nil {
			of = float64(b.w[i])
		}
		if b.class != nil {
			of *= b.class[int(m.Y[i])]
		}
		total += of * b.row(z, b.target[i])
		weight += of
	}
	return total / weight
}

// Every loss, with weights of rows and of classes, has the value of the book
// and the gradient of finite differences of it.
func TestGradientAgainstFiniteDifferences(t *testing.T) {
	rng := rand.New(rand.NewPCG(41, 42))
	for _, c := range []struct {
		loss    string
		classes int
		params  tourney.Params
		value   float64
		class   []float64
	}{
		{loss: "squared"},
		{loss: "huber", params: tourney.Params{"delta": 0.7}, value: 0.7},
		{loss: "quantile", params: tourney.Params{"tau": 0.2}, value: 0.2},
		{loss: "poisson"},
		{loss: "logistic", classes: 2},
		{loss: "logistic", classes: 3},
		{loss: "logistic", classes: 5},
		{loss: "hinge", classes: 2},
		{loss: "hinge", classes: 4},
		{loss: "squared_hinge", classes: 2},
		{loss: "squared_hinge", classes: 3},
		{loss: "logistic", classes: 2, params: tourney.Params{"class_weight": "a:3,b:0.5"}, class: []float64{3, 0.5}},
		{loss: "logistic", classes: 3, params: tourney.Params{"class_weight": "b:4"}, class: []float64{1, 4, 1}},
		{loss: "squared_hinge", classes: 3, params: tourney.Params{"class_weight": "c:4"}, class: []float64{1, 1, 4}},
	} {
		for _, rows := range []bool{false, true} {
			name := fmt.Sprintf("%s, %d classes, %v, weights of rows %v", c.loss, c.classes, c.params, rows)
			d := data(200, 10, 4, c.classes, false)
			m := d.Folds[0].Train
			b := &book{name: c.loss, classes: c.classes, parameter: c.value, class: c.class, x: m}
			if c.loss == "poisson" {
				for i := range m.Y {
					m.Y[i] = float32(i % 5)
				}
			}
			for _, y := range m.Y {
				b.target = append(b.target, float64(y))
			}
			if rows {
				d.Folds[0].Train = weighted(m, func(i int) float32 { return float32(i%4) / 2 })
				b.w = d.Folds[0].Train.W
			}
			if c.classes == 0 && c.loss != "poisson" {
				standardise(b)
			}
			params := tourney.Params{"loss": c.loss}
			for k, v := range c.params {
				params[k] = v
			}
			k := 1
			if c.classes > 2 {
				k = c.classes
			}
			w32, w := make([]float32, 5*k), make([]float64, 5*k)
			for i := range w {
				w32[i] = float32(rng.NormFloat64()) / 2
				w[i] = float64(w32[i])
			}
			g, loss, err := linear.Gradient(d, params, w32)
			if err != nil {
				t.Fatal(err)
			}
			if want := b.mean(w); math.Abs(loss-want) > 1e-5*want {
				t.Errorf("%s: loss %v, want %v", name, loss, want)
			}
			for i := range w {
				const h = 1e-6
				up, down := append([]float64(nil), w...), append([]float64(nil), w...)
				up[i] += h
				down[i] -= h
				want := (b.mean(up) - b.mean(down)) / (2 * h)
				if math.Abs(g[i]-want) > 5e-6*max(1, math.Abs(want)) {
					t.Errorf("%s: derivative by weight %d is %v, want %v", name, i, g[i], want)
				}
			}
		}
	}
}

// standardise brings the target to mean 0 and deviation 1 under the weights.
func standardise(b *book) {
	mean, spread, total := 0.0, 0.0, 0.0
	of := func(i int) float64 {
		if b.w == nil {
			return 1
		}
		return float64(b.w[i])
	}
	for i, v := range b.target {
		mean += of(i) * v
		total += of(i)
	}
	mean /= total
	for i, v := range b.target {
		spread += of(i) * (v - mean) * (v - mean) / total
	}
	for i := range b.target {
		b.target[i] = (b.target[i] - mean) / math.Sqrt(spread)
	}
}

// Balanced classes weigh the same together, whatever their rows do.
func TestBalancedClasses(t *testing.T) {
	d := data(300, 10, 3, 3, false)
	d.Folds[0].Train = weighted(d.Folds[0].Train, func(i int) float32 { return float32(1 + i%2) })
	m := d.Folds[0].Train
	of := make([]float64, 3)
	for i, y := range m.Y {
		of[int(y)] += float64(m.W[i])
	}
	text := fmt.Sprintf("a:%v,b:%v,c:%v", 1/of[0], 1/of[1], 1/of[2])
	w := make([]float32, 12)
	for i := range w {
		w[i] = float32(i%5) - 2
	}
	want, _, err := linear.Gradient(d, tourney.Params{"class_weight": text}, w)
	if err != nil {
		t.Fatal(err)
	}
	got, _, err := linear.Gradient(d, tourney.Params{"class_weight": "balanced"}, w)
	if err != nil {
		t.Fatal(err)
	}
	for i := range got {
		if math.Abs(got[i]-want[i]) > 1e-6 {
			t.Errorf("derivative %d is %v, want %v", i, got[i], want[i])
		}
	}
}

// The factors are those of the definitions, over the sweep's longest trial.
func TestSchedules(t *testing.T) {
	const epochs, batches = 10, 4
	for done := range epochs * batches {
		x := float64(done) / batches
		for kind, want := range map[string]float64{
			"constant":    1,
			"linear":      1 - x/epochs,
			"cosine":      (1 + math.Cos(math.Pi*x/epochs)) / 2,
			"inv_scaling": math.Pow(1+x, -0.7),
		} {
			if got := linear.Factor(kind, 0.7, 0, epochs, done, batches); math.Abs(got-want) > 2e-7 {
				t.Errorf("%s at batch %d: %v, want %v", kind, done, got, want)
			}
			want *= min(1, float64(done+1)/(2.5*batches))
			if got := linear.Factor(kind, 0.7, 2.5, epochs, done, batches); math.Abs(got-want) > 2e-7 {
				t.Errorf("%s with warmup at batch %d: %v, want %v", kind, done, got, want)
			}
		}
	}
}
