package dataset_test

import (
	"encoding/json"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/dataset/table"
)

// everything has a column of each kind.
func everything() *table.Frame {
	return frame(
		number("n", 1, 2, nan, 4, 5, 6, 7, 8), category("c", "a", "b", "", "a", "c", "a", "b", "d"),
		text("t", "x", "", "y", "z", "x", "w", "v", "u"),
		sparse("s", [][2]float64{{0, 1}, {3, -2}}, nil, [][2]float64{{1, 5}}, nil, nil, [][2]float64{{2, 1}}, [][2]float64{{0, 7}}, nil),
		category("y", "n", "n", "n", "j", "j", "j", "n", "n"),
	)
}

// fitted returns the pipelines of all encodings, and a binning, as JSON.
func fitted(t testing.TB) (pipelines []string, binning string) {
	t.Helper()
	m := newMemory()
	ds := m.put(t, tourney.Dataset{Task: tourney.Classification}, everything(), 2)
	c := m.cache(t, t.TempDir(), roomy)
	text := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	req := dataset.Request{Version: ds.Version, Kind: tourney.JobFinal}
	for _, encode := range []string{"one_hot", "ordinal", "hash", "target"} {
		req.Preprocess = tourney.Preprocess{Encode: encode, Scale: "quantile", Buckets: 8, Indicator: "always", Levels: 2}
		pipelines = append(pipelines, text(load(t, c, req).Folds[0].Prep))
	}
	req.Form = dataset.Binned
	return pipelines, text(load(t, c, req).Folds[0].Bins)
}

func readPipeline(text string) (*dataset.Pipeline, error) {
	p := new(dataset.Pipeline)
	if err := json.Unmarshal([]byte(text), p); err != nil {
		return nil, err
	}
	return p, p.Check()
}

func readBinning(text string) (*dataset.Binning, error) {
	b := new(dataset.Binning)
	if err := json.Unmarshal([]byte(text), b); err != nil {
		return nil, err
	}
	return b, b.Check()
}

func TestWhatWasFittedIsRight(t *testing.T) {
	pipelines, binning := fitted(t)
	for _, text := range pipelines {
		if _, err := readPipeline(text); err != nil {
			t.Errorf("%v in %s", err, text)
		}
	}
	if _, err := readBinning(binning); err != nil {
		t.Errorf("%v in %s", err, binning)
	}
}

