package shard_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow/ipc"

	"tourney"
	"tourney/dataset/shard"
	"tourney/dataset/table"
)

var nan = math.NaN()

// all has a column of each kind, of 5 rows.
func all() (shard.Schema, *table.Frame) {
	levels := []string{"Bonn", "Oslo", "Rome"}
	long := []string{strings.Repeat("x", 40<<10), strings.Repeat("y", 40<<10)}
	s := shard.Schema{Target: "n", Use: shard.Train, Fields: []shard.Field{
		{Name: "n", Kind: tourney.Number},
		{Name: "b", Kind: tourney.Boolean},
		{Name: "d", Kind: tourney.Date},
		{Name: "c", Kind: tourney.Category, Levels: levels},
		{Name: "long", Kind: tourney.Category, Levels: long},
		{Name: "empty", Kind: tourney.Category},
		{Name: "t", Kind: tourney.Text},
		{Name: "s", Kind: tourney.Sparse, Width: 100},
		{Name: "z", Kind: tourney.Number},
	}}
	f := &table.Frame{Rows: 5, Series: []table.Series{
		{Name: "n", Kind: tourney.Number, Numbers: []float64{0.1, nan, -1e300, 5, math.Copysign(0, -1)}},
		{Name: "b", Kind: tourney.Boolean, Numbers: []float64{1, 0, nan, 1, 1}},
		{Name: "d", Kind: tourney.Date, Numbers: []float64{0, -86400, nan, 1.7e9, 4e9}},
		{Name: "c", Kind: tourney.Category, Codes: []int32{2, 0, -1, 1, 2}, Levels: levels},
		{Name: "long", Kind: tourney.Category, Codes: []int32{1, -1, 0, 0, 0}, Levels: long},
		{Name: "empty", Kind: tourney.Category, Codes: []int32{-1, -1, -1, -1, -1}},
		{Name: "t", Kind: tourney.Text, Hashes: []uint64{1, 0, math.MaxUint64, 5, table.Hash([]byte("a text"))}},
		{Name: "s", Kind: tourney.Sparse, Starts: []int64{0, 2, 2, 3, 3, 5}, Index: []uint32{0, 99, 5, 7, 8}, Values: []float32{1, -0.5, 3, 0, 2}},
		{Name: "z", Kind: tourney.Number, Numbers: []float64{1, 2, 3, 4, nan}},
	}}
	return s, f
}

func encode(t testing.TB, s shard.Schema, f *table.Frame) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := shard.Encode(&b, s, f); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// show prints a frame so that NaN equals NaN and -0 differs from 0.
func show(f *table.Frame) string { return fmt.Sprintf("%+v", *f) }

func TestWhatIsWrittenIsRead(t *testing.T) {
	s, f := all()
	// The frame that is read into held something else before.
	got := &table.Frame{Series: []table.Series{{Codes: make([]int32, 9)}, {Name: "x", Hashes: []uint64{1}}}}
	for range 2 {
		if err := shard.Decode(encode(t, s, f), s, 5, got); err != nil {
			t.Fatal(err)
		}
		if show(got) != show(f) {
			t.Fatalf("read\n%s\nwritten\n%s", show(got), show(f))
		}
	}
}

func TestSameRowsSameBytes(t *testing.T) {
	s, f := all()
	g := &table.Frame{}
	first := encode(t, s, f)
	if err := shard.Decode(first, s, 5, g); err != nil {
		t.Fatal(err)
	}
	// What lies in the buffers of missing values does not matter: NaN has
	// many forms.
	g.Series[0].Numbers[1] = math.Float64frombits(0x7ff8_0000_0000_1234)
	if !bytes.Equal(encode(t, s, g), first) {
		t.Error("other bytes for the same rows")
	}
	s.Use = shard.Test
	if bytes.Equal(encode(t, s, f), first) {
		t.Error("sealed rows have the bytes of others")
	}
}

