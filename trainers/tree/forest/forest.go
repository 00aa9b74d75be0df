package forest

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/lap"
	"tourney/trainers/tree/bins"
	"tourney/trainers/tree/grow"
)

// budget is the parameter that says how many trees a forest has.
const budget = "num_iterations"

var truth = []string{"false", "true"}

// Forest returns the trainer of random forests with its table of parameters.
func Forest() heat.Family {
	return family("forest", []heat.Param{
		{Name: budget, Aliases: []string{"n_estimators", "num_trees", "num_tree"}, Whole: true, Default: 100, Min: 1, Max: 100_000, Help: "trees, unless early_terminate says"},
		{Name: "bootstrap", Words: truth, DefaultWord: "true", Help: "grow each tree on rows drawn with replacement; without, on all, or on bagging_fraction of them"},
		{Name: "bagging_fraction", Aliases: []string{"max_samples", "subsample", "sub_row", "bagging"}, Default: 1, Min: 0, OpenMin: true, Max: 1, Help: "rows that are drawn for a tree, as a share of all"},
		{Name: "early_stopping_round", Aliases: []string{"early_stopping", "early_stopping_rounds"}, Whole: true, Default: 0, Min: 0, Max: 1e6, Help: "end after so many trees without a better step; 0: never"},
		{
			Name: "max_features", Aliases: []string{"feature_fraction_bynode", "colsample_bynode"}, Words: []string{"auto", "sqrt", "log2", "all"}, DefaultWord: "auto",
			Numbers: true, Min: 0, OpenMin: true, Max: 1, Help: "features that a node may be split by, drawn for each node, as a share of all; auto: sqrt for classes and all for values",
		},
	}, "early_stopping_round")
}

// Tree returns the trainer of single decision trees with its table of
// parameters.
func Tree() heat.Family {
	return family("tree", []heat.Param{
		{Name: budget, Whole: true, Default: 1, Min: 1, Max: 1, Help: "trees: one"},
		{
			Name: "max_features", Aliases: []string{"feature_fraction_bynode", "colsample_bynode"}, Words: []string{"auto", "sqrt", "log2", "all"}, DefaultWord: "auto",
			Numbers: true, Min: 0, OpenMin: true, Max: 1, Help: "features that a node may be split by, drawn for each node, as a share of all; auto: all",
		},
	}, "")
}

// params are those that a tree and a forest have in common, with scikit-learn's
// defaults.
func params() []heat.Param {
	inf := math.Inf(1)
	return []heat.Param{
		{Name: "ccp_alpha", Default: 0, Min: 0, Max: inf, Help: "cost-complexity pruning: what each leaf has to lower the impurity of the whole sample by"},
		{Name: "class_weight", Text: checkClassWeight, Help: "weights of the classes: none, balanced (n/(classes·rows of the class)), or a list in the order of classes as 1,2.5"},
		{Name: "criterion", Words: []string{"auto", "gini", "entropy", "log_loss", "squared_error"}, DefaultWord: "auto", Help: "impurity: of classes gini (auto) or entropy (log_loss) in bits, of values squared_error (auto)"},
		{Name: "extra_trees", Aliases: []string{"extra_tree"}, Words: truth, DefaultWord: "false", Help: "try one threshold of each feature, drawn at random"},
		{Name: "max_bin", Aliases: []string{"max_bins"}, Whole: true, Default: 255, Min: 255, Max: 255, Help: "bins of a feature; 255 alone, since all trials share the dataset's bins"},
		{Name: "max_depth", Whole: true, Default: -1, Min: -1, Max: 1e6, Help: "splits from the root to a leaf; 0 or less: no limit"},
		{Name: "min_data_in_leaf", Aliases: []string{"min_samples_leaf", "min_child_samples"}, Whole: true, Default: 1, Min: 1, Max: 1e9, Help: "training rows that a leaf has at least"},
		{Name: "min_impurity_decrease", Default: 0, Min: 0, Max: inf, Help: "by how much a split has to lower the impurity of the whole sample"},
		{Name: "num_leaves", Aliases: []string{"max_leaf_nodes", "max_leaves"}, Whole: true, Default: 0, Min: 0, Max: 1e9, Help: "leaves of a tree at most, those with the highest gain first; 0: no limit"},
		{Name: "seed", Aliases: []string{"random_state"}, Whole: true, Default: -1, Min: -1, Max: 1 << 53, Help: "of all that is drawn; -1: the trial's own"},
	}
}

func family(name string, own []heat.Param, patience string) heat.Family {
	all := slices.Concat(own, params())
	slices.SortFunc(all, func(a, b heat.Param) int { return cmp.Compare(a.Name, b.Name) })
	return heat.Family{
		Trainer: trainer{name, patience},
		Params:  all,
		Budget:  budget,
		Weight:  1,
		Form:    dataset.Binned,
		Fits:    fits,
		Open: func(job *tourney.Job, data *dataset.Data, state []byte) (heat.Model, error) {
			return open(name, data, state)
		},
		ReadModel: bins.ReadModel,
	}
}

