package linear

import (
	"math"

	"tourney/dataset"
	"tourney/trainers/kernels"
)

const (
	// panelColumns is how many columns the models of a panel have together, at
	// most, unless one model alone has more: enough for a row to be read once
	// for many models, few enough for the weights to stay in the cache.
	panelColumns = 32
	// panelWeights is how many weights the models of a panel have together, at
	// most, unless one model alone has more.
	panelWeights = 4 << 20
	// blockRows is how many rows go through the kernels at once, at most, and
	// blockValues how many values: they are in the cache the second time.
	blockRows   = 512
	blockValues = 1 << 17
	// lossRows is how many losses of rows are summed in float32.
	lossRows = kernels.LossRows
)

// panel is fits to one fold with the same loss side by side.
//
// Notation: d features, k columns of a fit, c = k·len(fits) columns. A loss has
// l columns: one a fit for softmax, else c.
type panel struct {
	*fold
	fits    []*fit
	loss    string
	k, c, l int
	block   int // rows
	target  []float32
	w       []float32 // [(d+1)×c] row-major
	delta   []float32 // [c] of huber, or tau of quantile

	classes     []float32 // [classes×c] what rows count for a column; nil: 1
	classLosses []float32 // [classes×l]
}

// sum is what comes of the rows of a part: the sum of gradients [(d+1)×c], and
// of the losses [l].
type sum struct {
	g    []float32
	loss []float64
	z    []float32 // [block×c], scratch
	each []float32 // [block×l], scratch: the losses of rows
	few  []float32 // [l], scratch: their sums over a few rows
}

func newPanel(f *fold, fits []*fit) *panel {
	p := &panel{fold: f, fits: fits, loss: fits[0].setting.loss, k: f.problem.outputs}
	p.c = p.k * len(fits)
	p.l = p.c
	if p.softmax() {
		p.l = len(fits)
	}
	p.target = f.targetOf(p.loss)
	p.w = make([]float32, (f.Train.D+1)*p.c)
	p.block = min(blockRows, max(lossRows, blockValues/(f.Train.D+p.c)/lossRows*lossRows))
	p.delta = make([]float32, p.c)
	for i, m := range fits {
		p.delta[i*p.k] = m.delta
		if p.loss == lossQuantile {
			p.delta[i*p.k] = m.tau
		}
		if m.classScale != nil {
			p.weighClasses(i, m.classScale)
		}
	}
	return p
}

func (p *panel) softmax() bool { return p.loss == lossLogistic && p.k > 1 }

// weighClasses notes what the rows of classes count for a fit.
func (p *panel) weighClasses(i int, scale []float32) {
	if p.classes == nil {
		p.classes, p.classLosses = make([]float32, len(scale)*p.c), make([]float32, len(scale)*p.l)
		for j := range p.classes {
			p.classes[j] = 1
		}
		for j := range p.classLosses {
			p.classLosses[j] = 1
		}
	}
	of := p.l / len(p.fits) // losses of a fit
	for class, s := range scale {
		for j := range p.k {
			p.classes[class*p.c+i*p.k+j] = s
		}
		for j := range of {
			p.classLosses[class*p.l+i*of+j] = s
		}
	}
}

func (p *panel) newSum() *sum {
	return &sum{
		g: make([]float32, len(p.w)), loss: make([]float64, p.l),
		z: make([]float32, p.block*p.c), each: make([]float32, p.block*p.l), few: make([]float32, p.l),
	}
}

func (s *sum) clear() {
	clear(s.g)
	clear(s.loss)
}

// add takes in the gradients and losses of the training rows lo to hi. Calls on
// consecutive rows give the bits of one call on all of them.
func (p *panel) add(s *sum, lo, hi int) {
	for ; lo < hi; lo += p.block {
		n := min(p.block, hi-lo)
		forward(s.z, p.Train, p.w, lo, n, p.c)
		p.derive(s, lo, n)
		gradient(s.g, p.Train, s.z, lo, n, p.c)
	}
}

// forward computes the outputs of n rows from lo on.
func forward(z []float32, m *dataset.Matrix, w []float32, lo, n, c int) {
	if m.RowPtr != nil {
		kernels.ForwardCSR(z, m.RowPtr[lo:lo+n+1], m.Col, m.Val, w, n, m.D, c)
		return
	}
	kernels.Forward(z, m.X[lo*m.D:(lo+n)*m.D], w, n, m.D, c)
}

// gradient adds what the derivatives of n rows from lo on come to.
func gradient(g []float32, m *dataset.Matrix, z []float32, lo, n, c int) {
	if m.RowPtr != nil {
		kernels.GradientCSR(g, m.RowPtr[lo:lo+n+1], m.Col, m.Val, z, n, m.D, c)
		return
	}
	kernels.Gradient(g, m.X[lo*m.D:(lo+n)*m.D], z, n, m.D, c)
}

