package store

import (
	"cmp"
	"context"
	"math"
	"slices"

	"github.com/jmoiron/sqlx"

	"tourney"
)

const (
	bracketSeats = 40 // of the lowest rung, unless the request says
	fewSeats     = 8  // of any
)

// finish is a trial at the end of a rung.
type finish struct {
	loss  float64
	trial int32
}

// ViewBracket returns a tournament as rounds. Each has half the seats of the
// one below: for the trials that sit further up, and for others from its best
// to its worst, evenly.
func (r *Reader) ViewBracket(ctx context.Context, sweep string, req tourney.ViewRequest) (view tourney.ViewBracket, err error) {
	const op = "view bracket"
	err = r.look(ctx, op, sweep, []part{trialsPart, reportsPart}, func(_ *sqlx.Tx, v *viewSweep) error {
		rungs := v.topRung() + 1
		finishes := v.reports.finishes
		view.Rounds = make([]tourney.ViewRound, rungs)
		training := v.training(rungs)
		var above map[int32]bool
		for k := rungs - 1; k >= 0; k-- {
			seats := max(cmp.Or(req.Limit, bracketSeats)>>k, fewSeats)
			view.Rounds[k] = v.round(k, rungs-1, finishes[k], training[k], above, seats)
			above = map[int32]bool{}
			for _, seat := range view.Rounds[k].Seats {
				above[int32(seat.Trial)] = true
			}
		}
		return nil
	})
	return view, err
}

// training returns the trials on the way to each rung, by number.
func (v *viewSweep) training(rungs int) [][]int32 {
	list := make([][]int32, rungs)
	t := &v.trials
	for i := range int32(t.len()) {
		if t.state[i] == noTrial || !t.going(i) {
			continue
		}
		if next := int(t.rung[i]) + 1; next < rungs {
			list[next] = append(list[next], int32(t.number(i)))
		}
	}
	return list
}

// going reports whether the trial waits for a worker or has one.
func (t *viewTrials) going(i int32) bool {
	s := trialStates[t.state[i]]
	return s == tourney.TrialQueued || s == tourney.TrialRunning
}

// round tells of one rung; finishes are in order.
func (v *viewSweep) round(rung, top int, finishes []finish, training []int32, above map[int32]bool, seats int) tourney.ViewRound {
	round := tourney.ViewRound{RungCount: tourney.RungCount{Rung: rung, Budget: v.ladderBudget(rung), Reached: len(finishes), Training: len(training)}, Seats: []tourney.ViewSeat{}}
	fates := make([]tourney.Fate, len(finishes))
	for k, f := range finishes {
		fates[k] = v.fate(f.trial, rung, top, k == 0)
		switch fates[k] {
		case tourney.FateAdvanced:
			round.Promoted++
			value := v.loss(f.loss)
			round.Cut = &value
		case tourney.FateWaiting:
			round.Waiting++
		default:
			round.Stopped++
		}
	}
	if n := len(finishes); n > 0 {
		best, median := v.loss(finishes[0].loss), v.loss(finishes[n/2].loss)
		if n%2 == 0 {
			median = (median + v.loss(finishes[n/2-1].loss)) / 2
		}
		round.Best, round.Median = &best, &median
	}
	for _, k := range seated(finishes, above, max(seats-min(len(training), seats/4), 1)) {
		value := v.loss(finishes[k].loss)
		round.Seats = append(round.Seats, tourney.ViewSeat{Trial: int(finishes[k].trial), Value: &value, Fate: fates[k]})
	}
	for _, trial := range training {
		if above[trial] || len(round.Seats) < seats {
			round.Seats = append(round.Seats, tourney.ViewSeat{Trial: int(trial), Fate: tourney.FateTraining})
		}
	}
	return round
}

