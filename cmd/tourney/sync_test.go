package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"tourney"
)

// A disk that fails to keep what was written ends the coordinator, which says
// so: what it would write then might never be there. The next one goes on from
// what was kept, to the board of a run in which nothing happened.
func TestSyncFails(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a quarter of a minute")
	}
	strace, err := exec.LookPath("strace")
	if err != nil {
		t.Skip("strace is not there to make fsync fail")
	}
	t.Parallel() // it waits more than it does
	want := undisturbed(t, steady)
	data := dir(t)
	args := []string{"up", "--data-dir", data, "--lease", "1s", "--workers", "2", "--addr"}
	up := start(t, append(args, "127.0.0.1:0")...)
	url := up.url()
	id := strings.TrimSpace(must(t, "sweep", "create", steady, "--server", url))
	untilSweep(t, url, id, func(s tourney.Sweep) bool { return reports(s) >= 10 })
	// The log is the one file that the writer syncs at every commit.
	log := filepath.Join(data, "tourney.db-wal")
	if _, err := os.Stat(log); err != nil {
		t.Fatal(err)
	}
	tracer := exec.CommandContext(t.Context(), strace, "-f", "-qq", "-p", strconv.Itoa(up.Process.Pid), "-P", log,
		"-e", "trace=fsync,fdatasync", "-e", "inject=fsync,fdatasync:error=EIO", "-o", os.DevNull)
	if err := tracer.Start(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-up.done:
	case <-time.After(2 * time.Minute):
		t.Fatal("it goes on")
	}
	_ = tracer.Process.Kill()
	_ = tracer.Wait()
	_ = up.Wait()
	if code := up.ProcessState.ExitCode(); code != 1 {
		t.Errorf("it exits with %d, want 1", code)
	}
	if said := up.said(); !strings.Contains(said, "failed to keep what was written") || strings.Contains(said, "goroutine ") {
		t.Errorf("it says\n%s", said)
	}
	url = start(t, append(args, strings.TrimPrefix(url, "http://"))...).url()
	end := untilSweep(t, url, id, func(s tourney.Sweep) bool { return s.State.Terminal() })
	if end.State != tourney.SweepCompleted {
		t.Errorf("the sweep is %s (%s)", end.State, end.Reason)
	}
	sameBoard(t, must(t, "sweep", "leaderboard", id, "--canonical", "--server", url), want)
}
