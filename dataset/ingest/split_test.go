package ingest_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset/ingest"
	"tourney/dataset/table"
)

// numbered is a table whose column id is the number of the row, from 0; made
// columns follow.
func numbered(rows int, names []string, made func(row int) []string) *texts {
	s := &texts{names: append([]string{"id"}, names...)}
	for i := range rows {
		s.rows = append(s.rows, append([]string{fmt.Sprint(i)}, made(i)...))
	}
	return s
}

// ids returns the numbers of the rows in a frame.
func ids(f *table.Frame) []int {
	out := []int{}
	for _, v := range f.Lookup("id").Numbers {
		out = append(out, int(v))
	}
	return out
}

// halves returns the rows to train on and the test rows, and checks that each
// row is in one of them, once.
func halves(t testing.TB, ds tourney.Dataset, m *memory) (train, test []int) {
	t.Helper()
	train, test = ids(m.rows(t, ds, uses[0])), ids(m.rows(t, ds, uses[1]))
	all := slices.Sorted(slices.Values(slices.Concat(train, test)))
	for i, id := range all {
		if id != i {
			t.Fatalf("the %d-th row by number is %d", i, id)
		}
	}
	if len(all) != ds.Rows || len(test) != ds.TestRows {
		t.Fatalf("%d rows and %d test rows, not %d and %d", len(all), len(test), ds.Rows, ds.TestRows)
	}
	return train, test
}

// By hand: 20 % of 10, 25 and 65 rows are 2, 5 and 13; of 7, 7 and 6 they are
// 1.4, 1.4 and 1.2, of which the sum of 4 gives the first class one more.
func TestStratify(t *testing.T) {
	for _, tt := range []struct {
		sizes []int64
		share float64
		want  []int64
	}{
		{[]int64{10, 25, 65}, 0.2, []int64{2, 5, 13}},
		{[]int64{7, 7, 6}, 0.2, []int64{2, 1, 1}},
		{[]int64{1, 9}, 0.2, []int64{0, 2}},
		{[]int64{2, 98}, 0.2, []int64{1, 19}},
		{[]int64{2, 2, 2}, 0.9, []int64{1, 1, 1}},
		{[]int64{0, 10}, 0.5, []int64{0, 5}},
	} {
		if got := ingest.Stratify(tt.sizes, tt.share); !slices.Equal(got, tt.want) {
			t.Errorf("%v of %v is %v, want %v", tt.share, tt.sizes, got, tt.want)
		}
	}
}

// Each class gives its share exactly, whatever the seed, and other seeds give
// other rows.
func TestRandomSplit(t *testing.T) {
	seen := map[string]bool{}
	for seed := range uint64(20) {
		src := numbered(100, []string{"y"}, func(i int) []string { return []string{[]string{"a", "b", "b", "c"}[i%4]} })
		ds, m := mustAdd(t, tourney.DatasetRequest{Target: "y", Seed: seed, Split: tourney.Split{Test: 0.2}}, src, ingest.Options{})
		train, test := halves(t, ds, m)
		counts := [4]int{}
		for _, id := range test {
			counts[id%4]++
		}
		if counts[0] != 5 || counts[1]+counts[2] != 10 || counts[3] != 5 || ds.Split.Kind != tourney.SplitRandom || ds.Split.Test != 0.2 {
			t.Errorf("seed %d: test rows by class %v", seed, counts)
		}
		seen[fmt.Sprint(train)] = true
	}
	if len(seen) != 20 {
		t.Errorf("20 seeds give %d orders", len(seen))
	}
}

// Over many seeds each row is a test row, and each is in each half of the
// order, as often as chance has it: within 5 standard deviations.
func TestRandomIsFair(t *testing.T) {
	const rows, seeds = 40, 400
	dir := t.TempDir()
	var tests, early [rows]int
	for seed := range uint64(seeds) {
		src := numbered(rows, []string{"y"}, func(i int) []string { return []string{fmt.Sprint(float64(i) + 0.5)} })
		ds, m := mustAdd(t, tourney.DatasetRequest{Target: "y", Seed: seed, Split: tourney.Split{Test: 0.5}}, src, ingest.Options{TempDir: dir})
		train, test := halves(t, ds, m)
		for _, id := range test {
			tests[id]++
		}
		for _, id := range train[:10] {
			early[id]++
		}
	}
	off := func(n int, p float64) bool {
		return math.Abs(float64(n)-p*seeds) > 5*math.Sqrt(seeds*p*(1-p))
	}
	for i := range rows {
		if off(tests[i], 0.5) || off(early[i], 0.25) {
			t.Errorf("row %d is a test row %d times of %d, early %d times", i, tests[i], seeds, early[i])
		}
	}
}

