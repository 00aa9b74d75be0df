package read_test

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"tourney/dataset/read"
	"tourney/dataset/table"
)

func gz(text string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(text))
	w.Close()
	return b.String()
}

func zst(text string) string {
	w, _ := zstd.NewWriter(nil)
	defer w.Close()
	return string(w.EncodeAll([]byte(text), nil))
}

// bz2 is "a,b\n1,2\n" packed by the bzip2 program, whose format the standard
// library does not write.
const bz2 = "QlpoOTFBWSZTWb+HQH8AAANZAAAQAAQwADAAIAAwwAhpsogjJ4u5IpwoSF/DoD+A"

func zipped(files ...string) string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		f, err := w.Create(files[i])
		if err != nil {
			panic(err)
		}
		f.Write([]byte(files[i+1]))
	}
	w.Close()
	return b.String()
}

func TestPackings(t *testing.T) {
	const text, want = "a,b\n1,2\n", "a|b\n1|2"
	bz, err := base64.StdEncoding.DecodeString(bz2)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ name, content, want string }{
		{"t.csv.gz", gz(text), want},
		{"t.csv.zst", zst(text), want},
		{"t.csv.bz2", string(bz), want},
		{"t.csv", gz(text), want}, // the name does not matter
		{"two members.gz", gz("a,b\n1,2\n") + gz("3,4\n"), want + "\n3|4"},
		{"t.csv.gz.zst", zst(gz(text)), want},
		{"t.zip", zipped("t.csv", text), want},
		{"packed.zip", zipped("t.csv.gz", gz(text)), want},
		{"several.zip", zipped("d/a.csv", text, "d/b.csv", "b,a\n4,3\n"), want + "\n3|4"},
		{"with others.zip", zipped("README.txt", "hello", "t.csv", text, "__MACOSX/._t.csv", "\x00", ".hidden", "x"), want},
	} {
		for range 2 {
			r, err := load([]read.File{write(t, test.name, test.content)}, read.Options{})
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			} else if r.text() != test.want {
				t.Errorf("%s: %q", test.name, r.text())
			}
		}
	}
}

