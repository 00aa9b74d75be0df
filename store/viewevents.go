package store

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/jmoiron/sqlx"

	"tourney"
)

// viewReports is the folded ends of rung jobs that have a value, in the order
// of the log.
type viewReports struct {
	seq      int64 // of the last event that was taken in
	list     []viewReport
	improved []int32    // of list, better than all before
	best     float64    // their loss
	finishes [][]finish // by rung, the best first
}

type viewReport struct {
	at    int64 // microseconds
	trial int32
	rung  int32
	step  int32
	value float64
}

func (r *viewReports) cells() int { return 4 * len(r.list) }

// reportsPart takes in the reports since the last look. Final jobs, which are
// measured on test rows, are left out by rung: they are above the ladder.
func reportsPart(ctx context.Context, tx *sqlx.Tx, sweep string, v *viewSweep) error {
	const op = "read reports"
	r := &v.reports
	rows, err := tx.QueryContext(context.WithoutCancel(ctx), `SELECT seq, at, kind, body FROM events
		WHERE sweep = ? AND seq > ? AND (kind = 'reported' OR kind = '`+batchKind+`') ORDER BY seq`, sweep, r.seq)
	if err != nil {
		return sqlError(op, err)
	}
	defer rows.Close()
	known := len(r.list)
	var final map[[2]int32]bool
	take := func(at int64, body []byte) error {
		report := viewReport{at: at}
		done, err := report.decode(body)
		if err != nil || !done {
			return err
		}
		if final == nil {
			if final, err = finalJobs(ctx, tx, sweep); err != nil {
				return err
			}
		}
		if !final[[2]int32{report.trial, report.rung}] {
			r.list = append(r.list, report)
		}
		return nil
	}
	var kind, body []byte
	for n := 0; rows.Next(); n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		var seq, at int64
		if err := rows.Scan(&seq, &at, &kind, &body); err != nil {
			return sqlError(op, err)
		}
		items := []batched{{string(kind), body}}
		if string(kind) == batchKind {
			if items, err = splitBatch(string(body)); err != nil {
				return fmt.Errorf("event %d: %w", seq, err)
			}
		}
		for _, item := range items {
			if item.kind != "reported" {
				continue
			}
			if err := take(at, item.body); err != nil {
				return fmt.Errorf("event %d: %w", seq, err)
			}
		}
		r.seq = seq
	}
	r.order(v, known)
	return sqlError(op, rows.Err())
}

// order takes the reports from an index on into the orders that are kept.
func (r *viewReports) order(v *viewSweep, from int) {
	if r.finishes == nil {
		r.finishes = make([][]finish, v.topRung()+1)
	}
	fresh := make([][]finish, len(r.finishes))
	for k := from; k < len(r.list); k++ {
		rep := &r.list[k]
		loss := v.loss(rep.value)
		if len(r.improved) == 0 || loss < r.best {
			r.best = loss
			r.improved = append(r.improved, int32(k))
		}
		if int(rep.rung) < len(fresh) {
			fresh[rep.rung] = append(fresh[rep.rung], finish{loss, rep.trial})
		}
	}
	for rung, some := range fresh {
		if len(some) == 0 {
			continue
		}
		slices.SortFunc(some, compareFinishes)
		r.finishes[rung] = mergeFinishes(r.finishes[rung], some)
	}
}

func compareFinishes(a, b finish) int {
	switch {
	case a.loss < b.loss:
		return -1
	case a.loss > b.loss:
		return 1
	}
	return int(a.trial - b.trial)
}

