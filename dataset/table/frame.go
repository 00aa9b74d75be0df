package table

import (
	"math"

	"tourney"
)

// NoCode is the code of a missing category.
const NoCode = -1

// Frame is rows by columns of a kind, all of equal length.
type Frame struct {
	Rows   int
	Series []Series
}

// Series is one column of a frame.
//
//	number, boolean, date  Numbers [rows], NaN for missing
//	category               Codes [rows], indices of Levels, NoCode for missing
//	text                   Hashes [rows], 0 for missing: see Hash
//	sparse                 Starts [rows+1], Index and Values: row i has the
//	                       entries Starts[i] to Starts[i+1], Index rising
type Series struct {
	Name    string
	Kind    tourney.ColumnKind
	Numbers []float64
	Codes   []int32
	Levels  []string
	Hashes  []uint64
	Starts  []int64
	Index   []uint32
	Values  []float32
}

// Missing reports whether a row has no value. A sparse row always has one.
func (s *Series) Missing(row int) bool {
	switch {
	case s.Numbers != nil:
		return math.IsNaN(s.Numbers[row])
	case s.Codes != nil:
		return s.Codes[row] == NoCode
	case s.Hashes != nil:
		return s.Hashes[row] == 0
	}
	return false
}

// Lookup returns the series of that name, or nil.
func (f *Frame) Lookup(name string) *Series {
	for i := range f.Series {
		if f.Series[i].Name == name {
			return &f.Series[i]
		}
	}
	return nil
}

// Hash is how a text is kept: the FNV-1a hash of 64 bits, mixed once more by
// the finaliser of SplitMix64 so that every bit depends on all of the text, and
// never 0.
func Hash(text []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, b := range text {
		h ^= uint64(b)
		h *= 1099511628211
	}
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return max(h^h>>31, 1)
}
