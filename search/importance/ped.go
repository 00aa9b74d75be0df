package importance

import (
	"math"

	"tourney"
	"tourney/search/axis"
)

// PEDOptions say among which trials PEDAnova compares which.
type PEDOptions struct {
	// Target is the share of the trials, the best, whose spread is looked at: γ'
	// of the paper. 0 means 0.1.
	Target float64
	// Region is the share of the trials, the best, that they are compared with:
	// γ of the paper. A smaller one asks what matters near the optimum. 0 means
	// 1, all trials.
	Region float64
	// Space compares with the space itself, each parameter spread as its
	// distribution says, in place of the trials of the region. Where a sampler
	// has gathered its trials then counts as importance too.
	Space bool
	// Optuna smooths choices as Optuna's PedAnovaImportanceEvaluator does, for
	// equal numbers. It makes choices look less important than they are, of two
	// values up to four times.
	Optuna bool
}

// blockSize is how many trials are counted along one axis before the next:
// their coordinates stay in the processor's cache.
const blockSize = 64

// trial is one of the region.
type trial struct {
	point  []float64
	target int // 1 if it is of the target, else 0
}

// minActive is how many trials of the region must have an axis active for it
// to be judged.
const minActive = 2

// PEDAnova returns the importance of each axis for being among the best
// trials, most important first, by conditional PED-ANOVA.
//
// The trials up to the Target and Region quantiles of the losses are compared,
// those with the same loss as the last one included. Failed trials are part of
// the region if it reaches to them, but never of the target: what decides
// about failing is important. For any other choice of trials pass these alone,
// or say the sets to PEDAnovaSets.
func PEDAnova(axes []axis.Axis, points [][]float64, losses []float64, o PEDOptions) ([]Importance, error) {
	if err := check(axes, points, len(losses)); err != nil {
		return nil, err
	}
	if o.Target == 0 {
		o.Target = 0.1
	}
	if o.Region == 0 {
		o.Region = 1
	}
	switch {
	case !(o.Region > 0 && o.Region <= 1):
		return nil, tourney.Invalid("region", "must be a share of the trials above 0 and at most 1, not %v", o.Region)
	case !(o.Target > 0 && o.Target < o.Region):
		return nil, tourney.Invalid("target", "must be a share of the trials above 0 and below the region's, %v, not %v", o.Region, o.Target)
	}
	target, region := cutoffs(losses, o)
	inTarget, inRegion := make([]bool, len(losses)), make([]bool, len(losses))
	for i, loss := range losses {
		inRegion[i] = measured(loss) && loss <= region
		inTarget[i] = inRegion[i] && loss <= target
	}
	return ped(axes, points, inTarget, inRegion, o), nil
}

// PEDAnovaSets is PEDAnova between any two sets of trials: what sets those of
// the target apart from those of the region. The target may be a Pareto front,
// or one group of trials of interest. A trial of the target that is not in the
// region does not count; a nil region means all trials.
func PEDAnovaSets(axes []axis.Axis, points [][]float64, target, region []bool) ([]Importance, error) {
	if err := check(axes, points, len(target)); err != nil {
		return nil, err
	}
	inTarget, inRegion := make([]bool, len(points)), make([]bool, len(points))
	if region != nil {
		if err := check(axes, points, len(region)); err != nil {
			return nil, err
		}
		copy(inRegion, region)
	} else {
		for i := range inRegion {
			inRegion[i] = true
		}
	}
	for i := range target {
		inTarget[i] = target[i] && inRegion[i]
	}
	return ped(axes, points, inTarget, inRegion, PEDOptions{}), nil
}

// cutoffs returns the largest losses of the target and of the region.
func cutoffs(losses []float64, o PEDOptions) (target, region float64) {
	sorted := make([]float64, 0, len(losses))
	for _, loss := range losses {
		if measured(loss) {
			sorted = append(sorted, loss)
		}
	}
	if len(sorted) == 0 {
		return math.Inf(-1), math.Inf(-1)
	}
	n := float64(len(sorted))
	region = math.Inf(1)
	if o.Region < 1 {
		region = nth(sorted, int(math.Ceil(o.Region*n))-1)
	}
	target = nth(sorted, int(math.Ceil(o.Target*n))-1)
	return min(target, math.MaxFloat64), region
}

// ped is Algorithm 1 of the conditional paper. An axis has two regimes, active
// and inactive, and the second has no importance. With α and β the shares of
// the target's and the region's trials in the active one, and D the Pearson
// divergence between the two densities there, its importance is
// (γ'/γ)²·α²/β·D (Theorem 4.2). Where there are no conditions, α = β = 1 and it
// is the plain PED-ANOVA.
func ped(axes []axis.Axis, points [][]float64, target, region []bool, o PEDOptions) []Importance {
	grids := make([]grid, len(axes))
	for d := range axes {
		grids[d] = newGrid(&axes[d], o.Optuna)
	}
	targets, regions := 0, 0
	block := make([]trial, 0, blockSize)
	flush := func() {
		for d := range grids {
			grids[d].count(block, d)
		}
		block = block[:0]
	}
	for i, p := range points {
		if !region[i] {
			continue
		}
		t := trial{point: p}
		regions++
		if target[i] {
			targets++
			t.target = 1
		}
		if block = append(block, t); len(block) == blockSize {
			flush()
		}
	}
	flush()
	imps := none(axes)
	if targets == 0 || regions < minActive {
		return imps
	}
	ratio := float64(targets) / float64(regions)
	for d := range axes {
		g := &grids[d]
		g.finish()
		inTarget, inRegion := total(g.target), total(g.region)
		if single(&axes[d]) || inTarget == 0 || inRegion < minActive {
			continue
		}
		alpha := inTarget / float64(targets)
		beta := inRegion / float64(regions)
		imps[d].Raw = ratio * ratio * alpha * alpha / beta * g.divergence(o.Space)
	}
	return shares(imps)
}

// nth returns the number that would be at place k of the sorted values, which
// it moves about (Hoare's quickselect, three parts so that ties cost nothing).
func nth(values []float64, k int) float64 {
	for {
		if len(values) == 1 {
			return values[0]
		}
		pivot := median(values[0], values[len(values)/2], values[len(values)-1])
		below, equal := 0, 0 // values[:below] < pivot, values[below:equal] = pivot
		for i, above := 0, len(values); i < above; {
			switch v := values[i]; {
			case v < pivot:
				values[i], values[below] = values[below], v
				below++
				i++
			case v > pivot:
				above--
				values[i], values[above] = values[above], v
			default:
				i++
			}
			equal = i
		}
		switch {
		case k < below:
			values = values[:below]
		case k < equal:
			return pivot
		default:
			values, k = values[equal:], k-equal
		}
	}
}

func median(a, b, c float64) float64 {
	return max(min(a, b), min(max(a, b), c))
}
