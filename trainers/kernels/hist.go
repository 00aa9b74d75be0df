package kernels

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

// histogram8 is eight features of a histogram, whose entries need no check of
// bounds.
type histogram8 = [8 * HistogramStride]int64

// Histogram adds the first len(gh) rows to the histogram.
func Histogram(h []int64, bins []uint8, d, w int, gh []int64) {
	if len(gh) == 0 || w == 0 {
		return
	}
	h, bins = h[:w*HistogramStride], bins[:(len(gh)-1)*d+w]
	for len(gh) > 0 {
		n := min(len(gh), histogramCall/w+1)
		if !histogramFast(h, bins, d, w, gh[:n]) {
			n = min(n, 512) // rows stay in the nearest cache while words of features pass by
			histogramGo(h, bins, d, w, gh[:n])
		}
		if gh = gh[n:]; len(gh) > 0 {
			bins = bins[n*d:]
		}
	}
}

func histogramGo(h []int64, bins []uint8, d, w int, gh []int64) {
	c := 0
	for ; c+8 <= w; c += 8 {
		h8, b := (*histogram8)(h[c*HistogramStride:]), bins[c:]
		for i, g := range gh {
			r := (*[8]uint8)(b[i*d:])
			h8[int(r[0])] += g
			h8[HistogramStride+int(r[1])] += g
			h8[2*HistogramStride+int(r[2])] += g
			h8[3*HistogramStride+int(r[3])] += g
			h8[4*HistogramStride+int(r[4])] += g
			h8[5*HistogramStride+int(r[5])] += g
			h8[6*HistogramStride+int(r[6])] += g
			h8[7*HistogramStride+int(r[7])] += g
		}
	}
	for ; c < w; c++ {
		h1, b := (*[HistogramStride]int64)(h[c*HistogramStride:]), bins[c:]
		for i, g := range gh {
			h1[b[i*d]] += g
		}
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

// histogramOfGo gathers rows before it adds them: a loop that does nothing else
// has more of the memory's answers under way at a time.
func histogramOfGo(h []int64, bins []uint8, d, w int, gh []int64, idx []int32) {
	const widest = 64
	var rows [gathered * widest]uint8
	var sums [gathered]int64
	for c := 0; c < w; c += widest {
		m := min(widest, w-c)
		for k, i := range idx {
			copy(rows[k*m:(k+1)*m], bins[int(i)*d+c:])
			sums[k] = gh[i]
		}
		histogramGo(h[c*HistogramStride:], rows[:len(idx)*m], m, m, sums[:len(idx)])
	}
}

// gathered is how many rows histogramOfGo takes.
const gathered = 256

// Partition splits idx, which rises, by the bins of feature f: rows whose bin is in left stay
// in idx, from its start on, and the others go to right, which is as long as
// idx; both keep their order. It returns how many stayed. What is behind them,
// in idx and in right, is not defined.
func Partition(idx, right []int32, bins []uint8, d, f int, left *[4]uint64) int {
	right = right[:len(idx)]
	done, l := partitionFast(idx, right, bins, d, f, left)
	r := done - l
	for _, i := range idx[done:] {
		b := bins[int(i)*d+f]
		idx[l], right[r] = i, i
		stays := int(left[b>>6] >> (b & 63) & 1)
		l += stays
		r += 1 - stays
	}
	return l
}
