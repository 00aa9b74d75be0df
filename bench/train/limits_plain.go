package main

// plainFlops and plainSum are the limits of plain code, for processors without
// a faster one here.
func plainFlops(rounds int64) int64 {
	var a [8]float32
	for range rounds {
		for i := range a {
			a[i] += float32(a[i] * 0.5)
		}
	}
	if a[0] > 1 { // it is not, but has to be computed to know
		return 0
	}
	return rounds * int64(len(a)) * 2
}

func plainSum(words []uint64) (sum uint64) {
	for _, w := range words {
		sum += w
	}
	return sum
}
