package grow_test

import (
	"cmp"
	"encoding/json"
	"math"
	"os"
	"slices"
	"testing"

	"tourney/trainers/tree/grow"
)

// reference is what testdata/trees.py writes.
type reference struct {
	Sets map[string]struct {
		Bins        [][]int
		Categorical []int
		Grad, Hess  []float32
	}
	Cases []struct {
		Set    string
		Params struct {
			NumLeaves           *int     `json:"num_leaves"`
			MaxDepth            int      `json:"max_depth"`
			MinDataInLeaf       *int     `json:"min_data_in_leaf"`
			MinSumHessianInLeaf *float64 `json:"min_sum_hessian_in_leaf"`
			MinGainToSplit      float64  `json:"min_gain_to_split"`
			LambdaL1            float64  `json:"lambda_l1"`
			LambdaL2            float64  `json:"lambda_l2"`
			MaxDeltaStep        float64  `json:"max_delta_step"`
			PathSmooth          float64  `json:"path_smooth"`
			CatL2               *float64 `json:"cat_l2"`
			CatSmooth           *float64 `json:"cat_smooth"`
			MaxCatThreshold     *int     `json:"max_cat_threshold"`
			MaxCatToOnehot      *int     `json:"max_cat_to_onehot"`
			MinDataPerGroup     *int     `json:"min_data_per_group"`
			Monotone            []int8   `json:"monotone_constraints"`
		}
		Splits  []split
		Outputs []float64
	}
}

type split struct {
	Feature int32
	Gain    float64
	Count   int32
}

// The tree of given gradients is LightGBM's: it splits by the same features,
// with the same gain of as many rows, and gives every row the
// same output.
func TestTreesAreLightGBMs(t *testing.T) {
	var ref reference
	text, err := os.ReadFile("testdata/trees.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &ref); err != nil {
		t.Fatal(err)
	}
	for i, r := range ref.Cases {
		s, p, c := ref.Sets[r.Set], r.Params, grow.Default()
		table := &grow.Table{D: len(s.Bins[0]), Features: make([]grow.Feature, len(s.Bins[0]))}
		var rows []int32
		for row, bins := range s.Bins {
			rows = append(rows, int32(row))
			for f, b := range bins {
				table.Bins = append(table.Bins, uint8(b))
				table.Features[f].Bins = max(table.Features[f].Bins, b+1)
			}
		}
		for _, f := range s.Categorical {
			table.Features[f].Categorical = true
		}
		for f, sign := range p.Monotone {
			table.Features[f].Monotone = sign
		}
		set(&c.MaxLeaves, p.NumLeaves)
		set(&c.MinRows, p.MinDataInLeaf)
		set(&c.MinHessian, p.MinSumHessianInLeaf)
		set(&c.CatL2, p.CatL2)
		set(&c.CatSmooth, p.CatSmooth)
		set(&c.MaxCatThreshold, p.MaxCatThreshold)
		set(&c.MaxCatToOnehot, p.MaxCatToOnehot)
		set(&c.MinRowsPerGroup, p.MinDataPerGroup)
		c.MaxDepth, c.MinGain, c.L1, c.L2 = p.MaxDepth, p.MinGainToSplit, p.LambdaL1, p.LambdaL2
		c.MaxDeltaStep, c.PathSmooth = p.MaxDeltaStep, p.PathSmooth
		in := grow.Input{Grad: s.Grad, Hess: s.Hess, Shrink: 1}
		if r.Set != "weighted" {
			in.Hess = nil
		}
		// LightGBM also splits where all that is gained is an error of rounding.
		r.Splits = slices.DeleteFunc(r.Splits, func(s split) bool { return s.Gain < 1e-9 })
		tree := grow.New(table, rows, c).Grow(in, nil)

		if len(tree.Feature) != len(r.Splits) || len(r.Splits) < 2 {
			t.Errorf("case %d of %s, %+v: %d splits, not %d", i, r.Set, p, len(tree.Feature), len(r.Splits))
			continue
		}
		// The sides of a split of missing values from all others may be
		// exchanged, so places in the tree are not compared but by the outputs.
		order := make([]int, len(r.Splits))
		for k := range order {
			order[k] = k
		}
		slices.SortFunc(order, func(a, b int) int { return cmp.Compare(tree.Gain[b], tree.Gain[a]) })
		slices.SortFunc(r.Splits, func(a, b split) int { return cmp.Compare(b.Gain, a.Gain) })
		for k, node := range order {
			want := r.Splits[k]
			if tree.Feature[node] != want.Feature || tree.Count[node] != want.Count || math.Abs(tree.Gain[node]-want.Gain) > 1e-5*(1+want.Gain) {
				t.Errorf("case %d of %s, split %d: feature %d with gain %v of %d rows, not %+v",
					i, r.Set, k, tree.Feature[node], tree.Gain[node], tree.Count[node], want)
			}
		}
		for row, want := range r.Outputs {
			if got := tree.Value[tree.Leaf(table.Bins[row*table.D:])]; math.Abs(got-want) > 1e-6 {
				t.Errorf("case %d of %s: row %d has %v, not %v", i, r.Set, row, got, want)
				break
			}
		}
	}
}

func set[T any](to, value *T) {
	if value != nil {
		*to = *value
	}
}
