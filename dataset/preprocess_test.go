package dataset_test

import (
	"encoding/json"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
)

var nan = math.NaN()

func number(name string, values ...float64) dataset.Series {
	return dataset.Series{Name: name, Kind: tourney.Number, Numbers: values}
}

// category makes a column; "" is missing.
func category(name string, values ...string) dataset.Series {
	s := dataset.Series{Name: name, Kind: tourney.Category}
	for _, v := range values {
		if v != "" && !slices.Contains(s.Levels, v) {
			s.Levels = append(s.Levels, v)
		}
	}
	slices.Sort(s.Levels)
	for _, v := range values {
		s.Codes = append(s.Codes, int32(slices.Index(s.Levels, v)))
	}
	return s
}

func table(columns ...dataset.Series) *dataset.Table {
	rows := max(len(columns[0].Numbers), len(columns[0].Codes))
	return &dataset.Table{Rows: rows, Columns: columns}
}

func apply(t *testing.T, p *dataset.Preprocess, tab *dataset.Table) [][]float32 {
	t.Helper()
	m, err := p.Apply(tab)
	if err != nil {
		t.Fatal(err)
	}
	rows := make([][]float32, m.N)
	for i := range rows {
		rows[i] = m.X[i*m.D : (i+1)*m.D]
	}
	return rows
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
	tab := table(
		number("x", 2, 4, 4, 4, 5, 5, 7, 9 /* learnt up to here */, nan, 11, 1e300),
		number("gaps", 1, nan, 5, nan, 1, nan, 5, nan, nan, 3, 3), // mean 3, (4·4)/8 = 2
		number("same", 6, 6, 6, 6, 6, 6, 6, 6, 7, nan, 6),
		category("city", "Rome", "Oslo", "", "Rome", "Oslo", "", "Rome", "Rome", "Bonn", "", "Oslo"),
		category("late", "", "", "", "", "", "", "", "", "new", "new", ""),
		number("y", 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11),
	)
	p := dataset.Fit(tab, 8, "y")
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
	if got := apply(t, p, tab); !reflect.DeepEqual(got, want) {
		t.Errorf("matrix\n%v\nwant\n%v", got, want)
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
	p := dataset.Fit(table(category("c", levels(64)...)), 64, "y")
	if names := p.Features(); len(names) != 64 || names[63] != "c=v63" {
		t.Errorf("64 levels become %d columns, the last %q", len(names), names[len(names)-1])
	}
	// Of 66 levels, v65 is there twice; the rest tie and go by text, so that
	// v62, v63 and v64 are left over.
	tab := table(category("c", append(levels(66), "v65", "", "never seen in training")...))
	p = dataset.Fit(tab, 67, "y")
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

func TestPreprocessTravelsAsJSON(t *testing.T) {
	tab := table(number("x", 0.1, 0.7, nan), category("c", "b", "a", ""), number("y", 1, 2, 3))
	p := dataset.Fit(tab, 3, "y")
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var read dataset.Preprocess
	if err := json.Unmarshal(text, &read); err != nil {
		t.Fatal(err)
	}
	// Another table: other order, other columns beside, other codes.
	other := table(category("c", "z", "a", "b"), number("more", 1, 2, 3), number("x", 0.7, nan, 0.1))
	if got, want := apply(t, &read, other), apply(t, p, other); !reflect.DeepEqual(got, want) || len(got[0]) != 4 {
		t.Errorf("after JSON %v, before %v", got, want)
	}
	if got := apply(t, &read, other)[1][1:]; !slices.Equal(got, []float32{1, 1, 0}) { // x is missing, c=a
		t.Errorf("row 1 ends %v", got)
	}
}

func TestApplySaysWhatDoesNotFit(t *testing.T) {
	p := dataset.Fit(table(number("x", 1, 2), category("c", "a", "b")), 2, "y")
	for want, tab := range map[string]*dataset.Table{
		"column c: is missing from the table":                        table(number("x", 1)),
		"column x: holds a category and not a number as in training": table(category("x", "a"), category("c", "a")),
	} {
		_, err := p.Apply(tab)
		if got := invalid(t, err); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// Nothing that a validation row holds may reach what is learnt.
func TestPreprocessLearnsFromTrainingRowsAlone(t *testing.T) {
	var b strings.Builder
	b.WriteString("id,x,c,y\n")
	for i := range 100 {
		fmt.Fprintf(&b, "%d,%d,%s,%d.5\n", i, i*i, string(rune('a'+i%3)), i)
	}
	m := newMemory()
	ds := m.add(t, tourney.DatasetRequest{Target: "y"}, b.String())
	data := rung(t, m.cache(t, t.TempDir(), roomy), ds.Version)
	if data.Train.N != 64 || data.Valid.N != 16 || data.Test != nil {
		t.Fatalf("%d rows to train on, %d to validate; want 64 and 16", data.Train.N, data.Valid.N)
	}
	rows := ids(t, m, ds.Shards)
	sum := 0
	for _, id := range rows[:64] {
		sum += id * id
	}
	if got, want := data.Prep.Inputs[1].Mean, float64(sum)/64; got != want {
		t.Errorf("mean %v, of the training rows %v", got, want)
	}
	for i, id := range rows {
		y := append(slices.Clone(data.Train.Y), data.Valid.Y...)
		if y[i] != float32(id)+0.5 {
			t.Fatalf("row %d has target %v, want %v", i, y[i], float32(id)+0.5)
		}
	}
}
