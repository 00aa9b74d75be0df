package dataset

import (
	"math"
	"math/rand/v2"
	"slices"
)

// shuffle returns the row numbers in the order in which a dataset keeps its
// rows: Fisher–Yates driven by PCG seeded with (seed, 0).
func shuffle(rows int, seed uint64) []int32 {
	order := make([]int32, rows)
	for i := range order {
		order[i] = int32(i)
	}
	rng := rand.New(rand.NewPCG(seed, 0))
	rng.Shuffle(rows, func(i, j int) { order[i], order[j] = order[j], order[i] })
	return order
}

// seal divides shuffled rows into those of the test and the rest, both in
// shuffled order. Of each class the first rows go to the test, as many as
// stratify says; without classes, the first rows of all.
func seal(order []int32, t *target, share float64) (test, rest []int32) {
	take := []int{max(1, min(len(order)-1, roundShare(share, len(order))))}
	class := func(int32) int { return 0 }
	if t.labels != nil {
		sizes := make([]int, len(t.classes))
		for _, c := range t.labels {
			sizes[c]++
		}
		take = stratify(sizes, share)
		class = func(row int32) int { return int(t.labels[row]) }
	}
	for _, row := range order {
		if c := class(row); take[c] > 0 {
			take[c]--
			test = append(test, row)
		} else {
			rest = append(rest, row)
		}
	}
	return test, rest
}

// stratify says how many rows of each class are test rows: its share, rounded
// by largest remainders (the smaller class number first where they tie) so
// that the sum is the share of all rows. A class of two rows or more has at
// least one on each side, and a class of one row is trained on; where that and
// the sum disagree, the sum gives way.
func stratify(sizes []int, share float64) []int {
	total := 0
	take := make([]int, len(sizes))
	quota := make([]float64, len(sizes))
	for c, n := range sizes {
		total += n
		quota[c] = float64(share * float64(n))
		take[c] = int(quota[c])
		if n >= 2 {
			take[c] = max(1, take[c])
		}
		take[c] = max(0, min(n-1, take[c]))
	}
	left := roundShare(share, total)
	for _, n := range take {
		left -= n
	}
	byRemainder := make([]int, len(sizes))
	for c := range byRemainder {
		byRemainder[c] = c
	}
	slices.SortStableFunc(byRemainder, func(a, b int) int {
		ra, rb := quota[a]-float64(take[a]), quota[b]-float64(take[b])
		switch {
		case ra > rb:
			return -1
		case ra < rb:
			return 1
		}
		return 0
	})
	for gave := true; left > 0 && gave; {
		gave = false
		for _, c := range byRemainder {
			if left > 0 && take[c] < sizes[c]-1 {
				take[c]++
				left--
				gave = true
			}
		}
	}
	return take
}

// roundShare is the nearest whole number of rows to a share of n.
func roundShare(share float64, n int) int {
	return int(math.Round(share * float64(n)))
}

// holdout returns how many of n rows are validated on: the share rounded up,
// with at least one row on each side. A billionth of a row is the arithmetic's
// and not the share's: 0.07 of 100 rows is 7.
func holdout(share float64, n int) int {
	return max(1, min(n-1, int(math.Ceil(float64(share*float64(n))-1e-9))))
}

// cut returns the lengths of the runs that n rows are cut into, each of size
// rows but the last.
func cut(n, size int) []int {
	var runs []int
	for ; n > 0; n -= size {
		runs = append(runs, min(n, size))
	}
	return runs
}
