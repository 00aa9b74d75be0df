package fm

import (
	"context"
	"encoding/binary"
	"errors"
	"math"
	"slices"

	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/kernels"
	"tourney/trainers/lap"
)

// fit is a trial's model of one fold as it trains.
type fit struct {
	machine
	fold              *lap.Fold
	classes           int
	batch             int
	optimizer         string
	rate, l2, l2Inner float32

	w     []float32 // see machine
	s1    []float32 // adagrad: sums of squares; adam: first moments
	s2    []float32 // adam: second moments
	best  []float32 // the weights of the best step
	beta1 float64   // adam: β₁ and β₂ to the power of the updates so far
	beta2 float64

	loss  float64 // of the last pass: the sum over its rows
	sum   *part   // of the batch
	parts []*part // scratch, empty between two waves
}

// part is the gradient of the rows of a part: dense, but only the features in
// touched are not zero.
type part struct {
	g       []float32
	touched []uint32
	seen    []bool // [d] in touched
	loss    float64
	sums    []float32 // [outputs×factors]
	z       []float32 // [outputs]
	buf     entries
}

func newFit(p *problem, f *lap.Fold, m machine, t *lap.Trial) *fit {
	v := t.Values
	out := &fit{
		machine: m, fold: f, classes: p.Classes, batch: min(v.Int("batch_size"), f.Train.N), optimizer: v.Word("optimizer"),
		rate: float32(v.Float("learning_rate")), l2: float32(v.Float("l2")), l2Inner: float32(v.Float("l2_factors")),
		w: make([]float32, m.size()), beta1: 1, beta2: 1,
	}
	scale := float32(v.Float("init")) / float32(math.Sqrt(float64(m.factors)))
	for i := range m.features {
		for o := range m.outputs {
			unit := out.w[i*m.stride()+o*m.unit():][:m.unit()]
			for f := 1; f < len(unit); f++ {
				unit[f] = float32(scale * uniform(t.Job.Seed, uint64(i*m.stride()+o*m.unit()+f)))
			}
		}
	}
	if out.optimizer != "sgd" {
		out.s1 = make([]float32, len(out.w))
	}
	if out.optimizer == "adam" {
		out.s2 = make([]float32, len(out.w))
	}
	return out
}

// uniform is a number between -1 and 1 that depends on seed and index alone, by
// the finalizer of SplitMix64 (Steele, Lea and Flood 2014).
func uniform(seed, index uint64) float32 {
	x := seed + (index+1)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	return float32(int64(x>>40)-1<<23) / (1 << 23)
}

// epoch trains for one pass. With a pool the parts of a batch are computed side
// by side, in waves; without, on this goroutine, and a batch has one part.
func (f *fit) epoch(ctx context.Context, pool *heat.Pool) {
	f.loss = 0
	if f.sum == nil {
		f.sum = f.newPart()
	}
	n := f.fold.Train.N
	for lo := 0; lo < n && ctx.Err() == nil && f.loss-f.loss == 0; lo += f.batch {
		hi := min(lo+f.batch, n)
		if pool == nil {
			f.rows(f.sum, f.fold.Train, lo, hi)
		} else {
			f.together(pool, lo, hi)
		}
		f.update(hi - lo)
	}
}

// together sums the parts of a batch, so many at once as the pool has use for.
func (f *fit) together(pool *heat.Pool, lo, hi int) {
	for len(f.parts) < pool.Slots() {
		f.parts = append(f.parts, f.newPart())
	}
	for ; lo < hi; lo += len(f.parts) * dataset.PartRows {
		count := min(len(f.parts), (hi-lo+dataset.PartRows-1)/dataset.PartRows)
		pool.Do(count, func(i int) {
			from := lo + i*dataset.PartRows
			f.rows(f.parts[i], f.fold.Train, from, min(from+dataset.PartRows, hi))
		})
		for _, p := range f.parts[:count] {
			f.join(p)
		}
	}
}

