package sql

import (
	"errors"
	"fmt"
	"strings"
	"unsafe"

	duckdb "github.com/duckdb/duckdb-go-bindings"
)

// engine is DuckDB with one connection. It belongs to one goroutine.
type engine struct {
	db   duckdb.Database
	conn duckdb.Connection
}

// engineError is what DuckDB says, as it says it.
type engineError struct{ message string }

func (e *engineError) Error() string { return e.message }

// openEngine opens a database, ":memory:" or a file, with settings of DuckDB
// in pairs of name and value.
func openEngine(file string, settings ...[2]string) (*engine, error) {
	var config duckdb.Config
	if duckdb.CreateConfig(&config) != duckdb.StateSuccess {
		return nil, errors.New("no memory for the engine's settings")
	}
	defer duckdb.DestroyConfig(&config)
	for _, s := range settings {
		if duckdb.SetConfig(config, s[0], s[1]) != duckdb.StateSuccess {
			return nil, fmt.Errorf("the engine does not take the setting %s = %s", s[0], s[1])
		}
	}
	e := &engine{}
	var message string
	if duckdb.OpenExt(file, &e.db, config, &message) != duckdb.StateSuccess {
		return nil, &engineError{message}
	}
	if duckdb.Connect(e.db, &e.conn) != duckdb.StateSuccess {
		duckdb.Close(&e.db)
		return nil, errors.New("no connection to the engine")
	}
	return e, nil
}

// close writes what is to be kept and frees the rest.
func (e *engine) close() {
	duckdb.Disconnect(&e.conn)
	duckdb.Close(&e.db)
}

// exec runs one statement of ours.
func (e *engine) exec(statement string) error {
	return e.chunks(statement, func(duckdb.DataChunk, int) error { return nil })
}

// rows returns the result of a statement of ours, all of whose columns are
// VARCHAR; NULL is empty.
func (e *engine) rows(statement string) ([][]string, error) {
	var rows [][]string
	err := e.chunks(statement, func(chunk duckdb.DataChunk, n int) error {
		columns := make([]textVector, duckdb.DataChunkGetColumnCount(chunk))
		for i := range columns {
			columns[i] = newTextVector(duckdb.DataChunkGetVector(chunk, duckdb.IdxT(i)), n)
		}
		for row := range n {
			texts := make([]string, len(columns))
			for i := range columns {
				texts[i] = string(columns[i].value(row))
			}
			rows = append(rows, texts)
		}
		return nil
	})
	return rows, err
}

// chunks runs a statement and calls fn with each chunk of its result and the
// number of rows in it. The result is not gathered: the engine goes on as
// chunks are taken.
func (e *engine) chunks(statement string, fn func(chunk duckdb.DataChunk, n int) error) error {
	var prepared duckdb.PreparedStatement
	state := duckdb.Prepare(e.conn, statement, &prepared)
	defer duckdb.DestroyPrepare(&prepared)
	if state != duckdb.StateSuccess {
		return &engineError{duckdb.PrepareError(prepared)}
	}
	var pending duckdb.PendingResult
	state = duckdb.PendingPreparedStreaming(prepared, &pending)
	defer duckdb.DestroyPending(&pending)
	if state != duckdb.StateSuccess {
		return &engineError{duckdb.PendingError(pending)}
	}
	var result duckdb.Result
	state = duckdb.ExecutePending(pending, &result)
	defer duckdb.DestroyResult(&result)
	if state != duckdb.StateSuccess {
		return &engineError{duckdb.ResultError(&result)}
	}
	for {
		chunk := duckdb.FetchChunk(result)
		if chunk.Ptr == nil {
			break
		}
		n := int(duckdb.DataChunkGetSize(chunk))
		err := fn(chunk, n)
		duckdb.DestroyDataChunk(&chunk)
		if err != nil {
			return err
		}
		if n == 0 {
			break
		}
	}
	// The end and a failure half-way look the same but for this.
	if message := duckdb.ResultError(&result); message != "" {
		return &engineError{message}
	}
	return nil
}

// column is a column of a result.
type column struct {
	name  string
	kind  duckdb.Type
	digit int         // DECIMAL: digits in all
	scale int         // DECIMAL: digits behind the point
	elem  duckdb.Type // ARRAY and LIST
	size  int         // ARRAY
}

