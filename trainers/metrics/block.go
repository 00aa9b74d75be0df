package metrics

import (
	"math"

	"tourney/trainers/kernels"
)

// logRows is how many probabilities are multiplied before the logarithm of
// their product is taken: eps to that power is still a normal float64.
const logRows = 32

// AddBlock takes in rows with the classes y, row i counting w[i] times, or once
// if w is nil. Row i has the probabilities p[i*k:(i+1)*k]. It is Add of each
// row in turn, but for rounding: without weights the log loss is that of
// products of probabilities.
func (c *Classification) AddBlock(p, y, w []float32, k int) {
	if w != nil {
		for i, class := range y {
			c.AddWeighted(p[i*k:(i+1)*k], int(class), float64(w[i]))
		}
		return
	}
	if c.counts == nil {
		c.counts = make([]float64, 3*k)
	}
	c.rows += float64(len(y))
	if k == 2 {
		c.addTwo(p, y)
		return
	}
	loss := 0.0
	correct, product := 0, 1.0
	for i, of := range y {
		row := p[i*k : (i+1)*k]
		class, top := int(of), 0
		best, sum := row[0], 0.0
		for j, v := range row {
			if v > best {
				best, top = v, j
			}
			sum += float64(float64(v) * float64(v))
		}
		// That of the row's own class does not count, what it lacks does.
		q := float64(row[class])
		miss := 1 - q
		c.square += sum - float64(q*q) + float64(miss*miss)
		c.counts[3*class]++
		c.counts[3*top+1]++
		if top == class {
			correct++
			c.counts[3*class+2]++
		}
		if product *= clip(q); i%logRows == logRows-1 {
			loss -= kernels.Log64(product)
			product = 1
		}
	}
	c.correct += float64(correct)
	c.loss += loss - kernels.Log64(product)
}

// addTwo is AddBlock for two classes, after the number of rows. Sums are in
// registers.
func (c *Classification) addTwo(p, y []float32) {
	p = p[:2*len(y)]
	loss, square, product := 0.0, 0.0, 1.0
	ones, tops, hits := 0, 0, 0 // rows of class 1, predicted as it, and both
	for i, of := range y {
		p0, p1 := p[2*i], p[2*i+1]
		q, other := float64(p0), float64(p1)
		class, top := 0, 0
		if of > 0 {
			class, q = 1, other
			other = 1 - q
		}
		if p1 > p0 {
			top = 1
		}
		square += float64(other * other)
		ones += class
		tops += top
		hits += class & top
		if product *= clip(q); i%logRows == logRows-1 {
			loss -= kernels.Log64(product)
			product = 1
		}
	}
	n := len(y)
	none := n - ones - tops + hits // of class 0, and predicted as it
	for i, v := range []int{n - ones, n - tops, none, ones, tops, hits} {
		c.counts[i] += float64(v)
	}
	c.correct += float64(none + hits)
	c.square += square
	c.loss += loss - kernels.Log64(product)
}

// clip brings a probability to where a log loss believes it. NaN stays NaN.
func clip(q float64) float64 {
	if q < eps {
		return eps
	}
	if q > 1-eps {
		return 1 - eps
	}
	return q
}

// AddBlock takes in rows with targets y and their predictions, row i counting
// w[i] times, or once if w is nil: Add of each row in turn.
func (r *Regression) AddBlock(y, prediction, w []float32) {
	if w != nil {
		for i, v := range y {
			r.AddWeighted(float64(v), float64(prediction[i]), float64(w[i]))
		}
		return
	}
	abs, share, square := r.abs, r.share, r.square
	prediction = prediction[:len(y)]
	for i, v := range y {
		target := float64(v)
		e := target - float64(prediction[i])
		a := math.Abs(e)
		abs += a
		share += a / max(math.Abs(target), least)
		square += float64(e * e)
	}
	r.rows += float64(len(y))
	r.abs, r.share, r.square = abs, share, square
}
