package linear

import (
	"context"
	"slices"

	"tourney/dataset"
	"tourney/trainers/linear/lbfgs"
)

// iterate takes fits through one iteration of L-BFGS each. All points that any
// of them wants to know are evaluated in one pass over the rows, and then all
// points that came of that, until the slowest line search is over. Fits whose
// iteration is over earlier have the first point of their next one evaluated
// with the others', rather than leave their columns empty; fits that are to see
// more rows wait for those that still see fewer: what a fit is told does not
// depend on when.
func (p *problem) iterate(ctx context.Context, fits []*fit) {
	moved := map[*fit]bool{}
	for ctx.Err() == nil {
		var want, ahead []*fit
		stages := 0 // to come, of those that have the most
		for _, f := range fits {
			for !moved[f] && f.evaluated {
				moved[f] = f.take()
			}
			switch {
			case f.evaluated || f.diverged || f.quasi.State() != lbfgs.Going:
			case !moved[f]:
				want, stages = append(want, f), max(stages, len(f.stages))
			case f.trial.Step+1 < f.trial.Job.Budget:
				ahead = append(ahead, f)
			}
		}
		if len(want) == 0 {
			return
		}
		if stages > 0 { // wait for those that see fewer rows yet
			want = slices.DeleteFunc(want, func(f *fit) bool { return len(f.stages) < stages })
			ahead = nil
		}
		p.evaluate(ctx, append(want, ahead...))
	}
}

// take tells the minimiser of a fit what its point came to, and reports whether
// that closes an iteration on all rows.
func (f *fit) take() bool {
	f.evaluated = false
	closed := f.quasi.Take(f.value, f.gradient)
	if len(f.stages) > 0 {
		f.stage(closed)
		return false
	}
	if f.start > 0 && !(finite(f.quasi.F()) && finite(f.quasi.Length())) { // of rows that the sample has not
		f.start, f.quasi = 0, lbfgs.New(f.w, f.options())
		return false
	}
	f.start = 0
	if !closed && f.quasi.State() == lbfgs.Going {
		return false
	}
	copy(f.w, f.quasi.X())
	f.diverged = !finite(f.quasi.F())
	return true
}

// item is a part of the rows of a panel.
type item struct {
	of     int // panel
	lo, hi int
}

// evaluate tells fits the mean loss and its gradient at the points that their
// minimisers want. Parts of all panels go over the pool in waves, so that
// memory is bounded; they are added in order, in float64.
func (p *problem) evaluate(ctx context.Context, fits []*fit) {
	type key struct {
		fold *fold
		loss string
		rows int
	}
	small := fits[0].stageRows() <= dataset.PartRows*p.pool.Slots()
	var panels []*panel
	var items []item
	for _, group := range p.deal(fits, small, func(f *fit) any { return key{f.fold, f.setting.loss, f.stageRows()} }) {
		pan := newPanel(group[0].fold, group)
		for i, f := range group {
			pan.put(pan.w, f.quasi.Point(), i)
		}
		n := group[0].stageRows()
		for lo := 0; lo < n; lo += dataset.PartRows {
			items = append(items, item{len(panels), lo, min(lo+dataset.PartRows, n)})
		}
		panels = append(panels, pan)
	}
	losses, gradients := make([][]float64, len(panels)), make([][]float64, len(panels))
	for i, pan := range panels {
		losses[i], gradients[i] = make([]float64, pan.l), make([]float64, len(pan.w))
	}
	sums := make([]*sum, min(len(items), 2*p.pool.Slots()))
	of := make([]int, len(sums)) // the panel that a sum fits
	for len(items) > 0 && ctx.Err() == nil {
		wave := items[:min(len(items), len(sums))]
		p.pool.Do(len(wave), func(i int) {
			pan := panels[wave[i].of]
			if sums[i] == nil || of[i] != wave[i].of {
				sums[i], of[i] = pan.newSum(), wave[i].of
			}
			sums[i].clear()
			pan.add(sums[i], wave[i].lo, wave[i].hi)
		})
		for i, it := range wave {
			addTo(gradients[it.of], sums[i].g)
			for j, v := range sums[i].loss {
				losses[it.of][j] += v
			}
		}
		items = items[len(wave):]
	}
	for i, pan := range panels {
		pan.tell(losses[i], gradients[i])
	}
}

func addTo(total []float64, g []float32) {
	total = total[:len(g)]
	for i, v := range g {
		total[i] += float64(v)
	}
}

// tell gives the fits of a panel their means.
func (p *panel) tell(losses, gradients []float64) {
	n := float64(p.fits[0].stageRows())
	for i, f := range p.fits {
		if f.gradient == nil {
			f.gradient = make([]float64, len(f.w))
		}
		f.value = p.lossOf(losses, i) / n
		for j := range len(f.w) / p.k {
			for q := range p.k {
				f.gradient[j*p.k+q] = gradients[j*p.c+i*p.k+q] / n
			}
		}
		f.evaluated = true
	}
}
