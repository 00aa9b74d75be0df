package importance_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"tourney/search/axis"
	"tourney/search/importance"
)

// The second parameter is there only where the first is in its upper half.
var exampleSpace = []axis.Axis{
	{Kind: axis.Choice, Cells: 2},
	{Kind: axis.Continuous, Gates: []int{0}},
	{Kind: axis.Continuous},
}

// exampleTrials are 500 trials of that space; the third parameter is idle.
func exampleTrials() (points [][]float64, losses []float64) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 500 {
		u := []float64{rng.Float64(), rng.Float64(), rng.Float64()}
		loss := 10 * u[1]
		if u[0] < 0.5 {
			u[1], loss = math.NaN(), 0
		}
		points, losses = append(points, u), append(losses, loss)
	}
	return points, losses
}

func ExamplePEDAnova() {
	points, losses := exampleTrials()
	for i := range losses {
		losses[i] = -losses[i] // what leads to large values
	}
	imps, err := importance.PEDAnova(exampleSpace, points, losses, importance.PEDOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, imp := range imps {
		fmt.Printf("axis %d: %.1f\n", imp.Axis, imp.Value)
	}
	// The best tenth all have the first parameter in its upper half, a density
	// of 2 against 1: a divergence of 1. Within it they have the second in its
	// highest fifth, 5 against 1: 4, and twice that since half of all trials had
	// no part in it. So 8 to 1.

	// Output:
	// axis 1: 0.9
	// axis 0: 0.1
	// axis 2: 0.0
}

func ExampleFanova() {
	points, losses := exampleTrials()
	res, err := importance.Fanova(exampleSpace, points, losses, importance.FanovaOptions{Pairs: 3}, rand.New(rand.NewPCG(1, 1)))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, imp := range res.Axes {
		fmt.Printf("axis %d: %.0f %%\n", imp.Axis, 100*imp.Raw)
	}
	p := res.Pairs[0]
	fmt.Printf("axes %d and %d together: %.0f %% more\n", p.Axes[0], p.Axes[1], 100*p.Raw)
	// Output:
	// axis 0: 60 %
	// axis 1: 20 %
	// axis 2: 0 %
	// axes 0 and 1 together: 20 % more
}
