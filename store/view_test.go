package store_test

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"tourney"
	"tourney/store"
	"tourney/store/storetest"
)

// viewReader opens a data directory that storetest.FillViews has filled.
func viewReader(tb testing.TB, n int) *store.Store {
	tb.Helper()
	dir := tb.TempDir()
	storetest.FillViews(tb, open, dir, n)
	return openView(tb, dir)
}

func openView(tb testing.TB, dir string) *store.Store {
	tb.Helper()
	s, err := store.Open(tb.Context(), dir)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := s.Close(); err != nil {
			tb.Error(err)
		}
	})
	return s
}

var bigDir struct {
	sync.Once
	path string
}

// bigReader opens a sweep of 100,000 trials, built once a process.
func bigReader(tb testing.TB) *store.Store {
	tb.Helper()
	bigDir.Do(func() {
		path, err := os.MkdirTemp("", "tourney-views-") //nolint:usetesting // other tests use it as well
		if err != nil {
			tb.Fatal(err)
		}
		bigDir.path = path
		storetest.FillViews(tb, open, path, 100_000)
	})
	return openView(tb, bigDir.path)
}

func frac(x float64) float64 { return x - math.Floor(x) }

func valueOf(i int) float64 { return frac(float64(i) * 1.7320508) }

func where(tb testing.TB, text string) []tourney.Clause {
	tb.Helper()
	clauses, err := tourney.ParseWhere(text)
	if err != nil {
		tb.Fatal(err)
	}
	return clauses
}

// The order without a sort is the leaderboard's own, whatever the page.
func TestViewTableIsTheBoard(t *testing.T) {
	s := viewReader(t, 500)
	var board []int
	for cursor := ""; ; {
		trials, next, err := s.Leaderboard(t.Context(), "s", tourney.Page{Limit: 100, Cursor: cursor})
		if err != nil {
			t.Fatal(err)
		}
		for _, trial := range trials {
			board = append(board, trial.Number)
		}
		if cursor = next; cursor == "" {
			break
		}
	}
	var got []int
	for offset := 0; offset < 600; offset += 70 {
		view, err := s.ViewTable(t.Context(), "s", tourney.ViewRequest{Offset: offset, Limit: 70})
		if err != nil {
			t.Fatal(err)
		}
		if view.Total != 500 || view.Of != 500 {
			t.Fatalf("%d of %d trials, want 500 of 500", view.Total, view.Of)
		}
		for _, trial := range view.Items {
			got = append(got, trial.Number)
		}
	}
	if !slices.Equal(got, board) {
		t.Errorf("order %v\nwant %v", got, board)
	}
}

func TestViewTableSortsAndSelects(t *testing.T) {
	s := viewReader(t, 500)
	numbers := func(sort, text string) []int {
		t.Helper()
		view, err := s.ViewTable(t.Context(), "s", tourney.ViewRequest{Sort: sort, Where: where(t, text), Limit: 500})
		if err != nil {
			t.Fatal(err)
		}
		list := []int{}
		for _, trial := range view.Items {
			list = append(list, trial.Number)
		}
		return list
	}
	// By hand: the numbers with the level y are 1, 4, 7, …; of them 49 and 199
	// and so on have failed and have no level.
	if got := numbers("number", "c:1;@number:0..60"); !slices.Equal(got, []int{1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, 34, 37, 40, 43, 46, 52, 55, 58}) {
		t.Errorf("with the level y: %v", got)
	}
	if got := numbers("-number", "@rung:2..;@number:..30"); !slices.Equal(got, []int{27, 18, 9, 0}) {
		t.Errorf("that finished the last rung: %v", got)
	}
	var want []int
	for i := range 500 {
		if i%50 != 49 {
			want = append(want, i)
		}
	}
	slices.SortFunc(want, func(a, b int) int { return cmp.Compare(valueOf(b), valueOf(a)) })
	got := numbers("-value", "")
	if !slices.Equal(got[:490], want) || !slices.Equal(got[490:], []int{49, 99, 149, 199, 249, 299, 349, 399, 449, 499}) {
		t.Errorf("by value %v…, want %v… and those without one last", got[:10], want[:10])
	}
	if got := numbers("-f", "@number:0..130")[:3]; !slices.Equal(got, []int{63, 127, 62}) {
		t.Errorf("by f, 1 + i mod 64: %v", got)
	}
	for _, bad := range []tourney.ViewRequest{{Sort: "nothing"}, {Where: where(t, "nothing:1..2")}} {
		if _, err := s.ViewTable(t.Context(), "s", bad); tourney.AsInvalid(err) == nil {
			t.Errorf("%+v: %v, want to be told what is wrong", bad, err)
		}
	}
	if _, err := s.ViewTable(t.Context(), "none", tourney.ViewRequest{}); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("a sweep that is not there: %v", err)
	}
}

