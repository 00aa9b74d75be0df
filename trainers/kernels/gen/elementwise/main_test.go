package main

import (
	"os"
	"path/filepath"
	"testing"
)

// What is committed is what the generator writes.
func TestGeneratedFilesAreUpToDate(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 5 {
		t.Errorf("%d files, want those of two instruction sets and three declarations", len(files))
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", "..", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what gen/elementwise writes: run go generate ./trainers/kernels", name)
		}
	}
}
