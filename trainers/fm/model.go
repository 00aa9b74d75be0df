package fm

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/lap"
)

// model is what a trial has learnt. It implements heat.Model.
type model struct {
	machine
	w        []float32
	classes  int
	mean, sd float64
}

// document is the family's part of a model's document. The score of a row x for
// an output is its intercept, and Σ weights[j]·x[j], and the sum over all pairs
// i < j of ⟨vectors[i], vectors[j]⟩·x[i]·x[j]; of a field-aware machine the
// vector of i is the one for the field of j, and the other way round. A value
// is mean + sd·score, the probability of the second class 1/(1+exp(-score)),
// those of many classes the softmax of the scores.
type document struct {
	Factors    int         `json:"factors"`
	Fields     []int       `json:"fields,omitempty"` // [d] of each feature, from 0; of a field-aware machine
	Mean       float64     `json:"mean"`
	SD         float64     `json:"sd"`
	Intercepts []float32   `json:"intercepts"` // [outputs]
	Weights    [][]float32 `json:"weights"`    // [outputs][d]
	Vectors    [][]float32 `json:"vectors"`    // [outputs][d × fields × factors] row-major
}

// openModel reads a model out of the last state of a final job.
func openModel(job *tourney.Job, data *dataset.Data, state []byte) (heat.Model, error) {
	s, err := lap.ReadState(state)
	if err != nil {
		return nil, fmt.Errorf("fm: %w", err)
	}
	if !s.Final || len(s.Fits) != 1 {
		return nil, errors.New("fm: not the state of a final job")
	}
	b := s.Fits[0].Saved
	family := Family()
	values, err := family.Read(job.Params)
	if err != nil {
		return nil, fmt.Errorf("fm: %w", err)
	}
	m := &model{classes: classesOf(data.Task, data.Classes), mean: s.Fits[0].Mean, sd: s.Fits[0].SD}
	if m.machine, err = newMachine(values, data.Folds[0], m.classes); err != nil {
		return nil, fmt.Errorf("fm: %w", err)
	}
	if len(b) < header+4*m.size() || !m.of(b) {
		return nil, errors.New("fm: state: of another shape")
	}
	m.w = make([]float32, m.size())
	for i := range m.w {
		m.w[i] = math.Float32frombits(le.Uint32(b[header+4*i:]))
	}
	return m, nil
}

// MarshalJSON writes the model's document.
func (m *model) MarshalJSON() ([]byte, error) {
	doc := document{Factors: m.factors, Fields: m.field, Mean: m.mean, SD: m.sd, Intercepts: m.w[m.features*m.stride():]}
	for o := range m.outputs {
		weights, vectors := make([]float32, 0, m.features), make([]float32, 0, m.features*(m.unit()-1))
		for i := range m.features {
			unit := m.w[i*m.stride()+o*m.unit():][:m.unit()]
			weights, vectors = append(weights, unit[0]), append(vectors, unit[1:]...)
		}
		doc.Weights, doc.Vectors = append(doc.Weights, weights), append(doc.Vectors, vectors)
	}
	return json.Marshal(doc)
}

// readModel reads what MarshalJSON wrote.
func readModel(b []byte, about heat.About) (heat.Model, error) {
	var doc document
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("fm: %w", err)
	}
	m := &model{classes: classesOf(about.Task, about.Classes), mean: doc.Mean, sd: doc.SD}
	m.machine = machine{features: len(about.Features), outputs: outputsOf(m.classes), factors: doc.Factors, fields: 1, field: doc.Fields}
	for _, f := range doc.Fields {
		if f < 0 || f >= len(doc.Fields) {
			return nil, fmt.Errorf("fm: field %d of %d features", f, len(doc.Fields))
		}
		m.fields = max(m.fields, f+1)
	}
	switch {
	case m.factors < 1 || m.factors > 256 || m.field != nil && len(m.field) != m.features:
		return nil, fmt.Errorf("fm: %d factors and %d fields for %d features", m.factors, len(m.field), m.features)
	case len(doc.Intercepts) != m.outputs || len(doc.Weights) != m.outputs || len(doc.Vectors) != m.outputs:
		return nil, fmt.Errorf("fm: %d intercepts, %d lists of weights and %d of vectors for %d outputs", len(doc.Intercepts), len(doc.Weights), len(doc.Vectors), m.outputs)
	}
	// The lengths are those of what was read, so that nothing is allocated by a
	// number that the document claims.
	for o := range m.outputs {
		if len(doc.Weights[o]) != m.features || len(doc.Vectors[o]) != m.features*(m.unit()-1) {
			return nil, fmt.Errorf("fm: %d weights and %d elements of vectors for %d features of %d", len(doc.Weights[o]), len(doc.Vectors[o]), m.features, m.unit()-1)
		}
	}
	m.w = make([]float32, m.size())
	for o := range m.outputs {
		for i := range m.features {
			unit := m.w[i*m.stride()+o*m.unit():][:m.unit()]
			unit[0] = doc.Weights[o][i]
			copy(unit[1:], doc.Vectors[o][i*(m.unit()-1):])
		}
	}
	copy(m.w[m.features*m.stride():], doc.Intercepts)
	return m, nil
}

// Predict implements heat.Model.
func (m *model) Predict(x *dataset.Matrix, lo, hi int, out []float32) {
	m.predict(m.w, x, lo, hi, m.mean, m.sd, m.classes, out)
}
