package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"

	"tourney"
	"tourney/bench/report"
	"tourney/bench/stats"
	"tourney/search/searchtest/suite"
)

// run is one run of the benchmark.
type run struct {
	*report.Report
	env
	quick  bool
	seeds  int
	trials int // 0: as the plan says
	wide   int // tasks at a time
	out    string
	optuna string // "Optuna 5.0.0"
}

// capped bounds trials by what the command line says.
func (r *run) capped(n int) int {
	if r.trials > 0 {
		return min(n, r.trials)
	}
	return n
}

// goal is what ours should reach after so many trials.
type goal struct {
	n    int
	goal float64
}

// The goals of issue 6: of the default, one at a time and with 16 pending, and on
// the tables.
var (
	oneGoals   = []goal{{25, -1.10}, {50, -1.75}, {100, -2.05}, {200, -2.15}}
	batchGoals = []goal{{25, math.NaN()}, {50, math.NaN()}, {100, -1.85}, {200, math.NaN()}}
	tableGoals = []goal{{50, -2.10}, {100, -2.50}}
)

// compare adds the rows of two contestants at all counts that both played.
func (r *run) compare(m *match, name, peerName string, ours, theirs contestant, goals []goal) {
	for _, g := range goals {
		if !m.has(ours.String(), g.n) || !m.has(theirs.String(), g.n) {
			r.Skip(r.shorter(), fmt.Sprintf("%s, n=%d, vs %s", name, g.n, peerName))
			continue
		}
		row := m.row(name, peerName, ours, theirs, g.n)
		if !math.IsNaN(g.goal) {
			row = row.WithGoal(report.Decade, g.goal)
		}
		r.Add(row)
	}
}

// shorter says why a row has no runs that are long enough.
func (r *run) shorter() string {
	if r.quick {
		return "quick run"
	}
	return "fewer trials were asked for"
}

// names of the rows of a section, for when it is skipped.
const (
	functionRows = "18 functions: default, gp, tpe, tpe-optuna5, cmaes, random; failures, conditions"
	tableRows    = "9 real tables: default, tpe, random; repeats"
	curveRows    = "5 curve tables: early stopping through the coordinator; model's pick"
	costRows     = "CPU time of an ask: gp n=100 d=10, tpe n=200, tpe n=10,000"
)

func without(goals []goal) []goal {
	out := make([]goal, len(goals))
	for i, g := range goals {
		out[i] = goal{g.n, math.NaN()}
	}
	return out
}

// functions plays the 18 functions.
func (r *run) functions(ctx context.Context) error {
	problems, err := functions()
	if err != nil {
		return err
	}
	if err := r.sameFunctions(ctx, problems); err != nil {
		return err
	}
	long, short := r.capped(200), r.capped(100)
	if r.quick {
		long = short
	}
	ours := func(m tourney.Method, how mode, n int) contestant {
		return contestant{method: m, how: how, n: n, seeds: r.seeds}
	}
	theirs := func(s string, how mode, n int) contestant {
		return contestant{sampler: s, how: how, n: n, seeds: r.seeds}
	}
	auto, def := ours(tourney.MethodAuto, one, long), theirs("default", one, long)
	autoBatch, defBatch := ours(tourney.MethodAuto, batch, long), theirs("default", batch, long)
	autoAsync, defAsync := ours(tourney.MethodAuto, async, short), theirs("default", async, short)
	tpe, tpe5 := ours(tourney.MethodTPE, one, long), ours(tourney.MethodTPE5, one, long)
	tpe5Batch := ours(tourney.MethodTPE5, batch, short)
	gp, gpTheirs, gpBatch := ours(tourney.MethodGP, one, short), theirs("gp", one, short), theirs("gp", batch, short)
	gpBatch.seeds = min(gpBatch.seeds, 10) // a run takes it a quarter of a minute, and on the tables too
	cma, cmaTheirs := ours(tourney.MethodCMAES, one, long), theirs("cmaes", one, long)
	random, randomTheirs := ours(tourney.MethodRandom, one, long), theirs("random", one, long)
	all := []contestant{auto, def, tpe, tpe5, random, randomTheirs, autoBatch, defBatch, tpe5Batch, gpTheirs}
	if r.quick {
		gpTheirs.n, gpTheirs.seeds = r.capped(25), 1 // its asks take longer than all else together
		r.Note("Optuna's GPSampler has one seed of %d trials here: its row says little.", gpTheirs.n)
		all[len(all)-1] = gpTheirs
	} else {
		all = append(all, gp, gpBatch, cma, cmaTheirs, autoAsync, defAsync)
	}
	m, err := meet(ctx, &r.env, "functions", problems, all, r.wide)
	if err != nil {
		return err
	}
	if err := m.raw(r.out, "functions"); err != nil {
		return err
	}
	gpName, cmaName, randomName := r.optuna+" GPSampler", r.optuna+" CmaEsSampler", r.optuna+" RandomSampler"
	def5 := r.optuna + " default"
	r.compare(m, "search auto, 18 functions, one at a time", def5, auto, def, oneGoals)
	r.compare(m, "search auto, 18 functions, one at a time", gpName, auto, gpTheirs, without(oneGoals[:3]))
	r.compare(m, "search auto, 18 functions, 16 pending", def5, autoBatch, defBatch, batchGoals)
	r.compare(m, "search auto, 18 functions, 16 pending", gpName, autoBatch, gpBatch, without(batchGoals[:3]))
	r.compare(m, "search auto, 18 functions, 16 pending, any order", def5, autoAsync, defAsync, without(batchGoals[2:3]))
	r.compare(m, "search tpe, 18 functions, one at a time", def5, tpe, def, without(oneGoals[2:]))
	r.compare(m, "search tpe-optuna5, 18 functions, one at a time", def5, tpe5, def, without(oneGoals[2:]))
	r.compare(m, "search tpe-optuna5, 18 functions, 16 pending", def5, tpe5Batch, defBatch, without(oneGoals[2:3]))
	r.compare(m, "search gp, 18 functions, one at a time", gpName, gp, gpTheirs, without(oneGoals[:3]))
	r.compare(m, "search cmaes, 18 functions, one at a time", cmaName, cma, cmaTheirs, without(oneGoals[2:]))
	r.compare(m, "search random, 18 functions, one at a time", randomName, random, randomTheirs, without(oneGoals[2:3]))
	r.single(m, "nanhart3", 100, 0.005, auto, def, def5)
	r.single(m, "cond8", 100, 0.011, auto, def, def5)
	r.single(m, "cond8", 200, 0.003, auto, def, def5)
	failed := func(o *outcome) []int { return o.Failed }
	at := m.on("nanhart3")
	r.Add(report.New(fmt.Sprintf("search auto, nanhart3, trials that fail, n=%d", short), def5, "%", report.Lower,
		m.share(auto.String(), at, short, failed), m.share(def.String(), at, short, failed)).WithGoal(report.Lower, 35))
	for _, n := range []int{50, 100, 200} {
		if n <= long {
			r.Note("%s", m.medians(n))
		}
	}
	if r.seeds < 4 {
		r.Note("With %d seeds no difference is significant at 0.05: wins are counted from 4 seeds on.", r.seeds)
	}
	return nil
}

