package store

import (
	"context"
	"path/filepath"

	"github.com/jmoiron/sqlx"

	"tourney"
)

// FirstSlice and MaxSlice bound how many rows of one table a deletion takes at a
// time.
const (
	FirstSlice = firstSlice
	MaxSlice   = maxSlice
)

// Invariants is how many invariants Check looks at.
var Invariants = len(invariants)

// Breached returns the numbers of the invariants that do not hold.
func (r *Reader) Breached(ctx context.Context) (numbers []int, err error) {
	for i, inv := range invariants {
		var lines []string
		if err := r.db.SelectContext(ctx, &lines, inv.query); err != nil {
			return nil, err
		}
		if len(lines) > 0 {
			numbers = append(numbers, i)
		}
	}
	return numbers, nil
}

// InvariantName is what an invariant is called, and what it asks.
func InvariantName(i int) string { return invariants[i].name + ": " + invariants[i].query }

// Hold stops the writer until release is called, so that what is committed
// meanwhile makes one group.
func (s *Store) Hold() (release func()) {
	running, released := make(chan struct{}), make(chan struct{})
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = s.writer.submit(context.Background(), func(*tx) error {
			close(running)
			<-released
			return nil
		}, false)
	}()
	<-running
	return func() {
		close(released)
		<-ended
	}
}

// Queued returns how many requests wait for the writer.
func (s *Store) Queued() int { return len(s.writer.queue) }

// Exec runs a statement as a request of its own.
func (s *Store) Exec(statement string) error {
	return s.writer.submit(context.Background(), func(t *tx) error {
		_, err := t.exec(statement)
		return err
	}, false)
}

// ReadPool returns the connections that read.
func (r *Reader) ReadPool() *sqlx.DB { return r.db }

// WriterPragma returns a setting of the writer's connection.
func (s *Store) WriterPragma(name string) (value string, err error) {
	err = s.writer.submit(context.Background(), func(t *tx) error { return t.get(&value, "PRAGMA "+name) }, false)
	return value, err
}

// Dir returns the data directory.
func (s *Store) Dir() string { return filepath.Dir(s.lock.Name()) }

// TrialQueries returns what lists of trials ask, by sort and by whether a page
// comes before.
func TrialQueries(sort tourney.TrialSort, where tourney.TrialFilter, next bool) []string {
	field, down := sort.Field()
	o := trialOrders[field]
	conditions, _ := filterSQL(where, "rung")
	var after *trialKey
	if next {
		after = &trialKey{}
	}
	first, _ := o.query(conditions, after, down)
	queries := []string{first}
	if o.lacks != "" {
		rest, _ := trialOrder{index: o.rest, has: o.lacks}.query(conditions, after, down)
		queries = append(queries, rest)
	}
	return queries
}