func TestNumbersTakeTheNarrowestExactType(t *testing.T) {
	for _, c := range []struct {
		kind   tourney.ColumnKind
		values []float64
		want   string
	}{
		{tourney.Number, []float64{0, 255, nan}, "uint8"},
		{tourney.Number, []float64{nan}, "uint8"},
		{tourney.Number, []float64{0, 256}, "int16"},
		{tourney.Number, []float64{-1, 255}, "int16"},
		{tourney.Number, []float64{-32768, 32767}, "int16"},
		{tourney.Number, []float64{32768}, "int32"},
		{tourney.Number, []float64{-32769}, "int32"},
		{tourney.Number, []float64{math.MaxInt32, math.MinInt32}, "int32"},
		{tourney.Number, []float64{1 << 31}, "float32"}, // a power of two
		{tourney.Number, []float64{1<<31 + 1}, "float64"},
		{tourney.Number, []float64{0.5, -3}, "float32"},
		{tourney.Number, []float64{math.Copysign(0, -1)}, "float32"},
		{tourney.Number, []float64{0.1}, "float64"},
		{tourney.Boolean, []float64{0, 1, nan}, "bool"},
		{tourney.Date, []float64{1, nan}, "timestamp[s, tz=UTC]"},
		{tourney.Date, []float64{0.5}, "float32"},
	} {
		s := shard.Schema{Fields: []shard.Field{{Name: "x", Kind: c.kind}}}
		f := &table.Frame{Rows: len(c.values), Series: []table.Series{{Name: "x", Kind: c.kind, Numbers: c.values}}}
		blob := encode(t, s, f)
		r, err := ipc.NewFileReader(bytes.NewReader(blob))
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Schema().Field(0).Type.String(); got != c.want {
			t.Errorf("%v are kept as %s, want %s", c.values, got, c.want)
		}
		r.Close()
		got := &table.Frame{}
		if err := shard.Decode(blob, s, len(c.values), got); err != nil || show(got) != show(f) {
			t.Errorf("%v are read as %v: %v", c.values, got.Series, err)
		}
	}
}

func TestCategoriesTakeTheNarrowestCodes(t *testing.T) {
	for _, n := range []int{1, 127, 128, 129, 5000, 100_000} {
		levels := make([]string, n)
		for i := range levels {
			levels[i] = fmt.Sprintf("%06d", i)
		}
		s := shard.Schema{Fields: []shard.Field{{Name: "c", Kind: tourney.Category, Levels: levels}}}
		f := &table.Frame{Rows: 3, Series: []table.Series{{Name: "c", Kind: tourney.Category, Levels: levels, Codes: []int32{int32(n - 1), -1, 0}}}}
		blob := encode(t, s, f)
		got := &table.Frame{}
		if err := shard.Decode(blob, s, 3, got); err != nil || show(got) != show(f) {
			t.Errorf("%d levels: %v", n, err)
		}
		if n == 100_000 && len(blob) > 2000 {
			t.Errorf("%d levels are repeated in the shard: %d bytes", n, len(blob))
		}
	}
}

func TestEncodeRefusesWhatDoesNotFit(t *testing.T) {
	for name, tear := range map[string]func(s *shard.Schema, f *table.Frame){
		"another name":    func(_ *shard.Schema, f *table.Frame) { f.Series[0].Name = "m" },
		"another kind":    func(_ *shard.Schema, f *table.Frame) { f.Series[0].Kind = tourney.Text },
		"a column less":   func(_ *shard.Schema, f *table.Frame) { f.Series = f.Series[1:] },
		"a value less":    func(_ *shard.Schema, f *table.Frame) { f.Series[0].Numbers = f.Series[0].Numbers[1:] },
		"an infinity":     func(_ *shard.Schema, f *table.Frame) { f.Series[0].Numbers[0] = math.Inf(1) },
		"no boolean":      func(_ *shard.Schema, f *table.Frame) { f.Series[1].Numbers[0] = 2 },
		"a code too high": func(_ *shard.Schema, f *table.Frame) { f.Series[3].Codes[0] = 3 },
		"a code too low":  func(_ *shard.Schema, f *table.Frame) { f.Series[3].Codes[0] = -2 },
		"index too high":  func(s *shard.Schema, _ *table.Frame) { s.Fields[7].Width = 99 },
		"index twice":     func(_ *shard.Schema, f *table.Frame) { f.Series[7].Index[1] = 0 },
		"torn rows":       func(_ *shard.Schema, f *table.Frame) { f.Series[7].Starts[3] = 9 },
		"entries missing": func(_ *shard.Schema, f *table.Frame) { f.Series[7].Values = f.Series[7].Values[:4] },
	} {
		s, f := all()
		tear(&s, f)
		if err := shard.Encode(&bytes.Buffer{}, s, f); err == nil {
			t.Errorf("%s: written", name)
		}
	}
}