// fate is what became of a trial that has finished a rung.
func (v *viewSweep) fate(trial int32, rung, top int, first bool) tourney.Fate {
	t := &v.trials
	i := trial / int32(t.stride)
	if int(i) >= t.len() || t.state[i] == noTrial {
		return tourney.FateOut
	}
	state := trialStates[t.state[i]]
	switch {
	case rung == top && first && !t.bad(i):
		return tourney.FateWon
	case int(t.rung[i]) > rung && rung < top, rung < top && t.going(i):
		return tourney.FateAdvanced
	case rung < top && state == tourney.TrialPaused:
		return tourney.FateWaiting
	}
	return tourney.FateOut
}

// seated chooses which finishes have a seat: the best, those whose trials sit
// further up, and others evenly. It returns their places in order.
func seated(finishes []finish, above map[int32]bool, seats int) []int {
	var must, rest []int
	for k, f := range finishes {
		if k == 0 || above[f.trial] {
			must = append(must, k)
		} else {
			rest = append(rest, k)
		}
	}
	if room := min(max(seats-len(must), fewSeats/2), len(rest)); room > 0 {
		must = merge(must, evenly(rest, room))
	}
	return must
}

// ViewFailures groups the trials that failed or diverged by what went wrong,
// the most frequent first.
func (r *Reader) ViewFailures(ctx context.Context, sweep string, req tourney.ViewRequest) (view tourney.ViewFailures, err error) {
	const op = "view failures"
	err = r.look(ctx, op, sweep, []part{trialsPart}, func(tx *sqlx.Tx, v *viewSweep) error {
		t := &v.trials
		list, err := v.where(req.Where)
		if err != nil {
			return err
		}
		view = tourney.ViewFailures{Of: t.len(), Groups: []tourney.ViewFault{}}
		groups := make([]tourney.ViewFault, len(t.faults))
		for k, f := range t.faults {
			groups[k] = tourney.ViewFault{State: f.state, Reason: f.reason, Line: f.line, Trials: []int{}}
		}
		const newest = 12
		for _, i := range slices.Backward(list) {
			if t.fault[i] < 0 {
				continue
			}
			g := &groups[t.fault[i]]
			view.Total++
			g.Count++
			g.Attempt += int(t.attempts[i])
			if len(g.Trials) < newest {
				g.Trials = append(g.Trials, t.number(i))
			}
			if t.ended[i] != 0 && (g.Newest == nil || micros(*g.Newest) < t.ended[i]) {
				at := fromMicros(t.ended[i])
				g.Newest = &at
			}
		}
		groups = slices.DeleteFunc(groups, func(g tourney.ViewFault) bool { return g.Count == 0 })
		slices.SortStableFunc(groups, func(a, b tourney.ViewFault) int { return b.Count - a.Count })
		for k := range groups {
			if err := tx.GetContext(ctx, &groups[k].Error, `SELECT error FROM trials WHERE sweep = ? AND number = ?`, sweep, groups[k].Trials[0]); err != nil {
				return sqlError(op, err)
			}
		}
		view.Groups = append(view.Groups, groups...)
		return nil
	})
	return view, err
}

// isLoss reports whether an attempt ended without a result, by no doing of its
// trial.
func isLoss(o tourney.Outcome) bool {
	return o == tourney.OutcomeLost || o == tourney.OutcomePreempted
}

const (
	maxBars      = 1500
	maxLanes     = 40
	busyStretchs = 120
)