func TestBrokenPackings(t *testing.T) {
	var rows strings.Builder
	for i := range 10_000 {
		fmt.Fprintf(&rows, "%d,%d\n", i*7919%10_000, i)
	}
	text := "a,b\n" + rows.String()
	long := gz(text)
	cut := func(s string) string { return s[:len(s)/2] }
	flip := func(s string) string { b := []byte(s); b[len(b)/2] ^= 0xff; b[len(b)/2+1] ^= 0xff; return string(b) }
	archive := zipped("t.csv", text)
	for _, test := range []struct{ name, content, want string }{
		{"t.csv.gz", cut(long), "t.csv.gz: the gzip data end in the middle, after "},
		{"t.csv.zst", cut(zst(text)), "t.csv.zst: the Zstandard data end in the middle, after "},
		{"t.csv.gz", long[:12], "t.csv.gz: the gzip data end in the middle, after "},
		{"t.csv.gz", flip(long), "t.csv.gz: the gzip data are damaged after about "},
		{"t.zip", cut(archive), "t.zip: the zip archive cannot be read"},
		{"t.zip", archive[:60] + "XX" + archive[62:], "t.zip/t.csv: the zip data are cut short or damaged after "},
		{"t.zip", zipped("../t.csv", "a,b\n"), `t.zip: the archive holds "../t.csv", a path that leads out of it`},
		{"t.zip", zipped("/etc/t.csv", "a,b\n"), `t.zip: the archive holds "/etc/t.csv", a path that leads out of it`},
		{"t.zip", zipped(`..\t.csv`, "a,b\n"), `t.zip: the archive holds "..\\t.csv", a path that leads out of it`},
		{"t.zip", zipped("a.csv", "a,b\n1,2\n", "b.csv", "a,c\n1,2\n"), "t.zip/b.csv: column b: it is in t.zip/a.csv but not in this file"},
		{"t.zip", zipped(), "t.zip: the archive holds no file"},
		{"t.xlsx", zipped("[Content_Types].xml", "x", "xl/workbook.xml", "x"), "t.xlsx: not a table: it looks like a spreadsheet or a document"},
		{"t.gz", gz(gz(gz(gz(gz("a,b\n"))))), "t.gz: packed more than 4 times over"},
		{"t.zip.gz", gz(archive), "t.zip.gz: not a table: it looks like a zip archive inside another packing"},
	} {
		_, err := load([]read.File{write(t, test.name, test.content)}, read.Options{})
		if got := message(t, err); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

// A bomb is refused as soon as it is one, whatever the packing.
func TestBombs(t *testing.T) {
	zeros := "a,b\n" + strings.Repeat("0,0\n", 1<<18)
	limits := read.Limits{RatioAfter: 1 << 18, Ratio: 100}
	for name, content := range map[string]string{
		"t.csv.gz": gz(zeros), "t.csv.zst": zst(zeros), "t.zip": zipped("t.csv", zeros), "deep.zip": zipped("t.csv.gz", gz(zeros)),
	} {
		_, err := load([]read.File{write(t, name, content)}, read.Options{Limits: limits})
		if got := message(t, err); !strings.Contains(got, "above 100 to 1: taken for a decompression bomb") {
			t.Errorf("%s: %s", name, got)
		}
		if _, err := load([]read.File{write(t, name, content)}, read.Options{Limits: read.Limits{Bytes: 1 << 19}}); !strings.Contains(message(t, err), "with it the table has more than the 512 KiB that are taken") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What follows the limit is damaged: a reader that went on would stumble.
func TestLongLinesAreRefusedAtTheLimit(t *testing.T) {
	const limit = 1 << 18
	long := strings.Repeat("x", limit+128<<10)
	damaged := func(s string) string { b := gz(s + strings.Repeat("y", 4<<20)); return b[:len(b)-1000] }
	for _, test := range []struct{ name, text, want string }{
		{"first.csv.gz", long, "first.csv.gz:1: the first line has more than 256 KiB"},
		{"later.csv.gz", "a,b\n1,2\n3," + long, "later.csv.gz:3: the row has more than 256 KiB; is a quote left open?"},
		{"quote.csv.gz", "a,b\n1,2\n3,\"" + strings.Repeat("x\n", limit), "quote.csv.gz:3: the row has more than 256 KiB; is a quote left open?"},
		{"t.jsonl.gz", "{\"a\":1}\n{\"a\":\"" + long, "t.jsonl.gz:2: the object has more than 256 KiB"},
		{"t.libsvm.gz", "1 1:1 2:1\n1 1:1" + strings.Repeat(" ", limit+128<<10), "t.libsvm.gz:2: the line has more than 256 KiB"},
	} {
		_, err := load([]read.File{write(t, test.name, damaged(test.text))}, read.Options{Limits: read.Limits{Record: limit}})
		if got := message(t, err); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: %s", test.name, got)
		}
	}
}

// The longest record that is taken is taken, one byte more is not, in windows
// of any size.
func TestRecordLimitIsExact(t *testing.T) {
	const limit = 100
	for _, test := range []struct{ name, before, fill string }{
		{"t.csv", "a,b\n1,2\n3,", "\n4,5\n"},
		{"t.jsonl", "{\"a\":1}\n{\"a\":\"", "\"}\n{\"a\":2}\n"},
		{"t.libsvm", "1 1:1 2:1\n1", "\n2 1:1\n"},
	} {
		start := strings.LastIndex(test.before, "\n") + 1
		tail := strings.Index(test.fill, "\n")
		if test.name != "t.jsonl" {
			tail++ // lines are counted with their ends
		}
		pad := limit - (len(test.before) - start) - tail
		for _, chunk := range []int{0, 1, 30, 99, 100, 101, 150} {
			for over := range 2 {
				text := test.before + strings.Repeat(" ", pad+over) + test.fill
				_, err := load([]read.File{write(t, test.name, text)}, read.Options{Limits: read.Limits{Record: limit}}.WithSizes(chunk, 0))
				if (err != nil) != (over == 1) {
					t.Errorf("%s, windows of %d, %d over: %v", test.name, chunk, over, err)
				}
			}
		}
	}
}

func TestParquetIsForAnother(t *testing.T) {
	content := "PAR1\x15\x04\x15\x10PAR1"
	if _, err := load([]read.File{write(t, "t.parquet", content)}, read.Options{}); !errors.Is(err, read.ErrParquet) {
		t.Errorf("%v", err)
	}
	if _, err := load([]read.File{write(t, "t.parquet.gz", gz(content))}, read.Options{}); errors.Is(err, read.ErrParquet) || !strings.Contains(message(t, err), "unpack it first") {
		t.Errorf("packed: %v", err)
	}
}

func TestJSON(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"lines", `{"a":1,"b":"x"}` + "\n" + `{"a":2.5,"b":" y "}` + "\n", "a:1|b:0\n1|x\n2.5|y"},
		{"an array", "[\n {\"a\": 1},\n {\"a\": -2e3}\n]\n", "a:1\n1\n-2000"},
		{"other orders and keys", `{"a":1,"b":2}` + "\n" + `{"c":true,"a":3}` + "\n" + `{"b":4}`, "a:1|b:1|c:2\n1|2|\n3||1\n|4|"},
		{"nested", `{"a":{"b":{"c":1},"d":"x"},"e":{}}`, "a.b.c:1|a.d:0\n1|x"},
		{"null and NaN", `{"a":null,"b":1,"c":NaN}` + "\n" + `{"a":1,"b":null,"c":2}`, "b:1|a:1|c:1\n1||\n|1|2"},
		{"mixed types are text", `{"a":1,"b":true}` + "\n" + `{"a":"x","b":0}` + "\n" + `{"a":1.50}`, "a:0|b:0\n1|true\nx|0\n1.50|"},
		{"large integers are text", `{"a":9007199254740991,"b":9007199254740993,"c":12345678901234567890}`, "a:1|b:0|c:0\n9007199254740991|9007199254740993|12345678901234567890"},
		{"beyond float64", `{"a":1e400}`, "a:0\n1e400"},
		{"arrays of numbers", `{"a":[1,2.5,null],"b":0}` + "\n" + `{"a":[],"b":1}` + "\n" + `{"a":[4,5,6]}`, "a.0:1|a.1:1|b:1|a.2:1\n1|2.5|0|\n||1|\n4|5||6"},
		{"escapes", `{"a\u0062":"\"\\\/\n\t\u00e9\ud83d\ude00|\ud83d"}`, "ab:0\n\"\\/\n\té😀|\ufffd"},
		{"blank lines and a mark", "\ufeff\n\n{\"a\":1}\r\n\r\n{\"a\":2}", "a:1\n1\n2"},
		{"no newline between", `{"a":1}{"a":2}`, "a:1\n1\n2"},
	} {
		for _, chunk := range []int{0, 1, 4, 9} {
			r, err := load([]read.File{write(t, "t.jsonl", test.text)}, read.Options{}.WithSizes(chunk, 1+chunk%3))
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
				continue
			}
			for i, f := range r.fields {
				r.names[i] = fmt.Sprintf("%s:%d", f.Name, f.Type)
			}
			if got := r.text(); got != test.want {
				t.Errorf("%s, windows of %d:\n got %q\nwant %q", test.name, chunk, got, test.want)
			}
		}
	}
}

