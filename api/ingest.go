package api

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"tourney"
	"tourney/api/gen"
)

const (
	ingestKept = 10 * time.Minute // how long one that has ended is told of
	maxIngests = 1000             // told of at a time
)

// ingests knows what is being taken in and what was lately. Its zero value is
// ready for use by many goroutines.
type ingests struct {
	mu   sync.Mutex
	list []*ingest // newest first
}

// ingest is one table that is being taken in.
type ingest struct {
	of  *ingests
	now gen.Ingest // guarded by of.mu
	end time.Time  // zero while it goes on
}

// begin adds an entry under the name that the client chose, or under a new one.
func (s *ingests) begin(id string) (*ingest, error) {
	if id == "" {
		id = newID()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().UTC()
	var kept []*ingest
	for _, e := range s.list {
		switch {
		case e.now.ID == id && e.end.IsZero():
			return nil, fmt.Errorf("ingest %s: %w: it goes on under that id; choose another", id, tourney.ErrConflict)
		case e.now.ID == id, !e.end.IsZero() && now.Sub(e.end) > ingestKept:
		case !e.end.IsZero() && len(kept) >= maxIngests:
		default:
			kept = append(kept, e)
		}
	}
	e := &ingest{of: s, now: gen.Ingest{ID: id, Phase: gen.Upload, Started: now}}
	s.list = append([]*ingest{e}, kept...)
	return e, nil
}

// upload says how much of a body has come.
func (e *ingest) upload(bytes, total int64) {
	e.tell(Progress{Phase: string(gen.Upload), Bytes: bytes, TotalBytes: total})
}

func (e *ingest) named(name string) {
	e.of.mu.Lock()
	defer e.of.mu.Unlock()
	e.now.Name = name
}

func (e *ingest) tell(p Progress) {
	e.of.mu.Lock()
	defer e.of.mu.Unlock()
	e.now.Phase = gen.IngestPhase(p.Phase)
	e.now.Rows, e.now.TotalRows, e.now.Bytes, e.now.TotalBytes = p.Rows, p.TotalRows, p.Bytes, p.TotalBytes
}

// ended says what has become of it.
func (e *ingest) ended(ds tourney.Dataset, err error) {
	e.of.mu.Lock()
	defer e.of.mu.Unlock()
	e.end = time.Now()
	switch {
	case err == nil:
		e.now.Phase, e.now.Version = gen.Done, ds.Version
	case errors.Is(err, context.Canceled):
		e.now.Phase, e.now.Error = gen.Failed, "the caller hung up"
	default:
		e.now.Phase, e.now.Error = gen.Failed, publicText(err)
	}
}

// ListIngests lists what is being taken in, or was lately.
func (s *Server) ListIngests(context.Context, gen.ListIngestsRequestObject) (gen.ListIngestsResponseObject, error) {
	s.ingests.mu.Lock()
	defer s.ingests.mu.Unlock()
	items := make([]gen.Ingest, len(s.ingests.list))
	for i, e := range s.ingests.list {
		items[i] = e.now
	}
	return gen.ListIngests200JSONResponse{Items: items}, nil
}

// GetIngest tells how far one is.
func (s *Server) GetIngest(_ context.Context, req gen.GetIngestRequestObject) (gen.GetIngestResponseObject, error) {
	s.ingests.mu.Lock()
	defer s.ingests.mu.Unlock()
	for _, e := range s.ingests.list {
		if e.now.ID == req.ID {
			return gen.GetIngest200JSONResponse(e.now), nil
		}
	}
	return nil, fmt.Errorf("ingest %s: %w", req.ID, tourney.ErrNotFound)
}
