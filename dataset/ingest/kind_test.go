package ingest_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset/ingest"
	"tourney/dataset/table"
)

// withColumn is a table of a target, a feature, and a column of values that
// repeat over so many rows.
func withColumn(rows int, values ...string) *texts {
	s := &texts{names: []string{"y", "x", "v"}}
	for i := range rows {
		s.rows = append(s.rows, []string{fmt.Sprint(i % 2), fmt.Sprint(i), values[i%len(values)]})
	}
	return s
}

// sequence is a column of texts that are all different.
func sequence(rows int, format string) []string {
	var values []string
	for i := range rows {
		values = append(values, fmt.Sprintf(format, i))
	}
	return values
}

func TestKinds(t *testing.T) {
	const n, c, b, d, x = tourney.Number, tourney.Category, tourney.Boolean, tourney.Date, tourney.Text
	late := func(values []string, last string) []string { return append(slices.Clone(values), last) }
	for _, tt := range []struct {
		name   string
		values []string
		kind   tourney.ColumnKind
		why    string // a part of it
	}{
		{"numbers", []string{"1", "-2.5", "1e3", " 7 ", "NA", "?", "", "null"}, n, "a number"},
		{"one value is none", late(sequence(99, "%d"), "x"), x, `numbers up to line 101, where "x" is none`},
		{"few values, one is none", []string{"1", "2", "3", "n.a."}, c, `4 distinct texts; numbers up to line 5, where "n.a." is none`},
		{"hex ids that look like numbers at first", late(sequence(99, "%08d"), "12e45678"), x, "begins with a zero"},
		{"an exponent beyond floats", []string{"12345678", "1234", "12e45678"}, c, `numbers up to line 4, where "12e45678" is none`},
		{"codes", []string{"00123", "10115", "20095"}, c, `"00123" in line 2 begins with a zero`},
		{"long integers", []string{"12345678901234567890", "12345678901234567891"}, c, "more digits than a number keeps"},
		{"yes and no", []string{"yes", "No", "NA", "YES"}, b, "yes or no"},
		{"true and false", []string{"True", "False"}, b, "true or false"},
		{"y and n", []string{"Y", "N"}, b, "y or n"},
		{"t and f", []string{"t", "f"}, b, "t or f"},
		{"0 and 1", []string{"0", "1"}, n, "a number"},
		{"two pairs of words", []string{"yes", "no", "true"}, c, "3 distinct texts"},
		{"three answers", []string{"yes", "no", "no phone"}, c, "3 distinct texts"},
		{"dates", []string{"2011-01-31", "2011-02-28T10:00Z", ""}, d, `such as "2011-01-31"`},
		{"dates with slashes", []string{"2011/01/31"}, d, "a date"},
		{"dates with dots", []string{"31.01.2011", "1.2.2011"}, d, "a date"},
		{"month first", []string{"01/02/2011", "01/31/2011"}, d, "a date"},
		{"day first", []string{"01/02/2011", "31/01/2011"}, d, "a date"},
		{"day or month first", []string{"01/02/2011", "03/04/2011"}, c, "no value tells the day from the month"},
		{"a day that is none", []string{"2011-01-31", "2011-02-30"}, c, `dates up to line 3, where "2011-02-30" is none`},
		{"names", []string{"Ann", "Bob"}, c, "2 distinct texts"},
		{"up to 64 in any number of rows", sequence(64, "a%d"), c, "64 distinct texts"},
		{"65 in 65 rows", sequence(65, "a%d"), x, `65 distinct texts in 65 rows, such as "a0"`},
		{"65 in 130 rows", slices.Concat(sequence(65, "a%d"), sequence(65, "a%d")), c, "65 distinct texts"},
		{"65 in 129 rows", slices.Concat(sequence(65, "a%d"), sequence(64, "a%d")), x, "65 distinct texts"},
		{"nothing", []string{"", "NA"}, c, "no row has a value"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ds, _ := mustAdd(t, tourney.DatasetRequest{Target: "y"}, withColumn(max(20, len(tt.values)), tt.values...), ingest.Options{})
			got := column(t, ds, "v")
			if len(tt.values) < 20 {
				tt.why = strings.ReplaceAll(tt.why, "99 ", "")
			}
			if got.Kind != tt.kind || !strings.Contains(got.Why, tt.why) {
				t.Errorf("%s, since %q; want %s, since %q", got.Kind, got.Why, tt.kind, tt.why)
			}
		})
	}
}

