package metrics

import "math"

// Regression holds the sums over the rows of a part. The zero value is ready
// for use.
type Regression struct {
	rows   float64 // the sum of their weights
	abs    float64
	share  float64 // the errors as shares of the targets
	square float64
}

// least is the least target that MAPE divides by, the epsilon of float64.
const least = 0x1p-52

// Add takes in a row with target y and its prediction.
func (r *Regression) Add(y, prediction float64) { r.AddWeighted(y, prediction, 1) }

// AddWeighted is Add for a row that counts w times.
func (r *Regression) AddWeighted(y, prediction, w float64) {
	e := y - prediction
	r.rows += w
	r.abs += float64(w * math.Abs(e))
	r.share += float64(w * (math.Abs(e) / max(math.Abs(y), least)))
	r.square += float64(w * float64(e*e))
}

// Merge takes in the part that follows.
func (r *Regression) Merge(next Regression) {
	r.rows += next.rows
	r.abs += next.abs
	r.share += next.share
	r.square += next.square
}

// RMSE returns the root of the mean squared error.
func (r *Regression) RMSE() float64 { return math.Sqrt(r.square / r.rows) }

// MAE returns the mean absolute error.
func (r *Regression) MAE() float64 { return r.abs / r.rows }

// MAPE returns the mean absolute error as a share of the target: 0.1 is a
// tenth. A target nearer to 0 than 2^-52 counts as that.
func (r *Regression) MAPE() float64 { return r.share / r.rows }

// R2 returns the coefficient of determination, where spread is the sum of
// squares of the targets about their mean (Moments). If all targets are equal
// it is 1 for exact predictions and else 0.
func (r *Regression) R2(spread float64) float64 {
	switch {
	case spread != 0:
		return 1 - r.square/spread
	case r.square == 0:
		return 1
	case math.IsNaN(r.square):
		return r.square
	}
	return 0
}

// Moments returns the mean of y and the sum of squares about it, both summed
// in order in parts of that many rows. Row i counts w[i] times, or once if w is
// nil.
func Moments(y, w []float32, part int) (mean, spread float64) {
	total := float64(len(y))
	if w != nil {
		total = inParts(w, nil, part, func(v float64) float64 { return v })
	}
	mean = inParts(y, w, part, func(v float64) float64 { return v }) / total
	spread = inParts(y, w, part, func(v float64) float64 { return float64((v - mean) * (v - mean)) })
	return mean, spread
}

func inParts(y, w []float32, part int, f func(float64) float64) float64 {
	total := 0.0
	for lo := 0; lo < len(y); lo += part {
		sum := 0.0
		for i := lo; i < min(lo+part, len(y)); i++ {
			weight := 1.0
			if w != nil {
				weight = float64(w[i])
			}
			sum += float64(weight * f(float64(y[i])))
		}
		total += sum
	}
	return total
}
