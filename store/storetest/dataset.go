package storetest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"testing"
	"time"

	"tourney"
)

func hash(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// dataset is version number n of a name.
func dataset(name string, n int) tourney.Dataset {
	mean := 0.1 + float64(n)
	return tourney.Dataset{
		Name: name, Version: hash(fmt.Sprint("version", n)), CreatedAt: time.UnixMicro(1_700_000_000_000_001).UTC(),
		Source: hash(fmt.Sprint("source", n)), Task: tourney.Classification, Target: "y", Classes: []string{"no", "yes"},
		Rows: 100, TestRows: 20, Seed: 1<<64 - 1, Bytes: 1 << 40,
		Columns: []tourney.Column{{Name: "x", Kind: tourney.Number, Mean: &mean}, {Name: "y", Kind: tourney.Category, Categories: []string{"no", "yes"}}},
		Shards:  []tourney.Shard{{Hash: hash(fmt.Sprint("train", n)), Rows: 80, Bytes: 9}},
		Test:    []tourney.Shard{{Hash: hash(fmt.Sprint("test", n)), Rows: 10, Bytes: 9}, {Hash: hash("common"), Rows: 10, Bytes: 9}},
	}
}

func testDatasets(t *testing.T, open Opener) {
	s := start(t, open)
	ctx := t.Context()
	old, fresh, other := dataset("churn", 1), dataset("churn", 2), dataset("other", 1)
	near := dataset("churn", 3)
	near.Version = fresh.Version[:12] + near.Version[12:]
	for _, d := range []tourney.Dataset{old, near, fresh, old, other} { // old again changes nothing
		must(t, s.SaveDataset(ctx, d))
	}
	for ref, want := range map[string]tourney.Dataset{
		"churn":                       fresh,
		"churn@" + old.Version:        old,
		"churn@" + old.Version[:8]:    old,
		"churn@" + fresh.Version[:13]: fresh,
		"churn@" + near.Version[:13]:  near,
		fresh.Version:                 fresh,
		old.Version:                   other, // the one registered last under that version
		"other@" + other.Version[:10]: other,
	} {
		if got, err := s.Dataset(ctx, ref); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("dataset %s is %+v, %v; want %+v", ref, got, err, want)
		}
	}
	for _, ref := range []string{"churn@" + fresh.Version[:12], "churn@" + fresh.Version[:7], "churn@", "churn@%%%%%%%%"} {
		if _, err := s.Dataset(ctx, ref); tourney.AsInvalid(err) == nil {
			t.Errorf("dataset %s: %v", ref, err)
		}
	}
	for _, ref := range []string{"", "chur", "other@" + fresh.Version, fresh.Version[:20], "%"} {
		_, err := s.Dataset(ctx, ref)
		wantError(t, err, tourney.ErrNotFound)
	}
	if got, err := s.DatasetBySource(ctx, fresh.Source); err != nil || !reflect.DeepEqual(got, fresh) {
		t.Errorf("dataset by source is %+v, %v", got, err)
	}
	if got, err := s.SealedIn(ctx, old.Test[0].Hash); err != nil || !slices.Equal(got, []string{old.Version}) {
		t.Errorf("test shard is sealed in %v, %v", got, err)
	}
	want := []string{old.Version, near.Version, fresh.Version}
	slices.Sort(want)
	if got, err := s.SealedIn(ctx, hash("common")); err != nil || !slices.Equal(got, want) {
		t.Errorf("common test shard is sealed in %v, %v", got, err)
	}
	if got, err := s.SealedIn(ctx, old.Shards[0].Hash); err != nil || len(got) != 0 {
		t.Errorf("training shard is sealed in %v, %v", got, err)
	}
	list, next, err := s.Datasets(ctx, tourney.Page{})
	if err != nil || next != "" || !reflect.DeepEqual(list, []tourney.Dataset{fresh, other}) {
		t.Errorf("datasets are %+v, %q, %v", list, next, err)
	}
	clean(t, s)
}

func testWorkers(t *testing.T, open Opener) {
	s := start(t, open)
	now := time.Now().UTC().Truncate(time.Microsecond)
	worker := func(id string, enrolled, seen time.Duration) tourney.Worker {
		return tourney.Worker{ID: id, Host: "h", Pool: "p", Slots: 4, Version: "1", Enrolled: now.Add(-enrolled), LastSeen: now.Add(-seen), Running: 2}
	}
	silent, first, second := worker("silent", 3*time.Hour, 2*time.Hour), worker("first", 2*time.Hour, time.Minute), worker("second", time.Hour, 50*time.Minute)
	for _, w := range []tourney.Worker{silent, second, worker("first", 2*time.Hour, 2*time.Hour)} {
		must(t, s.SaveWorker(t.Context(), w))
	}
	first.Running = 0
	must(t, s.SaveWorker(t.Context(), first)) // heard of again
	got, err := s.Workers(t.Context())
	if want := []tourney.Worker{second, first}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("workers are %+v, %v; want %+v", got, err, want)
	}
}
