package store

import (
	"cmp"
	"context"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/jmoiron/sqlx"

	"tourney"
)

const (
	maxLines      = 2000 // of parallel coordinates
	maxPoints     = 5000 // of a slice; more are shown in cells
	sliceColumns  = 60
	sliceRows     = 40
	contourCells  = 24 // a side
	fewCells      = 6
	maxSteps      = 400
	maxCurves     = 100
	maxCurveSteps = 200
)

// sample returns a subset of the list, by index, with those in keep and others
// drawn by a fixed seed: a look that is repeated shows the same.
func sample(list, keep []int32, limit int) []int32 {
	if len(list) <= limit {
		return list
	}
	chosen := make(map[int32]bool, limit)
	for _, i := range keep[:min(len(keep), limit)] {
		chosen[i] = true
	}
	rng := rand.New(rand.NewPCG(uint64(len(list)), 1))
	rest := slices.Clone(list)
	for k := range rest { // a shuffle, as far as it is needed
		if len(chosen) == limit {
			break
		}
		j := k + rng.IntN(len(rest)-k)
		rest[k], rest[j] = rest[j], rest[k]
		chosen[rest[k]] = true
	}
	out := make([]int32, 0, limit)
	for _, i := range list {
		if chosen[i] {
			out = append(out, i)
		}
	}
	return out
}

// shown returns an axis with the range of the values that a list has on it.
// Of a parameter with levels it is all of them.
func (a *viewAxis) shown(list []int32) tourney.Axis {
	out := a.Axis
	out.Low, out.High = math.Inf(1), math.Inf(-1)
	for _, i := range list {
		if x := a.values[i]; !math.IsNaN(x) {
			out.Low, out.High = min(out.Low, x), max(out.High, x)
		}
	}
	switch {
	case a.levels != nil:
		out.Low, out.High = 0, float64(max(len(a.Levels)-1, 0))
	case out.Low > out.High:
		out.Low, out.High = 0, 1
	}
	out.Log = out.Log && out.Low > 0
	return out
}

// ViewParallel samples trials that have a value for parallel coordinates. In
// the sample are the best tenth of it, and the trials that are lowest and
// highest on each axis.
func (r *Reader) ViewParallel(ctx context.Context, sweep string, req tourney.ViewRequest) (view tourney.ViewParallel, err error) {
	err = r.look(ctx, "view parallel coordinates", sweep, []part{trialsPart}, func(_ *sqlx.Tx, v *viewSweep) error {
		list, err := v.where(req.Where)
		if err != nil {
			return err
		}
		t := &v.trials
		list = v.valued(list)
		all := list // axes stay as they are while a reader narrows what is on them
		if len(req.Where) > 0 {
			if all, err = v.where(nil); err != nil {
				return err
			}
			all = v.valued(all)
		}
		limit := maxLines
		if req.Limit > 0 {
			limit = min(req.Limit, maxLines)
		}
		view = tourney.ViewParallel{Total: len(list), Of: t.len(), Axes: []tourney.Axis{}, Trials: []int{}, Rungs: []int{}, Values: tourney.Series{}, Columns: []tourney.Series{}}
		list = sample(list, v.landmarks(list, limit), limit)
		for _, i := range list {
			view.Trials = append(view.Trials, t.number(i))
			view.Rungs = append(view.Rungs, int(t.rung[i]))
			view.Values = append(view.Values, t.value[i])
		}
		for k := range t.axes {
			a := &t.axes[k]
			column := make(tourney.Series, len(list))
			for n, i := range list {
				column[n] = a.values[i]
			}
			view.Axes, view.Columns = append(view.Axes, a.shown(all)), append(view.Columns, column)
		}
		return nil
	})
	return view, err
}

// landmarks are the trials that a sample must not lose, the most important
// first: the best, those at the ends of the axes, and more of the best.
func (v *viewSweep) landmarks(list []int32, limit int) []int32 {
	if len(list) <= limit {
		return nil
	}
	t := &v.trials
	best := v.bestOf(list, max(limit/10, 1))
	keep := slices.Clone(best[:1])
	for k := range t.axes {
		low, high := int32(-1), int32(-1)
		values := t.axes[k].values
		for _, i := range list {
			if x := values[i]; !math.IsNaN(x) {
				if low < 0 || x < values[low] {
					low = i
				}
				if high < 0 || x > values[high] {
					high = i
				}
			}
		}
		if low >= 0 {
			keep = append(keep, low, high)
		}
	}
	return append(keep, best[1:]...)
}