func TestJSONErrorsNameTheirPlace(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 65) + "1" + strings.Repeat("}", 65)
	var wide strings.Builder
	for i := range 20_001 {
		fmt.Fprintf(&wide, "{\"k%d\":1}\n", i)
	}
	for _, test := range []struct{ text, want string }{
		{"{\"a\":1}\n{\"a\":[\"x\"]}\n", "t.json:2: a: an array of texts; a column holds one value a row, and only arrays of numbers of one length become columns"},
		{"{\"a\":{\"b\":[{\"c\":1}]}}", "t.json:1: a.b: an array of objects;"},
		{"{\"a\":[1,2]}\n{\"a\":[1,2,3]}\n", "t.json:2: a: an array of 3 numbers where others have 2;"},
		{"{\"a\":1}\n\n{\"a\":1,\n\"a\":2}", "t.json:4: column a: it has two values in one object"},
		{"{\"a\":{\"b\":1},\"a.b\":2}", "t.json:1: column a.b: it has two values in one object"},
		{"{\"a\":1}\n{\"a\":1", "t.json:2: the file ends within an object; it is cut short"},
		{"[{\"a\":1},", "t.json:1: the file ends within its array; it is cut short"},
		{"[1,2]", "t.json:1: \"1\" stands where an object in braces is needed"},
		{"{\"a\":1},\n{\"a\":2}", "t.json:1: \",\" stands where an object in braces is needed"},
		{"{\"a\":1 \"b\":2}", "t.json:1: a: \"\\\"\" stands where a comma or a closing brace is needed"},
		{"{'a':1}", "t.json:1: \"'\" stands where a key in double quotes is needed"},
		{"{\"a\":01x}", "t.json:1: a: \"01x\" is no JSON value"},
		{"{\"a\":True}", "t.json:1: a: \"True\" is no JSON value"},
		{"{\"a\":\"x\n\"}", "t.json:1: a text is not closed on its line"},
		{"{\"a\":1}\n{\"a\":\"\\q\"}", "t.json:2: a: \\q is no escape of JSON"},
		{"{\"a\":\"caf\xe9\"}", "t.json:1: a: the text is not valid UTF-8, which JSON is in; save the file as UTF-8"},
		{deep, "t.json:1: a.a.a."},
		{wide.String(), "t.json:20001: k20000: the table has more than 20000 columns (different keys), which is the most that are taken"},
		{"{}\n{}\n", "t.json: no object with a value is there; a table is needed"},
	} {
		for _, chunk := range []int{0, 5} {
			_, err := load([]read.File{write(t, "t.json", test.text)}, read.Options{}.WithSizes(chunk, 0))
			if got := message(t, err); !strings.HasPrefix(got, test.want) {
				t.Errorf("%.40q\n got %s\nwant %s", test.text, got, test.want)
			}
		}
	}
}

