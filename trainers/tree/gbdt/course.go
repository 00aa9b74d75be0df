package gbdt

import (
	"math"
	"slices"
	"sync"

	"tourney/dataset"
	"tourney/trainers/kernels"
	"tourney/trainers/tree/ensemble"
	"tourney/trainers/tree/grow"
)

// course is the training of one or more fits to one fold whose trials differ in
// nothing but how long they train. A fit of them knows how many rounds it has.
//
// All fields but the constant ones are used by one goroutine at a time.
type course struct {
	*settings
	fold   *fold
	table  *grow.Table
	obj    objective
	k      int       // scores of a row
	base   []float64 // [k] where scores begin
	from   []float64 // [k] where training scores begin; 0 if the objective shifts its target
	unit   float64   // of scores under dart
	link   ensemble.Link
	shrink float64 // of trees as they are grown

	trees  []*ensemble.Tree // round by round, k a round
	losses []float64        // [rounds] mean losses of the training rows after each

	scores []float32 // [n×k] row-major, of the training rows; nil: not yet known
	sums   []float64 // [n×k] row-major, under dart instead of scores: without from
	drop   *dart     // weights after all rounds; nil: no dropout
}

// rounds is how many rounds have been trained.
func (c *course) rounds() int { return len(c.losses) }

// newCourse returns a course before its first round.
func (p *problem) newCourse(s *settings, f *fold) (*course, error) {
	obj, err := newObjective(s.values, p.Data, f.Fold)
	if err != nil {
		return nil, err
	}
	t, err := p.tableOf(s.constraints)
	if err != nil {
		return nil, err
	}
	c := &course{settings: s, fold: f, table: t, obj: obj, k: p.scores(), link: obj.link(), shrink: s.rate}
	c.base = make([]float64, c.k)
	if s.fromAverage {
		if f.starts[s.first] == nil {
			f.starts[s.first] = obj.start()
		}
		c.base = f.starts[s.first]
	}
	if s.dart != nil {
		c.drop, c.shrink = s.dart.fresh(), 1
		c.unit = unitOf(c.scale())
		c.base = slices.Clone(c.base)
		for i, v := range c.base {
			c.base[i] = inUnits(v, c.unit)
		}
	}
	c.from = obj.begin(c.base)
	return c, nil
}

// scale is about how large scores are.
func (c *course) scale() float64 {
	largest := float32(1)
	for _, v := range c.base {
		largest = max(largest, float32(math.Abs(v)/(1<<20)))
	}
	if c.link == ensemble.Identity {
		for _, y := range c.fold.Train.Y {
			e := y - float32(c.base[0])
			largest = max(largest, e, -e)
		}
	}
	return float64(min(largest, 1<<100)) // NaN is no target
}

// ensemble returns the first rounds as they add up. Under dart their trees have
// the weights after the last of them.
func (c *course) ensemble(rounds int) *ensemble.Ensemble {
	e := c.raw(rounds)
	if c.drop != nil {
		return addUp(e, c.unit)
	}
	return e
}

// raw returns the first rounds as they were grown, with weights under dart.
func (c *course) raw(rounds int) *ensemble.Ensemble {
	e := &ensemble.Ensemble{
		Outputs: c.k, PerRound: c.k, Trees: c.trees[:rounds*c.k], Base: c.base, Link: c.link, Features: c.fold.Bins,
	}
	if c.drop != nil {
		d := c.drop.fresh()
		d.replay(rounds)
		e.Weights = make([]float64, rounds*c.k)
		for i := range e.Weights {
			e.Weights[i] = d.weights[i/c.k]
		}
	}
	return e
}

// addUp gives an ensemble's trees their weights, in units.
func addUp(e *ensemble.Ensemble, unit float64) *ensemble.Ensemble {
	out := *e
	out.Weights, out.Trees = nil, make([]*ensemble.Tree, len(e.Trees))
	for i, t := range e.Trees {
		out.Trees[i] = weighed(t, e.Weights[i], unit)
	}
	return &out
}