// More than 100,000 distinct texts are no categories; the number told is an
// estimate, off by a few percent.
func TestManyTexts(t *testing.T) {
	many := withColumn(100_004, append([]string{"a", "a", "a"}, sequence(100_001, "t%d")...)...)
	ds, _ := mustAdd(t, tourney.DatasetRequest{Target: "y"}, many, ingest.Options{})
	v := column(t, ds, "v")
	if v.Kind != tourney.Text || !strings.HasPrefix(v.Why, "about ") || v.Distinct < 72_000 || v.Distinct > 88_000 {
		t.Errorf("%s of %d among 80,003, since %s", v.Kind, v.Distinct, v.Why)
	}
	if len(v.Top) == 0 || v.Top[0].Value != "a" {
		t.Errorf("the most frequent is %v, want a", v.Top)
	}
	as := func() tourney.DatasetRequest {
		return tourney.DatasetRequest{Target: "y", Types: map[string]tourney.ColumnType{"v": {Kind: tourney.Category}}}
	}
	if _, _, err := add(t, as(), many, ingest.Options{}); err == nil || !strings.Contains(err.Error(), "test.csv:100004: column v: more than 100,000 distinct values") {
		t.Error(err)
	}
	ds, _ = mustAdd(t, as(), withColumn(100_000, sequence(100_000, "t%d")...), ingest.Options{})
	if v := column(t, ds, "v"); v.Kind != tourney.Category || len(v.Categories) != 100_000 || !slices.IsSorted(v.Categories) {
		t.Errorf("%s of %d levels", v.Kind, len(v.Categories))
	}
}

// Values come back from the shards as they went in.
func TestValues(t *testing.T) {
	src := newTexts(t, `id,y,number,big,flag,day,name,long,typed
1,0.5,-2.5,0.1,yes,2011-01-31,b,`+strings.Repeat("z", 300)+`,1
2,1.5,,1e300,no,1969-12-31,a,,0
3,2.5,7,-7,NA,,NA,,
4,3.5,0,0,yes,2000-01-01,b,,1
`)
	src.types = map[string]table.Type{"typed": table.Bool}
	ds, m := mustAdd(t, tourney.DatasetRequest{Target: "y", Types: map[string]tourney.ColumnType{"long": {Kind: tourney.Text}, "name": {Kind: tourney.Category, Levels: []string{"b", "a", "c"}}}}, src, ingest.Options{})
	got := map[float64]string{}
	for _, use := range uses {
		f := m.rows(t, ds, use)
		for row := range f.Rows {
			var b strings.Builder
			for _, s := range f.Series[1:] {
				switch {
				case s.Missing(row):
					b.WriteString(" -")
				case s.Codes != nil:
					b.WriteString(" " + s.Levels[s.Codes[row]])
				case s.Hashes != nil:
					fmt.Fprintf(&b, " %x", s.Hashes[row])
				default:
					fmt.Fprintf(&b, " %v", s.Numbers[row])
				}
			}
			got[f.Series[0].Numbers[row]] = b.String()
		}
	}
	want := map[float64]string{
		1: fmt.Sprintf(" 0.5 -2.5 0.1 1 1.296432e+09 b %x 1", table.Hash([]byte(strings.Repeat("z", 300)))),
		2: " 1.5 - 1e+300 0 -86400 a - 0", 3: " 2.5 7 -7 - - - - -", 4: " 3.5 0 0 1 9.466848e+08 b - 1",
	}
	for id, row := range want {
		if got[id] != row {
			t.Errorf("row %v is%s, want%s", id, got[id], row)
		}
	}
	if c := column(t, ds, "name"); !c.Ordered || !slices.Equal(c.Categories, []string{"b", "a", "c"}) {
		t.Errorf("levels %v, ordered: %v", c.Categories, c.Ordered)
	}
}

