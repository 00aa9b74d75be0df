package search

import "tourney"

// limits watches over what ends a search before its trials run out. Once a
// limit is reached nothing is proposed or promoted any more; a trial that was
// proposed and not queued yet is pruned.
type limits struct {
	target  *float64 // a loss
	patient int      // finished trials without an improvement; 0: no limit
	best    *float64 // loss, of the trials on the highest rung
	idle    int      // trials that finished since best
	reached string   // the limit; empty until then
	due     string   // the limit that the next decision must name
}

func newLimits(spec *tourney.Spec) limits {
	l := limits{patient: spec.Limits.NoImprovement}
	if t := spec.Limits.Target; t != nil {
		loss := spec.Metric.Loss(*t)
		l.target = &loss
	}
	return l
}

// finish takes a result. Only trials that have come to the highest rung are
// held against no_improvement; the target may be reached on any.
func (l *limits) finish(r Result, top bool) {
	if l.reached != "" || r.Violation > 0 {
		return
	}
	if l.target != nil && r.Loss <= *l.target {
		l.due = "target"
		return
	}
	if !top {
		return
	}
	if l.best == nil || r.Loss < *l.best {
		l.best, l.idle = &r.Loss, 0
		return
	}
	if l.idle++; l.patient > 0 && l.idle >= l.patient && l.due == "" {
		l.due = "no_improvement"
	}
}

// halt returns the decision that a limit was reached, if so.
func (s *Search) halt() tourney.EventBody {
	if s.limits.reached == "" && s.limits.due != "" {
		return tourney.Halted{Limit: s.limits.due}
	}
	if s.limits.reached != "" && s.fresh >= 0 {
		return tourney.Ended{Trial: s.fresh, State: tourney.TrialPruned}
	}
	return nil
}

func (s *Search) foldHalted(e tourney.Halted) error {
	if s.state != tourney.SweepRunning || s.limits.reached != "" || e.Limit != s.limits.due {
		return invalid("a sweep that is %s has no cause to halt for %s", s.stage(), e.Limit)
	}
	s.limits.reached = e.Limit
	return nil
}

// foldLimited takes a limit that was reached outside. A second one, or one that
// comes when the search is over, changes nothing.
func (s *Search) foldLimited(e tourney.Limited) error {
	switch e.Limit {
	case "wall", "worker_hours", "cost":
	default:
		return invalid("no limit %q; there are wall, worker_hours and cost", e.Limit)
	}
	if s.limits.reached == "" && !s.closing {
		s.limits.reached = e.Limit
	}
	return nil
}

// Limit returns the limit that ended the search, or "".
func (s *Search) Limit() string { return s.limits.reached }
