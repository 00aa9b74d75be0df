package read_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tourney/dataset/read"
)

func TestCSVDialects(t *testing.T) {
	const want = "a|b\n1|x y\n2|z"
	for name, text := range map[string]string{
		"plain":                  "a,b\n1,x y\n2,z\n",
		"no last newline":        "a,b\n1,x y\n2,z",
		"CRLF":                   "a,b\r\n1,x y\r\n2,z\r\n",
		"CR":                     "a,b\r1,x y\r2,z\r",
		"byte order mark":        "\ufeffa,b\n1,x y\n2,z\n",
		"mark and quotes":        "\ufeff\"a\",b\n1,x y\n2,z\n",
		"tab":                    "a\tb\n1\tx y\n2\tz\n",
		"semicolon":              "a;b\n1;x y\n2;z\n",
		"pipe":                   "a|b\n1|x y\n2|z\n",
		"white space":            "a   b\n1 \"x y\"\n  2\tz  \n",
		"quoted":                 "\"a\",\"b\"\n\"1\",\"x y\"\n2,z\n",
		"single quotes":          "'a';'b'\n'1';'x y'\n'2';'z'\n",
		"blank before the quote": "a, b\n1, \"x y\"\n2, z\n",
		"blank lines":            "\n\na,b\n\n1,x y\n\r\n2,z\n   \n",
		"trailing delimiters":    "a,b,\n1,x y,\n2,z,\n",
		"trailing in rows":       "a,b\n1,x y,\n2,z,\n",
		"trailing in the header": "a,b,\n1,x y\n2,z\n",
		"comments":               "# made by hand\n# on a Monday\na,b\n1,x y\n# three, or, four\n2,z\n",
		"junk":                   "Monthly report\n\nfor: the board\na,b\n1,x y\n2,z\n",
		"UTF-16 LE":              utf16(false, "\ufeffa,b\r\n1,x y\r\n2,z\r\n"),
		"UTF-16 BE":              utf16(true, "\ufeffa,b\n1,x y\n2,z\n"),
		"UTF-16 LE, no mark":     utf16(false, "a\tb\n1\tx y\n2\tz\n"),
		"UTF-16 BE, no mark":     utf16(true, "a\tb\n1\tx y\n2\tz\n"),
	} {
		for _, chunk := range []int{0, 1, 7, 16} {
			r, err := load([]read.File{write(t, "t.csv", text)}, read.Options{}.WithSizes(chunk, 0))
			if err != nil {
				t.Errorf("%s: %v", name, err)
			} else if got := r.text(); got != want {
				t.Errorf("%s, windows of %d: %q", name, chunk, got)
			}
		}
	}
}

// utf16 encodes characters of the basic plane.
func utf16(big bool, text string) string {
	var b []byte
	for _, r := range text {
		if big {
			b = append(b, byte(r>>8), byte(r))
		} else {
			b = append(b, byte(r), byte(r>>8))
		}
	}
	return string(b)
}