func TestGivenTypes(t *testing.T) {
	for _, tt := range []struct {
		name   string
		given  tourney.ColumnType
		values []string
		want   string // of the error, or the kind
	}{
		{"number", tourney.ColumnType{Kind: tourney.Number}, []string{"007", "1", "NA"}, "number"},
		{"not a number", tourney.ColumnType{Kind: tourney.Number}, []string{"1", "2", "three"}, `test.csv:4: column v: "three" is no number`},
		{"a long number", tourney.ColumnType{Kind: tourney.Number}, []string{"1", "1234567890123456"}, `test.csv:3: column v: "1234567890123456" has more than 15 digits`},
		{"category", tourney.ColumnType{Kind: tourney.Category}, []string{"1", "2"}, "category"},
		{"text", tourney.ColumnType{Kind: tourney.Text}, []string{"1", "2"}, "text"},
		{"boolean of 0 and 1", tourney.ColumnType{Kind: tourney.Boolean}, []string{"0", "1"}, "boolean"},
		{"not a boolean", tourney.ColumnType{Kind: tourney.Boolean}, []string{"yes", "maybe"}, `test.csv:3: column v: "maybe" is no boolean`},
		{"date, month first", tourney.ColumnType{Kind: tourney.Date}, []string{"01/02/2011"}, "date"},
		{"not a date", tourney.ColumnType{Kind: tourney.Date}, []string{"2011-01-02", "soon"}, `test.csv:3: column v: "soon" is no date`},
		{"levels", tourney.ColumnType{Kind: tourney.Category, Levels: []string{"lo", "None", "hi"}}, []string{"hi", "None"}, "category"},
		{"another level", tourney.ColumnType{Kind: tourney.Category, Levels: []string{"low", "high"}}, []string{"low", "hgh"}, `test.csv:3: column v: "hgh" is none of the levels given: low, high; did you mean "high"?`},
		{"a level twice", tourney.ColumnType{Kind: tourney.Category, Levels: []string{"a", "a"}}, []string{"a"}, `types.v: levels[1], "a", is there twice`},
		{"levels of a number", tourney.ColumnType{Kind: tourney.Number, Levels: []string{"1"}}, []string{"1"}, "types.v: levels go with kind category alone"},
		{"no such kind", tourney.ColumnType{Kind: "numbr"}, []string{"1"}, `types.v: "numbr" must be number, category, boolean, date, text for this column; did you mean "number"?`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			ds, _, err := add(t, tourney.DatasetRequest{Target: "y", Types: map[string]tourney.ColumnType{"v": tt.given}}, withColumn(20, tt.values...), ingest.Options{})
			if err != nil {
				if !strings.Contains(err.Error(), tt.want) {
					t.Errorf("%v; want %s", err, tt.want)
				}
				return
			}
			if v := column(t, ds, "v"); string(v.Kind) != tt.want || v.Ordered != (len(tt.given.Levels) > 0) {
				t.Errorf("%s, want %s", v.Kind, tt.want)
			}
		})
	}
}

