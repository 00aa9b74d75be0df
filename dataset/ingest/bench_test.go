package ingest_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset/ingest"
)

// sink is a blob store that keeps nothing.
type sink struct{ n int }

func (s *sink) Put(_ context.Context, r io.Reader) (string, int64, error) {
	s.n++
	n, err := io.Copy(io.Discard, r)
	return fmt.Sprintf("%064x", s.n), n, err
}

func BenchmarkSynth(b *testing.B) {
	for _, kind := range []ingest.SynthKind{ingest.SynthClassification, ingest.SynthClicks} {
		b.Run(string(kind), func(b *testing.B) {
			var n countWriter
			for b.Loop() {
				if err := ingest.Synth(&n, ingest.SynthOptions{Kind: kind, Rows: 20_000, Missing: 0.05, Noise: 1, Seed: 1}); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(n) / int64(b.N))
		})
	}
}

type countWriter int64

func (w *countWriter) Write(p []byte) (int, error) {
	*w += countWriter(len(p))
	return len(p), nil
}

// BenchmarkIngest takes generated CSV in; MB/s are of the file. INGEST_ROWS
// makes it larger, for a look at memory.
func BenchmarkIngest(b *testing.B) {
	rows := int64(100_000)
	if n, err := strconv.ParseInt(os.Getenv("INGEST_ROWS"), 10, 64); err == nil {
		rows = n
	}
	for _, o := range []ingest.SynthOptions{
		{Kind: ingest.SynthRegression, Rows: rows, Numbers: 100, Noise: 1, Missing: 0.02},
		{Kind: ingest.SynthClicks, Rows: rows, Noise: 1, Missing: 0.05, Levels: 100_000},
	} {
		b.Run(string(o.Kind), func(b *testing.B) {
			path := filepath.Join(b.TempDir(), "table.csv")
			f, err := os.Create(path)
			if err != nil {
				b.Fatal(err)
			}
			if err := ingest.Synth(f, o); err != nil {
				b.Fatal(err)
			}
			info, err := f.Stat()
			if err != nil {
				b.Fatal(err)
			}
			if err := f.Close(); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(info.Size())
			peak := 0
			for b.Loop() {
				m := newMemory()
				r := ingest.New(&sink{}, m, ingest.Options{TempDir: b.TempDir()})
				_, err := r.Add(b.Context(), tourney.DatasetRequest{Name: "b", Target: "y"}, []ingest.File{{Name: "table.csv", Path: path}}, func(ingest.Progress) { peak = max(peak, anonymous()) })
				if err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(peak)/1024, "peakMiB")
			runtime.GC()
		})
	}
}

// anonymous returns the memory of this process that is no file's, in KiB.
func anonymous() int {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(status), "RssAnon:")
	n, _ := strconv.Atoi(strings.Fields(rest)[0])
	return n
}
