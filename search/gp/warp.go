package gp

import (
	"math"
	"slices"
)

// warped returns losses as values that a process can follow, standardised, and
// for each the logarithm of the slope of the way there, NaN where it has none.
//
// What is worse than the typical random point is replaced by what a normal
// distribution would have at its rank, and the rest goes through a mild
// logarithm that is steepest at the best, as in Vizier (Song et al. 2024, "The
// Vizier Gaussian process bandit algorithm", section 3.2). But the typical
// point is the median of the first losses, which were spread over the space, as
// long as that is above the median of all: later points crowd around the best,
// and a scale taken from them would show the process that place alone.
func warped(loss []float64) (y, logSlope []float64) {
	y, logSlope = unit(loss)
	rankWorse(y, logSlope)
	least, most := slices.Min(y), slices.Max(y)
	if most > least {
		for i, v := range y {
			x := (v - least) / (most - least)
			y[i] = math.Log1p(bend*x) / math.Log1p(bend)
			logSlope[i] += math.Log(bend / ((1 + bend*x) * math.Log1p(bend) * (most - least)))
		}
	}
	return standardised(y, logSlope)
}

const (
	wild  = 100 // a loss so many times as far from the best as the best quarter is never typical
	bend  = 0.5 // how much steeper the logarithm is at the best than at the worst, less 1
	first = 20  // losses that count as spread over the space
)

// plain returns the losses standardised, as warped does.
func plain(loss []float64) (y, logSlope []float64) {
	return standardised(unit(loss))
}

// unit returns the losses moved and scaled to [0, 1], so that the largest and
// the smallest numbers do no harm further on.
func unit(loss []float64) (y, logSlope []float64) {
	y, logSlope = make([]float64, len(loss)), make([]float64, len(loss))
	half := 1.0
	least, most := slices.Min(loss), slices.Max(loss)
	if math.IsInf(most-least, 1) {
		half = 0.5
	}
	least *= half
	span := half*most - least
	if span == 0 {
		return y, logSlope
	}
	for i, v := range loss {
		y[i] = (half*v - least) / span
		logSlope[i] = math.Log(half) - math.Log(span)
	}
	return y, logSlope
}

func standardised(y, logSlope []float64) ([]float64, []float64) {
	mean, sd := moments(y)
	for i := range y {
		y[i] = (y[i] - mean) / sd
		logSlope[i] -= math.Log(sd)
	}
	return y, logSlope
}

// rankWorse replaces the values above the typical one, and sets their slopes to
// NaN.
func rankWorse(y, logSlope []float64) {
	sorted := slices.Sorted(slices.Values(y))
	early := slices.Sorted(slices.Values(y[:min(first, len(y))]))
	typical := max(median(sorted), median(early))
	if good := early[len(early)/4]; good > sorted[0] {
		typical = min(typical, sorted[0]+wild*(good-sorted[0]))
	}
	sum, count := 0.0, 0
	for i, v := range sorted {
		if v <= typical && (i == 0 || v != sorted[i-1]) {
			sum += (v - typical) * (v - typical)
			count++
		}
	}
	sd := math.Sqrt(sum / float64(count))
	if sd == 0 {
		_, sd = moments(y)
	}
	n := float64(len(y))
	for i, v := range y {
		if v > typical {
			below, _ := slices.BinarySearch(sorted, v)
			rank := max(0.5, (float64(below)+0.5)/n) // ties have the rank of their first
			y[i] = typical + sd*math.Sqrt2*math.Erfinv(2*rank-1)
			logSlope[i] = math.NaN()
		}
	}
}

// median returns the middle of sorted values.
func median(sorted []float64) float64 {
	m := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[m]
	}
	return sorted[m-1] + (sorted[m]-sorted[m-1])/2
}

// moments returns mean and standard deviation, 1 if that is nothing.
func moments(y []float64) (mean, sd float64) {
	for _, v := range y {
		mean += v / float64(len(y))
	}
	for _, v := range y {
		sd += (v - mean) * (v - mean) / float64(len(y))
	}
	sd = math.Sqrt(sd)
	if !(sd > 1e-12) {
		sd = 1
	}
	return mean, sd
}

// agreement returns how well a process foretells each value from the others:
// the log density of the losses that are not worse than typical, so that
// different warps are held to the same losses. counted are those losses.
func agreement(p *posterior, y, logSlope []float64, counted []bool) float64 {
	mean, variance := p.leaveOneOut(y)
	sum := 0.0
	for i, c := range counted {
		if c {
			r := y[i] - mean[i]
			sum += logSlope[i] - 0.5*(r*r/variance[i]+math.Log(variance[i])) - logSqrt2Pi
		}
	}
	return sum
}
