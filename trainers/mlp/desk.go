package mlp

import (
	"math/bits"
	"math/rand/v2"

	"tourney/dataset"
	"tourney/trainers/kernels"
)

// desk is the memory that an epoch of a fit is computed in. It is used again
// for other fits; nothing that it holds outlives an epoch.
//
// Rows lo to hi are those of the block that lies on the desk. What a function
// computes of a row, or of a column, depends on no other one unless it says so.
type desk struct {
	*fit
	start int     // where in its part of the batch the block begins
	order []int32 // [N] the order of the training rows; nil: as they lie

	x   []float32 // [n×d] row-major, the features
	y   []float32 // [n] the target, or the class
	w   []float32 // [n] what the row counts; nil: 1
	row []float32 // [n] losses

	at   []plane
	turn [][]float32 // [q×p] of each layer but the first, its weights turned
	grad []float32   // [weights] of the batch
	part []float32   // [weights] of a part of it but the first
	next update      // how the gradient is gone by
	norm []float32   // [averages] means and variances of the part
	sums []float64   // [2×widest] scratch

	memory, xs []float32 // what the slices above are cut from, and x unless it is the dataset's
	orders     []int32
}

// plane is a layer's side of the desk, [n×q] row-major each.
type plane struct {
	hat []float32 // normalised, without scale and shift
	col norms     // of a layer that is normalised
	in  []float32 // what the activation's way back starts from: gelu its input, else its output
	out []float32 // what the next layer sees; of the last layer the outputs
	dz  []float32 // the derivative of the loss by what comes out of the products
}

// blockRows is how many rows of a part go through the network at once, so that
// they are in the cache on the way back. A part of a normalised network goes as
// a whole: its layers need the statistics of all its rows.
const blockRows = 256

// rows is how many rows lie on a desk at once, if one goroutine works at it.
func (f *fit) rows() int {
	n := min(f.batch, dataset.PartRows)
	if !f.settings.norm {
		n = min(n, blockRows)
	}
	return n
}

// lay makes the desk ready for a fit, with room for so many rows.
func (d *desk) lay(f *fit, rows int) {
	d.fit = f
	size := 2*rows + f.size + f.stats
	weighed, several := f.fold.Weight != nil || f.classes != nil, f.batch > dataset.PartRows
	for i, l := range f.layers {
		size += (rows + 1) * l.q * 4
		if i > 0 {
			size += l.p * l.q
		}
	}
	size += rows + f.size + f.stats
	if cap(d.memory) < size {
		d.memory = make([]float32, size)
	}
	rest := d.memory[:size]
	cut := func(n int, wanted bool) []float32 {
		if !wanted {
			return nil
		}
		s := rest[:n:n]
		rest = rest[n:]
		return s
	}
	d.y, d.row = cut(rows, true), cut(rows, true)
	d.w = cut(rows, weighed)
	d.grad, d.norm = cut(f.size, true), cut(f.stats, true)
	d.part = cut(f.size, several)
	d.at, d.turn = d.at[:0], d.turn[:0]
	for i, l := range f.layers {
		n := rows * l.q
		last := i == len(f.layers)-1
		p := plane{dz: cut(n, true)}
		p.out = p.dz
		if !last {
			p.out = cut(n, true)
			p.in = p.out
			if f.activation == gelu || f.activation == tanh && f.dropout > 0 {
				p.in = cut(n, true)
			}
			p.hat = cut(n, l.norm)
			for _, c := range []*[]float32{&p.col.inv, &p.col.gain, &p.col.dy, &p.col.dyHat} {
				*c = cut(l.q, l.norm)
			}
		}
		d.at = append(d.at, p)
		d.turn = append(d.turn, cut(l.p*l.q, i > 0))
	}
	if len(d.sums) < 2*f.widest {
		d.sums = make([]float64, 2*f.widest)
	}
	if n := rows * f.fold.Train.D; f.shuffle && cap(d.xs) < n {
		d.xs = make([]float32, n)
	}
}

// begin draws the order of an epoch and turns the weights.
func (d *desk) begin() {
	d.order = nil
	if d.shuffle {
		d.shuffleRows()
	}
	for i := range d.layers {
		d.turnWeights(i)
	}
}

