package ingest

import "math/bits"

// distinct estimates how many distinct values there are, and how often each is
// there, from their hashes: distinct sampling (Gibbons, VLDB 2001, §3.1). It
// keeps the values whose hash ends in at least level zero bits, each with its
// exact count, and raises level when they become too many. What is kept is a
// function of the values alone, not of their order. As long as level is 0 it
// is all of them; after that the estimate's error is about 1/√(most/2).
type distinct struct {
	most  int
	level int
	size  int
	keys  []uint64 // 0 is free; a power of two of them, at least 2·most
	count []int64
}

func newDistinct(most int) *distinct { return &distinct{most: most} }

// add counts a value n times. Its hash is not 0.
func (d *distinct) add(hash uint64, n int64) {
	if bits.TrailingZeros64(hash) < d.level {
		return
	}
	if 2*(d.size+1) > len(d.keys) {
		d.rebuild(max(16, 2*len(d.keys)))
	}
	at := d.slot(hash)
	if d.keys[at] == 0 {
		d.keys[at] = hash
		d.size++
	}
	d.count[at] += n
	for d.size > d.most {
		d.level++
		d.rebuild(len(d.keys))
	}
}

// slot is where a value is, or would be.
func (d *distinct) slot(hash uint64) uint64 {
	// The low bits are the sample's, the high ones are the table's.
	mask := uint64(len(d.keys) - 1)
	at := bits.ReverseBytes64(hash) & mask
	for d.keys[at] != 0 && d.keys[at] != hash {
		at = (at + 1) & mask
	}
	return at
}

// rebuild makes a table of that size of the values that are still kept.
func (d *distinct) rebuild(size int) {
	keys, count := d.keys, d.count
	d.keys, d.count, d.size = make([]uint64, size), make([]int64, size), 0
	for i, key := range keys {
		if key != 0 && bits.TrailingZeros64(key) >= d.level {
			at := d.slot(key)
			d.keys[at], d.count[at] = key, count[i]
			d.size++
		}
	}
}

// exact reports whether estimate is no estimate.
func (d *distinct) exact() bool { return d.level == 0 }

// estimate returns the number of distinct values.
func (d *distinct) estimate() int { return d.size << d.level }

// unique reports whether no value of those kept is there twice.
func (d *distinct) unique() bool { return d.repeats() == 0 }

// repeats returns how many values are there beside the first of each.
func (d *distinct) repeats() int64 {
	n := int64(0)
	for i, key := range d.keys {
		if key != 0 {
			n += d.count[i] - 1
		}
	}
	return n << d.level
}

// mix is the finaliser of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): a
// permutation of the 64-bit numbers whose every output bit depends on all of
// the input.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// golden is 2^64 over the golden ratio, the step of SplitMix64.
const golden = 0x9e3779b97f4a7c15

// The streams of random numbers that are drawn from a seed.
const (
	streamOrder uint64 = iota + 1
	streamTest
	streamGroup
)

// stream is random numbers by counter: its n-th number needs no other.
type stream uint64

func newStream(seed, which uint64) stream { return stream(mix(mix(seed+golden) + which*golden)) }

// at returns the n-th number. No two numbers of a stream are equal.
func (s stream) at(n uint64) uint64 { return mix(uint64(s) ^ mix(n+golden)) }

// unit makes a number in [0, 1) of 53 random bits.
func unit(x uint64) float64 { return float64(x>>11) / (1 << 53) }

// hashNumber is Hash for a number, never 0.
func hashNumber(bits uint64) uint64 { return max(mix(bits+golden), 1) }
