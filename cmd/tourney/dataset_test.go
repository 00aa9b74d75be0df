package main

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"tourney"
	"tourney/api/client"
)

// added is what tourney dataset add prints as JSON.
func added(t *testing.T, args ...string) tourney.Dataset {
	t.Helper()
	var ds tourney.Dataset
	if err := json.Unmarshal([]byte(must(t, append([]string{"dataset", "add", "--json"}, args...)...)), &ds); err != nil {
		t.Fatal(err)
	}
	return ds
}

// shop writes orders and customers, as two files of orders and one of
// customers.
func shop(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for part, from := range map[string]int{"orders_1.csv": 0, "orders_2.csv": 30} {
		var b strings.Builder
		b.WriteString("id,customer,price,size,returned\n")
		for i := from; i < from+30; i++ {
			fmt.Fprintf(&b, "%d,%d,%d.5,%s,%s\n", i, i%10, i%7, []string{"S", "M", "L"}[i%3], []string{"no", "yes"}[i%2])
		}
		write(t, filepath.Join(dir, part), b.String())
	}
	var b strings.Builder
	b.WriteString("customer,age\n")
	for i := range 10 {
		fmt.Fprintf(&b, "%d,%d\n", i, 20+i)
	}
	write(t, filepath.Join(dir, "customers.csv"), b.String())
	return dir
}