// A sample of 300 has the best trials, and the ends of each axis; it is the
// same when asked for again.
func TestViewParallelKeepsExtremesAndTheBest(t *testing.T) {
	const n = 5000
	s := viewReader(t, n)
	view, err := s.ViewParallel(t.Context(), "s", tourney.ViewRequest{Limit: 300})
	if err != nil {
		t.Fatal(err)
	}
	if len(view.Trials) != 300 || view.Total != n-n/50 || view.Of != n {
		t.Fatalf("%d of %d of %d", len(view.Trials), view.Total, view.Of)
	}
	var all []int
	for i := range n {
		if i%50 != 49 {
			all = append(all, i)
		}
	}
	slices.SortFunc(all, func(a, b int) int { return cmp.Compare(valueOf(b), valueOf(a)) })
	a := func(i int) float64 { return frac(float64(i) * 0.618034) }
	must := append(slices.Clone(all[:20]),
		slices.MinFunc(all, func(x, y int) int { return cmp.Compare(a(x), a(y)) }),
		slices.MaxFunc(all, func(x, y int) int { return cmp.Compare(a(x), a(y)) }))
	for _, i := range must {
		if !slices.Contains(view.Trials, i) {
			t.Errorf("trial %d, one of the best or at an end, is not in the sample", i)
		}
	}
	var names []string
	for _, axis := range view.Axes {
		names = append(names, axis.Name)
	}
	if !slices.Equal(names, []string{"a", "b", "c", "e", "f"}) {
		t.Errorf("axes %v, want those of the parameters that vary", names)
	}
	if c := view.Axes[2]; !slices.Equal(c.Levels, []string{"x", "y", "z"}) || c.Low != 0 || c.High != 2 {
		t.Errorf("the axis of levels is %+v", c)
	}
	if !view.Axes[1].Log || view.Axes[0].Log {
		t.Errorf("of %v the second alone is logarithmic", view.Axes[:2])
	}
	for k, i := range view.Trials {
		if math.Abs(view.Columns[0][k]-a(i)) > 1e-9 || view.Columns[2][k] != float64(i%3) || math.Abs(view.Values[k]-valueOf(i)) > 1e-9 {
			t.Fatalf("trial %d has a %v, c %v and the value %v", i, view.Columns[0][k], view.Columns[2][k], view.Values[k])
		}
	}
	again, err := s.ViewParallel(t.Context(), "s", tourney.ViewRequest{Limit: 300})
	if err != nil || !slices.Equal(view.Trials, again.Trials) {
		t.Errorf("asked again the sample is another one (%v)", err)
	}
}

