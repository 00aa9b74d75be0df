package dataset

import (
	"fmt"

	"tourney"
)

// Data is what a job trains on. It is shared: nobody writes to it.
type Data struct {
	Version  string
	Task     tourney.Task
	Classes  []string // of the target; nil for regression
	Features []string // of the matrices' columns
	Train    *Matrix
	Valid    *Matrix // nil for a final job
	Test     *Matrix // nil except for a final job
	Prep     *Preprocess
}

// Matrix is rows ready to train on, in the dataset's shuffled order.
type Matrix struct {
	N, D int
	X    []float32 // [n×d] row-major
	Y    []float32 // [n] the target, or the number of its class
}

// bytes is the memory that the matrices take.
func (d *Data) bytes() int64 {
	var n int64
	for _, m := range []*Matrix{d.Train, d.Valid, d.Test} {
		if m != nil {
			n += 4 * int64(len(m.X)+len(m.Y))
		}
	}
	return n
}

// newData makes the matrices of a job from a table whose first train rows are
// trained on, and the rest validated or tested on.
func newData(ds *tourney.Dataset, t *Table, train int) (d *Data, rest *Matrix, err error) {
	y, err := targets(ds, t)
	if err != nil {
		return nil, nil, err
	}
	prep := Fit(t, train, ds.Target)
	d = &Data{Version: ds.Version, Task: ds.Task, Classes: ds.Classes, Features: prep.Features(), Prep: prep}
	if d.Train, err = prep.apply(t, 0, train); err != nil {
		return nil, nil, err
	}
	if rest, err = prep.apply(t, train, t.Rows); err != nil {
		return nil, nil, err
	}
	d.Train.Y, rest.Y = y[:train:train], y[train:]
	return d, rest, nil
}

// targets returns the target of each row of a table.
func targets(ds *tourney.Dataset, t *Table) ([]float32, error) {
	at := t.column(ds.Target)
	if at < 0 {
		return nil, fmt.Errorf("%w: there is no target %s", errShard, ds.Target)
	}
	s := &t.Columns[at]
	y := make([]float32, t.Rows)
	if ds.Task == tourney.Regression {
		if s.Kind != tourney.Number {
			return nil, fmt.Errorf("%w: the target %s is not a number", errShard, ds.Target)
		}
		for row, v := range s.Numbers {
			if s.Missing(row) {
				return nil, fmt.Errorf("%w: the target is missing in row %d", errShard, row)
			}
			y[row] = float32(v)
		}
		return y, nil
	}
	class, err := classOf(ds.Classes, s)
	if err != nil {
		return nil, err
	}
	for row := range y {
		c, ok := class(row)
		if !ok {
			return nil, fmt.Errorf("%w: row %d is of no class", errShard, row)
		}
		y[row] = float32(c)
	}
	return y, nil
}