func TestCSVValues(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"newlines and delimiters in quotes", "a,b\n\"x\ny\",\"1,5\"\n\"\r\nz\",2\n", "a|b\nx\ny|1,5\nz|2"},
		{"doubled quotes", "a,b\n\"he said \"\"no\"\"\",\"\"\"\"\n1,\"\"\n", "a|b\nhe said \"no\"|\"\n1|"},
		{"backslashes", `a,b` + "\n" + `1,"say \"hi\", then \\ go"` + "\n" + `2,"C:\dir"` + "\n", "a|b\n1|say \"hi\", then \\ go\n2|C:\\dir"},
		{"quotes inside a field", "a,b\n5\" pipe,2\nit's,3\n", "a|b\n5\" pipe|2\nit's|3"},
		{"quotes that are not doubled", "a,b\n1,\"a \"big\" one\"\n2,\"x\"y\"\n", "a|b\n1|a \"big\" one\n2|x\"y"},
		{"decimal commas", "a;b\n1,5;2,25\n3,5;4,75\n", "a|b\n1,5|2,25\n3,5|4,75"},
		{"texts with commas by tab", "who\tage\nSmith, John\t3\nDoe, Jane\t4\n", "who|age\nSmith, John|3\nDoe, Jane|4"},
		{"one column", "a\n1\n2\n", "a\n1\n2"},
		{"one column of words", "name\nNew York\nLos Angeles\n", "name\nNew York\nLos Angeles"},
		{"one column, empty", "a\n\"\"\n1\n", "a\n\n1"},
		{"empty first and last", "a,b,c\n,,\n,1,\n", "a|b|c\n||\n|1|"},
		{"tabs are values", "a\tb\n\t\n1\t2\n", "a|b\n|\n1|2"},
		{"spaces of Unicode", "a,b\n\u00a01\u00a0,\u3000x\u3000\n2,é\n", "a|b\n1|x\n2|é"},
		{"a hash in a value", "a,b\n#1,x\n2,#y\n", "a|b\n#1|x\n2|#y"},
		{"names in a comment", "# a file\n#id\tx\n1\t2\n3\t4\n", "id|x\n1|2\n3|4"},
		{"names of R", "a,b\nr1,1,2\nr2,3,4\n", "column_1|a|b\nr1|1|2\nr2|3|4"},
		{"no names", "a,,a,a_2,a\n1,2,3,4,5\n", "a|column_2|a_3|a_2|a_4\n1|2|3|4|5"},
		{"a name that is taken", "column_2,,x\n1,2,3\n", "column_2|column_2_2|x\n1|2|3"},
		{"a header alone", "a,b\n", "a|b"},
		{"an odd row", "a,b\n1,2\n3\n4,5\n", "a|b\n1|2\n4|5"},
		{"an open quote", "a,b\n1,2\n3,\"x\n4,5\n6,7\n", "a|b\n1|2\n4|5\n6|7"},
		{"an open quote before others", "a,b\n1,\"x\n2,\"y\"\n3,\"z\"\n", "a|b\n2|y\n3|z"},
	} {
		for _, chunk := range []int{0, 1, 3, 8, 13} {
			r, err := load([]read.File{write(t, "t.csv", test.text)}, read.Options{}.WithSizes(chunk, 1+chunk%3))
			if err != nil {
				t.Errorf("%s: %v", test.name, err)
			} else if got := r.text(); got != test.want {
				t.Errorf("%s, windows of %d:\n got %q\nwant %q", test.name, chunk, got, test.want)
			}
		}
	}
}

func TestCSVHeaderIsTold(t *testing.T) {
	for _, test := range []struct {
		name, text string
		header     bool
	}{
		{"numbers below texts", "x,y\n1,2\n3,4\n", true},
		{"numbers throughout", "1,2\n3,4\n5,6\n", false},
		{"texts throughout", "x,y\nred,big\nblue,small\n", true},
		{"texts that come again", "p,x,s\ne,x,s\np,y,w\n", false},
		{"years", "name,2019,2020\nx,1.5,2.5\ny,3.5,4.5\n", true},
		{"a numbered table", "0,1,2,3\n5.1,3.5,1.4,0.2\n4.9,3.0,1.4,0.2\n", true},
		{"a numbered table with an index", ",0,1,2\n0,5.1,3.5,1.4\n1,4.9,3.0,1.4\n", true},
		{"a missing first value", "?,1,2\n4,5,6\n7,8,9\n", false},
		{"an outlier in the first row", "off,1.5,2.5,3.5\n4,1.5,2.5,3.5\n5,1.5,2.5,3.5\n", false},
		{"dates", "day,n\n2011-01-01,1\n2011-01-02,2\n", true},
		{"iris without names", "5.1,3.5,setosa\n4.9,3.0,setosa\n6.1,3.3,virginica\n", false},
		{"one row of numbers", "1,2\n", false},
	} {
		r, err := load([]read.File{write(t, "t.csv", test.text)}, read.Options{})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := r.names[0] != "column_1" || r.names[1] != "column_2" && test.header; got != test.header {
			t.Errorf("%s: names %q", test.name, r.names)
		}
		want := strings.Count(test.text, "\n")
		if test.header {
			want--
		}
		if len(r.cells) != want {
			t.Errorf("%s: %d rows, want %d", test.name, len(r.cells), want)
		}
		if target := map[bool]string{false: "column_1"}[test.header]; r.hints.Target != target {
			t.Errorf("%s: target %q", test.name, r.hints.Target)
		}
	}
}

