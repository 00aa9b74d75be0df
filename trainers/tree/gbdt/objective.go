package gbdt

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tourney"
	"tourney/trainers/heat"
	"tourney/trainers/lap"
	"tourney/trainers/tree/ensemble"
)

// objective is a loss, of the training rows of one fold, that trees lower.
type objective interface {
	// start returns the best constant scores, each a float32.
	start() []float64
	// begin tells where the scores of a row begin, and returns what training
	// scores are to begin at: 0 if the objective shifts its target instead,
	// which spares the digits that a large mean would cost.
	begin(base []float64) []float64
	// flat reports whether hessians are the rows' weights.
	flat() bool
	// derive computes gradients and hessians of the rows of a block, and
	// returns the sum of their losses, each times the row's weight.
	derive(b *block) (loss float64)
	// told turns the mean loss into what people are told, with its name.
	told(mean float64) lap.Value
	link() ensemble.Link
}

// block is some training rows, at most a part of them.
//
// Shapes: k scores of a row.
type block struct {
	lo, hi int
	scores []float32 // [(hi-lo)×k] row-major
	grad   []float32 // [k×n] row-major, of all training rows
	hess   []float32 // likewise; nil: nobody asks
	n      int
	z      []float32 // [(hi-lo)×k], scratch
	loss   []float32 // [hi-lo], scratch
}

// of returns the block's part of row c of v.
func (b *block) of(v []float32, c int) []float32 { return v[c*b.n+b.lo : c*b.n+b.hi] }

// objectives are the words for objectives, those of LightGBM first in each
// list, then those of scikit-learn and XGBoost.
var objectives = []struct {
	name  string
	task  tourney.Task
	words []string
}{
	{"binary", tourney.Classification, []string{"binary:logistic"}},
	{"multiclass", tourney.Classification, []string{"softmax", "multi:softprob", "multi:softmax", "log_loss"}},
	{"l2", tourney.Regression, []string{"regression", "regression_l2", "mean_squared_error", "mse", "l2_root", "root_mean_squared_error", "rmse", "squared_error", "reg:squarederror"}},
	{"l1", tourney.Regression, []string{"regression_l1", "mean_absolute_error", "mae", "absolute_error", "reg:absoluteerror"}},
	{"huber", tourney.Regression, nil},
	{"fair", tourney.Regression, nil},
	{"quantile", tourney.Regression, []string{"reg:quantileerror"}},
	{"mape", tourney.Regression, []string{"mean_absolute_percentage_error"}},
	{"poisson", tourney.Regression, []string{"count:poisson"}},
	{"gamma", tourney.Regression, []string{"reg:gamma"}},
	{"tweedie", tourney.Regression, []string{"reg:tweedie"}},
}

func objectiveWords() []string {
	words := []string{"auto"}
	for _, o := range objectives {
		words = append(append(words, o.name), o.words...)
	}
	return words
}

// objectiveOf returns the name of the objective that a word stands for in a
// task with so many classes.
func objectiveOf(word string, task tourney.Task, classes int) (string, error) {
	for _, o := range objectives {
		if word != o.name && !slices.Contains(o.words, word) {
			continue
		}
		if o.task != task {
			return "", fmt.Errorf("parameter objective: %s is for %s, and the task is %s", word, o.task, task)
		}
		if word == "binary" || word == "binary:logistic" {
			if classes > 2 {
				return "", fmt.Errorf("parameter objective: %s is for 2 classes, not %d; use multiclass", word, classes)
			}
			return "binary", nil
		}
		if task != tourney.Classification {
			return o.name, nil
		}
	}
	switch {
	case task == tourney.Regression:
		return "l2", nil
	case classes > 2:
		return "multiclass", nil
	}
	return "binary", nil
}

// newObjective makes the objective of a trial to a fold.
func newObjective(v heat.Values, d *lap.Data, f *lap.Fold) (objective, error) {
	name, err := objectiveOf(v.Word("objective"), d.Task, d.Classes)
	if err != nil {
		return nil, err
	}
	if d.Regression() {
		return newRegression(name, v, f)
	}
	weights, err := classWeights(v, d.Classes, f)
	if err != nil {
		return nil, err
	}
	if name == "binary" {
		return &twoClasses{classes{f: f, weights: weights}}, nil
	}
	return &manyClasses{classes{f: f, weights: weights}, d.Classes}, nil
}

// readClassWeight reads a text of weights of classes: nil for none.
func readClassWeight(text string) (weights []float64, balanced bool, err error) {
	switch text = strings.TrimSpace(text); text {
	case "", "none":
		return nil, false, nil
	case "balanced":
		return nil, true, nil
	}
	for item := range strings.SplitSeq(text, ",") {
		w, err := strconv.ParseFloat(strings.TrimSpace(item), 32)
		if err != nil || !(w > 0) {
			return nil, false, fmt.Errorf("must be none, balanced, or positive numbers with commas between them, not %q", text)
		}
		weights = append(weights, w)
	}
	return weights, false, nil
}

func checkClassWeight(text string) error {
	_, _, err := readClassWeight(text)
	return err
}

// classWeights returns what the gradients of each class's rows are multiplied
// by; nil: nothing. As in LightGBM, is_unbalance and balanced count rows
// whatever their weights.
func classWeights(v heat.Values, k int, f *lap.Fold) ([]float32, error) {
	list, balanced, err := readClassWeight(v.Word("class_weight"))
	if err != nil {
		return nil, fmt.Errorf("parameter class_weight: %w", err)
	}
	unbalance, scale := v.Bool("is_unbalance"), v.Float("scale_pos_weight")
	asked := 0
	for _, yes := range []bool{balanced || list != nil, unbalance, scale != 1} {
		if yes {
			asked++
		}
	}
	switch {
	case asked == 0:
		return nil, nil
	case asked > 1:
		return nil, fmt.Errorf("parameters class_weight, is_unbalance and scale_pos_weight: use one of them")
	case k > 2 && (unbalance || scale != 1):
		return nil, fmt.Errorf("parameters is_unbalance and scale_pos_weight: are for 2 classes, not %d; use class_weight", k)
	case list != nil && len(list) != k:
		return nil, fmt.Errorf("parameter class_weight: has %d weights for %d classes", len(list), k)
	}
	counts := make([]float64, k)
	for _, y := range f.Train.Y {
		counts[int(y)]++
	}
	weights := make([]float32, k)
	for c := range weights {
		weights[c] = 1
		switch {
		case list != nil:
			weights[c] = float32(list[c])
		case balanced && counts[c] > 0:
			weights[c] = float32(float64(f.Train.N) / float64(float64(k)*counts[c]))
		case unbalance && min(counts[0], counts[1]) > 0:
			weights[c] = float32(max(1, counts[1-c]/counts[c]))
		case scale != 1 && c == 1:
			weights[c] = float32(scale)
		}
	}
	return weights, nil
}
