package apitest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"tourney"
)

// Enrol implements api.Service.
func (w *World) Enrol(_ context.Context, req tourney.EnrolRequest) (tourney.Enrolment, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if req.Slots < 1 {
		return tourney.Enrolment{}, tourney.Invalid("slots", "must be at least 1, not %d", req.Slots)
	}
	w.enrolled = append(w.enrolled, req)
	id := fmt.Sprintf("w%d", len(w.workers)+1)
	w.workers = slices.Insert(w.workers, 0, tourney.Worker{
		ID: id, Host: req.Host, Pool: req.Pool, Slots: req.Slots, Version: req.Version, Enrolled: w.now, LastSeen: w.now,
	})
	return tourney.Enrolment{
		Worker: id, NATS: "nats://127.0.0.1:4222", User: id, Password: "secret", Expires: w.now.Add(time.Hour),
		Inbox: "_INBOX_" + id, Pool: req.Pool, Lease: 30 * time.Second,
	}, nil
}

// Drain implements api.Service.
func (w *World) Drain(_ context.Context, id string, mode tourney.Drain) (tourney.Worker, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if mode != tourney.DrainRelease && mode != tourney.DrainFinish {
		return tourney.Worker{}, tourney.Invalid("mode", "%q is no way to leave", mode)
	}
	for i := range w.workers {
		if k := &w.workers[i]; k.ID == id {
			if k.State == tourney.WorkerLeft {
				return tourney.Worker{}, fmt.Errorf("%w: worker %s is gone", tourney.ErrConflict, id)
			}
			k.State, k.Drain, k.Reason = tourney.WorkerDraining, mode, tourney.LeaveDrained
			return *k, nil
		}
	}
	return tourney.Worker{}, fmt.Errorf("worker %s: %w", id, tourney.ErrNotFound)
}

// Lifetimes implements api.Reader.
func (w *World) Lifetimes(context.Context) ([]tourney.Lifetime, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.workers) == 0 {
		return nil, nil
	}
	return []tourney.Lifetime{{Pool: tourney.DefaultPool, Hours: 5, Ends: 1}}, nil
}

// Dismiss has a worker be gone.
func (w *World) Dismiss(id string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i := range w.workers {
		if w.workers[i].ID == id {
			w.workers[i].State = tourney.WorkerLeft
		}
	}
}

// Expel implements api.Service.
func (w *World) Expel(_ context.Context, token string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.expelled = append(w.expelled, token)
	return nil
}

// Enrolled returns the requests of the workers that were taken in.
func (w *World) Enrolled() []tourney.EnrolRequest {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.enrolled)
}

// Expelled returns the tokens whose workers were shut out.
func (w *World) Expelled() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.expelled)
}

// Workers implements api.Reader.
func (w *World) Workers(context.Context) ([]tourney.Worker, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.workers), nil
}
