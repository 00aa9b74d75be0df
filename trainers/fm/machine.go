package fm

import (
	"tourney/dataset"
	"tourney/trainers/kernels"
)

// machine is the shape of a model.
//
// Notation: o outputs, k factors, F fields (1 unless field-aware), s = o·(1+F·k)
// the stride. The weights w are [d×s] row-major and then o intercepts; of a
// feature they are, for each output, its weight and F vectors of k.
type machine struct {
	features, outputs, factors, fields int
	field                              []int // [d] of each feature; nil unless field-aware
}

// unit is how many weights a feature has for an output.
func (m *machine) unit() int { return 1 + m.fields*m.factors }

func (m *machine) stride() int { return m.outputs * m.unit() }

func (m *machine) size() int { return m.features*m.stride() + m.outputs }

// entries are the features of a row that are not zero.
type entries struct {
	cols []uint32
	vals []float32
}

// entriesOf returns the entries of a row; buf is used if the matrix is dense.
func entriesOf(x *dataset.Matrix, row int, buf *entries) entries {
	if x.RowPtr != nil {
		lo, hi := x.RowPtr[row], x.RowPtr[row+1]
		return entries{x.Col[lo:hi], x.Val[lo:hi]}
	}
	buf.cols, buf.vals = buf.cols[:0], buf.vals[:0]
	for j, v := range x.X[row*x.D : (row+1)*x.D] {
		if v != 0 {
			buf.cols, buf.vals = append(buf.cols, uint32(j)), append(buf.vals, v)
		}
	}
	return *buf
}

// output returns an output of a row, and leaves in sums, [k], what its
// derivatives need: the sums of the vectors (not of a field-aware machine).
func (m *machine) output(w []float32, e entries, o int, sums []float32) float32 {
	s, at := m.stride(), o*m.unit()
	z := w[m.features*s+o]
	for i, c := range e.cols {
		z += float32(w[int(c)*s+at] * e.vals[i])
	}
	if m.field != nil {
		return z + m.pairs(w, e, o)
	}
	k := m.factors
	sums = sums[:k]
	clear(sums)
	squares := float32(0)
	for i, c := range e.cols {
		x := e.vals[i]
		v := w[int(c)*s+at+1:][:k]
		for f, vf := range v {
			p := float32(vf * x)
			sums[f] += p
			squares += float32(p * p)
		}
	}
	total := float32(0)
	for _, sum := range sums {
		total += float32(sum * sum)
	}
	return z + float32(0.5*(total-squares))
}

// pairs sums the interactions of a field-aware machine.
func (m *machine) pairs(w []float32, e entries, o int) float32 {
	total := float32(0)
	for i := range e.cols {
		for j := i + 1; j < len(e.cols); j++ {
			a, b := m.meet(w, e, o, i, j)
			dot := float32(0)
			for f, v := range a {
				dot += float32(v * b[f])
			}
			total += float32(dot * float32(e.vals[i]*e.vals[j]))
		}
	}
	return total
}

// meet returns the vectors by which two entries of a row meet.
func (m *machine) meet(w []float32, e entries, o, i, j int) (a, b []float32) {
	s, k := m.stride(), m.factors
	ci, cj := int(e.cols[i]), int(e.cols[j])
	at := o*m.unit() + 1
	a = w[ci*s+at+m.field[cj]*k:][:k]
	b = w[cj*s+at+m.field[ci]*k:][:k]
	return a, b
}

// gradient adds the derivative of an output of a row, times r, to g.
func (m *machine) gradient(g, w []float32, e entries, o int, sums []float32, r float32) {
	s, at := m.stride(), o*m.unit()
	g[m.features*s+o] += r
	for i, c := range e.cols {
		g[int(c)*s+at] += float32(r * e.vals[i])
	}
	if m.field != nil {
		for i := range e.cols {
			for j := i + 1; j < len(e.cols); j++ {
				a, b := m.meet(w, e, o, i, j)
				ga, gb := m.meet(g, e, o, i, j)
				rx := float32(r * float32(e.vals[i]*e.vals[j]))
				for f := range a {
					ga[f] += float32(rx * b[f])
					gb[f] += float32(rx * a[f])
				}
			}
		}
		return
	}
	k := m.factors
	for i, c := range e.cols {
		x := e.vals[i]
		rx := r * x
		v, gv := w[int(c)*s+at+1:][:k], g[int(c)*s+at+1:][:k]
		for f, vf := range v {
			gv[f] += float32(rx * (sums[f] - float32(vf*x)))
		}
	}
}

// predict writes the outputs of rows: probabilities of all classes, or values
// in the target's units.
func (m *machine) predict(w []float32, x *dataset.Matrix, lo, hi int, mean, sd float64, classes int, out []float32) {
	sums, buf := make([]float32, m.factors), &entries{}
	k := max(1, classes)
	for row := lo; row < hi; row++ {
		e := entriesOf(x, row, buf)
		p := out[(row-lo)*k : (row-lo+1)*k]
		switch classes {
		case 0:
			p[0] = float32(mean + float64(sd*float64(m.output(w, e, 0, sums))))
		case 2:
			p[0], p[1], _, _ = kernels.Logistic(m.output(w, e, 0, sums))
		default:
			for o := range p {
				p[o] = m.output(w, e, o, sums)
			}
			kernels.Softmax(p)
		}
	}
}
