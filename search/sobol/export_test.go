package sobol

// Plain returns coordinate j of point i of the unscrambled sequence, times
// 2^32.
func (s *Sequence) Plain(i, j int) uint32 { return s.digits(i, j) }