// fits checks what depends on the task.
func fits(space tourney.Space, ds *tourney.Dataset) []tourney.FieldError {
	var errs []tourney.FieldError
	for i := range space {
		if space[i].Name != "criterion" {
			continue
		}
		values := space[i].Values
		if space[i].Distribution == tourney.Constant {
			values = []any{space[i].Value}
		}
		for _, v := range values {
			word, _ := v.(string)
			if err := checkCriterion(word, ds.Task == tourney.Regression); err != nil {
				errs = append(errs, tourney.FieldError{Path: "parameters.criterion", Message: err.Error()})
			}
		}
	}
	return errs
}

func checkCriterion(word string, regression bool) error {
	switch {
	case regression && (word == "gini" || word == "entropy" || word == "log_loss"):
		return fmt.Errorf("%s is for classes; for values use squared_error", word)
	case !regression && word == "squared_error":
		return fmt.Errorf("squared_error is for values; for classes use gini or entropy")
	}
	return nil
}

// maxClassWeight bounds the weights of classes, so that no sum overflows.
const maxClassWeight = 1e6

// checkClassWeight returns what is wrong with a text of weights.
func checkClassWeight(text string) error {
	if text == "" || text == "none" || text == "balanced" {
		return nil
	}
	for item := range strings.SplitSeq(text, ",") {
		w, err := strconv.ParseFloat(strings.TrimSpace(item), 64)
		if err != nil || !(w >= 1/maxClassWeight && w <= maxClassWeight) {
			return fmt.Errorf("must be none, balanced or weights from %g to %g separated by commas, not %q", 1/maxClassWeight, maxClassWeight, text)
		}
	}
	return nil
}

// trainer implements heat.Trainer.
type trainer struct{ name, patience string }

// Name returns the name of the family in sweep files.
func (t trainer) Name() string { return t.name }

// Train trains a heat. Trials join and leave between two trees.
func (t trainer) Train(ctx context.Context, data *dataset.Data, pool *heat.Pool, feed heat.Feed) error {
	f := Forest()
	if t.name == "tree" {
		f = Tree()
	}
	return lap.Train(ctx, data, pool, feed, lap.Options{
		Family: &f, Patience: t.patience,
		New: func(d *lap.Data, pool *heat.Pool) (lap.Problem, error) { return newProblem(t.name, d, pool) },
	})
}

// problem is what the trials of a heat share.
type problem struct {
	*lap.Data
	name  string
	pool  *heat.Pool
	table *grow.Table
	rows  [][]int32 // of each fold, the training rows' numbers in the table
	valid [][]int32 // likewise, of the rows to validate on; nil of a final job
}

func newProblem(name string, d *lap.Data, pool *heat.Pool) (*problem, error) {
	table, err := bins.Table(d.Source())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	p := &problem{Data: d, name: name, pool: pool, table: table}
	if d.Classes > 256 {
		return nil, fmt.Errorf("%s: %d classes; it takes at most 256", name, d.Classes)
	}
	for _, f := range d.Folds {
		rows, err := bins.Rows(f.Train)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		p.rows = append(p.rows, rows)
		var valid []int32
		if f.Valid != nil {
			if valid, err = bins.Rows(f.Valid); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		p.valid = append(p.valid, valid)
	}
	return p, nil
}

// Fit implements lap.Problem.
func (p *problem) Fit(t *lap.Trial, f *lap.Fold) (lap.Fit, error) { return newFit(p, t, f) }

// Pass implements lap.Problem: every fit gets its next tree. If there are fewer
// fits than slots, trees that come later are grown now.
func (p *problem) Pass(ctx context.Context, fits []lap.Fit) {
	type item struct {
		f    *fit
		tree int
	}
	var items []item
	ahead := max(1, p.pool.Slots()/len(fits))
	for _, f := range fits {
		f := f.(*fit)
		if len(f.ahead) > 0 {
			continue
		}
		for i := range min(ahead, f.trial.Job.Budget-len(f.trees)) {
			items = append(items, item{f, len(f.trees) + i})
		}
	}
	grown := make([]*grownTree, len(items))
	p.pool.Do(len(items), func(i int) {
		if ctx.Err() == nil {
			grown[i] = items[i].f.grow(items[i].tree)
		}
	})
	if ctx.Err() != nil {
		return
	}
	for i, it := range items {
		it.f.ahead = append(it.f.ahead, grown[i])
	}
	var parts []func()
	for _, f := range fits {
		parts = append(parts, f.(*fit).take()...)
	}
	p.pool.Do(len(parts), func(i int) { parts[i]() })
}

// Scorers implements lap.Problem.
func (p *problem) Scorers(fits []lap.Fit) []lap.Scorer {
	out := make([]lap.Scorer, len(fits))
	for i, f := range fits {
		f := f.(*fit)
		out[i] = &scorer{f, sync.OnceValue(func() *bins.Model { return bins.NewModel(f.ensemble(f.trees)) })}
	}
	return out
}
