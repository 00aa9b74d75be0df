package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"tourney/bench/peer"
	"tourney/bench/report"
	"tourney/bench/stats"
	"tourney/dataset/ingest"
)

// reading is one who takes a file in: ours or a peer.
type reading struct {
	name    string // empty: ours
	process *peer.Peer
	took    []float64 // seconds
	cpu     []float64
	last    done
}

// readers starts ours and the peers that can use so many threads.
func (r *run) readers(ctx context.Context, threads int) ([]*reading, error) {
	ours, err := r.ours(ctx, threads)
	if err != nil {
		return nil, err
	}
	all := []*reading{{process: ours}}
	for _, p := range []struct {
		name, library string
		threads       int // at most
	}{{r.duckdb, "duckdb", 64}, {r.pandas, "pandas", 1}, {r.pandas + ", pyarrow engine", "pyarrow", 64}} {
		if threads > p.threads {
			continue
		}
		process, err := r.reader(ctx, p.library, threads)
		if err != nil {
			return nil, err
		}
		all = append(all, &reading{name: p.name, process: process})
	}
	return all, nil
}

func closeAll(readers []*reading) error {
	var errs []error
	for _, p := range readers {
		errs = append(errs, p.process.Close())
	}
	return errors.Join(errs...)
}

// race lets all take the file in, in turn, so often. A peer that cannot is
// named with its error, and has no times.
func (r *run) race(readers []*reading, file, target string, options map[string]any, times int) error {
	for _, p := range readers {
		p.took, p.cpu, p.last = nil, nil, done{}
	}
	for range times {
		for _, p := range readers {
			if p.name != "" {
				req := map[string]any{"op": "read", "path": file}
				for k, v := range options {
					req[k] = v
				}
				if err := p.process.Call(req, &p.last); err != nil {
					r.Note("%s does not read %s: %v", p.name, filepath.Base(file), err)
					continue
				}
			} else {
				o, clean, err := r.take(file, target)
				if err != nil {
					return err
				}
				err = p.process.Call(o, &p.last)
				clean()
				if err != nil {
					return fmt.Errorf("take %s in: %w", filepath.Base(file), err)
				}
			}
			p.took, p.cpu = append(p.took, p.last.Seconds), append(p.cpu, p.last.CPU)
		}
	}
	return nil
}

// rowsOf compares ours with each of the peers.
func (r *run) rowsOf(name string, readers []*reading, size int64) {
	ours := readers[0]
	speed := func(p *reading) float64 { return float64(size) / 1e6 / stats.Median(p.took) }
	note := fmt.Sprintf("%s: CPU seconds %.2f ours", name, stats.Median(ours.cpu))
	for _, p := range readers[1:] {
		if len(p.took) == 0 {
			r.Skip("the peer does not read it", name+", vs "+p.name)
			continue
		}
		note += fmt.Sprintf(", %.2f %s", stats.Median(p.cpu), p.name)
		r.Add(report.New(name, p.name, "MB/s", report.Higher, speed(ours), speed(p)).
			WithQuality("rows", float64(ours.last.Rows), float64(p.last.Rows)))
	}
	r.Note("%s; peak of ours %d MiB anonymous", note, ours.last.Peak>>20)
}

// generated are the tables that are made for the run.
var generated = []struct {
	name  string
	synth ingest.SynthOptions
}{
	{"100 numbers", ingest.SynthOptions{Kind: ingest.SynthRegression, Numbers: 100, Noise: 1, Missing: 0.02, Seed: 1}},
	{"clicks, 13 numbers and 26 categories", ingest.SynthOptions{Kind: ingest.SynthClicks, Noise: 1, Missing: 0.05, Levels: 100_000, Seed: 1}},
}

// rowsFor returns how many rows of a made-up table are about so many bytes.
func rowsFor(o ingest.SynthOptions, size int64) (int64, error) {
	const probe = 2000
	o.Rows = probe
	var b bytes.Buffer
	if err := ingest.Synth(&b, o); err != nil {
		return 0, err
	}
	return max(probe, size*probe/int64(b.Len())), nil
}

