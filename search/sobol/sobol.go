package sobol

import (
	_ "embed"
	"math/bits"
	"strconv"
	"strings"
)

// MaxDim is the number of dimensions that have direction numbers: those whose
// polynomial has a degree of 13 or less. Further ones are drawn independently
// of each other, by hashing.
const MaxDim = 1111

// columns is how many bits of a point's number count, and how many digits of a
// coordinate come from the sequence. Finer digits come from the scrambling.
const columns = 32

// digits is how many binary digits a coordinate has: all that a float64 in
// [0, 1) can carry at an even spacing.
const digits = 53

//go:embed directions.txt
var directions string

// Sequence is a scrambled Sobol sequence. It does not change, and may be used
// by several goroutines.
//
//	dim      number of coordinates of a point
//	matrix   [min(dim, MaxDim)×columns] row-major: direction numbers, their
//	         first digit in the highest bit
//	keys     one for each dimension, what its scrambling is seeded by
type Sequence struct {
	dim    int
	matrix []uint32
	keys   []uint64
}

// New returns the sequence of dim coordinates that a seed scrambles.
func New(dim int, seed uint64) *Sequence {
	s := &Sequence{dim: max(dim, 0)}
	s.matrix = matrix(min(s.dim, MaxDim))
	s.keys = make([]uint64, s.dim)
	for j := range s.keys {
		s.keys[j] = mix(mix(seed) + uint64(j)*golden)
	}
	return s
}

// Dim returns how many coordinates a point has.
func (s *Sequence) Dim() int { return s.dim }

// At writes point i to dst, which has room for Dim coordinates, each in [0, 1).
// Points are numbered from 0 in the order of the Gray code, and repeat their
// first 32 digits after 2^32 of them.
func (s *Sequence) At(i int, dst []float64) {
	for j := range s.dim {
		var u uint64
		if j < MaxDim {
			u = scramble(s.keys[j], s.digits(i, j), uint64(i)>>columns)
		} else {
			u = mix(s.keys[j]+uint64(i)*golden) >> (64 - digits)
		}
		dst[j] = float64(u) / (1 << digits)
	}
}

// digits returns the first digits of coordinate j of point i, before scrambling.
func (s *Sequence) digits(i, j int) uint32 {
	n := uint32(uint64(i))
	x := uint32(0)
	for gray := n ^ n>>1; gray != 0; gray &= gray - 1 {
		x ^= s.matrix[j*columns+bits.TrailingZeros32(gray)]
	}
	return x
}

// scramble permutes the binary tree of [0, 1), as in Owen, Randomly permuted
// (t,m,s)-nets and (t,s)-sequences, 1995: at each node, named by the digits
// that lead to it, a hash says whether its halves change places. Below the
// digits of the sequence there is one point in a node, and the hash stands for
// the rest of its digits; round keeps apart the points that share a node when
// the sequence has come round.
func scramble(key uint64, x uint32, round uint64) uint64 {
	var flips uint32
	for k := range columns {
		node := uint64(1)<<k | uint64(x)>>(columns-k)
		flips |= uint32(mix(key+node*golden)>>63) << (columns - 1 - k)
	}
	const rest = digits - columns
	leaf := mix(mix(key+(1<<columns|uint64(x))*golden) + round)
	return uint64(x^flips)<<rest | leaf>>(64-rest)
}

// golden is 2^64 over the golden ratio, made odd.
const golden = 0x9e3779b97f4a7c15

// mix is the finaliser of SplitMix64 (Steele, Lea and Flood 2014), with the
// constants of Stafford's variant 13: a permutation of the 64-bit words under
// which each bit depends on all.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// matrix returns the direction numbers of the first dim dimensions by the
// recurrence of Bratley and Fox, ACM Algorithm 659 (1988), equation 2:
//
//	m_k = 2 a_1 m_{k-1} xor ... xor 2^{s-1} a_{s-1} m_{k-s+1} xor 2^s m_{k-s} xor m_{k-s}
//
// kept as v_k = m_k / 2^k, which turns the powers of 2 into one shift.
func matrix(dim int) []uint32 {
	m := make([]uint32, dim*columns)
	if dim == 0 {
		return m
	}
	for k := range columns { // the first dimension is van der Corput's sequence
		m[k] = 1 << (columns - 1 - k)
	}
	j := 1
	for line := range strings.Lines(directions) {
		if j == dim {
			break
		}
		if strings.HasPrefix(line, "#") {
			continue
		}
		fill(m[j*columns:(j+1)*columns], numbers(line))
		j++
	}
	return m
}

// fill writes the direction numbers of one dimension, from a line of the table.
func fill(v, line []uint32) {
	poly, first := line[0], line[1:]
	degree := len(first)
	for k, m := range first {
		v[k] = m << (columns - 1 - k)
	}
	for k := degree; k < columns; k++ {
		v[k] = v[k-degree] ^ v[k-degree]>>degree
		for i := 1; i < degree; i++ {
			if poly>>(degree-i)&1 == 1 {
				v[k] ^= v[k-i]
			}
		}
	}
}

// numbers reads a line of the table. The table is part of the program, and the
// tests read all of it.
func numbers(line string) []uint32 {
	fields := strings.Fields(line)
	out := make([]uint32, len(fields))
	for i, f := range fields {
		n, _ := strconv.ParseUint(f, 10, 32)
		out[i] = uint32(n)
	}
	return out
}
