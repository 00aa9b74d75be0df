package gbdt_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/trainers/tree/gbdt"
)

// Losses by their definitions, in float64, of a score and a target; and the
// hessians where LightGBM's is not the second derivative.
var losses = map[string]struct {
	params  tourney.Params
	loss    func(s, y float64) float64
	hessian func(s, y float64) float64 // nil: the second derivative
}{
	"l2":       {nil, func(s, y float64) float64 { return (s - y) * (s - y) / 2 }, nil},
	"l1":       {nil, func(s, y float64) float64 { return math.Abs(s - y) }, one},
	"huber":    {tourney.Params{"alpha": 0.4}, huberLoss, one},
	"fair":     {tourney.Params{"fair_c": 2}, func(s, y float64) float64 { x := math.Abs(s - y); return 2*x - 4*math.Log1p(x/2) }, nil},
	"quantile": {tourney.Params{"alpha": 0.3}, func(s, y float64) float64 { return max(0.3*(y-s), 0.7*(s-y)) }, one},
	"mape":     {nil, func(s, y float64) float64 { return math.Abs(s-y) / max(1, math.Abs(y)) }, one},
	"poisson": {
		nil, func(s, y float64) float64 { return math.Exp(s) - y*s },
		func(s, _ float64) float64 { return math.Exp(s + 0.7) },
	},
	"gamma": {nil, func(s, y float64) float64 { return y*math.Exp(-s) + s }, nil},
	"tweedie": {tourney.Params{"tweedie_variance_power": 1.2}, func(s, y float64) float64 {
		return -y*math.Exp(-0.2*s)/-0.2 + math.Exp(0.8*s)/0.8
	}, nil},
	"binary": {nil, func(s, y float64) float64 { return math.Log1p(math.Exp(s)) - y*s }, nil},
}

func one(_, _ float64) float64 { return 1 }

func huberLoss(s, y float64) float64 {
	x := math.Abs(s - y)
	if x <= 0.4 {
		return x * x / 2
	}
	return 0.4 * (x - 0.2)
}

func TestGradientsAreDerivativesOfLosses(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 300
	for name, c := range losses {
		classes := 0
		if name == "binary" {
			classes = 2
		}
		y, w, scores := make([]float32, n), make([]float32, n), make([]float32, n)
		for i := range n {
			y[i] = float32(rng.ExpFloat64()*1.5 + 0.01)
			if classes > 0 {
				y[i] = float32(rng.IntN(2))
			}
			w[i] = float32(rng.Float64() * 3)
			scores[i] = float32(rng.NormFloat64())
		}
		grad, hess, loss, err := gbdt.Derive(merged(c.params, tourney.Params{"objective": name}), classes, y, w, scores)
		if err != nil {
			t.Fatal(err)
		}
		total := 0.0
		for i := range n {
			s, target, weight := float64(scores[i]), float64(y[i]), float64(w[i])
			total += weight * c.loss(s, target)
			const h = 1e-4
			if x := math.Abs(s - target); classes == 0 && (x < 10*h || math.Abs(x-0.4) < 10*h) {
				continue // near a bend
			}
			slope := (c.loss(s+h, target) - c.loss(s-h, target)) / (2 * h) * weight
			if math.Abs(float64(grad[i])-slope) > 2e-6*max(1, math.Abs(slope)) {
				t.Errorf("%s: gradient %v at score %v, target %v; want %v", name, grad[i], s, target, slope)
			}
			bend := (c.loss(s+h, target) - 2*c.loss(s, target) + c.loss(s-h, target)) / (h * h) * weight
			tolerance := 2e-5 * max(1, math.Abs(bend))
			if c.hessian != nil {
				bend, tolerance = c.hessian(s, target)*weight, 2e-6*max(1, c.hessian(s, target)*weight)
			}
			if math.Abs(float64(hess[i])-bend) > tolerance {
				t.Errorf("%s: hessian %v at score %v, target %v; want %v", name, hess[i], s, target, bend)
			}
		}
		if math.Abs(loss-total) > 1e-6*math.Abs(total) {
			t.Errorf("%s: loss %v, want %v", name, loss, total)
		}
	}
}

func TestSoftmaxGradients(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const n, k = 200, 4
	y, scores := make([]float32, n), make([]float32, n*k)
	for i := range y {
		y[i] = float32(rng.IntN(k))
	}
	for i := range scores {
		scores[i] = float32(rng.NormFloat64() * 2)
	}
	grad, hess, loss, err := gbdt.Derive(tourney.Params{"class_weight": "1,2,3,4"}, k, y, nil, scores)
	if err != nil {
		t.Fatal(err)
	}
	total := 0.0
	for i := range n {
		sum := 0.0
		for c := range k {
			sum += math.Exp(float64(scores[i*k+c]))
		}
		class := int(y[i])
		total += math.Log(sum) - float64(scores[i*k+class])
		for c := range k {
			p := math.Exp(float64(scores[i*k+c])) / sum
			g, h := p, p*(1-p)*k/(k-1)
			if c == class {
				g--
			}
			weight := float64(class + 1)
			if math.Abs(float64(grad[c*n+i])-g*weight) > 2e-6 || math.Abs(float64(hess[c*n+i])-h*weight) > 2e-6 {
				t.Errorf("row %d class %d: %v, %v; want %v, %v", i, c, grad[c*n+i], hess[c*n+i], g*weight, h*weight)
			}
		}
	}
	if math.Abs(loss-total) > 1e-5*total {
		t.Errorf("loss %v, want %v, which weights of classes do not change", loss, total)
	}
}

