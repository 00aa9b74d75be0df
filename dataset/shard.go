package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"tourney"
)

// A shard is an Arrow IPC file of one record batch, uncompressed: float64 for
// numbers, dictionary<int32, utf8> for categories, null for missing. Every
// shard of a dataset carries the same dictionaries, which are the categories
// of the manifest, so that a code means the same in all of them.
const (
	shardFormat = "1"
	shardRows   = 16 * PartRows // at most
	shardBytes  = 128 << 20     // of values at most, as long as that leaves a part
)

// Keys of the metadata in a shard's schema.
const (
	metaFormat = "tourney.format"
	metaTarget = "tourney.target"
	metaKinds  = "tourney.kinds" // a JSON list, one a column
	metaRows   = "tourney.rows"  // rowsTrain or rowsTest
)

// What the rows of a shard are for. It is part of the bytes so that no sealed
// shard can have the hash, and with it the name, of one that is not.
const (
	rowsTrain = "train"
	rowsTest  = "test"
)

var categoryType = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int32, ValueType: arrow.BinaryTypes.String}

// rowsPerShard is a number of whole parts.
func rowsPerShard(columns int) int {
	rows := shardRows
	for rows > PartRows && rows*columns*8 > shardBytes {
		rows /= 2
	}
	return rows
}

// shardSchema is the schema of the shards of a table with rows for that use.
func shardSchema(t *Table, target, use string) (*arrow.Schema, error) {
	fields := make([]arrow.Field, len(t.Columns))
	kinds := make([]tourney.ColumnKind, len(t.Columns))
	for i := range t.Columns {
		s := &t.Columns[i]
		kinds[i] = s.Kind
		fields[i] = arrow.Field{Name: s.Name, Nullable: true, Type: arrow.PrimitiveTypes.Float64}
		if s.Kind == tourney.Category {
			fields[i].Type = categoryType
		}
	}
	text, err := json.Marshal(kinds)
	if err != nil {
		return nil, err
	}
	meta := arrow.NewMetadata([]string{metaFormat, metaTarget, metaKinds, metaRows}, []string{shardFormat, target, string(text), use})
	return arrow.NewSchema(fields, &meta), nil
}

