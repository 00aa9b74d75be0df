package dataset_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/dataset/table"
)

// ranges says which rows a fold trains on and is validated on, by their ids,
// which are the targets.
func ranges(d *dataset.Data) string {
	runs := func(m *dataset.Matrix) string {
		var out []string
		for i := 0; i < m.N; {
			j := i
			for j+1 < m.N && m.Y[j+1] == m.Y[j]+1 {
				j++
			}
			out = append(out, fmt.Sprintf("%v-%v", m.Y[i], m.Y[j]))
			i = j + 1
		}
		return strings.Join(out, "+")
	}
	var folds []string
	for _, f := range d.Folds {
		folds = append(folds, runs(f.Train)+"|"+runs(f.Valid))
	}
	return strings.Join(folds, " ")
}

func TestCutsAreRunsOfTheStoredOrder(t *testing.T) {
	// Groups of 3, 1, 6, 2, 8 rows.
	groups := func(n int) []float64 {
		var g []float64
		for i, size := range []int{3, 1, 6, 2, 8} {
			g = append(g, slices.Repeat([]float64{float64(10 - i)}, size)...)
		}
		return g[:n]
	}
	for _, c := range []struct {
		name          string
		n             int
		group, inTime bool
		v             tourney.Validation
		want          string
	}{
		{"a fifth of 20", 20, false, false, share(0.2), "0-15|16-19"},
		{"a share is rounded up", 11, false, false, share(0.2), "0-7|8-10"},
		{"five folds", 20, false, false, tourney.Validation{Kind: tourney.KFold, Folds: 5}, "4-19|0-3 0-3+8-19|4-7 0-7+12-19|8-11 0-11+16-19|12-15 0-15|16-19"},
		{"uneven folds", 10, false, false, tourney.Validation{Kind: tourney.KFold, Folds: 3}, "3-9|0-2 0-2+6-9|3-5 0-5|6-9"},
		{"leave one out", 3, false, false, tourney.Validation{Kind: tourney.KFold, Folds: 3}, "1-2|0-0 0-0+2-2|1-1 0-1|2-2"},
		// Borders of groups are at 3, 4, 10 and 12.
		{"a cut moves on to a border", 20, true, false, tourney.Validation{Kind: tourney.GroupCut, Fraction: 0.7}, "0-9|10-19"},
		{"a cut at a border stays", 20, true, false, tourney.Validation{Kind: tourney.GroupCut, Fraction: 0.4}, "0-11|12-19"},
		{"or back to the last", 20, true, false, tourney.Validation{Kind: tourney.GroupCut, Fraction: 0.2}, "0-11|12-19"},
		{"folds by groups", 20, true, false, tourney.Validation{Kind: tourney.GroupCut, Folds: 3}, "10-19|0-9 0-9+12-19|10-11 0-11|12-19"},
		{"every cut keeps groups whole", 20, true, false, share(0.7), "0-9|10-19"},
		{"folds as well", 20, true, false, tourney.Validation{Kind: tourney.KFold, Folds: 2}, "10-19|0-9 0-9|10-19"},
		// 128 rows in 64 blocks of 2.
		{"the latest share", 128, false, true, tourney.Validation{Kind: tourney.TimeOrder, Fraction: 0.25}, "0-95|96-127"},
		{"moves to the nearest border", 128, false, true, tourney.Validation{Kind: tourney.TimeOrder, Fraction: 0.26}, "0-93|94-127"},
		{"widening windows", 128, false, true, tourney.Validation{Kind: tourney.TimeOrder, Folds: 3}, "0-31|32-63 0-63|64-95 0-95|96-127"},
		{"few rows", 5, false, true, tourney.Validation{Kind: tourney.TimeOrder, Folds: 4}, "0-0|1-1 0-1|2-2 0-2|3-3 0-3|4-4"},
		{"other kinds do not mind blocks", 127, false, true, share(0.5), "0-62|63-126"},
	} {
		f := frame(series("x", c.n, func(i int) float64 { return float64(i % 5) }), number("g", groups(min(c.n, 20))...), series("y", c.n, func(i int) float64 { return float64(i) }))
		ds := tourney.Dataset{}
		if c.group {
			ds.Group = "g"
		} else {
			f.Series = slices.Delete(f.Series, 1, 2)
		}
		if c.inTime {
			ds.Time = "x"
		}
		m := newMemory()
		ds = m.put(t, ds, f, 0)
		cache := m.cache(t, t.TempDir(), roomy)
		for _, form := range []dataset.Form{dataset.Dense, dataset.CSR, dataset.Binned} {
			d := load(t, cache, dataset.Request{Version: ds.Version, Validation: c.v, Kind: tourney.JobRung, Form: form})
			if got := ranges(d); got != c.want {
				t.Errorf("%s, %s: %s, want %s", c.name, form, got, c.want)
			}
		}
	}
}

