package ingest_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset/ingest"
	"tourney/dataset/table"
)

// Each warning where it belongs, and nowhere else.
func TestWarnings(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	src := numbered(1000, []string{"y", "noise", "log", "twice", "part1", "part2", "same", "none", "gappy", "name", "account", "unlike"}, func(int) []string {
		a, b := rng.Float64()*10, rng.Float64()*10
		y := float64(int((a+b)*1e4)) / 1e4
		a = y - b
		gappy := ""
		if rng.IntN(10) < 3 {
			gappy = "1"
			if rng.IntN(2) == 0 {
				gappy = "2"
			}
		}
		return []string{
			fmt.Sprintf("%.4f", y), fmt.Sprint(rng.NormFloat64() + y/10), fmt.Sprint(math.Exp(y)), fmt.Sprint(2 * y), fmt.Sprint(a), fmt.Sprint(b), "k", "", gappy,
			fmt.Sprintf("n%x", rng.Uint64()), fmt.Sprint(rng.IntN(1 << 40)), fmt.Sprint(rng.IntN(1 << 10)),
		}
	})
	src.rows[17] = src.rows[400]
	src.hints.SkippedRows = 2
	src.hints.Skipped = []table.Skipped{{File: "a.csv", Line: 9, Reason: "too long"}, {File: "a.csv", Line: 12, Reason: "too short"}}
	ds, _ := mustAdd(t, tourney.DatasetRequest{Target: "y"}, src, ingest.Options{})
	got := map[string]string{}
	for _, w := range ds.Warnings {
		got[w.Column+" "+w.Code] += w.Message
	}
	want := map[string]string{
		" skipped_rows": "2 rows could not be read and left out: a.csv:9: too long; a.csv:12: too short",
		" duplicates":   "1 row (0.1 %) repeat", "same constant": "the same value", "none constant": "no row", "gappy high_missing": "% of the values",
		"log leak": "correlation 1.0000", "twice leak": "correlation 1.0000", "part1 leak": `with "part2", as their sum`, "part2 leak": `with "part1", as their sum`,
	}
	for key, text := range want {
		if !strings.Contains(got[key], text) {
			t.Errorf("%s: %q, want %q", key, got[key], text)
		}
	}
	for key := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("warned of %s: %s", key, got[key])
		}
	}
}

func TestIDs(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	src := numbered(1000, []string{"y", "name", "random", "amount"}, func(i int) []string {
		return []string{fmt.Sprint(i % 2), fmt.Sprintf("n%x", rng.Uint64()), fmt.Sprint(rng.IntN(1 << 40)), fmt.Sprintf("%.3f", rng.Float64())}
	})
	ds, _ := mustAdd(t, tourney.DatasetRequest{Target: "y"}, src, ingest.Options{})
	for name, want := range map[string]bool{"id": true, "name": true, "random": false, "amount": false, "y": false} {
		if got := warned(ds, name, "id") != ""; got != want {
			t.Errorf("%s names the row: %v", name, got)
		}
	}
}

// What tells the class: a column that is the class in other words, a number
// with a threshold, a gap where the class is.
func TestClassLeaks(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	src := numbered(600, []string{"y", "code", "score", "gap", "half", "noise", "fine"}, func(int) []string {
		y := rng.IntN(2)
		gap, half := "", "0"
		if y == 1 {
			gap = fmt.Sprint(rng.IntN(3))
		}
		if y == 1 || rng.IntN(2) == 0 {
			half = "1"
		}
		return []string{[]string{"no", "yes"}[y], []string{"N", "Y1", "Y2"}[y*(1+rng.IntN(2))], fmt.Sprint(rng.Float64() + float64(y)), gap, half, fmt.Sprint(rng.NormFloat64() + float64(y)), fmt.Sprintf("f%d", rng.IntN(60))}
	})
	ds, _ := mustAdd(t, tourney.DatasetRequest{Target: "y"}, src, ingest.Options{})
	for name, want := range map[string]bool{"code": true, "score": true, "gap": true, "half": false, "noise": false, "fine": false, "id": false} {
		if got := warned(ds, name, "leak") != ""; got != want {
			t.Errorf("%s leaks: %v (%v)", name, got, ds.Warnings)
		}
	}
}

