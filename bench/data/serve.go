package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"tourney"
	"tourney/bench/heats"
	"tourney/bench/peer"
	"tourney/blob"
	"tourney/dataset"
	"tourney/dataset/ingest"
)

// order is what a process of ours is asked to do. The processes speak as the
// peers' do, so that both start once, and are measured from within.
type order struct {
	Op     string `json:"op"` // synth, ingest, load
	Path   string `json:"path,omitempty"`
	Target string `json:"target,omitempty"`
	Blobs  string `json:"blobs,omitempty"` // directory
	Temp   string `json:"temp,omitempty"`  // directory
	Cache  string `json:"cache,omitempty"` // directory
	Limit  int64  `json:"limit,omitempty"` // of the cache on disk, bytes

	Synth   ingest.SynthOptions `json:"synth,omitzero"`
	Version string              `json:"version,omitempty"` // of the dataset to load
	Again   bool                `json:"again,omitempty"`   // with the cache that this process has open
}

// done is what it answers.
type done struct {
	Rows    int     `json:"rows"`
	Columns int     `json:"columns"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu"`
	Peak    int64   `json:"peak"` // of anonymous memory while it worked, bytes
	Bytes   int64   `json:"bytes"`
	Version string  `json:"version,omitempty"`
	File    string  `json:"file,omitempty"` // inode of the mapped matrix
}

// server does orders.
type server struct{ cache *dataset.Cache }

func serve(ctx context.Context, in io.Reader, out io.Writer) error {
	s := &server{}
	return peer.Serve(in, out, func(request json.RawMessage) (any, error) {
		var o order
		if err := json.Unmarshal(request, &o); err != nil {
			return nil, err
		}
		work := map[string]func(context.Context, order) (done, error){"synth": s.synth, "ingest": s.ingest, "load": s.load}[o.Op]
		if work == nil {
			return nil, fmt.Errorf("no op %q", o.Op)
		}
		peak := heats.Watch()
		from, cpu := time.Now(), cpuTime()
		d, err := work(ctx, o)
		if d.Seconds == 0 {
			d.Seconds = time.Since(from).Seconds()
		}
		d.CPU, d.Peak = (cpuTime() - cpu).Seconds(), peak()
		return d, err
	})
}

// synth writes a made-up table.
func (s *server) synth(_ context.Context, o order) (d done, err error) {
	f, err := os.Create(o.Path)
	if err != nil {
		return d, err
	}
	if err := ingest.Synth(f, o.Synth); err != nil {
		_ = f.Close()
		return d, err
	}
	if err := f.Close(); err != nil {
		return d, err
	}
	info, err := os.Stat(o.Path)
	if err != nil {
		return d, err
	}
	return done{Bytes: info.Size(), Rows: int(o.Synth.Rows)}, nil
}

// ingest makes a dataset of a file: blobs, durable, as the service does.
func (s *server) ingest(ctx context.Context, o order) (done, error) {
	blobs, err := blob.OpenDir(o.Blobs)
	if err != nil {
		return done{}, err
	}
	defer blobs.Close()
	r := ingest.New(blobs, heats.Catalog{}, ingest.Options{TempDir: o.Temp})
	ds, err := r.Add(ctx, tourney.DatasetRequest{Name: "bench", Target: o.Target}, []ingest.File{{Name: filepath.Base(o.Path), Path: o.Path}}, nil)
	if err != nil {
		return done{}, err
	}
	return done{Rows: ds.Rows, Columns: len(ds.Columns), Version: ds.Version, Bytes: ds.Bytes}, nil
}

// load gets the matrices of a dataset as a trial does. The time is that of Load
// alone and, for a new cache, of opening it.
func (s *server) load(ctx context.Context, o order) (done, error) {
	from := time.Now()
	if s.cache == nil || !o.Again {
		if s.cache != nil {
			if err := s.cache.Close(); err != nil {
				return done{}, err
			}
		}
		blobs, err := blob.OpenDir(o.Blobs)
		if err != nil {
			return done{}, err
		}
		if s.cache, err = dataset.NewCache(o.Cache, o.Limit, heats.Folder{Dir: blobs}); err != nil {
			return done{}, err
		}
	}
	data, err := s.cache.Load(ctx, dataset.Request{
		Version: o.Version, Kind: tourney.JobRung,
		Validation: tourney.Validation{Kind: tourney.Holdout, Fraction: 0.2}, Preprocess: preprocess(),
	}, nil)
	if err != nil {
		return done{}, err
	}
	took := time.Since(from).Seconds()
	train, valid := data.Folds[0].Train, data.Folds[0].Valid
	if len(train.X) != train.N*train.D || len(train.Y) != train.N {
		return done{}, fmt.Errorf("a matrix of %d × %d has %d values", train.N, train.D, len(train.X))
	}
	return done{Rows: train.N + valid.N, Columns: train.D, Seconds: took, File: mapped(o.Cache)}, nil
}

// preprocess is what a spec that says nothing asks for.
func preprocess() tourney.Preprocess {
	var p tourney.Preprocess
	p.Normalise()
	return p
}

// mapped returns the inodes of the files under a directory that are mapped.
func mapped(dir string) string {
	text, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return ""
	}
	var inodes []string
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 6 && strings.HasPrefix(f[5], dir) {
			if n := len(inodes); n == 0 || inodes[n-1] != f[4] {
				inodes = append(inodes, f[4])
			}
		}
	}
	return strings.Join(inodes, " ")
}

// cpuTime is the CPU time of this process.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