func mergeFinishes(a, b []finish) []finish {
	if len(a) == 0 {
		return b
	}
	out := make([]finish, 0, len(a)+len(b))
	for len(a) > 0 && len(b) > 0 {
		if compareFinishes(a[0], b[0]) <= 0 {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return append(append(out, a...), b...)
}

// decode reads of tourney.Reported what views need, and reports whether it is
// the end of a job that has a value.
func (r *viewReport) decode(body []byte) (done bool, err error) {
	r.value = math.NaN()
	err = scanObject(body, func(key, value []byte) {
		text := string(value)
		switch string(key) {
		case "trial":
			r.trial = asInt32(text)
		case "rung":
			r.rung = asInt32(text)
		case "step":
			r.step = asInt32(text)
		case "value":
			if x, err := strconv.ParseFloat(text, 64); err == nil {
				r.value = x
			}
		case "outcome":
			done = text == `"`+string(tourney.OutcomeDone)+`"`
		}
	})
	return done && !math.IsNaN(r.value), err
}

func asInt32(text string) int32 {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		return 0
	}
	return int32(n)
}

func finalJobs(ctx context.Context, tx *sqlx.Tx, sweep string) (map[[2]int32]bool, error) {
	var list []struct {
		Trial int32 `db:"trial"`
		Rung  int32 `db:"rung"`
	}
	if err := tx.SelectContext(ctx, &list, `SELECT trial, rung FROM jobs WHERE sweep = ? AND kind = 'final'`, sweep); err != nil {
		return nil, sqlError("read final jobs", err)
	}
	final := make(map[[2]int32]bool, len(list))
	for _, p := range list {
		final[[2]int32{p.Trial, p.Rung}] = true
	}
	return final, nil
}

// viewAttempts is the attempts of a sweep as they began.
type viewAttempts struct {
	loaded  bool
	last    int64 // when the newest of them began
	list    []viewAttempt
	open    []int32                    // of list, those that had not ended
	recent  map[viewAttemptKey]bool    // that began in the last minute before last
	workers []string                   // as they came
	place   map[string]int32           // of a worker
	names   map[string]tourney.Outcome // outcomes are few: one text each
}

type viewAttempt struct {
	viewAttemptKey
	rung    int32
	worker  int32
	started int64
	ended   int64 // 0: it runs
	outcome tourney.Outcome
}

type viewAttemptKey struct{ trial, attempt int32 }

func (a *viewAttempts) cells() int { return 6 * len(a.list) }

// overlap is how far back attempts are looked for that a clock that was set
// back may have dated before ones that are known.
const overlap = 60_000_000

// attemptsPart takes in the attempts that began since the last look, and the
// ends of those that ran then.
func attemptsPart(ctx context.Context, tx *sqlx.Tx, sweep string, v *viewSweep) error {
	a := &v.attempts
	if !a.loaded {
		*a = viewAttempts{loaded: true, last: math.MinInt64 + overlap, place: map[string]int32{}, names: map[string]tourney.Outcome{}}
	}
	still := a.open[:0]
	for _, i := range a.open {
		at := &a.list[i]
		var end struct {
			Outcome tourney.Outcome `db:"outcome"`
			Ended   int64           `db:"ended"`
		}
		if err := tx.GetContext(ctx, &end, `SELECT outcome, COALESCE(ended, 0) AS ended FROM attempts WHERE sweep = ? AND trial = ? AND attempt = ?`,
			sweep, at.trial, at.attempt); err != nil {
			return sqlError("read attempt", err)
		}
		if at.outcome, at.ended = end.Outcome, end.Ended; at.ended == 0 {
			still = append(still, i)
		}
	}
	a.open = still
	return a.readNew(ctx, tx, sweep)
}

func (a *viewAttempts) readNew(ctx context.Context, tx *sqlx.Tx, sweep string) error {
	const op = "read attempts"
	rows, err := tx.QueryContext(context.WithoutCancel(ctx), `SELECT trial, attempt, rung, worker, outcome, started, COALESCE(ended, 0)
		FROM attempts WHERE sweep = ? AND started >= ? ORDER BY started, trial`, sweep, a.last-overlap)
	if err != nil {
		return sqlError(op, err)
	}
	defer rows.Close()
	before := a.recent
	for n := 0; rows.Next(); n++ {
		if n%4096 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		var at viewAttempt
		var worker, outcome []byte
		if err := rows.Scan(&at.trial, &at.attempt, &at.rung, &worker, &outcome, &at.started, &at.ended); err != nil {
			return sqlError(op, err)
		}
		if before[at.viewAttemptKey] {
			continue
		}
		at.worker, at.outcome = a.workerPlace(worker), a.outcome(outcome)
		if at.ended == 0 {
			a.open = append(a.open, int32(len(a.list)))
		}
		a.list = append(a.list, at)
		a.last = max(a.last, at.started)
	}
	a.recent = map[viewAttemptKey]bool{}
	for i := len(a.list) - 1; i >= 0 && a.list[i].started >= a.last-2*overlap; i-- {
		a.recent[a.list[i].viewAttemptKey] = true
	}
	return sqlError(op, rows.Err())
}

func (a *viewAttempts) workerPlace(name []byte) int32 {
	place, ok := a.place[string(name)]
	if !ok {
		place = int32(len(a.workers))
		a.workers = append(a.workers, string(name))
		a.place[string(name)] = place
	}
	return place
}

func (a *viewAttempts) outcome(text []byte) tourney.Outcome {
	o, ok := a.names[string(text)]
	if !ok {
		o = tourney.Outcome(text)
		a.names[string(text)] = o
	}
	return o
}
