package store

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/jmoiron/sqlx"

	"tourney"
)

// maxOrders is how many orders of a sweep's trials are kept while nothing
// changes: a reader who scrolls asks for the same one again and again.
const maxOrders = 8

// ViewTable returns a stretch of the trials of a selection in some order, that
// of the board unless the request says.
func (r *Reader) ViewTable(ctx context.Context, sweep string, req tourney.ViewRequest) (view tourney.ViewTable, err error) {
	const op = "view trials"
	limit := pageSize(req.Limit)
	var numbers []int
	err = r.look(ctx, op, sweep, []part{trialsPart}, func(tx *sqlx.Tx, v *viewSweep) error {
		order, err := v.ordered(req)
		if err != nil {
			return err
		}
		view = tourney.ViewTable{Offset: req.Offset, Total: len(order), Of: v.trials.len(), Items: []tourney.Trial{}}
		from := min(max(req.Offset, 0), len(order))
		for _, i := range order[from:min(from+limit, len(order))] {
			numbers = append(numbers, v.trials.number(i))
		}
		view.Items, err = trialsByNumber(ctx, tx, op, sweep, numbers)
		return err
	})
	return view, err
}

// trialsByNumber reads trials in the order of their numbers in the list.
func trialsByNumber(ctx context.Context, tx *sqlx.Tx, op, sweep string, numbers []int) ([]tourney.Trial, error) {
	place := make(map[int]int, len(numbers))
	for i, n := range numbers {
		place[n] = i
	}
	trials := make([]tourney.Trial, 0, len(numbers))
	for some := range slices.Chunk(numbers, 400) {
		args := []any{sweep}
		for _, n := range some {
			args = append(args, n)
		}
		rows, err := selectTrialRows(ctx, tx, op, `WHERE sweep = ? AND number IN (`+strings.Repeat(",?", len(some))[1:]+`)`, args...)
		if err != nil {
			return nil, err
		}
		list, err := trialsOf(rows)
		if err != nil {
			return nil, err
		}
		trials = append(trials, list...)
	}
	slices.SortFunc(trials, func(a, b tourney.Trial) int { return place[a.Number] - place[b.Number] })
	return trials, nil
}

// ordered returns the trials of a selection in the order that a request asks
// for. The caller holds v.mu for reading.
func (v *viewSweep) ordered(req tourney.ViewRequest) ([]int32, error) {
	key := fmt.Sprint(req.Sort, req.Where)
	v.memo.Lock()
	defer v.memo.Unlock()
	if v.orderOf != v.trials.change {
		v.orders, v.orderOf = nil, v.trials.change
	}
	if order, ok := v.orders[key]; ok {
		return order, nil
	}
	list, err := v.where(req.Where)
	if err != nil {
		return nil, err
	}
	if err := v.sort(list, req.Sort); err != nil {
		return nil, err
	}
	if v.orders == nil || len(v.orders) >= maxOrders {
		v.orders = map[string][]int32{}
	}
	v.orders[key] = list
	return list, nil
}

// sort puts trials in order. Those that lack what they are ordered by come
// last, whichever way round; the number decides between equals.
func (v *viewSweep) sort(list []int32, by string) error {
	if by == "" {
		slices.SortFunc(list, v.compareBoard)
		return nil
	}
	name, down := strings.CutPrefix(by, "-")
	if slices.Contains([]string{"number", "value", "rung", "step", "state", "duration"}, name) && v.trials.axis(name) == nil {
		name = "@" + name
	}
	column := v.trials.column(name)
	if column == nil {
		return tourney.Invalid("sort", "there is no %q to sort by; there are %v", name, v.trials.columnNames())
	}
	type entry struct {
		x float64
		i int32
	}
	entries := make([]entry, len(list))
	for k, i := range list {
		x := column(i)
		if down {
			x = -x
		}
		if math.IsNaN(x) {
			x = math.Inf(1)
		}
		entries[k] = entry{x, i}
	}
	slices.SortFunc(entries, func(a, b entry) int { return cmp.Or(cmp.Compare(a.x, b.x), int(a.i-b.i)) })
	for k := range entries {
		list[k] = entries[k].i
	}
	return nil
}

// compareBoard is tourney.Metric.CompareTrials on columns.
func (v *viewSweep) compareBoard(a, b int32) int {
	t := &v.trials
	if t.bad(a) != t.bad(b) {
		return boolOrder(t.bad(a))
	}
	if t.beyond[a] != t.beyond[b] {
		return boolOrder(t.beyond[a])
	}
	if t.rung[a] != t.rung[b] {
		return int(t.rung[b] - t.rung[a])
	}
	if na, nb := math.IsNaN(t.value[a]), math.IsNaN(t.value[b]); na || nb {
		if na != nb {
			return boolOrder(na)
		}
		return int(a - b)
	}
	return cmp.Or(cmp.Compare(v.loss(t.value[a]), v.loss(t.value[b])), int(a-b))
}

// boolOrder puts the one for which it is false first.
func boolOrder(first bool) int {
	if first {
		return 1
	}
	return -1
}
