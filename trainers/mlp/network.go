package mlp

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"sync"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/kernels"
	"tourney/trainers/lap"
)

// network is what scores rows. It implements heat.Model.
type network struct {
	*shape
	weights  []float32
	averages []float32
	inv      []float32 // [averages] one over the deviations, where the variances are
	classes  int       // 0 for regression
	mean, sd float64   // of the target; 0 and 1 for classes
}

// newNetwork returns a network of weights and running averages.
func newNetwork(s *shape, weights, averages []float32, classes int, mean, sd float64) *network {
	n := &network{shape: s, weights: weights, averages: averages, classes: classes, mean: mean, sd: sd}
	n.inv = make([]float32, len(averages))
	for i, v := range averages {
		n.inv[i] = float32(1 / math.Sqrt(float64(v)+normEps)) // of a mean it is nothing
	}
	return n
}

// scratches holds slices for outputs of layers, [2×ScoreRows×widest].
var scratches = sync.Pool{New: func() any { return new([]float32) }}

// Predict computes the outputs of rows.
func (n *network) Predict(m *dataset.Matrix, lo, hi int, out []float32) {
	scratch := scratches.Get().(*[]float32)
	defer scratches.Put(scratch)
	if size := 2 * lap.ScoreRows * n.widest; cap(*scratch) < size {
		*scratch = make([]float32, size)
	}
	k := max(1, n.classes)
	for ; lo < hi; lo += lap.ScoreRows {
		rows := min(lap.ScoreRows, hi-lo)
		half := lap.ScoreRows * n.widest
		z := n.forward(m.X[lo*m.D:(lo+rows)*m.D], rows, (*scratch)[:half], (*scratch)[half:2*half])
		n.link(out[:rows*k], z)
		out = out[rows*k:]
	}
}

// forward computes the last layer's products. What it returns lies in one of
// two slices that are large enough for a layer.
func (n *network) forward(x []float32, rows int, to, other []float32) []float32 {
	for i := range n.layers {
		l := &n.layers[i]
		z := to[:rows*l.q]
		if l.norm {
			clear(z)
			kernels.Gemm(z, l.q, x, l.p, false, n.weights[l.w:l.b], l.q, rows, l.q, l.p)
			n.normalise(l, z)
		} else {
			kernels.Forward(z, x, n.weights[l.w:l.b+l.q], rows, l.p, l.q)
		}
		if i < len(n.layers)-1 {
			switch n.activation {
			case relu:
				kernels.ReLU(z, z)
			case tanh:
				kernels.TanhAll(z, z)
			case gelu:
				kernels.GELU(z, z)
			}
		}
		x, to, other = z, other, to
	}
	return x
}

// normalise normalises a layer's products by the running averages.
func (n *network) normalise(l *layer, z []float32) {
	q := l.q
	means, inv := n.averages[l.mean:l.mean+q], n.inv[l.mean+q:l.mean+2*q]
	shifts, scales := n.weights[l.b:l.b+q], n.weights[l.s:l.s+q]
	for ; len(z) > 0; z = z[q:] {
		row := z[:q]
		for j, mean := range means {
			row[j] -= mean
		}
		scaleRow(row, row, inv, scales, shifts)
	}
}

// link turns the outputs of rows into probabilities, or into values in the
// target's units.
func (n *network) link(out, z []float32) {
	switch n.classes {
	case 0:
		for i, v := range z {
			out[i] = float32(float64(float64(v)*n.sd) + n.mean)
		}
	case 2:
		for i, v := range z {
			out[2*i], out[2*i+1], _, _ = kernels.Logistic(v)
		}
	default:
		copy(out, z)
		kernels.SoftmaxAll(out, len(z)/n.classes, n.classes)
	}
}

// open reads the network out of the last state of a final job.
func open(job *tourney.Job, data *dataset.Data, state []byte) (heat.Model, error) {
	f := Family()
	values, err := f.Read(job.Params)
	if err != nil {
		return nil, fmt.Errorf("mlp: %w", err)
	}
	hidden, err := hiddenOf(values)
	if err != nil {
		return nil, fmt.Errorf("mlp: %w", err)
	}
	shape, err := newShape(data.Folds[0].Train.D, hidden, outputsOf(len(data.Classes)), values.Word("activation"), values.Bool("batch_norm"))
	if err != nil {
		return nil, fmt.Errorf("mlp: %w", err)
	}
	last, err := lap.ReadState(state)
	switch {
	case err != nil:
		return nil, fmt.Errorf("mlp: state: %w", err)
	case !last.Final || len(last.Fits) != 1:
		return nil, errors.New("mlp: state: not of a final job")
	case len(last.Fits[0].Saved) < stateHead+4*(shape.size+shape.stats):
		return nil, errors.New("mlp: state: cut short")
	}
	fit := last.Fits[0]
	weights, averages := make([]float32, shape.size), make([]float32, shape.stats)
	readFloats(averages, readFloats(weights, fit.Saved[stateHead:]))
	return newNetwork(shape, weights, averages, len(data.Classes), fit.Mean, fit.SD), nil
}

// document is a network in JSON.
type document struct {
	Activation string          `json:"activation"` // of the hidden layers: relu, tanh, or gelu in its tanh form
	Layers     []documentLayer `json:"layers"`     // from the input on
	Target     *documentTarget `json:"target,omitempty"`
}

