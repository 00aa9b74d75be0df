package sql

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"
	duckdb "github.com/duckdb/duckdb-go-bindings"

	"tourney/dataset/table"
)

// What passes between child and parent: one Arrow column a field, float64 with
// NaN for NULL, or binary, trimmed, with nothing for NULL.
const (
	batchRows  = 16384
	batchBytes = 4 << 20  // of numbers, and of texts; a row may have more
	maxText    = 16 << 20 // of a row
)

// gatherer fills batches with the rows of chunks.
type gatherer struct {
	fields []field
	schema *arrow.Schema
	out    *ipc.Writer
	limit  int // rows of a batch

	rows    int // gathered
	bytes   int // of texts gathered
	numbers [][]float64
	texts   [][]byte
	ends    [][]int32 // from 0
	done    int64     // rows written
}

// stream writes the values of fields, in the order of the rows, as an Arrow
// IPC stream.
func (e *engine) stream(fields []field, from string, w io.Writer) error {
	exprs := make([]string, len(fields))
	for i, f := range fields {
		exprs[i] = f.SQL
	}
	g := newGatherer(fields, w)
	if err := e.chunks("SELECT "+strings.Join(exprs, ", ")+" FROM "+from, g.add); err != nil {
		return err
	}
	if err := g.flush(); err != nil {
		return err
	}
	return g.out.Close()
}

func newGatherer(fields []field, w io.Writer) *gatherer {
	g := &gatherer{
		fields: fields, numbers: make([][]float64, len(fields)), texts: make([][]byte, len(fields)), ends: make([][]int32, len(fields)),
		limit: min(batchRows, max(64, batchBytes/8/len(fields))),
	}
	columns := make([]arrow.Field, len(fields))
	for i, f := range fields {
		columns[i] = arrow.Field{Name: f.Name, Type: arrow.PrimitiveTypes.Float64}
		if f.Type == table.Text {
			columns[i].Type = arrow.BinaryTypes.Binary
			g.ends[i] = append(g.ends[i], 0)
		}
	}
	g.schema = arrow.NewSchema(columns, nil)
	g.out = ipc.NewWriter(w, ipc.WithSchema(g.schema))
	return g
}

// add takes a chunk, in pieces that fit into batches.
func (g *gatherer) add(chunk duckdb.DataChunk, n int) error {
	if n == 0 {
		return nil
	}
	numbers := make([]numberVector, len(g.fields))
	texts := make([]textVector, len(g.fields))
	for i, f := range g.fields {
		v := duckdb.DataChunkGetVector(chunk, duckdb.IdxT(i))
		if f.Type == table.Text {
			texts[i] = newTextVector(v, n)
		} else {
			numbers[i] = newNumberVector(v, n)
		}
	}
	for from := 0; from < n; {
		to, err := g.piece(texts, from, n)
		if err != nil {
			return err
		}
		for i, f := range g.fields {
			if f.Type == table.Text {
				g.addTexts(i, &texts[i], from, to)
			} else {
				g.addNumbers(i, &numbers[i], from, to)
			}
		}
		g.rows += to - from
		from = to
		if g.rows >= g.limit || g.bytes >= batchBytes {
			if err := g.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// piece returns the end of the rows from a row on that the batch has room for,
// at least one, and counts the bytes of their texts.
func (g *gatherer) piece(texts []textVector, from, n int) (int, error) {
	end := min(n, from+g.limit-g.rows)
	for row := from; row < end; row++ {
		length := 0
		for i, f := range g.fields {
			if f.Type == table.Text {
				length += texts[i].length(row)
			}
		}
		if length > maxText {
			return 0, fail(failQuery, "row %d has %d bytes of text; at most %d are taken: let a query take less of it", g.done+int64(g.rows+row-from)+1, length, maxText)
		}
		if g.bytes += length; g.bytes >= batchBytes {
			return row + 1, nil
		}
	}
	return end, nil
}

func (g *gatherer) addNumbers(i int, v *numberVector, from, to int) {
	at := len(g.numbers[i])
	g.numbers[i] = append(g.numbers[i], v.values[from:to]...)
	if v.valid == nil {
		return
	}
	for row := from; row < to; row++ {
		if !isValid(v.valid, row) {
			g.numbers[i][at+row-from] = math.NaN()
		}
	}
}

func (g *gatherer) addTexts(i int, v *textVector, from, to int) {
	for row := from; row < to; row++ {
		g.texts[i] = append(g.texts[i], bytes.TrimSpace(v.value(row))...)
		g.ends[i] = append(g.ends[i], int32(len(g.texts[i])))
	}
}

// flush writes a batch.
func (g *gatherer) flush() error {
	if g.rows == 0 {
		return nil
	}
	columns := make([]arrow.Array, len(g.fields))
	for i, f := range g.fields {
		if f.Type == table.Text {
			columns[i] = arrowArray(arrow.BinaryTypes.Binary, g.rows, arrow.Int32Traits.CastToBytes(g.ends[i]), g.texts[i])
		} else {
			columns[i] = arrowArray(arrow.PrimitiveTypes.Float64, g.rows, arrow.Float64Traits.CastToBytes(g.numbers[i]))
		}
		defer columns[i].Release()
	}
	batch := array.NewRecordBatch(g.schema, columns, int64(g.rows))
	defer batch.Release()
	if err := g.out.Write(batch); err != nil {
		return fmt.Errorf("write rows: %w", err)
	}
	g.done += int64(g.rows)
	g.rows, g.bytes = 0, 0
	for i := range g.fields {
		g.numbers[i], g.texts[i], g.ends[i] = g.numbers[i][:0], g.texts[i][:0], g.ends[i][:min(1, len(g.ends[i]))]
	}
	return nil
}

// arrowArray makes an array without nulls of its buffers.
func arrowArray(t arrow.DataType, rows int, buffers ...[]byte) arrow.Array {
	list := []*memory.Buffer{nil}
	for _, b := range buffers {
		list = append(list, memory.NewBufferBytes(b))
	}
	data := array.NewData(t, rows, list, nil, 0, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

// readBatches reads what stream has written.
func readBatches(r io.Reader, fields []field, yield func(*table.Batch) error) error {
	reader, err := ipc.NewReader(r)
	if err != nil {
		return err
	}
	defer reader.Release()
	batch := table.Batch{Columns: make([]table.Column, len(fields))}
	var line int64
	for reader.Next() {
		record := reader.RecordBatch()
		if int(record.NumCols()) != len(fields) {
			return fmt.Errorf("%d columns where %d were asked for", record.NumCols(), len(fields))
		}
		batch.Rows = int(record.NumRows())
		batch.Lines = batch.Lines[:0]
		for range batch.Rows {
			line++
			batch.Lines = append(batch.Lines, line)
		}
		for i, f := range fields {
			if batch.Columns[i], err = tableColumn(f.Type, record.Column(i)); err != nil {
				return err
			}
		}
		if err := yield(&batch); err != nil {
			return err
		}
	}
	return reader.Err()
}

// tableColumn is an Arrow column in our form, in the same memory.
func tableColumn(t table.Type, a arrow.Array) (table.Column, error) {
	c := table.Column{Type: t}
	switch a := a.(type) {
	case *array.Float64:
		if t == table.Text {
			break
		}
		c.Numbers = a.Float64Values()
		return c, nil
	case *array.Binary:
		if t != table.Text {
			break
		}
		c.Data, c.Ends = a.ValueBytes(), a.ValueOffsets()[1:]
		return c, nil
	}
	return c, errors.New("a column of another type than was asked for")
}
