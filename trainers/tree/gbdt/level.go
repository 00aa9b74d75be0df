package gbdt

import (
	"cmp"
	"slices"
)

// residual is what is left of a row's target, and what it counts.
type residual struct{ rest, weight float32 }

// leveller is an objective of which the outputs of leaves are not told well by
// gradients: they become a quantile of what is left of the target there, as in
// LightGBM's RenewTreeOutput.
type leveller interface {
	// left returns what is left of a row's target, given its score.
	left(row int, score float32) residual
	// quantile is which quantile of the rest it is, and whether rows count
	// differently.
	quantile() (tau float64, weighted bool)
}

// quantile returns the quantile tau of rows, which it puts into another order.
// If all count alike, it lies between two rows in proportion, as in numpy's
// linear method and in LightGBM; else it is the least rest such that it and all
// below count for more than tau of the total. (LightGBM goes on from there to
// beyond the row below, where the next row counts 1 or more. We do not.)
func quantile(rows []residual, tau float64, weighted bool) float64 {
	n := len(rows)
	if n == 0 {
		return 0
	}
	if !weighted || n == 1 {
		place := float64(float64(n-1) * tau)
		i := int(place)
		low := nth(rows, i)
		if i == n-1 {
			return low
		}
		high := float64(slices.MinFunc(rows[i+1:], byRest).rest)
		return low + float64((place-float64(i))*(high-low))
	}
	slices.SortFunc(rows, byRest)
	total, upTo := 0.0, 0.0
	for _, r := range rows {
		total += float64(r.weight)
	}
	threshold := float64(total * tau)
	for _, r := range rows {
		if upTo += float64(r.weight); upTo > threshold {
			return float64(r.rest)
		}
	}
	return float64(rows[n-1].rest)
}

// byRest orders rows; those with equal rests by what they count, so that the
// order of equal ones cannot be told.
func byRest(a, b residual) int {
	if c := cmp.Compare(a.rest, b.rest); c != 0 {
		return c
	}
	return cmp.Compare(a.weight, b.weight)
}

// nth returns the rest that has place i in order, and leaves no smaller one
// after it (Hoare's FIND, Comm. ACM 4(7), 1961, with the median of three).
func nth(rows []residual, i int) float64 {
	lo, hi := 0, len(rows)-1
	for lo < hi {
		a, b, c := rows[lo].rest, rows[lo+(hi-lo)/2].rest, rows[hi].rest
		pivot := max(min(a, b), min(max(a, b), c))
		l, h := lo, hi
		for l <= h {
			for rows[l].rest < pivot {
				l++
			}
			for rows[h].rest > pivot {
				h--
			}
			if l <= h {
				rows[l], rows[h] = rows[h], rows[l]
				l++
				h--
			}
		}
		switch {
		case i <= h:
			hi = h
		case i >= l:
			lo = l
		default:
			return float64(rows[i].rest)
		}
	}
	return float64(rows[i].rest)
}
