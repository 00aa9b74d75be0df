package tpe

import (
	"math"
	"math/rand/v2"
	"slices"

	"tourney/search/axis"
)

// A branch is a combination of the cells of all gates: it says which axes have
// a part. Branches are the arms of a bandit whose pay is not the mean but the
// best: how low a branch may get is guessed from its best trials,
//
//	y₁ − c·(y₃ − y₁) · (n−p)/n,   c = 0.4 ln N
//
// with y₁ and y₃ the least and the third least of its losses, n its trials, p
// of them pending, and N all trials. Near the minimum of a smooth function of d
// coordinates uniform draws have y₃−y₁ ≈ (3^(2/d)−1)·(y₁−y*), so that the gap
// is of the size of what is left to gain; and it closes by itself where the
// search has converged, however early. The branch that may get lowest is next.

const (
	maxBranches = 32  // that the bandit tells apart
	stray       = 0.1 // share of the trials whose branch is drawn uniformly
	gapTo       = 3   // the trial, from the best, that the gap reaches to
	optimism    = 0.4
)

// branches are the combinations of the gates' cells that the space has.
type branches struct {
	points [][]float64 // the gates' coordinates, NaN elsewhere
	number map[string]int
}

// arm is what is known of a branch.
type arm struct {
	ended, pending int
	losses         []float64 // the least, at most gapTo, rising
}

// enumerate returns the branches of the space, nil if there is one only or too
// many.
func (t *TPE) enumerate() *branches {
	b := &branches{number: map[string]int{}}
	if !t.extend(b, t.unset(), 0) || len(b.points) < 2 {
		return nil
	}
	for i, u := range b.points {
		b.number[t.branchKey(u)] = i
	}
	return b
}

// extend adds the branches that begin with the coordinates of the gates before
// number `at`. It returns false if there are too many.
func (t *TPE) extend(b *branches, u []float64, at int) bool {
	if at == len(t.gates) {
		b.points = append(b.points, slices.Clone(u))
		return len(b.points) <= maxBranches
	}
	g := t.gates[at]
	a := &t.axes[g]
	u[g] = math.NaN()
	if !t.active(u, g) {
		return t.extend(b, u, at+1)
	}
	if a.Kind == axis.Continuous || a.Cells > maxBranches {
		return false
	}
	for cell := range a.Cells {
		u[g] = a.Middle(cell)
		if !t.extend(b, u, at+1) {
			return false
		}
	}
	u[g] = math.NaN()
	return true
}

// branchKey is a text that two points share if they are in the same branch.
func (t *TPE) branchKey(u []float64) string {
	key := make([]byte, len(t.gates))
	for i, g := range t.gates {
		if !math.IsNaN(u[g]) {
			key[i] = byte(t.axes[g].Cell(u[g]) + 1)
		}
	}
	return string(key)
}

// of returns the number of a point's branch. A point that contradicts its gates
// counts for the first.
func (b *branches) of(t *TPE, u []float64) int { return b.number[t.branchKey(u)] }

// Branch chooses where to look next in a conditional space: it returns the
// coordinates of the axes that decide about others, and NaN elsewhere. It
// returns nil if the space has one branch only, or more than can be told apart;
// then [TPE.Propose] is all there is.
func (t *TPE) Branch(rng *rand.Rand, trials []Trial) []float64 {
	if t.branches == nil {
		return nil
	}
	return t.session(trials, nil).branch(rng)
}

// Inside proposes a point of a branch, as Propose does. Where the branch has
// no point left it returns one from elsewhere; nil if there is none at all.
func (t *TPE) Inside(rng *rand.Rand, trials []Trial, branch []float64, seen func(u []float64) bool) []float64 {
	s := t.session(trials, seen)
	if s.valued == 0 {
		branch = slices.Clone(branch)
		if u := t.uniform(rng, branch); !s.known(u) {
			return u
		}
	}
	return s.inside(rng, branch)
}

// Free returns the numbers of the axes that have a part in each point of a
// branch and are not set by it.
func (t *TPE) Free(branch []float64) []int {
	var free []int
	for i := range t.axes {
		if math.IsNaN(branch[i]) && !slices.Contains(t.gates, i) && t.active(branch, i) {
			free = append(free, i)
		}
	}
	return free
}

// Within says whether a point lies in a branch.
func (t *TPE) Within(branch, u []float64) bool { return t.branchKey(branch) == t.branchKey(u) }

func (s *session) branch(rng *rand.Rand) []float64 {
	b := s.t.branches
	if s.valued == 0 || rng.Float64() < stray {
		return slices.Clone(b.points[rng.IntN(len(b.points))])
	}
	if s.arms == nil {
		s.pull()
	}
	return slices.Clone(b.points[s.lowest()])
}

// pull counts what the trials say of each branch.
func (s *session) pull() {
	s.arms = make([]arm, len(s.t.branches.points))
	for i := range s.trials {
		r := &s.trials[i]
		a := &s.arms[s.t.branches.of(s.t, r.U)]
		if r.State == Pending {
			a.pending++
			continue
		}
		a.ended++
		if r.counts() {
			a.losses = keepLeast(a.losses, r.Loss, gapTo)
		}
	}
}

// counts says whether a trial's loss tells something of its branch.
func (t *Trial) counts() bool {
	standing := t.standing()
	return (standing == Complete || standing == Pruned && t.Step >= 0) && !(t.Violation > 0) && t.Loss < math.Inf(1)
}

// keepLeast puts x among the n least values.
func keepLeast(v []float64, x float64, n int) []float64 {
	at, _ := slices.BinarySearch(v, x)
	if at == n {
		return v
	}
	v = slices.Insert(v, at, x)
	return v[:min(len(v), n)]
}

// lowest returns the branch that may get lowest, the first of those without a
// trial if there is one.
func (s *session) lowest() int {
	var all []float64
	for i := range s.trials {
		if s.trials[i].counts() {
			all = append(all, s.trials[i].Loss)
		}
	}
	if len(all) == 0 { // nothing but violations: take turns
		return s.leastPulled()
	}
	slices.Sort(all)
	usual := all[len(all)/2] - all[0] // a gap where there is no better guess
	c := optimism * math.Log(float64(len(s.trials)))
	top, lowest := 0, math.Inf(1)
	for i := range s.arms {
		a := &s.arms[i]
		n := a.ended + a.pending
		guess := all[len(all)-1] // all its trials failed
		switch {
		case n == 0:
			return i
		case len(a.losses) == gapTo:
			gap := min(a.losses[gapTo-1]-a.losses[0], usual)
			guess = a.losses[0] - c*gap*float64(a.ended)/float64(n)
		case len(a.losses) > 0:
			guess = a.losses[0] - c*usual*float64(a.ended)/float64(n)
		case a.ended == 0:
			guess = all[0]
		}
		if guess < lowest {
			top, lowest = i, guess
		}
	}
	return top
}

func (s *session) leastPulled() int {
	top := 0
	for i, a := range s.arms {
		if n := s.arms[top]; a.ended+a.pending < n.ended+n.pending {
			top = i
		}
	}
	return top
}