func TestCheckSaysWhatIsWrong(t *testing.T) {
	const n = `{"fill":0,"center":0,"scale":1}`
	for input, want := range map[string]string{
		`{"name":"","kind":"number","numbers":[` + n + `]}`:                                                                              "name",
		`{"name":"a","kind":"numbr"}`:                                                                                                    "numbr",
		`{"name":"a","kind":"number"}`:                                                                                                   "numbers: there are 0",
		`{"name":"a","kind":"number","numbers":[` + n + `,` + n + `]}`:                                                                   "numbers: there are 2",
		`{"name":"a","kind":"number","numbers":[` + n + `],"levels":["x"]}`:                                                              "levels",
		`{"name":"a","kind":"number","numbers":[{"fill":0,"center":0,"scale":1,"quantiles":[]}]}`:                                        "quantiles",
		`{"name":"a","kind":"number","numbers":[{"fill":0,"center":0,"scale":1,"quantiles":[2,1]}]}`:                                     "quantiles",
		`{"name":"a","kind":"number","numbers":[{"fill":0,"center":0,"scale":1,"clip":-1}]}`:                                             "clip",
		`{"name":"a","kind":"category","encode":"one_hot","levels":["x","x"]}`:                                                           "twice",
		`{"name":"a","kind":"category","encode":"hash"}`:                                                                                 "buckets",
		`{"name":"a","kind":"category","encode":"hash","buckets":-1}`:                                                                    "buckets",
		`{"name":"a","kind":"category","encode":"ordinal","levels":["x"],"numbers":[` + n + `],"other":true}`:                            "other",
		`{"name":"a","kind":"category","encode":"target","levels":["x"],"numbers":[` + n + `],"means":[],"absent":[0],"prior":[0]}`:      "means",
		`{"name":"a","kind":"category","encode":"target","levels":["x"],"numbers":[` + n + `],"means":[[1,2]],"absent":[0],"prior":[0]}`: "means",
		`{"name":"a","kind":"text"}`:                                                                                                     "kind",
		`{"name":"a","kind":"sparse","width":-1}`:                                                                                        "width",
		`{"name":"a","kind":"sparse","width":99999999}`:                                                                                  "width",
		`{"name":"a","kind":"sparse","width":9},{"name":"a","kind":"sparse","width":9}`:                                                  "twice",
		`{"name":"a","kind":"sparse","width":16000000},{"name":"b","kind":"category","encode":"hash","buckets":16000000}`:                "more than",
	} {
		_, err := readPipeline(`{"preprocess":{},"inputs":[` + input + `]}`)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, which should say %q", input, err, want)
		}
	}
	if _, err := readPipeline(`{"preprocess":{"scale":"wide"},"inputs":[]}`); err == nil || !strings.Contains(err.Error(), "preprocess.scale") {
		t.Errorf("an unknown scale: %v", err)
	}
	if _, err := readPipeline(`{"preprocess":{},"inputs":[]}`); err == nil {
		t.Error("no inputs are an error")
	}
	for feature, want := range map[string]string{
		`{"name":"a","kind":"sparse"}`:                                                                               "has no bins",
		`{"name":"a","kind":"number","edges":[1,1]}`:                                                                 "edges",
		`{"name":"a","kind":"number","edges":[2,1]}`:                                                                 "edges",
		`{"name":"a","kind":"number","levels":["x"]}`:                                                                "levels",
		`{"name":"a","kind":"category","levels":["x","x"]}`:                                                          "twice",
		`{"name":"a","kind":"number","index":3}`:                                                                     "index",
		`{"name":"a","kind":"category","of":"s"}`:                                                                    "entry",
		`{"name":"s#1","kind":"number","of":"s","index":1},{"name":"s#1","kind":"number","of":"s","index":1}`:        "rise",
		`{"name":"a","kind":"number"},{"name":"a","kind":"number"}`:                                                  "twice",
		`{"name":"s#1","kind":"number","of":"s"},{"name":"a","kind":"text"},{"name":"s#2","kind":"number","of":"s"}`: "twice",
		`{"name":"","kind":"number"}`:                                                                                "name",
		`{"name":"a","kind":"number","edges":[` + strings.Repeat("1,", 300) + `1]}`:                                  "bins",
	} {
		_, err := readBinning(`{"features":[` + feature + `]}`)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, which should say %q", feature, err, want)
		}
	}
}

// What Check lets pass can be applied, whoever wrote it.
func FuzzCheck(f *testing.F) {
	pipelines, binning := fitted(f)
	for _, text := range append(pipelines, binning) {
		f.Add(text)
	}
	rows := everything()
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 1<<12 {
			return
		}
		if p, err := readPipeline(text); err == nil && p.Width() < 1<<12 {
			if n := len(p.Features()); n != p.Width() {
				t.Errorf("%d names of %d features", n, p.Width())
			}
			dense, err := p.ApplyRows(rows, 2, rows.Rows, dataset.Dense)
			sparse, errSparse := p.ApplyRows(rows, 2, rows.Rows, dataset.CSR)
			if (err == nil) != (errSparse == nil) {
				t.Fatalf("dense: %v; sparse: %v", err, errSparse)
			}
			if err == nil && (len(dense.X) != dense.N*p.Width() || len(sparse.RowPtr) != dense.N+1) {
				t.Error("a matrix of another size")
			}
			_ = p.Wants()
		}
		if b, err := readBinning(text); err == nil {
			if bins, err := b.ApplyRows(rows, 2, rows.Rows); err == nil && len(bins) != (rows.Rows-2)*len(b.Features) {
				t.Errorf("%d bins", len(bins))
			}
			_ = b.Wants()
		}
	})
}
