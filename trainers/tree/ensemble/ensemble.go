package ensemble

import (
	"tourney/dataset"
	"tourney/trainers/kernels"
)

// The links.
const (
	Identity Link = "identity" // outputs are scores: values, or probabilities that leaves hold
	Logistic Link = "logistic" // one score; outputs are the probabilities of the classes 0 and 1
	Softmax  Link = "softmax"  // a score a class; outputs are probabilities
	Exp      Link = "exp"      // outputs are e to the power of scores
)

// Link is how scores become outputs.
type Link string

// Ensemble is trees that add up to scores, and what scores mean.
//
// Trees come in rounds of PerRound. A round has one tree, whose leaves hold a
// value for each output, or a tree for each output, in their order, whose
// leaves hold one value. The first rounds of an ensemble are one too.
//
// The score of a row at an output is Base and then what each tree adds, in
// order, its value times its weight. If Average, what the trees add is summed
// by itself, in order, and divided by the rounds before Base is added. All in
// float64.
type Ensemble struct {
	Outputs  int              // scores of a row
	PerRound int              // trees of a round: 1 or Outputs
	Trees    []*Tree          // round by round
	Weights  []float64        // [trees] what their values are multiplied by; nil: nothing
	Base     []float64        // [outputs] where scores start
	Average  bool             // trees are averaged, not summed
	Link     Link             // from scores to outputs
	Features *dataset.Binning // of the bins that trees ask for
}

// Rounds is how many rounds the trees make.
func (e *Ensemble) Rounds() int { return len(e.Trees) / e.PerRound }

// First returns the ensemble of the first rounds, which shares the trees; all
// if there are no more.
func (e *Ensemble) First(rounds int) *Ensemble {
	out := *e
	n := min(max(0, rounds), e.Rounds()) * e.PerRound
	out.Trees = e.Trees[:n:n]
	if e.Weights != nil {
		out.Weights = e.Weights[:n:n]
	}
	return &out
}

// Width is how many outputs Link makes of a row's scores: one more than the
// scores if it is Logistic.
func (e *Ensemble) Width() int {
	if e.Link == Logistic {
		return 2
	}
	return e.Outputs
}

// Linked turns scores [n×Outputs] row-major into outputs [n×Width]. Those that are
// no mere scores are as exact as float32.
func (e *Ensemble) Linked(scores []float64) []float64 {
	n := len(scores) / e.Outputs
	out := make([]float64, n*e.Width())
	switch e.Link {
	case Logistic:
		for i, z := range scores {
			p0, p1, _, _ := kernels.Logistic(float32(z))
			out[2*i], out[2*i+1] = float64(p0), float64(p1)
		}
	case Softmax:
		z := make([]float32, e.Outputs)
		for i := 0; i < len(scores); i += e.Outputs {
			for k := range z {
				z[k] = float32(scores[i+k])
			}
			kernels.Softmax(z)
			for k, p := range z {
				out[i+k] = float64(p)
			}
		}
	case Exp:
		for i, z := range scores {
			out[i] = float64(kernels.Exp(float32(z)))
		}
	default:
		copy(out, scores)
	}
	return out
}

// weight is what the values of a tree are multiplied by.
func (e *Ensemble) weight(tree int) float64 {
	if e.Weights == nil {
		return 1
	}
	return e.Weights[tree]
}

// output is the first output that a tree adds to, and how many they are.
func (e *Ensemble) output(tree int) (first, n int) {
	if e.PerRound > 1 {
		return tree % e.PerRound, 1
	}
	return 0, e.Outputs
}
