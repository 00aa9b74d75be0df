package dataset_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/dataset/table"
)

// A sparse column is binned as the numbers would be that it stands for.
func TestSparseColumnsAreBinnedAsTheirNumbersAre(t *testing.T) {
	const rows, width = 3000, 6
	rng := rand.New(rand.NewPCG(1, 1))
	dense := make([]table.Series, width)
	var entries [][][2]float64
	for k := range dense {
		dense[k] = number(fmt.Sprint("s#", k), make([]float64, rows)...)
	}
	for i := range rows {
		var row [][2]float64
		for k := range width {
			var v float64
			switch {
			case k == 0: // never there
				continue
			case k == 1: // always there, many values
				v = float64(float32(rng.NormFloat64()))
			case k == 2 && rng.IntN(10) == 0: // few values, among them explicit zeros
				v = float64(rng.IntN(5) - 2)
			case k == 3 && rng.IntN(2) == 0: // many values, half of them zeros
				v = float64(float32(rng.ExpFloat64()))
			case k == 4 && rng.IntN(3) == 0: // below zero
				v = -float64(float32(rng.ExpFloat64()))
			case k == width-1 && i == 5:
				v = 1
			default:
				continue
			}
			dense[k].Numbers[i] = v
			row = append(row, [2]float64{float64(k), v})
		}
		entries = append(entries, row)
	}
	x := series("x", rows, func(i int) float64 { return float64(i) })
	y := series("y", rows, func(i int) float64 { return float64(i % 7) })
	one := fitTask(t, tourney.Dataset{}, frame(x, sparse("s", entries...), category("c", make([]string, rows)...), y), 2500, tourney.Preprocess{}, dataset.Binned)
	many := fitTask(t, tourney.Dataset{}, frame(slices.Concat([]table.Series{x}, dense, []table.Series{category("c", make([]string, rows)...), y})...), 2500, tourney.Preprocess{}, dataset.Binned)
	got, want := one.Folds[0].Bins, many.Folds[0].Bins
	if len(got.Features) != width+2 || !slices.Equal(got.Names(), want.Names()) {
		t.Fatalf("features %v, want %v", got.Names(), want.Names())
	}
	for k := range got.Features {
		if !slices.Equal(got.Features[k].Edges, want.Features[k].Edges) {
			t.Errorf("%s: edges %v, want %v", want.Features[k].Name, got.Features[k].Edges, want.Features[k].Edges)
		}
	}
	if !slices.Equal(one.Folds[0].Train.Bins, many.Folds[0].Train.Bins) {
		t.Error("the bins are others")
	}
	// A later table may have entries that training did not.
	f := frame(number("x", 1), sparse("s", [][2]float64{{2, 1}, {width + 40, 3}}), category("c", ""))
	bins, err := got.Apply(f)
	if err != nil {
		t.Fatal(err)
	}
	// s#2 has the values -2 to 2, a bin each, so that 1 is in the fourth; s#1
	// and s#3 are 0, where no entry is.
	again, err := want.Apply(frame(number("x", 1), number("s#0", 0), number("s#1", 0), number("s#2", 1), number("s#3", 0), number("s#4", 0), number("s#5", 0), category("c", "")))
	if err != nil || bins[3] != 4 || !slices.Equal(bins, again) {
		t.Errorf("bins %v, want %v, the fourth of which is 4; %v", bins, again, err)
	}
	if _, err := got.Apply(frame(number("x", 1), number("s", 1), category("c", ""))); err == nil || !strings.Contains(err.Error(), "sparse") {
		t.Errorf("a number where entries were: %v", err)
	}
}

func TestSparseColumnsTooWideForBinsAreRefused(t *testing.T) {
	m := newMemory()
	ds := m.put(t, tourney.Dataset{}, frame(sparse("s", [][2]float64{{1 << 31, 1}}, nil, nil, nil), number("y", 1, 2, 3, 4)), 1)
	_, err := m.cache(t, t.TempDir(), roomy).Load(t.Context(), dataset.Request{Version: ds.Version, Kind: tourney.JobFinal, Form: dataset.Binned}, finalToken)
	if !errors.Is(err, tourney.ErrInvalid) || !strings.Contains(err.Error(), "hash the features into fewer") {
		t.Errorf("%v", err)
	}
}

// levels makes a category column of n rows with that many levels.
func levels(name string, n, levels int) table.Series {
	values := make([]string, n)
	for i := range values {
		values[i] = fmt.Sprintf("v%03d", i%levels)
	}
	return category(name, values...)
}

