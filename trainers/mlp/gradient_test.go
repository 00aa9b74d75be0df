package mlp_test

import (
	"fmt"
	"math"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/kernels"
	"tourney/trainers/mlp"
)

// exact is a network by the words of the package's comment, in float64 and
// without regard to speed: the loss of a batch as a function of the weights.
type exact struct {
	x          *dataset.Matrix
	hidden     []int
	classes    int
	activation string
	norm       bool
	dropout    float32
	smoothing  float64
	key        uint64
	weight     []float64 // of the rows
}

func (e *exact) act(z float64) float64 {
	switch e.activation {
	case "tanh":
		return math.Tanh(z)
	case "gelu":
		return z / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(z+0.044715*z*z*z)))
	}
	return max(z, 0)
}

// outputs returns what the last layer gives for each row, [n][k].
func (e *exact) outputs(w []float64) [][]float64 {
	k := max(1, e.classes)
	if k == 2 {
		k = 1
	}
	a := make([][]float64, e.x.N)
	for i := range a {
		for _, v := range e.x.X[i*e.x.D : (i+1)*e.x.D] {
			a[i] = append(a[i], float64(v))
		}
	}
	p := e.x.D
	for l, q := range append(append([]int(nil), e.hidden...), k) {
		last := l == len(e.hidden)
		weights, shifts := w[:p*q], w[p*q:p*q+q]
		w = w[p*q+q:]
		norm := e.norm && !last
		var scales []float64
		if norm {
			scales, w = w[:q], w[q:]
		}
		z := make([][]float64, len(a))
		for i := range z {
			z[i] = make([]float64, q)
			for j := range q {
				if !norm {
					z[i][j] = shifts[j]
				}
				for u := range p {
					z[i][j] += a[i][u] * weights[u*q+j]
				}
			}
		}
		for j := range q {
			if !norm {
				break
			}
			mean, variance := 0.0, 0.0
			for i := range z {
				mean += z[i][j] / float64(len(z))
			}
			for i := range z {
				variance += (z[i][j] - mean) * (z[i][j] - mean) / float64(len(z))
			}
			for i := range z {
				z[i][j] = (z[i][j]-mean)/math.Sqrt(variance+1e-5)*scales[j] + shifts[j]
			}
		}
		if !last {
			e.activate(z, l, q)
		}
		a, p = z, q
	}
	return a
}

func (e *exact) activate(z [][]float64, l, q int) {
	mask := make([]float32, len(z)*q)
	for i := range mask {
		mask[i] = 1
	}
	if e.dropout > 0 {
		kernels.Dropout(mask, mask, e.dropout, kernels.Key(e.key, uint64(l)), 0)
	}
	for i := range z {
		for j := range q {
			z[i][j] = e.act(z[i][j]) * float64(mask[i*q+j])
		}
	}
}

// loss returns what is derived: the sum of losses, with smoothing.
func (e *exact) loss(w []float64) float64 {
	sum := 0.0
	for i, z := range e.outputs(w) {
		y := float64(e.x.Y[i])
		l := 0.0
		switch e.classes {
		case 0:
			l = (z[0] - y) * (z[0] - y) / 2
		case 2:
			t := y*(1-e.smoothing) + e.smoothing/2
			l = math.Log(1+math.Exp(-math.Abs(z[0]))) + max(z[0], 0) - t*z[0]
		default:
			total := 0.0
			for _, v := range z {
				total += math.Exp(v)
			}
			for c, v := range z {
				t := e.smoothing / float64(e.classes)
				if c == int(y) {
					t += 1 - e.smoothing
				}
				l += t * (math.Log(total) - v)
			}
		}
		if e.weight != nil {
			l *= e.weight[i]
		}
		sum += l
	}
	return sum
}

// Each gradient is the limit of differences of the loss.
func TestGradientsAgainstDifferences(t *testing.T) {
	type setting struct {
		classes int
		params  tourney.Params
		weighed bool
	}
	var settings []setting
	for _, activation := range []string{"relu", "gelu", "tanh"} {
		for _, norm := range []bool{false, true} {
			for _, classes := range []int{0, 2, 3} {
				settings = append(
					settings,
					setting{classes, tourney.Params{"hidden": "5,4", "activation": activation, "batch_norm": norm}, false},
					setting{classes, tourney.Params{"hidden": "6", "activation": activation, "batch_norm": norm, "dropout": 0.4}, true},
				)
				if classes > 0 {
					settings = append(settings, setting{classes, tourney.Params{"hidden": "3,4,5", "activation": activation, "batch_norm": norm, "label_smoothing": 0.3, "class_weight": "balanced", "dropout": 0.1}, true})
				}
			}
		}
	}
	for _, s := range settings {
		t.Run(fmt.Sprint(s.classes, s.params), func(t *testing.T) { checkGradient(t, s.classes, s.params, s.weighed) })
	}
}

func checkGradient(t *testing.T, classes int, params tourney.Params, weighed bool) {
	const n = 24
	d := data(n, 8, 3, classes, false)
	x := d.Folds[0].Train
	if classes == 0 {
		for i, y := range x.Y {
			x.Y[i] = (y - 1000) / 50
		}
	}
	if weighed {
		weigh(d)
	}
	params["shuffle"], params["batch_size"] = "none", int64(n)
	probe, err := mlp.NewProbe(d, tourney.Job{Params: params, Budget: 1, MaxBudget: 1, Seed: 3})
	if err != nil {
		t.Fatal(err)
	}
	e := &exact{x: x, classes: classes, activation: params["activation"].(string), norm: params["batch_norm"].(bool), key: probe.Key()}
	e.hidden, _ = mlp.Hidden(params["hidden"].(string))
	rate, _ := params.Float("dropout", 0)
	e.dropout = float32(rate)
	e.smoothing, _ = params.Float("label_smoothing", 0)
	e.weight = rowWeights(x, classes, params["class_weight"] == "balanced")
	w := probe.Weights()
	at := make([]float64, len(w))
	for i := range w {
		w[i] += 0.05*float32(i%7-3) + 0.01 // shifts and scales of their own, none 0
		at[i] = float64(w[i])
	}
	got, loss := probe.Gradient(n)
	plain := *e
	plain.smoothing = 0
	if want := plain.loss(at); math.Abs(loss-want) > 1e-5*max(1, want) {
		t.Errorf("loss %v, want %v", loss, want)
	}
	long := 0.0
	want := make([]float64, len(at))
	for i, v := range at {
		const h = 1e-6
		at[i] = v + h
		up := e.loss(at)
		at[i] = v - h
		want[i] = (up - e.loss(at)) / (2 * h)
		at[i] = v
		long = max(long, math.Abs(want[i]))
	}
	for i := range got {
		if math.Abs(float64(got[i])-want[i]) > 2e-5*long {
			t.Errorf("derivative %d is %v, want %v; the largest is %v", i, got[i], want[i], long)
		}
	}
}

// rowWeights returns what each row counts.
func rowWeights(x *dataset.Matrix, classes int, balanced bool) []float64 {
	w := make([]float64, x.N)
	sums := make([]float64, max(1, classes))
	total := 0.0
	for i := range w {
		w[i] = 1
		if x.W != nil {
			w[i] = float64(x.W[i])
		}
		if balanced {
			sums[int(x.Y[i])] += w[i]
		}
		total += w[i]
	}
	for i := range w {
		if balanced {
			w[i] *= total / (float64(classes) * sums[int(x.Y[i])])
		}
	}
	return w
}
