package forest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"

	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/kernels"
	"tourney/trainers/lap"
	"tourney/trainers/tree/bins"
	"tourney/trainers/tree/ensemble"
	"tourney/trainers/tree/grow"
)

// fit is a trial's forest of one fold as it grows.
type fit struct {
	*problem
	trial   *lap.Trial
	fold    *lap.Fold
	rows    []int32 // training rows' numbers in the table
	limits  limits
	entropy bool
	alpha   float64
	engine  bool // grow, not count
	draws   int  // rows drawn for a tree
	replace bool
	seed    uint64
	weight  []float32 // [n] of the training rows and of their classes, by position
	mean    float64   // regression: of the targets; trees are grown on what is left

	trees []*ensemble.Tree // of the outputs, each an average of which is the forest
	ahead []*grownTree     // trees that come next
	best  int              // trees of the best step

	unit   float64  // see counter
	losses []losses // of the training rows after the last tree, by part

	valid *tally // of the rows to validate on; nil of a final job
	train *tally // of the training rows, by all trees
	out   *tally // by the trees that were grown without the row; nil if all rows are in all trees

	growers sync.Pool // *workbench
}

// tally is sums of what trees say of rows.
type tally struct {
	sums  []float64 // [n×outputs]
	trees []int32   // [n] how many said something; nil: all
}

// grownTree is a tree, and for each training row whether it was drawn.
type grownTree struct {
	tree  *ensemble.Tree
	drawn []int32 // [n] how often; nil: once each
}

// workbench is what one tree at a time is grown on.
type workbench struct {
	grower     *grow.Grower
	counter    *counter
	grad, hess []float32
	sample     []int32
}

// losses are the sums of the losses of training rows of a part, by all trees
// and by those that were grown without the row, and of the rows' weights.
type losses struct{ train, weight, out, outWeight float64 }

func newFit(p *problem, t *lap.Trial, f *lap.Fold) (*fit, error) {
	v := t.Values
	out := &fit{problem: p, trial: t, fold: f, rows: p.rows[f.Index], alpha: v.Float("ccp_alpha"), seed: t.Job.Seed, draws: f.Train.N}
	criterion := v.Word("criterion")
	if err := checkCriterion(criterion, p.Regression()); err != nil {
		return nil, fmt.Errorf("parameter criterion: %w", err)
	}
	out.entropy = criterion == "entropy" || criterion == "log_loss"
	out.engine = p.Regression() || p.Classes == 2 && !out.entropy
	if s := v.Int("seed"); s >= 0 {
		out.seed = mix(uint64(s))
	}
	if p.name == "forest" {
		out.replace = v.Bool("bootstrap")
		out.draws = max(1, int(math.Round(v.Float("bagging_fraction")*float64(f.Train.N))))
	}
	if err := out.weigh(v.Word("class_weight")); err != nil {
		return nil, err
	}
	out.limits = limits{
		maxLeaves: v.Int("num_leaves"), maxDepth: max(0, v.Int("max_depth")), minRows: v.Int("min_data_in_leaf"),
		features: out.features(v), extra: v.Bool("extra_trees"),
	}
	if out.limits.maxLeaves == 1 {
		return nil, errors.New("parameter num_leaves: must be 0 (no limit) or at least 2, not 1")
	}
	total, heaviest := 0.0, 0.0
	for _, w := range out.weight {
		total += float64(w)
		heaviest = max(heaviest, float64(w))
	}
	out.unit = unit(float64(out.draws) * heaviest)
	out.limits.minGain = v.Float("min_impurity_decrease") * total * float64(out.draws) / float64(f.Train.N)
	if out.entropy { // which people count in bits
		out.alpha *= math.Ln2
		out.limits.minGain *= math.Ln2
	}
	if p.Regression() {
		for i, y := range f.Train.Y {
			out.mean += float64(float64(y) * float64(out.weight[i]))
		}
		out.mean /= total
	}
	if f.Valid != nil {
		out.valid = out.newTally(f.Valid.N)
	}
	out.train = out.newTally(f.Train.N)
	out.losses = make([]losses, (f.Train.N+dataset.PartRows-1)/dataset.PartRows)
	if out.replace || out.draws < f.Train.N {
		out.out = out.newTally(f.Train.N)
		out.out.trees = make([]int32, f.Train.N)
	}
	return out, nil
}

