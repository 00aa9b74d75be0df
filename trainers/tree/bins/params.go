package bins

import (
	"fmt"
	"math"
	"slices"

	"tourney/trainers/heat"
	"tourney/trainers/tree/grow"
)

// params are the parameters of how a tree is grown, with LightGBM's names and
// defaults, and the names of XGBoost and scikit-learn beside them.
func params() []heat.Param {
	inf := math.Inf(1)
	return []heat.Param{
		{Name: "cat_l2", Default: 10, Min: 0, Max: inf, Help: "added to lambda_l2 in splits that gather several categories"},
		{Name: "cat_smooth", Default: 10, Min: 0, Max: inf, Help: "draws the statistics of rare categories to 0 before they are sorted"},
		{
			Name: "extra_trees", Aliases: []string{"extra_tree"}, Words: []string{"false", "true"}, DefaultWord: "false",
			Help: "try one threshold of each feature, drawn at random",
		},
		{
			Name: "feature_fraction_bynode", Aliases: []string{"sub_feature_bynode", "colsample_bynode"},
			Default: 1, Min: 0, OpenMin: true, Max: 1, Help: "share of a tree's features that a node may be split by, drawn for each node",
		},
		{
			Name: "grow_policy", Words: []string{"leaf", "depth", "lossguide", "depthwise"}, DefaultWord: "leaf",
			Help: "leaf (lossguide): the leaf with the highest gain is split next; depth (depthwise): level by level. With depth and a max_depth, leaves are not limited unless num_leaves is given",
		},
		{
			Name: "lambda_l1", Aliases: []string{"reg_alpha", "l1_regularization"},
			Default: 0, Min: 0, Max: inf, Help: "penalty on the absolute outputs of leaves",
		},
		{
			Name: "lambda_l2", Aliases: []string{"reg_lambda", "lambda", "l2_regularization"},
			Default: 0, Min: 0, Max: inf, Help: "penalty on the squared outputs of leaves",
		},
		{
			Name: "max_bin", Aliases: []string{"max_bins"}, Whole: true, Default: 255, Min: 255, Max: 255,
			Help: "bins of a feature; 255 alone, since all trials share the dataset's bins",
		},
		{Name: "max_cat_threshold", Whole: true, Default: 32, Min: 1, Max: 255, Help: "categories on the smaller side of a split"},
		{Name: "max_cat_to_onehot", Whole: true, Default: 4, Min: 1, Max: 256, Help: "features of up to so many categories are split one category against the others"},
		{
			Name: "max_delta_step", Aliases: []string{"max_tree_output", "max_leaf_output"},
			Default: 0, Min: 0, Max: inf, Help: "limit of a leaf's output before learning_rate; 0: none",
		},
		{Name: "max_depth", Whole: true, Default: -1, Min: -1, Max: 1e6, Help: "splits from the root to a leaf; 0 or less: no limit"},
		{
			Name: "min_data_in_leaf", Aliases: []string{"min_data_per_leaf", "min_data", "min_child_samples", "min_samples_leaf"},
			Whole: true, Default: 20, Min: 0, Max: 1e9, Help: "training rows that a leaf has at least",
		},
		{Name: "min_data_per_group", Whole: true, Default: 100, Min: 1, Max: 1e9, Help: "training rows that a group of categories has at least"},
		{
			Name: "min_gain_to_split", Aliases: []string{"min_split_gain", "gamma"},
			Default: 0, Min: 0, Max: inf, Help: "gain that a split has to exceed; twice XGBoost's gamma, whose gains are halves",
		},
		{
			Name: "min_sum_hessian_in_leaf", Aliases: []string{"min_sum_hessian_per_leaf", "min_sum_hessian", "min_hessian", "min_child_weight"},
			Default: 1e-3, Min: 0, Max: inf, Help: "sum of hessians that a leaf has at least; rows' weights are brought to a mean of 1 before",
		},
		{
			Name: "monotone_constraints", Aliases: []string{"mc", "monotone_constraint", "monotonic_cst"}, Text: checkSigns,
			Help: "1 where the output may only rise with a feature, -1 where only fall, 0 elsewhere: a list in the order of features as 1,0,-1, or by name as age:1,rate:-1",
		},
		{
			Name: "num_leaves", Aliases: []string{"num_leaf", "max_leaves", "max_leaf", "max_leaf_nodes"},
			Whole: true, Default: 31, Min: 2, Max: 131072, Help: "leaves of a tree at most",
		},
		{Name: "path_smooth", Default: 0, Min: 0, Max: inf, Help: "draws the outputs of leaves with few rows to those of their parents"},
	}
}

// Params returns the parameters of how a tree is grown but those left out.
func Params(except ...string) []heat.Param {
	return slices.DeleteFunc(params(), func(p heat.Param) bool { return slices.Contains(except, p.Name) })
}

// Config reads all parameters that Params declares, except for constraints,
// which are the table's.
func Config(v heat.Values) grow.Config {
	c := grow.Config{
		MaxLeaves: v.Int("num_leaves"), MaxDepth: v.Int("max_depth"),
		MinRows: v.Int("min_data_in_leaf"), MinHessian: v.Float("min_sum_hessian_in_leaf"), MinGain: v.Float("min_gain_to_split"),
		L1: v.Float("lambda_l1"), L2: v.Float("lambda_l2"), MaxDeltaStep: v.Float("max_delta_step"), PathSmooth: v.Float("path_smooth"),
		CatL2: v.Float("cat_l2"), CatSmooth: v.Float("cat_smooth"), MaxCatThreshold: v.Int("max_cat_threshold"),
		MaxCatToOnehot: v.Int("max_cat_to_onehot"), MinRowsPerGroup: v.Int("min_data_per_group"),
		ExtraTrees: v.Bool("extra_trees"), NodeFeatures: v.Float("feature_fraction_bynode"),
	}
	policy := v.Word("grow_policy")
	c.LeafWise = policy == "leaf" || policy == "lossguide"
	if !c.LeafWise && c.MaxDepth > 0 && !v.Given("num_leaves") {
		c.MaxLeaves = 0
	}
	return c
}

// CheckPathSmooth returns what is wrong with path_smooth beside the others:
// a leaf of one row may have no parent's output to be drawn to.
func CheckPathSmooth(c grow.Config) error {
	if c.PathSmooth > 0 && c.MinRows < 2 {
		return fmt.Errorf("parameter path_smooth: needs a min_data_in_leaf of at least 2, not %d", c.MinRows)
	}
	return nil
}
