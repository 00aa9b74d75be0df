package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"time"

	"tourney"
	"tourney/bench/report"
	"tourney/bench/stats"
	"tourney/store"
)

// flight is how many trials are under way where they are pipelined.
const flight = 4096

// done is how fast a contender was, and what it found.
type done struct {
	rate, best float64
	busy       float64 // processor time of a trial, in µs; of ours
}

// sweep runs a sweep to its end and returns its trials a second, from the
// request that creates it to when the last of them was seen on the board; a
// trial of it all is refitted after that.
func (r *run) sweep(ctx context.Context, c *cluster, order string, trials, parallelism, seed int) (done, error) {
	before, err := c.processTime()
	if err != nil {
		return done{}, err
	}
	begin := time.Now()
	s, err := c.create(ctx, "rate", order, trials, parallelism, seed, "")
	if err != nil {
		return done{}, err
	}
	s, err = c.await(ctx, s.ID, look(trials), func(s status) bool { return s.done() >= trials })
	if err != nil {
		return done{}, err
	}
	rate := float64(trials) / time.Since(begin).Seconds()
	after, err := c.processTime()
	if err != nil {
		return done{}, err
	}
	busy := 1e6 * (after - before) / float64(trials)
	if s, err = c.await(ctx, s.ID, 20*time.Millisecond, func(s status) bool { return s.State == "completed" }); err != nil {
		return done{}, err
	}
	if s.done() != trials || s.Best == nil {
		return done{}, fmt.Errorf("%d of %d trials are on the board", s.done(), trials)
	}
	r.say("%s, parallelism %d: %.0f trials/s, %.0f µs of processors a trial", order, parallelism, rate, busy)
	return done{rate, s.Best.Value, busy}, nil
}

// look is how often a sweep of so many trials is looked at. A look costs the
// coordinator more than some trials: there are to be few, and late by little.
func look(trials int) time.Duration {
	return max(20*time.Millisecond, time.Duration(trials)*time.Microsecond)
}

