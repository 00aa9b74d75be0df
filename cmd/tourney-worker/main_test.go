package main

import (
	"bytes"
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The worker alone has no database, web server, bus or SQL engine in it.
func TestTheWorkerIsAlone(t *testing.T) {
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	for _, dep := range deps {
		for _, not := range []string{"duckdb", "sqlite", "labstack/echo", "nats-io/nats-server", "sqlx", "goose", "tourney/coordinator", "tourney/store"} {
			if strings.Contains(dep, not) {
				t.Errorf("it has %s in it", dep)
			}
		}
	}
	if !strings.Contains(string(out), "tourney/trainers/kernels\n") {
		t.Errorf("it has no kernels in it: %d packages", len(deps))
	}
}

// The binary needs nothing of the machine that it is copied to.
func TestTheWorkerIsStatic(t *testing.T) {
	if testing.Short() || runtime.GOOS != "linux" {
		t.Skip("builds a binary for Linux")
	}
	exe := filepath.Join(t.TempDir(), "tourney-worker")
	build := exec.CommandContext(t.Context(), "go", "build", "-trimpath", "-ldflags", "-s -w -X main.version=9.9", "-o", exe, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	f, err := elf.Open(exe)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_DYNAMIC || p.Type == elf.PT_INTERP {
			t.Errorf("it has a segment %v", p.Type)
		}
	}
	if out, err := exec.CommandContext(t.Context(), exe, "--version").Output(); err != nil || !strings.Contains(string(out), "9.9") {
		t.Errorf("its version is %q, %v", out, err)
	}
}

// What cannot be is refused as by tourney worker.
func TestRefusals(t *testing.T) {
	for _, args := range [][]string{{"--slots", "0"}, {"--spot", "ec2"}, {"--price-per-hour", "-1"}, {"--no-such-flag"}, {"more"}, {"--blobs", "ftp://x"}} {
		var out, errs bytes.Buffer
		if code := run(append(args, "--cache-dir", t.TempDir()), &out, &errs); code != 2 || !strings.HasPrefix(errs.String(), "tourney-worker: ") {
			t.Errorf("%v: exit %d, %q", args, code, errs.String())
		}
	}
}
