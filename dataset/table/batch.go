package table

import "context"

// Type is how a reader yields the values of a column.
type Type int

// The types. Only text is told apart further, by all values of its column.
const (
	Text   Type = iota
	Number      // integers of up to 53 bits, floats and decimals
	Bool
	Time
	Sparse // one vector a row
)

// Field is a column as its source declares it.
type Field struct {
	Name string // unique in its source, not empty, trimmed
	Type Type
}

// Batch is some consecutive rows of a source, by columns.
type Batch struct {
	Rows    int
	Lines   []int64 // [rows] the line on which each begins, from 1; the number of the record where there are no lines
	Columns []Column
}

// Column is one column of a batch.
//
//	Text    Data and Ends: the value of row i is Data[Ends[i-1]:Ends[i]], where
//	        Ends[-1] is 0; trimmed of white space; an empty one is missing
//	Number  Numbers; NaN is missing
//	Bool    Numbers: 0 or 1; NaN is missing
//	Time    Numbers: seconds since 1970-01-01 00:00 UTC; NaN is missing
//	Sparse  row i has the entries Starts[i] to Starts[i+1] of Index (from 0,
//	        rising within a row) and Values
type Column struct {
	Type    Type
	Data    []byte
	Ends    []int32
	Numbers []float64
	Starts  []int32 // [rows+1]
	Index   []uint32
	Values  []float32
}

// Text returns the text of a row, valid as long as the batch is.
func (c *Column) Text(row int) []byte {
	from := int32(0)
	if row > 0 {
		from = c.Ends[row-1]
	}
	return c.Data[from:c.Ends[row]]
}

// Source is a table that can be read more than once.
type Source interface {
	// Fields returns the columns, at least one.
	Fields() []Field
	// Hints returns what the source knows of itself beside its rows.
	Hints() Hints
	// Scan reads all rows from the first on and hands them over in batches,
	// which are valid until yield returns. An error of yield ends it and is
	// returned. What is wrong with the table is a *tourney.InvalidError with
	// the file and line. It is not called twice at the same time.
	Scan(ctx context.Context, yield func(*Batch) error) error
	Close() error
}

// Hints is what a source says of itself. Those that need all rows are complete
// after a first Scan.
type Hints struct {
	// Target is the column to be learnt if the request names none: the label
	// of formats that have one, the first column of a table without header.
	Target string
	// TestFrom is the row, from 0, at which test rows begin that came as a
	// file of their own; 0 if there are none.
	TestFrom int64
	// Features is the number of a sparse column's features.
	Features int
	// Bytes is the size of the source as it is stored.
	Bytes int64
	// Read says how the source was read, for people: "delimiter ;", "encoding
	// latin-1", "no header".
	Read []string
	// Skipped are rows that were left out, with the reason; at most 100.
	Skipped []Skipped
	// SkippedRows counts all of them.
	SkippedRows int64
}

// Skipped is a row that was left out.
type Skipped struct {
	File   string
	Line   int64
	Reason string
}
