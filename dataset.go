package tourney

import "time"

// Task is what is to be learnt about a target.
type Task string

// The two tasks.
const (
	Classification Task = "classification"
	Regression     Task = "regression"
)

// Dataset is one version of a table: its rows shuffled once, its test rows
// split off, both cut into shards that are named by their hash. The JSON form
// with Name, Version and CreatedAt left empty is the manifest; its SHA-256 is
// the version.
type Dataset struct {
	Name      string    `json:"name"`
	Version   string    `json:"version"` // SHA-256 of the manifest, hex
	CreatedAt time.Time `json:"created_at"`

	Source   string   `json:"source"` // SHA-256 of the bytes and options it came from, hex
	Task     Task     `json:"task"`
	Target   string   `json:"target"`
	Classes  []string `json:"classes,omitempty"` // of the target, sorted; nil for regression
	Rows     int      `json:"rows"`              // all rows, test rows included
	TestRows int      `json:"test_rows"`
	Columns  []Column `json:"columns"` // in the file's order, target included
	Seed     uint64   `json:"seed"`    // of the shuffle and the split
	Shards   []Shard  `json:"shards"`  // the rows to train and validate on, in order
	Test     []Shard  `json:"test"`    // the sealed rows, in order
	Bytes    int64    `json:"bytes"`   // of all shards
}

// Columns of a table hold numbers or categories.
const (
	Number   ColumnKind = "number"
	Category ColumnKind = "category"
)

// ColumnKind is what a column holds.
type ColumnKind string

// Column describes one column of a dataset over all its rows.
type Column struct {
	Name       string     `json:"name"`
	Kind       ColumnKind `json:"kind"`
	Missing    int        `json:"missing"`
	Min        *float64   `json:"min,omitempty"` // numbers only, of the values present
	Max        *float64   `json:"max,omitempty"`
	Mean       *float64   `json:"mean,omitempty"`
	Categories []string   `json:"categories,omitempty"` // categories only, sorted
}

// Shard is a run of rows of a dataset, stored as a blob.
type Shard struct {
	Hash  string `json:"hash"` // SHA-256 of the blob, hex
	Rows  int    `json:"rows"`
	Bytes int64  `json:"bytes"`
}

// DatasetRequest says how to make a dataset of a table.
type DatasetRequest struct {
	Name   string   `json:"name"`
	Target string   `json:"target"`
	Task   Task     `json:"task,omitempty"` // empty: told from the target
	Test   float64  `json:"test,omitempty"` // share of rows to seal, in (0, 0.9]; 0: DefaultTestShare
	Drop   []string `json:"drop,omitempty"` // columns to leave out
	Seed   uint64   `json:"seed,omitempty"`
	File   string   `json:"file,omitempty"` // for messages only
}

// DefaultTestShare is the share of a table's rows that is sealed as test rows.
const DefaultTestShare = 0.2
