package mlp

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/lap"
)

// problem implements lap.Problem.
type problem struct {
	*lap.Data
	pool *heat.Pool

	mu    sync.Mutex
	desks []*desk // those that nobody works at
}

func newProblem(d *lap.Data, pool *heat.Pool) (lap.Problem, error) {
	return &problem{Data: d, pool: pool}, nil
}

// outputs is how many outputs a network has: of two classes the logit of the
// second alone, which is half the arithmetic.
func (p *problem) outputs() int { return outputsOf(p.Classes) }

func outputsOf(classes int) int {
	if classes == 2 {
		return 1
	}
	return max(1, classes)
}

// Fit returns a network that has not been trained.
func (p *problem) Fit(t *lap.Trial, f *lap.Fold) (lap.Fit, error) {
	s, err := newSettings(t)
	if err != nil {
		return nil, err
	}
	shape, err := newShape(f.Train.D, s.hidden, p.outputs(), t.Values.Word("activation"), s.norm)
	if err != nil {
		return nil, err
	}
	return newFit(p, f, t, s, shape), nil
}

// togetherFlops is how much arithmetic a batch has to have for the slots to
// share it: so much that waiting for each other is a small part of it.
const togetherFlops = 16e6

// Pass trains fits by one epoch: side by side, and those that are left when
// there are fewer than slots each on all slots, if they are large enough. How
// they are dealt out changes no bit.
func (p *problem) Pass(ctx context.Context, fits []lap.Fit) {
	all := make([]*fit, len(fits))
	for i, f := range fits {
		all[i] = f.(*fit)
	}
	alone, together := p.deal(all)
	p.pool.Do(len(alone), func(i int) {
		d := p.take()
		alone[i].passAlone(ctx, d)
		p.give(d)
	})
	for _, f := range together {
		p.passTogether(ctx, f)
	}
}

// deal says which fits train side by side, the dearest first, and which on all
// slots one after another.
func (p *problem) deal(fits []*fit) (alone, together []*fit) {
	slots := p.pool.Slots()
	sorted := slices.SortedStableFunc(slices.Values(fits), func(a, b *fit) int { return cmp.Compare(b.flops(1), a.flops(1)) })
	rest := len(fits) % slots
	for _, f := range sorted {
		if slots > 1 && len(together) < rest && f.flops(f.batch) >= togetherFlops {
			together = append(together, f)
		} else {
			alone = append(alone, f)
		}
	}
	return alone, together
}

// take returns a desk to work at.
func (p *problem) take() *desk {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.desks); n > 0 {
		d := p.desks[n-1]
		p.desks = p.desks[:n-1]
		return d
	}
	return &desk{}
}

// give returns a desk for others.
func (p *problem) give(d *desk) {
	p.mu.Lock()
	defer p.mu.Unlock()
	d.fit = nil
	p.desks = append(p.desks, d)
}

// Scorers gives each fit to a scorer of its own.
func (p *problem) Scorers(fits []lap.Fit) []lap.Scorer {
	scorers := make([]lap.Scorer, len(fits))
	for i, f := range fits {
		scorers[i] = scorer{fits: fits[i : i+1], network: f.(*fit).network()}
	}
	return scorers
}

// scorer implements lap.Scorer.
type scorer struct {
	fits    []lap.Fit
	network *network
}

// Fits returns the fit.
func (s scorer) Fits() []lap.Fit { return s.fits }

// Score computes the outputs of rows.
func (s scorer) Score(m *dataset.Matrix, lo, hi int, out [][]float32) {
	s.network.Predict(m, lo, hi, out[0])
}
