// Command search measures what our samplers and schedulers find, beside Optuna
// in the same run, and what an ask costs. See docs/benchmarks.md for the method,
// and `make bench-search` for how it is run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"tourney/bench/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench search:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be stopped
	}
}

// sections are the parts of the benchmark, with the rows that each has.
var sections = []struct{ name, rows string }{
	{"functions", functionRows}, {"tables", tableRows}, {"curves", curveRows}, {"cost", costRows},
}

func bench(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("search", flag.ContinueOnError)
	root := flags.String("root", ".", "the repository")
	python := flags.String("python", "bench/.venv/bin/python", "the interpreter with the peers of bench/requirements.txt")
	shared := flags.String("shared", "../shared/hpo", "the folder with suites, tables and curves")
	quick := flags.Bool("quick", false, "the main rows, from fewer seeds")
	seeds := flags.Int("seeds", 0, "runs of each contestant on each problem (20, quick 3)")
	trials := flags.Int("trials", 0, "trials of a run at most, to try the benchmark out")
	wide := flags.Int("wide", runtime.NumCPU(), "runs at a time, where no time is measured")
	only := flags.String("only", "", "sections, by commas: functions, tables, curves, cost")
	out := flags.String("out", "bench/out", "where the results go")
	name := flags.String("name", "search", "name of the files with the results")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *seeds == 0 {
		*seeds = 20
		if *quick {
			*seeds = 3
		}
	}
	r := &run{Report: &report.Report{Name: *name}, quick: *quick, seeds: *seeds, trials: *trials, wide: *wide}
	var err error
	for path, to := range map[string]*string{*root: &r.root, *python: &r.python, *out: &r.out} {
		if *to, err = filepath.Abs(path); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Join(*shared, "suite_functions.py")); err == nil {
		if r.shared, err = filepath.Abs(*shared); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(r.out, 0o750); err != nil {
		return err
	}
	if err := r.look(ctx); err != nil {
		return err
	}
	if err := r.sections(ctx, *only); err != nil {
		return err
	}
	return r.Write(r.out, os.Stdout)
}

// look asks the peer for its versions and sees where it runs.
func (r *run) look(ctx context.Context) error {
	w := &worker{env: &r.env}
	peer, err := w.python(ctx)
	if err != nil {
		return fmt.Errorf("%w; make bench-env makes the peers' environment", err)
	}
	var v struct {
		Versions []string
		Python   string
	}
	if err := peer.Call(map[string]string{"op": "versions"}, &v); err != nil {
		return fmt.Errorf("%w; make bench-env makes the peers' environment", err)
	}
	r.optuna = "Optuna " + strings.TrimPrefix(v.Versions[0], "optuna ")
	r.Machine = report.ThisMachine(r.root, append(v.Versions, "Python "+v.Python)...)
	r.Note("%d seeds; runs at a time where no time is measured: %d", r.seeds, r.wide)
	fmt.Fprintln(os.Stderr, r.Machine)
	return peer.Close()
}

// sections runs those that are asked for.
func (r *run) sections(ctx context.Context, only string) error {
	asked := strings.Split(only, ",")
	for _, s := range sections {
		if only != "" && !slices.Contains(asked, s.name) {
			r.Skip("not asked for", s.rows)
			continue
		}
		if r.shared == "" {
			r.Skip(errNoShared.Error(), s.rows)
			continue
		}
		var err error
		switch s.name {
		case "functions":
			err = r.functions(ctx)
		case "tables":
			err = r.tables(ctx)
		case "curves":
			err = r.earlyStopping(ctx)
		case "cost":
			err = r.cost(ctx)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
		// What was measured so far is kept if a later section fails.
		if err := r.Write(r.out, io.Discard); err != nil {
			return err
		}
	}
	if only == "" {
		return nil
	}
	for _, name := range asked {
		if !slices.ContainsFunc(sections, func(s struct{ name, rows string }) bool { return s.name == name }) {
			return errors.New("no section " + name + "; there are functions, tables, curves, cost")
		}
	}
	return nil
}
