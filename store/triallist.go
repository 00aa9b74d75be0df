package store

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/jmoiron/sqlx"

	"tourney"
)

// trialOrder says how the trials of a sweep are read in an order: those that
// have what is sorted by from one index, then those that lack it from another.
type trialOrder struct {
	column string // what is sorted by; the number follows
	index  string // empty: the primary key
	has    string // condition of those that have it; empty: all have
	lacks  string // condition of the others
	rest   string // the index that finds them; where it does not order them they are few
}

var trialOrders = map[string]trialOrder{
	"number":   {},
	"state":    {column: "state", index: "trials_state"},
	"rung":     {column: "rung", index: "trials_rung"},
	"value":    {column: "value", index: "trials_value", has: "value IS NOT NULL", lacks: "value IS NULL", rest: "trials_value"},
	"duration": {column: "duration", index: "trials_duration", has: "ended IS NOT NULL", lacks: isOpenTrial, rest: "trials_state"},
}

// trialKey is the place of a trial in an order.
type trialKey struct {
	Lacks  bool    `json:"x,omitempty"` // what is sorted by
	Float  float64 `json:"f,omitempty"` // what is sorted by, unless it is a text
	Text   string  `json:"t,omitempty"`
	Number int     `json:"n"`
}

func (r *trialRow) key(column string) trialKey {
	key := trialKey{Number: r.Number}
	switch column {
	case "state":
		key.Text = string(r.State)
	case "rung":
		key.Float = float64(r.Rung)
	case "value":
		key.Float, key.Lacks = r.Value.V, !r.Value.Valid
	case "duration":
		key.Float, key.Lacks = float64(r.Duration.V), !r.Duration.Valid
	}
	return key
}

func (k *trialKey) value(column string) any {
	if column == "state" {
		return k.Text
	}
	return k.Float
}

// Trials lists the trials of a sweep that fulfil a filter, in the order that
// the page asks for. Without a filter it reads no more rows than it returns.
func (r *Reader) Trials(ctx context.Context, sweep string, page tourney.Page) ([]tourney.Trial, string, error) {
	if err := page.Sort.Check(); err != nil {
		return nil, "", err
	}
	field, down := page.Sort.Field()
	o, list := trialOrders[field], listName("trials"+string(page.Sort), page.Where)
	where, args := filterSQL(page.Where, "rung")
	if state := page.Where.Is("state"); state != "" && (field == "number" || field == "state") {
		o = trialOrder{index: "trials_state"} // by number among those of the state
	}
	var after *trialKey
	if page.Cursor != "" {
		key, err := readCursor(list, page.Cursor, trialKey{})
		if err != nil {
			return nil, "", err
		}
		after = &key
	}
	size := pageSize(page.Limit)
	return r.trialPage(ctx, list, sweep, size, func(row *trialRow) any { return row.key(o.column) },
		func(tx *sqlx.Tx, op string) (rows []trialRow, err error) {
			args := append([]any{sweep}, args...)
			if after == nil || !after.Lacks {
				query, more := o.query(where, after, down)
				if rows, err = selectTrialRows(ctx, tx, op, query, append(append(args, more...), size+1)...); err != nil {
					return nil, err
				}
				after = nil
			}
			if o.lacks == "" || len(rows) > size {
				return rows, nil
			}
			rest := trialOrder{index: o.rest, has: o.lacks}
			query, more := rest.query(where, after, down)
			others, err := selectTrialRows(ctx, tx, op, query, append(append(args, more...), size+1-len(rows))...)
			return append(rows, others...), err
		})
}

// query returns what follows FROM trials, and the arguments of its comparison
// with the last row seen, if there is one. The arguments of where come first,
// the number of rows last.
func (o trialOrder) query(where string, after *trialKey, down bool) (query string, args []any) {
	var b strings.Builder
	if o.index != "" {
		b.WriteString("INDEXED BY " + o.index + " ")
	}
	b.WriteString("WHERE sweep = ?" + where)
	if o.has != "" {
		b.WriteString(" AND " + o.has)
	}
	follows, direction := ">", "ASC"
	if down {
		follows, direction = "<", "DESC"
	}
	columns := "number"
	if o.column != "" {
		columns = o.column + ", number"
	}
	if after != nil {
		if o.column == "" {
			b.WriteString(" AND number " + follows + " ?")
		} else {
			b.WriteString(" AND (" + columns + ") " + follows + " (?, ?)")
			args = append(args, after.value(o.column))
		}
		args = append(args, after.Number)
	}
	b.WriteString(" ORDER BY " + strings.ReplaceAll(columns, ",", " "+direction+",") + " " + direction + " LIMIT ?")
	return b.String(), args
}