// ViewTimeline returns the attempts of a sweep on its workers; beyond 1,500,
// how many ran at a time in each of 120 stretches. Workers are those with the
// newest attempts, 40 at most.
func (r *Reader) ViewTimeline(ctx context.Context, sweep string, _ tourney.ViewRequest) (view tourney.ViewTimeline, err error) {
	err = r.look(ctx, "view timeline", sweep, []part{attemptsPart}, func(_ *sqlx.Tx, v *viewSweep) error {
		a := &v.attempts
		now := micros(r.now())
		view = tourney.ViewTimeline{From: fromMicros(v.head.created), Workers: []string{}, Total: len(a.list), Bars: []tourney.ViewBar{}}
		if len(a.list) == 0 {
			return nil
		}
		from, to := a.list[0].started, int64(math.MinInt64)
		newest := make([]int64, len(a.workers))
		for _, at := range a.list {
			from, to = min(from, at.started), max(to, at.until(now))
			newest[at.worker] = max(newest[at.worker], at.started)
		}
		view.From, view.Seconds = fromMicros(from), math.Max(float64(to-from)/1e6, 1e-3)
		lanes := make([]int, len(a.workers))
		for i := range lanes {
			lanes[i] = i
		}
		slices.SortStableFunc(lanes, func(x, y int) int { return cmp.Compare(newest[y], newest[x]) })
		view.Hidden = max(len(lanes)-maxLanes, 0)
		lanes = lanes[:min(len(lanes), maxLanes)]
		slices.SortFunc(lanes, func(x, y int) int { return cmp.Compare(a.workers[x], a.workers[y]) })
		lane := make([]int, len(a.workers))
		for i := range lane {
			lane[i] = -1
		}
		for place, w := range lanes {
			lane[w] = place
			view.Workers = append(view.Workers, a.workers[w])
		}
		if len(a.list) > maxBars {
			a.busy(&view, lane, from, now)
			return nil
		}
		for _, at := range a.list {
			if lane[at.worker] < 0 {
				continue
			}
			view.Bars = append(view.Bars, tourney.ViewBar{
				Worker: lane[at.worker], Trial: int(at.trial), Attempt: int(at.attempt), Rung: int(at.rung),
				Start: float64(at.started-from) / 1e6, End: float64(at.until(now)-from) / 1e6, Outcome: at.outcome,
			})
		}
		return nil
	})
	return view, err
}

// until is when an attempt ended, or now if it runs.
func (at *viewAttempt) until(now int64) int64 {
	if at.ended == 0 {
		return max(now, at.started)
	}
	return max(at.ended, at.started)
}

// busy fills in how many attempts ran at a time in each stretch.
func (a *viewAttempts) busy(view *tourney.ViewTimeline, lane []int, from, now int64) {
	width := view.Seconds * 1e6 / busyStretchs
	view.Busy, view.Losses = make([][]float64, len(view.Workers)), make([][]int, len(view.Workers))
	for i := range view.Busy {
		view.Busy[i], view.Losses[i] = make([]float64, busyStretchs), make([]int, busyStretchs)
	}
	stretch := func(x float64) int { return min(int(x/width), busyStretchs-1) }
	for _, at := range a.list {
		l := lane[at.worker]
		if l < 0 {
			continue
		}
		start, end := float64(at.started-from), float64(at.until(now)-from)
		for k := stretch(start); k <= stretch(end); k++ {
			overlap := min(end, width*float64(k+1)) - max(start, width*float64(k))
			view.Busy[l][k] += max(overlap, 0) / width
		}
		if isLoss(at.outcome) {
			view.Losses[l][stretch(end)]++
		}
	}
}

// used returns the seconds of attempts until each of some moments, which rise.
func (a *viewAttempts) used(moments []int64, now int64) []float64 {
	sums := make([]int64, len(moments))
	whole := make([]int64, len(moments)+1) // of attempts that ended before a moment, by the first one after
	for i := range a.list {
		at := &a.list[i]
		end := at.until(now)
		first, _ := slices.BinarySearch(moments, at.started)
		last, _ := slices.BinarySearch(moments, end)
		for k := first; k < last; k++ {
			sums[k] += moments[k] - at.started
		}
		whole[last] += end - at.started
	}
	used := make([]float64, len(moments))
	var ended int64
	for k := range moments {
		ended += whole[k]
		used[k] = float64(ended+sums[k]) / 1e6
	}
	return used
}

const (
	progressWindow  = 10 * 60 * 1_000_000 // microseconds that "of late" means
	maxImprovements = 20
)

