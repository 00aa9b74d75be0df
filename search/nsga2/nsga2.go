package nsga2

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/rand/v2"

	"tourney/search/axis"
	"tourney/search/pareto"
)

// Options are what a Search may be given beside its axes. The zero value is the
// default of each.
type Options struct {
	// Population is how many trials breed, at least 4; as many random trials
	// come first. 0 means 20, and from 800 results on a fortieth of them, up to
	// 100: few trials go further when few breed, and many can fill a front.
	Population int
	// Mask sets the coordinates to NaN that have no part in the point. If it is
	// nil, all have one.
	Mask func(u []float64)
}

// Search is the state of a search. It belongs to one goroutine.
type Search struct {
	axes       []axis.Axis
	options    Options
	population []member // best first
	results    int
	told       map[uint64]bool // keys of the points
}

// member is a result that breeds.
type member struct {
	u         []float64
	losses    []float64
	violation float64
}

// New returns the search before the first result.
func New(axes []axis.Axis, options Options) *Search {
	return &Search{axes: axes, options: options, told: map[uint64]bool{}}
}

// start is how many random trials come first.
func (s *Search) start() int {
	if s.options.Population > 0 {
		return max(s.options.Population, 4)
	}
	return 20
}

// capacity is how many trials may breed.
func (s *Search) capacity() int {
	if s.options.Population > 0 {
		return s.start()
	}
	return min(max(s.results/40, s.start()), 100)
}

// Tell takes in a result after those that were told before it: its point, with
// NaN where a parameter has no part in it, its losses, as many in each result,
// and by how much it breaks its constraints, 0 if it keeps them. A trial with a
// loss that is not finite has failed, and is worse in all of them than any that
// has not.
func (s *Search) Tell(u, losses []float64, violation float64) {
	m := member{u: make([]float64, len(u)), losses: make([]float64, len(losses)), violation: violation}
	copy(m.u, u)
	copy(m.losses, losses)
	for _, loss := range losses {
		if math.IsNaN(loss) || math.IsInf(loss, 0) {
			for i := range m.losses {
				m.losses[i] = math.Inf(1)
			}
			break
		}
	}
	s.results++
	s.told[s.key(u)] = true
	all := append(s.population, m)
	vectors, violations := make([][]float64, len(all)), make([]float64, len(all))
	for i := range all {
		vectors[i], violations[i] = all[i].losses, all[i].violation
	}
	order := pareto.Order(vectors, violations)
	s.population = make([]member, 0, len(all)+1)
	for _, i := range order[:min(len(order), s.capacity())] {
		s.population = append(s.population, all[i])
	}
}

// Ask writes a point to dst, which has room for all axes. Coordinates on
// lattices and choices are the middles of their cells; those that Mask says
// have no part are NaN. A point that was told is not proposed again as long as
// others are found. Ask may be called again for another point, if this one is
// not wanted.
func (s *Search) Ask(rng *rand.Rand, dst []float64) {
	// A child that was there before is mutated ever more, and in the end gives
	// way to chance.
	const children, strangers = 10, 100
	for try := range children + strangers {
		if len(s.population) < s.start() || try >= children {
			s.random(rng, dst)
		} else {
			s.child(rng, dst, try)
		}
		s.finish(dst)
		if !s.told[s.key(dst)] {
			return
		}
	}
}

// random draws each coordinate uniformly.
func (s *Search) random(rng *rand.Rand, dst []float64) {
	for i := range s.axes {
		dst[i] = rng.Float64()
	}
}

// finish moves coordinates to the middles of their cells, and masks them.
func (s *Search) finish(dst []float64) {
	for i := range s.axes {
		dst[i] = s.axes[i].Snap(dst[i])
	}
	if s.options.Mask != nil {
		s.options.Mask(dst)
	}
}

// key is a hash of the point as its cells say it. Two points that share a key
// cost a draw and no more.
func (s *Search) key(u []float64) uint64 {
	h := fnv.New64a()
	var word [8]byte
	for i := range s.axes {
		bits := ^uint64(0) // of a coordinate without a part
		if x := u[i]; !math.IsNaN(x) {
			if s.axes[i].Kind == axis.Continuous {
				bits = math.Float64bits(x)
			} else {
				bits = uint64(s.axes[i].Cell(x))
			}
		}
		binary.LittleEndian.PutUint64(word[:], bits)
		h.Write(word[:])
	}
	return h.Sum64()
}
