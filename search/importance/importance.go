package importance

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"tourney/search/axis"
)

// Importance is how much one axis matters.
type Importance struct {
	Axis int
	// Value is the importance as a share of that of all axes: the values sum to
	// 1. They are all 0 where the trials say nothing, as when all losses are
	// equal.
	Value float64
	// Raw is the importance before it was made a share: of PEDAnova a
	// divergence, of Fanova the part of the variance that the axis explains
	// alone (a first-order Sobol index).
	Raw float64
	// StdErr is the standard error of Value: the spread over the trees of
	// Fanova's forest, each of which has a bootstrap sample of the trials. It is
	// on the large side, since one tree varies more than their mean. PEDAnova
	// has none and says 0.
	StdErr float64
}

// shares fills in the values from the raw ones, and sorts by them, most
// important first and then by axis. A sum of raw values may be too large for a
// float64 only if one of them is.
func shares(imps []Importance) []Importance {
	var sum float64
	for i := range imps {
		sum += imps[i].Raw
	}
	if sum > 0 {
		for i := range imps {
			imps[i].Value = imps[i].Raw / sum
			imps[i].StdErr /= sum
		}
	}
	slices.SortStableFunc(imps, func(a, b Importance) int { return cmp.Compare(b.Value, a.Value) })
	return imps
}

// none returns an importance of 0 for each axis.
func none(axes []axis.Axis) []Importance {
	imps := make([]Importance, len(axes))
	for i := range imps {
		imps[i].Axis = i
	}
	return imps
}

// check returns what keeps points from being points of the space.
func check(axes []axis.Axis, points [][]float64, values int) error {
	if values != len(points) {
		return fmt.Errorf("importance: there are %d points and %d losses; there must be as many of both", len(points), values)
	}
	for i, p := range points {
		if len(p) != len(axes) {
			return fmt.Errorf("importance: point %d has %d coordinates; the space has %d axes", i, len(p), len(axes))
		}
	}
	for d := range axes {
		if err := checkAxis(&axes[d]); err != nil {
			return fmt.Errorf("importance: axis %d %w", d, err)
		}
	}
	return nil
}

// maxChoices bounds what one axis may cost; a space lists its choices.
const maxChoices = 1 << 24

func checkAxis(a *axis.Axis) error {
	switch {
	case a.Kind == axis.Continuous:
		return nil
	case a.Cells < 1 || a.Kind == axis.Choice && a.Cells > maxChoices:
		return fmt.Errorf("has %d cells; it must have at least 1, and of choices at most %d", a.Cells, maxChoices)
	case a.Edges == nil:
		return nil
	case int64(len(a.Edges)) != a.Cells+1:
		return fmt.Errorf("has %d edges for %d cells; it must have one more than cells", len(a.Edges), a.Cells)
	case a.Edges[0] != 0 || a.Edges[a.Cells] != 1 || !slices.IsSorted(a.Edges):
		return fmt.Errorf("has edges that do not rise from 0 to 1")
	}
	return nil
}

// single reports whether an axis has one value only, and so no importance.
func single(a *axis.Axis) bool { return a.Kind != axis.Continuous && a.Cells == 1 }

// measured reports whether a trial with this loss counts.
func measured(loss float64) bool { return !math.IsNaN(loss) && !math.IsInf(loss, -1) }
