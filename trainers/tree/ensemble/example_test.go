package ensemble_test

import (
	"fmt"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/tree/ensemble"
)

// One tree about two columns: asked, explained, and told.
func Example() {
	e := &ensemble.Ensemble{
		Outputs: 1, PerRound: 1, Base: []float64{20}, Link: ensemble.Identity,
		Features: &dataset.Binning{Features: []dataset.BinnedFeature{
			{Name: "rooms", Kind: tourney.Number, Edges: []float64{2.5, 4.5}},
			{Name: "city", Kind: tourney.Category, Levels: []string{"Rome", "Oslo"}},
		}},
		Trees: []*ensemble.Tree{{
			Feature: []int32{0, 1}, Bin: []uint8{2, 0}, Cats: []*[4]uint64{nil, {0b10}}, MissingLeft: []bool{true, false},
			Left: []int32{^0, ^1}, Right: []int32{1, ^2},
			Gain: []float64{30, 10}, Value: []float64{-4, 4, 8}, Weight: []float64{8, 4, 4, 2, 2}, Count: []int32{8, 4, 4, 2, 2},
		}},
	}
	if err := e.Validate(); err != nil {
		fmt.Println(err)
		return
	}
	m, err := e.Matrix([]uint8{3, 2}) // five rooms in Oslo
	if err != nil {
		fmt.Println(err)
		return
	}
	x, err := ensemble.NewExplainer(e)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println("scores", ensemble.NewPredictor(e).Scores(ensemble.Serial{}, m, e.Rounds()))
	fmt.Printf("rooms, city, all rows: %.3v\n", x.Explain(ensemble.Serial{}, m, e.Rounds()))
	fmt.Println("gains", e.Gains())
	fmt.Print(e)
	// Output:
	// scores [28]
	// rooms, city, all rows: [5.5 1.5 21]
	// gains [30 10]
	// 1 tree, base 20, link identity
	//
	// tree 0:
	//   if rooms <= 4.5 or is missing:
	//     -4 (4 rows)
	//   else:
	//     if city is one of {"Rome"}:
	//       4 (2 rows)
	//     else:
	//       8 (2 rows)
}
