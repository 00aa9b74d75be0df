package sql_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset/sql"
	"tourney/dataset/table"
)

// parquet makes a Parquet file of a query.
func parquet(t *testing.T, name, query string) sql.File {
	t.Helper()
	path := filepath.Join(t.TempDir(), "f")
	if err := sql.Make("COPY (" + query + ") TO '" + path + "' (FORMAT parquet, ROW_GROUP_SIZE 20480)"); err != nil {
		t.Fatal(err)
	}
	return sql.File{Name: name, Path: path}
}

func TestParquetTypes(t *testing.T) {
	src := open(t, sql.Request{Files: []sql.File{parquet(t, "all.parquet", `SELECT * FROM (VALUES
		(1::TINYINT, 2::UINTEGER, 9007199254740992::BIGINT, 9007199254740993::BIGINT, 1.5::FLOAT, 2.25::DECIMAL(9,2), 12::DECIMAL(38,0), 12345678901234567890::DECIMAL(38,0), true, DATE '2000-01-01', TIMESTAMP '1970-01-01 00:00:01.5', TIMESTAMPTZ '1970-01-01 02:00:00+02', TIME '10:11:12', ' x ', UUID '6ba7b810-9dad-11d1-80b4-00c04fd430c8', INTERVAL 2 DAY, 'b'::ENUM('a', 'b'), [1.5, 2.5]::FLOAT[2], [7, 8]),
		(NULL, NULL, -9007199254740992, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)
		) t(i8, u32, wide, id, f, d, whole, digits, b, day, ts, tz, tm, s, u, iv, e, arr, l)`)}})
	fields, rows := dump(t, src)
	want := "i8:number u32:number wide:number id:text f:number d:number whole:number digits:text b:bool day:time ts:time tz:time tm:text s:text u:text iv:text e:text arr_0:number arr_1:number l_0:number l_1:number"
	if fields != want {
		t.Errorf("fields %s\n  want %s", fields, want)
	}
	wantRows := []string{
		"1|2|9007199254740992|9007199254740993|1.5|2.25|12|12345678901234567890|1|946684800|1.5|0|10:11:12|x|6ba7b810-9dad-11d1-80b4-00c04fd430c8|2 days|b|1.5|2.5|7|8",
		"-|-|-9007199254740992||-|-|-||-|-|-|-||||||-|-|-|-",
	}
	if !slices.Equal(rows, wantRows) {
		t.Errorf("rows %q\nwant %q", rows, wantRows)
	}
}

// Types that a file does not keep but a query yields.
func TestQueryTypes(t *testing.T) {
	type claim struct{ expr, field, value string }
	var exprs []string
	var want []claim
	for i, test := range []claim{
		{"sum(x)", "number", "6"}, // HUGEINT
		{"sum(x) * 10000000000000000000000000000", "text", "60000000000000000000000000000"},
		{"CAST(3 AS UHUGEINT)", "number", "3"},
		{"CAST(18446744073709551615 AS UBIGINT)", "text", "18446744073709551615"},
		{"CAST(NULL AS HUGEINT)", "number", "-"},
		{"NULL", "number", "-"},
		{"avg(x)", "number", "2"},
		{"DATE 'infinity'", "time", "-"},
		{"TIMESTAMP '-infinity'", "time", "-"},
		{"TIMESTAMP_NS '1970-01-01 00:00:02'", "time", "2"},
		{"TIMESTAMP_S '1970-01-01 00:00:03'", "time", "3"},
		{"TIMESTAMP_MS '1970-01-01 00:00:04.5'", "time", "4.5"},
		{"DATE '0001-01-01'", "time", "-62135596800"},
		{"TIMETZ '10:00:00+02'", "text", "10:00:00+02"},
		{"CAST('101' AS BIT)", "text", "101"},
		{"CAST('123456789012345678901234567890123456789012345' AS BIGNUM)", "text", "123456789012345678901234567890123456789012345"},
		{"'{\"a\": 1}'::JSON", "text", `{"a": 1}`},
		{"CAST('nan' AS DOUBLE)", "number", "-"},
		{"CAST('inf' AS DOUBLE)", "number", "+Inf"},
		{"E'\\t a b \\n'", "text", "a b"},
		{"'" + strings.Repeat("é", 20) + "'", "text", strings.Repeat("é", 20)},
		{"'twelve bytes'", "text", "twelve bytes"},
		{"'thirteen byte'", "text", "thirteen byte"},
	} {
		exprs = append(exprs, fmt.Sprintf("%s AS c%d", test.expr, i))
		want = append(want, test)
	}
	src := open(t, sql.Request{Files: []sql.File{file(t, "a.csv", "x\n1\n2\n3\n")}, Query: "SELECT " + strings.Join(exprs, ", ") + " FROM a"})
	fields, rows := dump(t, src)
	for i, field := range strings.Fields(fields) {
		value := strings.Split(rows[0], "|")[i]
		if w := want[i]; field != fmt.Sprintf("c%d:%s", i, w.field) || value != w.value {
			t.Errorf("%s is %s %q; want %s %q", w.expr, field, value, w.field, w.value)
		}
	}
}

