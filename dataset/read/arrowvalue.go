package read

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"

	"tourney/dataset/table"
)

var nan = math.NaN()

// arrowColumn is a column of values below a field of the schema.
type arrowColumn struct {
	name    string
	kind    table.Type
	integer bool // of 64 bits or more: may hold what float64 does not
	dtype   arrow.DataType
	path    []int // the field, then children of structs; an element of a list last
	element bool
}

// arrowColumns flattens a schema: structs become columns named a.b, lists of a
// fixed number of numbers a.0, a.1 and so on.
func arrowColumns(file string, schema *arrow.Schema, most int) ([]arrowColumn, error) {
	f := &flattener{file: file, most: most, taken: make(map[string]bool)}
	for i, field := range schema.Fields() {
		name := field.Name
		if name == "" {
			name = "column_" + strconv.Itoa(i+1)
		}
		if err := f.add(name, field.Type, []int{i}, 0); err != nil {
			return nil, err
		}
	}
	if !slices.ContainsFunc(f.columns, func(c arrowColumn) bool { return c.dtype.ID() != arrow.NULL }) {
		// Such rows take no bytes, so that nothing would bound their number.
		return nil, invalid(file, 0, "", "the table has no column that can hold a value")
	}
	return f.columns, nil
}

type flattener struct {
	file    string
	most    int
	taken   map[string]bool
	columns []arrowColumn
}

func (f *flattener) add(name string, dt arrow.DataType, path []int, depth int) error {
	const maxDepth = 64
	switch t := storage(dt).(type) {
	case *arrow.StructType:
		if depth == maxDepth {
			return invalid(f.file, 0, shorten(name), "structs within structs, more than %d deep", maxDepth)
		}
		for i, field := range t.Fields() {
			if err := f.add(name+"."+field.Name, field.Type, append(path[:len(path):len(path)], i), depth+1); err != nil {
				return err
			}
		}
		return nil
	case *arrow.FixedSizeListType:
		kind, integer, ok := arrowKind(storage(t.Elem()))
		if !ok || kind != table.Number {
			return invalid(f.file, 0, columnPath(name), "it holds lists of %s; only lists of a fixed number of numbers become columns", t.Elem())
		}
		for i := range int(t.Len()) {
			c := arrowColumn{name: name + "." + strconv.Itoa(i), kind: kind, integer: integer, dtype: dt, element: true}
			c.path = append(path[:len(path):len(path)], i)
			if err := f.append(c); err != nil {
				return err
			}
		}
		return nil
	}
	kind, integer, ok := arrowKind(storage(dt))
	if !ok {
		return invalid(f.file, 0, columnPath(name), "its type %s is not read; leave the column out, or make it numbers or texts", dt)
	}
	return f.append(arrowColumn{name: name, kind: kind, integer: integer, dtype: dt, path: path})
}

func (f *flattener) append(c arrowColumn) error {
	if len(f.columns) == f.most {
		return invalid(f.file, 0, "", "the table has more than %d columns, which is the most that are taken", f.most)
	}
	c.name = unique(c.name, f.taken)
	f.taken[c.name] = true
	f.columns = append(f.columns, c)
	return nil
}

// storage returns the type that an extension type is stored as.
func storage(dt arrow.DataType) arrow.DataType {
	for {
		ext, ok := dt.(arrow.ExtensionType)
		if !ok {
			return dt
		}
		dt = ext.StorageType()
	}
}

// arrowKind returns how a type is yielded.
func arrowKind(dt arrow.DataType) (kind table.Type, integer, ok bool) {
	switch t := dt.(type) {
	case *arrow.Int64Type, *arrow.Uint64Type:
		return table.Number, true, true
	case arrow.DecimalType:
		return table.Number, t.GetScale() <= 0 && t.GetPrecision() > 15, true
	case *arrow.DictionaryType:
		_, _, ok := arrowKind(storage(t.ValueType))
		return table.Text, false, ok
	}
	switch dt.ID() {
	case arrow.INT8, arrow.INT16, arrow.INT32, arrow.UINT8, arrow.UINT16, arrow.UINT32,
		arrow.FLOAT16, arrow.FLOAT32, arrow.FLOAT64, arrow.TIME32, arrow.TIME64, arrow.DURATION:
		return table.Number, false, true
	case arrow.BOOL:
		return table.Bool, false, true
	case arrow.TIMESTAMP, arrow.DATE32, arrow.DATE64:
		return table.Time, false, true
	case arrow.STRING, arrow.LARGE_STRING, arrow.STRING_VIEW, arrow.NULL:
		return table.Text, false, true
	}
	return 0, false, false
}

// arrowLeaf is a column's values in a record batch.
type arrowLeaf struct {
	values  arrow.Array
	above   []arrow.Array // the structs and lists that hold it: where one is null, it is
	list    array.ListLike
	element int64

	number     func(i int) float64
	appendText func(to []byte, i int) []byte
	large      func(i int) bool
}

// leaf finds a column's values.
func (c *arrowColumn) leaf(rec arrow.RecordBatch) *arrowLeaf {
	l := &arrowLeaf{values: unwrap(rec.Column(c.path[0]))}
	for k, i := range c.path[1:] {
		l.above = append(l.above, l.values)
		if c.element && k == len(c.path)-2 {
			list, ok := l.values.(array.ListLike)
			if !ok {
				panic("a list is none")
			}
			l.list, l.element = list, int64(i)
			l.values = unwrap(list.ListValues())
			continue
		}
		l.values = unwrap(l.values.(*array.Struct).Field(i))
	}
	l.number, l.large = numberOf(l.values)
	l.appendText = textOf(l.values)
	return l
}

