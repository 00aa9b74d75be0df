package dataset

import (
	"math"
	"slices"
	"strconv"

	"tourney"
	"tourney/dataset/table"
)

// Pipeline turns the columns of a table into features, by what the training
// rows have taught and nothing else. Its JSON form travels with a model. It is
// not changed once made.
type Pipeline struct {
	Preprocess tourney.Preprocess `json:"preprocess"` // as it was asked for
	Inputs     []Input            `json:"inputs"`
}

// Input is what becomes of one column of a table.
//
// A number is one feature (Numbers has one entry). With Indicator a second one
// is 1 where the value is missing. A category is, by Encode,
//
//	one_hot  a feature a level, 1 where it is the value. A missing value is 0
//	         in all of them, and so is a level that training rows did not have;
//	         but with Other, a last feature is 1 for every value that has none
//	ordinal  a number: the place of its level among Levels. What is not among
//	         them is missing
//	hash     Buckets features, of which the one is 1 that table.Hash of the level
//	         falls into, and none for a missing value
//	target   a number for each output: the mean of the target over the training
//	         rows with that level (Means), drawn to the mean of all (Prior) by
//	         the smoothing. Missing values are a level of their own (Absent); a
//	         level that training rows did not have has the mean of all
//
// A text is hashed whatever the encoding. A sparse column is taken as it is.
type Input struct {
	Name      string             `json:"name"`
	Kind      tourney.ColumnKind `json:"kind"`
	Encode    string             `json:"encode,omitempty"`
	Numbers   []Number           `json:"numbers,omitempty"`
	Indicator bool               `json:"indicator,omitempty"`
	Levels    []string           `json:"levels,omitempty"`
	Other     bool               `json:"other,omitempty"`
	Buckets   int                `json:"buckets,omitempty"`
	Means     [][]float64        `json:"means,omitempty"` // [levels][outputs]
	Absent    []float64          `json:"absent,omitempty"`
	Prior     []float64          `json:"prior,omitempty"`
	Width     int                `json:"width,omitempty"` // of a sparse column

	inner *inner // of target, while the training rows are made
}

// Number is what becomes of one number: Fill if it is missing, then, with Log,
// sign(x)·log(1+|x|), then (x-Center)/Scale, 0 if Scale is 0. With Quantiles
// it becomes the number below which a standard normal variable falls with the
// probability of x among them instead. At last it is brought within ±Clip, if
// that is not 0.
type Number struct {
	Fill      float64   `json:"fill"`
	Log       bool      `json:"log,omitempty"`
	Center    float64   `json:"center"`
	Scale     float64   `json:"scale"`
	Quantiles []float64 `json:"quantiles,omitempty"`
	Clip      float64   `json:"clip,omitempty"`
}

// quantileEnd is the least probability that a quantile is asked for.
const quantileEnd = 1e-7

// value returns what becomes of a value.
func (n *Number) value(v float64) float32 {
	if math.IsNaN(v) {
		v = n.Fill
	}
	if n.Log {
		v = signedLog(v)
	}
	switch {
	case n.Quantiles != nil:
		v = normalQuantile(max(quantileEnd, min(1-quantileEnd, rank(n.Quantiles, v))))
	case n.Scale == 0:
		return 0
	default:
		v = (v - n.Center) / n.Scale
	}
	if n.Clip > 0 {
		v = max(-n.Clip, min(n.Clip, v))
	}
	// A value far out of what was learnt from stays a number.
	return float32(max(-math.MaxFloat32, min(math.MaxFloat32, v)))
}

// rank returns where x is among values that rise, from 0 at the first to 1 at
// the last, in proportion between two. Among equal ones it is in the middle.
func rank(values []float64, x float64) float64 {
	last := len(values) - 1
	switch {
	case last == 0 || values[0] == values[last]:
		return 0.5
	case x <= values[0]:
		return 0
	case x >= values[last]:
		return 1
	}
	i, found := slices.BinarySearch(values, x)
	if !found {
		at := (x - values[i-1]) / (values[i] - values[i-1])
		return (float64(i-1) + at) / float64(last)
	}
	j := i
	for values[j+1] == x {
		j++
	}
	return float64(i+j) / 2 / float64(last)
}

// width is the number of features that an input becomes.
func (in *Input) width() int {
	n := len(in.Numbers) + in.Buckets + in.Width
	if in.Encode == encodeOneHot {
		n += len(in.Levels)
	}
	if in.Indicator || in.Other {
		n++
	}
	return n
}

// Width is the number of features.
func (p *Pipeline) Width() int {
	n := 0
	for i := range p.Inputs {
		n += p.Inputs[i].width()
	}
	return n
}

// Features names the features: NAME for a number, NAME=LEVEL for a level,
// NAME#3 for a bucket or a sparse column's entry, NAME:1 for an output of
// several; NAME is missing, NAME is other.
func (p *Pipeline) Features() []string {
	names := make([]string, 0, p.Width())
	for i := range p.Inputs {
		in := &p.Inputs[i]
		for k := range in.Numbers {
			if len(in.Numbers) == 1 {
				names = append(names, in.Name)
			} else {
				names = append(names, in.Name+":"+strconv.Itoa(k))
			}
		}
		if in.Encode == encodeOneHot {
			for _, level := range in.Levels {
				names = append(names, in.Name+"="+level)
			}
		}
		for k := range in.Buckets + in.Width {
			names = append(names, in.Name+"#"+strconv.Itoa(k))
		}
		if in.Indicator {
			names = append(names, in.Name+" is missing")
		}
		if in.Other {
			names = append(names, in.Name+" is other")
		}
	}
	return names
}

// Apply makes the features of all rows of a table, which need not be the one
// that was learnt from: its columns are found by name, and those that were not
// learnt from are left alone. The form is Dense or CSR; Y is nil.
func (p *Pipeline) Apply(f *table.Frame, form Form) (*Matrix, error) {
	return p.ApplyRows(f, 0, f.Rows, form)
}

// ApplyRows is Apply for the rows from lo on and below hi.
func (p *Pipeline) ApplyRows(f *table.Frame, lo, hi int, form Form) (*Matrix, error) {
	a, err := p.on(f)
	if err != nil {
		return nil, err
	}
	m := &Matrix{N: hi - lo, D: p.Width()}
	if err := checkSize(m.N, m.D, form); err != nil {
		return nil, err
	}
	if form == CSR {
		e := a.entries(lo, hi, -1)
		m.RowPtr, m.Col, m.Val = append([]int64{0}, e.ends...), e.cols, e.vals
		return m, nil
	}
	m.X = make([]float32, m.N*m.D)
	a.dense(m.X, lo, hi, -1)
	return m, nil
}

// maxCells bounds a dense matrix far above what a machine can hold, and below
// what the arithmetic of sizes can.
const maxCells = 1 << 38

func checkSize(n, d int, form Form) error {
	if form != CSR && d > 0 && n > maxCells/d {
		return tourney.Invalid("preprocess", "a matrix of %d rows and %d features is too large: encode categories by hash into fewer buckets, or by target", n, d)
	}
	return nil
}
