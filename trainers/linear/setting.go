package linear

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"tourney"
	"tourney/trainers/heat"
)

// setting is what a trial's parameters come to.
type setting struct {
	optimizer string
	loss      string // never auto
	batch     int

	rate, momentum, ftrlBeta, l1, l2 float32
	beta1, beta2                     float64
	nesterov                         bool

	schedule schedule

	delta, tau float32
	penalty1   float64 // l1 and l2 as they were given
	penalty2   float64
	tol        float64

	classes []float64 // what the rows of a class count; nil: all the same
}

// newSetting reads a trial's parameters.
func newSetting(p *problem, v heat.Values, maxBudget int) (*setting, error) {
	s := &setting{
		optimizer: v.Word("optimizer"), loss: v.Word("loss"), batch: v.Int("batch_size"),
		rate: float32(v.Float("learning_rate")), momentum: float32(v.Float("momentum")), nesterov: v.Bool("nesterov"),
		beta1: v.Float("beta1"), beta2: v.Float("beta2"), ftrlBeta: float32(v.Float("ftrl_beta")),
		l1: float32(v.Float("l1")), l2: float32(v.Float("l2")), penalty1: v.Float("l1"), penalty2: v.Float("l2"),
		schedule: schedule{kind: v.Word("schedule"), power: v.Float("power"), warmup: v.Float("warmup"), epochs: max(1, maxBudget)},
		delta:    float32(v.Float("delta")), tau: float32(v.Float("tau")), tol: v.Float("tol"),
	}
	if s.optimizer == optAdam && !v.Given("learning_rate") {
		s.rate = 0.01
	}
	s.loss = lossOf(s.loss, p.Task)
	if err := checkLoss(s.loss, p.Task); err != nil {
		return nil, fmt.Errorf("parameter loss: %w", err)
	}
	if err := s.checkData(p); err != nil {
		return nil, fmt.Errorf("parameter optimizer: %w", err)
	}
	var err error
	if s.classes, err = p.classWeights(v.Word("class_weight")); err != nil {
		return nil, fmt.Errorf("parameter class_weight: %w", err)
	}
	return s, nil
}

// fixes returns what makes means of adam's moments at gradient step t, counted
// from 1.
func (s *setting) fixes(t int) (first, second float32) {
	return float32(1 / (1 - power(s.beta1, t))), float32(1 / math.Sqrt(1-power(s.beta2, t)))
}

// power returns x to the n by squaring.
func power(x float64, n int) float64 {
	y := 1.0
	for ; n > 0; n /= 2 {
		if n%2 == 1 {
			y = float64(y * x)
		}
		x = float64(x * x)
	}
	return y
}

// checkData returns what is wrong with the optimizer and the loss for the data.
func (s *setting) checkData(p *problem) error {
	if err := checkOptimizer(s.optimizer, s.loss); err != nil {
		return err
	}
	switch {
	case s.optimizer == optGram && slices.ContainsFunc(p.folds, func(f *fold) bool { return f.Train.D > gramFeatures }):
		return fmt.Errorf("gram holds the products of all pairs of features, of which there may be %d; use %s", gramFeatures, optLBFGS)
	case s.loss == lossPoisson:
		for _, f := range p.folds {
			if i := f.below; i >= 0 {
				return fmt.Errorf("loss %s needs targets of at least 0; row %d has %v", lossPoisson, i, f.Train.Y[i])
			}
		}
	}
	return nil
}

// checkClassWeight returns what is wrong with the text of class_weight, as far
// as it can be told without the classes.
func checkClassWeight(text string) error {
	if text == weightNone || text == weightBalanced {
		return nil
	}
	_, _, err := splitClassWeight(text)
	return err
}

// splitClassWeight reads name:weight,name:weight. A name may have colons in it,
// not commas.
func splitClassWeight(text string) (names []string, weights []float64, err error) {
	for _, entry := range strings.Split(text, ",") {
		at := strings.LastIndex(entry, ":")
		if at < 0 {
			return nil, nil, fmt.Errorf("must be %s, %s, or classes with weights as in spam:5,ham:1, not %q", weightNone, weightBalanced, text)
		}
		name := strings.TrimSpace(entry[:at])
		w, err := strconv.ParseFloat(strings.TrimSpace(entry[at+1:]), 64)
		switch {
		case err != nil || !(w >= 0 && w <= 1e9):
			return nil, nil, fmt.Errorf("the weight of class %q must be a number from 0 to 1e9, not %q", name, entry[at+1:])
		case slices.Contains(names, name):
			return nil, nil, fmt.Errorf("class %q has two weights", name)
		}
		names, weights = append(names, name), append(weights, w)
	}
	return names, weights, nil
}

// classWeights returns what the rows of each class count by the text of
// class_weight, nil if they all count the same. Balanced classes count the
// inverse of their share of all rows to train on, of all folds.
func (p *problem) classWeights(text string) ([]float64, error) {
	switch {
	case text == weightNone:
		return nil, nil
	case p.Regression():
		return nil, errors.New("there are no classes; leave it out")
	}
	out := make([]float64, p.Classes)
	if text == weightBalanced {
		return out, nil // each fold has its own
	}
	names, weights, err := splitClassWeight(text)
	if err != nil {
		return nil, err
	}
	classes := p.Source().Classes
	for c := range out {
		out[c] = 1
	}
	for i, name := range names {
		c := slices.Index(classes, name)
		if c < 0 {
			return nil, fmt.Errorf("the target has no class %q%s", name, tourney.DidYouMean(name, classes))
		}
		out[c] = weights[i]
	}
	return out, nil
}