// derive turns the outputs of n rows from lo on into derivatives of their
// losses, and adds the losses: a few rows in float32, those in float64.
func (p *panel) derive(s *sum, lo, n int) {
	y, z, each := p.target[lo:lo+n], s.z[:n*p.c], s.each[:n*p.l]
	if p.loss == lossLogistic && p.k == 1 && p.Weight == nil && p.classes == nil {
		// Where nothing is weighted, few logarithms do.
		kernels.LogisticLossSums(z, each, y, n, p.c)
		kernels.AddColumns64(s.loss, each, (n+lossRows-1)/lossRows, p.c)
		return
	}
	switch p.loss {
	case lossSquared:
		kernels.SquaredLoss(z, each, y, n, p.c)
	case lossHuber:
		kernels.HuberLoss(z, each, y, p.delta, n, p.c)
	case lossQuantile:
		kernels.QuantileLoss(z, each, y, p.delta, n, p.c)
	case lossPoisson:
		kernels.PoissonLoss(z, each, y, n, p.c)
	case lossHinge:
		p.hinge(z, each, y, n, false)
	case lossSquaredHinge:
		p.hinge(z, each, y, n, true)
	default:
		if p.k == 1 {
			kernels.LogisticLoss(z, each, y, n, p.c)
		} else {
			kernels.SoftmaxLoss(z, each, y, n, len(p.fits), p.k)
		}
	}
	if p.Weight != nil {
		kernels.ScaleRows(z, p.Weight[lo:lo+n], n, p.c)
		kernels.ScaleRows(each, p.Weight[lo:lo+n], n, p.l)
	}
	if p.classes != nil {
		scaleByClass(z, p.classes, y, p.c)
		scaleByClass(each, p.classLosses, y, p.l)
	}
	// A few rows are summed in float32, which is many times as fast.
	for at := 0; at < n; at += lossRows {
		rows := min(lossRows, n-at)
		clear(s.few)
		kernels.AddColumns(s.few, each[at*p.l:], rows, p.l)
		for j, v := range s.few {
			s.loss[j] += float64(v)
		}
	}
}

// scaleByClass multiplies the rows of v by the row of scale of their class.
func scaleByClass(v, scale, y []float32, c int) {
	for i, class := range y {
		row, by := v[i*c:(i+1)*c], scale[int(class)*c:]
		for j := range row {
			row[j] *= by[j]
		}
	}
}

// hinge is the hinge loss, or its square. Of more than two classes each column
// tells its own class from all others; the loss of a row is the sum over them.
func (p *panel) hinge(z, each, y []float32, n int, square bool) {
	if p.k == 1 {
		if square {
			kernels.SquaredHingeLoss(z, each, y, n, p.c)
		} else {
			kernels.HingeLoss(z, each, y, n, p.c)
		}
		return
	}
	for i, class := range y {
		row, losses := z[i*p.c:(i+1)*p.c], each[i*p.c:]
		for j, v := range row {
			side := float32(-1)
			if j%p.k == int(class) {
				side = 1
			}
			short := 1 - float32(side*v)
			switch {
			case short <= 0:
				row[j], losses[j] = 0, 0
			case square:
				row[j], losses[j] = -2*side*short, short*short
			default:
				row[j], losses[j] = -side, short
			}
		}
	}
}

// lossOf returns the sum of a fit's losses.
func (p *panel) lossOf(losses []float64, i int) float64 {
	of := p.l / len(p.fits)
	total := 0.0
	for _, v := range losses[i*of : (i+1)*of] {
		total += v
	}
	return total
}

// put copies an array of a fit, [(d+1)×k], to its columns.
func (p *panel) put(columns, of []float32, i int) {
	for j := range len(of) / p.k {
		copy(columns[j*p.c+i*p.k:], of[j*p.k:(j+1)*p.k])
	}
}

// take copies the columns of a fit to its array.
func (p *panel) take(of, columns []float32, i int) {
	for j := range len(of) / p.k {
		copy(of[j*p.k:(j+1)*p.k], columns[j*p.c+i*p.k:])
	}
}

// deal deals fits, of which those together have equal keys, out to groups of at
// most panelColumns columns: so few that rows are shared, so many that the
// pool has work when a group cannot be split over it. They keep their order.
// Those with weights of classes have groups of their own, as the bits of losses
// depend on whether rows are weighted; see derive.
func (p *problem) deal(fits []*fit, split bool, key func(*fit) any) [][]*fit {
	type whole struct {
		key      any
		weighted bool
	}
	var keys []whole
	byKey := map[whole][]*fit{}
	for _, f := range fits {
		k := whole{key(f), f.classScale != nil}
		if byKey[k] == nil {
			keys = append(keys, k)
		}
		byKey[k] = append(byKey[k], f)
	}
	var groups [][]*fit
	for _, k := range keys {
		group := byKey[k]
		size := max(1, min(panelColumns/p.outputs, panelWeights/group[0].fold.weights()))
		if split {
			slots := p.pool.Slots()
			size = max(1, min(size, (len(group)*len(keys)+slots-1)/slots))
		}
		for len(group) > 0 {
			n := min(size, len(group))
			groups = append(groups, group[:n])
			group = group[n:]
		}
	}
	return groups
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }
