// Command train measures how fast linear models and neural nets are trained,
// beside scikit-learn, PyTorch and Spark in the same run. See
// docs/benchmarks.md for the method, and `make bench-train` for how it is run.
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
	"sync"

	"tourney/bench/heats"
	"tourney/bench/peer"
	"tourney/bench/report"
	"tourney/dataset"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := bench(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench train:", err)
		os.Exit(1) //nolint:gocritic // nothing is left to be stopped
	}
}

// run is one run of the benchmark.
type run struct {
	*report.Report
	root, python, work string
	quick              bool
	repetitions        int
	limits             limits
	peers              map[int][]*peer.Peer // by threads, started when first needed
	sklearn, torch     string               // with versions
	loaded             map[*peer.Peer]string
}

var sections = []struct {
	name, rows string
	run        func(*run, context.Context) error
}{
	{"logistic", "logistic models, beside LogisticRegression", (*run).logistic},
	{"sgd", "SGD models, beside SGDClassifier", (*run).sgd},
	{"ridge", "ridge penalties and folds, beside GridSearchCV, RidgeCV and NumPy", (*run).ridge},
	{"mlp", "neural nets, beside MLPClassifier", (*run).mlp},
	{"torch", "32 small nets, beside PyTorch", (*run).torchNets},
	{"spark", "logistic models in folds, beside Spark MLlib", (*run).spark},
}

func bench(ctx context.Context, args []string) (err error) {
	flags := flag.NewFlagSet("train", flag.ContinueOnError)
	root := flags.String("root", ".", "the repository")
	python := flags.String("python", "bench/.venv/bin/python", "the interpreter with the peers of bench/requirements.txt")
	quick := flags.Bool("quick", false, "the main rows, from smaller data")
	only := flags.String("only", "", "sections, by commas: logistic, sgd, ridge, mlp, torch, spark")
	repetitions := flags.Int("repetitions", 3, "how often the contenders take turns; the figures are medians")
	out := flags.String("out", "bench/out", "where the results go")
	name := flags.String("name", "train", "name of the files with the results")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r := &run{Report: &report.Report{Name: *name}, quick: *quick, repetitions: max(1, *repetitions), peers: map[int][]*peer.Peer{}, loaded: map[*peer.Peer]string{}}
	for path, to := range map[string]*string{*root: &r.root, *python: &r.python} {
		if *to, err = filepath.Abs(path); err != nil {
			return err
		}
	}
	if r.work, err = os.MkdirTemp("", "bench-train-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(r.work), r.closePeers()) }()
	var v struct{ Versions []string }
	if err := r.call(ctx, 1, map[string]any{"op": "versions"}, &v); err != nil {
		return fmt.Errorf("%w; make bench-env makes the peers' environment", err)
	}
	r.sklearn, r.torch = v.Versions[0], v.Versions[3]
	r.Machine = report.ThisMachine(r.root, v.Versions...)
	fmt.Fprintln(os.Stderr, r.Machine)
	r.limits = measureLimits()
	r.Note("%s", r.limits)
	asked := strings.Split(*only, ",")
	for _, s := range sections {
		if *only != "" && !slices.Contains(asked, s.name) {
			r.Skip("not asked for", s.rows)
			continue
		}
		fmt.Fprintln(os.Stderr, "train:", s.rows)
		if err := s.run(r, ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return r.Write(*out, os.Stdout)
}

// peersOf returns so many peers with so many threads each.
func (r *run) peersOf(ctx context.Context, threads, n int) ([]*peer.Peer, error) {
	for len(r.peers[threads]) < n {
		p, err := peer.Start(ctx, nil, r.python, filepath.Join(r.root, "bench", "python", "train_peer.py"), strconv.Itoa(threads))
		if err != nil {
			return nil, err
		}
		r.peers[threads] = append(r.peers[threads], p)
	}
	return r.peers[threads][:n], nil
}

func (r *run) call(ctx context.Context, threads int, request, answer any) error {
	p, err := r.peersOf(ctx, threads, 1)
	if err != nil {
		return err
	}
	return p[0].Call(request, answer)
}

func (r *run) closePeers() error {
	var errs []error
	for _, peers := range r.peers {
		for _, p := range peers {
			errs = append(errs, p.Close())
		}
	}
	return errors.Join(errs...)
}

// give writes data for peers and has them load it, unless they have.
func (r *run) give(peers []*peer.Peer, name string, d *dataset.Data) error {
	prefix := filepath.Join(r.work, name)
	f := d.Folds[0]
	if _, err := os.Stat(prefix + ".train.x"); err != nil {
		if err := errors.Join(heats.Save(prefix+".train", f.Train), heats.Save(prefix+".held", f.Valid)); err != nil {
			return err
		}
	}
	for _, p := range peers {
		if r.loaded[p] == name {
			continue
		}
		request := map[string]any{"op": "load", "prefix": prefix, "n": f.Train.N, "held": f.Valid.N, "d": f.Train.D, "classes": len(d.Classes)}
		if err := p.Call(request, &struct{}{}); err != nil {
			return err
		}
		r.loaded[p] = name
	}
	return nil
}

// answer is what a peer says of a training.
type answer struct {
	Seconds    float64
	Objectives []float64
	Losses     []float64
	Versions   []string
}

// both has two peers do a share each at the same time, and returns the longer
// of the two times with what they found in order.
func both(peers []*peer.Peer, requests []map[string]any) (answer, error) {
	answers, errs := make([]answer, len(peers)), make([]error, len(peers))
	var group sync.WaitGroup
	for i, p := range peers {
		group.Go(func() { errs[i] = p.Call(requests[i], &answers[i]) })
	}
	group.Wait()
	all := answers[0]
	for _, a := range answers[1:] {
		all.Seconds = max(all.Seconds, a.Seconds)
		all.Objectives = append(all.Objectives, a.Objectives...)
		all.Losses = append(all.Losses, a.Losses...)
	}
	return all, errors.Join(errs...)
}

// onCores sets how many threads may run Go code, and returns what undoes it.
func onCores(n int) (restore func()) {
	before := runtime.GOMAXPROCS(n)
	return func() { runtime.GOMAXPROCS(before) }
}