func TestHoldoutRoundsUp(t *testing.T) {
	for _, test := range []struct {
		share   float64
		n, want int
	}{{0.2, 10, 2}, {0.2, 11, 3}, {0.07, 100, 7}, {0.001, 10, 1}, {0.9, 2, 1}, {0.99, 10, 9}, {0.5, 5, 3}} {
		if got := dataset.Holdout(test.share, test.n); got != test.want {
			t.Errorf("%v of %d rows is %d, want %d", test.share, test.n, got, test.want)
		}
	}
}

func TestCutsThatLeaveNothing(t *testing.T) {
	f := frame(series("x", 20, func(i int) float64 { return float64(i) }), series("g", 20, func(i int) float64 { return float64(i / 10) }), series("y", 20, func(i int) float64 { return float64(i) }))
	one := frame(f.Series[0], number("g", make([]float64, 20)...), f.Series[2])
	for _, c := range []struct {
		f    *table.Frame
		v    tourney.Validation
		want string
	}{
		{f, tourney.Validation{Kind: tourney.GroupCut, Folds: 3}, "fold"},
		{one, tourney.Validation{Kind: tourney.GroupCut, Fraction: 0.5}, "all rows are of one group"},
	} {
		m := newMemory()
		ds := m.put(t, tourney.Dataset{Group: "g"}, c.f, 0)
		_, err := m.cache(t, t.TempDir(), roomy).Load(t.Context(), dataset.Request{Version: ds.Version, Validation: c.v, Kind: tourney.JobRung}, nil)
		if err == nil || !strings.Contains(invalid(t, err), c.want) {
			t.Errorf("%v: %v", c.v, err)
		}
	}
}

// Rows of several shards come in order, whatever fold they are in, and groups
// are told apart across the borders of shards.
func TestFoldsOfManyShards(t *testing.T) {
	const n = 150_000 // three shards
	f := frame(
		series("x", n, func(i int) float64 { return float64(i % 1000) }),
		series("g", n, func(i int) float64 { return float64(i / 777) }),
		series("y", n, func(i int) float64 { return float64(i) }),
	)
	m := newMemory()
	ds := m.put(t, tourney.Dataset{Group: "g"}, f, 0)
	d := load(t, m.cache(t, t.TempDir(), roomy), dataset.Request{Version: ds.Version, Validation: tourney.Validation{Kind: tourney.GroupCut, Folds: 3}, Kind: tourney.JobRung})
	// 50,000 and 100,000 move on to 65·777 and 129·777.
	if got, want := ranges(d), "50505-149999|0-50504 0-50504+100233-149999|50505-100232 0-100232|100233-149999"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for _, fold := range d.Folds {
		p := fold.Prep.Inputs[0].Numbers[0]
		for _, m := range []*dataset.Matrix{fold.Train, fold.Valid} {
			for i, y := range m.Y {
				if want := float32((float64(int(y)%1000) - p.Center) / p.Scale); m.X[i] != want {
					t.Fatalf("row %v is %v, want %v", y, m.X[i], want)
				}
			}
		}
	}
}
