package dataset_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"math"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
)

// mixed has what real tables have: missing values of every spelling, a number
// column spoilt by one text, an empty column, an id.
const mixed = `id,age,city,empty,code,label
1,30,Rome,,1234567890123456,yes
2,NA,Oslo,NA,2,no
3,50,Rome,?,3,yes
4,N/A,,null,4,no
5,10,  ,NULL,5,yes
6,nan,Oslo,None,6,no
7,NaN,?,NaN,7,yes
8,30,Bonn, ,8,no
`

func TestAddDescribesTheTable(t *testing.T) {
	m := newMemory()
	ds := m.add(t, tourney.DatasetRequest{Name: "people", Target: "label", Drop: []string{"id"}, Seed: 7, Test: 0.25}, mixed)
	f := func(v float64) *float64 { return &v }
	want := []tourney.Column{
		{Name: "age", Kind: tourney.Number, Missing: 4, Min: f(10), Max: f(50), Mean: f(30)}, // (30+50+10+30)/4
		{Name: "city", Kind: tourney.Category, Missing: 3, Categories: []string{"Bonn", "Oslo", "Rome"}},
		{Name: "empty", Kind: tourney.Category, Missing: 8},
		{Name: "code", Kind: tourney.Category, Categories: []string{"1234567890123456", "2", "3", "4", "5", "6", "7", "8"}},
		{Name: "label", Kind: tourney.Category, Categories: []string{"no", "yes"}},
	}
	if !reflect.DeepEqual(ds.Columns, want) {
		got, _ := json.Marshal(ds.Columns)
		t.Errorf("columns %s", got)
	}
	if ds.Name != "people" || ds.Task != tourney.Classification || ds.Target != "label" || ds.Seed != 7 || ds.CreatedAt.IsZero() ||
		ds.Rows != 8 || ds.TestRows != 2 || !slices.Equal(ds.Classes, []string{"no", "yes"}) {
		t.Errorf("dataset %+v", ds)
	}
	if len(m.datasets) != 1 || !reflect.DeepEqual(m.datasets[0], ds) {
		t.Errorf("the catalog has %+v", m.datasets)
	}
	var size int64
	for _, s := range slices.Concat(ds.Shards, ds.Test) {
		size += s.Bytes
		if int64(len(m.blobs[s.Hash])) != s.Bytes {
			t.Errorf("shard %s has %d bytes, the manifest says %d", s.Hash, len(m.blobs[s.Hash]), s.Bytes)
		}
	}
	if ds.Bytes != size {
		t.Errorf("%d bytes, the shards have %d", ds.Bytes, size)
	}
}

func TestVersionIsTheHashOfTheManifest(t *testing.T) {
	m := newMemory()
	ds := m.add(t, tourney.DatasetRequest{Target: "label"}, mixed)
	manifest, err := dataset.Manifest(ds)
	if err != nil {
		t.Fatal(err)
	}
	if sumOf(manifest) != ds.Version || !bytes.Equal(m.blobs[ds.Version], manifest) {
		t.Errorf("version %s, the manifest hashes to %s", ds.Version, sumOf(manifest))
	}
	var read tourney.Dataset
	if err := json.Unmarshal(manifest, &read); err != nil {
		t.Fatal(err)
	}
	if read.Name != "" || read.Version != "" || !read.CreatedAt.IsZero() {
		t.Errorf("the manifest says %q, %q, %v", read.Name, read.Version, read.CreatedAt)
	}
	read.Name, read.Version, read.CreatedAt = ds.Name, ds.Version, ds.CreatedAt
	if again, _ := dataset.Manifest(read); !bytes.Equal(again, manifest) {
		t.Error("the manifest changes when it is read and written again")
	}
}

