package dataset_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/apache/arrow-go/v18/arrow"
	"github.com/apache/arrow-go/v18/arrow/array"
	"github.com/apache/arrow-go/v18/arrow/ipc"

	"tourney"
	"tourney/dataset"
)

// openShard reads a shard with the Arrow library alone.
func openShard(t *testing.T, m *memory, s tourney.Shard) arrow.RecordBatch {
	t.Helper()
	r, err := ipc.NewFileReader(bytes.NewReader(m.blobs[s.Hash]))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	if r.NumRecords() != 1 {
		t.Fatalf("%d record batches in a shard, want 1", r.NumRecords())
	}
	batch, err := r.RecordBatch(0)
	if err != nil {
		t.Fatal(err)
	}
	if int(batch.NumRows()) != s.Rows {
		t.Fatalf("%d rows, the manifest says %d", batch.NumRows(), s.Rows)
	}
	batch.Retain()
	t.Cleanup(batch.Release)
	return batch
}

func TestShardsAreArrowFiles(t *testing.T) {
	m := newMemory()
	ds := m.add(t, tourney.DatasetRequest{Target: "label"}, mixed)
	batch := openShard(t, m, ds.Shards[0])
	schema := batch.Schema()
	var fields []string
	for _, f := range schema.Fields() {
		fields = append(fields, f.Name+" "+f.Type.String())
	}
	const category = "dictionary<values=utf8, indices=int32, ordered=false>"
	if want := []string{"id float64", "age float64", "city " + category, "code " + category, "label " + category}; !slices.Equal(fields, want) {
		t.Errorf("fields %q, want %q", fields, want)
	}
	for key, want := range map[string]string{
		"tourney.format": "1", "tourney.target": "label", "tourney.rows": "train",
		"tourney.kinds": `["number","number","category","category","category"]`,
	} {
		if got, _ := schema.Metadata().GetValue(key); got != want {
			t.Errorf("metadata %s = %q, want %q", key, got, want)
		}
	}
	lines := strings.Split(strings.TrimSpace(mixed), "\n")[1:]
	seen := map[string]bool{}
	for _, s := range slices.Concat(ds.Shards, ds.Test) {
		batch := openShard(t, m, s)
		for row := range s.Rows {
			id := batch.Column(0).(*array.Float64).Value(row)
			want := strings.Split(lines[int(id)-1], ",")
			got := []string{batch.Column(0).ValueStr(row), batch.Column(1).ValueStr(row), text(batch.Column(2), row), text(batch.Column(3), row), text(batch.Column(4), row)}
			for i, w := range []string{want[0], want[1], want[2], want[4], want[5]} {
				if slices.Contains([]string{"", "  ", "NA", "N/A", "nan", "NaN", "?"}, w) {
					w = array.NullValueStr
				}
				if got[i] != w {
					t.Errorf("row %v, column %d is %q, want %q", id, i, got[i], w)
				}
			}
			seen[want[0]] = true
		}
	}
	if len(seen) != 8 {
		t.Errorf("%d rows in the shards, want all 8", len(seen))
	}
	if got, _ := openShard(t, m, ds.Test[0]).Schema().Metadata().GetValue("tourney.rows"); got != "test" {
		t.Errorf("test shards say they are for %q", got)
	}
}

func text(a arrow.Array, row int) string {
	d := a.(*array.Dictionary)
	if d.IsNull(row) {
		return array.NullValueStr
	}
	return d.Dictionary().(*array.String).Value(d.GetValueIndex(row))
}

// ids returns the first column of shards, in order.
func ids(t *testing.T, m *memory, shards []tourney.Shard) []int {
	var all []int
	for _, s := range shards {
		for _, v := range openShard(t, m, s).Column(0).(*array.Float64).Float64Values() {
			all = append(all, int(v))
		}
	}
	return all
}

// fisherYates is the shuffle as promised: Durstenfeld's form, from the last
// place down, driven by PCG seeded with (seed, 0).
func fisherYates(n int, seed uint64) []int {
	rng := rand.New(rand.NewPCG(seed, 0))
	order := make([]int, n)
	for i := range order {
		order[i] = i
	}
	for i := n - 1; i > 0; i-- {
		j := rng.IntN(i + 1)
		order[i], order[j] = order[j], order[i]
	}
	return order
}

func TestRowsAreShuffledOnceAndTheTestIsTheFirstShare(t *testing.T) {
	for _, seed := range []uint64{0, 1, 1 << 63} {
		m := newMemory()
		ds := m.add(t, tourney.DatasetRequest{Target: "y", Seed: seed, Test: 0.3}, numbers(1000))
		order := fisherYates(1000, seed)
		if got := ids(t, m, ds.Test); !slices.Equal(got, order[:300]) {
			t.Errorf("seed %d: test rows begin %v, want %v", seed, got[:5], order[:5])
		}
		if got := ids(t, m, ds.Shards); !slices.Equal(got, order[300:]) {
			t.Errorf("seed %d: the other rows begin %v, want %v", seed, got[:5], order[300:305])
		}
	}
}

