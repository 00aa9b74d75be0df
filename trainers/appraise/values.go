package appraise

import (
	"cmp"
	"math"
	"slices"

	"tourney"
)

const bars = 40 // of a histogram, at most

// residuals returns what the predictions are beyond the true values.
func (r *rows) residuals() *tourney.Residuals {
	e := make([]float64, r.n)
	order := make([]int, r.n)
	var sum, weights float64
	for i, y := range r.y {
		e[i], order[i] = float64(r.out[i])-float64(y), i
		sum += float64(r.weight(i) * e[i])
		weights += r.weight(i)
	}
	if !(weights > 0) {
		return nil
	}
	out := &tourney.Residuals{Mean: sum / weights}
	var square float64
	for i := range e {
		d := e[i] - out.Mean
		square += float64(r.weight(i) * float64(d*d))
	}
	out.SD = math.Sqrt(square / weights)
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(e[a], e[b]) })
	for i := range out.Quartiles {
		out.Quartiles[i] = quantile(e, order, float64(i)/4)
	}
	points := min(r.n, maxPoints)
	for i := range points {
		at := order[0]
		if points > 1 {
			at = order[i*(r.n-1)/(points-1)]
		}
		out.Points = append(out.Points, [2]float64{float64(r.y[at]), float64(r.out[at])})
	}
	out.Histogram = histogram(e, out.Quartiles[0], out.Quartiles[4])
	return out
}

// quantile interpolates between the two nearest ranks, as numpy does.
func quantile(e []float64, order []int, q float64) float64 {
	at := q * float64(len(order)-1)
	low := int(at)
	high := min(low+1, len(order)-1)
	a, b := e[order[low]], e[order[high]]
	return a + float64((b-a)*(at-float64(low)))
}

// histogram counts values in bars of equal width, about as many as the root of
// their number.
func histogram(e []float64, low, high float64) []tourney.Bin {
	if low == high {
		return []tourney.Bin{{Low: low, High: high, Count: len(e)}}
	}
	n := min(bars, max(5, int(math.Sqrt(float64(len(e))))))
	width := (high - low) / float64(n)
	out := make([]tourney.Bin, n)
	for i := range out {
		out[i] = tourney.Bin{Low: low + float64(width*float64(i)), High: low + float64(width*float64(i+1))}
	}
	out[n-1].High = high
	for _, v := range e {
		out[min(n-1, int((v-low)/width))].Count++
	}
	return out
}
