package bins

import (
	"encoding/json"
	"fmt"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/kernels"
	"tourney/trainers/tree/ensemble"
)

// Model is an ensemble as a heat.Model. Its JSON form is the ensemble's.
type Model struct {
	*ensemble.Ensemble
	predictor *ensemble.Predictor
}

// NewModel returns the model of an ensemble, which is valid and is not changed
// any more.
func NewModel(e *ensemble.Ensemble) *Model { return &Model{e, ensemble.NewPredictor(e)} }

// ReadModel reads what MarshalJSON wrote, and checks that it gives the outputs
// that the document speaks of.
func ReadModel(b []byte, about heat.About) (heat.Model, error) {
	e := new(ensemble.Ensemble)
	if err := json.Unmarshal(b, e); err != nil {
		return nil, err
	}
	if e.Width() != about.Outputs() {
		return nil, fmt.Errorf("trees with %d outputs for %d", e.Width(), about.Outputs())
	}
	if about.Task == tourney.Classification && e.Link == ensemble.Exp {
		return nil, fmt.Errorf("trees with the link %s, which gives no probabilities", e.Link)
	}
	return NewModel(e), nil
}

// Predict writes the outputs of rows lo to hi of m.
func (m *Model) Predict(x *dataset.Matrix, lo, hi int, out []float32) {
	scores := m.predictor.Scores(ensemble.Serial{}, Cut(x, lo, hi), m.predictor.Rounds())
	Link(out, scores, m.Ensemble.Link, m.Outputs)
}

// Link turns scores [n×k] row-major into outputs: the probabilities of both
// classes for one score under the logistic link, k values else. Its bits are
// those of ensemble.Linked, rounded to float32.
func Link(out []float32, scores []float64, link ensemble.Link, k int) {
	if link == ensemble.Logistic {
		// The scores of classes 0 and 1: σ(-z) and σ(z), each with its own
		// small digits.
		for i, v := range scores {
			z := float32(v)
			out[2*i], out[2*i+1] = -z, z
		}
		kernels.SigmoidAll(out[:2*len(scores)], out[:2*len(scores)])
		return
	}
	out = out[:len(scores)]
	for i, v := range scores {
		out[i] = float32(v)
	}
	switch link {
	case ensemble.Softmax:
		kernels.SoftmaxAll(out, len(out)/k, k)
	case ensemble.Exp:
		kernels.ExpAll(out, out)
	}
}
