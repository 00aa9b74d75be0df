package cloud_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"tourney"
	"tourney/blob/cloud"
)

func TestAnObjectIsReadWhereItLies(t *testing.T) {
	f := newS3(t)
	const table = "a,b\n1,2\n"
	if _, err := f.backend.PutObject("shards", "2026/table.csv", nil, strings.NewReader(table), int64(len(table)), nil); err != nil {
		t.Fatal(err)
	}
	in := func(key string) string { return strings.Replace(f.at("shards"), "s3://shards", "s3://shards/"+key, 1) }
	body, size, err := cloud.OpenObject(t.Context(), in("2026/table.csv"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(body)
	if err != nil || string(data) != table || size != int64(len(table)) {
		t.Errorf("%q of %d bytes, %v", data, size, err)
	}
	if err := body.Close(); err != nil {
		t.Error(err)
	}
	for url, want := range map[string]error{
		in("2026/nothing.csv"): tourney.ErrNotFound, in(""): tourney.ErrInvalid, in("a/../b"): tourney.ErrInvalid, "http://shards/t.csv": tourney.ErrInvalid,
	} {
		if _, _, err := cloud.OpenObject(t.Context(), url); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", url, err, want)
		}
	}
}