// bestOf returns the n best of a list by value, the best first: it goes through
// the list once and sorts only what may be among them.
func (v *viewSweep) bestOf(list []int32, n int) []int32 {
	t := &v.trials
	compare := func(a, b int32) int { return cmp.Or(cmp.Compare(v.loss(t.value[a]), v.loss(t.value[b])), int(a-b)) }
	best := make([]int32, 0, 2*n)
	for _, i := range list {
		if len(best) >= n && compare(i, best[n-1]) > 0 {
			continue // best[:n] may be unsorted, but n of them are no worse than best[n-1]
		}
		if best = append(best, i); len(best) == 2*n {
			slices.SortFunc(best, compare)
			best = best[:n]
		} else if len(best) == n {
			slices.SortFunc(best, compare)
		}
	}
	slices.SortFunc(best, compare)
	return best[:min(n, len(best))]
}

// ViewSlice returns the values of trials over one axis: as points, or beyond
// 5,000 in cells.
func (r *Reader) ViewSlice(ctx context.Context, sweep string, req tourney.ViewRequest) (view tourney.ViewSlice, err error) {
	err = r.look(ctx, "view slice", sweep, []part{trialsPart}, func(_ *sqlx.Tx, v *viewSweep) error {
		list, err := v.where(req.Where)
		if err != nil {
			return err
		}
		t := &v.trials
		a := t.axis(req.Axis)
		if a == nil {
			return noAxis("axis", req.Axis, t)
		}
		list = slices.DeleteFunc(v.valued(list), func(i int32) bool { return math.IsNaN(a.values[i]) })
		view = tourney.ViewSlice{Total: len(list), Of: t.len(), Axis: a.shown(list), Trials: []int{}, X: []float64{}, Values: []float64{}, Rungs: []int{}}
		if len(list) > maxPoints {
			low, high := v.valueRange(list)
			y := edges(tourney.Axis{Low: low, High: high}, sliceRows)
			grid := v.grid(list, edges(view.Axis, sliceColumns), y, a.values, t.value)
			view.Grid = &grid
			return nil
		}
		for _, i := range list {
			view.Trials, view.Rungs = append(view.Trials, t.number(i)), append(view.Rungs, int(t.rung[i]))
			view.X, view.Values = append(view.X, a.values[i]), append(view.Values, t.value[i])
		}
		return nil
	})
	return view, err
}

// ViewContour returns the values of trials over two axes, in cells.
func (r *Reader) ViewContour(ctx context.Context, sweep string, req tourney.ViewRequest) (view tourney.ViewContour, err error) {
	err = r.look(ctx, "view contour", sweep, []part{trialsPart}, func(_ *sqlx.Tx, v *viewSweep) error {
		list, err := v.where(req.Where)
		if err != nil {
			return err
		}
		t := &v.trials
		x, y := t.axis(req.Axis), t.axis(req.Other)
		if x == nil {
			return noAxis("x", req.Axis, t)
		}
		if y == nil {
			return noAxis("y", req.Other, t)
		}
		list = slices.DeleteFunc(v.valued(list), func(i int32) bool { return math.IsNaN(x.values[i]) || math.IsNaN(y.values[i]) })
		view = tourney.ViewContour{Total: len(list), Of: t.len(), X: x.shown(list), Y: y.shown(list)}
		side := min(max(int(math.Sqrt(float64(len(list)))), fewCells), contourCells) // few trials would be lost in many cells
		view.Grid = v.grid(list, edges(view.X, side), edges(view.Y, side), x.values, y.values)
		return nil
	})
	return view, err
}

func noAxis(field, name string, t *viewTrials) error {
	names := make([]string, len(t.axes))
	for i := range t.axes {
		names[i] = t.axes[i].Name
	}
	return tourney.Invalid(field, "there is no parameter %q that varies; there are %v", name, names)
}