func TestColumnsThatNoTableHolds(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := os.WriteFile("a.csv", []byte("x\n1\n2\n3\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for expr, words := range map[string]string{
		"'x'::BLOB":       `"v" is a BLOB`,
		"{'a': 1}":        `"v" is a STRUCT`,
		"MAP {'a': 1}":    `"v" is a MAP`,
		"['a']":           `"v" is a list`,
		"[[1]]":           `"v" is a list`,
		"[x] || range(x)": "from 2 to 4 values",
		"[]::INTEGER[]":   "from 0 to 0 values",
		"1 AS w, 2":       "", // the control
		"1 AS \" \", 2":   "column 1 has no name",
		"1 AS \"v \", 2":  `columns 1 and 2 are both called "v"`,
		"1 AS v_0, [3]":   `columns 1 and 2 are both called "v_0"`,
		"range(10001)":    "10001 values",
	} {
		checkInvalid(t, expr, sql.Answer("SELECT "+expr+" AS v FROM a"), "sql", words)
	}
	src := open(t, sql.Request{Files: []sql.File{file(t, "a.csv", "x\n1\n")}, Query: "SELECT i, repeat('x', CASE i WHEN 2500 THEN 17 << 20 ELSE 1 END) AS s FROM range(3000) t(i)"})
	err := src.Scan(t.Context(), func(*table.Batch) error { return nil })
	checkInvalid(t, "a long text", err, "sql", "row 2501 has 17825792 bytes of text")
}

// checkInvalid wants an InvalidError of a path with some words, or none.
func checkInvalid(t *testing.T, what string, err error, path, words string) {
	t.Helper()
	if words == "" {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
		return
	}
	bad, ok := errors.AsType[*tourney.InvalidError](err)
	if !ok || bad.Fields[0].Path != path || !strings.Contains(err.Error(), words) {
		t.Errorf("%s: %v; want one of path %q with %q", what, err, path, words)
	}
}

func TestParquetFilesAreOneTable(t *testing.T) {
	files := []sql.File{
		parquet(t, "d/part-1.parquet", "SELECT 2 AS a, 'x' AS b UNION ALL SELECT 1, 'y'"),
		parquet(t, "d/part-0.parquet", "SELECT 'z' AS b, 2.5 AS a"), // another order and type
	}
	src := open(t, sql.Request{Files: files})
	fields, rows := dump(t, src)
	if fields != "a:number b:text" || !slices.Equal(rows, []string{"2|x", "1|y", "2.5|z"}) {
		t.Errorf("%s %q", fields, rows)
	}
	if h := src.Hints(); fmt.Sprint(h.Read) != "[Parquet, 2 files]" || h.Bytes < 400 {
		t.Errorf("hints %+v", h)
	}
}

func TestParquetDirectoriesAreColumns(t *testing.T) {
	src := open(t, sql.Request{Files: []sql.File{
		parquet(t, "sales/year=2025/region=a b/0.parquet", "SELECT 1 AS x"),
		parquet(t, "sales/year=2026/region=c/0.parquet", "SELECT 2 AS x"),
	}})
	if fields, rows := dump(t, src); fields != "x:number region:text year:number" || !slices.Equal(rows, []string{"1|a b|2025", "2|c|2026"}) {
		t.Errorf("%s %q", fields, rows)
	}
}

func TestParquetFilesThatDiffer(t *testing.T) {
	a := parquet(t, "a.parquet", "SELECT 1 AS x, 2 AS y")
	_, err := tryOpen(t, sql.Request{Files: []sql.File{a, parquet(t, "b.parquet", "SELECT 1 AS x")}})
	checkSource(t, err, "b.parquet", `lacks the column "y" that a.parquet has`)
	_, err = tryOpen(t, sql.Request{Files: []sql.File{a, parquet(t, "c.parquet", "SELECT 1 AS x, 2 AS y, 3 AS z")}})
	checkSource(t, err, "c.parquet", `a column "z" that a.parquet does not have`)
	_, err = tryOpen(t, sql.Request{Files: []sql.File{a, parquet(t, "d.parquet", "SELECT 1 AS x, 'b'::BLOB AS y")}})
	checkSource(t, err, "d.parquet", `"y" is a BLOB`)
}

// checkSource wants an InvalidError about a file.
func checkSource(t *testing.T, err error, source, words string) {
	t.Helper()
	bad, ok := errors.AsType[*tourney.InvalidError](err)
	if !ok || bad.Source != source || !strings.Contains(err.Error(), words) {
		t.Errorf("%v; want one about %s with %q", err, source, words)
	}
}

// A million rows: the sums are those of the numbers from 0, by Gauss.
func TestMillionRows(t *testing.T) {
	const n = 1_000_000
	src := open(t, sql.Request{Files: []sql.File{parquet(t, "m.parquet", "SELECT range AS i, 'row ' || range AS s FROM range(1000000)")}})
	for range 2 {
		rows, sum, bytes, most := 0, 0.0, 0, 0
		err := src.Scan(t.Context(), func(b *table.Batch) error {
			for row, x := range b.Columns[0].Numbers {
				if x != float64(rows+row) {
					return fmt.Errorf("row %d holds %g", rows+row, x)
				}
				sum += x
				bytes += len(b.Columns[1].Text(row))
			}
			rows += b.Rows
			most = max(most, b.Rows)
			return nil
		})
		// "row " and the digits of all numbers below a million.
		if want := 4*n + 10 + 2*90 + 3*900 + 4*9_000 + 5*90_000 + 6*900_000; err != nil || rows != n || sum != n*(n-1)/2 || bytes != want {
			t.Errorf("%d rows with sum %g and %d bytes, %v", rows, sum, bytes, err)
		}
		if most > 16384 {
			t.Errorf("a batch has %d rows", most)
		}
	}
}

func TestScanPassesErrorsOn(t *testing.T) {
	src := open(t, sql.Request{Files: []sql.File{parquet(t, "m.parquet", "SELECT range AS i FROM range(100000)")}})
	enough := errors.New("enough")
	calls := 0
	err := src.Scan(t.Context(), func(*table.Batch) error { calls++; return enough })
	if err != enough || calls != 1 { //nolint:errorlint // returned as it is
		t.Errorf("%v after %d calls, want what yield returned after 1", err, calls)
	}
	if _, rows := dump(t, src); len(rows) != 100_000 {
		t.Errorf("a scan after that has %d rows", len(rows))
	}
}

func TestTableNames(t *testing.T) {
	for name, want := range map[string]string{
		"orders": "orders", "Sales 2024": "Sales_2024", "2024": "t_2024", "a-b.c": "a_b_c", "order": "order_", "LEFT": "LEFT_",
		"": "t", "--": "t__", "größe": "größe", `a"b'c;`: "a_b_c_", "x1": "x1",
	} {
		if got := sql.TableName(name); got != want {
			t.Errorf("%q is table %q, want %q", name, got, want)
		}
	}
}

func TestTablesByName(t *testing.T) {
	a := file(t, "x/order.csv", "k,v\n1,a\n")
	b := file(t, "b.jsonl", "{\"k\": 1, \"w\": \"c\"}\n{\"k\": 2, \"w\": \"d\"}\n")
	two := sql.File{Name: "more.csv", Path: file(t, "", "v,k\nz,2\n").Path, Table: "pair"}
	one := sql.File{Name: "some.csv", Path: a.Path, Table: "pair"}
	for _, test := range []struct {
		files []sql.File
		query string
		want  string
	}{
		{[]sql.File{a}, "SELECT v FROM order_", "a"},
		{[]sql.File{a}, "SELECT v FROM 'order.csv'", "a"},
		{[]sql.File{a}, "FROM Data SELECT v;", "a"},
		{[]sql.File{a, b}, "SELECT w FROM order_ JOIN b USING (k)", "c"},
		{[]sql.File{one, two, b}, "SELECT v || w FROM pair JOIN b USING (k) ORDER BY k", "ac zd"},
	} {
		_, rows := dump(t, open(t, sql.Request{Files: test.files, Query: test.query}))
		if got := strings.Join(rows, " "); got != test.want {
			t.Errorf("%s: %q, want %q", test.query, got, test.want)
		}
	}
	_, err := tryOpen(t, sql.Request{Files: []sql.File{a, b}, Query: "SELECT * FROM data"})
	checkInvalid(t, "data of two", err, "sql", "The tables of this query are: order_, b")
	_, err = tryOpen(t, sql.Request{Files: []sql.File{a, file(t, "y/order.csv", "k\n1\n")}, Query: "SELECT 1"})
	if err != nil {
		t.Errorf("two files of one name: %v", err) // they are one table
	}
	_, err = tryOpen(t, sql.Request{Files: []sql.File{a, file(t, "order_.csv", "k\n1\n")}, Query: "SELECT 1"})
	checkSource(t, err, "order_.csv", "both it and x/order.csv would be the table order_")
	_, err = tryOpen(t, sql.Request{Files: []sql.File{a, {Name: b.Name, Path: b.Path, Table: "order"}}, Query: "SELECT 1"})
	checkSource(t, err, "b.jsonl", "holds json")
}

func TestContextEndsOpen(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("enough")
	cancel(stop)
	if _, err := sql.Open(ctx, sql.Request{Files: []sql.File{file(t, "a.csv", "x\n1\n")}, Query: "SELECT 1", TempDir: t.TempDir()}); !errors.Is(err, stop) {
		t.Errorf("%v, want the cause", err)
	}
}
