package kernels

import "encoding/binary"

// Notation of the histogram kernels:
//
//	d      features of a row                     bins  [rows×d] row-major
//	w      features that are counted, from the   gh    [rows] gradient and hessian of a row, packed
//	       first byte of bins on                 idx   rows, in any order
//	h      [w×HistogramStride] row-major, a sum of gh for each feature and bin
//
// Sums are of integers and the same in any order, so a kernel may take rows and
// features as it likes.

// HistogramStride is how many entries a feature takes in a histogram: 256, and
// one cache line more, so that low bins of many features do not compete for the
// same lines of the nearest cache.
const HistogramStride = 264

// A call of an assembly kernel cannot be interrupted. One of so many updates
// takes about half a millisecond.
const histogramCall = 1 << 19

// histogram8 and histogram4 are so many features of a histogram, whose entries
// need no check of bounds.
type (
	histogram8 = [8 * HistogramStride]int64
	histogram4 = [4 * HistogramStride]int64
)

// Histogram adds the first len(gh) rows to the histogram.
func Histogram(h []int64, bins []uint8, d, w int, gh []int64) {
	if len(gh) == 0 || w == 0 {
		return
	}
	h, bins = h[:w*HistogramStride], bins[:(len(gh)-1)*d+w]
	for len(gh) > 0 {
		n := min(len(gh), histogramCall/w+1)
		if !histogramFast(h, bins, d, w, gh[:n]) {
			histogramGo(h, bins, d, w, gh[:n])
		}
		if gh = gh[n:]; len(gh) > 0 {
			bins = bins[n*d:]
		}
	}
}

// histogramGo adds rows whose first bytes are d apart.
func histogramGo(h []int64, bins []uint8, d, w int, gh []int64) {
	var at [gathered]int
	for i := range at {
		at[i] = i * d
	}
	for lo := 0; lo < len(gh); lo += gathered {
		n := min(gathered, len(gh)-lo)
		addGathered(h, bins[lo*d:], w, at[:n], gh[lo:lo+n])
	}
}

// addGathered adds the rows that begin at at. They stay in the nearest cache
// while groups of features pass by.
func addGathered(h []int64, bins []uint8, w int, at []int, gh []int64) {
	c := 0
	for ; c+8 <= w; c += 8 {
		add8((*histogram8)(h[c*HistogramStride:]), bins[c:], at, gh)
	}
	if c+4 <= w {
		add4((*histogram4)(h[c*HistogramStride:]), bins[c:], at, gh)
		c += 4
	}
	for ; c < w; c++ {
		h1, b := (*[HistogramStride]int64)(h[c*HistogramStride:]), bins[c:]
		for k, o := range at {
			h1[b[o]] += gh[k]
		}
	}
}

// add8 adds eight features of rows. It is a function of its own, so that all of
// its variables have registers. The bins come in one word: two of the three
// accesses to memory that an addition would make with a byte of its own are
// already as many as the processor has time for.
//
//go:noinline
func add8(h *histogram8, b []uint8, at []int, gh []int64) {
	gh = gh[:len(at)]
	for k, o := range at {
		g, r := gh[k], binary.LittleEndian.Uint64(b[o:])
		h[uint8(r)] += g
		h[HistogramStride+int(uint8(r>>8))] += g
		h[2*HistogramStride+int(uint8(r>>16))] += g
		h[3*HistogramStride+int(uint8(r>>24))] += g
		h[4*HistogramStride+int(uint8(r>>32))] += g
		h[5*HistogramStride+int(uint8(r>>40))] += g
		h[6*HistogramStride+int(uint8(r>>48))] += g
		h[7*HistogramStride+int(r>>56)] += g
	}
}

// add4 is add8 for four features.
//
//go:noinline
func add4(h *histogram4, b []uint8, at []int, gh []int64) {
	gh = gh[:len(at)]
	for k, o := range at {
		g, r := gh[k], binary.LittleEndian.Uint32(b[o:])
		h[uint8(r)] += g
		h[HistogramStride+int(uint8(r>>8))] += g
		h[2*HistogramStride+int(uint8(r>>16))] += g
		h[3*HistogramStride+int(r>>24)] += g
	}
}

// HistogramOf adds the rows of idx to the histogram. None is above the last of
// gh, and none negative.
func HistogramOf(h []int64, bins []uint8, d, w int, gh []int64, idx []int32) {
	if len(idx) == 0 || w == 0 {
		return
	}
	h, bins = h[:w*HistogramStride], bins[:(len(gh)-1)*d+w]
	for len(idx) > 0 {
		n := min(len(idx), histogramCall/w+1)
		if !histogramOfFast(h, bins, d, w, gh, idx[:n]) {
			n = min(n, gathered)
			histogramOfGo(h, bins, d, w, gh, idx[:n])
		}
		idx = idx[n:]
	}
}

// histogramOfGo touches rows before it adds them: a loop that does nothing else
// has more of the memory's answers under way at a time.
func histogramOfGo(h []int64, bins []uint8, d, w int, gh []int64, idx []int32) uint8 {
	var at [gathered]int
	var sums [gathered]int64
	var touched uint8
	for k, i := range idx {
		o := int(i) * d
		at[k&(gathered-1)], sums[k&(gathered-1)] = o, gh[i]
		touched += bins[o] + bins[o+w-1]
	}
	addGathered(h, bins, w, at[:len(idx)], sums[:len(idx)])
	return touched
}

// gathered is how many rows addGathered takes, a power of two.
const gathered = 512

// Partition splits idx, which rises, by the bins of feature f: rows whose bin is in left stay
// in idx, from its start on, and the others go to right, which is as long as
// idx; both keep their order. It returns how many stayed. What is behind them,
// in idx and in right, is not defined.
func Partition(idx, right []int32, bins []uint8, d, f int, left *[4]uint64) int {
	right = right[:len(idx)]
	done, l := partitionFast(idx, right, bins, d, f, left)
	if len(idx)-done < 4*len(sides{}) { // a table would not pay
		for k, i := range idx[done:] {
			b := bins[int(i)*d+f]
			idx[l], right[done+k-l] = i, i
			l += int(left[b>>6] >> (b & 63) & 1)
		}
		return l
	}
	var s sides
	for b := range s {
		s[b] = uint8(left[b>>6] >> (b & 63) & 1)
	}
	bins = bins[f:]
	for k, i := range idx[done:] {
		idx[l], right[done+k-l] = i, i
		l += int(s[bins[int(i)*d]])
	}
	return l
}

// sides is a set of bins for many questions: 1 for those that it has.
type sides [256]uint8
