package gbdt

import (
	"cmp"
	"math"
	"slices"

	"tourney/trainers/heat"
	"tourney/trainers/tree/bins"
)

// The names of parameters that are more than numbers to the family.
const (
	budget   = "num_iterations"
	patience = "early_stopping_round"
	seedName = "seed"
)

var truth = []string{"false", "true"}

// params returns the table: LightGBM's names and defaults, with the names of
// LightGBM's other interfaces, XGBoost and scikit-learn as aliases.
func params() []heat.Param {
	inf := math.Inf(1)
	own := []heat.Param{
		{Name: "alpha", Default: 0.9, Min: 0, OpenMin: true, Max: inf, Help: "of huber where it turns linear, of quantile which one (below 1)"},
		{
			Name: "bagging_fraction", Aliases: []string{"sub_row", "subsample", "bagging"},
			Default: 1, Min: 0, OpenMin: true, Max: 1, Help: "share of the rows that a tree is grown on, drawn without replacement",
		},
		{
			Name: "bagging_freq", Aliases: []string{"subsample_freq"}, Whole: true, Default: 0, Min: 0, Max: 1e6,
			Help: "draw rows anew every so many rounds; 0: never. Not given where a fraction of rows is below 1: 1, so that the fraction has an effect, unlike in LightGBM",
		},
		{Name: "boost_from_average", Words: truth, DefaultWord: "true", Help: "start from the best constant, not from 0"},
		{
			Name: "boosting", Aliases: []string{"boosting_type", "boost", "booster"}, Words: []string{"gbdt", "gbrt", "gbtree", "dart", "goss"}, DefaultWord: "gbdt",
			Help: "gbdt (gbrt, gbtree); dart drops trees at random while others are grown; goss is gbdt with data_sample_strategy goss",
		},
		{
			Name: "class_weight", Text: checkClassWeight,
			Help: "weights of the classes: none, balanced (n/(classes·rows of the class)), or a list in the order of classes as 1,2.5",
		},
		{Name: "data_sample_strategy", Words: []string{"bagging", "goss"}, DefaultWord: "bagging", Help: "how rows are drawn: bagging, or goss, by the size of their gradients"},
		{Name: "drop_rate", Aliases: []string{"rate_drop"}, Default: 0.1, Min: 0, Max: 1, Help: "dart: share of the trees that is dropped"},
		{
			Name: patience, Aliases: []string{"early_stopping_rounds", "early_stopping", "n_iter_no_change"}, Whole: true, Default: 0, Min: 0, Max: 1e6,
			Help: "end after so many rounds without a better one; 0: never",
		},
		{Name: "fair_c", Default: 1, Min: 0, OpenMin: true, Max: inf, Help: "of fair: where it turns linear"},
		{
			Name: "feature_fraction", Aliases: []string{"sub_feature", "colsample_bytree"},
			Default: 1, Min: 0, OpenMin: true, Max: 1, Help: "share of the features that a tree may be split by, drawn for each tree",
		},
		{
			Name: "is_unbalance", Aliases: []string{"unbalance", "unbalanced_sets"}, Words: truth, DefaultWord: "false",
			Help: "two classes: weigh the rarer one so that both count alike",
		},
		{Name: "learning_rate", Aliases: []string{"shrinkage_rate", "eta"}, Default: 0.1, Min: 0, OpenMin: true, Max: inf, Help: "what the outputs of trees are multiplied by"},
		{Name: "max_drop", Whole: true, Default: 50, Min: -1, Max: 1e6, Help: "dart: rounds that are dropped at once at most; 0 or less: no limit"},
		{
			Name: "neg_bagging_fraction", Aliases: []string{"neg_sub_row", "neg_subsample", "neg_bagging"},
			Default: 1, Min: 0, OpenMin: true, Max: 1, Help: "two classes: bagging_fraction of the first class, if this or pos_bagging_fraction is given",
		},
		{
			Name:    budget,
			Aliases: []string{"num_iteration", "n_iter", "num_tree", "num_trees", "num_round", "num_rounds", "nrounds", "num_boost_round", "n_estimators", "max_iter"},
			Whole:   true, Default: 100, Min: 1, Max: 100_000, Help: "boosting rounds, unless early_terminate says",
		},
		{
			Name: "objective", Aliases: []string{"objective_type", "app", "application", "loss"}, Words: objectiveWords(), DefaultWord: "auto",
			Help: "what is minimised: auto is binary or multiclass for classes and l2 for regression, which may also have l1, huber, fair, quantile, mape, poisson, gamma or tweedie",
		},
		{Name: "other_rate", Default: 0.1, Min: 0, OpenMin: true, Max: 1, Help: "goss: share of the rows that is drawn from those with smaller gradients"},
		{
			Name: "poisson_max_delta_step", Default: 0.7, Min: 0, OpenMin: true, Max: inf, Help: "poisson: the larger, the shorter the steps",
		},
		{
			Name: "pos_bagging_fraction", Aliases: []string{"pos_sub_row", "pos_subsample", "pos_bagging"},
			Default: 1, Min: 0, OpenMin: true, Max: 1, Help: "two classes: bagging_fraction of the second class",
		},
		{Name: "scale_pos_weight", Default: 1, Min: 0, OpenMin: true, Max: inf, Help: "two classes: weight of the second class"},
		{
			Name: seedName, Aliases: []string{"random_seed", "random_state"}, Whole: true, Default: -1, Min: -1, Max: 1 << 53,
			Help: "of all that is drawn; -1: the trial's own. Trials that sample with one seed and differ in num_iterations alone are trained once",
		},
		{Name: "skip_drop", Default: 0.5, Min: 0, Max: 1, Help: "dart: probability of dropping nothing in a round"},
		{Name: "top_rate", Default: 0.2, Min: 0, Max: 1, Help: "goss: share of the rows with the largest gradients, which are all kept"},
		{Name: "tweedie_variance_power", Default: 1.5, Min: 1, Max: 2, OpenMax: true, OpenMin: true, Help: "tweedie: the variance grows as the mean to this power; towards 2 as gamma, towards 1 as poisson"},
		{Name: "uniform_drop", Words: truth, DefaultWord: "false", Help: "dart: drop all trees with the same probability, not by their weight"},
		{Name: "xgboost_dart_mode", Words: truth, DefaultWord: "false", Help: "dart: weigh trees as XGBoost does"},
	}
	all := slices.Concat(own, bins.Params())
	slices.SortFunc(all, func(a, b heat.Param) int { return cmp.Compare(a.Name, b.Name) })
	return all
}
