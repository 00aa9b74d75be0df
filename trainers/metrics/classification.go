package metrics

import (
	"tourney/trainers/kernels"
)

// Classification holds the sums over the rows of a part. The zero value is
// ready for use. A copy shares its counts with the original: after it, only
// one of the two may take in more.
type Classification struct {
	rows    float64 // the sum of their weights
	correct float64
	loss    float64
	square  float64   // of the errors of the probabilities
	counts  []float64 // [3×k] of each class: the rows of it, predicted as it, and both
}

// eps is the least probability that a log loss believes in, that of float32:
// scikit-learn's log_loss takes it for float32 predictions.
const eps = 0x1p-23

// Add takes in a row with class y, of which p are the probabilities, summing
// to 1. Of equal probabilities the first class is the one predicted.
func (c *Classification) Add(p []float32, y int) { c.AddWeighted(p, y, 1) }

// AddWeighted is Add for a row that counts w times. All rows have the same
// number of classes.
func (c *Classification) AddWeighted(p []float32, y int, w float64) {
	if c.counts == nil {
		c.counts = make([]float64, 3*len(p))
	}
	top, square := 0, 0.0
	for i, v := range p {
		if v > p[top] {
			top = i
		}
		if i != y {
			square += float64(float64(v) * float64(v))
		}
	}
	c.rows += w
	c.counts[3*y] += w
	c.counts[3*top+1] += w
	if top == y {
		c.correct += w
		c.counts[3*y+2] += w
	}
	// NaN passes the clipping and reaches the sum.
	q := float64(p[y])
	miss := 1 - q
	if len(p) == 2 {
		// With one class beside it, what this one lacks is what that one has:
		// it counts once, and is taken from class 1.
		if square = 0; y == 0 {
			miss = float64(p[1])
		}
	}
	c.square += float64(w * (square + float64(miss*miss)))
	if q < eps {
		q = eps
	} else if q > 1-eps {
		q = 1 - eps
	}
	c.loss -= float64(w * kernels.Log64(q))
}

// Merge takes in the part that follows.
func (c *Classification) Merge(next Classification) {
	c.rows += next.rows
	c.correct += next.correct
	c.loss += next.loss
	c.square += next.square
	if c.counts == nil {
		c.counts = make([]float64, len(next.counts))
	}
	for i, n := range next.counts {
		c.counts[i] += n
	}
}

// LogLoss returns the mean negative log likelihood, each probability clipped
// to [2^-23, 1-2^-23].
func (c *Classification) LogLoss() float64 { return c.loss / c.rows }

// Accuracy returns the share of rows whose class was predicted.
func (c *Classification) Accuracy() float64 { return c.correct / c.rows }

// Brier returns the mean squared error of the probabilities (Brier 1950). Of
// two classes it is that of class 1, from 0 to 1; of more it is the sum over
// the classes, from 0 to 2.
func (c *Classification) Brier() float64 { return c.square / c.rows }

// F1 returns the harmonic mean of precision and recall of class 1 if there are
// two classes, and of more the mean of that of each class that is the class of
// a row or predicted for one. It is 0 for a class that was never hit.
func (c *Classification) F1() float64 {
	if len(c.counts) == 6 {
		f, _ := f1(c.counts[3:])
		return f
	}
	sum, classes := 0.0, 0.0
	for i := 0; i < len(c.counts); i += 3 {
		if f, ok := f1(c.counts[i:]); ok {
			sum += f
			classes++
		}
	}
	if classes == 0 {
		return 0
	}
	return sum / classes
}

// f1 is F1 of one class, and whether any row has to do with it.
func f1(counts []float64) (f float64, ok bool) {
	either := counts[0] + counts[1]
	if either == 0 {
		return 0, false
	}
	return 2 * counts[2] / either, true
}