// rate lets us and the peers take turns.
func (r *run) rate(ctx context.Context) (err error) {
	many, few, theirs := 100_000, 1000, map[string]int{"sqlite": 200, "journal": 1000}
	if r.quick {
		many, few, theirs = 40_000, 500, map[string]int{"sqlite": 100, "journal": 500}
	}
	c, err := r.cluster(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	ours, peers := map[string][]done{}, map[string][]done{}
	if _, err := r.sweep(ctx, c, "arrival", 2000, flight, 1); err != nil { // until all is warm
		return err
	}
	for round := range r.repetitions {
		for _, o := range []struct {
			name, order       string
			trials, most, own int
		}{
			{"pipelined", "arrival", many, flight, 1}, {"fixed", "fixed", many, flight, 1}, {"single", "arrival", few, 1, 1},
		} {
			d, err := r.sweep(ctx, c, o.order, o.trials, o.most, round+1)
			if err != nil {
				return err
			}
			ours[o.name] = append(ours[o.name], d)
		}
		for _, storage := range []string{"sqlite", "journal"} {
			for _, processes := range []int{1, 2} {
				d, err := r.theirs(ctx, storage, theirs[storage], processes)
				if err != nil {
					return err
				}
				key := fmt.Sprint(storage, processes)
				peers[key] = append(peers[key], d)
			}
		}
	}
	r.rateRows(ours, peers)
	r.Note("Of ours, %d trials each, %d of them under way, a coordinator and %d workers of one slot, synchronous=FULL; one at a time, %d trials. Of Optuna's, %d trials on SQLite and %d on its journal, in one process and in two. %d rounds, all taking turns in each; medians.",
		many, flight, workers, few, theirs["sqlite"], theirs["journal"], r.repetitions)
	return nil
}

// theirs has the peer do its trials.
func (r *run) theirs(ctx context.Context, storage string, trials, processes int) (d done, err error) {
	p, err := r.peer(ctx)
	if err != nil {
		return d, err
	}
	defer func() { err = errors.Join(err, p.Close()) }()
	r.clusters++
	var a struct {
		Seconds, Best float64
		Trials        int
	}
	path := filepath.Join(r.work, fmt.Sprintf("peer%d", r.clusters))
	if err := p.Call(map[string]any{"op": "run", "storage": storage, "path": path, "trials": trials, "processes": processes}, &a); err != nil {
		return d, err
	}
	if a.Trials != trials {
		return d, fmt.Errorf("Optuna did %d of %d trials", a.Trials, trials) //nolint:staticcheck // a name
	}
	r.say("Optuna %s, %d processes: %.0f trials/s", storage, processes, float64(trials)/a.Seconds)
	return done{rate: float64(trials) / a.Seconds, best: a.Best}, nil
}

func (r *run) rateRows(ours, peers map[string][]done) {
	median := func(all []done, f func(done) float64) float64 {
		values := make([]float64, len(all))
		for i, d := range all {
			values[i] = f(d)
		}
		return stats.Median(values)
	}
	rate, best := func(d done) float64 { return d.rate }, func(d done) float64 { return d.best }
	row := func(name, own, peer, key string) report.Row {
		theirs := 0.0
		if key != "" {
			theirs = median(peers[key], rate)
		}
		row := report.New(name, peer, "trials/s", report.Higher, median(ours[own], rate), theirs)
		if key != "" {
			row = row.WithQuality("best value", median(ours[own], best), median(peers[key], best))
		} else {
			row.Ratio = report.None
		}
		return row
	}
	sqlite, journal := r.optuna+", SQLite", r.optuna+", journal"
	single := median(peers["sqlite1"], rate)
	r.Add(
		row("no-op trials, pipelined, durable", "pipelined", "", "").WithGoal(report.Higher, 10_000),
		row("no-op trials, pipelined, durable, order fixed", "fixed", "", "").WithGoal(report.Higher, 10_000),
		report.New("processor time of a no-op trial, coordinator and workers", "", "µs", report.Lower, median(ours["pipelined"], func(d done) float64 { return d.busy }), 0),
		row("no-op trials, pipelined, durable", "pipelined", sqlite+", 1 process", "sqlite1"),
		row("no-op trials, pipelined, durable", "pipelined", sqlite+", 2 processes", "sqlite2"),
		row("no-op trials, pipelined, durable", "pipelined", journal+", 1 process", "journal1"),
		row("no-op trials, pipelined, durable", "pipelined", journal+", 2 processes", "journal2"),
		row("no-op trials, one at a time, durable", "single", sqlite+", 1 process", "sqlite1").WithGoal(report.Higher, 10*single),
		row("no-op trials, one at a time, durable", "single", journal+", 1 process", "journal1").WithGoal(report.Higher, 1.5*median(peers["journal1"], rate)),
	)
}

// pace is the rate at which the latency is measured.
const pace = 500 // trials a second

// latency keeps so many trials under way that about pace of them end in a
// second, each after a time of its own, and reads from the log how much longer
// each took from when it was queued to when it was folded.
func (r *run) latency(ctx context.Context) (err error) {
	trials := map[bool]int{false: 60 * pace, true: 15 * pace}[r.quick]
	c, err := r.cluster(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	s, err := c.create(ctx, "latency", "arrival", trials, pace, 1, "  ms: {distribution: uniform, min: 500, max: 1500}\n")
	if err != nil {
		return err
	}
	if s, err = c.await(ctx, s.ID, 100*time.Millisecond, func(s status) bool { return s.State == "completed" }); err != nil {
		return err
	}
	if err := c.close(); err != nil {
		return err
	}
	sync, err := syncs(r.work, 300)
	if err != nil {
		return err
	}
	late, seconds, err := r.lateness(ctx, c.data(), s.ID)
	if err != nil {
		return err
	}
	// An event's time is when its transaction began; its end is a sync later.
	last := 1000 * stats.Median(sync)
	for i := range late {
		late[i] += last
	}
	r.Add(
		report.New(fmt.Sprintf("from offer to board at %d trials/s: p99", pace), "", "ms", report.Lower, quantile(late, 0.99), 0).WithGoal(report.Lower, 25),
		report.New(fmt.Sprintf("from offer to board at %d trials/s: p50", pace), "", "ms", report.Lower, quantile(late, 0.5), 0),
	)
	r.Note("The latency is that of %d trials at %.0f trials/s, %d of them under way, which last 0.5 to 1.5 s each: the time from the commit that queued a trial to the commit that folded it, less what it lasted. It holds the two commits, the offer, the claim and its commit, the report, and up to 2 ms in which the trainer looks at its clock.",
		len(late), float64(len(late))/seconds, pace)
	return nil
}

// lateness reads from the log of a sweep how much longer than its own time each
// trial took, in milliseconds. The first, which were queued all at once, are
// left out.
func (r *run) lateness(ctx context.Context, dir, sweep string) (late []float64, seconds float64, err error) {
	db, err := store.OpenReadOnly(ctx, dir)
	if err != nil {
		return nil, 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	type began struct {
		at time.Time
		ms float64
	}
	queued := map[int]*began{}
	var first, last time.Time
	for after := int64(0); ; {
		events, err := db.Events(ctx, sweep, after, 10_000)
		if err != nil || len(events) == 0 {
			return late, last.Sub(first).Seconds(), err
		}
		for _, e := range events {
			switch body := e.Body.(type) {
			case tourney.Proposed:
				ms, _ := body.Params.Float("ms", 0)
				queued[body.Trial] = &began{ms: ms}
			case tourney.Queued:
				if body.For == tourney.JobRung {
					queued[body.Trial].at = e.At
				}
			case tourney.Reported:
				q := queued[body.Trial]
				if body.Trial < 2*pace || q == nil {
					continue
				}
				delete(queued, body.Trial)
				if first.IsZero() {
					first = e.At
				}
				last = e.At
				late = append(late, 1000*e.At.Sub(q.at).Seconds()-q.ms)
			}
		}
		after = events[len(events)-1].Seq
	}
}

// growth fills one sweep, and looks at it on the way.
func (r *run) growth(ctx context.Context) (err error) {
	sizes := []int{100_000, 1_000_000}
	if r.quick {
		sizes = sizes[:1]
		r.Skip("takes minutes", "no-op trials, when 1,000,000 are there")
	}
	c, err := r.cluster(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.close()) }()
	s, err := c.create(ctx, "growth", "arrival", sizes[len(sizes)-1]+500_000, flight, 1, "")
	if err != nil {
		return err
	}
	var rates []float64
	for _, size := range sizes {
		rate, err := r.grow(ctx, c, s.ID, size)
		if err != nil {
			return err
		}
		rates = append(rates, rate)
		if err := r.weigh(ctx, c, s.ID, size); err != nil {
			return err
		}
	}
	if len(rates) == 2 {
		r.Add(report.New("no-op trials, when 1,000,000 are there, as a share of the rate at 100,000", "", "%", report.Higher, 100*rates[1]/rates[0], 0).
			WithGoal(report.Higher, 70))
		r.Note("One sweep grew to a million trials: at %.0f trials/s while it came to 100,000 and at %.0f trials/s while it came to 1,000,000, each over its last %d.", rates[0], rates[1], stretch)
	}
	return nil
}

// stretch is how many trials the rate of a sweep that grows is measured over.
const stretch = 40_000

// grow waits until a sweep has so many trials, and returns its rate at the end.
func (r *run) grow(ctx context.Context, c *cluster, id string, size int) (float64, error) {
	reach := func(n int) (status, error) {
		return c.await(ctx, id, look(stretch), func(s status) bool { return s.done() >= n })
	}
	from, err := reach(size - stretch)
	if err != nil {
		return 0, err
	}
	begin := time.Now()
	to, err := reach(size)
	if err != nil {
		return 0, err
	}
	rate := float64(to.done()-from.done()) / time.Since(begin).Seconds()
	r.say("%d trials: %.0f trials/s", size, rate)
	return rate, nil
}

// weigh measures what a sweep of that size costs: memory, the board, and the
// time until a coordinator that was killed takes work again.
func (r *run) weigh(ctx context.Context, c *cluster, id string, size int) error {
	at := map[int]string{100_000: "100,000", 1_000_000: "1,000,000"}[size] + " trials"
	if err := c.call(ctx, http.MethodPost, "/api/v1/sweeps/"+id+"/pause", "", nil, nil); err != nil {
		return err
	}
	memory, err := c.memory()
	if err != nil {
		return err
	}
	reads := func(n int, read func() error) ([]float64, error) {
		var took []float64
		for range n {
			begin := time.Now()
			if err := read(); err != nil {
				return nil, err
			}
			took = append(took, 1000*time.Since(begin).Seconds())
		}
		return took, nil
	}
	asked, err := reads(200, func() error {
		return c.call(ctx, http.MethodGet, "/api/v1/sweeps/"+id+"/leaderboard?limit=100", "", nil, nil)
	})
	if err != nil {
		return err
	}
	if err := c.kill(); err != nil {
		return err
	}
	begin := time.Now()
	if err := c.startBoss(ctx); err != nil {
		return err
	}
	recovery := time.Since(begin).Seconds()
	if err := c.kill(); err != nil {
		return err
	}
	db, err := store.OpenReadOnly(ctx, c.data())
	if err != nil {
		return err
	}
	read, err := reads(500, func() error {
		_, _, err := db.Leaderboard(ctx, id, tourney.Page{Limit: 100})
		return err
	})
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if err := c.startBoss(ctx); err != nil {
		return err
	}
	if err := c.call(ctx, http.MethodPost, "/api/v1/sweeps/"+id+"/resume", "", nil, nil); err != nil {
		return err
	}
	r.say("%s: recovery %.2f s, board %.2f ms, %.0f MB", at, recovery, stats.Median(read), memory/1e6)
	back := report.New("a killed coordinator takes work again, "+at, "", "s", report.Lower, recovery, 0)
	if size == 100_000 {
		back = back.WithGoal(report.Lower, 2)
	}
	r.Add(
		report.New("the 100 best of "+at+", in the store: p50", "", "ms", report.Lower, stats.Median(read), 0).WithGoal(report.Lower, 1),
		report.New("the 100 best of "+at+", over HTTP: p50", "", "ms", report.Lower, stats.Median(asked), 0),
		back,
		report.New("resident memory of the coordinator, "+at, "", "MB", report.Lower, memory/1e6, 0),
	)
	return nil
}
