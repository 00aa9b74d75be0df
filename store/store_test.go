package store_test

import (
	"context"
	"os"
	"testing"

	"tourney/store"
	"tourney/store/storetest"
)

func open(dir string) (storetest.Store, error) { return store.Open(context.Background(), dir) }

func TestMain(m *testing.M) {
	code := storetest.Main(m, open)
	_ = os.RemoveAll(bigDir.path) // empty: nothing
	os.Exit(code)
}

func TestStore(t *testing.T) { storetest.Run(t, open) }

func BenchmarkCommit(b *testing.B) { storetest.BenchmarkCommit(b, open) }

func BenchmarkRead(b *testing.B) { storetest.BenchmarkRead(b, open) }

func BenchmarkLife(b *testing.B) { storetest.BenchmarkLife(b, open) }