// adder adds some of a course's rounds, changed, to the scores of rows.
func (c *course) adder(trees []*ensemble.Tree) *ensemble.Predictor {
	return ensemble.NewPredictor(&ensemble.Ensemble{
		Outputs: c.k, PerRound: c.k, Trees: trees, Base: c.base, Link: c.link, Features: c.fold.Bins,
	})
}

// changed returns the trees of rounds by how much they add if their weights
// change.
func (c *course) changed(rounds []int, from, to func(round int) float64) []*ensemble.Tree {
	var out []*ensemble.Tree
	for _, r := range rounds {
		for _, t := range c.trees[r*c.k : (r+1)*c.k] {
			out = append(out, change(t, from(r), to(r), c.unit))
		}
	}
	return out
}

// begin makes the training scores, of the rounds that there are.
func (c *course) begin(pool heatPool) {
	n := c.fold.Train.N
	if c.drop != nil {
		if c.sums == nil {
			c.sums = make([]float64, n*c.k)
			c.drop.replay(c.rounds())
			e := c.ensemble(c.rounds())
			ensemble.NewPredictor(e).Add(pool, c.fold.Train, 0, c.rounds(), c.sums)
		}
		return
	}
	if c.scores != nil {
		return
	}
	c.scores = make([]float32, n*c.k)
	for i := range c.scores {
		c.scores[i] = float32(c.from[i%c.k])
	}
	for i, t := range c.trees {
		if t.Leaves() > 1 {
			grow.AddRows(c.scores, c.k, i%c.k, t, c.table, c.fold.rows, pool)
		}
	}
}

// heatPool is what both grow and ensemble take.
type heatPool interface {
	Slots() int
	Do(n int, f func(i int))
}

// round trains one round.
func (c *course) round(w *workspace, pool heatPool) {
	c.begin(pool)
	r := c.rounds()
	dropped := c.leaveOut(w, pool)
	if w.owner != c || w.round != r {
		c.derive(w, pool)
	}
	w.owner = nil // what follows may change gradients
	rows := c.sample(w)
	for class := range c.k {
		c.trees = append(c.trees, c.grow(w, class, rows, pool))
	}
	c.putBack(dropped, pool)
	c.losses = append(c.losses, 0) // from here on the round is one of those trained
	c.losses[r] = c.derive(w, pool)
}

// grow grows the next round's tree of a class and, without dart, adds it to the
// scores.
func (c *course) grow(w *workspace, class int, rows []int32, pool heatPool) *ensemble.Tree {
	r := c.rounds()
	in := grow.Input{
		Grad: w.grad[class*c.n() : (class+1)*c.n()], Hess: c.hessians(w, class),
		Sample: rows, Features: c.sampling.featuresOf(c.table.D, c.seed, r, class),
		Shrink: c.shrink, Seed: kernels.Key(c.seed, drawNodes, uint64(r), uint64(class)),
		// Not of the seed, so that trials that draw nothing are alike.
		Rounding: kernels.Key(drawRounding, uint64(r), uint64(class)),
	}
	first := c.roots(r)
	if first != nil {
		in.Root = first[class]
	}
	t := w.grower.Grow(in, pool)
	if first != nil && first[class] == nil && in.Features == nil {
		first[class] = w.grower.Root()
	}
	c.finish(w, t, pool)
	if c.drop == nil && t.Leaves() > 1 {
		w.grower.AddTo(c.scores, c.k, class, t, pool)
	}
	return t
}

// leaveOut takes the rounds that the next one drops out of the scores, and
// returns them.
func (c *course) leaveOut(w *workspace, pool heatPool) []int {
	if c.drop == nil {
		return nil
	}
	dropped := c.drop.drops()
	if len(dropped) > 0 {
		w.owner = nil // gradients are of all rounds
		gone := c.changed(dropped, c.weight, func(int) float64 { return 0 })
		c.adder(gone).Add(pool, c.fold.Train, 0, len(dropped), c.sums)
	}
	return dropped
}

// putBack puts dropped rounds back with their new weights, and the new round.
func (c *course) putBack(dropped []int, pool heatPool) {
	if c.drop == nil {
		return
	}
	c.drop.advance(dropped)
	back := c.changed(append(dropped, c.rounds()), func(int) float64 { return 0 }, c.weight)
	c.adder(back).Add(pool, c.fold.Train, 0, len(dropped)+1, c.sums)
}