// filterSQL returns conditions, each with AND before it, and their arguments.
// Every field and operator is one of a closed list; a name of a parameter goes
// in as an argument, as all values do.
func filterSQL(filter tourney.TrialFilter, rung string) (where string, args []any) {
	for _, t := range filter {
		op := t.Op
		if op == ":" {
			op = "="
		}
		number, err := strconv.ParseFloat(t.Value, 64)
		name, isParam := strings.CutPrefix(t.Field, "params.")
		path := `$."` + name + `"`
		switch {
		case !isParam && (t.Field == "state" || t.Field == "reason"):
			where, args = where+" AND "+t.Field+" = ?", append(args, t.Value)
		case !isParam && t.Field == "rung":
			where, args = where+" AND "+rung+" "+op+" ?", append(args, int(number))
		case !isParam: // value
			where, args = where+" AND value "+op+" ?", append(args, number)
		case t.Op == ":" && (t.Value == "true" || t.Value == "false"):
			where, args = where+" AND json_extract(params, ?) IN (?, ?)", append(args, path, t.Value, t.Value == "true")
		case t.Op == ":" && err != nil:
			where, args = where+" AND json_extract(params, ?) = ?", append(args, path, t.Value)
		case t.Op == ":":
			where, args = where+" AND json_extract(params, ?) IN (?, ?)", append(args, path, t.Value, number)
		default: // texts come after all numbers
			where, args = where+" AND json_extract(params, ?) "+op+" ? AND json_type(params, ?) IN ('integer', 'real')", append(args, path, number, path)
		}
	}
	return where, args
}

// listName names a list in cursors: those of one filter are of no other.
func listName(list string, filter tourney.TrialFilter) string {
	if len(filter) == 0 {
		return list
	}
	sum := sha256.Sum256([]byte(filter.String()))
	return list + "/" + hex.EncodeToString(sum[:8])
}

// Leaderboard lists the trials of a sweep that fulfil a filter in the order of
// tourney.Metric.CompareTrials.
func (r *Reader) Leaderboard(ctx context.Context, sweep string, page tourney.Page) ([]tourney.Trial, string, error) {
	list := listName("board", page.Where)
	after, err := readCursor(list, page.Cursor, boardKey{Depth: math.MinInt, Number: -1})
	if err != nil {
		return nil, "", err
	}
	size := pageSize(page.Limit)
	where, args := filterSQL(page.Where, "-depth") // depth is in the index
	args = append([]any{sweep}, args...)
	args = append(args, after.Sunk, after.Beyond, after.Depth, after.Blank, after.Loss, after.Number, size+1)
	return r.trialPage(ctx, list, sweep, size, func(row *trialRow) any { return row.place() },
		func(tx *sqlx.Tx, op string) ([]trialRow, error) {
			return selectTrialRows(ctx, tx, op, `INDEXED BY trials_board WHERE sweep = ?`+where+`
				AND (sunk, beyond, depth, blank, loss, number) > (?, ?, ?, ?, ?, ?)
				ORDER BY sunk, beyond, depth, blank, loss, number LIMIT ?`, args...)
		})
}

// trialPage reads a page and a row more, which tells whether there is another.
func (r *Reader) trialPage(ctx context.Context, list, sweep string, size int, key func(*trialRow) any, read func(*sqlx.Tx, string) ([]trialRow, error)) (trials []tourney.Trial, next string, err error) {
	op := fmt.Sprintf("list %.40s", list)
	err = r.read(ctx, op, func(tx *sqlx.Tx) error {
		rows, err := read(tx, op)
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return mustExist(ctx, tx, op, sweep)
		}
		if rows, next, err = cut(list, rows, size, key); err != nil {
			return err
		}
		trials, err = trialsOf(rows)
		return err
	})
	return trials, next, err
}