func (f *fit) newPart() *part {
	return &part{g: make([]float32, len(f.w)), seen: make([]bool, f.features), sums: make([]float32, f.outputs*f.factors), z: make([]float32, f.outputs)}
}

// rows adds gradients and losses of rows to a part.
func (f *fit) rows(p *part, x *dataset.Matrix, lo, hi int) {
	for row := lo; row < hi; row++ {
		e := entriesOf(x, row, &p.buf)
		for _, c := range e.cols {
			if !p.seen[c] {
				p.seen[c] = true
				p.touched = append(p.touched, c)
			}
		}
		weight := f.fold.WeightOf(row)
		y := f.fold.Target[row]
		if f.outputs > 1 {
			f.softmax(p, e, int(y), weight)
			continue
		}
		z := f.output(f.w, e, 0, p.sums)
		var r float32
		var loss float64
		if f.classes == 0 {
			r = z - y
			loss = float64(r) * float64(r)
		} else {
			p0, p1, loss0, loss1 := kernels.Logistic(z)
			r, loss = p1, loss0
			if y == 1 {
				r, loss = -p0, loss1
			}
		}
		p.loss += float64(float64(weight) * loss)
		f.gradient(p.g, f.w, e, 0, p.sums, float32(r*weight))
	}
}

// softmax takes in a row of one of many classes.
func (f *fit) softmax(p *part, e entries, y int, weight float32) {
	for o := range p.z {
		p.z[o] = f.output(f.w, e, o, p.sums[o*f.factors:])
	}
	own := float64(p.z[y])
	p.loss += float64(float64(weight) * (kernels.Softmax(p.z) - own))
	p.z[y]--
	for o, r := range p.z {
		f.gradient(p.g, f.w, e, o, p.sums[o*f.factors:], float32(r*weight))
	}
}

// join adds a part to the batch's, and empties it.
func (f *fit) join(p *part) {
	to, s := f.sum, f.stride()
	for _, c := range p.touched {
		if !to.seen[c] {
			to.seen[c] = true
			to.touched = append(to.touched, c)
		}
		g := p.g[int(c)*s:][:s]
		kernels.Add(to.g[int(c)*s:][:s], g)
		clear(g)
		p.seen[c] = false
	}
	bias := p.g[f.features*s:]
	kernels.Add(to.g[f.features*s:], bias)
	clear(bias)
	to.loss += p.loss
	p.touched, p.loss = p.touched[:0], 0
}

// update takes one step by the batch's gradient, and empties it. Features that
// are not in the batch are left as they are.
func (f *fit) update(rows int) {
	p, s := f.sum, f.stride()
	f.loss += p.loss
	inv := 1 / float32(rows)
	if f.optimizer == "adam" {
		f.beta1, f.beta2 = float64(f.beta1*adam1), float64(f.beta2*adam2)
	}
	for _, c := range p.touched {
		lo := int(c) * s
		for at := lo; at < lo+s; at += f.unit() {
			f.step(at, at+1, f.l2, inv)
			f.step(at+1, at+f.unit(), f.l2Inner, inv)
		}
		clear(p.g[lo : lo+s])
		p.seen[c] = false
	}
	f.step(f.features*s, len(f.w), 0, inv)
	clear(p.g[f.features*s:])
	p.touched, p.loss = p.touched[:0], 0
}

// The constants of Adam (Kingma and Ba, "Adam", ICLR 2015, section 2), and what
// AdaGrad's root is kept from zero by (Duchi, Hazan and Singer, JMLR 12, 2011).
const (
	adam1, adam2 = 0.9, 0.999
	epsilon      = 1e-8
)