// Every flag of tourney dataset add, against a server.
func TestDatasetAdd(t *testing.T) {
	data := dir(t)
	up := start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--data-dir", data)
	t.Setenv("TOURNEY_SERVER", up.url())
	in := shop(t)
	orders := filepath.Join(in, "orders_*.csv")
	columns := func(ds tourney.Dataset) (names []string) {
		for _, c := range ds.Columns {
			names = append(names, c.Name+":"+string(c.Kind))
		}
		return names
	}

	types := filepath.Join(in, "types.yaml")
	write(t, types, "customer: category\nsize: [S, M, L]\n")
	ds := added(t, "orders", orders, "--target", "returned", "--task", "classification", "--drop", "id", "--types", types, "--split", "0.25", "--seed", "3")
	want := []string{"customer:category", "price:number", "size:category", "returned:category"}
	if ds.Rows != 60 || ds.TestRows != 15 || ds.Seed != 3 || !reflect.DeepEqual(columns(ds), want) {
		t.Errorf("%d rows, %d test rows, seed %d, columns %v; want 60, 15, 3, %v", ds.Rows, ds.TestRows, ds.Seed, columns(ds), want)
	}
	if size := ds.Columns[2]; !size.Ordered || !reflect.DeepEqual(size.Categories, []string{"S", "M", "L"}) {
		t.Errorf("size is %+v", size)
	}
	if again := added(t, "orders", filepath.Join(in, "orders_1.csv"), filepath.Join(in, "orders_2.csv"), "--target", "returned", "--task", "classification", "--drop", "id", "--types", types, "--split", "0.25", "--seed", "3"); again.Version != ds.Version || !again.CreatedAt.Equal(ds.CreatedAt) {
		t.Errorf("the same files again are version %s of %v, not %s of %v", again.Version, again.CreatedAt, ds.Version, ds.CreatedAt)
	}

	if ds := added(t, "groups", orders, "--target", "returned", "--group", "customer", "--split", "group:0.2"); ds.Group != "customer" || ds.TestRows != 12 {
		t.Errorf("by groups: %q, %d test rows of groups of 6", ds.Group, ds.TestRows)
	}
	if ds := added(t, "time", orders, "--target", "returned", "--time", "id", "--weight", "price", "--split", "time:0.1"); ds.Time != "id" || ds.Weight != "price" || ds.TestRows != 6 {
		t.Errorf("by time: %+v, %d test rows", ds.Split, ds.TestRows)
	} else if max := *ds.Columns[0].Max; max != 53 {
		t.Errorf("the latest row to train on is %v, want 53, before the last six", max)
	}
	if ds := added(t, "given", filepath.Join(in, "orders_1.csv"), "--test-file", filepath.Join(in, "orders_2.csv"), "--target", "returned"); ds.Rows != 60 || ds.TestRows != 30 || ds.Split.Kind != tourney.SplitFile {
		t.Errorf("by a test file: %d rows, %d test rows, split %+v", ds.Rows, ds.TestRows, ds.Split)
	}
	joined := added(t, "joined", filepath.Join(in, "*.csv"), "--target", "age", "--task", "regression", "--sql",
		`SELECT price, age FROM (SELECT * FROM orders_1 UNION ALL SELECT * FROM orders_2) JOIN customers USING (customer) WHERE price < 3`)
	if joined.Task != tourney.Regression || len(joined.Columns) != 2 || joined.Rows != 27 { // 9, 9 and 9 rows with a price of 0.5, 1.5 and 2.5
		t.Errorf("by a query: %s of %d columns, %d rows", joined.Task, len(joined.Columns), joined.Rows)
	}
	svm := filepath.Join(in, "sparse.txt")
	write(t, svm, strings.Repeat("1 1:0.5 7:1\n0 2:1\n1 3:2 4:1\n0 7:3\n", 5))
	if ds := added(t, "sparse", svm, "--format", "libsvm"); ds.Columns[len(ds.Columns)-1].Kind != tourney.Sparse && ds.Columns[0].Kind != tourney.Sparse || ds.Rows != 20 {
		t.Errorf("libsvm: %v, %d rows", columns(ds), ds.Rows)
	}
	parquet := added(t, "cubes", filepath.Join("testdata", "cubes.parquet"), "--target", "cube")
	if parquet.Rows != 64 || parquet.Task != tourney.Regression {
		t.Errorf("parquet: %d rows, %s", parquet.Rows, parquet.Task)
	}

	for _, tt := range []struct {
		code int
		want string
		args []string
	}{
		{2, "is no split", []string{"x", orders, "--split", "half"}},
		{2, "is no name", []string{"no!name", orders}},
		{2, "no such file", []string{"x", filepath.Join(in, "nothing.csv")}},
		{2, `types.yaml:1: size: must be number`, []string{"x", orders, "--types", filepath.Join(in, "wrong", "types.yaml")}},
		{2, `did you mean "price"?`, []string{"x", orders, "--target", "prise"}},
		{2, "a URL stands alone", []string{"x", orders, "https://example.com/t.csv"}},
		{3, "--allow-url-host example.com", []string{"x", "https://example.com/t.csv"}},
		{2, "orders_2.csv", []string{"x", filepath.Join(in, "wrong", "*.csv"), "--target", "a"}},
	} {
		wrong := filepath.Join(in, "wrong")
		if err := os.MkdirAll(wrong, 0o700); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(wrong, "types.yaml"), "size: numbr\n")
		write(t, filepath.Join(wrong, "orders_1.csv"), "a,b\n1,2\n2,1\n")
		write(t, filepath.Join(wrong, "orders_2.csv"), "a,c\n1,2\n")
		_, stderr, code := play(t, append([]string{"dataset", "add"}, tt.args...)...)
		if code != tt.code || !strings.Contains(stderr, tt.want) {
			t.Errorf("%v: exit %d, want %d with %q\n%s", tt.args, code, tt.code, tt.want, stderr)
		}
	}
	if left, err := os.ReadDir(filepath.Join(data, uploadsDir)); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// What is known of a dataset is shown, and what is deleted is gone, but not