func TestClassBalance(t *testing.T) {
	src := numbered(2000, []string{"y"}, func(i int) []string {
		return []string{map[bool]string{true: "rare", false: "common"}[i < 9]}
	})
	for i := range 15 {
		src.rows[100+i][1] = "scarce"
	}
	ds, _ := mustAdd(t, tourney.DatasetRequest{Target: "y"}, src, ingest.Options{})
	if got := warned(ds, "y", "rare_class"); !strings.Contains(got, `1 class has fewer than 10 rows, too few to learn or to measure: "rare" (9 rows)`) {
		t.Errorf("warned of %q", got)
	}
	if got := warned(ds, "y", "imbalanced"); !strings.Contains(got, "the smallest class has 15 rows, 0.8 % of all") {
		t.Errorf("warned of %q", got)
	}
}

func TestCapped(t *testing.T) {
	for _, tt := range []struct {
		name  string
		low   float64
		high  float64
		warns string
	}{
		{"at the top", -9, 1.5, "greatest value, 1.5,"},
		{"at the bottom", -1.25, 9, "least value, -1.25,"},
		{"nowhere", -9, 9, ""},
	} {
		rng := rand.New(rand.NewPCG(6, 6))
		src := numbered(2000, []string{"y"}, func(int) []string {
			return []string{fmt.Sprintf("%.3f", max(tt.low, min(tt.high, rng.NormFloat64())))}
		})
		ds, _ := mustAdd(t, tourney.DatasetRequest{Target: "y"}, src, ingest.Options{})
		if got := warned(ds, "y", "capped"); !strings.Contains(got, tt.warns) || tt.warns == "" && got != "" {
			t.Errorf("%s: %q", tt.name, got)
		}
	}
}

// Of more rows than the sample has, quartiles are those of the rows within
// 1.5 % of rank, which is five standard deviations; counts stay exact.
func TestStatisticsOfManyRows(t *testing.T) {
	const rows = 80_000
	src := numbered(rows, []string{"y", "few"}, func(i int) []string { return []string{fmt.Sprint(i%7) + ".5", fmt.Sprintf("v%d", i%5)} })
	ds, m := mustAdd(t, tourney.DatasetRequest{Target: "y"}, src, ingest.Options{Memory: 1 << 20})
	train, _ := halves(t, ds, m)
	id, few := column(t, ds, "id"), column(t, ds, "few")
	sum := 0.0
	for _, v := range train {
		sum += float64(v)
	}
	if math.Abs(*id.Mean-sum/float64(len(train))) > 1e-6 {
		t.Errorf("mean %v, want %v", *id.Mean, sum/float64(len(train)))
	}
	for i, q := range id.Quartiles {
		if math.Abs(q/rows-float64(i+1)/4) > 0.015 {
			t.Errorf("quartile %d is %v", i+1, q)
		}
	}
	if off := math.Abs(float64(id.Distinct)/float64(len(train)) - 1); off > 5/math.Sqrt(4096) {
		t.Errorf("%d distinct of %d", id.Distinct, len(train))
	}
	total := 0
	for _, v := range few.Top {
		total += v.Count
	}
	if total != len(train) || len(few.Top) != 5 {
		t.Errorf("%v of %d rows", few.Top, len(train))
	}
}

// Values near the end of float64 have moments that JSON cannot hold; they are
// left out, and nothing else breaks.
func TestHugeValues(t *testing.T) {
	src := numbered(40, []string{"y", "x"}, func(i int) []string {
		return []string{fmt.Sprint(i % 2), []string{"1.7e308", "-1.7e308", "5e-324"}[i%3]}
	})
	ds, _ := mustAdd(t, tourney.DatasetRequest{Target: "y"}, src, ingest.Options{})
	x := column(t, ds, "x")
	n := 0
	for _, b := range x.Histogram {
		n += b.Count
	}
	if *x.Min != -1.7e308 || *x.Max != 1.7e308 || x.SD != nil || n != 32 {
		t.Errorf("%v", x)
	}
}