// step updates the weights from lo to hi.
func (f *fit) step(lo, hi int, l2, inv float32) {
	w, g := f.w[lo:hi], f.sum.g[lo:hi]
	switch f.optimizer {
	case "sgd":
		for i := range w {
			grad := float32(g[i]*inv) + float32(l2*w[i])
			w[i] -= float32(f.rate * grad)
		}
	case "adagrad":
		s := f.s1[lo:hi]
		for i := range w {
			grad := float32(g[i]*inv) + float32(l2*w[i])
			s[i] += float32(grad * grad)
			w[i] -= float32(f.rate*grad) / (root(s[i]) + epsilon)
		}
	default:
		m, v := f.s1[lo:hi], f.s2[lo:hi]
		rate := f.rate / float32(1-f.beta1)
		scale := 1 / float32(1-f.beta2)
		for i := range w {
			grad := float32(g[i]*inv) + float32(l2*w[i])
			m[i] = float32(adam1*m[i]) + float32((1-adam1)*grad)
			v[i] = float32(adam2*v[i]) + float32((1-adam2)*float32(grad*grad))
			w[i] -= float32(rate*m[i]) / (root(float32(v[i]*scale)) + epsilon)
		}
	}
}

// root is rounded once: the float64 root of a float32 has bits to spare.
func root(x float32) float32 { return float32(math.Sqrt(float64(x))) }

// Told implements lap.Fit.
func (f *fit) Told() []lap.Value {
	loss := f.loss / float64(f.fold.Train.N)
	if loss-loss == 0 && !finite(f.w) {
		loss = math.NaN()
	}
	if f.classes == 0 {
		return []lap.Value{{Name: "train_rmse", V: math.Sqrt(loss) * f.fold.SD}}
	}
	return []lap.Value{{Name: "train_logloss", V: loss}}
}

func finite(w []float32) bool {
	for _, v := range w {
		if v-v != 0 {
			return false
		}
	}
	return true
}

// Keep implements lap.Fit.
func (f *fit) Keep() { f.best = append(f.best[:0], f.w...) }

var le = binary.LittleEndian

// header is the bytes of a saved fit before the weights.
const header = 32

// of reports whether a saved fit begins with the machine's shape.
func (m *machine) of(b []byte) bool {
	for i, v := range []int{m.features, m.outputs, m.factors, m.fields} {
		if le.Uint32(b[4*i:]) != uint32(v) {
			return false
		}
	}
	return true
}

// Save implements lap.Fit: the shape, β₁ and β₂ to their powers, the weights,
// the optimizer's state, and the best weights.
func (f *fit) Save(b []byte, kept bool) []byte {
	arrays := [][]float32{f.w, f.s1, f.s2}
	if !kept {
		arrays = append(arrays, f.best)
	}
	b = slices.Grow(b, header+4*len(arrays)*len(f.w))
	for _, v := range []int{f.features, f.outputs, f.factors, f.fields} {
		b = le.AppendUint32(b, uint32(v))
	}
	b = le.AppendUint64(b, math.Float64bits(f.beta1))
	b = le.AppendUint64(b, math.Float64bits(f.beta2))
	for _, a := range arrays {
		for _, v := range a {
			b = le.AppendUint32(b, math.Float32bits(v))
		}
	}
	return b
}

// Load implements lap.Fit.
func (f *fit) Load(b []byte, kept bool) error {
	arrays := [][]float32{f.w, f.s1, f.s2}
	if f.best = make([]float32, len(f.w)); !kept {
		arrays = append(arrays, f.best)
	}
	size := header
	for _, a := range arrays {
		size += 4 * len(a)
	}
	if len(b) != size {
		return errors.New("of another size")
	}
	if !f.of(b) {
		return errors.New("of another shape")
	}
	f.beta1, f.beta2 = math.Float64frombits(le.Uint64(b[16:])), math.Float64frombits(le.Uint64(b[24:]))
	if !(f.beta1 >= 0 && f.beta1 <= 1 && f.beta2 >= 0 && f.beta2 <= 1) {
		return errors.New("with moments out of range")
	}
	b = b[header:]
	for _, a := range arrays {
		for i := range a {
			a[i] = math.Float32frombits(le.Uint32(b[4*i:]))
		}
		if !finite(a) {
			return errors.New("with a weight that is not finite")
		}
		b = b[4*len(a):]
	}
	if kept {
		copy(f.best, f.w)
	}
	return nil
}
