//go:build linux && !race

package dataset_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"syscall"
	"testing"
	"time"

	"tourney"
	"tourney/dataset"
	"tourney/dataset/shard"
	"tourney/dataset/table"
)

// wide stores a dataset of n rows and d numbers, one shard at a time. Some
// values are missing.
func wide(t testing.TB, m *memory, n, d int) tourney.Dataset {
	t.Helper()
	ds := tourney.Dataset{Target: "y", Task: tourney.Regression, Rows: n}
	for k := range d {
		ds.Columns = append(ds.Columns, tourney.Column{Name: "x" + strconv.Itoa(k), Kind: tourney.Number})
	}
	ds.Columns = append(ds.Columns, tourney.Column{Name: "y", Kind: tourney.Number})
	schema := shard.Of(&ds, shard.Train)
	rng := rand.New(rand.NewPCG(1, 2))
	for lo := 0; lo < n; lo += shard.RowsMax(schema) {
		f := &table.Frame{Rows: min(shard.RowsMax(schema), n-lo)}
		for _, c := range ds.Columns {
			f.Series = append(f.Series, series(c.Name, f.Rows, func(int) float64 {
				if c.Name == "x3" && rng.IntN(10) == 0 {
					return nan
				}
				return float64(rng.Uint64()>>11) / (1 << 53)
			}))
		}
		var b bytes.Buffer
		if err := shard.Encode(&b, schema, f); err != nil {
			t.Fatal(err)
		}
		hash, size, _ := m.Put(context.Background(), &b)
		ds.Shards = append(ds.Shards, tourney.Shard{Hash: hash, Rows: f.Rows, Bytes: size})
	}
	text, err := json.Marshal(ds)
	if err != nil {
		t.Fatal(err)
	}
	ds.Version, _, _ = m.Put(context.Background(), bytes.NewReader(text))
	return ds
}

// A process that makes matrices of a table has a few shards of it in the memory
// that it does not share, however large the table.
func TestMemoryIsBounded(t *testing.T) {
	if testing.Short() {
		t.Skip("makes matrices of a table of 300 MB")
	}
	m := newMemory()
	const n, d = 1_300_000, 29
	ds := wide(t, m, n, d)
	got := run(t, errand{Blobs: m.export(t), Cache: t.TempDir(), Limit: 4 << 30, Blind: true, Requests: []dataset.Request{
		{Version: ds.Version, Kind: tourney.JobRung, Validation: share(0.2)},
	}})
	if got.Peak < 1<<20 || got.Peak > n*d*8*2/3 {
		t.Errorf("%d MB of anonymous memory for a table of %d MB", got.Peak>>20, n*d*8>>20)
	}
	t.Logf("%d MB of anonymous memory for a table of %d MB", got.Peak>>20, n*d*8>>20)
}

// BenchmarkLoad is a million rows of 100 numbers: how fast the matrix is made,
// and how long it takes a process to load it that finds it made.
func BenchmarkLoad(b *testing.B) {
	const n, d = 1_000_000, 100
	m := newMemory()
	ds := wide(b, m, n, d)
	for _, scale := range []string{"standard", "robust"} {
		req := request(ds.Version)
		req.Preprocess.Scale = scale
		b.Run("make/"+scale, func(b *testing.B) {
			b.SetBytes(n * d * 8)
			from := processTime()
			for b.Loop() {
				load(b, m.cache(b, b.TempDir(), 4<<30), req)
			}
			b.ReportMetric(float64((processTime()-from).Microseconds())/1000/float64(b.N), "cpu-ms/op")
		})
	}
	dir := b.TempDir()
	rung(b, m.cache(b, dir, 4<<30), ds.Version)
	b.Run("hit", func(b *testing.B) {
		from := processTime()
		for b.Loop() {
			rung(b, m.cache(b, dir, 4<<30), ds.Version)
		}
		b.ReportMetric(float64((processTime()-from).Microseconds())/1000/float64(b.N), "cpu-ms/op")
	})
}

// processTime is the time that all cores have spent on this process.
func processTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
