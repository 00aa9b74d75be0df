package storetest

import (
	"cmp"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"tourney"
)

// randomTrials draws trials with ties, without values, and in all states.
func randomTrials(rng *rand.Rand, sweep string, n int) []tourney.Trial {
	values := []float64{-2, -1e-300, 0, 1e-300, 0.1, 0.30000000000000004, 0.3, 7, 1e308}
	trials := make([]tourney.Trial, n)
	for i := range trials {
		t := queuedTrial(sweep, i)
		t.State = tourney.TrialStates()[rng.IntN(8)]
		t.Rung = rng.IntN(4) - 1
		if rng.IntN(3) > 0 {
			t.Value = &values[rng.IntN(len(values))]
		}
		if rng.IntN(4) == 0 {
			t.Violation = rng.Float64()
		}
		trials[i] = t
	}
	rng.Shuffle(n, func(i, j int) { trials[i], trials[j] = trials[j], trials[i] })
	return trials
}

func numbers(trials []tourney.Trial) []int {
	list := make([]int, len(trials))
	for i := range trials {
		list[i] = trials[i].Number
	}
	return list
}

// pages reads a list to its end.
func pages[T any](t *testing.T, size int, read func(tourney.Page) ([]T, string, error)) []T {
	t.Helper()
	var all []T
	for cursor := ""; ; {
		rows, next, err := read(tourney.Page{Limit: size, Cursor: cursor})
		must(t, err)
		if len(rows) > size || next != "" && len(rows) < size {
			t.Fatalf("a page of %d has %d rows, and the next begins at %q", size, len(rows), next)
		}
		all = append(all, rows...)
		if next == "" {
			return all
		}
		cursor = next
	}
}

func testBoard(t *testing.T, open Opener) {
	s := start(t, open)
	for seed := range uint64(12) {
		rng := random(seed)
		goal := []tourney.Goal{tourney.Minimize, tourney.Maximize}[seed%2]
		sweep := fmt.Sprint("s", seed)
		create(t, s, sweep, goal)
		trials := randomTrials(rng, sweep, rng.IntN(60))
		must(t, s.Commit(t.Context(), &tourney.Change{Sweep: sweep, Trials: trials}))

		metric := tourney.Metric{Goal: goal}
		slices.SortFunc(trials, func(a, b tourney.Trial) int { return metric.CompareTrials(&a, &b) })
		want := numbers(trials)
		for size := 1; size <= 7; size++ {
			got := numbers(pages(t, size, func(p tourney.Page) ([]tourney.Trial, string, error) {
				return s.Leaderboard(t.Context(), sweep, p)
			}))
			if !slices.Equal(got, want) {
				t.Fatalf("seed %d, %s, pages of %d: board is %v, want %v", seed, goal, size, got, want)
			}
		}
		got, err := s.Sweep(t.Context(), sweep)
		must(t, err)
		i := slices.IndexFunc(trials, func(t tourney.Trial) bool { return t.Value != nil })
		if (i < 0) != (got.Best == nil) || i >= 0 && got.Best.Number != want[i] {
			t.Errorf("seed %d: best is %+v, want place %d of %v", seed, got.Best, i, want)
		}
	}
}