// shuffleRows draws the order of the parts, and that of the rows in each. So a
// pass reads one part after another, whatever the order.
func (d *desk) shuffleRows() {
	n := d.fold.Train.N
	if cap(d.orders) < n {
		d.orders = make([]int32, n)
	}
	d.order = d.orders[:0]
	pcg := rand.NewPCG(d.seed, orderStream+uint64(d.trial.Step))
	shuffle := func(v []int32) {
		for i := len(v) - 1; i > 0; i-- {
			j, _ := bits.Mul64(pcg.Uint64(), uint64(i+1))
			v[i], v[j] = v[j], v[i]
		}
	}
	of := make([]int32, parts(n))
	for i := range of {
		of[i] = int32(i)
	}
	shuffle(of)
	for _, part := range of {
		from := len(d.order)
		for i := int(part) * dataset.PartRows; i < min(n, (int(part)+1)*dataset.PartRows); i++ {
			d.order = append(d.order, int32(i))
		}
		shuffle(d.order[from:])
	}
}

// place makes room for n rows of the epoch from one on, which begin at start in
// their part of the batch.
func (d *desk) place(from, n, start int) {
	d.start = start
	width := d.fold.Train.D
	if d.order == nil {
		d.x = d.fold.Train.X[from*width : (from+n)*width]
		return
	}
	d.x = d.xs[:n*width]
}

// load lays the rows lo to hi of a block onto the desk, which are those of the
// epoch from one on.
func (d *desk) load(from, lo, hi int) {
	x, width := d.fold.Train.X, d.fold.Train.D
	for i := lo; i < hi; i++ {
		row := from + i
		if d.order != nil {
			row = int(d.order[row])
			copy(d.x[i*width:(i+1)*width], x[row*width:(row+1)*width])
		}
		d.y[i] = d.fold.Target[row]
		if d.w != nil {
			d.w[i] = d.weightOf(row)
		}
	}
}

// weightOf returns what a training row counts.
func (d *desk) weightOf(row int) float32 {
	w := d.fold.WeightOf(row)
	if d.classes != nil {
		w *= d.classes[int(d.fold.Target[row])]
	}
	return w
}

// input returns what a layer sees of rows lo to hi.
func (d *desk) input(l, lo, hi int) []float32 {
	p := d.layers[l].p
	if l == 0 {
		return d.x[lo*p : hi*p]
	}
	return d.at[l-1].out[lo*p : hi*p]
}

// multiply computes the products of a layer for rows lo to hi. A normalised
// layer has no shift before its norm, which would take it off again.
func (d *desk) multiply(l, lo, hi int) {
	layer, at := &d.layers[l], &d.at[l]
	p, q := layer.p, layer.q
	if layer.norm {
		z := at.hat[lo*q : hi*q]
		clear(z)
		kernels.Gemm(z, q, d.input(l, lo, hi), p, false, d.weights[layer.w:layer.b], q, hi-lo, q, p)
		return
	}
	z := at.out
	if at.in != nil {
		z = at.in
	}
	kernels.Forward(z[lo*q:hi*q], d.input(l, lo, hi), d.weights[layer.w:layer.b+q], hi-lo, p, q)
}

// activate computes what comes out of a hidden layer for rows lo to hi. Which
// units a row does without depends on the trial's seed, the update, the part of
// the batch, the layer, and where in the part row and unit are.
func (d *desk) activate(l, lo, hi int, key uint64) {
	at, q := &d.at[l], d.layers[l].q
	in, out := at.in[lo*q:hi*q], at.out[lo*q:hi*q]
	switch d.activation {
	case relu:
		kernels.ReLU(in, in)
	case tanh:
		kernels.TanhAll(in, in)
	case gelu:
		kernels.GELU(out, in)
	}
	if d.dropout > 0 {
		from := out
		if d.activation == tanh {
			from = in
		}
		kernels.Dropout(out, from, d.dropout, kernels.Key(key, uint64(l)), (d.start+lo)*q)
	}
}

