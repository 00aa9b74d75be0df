package linear

import (
	"testing"

	"tourney"
	"tourney/dataset"
)

// BestWeights returns the weights of the best step in a rung's state,
// [(d+1)×outputs] with the intercepts last.
func BestWeights(data *dataset.Data, state []byte) ([]float32, error) {
	p, err := newProblem(data)
	if err != nil {
		return nil, err
	}
	m := p.blank(1<<30, false)
	err = p.restore(m, state)
	return m.fits[0].best, err
}

// LastWeights returns the weights of the last step in a rung's state.
func LastWeights(data *dataset.Data, state []byte) ([]float32, error) {
	return FoldWeights(data, 0, state)
}

// FoldWeights returns the weights of a fold's last step in a rung's state.
func FoldWeights(data *dataset.Data, fold int, state []byte) ([]float32, error) {
	p, err := newProblem(data)
	if err != nil {
		return nil, err
	}
	m := p.blank(1<<30, false)
	err = p.restore(m, state)
	return m.fits[fold].w, err
}

// Target returns the standardised target of the training rows.
func Target(t *testing.T, data *dataset.Data) []float32 {
	t.Helper()
	p, err := newProblem(data)
	if err != nil {
		t.Fatal(err)
	}
	return p.folds[0].target
}

// Reencode reads a state of a job and writes it again.
func Reencode(data *dataset.Data, kind tourney.JobKind, budget int, state []byte) ([]byte, error) {
	p, err := newProblem(data)
	if err != nil {
		return nil, err
	}
	m := p.blank(budget, kind == tourney.JobFinal)
	if err := p.restore(m, state); err != nil {
		return nil, err
	}
	return p.encode(m), nil
}

// Gradient returns the mean gradient over all training rows at w, without l2,
// and the mean loss: the squared error, or the log loss.
func Gradient(data *dataset.Data, w []float32) (g []float64, loss float64, err error) {
	p, err := newProblem(data)
	if err != nil {
		return nil, 0, err
	}
	n := data.Folds[0].Train.N
	fits := []*fit{{model: &model{}, w: w, v: make([]float32, len(w))}}
	pan := newPanel(p.folds[0], fits, n)
	pan.gather()
	pan.addPart(pan.sum, 0, n)
	for _, v := range pan.sum.g {
		g = append(g, float64(v)/float64(n))
	}
	return g, pan.sum.loss[0] / float64(n), nil
}

// blank returns a model that a state can be read into.
func (p *problem) blank(budget int, final bool) *model {
	m := &model{budget: budget, final: final}
	for range p.folds {
		m.fits = append(m.fits, &fit{model: m})
	}
	return m
}
