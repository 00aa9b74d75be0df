package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"tourney"
	"tourney/bench/heats"
	"tourney/bench/peer"
	"tourney/dataset"
	"tourney/trainers"
)

// clockName is the variable of the environment that says which clock counts.
const clockName = "BENCH_CLOCK"

// now returns seconds of the clock that counts: that on the wall, or what this
// process has had of the processors so far.
func now() float64 {
	if os.Getenv(clockName) != "cpu" {
		return time.Since(started).Seconds()
	}
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return math.NaN()
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano()).Seconds()
}

var started = time.Now()

// order is what a process of ours is asked to do.
type order struct {
	Op       string                 `json:"op"` // load, seal, fit, tournament, predict
	Path     string                 `json:"path,omitempty"`
	Dir      string                 `json:"dir,omitempty"`
	Request  tourney.DatasetRequest `json:"request,omitzero"`
	Rows     int                    `json:"rows,omitempty"`
	Trainer  string                 `json:"trainer,omitempty"`
	Threads  int                    `json:"threads,omitempty"`
	Params   tourney.Params         `json:"params,omitempty"`
	Rounds   int                    `json:"rounds,omitempty"`
	Trials   []trial                `json:"trials,omitempty"`
	Folds    int                    `json:"folds,omitempty"`
	Columns  int                    `json:"columns,omitempty"`
	Prepared bool                   `json:"prepared,omitempty"` // the data stay as an earlier order has left them
}

// trial is one of a tournament.
type trial struct {
	Params tourney.Params `json:"params"`
	Rounds int            `json:"rounds"`
}

// done is what ours and the peers answer.
type done struct {
	Rows     int       `json:"rows"`
	Columns  int       `json:"columns"`
	Prepare  float64   `json:"prepare"` // seconds
	Seconds  float64   `json:"seconds"`
	Peak     int64     `json:"peak"` // of anonymous memory, bytes
	Loss     float64   `json:"loss"`
	AUC      float64   `json:"auc"`
	Losses   []float64 `json:"losses"`
	Versions []string  `json:"versions"`
}

// server does orders.
type server struct {
	shelf  *heats.Shelf
	caches int
	dir    string
	data   *dataset.Data // of the last order, prepared
	model  trainers.Model
}

func serve(ctx context.Context, in io.Reader, out io.Writer) error {
	s := &server{}
	return peer.Serve(in, out, func(request json.RawMessage) (any, error) {
		var o order
		if err := json.Unmarshal(request, &o); err != nil {
			return nil, err
		}
		work := map[string]func(context.Context, order) (done, error){"load": s.load, "seal": s.seal, "fit": s.fit, "tournament": s.tournament, "predict": s.predict}[o.Op]
		if work == nil {
			return nil, fmt.Errorf("no op %q", o.Op)
		}
		peak := heats.Watch()
		d, err := work(ctx, o)
		d.Peak = peak()
		return d, err
	})
}

// load takes a table in. What fit and tournament prepare begins with its shards.
func (s *server) load(ctx context.Context, o order) (done, error) {
	s.data, s.model, s.dir = nil, nil, o.Dir
	var err error
	if s.shelf, err = heats.Ingest(ctx, o.Dir, o.Path, o.Request); err != nil {
		return done{}, err
	}
	runtime.GC()
	return done{Rows: s.shelf.Dataset.Rows, Columns: len(s.shelf.Dataset.Columns)}, nil
}

// seal makes a table up. What fit and tournament prepare begins with its shards.
func (s *server) seal(ctx context.Context, o order) (done, error) {
	s.data, s.model, s.dir = nil, nil, o.Dir
	var err error
	if s.shelf, err = heats.Seal(ctx, o.Dir, o.Rows, o.Rows/20, o.Columns); err != nil {
		return done{}, err
	}
	debug.FreeOSMemory() // the tables that were made are not what is measured
	return done{Rows: s.shelf.Dataset.Rows, Columns: len(s.shelf.Dataset.Columns)}, nil
}

// prepare makes the matrices from the shards, in a new cache unless the last
// ones will do.
func (s *server) prepare(ctx context.Context, o order, kind tourney.JobKind) (float64, error) {
	if o.Prepared && s.data != nil {
		return 0, nil
	}
	v := tourney.Validation{}
	if kind == tourney.JobRung {
		v = tourney.Validation{Kind: tourney.KFold, Folds: o.Folds}
	}
	s.caches++
	name := fmt.Sprint("cache-", s.caches)
	began := now()
	cache, err := s.shelf.Cache(name)
	if err != nil {
		return 0, err
	}
	defer cache.Close()
	if s.data, err = s.shelf.Load(ctx, cache, kind, v, dataset.Binned); err != nil {
		return 0, err
	}
	seconds := now() - began
	return seconds, os.RemoveAll(filepath.Join(s.dir, name)) // what is mapped stays
}

// metric is what models are measured by.
func (s *server) metric() string {
	if s.data.Task == tourney.Regression {
		return "rmse"
	}
	return "logloss"
}

// train trains a heat and returns how long that took.
func (s *server) train(ctx context.Context, threads int, jobs []tourney.Job) ([]heats.Result, float64, error) {
	began := now()
	results, _, err := heats.Train(ctx, s.data, threads, jobs)
	return results, now() - began, err
}

// fit trains one model on all rows but the test rows.
func (s *server) fit(ctx context.Context, o order) (done, error) {
	prepare, err := s.prepare(ctx, o, tourney.JobFinal)
	if err != nil {
		return done{}, err
	}
	job := heats.Job(o.Trainer, tourney.JobFinal, s.metric(), o.Rounds, o.Params)
	results, seconds, err := s.train(ctx, o.Threads, []tourney.Job{job})
	if err != nil {
		return done{}, err
	}
	family, _ := trainers.Lookup(o.Trainer)
	if s.model, err = family.Open(&job, s.data, results[0].State); err != nil {
		return done{}, err
	}
	end := results[0].End
	return done{Prepare: prepare, Seconds: seconds, Loss: *end.Value, AUC: end.Metrics["test_auc"], Rows: s.data.Folds[0].Train.N}, nil
}

// tournament trains all trials in one heat.
func (s *server) tournament(ctx context.Context, o order) (done, error) {
	kind := tourney.JobFinal
	if o.Folds > 0 {
		kind = tourney.JobRung
	}
	prepare, err := s.prepare(ctx, o, kind)
	if err != nil {
		return done{}, err
	}
	jobs := make([]tourney.Job, len(o.Trials))
	for i, t := range o.Trials {
		jobs[i] = heats.Job(o.Trainer, kind, s.metric(), t.Rounds, t.Params)
	}
	results, seconds, err := s.train(ctx, o.Threads, jobs)
	if err != nil {
		return done{}, err
	}
	d := done{Prepare: prepare, Seconds: prepare + seconds}
	for _, r := range results {
		d.Losses = append(d.Losses, *r.End.Value)
	}
	s.data = nil
	return d, nil
}

// predict scores the test rows, of which the bins are at hand.
func (s *server) predict(context.Context, order) (done, error) {
	test := s.data.Test
	k := max(1, len(s.data.Classes))
	out := make([]float32, 4096*k)
	best := 1e9
	for range 3 {
		began := now()
		for lo := 0; lo < test.N; lo += 4096 {
			hi := min(lo+4096, test.N)
			s.model.Predict(test, lo, hi, out[:(hi-lo)*k])
		}
		best = min(best, now()-began)
	}
	return done{Seconds: best, Rows: test.N}, nil
}