// A group is on one side, in one run, and the groups are shuffled.
func TestGroupSplit(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for name, text := range map[string]func(int) string{
		"texts":   func(g int) string { return fmt.Sprintf("group %d", g) },
		"numbers": func(g int) string { return []string{"%d", "%d.0", "+%d"}[rng.IntN(3)] },
	} {
		t.Run(name, func(t *testing.T) {
			group := make([]int, 3000)
			src := numbered(3000, []string{"y", "g"}, func(i int) []string {
				group[i] = rng.IntN(150)
				return []string{fmt.Sprint(rng.Float64()), strings.ReplaceAll(text(group[i]), "%d", fmt.Sprint(group[i]))}
			})
			ds, m := mustAdd(t, tourney.DatasetRequest{Target: "y", Group: "g", Split: tourney.Split{Kind: tourney.SplitRandom, Test: 0.3}}, src, ingest.Options{})
			train, test := halves(t, ds, m)
			if ds.Group != "g" || ds.Split.Kind != tourney.SplitGroup || len(test) < 850 || len(test) > 950 {
				t.Errorf("%d test rows by %s, want about 900", len(test), ds.Split.Kind)
			}
			ended := map[int]bool{}
			rises, last := 0, -1
			for _, id := range slices.Concat(train, test) {
				if g := group[id]; g != last {
					if ended[g] {
						t.Fatalf("group %d is in two runs", g)
					}
					if ended[last] = true; g > last {
						rises++
					}
					last = g
				}
			}
			if rises < 40 || rises > 110 {
				t.Errorf("of 150 groups %d come after a lesser one", rises)
			}
		})
	}
}

// One large group and two small ones: whichever is nearest to the share.
func TestFewGroups(t *testing.T) {
	for seed := range uint64(10) {
		src := numbered(100, []string{"y", "g"}, func(i int) []string { return []string{fmt.Sprint(i % 3), []string{"big", "small"}[i/90]} })
		ds, m := mustAdd(t, tourney.DatasetRequest{Target: "y", Group: "g", Seed: seed}, src, ingest.Options{})
		_, test := halves(t, ds, m)
		if len(test) != 10 && len(test) != 90 {
			t.Errorf("%d test rows", len(test))
		}
	}
}

// Test rows are the latest; the others come in 64 blocks, none earlier than
// the one before, and shuffled within.
func TestTimeSplit(t *testing.T) {
	const rows = 5000
	rng := rand.New(rand.NewPCG(2, 2))
	when := rng.Perm(rows)
	for name, text := range map[string]func(i int) string{
		"dates": func(i int) string {
			return fmt.Sprintf("2011-01-%02d %02d:%02d:00", 1+when[i]/1440, when[i]/60%24, when[i]%60)
		},
		"numbers": func(i int) string { return fmt.Sprint(when[i] - 2000) },
	} {
		for _, memory := range []int64{1, 0} {
			t.Run(fmt.Sprint(name, memory), func(t *testing.T) {
				src := numbered(rows, []string{"y", "t"}, func(i int) []string { return []string{fmt.Sprint(i % 2), text(i)} })
				ds, m := mustAdd(t, tourney.DatasetRequest{Target: "y", Time: "t"}, src, ingest.Options{Memory: memory})
				train, test := halves(t, ds, m)
				if ds.Time != "t" || ds.Split.Kind != tourney.SplitTime || len(test) != rows/5 {
					t.Fatalf("%d test rows by %s", len(test), ds.Split.Kind)
				}
				for _, id := range test {
					if when[id] < rows-rows/5 {
						t.Fatalf("row %d is a test row", when[id])
					}
				}
				sorted := 0
				for b := range ingest.TimeBlocks {
					from, to := b*len(train)/ingest.TimeBlocks, (b+1)*len(train)/ingest.TimeBlocks
					for at, id := range train[from:to] {
						if when[id] < from || when[id] >= to {
							t.Fatalf("the row of rank %d is in block %d, from %d to %d", when[id], b, from, to)
						}
						if when[id] == from+at {
							sorted++
						}
					}
				}
				if sorted > 200 { // of 4000, one in each block by chance
					t.Errorf("%d rows are where sorting would put them", sorted)
				}
				if c := column(t, ds, "id"); c.Missing != 0 || len(c.Histogram) != 32 {
					t.Errorf("the statistics are %v", c)
				}
			})
		}
	}
}

