package model

import (
	"bufio"
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"

	"tourney"
	"tourney/dataset/ingest"
	"tourney/dataset/table"
)

// pieceRows is how many rows of a batch are asked about at once on one core,
// fewer if they have more features than pieceCells together.
const (
	pieceRows  = 1024
	pieceCells = 1 << 22
)

// Predict writes a CSV table with a row for each row of src, in order: the
// column prediction, which is a class or a value, and for classes the columns
// probability_CLASS. The columns that the model was trained on are found by
// name; others are left alone, and the target may be absent. What is wrong
// with the table is a *tourney.InvalidError with its line and column; file is
// its name in it.
//
// One batch of the table is in memory at a time.
func (m *Model) Predict(ctx context.Context, src table.Source, file string, w io.Writer) error {
	out := bufio.NewWriterSize(w, 1<<16)
	answers := &answers{model: m, csv: csv.NewWriter(out)}
	if err := answers.header(); err != nil {
		return err
	}
	err := ingest.Typed(ctx, src, file, m.Wants(), func(f *table.Frame) error {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		if err := answers.ask(f); err != nil {
			return err
		}
		return answers.write(f.Rows)
	})
	if err != nil {
		return err
	}
	answers.csv.Flush()
	if err := answers.csv.Error(); err != nil {
		return fmt.Errorf("write predictions: %w", err)
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write predictions: %w", err)
	}
	return nil
}

// answers is the outputs for a batch on their way into a CSV table.
type answers struct {
	model   *Model
	csv     *csv.Writer
	outputs []float32 // [rows×outputs] row-major
	record  []string
}

func (a *answers) header() error {
	names := []string{"prediction"}
	for _, c := range a.model.Document.Classes {
		names = append(names, "probability_"+c)
	}
	a.record = make([]string, len(names))
	return a.csv.Write(names)
}

// ask fills in the outputs for a batch, on all cores.
func (a *answers) ask(f *table.Frame) error {
	k := a.model.Outputs()
	if n := f.Rows * k; cap(a.outputs) < n {
		a.outputs = make([]float32, n)
	}
	rows := max(1, min(pieceRows, pieceCells/len(a.model.Document.Features)))
	pieces := (f.Rows + rows - 1) / rows
	errs := make([]error, pieces)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(pieces, runtime.GOMAXPROCS(0)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < pieces; i = int(next.Add(1)) - 1 {
				lo, hi := i*rows, min((i+1)*rows, f.Rows)
				errs[i] = a.model.Ask(f, lo, hi, a.outputs[lo*k:hi*k])
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (a *answers) write(rows int) error {
	k := a.model.Outputs()
	for i := range rows {
		outputs := a.outputs[i*k : (i+1)*k]
		if a.model.Document.Task == tourney.Classification {
			a.record[0] = a.model.Class(outputs)
			for j, p := range outputs {
				a.record[1+j] = number(p)
			}
		} else {
			a.record[0] = number(outputs[0])
		}
		if err := a.csv.Write(a.record); err != nil {
			return fmt.Errorf("write predictions: %w", err)
		}
	}
	return nil
}

// number writes a number as short as can be read back as the same float32.
func number(v float32) string { return strconv.FormatFloat(float64(v), 'g', -1, 32) }