func TestSameInputSameHash(t *testing.T) {
	req := tourney.DatasetRequest{Target: "label", Seed: 3}
	first := newMemory().add(t, req, mixed)
	for range 5 {
		if again := newMemory().add(t, req, mixed); again.Version != first.Version || !reflect.DeepEqual(again.Shards, first.Shards) || !reflect.DeepEqual(again.Test, first.Test) {
			t.Fatalf("the same table gave version %s and %s", first.Version, again.Version)
		}
	}
	renamed := req
	renamed.Name, renamed.File = "other", "other.csv"
	if again := newMemory().add(t, renamed, mixed); again.Version != first.Version {
		t.Error("the version depends on the name")
	}
	seeded := req
	seeded.Seed = 4
	if other := newMemory().add(t, seeded, mixed); other.Version == first.Version || other.Shards[0].Hash == first.Shards[0].Hash {
		t.Error("another seed gave the same shards")
	}
}

func TestSourceNamesBytesAndOptions(t *testing.T) {
	base := tourney.DatasetRequest{Name: "a", File: "a.csv", Target: "y", Drop: []string{"p", "q"}, Test: 0.2}
	hash := strings.Repeat("0", 64)
	source := dataset.Source(base, hash)
	vary := func(f func(*tourney.DatasetRequest)) string {
		req := base
		f(&req)
		return dataset.Source(req, hash)
	}
	for name, same := range map[string]string{
		"name and file": vary(func(r *tourney.DatasetRequest) { r.Name, r.File = "b", "b.csv" }),
		"order of drop": vary(func(r *tourney.DatasetRequest) { r.Drop = []string{"q", "p", "q"} }),
		"default share": vary(func(r *tourney.DatasetRequest) { r.Test = 0 }),
	} {
		if same != source {
			t.Errorf("%s changed the source", name)
		}
	}
	seen := map[string]string{source: "nothing"}
	for name, other := range map[string]string{
		"bytes":  dataset.Source(base, strings.Repeat("1", 64)),
		"target": vary(func(r *tourney.DatasetRequest) { r.Target = "z" }),
		"task":   vary(func(r *tourney.DatasetRequest) { r.Task = tourney.Regression }),
		"share":  vary(func(r *tourney.DatasetRequest) { r.Test = 0.3 }),
		"drop":   vary(func(r *tourney.DatasetRequest) { r.Drop = []string{"p"} }),
		"drop 2": vary(func(r *tourney.DatasetRequest) { r.Drop = []string{"p,q"} }),
		"seed":   vary(func(r *tourney.DatasetRequest) { r.Seed = 1 }),
	} {
		if was, ok := seen[other]; ok {
			t.Errorf("a change of %s has the source of a change of %s", name, was)
		}
		seen[other] = name
	}
}

func TestKnownSourceIsNotIngestedAgain(t *testing.T) {
	m := newMemory()
	req := tourney.DatasetRequest{Name: "a", Target: "label"}
	first := m.add(t, req, mixed)
	if first.Source != dataset.Source(req, sumOf([]byte(mixed))) {
		t.Error("a client that hashes the file cannot find its dataset")
	}
	puts := m.puts
	if again := m.add(t, req, mixed); !reflect.DeepEqual(again, first) || m.puts != puts || len(m.datasets) != 1 {
		t.Errorf("added again: %d puts, %d registered", m.puts-puts, len(m.datasets))
	}
	req.Name = "b"
	other := m.add(t, req, mixed)
	if other.Name != "b" || other.Version != first.Version || m.puts != puts || len(m.datasets) != 2 || m.datasets[1].Name != "b" {
		t.Errorf("under another name: %+v, %d puts, %d registered", other, m.puts-puts, len(m.datasets))
	}
}