// make writes a made-up table and returns its size.
func (r *run) make(ctx context.Context, file string, o ingest.SynthOptions) (int64, error) {
	d, err := r.alone(ctx, order{Op: "synth", Path: file, Synth: o})
	if err != nil {
		return 0, err
	}
	r.Note("%s of %d rows made at %.0f MB/s", o.Kind, d.Rows, float64(d.Bytes)/1e6/d.Seconds)
	return d.Bytes, nil
}

// csv is the ingestion of made-up tables.
func (r *run) csv(ctx context.Context) error {
	for _, g := range generated {
		rows, err := rowsFor(g.synth, r.bytes)
		if err != nil {
			return err
		}
		g.synth.Rows = rows
		file := r.path("table.csv")
		size, err := r.make(ctx, file, g.synth)
		if err != nil {
			return err
		}
		for _, threads := range []int{1, 2} {
			name := fmt.Sprintf("ingest CSV, %s, %.2g GB, %s", g.name, float64(size)/1e9, []string{1: "1 thread", 2: "2 threads"}[threads])
			if threads > runtime.NumCPU() {
				r.Skip(fmt.Sprintf("the machine has %d core", runtime.NumCPU()), name)
				continue
			}
			readers, err := r.readers(ctx, threads)
			if err != nil {
				return err
			}
			if err := r.race(readers, file, "y", nil, r.repetitions); err != nil {
				return err
			}
			for _, p := range readers[1:] {
				if len(p.took) > 0 && p.last.Rows != readers[0].last.Rows {
					return fmt.Errorf("%s: %s sees %d rows, we see %d", name, p.name, p.last.Rows, readers[0].last.Rows)
				}
			}
			r.rowsOf(name, readers, size)
			if err := closeAll(readers); err != nil {
				return err
			}
		}
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

// tables are the real files, the larger of those that the peers read too.
var tables = []struct {
	file, target string
	options      map[string]any // for pandas
}{
	{"california_housing.csv", "median_house_value", nil},
	{"millionsong_6724.csv", "", map[string]any{"header": false}},
	{"bike_hour.csv", "cnt", nil},
	{"telco_churn.csv", "Churn", nil},
	{"criteo_10k.csv.gz", "label", nil},
	{"adult_48842.csv.gz", "income", nil},
	{"diamonds.csv.gz", "price", nil},
	{"higgs_lgbm.train.tsv.gz", "", map[string]any{"header": false, "separator": "\t"}},
}

// real is the ingestion of real files.
func (r *run) real(ctx context.Context) error {
	if r.files == "" {
		for _, t := range tables {
			r.Skip("needs the folder of real tables (-files, ../shared/data), which is not there", "ingest "+t.file)
		}
		return nil
	}
	readers, err := r.readers(ctx, 1)
	if err != nil {
		return err
	}
	for i, t := range tables {
		name := "ingest " + t.file + ", 1 thread"
		if r.quick && i > 0 && t.file != "criteo_10k.csv.gz" {
			r.Skip("quick run", name)
			continue
		}
		file := filepath.Join(r.files, t.file)
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		if err := r.race(readers, file, t.target, t.options, 5); err != nil {
			return err
		}
		r.rowsOf(name, readers, info.Size())
	}
	return closeAll(readers)
}

// setup is how long a trial waits for its matrices.
func (r *run) setup(ctx context.Context) error {
	o := ingest.SynthOptions{Kind: ingest.SynthRegression, Numbers: 100, Noise: 1, Seed: 2, Rows: r.rows * 5 / 4} // a fifth is sealed
	file := r.path("setup.csv")
	if _, err := r.make(ctx, file, o); err != nil {
		return err
	}
	in, clean, err := r.take(file, "y")
	if err != nil {
		return err
	}
	defer clean()
	made, err := r.alone(ctx, in)
	if err != nil {
		return err
	}
	if err := os.Remove(file); err != nil {
		return err
	}
	get := order{Op: "load", Blobs: in.Blobs, Cache: filepath.Join(filepath.Dir(in.Blobs), "cache"), Limit: 1 << 40, Version: made.Version}
	first, err := r.ours(ctx, 0)
	if err != nil {
		return err
	}
	var build, one done
	if err := first.Call(get, &build); err != nil {
		return err
	}
	again := get
	again.Again = true
	var same, other, theirs []float64
	numpy, err := r.reader(ctx, "pandas", 1)
	if err != nil {
		return err
	}
	npy := map[string]any{"op": "save", "path": r.path("x.npy"), "rows": build.Rows, "columns": build.Columns}
	if err := numpy.Call(npy, &one); err != nil {
		return err
	}
	npy["op"] = "load"
	shared := true
	for range 2*r.repetitions + 1 {
		if err := first.Call(again, &one); err != nil {
			return err
		}
		same = append(same, 1000*one.Seconds)
		second, err := r.alone(ctx, get)
		if err != nil {
			return err
		}
		other = append(other, 1000*second.Seconds)
		shared = shared && second.File != "" && second.File == one.File
		if err := numpy.Call(npy, &one); err != nil {
			return err
		}
		theirs = append(theirs, 1000*one.Seconds)
	}
	if !shared {
		return errors.New("two processes do not map the same file")
	}
	what := fmt.Sprintf("the second trial's data set-up, %d × %d float32", build.Rows, build.Columns)
	for _, row := range []struct {
		name  string
		times []float64
	}{{what + ", same process", same}, {what + ", another process", other}} {
		r.Add(report.New(row.name, "numpy.load, mapped, unchecked", "ms", report.Lower, stats.Median(row.times), stats.Median(theirs)).
			WithGoal(report.Lower, 50).WithQuality("rows", float64(build.Rows), float64(one.Rows)))
	}
	r.Note("the matrix of %d × %d was made in %.2f s (%.2f of CPU, peak %d MiB anonymous) from a dataset of %d MB; all processes map one file",
		build.Rows, build.Columns, build.Seconds, build.CPU, build.Peak>>20, made.Bytes/1e6)
	return errors.Join(first.Close(), numpy.Close())
}

// needed is the free disk that the large table takes: the CSV, the rows while
// they are sorted, shards and the matrix.
const needed = 40_000_000_000

// larger is a table that is larger than the memory that it may take.
func (r *run) larger(ctx context.Context) error {
	what := fmt.Sprintf("%.2g GB of CSV", float64(r.large)/1e9)
	ingested, trained := what+", ingestion, peak of anonymous memory", what+", the matrix to train on, peak of anonymous memory"
	switch free := r.free(); {
	case r.quick:
		r.Skip("quick run", ingested, trained)
		return nil
	case free < needed:
		r.Skip(fmt.Sprintf("needs 40 GB of free disk; there are %.0f", float64(free)/1e9), ingested, trained)
		return nil
	}
	o := ingest.SynthOptions{Kind: ingest.SynthRegression, Numbers: 100, Noise: 1, Missing: 0.02, Seed: 3}
	var err error
	if o.Rows, err = rowsFor(o, r.large); err != nil {
		return err
	}
	file := r.path("large.csv")
	size, err := r.make(ctx, file, o)
	if err != nil {
		return err
	}
	in, clean, err := r.take(file, "y")
	if err != nil {
		return err
	}
	defer clean()
	made, err := r.alone(ctx, in)
	if err != nil {
		return err
	}
	if err := os.Remove(file); err != nil {
		return err
	}
	loaded, err := r.alone(ctx, order{Op: "load", Blobs: in.Blobs, Cache: filepath.Join(filepath.Dir(in.Blobs), "cache"), Limit: 1 << 40, Version: made.Version})
	if err != nil {
		return err
	}
	mib := func(name string, d done) report.Row {
		return report.New(name, "none", "MiB", report.Lower, float64(d.Peak)/(1<<20), nan).WithGoal(report.Lower, 1024).WithQuality("rows", float64(d.Rows), nan)
	}
	r.Add(mib(ingested, made), mib(trained, loaded),
		report.New(what+", ingestion", "none", "MB/s", report.Higher, float64(size)/1e6/made.Seconds, nan))
	r.Note("%s: %d rows ingested in %.0f s, the matrix made in %.0f s", what, made.Rows, made.Seconds, loaded.Seconds)
	return nil
}

var nan = float64(report.None)
