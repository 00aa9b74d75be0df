package coordinator

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"

	"tourney"
	"tourney/failpoint"
)

// maxFailures is how often a job may fail by itself before its trial does.
const maxFailures = 3

// maxLosses is how often in a row, without a new checkpoint, a job's worker
// may die before the job is called poison.
const maxLosses = 10

// maxErrorBytes bounds the text of a failure that is kept.
const maxErrorBytes = 4096

// Reports commits what workers report. Each sweep takes its entries in one
// step; entries whose token is not current are dropped and counted.
func (c *Coordinator) Reports(ctx context.Context, batch []tourney.Incoming) error {
	type entry struct {
		worker string
		*tourney.Entry
	}
	bySweep := map[string][]entry{}
	for i := range batch {
		c.fleet.seen(batch[i].Worker)
		for k := range batch[i].Report.Entries {
			e := &batch[i].Report.Entries[k]
			bySweep[e.Token.Sweep] = append(bySweep[e.Token.Sweep], entry{batch[i].Worker, e})
		}
	}
	failpoint.Pass(failpoint.ReportsTaken)
	var errs []error
	for _, id := range slices.Sorted(maps.Keys(bySweep)) {
		s := c.lookup(id)
		if s == nil {
			continue // it has ended or never was: all of it is void
		}
		err := s.do(ctx, func(ctx context.Context) error {
			ch := s.begin()
			for _, e := range bySweep[id] {
				if err := ch.entry(ctx, e.worker, e.Entry); err != nil {
					return s.spoil(ctx, err)
				}
			}
			if err := ch.foldTimed(ctx); err != nil {
				return s.spoil(ctx, err)
			}
			failpoint.Pass(failpoint.ReportsFolded)
			return s.commit(ctx, ch)
		})
		if err != nil && !errors.Is(err, errEnded) {
			errs = append(errs, fmt.Errorf("reports of sweep %s: %w", id, err))
		}
	}
	failpoint.Pass(failpoint.ReportsCommitted)
	return errors.Join(errs...)
}

// entry takes in what one attempt says.
func (ch *change) entry(ctx context.Context, worker string, e *tourney.Entry) error {
	s := ch.s
	j := s.current(e.Token)
	if j == nil || j.Worker != worker || j.Rung != e.Rung && !s.row.Spec.Streams() {
		s.c.leases.stale.Add(1)
		ch.settled[worker] = append(ch.settled[worker], e.Token)
		return nil
	}
	s.c.leases.hold(e.Token, worker, leaseOf(&j.JobRow)) // a report is a sign of life
	t := s.trials[j.Trial]
	ch.keepLog(j, e)
	points := finitePoints(e.Points)
	if len(points) > 0 && j.Kind == tourney.JobRung {
		ch.Points = append(ch.Points, tourney.TrialPoints{Trial: j.Trial, Points: points})
		t.Step = max(t.Step, points[len(points)-1].Step)
		ch.trials[j.Trial] = true
	}
	// What comes with an end is the last word even at the step of a checkpoint:
	// of a final job it is the model.
	if c := e.Checkpoint; c != nil && (j.Checkpoint == nil || c.Step > j.Checkpoint.Step || e.End != nil && c.Step == j.Checkpoint.Step) {
		j.Checkpoint, j.Losses = c, 0
		ch.touch(j)
	}
	if s.row.Spec.Streams() {
		var err error
		if j, err = ch.climb(ctx, j, points); err != nil || j == nil {
			return err
		}
	}
	if e.End == nil {
		return nil
	}
	ch.settled[worker] = append(ch.settled[worker], e.Token)
	if m := e.Telemetry; m != nil && m.RowsPerSecond-m.RowsPerSecond == 0 {
		t.Telemetry = m
		ch.trials[j.Trial] = true
	}
	return ch.ended(j, e.End)
}

// outcomes are those that a worker may report.
var outcomes = []tourney.Outcome{
	tourney.OutcomeDone, tourney.OutcomeDiverged, tourney.OutcomeFailed, tourney.OutcomePreempted,
}