// under a sweep that has not ended.
func TestDatasetShowSampleDelete(t *testing.T) {
	data := dir(t)
	up := start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--data-dir", data)
	t.Setenv("TOURNEY_SERVER", up.url())
	in := t.TempDir()
	rows := "id,price,currency,returned\n"
	for i := range 30 {
		rows += fmt.Sprintf("%d,%d.5,EUR,%s\n", i, i%7, []string{"no", "yes"}[i%2])
	}
	write(t, filepath.Join(in, "orders.csv"), rows)
	must(t, "dataset", "add", "orders", filepath.Join(in, "orders.csv"), "--target", "returned", "--seed", "4")
	out := must(t, "dataset", "show", "orders")
	for _, want := range []string{
		"30 rows, 6 of them sealed as test rows", "seed 4", "classification of returned, 2 classes: no, yes", "told by", "0.5 to 6.5, mean ", "█", "EUR 24",
		"what may hurt:", "  currency: all rows to train on have the same value",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is not in\n%s", want, out)
		}
	}
	if out := must(t, "dataset", "sample", "orders", "--rows", "5"); strings.Count(out, "\n") != 6 || !strings.HasPrefix(out, "id ") {
		t.Errorf("sample:\n%s", out)
	}
	var s client.Sample
	if err := json.Unmarshal([]byte(must(t, "dataset", "sample", "orders", "--rows", "1000", "--json")), &s); err != nil || len(s.Rows) != 24 {
		t.Errorf("%d rows are shown of 30, 6 of them sealed; %v", len(s.Rows), err)
	}

	file := filepath.Join(in, "sweep.yaml")
	write(t, file, "dataset: orders\ntrainer: linear\nmethod: random\nrun_cap: 2\nparameters:\n  learning_rate: {min: 0.01, max: 1.0}\n")
	id := strings.TrimSpace(must(t, "sweep", "create", file))
	if _, stderr, code := play(t, "dataset", "delete", "orders", "--yes"); code != 1 || !strings.Contains(stderr, "in use: sweep "+id) {
		t.Errorf("while a sweep runs: exit %d: %s", code, stderr)
	}
	must(t, "sweep", "cancel", id)
	if _, stderr, code := play(t, "dataset", "delete", "orders"); code != 3 || !strings.Contains(stderr, "--yes") {
		t.Errorf("without --yes: exit %d: %s", code, stderr)
	}
	must(t, "dataset", "delete", "orders", "--yes")
	if _, stderr, code := play(t, "dataset", "delete", "orders", "--yes"); code != 1 || !strings.Contains(stderr, "not found") {
		t.Errorf("deleted twice: exit %d: %s", code, stderr)
	}
	if out := must(t, "sweep", "trials", id); !strings.Contains(out, "learning_rate") {
		t.Errorf("the trials of a sweep that has ended are gone:\n%s", out)
	}
	if code := up.terminate(); code != 0 {
		t.Errorf("the server ends with %d", code)
	}
	// What it had no time for is swept from the next start on.
	start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--data-dir", data).url()
	var left []string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		var err error
		if left, err = filepath.Glob(filepath.Join(data, "blobs", "sha256", "*", "*")); err == nil && len(left) == 0 {
			return
		}
	}
	t.Errorf("blobs are left: %v", left)
}

// Made-up tables are the same everywhere, and as large as was asked.
func TestDatasetSynth(t *testing.T) {
	out := filepath.Join(t.TempDir(), "clicks.csv")
	must(t, "dataset", "synth", "clicks", "--rows", "50", "--columns", "9", "--seed", "5", "--out", out)
	table, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if string(table) != must(t, "dataset", "synth", "clicks", "--rows", "50", "--columns", "9", "--seed", "5") {
		t.Error("a file and stdout differ")
	}
	lines := strings.Split(strings.TrimSpace(string(table)), "\n")
	if len(lines) != 51 || lines[0] != "y,x1,x2,x3,c1,c2,c3,c4,c5,c6" {
		t.Errorf("%d lines, the first %q", len(lines), lines[0])
	}
	if other := must(t, "dataset", "synth", "clicks", "--rows", "50", "--columns", "9", "--seed", "6"); other == string(table) {
		t.Error("another seed makes the same table")
	}
	if _, stderr, code := play(t, "dataset", "synth", "clikcs"); code != 2 || !strings.Contains(stderr, `did you mean "clicks"?`) {
		t.Errorf("exit %d: %s", code, stderr)
	}
}

