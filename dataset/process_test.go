package dataset_test

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tourney"
	"tourney/dataset"
)

// Tests with more than one process run this test binary again, with what it is
// to do in its environment.
const taskVariable = "TOURNEY_TEST_CHILD"

// errand is what a process of its own does: it opens a cache and loads.
type errand struct {
	Blobs    string // directory
	Cache    string
	Limit    int64
	Requests []dataset.Request
	Blind    bool // does not look at what it loaded
	KillAt   int  // dies by SIGKILL when it opens so many blobs; 0: never
}

// told is what it prints.
type told struct {
	Digests []string // of what was loaded
	Mapped  []string // inodes of the matrix files
	Peak    int64    // of anonymous memory, bytes
}

func TestMain(m *testing.M) {
	if text := os.Getenv(taskVariable); text != "" {
		if err := runErrand(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func runErrand(text string) error {
	var e errand
	if err := json.Unmarshal([]byte(text), &e); err != nil {
		return err
	}
	peak := watch()
	c, err := dataset.NewCache(e.Cache, e.Limit, &folder{dir: e.Blobs, killAt: e.KillAt})
	if err != nil {
		return err
	}
	var out told
	var all []*dataset.Data
	for _, req := range e.Requests {
		data, err := c.Load(context.Background(), req, nil)
		if err != nil {
			return err
		}
		all = append(all, data)
		out.Mapped = mapped()
	}
	out.Peak = peak()
	for _, data := range all {
		if !e.Blind {
			out.Digests = append(out.Digests, digest(data))
		}
	}
	return json.NewEncoder(os.Stdout).Encode(out)
}

// folder fetches blobs from a directory.
type folder struct {
	dir    string
	killAt int
	mu     sync.Mutex
	opens  int
}

func (f *folder) Open(_ context.Context, hash string, _, _ int64, _ *tourney.Token) (io.ReadCloser, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.opens++; f.opens == f.killAt {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
	return os.Open(filepath.Join(f.dir, hash))
}

// export writes all blobs to a directory.
func (m *memory) export(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for hash, blob := range m.blobs {
		if err := os.WriteFile(filepath.Join(dir, hash), blob, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// digest hashes all that data hold.
func digest(d *dataset.Data) string {
	h := sha256.New()
	for _, f := range d.Folds {
		for _, m := range []*dataset.Matrix{f.Train, f.Valid} {
			fmt.Fprintln(h, m.N, m.D, m.Spans)
			for _, part := range []any{m.X, m.Y, m.W, m.RowPtr, m.Col, m.Val, m.Bins} {
				if err := binary.Write(h, binary.LittleEndian, part); err != nil {
					panic(err)
				}
			}
		}
		text, err := json.Marshal([]any{f.Prep, f.Bins})
		if err != nil {
			panic(err)
		}
		h.Write(text)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// mapped returns the inodes of the matrix files that this process maps.
func mapped() []string {
	text, _ := os.ReadFile("/proc/self/maps")
	inodes := map[string]bool{}
	for line := range strings.Lines(string(text)) {
		if f := strings.Fields(line); len(f) == 6 && strings.Contains(f[5], "/matrices/") {
			inodes[f[4]] = true
		}
	}
	return slices.Sorted(maps.Keys(inodes))
}

// watch looks at the anonymous memory of this process all the while, and
// returns a function that returns the most there was.
func watch() func() int64 {
	var mu sync.Mutex
	var peak int64
	look := func() {
		text, _ := os.ReadFile("/proc/self/status")
		_, after, _ := strings.Cut(string(text), "RssAnon:")
		n, _ := strconv.ParseInt(strings.Fields(after + " 0")[0], 10, 64)
		mu.Lock()
		defer mu.Unlock()
		peak = max(peak, n<<10)
	}
	go func() {
		for {
			look()
			time.Sleep(2 * time.Millisecond)
		}
	}()
	return func() int64 {
		look()
		mu.Lock()
		defer mu.Unlock()
		return peak
	}
}

// child starts an errand.
func child(t *testing.T, e errand) *exec.Cmd {
	t.Helper()
	text, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), taskVariable+"="+string(text))
	cmd.Stderr = os.Stderr
	return cmd
}

func run(t *testing.T, e errand) told {
	t.Helper()
	out, err := child(t, e).Output()
	if err != nil {
		t.Fatal(err)
	}
	var got told
	if err := json.Unmarshal(out, &got); err != nil {
		t.Fatal(err)
	}
	return got
}

// noise stores a dataset of three shards with columns of several kinds.
func noise(t testing.TB, m *memory) tourney.Dataset {
	t.Helper()
	const n = 140_000
	rng := rand.New(rand.NewPCG(7, 8))
	words := make([]string, n)
	for i := range words {
		words[i] = string(rune('a' + int(math.Abs(rng.NormFloat64())*4)))
	}
	gaps := series("gaps", n, func(int) float64 {
		if rng.IntN(5) == 0 {
			return nan
		}
		return rng.ExpFloat64()
	})
	return m.put(t, tourney.Dataset{}, frame(
		series("x", n, func(int) float64 { return rng.NormFloat64() }), gaps, category("c", words...), series("y", n, func(i int) float64 { return float64(i) }),
	), 1000)
}

var several = []dataset.Request{
	{Kind: tourney.JobRung, Validation: share(0.2)},
	{Kind: tourney.JobRung, Validation: tourney.Validation{Kind: tourney.KFold, Folds: 3}, Preprocess: tourney.Preprocess{Impute: "median", Scale: "quantile", Encode: "target"}},
	{Kind: tourney.JobRung, Validation: share(0.2), Form: dataset.CSR},
	{Kind: tourney.JobRung, Validation: tourney.Validation{Kind: tourney.KFold, Folds: 3}, Form: dataset.Binned},
}

func of(version string, requests []dataset.Request) []dataset.Request {
	out := slices.Clone(requests)
	for i := range out {
		out[i].Version = version
	}
	return out
}

// Two processes that want the same matrices at the same time make each once,
// and both use the same pages.
func TestProcessesShareMatrices(t *testing.T) {
	m := newMemory()
	ds := noise(t, m)
	e := errand{Blobs: m.export(t), Cache: t.TempDir(), Limit: roomy, Requests: of(ds.Version, several)}
	var got [3]told
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() { got[i] = run(t, e) })
	}
	wg.Wait()
	got[2] = run(t, e) // one that comes later
	for i := range got {
		if !slices.Equal(got[i].Digests, got[0].Digests) || len(got[i].Digests) != 4 {
			t.Errorf("process %d loaded something else", i)
		}
		if !slices.Equal(got[i].Mapped, got[0].Mapped) || len(got[i].Mapped) != 6 { // 1 + 3 folds + 1 + 1
			t.Errorf("process %d maps the files %v, the first %v", i, got[i].Mapped, got[0].Mapped)
		}
	}
	if left := files(t, filepath.Join(e.Cache, "tmp")); len(left) > 0 {
		t.Errorf("temporary files %v", left)
	}
}

// A process that is killed at any moment leaves nothing that harms the next.
func TestKilledProcessesLeaveNothingBroken(t *testing.T) {
	m := newMemory()
	ds := noise(t, m)
	blobs := m.export(t)
	requests := of(ds.Version, several[:1])
	want := run(t, errand{Blobs: blobs, Cache: t.TempDir(), Limit: roomy, Requests: requests}).Digests
	dir := t.TempDir()
	// With no room on disk each pass fetches its shards: the manifest, two
	// shards for sums, two for deviations, and four while the file is written,
	// since the second holds rows of both sides.
	for at := 1; at <= 9; at++ {
		err := child(t, errand{Blobs: blobs, Cache: dir, Limit: 1, Requests: requests, KillAt: at}).Run()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
			t.Fatalf("at blob %d: %v, want to be killed", at, err)
		}
		if at >= 8 {
			if left := files(t, filepath.Join(dir, "matrices")); len(left) > 0 {
				t.Errorf("a file that was not finished is in its place: %v", left)
			}
		}
		if at%4 == 1 {
			if got := run(t, errand{Blobs: blobs, Cache: dir, Limit: 1, Requests: requests}).Digests; !slices.Equal(got, want) {
				t.Errorf("killed at blob %d, the next one loads something else", at)
			}
		}
	}
}

// A damaged matrix file is made again.
func TestDamagedMatrixIsMadeAgain(t *testing.T) {
	m := newMemory()
	ds := m.put(t, tourney.Dataset{}, line(5000), 1000)
	dir := t.TempDir()
	want := digest(rung(t, m.cache(t, dir, roomy), ds.Version))
	name := filepath.Join(dir, "matrices", files(t, filepath.Join(dir, "matrices"))[0])
	whole, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	torn := map[string][]byte{"empty": {}, "cut": whole[:len(whole)/2], "without its last byte": whole[:len(whole)-1], "longer": append(slices.Clone(whole), 0)}
	for _, at := range []int{0, 100, len(whole) / 2, len(whole) - 600, len(whole) - 15, len(whole) - 10, len(whole) - 1} {
		bad := slices.Clone(whole)
		bad[at] ^= 0x10
		torn[fmt.Sprint("a bit at ", at)] = bad
	}
	for what, bytes := range torn {
		// A new file: pages that are mapped are not to change.
		if err := os.Remove(name); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, bytes, 0o600); err != nil {
			t.Fatal(err)
		}
		if got := digest(rung(t, m.cache(t, dir, roomy), ds.Version)); got != want {
			t.Errorf("%s: it was used", what)
		}
		if now, err := os.ReadFile(name); err != nil || !slices.Equal(now, whole) {
			t.Errorf("%s: not healed: %v", what, err)
		}
	}
}