// ViewProgress returns how fast a sweep goes and what it has cost.
func (r *Reader) ViewProgress(ctx context.Context, sweep string, req tourney.ViewRequest) (view tourney.ViewProgress, err error) {
	const op = "view progress"
	var s tourney.Sweep
	err = r.look(ctx, op, sweep, []part{trialsPart, reportsPart, attemptsPart}, func(tx *sqlx.Tx, v *viewSweep) error {
		sweeps, err := r.selectSweeps(ctx, tx, op, `WHERE s.id = ?`, sweep)
		if err != nil {
			return err
		}
		s = sweeps[0]
		now := micros(r.now())
		end := now
		if s.Ended != nil {
			end = micros(*s.Ended)
		}
		begin := v.head.created
		if s.Started != nil {
			begin = micros(*s.Started)
		}
		window := max(begin, end-progressWindow)
		minutes := math.Max(float64(end-window)/60e6, 1.0/60)
		view.Rate = float64(v.reports.since(window)) / minutes
		view.SlotHours = v.attempts.used([]int64{math.MaxInt64}, now)[0] / 3600
		view.Cost = priced(view.SlotHours, req.Price)
		if left := v.left(&s); !s.State.Terminal() && left > 0 {
			if began := v.trials.since(window); began > 0 {
				seconds := float64(left) / (float64(began) / minutes) * 60
				view.Left = &seconds
			}
		}
		view.Improvements, view.Stalled = v.improvements(now, req.Price)
		return nil
	})
	return view, err
}

func priced(hours, price float64) *float64 {
	if price <= 0 {
		return nil
	}
	cost := hours * price
	return &cost
}

// left is how many trials are still to start; 0 if nothing says.
func (v *viewSweep) left(s *tourney.Sweep) int {
	limit := int64(s.Spec.RunCap)
	if s.Amended != nil && s.Amended.RunCap > 0 {
		limit = int64(s.Amended.RunCap)
	}
	if size := v.head.plan.Size; size > 0 && (limit == 0 || size < limit) {
		limit = size
	}
	started := 0
	for _, n := range s.Counts {
		started += n
	}
	return max(int(limit)-started, 0)
}

// since counts the reports since a moment.
func (r *viewReports) since(at int64) int {
	n := 0
	for k := len(r.list) - 1; k >= 0 && r.list[k].at >= at; k-- {
		n++
	}
	return n
}

// since counts the trials that were proposed since a moment.
func (t *viewTrials) since(at int64) int {
	n := 0
	for i := t.len() - 1; i >= 0 && (t.state[i] == noTrial || t.created[i] >= at); i-- {
		n += t.stride
	}
	return n
}

// improvements returns the newest reports that were better than all before
// them, with what was spent on each, and how many reports came after the last.
func (v *viewSweep) improvements(now int64, price float64) (list []tourney.ViewImprovement, stalled int) {
	list = []tourney.ViewImprovement{}
	improved := v.reports.improved
	if len(improved) == 0 {
		return list, 0
	}
	first := max(len(improved)-maxImprovements, 0)
	from := max(first-1, 0) // what was spent before it is not of those shown
	moments := make([]int64, 0, len(improved)-from)
	for _, k := range improved[from:] {
		at := v.reports.list[k].at
		if n := len(moments); n > 0 {
			at = max(at, moments[n-1])
		}
		moments = append(moments, at)
	}
	used := v.attempts.used(moments, now)
	for k := first; k < len(improved); k++ {
		rep, before, reports := v.reports.list[improved[k]], 0.0, int(improved[k])+1
		if k > 0 {
			before, reports = used[k-1-from], int(improved[k]-improved[k-1])
		}
		hours := (used[k-from] - before) / 3600
		list = append(list, tourney.ViewImprovement{
			At: fromMicros(rep.at), Trial: int(rep.trial), Value: rep.value, Trials: reports, SlotHours: hours, Cost: priced(hours, price),
		})
	}
	return list, len(v.reports.list) - 1 - int(improved[len(improved)-1])
}
