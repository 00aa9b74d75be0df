package tpe

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"

	"tourney/search/axis"
)

// walk returns the first point from u on that is not known, going round all
// cells; nil if there is none. Continuous coordinates, which make any point a
// new one, are drawn.
func (s *session) walk(rng *rand.Rand, u []float64) []float64 {
	u = slices.Clone(u)
	first := s.t.key(u)
	for again := false; ; {
		if !s.known(u) {
			return u
		}
		if s.t.next(rng, u) {
			if again {
				return nil
			}
			again = true
		}
		if s.t.key(u) == first {
			return nil
		}
	}
}

// next moves u to the next cell, the last axis fastest, and returns true if it
// went from the last cell to the first.
func (t *TPE) next(rng *rand.Rand, u []float64) (round bool) {
	at := len(u) - 1
	for ; at >= 0; at-- {
		a := &t.axes[at]
		if a.Kind == axis.Continuous || math.IsNaN(u[at]) {
			continue
		}
		if cell := a.Cell(u[at]) + 1; cell < a.Cells {
			u[at] = a.Middle(cell)
			break
		}
	}
	for i := at + 1; i < len(u); i++ {
		a := &t.axes[i]
		switch {
		case !t.active(u, i):
			u[i] = math.NaN()
		case a.Kind == axis.Continuous:
			u[i] = rng.Float64()
		default:
			u[i] = a.Middle(0)
		}
	}
	return at < 0
}

// key is a text that two points share if they decode to the same values.
func (t *TPE) key(u []float64) string {
	key := make([]byte, 0, 8*len(u))
	for i, x := range u {
		bits := math.Float64bits(x)
		if a := &t.axes[i]; math.IsNaN(x) {
			bits = math.MaxUint64
		} else if a.Kind != axis.Continuous {
			bits = uint64(a.Cell(x))
		}
		key = binary.LittleEndian.AppendUint64(key, bits)
	}
	return string(key)
}
