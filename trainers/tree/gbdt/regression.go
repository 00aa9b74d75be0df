package gbdt

import (
	"fmt"
	"math"

	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/kernels"
	"tourney/trainers/lap"
	"tourney/trainers/metrics"
	"tourney/trainers/tree/ensemble"
)

// regression is an objective by a formula.
type regression struct {
	f        *lap.Fold
	formula  formula
	growth   growth    // instead of formula, with the
	powers   []float32 // of e that it knows
	links    ensemble.Link
	constant bool    // hessians are the rows' weights
	distance bool    // nothing matters but target minus score
	base     float32 // by which the target is shifted, if distance
}

// newRegression makes an objective of regression, and checks that the target
// is one that it can have.
func newRegression(name string, v heat.Values, f *lap.Fold) (objective, error) {
	r := regression{f: f, links: ensemble.Identity, constant: true, distance: true}
	alpha := v.Float("alpha")
	switch name {
	case "l2":
		return &squared{r}, nil
	case "huber":
		r.formula = huber(float32(alpha))
		return &r, nil
	case "fair":
		r.formula, r.constant = fair(float32(v.Float("fair_c"))), false
		return &r, nil
	case "l1":
		r.formula = absolute
		return &level{regression: r, tau: 0.5}, nil
	case "mape":
		r.formula = absolute
		return &level{regression: r, tau: 0.5, relative: true}, nil
	case "quantile":
		if alpha >= 1 {
			return nil, fmt.Errorf("parameter alpha: must be less than 1 for objective quantile, not %v", alpha)
		}
		r.formula = pinball(float32(alpha))
		return &level{regression: r, tau: alpha}, nil
	}
	r.links, r.constant, r.distance = ensemble.Exp, false, false
	switch name {
	case "poisson":
		r.growth, r.powers = poisson(float32(v.Float("poisson_max_delta_step")))
	case "gamma":
		r.growth, r.powers = gamma()
	default:
		r.growth, r.powers = tweedie(v.Float("tweedie_variance_power"))
	}
	return &r, r.checkPositive(name)
}

// checkPositive checks a target that is to be e to the power of scores.
func (r *regression) checkPositive(name string) error {
	least, most := float32(math.Inf(1)), float32(math.Inf(-1))
	for _, y := range r.f.Train.Y {
		least, most = min(least, y), max(most, y)
	}
	switch {
	case name == "gamma" && !(least > 0):
		return fmt.Errorf("parameter objective: gamma is for targets above 0, and there is %v", least)
	case !(least >= 0):
		return fmt.Errorf("parameter objective: %s is for targets of at least 0, and there is %v", name, least)
	case !(most > 0):
		return fmt.Errorf("parameter objective: %s has no use for targets that are all 0", name)
	}
	return nil
}

func (r *regression) link() ensemble.Link         { return r.links }
func (r *regression) flat() bool                  { return r.constant }
func (r *regression) told(mean float64) lap.Value { return lap.Value{Name: "train_loss", V: mean} }

// start is the mean, on the scale of scores.
func (r *regression) start() []float64 {
	mean, _ := metrics.Moments(r.f.Train.Y, r.f.Train.W, dataset.PartRows)
	if r.links == ensemble.Exp {
		mean = kernels.Log64(mean)
	}
	return []float64{single(mean)}
}

func (r *regression) begin(base []float64) []float64 {
	if !r.distance {
		return base
	}
	r.base = float32(base[0])
	return []float64{0}
}

// target returns the target of a block's rows, shifted.
func (r *regression) target(b *block) []float32 {
	y := r.f.Train.Y[b.lo:b.hi]
	if r.base == 0 {
		return y
	}
	for i, v := range y {
		b.z[i] = v - r.base
	}
	return b.z
}

func (r *regression) derive(b *block) float64 {
	grad := b.of(b.grad, 0)
	var hess []float32
	if b.hess != nil {
		hess = b.of(b.hess, 0)
	}
	if r.growth != nil {
		r.grow(b, grad, hess)
		return r.weigh(b, grad, hess)
	}
	y := r.target(b)
	if hess == nil {
		for i, score := range b.scores {
			grad[i], _, b.loss[i] = r.formula(score, y[i])
		}
		return r.weigh(b, grad, nil)
	}
	for i, score := range b.scores {
		grad[i], hess[i], b.loss[i] = r.formula(score, y[i])
	}
	return r.weigh(b, grad, hess)
}

// grow is the part of derive of an objective with a growth.
func (r *regression) grow(b *block, grad, hess []float32) {
	for k, power := range [][]float32{b.z, b.loss} {
		if k < len(r.powers) {
			for i, score := range b.scores {
				power[i] = r.powers[k] * score
			}
			kernels.ExpAll(power, power)
		}
	}
	for i, y := range r.f.Train.Y[b.lo:b.hi] {
		g, h, l := r.growth(b.scores[i], y, b.z[i], b.loss[i])
		grad[i], b.loss[i] = g, l
		if hess != nil {
			hess[i] = h
		}
	}
}

// weigh multiplies gradients and hessians, if there are, by the rows' weights
// and returns the sum of losses.
func (r *regression) weigh(b *block, grad, hess []float32) float64 {
	if r.f.Weight != nil {
		w := r.f.Weight[b.lo:b.hi]
		for i := range grad {
			grad[i] *= w[i]
		}
		for i := range hess {
			hess[i] *= w[i]
		}
	}
	return sum(r.f, b.lo, b.loss)
}

// squared is half the squared error.
type squared struct{ regression }

func (*squared) told(mean float64) lap.Value {
	return lap.Value{Name: "train_rmse", V: math.Sqrt(2 * mean)}
}

func (s *squared) derive(b *block) float64 {
	grad := b.of(b.grad, 0)
	copy(grad, b.scores)
	kernels.SquaredLoss(grad, b.loss, s.target(b), b.hi-b.lo, 1)
	if b.hess == nil {
		return s.weigh(b, grad, nil)
	}
	hess := b.of(b.hess, 0)
	for i := range hess {
		hess[i] = 1
	}
	return s.weigh(b, grad, hess)
}

// level is an objective of which the outputs of leaves are quantiles.
type level struct {
	regression
	tau      float64
	relative bool // rows count by one over the size of their target, at least 1
}

// share is by what a row counts, apart from its weight.
func (l *level) share(row int) float32 {
	if !l.relative {
		return 1
	}
	return 1 / max(1, float32(math.Abs(float64(l.f.Train.Y[row]))))
}

func (l *level) start() []float64 {
	rows := make([]residual, l.f.Train.N)
	for i, y := range l.f.Train.Y {
		rows[i] = residual{y, float32(l.f.WeightOf(i) * l.share(i))}
	}
	tau, weighted := l.quantile()
	return []float64{single(quantile(rows, tau, weighted))}
}

func (l *level) derive(b *block) float64 {
	loss := l.regression.derive(b)
	if !l.relative {
		return loss
	}
	grad := b.of(b.grad, 0)
	for i := range grad {
		s := l.share(b.lo + i)
		grad[i] *= s
		b.loss[i] *= s
	}
	return sum(l.f, b.lo, b.loss)
}

func (l *level) left(row int, score float32) residual {
	return residual{l.f.Train.Y[row] - l.base - score, float32(l.f.WeightOf(row) * l.share(row))}
}

func (l *level) quantile() (tau float64, weighted bool) {
	return l.tau, l.f.Weight != nil || l.relative
}
