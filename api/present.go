package api

import (
	"cmp"
	"time"

	"tourney"
)

// What the contract promises and Go's zero values do not give: times in UTC,
// and empty lists and objects instead of null.

func presentSweep(s tourney.Sweep) tourney.Sweep {
	s.Created = s.Created.UTC()
	s.Started, s.Ended = utc(s.Started), utc(s.Ended)
	if s.Counts == nil {
		s.Counts = map[tourney.TrialState]int{}
	}
	if s.Best != nil {
		best := presentTrial(*s.Best)
		s.Best = &best
	}
	return s
}

func presentTrial(t tourney.Trial) tourney.Trial {
	t.Created, t.Ended = t.Created.UTC(), utc(t.Ended)
	if t.Params == nil {
		t.Params = tourney.Params{}
	}
	if t.Metrics == nil {
		t.Metrics = tourney.Metrics{}
	}
	return t
}

func presentPoint(p tourney.Point) tourney.Point {
	if p.Metrics == nil {
		p.Metrics = tourney.Metrics{}
	}
	return p
}

func presentDataset(d tourney.Dataset) tourney.Dataset {
	d.CreatedAt = d.CreatedAt.UTC()
	d.Columns, d.Shards, d.Test = list(d.Columns), list(d.Shards), list(d.Test)
	return d
}

func presentWorker(w tourney.Worker) tourney.Worker {
	w.Enrolled, w.LastSeen, w.Left = w.Enrolled.UTC(), w.LastSeen.UTC(), utc(w.Left)
	w.Datasets, w.State = list(w.Datasets), cmp.Or(w.State, tourney.WorkerActive)
	return w
}

// each presents the items of a list.
func each[T any](items []T, present func(T) T) []T {
	out := make([]T, len(items))
	for i, item := range items {
		out[i] = present(item)
	}
	return out
}

func list[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	u := t.UTC()
	return &u
}
