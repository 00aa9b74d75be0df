package mlp

import (
	"math"

	"tourney/trainers/kernels"
)

// Batch normalisation (Ioffe and Szegedy 2015, Algorithms 1 and 2): a hidden
// layer's products z, before the activation, become
//
//	hat = (z - mean) / √(variance + 1e-5)
//	in  = scale·hat + shift
//
// with mean and variance over the rows of a part of the batch: a batch of more
// than 4,096 rows is normalised part by part, as on several devices. Columns are
// summed in float64, rows in order, and so are the squares of what is left when
// the mean is taken off. Scoring uses the averages of parts, each new one
// counting a tenth; their variance divides by one less than the rows, and a part
// of one row has none to count.
const (
	normEps   = 1e-5
	normShare = 0.1
)

// norms are what a norm has for each column.
type norms struct {
	inv   []float32 // [q] 1/√(variance + 1e-5)
	gain  []float32 // [q] the scale times that
	dy    []float32 // [q] the mean of dy
	dyHat []float32 // [q] the mean of dy·hat
}

// statistics computes means and deviations of a layer over n rows, and takes
// the means off.
func (d *desk) statistics(l, n int) {
	layer, at := &d.layers[l], &d.at[l]
	q := layer.q
	sums, squares := d.sums[:q], d.sums[q:2*q]
	means := d.norm[layer.mean : layer.mean+q]
	variances := d.norm[layer.mean+q : layer.mean+2*q]
	scales := d.weights[layer.s : layer.s+q]
	clear(d.sums[:2*q])
	kernels.AddColumns64(sums, at.hat[:n*q], n, q)
	for j, sum := range sums {
		means[j] = float32(sum / float64(n))
	}
	for i := range n {
		centre(at.hat[i*q:(i+1)*q], means, squares)
	}
	for j, sum := range squares {
		at.col.inv[j] = float32(1 / math.Sqrt(sum/float64(n)+normEps))
		at.col.gain[j] = scales[j] * at.col.inv[j]
		variances[j] = float32(sum / float64(max(1, n-1)))
	}
}

// centre takes the means off a row and adds the squares of what is left.
func centre(row, means []float32, squares []float64) {
	means, squares = means[:len(row)], squares[:len(row)]
	for j, v := range row {
		v -= means[j]
		row[j] = v
		squares[j] += float64(float64(v) * float64(v))
	}
}

// scale computes what goes into the activation of a layer for rows lo to hi.
func (d *desk) scale(l, lo, hi int) {
	layer, at := &d.layers[l], &d.at[l]
	q := layer.q
	shifts, scales := d.weights[layer.b:layer.b+q], d.weights[layer.s:layer.s+q]
	for i := lo; i < hi; i++ {
		scaleRow(at.in[i*q:(i+1)*q], at.hat[i*q:(i+1)*q], at.col.inv, scales, shifts)
	}
}

func scaleRow(in, hat, inv, scales, shifts []float32) {
	hat, inv, scales, shifts = hat[:len(in)], inv[:len(in)], scales[:len(in)], shifts[:len(in)]
	for j := range in {
		v := hat[j] * inv[j]
		hat[j] = v
		in[j] = float32(scales[j]*v) + shifts[j]
	}
}

// sumBack sums over n rows what the way back through a norm needs, and adds it
// to the gradients of shifts and scales.
func (d *desk) sumBack(grad []float32, l, n int) {
	layer, at := &d.layers[l], &d.at[l]
	q := layer.q
	sums, products := d.sums[:q], d.sums[q:2*q]
	clear(d.sums[:2*q])
	kernels.AddColumns64(sums, at.dz[:n*q], n, q)
	for i := range n {
		addProducts(products, at.dz[i*q:(i+1)*q], at.hat[i*q:(i+1)*q])
	}
	for j := range q {
		grad[layer.b+j] += float32(sums[j])
		grad[layer.s+j] += float32(products[j])
		at.col.dy[j] = float32(sums[j] / float64(n))
		at.col.dyHat[j] = float32(products[j] / float64(n))
	}
}

func addProducts(sums []float64, a, b []float32) {
	a, b = a[:len(sums)], b[:len(sums)]
	for j := range sums {
		sums[j] += float64(float64(a[j]) * float64(b[j]))
	}
}

// normBack turns the derivatives by what came out of a norm into those by what
// went in, for rows lo to hi:
//
//	dz = scale/√(variance+eps)·(dy - mean of dy - hat·(mean of dy·hat))
func (d *desk) normBack(l, lo, hi int) {
	q, at := d.layers[l].q, &d.at[l]
	for i := lo; i < hi; i++ {
		normBackRow(at.dz[i*q:(i+1)*q], at.hat[i*q:(i+1)*q], &at.col)
	}
}

func normBackRow(dz, hat []float32, c *norms) {
	hat, gain, dy, dyHat := hat[:len(dz)], c.gain[:len(dz)], c.dy[:len(dz)], c.dyHat[:len(dz)]
	for j, v := range dz {
		dz[j] = gain[j] * (v - dy[j] - float32(hat[j]*dyHat[j]))
	}
}

// average takes the statistics of a part of n rows into the running averages.
func (f *fit) average(statistics []float32, n int) {
	if n < 2 {
		return
	}
	for i, v := range statistics {
		f.averages[i] = float32((1-normShare)*f.averages[i]) + float32(normShare*v)
	}
}
