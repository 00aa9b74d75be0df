//go:build cgo

// Taking tables in needs the SQL engine, which needs cgo.

package fm_test

import (
	"bytes"
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
	"tourney/trainers/fm"
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

// Clicks on advertisements, which are not part of the repository: tuned on
// validation rows, a machine is better than plain linear models, whose AUC on
// the last fifth of the rows is 0.711.
func TestClicksReachTheirFloor(t *testing.T) {
	if testing.Short() {
		t.Skip("trains on 8,000 rows of many columns")
	}
	rung, final := clickLog(t)
	params := []tourney.Params{
		{"optimizer": "adagrad", "learning_rate": 0.02, "factors": int64(4), "l2": 1e-4, "l2_factors": 1e-3},
		{"optimizer": "adagrad", "learning_rate": 0.05, "factors": int64(4), "l2": 1e-3, "l2_factors": 1e-2},
		{"optimizer": "adagrad", "learning_rate": 0.02, "factors": int64(4), "l2": 1e-3, "l2_factors": 1e-2, "init": 0.01},
		{"optimizer": "adagrad", "learning_rate": 0.02, "factors": int64(4), "l2": 1e-4, "l2_factors": 1e-3, "field_aware": true, "init": 0.01},
	}
	trials := train(t, rung, tourney.JobRung, "auc", 6, params...)
	best := trials[0]
	for _, trial := range trials {
		t.Logf("%v: %v", trial.Job().Params, *trial.Ended.Value)
		if *trial.Ended.Value > *best.Ended.Value {
			best = trial
		}
	}
	last := train(t, final, tourney.JobFinal, "auc", best.Ended.BestStep, best.Job().Params)[0]
	if got := *last.Ended.Value; got < 0.711 {
		t.Errorf("AUC %v with %v after %d epochs, want 0.711", got, best.Job().Params, best.Ended.BestStep)
	} else {
		t.Logf("AUC %v with %v after %d epochs, %s, %d columns", got, best.Job().Params, best.Ended.BestStep, final.Form, final.Folds[0].Train.D)
	}
}

// clickLog takes the table in and returns the data of rungs and of a final job.
func clickLog(t *testing.T) (rung, final *dataset.Data) {
	t.Helper()
	const name = "criteo_10k.csv.gz"
	path := filepath.Join("..", "..", "..", "shared", "data", name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not on this machine: %v", name, err)
	}
	m := memory{}
	ds, err := ingest.New(m, m, ingest.Options{TempDir: t.TempDir()}).Add(t.Context(), tourney.DatasetRequest{
		Name: "clicks", Target: "label", Split: tourney.Split{Kind: tourney.SplitLast, Rows: 2000}, Seed: 1,
	}, []ingest.File{{Name: name, Path: path}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cache, err := dataset.NewCache(t.TempDir(), 1<<30, m)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cache.Close() })
	token := &tourney.Token{Epoch: "e", Sweep: "s", Attempt: 1}
	request := dataset.Request{Version: ds.Version, Validation: tourney.Validation{Kind: tourney.Holdout, Fraction: 0.2}, Kind: tourney.JobRung, Form: fm.Family().Form}
	if rung, err = cache.Load(t.Context(), request, token); err != nil {
		t.Fatal(err)
	}
	request.Kind = tourney.JobFinal
	if final, err = cache.Load(t.Context(), request, token); err != nil {
		t.Fatal(err)
	}
	return rung, final
}
