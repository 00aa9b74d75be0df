package table

import "tourney"

// Want is a column that is needed of a table, of the kind that it had when
// something was learnt from it.
type Want struct {
	Name   string
	Kind   tourney.ColumnKind
	Levels []string // of a category: those that are known
	Width  int      // of a sparse column: entries from this index on mean nothing
}
