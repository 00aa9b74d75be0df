package coordinator

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"tourney"
	"tourney/search"
)

// Archive is a data directory that nobody writes to.
type Archive interface {
	Log
	// Check returns what is wrong with the rows by themselves, a line each.
	Check(ctx context.Context) ([]string, error)
	// Sweeps lists all sweeps.
	Sweeps(ctx context.Context, page tourney.Page) (sweeps []tourney.Sweep, next string, err error)
	// Trials lists the trials of a sweep by number.
	Trials(ctx context.Context, sweep string, page tourney.Page) (trials []tourney.Trial, next string, err error)
	// OpenJobs and Dataset are as in Store.
	OpenJobs(ctx context.Context, sweep string) ([]tourney.JobRow, error)
	Dataset(ctx context.Context, ref string) (tourney.Dataset, error)
}

// Log holds the events of sweeps.
type Log interface {
	// Events is as in Store.
	Events(ctx context.Context, sweep string, after int64, limit int) ([]tourney.Event, error)
}

// BlobChecker hashes a stored blob again.
type BlobChecker interface {
	Verify(ctx context.Context, hash string) error
}

// Verified is what a verification looked at and what it found.
type Verified struct {
	Sweeps, Trials, Events, Blobs int
	Problems                      []string
}

// Verify checks the invariants of a data directory: the rows among themselves,
// that the log of each sweep is what its search decides, that the rows are
// what the log says, and that every blob that is referred to is whole.
func Verify(ctx context.Context, a Archive, blobs BlobChecker) (Verified, error) {
	v := &verifier{a: a, blobs: blobs, seen: map[string]bool{}}
	problems, err := a.Check(ctx)
	if err != nil {
		return v.Verified, fmt.Errorf("verify rows: %w", err)
	}
	v.Problems = problems
	for sweep, err := range allSweeps(ctx, a) {
		if err != nil {
			return v.Verified, fmt.Errorf("verify: list sweeps: %w", err)
		}
		if err := v.sweep(ctx, &sweep); err != nil {
			return v.Verified, fmt.Errorf("verify sweep %s: %w", sweep.ID, err)
		}
	}
	return v.Verified, nil
}

type verifier struct {
	Verified
	a     Archive
	blobs BlobChecker
	seen  map[string]bool
}

func (v *verifier) bad(format string, args ...any) {
	v.Problems = append(v.Problems, fmt.Sprintf(format, args...))
}

func (v *verifier) sweep(ctx context.Context, s *tourney.Sweep) error {
	v.Sweeps++
	n, err := search.Replay(s.Spec, s.Plan, Walk(ctx, v.a, s.ID))
	v.Events += n
	var diverged *search.DivergedError
	switch {
	case errors.As(err, &diverged):
		v.bad("INV-16: sweep %s: %v", s.ID, err)
	case errors.Is(err, tourney.ErrInvalid):
		v.bad("INV-16: sweep %s: %v", s.ID, err)
	case err != nil:
		return err
	}
	if err := v.rows(ctx, s); err != nil {
		return err
	}
	if !s.Spec.Refits() { // it has no dataset
		return nil
	}
	ds, err := v.a.Dataset(ctx, s.Plan.Dataset)
	switch {
	case errors.Is(err, tourney.ErrNotFound) && s.State.Terminal():
		return nil // it was deleted since; the board stays
	case err != nil:
		v.bad("INV-20: sweep %s: its dataset: %v", s.ID, err)
		return nil
	}
	v.blob(ctx, "INV-20: sweep "+s.ID, ds.Version)
	for _, shard := range append(ds.Shards, ds.Test...) {
		v.blob(ctx, "INV-20: sweep "+s.ID, shard.Hash)
	}
	jobs, err := v.a.OpenJobs(ctx, s.ID)
	if err != nil {
		return err
	}
	for _, j := range jobs {
		if j.Checkpoint != nil {
			v.blob(ctx, "INV-8: job "+j.JobID.String(), j.Checkpoint.Blob)
		}
	}
	return nil
}