func TestAddErrors(t *testing.T) {
	many := func(n int, row func(int) string) string {
		var b strings.Builder
		b.WriteString("a,y\n")
		for i := range n {
			b.WriteString(row(i) + "\n")
		}
		return b.String()
	}
	num := func(i int) string { return strings.Repeat("x", i+1) }
	for _, test := range []struct {
		name string
		req  tourney.DatasetRequest
		text string
		want string
	}{
		{"no rows", tourney.DatasetRequest{Target: "y"}, "a,y\n", "f.csv: there are no rows below the header"},
		{"two rows", tourney.DatasetRequest{Target: "y"}, "a,y\n1,2\n2,3\n", "f.csv: there are 2 rows; at least 3 are needed, to train, to validate and to test"},
		{"no target", tourney.DatasetRequest{}, "a,y\n1,2\n", "f.csv: target: is missing: name the column to be learnt; the table has a, y"},
		{"unknown target", tourney.DatasetRequest{Target: "Chrun"}, "tenure,Churn\n1,2\n", `f.csv: target: there is no column "Chrun"; did you mean "Churn"?; the table has tenure, Churn`},
		{"semicolons", tourney.DatasetRequest{Target: "y"}, "a;y\n1;2\n", `f.csv: target: there is no column "y"; fields must be separated by commas; the table has a;y`},
		{"target dropped", tourney.DatasetRequest{Target: "y", Drop: []string{"y"}}, "a,y\n1,2\n", `f.csv: target: column "y" is to be dropped and learnt at once`},
		{"unknown drop", tourney.DatasetRequest{Target: "y", Drop: []string{"a", "idd"}}, "a,id,y\n1,2,3\n", `f.csv: drop[1]: there is no column "idd"; did you mean "id"?`},
		{"missing target", tourney.DatasetRequest{Target: "y"}, "a,y\n1,2\n2,\n3,4\n4,NA\n", "f.csv:3: column y: the target is missing here, and in 2 rows in all; fill it in or remove the rows"},
		{"nothing to learn from", tourney.DatasetRequest{Target: "y", Drop: []string{"b"}}, "a,b,y\n,1,1\nNA,2,2\n?,3,3\n", "f.csv: there is no column to learn from beside the target: all others are dropped or empty"},
		{"one class", tourney.DatasetRequest{Target: "y"}, "a,y\n1,k\n2,k\n3,k\n", `f.csv: column y: it is "k" in every row; a classification needs at least 2 classes`},
		{"text in a regression", tourney.DatasetRequest{Target: "y", Task: tourney.Regression}, "a,y\n1,1.5\n2,cheap\n3,dear\n", `f.csv:3: column y: "cheap" is not a number, which the target of a regression must be; use task classification, or correct it`},
		{"too large a target", tourney.DatasetRequest{Target: "y"}, "a,y\n1,1.5\n2,1e39\n3,3\n", "f.csv:3: column y: the number is too large for a target, which is kept as a 32-bit float; divide the column by a power of ten"},
		{"1001 classes", tourney.DatasetRequest{Target: "y"}, many(1001, func(i int) string { return "1," + num(i) }), "f.csv: column y: it has more than 1000 distinct values, which is too many classes"},
		{"all classes alone", tourney.DatasetRequest{Target: "y"}, "a,y\n1,k\n2,l\n3,m\n", "f.csv: column y: no class has two rows, so none can be set aside for the test"},
		{"bad request", tourney.DatasetRequest{Name: "a/b", Target: "y", Test: 0.95, Task: "ranking"}, "a,y\n", "name: \"a/b\" is no name: use letters, digits, '.', '_' and '-', at most 128, the first a letter or digit\n" +
			"test: must be greater than 0 and at most 0.9, not 0.95\ntask: \"ranking\" must be classification or regression"},
		{"not a share", tourney.DatasetRequest{Target: "y", Test: math.NaN()}, "a,y\n", "test: must be greater than 0 and at most 0.9, not NaN"},
		{"ragged", tourney.DatasetRequest{Target: "y"}, "a,y\n1\n", "f.csv:2: the row has 1 field where the header has 2"},
	} {
		test.req.File = "f.csv"
		m := newMemory()
		_, err := m.try(t, test.req, test.text)
		if got := invalid(t, err); !strings.HasPrefix(got, test.want) {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
		if len(m.datasets) != 0 {
			t.Errorf("%s: registered all the same", test.name)
		}
	}
}

func TestTooManyCategories(t *testing.T) {
	table := func(n int) string {
		var b strings.Builder
		b.WriteString("k,y\n")
		for i := range n {
			b.WriteString("k" + dataset.FormatNumber(float64(i)) + ",1.5\n")
		}
		return b.String()
	}
	m := newMemory()
	_, err := m.try(t, tourney.DatasetRequest{Target: "y", File: "f.csv"}, table(100_001))
	if got, want := invalid(t, err), "f.csv:100002: column k: more than 100000 distinct values; if they name the rows, drop the column"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if ds := m.add(t, tourney.DatasetRequest{Target: "y"}, table(100_000)); len(ds.Columns[0].Categories) != 100_000 {
		t.Errorf("%d categories, want 100000", len(ds.Columns[0].Categories))
	}
}

func TestTaskIsToldFromTheTarget(t *testing.T) {
	column := func(values ...string) string {
		var b strings.Builder
		b.WriteString("a,y\n")
		for i, v := range values {
			b.WriteString(dataset.FormatNumber(float64(i)) + "," + v + "\n")
			b.WriteString(dataset.FormatNumber(float64(i)+0.5) + "," + v + "\n")
		}
		return b.String()
	}
	upTo := func(n int) []string {
		var values []string
		for i := range n {
			values = append(values, dataset.FormatNumber(float64(i)))
		}
		return values
	}
	for _, test := range []struct {
		name    string
		task    tourney.Task
		text    string
		want    tourney.Task
		classes []string
	}{
		{"text", "", column("b", "a", "10"), tourney.Classification, []string{"10", "a", "b"}},
		{"0 and 1", "", column("1", "0"), tourney.Classification, []string{"0", "1"}},
		{"numbers sort as numbers", "", column("10", "9", "-1", "1.0"), tourney.Classification, []string{"-1", "1", "9", "10"}},
		{"20 whole numbers", "", column(upTo(20)...), tourney.Classification, upTo(20)},
		{"21 whole numbers", "", column(upTo(21)...), tourney.Regression, nil},
		{"not whole", "", column("1", "2.5"), tourney.Regression, nil},
		{"asked for regression", tourney.Regression, column("1", "0"), tourney.Regression, nil},
		{"asked for classification", tourney.Classification, column("1", "2.5"), tourney.Classification, []string{"1", "2.5"}},
		{"1000 classes", tourney.Classification, column(upTo(1000)...), tourney.Classification, upTo(1000)},
	} {
		ds := newMemory().add(t, tourney.DatasetRequest{Target: "y", Task: test.task}, test.text)
		if ds.Task != test.want || !slices.Equal(ds.Classes, test.classes) {
			t.Errorf("%s: %s %v, want %s %v", test.name, ds.Task, ds.Classes, test.want, test.classes)
		}
	}
}

func TestNothingIsRegisteredWhenABlobCannotBePut(t *testing.T) {
	m := newMemory()
	full := errors.New("the disk is full")
	_, err := dataset.NewRegistry(refusing{full}, m, t.TempDir()).Add(t.Context(), tourney.DatasetRequest{Name: "a", Target: "label"}, strings.NewReader(mixed))
	if !errors.Is(err, full) || len(m.datasets) != 0 {
		t.Errorf("%v, %d registered", err, len(m.datasets))
	}
}

func TestAddStopsWithItsContextAndLeavesNoFile(t *testing.T) {
	m, tmp := newMemory(), t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	gone := errors.New("the client went away")
	cancel(gone)
	if _, err := dataset.NewRegistry(m, m, tmp).Add(ctx, tourney.DatasetRequest{Name: "a", Target: "label"}, strings.NewReader(mixed)); !errors.Is(err, gone) {
		t.Errorf("%v, want the cause", err)
	}
	if files, err := os.ReadDir(tmp); err != nil || len(files) != 0 {
		t.Errorf("left %v, %v", files, err)
	}
}

type refusing struct{ err error }

func (r refusing) Put(context.Context, io.Reader) (string, int64, error) { return "", 0, r.err }
