// Package stats holds the few statistics that the benchmarks are judged by.
package stats

import (
	"cmp"
	"math"
	"slices"
)

// Median returns the middle of the values, or the mean of the two in the
// middle; NaN of none.
func Median(values []float64) float64 {
	if len(values) == 0 {
		return math.NaN()
	}
	v := slices.Clone(values)
	slices.Sort(v)
	m := len(v) / 2
	if len(v)%2 == 1 {
		return v[m]
	}
	if v[m-1] == v[m] { // also of infinities
		return v[m]
	}
	return (v[m-1] + v[m]) / 2
}

// GeometricMean returns the mean of the logarithms, raised; NaN of none.
func GeometricMean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += math.Log(v)
	}
	return math.Exp(sum / float64(len(values)))
}

// exactBelow is the size of a sample up to which MannWhitney counts
// arrangements, unless values repeat.
const exactBelow = 8

// MannWhitney returns the two-sided p-value of the hypothesis that neither of
// two samples tends to be larger (Mann and Whitney 1947): exactly if the smaller
// one has at most 8 values and none repeats, otherwise by the normal
// approximation with corrections for ties and continuity. It is 1 if a sample
// is empty.
func MannWhitney(a, b []float64) float64 {
	n, m := len(a), len(b)
	if n == 0 || m == 0 {
		return 1
	}
	type one struct {
		value float64
		first bool
	}
	all := make([]one, 0, n+m)
	for _, v := range a {
		all = append(all, one{v, true})
	}
	for _, v := range b {
		all = append(all, one{v, false})
	}
	slices.SortFunc(all, func(x, y one) int { return cmp.Compare(x.value, y.value) })
	ranks, ties := 0.0, 0.0
	for i := 0; i < len(all); {
		j := i
		for j < len(all) && all[j].value == all[i].value {
			j++
		}
		t := float64(j - i)
		ties += t*t*t - t
		for _, o := range all[i:j] {
			if o.first {
				ranks += float64(i+j+1) / 2
			}
		}
		i = j
	}
	u := ranks - float64(n*(n+1))/2
	u = max(u, float64(n*m)-u)
	if ties == 0 && min(n, m) <= exactBelow {
		return min(1, 2*tail(n, m, int(u)))
	}
	total := float64(n + m)
	sd := math.Sqrt(float64(n*m) / 12 * (total + 1 - ties/(total*(total-1))))
	if sd == 0 {
		return 1
	}
	z := (u - float64(n*m)/2 - 0.5) / sd
	return min(1, math.Erfc(z/math.Sqrt2))
}

// tail returns the probability that U is at least u, all arrangements of n and
// m values being equally likely: the number of partitions into at most n parts
// of at most m each.
func tail(n, m, u int) float64 {
	// counts[k][s] is the number of ways to choose k of the places seen so far
	// whose numbers, less those of the lowest k, add up to s.
	counts := make([][]float64, n+1)
	for k := range counts {
		counts[k] = make([]float64, n*m+1)
	}
	counts[0][0] = 1
	for place := range n + m {
		for k := min(n, place+1); k >= 1; k-- {
			step := place - (k - 1) // how far the k-th chosen place is from its lowest
			for s := n * m; s >= step; s-- {
				counts[k][s] += counts[k-1][s-step]
			}
		}
	}
	above, all := 0.0, 0.0
	for s, c := range counts[n] {
		all += c
		if s >= u {
			above += c
		}
	}
	return above / all
}