func TestDecodeRefusesWhatIsNotInTheManifest(t *testing.T) {
	good, f := all()
	blob := encode(t, good, f)
	for name, change := range map[string]func(s *shard.Schema){
		"other use":        func(s *shard.Schema) { s.Use = shard.Test },
		"other name":       func(s *shard.Schema) { s.Fields[0].Name = "m" },
		"a column less":    func(s *shard.Schema) { s.Fields = s.Fields[:7] },
		"other levels":     func(s *shard.Schema) { s.Fields[3].Levels = []string{"Bonn", "Oslo", "Roma"} },
		"a level more":     func(s *shard.Schema) { s.Fields[3].Levels = []string{"Bonn", "Oslo", "Rome", "Ulm"} },
		"fewer long ones":  func(s *shard.Schema) { s.Fields[4].Levels = []string{strings.Repeat("x", 80<<10)} },
		"narrower":         func(s *shard.Schema) { s.Fields[7].Width = 99 },
		"number for text":  func(s *shard.Schema) { s.Fields[6].Kind = tourney.Number },
		"text for number":  func(s *shard.Schema) { s.Fields[0].Kind = tourney.Text },
		"levels for codes": func(s *shard.Schema) { s.Fields[4].Levels = []string{"a", "b"} },
		"a new kind":       func(s *shard.Schema) { s.Fields[0].Kind = "picture" },
	} {
		s, _ := all()
		change(&s)
		if err := shard.Decode(blob, s, 5, &table.Frame{}); !errors.Is(err, shard.ErrSchema) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, rows := range []int{4, 6} {
		if err := shard.Decode(blob, good, rows, &table.Frame{}); !errors.Is(err, shard.ErrSchema) {
			t.Errorf("%d rows: %v", rows, err)
		}
	}
	for n := range len(blob) {
		if n%97 == 0 && shard.Decode(blob[:n], good, 5, &table.Frame{}) == nil {
			t.Errorf("%d of %d bytes are read", n, len(blob))
		}
	}
}

func TestRowsMax(t *testing.T) {
	fields := func(n int, kind tourney.ColumnKind) shard.Schema {
		s := shard.Schema{}
		for i := range n {
			s.Fields = append(s.Fields, shard.Field{Name: fmt.Sprint(i), Kind: kind})
		}
		return s
	}
	last := math.MaxInt
	for n := 1; n <= 20_000; n = n*5/4 + 1 {
		rows := shard.RowsMax(fields(n, tourney.Number))
		if rows > 16*4096 || rows < 4096 || rows%4096 != 0 || rows > 4096 && rows*n*8 > 32<<20 || rows > last {
			t.Errorf("%d rows a shard of %d columns", rows, n)
		}
		last = rows
	}
	if rows := shard.RowsMax(fields(1, tourney.Number)); rows != 65536 {
		t.Errorf("%d rows a shard of one column", rows)
	}
	if rows := shard.RowsMax(fields(1, tourney.Sparse)); rows != 16384 {
		t.Errorf("%d rows a shard of a sparse column", rows)
	}
}

func TestOfTakesAllColumns(t *testing.T) {
	ds := &tourney.Dataset{Target: "y", Columns: []tourney.Column{
		{Name: "c", Kind: tourney.Category, Categories: []string{"a"}}, {Name: "s", Kind: tourney.Sparse, Width: 3}, {Name: "y", Kind: tourney.Number},
	}}
	want := shard.Schema{Target: "y", Use: shard.Test, Fields: []shard.Field{
		{Name: "c", Kind: tourney.Category, Levels: []string{"a"}}, {Name: "s", Kind: tourney.Sparse, Width: 3}, {Name: "y", Kind: tourney.Number},
	}}
	if got := shard.Of(ds, shard.Test); !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, want %+v", got, want)
	}
}

