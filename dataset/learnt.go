package dataset

import (
	"math"
	"slices"

	"tourney"
	"tourney/dataset/table"
)

// maxQuantiles is how many quantiles a number is ranked among at most.
const maxQuantiles = 1000

// finish decides what becomes of a number. The order of its values is there if
// the preprocessing needs it.
func (n *learntNumber) finish(f *fitting, o *ordered) {
	out := Number{Clip: f.Clip, Scale: 1}
	switch f.Impute {
	case "mean":
		out.Fill = n.raw.mean()
	case "median":
		out.Fill = o.median()
	case "most_frequent":
		out.Fill = o.mode()
	}
	out.Log = f.Log == "all" || f.Log == "auto" && math.Abs(n.log.skewness()) < math.Abs(n.raw.skewness())
	become, of := func(v float64) float64 { return v }, &n.raw
	if out.Log {
		become, of = signedLog, &n.log
	}
	fill := become(out.Fill)
	switch f.Scale {
	case "standard":
		out.Center, out.Scale = of.filled(fill, float64(n.absent))
	case "min_max":
		lo, hi := of.lo, of.hi
		switch {
		case of.present == 0:
			lo, hi = fill, fill
		case n.absent > 0:
			lo, hi = min(lo, fill), max(hi, fill)
		}
		out.Center, out.Scale = lo, hi-lo
	case "robust":
		o.fillWith(out.Fill)
		rows := o.present() + o.missing
		out.Center = o.quantile(0.5, rows, become)
		out.Scale = o.quantile(0.75, rows, become) - o.quantile(0.25, rows, become)
		if out.Scale == 0 { // half the values are equal: their spread is that of the others
			_, out.Scale = of.filled(fill, float64(n.absent))
		}
	case "quantile":
		o.fillWith(out.Fill)
		rows := o.present() + o.missing
		out.Quantiles = make([]float64, min(maxQuantiles, rows))
		for i := range out.Quantiles {
			out.Quantiles[i] = o.quantile(float64(i)/float64(max(1, len(out.Quantiles)-1)), rows, become)
		}
	}
	n.became = out
}

// input returns what becomes of a column.
func (l *learnt) input(f *fitting) Input {
	in := Input{Name: l.Name, Kind: l.Kind, Encode: l.encode, inner: l.inner}
	for _, n := range l.numbers {
		in.Numbers = append(in.Numbers, n.became)
		in.Indicator = f.Indicator == "always" || f.Indicator == "auto" && n.absent > 0
	}
	switch {
	case l.Kind == tourney.Sparse:
		in.Width = l.Width
	case l.encode == encodeHash:
		in.Buckets = f.Buckets
	case l.encode == encodeTarget:
		in.Indicator = false // a missing value is a level
		in.Prior, in.Absent = l.inner.prior, l.inner.level(table.NoCode)
		for _, code := range l.seen() {
			in.Means = append(in.Means, l.inner.level(code))
			in.Levels = append(in.Levels, l.Categories[code])
		}
	case l.Kind == tourney.Category:
		seen := l.seen()
		if l.encode == encodeOneHot && len(seen) > f.Levels {
			byCount(seen, l.counts, l.Categories)
			seen = seen[:f.Levels-1]
			slices.Sort(seen)
			in.Other = true
		}
		for _, code := range seen {
			in.Levels = append(in.Levels, l.Categories[code])
		}
	}
	return in
}

// seen returns the codes that training rows have.
func (l *learnt) seen() []int {
	var codes []int
	for code, n := range l.counts {
		if n > 0 {
			codes = append(codes, code)
		}
	}
	return codes
}
