package sql_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tourney/dataset/sql"
	"tourney/dataset/table"
)

func TestParquetCutShort(t *testing.T) {
	whole := parquet(t, "whole.parquet", "SELECT range AS i, hash(range) AS h FROM range(100000)")
	data, err := os.ReadFile(whole.Path)
	if err != nil {
		t.Fatal(err)
	}
	short := file(t, "d/short.parquet", string(data[:len(data)/2]))
	for name, req := range map[string]sql.Request{
		"alone":      {Files: []sql.File{short}},
		"second":     {Files: []sql.File{whole, short}},
		"by a query": {Files: []sql.File{whole, short}, Query: "SELECT 1"},
	} {
		_, err := tryOpen(t, req)
		t.Run(name, func(t *testing.T) { checkSource(t, err, "d/short.parquet", "No magic bytes found at end of file") })
	}
	_, err = tryOpen(t, sql.Request{Files: []sql.File{file(t, "text.parquet", strings.Repeat("x,y\n", 10))}})
	checkSource(t, err, "text.parquet", "magic")
}

// A page in the middle is damaged: its header no longer reads.
func TestParquetDamagedInside(t *testing.T) {
	whole := parquet(t, "whole.parquet", "SELECT range AS i, hash(range)::VARCHAR AS h FROM range(100000)")
	data, err := os.ReadFile(whole.Path)
	if err != nil {
		t.Fatal(err)
	}
	copy(data[len(data)/2:], bytes.Repeat([]byte{0xff}, 4096))
	damaged := file(t, "damaged.parquet", string(data))
	for name, files := range map[string][]sql.File{"alone": {damaged}, "second": {whole, damaged}} {
		src, err := tryOpen(t, sql.Request{Files: files})
		if err == nil {
			err = src.Scan(t.Context(), func(*table.Batch) error { return nil })
		}
		t.Run(name, func(t *testing.T) { checkSource(t, err, "damaged.parquet", "") })
	}
}

func TestCSVThatIsNone(t *testing.T) {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	for i := range 20_000 {
		fmt.Fprintf(w, "%d,a\n", i*i)
	}
	w.Close()
	for name, test := range map[string]struct {
		file  sql.File
		words string
	}{
		"cut gzip": {file(t, "a.csv.gz", packed.String()[:packed.Len()/2]), ""},
		"no gzip":  {file(t, "b.csv.gz", "x,y\n1,2\n"), "GZIP"},
		"no text":  {file(t, "c.csv", "x,y\n\xff\xfe,2\n"), ""},
		"no json":  {file(t, "d.jsonl", "{\"a\": 1}\n{\"a\": }\n"), "Malformed JSON"},
	} {
		_, err := tryOpen(t, sql.Request{Files: []sql.File{test.file}, Query: "SELECT * FROM data"})
		t.Run(name, func(t *testing.T) { checkSource(t, err, test.file.Name, test.words) })
	}
}

// The whole column tells its type, also where it changes late.
func TestTypesAreTakenFromAllRows(t *testing.T) {
	var b strings.Builder
	b.WriteString("id,v\n")
	for i := range 60_000 {
		fmt.Fprintf(&b, "%d,%d\n", i, i)
	}
	b.WriteString("60000,12e45x\n")
	for _, name := range []string{"a.csv", "a.csv.gz"} {
		text := b.String()
		if strings.HasSuffix(name, ".gz") {
			var packed bytes.Buffer
			w := gzip.NewWriter(&packed)
			w.Write([]byte(text))
			w.Close()
			text = packed.String()
		}
		src := open(t, sql.Request{Files: []sql.File{file(t, name, text)}, Query: "SELECT * FROM a WHERE id > 59998"})
		if fields, rows := dump(t, src); fields != "id:number v:text" || fmt.Sprint(rows) != "[59999|59999 60000|12e45x]" {
			t.Errorf("%s: %s %q", name, fields, rows)
		}
	}
}

func TestOutOfMemory(t *testing.T) {
	_, err := tryOpen(t, sql.Request{
		Files: []sql.File{file(t, "a.csv", "x\n1\n")}, Memory: 128 << 20,
		Query: "SELECT len(list(hash(range))) FROM range(50000000)", // 400 MB that cannot be spilled
	})
	checkInvalid(t, "a list in memory", err, "sql", "raise the limit of 128 MiB")
}