func TestFieldsCanBeSkipped(t *testing.T) {
	s, f := all()
	blob := encode(t, s, f)
	for i := range f.Series {
		got := &table.Frame{}
		if err := shard.Decode(blob, s.Only(f.Series[i].Name), 5, got); err != nil {
			t.Fatal(err)
		}
		for j := range got.Series {
			want := f.Series[j]
			if i != j {
				want = table.Series{Name: want.Name, Kind: want.Kind, Levels: want.Levels}
			}
			if a, b := fmt.Sprintf("%+v", got.Series[j]), fmt.Sprintf("%+v", want); a != b {
				t.Errorf("with %s alone, %s is %s", f.Series[i].Name, want.Name, a)
			}
		}
	}
}

// A reader that is not ours must see the same table.
func TestPythonReadsShards(t *testing.T) {
	python := os.Getenv("TOURNEY_PYTHON")
	if python == "" {
		python = "python3"
	}
	if err := exec.Command(python, "-c", "import pyarrow").Run(); err != nil {
		t.Skip("no python3 with pyarrow here (TOURNEY_PYTHON names another):", err)
	}
	s, f := all()
	name := filepath.Join(t.TempDir(), "shard.arrow")
	if err := os.WriteFile(name, encode(t, s, f), 0o600); err != nil {
		t.Fatal(err)
	}
	const script = `
import sys, pyarrow.ipc
t = pyarrow.ipc.open_file(sys.argv[1]).read_all()
t.validate(full=True)
print(t.schema.metadata[b"tourney.format"].decode(), t.schema.metadata[b"tourney.kinds"].decode())
for r in t.to_pylist():
    print(r["n"], r["b"], r["d"] and r["d"].isoformat(), r["c"], r["long"], r["empty"], r["t"],
          [(e["index"], e["value"]) for e in r["s"]], sep="|")`
	out, err := exec.Command(python, "-c", script, name).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := []string{
		`2 ["number","boolean","date","category","category","category","text","sparse","number"]`,
		"0.1|True|1970-01-01T00:00:00+00:00|Rome|1|None|1|[(0, 1.0), (99, -0.5)]",
		"None|False|1969-12-31T00:00:00+00:00|Bonn|None|None|None|[]",
		"-1e+300|None|None|None|0|None|18446744073709551615|[(5, 3.0)]",
		"5.0|True|2023-11-14T22:13:20+00:00|Oslo|0|None|5|[]",
		fmt.Sprintf("-0.0|True|2096-10-02T07:06:40+00:00|Rome|0|None|%d|[(7, 0.0), (8, 2.0)]", f.Series[6].Hashes[4]),
	}
	if got := strings.Split(strings.TrimSpace(string(out)), "\n"); !slices.Equal(got, want) {
		t.Errorf("Python reads\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// Whatever the bytes, Decode returns, and what it returns without an error can
// be written again.
func FuzzDecode(f *testing.F) {
	s, frame := all()
	s.Fields[4].Levels, frame.Series[4].Levels = []string{"p", "q"}, []string{"p", "q"}
	blob := encode(f, s, frame)
	f.Add(blob)
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		torn := slices.Clone(blob)
		for range 1 + rng.IntN(8) {
			torn[rng.IntN(len(torn))] = byte(rng.Uint32())
		}
		f.Add(torn)
	}
	f.Fuzz(func(t *testing.T, blob []byte) {
		got := &table.Frame{}
		if shard.Decode(blob, s, 5, got) == nil {
			encode(t, s, got)
		}
	})
}

func BenchmarkShard(b *testing.B) {
	const d = 20
	s, f := shard.Schema{}, &table.Frame{Rows: 65536}
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range d {
		x := table.Series{Name: fmt.Sprint(i), Kind: tourney.Number, Numbers: make([]float64, f.Rows)}
		for row := range x.Numbers {
			x.Numbers[row] = rng.NormFloat64()
		}
		f.Series = append(f.Series, x)
		s.Fields = append(s.Fields, shard.Field{Name: x.Name, Kind: x.Kind})
	}
	blob := encode(b, s, f)
	b.Run("encode", func(b *testing.B) {
		b.SetBytes(int64(8 * d * f.Rows))
		for b.Loop() {
			encode(b, s, f)
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.SetBytes(int64(8 * d * f.Rows))
		got := &table.Frame{}
		for b.Loop() {
			if err := shard.Decode(blob, s, f.Rows, got); err != nil {
				b.Fatal(err)
			}
		}
	})
}