func TestAutoChoosesTheForm(t *testing.T) {
	const rows = 400
	numbers := func(n int) (out []table.Series) {
		for k := range n {
			out = append(out, series(fmt.Sprint("n", k), rows, func(i int) float64 { return float64(i % (k + 2)) }))
		}
		return out
	}
	entries := func(width, each int) table.Series {
		out := make([][][2]float64, rows)
		for i := range out {
			for k := range each {
				out[i] = append(out[i], [2]float64{float64(k * (width / each)), 1})
			}
		}
		out[0] = append(out[0], [2]float64{float64(width - 1), 1})
		out[1] = out[1][1:]
		return sparse("s", out...)
	}
	for _, c := range []struct {
		name    string
		columns []table.Series
		p       tourney.Preprocess
		want    dataset.Form
	}{
		{"numbers are never sparse", numbers(100), tourney.Preprocess{}, dataset.Dense},
		{"63 levels are narrow", []table.Series{levels("c", rows, 63)}, tourney.Preprocess{}, dataset.Dense},
		{"64 levels are wide", []table.Series{levels("c", rows, 64)}, tourney.Preprocess{}, dataset.CSR},
		// 100 levels and 13 numbers: 14 of 113 values, below 14.1.
		{"100 levels, 13 numbers", append(numbers(13), levels("c", rows, 100)), tourney.Preprocess{Levels: 100}, dataset.CSR},
		{"100 levels, 14 numbers", append(numbers(14), levels("c", rows, 100)), tourney.Preprocess{Levels: 100}, dataset.Dense},
		{"ordinals", []table.Series{levels("c", rows, 100)}, tourney.Preprocess{Encode: "ordinal"}, dataset.Dense},
		{"means", []table.Series{levels("c", rows, 100)}, tourney.Preprocess{Encode: "target"}, dataset.Dense},
		{"few buckets", []table.Series{levels("c", rows, 100)}, tourney.Preprocess{Encode: "hash", Buckets: 32}, dataset.Dense},
		{"many buckets", []table.Series{levels("c", rows, 100)}, tourney.Preprocess{Encode: "hash", Buckets: 64}, dataset.CSR},
		{"levels are bounded", []table.Series{levels("c", rows, 100)}, tourney.Preprocess{Levels: 50}, dataset.Dense},
		// 8 numbers and 63 levels: 9 of 71 values, above 8.9; of 79, below 9.9.
		{"without indicators", append(numbers(8), levels("c", rows, 63)), tourney.Preprocess{Indicator: "never"}, dataset.Dense},
		{"indicators are rare", append(numbers(8), levels("c", rows, 63)), tourney.Preprocess{Indicator: "always"}, dataset.CSR},
		{"8 of 64 entries", []table.Series{entries(64, 8)}, tourney.Preprocess{}, dataset.CSR},
		{"9 of 64 entries", []table.Series{entries(64, 9)}, tourney.Preprocess{}, dataset.Dense},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := newMemory()
			f := frame(append(c.columns, series("y", rows, func(i int) float64 { return float64(i) }))...)
			ds := m.put(t, tourney.Dataset{}, f, 40)
			cache := m.cache(t, t.TempDir(), roomy)
			req := dataset.Request{Version: ds.Version, Preprocess: c.p, Kind: tourney.JobRung, Form: dataset.Auto, Validation: tourney.Validation{Kind: tourney.KFold, Folds: 3}}
			d := load(t, cache, req)
			req.Form = c.want
			asked := load(t, cache, req)
			final := load(t, cache, dataset.Request{Version: ds.Version, Preprocess: c.p, Kind: tourney.JobFinal, Form: dataset.Auto})
			if d.Form != c.want || final.Form != c.want || asked.Form != c.want {
				t.Fatalf("form %s, of the final job %s; want %s", d.Form, final.Form, c.want)
			}
			for i, fold := range d.Folds {
				if (fold.Train.X != nil) != (c.want == dataset.Dense) || (fold.Valid.RowPtr != nil) != (c.want == dataset.CSR) {
					t.Errorf("fold %d is of another form", i)
				}
				if !reflect.DeepEqual(fold.Train.X, asked.Folds[i].Train.X) || !reflect.DeepEqual(fold.Train.Col, asked.Folds[i].Train.Col) {
					t.Errorf("fold %d is not what %s gives", i, c.want)
				}
			}
		})
	}
}

// What a model is asked with is chosen by its pipeline alone.
func TestPipelinesChooseTheForm(t *testing.T) {
	const rows = 400
	for _, c := range []struct {
		column table.Series
		want   dataset.Form
	}{
		{levels("c", rows, 63), dataset.Dense},
		{levels("c", rows, 64), dataset.CSR},
		{series("n", rows, func(i int) float64 { return float64(i) }), dataset.Dense},
	} {
		d := fitTask(t, tourney.Dataset{}, frame(c.column, series("y", rows, func(i int) float64 { return float64(i) })), rows-10, tourney.Preprocess{}, dataset.Auto)
		if got := d.Folds[0].Prep.Form(); got != c.want || got != d.Form {
			t.Errorf("%s: %s and, of the data, %s; want %s", c.column.Name, got, d.Form, c.want)
		}
	}
}