func unwrap(a arrow.Array) arrow.Array {
	for {
		ext, ok := a.(array.ExtensionArray)
		if !ok {
			return a
		}
		a = ext.Storage()
	}
}

// at returns where a row's value is, if it has one.
func (l *arrowLeaf) at(row int) (int, bool) {
	for _, a := range l.above {
		if a.IsNull(row) {
			return 0, false
		}
	}
	if l.list != nil {
		from, _ := l.list.ValueOffsets(row)
		row = int(from + l.element)
	}
	if l.values.DataType().ID() == arrow.NULL {
		return 0, false
	}
	return row, l.values.IsValid(row)
}

type number interface {
	~int8 | ~int16 | ~int32 | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64 | ~float32 | ~float64
}

// scaled returns how values are read as numbers, so many of which are one.
func scaled[T number](a interface{ Value(int) T }, per float64) func(int) float64 {
	if per == 1 {
		return func(i int) float64 { return float64(a.Value(i)) }
	}
	return func(i int) float64 { return float64(a.Value(i)) / per }
}

// perSecond returns how many units of time are a second.
func perSecond(u arrow.TimeUnit) float64 { return [...]float64{1, 1e3, 1e6, 1e9}[u] }

// numberOf returns how an array's values are read as numbers, and which of them
// are whole and beyond what float64 holds exactly.
func numberOf(a arrow.Array) (value func(int) float64, large func(int) bool) {
	large = func(int) bool { return false }
	switch a := a.(type) {
	case *array.Int8:
		return scaled(a, 1), large
	case *array.Int16:
		return scaled(a, 1), large
	case *array.Int32:
		return scaled(a, 1), large
	case *array.Int64:
		return scaled(a, 1), func(i int) bool { return a.Value(i) > maxExact || a.Value(i) < -maxExact }
	case *array.Uint8:
		return scaled(a, 1), large
	case *array.Uint16:
		return scaled(a, 1), large
	case *array.Uint32:
		return scaled(a, 1), large
	case *array.Uint64:
		return scaled(a, 1), func(i int) bool { return a.Value(i) > maxExact }
	case *array.Float16:
		return func(i int) float64 { return float64(a.Value(i).Float32()) }, large
	case *array.Float32:
		return scaled(a, 1), large
	case *array.Float64:
		return scaled(a, 1), large
	case *array.Boolean:
		return func(i int) float64 {
			if a.Value(i) {
				return 1
			}
			return 0
		}, large
	case *array.Date32:
		return func(i int) float64 { return float64(a.Value(i)) * 24 * 60 * 60 }, large
	case *array.Date64:
		return scaled(a, 1e3), large
	case *array.Timestamp:
		return scaled(a, perSecond(a.DataType().(*arrow.TimestampType).Unit)), large
	case *array.Time32:
		return scaled(a, perSecond(a.DataType().(*arrow.Time32Type).Unit)), large
	case *array.Time64:
		return scaled(a, perSecond(a.DataType().(*arrow.Time64Type).Unit)), large
	case *array.Duration:
		return scaled(a, perSecond(a.DataType().(*arrow.DurationType).Unit)), large
	}
	return decimalOf(a)
}

func decimalOf(a arrow.Array) (value func(int) float64, large func(int) bool) {
	dt, ok := a.DataType().(arrow.DecimalType)
	if !ok {
		return nil, nil
	}
	scale := dt.GetScale()
	switch a := a.(type) {
	case *array.Decimal32:
		value = func(i int) float64 { return a.Value(i).ToFloat64(scale) }
	case *array.Decimal64:
		value = func(i int) float64 { return a.Value(i).ToFloat64(scale) }
	case *array.Decimal128:
		value = func(i int) float64 { return a.Value(i).ToFloat64(scale) }
	case *array.Decimal256:
		value = func(i int) float64 { return a.Value(i).ToFloat64(scale) }
	}
	return value, func(i int) bool { return math.Abs(value(i)) > maxExact }
}

// textOf returns how an array's values are read as texts.
func textOf(a arrow.Array) func(to []byte, i int) []byte {
	switch a := a.(type) {
	case *array.String:
		return func(to []byte, i int) []byte { return append(to, a.Value(i)...) }
	case *array.LargeString:
		return func(to []byte, i int) []byte { return append(to, a.Value(i)...) }
	case *array.StringView:
		return func(to []byte, i int) []byte { return append(to, a.Value(i)...) }
	case *array.Int64:
		return func(to []byte, i int) []byte { return strconv.AppendInt(to, a.Value(i), 10) }
	case *array.Uint64:
		return func(to []byte, i int) []byte { return strconv.AppendUint(to, a.Value(i), 10) }
	case *array.Dictionary:
		values := unwrap(a.Dictionary())
		text := textOf(values)
		return func(to []byte, i int) []byte {
			if at := a.GetValueIndex(i); values.IsValid(at) {
				return text(to, at)
			}
			return to
		}
	}
	return func(to []byte, i int) []byte { return fmt.Append(to, a.ValueStr(i)) }
}