// edges cuts an axis into at most n cells of equal width, on its own scale;
// each level has a cell of its own.
func edges(a tourney.Axis, n int) []float64 {
	low, high := a.Low, a.High
	switch {
	case a.Levels != nil:
		n, low, high = len(a.Levels), -0.5, float64(len(a.Levels))-0.5
	case a.Log:
		low, high = math.Log(low), math.Log(high)
	}
	if high <= low {
		low, high, n = low-0.5, low+0.5, 1
	}
	out := make([]float64, n+1)
	for i := range out {
		out[i] = low + (high-low)*float64(i)/float64(n)
		if a.Log {
			out[i] = math.Exp(out[i])
		}
	}
	if a.Levels == nil && n > 1 { // the ends are exact
		out[0], out[n] = a.Low, a.High
	}
	return out
}

// cellOf returns the cell of a value; what is beyond the edges is in the
// outermost ones.
func cellOf(edges []float64, x float64) int {
	k, found := slices.BinarySearch(edges, x)
	if !found {
		k--
	}
	return min(max(k, 0), len(edges)-2)
}

// grid counts trials in cells.
func (v *viewSweep) grid(list []int32, x, y, xs, ys []float64) tourney.ViewGrid {
	t := &v.trials
	type cell struct {
		n      int
		sum    float64
		winner int32
	}
	columns, rows := len(x)-1, len(y)-1
	cells := make([]cell, columns*rows)
	for _, i := range list {
		c := &cells[cellOf(x, xs[i])*rows+cellOf(y, ys[i])]
		if c.n == 0 || v.loss(t.value[i]) < v.loss(t.value[c.winner]) {
			c.winner = i
		}
		c.n++
		c.sum += t.value[i]
	}
	g := tourney.ViewGrid{X: x, Y: y, Column: []int{}, Row: []int{}, Trials: []int{}, Mean: []float64{}, Best: []float64{}, Winner: []int{}}
	for k, c := range cells {
		if c.n == 0 {
			continue
		}
		g.Column, g.Row, g.Trials = append(g.Column, k/rows), append(g.Row, k%rows), append(g.Trials, c.n)
		g.Mean, g.Best = append(g.Mean, c.sum/float64(c.n)), append(g.Best, t.value[c.winner])
		g.Winner = append(g.Winner, t.number(c.winner))
	}
	return g
}

// valueRange is the range of values worth showing: all of the good side and
// nine tenths of the trials. A few hopeless ones would press the rest into a
// line; they are in the outermost cells.
func (v *viewSweep) valueRange(list []int32) (low, high float64) {
	values := v.valuesBestFirst(list)
	good, bad := values[0], values[len(values)*9/10]
	return min(good, bad), max(good, bad)
}

func (v *viewSweep) valuesBestFirst(list []int32) []float64 {
	values := make([]float64, len(list))
	for k, i := range list {
		values[k] = v.loss(v.trials.value[i])
	}
	slices.Sort(values)
	for k := range values {
		values[k] = v.loss(values[k]) // twice is the value itself
	}
	return values
}

// ViewDistribution returns the empirical distribution of the values of a
// selection, at no more than 400 of them, evenly spread, with both ends.
func (r *Reader) ViewDistribution(ctx context.Context, sweep string, req tourney.ViewRequest) (view tourney.ViewDistribution, err error) {
	err = r.look(ctx, "view distribution", sweep, []part{trialsPart}, func(_ *sqlx.Tx, v *viewSweep) error {
		list, err := v.where(req.Where)
		if err != nil {
			return err
		}
		list = v.valued(list)
		t := &v.trials
		order := make([]finish, len(list))
		for k, i := range list {
			order[k] = finish{v.loss(t.value[i]), i}
		}
		slices.SortFunc(order, compareFinishes)
		view = tourney.ViewDistribution{Total: len(list), Values: []float64{}, Share: []float64{}, Trials: []int{}}
		n := min(len(list), maxSteps)
		for k := range n {
			at := 0
			if n > 1 {
				at = k * (len(list) - 1) / (n - 1)
			}
			i := order[at].trial
			view.Values = append(view.Values, t.value[i])
			view.Share = append(view.Share, float64(at+1)/float64(len(list)))
			view.Trials = append(view.Trials, t.number(i))
		}
		return nil
	})
	return view, err
}

