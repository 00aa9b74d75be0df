package dataset_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/dataset/table"
)

// fit learns from the first rows of a table, whose target is its last column.
func fit(t *testing.T, f *table.Frame, rows int, p tourney.Preprocess) *dataset.Data {
	t.Helper()
	return fitTask(t, tourney.Dataset{}, f, rows, p, dataset.Dense)
}

func fitTask(t *testing.T, ds tourney.Dataset, f *table.Frame, rows int, p tourney.Preprocess, form dataset.Form) *dataset.Data {
	t.Helper()
	ds.Target = f.Series[len(f.Series)-1].Name
	m := newMemory()
	ds = m.put(t, ds, f, f.Rows-rows)
	return load(t, m.cache(t, t.TempDir(), roomy), dataset.Request{Version: ds.Version, Preprocess: p, Kind: tourney.JobFinal, Form: form})
}

func rowsOf(m *dataset.Matrix) [][]float32 {
	rows := make([][]float32, m.N)
	for i := range rows {
		rows[i] = m.X[i*m.D : (i+1)*m.D]
	}
	return rows
}

// all returns the features of the rows to train on and of the others.
func all(d *dataset.Data) [][]float32 {
	return append(rowsOf(d.Folds[0].Train), rowsOf(d.Test)...)
}

func apply(t *testing.T, p *dataset.Pipeline, f *table.Frame) [][]float32 {
	t.Helper()
	m, err := p.Apply(f, dataset.Dense)
	if err != nil {
		t.Fatal(err)
	}
	return rowsOf(m)
}

func TestMomentsByHand(t *testing.T) {
	for _, test := range []struct {
		name     string
		values   []float64
		mean, sd float64
	}{
		{"the textbook's", []float64{2, 4, 4, 4, 5, 5, 7, 9}, 5, 2},
		{"missing counts as the mean", []float64{1, nan, 5, nan}, 3, math.Sqrt2}, // (4+0+4+0)/4 = 2
		{"constant, not exact in binary", []float64{0.1, 0.1, 0.1}, 0.1, 0},
		{"constant with a gap", []float64{7, nan, 7}, 7, 0},
		{"nothing present", []float64{nan, nan}, 0, 0},
		{"no rows", nil, 0, 0},
		{"huge", []float64{0x1p1023, -0x1p1023}, 0, 0x1p1023},
		{"huge with one sign", []float64{0x1.8p1023, 0x1.8p1023, 0x1p1022, 0x1p1022}, 0x1p1023, 0x1p1022},
		{"tiny", []float64{0x1p-900, -0x1p-900}, 0, 0x1p-900},
	} {
		if mean, sd := dataset.Moments(test.values); mean != test.mean || sd != test.sd {
			t.Errorf("%s: %v ± %v, want %v ± %v", test.name, mean, sd, test.mean, test.sd)
		}
	}
}

// On ordinary values the scaling must not change a bit of the plain formula.
func TestMomentsArePlainArithmetic(t *testing.T) {
	values := []float64{3.7, -1.2, 0.001, 8.25, 1e6, 3.3333, -7e-5, 12}
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	mean := sum / 8
	squares := 0.0
	for _, v := range values {
		d := v - mean
		squares += float64(d * d)
	}
	if m, sd := dataset.Moments(values); m != mean || sd != math.Sqrt(squares/8) {
		t.Errorf("%v ± %v, want %v ± %v", m, sd, mean, math.Sqrt(squares/8))
	}
}

