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
	m := &model{budget: 1 << 30}
	err = p.restore(m, state)
	return m.best, err
}

// LastWeights returns the weights of the last step in a rung's state.
func LastWeights(data *dataset.Data, state []byte) ([]float32, error) {
	p, err := newProblem(data)
	if err != nil {
		return nil, err
	}
	m := &model{budget: 1 << 30}
	err = p.restore(m, state)
	return m.w, err
}

// Target returns the standardised target of the training rows.
func Target(t *testing.T, data *dataset.Data) []float32 {
	t.Helper()
	p, err := newProblem(data)
	if err != nil {
		t.Fatal(err)
	}
	return p.target
}

// Reencode reads a state of a job and writes it again.
func Reencode(data *dataset.Data, kind tourney.JobKind, budget int, state []byte) ([]byte, error) {
	p, err := newProblem(data)
	if err != nil {
		return nil, err
	}
	m := &model{budget: budget, final: kind == tourney.JobFinal}
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
	n := data.Train.N
	pan := &panel{
		problem: p, models: []*model{{w: w, v: make([]float32, len(w))}}, batch: n, c: p.outputs,
		w: make([]float32, len(w)), v: make([]float32, len(w)),
	}
	pan.sum = pan.newSum()
	pan.gather()
	pan.addPart(pan.sum, 0, n)
	for _, v := range pan.sum.g {
		g = append(g, float64(v)/float64(n))
	}
	return g, pan.sum.loss[0] / float64(n), nil
}
