package lbfgs

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
)

// What is saved of n variables, all little endian:
//
//	state    uint8
//	pairs    uint8
//	f        float64
//	g        float64  [n]
//	pairs    float64  [n] steps and [n] differences of gradients, each
//
// X is the caller's to save. The rest follows from these.

var le = binary.LittleEndian

// Save appends what goes on from X.
func (m *Minimiser) Save(b []byte) []byte {
	b = slices.Grow(b, 16+8*len(m.x)*(1+2*len(m.pairs)))
	b = append(b, byte(m.state), byte(len(m.pairs)))
	b = le.AppendUint64(b, math.Float64bits(m.f))
	b = appendFloats(b, m.g)
	for _, q := range m.pairs {
		b = appendFloats(appendFloats(b, q.s), q.y)
	}
	return b
}

func appendFloats(b []byte, v []float64) []byte {
	for _, x := range v {
		b = le.AppendUint64(b, math.Float64bits(x))
	}
	return b
}

// Load returns the minimiser of which Save wrote b when X was x, and what
// follows.
func Load(x []float32, o Options, b []byte) (*Minimiser, []byte, error) {
	m := New(x, o)
	n := len(x)
	if len(b) < 2 {
		return nil, nil, errors.New("cut short")
	}
	m.state = State(b[0])
	pairs := int(b[1])
	if m.state > Stalled || pairs > memory {
		return nil, nil, errors.New("not of a minimisation")
	}
	if b = b[2:]; len(b) < 8*(1+n+2*n*pairs) {
		return nil, nil, errors.New("cut short")
	}
	take := func(v []float64) {
		for i := range v {
			v[i] = math.Float64frombits(le.Uint64(b[8*i:]))
		}
		b = b[8*len(v):]
	}
	f := make([]float64, 1)
	take(f)
	take(m.g)
	finite := all(f) && all(m.g)
	m.f, m.begun = f[0], true
	for range pairs {
		q := pair{s: make([]float64, n), y: make([]float64, n)}
		take(q.s)
		take(q.y)
		finite = finite && all(q.s) && all(q.y)
		q.rho = 1 / dot(q.s, q.y)
		if !(q.rho > 0) || math.IsInf(q.rho, 1) {
			return nil, nil, errors.New("with a pair that says nothing")
		}
		m.pairs = append(m.pairs, q)
	}
	if !finite {
		return nil, nil, errors.New("with a number that is not finite")
	}
	if m.state != Going {
		m.pseudo()
	} else if m.aim(); m.state == Stalled || len(m.pairs) != pairs {
		// Only a state that no minimisation wrote: one that did had a way on.
		return nil, nil, errors.New("with no way on")
	}
	return m, b, nil
}

func all(v []float64) bool {
	for _, x := range v {
		if x-x != 0 {
			return false
		}
	}
	return true
}