// documentLayer is a layer. It computes, for a row x of Inputs values,
//
//	z_j = Shift_j + Σ_i x_i·Weights_ij
//
// or, if it has Scale, with z_j the sum alone,
//
//	Scale_j·(z_j - Mean_j)/√(Variance_j + 1e-5) + Shift_j
//
// to which all layers but the last apply the activation.
type documentLayer struct {
	Inputs   int       `json:"inputs"`
	Units    int       `json:"units"`
	Weights  []float32 `json:"weights"` // [inputs×units] row-major
	Shift    []float32 `json:"shift"`   // [units]
	Scale    []float32 `json:"scale,omitempty"`
	Mean     []float32 `json:"mean,omitempty"`
	Variance []float32 `json:"variance,omitempty"`
}

// documentTarget says how to come back to the target's units: the output times
// Deviation, plus Mean.
type documentTarget struct {
	Mean      float64 `json:"mean"`
	Deviation float64 `json:"deviation"`
}

// MarshalJSON writes the network.
func (n *network) MarshalJSON() ([]byte, error) {
	d := document{Activation: n.activation}
	if n.classes == 0 {
		d.Target = &documentTarget{n.mean, n.sd}
	}
	for _, l := range n.layers {
		out := documentLayer{Inputs: l.p, Units: l.q, Weights: n.weights[l.w:l.b], Shift: n.weights[l.b : l.b+l.q]}
		if l.norm {
			out.Scale = n.weights[l.s : l.s+l.q]
			out.Mean, out.Variance = n.averages[l.mean:l.mean+l.q], n.averages[l.mean+l.q:l.mean+2*l.q]
		}
		d.Layers = append(d.Layers, out)
	}
	return json.Marshal(d)
}

// readModel reads what MarshalJSON wrote.
func readModel(b []byte, about heat.About) (heat.Model, error) {
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		return nil, fmt.Errorf("mlp: %w", err)
	}
	n, err := d.network(&about)
	if err != nil {
		return nil, fmt.Errorf("mlp: %w", err)
	}
	return n, nil
}

// network builds the network of a document.
func (d *document) network(about *heat.About) (*network, error) {
	if d.Activation != relu && d.Activation != gelu && d.Activation != tanh {
		return nil, fmt.Errorf("activation must be relu, gelu or tanh, not %q", d.Activation)
	}
	if len(d.Layers) == 0 || len(d.Layers) > maxLayers+1 {
		return nil, fmt.Errorf("layers must be 1 to %d, not %d", maxLayers+1, len(d.Layers))
	}
	last := len(d.Layers) - 1
	norm := last > 0 && d.Layers[0].Scale != nil
	hidden := make([]int, last)
	for i, l := range d.Layers[:last] {
		hidden[i] = l.Units
		if l.Units < 1 || l.Units > maxWidth {
			return nil, fmt.Errorf("layers[%d].units must be 1 to %d, not %d", i, maxWidth, l.Units)
		}
	}
	shape, err := newShape(len(about.Features), hidden, outputsOf(len(about.Classes)), d.Activation, norm)
	if err != nil {
		return nil, err
	}
	weights, averages := make([]float32, shape.size), make([]float32, shape.stats)
	for i := range d.Layers {
		if err := d.Layers[i].read(weights, averages, &shape.layers[i]); err != nil {
			return nil, fmt.Errorf("layers[%d].%w", i, err)
		}
	}
	if len(about.Classes) > 0 {
		return newNetwork(shape, weights, averages, len(about.Classes), 0, 1), nil
	}
	if d.Target == nil || !(d.Target.Deviation > 0) || d.Target.Deviation > math.MaxFloat64 || d.Target.Mean-d.Target.Mean != 0 {
		return nil, errors.New("target must have a mean and a deviation above 0")
	}
	return newNetwork(shape, weights, averages, 0, d.Target.Mean, d.Target.Deviation), nil
}

// read reads a layer into its place among weights and running averages.
func (d *documentLayer) read(weights, averages []float32, l *layer) error {
	if d.Inputs != l.p || d.Units != l.q {
		return fmt.Errorf("inputs and units must be %d and %d, not %d and %d", l.p, l.q, d.Inputs, d.Units)
	}
	type part struct {
		name     string
		from, to []float32
	}
	parts := []part{
		{"weights", d.Weights, weights[l.w:l.b]},
		{"shift", d.Shift, weights[l.b : l.b+l.q]},
		{"scale", d.Scale, nil},
		{"mean", d.Mean, nil},
		{"variance", d.Variance, nil},
	}
	if l.norm {
		parts[2].to = weights[l.s : l.s+l.q]
		parts[3].to, parts[4].to = averages[l.mean:l.mean+l.q], averages[l.mean+l.q:l.mean+2*l.q]
	}
	for _, p := range parts {
		if len(p.from) != len(p.to) {
			return fmt.Errorf("%s must have %d values, not %d", p.name, len(p.to), len(p.from))
		}
		copy(p.to, p.from)
	}
	for j, v := range parts[4].to {
		if v < 0 {
			return fmt.Errorf("variance[%d] must be at least 0, not %v", j, v)
		}
	}
	return nil
}
