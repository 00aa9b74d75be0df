package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jmoiron/sqlx"

	"tourney"
)

// History returns the reports of a sweep as folded, oldest first, thinned to
// at most limit points. Of the reports of rungs that have a value it keeps
// every improvement, and as many of the others, evenly, as there is room for.
// If there are more improvements than limit, they are thinned too, and the
// last is kept.
func (r *Reader) History(ctx context.Context, sweep string, limit int) (points []tourney.HistoryPoint, err error) {
	const op = "read history"
	err = r.look(ctx, op, sweep, []part{reportsPart}, func(_ *sqlx.Tx, v *viewSweep) error {
		points = v.history(limit)
		return nil
	})
	return points, err
}

// mustKnow returns tourney.ErrNotFound for a sweep that is not there, or is
// being deleted.
func mustKnow(ctx context.Context, q queryer, op, sweep string) error {
	var there int
	err := q.GetContext(ctx, &there, `SELECT 1 FROM sweeps WHERE id = ? AND deleting = 0`, sweep)
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("sweep %s: %w", sweep, tourney.ErrNotFound)
	}
	return sqlError(op, err)
}

// history returns the reports with the best so far, thinned.
func (v *viewSweep) history(limit int) []tourney.HistoryPoint {
	list := v.reports.list
	all, keep := make([]int, len(list)), make([]int, len(v.reports.improved))
	for i := range all {
		all[i] = i
	}
	for i, k := range v.reports.improved {
		keep[i] = int(k)
	}
	points := make([]tourney.HistoryPoint, 0, min(len(list), limit))
	best := 0 // of keep
	for _, i := range thin(all, keep, pageSize(limit)) {
		for best+1 < len(keep) && keep[best+1] <= i {
			best++
		}
		rep := &list[i]
		points = append(points, tourney.HistoryPoint{
			At: fromMicros(rep.at), Trial: int(rep.trial), Rung: int(rep.rung), Step: int(rep.step), Value: rep.value, Best: list[keep[best]].value,
		})
	}
	return points
}

// thin keeps at most limit of the points 0, 1, 2, …, in order: those in keep, and others evenly.
func thin(points, keep []int, limit int) []int {
	if len(points) <= limit {
		return points
	}
	if len(keep) > limit {
		return evenly(keep, limit)
	}
	rest := make([]int, 0, len(points)-len(keep))
	for i, k := 0, 0; i < len(points); i++ {
		if k < len(keep) && keep[k] == i {
			k++
			continue
		}
		rest = append(rest, i)
	}
	return merge(keep, evenly(rest, limit-len(keep)))
}

// evenly returns n of the indices, spread evenly, the last among them.
func evenly(indices []int, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = indices[(i+1)*len(indices)/n-1]
	}
	return out
}

// merge merges two sorted lists that share nothing.
func merge(a, b []int) []int {
	out := make([]int, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if a[0] < b[0] {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}