func TestTargets(t *testing.T) {
	for _, tt := range []struct {
		name    string
		req     tourney.DatasetRequest
		values  []string
		task    tourney.Task
		classes string
		err     string
	}{
		{"whole numbers", tourney.DatasetRequest{}, []string{"2", "10", "1.0", "1"}, tourney.Classification, "1 2 10", ""},
		{"texts", tourney.DatasetRequest{}, []string{"b", "a"}, tourney.Classification, "a b", ""},
		{"yes and no", tourney.DatasetRequest{}, []string{"Yes", "No"}, tourney.Classification, "No Yes", ""},
		{"boolean on request", tourney.DatasetRequest{Types: map[string]tourney.ColumnType{"v": {Kind: tourney.Boolean}}}, []string{"Yes", "No"}, tourney.Classification, "No Yes", ""},
		{"fractions", tourney.DatasetRequest{}, []string{"0.5", "1"}, tourney.Regression, "", ""},
		{"21 whole numbers", tourney.DatasetRequest{}, sequence(21, "%d"), tourney.Regression, "", ""},
		{"20 whole numbers", tourney.DatasetRequest{Task: tourney.Regression}, sequence(20, "%d"), tourney.Regression, "", ""},
		{"ordered classes", tourney.DatasetRequest{Types: map[string]tourney.ColumnType{"v": {Kind: tourney.Category, Levels: []string{"lo", "hi"}}}}, []string{"hi", "lo"}, tourney.Classification, "lo hi", ""},
		{"fractions as classes", tourney.DatasetRequest{Task: tourney.Classification}, []string{"0.5", "1"}, tourney.Classification, "0.5 1", ""},
		{"one class", tourney.DatasetRequest{}, []string{"a"}, "", "", `it is "a" in every row`},
		{"one number", tourney.DatasetRequest{Task: tourney.Regression}, []string{"7"}, "", "", `it is 7 in every row`},
		{"texts to regress on", tourney.DatasetRequest{Task: tourney.Regression}, []string{"1", "a"}, "", "", `test.csv:3: column v: "a" is not a number, which the target of a regression must be`},
		{"too many classes", tourney.DatasetRequest{Task: tourney.Classification}, sequence(1001, "%d"), "", "", "more than 1,000 distinct values"},
		{"too many texts", tourney.DatasetRequest{}, sequence(5000, "t%d"), "", "", "more than 1,000 distinct values"},
		{"a number beyond float32", tourney.DatasetRequest{}, []string{"1.5", "1e39"}, "", "", "test.csv:3: column v: the number is too large"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.req.Target = "v"
			ds, _, err := add(t, tt.req, withColumn(max(40, len(tt.values)), tt.values...), ingest.Options{})
			if err != nil {
				if tt.err == "" || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("%v; want %q", err, tt.err)
				}
				return
			}
			if tt.err != "" || ds.Task != tt.task || strings.Join(ds.Classes, " ") != tt.classes {
				t.Errorf("%s of %v; want %s of %s%s", ds.Task, ds.Classes, tt.task, tt.classes, tt.err)
			}
		})
	}
}

