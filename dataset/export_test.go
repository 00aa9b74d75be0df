package dataset

// What tests look at from outside.
var (
	Holdout        = holdout
	Log1p          = log1p
	NormalQuantile = normalQuantile
	SortFloats     = sortFloats
	Stride         = stride
	BlockStart     = blockStart
)

// Order makes the statistics of values in rising order, of which each counts
// so often (nil: once), with so many missing ones that are filled in.
func Order(values []float64, ends []int, missing int, fill float64) (at func(int) float64, quantile func(float64) float64, median, mode float64) {
	o := &ordered{values: values, ends: ends, missing: missing}
	o.fillWith(fill)
	n := o.present() + missing
	same := func(v float64) float64 { return v }
	return o.at, func(q float64) float64 { return o.quantile(q, n, same) }, o.median(), o.mode()
}

// Moments returns the mean of the values present and the standard deviation of
// all once the mean stands in for the missing ones.
func Moments(values []float64) (mean, sd float64) {
	var n learntNumber
	f := &fitting{}
	f.Log = "none"
	f.firstNumbers(&n, values)
	n.raw.again()
	for _, v := range values {
		if v == v {
			n.raw.add2(v, 1)
		}
	}
	return n.raw.filled(n.raw.mean(), float64(n.absent))
}