// A sweep file may name a packed file, a pattern or a directory.
func TestRunOnFilesOfAllKinds(t *testing.T) {
	in := shop(t)
	packed, err := os.Create(filepath.Join(in, "all.csv.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(packed)
	for i, part := range []string{"orders_1.csv", "orders_2.csv"} {
		text, err := os.ReadFile(filepath.Join(in, part))
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			_, text, _ = cutLine(text)
		}
		if _, err := z.Write(text); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		t.Fatal(err)
	}
	data := dir(t)
	for _, where := range []string{"all.csv.gz", "orders_*.csv"} {
		file := filepath.Join(in, "sweep.yaml")
		write(t, file, "dataset: '"+where+"'\ntarget: returned\nsplit: {kind: last, rows: 12}\ntrainer: linear\nmethod: random\nrun_cap: 2\nparameters:\n  learning_rate: {min: 0.01, max: 1.0}\n")
		o := result(t, must(t, "run", file, "--json", "--data-dir", data, "--workers", "1"))
		if o.Sweep.State != tourney.SweepCompleted || math.IsNaN(o.Best.Metrics["test_accuracy"]) {
			t.Errorf("%s: %s", where, o.Sweep.State)
		}
	}
}

func cutLine(text []byte) (line, rest []byte, found bool) {
	s, r, ok := strings.Cut(string(text), "\n")
	return []byte(s), []byte(r), ok
}

// A server that may read a host's files does, but not from this machine.
func TestURLsOfThisMachineAreRefused(t *testing.T) {
	hit := false
	site := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { hit = true }))
	defer site.Close()
	host := strings.TrimPrefix(site.URL, "http://")
	up := start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--data-dir", dir(t), "--allow-url-host", host)
	t.Setenv("TOURNEY_SERVER", up.url())
	if _, stderr, code := play(t, "dataset", "add", "x", site.URL+"/t.csv", "--target", "y"); code != 3 || !strings.Contains(stderr, "is not a public one") {
		t.Errorf("exit %d: %s", code, stderr)
	}
	if hit {
		t.Error("it was asked")
	}
}

func TestNamesOfDatasets(t *testing.T) {
	for where, want := range map[string]string{
		"telco_churn.csv": "telco_churn", "/data/adult.csv.gz": "adult", "a.b.csv": "a.b", "logs/2026/*.parquet": "2026", "mnist/": "mnist", "../my data.csv": "my_data",
		"https://example.com/files/t.csv?x=1": "t", "https://example.com/": "example.com", "s3://bucket/t.parquet": "t", "*": "unnamed", "sweep.yaml": "sweep", ".csv": "unnamed",
	} {
		if got := cleanName(where); got != want {
			t.Errorf("%s is named %q, want %q", where, got, want)
		}
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]int64{"1": 1, "64GiB": 64 << 30, "500MB": 500e6, "10 kB": 10e3, "7B": 7, "2TiB": 2 << 40} {
		var b byteSize
		if err := b.Set(text); err != nil || int64(b) != want {
			t.Errorf("%s is %d, %v; want %d", text, b, err, want)
		}
	}
	for _, text := range []string{"", "0", "-1", "GiB", "1.5GiB", "1XB", "9999999999TiB"} {
		if err := new(byteSize).Set(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
	for n, want := range map[int64]string{0: "0B", 999: "999B", 1 << 10: "1KiB", 64 << 30: "64GiB", 5_711_000: "5.45MiB"} {
		if got := showBytes(n); got != want {
			t.Errorf("%d is shown as %s, want %s", n, got, want)
		}
	}
}

func TestProgressLines(t *testing.T) {
	for want, got := range map[string]string{
		"uploading  1MiB of 4MiB, 25 %":                          progressLine("uploading", 1<<20, 4<<20, 0),
		"looking at columns  1,000,000 rows  1KiB of 2KiB, 50 %": progressLine("looking at columns", 1<<10, 2<<10, 1e6),
		"reading t.csv":              progressLine("reading t.csv", 0, 0, 0),
		"writing shards  7 rows  7B": progressLine("writing shards", 7, 0, 7),
	} {
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	var b strings.Builder
	p := newProgress(&b) // no terminal
	p.show("reading", 1, 2, 3)
	p.clear()
	if b.Len() > 0 {
		t.Errorf("a pipe gets %q", b.String())
	}
}
