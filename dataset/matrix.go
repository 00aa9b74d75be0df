package dataset

import (
	"tourney"
)

// The forms of a matrix.
const (
	Dense  Form = "dense"  // X
	CSR    Form = "csr"    // RowPtr, Col, Val
	Binned Form = "binned" // Bins
	Auto   Form = "auto"   // of a request alone: Dense or CSR
)

// Form is how a matrix keeps its features.
type Form string

// Data is what a job trains on. It is shared: nobody writes to it, and it has
// to be held as long as anything in it is used.
type Data struct {
	Version string
	Form    Form // of all matrices: never Auto
	Task    tourney.Task
	Target  string   // the column
	Classes []string // of the target; nil for regression
	Folds   []*Fold  // one, or as many as the validation has; of a final job one
	Test    *Matrix  // nil except for a final job
}

// Fold is what one model of a trial trains on, and is validated on.
type Fold struct {
	Train *Matrix
	Valid *Matrix   // nil for a final job
	Prep  *Pipeline // of dense and CSR matrices
	Bins  *Binning  // of binned matrices
}

// Matrix is rows ready to train on, in the order in which the dataset keeps
// them. Part i is its rows from i·PartRows on.
type Matrix struct {
	N, D int
	Y    []float32 // [n] the target, or the number of its class
	W    []float32 // [n] the weights of the rows; nil: all are alike

	X []float32 // dense: [n×d] row-major

	RowPtr []int64   // CSR: [n+1] row i has the entries RowPtr[i] to RowPtr[i+1], of which the first may be more than 0,
	Col    []uint32  // of these columns, rising within a row,
	Val    []float32 // and these values

	// Binned: the bins [rows×d] row-major of all rows of the dataset that a
	// job may see, shared by all folds, and which of them are this matrix's.
	Bins  []uint8
	Spans []Span

	from *mapping // keeps what the slices point to
}

// Span is the rows from one on and below another.
type Span struct{ From, To int }

// bytes is the size of what a matrix points to.
func (m *Matrix) bytes() int64 {
	return 4*int64(len(m.Y)+len(m.W)+len(m.X)+len(m.Col)+len(m.Val)) + 8*int64(len(m.RowPtr))
}

// bytes is the size of what data point to.
func (d *Data) bytes() int64 {
	var n int64
	add := func(m *Matrix) {
		if m != nil {
			n += m.bytes()
		}
	}
	for _, f := range d.Folds {
		add(f.Train)
		add(f.Valid)
	}
	add(d.Test)
	if len(d.Folds) > 0 {
		n += int64(len(d.Folds[0].Train.Bins))
	}
	return n
}