// unit is what a weight of 1 is in sums of integers that come to at most that
// much: a power of 2 by which they stay within 2⁵², exact as float64 too.
func unit(most float64) float64 {
	_, exponent := math.Frexp(most)
	return math.Ldexp(1, 52-exponent)
}

func (f *fit) newTally(n int) *tally { return &tally{sums: make([]float64, n*f.Outputs)} }

// features is how many features are tried at a node.
func (f *fit) features(v heat.Values) int {
	d := f.table.D
	word := v.Word("max_features")
	if word == "auto" || word == "" && !v.Given("max_features") {
		word = "all"
		if f.name == "forest" && !f.Regression() {
			word = "sqrt"
		}
	}
	var n int
	switch word {
	case "all":
		n = d
	case "sqrt":
		n = int(math.Sqrt(float64(d)))
	case "log2":
		for n = 0; 1<<(n+1) <= d; n++ {
		}
	default:
		n = int(v.Float("max_features") * float64(d))
	}
	return max(1, min(n, d))
}

// weigh makes the weights of the training rows.
func (f *fit) weigh(text string) error {
	f.weight = make([]float32, f.fold.Train.N)
	for i := range f.weight {
		f.weight[i] = f.fold.WeightOf(i)
	}
	if text == "" || text == "none" {
		return nil
	}
	if f.Regression() {
		return errors.New("parameter class_weight: is for classes")
	}
	factor := make([]float32, f.Classes)
	if text == "balanced" {
		counts := make([]int, f.Classes)
		for _, y := range f.fold.Train.Y {
			counts[int(y)]++
		}
		for c, n := range counts {
			if n > 0 {
				factor[c] = float32(float64(len(f.weight)) / float64(f.Classes*n))
			}
		}
	} else {
		items := strings.Split(text, ",")
		if len(items) != f.Classes {
			return fmt.Errorf("parameter class_weight: has %d weights for %d classes", len(items), f.Classes)
		}
		for c, item := range items {
			w, err := strconv.ParseFloat(strings.TrimSpace(item), 64)
			if err != nil {
				return fmt.Errorf("parameter class_weight: %w", err)
			}
			factor[c] = float32(w)
		}
	}
	for i, y := range f.fold.Train.Y {
		f.weight[i] *= factor[int(y)]
	}
	return nil
}

// grow grows a tree by its number. It may be called from many goroutines.
func (f *fit) grow(number int) *grownTree {
	b, _ := f.growers.Get().(*workbench)
	if b == nil {
		b = f.newWorkbench()
	}
	defer f.growers.Put(b)
	seed := mix(f.seed + uint64(number))
	g := &grownTree{drawn: f.drawRows(seed)}
	if f.engine {
		g.tree = f.growByEngine(b, g.drawn, seed)
	} else {
		g.tree = f.growByCounts(b, g.drawn, seed)
	}
	g.tree = prune(g.tree, f.Outputs, f.alpha, f.entropy)
	return g
}

func (f *fit) newWorkbench() *workbench {
	b := &workbench{}
	if !f.engine {
		b.counter = newCounter(f.table, f.Classes, f.entropy, f.unit, f.limits)
		return b
	}
	gain := f.limits.minGain
	if !f.Regression() {
		gain /= 2 // Gini's impurity is twice the variance of 0s and 1s
	}
	b.grower = grow.New(f.table, f.rows, grow.Config{
		MaxLeaves: f.limits.maxLeaves, MaxDepth: f.limits.maxDepth, MinRows: f.limits.minRows, MinGain: gain, LeafWise: true,
		MaxCatThreshold: 255, MaxCatToOnehot: 4, MinRowsPerGroup: 1,
		ExtraTrees: f.limits.extra, NodeFeatures: float64(f.limits.features) / float64(f.table.D),
	})
	n := len(f.rows)
	b.grad, b.hess = make([]float32, n), make([]float32, n)
	return b
}

// drawRows says how often each training row is in a tree; nil: once each.
func (f *fit) drawRows(seed uint64) []int32 {
	n := len(f.rows)
	if f.out == nil {
		return nil
	}
	times := make([]int32, n)
	if f.replace {
		for i := range f.draws {
			times[below(draw(seed, 1, uint64(i)), uint64(n))]++
		}
		return times
	}
	left := f.draws // Knuth's algorithm S: each row in turn, by what is left to be drawn
	for i := range times {
		if below(draw(seed, 2, uint64(i)), uint64(n-i)) < uint64(left) {
			times[i] = 1
			left--
		}
	}
	return times
}