func (c *course) n() int                   { return c.fold.Train.N }
func (c *course) weight(round int) float64 { return c.drop.weights[round] }

// hessians returns the hessians of a class for the grower, nil if all are 1.
func (c *course) hessians(w *workspace, class int) []float32 {
	if w.hess == nil {
		return c.fold.Weight
	}
	return w.hess[class*c.n() : (class+1)*c.n()]
}

// roots returns where the histograms of the first roots are kept, if the round
// is one that has such.
func (c *course) roots(round int) []*grow.Histogram {
	if round > 0 || c.sampling.freq > 0 || c.sampling.gossIn(0) {
		return nil
	}
	return c.fold.roots[c.first]
}

// sample returns the rows of the next round, rising; nil: all.
func (c *course) sample(w *workspace) []int32 {
	r := c.rounds()
	switch {
	case c.sampling.gossIn(r):
		w.sample, w.sizes = c.sampling.oneSided(w.sample, w.sizes, c.seed, r, w.grad, w.hess, c.n())
	case c.sampling.freq > 0:
		w.sample = c.sampling.bag(w.sample, c.seed, r, c.fold.Train.Y)
	default:
		return nil
	}
	return w.sample
}

// finish brings the leaves of a tree to what they are to add.
func (c *course) finish(w *workspace, t *ensemble.Tree, pool heatPool) {
	if t.Leaves() == 1 {
		clear(t.Value) // as LightGBM, which adds nothing where nothing can be split
		return
	}
	l, ok := c.obj.(leveller)
	if !ok {
		return
	}
	ends := make([]int, t.Leaves()+1)
	w.rests = w.rests[:0]
	for leaf := range t.Leaves() {
		for _, row := range w.grower.LeafRows(leaf) {
			w.rests = append(w.rests, l.left(int(row), c.score(int(row))))
		}
		ends[leaf+1] = len(w.rests)
	}
	tau, weighted := l.quantile()
	pool.Do(t.Leaves(), func(leaf int) {
		t.Value[leaf] = c.shrink * quantile(w.rests[ends[leaf]:ends[leaf+1]], tau, weighted)
	})
}

// score returns the score of a training row where there is one a row.
func (c *course) score(row int) float32 {
	if c.drop != nil {
		return float32(c.from[0] + c.sums[row])
	}
	return c.scores[row]
}

// scratch is what a part needs while its gradients are computed.
type scratch struct{ scores, z, loss []float32 }

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// derive computes the gradients of the next round, part by part, and returns
// the mean loss.
func (c *course) derive(w *workspace, pool heatPool) float64 {
	r := c.rounds()
	w.fit(c.n()*c.k, !c.obj.flat() || c.sampling.gossIn(r))
	parts := (c.n() + dataset.PartRows - 1) / dataset.PartRows
	losses := make([]float64, parts)
	pool.Do(parts, func(i int) {
		lo := i * dataset.PartRows
		hi := min(lo+dataset.PartRows, c.n())
		s := scratches.Get().(*scratch)
		defer scratches.Put(s)
		s.z = resize(s.z, (hi-lo)*c.k)
		s.loss = resize(s.loss, hi-lo)
		b := &block{lo: lo, hi: hi, n: c.n(), grad: w.grad, hess: w.hess, z: s.z, loss: s.loss}
		if c.drop == nil {
			b.scores = c.scores[lo*c.k : hi*c.k]
		} else {
			s.scores = resize(s.scores, (hi-lo)*c.k)
			for i, v := range c.sums[lo*c.k : hi*c.k] {
				s.scores[i] = float32(c.from[i%c.k] + v)
			}
			b.scores = s.scores
		}
		losses[i] = c.obj.derive(b)
	})
	w.owner, w.round = c, r
	total := 0.0
	for _, l := range losses {
		total += l
	}
	return total / float64(c.n())
}

// resize returns a slice of that length, v's if it is long enough.
func resize[T any](v []T, n int) []T {
	if cap(v) < n {
		return make([]T, n)
	}
	return v[:n]
}