// A sort of more than the limit goes through the disk.
func TestSpill(t *testing.T) {
	src := open(t, sql.Request{
		Files: []sql.File{file(t, "a.csv", "x\n1\n")}, Memory: 128 << 20,
		Query: "SELECT hash(range) % 1000000007 AS h, repeat('x', 100) AS s FROM range(800000) ORDER BY h", // 86 MB; the engine has 77
	})
	last, rows := -1.0, 0
	err := src.Scan(t.Context(), func(b *table.Batch) error {
		for _, h := range b.Columns[0].Numbers {
			if h < last {
				return fmt.Errorf("%g after %g", h, last)
			}
			last = h
		}
		rows += b.Rows
		return nil
	})
	if err != nil || rows != 800_000 {
		t.Errorf("%d rows, %v", rows, err)
	}
}

// The rows of a query are the same in each scan and in each run.
func TestRowsAreReproducible(t *testing.T) {
	a := parquet(t, "a.parquet", "SELECT range AS i, range % 1000 AS k, hash(range) % 97 / 7 AS x FROM range(30000)")
	for query, sorted := range map[string]bool{
		"SELECT k, sum(x) AS s, count(*) AS n FROM a GROUP BY k":        true,
		"SELECT b.k, b.i FROM a JOIN a b ON a.i = b.k":                  true,
		"SELECT k, avg(x) OVER (PARTITION BY k ORDER BY i) AS m FROM a": true,
		"SELECT -i AS i, random() AS r FROM a":                          false,
		"SELECT k, i FROM a WHERE random() < 0.3":                       false,
		"SELECT i FROM a USING SAMPLE 1000 ROWS":                        true,
		"SELECT k, i FROM a WHERE k < 10":                               false,
		"SELECT k, count(*) AS n FROM a GROUP BY k ORDER BY k DESC":     false,
	} {
		src := open(t, sql.Request{Files: []sql.File{a}, Query: query})
		first, isSorted := digest(t, src)
		second, _ := digest(t, src)
		other, _ := digest(t, open(t, sql.Request{Files: []sql.File{a}, Query: query, Memory: 256 << 20}))
		if first != second || first != other {
			t.Errorf("%s: other rows in the second scan (%t) or with another memory limit (%t)", query, first != second, first != other)
		}
		if isSorted != sorted {
			t.Errorf("%s: sorted %t, want %t", query, isSorted, sorted)
		}
	}
}

// digest returns a hash of the rows of a source whose columns are numbers, and
// whether the first of them, then the second, rises.
func digest(t *testing.T, src table.Source) (string, bool) {
	t.Helper()
	sum := sha256.New()
	var last []float64
	sorted := true
	err := src.Scan(t.Context(), func(b *table.Batch) error {
		for row := range b.Rows {
			var now []float64
			for _, c := range b.Columns {
				now = append(now, c.Numbers[row])
			}
			sorted = sorted && (last == nil || slices.Compare(last, now) <= 0)
			last = now
			fmt.Fprintln(sum, now)
		}
		return nil
	})
	if err != nil || last == nil {
		t.Fatalf("no rows, %v", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), sorted
}

func TestCancelInTheMiddle(t *testing.T) {
	src := open(t, sql.Request{Files: []sql.File{parquet(t, "a.parquet", "SELECT range AS i FROM range(1000000)")}})
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	err := src.Scan(ctx, func(*table.Batch) error { cancel(stop); return nil })
	if !errors.Is(err, stop) {
		t.Errorf("%v, want the cause", err)
	}
}

func TestCloseInTheMiddle(t *testing.T) {
	src := open(t, sql.Request{Files: []sql.File{parquet(t, "a.parquet", "SELECT range AS i FROM range(1000000)")}})
	closed := make(chan error)
	once := false
	err := src.Scan(t.Context(), func(*table.Batch) error {
		if !once {
			once = true
			go func() { closed <- src.Close() }()
		}
		return nil
	})
	if !errors.Is(err, sql.ErrClosed) {
		t.Errorf("%v, want ErrClosed", err)
	}
	if err := <-closed; err != nil {
		t.Errorf("Close: %v", err)
	}
	if err := src.Scan(t.Context(), func(*table.Batch) error { return nil }); !errors.Is(err, sql.ErrClosed) {
		t.Errorf("a scan after Close: %v", err)
	}
}

func TestFileGoneBetweenScans(t *testing.T) {
	f := parquet(t, "a.parquet", "SELECT 1 AS i")
	src := open(t, sql.Request{Files: []sql.File{f}})
	if err := os.Remove(f.Path); err != nil {
		t.Fatal(err)
	}
	checkSource(t, src.Scan(t.Context(), func(*table.Batch) error { return nil }), "a.parquet", "")
}

func TestTempDirThatIsNone(t *testing.T) {
	_, err := sql.Open(t.Context(), sql.Request{Files: []sql.File{parquet(t, "a.parquet", "SELECT 1 AS i")}, TempDir: filepath.Join(t.TempDir(), "none")})
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want not exist", err)
	}
}