// ended takes in the end of an attempt.
func (ch *change) ended(j *job, end *tourney.End) error {
	if !slices.Contains(outcomes, end.Outcome) {
		*end = tourney.End{
			Outcome: tourney.OutcomeFailed, Step: end.Step, Reason: tourney.ReasonSpecInvalid,
			Error: fmt.Sprintf("the worker reported an end that there is not: %q", end.Outcome),
		}
	}
	if end.Metrics == nil {
		end.Metrics = tourney.Metrics{}
	}
	if len(end.Error) > maxErrorBytes {
		end.Error = end.Error[len(end.Error)-maxErrorBytes:]
	}
	if !finite(end) {
		*end = tourney.End{Outcome: tourney.OutcomeDiverged, Step: end.Step, Metrics: tourney.Metrics{}}
	}
	ch.closeAttempt(j, end.Outcome, end.Step)
	switch end.Outcome {
	case tourney.OutcomeDone, tourney.OutcomeDiverged:
		ch.hold(j, end)
		return nil
	case tourney.OutcomePreempted:
		ch.s.c.counts.preempted.Add(1)
		ch.requeue(j)
		return ch.input(tourney.Lost{Trial: j.Trial, Attempt: j.Attempt, Outcome: end.Outcome})
	}
	if !slices.Contains(tourney.Reasons(), end.Reason) {
		end.Reason = tourney.ReasonUserError // the list is closed
	}
	j.Failures++
	if j.Failures < maxFailures && (end.Reason == tourney.ReasonUserError || end.Reason == tourney.ReasonOOM) {
		ch.requeue(j)
		return ch.input(tourney.Lost{Trial: j.Trial, Attempt: j.Attempt, Outcome: end.Outcome, Reason: end.Reason, Error: end.Error})
	}
	ch.hold(j, end)
	return nil
}

// lose ends attempts that were not heard of for a lease.
func (s *sweep) lose(ctx context.Context, tokens []tourney.Token) error {
	ch := s.begin()
	for _, token := range tokens {
		j := s.current(token)
		if j == nil {
			ch.released = append(ch.released, token)
			continue
		}
		ch.closeAttempt(j, tourney.OutcomeLost, 0)
		s.c.leases.lost.Add(1)
		if j.Alone || j.Lease > 0 { // in company another may have been at fault
			j.Losses++
		}
		if j.Losses >= maxLosses {
			ch.hold(j, &tourney.End{
				Outcome: tourney.OutcomeFailed, Reason: tourney.ReasonPoison, Metrics: tourney.Metrics{},
				Error: fmt.Sprintf("its workers died %d times in a row without a new checkpoint", j.Losses),
			})
			continue
		}
		j.Alone = true
		ch.requeue(j)
		if err := ch.input(tourney.Lost{Trial: j.Trial, Attempt: j.Attempt, Outcome: tourney.OutcomeLost}); err != nil {
			return s.spoil(ctx, err)
		}
	}
	if err := ch.foldHeld(ctx); err != nil {
		return s.spoil(ctx, err)
	}
	if ch.empty() {
		s.c.leases.release(ch.released)
		return nil
	}
	failpoint.Pass(failpoint.LeaseEnded)
	return s.commit(ctx, ch)
}

// finitePoints drops values that are not finite numbers: they never enter an
// order or an average.
func finitePoints(points []tourney.Point) []tourney.Point {
	out := points[:0]
	for _, p := range points {
		for name, v := range p.Metrics {
			if math.IsNaN(v) || math.IsInf(v, 0) {
				delete(p.Metrics, name)
			}
		}
		if p.Step > 0 {
			out = append(out, p)
		}
	}
	return out
}

func finite(end *tourney.End) bool {
	for _, v := range []*float64{end.Value, end.Last} {
		if v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0)) {
			return false
		}
	}
	for _, v := range end.Metrics {
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return false
		}
	}
	return true
}
