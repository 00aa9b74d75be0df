package dataset_test

import (
	"encoding/csv"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
)

func TestCSVDialects(t *testing.T) {
	want := [][]string{{"a", "b"}, {"1", "x"}, {"2", "y"}}
	for name, text := range map[string]string{
		"plain":              "a,b\n1,x\n2,y\n",
		"no last newline":    "a,b\n1,x\n2,y",
		"CRLF":               "a,b\r\n1,x\r\n2,y\r\n",
		"byte order mark":    "\ufeffa,b\n1,x\n2,y\n",
		"mark and quotes":    "\ufeff\"a\",b\n1,x\n2,y\n",
		"quoted":             "\"a\",\"b\"\n\"1\",\"x\"\n2,y\n",
		"blank lines":        "a,b\n\n1,x\n\r\n2,y\n\n",
		"spaces round field": "a , b\n 1,x \n2,\ty\n",
	} {
		got, _, err := dataset.ReadCSV("t.csv", strings.NewReader(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestCSVQuotedNewlinesCommasAndLines(t *testing.T) {
	text := "a,b\n\"x\ny\",\"1,5\"\n\n\"he said \"\"no\"\"\",2\n"
	rows, lines, err := dataset.ReadCSV("t.csv", strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if want := [][]string{{"a", "b"}, {"x\ny", "1,5"}, {`he said "no"`, "2"}}; !reflect.DeepEqual(rows, want) {
		t.Errorf("rows %q", rows)
	}
	if want := []int{1, 2, 5}; !reflect.DeepEqual(lines, want) {
		t.Errorf("lines %v, want %v", lines, want)
	}
}

func TestCSVErrorsNameTheirPlace(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	wide := strings.Repeat("a,", 10_000) + "a"
	for _, test := range []struct{ name, text, want string }{
		{"empty", "", "t.csv: the file is empty; a CSV table with a header is needed"},
		{"only blank lines", "\n\n", "t.csv: the file is empty; a CSV table with a header is needed"},
		{"short row", "a,b\n1,2\n3\n", "t.csv:3: the row has 1 field where the header has 2"},
		{"long row after a quoted newline", "a,b\n\"1\n1\",2\n3,4,5\n", "t.csv:4: the row has 3 fields where the header has 2"},
		{"duplicate name", "a,b, a\n", "t.csv:1: column a: the header names it twice, as columns 1 and 3"},
		{"no name", "a,,c\n", "t.csv:1: column 2: the header gives it no name"},
		{"blank name", "a,  ,c\n", "t.csv:1: column 2: the header gives it no name"},
		{"name on line 2", "\n\na,a\n", "t.csv:3: column a: the header names it twice, as columns 1 and 2"},
		{"too wide", wide + "\n", "t.csv:1: the header has 10001 columns; at most 10000 are taken"},
		{"CR alone", "a,b\r1,2\r3,4", "t.csv:1: lines end in CR alone; save the file with LF or CRLF"},
		{"bare quote", "a,b\n1,x\"y\n", "t.csv:2: byte 4: a quote inside a field; put the whole field in quotes and double the quotes within"},
		{"text after quotes", "a,b\n1,\"x\"y\n", "t.csv:2: byte 5: a quoted field is not closed properly; double the quotes within quoted fields"},
		{"open quote", "a,b\n1,\"x\n2,y\n", "t.csv:2: a quoted field of this row is not closed properly by line 3; double the quotes within quoted fields"},
		{"long row", "a,b\n1,2\n1," + long + "\n", "t.csv:3: the row has more than 1048576 bytes; is a quote left open?"},
		{"endless quote", "a,b\n1,2\n1,\"" + long + long + "\n", "t.csv:3: the row has more than 1048576 bytes; is a quote left open?"},
		{"Latin-1", "a,b\n1,2\ncaf\xe9,2\n", "t.csv:3: column a: byte 0xe9 is not UTF-8; save the file as UTF-8"},
		{"Latin-1 in quotes", "a,b\n1,\"x\ncaf\xe9\"\n", "t.csv:3: column b: byte 0xe9 is not UTF-8; save the file as UTF-8"},
		{"Latin-1 header", "a,\xe9\n1,2\n", "t.csv:1: column 2: byte 0xe9 is not UTF-8; save the file as UTF-8"},
		{"gzip", "\x1f\x8b\x08\x00rest", "t.csv: not a CSV table: it looks like a gzip file: unpack it first"},
		{"Parquet", "PAR1\x15\x04", "t.csv: not a CSV table: it looks like a Parquet file, which this version does not read: save it as CSV"},
		{"UTF-16", "\xff\xfea\x00,\x00", "t.csv: not a CSV table: it looks like UTF-16 text: save it as UTF-8"},
		{"binary", "a,b\n1,\x01\n", "t.csv:2: not a CSV table: byte 7 is 0x01, which text does not hold"},
		{"late NUL", "a,b\n" + strings.Repeat("1,2\n", 2000) + "1,\x00\n", "t.csv:2002: column b: not a CSV table: a NUL byte in a field"},
	} {
		_, _, err := dataset.ReadCSV("t.csv", strings.NewReader(test.text))
		if got := invalid(t, err); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s:\n got %.300s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestCSVTakesTheLargestTableAllowed(t *testing.T) {
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprintf("c%04d", i)
	}
	field := strings.Repeat("x", 1<<20-2) // with comma and newline the most that a row may have
	if _, _, err := dataset.ReadCSV("", strings.NewReader(strings.Join(names, ",")+"\n")); err != nil {
		t.Error(err)
	}
	for range 2 { // twice, so that the bound begins anew
		field += "\n" + field[:1<<20-2]
	}
	rows := strings.Split(field, "\n")
	if got, _, err := dataset.ReadCSV("", strings.NewReader("a,b\n"+strings.Join(rows, ",\n")+",\n")); err != nil || len(got) != 1+len(rows) {
		t.Errorf("%d rows, %v; want %d", len(got), err, 1+len(rows))
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]float64{
		"0": 0, "-0": 0, "007": 7, "+5": 5, "1.5": 1.5, ".5": 0.5, "5.": 5, "-2.5e3": -2500, "1E-2": 0.01, "1e+2": 100,
		"999999999999999": 999999999999999, "-999999999999999": -999999999999999, "1234567890123456.0": 1234567890123456,
	} {
		if got, ok := dataset.ParseNumber(text); !ok || got != want || 1/got != 1/want {
			t.Errorf("%q = %v, %t; want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"", "+", "-", ".", "e5", ".e5", "1e", "1e+", "0x1p4", "0x10", "inf", "Inf", "-inf", "infinity", "nan",
		"1_000", "1,000", "1 000", "12e45678", "1e309", "1000000000000000", "0000000000000001", "1.2.3", "--1", "$5", "5%", "²",
	} {
		if v, ok := dataset.ParseNumber(text); ok {
			t.Errorf("%q is taken for the number %v", text, v)
		}
	}
}

func TestClassNamesOfNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 1: "1", -1: "-1", 1000000: "1000000", 0.5: "0.5", 1e21: "1e+21", 1e-7: "1e-07"} {
		if got := dataset.FormatNumber(v); got != want {
			t.Errorf("%v is named %q, want %q", v, got, want)
		}
	}
}

// What the reader accepts must be what encoding/csv reads, and what it does
// not accept must be an error for people.
func FuzzCSV(f *testing.F) {
	for _, seed := range []string{
		"a,b\n1,2\n", "\ufeffa,b\r\n\"x\r\ny\",\"\"\"\"\r\n", "a\n\n\n1\n", "a,a\n", "a,b\n1\n", "\x1f\x8b", "a\n\"", "a\n\xff\n", "a\r\n\r\n", "\"a\nb\",c\n1,2\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, lines, err := dataset.ReadCSV("f", strings.NewReader(string(data)))
		if err != nil {
			var bad *tourney.InvalidError
			if !errors.As(err, &bad) {
				t.Fatalf("error %v (%T)", err, err)
			}
			return
		}
		want, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(string(data), "\ufeff"))).ReadAll()
		if err != nil {
			t.Fatalf("accepted what encoding/csv refuses: %v", err)
		}
		for _, row := range want {
			for i := range row {
				row[i] = strings.TrimSpace(row[i])
			}
		}
		if !reflect.DeepEqual(rows, want) {
			t.Fatalf("read %q, encoding/csv %q", rows, want)
		}
		for i := 2; i < len(lines); i++ {
			if lines[i] <= lines[i-1] {
				t.Fatalf("lines %v do not grow", lines)
			}
		}
	})
}