func TestPreprocessByHand(t *testing.T) {
	tab := frame(
		number("x", 2, 4, 4, 4, 5, 5, 7, 9 /* learnt up to here */, nan, 11, 1e300),
		number("gaps", 1, nan, 5, nan, 1, nan, 5, nan, nan, 3, 3), // mean 3, (4·4)/8 = 2
		number("same", 6, 6, 6, 6, 6, 6, 6, 6, 7, nan, 6),
		category("city", "Rome", "Oslo", "", "Rome", "Oslo", "", "Rome", "Rome", "Bonn", "", "Oslo"),
		category("late", "", "", "", "", "", "", "", "", "new", "new", ""),
		number("y", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
	)
	d := fit(t, tab, 8, tourney.Preprocess{})
	p := d.Folds[0].Prep
	if want := []string{"x", "gaps", "gaps is missing", "same", "city=Oslo", "city=Rome"}; !slices.Equal(p.Features(), want) || p.Width() != len(want) {
		t.Errorf("features %q, width %d; want %q", p.Features(), p.Width(), want)
	}
	r2 := float32(math.Sqrt2) // (5-3)/√2
	want := [][]float32{
		{-1.5, -r2, 0, 0, 0, 1},
		{-0.5, 0, 1, 0, 1, 0},
		{-0.5, r2, 0, 0, 0, 0},
		{-0.5, 0, 1, 0, 0, 1},
		{0, -r2, 0, 0, 1, 0},
		{0, 0, 1, 0, 0, 0},
		{1, r2, 0, 0, 0, 1},
		{2, 0, 1, 0, 0, 1},
		{0, 0, 1, 0, 0, 0}, // x missing though it never was: the mean; "same" stays 0; Bonn was never seen
		{3, 0, 0, 0, 0, 0},
		{math.MaxFloat32, 0, 0, 0, 1, 0},
	}
	if got := all(d); !reflect.DeepEqual(got, want) {
		t.Errorf("matrix\n%v\nwant\n%v", got, want)
	}
	if got := apply(t, p, tab); !reflect.DeepEqual(got, want) {
		t.Errorf("applied\n%v\nwant\n%v", got, want)
	}
}

func TestManyLevelsKeepTheMostFrequent(t *testing.T) {
	levels := func(n int) []string {
		var values []string
		for i := range n {
			values = append(values, fmt.Sprintf("v%02d", i))
		}
		return values
	}
	zeros := number("y", make([]float64, 70)...)
	with := func(values ...string) *table.Frame {
		return frame(category("c", values...), number("y", zeros.Numbers[:len(values)]...))
	}
	p := fit(t, with(levels(64)...), 64, tourney.Preprocess{}).Folds[0].Prep
	if names := p.Features(); len(names) != 64 || names[63] != "c=v63" {
		t.Errorf("64 levels become %d columns, the last %q", len(names), names[len(names)-1])
	}
	// Of 66 levels, v65 is there twice; the rest tie and go by text, so that
	// v62, v63 and v64 are left over.
	tab := with(append(levels(66), "v65", "", "never seen in training")...)
	p = fit(t, tab, 67, tourney.Preprocess{}).Folds[0].Prep
	names := p.Features()
	if len(names) != 64 || names[61] != "c=v61" || names[62] != "c=v65" || names[63] != "c is other" {
		t.Fatalf("%d columns, the last %q", len(names), names[len(names)-3:])
	}
	rows := apply(t, p, tab)
	for row, one := range map[int]int{0: 0, 61: 61, 62: 63, 63: 63, 64: 63, 65: 62, 66: 62, 67: -1, 68: 63} {
		if got := slices.Index(rows[row], 1); got != one {
			t.Errorf("row %d sets column %d, want %d", row, got, one)
		}
		if one >= 0 && slices.Contains(rows[row][one+1:], 1) {
			t.Errorf("row %d sets two columns", row)
		}
	}
}

// kinds has a column of each kind; the first 6 rows are learnt from.
func kinds() *table.Frame {
	flag := number("flag", 1, 0, nan, 1, 0, 0, 1)
	flag.Kind = tourney.Boolean
	day := number("day", 0, 86400, 0, 86400, nan, 0, 86400*3)
	day.Kind = tourney.Date
	return frame(
		number("x", 0.1, 0.7, nan, 5, -3, 0, 2),
		flag, day,
		category("c", "b", "a", "", "b", "c", "a", "d"),
		text("t", "one", "two", "", "one", "three", "four", "five"),
		sparse("s", [][2]float64{{0, 1}, {3, -2}}, nil, [][2]float64{{1, 5}}, nil, nil, [][2]float64{{2, 1}}, [][2]float64{{0, 7}}),
		number("y", 1, 2, 3, 4, 5, 6, 7),
	)
}

func TestPipelineTravelsAsJSON(t *testing.T) {
	for _, encode := range []string{"one_hot", "ordinal", "hash", "target"} {
		for _, scale := range []string{"standard", "min_max", "robust", "quantile", "none"} {
			d := fit(t, kinds(), 6, tourney.Preprocess{Encode: encode, Scale: scale, Buckets: 4, Log: "auto", Clip: 2, Impute: "median"})
			p := d.Folds[0].Prep
			text, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			var read dataset.Pipeline
			if err := json.Unmarshal(text, &read); err != nil {
				t.Fatal(err)
			}
			// Another table: other order, other columns beside, other codes.
			f := kinds()
			f.Series[0], f.Series[3] = f.Series[3], f.Series[0]
			f.Series = append(f.Series[:6:6], number("more", make([]float64, 7)...))
			c := &f.Series[0]
			c.Levels = []string{"z", "d", "c", "b", "a"}
			for i, code := range c.Codes {
				if code >= 0 {
					c.Codes[i] = 4 - code
				}
			}
			want := apply(t, p, kinds())
			if got := apply(t, &read, f); !reflect.DeepEqual(got, want) || len(got[0]) != len(p.Features()) {
				t.Errorf("%s, %s: after JSON %v, before %v", encode, scale, got, want)
			}
			// The rows that are not trained on have what Apply says.
			if got := rowsOf(d.Test); !reflect.DeepEqual(got, want[6:]) {
				t.Errorf("%s, %s: in the matrix %v, applied %v", encode, scale, got, want[6:])
			}
			if got := rowsOf(d.Folds[0].Train); encode != "target" && !reflect.DeepEqual(got, want[:6]) {
				t.Errorf("%s, %s: in the matrix %v, applied %v", encode, scale, got, want[:6])
			}
		}
	}
}

// A sparse matrix is the dense one without its zeros.
func TestSparseMatricesAreTheDenseOnes(t *testing.T) {
	for _, encode := range []string{"one_hot", "ordinal", "hash", "target"} {
		p := tourney.Preprocess{Encode: encode, Buckets: 4}
		dense, csr := fit(t, kinds(), 6, p), fitTask(t, tourney.Dataset{}, kinds(), 6, p, dataset.CSR)
		both := func(dense, csr *dataset.Matrix) {
			t.Helper()
			got := make([]float32, len(dense.X))
			for i := range csr.N {
				last := -1
				for k := csr.RowPtr[i]; k < csr.RowPtr[i+1]; k++ {
					if int(csr.Col[k]) <= last || csr.Val[k] == 0 {
						t.Fatalf("%s: row %d has %v at %d after %d", encode, i, csr.Val[k], csr.Col[k], last)
					}
					last = int(csr.Col[k])
					got[i*csr.D+last] = csr.Val[k]
				}
			}
			if !slices.Equal(got, dense.X) || !slices.Equal(csr.Y, dense.Y) {
				t.Errorf("%s: sparse %v, dense %v", encode, got, dense.X)
			}
		}
		both(dense.Folds[0].Train, csr.Folds[0].Train)
		both(dense.Test, csr.Test)
		applied, err := csr.Folds[0].Prep.Apply(slice(kinds(), 6, 7), dataset.CSR)
		if err != nil {
			t.Fatal(err)
		}
		both(dense.Test, &dataset.Matrix{N: 1, D: applied.D, RowPtr: applied.RowPtr, Col: applied.Col, Val: applied.Val, Y: dense.Test.Y})
	}
}

func TestApplySaysWhatDoesNotFit(t *testing.T) {
	f := frame(number("x", 1, 2, 3), category("c", "a", "b", "a"), number("y", 1, 2, 3))
	for _, form := range []dataset.Form{dataset.Dense, dataset.Binned} {
		fold := fitTask(t, tourney.Dataset{}, f, 2, tourney.Preprocess{}, form).Folds[0]
		for want, tab := range map[string]*table.Frame{
			"column c: is missing from the table":                        frame(number("x", 1)),
			"column x: holds a category and not a number as in training": frame(category("x", "a"), category("c", "a")),
		} {
			var err error
			if form == dataset.Binned {
				_, err = fold.Bins.Apply(tab)
			} else {
				_, err = fold.Prep.Apply(tab, form)
			}
			if got := invalid(t, err); got != want {
				t.Errorf("%s: got %q, want %q", form, got, want)
			}
		}
	}
}

// Whatever rows hold that are not trained on, what is learnt stays the same.
func TestPreprocessLearnsFromTrainingRowsAlone(t *testing.T) {
	const n = 50
	table := func(odd float64, level, word string) *table.Frame {
		value := func(i int, v, other float64) float64 {
			if i < 20 || i >= 30 {
				return v
			}
			return other
		}
		levels, words := make([]string, n), make([]string, n)
		for i := range n {
			levels[i], words[i] = string(rune('a'+i%3)), fmt.Sprint(i%7)
			if i >= 20 && i < 30 {
				levels[i], words[i] = level, word
			}
		}
		c := category("c", levels...)
		c.Levels = []string{"a", "b", "c", "d"} // the manifest's, of all rows
		for i, l := range levels {
			c.Codes[i] = int32(slices.Index(c.Levels, l))
		}
		return frame(
			series("x", n, func(i int) float64 { return value(i, float64(i*i), odd) }), c, text("t", words...),
			series("y", n, func(i int) float64 { return value(i, float64(i), -odd) }),
		)
	}
	for _, p := range []tourney.Preprocess{
		{},
		{Impute: "median", Scale: "robust", Log: "auto", Encode: "target"},
		{Impute: "most_frequent", Scale: "quantile", Encode: "ordinal"},
		{Scale: "min_max", Indicator: "always", Levels: 2},
	} {
		var learnt []string
		for _, f := range []*table_{table(3, "a", "1"), table(1e9, "d", "new"), table(nan, "d", "")} {
			for i, v := range f.Series[3].Numbers {
				if v != v {
					f.Series[3].Numbers[i] = 4
				}
			}
			m := newMemory()
			ds := m.put(t, tourney.Dataset{Target: "y"}, f, 0)
			// The third of five folds is validated on rows 20 to 29.
			d := load(t, m.cache(t, t.TempDir(), roomy), dataset.Request{
				Version: ds.Version, Preprocess: p, Kind: tourney.JobRung, Validation: tourney.Validation{Kind: tourney.KFold, Folds: 5},
			})
			fold := d.Folds[2]
			if fold.Train.N != 40 || fold.Valid.N != 10 {
				t.Fatalf("%d and %d rows", fold.Train.N, fold.Valid.N)
			}
			text, err := json.Marshal(fold.Prep)
			if err != nil {
				t.Fatal(err)
			}
			learnt = append(learnt, fmt.Sprintf("%s %v", text, rowsOf(fold.Train)))
		}
		if learnt[0] != learnt[1] || learnt[0] != learnt[2] {
			t.Errorf("%+v learns from rows that are not trained on:\n%s", p, strings.Join(learnt, "\n"))
		}
	}
}

type table_ = table.Frame

type reference struct {
	Train    int                   `json:"train"`
	Columns  map[string][]*float64 `json:"columns"`
	Category []string              `json:"category"`
	Y        []float64             `json:"y"`
	Cases    []struct {
		Impute, Scale string
		Want          map[string][]float64
	} `json:"cases"`
	Target [][]float64 `json:"target"`
	Bins   map[string]struct {
		Values, Edges []float64
		Bins          []int
	} `json:"bins"`
}

// read reads what testdata/preprocess.py has written.
func read(t *testing.T) *reference {
	t.Helper()
	text, err := os.ReadFile("testdata/preprocess.json")
	if err != nil {
		t.Fatal(err)
	}
	ref := &reference{}
	if err := json.Unmarshal(text, ref); err != nil {
		t.Fatal(err)
	}
	return ref
}

func TestPreprocessIsScikitLearns(t *testing.T) {
	ref := read(t)
	names := []string{"normal", "skewed", "counts"}
	var columns []table.Series
	for _, name := range names {
		columns = append(columns, series(name, len(ref.Y), func(i int) float64 {
			if v := ref.Columns[name][i]; v != nil {
				return *v
			}
			return nan
		}))
	}
	f := frame(append(columns, number("y", ref.Y...))...)
	for _, c := range ref.Cases {
		p := tourney.Preprocess{Impute: c.Impute, Scale: c.Scale, Indicator: "never"}
		if c.Scale == "log" {
			p.Scale, p.Log = "standard", "all"
		}
		got := all(fit(t, f, ref.Train, p))
		for k, name := range names {
			for i, want := range c.Want[name] {
				if diff := math.Abs(float64(got[i][k]) - want); diff > 2e-6*max(1, math.Abs(want)) {
					t.Errorf("%s, %s: %s of row %d is %v, want %v", c.Impute, c.Scale, name, i, got[i][k], want)
					break
				}
			}
		}
	}
}

func TestTargetMeansAreScikitLearns(t *testing.T) {
	ref := read(t)
	f := frame(category("c", ref.Category...), number("y", ref.Y...))
	d := fit(t, f, ref.Train, tourney.Preprocess{Encode: "target", Scale: "none", Smoothing: 10})
	for i, row := range all(d) {
		if want := ref.Target[i][0]; math.Abs(float64(row[0])-want) > 1e-6 {
			t.Errorf("row %d of level %s is %v, want %v", i, ref.Category[i], row[0], want)
		}
	}
}

// Classes by hand: two have one output, three have one each. There are ten
// rows in five runs of two; the smoothing is one row.
func TestTargetMeansOfClassesByHand(t *testing.T) {
	c := category("c", "a", "a", "b", "b", "a", "b", "", "", "a", "a", "b", "z")
	two := category("y", "n", "y", "y", "n", "y", "y", "n", "n", "y", "y", "n", "n")
	got := all(fitTask(t, tourney.Dataset{Task: tourney.Classification}, frame(c, two), 10, tourney.Preprocess{Encode: "target", Scale: "none", Smoothing: 1}, dataset.Dense))
	want := []float64{
		// Without the first run 5 of 8 are y; of a 3 of 3.
		(3 + 5.0/8) / 4, (3 + 5.0/8) / 4,
		// Without the second likewise; of b 1 of 1.
		(1 + 5.0/8) / 2, (1 + 5.0/8) / 2,
		// Without the third 4 of 8; of a 3 of 4, of b 1 of 2.
		(3 + 0.5) / 5, (1 + 0.5) / 3,
		// Without the fourth 6 of 8, and no missing value is left.
		6.0 / 8, 6.0 / 8,
		// Without the last 4 of 8; of a 2 of 3.
		(2 + 0.5) / 4, (2 + 0.5) / 4,
		// In all 6 of 10; of b 2 of 3; z is new.
		(2 + 0.6) / 4, 0.6,
	}
	for i, row := range got {
		if len(row) != 1 || math.Abs(float64(row[0])-want[i]) > 1e-7 {
			t.Errorf("row %d is %v, want %v", i, row, want[i])
		}
	}
	three := category("y", "p", "q", "q", "r", "q", "q", "p", "p", "q", "r", "p", "p")
	got = all(fitTask(t, tourney.Dataset{Task: tourney.Classification}, frame(c, three), 10, tourney.Preprocess{Encode: "target", Scale: "none", Smoothing: 1}, dataset.Dense))
	// Row 10, of b: of all ten 3 p, 5 q and 2 r; of b 0, 2 and 1.
	for k, want := range []float64{0.3 / 4, 2.5 / 4, 1.2 / 4} {
		if len(got[10]) != 3 || math.Abs(float64(got[10][k])-want) > 1e-7 {
			t.Errorf("output %d of row 10 is %v, want %v", k, got[10], want)
		}
	}
}

func TestOrdinalByHand(t *testing.T) {
	// Learnt: b at 0, d at 1, e at 2; d is missing once. The mean is 1.
	c := category("c", "b", "d", "e", "", "d", "a", "e")
	got := all(fit(t, frame(c, number("y", 1, 2, 3, 4, 5, 6, 7)), 5, tourney.Preprocess{Encode: "ordinal", Scale: "none"}))
	want := [][]float32{{0, 0}, {1, 0}, {2, 0}, {1, 1}, {1, 0}, {1, 1}, {2, 0}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestHashing(t *testing.T) {
	f := frame(category("c", "x", "y", "", "z"), text("t", "x", "", "y", "x"), number("y", 1, 2, 3, 4))
	d := fit(t, f, 3, tourney.Preprocess{Encode: "hash", Buckets: 5})
	for i, row := range all(d) {
		want := make([]float32, 10)
		if c := []string{"x", "y", "", "z"}[i]; c != "" {
			want[table.Hash([]byte(c))%5] = 1
		}
		if c := []string{"x", "", "y", "x"}[i]; c != "" {
			want[5+table.Hash([]byte(c))%5] = 1
		}
		if !slices.Equal(row, want) {
			t.Errorf("row %d is %v, want %v", i, row, want)
		}
	}
}

func TestClipLogAndIndicator(t *testing.T) {
	skewed := number("x", 1, 1, 1, 1, 1, 1, 1, 1, 1, 1e6, 5)
	even := number("e", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11)
	f := frame(skewed, even, number("y", make([]float64, 11)...))
	d := fit(t, f, 10, tourney.Preprocess{Log: "auto", Clip: 1.5, Indicator: "always"})
	in := d.Folds[0].Prep.Inputs
	// Nine equal values of ten are as skewed in any form, but for rounding;
	// evenly spaced ones are not skewed at all until their logarithms are taken.
	if in[1].Numbers[0].Log {
		t.Error("evenly spaced values became their logarithms")
	}
	if want := []string{"x", "x is missing", "e", "e is missing"}; !slices.Equal(d.Folds[0].Prep.Features(), want) {
		t.Errorf("features %q", d.Folds[0].Prep.Features())
	}
	if got := d.Folds[0].Train.X[9*4]; got != 1.5 {
		t.Errorf("three deviations out is %v, want to be clipped to 1.5", got)
	}
	f = frame(series("x", 50, func(i int) float64 { return math.Pow(1.5, float64(i)) }), number("y", make([]float64, 50)...))
	if n := fit(t, f, 40, tourney.Preprocess{Log: "auto"}).Folds[0].Prep.Inputs[0].Numbers[0]; !n.Log {
		t.Error("a geometric series is kept as it is")
	}
}

func TestTooManyMeansAreRefused(t *testing.T) {
	levels, classes := make([]string, 5000), make([]string, 5000)
	for i := range levels {
		levels[i], classes[i] = fmt.Sprint(i), fmt.Sprint(i%900)
	}
	m := newMemory()
	ds := m.put(t, tourney.Dataset{Task: tourney.Classification}, frame(category("c", levels...), category("y", classes...)), 100)
	_, err := m.cache(t, t.TempDir(), roomy).Load(t.Context(), dataset.Request{Version: ds.Version, Preprocess: tourney.Preprocess{Encode: "target"}, Kind: tourney.JobFinal}, finalToken)
	if !errors.Is(err, tourney.ErrInvalid) || !strings.Contains(err.Error(), "use hash") {
		t.Errorf("%v", err)
	}
}

func TestBinsAreScikitLearns(t *testing.T) {
	for name, want := range read(t).Bins {
		f := frame(number("x", want.Values...), number("y", make([]float64, len(want.Values))...))
		fold := fitTask(t, tourney.Dataset{}, f, f.Rows, tourney.Preprocess{}, dataset.Binned).Folds[0]
		if got := fold.Bins.Features[0].Edges; len(got) != len(want.Edges) {
			t.Errorf("%s: %d edges, want %d", name, len(got), len(want.Edges))
		}
		for i, bin := range want.Bins {
			if got := fold.Train.Bins[i]; int(got) != bin+1 {
				t.Errorf("%s: row %d (%v) is in bin %d, want %d", name, i, want.Values[i], got, bin+1)
				break
			}
		}
	}
}

func TestBinsByHand(t *testing.T) {
	c := category("c", "q", "q", "p", "", "q", "p", "r", "new")
	d := fitTask(t, tourney.Dataset{Task: tourney.Classification}, frame(
		number("x", 1, 3, 3, nan, 7, 1, 2, 100), c, text("t", "a", "", "b", "a", "a", "c", "d", "e"),
		category("y", "n", "n", "n", "j", "j", "j", "n", "n"),
	), 7, tourney.Preprocess{}, dataset.Binned)
	fold := d.Folds[0]
	h := func(s string) uint8 { return uint8(1 + table.Hash([]byte(s))%255) }
	// Edges 1.5, 2.5, 5; q is the most frequent level, then p, then r.
	want := []uint8{1, 1, h("a"), 3, 1, 0, 3, 2, h("b"), 0, 0, h("a"), 4, 1, h("a"), 1, 2, h("c"), 2, 3, h("d"), 4, 0, h("e")}
	if !slices.Equal(fold.Train.Bins, want) || !reflect.DeepEqual(fold.Train.Spans, []dataset.Span{{From: 0, To: 7}}) || !reflect.DeepEqual(d.Test.Spans, []dataset.Span{{From: 7, To: 8}}) {
		t.Errorf("bins %v, want %v", fold.Train.Bins, want)
	}
	if b := []int{fold.Bins.Features[0].Bins(), fold.Bins.Features[1].Bins(), fold.Bins.Features[2].Bins()}; !slices.Equal(b, []int{5, 4, 256}) {
		t.Errorf("%v bins", b)
	}
}

// The weight and the group of a row are no features; the weight reaches the
// matrices.
func TestWeightsAndGroupsAreNoFeatures(t *testing.T) {
	f := frame(number("x", 1, 2, 3, 4, 5), number("w", 0, 1, 2.5, 3, 4), number("g", 1, 1, 2, 2, 3), number("y", 1, 2, 3, 4, 5))
	for _, form := range []dataset.Form{dataset.Dense, dataset.CSR, dataset.Binned} {
		d := fitTask(t, tourney.Dataset{Weight: "w", Group: "g"}, f, 4, tourney.Preprocess{}, form)
		if d.Folds[0].Train.D != 1 || !slices.Equal(d.Folds[0].Train.W, []float32{0, 1, 2.5, 3}) || !slices.Equal(d.Test.W, []float32{4}) {
			t.Errorf("%s: %d features, weights %v and %v", form, d.Folds[0].Train.D, d.Folds[0].Train.W, d.Test.W)
		}
	}
	for _, bad := range []float64{-1, nan, 1e39} {
		f.Series[1].Numbers[2] = bad
		m := newMemory()
		ds := m.put(t, tourney.Dataset{Weight: "w", Group: "g"}, f, 1)
		if _, err := m.cache(t, t.TempDir(), roomy).Load(t.Context(), request(ds.Version), nil); err == nil {
			t.Errorf("the weight %v was taken", bad)
		}
	}
}
