package shard

import (
	"fmt"
	"io"
	"math"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/bitutil"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"tourney"
	"tourney/dataset/table"
)

// Encode writes the rows of a frame, whose series are the fields of the schema
// in order. Levels are those of the schema. Buffers hold zeros wherever a value
// is missing.
func Encode(w io.Writer, s Schema, f *table.Frame) error {
	if err := encode(w, &s, f); err != nil {
		return fmt.Errorf("write shard: %w", err)
	}
	return nil
}

func encode(w io.Writer, s *Schema, f *table.Frame) error {
	if len(f.Series) != len(s.Fields) {
		return fmt.Errorf("%d columns where the schema has %d", len(f.Series), len(s.Fields))
	}
	fields := make([]arrow.Field, len(s.Fields))
	arrays := make([]arrow.Array, len(s.Fields))
	for i := range s.Fields {
		field, series := &s.Fields[i], &f.Series[i]
		if series.Name != field.Name || series.Kind != field.Kind {
			return fmt.Errorf("column %d is %s %s, not %s %s", i+1, series.Kind, series.Name, field.Kind, field.Name)
		}
		a, err := field.array(series, f.Rows)
		if err != nil {
			return fmt.Errorf("column %s: %w", field.Name, err)
		}
		defer a.Release()
		arrays[i] = a
		fields[i] = arrow.Field{Name: field.Name, Type: a.DataType(), Nullable: field.Kind != tourney.Sparse, Metadata: field.metadata()}
	}
	meta, err := s.metadata()
	if err != nil {
		return err
	}
	schema := arrow.NewSchema(fields, &meta)
	batch := array.NewRecordBatch(schema, arrays, int64(f.Rows))
	defer batch.Release()
	file, err := ipc.NewFileWriter(w, ipc.WithSchema(schema))
	if err != nil {
		return err
	}
	if err := file.Write(batch); err != nil {
		return err
	}
	return file.Close()
}

// array returns the values of a series in the form of the file.
func (f *Field) array(s *table.Series, rows int) (arrow.Array, error) {
	length := func(n int) error {
		if n != rows {
			return fmt.Errorf("%d values of %d rows", n, rows)
		}
		return nil
	}
	switch {
	case f.Kind.Numeric():
		if err := length(len(s.Numbers)); err != nil {
			return nil, err
		}
		return numbers(f.Kind, s.Numbers)
	case f.Kind == tourney.Category:
		if err := length(len(s.Codes)); err != nil {
			return nil, err
		}
		return f.codes(s.Codes)
	case f.Kind == tourney.Text:
		if err := length(len(s.Hashes)); err != nil {
			return nil, err
		}
		return fixed(arrow.PrimitiveTypes.Uint64, s.Hashes, present(rows, func(i int) bool { return s.Hashes[i] != 0 }), arrow.Uint64Traits.CastToBytes), nil
	case f.Kind == tourney.Sparse:
		if err := length(len(s.Starts) - 1); err != nil {
			return nil, err
		}
		return f.entries(s)
	}
	return nil, fmt.Errorf("unknown kind %q", f.Kind)
}

// validity is an Arrow bitmap of the values present; nil bits mean all.
type validity struct {
	bits  []byte
	n     int
	nulls int
}

func present(n int, has func(i int) bool) validity {
	v := validity{n: n}
	for i := range n {
		if has(i) {
			continue
		}
		if v.bits == nil {
			v.bits = make([]byte, bitutil.CeilByte(n)/8)
			bitutil.SetBitsTo(v.bits, 0, int64(n), true)
		}
		bitutil.ClearBit(v.bits, i)
		v.nulls++
	}
	return v
}

// data makes the data of values of fixed width, in bytes.
func (v validity) data(typ arrow.DataType, values []byte) *array.Data {
	var bitmap *memory.Buffer
	if v.bits != nil {
		bitmap = memory.NewBufferBytes(v.bits)
	}
	return array.NewData(typ, v.n, []*memory.Buffer{bitmap, memory.NewBufferBytes(values)}, nil, v.nulls, 0)
}

func (v validity) array(typ arrow.DataType, values []byte) arrow.Array {
	data := v.data(typ, values)
	defer data.Release()
	return array.MakeFromData(data)
}

func fixed[T any](typ arrow.DataType, values []T, v validity, bytes func([]T) []byte) arrow.Array {
	return v.array(typ, bytes(values))
}

// narrow converts the values present; the others are 0.
func narrow[T uint8 | int16 | int32 | int64 | float32 | float64](values []float64) []T {
	out := make([]T, len(values))
	for i, v := range values {
		if !math.IsNaN(v) {
			out[i] = T(v)
		}
	}
	return out
}

