package store

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"

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
		points, err = r.readReports(ctx, tx, op, sweep)
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

// curves are the reports of the sweeps that were looked at last, so that a look
// reads only what came since. A report never changes, and a sweep that is gone
// never comes back under its id.
type curves struct {
	mu    sync.Mutex
	known map[string]*curve
	looks int64
}

// maxCurves bounds how many sweeps are remembered.
const maxCurves = 4

// curve is what is known of one sweep: its reports up to an event.
type curve struct {
	mu     sync.Mutex
	seq    int64
	points []curvePoint
	looked int64 // guarded by curves.mu
}

// curvePoint is a tourney.HistoryPoint without Best in less memory.
type curvePoint struct {
	at    int64
	value float64
	trial int32 // there are no more than tourney.MaxTrials
	rung  int32
	step  int64
}

// of returns the curve of a sweep, and forgets that which was not looked at for
// longest if there are too many.
func (c *curves) of(sweep string) *curve {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.looks++
	k := c.known[sweep]
	if k == nil {
		if c.known == nil {
			c.known = map[string]*curve{}
		}
		if len(c.known) >= maxCurves {
			oldest := ""
			for id, other := range c.known {
				if oldest == "" || other.looked < c.known[oldest].looked {
					oldest = id
				}
			}
			delete(c.known, oldest)
		}
		k = &curve{}
		c.known[sweep] = k
	}
	k.looked = c.looks
	return k
}

// readReports returns the folded ends of rung jobs that have a value, in the
// order of the log, without Best.
func (r *Reader) readReports(ctx context.Context, q queryer, op, sweep string) ([]tourney.HistoryPoint, error) {
	k := r.curves.of(sweep)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err := k.follow(ctx, q, op, sweep); err != nil {
		return nil, err
	}
	points := make([]tourney.HistoryPoint, len(k.points))
	for i, p := range k.points {
		points[i] = tourney.HistoryPoint{At: fromMicros(p.at), Trial: int(p.trial), Rung: int(p.rung), Step: int(p.step), Value: p.value}
	}
	return points, nil
}

// follow reads the reports that came since the last look.
func (k *curve) follow(ctx context.Context, q queryer, op, sweep string) error {
	type place struct {
		Trial int `db:"trial"`
		Rung  int `db:"rung"`
	}
	var list []place
	if err := q.SelectContext(ctx, &list, `SELECT trial, rung FROM jobs WHERE sweep = ? AND kind = 'final'`, sweep); err != nil {
		return sqlError(op, err)
	}
	final := make(map[place]bool, len(list))
	for _, p := range list {
		final[p] = true
	}
	rows, err := q.QueryxContext(ctx, `SELECT seq, at, kind, body FROM events WHERE sweep = ? AND seq > ? AND (kind = 'reported' OR kind = '`+batchKind+`') ORDER BY seq`,
		sweep, k.seq)
	if err != nil {
		return sqlError(op, err)
	}
	defer rows.Close()
	for rows.Next() {
		var row eventRow
		if err := rows.Scan(&row.Seq, &row.At, &row.Kind, &row.Body); err != nil {
			return sqlError(op, err)
		}
		items := []batched{{row.Kind, []byte(row.Body)}}
		if row.Kind == batchKind {
			if items, err = splitBatch(row.Body); err != nil {
				return fmt.Errorf("%s: event %d: %w", op, row.Seq, err)
			}
		}
		known := len(k.points)
		for _, item := range items {
			if item.kind != "reported" {
				continue
			}
			// Of tourney.Reported, what the curve needs.
			var e struct {
				Trial, Rung, Step int
				Outcome           tourney.Outcome
				Value             *float64
			}
			if err := json.Unmarshal(item.body, &e); err != nil {
				k.points = k.points[:known]
				return fmt.Errorf("%s: reported event: %w", op, err)
			}
			if e.Outcome == tourney.OutcomeDone && e.Value != nil && !final[place{e.Trial, e.Rung}] {
				k.points = append(k.points, curvePoint{at: row.At, trial: int32(e.Trial), rung: int32(e.Rung), step: int64(e.Step), value: *e.Value})
			}
		}
		k.seq = row.Seq
	}
	return sqlError(op, rows.Err())
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
