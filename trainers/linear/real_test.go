//go:build cgo

// Taking tables in needs the SQL engine, which needs cgo.

package linear_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/dataset/ingest"
	"tourney/trainers/trainertest"
)

// memory holds blobs in a map: the registry's blobs and catalogue, and the
// cache's fetcher.
type memory map[string][]byte

func (m memory) Put(_ context.Context, r io.Reader) (string, int64, error) {
	b, err := io.ReadAll(r)
	sum := sha256.Sum256(b)
	hash := hex.EncodeToString(sum[:])
	m[hash] = b
	return hash, int64(len(b)), err
}

func (memory) SaveDataset(context.Context, tourney.Dataset) error { return nil }

func (memory) DatasetBySource(context.Context, string) (tourney.Dataset, error) {
	return tourney.Dataset{}, tourney.ErrNotFound
}

func (m memory) Open(_ context.Context, hash string, offset, size int64, _ *tourney.Token) (io.ReadCloser, error) {
	b := m[hash][offset:]
	if size >= 0 {
		b = b[:size]
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// real is a table of real data, which is not part of the repository, and what
// plain linear models of it reach on its test rows: where these are given, and
// for telco_churn, by the table's own notes; where they are drawn, and for
// optdigits, what Ridge and LogisticRegression of scikit-learn 1.9.1 reach on
// the same rows untuned. Floors are rounded by up to a thousandth.
type real struct {
	name, target string
	drop         []string
	categories   []string // numbers that are
	split        tourney.Split
	test         string // the file of the test rows, if there is one
	metric       string
	floor        float64
}

var reals = []real{
	{name: "telco_churn.csv", target: "Churn", drop: []string{"customerID"}, metric: "auc", floor: 0.829},
	{name: "california_housing.csv", target: "median_house_value", metric: "rmse", floor: 70_460},
	{name: "bike_hour.csv", target: "cnt", drop: []string{"casual", "registered", "instant", "dteday"}, categories: []string{"season", "mnth", "hr", "weekday", "weathersit"}, split: tourney.Split{Kind: tourney.SplitLast, Rows: 3476}, metric: "rmse", floor: 133.9},
	{name: "criteo_10k.csv.gz", target: "label", split: tourney.Split{Kind: tourney.SplitLast, Rows: 2000}, metric: "auc", floor: 0.711},
	{name: "adult_48842.csv.gz", target: "income", split: tourney.Split{Kind: tourney.SplitLast, Rows: 48842 - 32561}, metric: "auc", floor: 0.905},
	{name: "a9a.libsvm", test: "a9a.t.libsvm", metric: "auc", floor: 0.9},
	{name: "diamonds.csv.gz", target: "price", metric: "rmse", floor: 1_169.3},
	{name: "millionsong_6724.csv", metric: "rmse", floor: 15.66},
	{name: "optdigits_train.csv", target: "Class", test: "optdigits_test.csv", metric: "accuracy", floor: 0.9499},
	{name: "higgs_lgbm.train.tsv.gz", test: "higgs_lgbm.test.tsv.gz", metric: "auc", floor: 0.690},
}

// Tuned on validation rows, refitted and measured on test rows, linear models
// are as good as plain ones are known to be.
func TestRealDataReachTheirFloors(t *testing.T) {
	if testing.Short() {
		t.Skip("reads ten tables")
	}
	for _, r := range reals {
		t.Run(r.name, func(t *testing.T) {
			rung, final := r.load(t)
			builtin, _ := tourney.LookupMetric(r.metric)
			metric := tourney.Metric{Name: r.metric, Goal: builtin.Goal}
			var trials []*trainertest.Trial
			for _, l2 := range []float64{1e-5, 1e-4, 1e-3, 3e-3, 1e-2, 0.03} {
				params := tourney.Params{"optimizer": "lbfgs", "l2": l2}
				if rung.Task == tourney.Regression {
					params["optimizer"] = "gram"
				}
				trials = append(trials, trainertest.NewTrial(tourney.Job{Kind: tourney.JobRung, Params: params, Metric: metric, Budget: 60, MaxBudget: 60}, nil))
			}
			run(t, rung, 2, trials...)
			best := trials[0]
			for _, trial := range trials {
				if metric.Loss(*trial.Ended.Value) < metric.Loss(*best.Ended.Value) {
					best = trial
				}
			}
			last := trainertest.NewTrial(tourney.Job{Kind: tourney.JobFinal, Params: best.Job().Params, Metric: metric, Budget: best.Ended.BestStep, MaxBudget: 60}, nil)
			run(t, final, 2, last)
			if got := *last.Ended.Value; metric.Loss(got) > metric.Loss(r.floor)+0.001*r.floor {
				t.Errorf("%s %v with %v, want %v or better", r.metric, got, best.Job().Params, r.floor)
			} else {
				t.Logf("%s %v with %v, %s, %d×%d", r.metric, got, best.Job().Params, final.Form, final.Folds[0].Train.N, final.Folds[0].Train.D)
			}
		})
	}
}

// load takes a table in and returns the data of its rungs and of its final job.
func (r *real) load(t *testing.T) (rung, final *dataset.Data) {
	t.Helper()
	dir := filepath.Join("..", "..", "..", "shared", "data")
	files := []ingest.File{{Name: r.name, Path: filepath.Join(dir, r.name)}}
	split := r.split
	if r.test != "" {
		files = append(files, ingest.File{Name: r.test, Path: filepath.Join(dir, r.test), Test: true})
		split.Kind = tourney.SplitFile
	}
	if _, err := os.Stat(files[0].Path); err != nil {
		t.Skipf("%s is not on this machine: %v", r.name, err)
	}
	types := map[string]tourney.ColumnType{}
	for _, name := range r.categories {
		types[name] = tourney.ColumnType{Kind: tourney.Category}
	}
	m := memory{}
	ds, err := ingest.New(m, m, ingest.Options{TempDir: t.TempDir()}).Add(t.Context(), tourney.DatasetRequest{
		Name: "real", Target: r.target, Drop: r.drop, Split: split, Seed: 1, Types: types,
	}, files, nil)
	if err != nil {
		t.Fatal(err)
	}
	cache, err := dataset.NewCache(t.TempDir(), 1<<30, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cache.Close() })
	token := &tourney.Token{Epoch: "e", Sweep: "s", Attempt: 1}
	request := dataset.Request{Version: ds.Version, Validation: tourney.Validation{Kind: tourney.Holdout, Fraction: 0.2}, Kind: tourney.JobRung, Form: dataset.Auto}
	if rung, err = cache.Load(t.Context(), request, token); err != nil {
		t.Fatal(err)
	}
	request.Kind = tourney.JobFinal
	if final, err = cache.Load(t.Context(), request, token); err != nil {
		t.Fatal(err)
	}
	return rung, final
}

// MNIST by softmax regression: plain models have an accuracy of 0.927.
func TestMNISTReachesItsFloor(t *testing.T) {
	if testing.Short() {
		t.Skip("trains on 60,000 images")
	}
	d := &dataset.Data{Task: tourney.Classification, Folds: []*dataset.Fold{{Train: images(t, "train")}}, Test: images(t, "t10k")}
	for c := range 10 {
		d.Classes = append(d.Classes, string(rune('0'+c)))
	}
	trial := trainertest.NewTrial(tourney.Job{
		Kind: tourney.JobFinal, Params: tourney.Params{"optimizer": "adam", "learning_rate": 0.002, "batch_size": int64(128), "schedule": "linear"},
		Metric: tourney.Metric{Name: "accuracy", Goal: tourney.Maximize}, Budget: 12, MaxBudget: 12,
	}, nil)
	run(t, d, 2, trial)
	if got := *trial.Ended.Value; got < 0.9265 {
		t.Errorf("accuracy %v after %d epochs", got, trial.Ended.Step)
	} else {
		t.Logf("accuracy %v after %d epochs", got, trial.Ended.Step)
	}
}

// images reads the images and labels of MNIST, in the format idx, with values
// from 0 to 1.
func images(t *testing.T, name string) *dataset.Matrix {
	t.Helper()
	read := func(kind string, head int) []byte {
		path := filepath.Join("..", "..", "..", "shared", "data", "mnist", name+"-"+kind+"-ubyte.gz")
		file, err := os.Open(path)
		if err != nil {
			t.Skipf("MNIST is not on this machine: %v", err)
		}
		defer file.Close()
		in, err := gzip.NewReader(file)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(in)
		if err != nil {
			t.Fatal(err)
		}
		return b[head:]
	}
	pixels, labels := read("images-idx3", 16), read("labels-idx1", 8)
	m := &dataset.Matrix{N: len(labels), D: len(pixels) / len(labels), X: make([]float32, len(pixels)), Y: make([]float32, len(labels))}
	for i, v := range pixels {
		m.X[i] = float32(v) / 255
	}
	for i, v := range labels {
		m.Y[i] = float32(v)
	}
	return m
}