// numbers chooses the narrowest type that loses nothing.
func numbers(kind tourney.ColumnKind, values []float64) (arrow.Array, error) {
	v := present(len(values), func(i int) bool { return !math.IsNaN(values[i]) })
	whole, short := true, true // whole numbers; float32s
	lo, hi := 0.0, 0.0
	for _, x := range values {
		if math.IsNaN(x) {
			continue
		}
		if math.IsInf(x, 0) {
			return nil, fmt.Errorf("the value %v", x)
		}
		whole = whole && x == math.Trunc(x) && (x != 0 || !math.Signbit(x))
		short = short && float64(float32(x)) == x
		lo, hi = min(lo, x), max(hi, x)
	}
	switch {
	case kind == tourney.Boolean:
		if !whole || lo < 0 || hi > 1 {
			return nil, fmt.Errorf("a boolean between %v and %v", lo, hi)
		}
		bits := make([]byte, bitutil.CeilByte(len(values))/8)
		for i, x := range values {
			if x == 1 {
				bitutil.SetBit(bits, i)
			}
		}
		return v.array(arrow.FixedWidthTypes.Boolean, bits), nil
	case kind == tourney.Date && whole && -maxWhole <= lo && hi <= maxWhole:
		return fixed(dateType, narrow[int64](values), v, arrow.Int64Traits.CastToBytes), nil
	case whole && 0 <= lo && hi <= math.MaxUint8:
		return fixed(arrow.PrimitiveTypes.Uint8, narrow[uint8](values), v, arrow.Uint8Traits.CastToBytes), nil
	case whole && math.MinInt16 <= lo && hi <= math.MaxInt16:
		return fixed(arrow.PrimitiveTypes.Int16, narrow[int16](values), v, arrow.Int16Traits.CastToBytes), nil
	case whole && math.MinInt32 <= lo && hi <= math.MaxInt32:
		return fixed(arrow.PrimitiveTypes.Int32, narrow[int32](values), v, arrow.Int32Traits.CastToBytes), nil
	case short:
		return fixed(arrow.PrimitiveTypes.Float32, narrow[float32](values), v, arrow.Float32Traits.CastToBytes), nil
	}
	return fixed(arrow.PrimitiveTypes.Float64, narrow[float64](values), v, arrow.Float64Traits.CastToBytes), nil
}

// codes makes the array of a category.
func (f *Field) codes(codes []int32) (arrow.Array, error) {
	v := present(len(codes), func(i int) bool { return codes[i] != table.NoCode })
	for _, c := range codes {
		if c != table.NoCode && (c < 0 || int(c) >= len(f.Levels)) {
			return nil, fmt.Errorf("the code %d of %d levels", c, len(f.Levels))
		}
	}
	var indices arrow.Array
	switch typ := f.codeType(); typ.ID() {
	case arrow.INT8:
		indices = fixed(typ, shortCodes[int8](codes), v, arrow.Int8Traits.CastToBytes)
	case arrow.INT16:
		indices = fixed(typ, shortCodes[int16](codes), v, arrow.Int16Traits.CastToBytes)
	default:
		indices = fixed(typ, shortCodes[int32](codes), v, arrow.Int32Traits.CastToBytes)
	}
	if !f.inline() {
		return indices, nil
	}
	defer indices.Release()
	b := array.NewStringBuilder(memory.DefaultAllocator)
	defer b.Release()
	b.AppendValues(f.Levels, nil)
	levels := b.NewArray()
	defer levels.Release()
	return array.NewDictionaryArray(&arrow.DictionaryType{IndexType: f.codeType(), ValueType: arrow.BinaryTypes.String}, indices, levels), nil
}

func shortCodes[T int8 | int16 | int32](codes []int32) []T {
	out := make([]T, len(codes))
	for i, c := range codes {
		out[i] = T(max(c, 0))
	}
	return out
}

// entries makes the array of a sparse column.
func (f *Field) entries(s *table.Series) (arrow.Array, error) {
	rows := len(s.Starts) - 1
	first, last := s.Starts[0], s.Starts[rows]
	if last-first > maxEntries {
		return nil, fmt.Errorf("%d entries in one shard", last-first)
	}
	if first < 0 || last < first || last > int64(len(s.Index)) || last > int64(len(s.Values)) {
		return nil, fmt.Errorf("rows that end at entry %d of %d", last, len(s.Index))
	}
	if err := checkEntries(s, f.Width); err != nil {
		return nil, err
	}
	offsets := make([]int32, rows+1)
	for i, start := range s.Starts {
		offsets[i] = int32(start - first)
	}
	index, values := s.Index[first:last], s.Values[first:last]
	all := validity{n: len(index)}
	at := all.data(arrow.PrimitiveTypes.Uint32, arrow.Uint32Traits.CastToBytes(index))
	defer at.Release()
	of := all.data(arrow.PrimitiveTypes.Float32, arrow.Float32Traits.CastToBytes(values))
	defer of.Release()
	pairs := array.NewData(entryType, len(index), []*memory.Buffer{nil}, []arrow.ArrayData{at, of}, 0, 0)
	defer pairs.Release()
	list := array.NewData(sparseType, rows, []*memory.Buffer{nil, memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(offsets))}, []arrow.ArrayData{pairs}, 0, 0)
	defer list.Release()
	return array.MakeFromData(list), nil
}

// checkEntries checks the rows of a sparse column: indices rise and are below
// the width, values are finite.
func checkEntries(s *table.Series, width int) error {
	for row := range len(s.Starts) - 1 {
		lo, hi := s.Starts[row], s.Starts[row+1]
		if lo < 0 || hi < lo || hi > int64(len(s.Index)) || hi > int64(len(s.Values)) {
			return fmt.Errorf("row %d has the entries %d to %d of %d", row, lo, hi, len(s.Index))
		}
		last := int64(-1)
		for i := lo; i < hi; i++ {
			at, v := int64(s.Index[i]), s.Values[i]
			switch {
			case at <= last || at >= int64(width):
				return fmt.Errorf("row %d has index %d after %d, of %d features", row, at, last, width)
			case v-v != 0:
				return fmt.Errorf("row %d has the value %v", row, v)
			}
			last = at
		}
	}
	return nil
}
