package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tourney/bench/report"
	"tourney/dataset/ingest"
)

// The program does orders of itself: here the test binary stands in for it.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "-serve" {
		if err := serve(context.Background(), os.Stdin, os.Stdout); err != nil {
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func newRun(t *testing.T) *run {
	t.Helper()
	return &run{Report: &report.Report{Name: "x"}, work: t.TempDir(), repetitions: 2}
}

// A table that is made, taken in and loaded keeps its rows; another process
// maps the file that the first has made.
func TestOrders(t *testing.T) {
	r := newRun(t)
	ctx := t.Context()
	file := r.path("t.csv")
	synth := ingest.SynthOptions{Kind: ingest.SynthRegression, Rows: 1000, Numbers: 7, Seed: 1}
	size, err := r.make(ctx, file, synth)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Size() != size {
		t.Fatalf("%d bytes were made: %v, %v", size, info, err)
	}
	o, clean, err := r.take(file, "y")
	if err != nil {
		t.Fatal(err)
	}
	made, err := r.alone(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if made.Rows != 1000 || made.Columns != 8 || made.Seconds <= 0 || made.Peak < 1<<20 || len(made.Version) != 64 {
		t.Errorf("taken in: %+v", made)
	}
	get := order{Op: "load", Blobs: o.Blobs, Cache: r.path("cache"), Limit: 1 << 30, Version: made.Version}
	p, err := r.ours(ctx, 1)
	if err != nil {
		t.Fatal(err)
	}
	var first, again done
	if err := p.Call(get, &first); err != nil {
		t.Fatal(err)
	}
	get.Again = true
	if err := p.Call(get, &again); err != nil {
		t.Fatal(err)
	}
	get.Again = false
	other, err := r.alone(ctx, get)
	if err != nil {
		t.Fatal(err)
	}
	if first.Rows != 800 || first.Columns != 7 || first.File == "" {
		t.Errorf("loaded: %+v", first)
	}
	if again.File != first.File || other.File != first.File {
		t.Errorf("files %q, %q, %q are mapped, want one", first.File, again.File, other.File)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
	clean()
	if _, err := os.Stat(filepath.Dir(o.Blobs)); !os.IsNotExist(err) {
		t.Errorf("what was taken in stays: %v", err)
	}
	if _, err := r.alone(ctx, order{Op: "dance"}); err == nil || !strings.Contains(err.Error(), "dance") {
		t.Errorf("an order that there is not: %v", err)
	}
}

// All take the file in in turn, as often; rows are compared by speed.
func TestRace(t *testing.T) {
	r := newRun(t)
	file := r.path("t.csv")
	if err := os.WriteFile(file, []byte("x,y\n"+strings.Repeat("1,2\n2,3\n3,5\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	ours, err := r.ours(t.Context(), 1)
	if err != nil {
		t.Fatal(err)
	}
	bad, err := r.ours(t.Context(), 1) // it knows no order "read"
	if err != nil {
		t.Fatal(err)
	}
	readers := []*reading{{process: ours}, {name: "blind", process: bad}}
	if err := r.race(readers, file, "y", nil, 3); err != nil {
		t.Fatal(err)
	}
	if len(readers[0].took) != 3 || readers[0].last.Rows != 300 || len(readers[1].took) != 0 {
		t.Fatalf("took %v and %v", readers[0].took, readers[1].took)
	}
	r.rowsOf("name", readers, 1e6)
	readers[1].took, readers[1].cpu, readers[1].last = []float64{4, 2, 3}, []float64{1}, done{Rows: 300}
	readers[0].took = []float64{1, 2, 0.5}
	r.rowsOf("name", readers, 6e6)
	if len(r.Skipped) != 1 || len(r.Rows) != 1 || r.Rows[0].Ours != 6 || r.Rows[0].Theirs != 2 || r.Rows[0].Ratio != 3 {
		t.Errorf("skipped %v, rows %+v", r.Skipped, r.Rows)
	}
	if err := closeAll(readers); err != nil {
		t.Error(err)
	}
}

func TestRowsFor(t *testing.T) {
	for _, g := range generated {
		rows, err := rowsFor(g.synth, 3_000_000)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		g.synth.Rows = rows
		if err := ingest.Synth(&b, g.synth); err != nil {
			t.Fatal(err)
		}
		if n := b.Len(); n < 2_900_000 || n > 3_100_000 {
			t.Errorf("%s: %d rows are %d bytes, want about 3 MB", g.name, rows, n)
		}
	}
}

// Without the real tables, and in a quick run, rows are named as skipped.
func TestSkipped(t *testing.T) {
	r := newRun(t)
	r.quick = true
	if err := r.real(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := r.larger(t.Context()); err != nil {
		t.Fatal(err)
	}
	if len(r.Rows) != 0 || len(r.Skipped) != len(tables)+2 {
		t.Errorf("rows %v, skipped %v", r.Rows, r.Skipped)
	}
}
