package coordinator

import (
	"fmt"
	"slices"
	"time"

	"tourney"
)

// noPrice says that there is nothing to count cost by.
func noPrice() error {
	return tourney.Invalid("limits.cost", "there is no price to count by; start the coordinator, or the pool's workers, with --price-per-hour, or limit worker_hours")
}

// changeTerms takes what an amendment says of who trains the sweep into now.
// What is on offer is offered again, since that may be to another pool.
func (s *sweep) changeTerms(now *tourney.Amendment, a tourney.Amendment, ended bool) error {
	if ended {
		return fmt.Errorf("%w: sweep %s is %s; extend it, or change its name alone", tourney.ErrConflict, s.id, s.row.State)
	}
	if fields := s.row.Spec.CheckTerms(a); len(fields) > 0 {
		return &tourney.InvalidError{Fields: fields}
	}
	if a.Pool != "" {
		now.Pool = a.Pool
	}
	if a.Weight > 0 {
		now.Weight = a.Weight
	}
	if a.Priority != nil {
		now.Priority = a.Priority
	}
	if a.MaxConcurrency != nil {
		now.MaxConcurrency = a.MaxConcurrency
	}
	s.shared = false
	for _, j := range s.jobs {
		if j.State == tourney.JobQueued && !j.offered.IsZero() {
			j.offered = time.Time{}
			s.toOffer = append(s.toOffer, j)
		}
	}
	slices.SortStableFunc(s.toOffer, func(a, b *job) int { return a.Trial - b.Trial })
	return nil
}

// tellImprovements has improves see an event of the log. finals are the jobs seen
// so far whose values are not of the search.
func (s *sweep) tellImprovements(body tourney.EventBody, finals map[jobID]bool) {
	switch b := body.(type) {
	case tourney.Queued:
		if b.For == tourney.JobFinal {
			finals[jobID{b.Trial, b.Rung}] = true
		}
	case tourney.Reported:
		if !finals[jobID{b.Trial, b.Rung}] {
			s.improves(&b.End)
		}
	}
}

// improves reports whether an end is better than all before it, and keeps it if
// so.
func (s *sweep) improves(end *tourney.End) bool {
	if end.Outcome != tourney.OutcomeDone || end.Value == nil {
		return false
	}
	loss := s.row.Spec.Metric.Loss(*end.Value)
	if s.improved && !(loss < s.best) {
		return false
	}
	s.best, s.improved = loss, true
	return true
}
