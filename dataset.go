package tourney

import "time"

// Task is what is to be learnt about a target.
type Task string

// The two tasks.
const (
	Classification Task = "classification"
	Regression     Task = "regression"
)

// Dataset is one version of a table: its rows put in order once, its test rows
// split off, both cut into shards that are named by their hash. The JSON form
// with Name, Version and CreatedAt left empty is the manifest; its SHA-256 is
// the version.
type Dataset struct {
	Name      string    `json:"name"`
	Version   string    `json:"version"` // SHA-256 of the manifest, hex
	CreatedAt time.Time `json:"created_at"`

	Source   string    `json:"source"` // SHA-256 of the bytes and options it came from, hex
	Task     Task      `json:"task"`
	Target   string    `json:"target"`
	Classes  []string  `json:"classes,omitempty"` // of the target, sorted; nil for regression
	Group    string    `json:"group,omitempty"`   // column: rows that share a value stay on one side of every cut
	Time     string    `json:"time,omitempty"`    // column: rows are kept in blocks in its order
	Weight   string    `json:"weight,omitempty"`  // column: the weights of the rows
	Rows     int       `json:"rows"`              // all rows, test rows included
	TestRows int       `json:"test_rows"`
	Split    Split     `json:"split"`              // how the test rows were chosen
	Columns  []Column  `json:"columns"`            // in the source's order, target included, dropped ones left out
	Seed     uint64    `json:"seed"`               // of the shuffle and the split
	Shards   []Shard   `json:"shards"`             // the rows to train and validate on, in order
	Test     []Shard   `json:"test"`               // the sealed rows, in order
	Bytes    int64     `json:"bytes"`              // of all shards
	Read     []string  `json:"read,omitempty"`     // how the source was read, for people
	Warnings []Warning `json:"warnings,omitempty"` // what may hurt
}

// The kinds of column.
const (
	Number   ColumnKind = "number"
	Category ColumnKind = "category" // texts of which each has a code
	Boolean  ColumnKind = "boolean"  // kept as the numbers 0 and 1
	Date     ColumnKind = "date"     // kept as seconds since 1970-01-01 00:00 UTC
	Text     ColumnKind = "text"     // too many distinct values for codes; kept as hashes
	Sparse   ColumnKind = "sparse"   // a sparse vector a row; at most one such column
)

// ColumnKind is what a column holds.
type ColumnKind string

// Numeric reports whether values of the kind are numbers.
func (k ColumnKind) Numeric() bool { return k == Number || k == Boolean || k == Date }

// Column describes one column of a dataset. Its statistics are of the rows
// that are not test rows, so that they may be looked at.
type Column struct {
	Name       string       `json:"name"`
	Kind       ColumnKind   `json:"kind"`
	Why        string       `json:"why,omitempty"`     // what told the kind, for people
	Ordered    bool         `json:"ordered,omitempty"` // Categories are in an order that was given
	Width      int          `json:"width,omitempty"`   // of a sparse column: its features
	Missing    int          `json:"missing"`
	Distinct   int          `json:"distinct,omitempty"` // values present; an estimate for texts
	Min        *float64     `json:"min,omitempty"`      // of numeric kinds, of the values present
	Max        *float64     `json:"max,omitempty"`
	Mean       *float64     `json:"mean,omitempty"`
	SD         *float64     `json:"sd,omitempty"`
	Quartiles  []float64    `json:"quartiles,omitempty"`  // at 25, 50 and 75 %
	Histogram  []Bin        `json:"histogram,omitempty"`  // of numeric kinds
	Top        []LevelCount `json:"top,omitempty"`        // the most frequent values of other kinds
	Categories []string     `json:"categories,omitempty"` // of category columns, sorted unless Ordered
}

// Bin is one bar of a histogram: values from Low on, below the next bin's Low,
// and up to High in the last.
type Bin struct {
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Count int     `json:"count"`
}

// LevelCount is a value and how often it is there.
type LevelCount struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

// Warning is something about a dataset that may hurt who trains on it.
type Warning struct {
	Column  string `json:"column,omitempty"`
	Code    string `json:"code"` // constant, id, leak, rare_class, capped, duplicates, skipped_rows, …
	Message string `json:"message"`
}

// Shard is a run of rows of a dataset, stored as a blob.
type Shard struct {
	Hash  string `json:"hash"` // SHA-256 of the blob, hex
	Rows  int    `json:"rows"`
	Bytes int64  `json:"bytes"`
}

// DatasetRequest says how to make a dataset of a table.
type DatasetRequest struct {
	Name   string                `json:"name"`
	Target string                `json:"target,omitempty"` // empty: what the format says, or the first column of a table without header
	Task   Task                  `json:"task,omitempty"`   // empty: told from the target
	Types  map[string]ColumnType `json:"types,omitempty"`  // of columns that are not to be inferred
	Split  Split                 `json:"split"`
	SQL    string                `json:"sql,omitempty"`   // a query over the files; its result is the table
	Drop   []string              `json:"drop,omitempty"`  // columns to leave out
	Group  string                `json:"group,omitempty"` // see Dataset
	Time   string                `json:"time,omitempty"`
	Weight string                `json:"weight,omitempty"`
	Seed   uint64                `json:"seed,omitempty"`
	Format string                `json:"format,omitempty"` // of the files; empty: told from what they hold
	File   string                `json:"file,omitempty"`   // for messages only
}

// ColumnType is the type of a column as a user gives it.
type ColumnType struct {
	Kind   ColumnKind `json:"kind"`
	Levels []string   `json:"levels,omitempty"` // of an ordered category, lowest first
}