// growByEngine grows a tree of squared errors, as the first of a boosting that
// starts from 0 with a rate of 1.
func (f *fit) growByEngine(b *workbench, drawn []int32, seed uint64) *ensemble.Tree {
	b.sample = b.sample[:0]
	for i := range f.rows {
		times := float32(1)
		if drawn != nil {
			times = float32(drawn[i])
		}
		w := times * f.weight[i]
		b.hess[i] = w
		b.grad[i] = -float32(w * float32(float64(f.fold.Train.Y[i])-f.mean))
		if times > 0 {
			b.sample = append(b.sample, int32(i))
		}
	}
	t := b.grower.Grow(grow.Input{Grad: b.grad, Hess: b.hess, Sample: b.sample, Shrink: 1, Seed: seed, Rounding: seed}, nil)
	if f.Regression() {
		for i := range t.Value {
			t.Value[i] += f.mean
		}
		return t
	}
	both := make([]float64, 0, 2*len(t.Value))
	for _, p := range t.Value {
		p = min(1, max(0, p))
		both = append(both, 1-p, p)
	}
	t.Value = both
	return t
}

// growByCounts grows a tree by counts of classes.
func (f *fit) growByCounts(b *workbench, drawn []int32, seed uint64) *ensemble.Tree {
	b.counter.empty()
	for i, r := range f.rows {
		times := int32(1)
		if drawn != nil {
			times = drawn[i]
		}
		if times > 0 {
			b.counter.add(r, float64(times)*float64(f.weight[i]), uint8(f.fold.Train.Y[i]))
		}
	}
	return b.counter.grow(seed)
}

// take takes the next tree in, and returns what is to be done for that, in
// pieces that may be done side by side.
func (f *fit) take() []func() {
	g := f.ahead[0]
	f.ahead = f.ahead[1:]
	f.trees = append(f.trees, g.tree)
	parts := f.count([]*grownTree{g})
	for i := range f.losses {
		count := parts[i]
		parts[i] = func() {
			count()
			f.losses[i] = f.lossesOf(i*dataset.PartRows, min((i+1)*dataset.PartRows, len(f.rows)))
		}
	}
	return parts
}

// count returns pieces that add what trees say to the tallies: those of the
// training rows, by part, and then those of the rows to validate on. A row's
// sums are taken in the order of trees.
func (f *fit) count(trees []*grownTree) []func() {
	var parts []func()
	for lo := 0; lo < len(f.rows); lo += dataset.PartRows {
		parts = append(parts, func() {
			for i, r := range f.rows[lo:min(lo+dataset.PartRows, len(f.rows))] {
				for _, g := range trees {
					values := f.values(g.tree, int(r))
					f.train.add(lo+i, values)
					if g.drawn != nil && g.drawn[lo+i] == 0 {
						f.out.add(lo+i, values)
					}
				}
			}
		})
	}
	valid := f.problem.valid[f.fold.Index]
	for lo := 0; lo < len(valid); lo += dataset.PartRows {
		parts = append(parts, func() {
			for i, r := range valid[lo:min(lo+dataset.PartRows, len(valid))] {
				for _, g := range trees {
					f.valid.add(lo+i, f.values(g.tree, int(r)))
				}
			}
		})
	}
	return parts
}

// values is what a tree says of a row of the table.
func (f *fit) values(t *ensemble.Tree, row int) []float64 {
	leaf := t.Leaf(f.table.Bins[row*f.table.D : (row+1)*f.table.D])
	return t.Value[leaf*f.Outputs : (leaf+1)*f.Outputs]
}

func (t *tally) add(row int, values []float64) {
	sums := t.sums[row*len(values) : (row+1)*len(values)]
	for i, v := range values {
		sums[i] += v
	}
	if t.trees != nil {
		t.trees[row]++
	}
}

// Told implements lap.Fit: the loss of the training rows, and of those rows by
// the trees that were grown without them.
func (f *fit) Told() []lap.Value {
	name := "logloss"
	if f.Regression() {
		name = "rmse"
	}
	var all losses
	for _, l := range f.losses {
		all.train, all.weight = all.train+l.train, all.weight+l.weight
		all.out, all.outWeight = all.out+l.out, all.outWeight+l.outWeight
	}
	mean := func(sum, weight float64) float64 {
		switch {
		case weight == 0:
			return 0 // no row was left out so far
		case f.Regression():
			return math.Sqrt(sum / weight)
		}
		return sum / weight
	}
	told := []lap.Value{{Name: "train_" + name, V: mean(all.train, all.weight)}}
	if f.out != nil {
		told = append(told, lap.Value{Name: "train_oob_" + name, V: mean(all.out, all.outWeight)})
	}
	return told
}