// Rows of the same time are not divided where that can be helped.
func TestTimeTies(t *testing.T) {
	for _, tt := range []struct {
		times string // one digit a row, in order
		test  int    // test rows, of a share of 0.4
	}{
		{"0123456789", 4},
		{"0123455567", 5}, // cut before the fives, one nearer than after them
		{"0123333567", 3}, // behind the threes
		{"0000000001", 1},
		{"0111111111", 9},
		{"1111111111", 4}, // it cannot be helped
	} {
		src := numbered(len(tt.times), []string{"y", "t"}, func(i int) []string { return []string{fmt.Sprint(i % 2), tt.times[i : i+1]} })
		ds, m := mustAdd(t, tourney.DatasetRequest{Target: "y", Time: "t", Split: tourney.Split{Kind: tourney.SplitTime, Test: 0.4}}, src, ingest.Options{})
		if _, test := halves(t, ds, m); len(test) != tt.test {
			t.Errorf("%s: %d test rows, want %d", tt.times, len(test), tt.test)
		}
	}
}

func TestOtherSplits(t *testing.T) {
	rows := func() *texts {
		return numbered(50, []string{"y", "x", "part"}, func(i int) []string {
			part := []string{"train", "Test", "", "valid"}[i%4]
			return []string{fmt.Sprint(i % 3), fmt.Sprint(i), part}
		})
	}
	for _, tt := range []struct {
		name  string
		split tourney.Split
		from  int64 // of the test file
		test  func(id int) bool
		kind  tourney.SplitKind
	}{
		{"last share", tourney.Split{Kind: tourney.SplitLast, Test: 0.3}, 0, func(id int) bool { return id >= 35 }, tourney.SplitLast},
		{"last rows", tourney.Split{Kind: tourney.SplitLast, Rows: 7}, 0, func(id int) bool { return id >= 43 }, tourney.SplitLast},
		{"column", tourney.Split{Kind: tourney.SplitColumn, Column: "part"}, 0, func(id int) bool { return id%4 == 1 }, tourney.SplitColumn},
		{"a test file", tourney.Split{}, 41, func(id int) bool { return id >= 41 }, tourney.SplitFile},
	} {
		t.Run(tt.name, func(t *testing.T) {
			src := rows()
			src.hints.TestFrom = tt.from
			ds, m := mustAdd(t, tourney.DatasetRequest{Target: "y", Split: tt.split}, src, ingest.Options{})
			train, test := halves(t, ds, m)
			for _, id := range train {
				if tt.test(id) {
					t.Errorf("row %d is to be trained on", id)
				}
			}
			if len(test) == 0 || ds.Split.Kind != tt.kind {
				t.Errorf("%d test rows by %s", len(test), ds.Split.Kind)
			}
			dropped := !slices.ContainsFunc(ds.Columns, func(c tourney.Column) bool { return c.Name == "part" })
			if dropped != (tt.kind == tourney.SplitColumn) {
				t.Errorf("the column part is dropped: %v", dropped)
			}
		})
	}
}

// The statistics are of the rows to train on alone, in every split.
func TestStatisticsLeaveTestRowsOut(t *testing.T) {
	for _, split := range []tourney.Split{{Kind: tourney.SplitLast, Test: 0.2}, {Kind: tourney.SplitTime, Test: 0.2}} {
		src := numbered(100, []string{"y", "x"}, func(i int) []string { return []string{fmt.Sprint(i%2) + ".5", fmt.Sprint(i)} })
		ds, _ := mustAdd(t, tourney.DatasetRequest{Target: "y", Time: "id", Split: split}, src, ingest.Options{})
		x := column(t, ds, "x")
		// 0 to 79: mean 39.5, variance (80²-1)/12·80/79 = 540, quartiles at
		// 19.75, 39.5 and 59.25.
		if *x.Min != 0 || *x.Max != 79 || *x.Mean != 39.5 || math.Abs(*x.SD-math.Sqrt(540)) > 1e-9 || !slices.Equal(x.Quartiles, []float64{19.75, 39.5, 59.25}) {
			t.Errorf("%v %v %v %v %v", *x.Min, *x.Max, *x.Mean, *x.SD, x.Quartiles)
		}
		sum := 0
		for _, b := range x.Histogram {
			sum += b.Count
		}
		if sum != 80 || x.Distinct != 80 || x.Histogram[0].Low != 0 || x.Histogram[len(x.Histogram)-1].High != 79 {
			t.Errorf("%d values in bins, %d distinct: %v", sum, x.Distinct, x.Histogram)
		}
	}
}
