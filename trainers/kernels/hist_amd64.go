package kernels

// histogramFast is histogramGo for one call's rows. It reports false where the
// class of kernels has none.
func histogramFast(h []int64, bins []uint8, d, w int, gh []int64) bool {
	if active == classGo {
		return false
	}
	histogramAMD64(&h[0], &bins[0], d, w, &gh[0], len(gh))
	return true
}

// histogramOfFast is histogramOfGo for one call's rows.
func histogramOfFast(h []int64, bins []uint8, d, w int, gh []int64, idx []int32) bool {
	if active == classGo {
		return false
	}
	histogramOfAMD64(&h[0], &bins[0], d, w, &gh[0], &idx[0], len(idx))
	return true
}

// partitionCall is how many rows one call of partitionAVX512 takes.
const partitionCall = 1 << 16

// partitionFast does Partition for as many rows as it can, whole steps of 16,
// and returns their number and how many stayed.
//
// The assembly reads four bytes where one is wanted. They end with it if there
// are three before the first row's. If not they begin with it, unless there are
// no three behind the last row's.
func partitionFast(idx, right []int32, bins []uint8, d, f int, left *[4]uint64) (done, stayed int) {
	if active != classAVX512 || len(idx) < 16 {
		return 0, 0
	}
	at, shift := f-3, 24
	if f < 3 {
		if at, shift = f, 0; int(idx[len(idx)-1])*d+f+4 > len(bins) {
			return 0, 0
		}
	}
	for len(idx)-done >= 16 {
		n := min(len(idx)-done, partitionCall) &^ 15
		// Where rows stay they are written 16 at a time, over rows that have
		// been read: done is never less than stayed.
		stayed += partitionAVX512(&idx[stayed], &right[done-stayed], &idx[done], n, &bins[at], d, shift, left)
		done += n
	}
	return done, stayed
}

//go:noescape
func histogramAMD64(h *int64, bins *uint8, d, w int, gh *int64, n int)

//go:noescape
func histogramOfAMD64(h *int64, bins *uint8, d, w int, gh *int64, idx *int32, n int)

//go:noescape
func partitionAVX512(stay, right, idx *int32, n int, bins *uint8, d, shift int, left *[4]uint64) int

// packFast is PackGradients but for the last rows up to 7.
func packFast(gh []int64, grad, hess []float32, scaleG, scaleH float64, seed, first uint32) (done int, total int64) {
	if active != classAVX512 {
		return 0, 0
	}
	for len(gh)-done >= 8 {
		n := min(len(gh)-done, partitionCall) &^ 7
		var h *float32
		if hess != nil {
			h = &hess[done]
		}
		total += packAVX512(&gh[done], &grad[done], h, n, scaleG, scaleH, first+uint32(done)+seed*0x9e3779b9)
		done += n
	}
	return done, total
}

// largestFast is Largest but for the last numbers up to 15.
func largestFast(v []float32) (done int, abs uint32, positive int32) {
	if active != classAVX512 {
		return 0, 0, 0
	}
	for len(v)-done >= 16 {
		n := min(len(v)-done, 8*partitionCall) &^ 15
		a, p := largestAVX512(&v[done], n)
		abs, positive = max(abs, a), max(positive, p)
		done += n
	}
	return done, abs, positive
}

//go:noescape
func packAVX512(gh *int64, grad, hess *float32, n int, scaleG, scaleH float64, random uint32) int64

//go:noescape
func largestAVX512(v *float32, n int) (abs uint32, positive int32)
