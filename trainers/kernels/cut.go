package kernels

import "math"

// Cuts is what the cuts of a column of packed sums (see PackGradients) are
// compared by. A cut puts the sums up to an index on its left side and the rest
// of Total on its right one. Its gain is t²/(h+L2), of both sides, where g and h
// are the side's gradient and hessian, packed units times UnitG and UnitH, and
// t is how far g is above L1, whatever its sign, or 0.
type Cuts struct {
	Total        int64   // packed, of both sides
	Lo, Hi       int64   // a cut counts if its left side's packed hessian is in here; Lo > 0 unless L2 is
	UnitG, UnitH float64 // powers of two
	L1, L2       float64 // not negative
}

// cutLanes are the best cuts at indices that leave the same rest by 8.
type cutLanes struct {
	gain [8]float64
	at   [8]int64
	left [8]int64
}

// Best returns the first index, behind which a cut has the greatest gain, that
// gain and the left side's packed sum, which is start and the sums up to the
// index. Only gains above least count; at is -1 if there is none.
func (c *Cuts) Best(sums []int64, start int64, least float64) (at int, gain float64, left int64) {
	var lanes cutLanes
	if !c.bestFast(sums, start, least, &lanes) {
		return c.bestGo(sums, start, least)
	}
	at, gain = -1, least
	for i, q := range lanes.gain {
		if k := int(lanes.at[i]); q > gain || q == gain && at >= 0 && k >= 0 && k < at {
			at, gain, left = k, q, lanes.left[i]
		}
	}
	return at, gain, left
}

// bestGo computes gains as they are defined only where a bound on them, which
// takes no division, says that they may be the greatest so far: with l for the
// left side and r for the right one,
//
//	gain ≤ gl²/hl + gr²/hr = (gl²·hr + gr²·hl) / (hl·hr)
//
// where L1 is left out and h has its L2. All of it is in packed units, which are
// whole numbers and have no rounding errors; slack is more than those of the
// rest.
func (c *Cuts) bestGo(sums []int64, start int64, least float64) (at int, gain float64, left int64) {
	const (
		low   = 1<<32 - 1
		slack = 1 - 1e-12
	)
	at, gain = -1, least
	sum, i := start, 0
	for ; i < len(sums); i++ {
		if sum += sums[i]; sum&low >= c.Lo {
			sum -= sums[i]
			break
		}
	}
	unit := c.UnitH / float64(c.UnitG*c.UnitG) * slack
	l2 := c.L2 / c.UnitH
	if !(l2 < 1<<200) {
		unit = math.NaN() // what is below overflows: no bound is one
	}
	bound := gain * unit
	totalG, totalH := float64(c.Total>>32), float64(c.Total&low)+l2
	for ; i < len(sums); i++ {
		sum += sums[i]
		h := sum & low
		if h > c.Hi {
			break // hessians are not negative
		}
		gl, hl := float64(sum>>32), float64(h)
		gr, hr := totalG-gl, totalH-hl
		hl += l2
		if float64(float64(gl*gl)*hr)+float64(float64(gr*gr)*hl) <= bound*float64(hl*hr) {
			continue
		}
		rest := c.Total - sum
		if q := c.side(sum>>32, h) + c.side(rest>>32, rest&low); q > gain {
			at, gain, left = i, q, sum
			bound = gain * unit
		}
	}
	return at, gain, left
}

// side returns the gain of one side.
func (c *Cuts) side(g, h int64) float64 {
	t := max(0, math.Abs(float64(g)*c.UnitG)-c.L1)
	return t * t / (float64(float64(h)*c.UnitH) + c.L2)
}
