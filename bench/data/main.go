// Command data measures how fast tables are taken in, beside DuckDB's and
// pandas' reading of the same files in the same run, how soon the second trial
// has its data, and how much memory 10 GB take. See docs/benchmarks.md for the
// method, and `make bench-data` for how it is run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"tourney/bench/peer"
	"tourney/bench/report"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	err := bench(ctx, os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench data:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be stopped
	}
}

// run is one run of the benchmark.
type run struct {
	*report.Report
	root, python, files, work string
	quick                     bool
	bytes                     int64 // of a generated table
	rows                      int64 // to train and validate on, of the table of the set-up rows
	large                     int64 // bytes of the table that is larger than memory
	repetitions               int
	duckdb, pandas            string // with versions
}

var sections = []struct {
	name, rows string
	run        func(*run, context.Context) error
}{
	{"csv", "ingestion of generated CSV, 1 and 2 threads", (*run).csv},
	{"files", "ingestion of real files", (*run).real},
	{"setup", "the second trial's data set-up", (*run).setup},
	{"large", "10 GB of CSV in bounded memory", (*run).larger},
}

func bench(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("data", flag.ContinueOnError)
	child := flags.Bool("serve", false, "do orders from standard input; for this program itself")
	root := flags.String("root", ".", "the repository")
	python := flags.String("python", "bench/.venv/bin/python", "the interpreter with the peers of bench/requirements.txt")
	files := flags.String("files", "../shared/data", "the folder with real tables")
	quick := flags.Bool("quick", false, "the main rows, from smaller tables")
	size := flags.Int64("bytes", 0, "size of a generated table (1e9, quick 1e8)")
	large := flags.Int64("large", 10_000_000_000, "size of the table that is larger than the memory it may take")
	rows := flags.Int64("rows", 0, "rows of the matrix of the set-up rows (1e6)")
	only := flags.String("only", "", "sections, by commas: csv, files, setup, large")
	out := flags.String("out", "bench/out", "where the results go")
	work := flags.String("work", "", "where tables are made for the time of the run (the results' folder)")
	name := flags.String("name", "data", "name of the files with the results")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *child {
		return serve(ctx, os.Stdin, os.Stdout)
	}
	r := &run{Report: &report.Report{Name: *name}, quick: *quick, bytes: *size, rows: *rows, repetitions: 3, large: *large}
	if r.bytes == 0 {
		r.bytes = 1_000_000_000
		if r.quick {
			r.bytes, r.repetitions = 100_000_000, 2
		}
	}
	if r.rows == 0 {
		r.rows = 1_000_000
	}
	var err error
	for path, to := range map[string]*string{*root: &r.root, *python: &r.python} {
		if *to, err = filepath.Abs(path); err != nil {
			return err
		}
	}
	if _, err := os.Stat(filepath.Join(*files, "telco_churn.csv")); err == nil {
		r.files = *files
	}
	if *work == "" {
		*work = *out
	}
	if err := os.MkdirAll(*work, 0o750); err != nil {
		return err
	}
	if r.work, err = os.MkdirTemp(*work, "work-"); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(r.work) }()
	if r.work, err = filepath.Abs(r.work); err != nil {
		return err
	}
	if err := r.look(ctx); err != nil {
		return err
	}
	asked := strings.Split(*only, ",")
	for _, s := range sections {
		if *only != "" && !slices.Contains(asked, s.name) {
			r.Skip("not asked for", s.rows)
			continue
		}
		fmt.Fprintln(os.Stderr, "data:", s.rows)
		if err := s.run(r, ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return r.Write(*out, os.Stdout)
}

// look asks the peers for their versions.
func (r *run) look(ctx context.Context) error {
	var versions []string
	for _, library := range []string{"duckdb", "pandas"} {
		p, err := r.reader(ctx, library, 1)
		if err != nil {
			return fmt.Errorf("%w; make bench-env makes the peers' environment", err)
		}
		var v struct{ Versions []string }
		if err := p.Call(order{Op: "versions"}, &v); err != nil {
			return fmt.Errorf("%w; make bench-env makes the peers' environment", err)
		}
		versions = append(versions, v.Versions...)
		if err := p.Close(); err != nil {
			return err
		}
	}
	r.duckdb, r.pandas = "DuckDB"+strings.TrimPrefix(versions[0], "duckdb"), versions[1]
	r.Machine = report.ThisMachine(r.root, versions...)
	fmt.Fprintln(os.Stderr, r.Machine)
	return nil
}

// reader starts a peer.
func (r *run) reader(ctx context.Context, library string, threads int) (*peer.Peer, error) {
	n := strconv.Itoa(threads)
	return peer.Start(ctx, []string{"OMP_NUM_THREADS=" + n}, r.python, filepath.Join(r.root, "bench", "python", "data_peer.py"), library, n)
}

// ours starts a process of ours that may use so many threads; 0: all.
func (r *run) ours(ctx context.Context, threads int) (*peer.Peer, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if threads == 0 {
		threads = runtime.NumCPU()
	}
	return peer.Start(ctx, []string{"GOMAXPROCS=" + strconv.Itoa(threads)}, self, "-serve")
}

// alone starts a process of ours for one order.
func (r *run) alone(ctx context.Context, o order) (done, error) {
	p, err := r.ours(ctx, 0)
	if err != nil {
		return done{}, err
	}
	var d done
	if err := p.Call(o, &d); err != nil {
		return done{}, errors.Join(fmt.Errorf("%s: %w", o.Op, err), p.Close())
	}
	return d, p.Close()
}

// path returns one in the run's own folder.
func (r *run) path(name string) string { return filepath.Join(r.work, name) }

// take is an order to take in a file, with directories of its own. clean
// removes them.
func (r *run) take(file, target string) (o order, clean func(), err error) {
	dir, err := os.MkdirTemp(r.work, "take-")
	if err != nil {
		return order{}, nil, err
	}
	o = order{Op: "ingest", Path: file, Target: target, Blobs: filepath.Join(dir, "blobs"), Temp: filepath.Join(dir, "temp")}
	for _, d := range []string{o.Blobs, o.Temp} {
		if err := os.Mkdir(d, 0o750); err != nil {
			return order{}, nil, err
		}
	}
	return o, func() { _ = os.RemoveAll(dir) }, nil
}

// free returns how many bytes are free where the run's folder is.
func (r *run) free() uint64 {
	var fs syscall.Statfs_t
	if err := syscall.Statfs(r.work, &fs); err != nil {
		return 0
	}
	return fs.Bavail * uint64(fs.Bsize)
}