func TestViewSliceIsPointsAndThenCells(t *testing.T) {
	const n = 6000
	s := viewReader(t, n)
	few, err := s.ViewSlice(t.Context(), "s", tourney.ViewRequest{Axis: "b", Where: where(t, "@number:0..99")})
	if err != nil {
		t.Fatal(err)
	}
	if len(few.X) != 98 || few.Grid != nil || few.Total != 98 {
		t.Errorf("%d points of %d, want the 98 of a hundred that have a value", len(few.X), few.Total)
	}
	many, err := s.ViewSlice(t.Context(), "s", tourney.ViewRequest{Axis: "b"})
	if err != nil {
		t.Fatal(err)
	}
	if many.Grid == nil || len(many.X) != 0 {
		t.Fatalf("%d trials are not in cells", many.Total)
	}
	g := many.Grid
	// By hand: b = 10^(-5u) with u even in [0, 1), so that each of 60 columns of
	// a logarithmic axis has about a 60th of the trials.
	columns := make([]int, len(g.X)-1)
	total := 0
	for k, count := range g.Trials {
		columns[g.Column[k]] += count
		total += count
	}
	if total != many.Total || total != n-n/50 {
		t.Errorf("%d trials in cells, want %d", total, n-n/50)
	}
	for k, count := range columns {
		if count < total/60-10 || count > total/60+10 {
			t.Errorf("column %d has %d trials, want about %d", k, count, total/60)
		}
	}
	for k, winner := range g.Winner {
		if math.Abs(valueOf(winner)-g.Best[k]) > 1e-9 {
			t.Errorf("cell %d: trial %d has %v, not %v", k, winner, valueOf(winner), g.Best[k])
		}
	}
	for _, axis := range []string{"fixed", "nothing", ""} {
		if _, err := s.ViewSlice(t.Context(), "s", tourney.ViewRequest{Axis: axis}); tourney.AsInvalid(err) == nil {
			t.Errorf("axis %q: %v", axis, err)
		}
	}
}