// single adds the row of the median regret on one problem.
func (r *run) single(m *match, name string, n int, goal float64, ours, theirs contestant, peerName string) {
	row := fmt.Sprintf("search auto, %s, median regret, n=%d", name, n)
	if !m.has(ours.String(), n) || !m.has(theirs.String(), n) {
		r.Skip(r.shorter(), row)
		return
	}
	i := m.on(name)
	a, b := stats.Median(m.regrets(ours.String(), i, n)), stats.Median(m.regrets(theirs.String(), i, n))
	r.Add(report.New(row, peerName, "regret", report.Lower, a, b).WithGoal(report.Lower, goal))
}

// sameFunctions holds our functions against the peer's, at points of ours, so
// that both are known to search the same.
func (r *run) sameFunctions(ctx context.Context, problems []problem) error {
	w := &worker{env: &r.env}
	python, err := w.python(ctx)
	if err != nil {
		return err
	}
	for i := range problems {
		p := &problems[i]
		probe, err := points(p, 20)
		if err != nil {
			return err
		}
		for _, params := range probe {
			u, err := p.point(params)
			if err != nil {
				return err
			}
			var theirs struct{ Value *float64 }
			if err := python.Call(map[string]any{"op": "value", "func": p.Name, "params": params}, &theirs); err != nil {
				return fmt.Errorf("%s at %v: %w", p.Name, params, err)
			}
			ours := p.Truth(u)
			same := math.IsNaN(ours) && theirs.Value == nil ||
				theirs.Value != nil && math.Abs(ours-*theirs.Value) <= 1e-9*max(1, math.Abs(*theirs.Value))
			if !same {
				return fmt.Errorf("%s at %s is %v here, and not so for the peer", p.Name, params.Key(), ours)
			}
		}
	}
	return python.Close()
}

// tables plays the nine tables.
func (r *run) tables(ctx context.Context) error {
	folder := filepath.Join(r.shared, "tables")
	read, err := suite.Tables(os.DirFS(folder))
	if err != nil {
		return err
	}
	problems := make([]problem, len(read))
	for i, p := range read {
		if problems[i], err = tableProblem(p, filepath.Join(folder, p.Name+".csv.gz")); err != nil {
			return err
		}
	}
	n := r.capped(100)
	auto, tpe := contestant{method: tourney.MethodAuto, how: one, n: n, seeds: r.seeds}, contestant{method: tourney.MethodTPE, how: one, n: n, seeds: r.seeds}
	random := contestant{method: tourney.MethodRandom, how: one, n: n, seeds: r.seeds}
	def, gp := contestant{sampler: "default", how: one, n: n, seeds: r.seeds}, contestant{sampler: "gp", how: one, n: n, seeds: min(r.seeds, 10)}
	all := []contestant{auto, def, random, tpe}
	if !r.quick {
		all = append(all, gp)
	}
	m, err := meet(ctx, &r.env, "tables", problems, all, r.wide)
	if err != nil {
		return err
	}
	if err := m.raw(r.out, "tables"); err != nil {
		return err
	}
	r.compare(m, "search auto, 9 real tables", r.optuna+" default", auto, def, tableGoals)
	r.compare(m, "search auto, 9 real tables", r.optuna+" GPSampler", auto, gp, without(tableGoals))
	r.compare(m, "search tpe, 9 real tables", r.optuna+" default", tpe, def, without(tableGoals))
	repeats := func(o *outcome) []int { return o.Repeats }
	r.Add(report.New(fmt.Sprintf("search auto, 9 real tables, repeated trials, n=%d", n), r.optuna+" default", "%", report.Lower,
		m.share(auto.String(), -1, n, repeats), m.share(def.String(), -1, n, repeats)).WithGoal(report.Lower, 0))
	r.Note("%s", m.medians(n))
	return nil
}

var errNoShared = errors.New("needs the folder of suites, tables and curves (-shared, ../shared/hpo), which is not there")