func TestCSVSaysHowItWasRead(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"usual", "a,b\n1,2\n", ""},
		{"semicolon", "a;b\n1;2\n", "delimiter ;"},
		{"tab", "a\tb\n1\t2\n", "delimiter tab"},
		{"single quotes", "'a','b'\n'1','x,y'\n", "quote '"},
		{"no header", "1,2\n3,4\n", "no header"},
		{"UTF-16", utf16(false, "\ufeffa,b\n1,2\n"), "encoding utf-16le"},
		{"Latin-1", "a,b\n1,caf\xe9\n", "encoding windows-1252 where t.csv is not UTF-8"},
		{"junk", "made by hand\na,b\n1,2\n", "1 line before the table left out"},
		{"comments", "# x\na,b\n1,2\n", "lines that begin with # left out"},
		{"names", "a,,a\n1,2,3\n", "column 2 has no name: named column_2; column 3 is named a once more: named a_2"},
		{"CR", "a,b\r1,2\r", "lines end in CR"},
		{"trailing", "a,b,\n1,2,\n", "delimiters at the ends of lines left out"},
		{"backslash", "a,b\n\"\\\"x\\\", y\",2\n", "quotes escaped by a backslash"},
	} {
		r, err := load([]read.File{write(t, "t.csv", test.text)}, read.Options{})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if got := strings.Join(r.hints.Read, "; "); got != test.want {
			t.Errorf("%s: %q", test.name, got)
		}
	}
}

func TestCSVLines(t *testing.T) {
	text := "# c\n\na,b\n\"x\ny\",1\n\n# no\n2,3\n4\n\"\n\n\",5\n6,7\n"
	for _, chunk := range []int{0, 1, 5} {
		r, err := load([]read.File{write(t, "t.csv", text)}, read.Options{}.WithSizes(chunk, 0))
		if err != nil {
			t.Fatal(err)
		}
		if want := []int64{4, 8, 10, 13}; !slices.Equal(r.lines, want) {
			t.Errorf("lines %v, want %v", r.lines, want)
		}
		if len(r.hints.Skipped) != 1 || r.hints.Skipped[0].Line != 9 || r.hints.Skipped[0].Reason != "the row has 1 field where the table has 2 columns" {
			t.Errorf("skipped %+v", r.hints.Skipped)
		}
	}
}

func TestCSVSingleByteEncodings(t *testing.T) {
	for _, test := range []struct {
		enc  read.Encoding
		text string
		want string
	}{
		{"", "a,b\n1,\x93caf\xe9\x94\n2,\xc3\xa9\n", "a|b\n1|“café”\n2|é"}, // each value by itself
		{read.Windows1252, "a,b\n1,\x80\xe9\n2,\xc3\xa9\n", "a|b\n1|€é\n2|Ã©"},
		{read.Latin1, "\xe9,b\n1,\xe9\xa0\n2,x\n", "é|b\n1|é\n2|x"},
	} {
		r, err := load([]read.File{write(t, "t.csv", test.text)}, read.Options{Encoding: test.enc, Header: read.HeaderYes})
		if err != nil {
			t.Fatal(err)
		}
		if r.text() != test.want {
			t.Errorf("%s: %q", test.enc, r.text())
		}
	}
}