func TestViewContourCountsCells(t *testing.T) {
	s := viewReader(t, 300)
	view, err := s.ViewContour(t.Context(), "s", tourney.ViewRequest{Axis: "c", Other: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(view.Grid.X, []float64{-0.5, 0.5, 1.5, 2.5}) {
		t.Errorf("edges of three levels: %v", view.Grid.X)
	}
	counts := [3]int{}
	for k, n := range view.Grid.Trials {
		counts[view.Grid.Column[k]] += n
	}
	var want [3]int
	for i := range 300 {
		if i%50 != 49 {
			want[i%3]++
		}
	}
	if counts != want {
		t.Errorf("trials by level %v, want %v", counts, want)
	}
}

func TestViewDistributionHasBothEnds(t *testing.T) {
	s := viewReader(t, 1000)
	view, err := s.ViewDistribution(t.Context(), "s", tourney.ViewRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var all []float64
	for i := range 1000 {
		if i%50 != 49 {
			all = append(all, valueOf(i))
		}
	}
	slices.Sort(all)
	slices.Reverse(all)
	last := len(view.Values) - 1
	if last != 399 || math.Abs(view.Values[0]-all[0]) > 1e-9 || math.Abs(view.Values[last]-all[979]) > 1e-9 {
		t.Fatalf("%d values from %v to %v, want 400 from %v to %v", last+1, view.Values[0], view.Values[last], all[0], all[979])
	}
	for k, share := range view.Share {
		if math.Abs(view.Values[k]-all[int(math.Round(share*980))-1]) > 1e-9 {
			t.Fatalf("a share of %v is as good as %v", share, view.Values[k])
		}
	}
}

func TestViewCurvesAreThinned(t *testing.T) {
	s := viewReader(t, 200)
	view, err := s.ViewCurves(t.Context(), "s", tourney.ViewRequest{Metric: "logloss", Pick: "best", Limit: 10, Where: where(t, "@number:0..100")})
	if err != nil {
		t.Fatal(err)
	}
	if len(view.Curves) != 10 || !slices.Equal(view.Metrics, []string{"accuracy", "logloss"}) {
		t.Fatalf("%d curves with %v", len(view.Curves), view.Metrics)
	}
	for _, c := range view.Curves {
		if c.Trial%9 != 0 {
			t.Errorf("trial %d has not come to the last rung: it is not one of the best ten", c.Trial)
		}
		n := len(c.Steps)
		if n > 200 || n < 100 || c.Steps[0] != 1 || c.Steps[n-1] != 512 {
			t.Fatalf("%d steps from %d to %d, want at most 200 from 1 to 512", n, c.Steps[0], c.Steps[n-1])
		}
		for k, step := range c.Steps {
			if math.Abs(c.Values[k]-1/float64(step)) > 1e-12 {
				t.Fatalf("step %d has %v", step, c.Values[k])
			}
		}
	}
	latest, err := s.ViewCurves(t.Context(), "s", tourney.ViewRequest{Pick: "latest", Limit: 3, Where: where(t, "@number:0..100;@rung:0..")})
	if err != nil || len(latest.Curves) != 3 || latest.Curves[0].Trial != 100 || latest.Curves[2].Trial != 97 {
		t.Errorf("the latest are %+v (%v), want 100, 98, 97", latest.Curves, err)
	}
}

func TestViewTimeline(t *testing.T) {
	s := viewReader(t, 100)
	few, err := s.ViewTimeline(t.Context(), "s", tourney.ViewRequest{})
	if err != nil {
		t.Fatal(err)
	}
	// 98 trials finished the first rung, of which 33 and 12 the others.
	attempts := 0
	for i := range 100 {
		if i%50 != 49 {
			attempts++
			if i%3 == 0 {
				attempts++
			}
			if i%9 == 0 {
				attempts++
			}
		}
	}
	if len(few.Bars) != attempts || few.Total != attempts || len(few.Workers) != 16 || few.Busy != nil {
		t.Errorf("%d bars of %d attempts on %d workers, want all of %d on 16", len(few.Bars), few.Total, len(few.Workers), attempts)
	}
	for _, bar := range few.Bars {
		if few.Workers[bar.Worker] != fmt.Sprintf("w%d", bar.Trial%16) || math.Abs(bar.End-bar.Start-1) > 1e-9 || math.Abs(bar.Start-float64(bar.Trial)) > 1e-3 {
			t.Fatalf("%+v on %s", bar, few.Workers[bar.Worker])
		}
	}
	many, err := viewReader(t, 2000).ViewTimeline(t.Context(), "s", tourney.ViewRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if len(many.Bars) != 0 || len(many.Busy) != 16 {
		t.Fatalf("%d bars, %d lanes", len(many.Bars), len(many.Busy))
	}
	// Each attempt was a second long, so that the stretches hold as many
	// seconds as there were attempts.
	seconds := 0.0
	for _, lane := range many.Busy {
		for _, busy := range lane {
			seconds += busy * many.Seconds / 120
		}
	}
	if math.Abs(seconds-float64(many.Total)) > 0.01 {
		t.Errorf("%v seconds of %d attempts of one second", seconds, many.Total)
	}
}

func TestViewFailuresAreGrouped(t *testing.T) {
	s := viewReader(t, 1000)
	view, err := s.ViewFailures(t.Context(), "s", tourney.ViewRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if view.Total != 20 || len(view.Groups) != 5 {
		t.Fatalf("%d failures in %d groups, want 20 in 5", view.Total, len(view.Groups))
	}
	for _, g := range view.Groups {
		if g.Count != 4 || g.State != tourney.TrialFailed || g.Reason != tourney.ReasonUserError || len(g.Trials) != 4 {
			t.Errorf("%+v", g)
		}
		// The line of trial i was "line i: cause X"; numbers are left out.
		newest := g.Trials[0]
		cause := string(rune('A' + newest/50%5))
		if g.Line != "line …: cause "+cause || g.Error != fmt.Sprintf("Traceback\nline %d: cause %s", newest, cause) {
			t.Errorf("%q, the newest of trial %d %q", g.Line, newest, g.Error)
		}
	}
}

func TestViewBracket(t *testing.T) {
	const n = 900
	s := viewReader(t, n)
	view, err := s.ViewBracket(t.Context(), "s", tourney.ViewRequest{})
	if err != nil {
		t.Fatal(err)
	}
	var reached, promoted [3]int
	best := [3]int{-1, -1, -1}
	for i := range n {
		if i%50 == 49 {
			continue
		}
		top := 0
		if i%3 == 0 {
			top = 1
		}
		if i%9 == 0 {
			top = 2
		}
		for r := range top + 1 {
			reached[r]++
			if r < top {
				promoted[r]++
			}
			if best[r] < 0 || valueOf(i) > valueOf(best[r]) {
				best[r] = i
			}
		}
	}
	for r, round := range view.Rounds {
		if round.Reached != reached[r] || round.Promoted != promoted[r] || round.Budget != []int{1, 3, 9}[r] {
			t.Errorf("rung %d: %d reached it, %d went on, want %d and %d", r, round.Reached, round.Promoted, reached[r], promoted[r])
		}
		// The value at rung r is the last one less 0.1 a rung below the top.
		if want := valueOf(best[r]) - 0.1*float64(2-r); math.Abs(*round.Best-want) > 1e-9 {
			t.Errorf("rung %d: the best has %v, want %v of trial %d", r, *round.Best, want, best[r])
		}
		for k := range round.Seats {
			if k > 0 && *round.Seats[k].Value > *round.Seats[k-1].Value {
				t.Fatalf("rung %d: seats are not from best to worst", r)
			}
			if trial := round.Seats[k].Trial; r > 0 && !slices.ContainsFunc(view.Rounds[r-1].Seats, func(s tourney.ViewSeat) bool { return s.Trial == trial }) {
				t.Errorf("trial %d sits at rung %d and not below", trial, r)
			}
		}
	}
	if top := view.Rounds[2]; top.Seats[0].Fate != tourney.FateWon || top.Seats[0].Trial != best[2] || top.Seats[1].Fate != tourney.FateOut {
		t.Errorf("the final is won by %+v, want trial %d", top.Seats[0], best[2])
	}
	if len(view.Rounds[0].Seats) > 60 {
		t.Errorf("%d seats", len(view.Rounds[0].Seats))
	}
}

func TestViewProgressCountsWhatWasSpent(t *testing.T) {
	s := viewReader(t, 90)
	view, err := s.ViewProgress(t.Context(), "s", tourney.ViewRequest{Price: 3.6})
	if err != nil {
		t.Fatal(err)
	}
	attempts, best, improved := 0, math.Inf(-1), []int{}
	for i := range 90 {
		if i%50 == 49 {
			continue
		}
		for r := range 3 {
			if r == 0 || r == 1 && i%3 == 0 || r == 2 && i%9 == 0 {
				attempts++
				if v := valueOf(i) - 0.1*float64(2-r); v > best {
					best = v
					improved = append(improved, i)
				}
			}
		}
	}
	if want := float64(attempts) / 3600; math.Abs(view.SlotHours-want) > 1e-6 || view.Cost == nil || math.Abs(*view.Cost-want*3.6) > 1e-6 {
		t.Errorf("%v slot hours for %v, want %v at 3.6 each", view.SlotHours, view.Cost, want)
	}
	var got []int
	for _, i := range view.Improvements {
		got = append(got, i.Trial)
	}
	if !slices.Equal(got, improved[max(0, len(improved)-20):]) {
		t.Errorf("improvements by %v, want %v", got, improved)
	}
	if none, err := s.ViewProgress(t.Context(), "s", tourney.ViewRequest{}); err != nil || none.Cost != nil {
		t.Errorf("without a price it costs %v (%v)", none.Cost, err)
	}
}

// What is committed is seen by the next look, of whatever view.
func TestViewsFollowTheLog(t *testing.T) {
	s := viewReader(t, 90)
	look := func() (tourney.ViewTable, tourney.ViewBracket, tourney.ViewTimeline) {
		t.Helper()
		table, err := s.ViewTable(t.Context(), "s", tourney.ViewRequest{})
		if err != nil {
			t.Fatal(err)
		}
		bracket, err := s.ViewBracket(t.Context(), "s", tourney.ViewRequest{})
		if err != nil {
			t.Fatal(err)
		}
		timeline, err := s.ViewTimeline(t.Context(), "s", tourney.ViewRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return table, bracket, timeline
	}
	before, rounds, _ := look()
	var seq int64
	for _, r := range rounds.Rounds {
		seq += int64(r.Reached)
	}
	commit := func(c *tourney.Change) {
		t.Helper()
		c.Sweep = "s"
		for i := range c.Events {
			seq++
			c.Events[i].Sweep, c.Events[i].Seq = "s", seq
		}
		if err := s.Commit(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	params := tourney.Params{"a": 0.5, "b": 0.1, "c": "y", "e": 0.25, "f": int64(3), "fixed": int64(3)}
	trial := tourney.Trial{Sweep: "s", Number: 90, State: tourney.TrialQueued, Params: params, Rung: -1}
	job := tourney.JobRow{JobID: tourney.JobID{Sweep: "s", Trial: 90}, Kind: tourney.JobRung, Budget: 1, State: tourney.JobQueued, New: true}
	commit(&tourney.Change{Events: []tourney.Event{{Body: tourney.Proposed{Trial: 90, Params: params}}}, Trials: []tourney.Trial{trial}, Jobs: []tourney.JobRow{job}})
	after, rounds, _ := look()
	if after.Total != before.Total+1 || rounds.Rounds[0].Training != 1 {
		t.Errorf("%d trials, %d of them training, after one was proposed to %d", after.Total, rounds.Rounds[0].Training, before.Total)
	}
	// It is claimed: no event tells, and the table knows all the same.
	trial.State, trial.Attempts = tourney.TrialRunning, 1
	attempt := tourney.AttemptRow{Token: tourney.Token{Sweep: "s", Trial: 90, Attempt: 1, Epoch: s.Epoch()}, Worker: "w99", New: true}
	job.New, job.State, job.Attempt, job.Worker = false, tourney.JobRunning, 1, "w99"
	commit(&tourney.Change{Trials: []tourney.Trial{trial}, Jobs: []tourney.JobRow{job}, Attempts: []tourney.AttemptRow{attempt}})
	running, err := s.ViewTable(t.Context(), "s", tourney.ViewRequest{Where: where(t, "@state:1")})
	if err != nil || running.Total != 1 || running.Items[0].Number != 90 {
		t.Errorf("running: %+v (%v)", running, err)
	}
	_, _, timeline := look()
	if last := timeline.Bars[len(timeline.Bars)-1]; timeline.Workers[last.Worker] != "w99" || last.Outcome != "" {
		t.Errorf("the newest attempt is %+v", last)
	}
	value := 2.0
	trial.State, trial.Rung, trial.Step, trial.BestStep, trial.Value = tourney.TrialPaused, 0, 1, 1, &value
	attempt.New, attempt.Outcome, attempt.Step = false, tourney.OutcomeDone, 1
	job.State, job.Was = tourney.JobDone, 1
	commit(&tourney.Change{
		Events: []tourney.Event{{Body: tourney.Reported{Trial: 90, End: tourney.End{Outcome: tourney.OutcomeDone, Step: 1, BestStep: 1, Value: &value}}}},
		Trials: []tourney.Trial{trial}, Jobs: []tourney.JobRow{job}, Attempts: []tourney.AttemptRow{attempt},
	})
	_, rounds, timeline = look()
	if seat := rounds.Rounds[0].Seats[0]; seat.Trial != 90 || *seat.Value != 2 || seat.Fate != tourney.FateWaiting {
		t.Errorf("the best of the first rung is %+v", seat)
	}
	if last := timeline.Bars[len(timeline.Bars)-1]; last.Outcome != tourney.OutcomeDone {
		t.Errorf("the attempt that ended is %+v", last)
	}
	// Events that share a row of the log are followed as others are.
	trial.State = tourney.TrialPruned
	var ends []tourney.Event
	for _, n := range []int{88, 90, 89} {
		ends = append(ends, tourney.Event{Body: tourney.Ended{Trial: n, State: tourney.TrialPruned}})
	}
	commit(&tourney.Change{Events: ends, Trials: []tourney.Trial{trial}})
	table, _, _ := look()
	for i := range table.Items {
		if row := &table.Items[i]; row.Number == 90 && row.State != tourney.TrialPruned {
			t.Errorf("the trial that ended is %s", row.State)
		}
	}
}

// At 100,000 trials every view is whole, and of a bounded size.
func TestViewsOfAHundredThousandTrials(t *testing.T) {
	if testing.Short() {
		t.Skip("builds a database of 100,000 trials")
	}
	s := bigReader(t)
	for name, look := range looks(s) {
		view, err := look(t)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		text, err := json.Marshal(view)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if len(text) > 1<<20 {
			t.Errorf("%s is %d bytes", name, len(text))
		}
	}
}

func looks(s *store.Store) map[string]func(tb testing.TB) (any, error) {
	req := tourney.ViewRequest{Axis: "a", Other: "b"}
	selected := req
	selected.Where = []tourney.Clause{{Name: "a", Low: 0.2, High: 0.7}, {Name: "c", Places: []int{0, 2}}}
	table := req
	table.Sort, table.Offset, table.Limit = "-value", 50_000, 100
	all := req
	all.Limit = 100
	return map[string]func(tb testing.TB) (any, error){
		"table":        func(tb testing.TB) (any, error) { return s.ViewTable(tb.Context(), "s", table) },
		"parallel":     func(tb testing.TB) (any, error) { return s.ViewParallel(tb.Context(), "s", req) },
		"selected":     func(tb testing.TB) (any, error) { return s.ViewParallel(tb.Context(), "s", selected) },
		"slice":        func(tb testing.TB) (any, error) { return s.ViewSlice(tb.Context(), "s", req) },
		"contour":      func(tb testing.TB) (any, error) { return s.ViewContour(tb.Context(), "s", req) },
		"distribution": func(tb testing.TB) (any, error) { return s.ViewDistribution(tb.Context(), "s", req) },
		"curves":       func(tb testing.TB) (any, error) { return s.ViewCurves(tb.Context(), "s", all) },
		"timeline":     func(tb testing.TB) (any, error) { return s.ViewTimeline(tb.Context(), "s", req) },
		"failures":     func(tb testing.TB) (any, error) { return s.ViewFailures(tb.Context(), "s", req) },
		"bracket":      func(tb testing.TB) (any, error) { return s.ViewBracket(tb.Context(), "s", req) },
		"progress":     func(tb testing.TB) (any, error) { return s.ViewProgress(tb.Context(), "s", req) },
		"history":      func(tb testing.TB) (any, error) { return s.History(tb.Context(), "s", 2000) },
	}
}

// BenchmarkViewFirst looks at the board of such a sweep as a server does that
// has just started.
func BenchmarkViewFirst(b *testing.B) {
	s := bigReader(b) // builds it
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.StopTimer()
		s := openView(b, bigDir.path)
		b.StartTimer()
		if _, err := s.ViewTable(b.Context(), "s", tourney.ViewRequest{}); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}

// BenchmarkView looks at a sweep of 100,000 trials that was looked at before.
// The time of the processor is told as well, which a busy machine changes less.
func BenchmarkView(b *testing.B) {
	s := bigReader(b)
	for name, look := range looks(s) {
		b.Run(name, func(b *testing.B) {
			if _, err := look(b); err != nil {
				b.Fatal(err)
			}
			start := cpu(b)
			for b.Loop() {
				if _, err := look(b); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(cpu(b)-start)/1e6/float64(b.N), "cpu-ms/op")
		})
	}
}

// cpu is the time that this process has used of processors.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
