package ingest_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset/ingest"
	"tourney/dataset/read"
	"tourney/dataset/table"
)

// typed collects the rows of a table as texts, a row as its values in the
// order of wants.
func typed(t *testing.T, src table.Source, wants []table.Want) ([]string, error) {
	t.Helper()
	var rows []string
	err := ingest.Typed(t.Context(), src, "new.csv", wants, func(f *table.Frame) error {
		for i := range f.Rows {
			rows = append(rows, describe(f, i))
		}
		return nil
	})
	return rows, err
}

func describe(f *table.Frame, row int) string {
	var values []string
	for i := range f.Series {
		s := &f.Series[i]
		switch {
		case s.Kind == tourney.Sparse:
			text := "{"
			for e := s.Starts[row]; e < s.Starts[row+1]; e++ {
				text += fmt.Sprintf(" %d:%v", s.Index[e], s.Values[e])
			}
			values = append(values, text+" }")
		case s.Missing(row):
			values = append(values, "-")
		case s.Kind == tourney.Category:
			values = append(values, s.Levels[s.Codes[row]])
		case s.Kind == tourney.Text:
			values = append(values, fmt.Sprintf("%x", s.Hashes[row]))
		default:
			values = append(values, fmt.Sprint(s.Numbers[row]))
		}
	}
	return strings.Join(values, " ")
}

func TestTypedByHand(t *testing.T) {
	src := newTexts(t, "extra,d,n,b,c,t\nx,31/01/1970,007,Yes,red,a b\n,02/01/1970, -0 ,0,blue,\ny,,NA,?,NA,x\nz,1/1/1970 00:01,1e3,TRUE,,x\n")
	src.batch = 2
	hash := func(s string) string { return fmt.Sprintf("%x", table.Hash([]byte(s))) }
	got, err := typed(t, src, []table.Want{
		{Name: "n", Kind: tourney.Number},
		{Name: "b", Kind: tourney.Boolean},
		{Name: "c", Kind: tourney.Category, Levels: []string{"NA", "red"}},
		{Name: "d", Kind: tourney.Date},
		{Name: "t", Kind: tourney.Text},
	})
	want := []string{
		"7 1 red 2.592e+06 " + hash("a b"),
		"0 0 blue 86400 -",
		"- - NA - " + hash("x"), // NA is one of the levels
		"1000 1 - 60 " + hash("x"),
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%v\n%s\nwant\n%s", err, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	numbers := newTexts(t, "n,b,c\n1.5,1,3\n,0,2.5\n")
	numbers.types = map[string]table.Type{"n": table.Number, "b": table.Number, "c": table.Number}
	got, err = typed(t, numbers, []table.Want{{Name: "c", Kind: tourney.Category}, {Name: "b", Kind: tourney.Boolean}, {Name: "n", Kind: tourney.Number}})
	if err != nil || !slices.Equal(got, []string{"3 1 1.5", "2.5 0 -"}) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTypedSaysWhatIsWrong(t *testing.T) {
	src := newTexts(t, "n,b,d,c\n1,yes,2020-01-01,x\n2,no,2020-02-30,y\nseven,perhaps,,\n12345678901234567,,01/02/2020,\n")
	typedSrc := newTexts(t, "n\n1\n2\n")
	typedSrc.types = map[string]table.Type{"n": table.Number}
	skipped := newTexts(t, "n\n1\n2\n")
	skipped.hints = table.Hints{SkippedRows: 1, Skipped: []table.Skipped{{File: "old.csv", Line: 9, Reason: "3 fields, not 2"}}}
	ambiguous := newTexts(t, "d\n01/02/2020\n03/04/2020\n")
	for _, c := range []struct {
		src  table.Source
		want table.Want
		text []string
	}{
		{src, table.Want{Name: "n", Kind: tourney.Number}, []string{"new.csv", ":4: ", "column n", `"seven" is no number`}},
		{newTexts(t, "n\n12345678901234567\n"), table.Want{Name: "n", Kind: tourney.Number}, []string{":2: ", "more than 15 digits"}},
		{src, table.Want{Name: "b", Kind: tourney.Boolean}, []string{":4: ", "column b", `"perhaps" is no boolean`}},
		{src, table.Want{Name: "d", Kind: tourney.Date}, []string{":3: ", "column d", `"2020-02-30" is no date`}},
		{ambiguous, table.Want{Name: "d", Kind: tourney.Date}, []string{"column d", "the day from the month", "2006-01-31"}},
		{src, table.Want{Name: "N", Kind: tourney.Number}, []string{"column N", "missing from the table", "n, b, d, c"}},
		{src, table.Want{Name: "c", Kind: tourney.Sparse}, []string{"column c", "was of kind sparse in training"}},
		{typedSrc, table.Want{Name: "n", Kind: tourney.Boolean}, []string{":3: ", "2 is no boolean"}},
		{skipped, table.Want{Name: "n", Kind: tourney.Number}, []string{"old.csv:9: ", "3 fields, not 2", "each row needs an answer"}},
	} {
		_, err := typed(t, c.src, []table.Want{c.want})
		if !errors.Is(err, tourney.ErrInvalid) {
			t.Errorf("%+v: %v", c.want, err)
			continue
		}
		for _, text := range c.text {
			if !strings.Contains(err.Error(), text) {
				t.Errorf("%+v: %q does not say %q", c.want, err, text)
			}
		}
	}
}

// What ingestion has made of a table is what is read when the kinds are known,
// whatever the format.
func TestTypedReadsWhatIngestionKept(t *testing.T) {
	for _, name := range []string{"telco_churn.csv", "bike_hour.csv", "a9a.t.libsvm", "adult_48842.csv.gz"} {
		t.Run(name, func(t *testing.T) {
			file := data(t, name)
			req := tourney.DatasetRequest{}
			switch {
			case strings.HasPrefix(name, "telco"):
				req.Target = "Churn"
			case strings.HasPrefix(name, "bike"):
				req.Target = "cnt"
			case strings.HasPrefix(name, "adult"):
				req.Target = "income"
			}
			ds, m := addFiles(t, req, file)
			var wants []table.Want
			for _, c := range ds.Columns {
				wants = append(wants, table.Want{Name: c.Name, Kind: c.Kind, Levels: c.Categories, Width: c.Width})
			}
			var want []string
			for _, use := range uses {
				f := m.rows(t, ds, use)
				for i := range f.Rows {
					want = append(want, describe(f, i))
				}
			}
			src, err := read.Open(context.Background(), []read.File{{Name: file.Name, Path: file.Path}}, read.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer src.Close()
			got, err := typed(t, src, wants)
			if err != nil {
				t.Fatal(err)
			}
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("%d rows, want %d; %s", len(got), len(want), difference(got, want))
			}
		})
	}
}

func difference(got, want []string) string {
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			return fmt.Sprintf("row %d in order:\n%s\n%s", i, got[i], want[i])
		}
	}
	return ""
}

func TestTypedStopsWhereItIsTold(t *testing.T) {
	src := newTexts(t, "n\n1\n2\n3\n")
	src.batch = 1
	rows := 0
	err := ingest.Typed(t.Context(), src, "", []table.Want{{Name: "n", Kind: tourney.Number}}, func(f *table.Frame) error {
		rows += f.Rows
		return os.ErrClosed
	})
	if !errors.Is(err, os.ErrClosed) || rows != 1 {
		t.Errorf("%v after %d rows", err, rows)
	}
	if src.scans != 1 {
		t.Errorf("%d scans where there are no dates", src.scans)
	}
}
