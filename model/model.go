package model

import (
	"fmt"
	"io"

	"tourney"
	"tourney/dataset"
	"tourney/dataset/table"
	"tourney/trainers"
)

// Model is a trial's model with all that it takes to ask it. It may be used by
// many goroutines.
type Model struct {
	Document trainers.Document // not to be changed
	text     []byte
	ask      trainers.Model
	form     dataset.Form
}

// Read reads a model document, which may come from anywhere. What is wrong with
// it is a *tourney.InvalidError, of which the caller sets the source.
func Read(r io.Reader) (*Model, error) {
	text, err := io.ReadAll(io.LimitReader(r, trainers.MaxDocument+1))
	if err != nil {
		return nil, fmt.Errorf("read model: %w", err)
	}
	d, m, err := trainers.ReadDocument(text)
	if err != nil {
		return nil, err
	}
	out := &Model{Document: *d, text: text, ask: m, form: dataset.Binned}
	if d.Preprocess != nil {
		family, _ := trainers.Lookup(d.Trainer)
		if out.form = family.Form; out.form == dataset.Auto {
			out.form = d.Preprocess.Form()
		}
	}
	return out, nil
}

// Write writes the document, byte for byte as it was read.
func (m *Model) Write(w io.Writer) error {
	_, err := w.Write(m.text)
	return err
}

// Outputs is how many numbers the model gives for a row: the probability of
// each class, or one value.
func (m *Model) Outputs() int { return max(1, len(m.Document.Classes)) }

// Wants returns the columns that the model needs.
func (m *Model) Wants() []table.Want {
	if m.Document.Binning != nil {
		return m.Document.Binning.Wants()
	}
	return m.Document.Preprocess.Wants()
}

// Ask writes the outputs for the rows of a frame from lo on and below hi,
// [(hi-lo)×Outputs] row-major.
func (m *Model) Ask(f *table.Frame, lo, hi int, out []float32) error {
	if n := (hi - lo) * m.Outputs(); len(out) < n {
		return fmt.Errorf("ask model: room for %d outputs, of %d", len(out), n)
	}
	x, err := m.matrix(f, lo, hi)
	if err != nil {
		return err
	}
	m.ask.Predict(x, 0, hi-lo, out)
	return nil
}

// matrix makes the features of rows.
func (m *Model) matrix(f *table.Frame, lo, hi int) (*dataset.Matrix, error) {
	if p := m.Document.Preprocess; p != nil {
		return p.ApplyRows(f, lo, hi, m.form)
	}
	b := m.Document.Binning
	bins, err := b.ApplyRows(f, lo, hi)
	return &dataset.Matrix{N: hi - lo, D: len(b.Features), Bins: bins, Spans: []dataset.Span{{From: 0, To: hi - lo}}}, err
}

// Class returns the class that outputs of a row amount to: the most probable
// one, the first of several. It is empty for a regression.
func (m *Model) Class(outputs []float32) string {
	if m.Document.Task != tourney.Classification {
		return ""
	}
	top := 0
	for i, p := range outputs {
		if p > outputs[top] {
			top = i
		}
	}
	return m.Document.Classes[top]
}
