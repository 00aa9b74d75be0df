package linear

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/lap"
)

// model is a linear model by itself. It implements heat.Model.
type model struct {
	text document
	link link
	k    int
	w    []float32 // [(d+1)×k]
}

// document is the family's part of a model's document.
type document struct {
	Loss string `json:"loss"`
	// Link says what the outputs are: identity, log, logit or softmax.
	Link string `json:"link"`
	// Coefficients of each output, in the order of the features, and its
	// intercept: an output is the sum of the products, in the target's units.
	// With link logit the one output is the log odds of the second class.
	Coefficients [][]float64 `json:"coefficients"`
	Intercepts   []float64   `json:"intercepts"`
}

// open reads the model out of the last state of a final job.
func open(job *tourney.Job, data *dataset.Data, state []byte) (heat.Model, error) {
	f := Family()
	values, err := f.Read(job.Params)
	if err != nil {
		return nil, fmt.Errorf("linear: %w", err)
	}
	s, err := lap.ReadState(state)
	switch {
	case err != nil:
		return nil, fmt.Errorf("linear: state: %w", err)
	case !s.Final || len(s.Fits) != 1 || len(data.Folds) != 1:
		return nil, errors.New("linear: state: not of a final job")
	}
	d, k := data.Folds[0].Train.D, outputsOf(len(data.Classes))
	w := make([]float32, (d+1)*k)
	if _, ok := takeFloats(w, s.Fits[0].Saved); !ok {
		return nil, errors.New("linear: state: cut short")
	}
	m := &model{k: k, text: document{Loss: lossOf(values.Word("loss"), data.Task)}}
	mean, sd := s.Fits[0].Mean, s.Fits[0].SD
	if m.text.Loss == lossPoisson {
		mean, sd = 0, 1
	}
	m.link = linkOf(m.text.Loss, k)
	m.text.Link = linkNames[m.link]
	units := unscale(w, k, mean, sd)
	for c := range k {
		of := make([]float64, d)
		for j := range of {
			of[j] = units[j*k+c]
		}
		m.text.Coefficients = append(m.text.Coefficients, of)
		m.text.Intercepts = append(m.text.Intercepts, units[d*k+c])
	}
	if err := m.weigh(); err != nil {
		return nil, fmt.Errorf("linear: state: %w", err)
	}
	return m, nil
}

// outputsOf returns how many outputs a model of so many classes has.
func outputsOf(classes int) int {
	if classes > 2 {
		return classes
	}
	return 1
}

// weigh sets the weights from the document.
func (m *model) weigh() error {
	d := len(m.text.Coefficients[0])
	m.w = make([]float32, (d+1)*m.k)
	for c, of := range m.text.Coefficients {
		for j, v := range append(slices.Clip(of), m.text.Intercepts[c]) {
			m.w[j*m.k+c] = float32(v)
			if math.IsInf(float64(m.w[j*m.k+c]), 0) {
				return fmt.Errorf("coefficient %d of output %d is %v; the most is %v", j, c, v, math.MaxFloat32)
			}
		}
	}
	return nil
}

// MarshalJSON writes what readModel reads.
func (m *model) MarshalJSON() ([]byte, error) { return json.Marshal(m.text) }

// readModel reads the family's part of a document.
func readModel(b []byte, about heat.About) (heat.Model, error) {
	m := &model{k: outputsOf(len(about.Classes))}
	decoder := json.NewDecoder(bytes.NewReader(b))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&m.text); err != nil {
		return nil, fmt.Errorf("linear: %w", err)
	}
	t := &m.text
	if checkLoss(t.Loss, about.Task) != nil || t.Loss == lossAuto || !slices.Contains([]string{
		lossLogistic, lossHinge, lossSquaredHinge, lossSquared, lossHuber, lossQuantile, lossPoisson,
	}, t.Loss) {
		return nil, fmt.Errorf("linear: loss: %q is none of %s", t.Loss, about.Task)
	}
	m.link = linkOf(t.Loss, m.k)
	switch {
	case t.Link != linkNames[m.link]:
		return nil, fmt.Errorf("linear: link: %q is not that of loss %s, which is %s", t.Link, t.Loss, linkNames[m.link])
	case len(t.Coefficients) != m.k || len(t.Intercepts) != m.k:
		return nil, fmt.Errorf("linear: coefficients of %d outputs and %d intercepts; want %d", len(t.Coefficients), len(t.Intercepts), m.k)
	}
	for c, of := range t.Coefficients {
		if len(of) != len(about.Features) {
			return nil, fmt.Errorf("linear: output %d has %d coefficients; there are %d features", c, len(of), len(about.Features))
		}
	}
	if err := m.weigh(); err != nil {
		return nil, fmt.Errorf("linear: %w", err)
	}
	return m, nil
}

// Predict writes what is predicted for the rows lo to hi.
func (m *model) Predict(rows *dataset.Matrix, lo, hi int, out []float32) {
	width := m.k
	if m.link == linkLogit {
		width = 2
	}
	z := make([]float32, min(hi-lo, lap.ScoreRows)*m.k)
	for lo < hi {
		n := min(lap.ScoreRows, hi-lo)
		forward(z, rows, m.w, lo, n, m.k)
		m.link.apply(out, z, n, m.k, 0, m.k)
		lo, out = lo+n, out[n*width:]
	}
}
