// Command throughput measures how many trials that do nothing go through the
// service, from the search through workers in other processes to the board, each
// step on disk before the next; and what is left of that when there are many
// trials already. Optuna does the same trials in the same run. See
// docs/benchmarks.md for the method, and `make bench-throughput` for how it is
// run.
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
	"strings"
	"time"

	"tourney/bench/peer"
	"tourney/bench/report"
	"tourney/bench/stats"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench throughput:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be stopped
	}
}

// run is one run of the benchmark.
type run struct {
	*report.Report
	root, python, program, work string
	quick                       bool
	repetitions                 int
	optuna                      string // with its version
	clusters                    int    // so many were made
}

var sections = []struct {
	name, rows string
	run        func(*run, context.Context) error
}{
	{"rate", "trials a second, pipelined and one at a time, beside Optuna", (*run).rate},
	{"latency", "from offer to board at 500 trials a second", (*run).latency},
	{"growth", "rate, board, memory and recovery when there are many trials", (*run).growth},
}

func bench(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("throughput", flag.ContinueOnError)
	root := flags.String("root", ".", "the repository")
	program := flags.String("tourney", "bin/tourney-noop", "the program that is measured, built with -tags noop")
	python := flags.String("python", "bench/.venv/bin/python", "the interpreter with the peers of bench/requirements.txt")
	quick := flags.Bool("quick", false, "the main rows, from fewer trials")
	only := flags.String("only", "", "sections, by commas: rate, latency, growth")
	repetitions := flags.Int("repetitions", 0, "how often the contenders take turns; the figures are medians (5, quick 3)")
	out := flags.String("out", "bench/out", "where the results go")
	name := flags.String("name", "throughput", "name of the files with the results")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r := &run{Report: &report.Report{Name: *name}, quick: *quick, repetitions: *repetitions}
	if r.repetitions < 1 {
		r.repetitions = map[bool]int{false: 5, true: 3}[*quick]
	}
	for path, to := range map[string]*string{*root: &r.root, *program: &r.program, *python: &r.python} {
		if *to, err = filepath.Abs(path); err != nil {
			return err
		}
	}
	if r.work, err = os.MkdirTemp("", "bench-throughput-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.work)) }()
	if err := r.look(ctx); err != nil {
		return err
	}
	asked := strings.Split(*only, ",")
	for _, s := range sections {
		if *only != "" && !slices.Contains(asked, s.name) {
			r.Skip("not asked for", s.rows)
			continue
		}
		r.say("%s", s.rows)
		if err := s.run(r, ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	sync, err := syncs(r.work, 300)
	if err != nil {
		return err
	}
	r.Note("A sync of 4 KiB to this disk took %.2f ms in the median of 300 and %.2f ms at the 99th percentile, after the run.",
		1000*stats.Median(sync), 1000*quantile(sync, 0.99))
	return r.Write(*out, os.Stdout)
}

func (r *run) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "throughput: "+format+"\n", args...)
}

// look asks the peer for its versions.
func (r *run) look(ctx context.Context) error {
	p, err := r.peer(ctx)
	if err != nil {
		return err
	}
	var v struct{ Versions []string }
	if err := p.Call(map[string]any{"op": "versions"}, &v); err != nil {
		return fmt.Errorf("%w; make bench-env makes the peers' environment", err)
	}
	r.optuna = v.Versions[1]
	r.Machine = report.ThisMachine(r.root, v.Versions...)
	fmt.Fprintln(os.Stderr, r.Machine)
	return p.Close()
}

func (r *run) peer(ctx context.Context) (*peer.Peer, error) {
	return peer.Start(ctx, nil, r.python, filepath.Join(r.root, "bench", "python", "throughput_peer.py"))
}

// cluster starts a coordinator and workers on an empty directory.
func (r *run) cluster(ctx context.Context) (*cluster, error) {
	r.clusters++
	return launch(ctx, r.program, filepath.Join(r.work, fmt.Sprintf("cluster%d", r.clusters)))
}

// quantile returns the value below which so large a share lies.
func quantile(values []float64, share float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[min(len(sorted)-1, int(share*float64(len(sorted))))]
}

// syncs returns how long syncs of a page to disk take, in seconds.
func syncs(dir string, n int) (took []float64, err error) {
	f, err := os.Create(filepath.Join(dir, "sync"))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	page := make([]byte, 4096)
	for range n {
		start := time.Now()
		if _, err := f.Write(page); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start).Seconds())
	}
	return took, nil
}