// extract counts the statements of a query by the engine's own parser.
func (e *engine) extract(query string) (int, error) {
	var statements duckdb.ExtractedStatements
	n := duckdb.ExtractStatements(e.conn, query, &statements)
	defer duckdb.DestroyExtracted(&statements)
	if n == 0 {
		if message := duckdb.ExtractStatementsError(statements); message != "" {
			return 0, &engineError{message}
		}
	}
	return int(n), nil
}

// columns returns what a query would yield, without running it, and how many
// parameters it has.
func (e *engine) columns(query string) ([]column, int, error) {
	var prepared duckdb.PreparedStatement
	state := duckdb.Prepare(e.conn, query, &prepared)
	defer duckdb.DestroyPrepare(&prepared)
	if state != duckdb.StateSuccess {
		return nil, 0, &engineError{duckdb.PrepareError(prepared)}
	}
	columns := make([]column, duckdb.PreparedStatementColumnCount(prepared))
	for i := range columns {
		t := duckdb.PreparedStatementColumnLogicalType(prepared, duckdb.IdxT(i))
		columns[i] = newColumn(duckdb.PreparedStatementColumnName(prepared, duckdb.IdxT(i)), t)
		duckdb.DestroyLogicalType(&t)
	}
	return columns, int(duckdb.NParams(prepared)), nil
}

func newColumn(name string, t duckdb.LogicalType) column {
	c := column{name: name, kind: duckdb.GetTypeId(t)}
	var elem duckdb.LogicalType
	switch c.kind {
	case duckdb.TypeDecimal:
		c.digit, c.scale = int(duckdb.DecimalWidth(t)), int(duckdb.DecimalScale(t))
	case duckdb.TypeArray:
		c.size = int(duckdb.ArrayTypeArraySize(t))
		elem = duckdb.ArrayTypeChildType(t)
	case duckdb.TypeList:
		elem = duckdb.ListTypeChildType(t)
	}
	if elem.Ptr != nil {
		c.elem = duckdb.GetTypeId(elem)
		duckdb.DestroyLogicalType(&elem)
	}
	return c
}

// quote makes a text literal of s.
func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// identifier makes a name of s.
func identifier(s string) string { return `"` + strings.ReplaceAll(s, `"`, `""`) + `"` }

// A vector is as many values of a chunk, in the engine's memory, which are
// gone with the chunk. valid is a bit a row, nil if all are there.
type numberVector struct {
	values []float64
	valid  []uint64
}

func newNumberVector(v duckdb.Vector, n int) numberVector {
	return numberVector{
		values: unsafe.Slice((*float64)(duckdb.VectorGetData(v)), n), //nolint:gosec // a vector has as many values as its chunk has rows
		valid:  validity(v, n),
	}
}

// textVector holds texts as DuckDB does (duckdb_string_t): up to 12 bytes in
// place, more behind a pointer.
type textVector struct {
	values []text
	valid  []uint64
}

type text struct {
	length uint32
	prefix [4]byte
	data   *byte // or 8 more bytes in place
}

const inPlace = 12

func newTextVector(v duckdb.Vector, n int) textVector {
	return textVector{
		values: unsafe.Slice((*text)(duckdb.VectorGetData(v)), n), //nolint:gosec // as above
		valid:  validity(v, n),
	}
}

// length is the number of bytes of a row's text; 0 if it is NULL.
func (v *textVector) length(row int) int {
	if !isValid(v.valid, row) {
		return 0
	}
	return int(v.values[row].length)
}

// value is a row's text, in the engine's memory; empty if it is NULL.
func (v *textVector) value(row int) []byte {
	n := v.length(row)
	t := &v.values[row]
	if n <= inPlace {
		return unsafe.Slice(&t.prefix[0], inPlace)[:n] //nolint:gosec // the prefix and what follows it in place
	}
	return unsafe.Slice(t.data, n) //nolint:gosec // as many as the engine says
}

func validity(v duckdb.Vector, n int) []uint64 {
	mask := duckdb.VectorGetValidity(v)
	if mask == nil {
		return nil
	}
	return unsafe.Slice((*uint64)(mask), (n+63)/64) //nolint:gosec // a bit a row
}

func isValid(valid []uint64, row int) bool {
	return valid == nil || valid[row/64]>>(row%64)&1 == 1
}
