package apitest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"slices"

	"tourney"
)

// Try adds a trial with the value to a sweep, and three events. A value that
// is not finite is a trial that diverged.
func (w *World) Try(sweep string, value float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.find(sweep)
	if err != nil {
		panic(err)
	}
	n := len(w.trials[sweep])
	t := tourney.Trial{
		Sweep: sweep, Number: n, State: tourney.TrialCompleted, Params: tourney.Params{"lr": 0.5, "depth": int64(n), "kind": "a", "flag": true, "none": nil},
		Step: 10, BestStep: 7, Attempts: 1, Created: w.now, Ended: &w.now,
	}
	end := tourney.End{Outcome: tourney.OutcomeDone, Step: 10, BestStep: 7}
	if math.IsNaN(value) || math.IsInf(value, 0) {
		t.State, end.Outcome, t.Rung = tourney.TrialDiverged, tourney.OutcomeDiverged, -1
	} else {
		t.Value, t.Metrics = &value, tourney.Metrics{s.Spec.Metric.Name: value}
		end.Value, end.Metrics = t.Value, t.Metrics
		best := value
		if h := w.history[sweep]; len(h) > 0 && s.Spec.Metric.Loss(h[len(h)-1].Best) < s.Spec.Metric.Loss(value) {
			best = h[len(h)-1].Best
		}
		w.history[sweep] = append(w.history[sweep], tourney.HistoryPoint{At: w.now, Trial: n, Step: 7, Value: value, Best: best})
	}
	w.trials[sweep] = append(w.trials[sweep], t)
	if s.Best == nil || s.Spec.Metric.CompareTrials(&t, s.Best) < 0 {
		s.Best = &t
	}
	if s.Counts == nil {
		s.Counts = map[tourney.TrialState]int{}
	}
	s.Counts[t.State]++
	w.commit(s, tourney.Proposed{Trial: n, Params: t.Params}, tourney.Reported{Trial: n, End: end}, tourney.Ended{Trial: n, State: t.State})
}

// Leaderboard implements api.Reader.
func (w *World) Leaderboard(_ context.Context, sweep string, page tourney.Page) ([]tourney.Trial, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s, err := w.find(sweep)
	if err != nil {
		return nil, "", err
	}
	trials := passing(w.trials[sweep], page.Where)
	slices.SortFunc(trials, func(a, b tourney.Trial) int { return s.Spec.Metric.CompareTrials(&a, &b) })
	return cut(trials, page)
}

// Trials implements api.Reader.
func (w *World) Trials(_ context.Context, sweep string, page tourney.Page) ([]tourney.Trial, string, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.find(sweep); err != nil {
		return nil, "", err
	}
	trials := passing(w.trials[sweep], page.Where)
	if _, down := page.Sort.Field(); down {
		slices.Reverse(trials)
	}
	return cut(trials, page)
}

// Rungs implements api.Reader: there is one.
func (w *World) Rungs(_ context.Context, sweep string) ([]tourney.RungCount, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.find(sweep); err != nil {
		return nil, err
	}
	n := len(w.trials[sweep])
	return []tourney.RungCount{{Budget: 10, Reached: n, Stopped: n}}, nil
}

// Trial implements api.Reader.
func (w *World) Trial(_ context.Context, sweep string, number int) (tourney.Trial, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if trials := w.trials[sweep]; number < len(trials) {
		return trials[number], nil
	}
	return tourney.Trial{}, fmt.Errorf("trial %d of sweep %s: %w", number, sweep, tourney.ErrNotFound)
}

// Points implements api.Reader.
func (w *World) Points(ctx context.Context, sweep string, number int) ([]tourney.Point, error) {
	t, err := w.Trial(ctx, sweep, number)
	if err != nil {
		return nil, err
	}
	return []tourney.Point{{Step: 1}, {Step: t.BestStep, Metrics: t.Metrics}}, nil
}

// Log implements api.Reader: every trial has printed its number twice.
func (w *World) Log(ctx context.Context, sweep string, number, attempt int, from int64) (tourney.LogPage, error) {
	if _, err := w.Trial(ctx, sweep, number); err != nil {
		return tourney.LogPage{}, err
	}
	line := fmt.Sprintf("out| %d\n", number)
	page := tourney.LogPage{Attempt: max(attempt, 1), Items: []tourney.LogChunk{}, Next: from, Ended: true}
	for _, offset := range []int64{0, int64(len(line))} {
		if offset >= from {
			page.Items = append(page.Items, tourney.LogChunk{Offset: offset, Text: line})
			page.Next = offset + int64(len(line))
		}
	}
	return page, nil
}

// Artifacts implements api.Reader: trials have left the blobs that there are.
func (w *World) Artifacts(ctx context.Context, sweep string, number int) ([]tourney.Artifact, error) {
	if _, err := w.Trial(ctx, sweep, number); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var list []tourney.Artifact
	for _, hash := range slices.Sorted(maps.Keys(w.blobs)) {
		list = append(list, tourney.Artifact{Name: "files/" + hash[:8], Size: int64(len(w.blobs[hash])), SHA256: hash})
	}
	return list, nil
}

// Leave makes what a trial's final job left: a part of a blob.
func (w *World) Leave(sweep string, number int, model string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	blob := "before" + model + "behind"
	sum := sha256.Sum256([]byte(blob))
	hash := hex.EncodeToString(sum[:])
	w.blobs[hash] = []byte(blob)
	w.finals[sweep] = append(w.finals[sweep], tourney.JobRow{
		JobID: tourney.JobID{Sweep: sweep, Trial: number, Rung: 1}, Kind: tourney.JobFinal, State: tourney.JobDone,
		Checkpoint: &tourney.Checkpoint{Blob: hash, Offset: int64(len("before")), Size: int64(len(model)), Step: 7},
	})
}

// FinalJobs implements api.Reader.
func (w *World) FinalJobs(_ context.Context, sweep string) ([]tourney.JobRow, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.find(sweep); err != nil {
		return nil, err
	}
	return slices.Clone(w.finals[sweep]), nil
}

// History implements api.Reader.
func (w *World) History(_ context.Context, sweep string, limit int) ([]tourney.HistoryPoint, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.find(sweep); err != nil {
		return nil, err
	}
	h := w.history[sweep]
	return slices.Clone(h[:min(limit, len(h))]), nil
}