// lossesOf sums the losses of training rows.
func (f *fit) lossesOf(lo, hi int) (l losses) {
	for i := lo; i < hi; i++ {
		w := float64(f.fold.WeightOf(i))
		l.weight += w
		l.train += float64(w * f.loss(f.train, i, len(f.trees)))
		if f.out == nil {
			continue
		}
		if trees := int(f.out.trees[i]); trees > 0 {
			l.outWeight += w
			l.out += float64(w * f.loss(f.out, i, trees))
		}
	}
	return l
}

// loss is the log loss or the squared error of a training row by that many
// trees.
func (f *fit) loss(t *tally, row, trees int) float64 {
	y := f.fold.Train.Y[row]
	if f.Regression() {
		e := float64(y) - t.sums[row]/float64(trees)
		return e * e
	}
	p := t.sums[row*f.Outputs+int(y)] / float64(trees)
	return -kernels.Log64(min(1-0x1p-23, max(0x1p-23, p)))
}

// Keep implements lap.Fit.
func (f *fit) Keep() { f.best = len(f.trees) }

// Save implements lap.Fit: how many trees the best step has, and all trees.
func (f *fit) Save(b []byte, kept bool) []byte {
	best := f.best
	if kept {
		best = len(f.trees)
	}
	b = binary.AppendUvarint(b, uint64(best))
	return f.ensemble(f.trees).Append(b)
}

// Load implements lap.Fit.
func (f *fit) Load(b []byte, kept bool) error {
	best, n := binary.Uvarint(b)
	if n <= 0 {
		return errors.New("cut short")
	}
	e, rest, err := ensemble.Take(b[n:], f.fold.Bins)
	switch {
	case err != nil:
		return err
	case len(rest) > 0:
		return fmt.Errorf("longer than it should be by %d bytes", len(rest))
	case e.Outputs != f.Outputs || !e.Average || len(e.Trees) != f.trial.Step || best > uint64(len(e.Trees)) || kept && best != uint64(len(e.Trees)):
		return errors.New("of another forest")
	}
	f.best = int(best)
	f.trees = e.Trees
	for from := 0; from < len(e.Trees); from += f.pool.Slots() {
		wave := make([]*grownTree, min(f.pool.Slots(), len(e.Trees)-from))
		f.pool.Do(len(wave), func(i int) {
			wave[i] = &grownTree{e.Trees[from+i], f.drawRows(mix(f.seed + uint64(from+i)))}
		})
		parts := f.count(wave)
		f.pool.Do(len(parts), func(i int) { parts[i]() })
	}
	return nil
}

// ensemble is the forest of trees.
func (f *fit) ensemble(trees []*ensemble.Tree) *ensemble.Ensemble {
	return &ensemble.Ensemble{
		Outputs: f.Outputs, PerRound: 1, Trees: slices.Clip(trees), Base: make([]float64, f.Outputs), Average: true, Link: ensemble.Identity, Features: f.fold.Bins,
	}
}

// scorer scores by one fit.
type scorer struct {
	fit   *fit
	model func() *bins.Model
}

// Fits implements lap.Scorer.
func (s *scorer) Fits() []lap.Fit { return []lap.Fit{s.fit} }

// Score implements lap.Scorer.
func (s *scorer) Score(m *dataset.Matrix, lo, hi int, out [][]float32) {
	f := s.fit
	if m != f.fold.Valid {
		s.model().Predict(m, lo, hi, out[0])
		return
	}
	trees := float64(len(f.trees))
	for i, v := range f.valid.sums[lo*f.Outputs : hi*f.Outputs] {
		out[0][i] = float32(v / trees)
	}
}

// open reads a model out of the last state of a final job.
func open(name string, data *dataset.Data, state []byte) (heat.Model, error) {
	b, err := lap.FinalFit(state)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	_, n := binary.Uvarint(b)
	if n <= 0 {
		return nil, fmt.Errorf("%s: state: cut short", name)
	}
	e, _, err := ensemble.Take(b[n:], data.Folds[0].Bins)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return bins.NewModel(e), nil
}