// loss turns the outputs of n rows into the derivatives of their losses, and
// returns the sum of the losses, rows in order.
func (d *desk) loss(n int) float64 {
	last := len(d.layers) - 1
	k := d.layers[last].q
	z, y, row := d.at[last].dz[:n*k], d.y[:n], d.row[:n]
	switch {
	case d.problem.Regression():
		kernels.SquaredLoss(z, row, y, n, 1)
	case k == 1:
		kernels.LogisticLoss(z, row, y, n, 1)
		if d.smoothing > 0 {
			d.smoothTwo(z, y)
		}
	default:
		kernels.SoftmaxLoss(z, row, y, n, 1, k)
		if d.smoothing > 0 {
			d.smooth(z, y, k)
		}
	}
	if d.w != nil {
		kernels.ScaleRows(z, d.w[:n], n, k)
	}
	sum := 0.0
	for i, v := range row {
		if d.w != nil {
			sum += float64(float64(d.w[i]) * float64(v))
			continue
		}
		sum += float64(v)
	}
	return sum
}

// smoothTwo turns the derivatives for the targets 0 and 1 into those for ε/2 and
// 1-ε/2 (Szegedy and others 2016, section 7, with two classes).
func (d *desk) smoothTwo(z, y []float32) {
	half := d.smoothing / 2
	for i, v := range y {
		if v > 0 {
			z[i] += half
		} else {
			z[i] -= half
		}
	}
}

// smooth turns the derivatives for a target of 1 for a row's class into those
// for 1-ε, and ε/k more for each class.
func (d *desk) smooth(z, y []float32, k int) {
	each := d.smoothing / float32(k)
	for i, v := range y {
		r := z[i*k : (i+1)*k]
		for c := range r {
			r[c] -= each
		}
		r[int(v)] += d.smoothing
	}
}

// back computes, from a layer's dz, that of the layer before it for rows lo to
// hi; if that one is normalised, before its norm's way back.
func (d *desk) back(l, lo, hi int, key uint64) {
	p, q := d.layers[l].p, d.layers[l].q
	at := &d.at[l-1]
	dz := at.dz[lo*p : hi*p]
	clear(dz)
	kernels.Gemm(dz, p, d.at[l].dz[lo*q:hi*q], q, false, d.turn[l], p, hi-lo, p, q)
	if d.dropout > 0 {
		kernels.Dropout(dz, dz, d.dropout, kernels.Key(key, uint64(l-1)), (d.start+lo)*p)
	}
	in := at.in[lo*p : hi*p]
	switch d.activation {
	case relu:
		kernels.ReLUBack(dz, dz, in)
	case tanh:
		kernels.TanhBack(dz, dz, in)
	case gelu:
		kernels.GELUBack(dz, dz, in)
	}
}

// collect adds the products of n rows to a layer's gradient.
func (d *desk) collect(grad []float32, l, n int) {
	layer := &d.layers[l]
	p, q := layer.p, layer.q
	dz := d.at[l].dz[:n*q]
	if layer.norm {
		kernels.Gemm(grad[layer.w:layer.b], q, d.input(l, 0, n), p, true, dz, q, p, q, n)
		return
	}
	kernels.Gradient(grad[layer.w:layer.b+q], d.input(l, 0, n), dz, n, p, q)
}

// collectSome is collect for a piece of the weights, and with the first of a
// layer for its shifts.
func (d *desk) collectSome(grad []float32, n int, of piece) {
	layer := &d.layers[of.l]
	p, q := layer.p, layer.q
	dz := d.at[of.l].dz[:n*q]
	w := grad[layer.w+of.lo*q : layer.w+of.hi*q]
	kernels.Gemm(w, q, d.input(of.l, 0, n)[of.lo:], p, true, dz, q, of.hi-of.lo, q, n)
	if of.lo == 0 && !layer.norm {
		kernels.AddColumns(grad[layer.b:layer.b+q], dz, n, q)
	}
}

// turnWeights turns the weights of a layer, of which back needs the rows.
func (d *desk) turnWeights(l int) {
	if layer := &d.layers[l]; l > 0 {
		kernels.Transpose(d.turn[l], d.weights[layer.w:layer.b], layer.p, layer.q)
	}
}
