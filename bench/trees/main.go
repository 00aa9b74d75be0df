// Command trees measures how fast boosted trees are trained, beside LightGBM,
// XGBoost, scikit-learn and Spark in the same run. See docs/benchmarks.md for
// the method, and `make bench-trees` for how it is run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tourney/bench/peer"
	"tourney/bench/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench trees:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be stopped
	}
}

// run is one run of the benchmark.
type run struct {
	*report.Report
	root, python, files, work      string
	quick                          bool
	cpu                            bool // CPU time counts, not time
	rows                           int  // of the made-up table
	repetitions                    int
	lightgbm, xgboost, scikitLearn string // with versions
	tables                         map[string]table
}

var sections = []struct {
	name, rows string
	run        func(*run, context.Context) error
}{
	{"tree", "time per tree, prediction, memory", (*run).perTree},
	{"tournament", "32 trials, binned anew, once, in folds, of different lengths", (*run).tournaments},
	{"memory", "a table much larger than memory", (*run).memory},
	{"real", "real tables", (*run).real},
	{"spark", "beside Spark MLlib", (*run).spark},
}

func bench(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("trees", flag.ContinueOnError)
	child := flags.Bool("serve", false, "do orders from standard input; for this program itself")
	root := flags.String("root", ".", "the repository")
	python := flags.String("python", "bench/.venv/bin/python", "the interpreter with the peers of bench/requirements.txt")
	files := flags.String("files", "../shared/data", "the folder with real tables")
	quick := flags.Bool("quick", false, "the main rows, from smaller tables")
	rows := flags.Int("rows", 0, "rows of the made-up table (1e6, quick 2e5)")
	only := flags.String("only", "", "sections, by commas: tree, tournament, memory, real, spark")
	cpu := flags.Bool("cpu", false, "count CPU time, for a machine that has other work; only rows of one core")
	repetitions := flags.Int("repetitions", 3, "how often the contenders take turns; the figures are medians")
	out := flags.String("out", "bench/out", "where the results go")
	name := flags.String("name", "trees", "name of the files with the results")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *child {
		return serve(ctx, os.Stdin, os.Stdout)
	}
	r := &run{Report: &report.Report{Name: *name}, quick: *quick, cpu: *cpu, rows: *rows, repetitions: max(1, *repetitions), tables: map[string]table{}}
	if r.rows == 0 {
		r.rows = 1_000_000
		if r.quick {
			r.rows = 200_000
		}
	}
	for path, to := range map[string]*string{*root: &r.root, *python: &r.python, *files: &r.files} {
		if *to, err = filepath.Abs(path); err != nil {
			return err
		}
	}
	if r.work, err = os.MkdirTemp("", "bench-trees-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.work)) }()
	if err := r.look(ctx); err != nil {
		return err
	}
	if r.cpu {
		r.Note("All seconds are of CPU time, ours with garbage collection.")
	}
	asked := strings.Split(*only, ",")
	for _, s := range sections {
		if *only != "" && !slices.Contains(asked, s.name) {
			r.Skip("not asked for", s.rows)
			continue
		}
		fmt.Fprintln(os.Stderr, "trees:", s.rows)
		if err := s.run(r, ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return r.Write(*out, os.Stdout)
}

// look asks the peers for their versions.
func (r *run) look(ctx context.Context) error {
	p, err := r.peer(ctx, 1)
	if err != nil {
		return err
	}
	var v struct{ Versions []string }
	if err := p.Call(map[string]any{"op": "versions"}, &v); err != nil {
		return fmt.Errorf("%w; make bench-env makes the peers' environment", err)
	}
	r.lightgbm, r.xgboost, r.scikitLearn = v.Versions[0], v.Versions[1], v.Versions[2]
	r.Machine = report.ThisMachine(r.root, v.Versions...)
	fmt.Fprintln(os.Stderr, r.Machine)
	return p.Close()
}

// clock is what tells contenders which clock counts.
func (r *run) clock() []string {
	if r.cpu {
		return []string{clockName + "=cpu"}
	}
	return nil
}

// peer starts the peers' process.
func (r *run) peer(ctx context.Context, threads int) (*peer.Peer, error) {
	return peer.Start(ctx, r.clock(), r.python, filepath.Join(r.root, "bench", "python", "trees_peer.py"), strconv.Itoa(threads))
}

// ours starts a process of ours.
func (r *run) ours(ctx context.Context, threads int, env ...string) (*peer.Peer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return peer.Start(ctx, append(append(r.clock(), env...), "GOMAXPROCS="+strconv.Itoa(threads)), self, "-serve")
}
