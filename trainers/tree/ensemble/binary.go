package ensemble

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"tourney/dataset"
)

// binaryVersion begins the binary form of an ensemble.
const binaryVersion = 1

// The binary form of a tree is
//
//	leaves, values a leaf                    uvarint
//	feature, bin, left, right [inner]        uvarint, byte, varint, varint
//	way, set [inner]                         byte, and 32 bytes if it has a set
//	gain [inner], value, weight              float64, little-endian
//	count                                    uvarint
//
// where a way is 1 if missing values go left, and 2 more if there is a set.
const (
	wayMissingLeft = 1 << iota
	waySet
)

// errShort is a binary form that ends too early.
var errShort = errors.New("it ends too early")

// Append appends the binary form of an ensemble without its features, which a
// checkpoint's reader has from the dataset.
func (e *Ensemble) Append(b []byte) []byte {
	b = append(b, binaryVersion)
	b = binary.AppendUvarint(b, uint64(e.Outputs))
	b = binary.AppendUvarint(b, uint64(e.PerRound))
	flags := byte(0)
	if e.Average {
		flags |= 1
	}
	if e.Weights != nil {
		flags |= 2
	}
	b = append(b, flags)
	b = append(b, byte(len(e.Link)))
	b = append(b, e.Link...)
	b = appendFloats(b, e.Base)
	b = binary.AppendUvarint(b, uint64(len(e.Trees)))
	b = appendFloats(b, e.Weights)
	for _, t := range e.Trees {
		b = AppendTree(b, t)
	}
	return b
}

// Take reads what Append wrote from the front of b and returns what follows.
// What it returns without an error is valid.
func Take(b []byte, features *dataset.Binning) (*Ensemble, []byte, error) {
	r := reader{b: b}
	if v := r.byte(); r.err == nil && v != binaryVersion {
		return nil, nil, fmt.Errorf("ensemble: binary form %d where %d is known", v, binaryVersion)
	}
	e := &Ensemble{Outputs: r.size(8), PerRound: r.size(0), Features: features}
	flags := r.byte()
	e.Average = flags&1 != 0
	e.Link = Link(r.bytes(int(r.byte())))
	e.Base = r.floats(e.Outputs)
	trees := r.size(1)
	if flags&2 != 0 {
		e.Weights = r.floats(trees)
	}
	for i := 0; i < trees && r.err == nil; i++ {
		t, rest, err := TakeTree(r.b)
		if err != nil {
			return nil, nil, fmt.Errorf("ensemble: tree %d: %w", i, err)
		}
		e.Trees, r.b = append(e.Trees, t), rest
	}
	if r.err != nil {
		return nil, nil, fmt.Errorf("ensemble: %w", r.err)
	}
	if err := e.Validate(); err != nil {
		return nil, nil, err
	}
	return e, r.b, nil
}

// AppendTree appends the binary form of a tree. Those of several trees may
// follow each other: a checkpoint need write but the trees since the last.
func AppendTree(b []byte, t *Tree) []byte {
	b = binary.AppendUvarint(b, uint64(t.Leaves()))
	b = binary.AppendUvarint(b, uint64(len(t.Value)/t.Leaves()))
	for i, f := range t.Feature {
		b = binary.AppendUvarint(b, uint64(f))
		b = append(b, t.Bin[i])
		b = binary.AppendVarint(b, int64(t.Left[i]))
		b = binary.AppendVarint(b, int64(t.Right[i]))
	}
	for i, set := range t.Cats {
		way := byte(0)
		if t.MissingLeft[i] {
			way |= wayMissingLeft
		}
		if set == nil {
			b = append(b, way)
			continue
		}
		b = append(b, way|waySet)
		for _, word := range set {
			b = binary.LittleEndian.AppendUint64(b, word)
		}
	}
	b = appendFloats(b, t.Gain)
	b = appendFloats(b, t.Value)
	b = appendFloats(b, t.Weight)
	for _, n := range t.Count {
		b = binary.AppendUvarint(b, uint64(n))
	}
	return b
}