func TestLIBSVM(t *testing.T) {
	for _, test := range []struct {
		name, text, want string
		features         int
	}{
		{"from 1", "+1 1:0.5 3:2\n-1 2:-1e-3 # a comment\n\n# another\n0\n", "label|features\n+1|0:0.5 2:2\n-1|1:-0.001\n0|", 3},
		{"from 0", "1 1:1 2:1\n2 0:3 5:1\n", "label|features\n1|1:1 2:1\n2|0:3 5:1", 6},
		{"not in order", "1 3:3 1:1 2:2\n", "label|features\n1|0:1 1:2 2:3", 3},
		{"queries", "2 qid:7 1:1 2:2\n1 qid:7 1:3 2:4\n", "label|features\n2|0:1 1:2\n1|0:3 1:4", 2},
	} {
		for _, chunk := range []int{0, 1, 10} {
			r, err := load([]read.File{write(t, "t.libsvm", test.text)}, read.Options{}.WithSizes(chunk, 2))
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			} else if r.text() != test.want || r.hints.Features != test.features || r.hints.Target != "label" {
				t.Errorf("%s: %q, %+v", test.name, r.text(), r.hints)
			}
		}
	}
	// The indices of all files count alike.
	r, err := load([]read.File{write(t, "a.svm", "1 1:1 2:1\n"), write(t, "b.svm", "1 0:1 1:1\n")}, read.Options{})
	if err != nil || r.text() != "label|features\n1|1:1 2:1\n1|0:1 1:1" {
		t.Errorf("two files: %v, %v", r, err)
	}
}

func TestLIBSVMErrorsNameTheirPlace(t *testing.T) {
	for _, test := range []struct{ line, want string }{
		{"1:1 2:2", "t.libsvm:2: label: the line begins with a pair; want a label first"},
		{"1,2 1:1", `t.libsvm:2: label: "1,2" is several labels; want one`},
		{"1 1", `t.libsvm:2: "1" is no pair; want index:value`},
		{"1 x:1", `t.libsvm:2: "x:1": the index is no whole number from 0 to 2147483647`},
		{"1 -1:1", `t.libsvm:2: "-1:1": the index is no whole number from 0 to 2147483647`},
		{"1 2147483648:1", `t.libsvm:2: "2147483648:1": the index is no whole number from 0 to 2147483647`},
		{"1 1:x", `t.libsvm:2: "1:x": the value is no finite number that float32 holds`},
		{"1 1:1e39", `t.libsvm:2: "1:1e39": the value is no finite number that float32 holds`},
		{"1 1:nan", `t.libsvm:2: "1:nan": the value is no finite number that float32 holds`},
		{"1 2:1 1:1 2:3", `t.libsvm:2: index 2 stands twice in the row`},
	} {
		_, err := load([]read.File{write(t, "t.libsvm", "1 1:1 2:1\n"+test.line+"\n")}, read.Options{Format: read.LIBSVM})
		if got := message(t, err); got != test.want {
			t.Errorf("%s\n got %s\nwant %s", test.line, got, test.want)
		}
	}
}