func TestShardsAreCutAtParts(t *testing.T) {
	m := newMemory()
	ds := m.add(t, tourney.DatasetRequest{Target: "y", Test: 0.5}, numbers(150_000))
	var sizes []int
	for _, s := range slices.Concat(ds.Shards, ds.Test) {
		sizes = append(sizes, s.Rows)
	}
	if want := []int{65_536, 75_000 - 65_536, 65_536, 75_000 - 65_536}; !slices.Equal(sizes, want) {
		t.Errorf("shards of %v rows, want %v", sizes, want)
	}
	if got, want := slices.Concat(ids(t, m, ds.Test), ids(t, m, ds.Shards)), fisherYates(150_000, 0); !slices.Equal(got, want) {
		t.Error("the shards in order are not the shuffled rows")
	}
	for columns := range 10_001 {
		if rows := dataset.RowsPerShard(columns); rows > 65_536 || rows < 4096 || rows%dataset.PartRows != 0 || (rows > 4096 && rows*columns*8 > 128<<20) {
			t.Fatalf("%d rows a shard of %d columns", rows, columns)
		}
	}
}

func TestStratify(t *testing.T) {
	for _, test := range []struct {
		name  string
		sizes []int
		share float64
		want  []int
	}{
		{"exact", []int{50, 100, 150}, 0.2, []int{10, 20, 30}},
		{"largest remainders", []int{7, 8, 10}, 0.2, []int{1, 2, 2}}, // 1.4 1.6 2.0: 5 in all
		{"ties go to the smaller number", []int{5, 5, 10}, 0.5, []int{3, 2, 5}},
		{"a rare class keeps one on each side", []int{98, 2}, 0.2, []int{19, 1}}, // 19.6 0.4: 20 in all
		{"in the test too", []int{98, 2}, 0.9, []int{89, 1}},                     // 88.2 1.8: 90 in all
		{"a class of one is trained on", []int{9, 1}, 0.5, []int{5, 0}},          // 4.5 0.5: 5 in all
		{"the sum gives way", []int{2, 2, 2, 2}, 0.1, []int{1, 1, 1, 1}},
		{"nor more than there are", []int{2, 2, 1}, 0.9, []int{1, 1, 0}},
		{"a share not exact in binary", []int{100, 100}, 0.29, []int{29, 29}},
	} {
		if got := dataset.Stratify(test.sizes, test.share); !slices.Equal(got, test.want) {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}

func TestHoldoutRoundsUp(t *testing.T) {
	for _, test := range []struct {
		share   float64
		n, want int
	}{{0.2, 10, 2}, {0.2, 11, 3}, {0.07, 100, 7}, {0.001, 10, 1}, {0.9, 2, 1}, {0.99, 10, 9}, {0.5, 5, 3}} {
		if got := dataset.Holdout(test.share, test.n); got != test.want {
			t.Errorf("%v of %d rows is %d, want %d", test.share, test.n, got, test.want)
		}
	}
}

func TestTestRowsAreStratified(t *testing.T) {
	var b strings.Builder
	b.WriteString("id,kind\n")
	for i := range 500 {
		kind := "common"
		switch {
		case i%50 == 7:
			kind = "rare" // 10 rows
		case i == 499:
			kind = "single"
		case i%5 == 0:
			kind = "some" // 100 rows
		}
		fmt.Fprintf(&b, "%d,%s\n", i, kind)
	}
	m := newMemory()
	ds := m.add(t, tourney.DatasetRequest{Target: "kind"}, b.String())
	data := final(t, m.cache(t, t.TempDir(), roomy), ds.Version)
	counts := func(y []float32) map[string]int {
		n := map[string]int{}
		for _, c := range y {
			n[ds.Classes[int(c)]]++
		}
		return n
	}
	// Quotas 77.8, 2, 0.2 and 20 of 100: the one left over goes to "common".
	if got, want := fmt.Sprint(counts(data.Test.Y)), "map[common:78 rare:2 some:20]"; got != want {
		t.Errorf("test rows %s, want %s", got, want)
	}
	if got, want := fmt.Sprint(counts(data.Train.Y)), "map[common:311 rare:8 single:1 some:80]"; got != want {
		t.Errorf("other rows %s, want %s", got, want)
	}
	if rest := ids(t, m, ds.Shards); !isSubsequence(rest, fisherYates(500, 0)) {
		t.Error("the rows to train on are not in shuffled order")
	}
}

func isSubsequence(part, whole []int) bool {
	for _, v := range whole {
		if len(part) > 0 && part[0] == v {
			part = part[1:]
		}
	}
	return len(part) == 0
}

// A reader that is not ours must see the same table.
func TestPythonReadsShards(t *testing.T) {
	if err := exec.Command("python3", "-c", "import pyarrow").Run(); err != nil {
		t.Skip("no python3 with pyarrow here:", err)
	}
	m := newMemory()
	ds := m.add(t, tourney.DatasetRequest{Target: "label"}, mixed)
	name := filepath.Join(t.TempDir(), "shard.arrow")
	if err := os.WriteFile(name, m.blobs[ds.Shards[0].Hash], 0o600); err != nil {
		t.Fatal(err)
	}
	const script = `
import sys, pyarrow.ipc
for r in sorted(pyarrow.ipc.open_file(sys.argv[1]).read_all().to_pylist(), key=lambda r: r["id"]):
    print(int(r["id"]), r["age"], r["city"], r["code"], r["label"], sep=",")`
	got, err := exec.Command("python3", "-c", script, name).Output()
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(mixed), "\n")[1:]
	for line := range strings.Lines(string(got)) {
		f := strings.Split(strings.TrimSpace(line), ",")
		var id int
		if _, err := fmt.Sscan(f[0], &id); err != nil {
			t.Fatal(err)
		}
		if want := strings.Split(lines[id-1], ","); f[3] != want[4] || f[4] != want[5] {
			t.Errorf("row %d is %v, want %v", id, f, want)
		}
	}
}
