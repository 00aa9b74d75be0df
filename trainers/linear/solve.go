package linear

import (
	"context"
	"math"

	"tourney/trainers/linear/gram"
)

// solve solves fits of squared loss from the products of their fold, which all
// trials of the heat share.
func (p *problem) solve(ctx context.Context, fits []*fit) {
	for _, f := range fits {
		if f.solved || ctx.Err() != nil {
			continue
		}
		if f.fold.solved == nil {
			f.fold.solved = gram.Gather(p.pool, f.fold.Train, f.fold.Target, f.fold.Weight)
		}
	}
	p.pool.Do(len(fits), func(i int) {
		f := fits[i]
		if f.solved || ctx.Err() != nil {
			return
		}
		w, intercept := f.fold.solved.Solve(f.penalty1, f.penalty2)
		for j, v := range w {
			f.w[j] = float32(v)
		}
		f.w[len(w)] = float32(intercept)
		f.loss = f.fold.solved.Loss(w) * float64(f.fold.Train.N)
		f.diverged = math.IsNaN(f.loss)
		f.solved = true
	})
}
