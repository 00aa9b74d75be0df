package storetest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
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

// loose fails the test if other blobs than these are loose.
func loose(t *testing.T, s Store, want ...string) {
	t.Helper()
	got, err := s.LooseBlobs(t.Context())
	must(t, err)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("loose are %q, want %q", got, want)
	}
	clean(t, s)
}

func testDeleteDataset(t *testing.T, open Opener) {
	s := start(t, open)
	ctx := t.Context()
	one, two, other := dataset("churn", 1), dataset("churn", 2), dataset("other", 1)
	for _, d := range []tourney.Dataset{one, two, other} {
		must(t, s.SaveDataset(ctx, d))
	}
	for ref, want := range map[string]error{
		"chur": tourney.ErrNotFound, "": tourney.ErrNotFound, one.Version: tourney.ErrNotFound, "%": tourney.ErrNotFound,
		"other@" + two.Version: tourney.ErrNotFound, "churn@": tourney.ErrInvalid, "churn@12": tourney.ErrInvalid,
	} {
		wantError(t, s.DeleteDataset(ctx, ref), want)
	}
	loose(t, s)

	// The same version is still there under another name.
	must(t, s.DeleteDataset(ctx, "churn@"+one.Version[:8]))
	loose(t, s)
	if _, err := s.Dataset(ctx, "churn@"+one.Version); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("the deleted version: %v", err)
	}

	// Both versions share one test shard, which stays; what is gone stays sealed
	// until its blobs are removed.
	must(t, s.DeleteDataset(ctx, "churn"))
	loose(t, s, two.Version, two.Shards[0].Hash, two.Test[0].Hash)
	if got, err := s.SealedIn(ctx, two.Test[0].Hash); err != nil || len(got) == 0 {
		t.Errorf("a test shard that is to be removed is sealed in %q, %v", got, err)
	}
	gone, err := s.LooseBlobs(ctx)
	must(t, err)
	must(t, s.Loosen(ctx, hash("noted since")))
	must(t, s.ForgetLoose(ctx, gone))
	loose(t, s, hash("noted since"))
	must(t, s.ForgetLoose(ctx, []string{hash("noted since")}))
	if got, err := s.SealedIn(ctx, two.Test[0].Hash); err != nil || len(got) != 0 {
		t.Errorf("a removed test shard is sealed in %q, %v", got, err)
	}
	if got, err := s.SealedIn(ctx, hash("common")); err != nil || !slices.Equal(got, []string{one.Version}) {
		t.Errorf("the shared test shard is sealed in %q, %v", got, err)
	}

	// What is being taken in is loose until it is registered.
	for _, h := range []string{two.Version, two.Shards[0].Hash, two.Test[0].Hash, two.Test[1].Hash, hash("other try")} {
		must(t, s.Loosen(ctx, h))
		must(t, s.Loosen(ctx, h))
	}
	loose(t, s, two.Version, two.Shards[0].Hash, two.Test[0].Hash, hash("other try"))
	must(t, s.SaveDataset(ctx, two))
	loose(t, s, hash("other try"))
	must(t, s.ForgetLoose(ctx, []string{hash("other try")}))
	loose(t, s)
	must(t, s.DeleteDataset(ctx, "churn"))
	loose(t, s, two.Version, two.Shards[0].Hash, two.Test[0].Hash)
	must(t, s.SaveDataset(ctx, two))
	loose(t, s)
	if got, err := s.Dataset(ctx, "churn"); err != nil || got.Version != two.Version {
		t.Errorf("registered again: %+v, %v", got, err)
	}
}

func testDatasetInUse(t *testing.T, open Opener) {
	s := start(t, open)
	ctx := t.Context()
	one, two := dataset("churn", 1), dataset("churn", 2)
	c := creation(t, "user", tourney.Minimize)
	c.Create.Plan.Dataset = one.Version
	if err := s.Commit(ctx, c); tourney.AsInvalid(err) == nil {
		t.Errorf("a sweep on a dataset that is not there: %v", err)
	}
	must(t, s.SaveDataset(ctx, one))
	must(t, s.SaveDataset(ctx, two))
	must(t, s.Commit(ctx, c))
	for _, ref := range []string{"churn", "churn@" + one.Version} {
		err := s.DeleteDataset(ctx, ref)
		wantError(t, err, tourney.ErrInUse)
		if !strings.Contains(err.Error(), "user") {
			t.Errorf("%v does not name the sweep", err)
		}
	}
	loose(t, s) // neither version is gone
	must(t, s.DeleteDataset(ctx, "churn@"+two.Version))
	again := one
	again.Name = "again"
	must(t, s.SaveDataset(ctx, again))
	must(t, s.DeleteDataset(ctx, "churn")) // the sweep's version has another name
	wantError(t, s.DeleteDataset(ctx, "again"), tourney.ErrInUse)
	must(t, s.Commit(ctx, &tourney.Change{Sweep: "user", State: tourney.SweepCancelled}))
	must(t, s.DeleteDataset(ctx, "again"))
	if got, err := s.Sweep(ctx, "user"); err != nil || got.State != tourney.SweepCancelled {
		t.Errorf("the sweep that has ended is %+v, %v", got, err)
	}
	clean(t, s)
}

func testWorkers(t *testing.T, open Opener) {
	s := start(t, open)
	now := time.Now().UTC().Truncate(time.Microsecond)
	worker := func(id string, enrolled, seen time.Duration) tourney.Worker {
		return tourney.Worker{ID: id, Host: "h", Pool: "p", Slots: 4, Version: "1", Enrolled: now.Add(-enrolled), LastSeen: now.Add(-seen), Running: 2, Heats: 1, State: tourney.WorkerActive, Datasets: []string{}}
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
	left := now.Add(-time.Minute)
	told := second
	told.Machine = tourney.Machine{Cloud: "aws", Instance: "c7i.large", Zone: "z", Spot: true, PricePerHour: 0.25}
	told.Datasets, told.Token, told.State, told.Drain = []string{"v1", "v2"}, "t", tourney.WorkerLeft, tourney.DrainFinish
	told.Reason, told.Why, told.Left, told.Preempted, told.Lost = tourney.LeavePreempted, "the cloud said so", &left, 3, 2
	must(t, s.SaveWorker(t.Context(), told))
	got, err = s.Workers(t.Context())
	if want := []tourney.Worker{told, first}; err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("workers are %+v, %v; want %+v", got, err, want)
	}
	// silent was there for an hour, told for 59 minutes to its end, first for 119
	// until now; what a user asked for and the coordinator's own do not count.
	asked, inside := worker("drained", 30*time.Minute, 0), worker("inside", 90*time.Minute, 0)
	asked.State, asked.Reason, asked.Pool, inside.ID = tourney.WorkerLeft, tourney.LeaveDrained, "q", "iside"
	must(t, s.SaveWorker(t.Context(), asked))
	must(t, s.SaveWorker(t.Context(), inside))
	lifetimes, err := s.Lifetimes(t.Context())
	want := []tourney.Lifetime{{Pool: "p", Hours: 238. / 60, Ends: 1}, {Pool: "q", Hours: 0.5}}
	if err != nil || !reflect.DeepEqual(lifetimes, want) {
		t.Errorf("lifetimes are %+v, %v; want %+v", lifetimes, err, want)
	}
}
