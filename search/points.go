package search

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"tourney"
)

// points are what a user wants to be tried first.
type points struct{ list []tourney.Params }

// newPoints checks the points. Each may leave parameters out, which are drawn
// then.
func newPoints(list []tourney.Params, c *cube) (points, error) {
	var errs []tourney.FieldError
	for i, point := range list {
		for _, e := range c.checkPoint(point) {
			e.Path = fmt.Sprintf("points.%d", i) + e.Path
			errs = append(errs, e)
		}
	}
	if len(errs) > 0 {
		return points{}, &tourney.InvalidError{Fields: errs}
	}
	return points{list: list}, nil
}

// next returns the point of the next trial, if it is one of the list and may
// be proposed.
func (p *points) next(rng *rand.Rand, h *History) (tourney.Params, bool) {
	number := h.Sampled()
	if number >= len(p.list) {
		return nil, false
	}
	u := make([]float64, h.Dim())
	for i := range u {
		u[i] = rng.Float64()
	}
	params := h.cube.complete(p.list[number], u)
	return params, h.Open(params)
}

// complete returns the point with these values, and those at u for parameters
// that have none.
func (c *cube) complete(point tourney.Params, u []float64) tourney.Params {
	params := make(tourney.Params, len(c.space))
	axis := -1
	for _, i := range c.order {
		p := &c.space[i]
		if !p.Fixed() {
			axis++
		}
		v, given := point[p.Name]
		switch {
		case !p.Active(params):
		case p.Fixed():
			params[p.Name] = writable(p, p.Value)
		case given:
			params[p.Name] = writable(p, v)
		default:
			params[p.Name] = writable(p, p.Decode(u[axis]))
		}
	}
	return params
}

// checkPoint returns what is wrong with a point of the list, with paths that
// begin with a dot.
func (c *cube) checkPoint(point tourney.Params) []tourney.FieldError {
	var errs []tourney.FieldError
	for name := range point {
		if c.space.Lookup(name) == nil {
			errs = append(errs, tourney.FieldError{Path: "." + name, Message: "there is no such parameter" + tourney.DidYouMean(name, names(c.space))})
		}
	}
	slices.SortFunc(errs, func(a, b tourney.FieldError) int {
		if a.Path < b.Path {
			return -1
		}
		return 1
	})
	for i := range c.space {
		p := &c.space[i]
		v, given := point[p.Name]
		if !given {
			continue
		}
		if message := p.Refuses(v); message != "" {
			errs = append(errs, tourney.FieldError{Path: "." + p.Name, Message: message})
		}
	}
	return errs
}

// warm takes what a past sweep has learnt of the parameters that both have,
// each loss in standard deviations from the past sweep's mean, so that sweeps
// over other data can be compared. A trial that shares no parameter is left
// out.
func (h *History) warm(e tourney.Warmed, metric tourney.Metric) {
	var losses []float64
	for _, past := range e.Trials {
		if past.Value != nil {
			losses = append(losses, metric.Loss(*past.Value))
		}
	}
	mean, sd := meanSD(losses)
	for _, past := range e.Trials {
		point, shared := h.cube.pastPoint(past.Params)
		if shared == 0 {
			continue
		}
		loss := math.Inf(1)
		if past.Value != nil {
			loss = (metric.Loss(*past.Value) - mean) / sd
		}
		h.past = append(h.past, Past{Sweep: e.Sweep, Point: h.cube.view(h.views, point), Loss: loss})
	}
}

// meanSD returns the mean and the standard deviation, 1 if that is 0.
func meanSD(xs []float64) (mean, sd float64) {
	for _, x := range xs {
		mean += x / float64(len(xs))
	}
	for _, x := range xs {
		sd += (x - mean) * (x - mean) / float64(len(xs))
	}
	if sd = math.Sqrt(sd); sd == 0 || math.IsNaN(sd) || math.IsInf(sd, 0) {
		sd = 1
	}
	return mean, sd
}

// pastPoint returns the coordinates of a past trial, NaN where it has no value
// or one that this space does not take, and how many it has.
func (c *cube) pastPoint(params tourney.Params) (u []float64, shared int) {
	for i := range c.axes {
		a := &c.axes[i]
		v, ok := params[a.param.Name]
		if !ok || a.param.Refuses(v) != "" {
			u = append(u, math.NaN())
			continue
		}
		shared++
		u = append(u, a.encode(v))
	}
	return u, shared
}