// A small move of the constant to either side makes the loss no smaller.
func TestScoresStartAtTheBestConstant(t *testing.T) {
	y := []float32{0.5, 1, 2, 3.5, 7, 1, 4, 0.25}
	w := []float32{1, 0.5, 2, 1, 0.5, 1, 1, 1}
	for name, c := range losses {
		if name == "binary" || name == "huber" || name == "fair" { // which start at the mean, as LightGBM does
			continue
		}
		start, err := gbdt.Start(merged(c.params, tourney.Params{"objective": name}), 0, y, w)
		if err != nil {
			t.Fatal(err)
		}
		at := func(s float64) float64 {
			sum := 0.0
			for i := range y {
				sum += float64(w[i]) * c.loss(s, float64(y[i]))
			}
			return sum
		}
		if best := at(start[0]); at(start[0]+1e-3) < best-1e-9 || at(start[0]-1e-3) < best-1e-9 {
			t.Errorf("%s: starts at %v, and near it the loss is lower", name, start[0])
		}
	}
	start, err := gbdt.Start(nil, 2, []float32{0, 1, 1, 1, 0}, []float32{1, 1, 2, 1, 3})
	if err != nil || math.Abs(start[0]) > 1e-7 { // equal weights on both sides
		t.Errorf("binary starts at %v, %v", start, err)
	}
	start, err = gbdt.Start(nil, 3, []float32{0, 1, 1, 1, 2}, nil)
	want := []float64{math.Log(0.2), math.Log(0.6), math.Log(0.2)}
	if err != nil || !slices.EqualFunc(start, want, func(a, b float64) bool { return math.Abs(a-b) < 1e-6 }) {
		t.Errorf("multiclass starts at %v, %v; want %v", start, err, want)
	}
}

// The values are those of numpy.quantile, and for weights counted by hand.
func TestQuantiles(t *testing.T) {
	for _, c := range []struct {
		values, weights []float32
		tau, want       float64
	}{
		{[]float32{3}, nil, 0.9, 3},
		{[]float32{4, 1, 3, 2}, nil, 0.5, 2.5},
		{[]float32{4, 1, 3, 2}, nil, 0.9, 3.7},
		{[]float32{5, 5, 5, 5, 9}, nil, 0.75, 5},
		{[]float32{10, 30, 20, 50, 40}, nil, 0.3, 22},
		{[]float32{30, 10, 20}, []float32{1, 1, 1}, 0.5, 20},
		{[]float32{30, 10, 20}, []float32{1, 5, 1}, 0.5, 10},
		{[]float32{30, 10, 20}, []float32{5, 1, 1}, 0.5, 30},
		{[]float32{30, 10, 20, 40}, []float32{0.1, 0.1, 0.1, 0.1}, 0.5, 30},
	} {
		if got := gbdt.Quantile(c.values, c.weights, c.tau); math.Abs(got-c.want) > 1e-6 {
			t.Errorf("quantile %v of %v with weights %v is %v, want %v", c.tau, c.values, c.weights, got, c.want)
		}
	}
}

func TestQuantilesAgreeWithSorting(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 8))
	for range 2000 {
		n := 1 + rng.IntN(60)
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(rng.IntN(1 + rng.IntN(40)))
		}
		tau := rng.Float64()
		sorted := slices.Sorted(slices.Values(values))
		place := float64(n-1) * tau
		i := int(place)
		want := float64(sorted[i])
		if i < n-1 {
			want += (place - float64(i)) * float64(sorted[i+1]-sorted[i])
		}
		if got := gbdt.Quantile(values, nil, tau); math.Abs(got-want) > 1e-9 {
			t.Fatalf("quantile %v of %v is %v, want %v", tau, values, got, want)
		}
	}
}

func TestObjectivesThatDoNotFit(t *testing.T) {
	counts := []float32{0, 1, 2}
	for _, c := range []struct {
		params  tourney.Params
		classes int
		y       []float32
		says    string
	}{
		{tourney.Params{"objective": "binary"}, 3, counts, "2 classes, not 3; use multiclass"},
		{tourney.Params{"objective": "l1"}, 2, counts, "regression, and the task is classification"},
		{tourney.Params{"objective": "softmax"}, 0, counts, "classification, and the task is regression"},
		{tourney.Params{"objective": "gamma"}, 0, counts, "targets above 0"},
		{tourney.Params{"objective": "poisson"}, 0, []float32{-1, 2}, "at least 0"},
		{tourney.Params{"objective": "tweedie"}, 0, []float32{0, 0}, "all 0"},
		{tourney.Params{"objective": "quantile", "alpha": 1}, 0, counts, "less than 1"},
		{tourney.Params{"scale_pos_weight": 2, "is_unbalance": true}, 2, counts[:2], "use one of them"},
		{tourney.Params{"scale_pos_weight": 2}, 3, counts, "use class_weight"},
		{tourney.Params{"class_weight": "1,2"}, 3, counts, "2 weights for 3 classes"},
		{tourney.Params{"class_weight": "1,-2"}, 2, counts[:2], "positive numbers"},
	} {
		_, err := gbdt.Start(c.params, c.classes, c.y, nil)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v; want %q", c.params, err, c.says)
		}
	}
}
