package kernels

// bestFast puts the best cuts into lanes, -1 for none. It reports false where
// the class of kernels cannot, or need not for so few.
func (c *Cuts) bestFast(sums []int64, start int64, least float64, lanes *cutLanes) bool {
	if active != classAVX512 || len(sums) < 8 {
		return false
	}
	for i := range lanes.gain {
		lanes.gain[i], lanes.at[i] = least, -1
	}
	cutAVX512(c, &sums[0], len(sums), start, lanes)
	return true
}

//go:noescape
func cutAVX512(c *Cuts, sums *int64, n int, start int64, lanes *cutLanes)