func TestIDX(t *testing.T) {
	images := "\x00\x00\x08\x03\x00\x00\x00\x02\x00\x00\x00\x02\x00\x00\x00\x01\x01\x02\x03\xff"
	labels := "\x00\x00\x08\x01\x00\x00\x00\x02\x05\x00"
	short := "\x00\x00\x0b\x02\x00\x00\x00\x01\x00\x00\x00\x02\xff\xfe\x01\x00"
	files := func(names ...string) []read.File {
		var fs []read.File
		for _, n := range names {
			content := images
			if strings.Contains(n, "labels") {
				content = labels
			}
			fs = append(fs, write(t, n, content))
		}
		return fs
	}
	const one = "pixel_0_0|pixel_1_0|label\n1|2|5\n3|255|0"
	for _, test := range []struct {
		name  string
		files []read.File
		want  string
		test  int64
	}{
		{"a pair", files("train-labels-idx1-ubyte", "train-images-idx3-ubyte"), one, 0},
		{"train and test", files("t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte", "train-images.idx3-ubyte", "train-labels.idx1-ubyte"), one + "\n1|2|5\n3|255|0", 2},
		{"images alone", files("x-images-idx3-ubyte"), "pixel_0_0|pixel_1_0\n1|2\n3|255", 0},
		{"16 bits", []read.File{write(t, "x", short)}, "pixel_0|pixel_1\n-2|256", 0},
	} {
		r, err := load(test.files, read.Options{}.WithSizes(0, 1))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if r.text() != test.want || r.hints.TestFrom != test.test {
			t.Errorf("%s: %q, %+v", test.name, r.text(), r.hints)
		}
	}
	for _, test := range []struct {
		files []read.File
		want  string
	}{
		{[]read.File{write(t, "x", images[:18])}, "x:2: the file ends within row 2 of 2; it is cut short"},
		{[]read.File{write(t, "x", images[:10])}, "x: the file ends within its header; it is cut short"},
		{[]read.File{write(t, "x", images+"x")}, "x: bytes follow the 2 rows that the header tells of; is it the right file?"},
		{[]read.File{write(t, "x", labels)}, "x: labels without a file of images"},
		{files("a-images", "b-labels", "b-images"), "a-images: no file of labels has the same name but for images and labels"},
		{[]read.File{write(t, "images", images), write(t, "labels", "\x00\x00\x08\x01\x00\x00\x00\x03\x05\x00\x01")}, "labels: it has 3 labels where images has 2 rows"},
		{[]read.File{write(t, "x", "\x00\x00\x08\x03\x00\x00\x00\x02\x00\x00\x01\x00\x00\x00\x01\x00")}, "x: a row has [256 256] values; at most 20000 are taken"},
	} {
		_, err := load(test.files, read.Options{})
		if got := message(t, err); !strings.HasPrefix(got, test.want) {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestFind(t *testing.T) {
	dir := t.TempDir()
	for _, n := range []string{"b.csv", "a.csv", "README.md", ".hidden.csv"} {
		if err := os.WriteFile(filepath.Join(dir, n), []byte("a\n1\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "c.csv"), 0o700); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][]string{
		"": {"a.csv", "b.csv"}, "b.csv": {"b.csv"}, "*.csv": {"a.csv", "b.csv"}, "README*": {"README.md"},
	} {
		files, err := read.Find(filepath.Join(dir, path))
		var names []string
		for _, f := range files {
			names = append(names, filepath.Base(f.Path))
		}
		if err != nil || !slices.Equal(names, want) {
			t.Errorf("%s: %v, %v", path, names, err)
		}
	}
	for _, path := range []string{"none.csv", "none*", "["} {
		if _, err := read.Find(filepath.Join(dir, path)); err == nil {
			t.Errorf("%s: found", path)
		}
	}
}

func TestScanStops(t *testing.T) {
	text := map[string]string{
		"t.csv": "a,b\n" + strings.Repeat("1,2\n", 100), "t.jsonl": strings.Repeat("{\"a\":1}\n", 100), "t.libsvm": strings.Repeat("1 1:1 2:2\n", 100),
	}
	stop := errors.New("enough")
	for name, content := range text {
		source, err := read.Open(t.Context(), []read.File{write(t, name, content)}, read.Options{}.WithSizes(64, 5))
		if err != nil {
			t.Fatal(err)
		}
		calls := 0
		if err := source.Scan(t.Context(), func(*table.Batch) error { calls++; return stop }); !errors.Is(err, stop) || calls != 1 {
			t.Errorf("%s: %v after %d calls", name, err, calls)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		cause := errors.New("cancelled by the user")
		err = source.Scan(ctx, func(*table.Batch) error { cancel(cause); return nil })
		if !errors.Is(err, cause) {
			t.Errorf("%s: %v", name, err)
		}
		cancel(nil)
		if err := source.Close(); err != nil {
			t.Error(err)
		}
	}
}