func TestCSVOptions(t *testing.T) {
	for _, test := range []struct {
		text string
		opts map[string]string
		want string
	}{
		{"a;b\n1;2\n", map[string]string{"delimiter": "comma"}, "a;b\n1;2"},
		{"1,2\n3,4\n", map[string]string{"header": "yes"}, "1|2\n3|4"},
		{"a,b\nc,d\n", map[string]string{"header": "no"}, "column_1|column_2\na|b\nc|d"},
		{"x,y\nx,y\na,b\n1,2\n", map[string]string{"skip": "2"}, "a|b\n1|2"},
		{"%x\na,b\n%,1\n1,2\n", map[string]string{"comment": "%"}, "a|b\n1|2"},
		{"a,b\n#1,2\n", map[string]string{"comment": "none"}, "a|b\n#1|2"},
		{"a,b\n\"1,2\n", map[string]string{"quote": "none"}, "a|b\n\"1|2"},
		{"a,b\n'1,1',2\n", map[string]string{"quote": "single"}, "a|b\n1,1|2"},
		{"a\tb\n1\t2\n", map[string]string{"format": "tsv"}, "a|b\n1|2"},
		{"a:b\n1:2\n", map[string]string{"delimiter": ":"}, "a|b\n1|2"},
		{utf16(false, "a,b\n1,2\n"), map[string]string{"encoding": "utf-16"}, "a|b\n1|2"},
	} {
		opts, err := read.ParseOptions(test.opts)
		if err != nil {
			t.Fatal(err)
		}
		r, err := load([]read.File{write(t, "t.csv", test.text)}, opts)
		if err != nil {
			t.Errorf("%v: %v", test.opts, err)
		} else if r.text() != test.want {
			t.Errorf("%v: %q", test.opts, r.text())
		}
	}
}

func TestOptionsAreFromAClosedList(t *testing.T) {
	for _, test := range []struct{ key, value, want string }{
		{"delimeter", ",", `delimeter: unknown option; want one of format, delimiter, quote, comment, encoding, header, skip; did you mean "delimiter"?`},
		{"delimiter", "ab", `delimiter: "ab" is not one ASCII character; want one, or \t, comma, pipe, semicolon, space, tab`},
		{"encoding", "utf-9", `encoding: "utf-9" is not known; want auto, utf-8, utf-16, utf-16le, utf-16be, latin-1, windows-1252; did you mean "utf-8"?`},
		{"header", "maybe", `header: "maybe" is not known; want auto, yes, no`},
		{"skip", "-1", `skip: "-1" is not a number of lines; want 0 or more`},
		{"format", "xlsx", `format: "xlsx" is not known; want auto, csv, tsv, json, arrow, libsvm, idx, parquet`},
	} {
		_, err := read.ParseOptions(map[string]string{test.key: test.value})
		if got := message(t, err); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}

func TestCSVErrorsNameTheirPlace(t *testing.T) {
	wide := strings.Repeat("a,", 49_999) + "a\n" + strings.Repeat("1,", 49_999) + "1\n"
	odd := "a,b\n" + strings.Repeat("1,2\n", 97) + "1\n1\n1,2,3\n"
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "t.csv: the file is empty; a table is needed"},
		{"only blank lines", "\n \n", "t.csv: the file is empty; a table is needed"},
		{"too wide", wide, "t.csv:1: the table has 50000 columns; at most 20000 are taken"},
		{"too many odd rows", odd, "t.csv:99: the row has 1 field where the table has 2 columns\nt.csv:100: the row has 1 field where the table has 2 columns\nt.csv:101: the row has 3 fields where the table has 2 columns\nt.csv: 3 rows of 100 rows do not fit the table"},
		{"PNG", "\x89PNG\r\n\x1a\n\x00\x00", "t.csv: not a table: it looks like a PNG image"},
		{"program", "\x7fELF\x02\x01\x01\x00", "t.csv: not a table: it looks like a program"},
		{"web page", "<!DOCTYPE html>\n<p>404", "t.csv: not a table: it looks like an HTML page"},
		{"binary", "a,b\n1,\x01\n", "t.csv:2: not a table: byte 7 is 0x01, which text does not hold"},
		{"late NUL", "a,b\n" + strings.Repeat("1,2\n", 300_000) + "1,\x00\n", "t.csv:300002: column b: a NUL byte, which text does not hold"},
		{"an old Office file", "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "t.csv: not a table: it looks like an old Office document; save it as CSV"},
	} {
		_, err := load([]read.File{write(t, "t.csv", test.text)}, read.Options{})
		if got := message(t, err); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s:\n got %.300s\nwant %s", test.name, got, test.want)
		}
	}
}

