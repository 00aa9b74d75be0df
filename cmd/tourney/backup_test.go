package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tourney"
)

// A backup taken in the middle of a sweep, while it runs, is the sweep: restored
// and finished, its board is that of the undisturbed run, whatever the first
// server did afterwards.
func TestBackupInTheMiddle(t *testing.T) {
	want := undisturbed(t, quick)
	data := dir(t)
	up := start(t, "up", "--workers", "2", "--data-dir", data, "--addr", "127.0.0.1:0")
	url := up.url()
	id := strings.TrimSpace(must(t, "sweep", "create", quick, "--server", url))
	s := untilSweep(t, url, id, func(s tourney.Sweep) bool { return reports(s) >= 10 })
	if s.State != tourney.SweepRunning {
		t.Fatalf("with 10 reports the sweep is %s already", s.State)
	}
	kept := t.TempDir()
	must(t, "backup", filepath.Join(kept, "dir"), "--data-dir", data)
	must(t, "backup", filepath.Join(kept, "b.tar"), "--data-dir", data)
	untilSweep(t, url, id, func(s tourney.Sweep) bool { return s.State.Terminal() })
	sameBoard(t, must(t, "sweep", "leaderboard", id, "--canonical", "--server", url), want)
	up.kill()

	for i, from := range []string{"dir", "b.tar"} {
		again := filepath.Join(t.TempDir(), "again"+strconv.Itoa(i))
		if out := must(t, "restore", filepath.Join(kept, from), "--data-dir", again); !strings.Contains(out, "epoch ") {
			t.Errorf("restore says %q", out)
		}
		if out := must(t, "verify", again); !strings.Contains(out, "0 problems") {
			t.Errorf("verify after restoring %s: %s", from, out)
		}
		second := start(t, "up", "--workers", "2", "--data-dir", again, "--addr", "127.0.0.1:0")
		at := second.url()
		begin := untilSweep(t, at, id, func(tourney.Sweep) bool { return true })
		last := untilSweep(t, at, id, func(s tourney.Sweep) bool { return s.State.Terminal() })
		if begin.Cursor >= last.Cursor {
			t.Errorf("nothing was left to do after restoring %s", from)
		}
		sameBoard(t, must(t, "sweep", "leaderboard", id, "--canonical", "--server", at), want)
		if code := second.terminate(); code != 0 {
			t.Errorf("up exits with %d", code)
		}
		proven(t, again, id)
		if _, stderr, code := play(t, "restore", filepath.Join(kept, from), "--data-dir", again); code == 0 || !strings.Contains(stderr, "holds a database") {
			t.Errorf("restoring over a database exits with %d: %s", code, stderr)
		}
	}
	if err := os.WriteFile(filepath.Join(kept, "no.tar"), []byte("no tar"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, stderr, code := play(t, "restore", filepath.Join(kept, "no.tar"), "--data-dir", filepath.Join(kept, "n")); code != exitRefused || !strings.Contains(stderr, "is no backup") {
		t.Errorf("restoring something else exits with %d: %s", code, stderr)
	}
}
