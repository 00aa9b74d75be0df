package read_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"
	"github.com/apache/arrow-go/v18/arrow/memory"

	"tourney/dataset/read"
	"tourney/dataset/table"
)

// arrowTable builds record batches from JSON, which the Arrow library reads by
// itself.
func arrowTable(t testing.TB, schema *arrow.Schema, batches ...string) []arrow.RecordBatch {
	t.Helper()
	var recs []arrow.RecordBatch
	for _, b := range batches {
		rec, _, err := array.RecordFromJSON(memory.DefaultAllocator, schema, strings.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		recs = append(recs, rec)
	}
	return recs
}

func arrowStream(t testing.TB, recs []arrow.RecordBatch, opts ...ipc.Option) string {
	t.Helper()
	var b bytes.Buffer
	w := ipc.NewWriter(&b, append(opts, ipc.WithSchema(recs[0].Schema()))...)
	for _, r := range recs {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func arrowFile(t testing.TB, recs []arrow.RecordBatch, opts ...ipc.Option) string {
	t.Helper()
	var b bytes.Buffer
	w, err := ipc.NewFileWriter(&b, append(opts, ipc.WithSchema(recs[0].Schema()))...)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range recs {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func fields(fs ...any) *arrow.Schema {
	var list []arrow.Field
	for i := 0; i < len(fs); i += 2 {
		list = append(list, arrow.Field{Name: fs[i].(string), Type: fs[i+1].(arrow.DataType), Nullable: true})
	}
	return arrow.NewSchema(list, nil)
}

func TestArrowFormsAndPackings(t *testing.T) {
	recs := arrowTable(t, fields("n", arrow.PrimitiveTypes.Int32, "s", arrow.BinaryTypes.String),
		`[{"n":1,"s":"x"},{"n":null,"s":" y "}]`, `[{"n":3,"s":null},{"n":4,"s":"é"},{"n":5,"s":""}]`)
	const want = "n|s\n1|x\n|y\n3|\n4|é\n5|"
	for name, content := range map[string]string{
		"t.arrow": arrowFile(t, recs), "t.arrows": arrowStream(t, recs), "lz4.feather": arrowFile(t, recs, ipc.WithLZ4()),
		"zstd.feather": arrowFile(t, recs, ipc.WithZstd()), "lz4.arrows": arrowStream(t, recs, ipc.WithLZ4()),
		"t.arrow.gz": gz(arrowFile(t, recs)), "t.arrows.zst": zst(arrowStream(t, recs)), "t.zip": zipped("t.arrow", arrowFile(t, recs)),
	} {
		for _, most := range []int{0, 1, 2} {
			r, err := load([]read.File{write(t, name, content)}, read.Options{}.WithSizes(0, most))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if r.text() != want || fmt.Sprint(r.lines) != "[1 2 3 4 5]" {
				t.Errorf("%s: %q, lines %v", name, r.text(), r.lines)
			}
			if most > 0 && r.most > most {
				t.Errorf("%s: a batch of %d rows, want %d", name, r.most, most)
			}
		}
	}
}

func TestArrowTypes(t *testing.T) {
	list := arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Float32)
	for _, test := range []struct {
		dt   arrow.DataType
		json string // of one value
		want string // type:value
	}{
		{arrow.PrimitiveTypes.Int8, "-128", "1:-128"},
		{arrow.PrimitiveTypes.Uint16, "65535", "1:65535"},
		{arrow.PrimitiveTypes.Int64, "9007199254740992", "1:9007199254740992"},
		{arrow.PrimitiveTypes.Int64, "9007199254740993", "0:9007199254740993"},
		{arrow.PrimitiveTypes.Int64, "-9007199254740993", "0:-9007199254740993"},
		{arrow.PrimitiveTypes.Uint64, "18446744073709551615", "0:18446744073709551615"},
		{arrow.PrimitiveTypes.Float32, "0.5", "1:0.5"},
		{arrow.FixedWidthTypes.Float16, "1.5", "1:1.5"},
		{arrow.FixedWidthTypes.Boolean, "true", "2:1"},
		{arrow.FixedWidthTypes.Boolean, "false", "2:0"},
		{arrow.BinaryTypes.LargeString, `"x"`, "0:x"},
		{arrow.BinaryTypes.StringView, `"a text longer than twelve bytes"`, "0:a text longer than twelve bytes"},
		{arrow.FixedWidthTypes.Date32, `"1970-01-03"`, "3:172800"},
		{arrow.FixedWidthTypes.Date64, `"1970-01-02"`, "3:86400"},
		{arrow.FixedWidthTypes.Timestamp_ms, `"1970-01-01 00:00:01.500Z"`, "3:1.5"},
		{arrow.FixedWidthTypes.Timestamp_ns, `"2001-09-09 01:46:40Z"`, "3:1000000000"},
		{arrow.FixedWidthTypes.Time32s, `"00:01:01"`, "1:61"},
		{arrow.FixedWidthTypes.Duration_us, `1500000`, "1:1.5"},
		{&arrow.Decimal128Type{Precision: 18, Scale: 2}, `"12.25"`, "1:12.25"},
		{&arrow.Decimal128Type{Precision: 38, Scale: 0}, `"12345678901234567890"`, "0:12345678901234567890"},
		{&arrow.Decimal256Type{Precision: 50, Scale: 1}, `"-0.5"`, "1:-0.5"},
		{&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}, `"red"`, "0:red"},
		{&arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Uint32, ValueType: arrow.PrimitiveTypes.Int64}, `7`, "0:7"},
		{arrow.StructOf(arrow.Field{Name: "b", Type: arrow.PrimitiveTypes.Int32, Nullable: true}), `{"b":7}`, "1:7"},
		{list, "[1,2.5]", "1:1|1:2.5"},
		{arrow.StructOf(arrow.Field{Name: "b", Type: list, Nullable: true}), `{"b":[1,2.5]}`, "1:1|1:2.5"},
		{arrow.Null, "null", "0:"},
	} {
		recs := arrowTable(t, fields("a", test.dt, "n", arrow.PrimitiveTypes.Int8), `[{"a":null,"n":1},{"a":`+test.json+`,"n":2}]`)
		r, err := load([]read.File{write(t, "t.arrow", arrowFile(t, recs))}, read.Options{})
		if err != nil {
			t.Errorf("%s: %v", test.dt, err)
			continue
		}
		var got []string
		for i, f := range r.fields[:len(r.fields)-1] {
			got = append(got, fmt.Sprintf("%d:%s", f.Type, r.cells[1][i]))
			if r.cells[0][i] != "" {
				t.Errorf("%s: null is %q", test.dt, r.cells[0][i])
			}
		}
		if strings.Join(got, "|") != test.want {
			t.Errorf("%s: %v, want %s", test.dt, got, test.want)
		}
	}
}

func TestArrowNames(t *testing.T) {
	inner := arrow.StructOf(arrow.Field{Name: "b", Type: arrow.PrimitiveTypes.Int32}, arrow.Field{Name: "c", Type: arrow.FixedSizeListOf(2, arrow.PrimitiveTypes.Int8)})
	recs := arrowTable(t, fields("a", inner, "", arrow.PrimitiveTypes.Int8, "x", arrow.PrimitiveTypes.Int8, "x", arrow.PrimitiveTypes.Int8), `[]`)
	r, err := load([]read.File{write(t, "t.arrow", arrowFile(t, recs))}, read.Options{})
	if err != nil || strings.Join(r.names, " ") != "a.b a.c.0 a.c.1 column_2 x x_2" {
		t.Errorf("%v, %v", r, err)
	}
}

func TestArrowFilesAreOneTable(t *testing.T) {
	one := arrowTable(t, fields("a", arrow.PrimitiveTypes.Int32, "b", arrow.BinaryTypes.String), `[{"a":1,"b":"x"}]`)
	two := arrowTable(t, fields("b", arrow.BinaryTypes.LargeString, "a", arrow.PrimitiveTypes.Int64), `[{"a":9007199254740993,"b":"y"}]`)
	r, err := load([]read.File{write(t, "1.arrow", arrowFile(t, one)), write(t, "2.arrow", arrowStream(t, two))}, read.Options{})
	if err != nil || r.text() != "a|b\n1|x\n9007199254740993|y" {
		t.Errorf("%v, %v", r, err)
	}
	other := arrowTable(t, fields("a", arrow.FixedWidthTypes.Boolean, "b", arrow.BinaryTypes.String), `[{"a":true,"b":"x"}]`)
	_, err = load([]read.File{write(t, "1.arrow", arrowFile(t, one)), write(t, "2.arrow", arrowFile(t, other))}, read.Options{})
	if got := message(t, err); got != "2.arrow: column a: it is bool where in 1.arrow it is int32; write both with the same type" {
		t.Error(got)
	}
}

func TestArrowErrors(t *testing.T) {
	recs := arrowTable(t, fields("a", arrow.PrimitiveTypes.Int32, "s", arrow.BinaryTypes.String), `[{"a":1,"s":"`+strings.Repeat("x", 5000)+`"}]`)
	for _, test := range []struct {
		name, content string
		limits        read.Limits
		want          string
	}{
		{"t.arrow", arrowFile(t, recs)[:3000], read.Limits{}, "t.arrow: the Arrow data cannot be read ("},
		{"t.arrows", arrowStream(t, recs)[:3000], read.Limits{}, "t.arrows: the Arrow data cannot be read ("},
		{"t.arrow", arrowFile(t, recs), read.Limits{Batch: 1000}, "t.arrow: a record batch of the file is larger than the limit for one"},
		{"t.arrows", arrowStream(t, recs), read.Limits{Batch: 1000}, "t.arrows: a record batch of the file is larger than the limit for one"},
		{"t.arrow", arrowFile(t, recs, ipc.WithZstd()), read.Limits{Batch: 1000}, "t.arrow: a record batch of the file is larger than the limit for one"},
		{"t.arrow", arrowFile(t, recs), read.Limits{Columns: 1}, "t.arrow: the table has more than 1 columns"},
		{"t.arrow", arrowFile(t, arrowTable(t, fields("a", arrow.ListOf(arrow.PrimitiveTypes.Int8)), `[]`)), read.Limits{}, "t.arrow: column a: its type list<item: int8, nullable> is not read"},
		{"t.arrow", arrowFile(t, arrowTable(t, fields("a", arrow.FixedSizeListOf(2, arrow.BinaryTypes.String)), `[]`)), read.Limits{}, "t.arrow: column a: it holds lists of utf8; only lists of a fixed number of numbers become columns"},
		{"t.arrow", arrowFile(t, arrowTable(t, fields("a", arrow.Null), `[{"a":null}]`)), read.Limits{}, "t.arrow: the table has no column that can hold a value"},
		{"t.feather", "FEA1\x00\x00\x00\x00", read.Limits{}, "t.feather: not a table: it looks like a Feather file of version 1"},
	} {
		_, err := load([]read.File{write(t, test.name, test.content)}, read.Options{Limits: test.limits})
		if got := message(t, err); !strings.HasPrefix(got, test.want) {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

// What the fuzz target writes its seeds with.
var (
	arrowInt  = arrow.PrimitiveTypes.Int64
	arrowText = arrow.BinaryTypes.String
	arrowDict = &arrow.DictionaryType{IndexType: arrow.PrimitiveTypes.Int8, ValueType: arrow.BinaryTypes.String}
	arrowLZ4  = ipc.WithLZ4()
)

// A dictionary makes a small file large: batches stay small all the same.
func TestBatchesAreBounded(t *testing.T) {
	long := strings.Repeat("x", 1<<18)
	row := `{"d":"` + long + `"},`
	recs := arrowTable(t, fields("d", arrowDict), "["+strings.Repeat(row, 39)+strings.TrimSuffix(row, ",")+"]")
	var wide strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&wide, "{\"k%d\":%d}\n", i%5000, i)
	}
	for name, content := range map[string]string{
		"t.arrow": arrowFile(t, recs),
		"t.jsonl": wide.String(),
		"t.csv":   "a,b\n" + strings.Repeat("1,\n", 300_000) + "2," + long,
		"t.svm":   strings.Repeat("1 1:1 2:1\n", 50_000),
		"t-idx":   "\x00\x00\x08\x02\x00\x00\x04\x00\x00\x00\x10\x00" + strings.Repeat("\x01", 1024*4096),
	} {
		source, err := read.Open(t.Context(), []read.File{write(t, name, content)}, read.Options{})
		if err != nil {
			t.Fatal(name, err)
		}
		rows := 0
		err = source.Scan(t.Context(), func(b *table.Batch) error {
			rows += b.Rows
			bytes := 0
			for _, c := range b.Columns {
				bytes += len(c.Data) + 4*len(c.Ends) + 8*len(c.Numbers) + 4*len(c.Starts) + 4*len(c.Index) + 4*len(c.Values)
			}
			if b.Rows > 8192 || bytes > 6<<20 { // 4 MiB and the row that went beyond
				t.Errorf("%s: a batch of %d rows and %d bytes", name, b.Rows, bytes)
			}
			return nil
		})
		if err != nil || rows == 0 {
			t.Errorf("%s: %d rows, %v", name, rows, err)
		}
		if err := source.Close(); err != nil {
			t.Error(err)
		}
	}
}
