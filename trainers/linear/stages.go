package linear

import (
	"slices"

	"tourney/trainers/linear/lbfgs"
)

// The first step of L-BFGS begins on few rows. Rows are in a shuffled order, so
// the first of them are a sample, whose minimum is near that of all, and whose
// curvature is theirs but for noise (Byrd, Chin, Nocedal and Wu, "Sample size
// selection in optimization methods for machine learning", Math. Programming
// 134, 2012). A fit so comes near the minimum, and learns curvature, for about a
// pass. How it does so depends on its own rows alone.
const (
	// stageShare is how many times more rows there are than the last stage has,
	// unless that is too few for the weights; leastShare is how many there are
	// at least, if there is to be a stage.
	stageShare = 8
	leastShare = 4
	// stageGrowth is how many times more rows the next stage has.
	stageGrowth = 4
	// stageLeast is how many rows a stage has at least, and stageWeights how
	// many for each weight: the minimum of fewer is no nearer than the origin.
	stageLeast   = 1024
	stageWeights = 12
	// A stage is over when the gradient is stageFall times shorter than where
	// the trial began, since little more than the sample's noise is left of it,
	// or after stageSteps iterations.
	stageFall  = 50
	stageSteps = 12
)

// stages returns how many rows the stages of a fit have before it sees all n.
func stages(n, weights int) []int {
	least := max(stageLeast, stageWeights*weights)
	var rows []int
	for m := max(n/stageShare, least); m >= least && m <= n/leastShare; m /= stageGrowth {
		rows = append(rows, m)
	}
	slices.Reverse(rows)
	return rows
}

// stageRows is how many rows the fit sees at present.
func (f *fit) stageRows() int {
	if len(f.stages) > 0 {
		return f.stages[0]
	}
	return f.fold.Train.N
}

// stage notes what came of a point while the fit sees a part of its rows, and
// goes on to more rows when that part has told what it can.
func (f *fit) stage(closed bool) {
	if f.start == 0 {
		f.start = f.quasi.Length()
	}
	if closed {
		f.stageSteps++
	}
	going := f.quasi.State() == lbfgs.Going
	if going && f.stageSteps < stageSteps && (!closed || float64(stageFall*f.quasi.Length()) > f.start) {
		return
	}
	f.stages, f.stageSteps = f.stages[1:], 0
	if finite(f.quasi.F()) {
		f.quasi.Renew()
	} else {
		f.quasi = lbfgs.New(f.w, f.options())
	}
}
