package gbdt

import (
	"tourney/trainers/kernels"
)

// formula returns the gradient, the hessian and the loss of a row by its score,
// given its target, in float32. They are LightGBM's.
type formula func(score, y float32) (grad, hess, loss float32)

// growth is a formula that knows e to the power of the score times one number,
// or two.
type growth func(score, y, a, b float32) (grad, hess, loss float32)

// absolute is |score - y|.
func absolute(score, y float32) (grad, hess, loss float32) {
	e := score - y
	switch {
	case e > 0:
		return 1, 1, e
	case e < 0:
		return -1, 1, -e
	}
	return e, 1, e // 0, or NaN
}

// huber is (score-y)²/2 up to a distance of alpha, and linear beyond (Huber,
// "Robust estimation of a location parameter", Ann. Math. Statist. 35(1), 1964).
func huber(alpha float32) formula {
	return func(score, y float32) (grad, hess, loss float32) {
		e := score - y
		switch {
		case e > alpha:
			return alpha, 1, alpha * (e - float32(0.5*alpha))
		case e < -alpha:
			return -alpha, 1, alpha * (-e - float32(0.5*alpha))
		}
		return e, 1, float32(e*e) * 0.5
	}
}

// fair is c²·(|e|/c - log(1+|e|/c)), e being score - y.
func fair(c float32) formula {
	return func(score, y float32) (grad, hess, loss float32) {
		e := score - y
		a := max(e, -e)
		d := a + c
		grad = float32(c*e) / d
		hess = float32(c/d) * float32(c/d)
		return grad, hess, c * (a - float32(c*kernels.Log(1+a/c)))
	}
}

// pinball is the loss of the quantile tau (Koenker and Bassett, "Regression
// quantiles", Econometrica 46(1), 1978). At score = y it counts as above.
func pinball(tau float32) formula {
	return func(score, y float32) (grad, hess, loss float32) {
		e := score - y
		if e < 0 {
			return -tau, 1, -float32(tau * e)
		}
		return 1 - tau, 1, float32((1 - tau) * e)
	}
}

// poisson is e^score - y·score, the negative log likelihood of counts. Its
// hessian is made larger by e^step, so that steps are bounded.
func poisson(step float32) (growth, []float32) {
	larger := kernels.Exp(step)
	return func(score, y, mean, _ float32) (grad, hess, loss float32) {
		return mean - y, float32(mean * larger), mean - float32(y*score)
	}, []float32{1}
}

// gamma is y/e^score + score, the negative log likelihood of the gamma
// distribution but for its shape.
func gamma() (growth, []float32) {
	return func(score, y, inverse, _ float32) (grad, hess, loss float32) {
		ratio := float32(y * inverse)
		return 1 - ratio, ratio, ratio + score
	}, []float32{-1}
}

// tweedie is the negative log likelihood of a variance that grows as the mean
// to the power rho, 1 < rho < 2, but for terms without the score.
func tweedie(rho float64) (growth, []float32) {
	down, up := float32(1-rho), float32(2-rho)
	return func(_, y, a, b float32) (grad, hess, loss float32) {
		a = float32(y * a)
		grad = b - a
		hess = float32(up*b) - float32(down*a)
		return grad, hess, b/up - a/down
	}, []float32{down, up}
}
