package main

import (
	"os"
	"strings"
	"testing"
)

// The files in the package are what the generator writes.
func TestGeneratedFilesAreUpToDate(t *testing.T) {
	for _, arch := range []string{"amd64", "arm64"} {
		want, err := generate(arch)
		if err != nil {
			t.Fatal(err)
		}
		name := "../../dense_" + arch + ".s"
		got, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != want {
			t.Errorf("%s is not what the generator writes: run go generate ./trainers/kernels", name)
		}
	}
}

func TestOtherArchitecturesAreRefused(t *testing.T) {
	if _, err := generate("mips"); err == nil || !strings.Contains(err.Error(), "mips") {
		t.Errorf("mips: %v", err)
	}
}
