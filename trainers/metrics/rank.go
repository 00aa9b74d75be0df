package metrics

import (
	"math"
	"slices"
)

// Ranker computes the metrics that look at how all rows are ordered. It keeps
// its memory, 16 bytes a row and 8 more for many classes, for the next call;
// the zero value is ready for use.
//
// Its metrics are NaN where they are not defined: if all rows, or all that
// have a weight, are of one class; and if a score is NaN. A metric that is NaN
// is left out of a point. There are at most 2^31 rows.
type Ranker struct {
	order, spare []uint64 // key<<32 | row<<1 | class
	y, score     []float32
}

// AUC returns the area under the receiver operating characteristic: the
// probability that a row of class 1 has a higher score than one of class 0, a
// tie being half. y is 0 or 1; row i counts w[i] times, or once if w is nil.
func AUC(y, w, score []float32) float64 { return new(Ranker).AUC(y, w, score) }

// AveragePrecision returns the mean of the precision at each score over the
// recall that it adds, rows of equal score entering together. Arguments are as
// in AUC.
func AveragePrecision(y, w, score []float32) float64 {
	return new(Ranker).AveragePrecision(y, w, score)
}

// AUC is the function of that name.
func (r *Ranker) AUC(y, w, score []float32) float64 {
	if !r.sort(y, score) {
		return math.NaN()
	}
	// Ascending, so that what a row of class 1 has won over is what came before.
	var won, pos, neg float64
	r.ties(w, r.order, func(p, n float64) {
		won += float64(p * (neg + float64(n/2)))
		pos += p
		neg += n
	})
	if !(pos > 0 && neg > 0) {
		return math.NaN()
	}
	return won / pos / neg
}

// AveragePrecision is the function of that name.
func (r *Ranker) AveragePrecision(y, w, score []float32) float64 {
	if !r.sort(y, score) {
		return math.NaN()
	}
	slices.Reverse(r.order)
	var sum, pos, neg float64
	r.ties(w, r.order, func(p, n float64) {
		pos += p
		neg += n
		if p > 0 {
			sum += float64(p * (pos / (pos + neg)))
		}
	})
	if !(pos > 0 && neg > 0) {
		return math.NaN()
	}
	return sum / pos
}

// OneVsRest returns the mean of a metric such as r.AUC over the classes that
// some rows have and others have not, each of them against all others; of two
// classes it is the metric of class 1. Row i is of class classes[i], counts
// w[i] times, or once if w is nil, and has the probabilities p [n×k] row-major.
func (r *Ranker) OneVsRest(f func(y, w, score []float32) float64, classes, w, p []float32, k int) float64 {
	r.y, r.score = room(r.y, len(classes)), room(r.score, len(classes))
	sum, defined := 0.0, 0
	for class := range k {
		if k == 2 && class == 0 {
			continue
		}
		for i, c := range classes {
			r.y[i] = 0
			if int(c) == class {
				r.y[i] = 1
			}
			r.score[i] = p[i*k+class]
		}
		v := f(r.y, w, r.score)
		if math.IsNaN(v) {
			continue
		}
		sum += v
		defined++
	}
	if defined == 0 {
		return math.NaN()
	}
	return sum / float64(defined)
}

// OneVsRest is the method of that name, for f such as AUC.
func OneVsRest(f func(y, w, score []float32) float64, classes, w, p []float32, k int) float64 {
	return new(Ranker).OneVsRest(f, classes, w, p, k)
}

// ties calls f with the weight of class 1 and of class 0 in each run of equal
// scores, in that order.
func (r *Ranker) ties(w []float32, order []uint64, f func(pos, neg float64)) {
	for lo := 0; lo < len(order); {
		var sum [2]float64
		hi := lo
		for ; hi < len(order) && order[hi]>>32 == order[lo]>>32; hi++ {
			weight := 1.0
			if w != nil {
				weight = float64(w[uint32(order[hi])>>1])
			}
			sum[order[hi]&1] += weight
		}
		f(sum[1], sum[0])
		lo = hi
	}
}

// sort sets order to the rows by rising score, rows of equal score as they
// come. It is false if a score is NaN.
func (r *Ranker) sort(y, score []float32) bool {
	r.order, r.spare = room(r.order, len(y)), room(r.spare, len(y))
	for i, v := range score[:len(y)] {
		if v != v {
			return false
		}
		word := uint64(sortable(v))<<32 | uint64(i)<<1
		if y[i] == 1 {
			word |= 1
		}
		r.order[i] = word
	}
	if len(y) < radixRows {
		slices.Sort(r.order)
		return true
	}
	r.radix()
	return true
}

// radixRows is from how many rows on counting beats comparing.
const radixRows = 1024

// The keys are sorted by their digits, the lowest first, of that many bits.
const (
	digitBits = 11
	digits    = 3
)

// radix sorts order by the upper half of its words, rows of equal keys staying
// in their order.
func (r *Ranker) radix() {
	var counts [digits][1 << digitBits]uint32
	for _, word := range r.order {
		for d := range digits {
			counts[d][digit(word, d)]++
		}
	}
	for d := range digits {
		at := &counts[d]
		if at[digit(r.order[0], d)] == uint32(len(r.order)) {
			continue // all are equal in it
		}
		next := uint32(0)
		for i, n := range at {
			at[i] = next
			next += n
		}
		for _, word := range r.order {
			place := &at[digit(word, d)]
			r.spare[*place] = word
			*place++
		}
		r.order, r.spare = r.spare, r.order
	}
}

func digit(word uint64, d int) uint64 {
	return word >> (32 + d*digitBits) & (1<<digitBits - 1)
}

// sortable returns bits that order as numbers do.
func sortable(v float32) uint32 {
	if v == 0 {
		v = 0 // both zeros are equal
	}
	b := math.Float32bits(v)
	if b>>31 == 1 {
		return ^b
	}
	return b | 1<<31
}

func room[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }
