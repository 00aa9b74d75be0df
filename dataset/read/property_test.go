package read_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"tourney"
	"tourney/dataset/read"
)

// A random table, written in a random dialect, is read back as it was, in
// windows and batches of any size.
func TestAnyTableInAnyDialect(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		delim := rapid.SampledFrom([]string{",", "\t", ";", "|"}).Draw(t, "delimiter")
		quote := rapid.SampledFrom([]string{`"`, "'"}).Draw(t, "quote")
		newline := rapid.SampledFrom([]string{"\n", "\r\n"}).Draw(t, "newline")
		encoding := rapid.SampledFrom([]string{"", "mark", "utf-16le", "utf-16be"}).Draw(t, "encoding")
		ends := rapid.Bool().Draw(t, "newline at the end")
		width := rapid.IntRange(2, 6).Draw(t, "columns")
		height := rapid.IntRange(2, 30).Draw(t, "rows")
		value := rapid.StringOfN(rapid.RuneFrom([]rune("ab1é,;|\t\n\"'# x")), 0, 12, -1)
		names := make([]string, width)
		for i := range names {
			names[i] = fmt.Sprintf("name %d", i)
		}
		table := [][]string{names}
		for i := range height {
			row := make([]string, width)
			row[0] = fmt.Sprint(i + 100) // so that there is a column of numbers, and no comment
			for c := 1; c < width; c++ {
				row[c] = strings.TrimSpace(value.Draw(t, "value"))
			}
			table = append(table, row)
		}
		text := render(table, delim, quote, newline, rapid.Bool().Draw(t, "quote all"))
		if !ends {
			text = strings.TrimSuffix(text, newline)
		}
		switch encoding {
		case "mark":
			text = "\ufeff" + text
		case "utf-16le", "utf-16be":
			text = utf16(encoding == "utf-16be", "\ufeff"+text)
		}
		path := filepath.Join(dir, "t.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		opts := read.Options{Delimiter: delim[0], Quote: quote[0], Header: read.HeaderYes, Comment: read.None}
		r, err := load([]read.File{{Path: path}}, opts.WithSizes(rapid.IntRange(1, 100).Draw(t, "window"), rapid.IntRange(1, 9).Draw(t, "batch")))
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		if got := append([][]string{r.names}, r.cells...); !reflect.DeepEqual(got, table) {
			t.Fatalf("%q\n got %q\nwant %q", text, got, table)
		}
		line := int64(1)
		for i, row := range table[1:] {
			line += int64(strings.Count(strings.Join(table[i], ""), "\n") + 1)
			if r.lines[i] != line {
				t.Fatalf("%q: row %q on line %d, want %d", text, row, r.lines[i], line)
			}
		}
	})
}

// render writes a table as text.
func render(table [][]string, delim, quote, newline string, all bool) string {
	var b strings.Builder
	for _, row := range table {
		for i, f := range row {
			if i > 0 {
				b.WriteString(delim)
			}
			if all || strings.ContainsAny(f, delim+"\n\r") || strings.HasPrefix(f, quote) {
				f = quote + strings.ReplaceAll(f, quote, quote+quote) + quote
			}
			b.WriteString(f)
		}
		b.WriteString(newline)
	}
	return b.String()
}

// Without a word about the dialect, plain tables are told right.
func TestAnyPlainTableIsTold(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		delim := rapid.SampledFrom([]string{",", "\t", ";", "|"}).Draw(t, "delimiter")
		quote := rapid.SampledFrom([]string{`"`, "'"}).Draw(t, "quote")
		header := rapid.Bool().Draw(t, "header")
		width := rapid.IntRange(2, 6).Draw(t, "columns")
		height := rapid.IntRange(3, 20).Draw(t, "rows")
		var table [][]string
		if header {
			table = append(table, nil)
			for i := range width {
				table[0] = append(table[0], fmt.Sprintf("name_%c", 'a'+i))
			}
		}
		word := rapid.StringMatching(`[a-z]{1,8}( [a-z]{1,8})?`)
		number := rapid.StringMatching(`-?[1-9][0-9]{0,3}\.[0-9]{1,4}`)
		for range height {
			row := []string{number.Draw(t, "number")}
			for c := 1; c < width; c++ {
				if c%2 == 0 {
					row = append(row, number.Draw(t, "number"))
				} else {
					row = append(row, word.Draw(t, "word"))
				}
			}
			table = append(table, row)
		}
		text := render(table, delim, quote, "\n", rapid.Bool().Draw(t, "quote all"))
		path := filepath.Join(dir, "t.csv")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := load([]read.File{{Path: path}}, read.Options{})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		got := r.cells
		if header {
			got = append([][]string{r.names}, got...)
		}
		if !reflect.DeepEqual(got, table) {
			t.Fatalf("%q\n got %q", text, got)
		}
	})
}

// fuzz reads bytes as a file in windows of several sizes: no panic, errors for
// people, and the same rows each time.
func fuzz(t *testing.T, name string, data []byte, opts read.Options) {
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	opts.Limits = read.Limits{Record: 1 << 16, Bytes: 1 << 22, RatioAfter: 1 << 16, Batch: 1 << 20, Columns: 200}
	var first *rows
	var said string
	for i, sizes := range [][2]int{{0, 0}, {1, 1}, {17, 3}} {
		r, err := load([]read.File{{Name: name, Path: path}}, opts.WithSizes(sizes[0], sizes[1]))
		if err != nil {
			var bad *tourney.InvalidError
			if !errors.As(err, &bad) && !errors.Is(err, read.ErrParquet) {
				t.Fatalf("error %v (%T)", err, err)
			}
			if !utf8.ValidString(err.Error()) && utf8.Valid(data) {
				t.Fatalf("message %q", err.Error())
			}
		}
		text := fmt.Sprint(err)
		if i == 0 {
			first, said = r, text
			continue
		}
		if (err == nil) != (said == "<nil>") {
			t.Fatalf("windows of %v: %s, else %s", sizes, text, said)
		}
		if err == nil && (!reflect.DeepEqual(r.cells, first.cells) || !slices.Equal(r.lines, first.lines) || r.hints.SkippedRows != first.hints.SkippedRows) {
			t.Fatalf("windows of %v: %q %v, else %q %v", sizes, r.cells, r.lines, first.cells, first.lines)
		}
	}
}

func FuzzCSV(f *testing.F) {
	for _, seed := range []string{
		"a,b\n1,2\n", "\ufeffa;b\r\n\"x\r\ny\";\"\"\"\"\r\n", "a\n\n\n1\n", "a,a\n", "a\n\"", "a,b\n\xff,1\n", "1 2\n 3  4\n", "#c\na\tb\n'1'\t2\n",
		"a,b\n\"x\\\"y\",\"z\\\\\"\n", "\xff\xfea\x00,\x00b\x00", "a,b,\n1,2,\n3\n", "a\r1\r2\r", "a,b\n1,\"x\"y\"\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, "f.csv", data, read.Options{Format: read.CSV}) })
}

func FuzzJSONL(f *testing.F) {
	for _, seed := range []string{
		"{\"a\":1,\"b\":[1,2]}\n{\"a\":\"x\"}", "[{\"a\":{\"b\":true}},{}]", "{\"a\":\"\\ud83d\\ude00\\n\"}", "{\"a\":1e400,\"\":null}", "{", "[", "{\"a\":\"",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, "f.jsonl", data, read.Options{Format: read.JSON}) })
}

func FuzzLibsvm(f *testing.F) {
	for _, seed := range []string{"1 1:1 2:0.5\n-1 3:1e3 # x\n", "1 qid:3 0:1\n", "1 3:1 2:1\n", "1 1:1 1:2", "1", "1 9999999999:1"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, "f.libsvm", data, read.Options{Format: read.LIBSVM}) })
}

func FuzzIDX(f *testing.F) {
	for _, seed := range []string{
		"\x00\x00\x08\x03\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x01\x01\x02", "\x00\x00\x0d\x02\x00\x00\x00\x01\x00\x00\x00\x01\x3f\x80\x00\x00", "\x00\x00\x08\x01\x00\x00\x00\x00",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, "f-idx3-ubyte", data, read.Options{Format: read.IDX}) })
}

func FuzzArrow(f *testing.F) {
	recs := arrowTable(f, fields("n", arrowInt, "s", arrowText, "d", arrowDict), `[{"n":1,"s":"x","d":"r"},{"n":null,"s":"y","d":"g"}]`)
	f.Add([]byte(arrowFile(f, recs)))
	f.Add([]byte(arrowStream(f, recs)))
	f.Add([]byte(arrowStream(f, recs, arrowLZ4)))
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, "f.arrow", data, read.Options{Format: read.Arrow}) })
}

func FuzzZip(f *testing.F) {
	f.Add([]byte(zipped("a.csv", "a,b\n1,2\n")))
	f.Add([]byte(zipped("a.csv.gz", gz("a,b\n1,2\n"), "b.txt", "x")))
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, "f.zip", data, read.Options{}) })
}

func FuzzPacked(f *testing.F) {
	f.Add([]byte(gz("a,b\n1,2\n")))
	f.Add([]byte(zst("a,b\n1,2\n")))
	f.Add([]byte(zst(gz("{\"a\":1}"))))
	f.Fuzz(func(t *testing.T, data []byte) { fuzz(t, "f", data, read.Options{}) })
}

// FuzzDetect lets the content say what it is.
func FuzzDetect(f *testing.F) {
	for _, seed := range []string{"a,b\n1,2\n", "{\"a\":1}", "1 1:1 2:1\n", "PAR1\x00", "\xff\xff\xff\xff\x10\x00\x00\x00", "\x00\x00\x08\x01\x00\x00\x00\x01\x05", "ARROW1\x00\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if bytes.HasPrefix(data, []byte("PK")) {
			return
		}
		fuzz(t, "f", data, read.Options{})
	})
}
