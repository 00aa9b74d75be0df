package tpe_test

import (
	"fmt"
	"math"
	"math/rand/v2"

	"tourney/search/axis"
	"tourney/search/tpe"
)

// Fifty trials, one at a time, find the lowest point of a valley.
func ExampleTPE_Propose() {
	sampler, err := tpe.New([]axis.Axis{{}, {}}, tpe.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	var trials []tpe.Trial
	best := math.Inf(1)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		u := sampler.Propose(rng, trials, nil)
		loss := math.Abs(u[0]-0.3) + math.Abs(u[1]-0.7)
		trials = append(trials, tpe.Trial{U: u, Loss: loss})
		best = min(best, loss)
	}
	fmt.Println("within a tenth:", best < 0.1)
	// Output: within a tenth: true
}

// A conditional space: the branch first, then a point inside, which may come
// from another sampler.
func ExampleTPE_Branch() {
	axes := []axis.Axis{
		{Kind: axis.Choice, Cells: 2},
		{Gates: []int{0}}, // has a part where the choice is the second
	}
	active := func(u []float64, num int) bool { return num == 0 || axes[0].Cell(u[0]) == 1 }
	sampler, err := tpe.New(axes, tpe.Options{Active: active})
	if err != nil {
		fmt.Println(err)
		return
	}
	rng := rand.New(rand.NewPCG(1, 2))
	branch := sampler.Branch(rng, nil)
	u := sampler.Inside(rng, nil, branch, nil)
	fmt.Println(len(sampler.Free(branch)) == int(axes[0].Cell(u[0])))
	// Output: true
}