// A magic number of letters may be a column's name.
func TestColumnsNamedLikeFormats(t *testing.T) {
	for _, name := range []string{"PAR1", "ORC", "FEA1", "Rar!", "GIF8", "BZh9", "ARROW1"} {
		r, err := load([]read.File{write(t, "t.csv", name+",b\n1,2\n")}, read.Options{})
		if err != nil || r.names[0] != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// One in a hundred rows may be odd, not more.
func TestCSVOddRowsUpToOnePercent(t *testing.T) {
	for _, test := range []struct {
		good, odd int
		taken     bool
	}{{0, 1, false}, {1, 1, true}, {197, 2, false}, {198, 2, true}, {9, 2, false}} {
		text := "a,b,c\n" + strings.Repeat("1,2,3\n", test.good) + strings.Repeat("1,2\n", test.odd)
		r, err := load([]read.File{write(t, "t.csv", text)}, read.Options{Header: read.HeaderYes})
		if (err == nil) != test.taken {
			t.Errorf("%d good, %d odd: %v", test.good, test.odd, err)
		}
		if err == nil && (len(r.cells) != test.good || r.hints.SkippedRows != int64(test.odd)) {
			t.Errorf("%d good, %d odd: %d rows, %d skipped", test.good, test.odd, len(r.cells), r.hints.SkippedRows)
		}
	}
}

func TestCSVScansAgainTheSame(t *testing.T) {
	source, err := read.Open(t.Context(), []read.File{write(t, "t.csv", "a,b\n1,2\n3\n4,5\n")}, read.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	for range 2 {
		r, err := scan(source)
		if err != nil || r.text() != "a|b\n1|2\n4|5" || r.hints.SkippedRows != 1 || len(r.hints.Skipped) != 1 {
			t.Fatalf("%q, %+v, %v", r.text(), r.hints, err)
		}
	}
}

func TestCSVFilesAreOneTable(t *testing.T) {
	files := func(texts ...string) []read.File {
		var fs []read.File
		for i, text := range texts {
			fs = append(fs, write(t, fmt.Sprintf("%d.csv", i), text))
		}
		return fs
	}
	for _, test := range []struct {
		name  string
		files []read.File
		want  string
	}{
		{"in order", files("a,b\n1,2\n", "a,b\n3,4\n"), "a|b\n1|2\n3|4"},
		{"another order", files("a,b\n1,2\n", "b,a\n3,4\n"), "a|b\n1|2\n4|3"},
		{"another dialect", files("a,b\n1,2\n", "\"b\";\"a\"\r\n3;4\r\n"), "a|b\n1|2\n4|3"},
		{"no header", files("1,2\n3,4\n", "5,6\n7,8\n"), "column_1|column_2\n1|2\n3|4\n5|6\n7|8"},
		{"an empty one", files("a,b\n1,2\n", "", "a,b\n3,4\n"), "a|b\n1|2\n3|4"},
	} {
		r, err := load(test.files, read.Options{})
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
		} else if r.text() != test.want {
			t.Errorf("%s: %q", test.name, r.text())
		}
	}
	for _, test := range []struct {
		files []read.File
		want  string
	}{
		{files("a,b\n1,2\n", "a,c\n3,4\n"), "1.csv: column b: it is in 0.csv but not in this file (only here: c); the files of one table have the same columns"},
		{files("a,b\n1,2\n", "a,b,c\n3,4,5\n"), "1.csv: it has 3 columns where 0.csv has 2 (only here: c)"},
		{files("a,b\n1,2\n", "{\"a\":1,\"b\":2}\n"), "1.csv: looks like json where 0.csv looks like csv; the files of one table have one format"},
	} {
		_, err := load(test.files, read.Options{})
		if got := message(t, err); got != test.want {
			t.Errorf("got  %s\nwant %s", got, test.want)
		}
	}
}
