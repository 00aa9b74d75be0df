package ingest

import (
	"bytes"
	"math"
	"slices"

	"tourney/dataset/table"
)

// maxLevels is the most distinct values of a category column. What has more is
// a name of the row, not a property of it.
const maxLevels = 100_000

// levels counts the distinct texts of a column: a hash table over texts that
// lie one after the other.
type levels struct {
	data   []byte
	ends   []uint32
	counts []int64
	slots  []uint64 // a power of two: see slot; 0 is free
}

// slot is where a text is: the high half of its hash, and 1 + its position.
func slot(hash uint64, i int32) uint64 { return hash&^math.MaxUint32 | uint64(i+1) }

func newLevels() *levels { return &levels{slots: make([]uint64, 16)} }

func (l *levels) len() int { return len(l.ends) }

// cost is what the texts take, and will take in every shard.
func (l *levels) cost() int { return len(l.data) + 8*len(l.ends) }

func (l *levels) text(i int32) []byte {
	from := uint32(0)
	if i > 0 {
		from = l.ends[i-1]
	}
	return l.data[from:l.ends[i]]
}

// find returns the position of a text, or -1.
func (l *levels) find(text []byte, hash uint64) int32 {
	mask := uint64(len(l.slots) - 1)
	for at := hash & mask; ; at = (at + 1) & mask {
		s := l.slots[at]
		if s == 0 {
			return -1
		}
		if i := int32(uint32(s)) - 1; (s^hash)>>32 == 0 && bytes.Equal(l.text(i), text) {
			return i
		}
	}
}

// add counts a text n times.
func (l *levels) add(text []byte, hash uint64, n int64) {
	if i := l.find(text, hash); i >= 0 {
		l.counts[i] += n
		return
	}
	l.data = append(l.data, text...)
	l.ends = append(l.ends, uint32(len(l.data)))
	l.counts = append(l.counts, n)
	if 2*len(l.ends) > len(l.slots) {
		l.slots = make([]uint64, 2*len(l.slots))
		for i := range l.ends {
			l.put(int32(i), table.Hash(l.text(int32(i))))
		}
		return
	}
	l.put(int32(len(l.ends)-1), hash)
}

func (l *levels) put(i int32, hash uint64) {
	mask := uint64(len(l.slots) - 1)
	at := hash & mask
	for l.slots[at] != 0 {
		at = (at + 1) & mask
	}
	l.slots[at] = slot(hash, i)
}

// sorted returns the texts in order of their bytes, and the place of each in
// it.
func (l *levels) sorted() (names []string, place []int32) {
	order := make([]int32, l.len())
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(a, b int32) int { return bytes.Compare(l.text(a), l.text(b)) })
	names = make([]string, len(order))
	place = make([]int32, len(order))
	for i, at := range order {
		names[i] = string(l.text(at))
		place[at] = int32(i)
	}
	return names, place
}

// frequent returns the positions of the most frequent texts that are there
// more than once, at most n, ties in order of their bytes.
func (l *levels) frequent(n int) []int32 {
	var order []int32
	for i, count := range l.counts {
		if count > 1 {
			order = append(order, int32(i))
		}
	}
	slices.SortFunc(order, func(a, b int32) int {
		if l.counts[a] != l.counts[b] {
			return int(min(1, max(-1, l.counts[b]-l.counts[a])))
		}
		return bytes.Compare(l.text(a), l.text(b))
	})
	return order[:min(n, len(order))]
}