// testLists pages through sweeps, trials and datasets while rows are added
// behind the reader, which must neither repeat nor lose what was there.
func testLists(t *testing.T, open Opener) {
	s := start(t, open)
	const n = 11
	at := time.UnixMicro(1_700_000_000_000_000)
	var sweeps []tourney.Sweep
	var trials []tourney.Trial
	for i := range n {
		c := creation(t, fmt.Sprintf("s%02d", (i*7)%n), tourney.Minimize)
		c.Create.Created = at.Add(time.Duration(i/2) * time.Second) // with ties
		must(t, s.Commit(t.Context(), c))
		sweeps = append(sweeps, *c.Create)
		trials = append(trials, queuedTrial("s00", i))
		for version := range 2 {
			must(t, s.SaveDataset(t.Context(), dataset(fmt.Sprintf("d%02d", (i*7)%n), 2*i+version)))
		}
	}
	must(t, s.Commit(t.Context(), &tourney.Change{Sweep: "s00", Trials: trials}))
	slices.SortFunc(sweeps, func(a, b tourney.Sweep) int {
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(b.ID, a.ID))
	})
	for size := 1; size <= 7; size++ {
		added := size * 1000
		got := pages(t, size, func(p tourney.Page) ([]tourney.Sweep, string, error) {
			if p.Cursor != "" { // newer ones come before the first page
				added++
				create(t, s, fmt.Sprint("n", added), tourney.Minimize)
			}
			return s.Sweeps(t.Context(), p)
		})
		var ids, want []string
		for _, sw := range got {
			if sw.ID[0] == 's' {
				ids = append(ids, sw.ID)
			}
		}
		for _, sw := range sweeps {
			want = append(want, sw.ID)
		}
		if !slices.Equal(ids, want) {
			t.Errorf("pages of %d: sweeps are %v, want %v", size, ids, want)
		}
		trials := numbers(pages(t, size, func(p tourney.Page) ([]tourney.Trial, string, error) { return s.Trials(t.Context(), "s00", p) }))
		names := pages(t, size, func(p tourney.Page) ([]tourney.Dataset, string, error) { return s.Datasets(t.Context(), p) })
		for i := range n {
			if len(trials) != n || trials[i] != i {
				t.Fatalf("pages of %d: trials are %v", size, trials)
			}
			if len(names) != n || names[i].Name != fmt.Sprintf("d%02d", i) {
				t.Fatalf("pages of %d: datasets are %+v", size, names)
			}
		}
	}
	open2, err := s.OpenSweeps(t.Context())
	must(t, err)
	if !slices.IsSortedFunc(open2, func(a, b tourney.Sweep) int { return a.Created.Compare(b.Created) }) || len(open2) < n {
		t.Errorf("%d open sweeps are not oldest first", len(open2))
	}
}

func testBadCursors(t *testing.T, open Opener) {
	s := start(t, open)
	create(t, s, "s", tourney.Minimize)
	must(t, s.Commit(t.Context(), &tourney.Change{Sweep: "s", Trials: randomTrials(random(1), "s", 9)}))
	_, ofTrials, err := s.Trials(t.Context(), "s", tourney.Page{Limit: 2})
	must(t, err)
	for _, cursor := range []string{ofTrials, "?", "1", "AAAA", base64.RawURLEncoding.EncodeToString([]byte(`{"l":"board","k":"x"}`))} {
		_, _, err := s.Leaderboard(t.Context(), "s", tourney.Page{Cursor: cursor})
		inv := tourney.AsInvalid(err)
		if inv == nil || inv.Fields[0].Path != "cursor" {
			t.Errorf("cursor %q gave %v", cursor, err)
		}
	}
}

func testNotFound(t *testing.T, open Opener) {
	s := start(t, open)
	create(t, s, "s", tourney.Minimize)
	ctx := t.Context()
	errs := map[string]error{}
	note := func(what string, err error) { errs[what] = err }
	_, err := s.Sweep(ctx, "x")
	note("Sweep", err)
	_, _, err = s.Leaderboard(ctx, "x", tourney.Page{})
	note("Leaderboard", err)
	_, _, err = s.Trials(ctx, "x", tourney.Page{})
	note("Trials", err)
	_, err = s.Trial(ctx, "x", 0)
	note("Trial", err)
	_, err = s.Trial(ctx, "s", 0)
	note("Trial of a sweep", err)
	_, err = s.Points(ctx, "s", 0)
	note("Points", err)
	_, err = s.History(ctx, "x", 10)
	note("History", err)
	_, err = s.EventsAfter(ctx, "x", 0, 10)
	note("EventsAfter", err)
	_, err = s.Dataset(ctx, "x")
	note("Dataset", err)
	_, err = s.DatasetBySource(ctx, "x")
	note("DatasetBySource", err)
	for what, err := range errs {
		if !errors.Is(err, tourney.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for what, list := range map[string]func() (any, error){
		"Leaderboard": func() (any, error) { l, _, err := s.Leaderboard(ctx, "s", tourney.Page{}); return l, err },
		"Trials":      func() (any, error) { l, _, err := s.Trials(ctx, "s", tourney.Page{}); return l, err },
		"History":     func() (any, error) { return s.History(ctx, "s", 10) },
		"OpenJobs":    func() (any, error) { return s.OpenJobs(ctx, "s") },
	} {
		if l, err := list(); err != nil || reflect.ValueOf(l).Len() != 0 {
			t.Errorf("%s of an empty sweep: %v, %v", what, l, err)
		}
	}
}