// encodeShard writes rows of a table. The bytes are a function of the rows and
// the schema alone: buffers hold zeros wherever a value is missing.
func encodeShard(schema *arrow.Schema, t *Table, rows []int32) ([]byte, error) {
	arrays := make([]arrow.Array, len(t.Columns))
	for i := range t.Columns {
		if s := &t.Columns[i]; s.Kind == tourney.Number {
			arrays[i] = numberArray(s, rows)
		} else {
			arrays[i] = categoryArray(s, rows)
		}
		defer arrays[i].Release()
	}
	batch := array.NewRecordBatch(schema, arrays, int64(len(rows)))
	defer batch.Release()
	var buf bytes.Buffer
	w, err := ipc.NewFileWriter(&buf, ipc.WithSchema(schema))
	if err != nil {
		return nil, fmt.Errorf("write shard: %w", err)
	}
	if err := w.Write(batch); err != nil {
		return nil, fmt.Errorf("write shard: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("write shard: %w", err)
	}
	return buf.Bytes(), nil
}

func numberArray(s *Series, rows []int32) arrow.Array {
	values := make([]float64, len(rows))
	valid := newValidity(len(rows))
	for i, row := range rows {
		if !s.Missing(int(row)) {
			values[i] = s.Numbers[row]
			valid.set(i)
		}
	}
	return valid.array(arrow.PrimitiveTypes.Float64, arrow.Float64Traits.CastToBytes(values))
}

func categoryArray(s *Series, rows []int32) arrow.Array {
	codes := make([]int32, len(rows))
	valid := newValidity(len(rows))
	for i, row := range rows {
		if !s.Missing(int(row)) {
			codes[i] = s.Codes[row]
			valid.set(i)
		}
	}
	indices := valid.array(arrow.PrimitiveTypes.Int32, arrow.Int32Traits.CastToBytes(codes))
	defer indices.Release()
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	b.AppendValues(s.Levels, nil)
	levels := b.NewArray()
	defer levels.Release()
	return array.NewDictionaryArray(categoryType, indices, levels)
}

// validity is an Arrow bitmap of the values present.
type validity struct {
	bits    []byte
	n, ones int
}

func newValidity(n int) *validity {
	return &validity{bits: make([]byte, bitutil.CeilByte(n)/8), n: n}
}

func (v *validity) set(i int) {
	bitutil.SetBit(v.bits, i)
	v.ones++
}

// array makes an array of fixed-width values.
func (v *validity) array(typ arrow.DataType, values []byte) arrow.Array {
	bitmap := memory.NewBufferBytes(v.bits)
	if v.ones == v.n {
		bitmap = nil
	}
	data := array.NewData(typ, v.n, []*memory.Buffer{bitmap, memory.NewBufferBytes(values)}, nil, v.n-v.ones, 0)
	defer data.Release()
	return array.MakeFromData(data)
}

// errShard means that a shard is not what its manifest says, although its
// bytes are: it was not written by this package.
var errShard = errors.New("the shard does not fit its manifest")

// decodeShard fills rows of a table from row at on. The table's columns are
// those of the shard, in order, with their rows allocated.
func decodeShard(blob []byte, t *Table, at, rows int) error {
	r, err := ipc.NewFileReader(bytes.NewReader(blob), ipc.WithBodySizeLimit(int64(len(blob))))
	if err != nil {
		return fmt.Errorf("read shard: %w", err)
	}
	defer r.Close()
	if got, _ := r.Schema().Metadata().GetValue(metaFormat); got != shardFormat {
		return fmt.Errorf("read shard: format %q, this version reads %q", got, shardFormat)
	}
	if n := r.Schema().NumFields(); n != len(t.Columns) {
		return fmt.Errorf("%w: %d columns, not %d", errShard, n, len(t.Columns))
	}
	end := at + rows
	for {
		batch, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("read shard: %w", err)
		}
		n := int(batch.NumRows())
		if n > end-at {
			return fmt.Errorf("%w: more than %d rows", errShard, rows)
		}
		for i := range t.Columns {
			if name := batch.ColumnName(i); name != t.Columns[i].Name {
				return fmt.Errorf("%w: column %d is %s, not %s", errShard, i+1, name, t.Columns[i].Name)
			}
			if err := t.Columns[i].decode(batch.Column(i), at, n); err != nil {
				return err
			}
		}
		at += n
	}
	if at != end {
		return fmt.Errorf("%w: %d rows are missing", errShard, end-at)
	}
	return nil
}

// decode takes n values of an array as the rows from at on.
func (s *Series) decode(a arrow.Array, at, n int) error {
	if s.Kind == tourney.Number {
		numbers, ok := a.(*array.Float64)
		if !ok {
			return fmt.Errorf("%w: column %s is %s, not float64", errShard, s.Name, a.DataType())
		}
		copy(s.Numbers[at:at+n], numbers.Float64Values())
		for i := range n {
			if a.IsNull(i) {
				s.Numbers[at+i] = math.NaN()
			}
		}
		return nil
	}
	dict, ok := a.(*array.Dictionary)
	if !ok {
		return fmt.Errorf("%w: column %s is %s, not a dictionary", errShard, s.Name, a.DataType())
	}
	indices, ok := dict.Indices().(*array.Int32)
	if !ok || dict.Dictionary().Len() != len(s.Levels) {
		return fmt.Errorf("%w: column %s has other categories", errShard, s.Name)
	}
	for i, code := range indices.Int32Values() {
		switch {
		case a.IsNull(i):
			code = missingCode
		case code < 0 || int(code) >= len(s.Levels):
			return fmt.Errorf("%w: column %s holds the code %d of %d categories", errShard, s.Name, code, len(s.Levels))
		}
		s.Codes[at+i] = code
	}
	return nil
}