// TakeTree reads what AppendTree wrote from the front of b and returns what
// follows. The tree's shape is sound; whether it goes with an ensemble,
// Ensemble.Validate says.
func TakeTree(b []byte) (*Tree, []byte, error) {
	r := reader{b: b}
	leaves := r.size(9) // a leaf takes at least its weight and its count
	values := r.size(0)
	if r.err == nil && (leaves < 1 || values < 1 || values > len(r.b)/8/leaves) {
		return nil, nil, fmt.Errorf("a tree of %d leaves with %d values", leaves, values)
	}
	if r.err != nil {
		return nil, nil, r.err
	}
	inner := leaves - 1
	t := &Tree{
		Feature: make([]int32, inner), Bin: make([]uint8, inner), Cats: make([]*[4]uint64, inner),
		MissingLeft: make([]bool, inner), Left: make([]int32, inner), Right: make([]int32, inner),
		Count: make([]int32, inner+leaves),
	}
	for i := range inner {
		t.Feature[i] = int32(r.uvarint(math.MaxInt32))
		t.Bin[i] = r.byte()
		t.Left[i], t.Right[i] = r.varint(), r.varint()
	}
	for i := range inner {
		way := r.byte()
		t.MissingLeft[i] = way&wayMissingLeft != 0
		if way&waySet != 0 {
			t.Cats[i] = r.set()
		}
	}
	t.Gain, t.Value, t.Weight = r.floats(inner), r.floats(leaves*values), r.floats(inner+leaves)
	for i := range t.Count {
		t.Count[i] = int32(r.uvarint(math.MaxInt32))
	}
	if r.err != nil {
		return nil, nil, r.err
	}
	if err := t.shape(values); err != nil {
		return nil, nil, err
	}
	return t, r.b, nil
}

func appendFloats(b []byte, values []float64) []byte {
	for _, v := range values {
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(v))
	}
	return b
}

// reader reads from the front of b. After an error all that it returns is zero.
type reader struct {
	b   []byte
	err error
}

// bytes returns the next n bytes, which must be there.
func (r *reader) bytes(n int) []byte {
	if r.err != nil || n > len(r.b) {
		r.fail(errShort)
		return nil
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err, r.b = err, nil
	}
}

func (r *reader) byte() byte {
	b := r.bytes(1)
	if b == nil {
		return 0
	}
	return b[0]
}

// uvarint returns a number that is at most limit.
func (r *reader) uvarint(limit uint64) uint64 {
	v, n := binary.Uvarint(r.b)
	switch {
	case r.err != nil:
	case n <= 0:
		r.fail(errShort)
	case v > limit:
		r.fail(fmt.Errorf("the number %d is above %d", v, limit))
	default:
		r.b = r.b[n:]
		return v
	}
	return 0
}

// varint returns a number that an int32 holds.
func (r *reader) varint() int32 {
	v, n := binary.Varint(r.b)
	switch {
	case r.err != nil:
	case n <= 0:
		r.fail(errShort)
	case v != int64(int32(v)):
		r.fail(fmt.Errorf("the number %d is no node", v))
	default:
		r.b = r.b[n:]
		return int32(v)
	}
	return 0
}

// size returns how many things follow, each of which takes at least that many
// bytes: so that what is made for them is no larger than what was read.
func (r *reader) size(bytes int) int {
	n := int(r.uvarint(math.MaxInt32))
	if n*bytes > len(r.b) {
		r.fail(errShort)
		return 0
	}
	return n
}

func (r *reader) floats(n int) []float64 {
	b := r.bytes(8 * n)
	if b == nil {
		return nil
	}
	out := make([]float64, n)
	for i := range out {
		out[i] = math.Float64frombits(binary.LittleEndian.Uint64(b[8*i:]))
	}
	return out
}

func (r *reader) set() *[4]uint64 {
	b := r.bytes(32)
	if b == nil {
		return nil
	}
	set := new([4]uint64)
	for i := range set {
		set[i] = binary.LittleEndian.Uint64(b[8*i:])
	}
	return set
}
