package dataset_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
)

func TestSampleIsTheFirstRowsForPeople(t *testing.T) {
	m := newMemory()
	ds := m.put(t, tourney.Dataset{}, kinds(), 1)
	ds.Name = "k"
	got, err := dataset.Sample(t.Context(), m, ds, 4)
	if err != nil {
		t.Fatal(err)
	}
	want := dataset.Rows{
		Columns: []string{"x", "flag", "day", "c", "t", "s", "y"},
		Rows: [][]string{
			{"0.1", "true", "1970-01-01T00:00:00Z", "b", "#", "0:1 3:-2", "1"},
			{"0.7", "false", "1970-01-02T00:00:00Z", "a", "#", "", "2"},
			{"", "", "1970-01-01T00:00:00Z", "", "", "1:5", "3"},
			{"5", "true", "1970-01-02T00:00:00Z", "b", "#", "", "4"},
		},
	}
	for i := range got.Rows {
		if c := &got.Rows[i][4]; len(*c) == 17 { // "#" and a hash, which has a test of its own
			*c = "#"
		}
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got, err := dataset.Sample(t.Context(), m, ds, 1000); err != nil || len(got.Rows) != 6 {
		t.Errorf("%d rows of all, %v; want the 6 that are not test rows", len(got.Rows), err)
	}
	for _, o := range m.opens {
		if o.hash == ds.Test[0].Hash || o.token != nil {
			t.Errorf("asked for %s with token %v", o.hash, o.token)
		}
	}
	m.blobs[ds.Shards[0].Hash] = []byte(strings.Repeat("x", int(ds.Shards[0].Bytes)))
	if _, err := dataset.Sample(t.Context(), m, ds, 4); !errors.Is(err, dataset.ErrCorrupt) {
		t.Errorf("of a damaged shard: %v", err)
	}
}
