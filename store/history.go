package store

import (
	"context"
	"encoding/json"
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
	err = r.read(ctx, op, func(tx *sqlx.Tx) error {
		metric, err := metricOf(ctx, tx, op, sweep)
		if err != nil {
			return err
		}
		points, err = readReports(ctx, tx, op, sweep)
		if err != nil {
			return err
		}
		points = thin(points, runBest(points, metric), pageSize(limit))
		return nil
	})
	return points, err
}

func metricOf(ctx context.Context, q queryer, op, sweep string) (tourney.Metric, error) {
	var metric tourney.Metric
	var goals []tourney.Goal
	if err := q.SelectContext(ctx, &goals, `SELECT goal FROM sweeps WHERE id = ? AND deleting = 0`, sweep); err != nil {
		return metric, sqlError(op, err)
	}
	if len(goals) == 0 {
		return metric, fmt.Errorf("sweep %s: %w", sweep, tourney.ErrNotFound)
	}
	metric.Goal = goals[0]
	return metric, nil
}

// readReports returns the folded ends of rung jobs that have a value, in the
// order of the log, without Best.
func readReports(ctx context.Context, q queryer, op, sweep string) ([]tourney.HistoryPoint, error) {
	type place struct {
		Trial int `db:"trial"`
		Rung  int `db:"rung"`
	}
	var list []place
	if err := q.SelectContext(ctx, &list, `SELECT trial, rung FROM jobs WHERE sweep = ? AND kind = 'final'`, sweep); err != nil {
		return nil, sqlError(op, err)
	}
	final := make(map[place]bool, len(list))
	for _, p := range list {
		final[p] = true
	}
	rows, err := q.QueryxContext(ctx, `SELECT at, body FROM events WHERE sweep = ? AND kind = 'reported' ORDER BY seq`, sweep)
	if err != nil {
		return nil, sqlError(op, err)
	}
	defer rows.Close()
	var points []tourney.HistoryPoint
	for rows.Next() {
		var at int64
		var body []byte
		if err := rows.Scan(&at, &body); err != nil {
			return nil, sqlError(op, err)
		}
		// Of tourney.Reported, what the curve needs.
		var e struct {
			Trial, Rung, Step int
			Outcome           tourney.Outcome
			Value             *float64
		}
		if err := json.Unmarshal(body, &e); err != nil {
			return nil, fmt.Errorf("%s: reported event: %w", op, err)
		}
		if e.Outcome == tourney.OutcomeDone && e.Value != nil && !final[place{e.Trial, e.Rung}] {
			points = append(points, tourney.HistoryPoint{At: fromMicros(at), Trial: e.Trial, Rung: e.Rung, Step: e.Step, Value: *e.Value})
		}
	}
	return points, sqlError(op, rows.Err())
}

// runBest fills in Best and returns which points are improvements, by index.
func runBest(points []tourney.HistoryPoint, metric tourney.Metric) []int {
	var improved []int
	for i := range points {
		p := &points[i]
		p.Best = p.Value
		if i > 0 {
			if best := points[i-1].Best; metric.Loss(p.Value) >= metric.Loss(best) {
				p.Best = best
				continue
			}
		}
		improved = append(improved, i)
	}
	return improved
}

// thin keeps at most limit points, in order: those in keep, and others evenly.
func thin(points []tourney.HistoryPoint, keep []int, limit int) []tourney.HistoryPoint {
	if len(points) <= limit {
		return points
	}
	if len(keep) > limit {
		return pick(points, evenly(keep, limit))
	}
	rest := make([]int, 0, len(points)-len(keep))
	for i, k := 0, 0; i < len(points); i++ {
		if k < len(keep) && keep[k] == i {
			k++
			continue
		}
		rest = append(rest, i)
	}
	return pick(points, merge(keep, evenly(rest, limit-len(keep))))
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

func pick(points []tourney.HistoryPoint, indices []int) []tourney.HistoryPoint {
	out := make([]tourney.HistoryPoint, len(indices))
	for i, at := range indices {
		out[i] = points[at]
	}
	return out
}