func TestRequests(t *testing.T) {
	const csv = "a,b,c\n1,2,3\n4,5,6\n7,8,9\n1,1,1\n"
	for _, tt := range []struct {
		req  tourney.DatasetRequest
		csv  string
		want string
	}{
		{tourney.DatasetRequest{}, csv, "test.csv: target: is missing: name the column to be learnt; the table has a, b, c"},
		{tourney.DatasetRequest{Target: "d"}, csv, `target: there is no column "d"`},
		{tourney.DatasetRequest{Target: "a", Drop: []string{"a"}}, csv, `drop[0]: column "a" is named as target already`},
		{tourney.DatasetRequest{Target: "a", Drop: []string{"x"}}, csv, `drop[0]: there is no column "x"`},
		{tourney.DatasetRequest{Target: "a", Group: "a"}, csv, `group: column "a" is named as target already`},
		{tourney.DatasetRequest{Target: "a", Group: "b", Time: "c"}, csv, "time: does not go with group"},
		{tourney.DatasetRequest{Target: "a", Drop: []string{"b", "c", "b"}}, csv, "there is no column to learn from"},
		{tourney.DatasetRequest{Target: "a"}, "a,b\n1,2\n2,3\n", "there are 2 rows; at least 3 are needed"},
		{tourney.DatasetRequest{Target: "a"}, "a,b\n", "there are no rows"},
		{tourney.DatasetRequest{Target: "a"}, "a,b\n1,\n2,NA\n3,\n", "there is no column to learn from"},
		{tourney.DatasetRequest{Target: "a", Split: tourney.Split{Test: 0.95}}, csv, "split.test: must be greater than 0 and at most 0.9"},
		{tourney.DatasetRequest{Target: "a", Task: "cluster"}, csv, `task: "cluster" must be classification or regression`},
		{tourney.DatasetRequest{Target: "a", Split: tourney.Split{Kind: tourney.SplitGroup}}, csv, "group: is missing"},
		{tourney.DatasetRequest{Target: "a", Split: tourney.Split{Kind: tourney.SplitTime}}, csv, "time: is missing"},
		{tourney.DatasetRequest{Target: "a", Split: tourney.Split{Kind: tourney.SplitFile}}, csv, "no test file is given"},
		{tourney.DatasetRequest{Target: "a", Split: tourney.Split{Kind: tourney.SplitLast, Rows: 4}}, csv, "split.rows: must be less than the 4 rows"},
		{tourney.DatasetRequest{Target: "a", Split: tourney.Split{Kind: tourney.SplitColumn, Column: "b"}}, "a,b,c\n1,0,1\n2,no,2\n3,train,3\n", `column b: no row is a test row by it`},
		{tourney.DatasetRequest{Target: "a", Split: tourney.Split{Kind: tourney.SplitColumn, Column: "b"}}, "a,b,c\n1,1,1\n2,1,2\n3,1,3\n", `column b: all rows are test rows`},
		{tourney.DatasetRequest{Target: "a", Group: "b"}, "a,b,c\n1,1,1\n2,1,2\n3,1,3\n", `column b: all rows are of one group`},
		{tourney.DatasetRequest{Target: "a", Time: "b"}, "a,b,c\n1,2011-01-01,1\n2,soon,2\n3,2011-01-01,3\n", `test.csv:3: column b: "soon" is not of the dates or numbers`},
		{tourney.DatasetRequest{Target: "a", Weight: "b"}, "a,b,c\n1,1,1\n2,-1,2\n3,1,3\n", `test.csv:3: column b: the weight -1 is negative`},
		{tourney.DatasetRequest{Target: "a", Weight: "b"}, "a,b,c\n1,1,1\n2,x,2\n3,1,3\n", `test.csv:3: column b: "x" is no number, which a weight must be`},
		{tourney.DatasetRequest{Target: "a"}, "a,b\n1,2\n,3\n3,4\n?,1\n", `test.csv:3: column a: the target is missing here, and in 2 of 4 rows in all (lines 3 and 5)`},
	} {
		_, m, err := add(t, tt.req, newTexts(t, tt.csv), ingest.Options{})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%v; want %s", err, tt.want)
		}
		if len(m.saved) > 0 {
			t.Errorf("%s: registered all the same", tt.want)
		}
	}
}

// A target that is missing in a few rows costs those rows, and says so.
func TestMissingTargets(t *testing.T) {
	src := withColumn(100, sequence(100, "%d")...)
	src.rows[7][0], src.rows[9][0] = "", "NA"
	ds, m := mustAdd(t, tourney.DatasetRequest{Target: "y"}, src, ingest.Options{})
	if got := m.rows(t, ds, uses[0]).Rows + m.rows(t, ds, uses[1]).Rows; ds.Rows != 98 || got != 98 {
		t.Errorf("%d rows, %d in shards; want 98", ds.Rows, got)
	}
	if got := warned(ds, "y", "target_missing"); got != "the target is missing in 2 of 100 rows, which are left out: lines 9 and 11\n" {
		t.Errorf("warned of %q", got)
	}
}