// rows compares the trials' rows with the log.
func (v *verifier) rows(ctx context.Context, s *tourney.Sweep) error {
	want, state, err := fromLog(Walk(ctx, v.a, s.ID))
	if err != nil {
		return err
	}
	if state != s.State {
		v.bad("INV-16: sweep %s is %s, but its log says %s", s.ID, s.State, state)
	}
	have := map[int]bool{}
	for t, err := range allTrials(ctx, v.a, s.ID) {
		if err != nil {
			return err
		}
		v.Trials++
		have[t.Number] = true
		w := want[t.Number]
		switch {
		case w == nil:
			v.bad("INV-16: sweep %s: trial %d is in no event", s.ID, t.Number)
		case w.Params.Key() != t.Params.Key():
			v.bad("INV-16: sweep %s: trial %d has the parameters %s, but was proposed with %s", s.ID, t.Number, t.Params.Key(), w.Params.Key())
		case w.Rung != t.Rung || !sameValue(w.Value, t.Value) || w.BestStep != t.BestStep:
			v.bad("INV-16: sweep %s: trial %d is not as its last report left it", s.ID, t.Number)
		case (w.State != "") != t.State.Terminal() || w.State != "" && w.State != t.State:
			v.bad("INV-16: sweep %s: trial %d is %s, but its log says %q", s.ID, t.Number, t.State, w.State)
		}
	}
	for n := range want {
		if !have[n] {
			v.bad("INV-1: sweep %s: trial %d is lost: its log has it and the table has not", s.ID, n)
		}
	}
	return nil
}

// fromLog returns the trials as the events alone tell them; the state only of
// those that have ended.
func fromLog(events iter.Seq2[tourney.Event, error]) (map[int]*tourney.Trial, tourney.SweepState, error) {
	trials := map[int]*tourney.Trial{}
	state := tourney.SweepCreated
	final := map[jobID]bool{}
	for e, err := range events {
		if err != nil {
			return nil, state, err
		}
		switch b := e.Body.(type) {
		case tourney.Proposed:
			trials[b.Trial] = &tourney.Trial{Number: b.Trial, Params: b.Params, Rung: -1}
		case tourney.Queued:
			final[jobID{b.Trial, b.Rung}] = b.For == tourney.JobFinal
		case tourney.Reported:
			if t := trials[b.Trial]; t != nil && b.Outcome == tourney.OutcomeDone && !final[jobID{b.Trial, b.Rung}] {
				t.Rung, t.Value, t.BestStep = b.Rung, b.Value, b.BestStep
			}
		case tourney.Ended:
			if t := trials[b.Trial]; t != nil {
				t.State = b.State
			}
		case tourney.Turned:
			state = b.State
		}
	}
	return trials, state, nil
}

type jobID struct{ trial, rung int }

func (v *verifier) blob(ctx context.Context, what, hash string) {
	if hash == "" || v.seen[hash] {
		return
	}
	v.seen[hash] = true
	v.Blobs++
	if err := v.blobs.Verify(ctx, hash); err != nil {
		v.bad("%s: blob %s: %v", what, hash, err)
	}
}

func sameValue(a, b *float64) bool {
	return (a == nil) == (b == nil) && (a == nil || *a == *b)
}

// Walk goes through the events of a sweep in order.
func Walk(ctx context.Context, log Log, sweep string) iter.Seq2[tourney.Event, error] {
	return func(yield func(tourney.Event, error) bool) {
		const batch = 4096
		after := int64(0)
		for {
			events, err := log.Events(ctx, sweep, after, batch)
			if err != nil {
				yield(tourney.Event{}, err)
				return
			}
			for _, e := range events {
				if !yield(e, nil) {
					return
				}
				after = e.Seq
			}
			if len(events) < batch {
				return
			}
		}
	}
}

func allSweeps(ctx context.Context, a Archive) iter.Seq2[tourney.Sweep, error] {
	return paged(func(page tourney.Page) ([]tourney.Sweep, string, error) { return a.Sweeps(ctx, page) })
}

func allTrials(ctx context.Context, a Archive, sweep string) iter.Seq2[tourney.Trial, error] {
	return paged(func(page tourney.Page) ([]tourney.Trial, string, error) { return a.Trials(ctx, sweep, page) })
}

func paged[T any](list func(tourney.Page) ([]T, string, error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		page := tourney.Page{Limit: tourney.MaxPage}
		for {
			items, next, err := list(page)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range items {
				if !yield(item, nil) {
					return
				}
			}
			if next == "" {
				return
			}
			page.Cursor = next
		}
	}
}
