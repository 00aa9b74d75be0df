package tpe

import (
	"math"
	"slices"
)

// byValue returns the numbers of the values, which are not negative, in rising
// order, equal ones by number. It sorts integers made of the first digits of a
// value and its number, which is much faster than comparing floats by number,
// and then puts right what the missing digits left wrong.
func byValue(v []float64, order []int32) {
	const digits = 24 // for the number
	keys := make([]uint64, len(order))
	for k := range keys {
		keys[k] = math.Float64bits(v[k])>>(digits-1)<<digits | uint64(k)
	}
	slices.Sort(keys)
	for i, key := range keys {
		k := int32(key & (1<<digits - 1))
		j := i
		for ; j > 0 && (v[k] < v[order[j-1]] || v[k] == v[order[j-1]] && k < order[j-1]); j-- {
			order[j] = order[j-1]
		}
		order[j] = k
	}
}

// asNumpy returns the numbers of the values in rising order, equal ones as
// numpy.argsort leaves them: on a lattice it decides which of several equal
// kernels is the wide one, so without it densities are not Optuna's. It is a
// quicksort with the median of three (Bentley and McIlroy 1993) that leaves
// runs of up to 17 to insertion.
func asNumpy(v []float64, order []int32) {
	for k := range order {
		order[k] = int32(k)
	}
	quicksort(v, order)
}

const shortRun = 17

func quicksort(v []float64, o []int32) {
	for len(o) > shortRun {
		at := divide(v, o)
		quicksort(v, o[:at])
		o = o[at+1:]
	}
	for i := 1; i < len(o); i++ {
		k, j := o[i], i
		for ; j > 0 && v[k] < v[o[j-1]]; j-- {
			o[j] = o[j-1]
		}
		o[j] = k
	}
}

// divide moves the median of three to where it belongs, smaller values before
// it and larger ones behind it, and returns its place.
func divide(v []float64, o []int32) int {
	last := len(o) - 1
	mid := last / 2
	order2 := func(i, j int) {
		if v[o[j]] < v[o[i]] {
			o[i], o[j] = o[j], o[i]
		}
	}
	order2(0, mid)
	order2(mid, last)
	order2(0, mid)
	pivot := v[o[mid]]
	i, j := 0, last-1
	o[mid], o[j] = o[j], o[mid]
	for {
		for i++; v[o[i]] < pivot; i++ {
		}
		for j--; pivot < v[o[j]]; j-- {
		}
		if i >= j {
			o[i], o[last-1] = o[last-1], o[i]
			return i
		}
		o[i], o[j] = o[j], o[i]
	}
}