// ViewCurves returns learning curves of at most 100 trials of a selection, the
// best, the latest or any of them, each thinned to 200 steps that keep both
// ends.
func (r *Reader) ViewCurves(ctx context.Context, sweep string, req tourney.ViewRequest) (view tourney.ViewCurves, err error) {
	const op = "view curves"
	err = r.look(ctx, op, sweep, []part{trialsPart}, func(tx *sqlx.Tx, v *viewSweep) error {
		list, err := v.where(req.Where)
		if err != nil {
			return err
		}
		t := &v.trials
		list = slices.DeleteFunc(list, func(i int32) bool { return t.step[i] == 0 })
		view = tourney.ViewCurves{Metric: cmp.Or(req.Metric, v.head.metric.Name), Total: len(list), Metrics: []string{}, Curves: []tourney.ViewCurve{}}
		limit := min(cmp.Or(req.Limit, 40), maxCurves)
		switch req.Pick {
		case "latest":
			slices.SortFunc(list, func(a, b int32) int { return cmp.Or(cmp.Compare(t.created[b], t.created[a]), int(b-a)) })
			list = list[:min(limit, len(list))]
		case "random":
			list = sample(list, nil, limit)
		default:
			list = v.bestOnBoard(list, limit)
		}
		names := map[string]bool{}
		for _, i := range list {
			curve := tourney.ViewCurve{Trial: t.number(i), Rung: int(t.rung[i]), State: trialStates[t.state[i]], Steps: []int{}, Values: []float64{}}
			if err := readCurve(ctx, tx, op, sweep, view.Metric, &curve, names); err != nil {
				return err
			}
			if len(curve.Steps) > 0 {
				view.Curves = append(view.Curves, curve)
			}
		}
		for name := range names {
			view.Metrics = append(view.Metrics, name)
		}
		slices.Sort(view.Metrics)
		return nil
	})
	return view, err
}

// bestOnBoard returns the first n of a list as the board has them.
func (v *viewSweep) bestOnBoard(list []int32, n int) []int32 {
	list = slices.Clone(list)
	slices.SortFunc(list, v.compareBoard)
	return list[:min(n, len(list))]
}

// readCurve reads the steps of a trial that a chart has room for: every k-th,
// and the last. The names of all metrics of its last step enter names.
func readCurve(ctx context.Context, tx *sqlx.Tx, op, sweep, metric string, curve *tourney.ViewCurve, names map[string]bool) error {
	var steps []int
	if err := tx.SelectContext(ctx, &steps, `SELECT step FROM points WHERE sweep = ? AND trial = ? ORDER BY step`, sweep, curve.Trial); err != nil {
		return sqlError(op, err)
	}
	stride := 1
	if len(steps) > maxCurveSteps {
		stride = (len(steps)-1)/(maxCurveSteps-1) + 1
	}
	query, args := `SELECT step, metrics FROM points WHERE sweep = ? AND trial = ? ORDER BY step`, []any{sweep, curve.Trial}
	if stride > 1 {
		query = `SELECT step, metrics FROM (SELECT step, metrics, row_number() OVER (ORDER BY step) - 1 AS n FROM points WHERE sweep = ? AND trial = ?)
			WHERE n % ? = 0 OR step = ? ORDER BY step`
		args = append(args, stride, steps[len(steps)-1])
	}
	var rows []struct {
		Step    int    `db:"step"`
		Metrics []byte `db:"metrics"`
	}
	if err := tx.SelectContext(ctx, &rows, query, args...); err != nil {
		return sqlError(op, err)
	}
	for k, row := range rows {
		value, found := 0.0, false
		err := scanObject(row.Metrics, func(key, text []byte) {
			if string(key) == metric {
				value, found = parseFloat(text)
			}
			if k == len(rows)-1 {
				names[string(key)] = true
			}
		})
		if err != nil {
			return err
		}
		if found {
			curve.Steps, curve.Values = append(curve.Steps, row.Step), append(curve.Values, value)
		}
	}
	return nil
}
