package sql_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tourney/dataset/sql"
	"tourney/dataset/table"
)

// children are the processes that this one has started and not waited for,
// dead ones included.
func children(t *testing.T) []int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	if err != nil {
		t.Fatal(err)
	}
	var pids []int
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // gone meanwhile
		}
		// pid (name) state parent …
		rest := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		if rest[1] == strconv.Itoa(os.Getpid()) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func TestChildKilledInTheMiddle(t *testing.T) {
	src := open(t, sql.Request{Files: []sql.File{parquet(t, "a.parquet", "SELECT range AS i FROM range(1000000)")}})
	rows := 0
	err := src.Scan(t.Context(), func(b *table.Batch) error {
		rows += b.Rows
		for _, pid := range children(t) {
			if err := unix.Kill(pid, unix.SIGKILL); err != nil {
				return err
			}
		}
		return nil
	})
	if err == nil || !strings.Contains(err.Error(), "the SQL engine died: signal: killed") {
		t.Errorf("%v after %d rows, want that the engine died", err, rows)
	}
	if left := children(t); len(left) > 0 {
		t.Errorf("processes %v are not waited for", left)
	}
	if _, rows := dump(t, src); len(rows) != 1_000_000 {
		t.Errorf("a scan after that has %d rows", len(rows))
	}
}

func TestNoProcessIsLeft(t *testing.T) {
	src := open(t, sql.Request{Files: []sql.File{parquet(t, "a.parquet", "SELECT range AS i FROM range(1000000)")}})
	ctx, cancel := context.WithCancel(t.Context())
	for name, yield := range map[string]func(*table.Batch) error{
		"to the end": func(*table.Batch) error { return nil },
		"stopped":    func(*table.Batch) error { return fmt.Errorf("enough") },
		"cancelled":  func(*table.Batch) error { cancel(); return nil },
	} {
		_ = src.Scan(ctx, yield)
		if left := children(t); len(left) > 0 {
			t.Errorf("%s: processes %v are left", name, left)
		}
	}
}

// A child sees nothing of its parent's environment.
func TestEnvironmentIsNotPassedOn(t *testing.T) {
	t.Setenv("SECRET_OF_OURS", "xyzzy")
	src := open(t, sql.Request{Files: []sql.File{parquet(t, "a.parquet", "SELECT range AS i FROM range(1000000)")}})
	seen := ""
	enough := errors.New("enough")
	err := src.Scan(t.Context(), func(*table.Batch) error {
		// There is more to come than a pipe holds, so the child lives.
		env, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", children(t)[0]))
		seen = string(env)
		return errors.Join(enough, err)
	})
	if !strings.Contains(seen, "TOURNEY_SQL_ENGINE=1") || strings.Contains(seen, "SECRET_OF_OURS") {
		t.Errorf("environment %q, %v", seen, err)
	}
}

// stuck makes this test binary a program that has a scan under way, says which
// process it is that works for it, and waits to be killed.
const stuck = "SQL_TEST_STUCK"

func TestChildDiesWithItsParent(t *testing.T) {
	if name := os.Getenv(stuck); name != "" {
		src, err := sql.Open(t.Context(), sql.Request{Files: []sql.File{{Name: "a.parquet", Path: name}}, TempDir: os.Getenv(stuck + "_DIR")})
		if err != nil {
			t.Fatal(err)
		}
		_ = src.Scan(t.Context(), func(*table.Batch) error {
			fmt.Println("\nchild", children(t)[0])
			select {}
		})
	}
	f := parquet(t, "a.parquet", "SELECT range AS i FROM range(1000000)")
	parent := exec.Command(os.Args[0], "-test.run=^TestChildDiesWithItsParent$")
	parent.Env = append(os.Environ(), stuck+"="+f.Path, stuck+"_DIR="+t.TempDir())
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	pid := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if _, err := fmt.Sscanf(lines.Text(), "child %d", &pid); err == nil {
			break
		}
	}
	child, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		t.Fatalf("child %d: %v", pid, err)
	}
	defer unix.Close(child)
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()       // killed
	const patience = 30_000 // ms; a descriptor of a process is readable when that has ended
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(child), Events: unix.POLLIN}}, patience)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if n != 1 || err != nil {
			t.Errorf("process %d outlives its parent: %v", pid, err)
		}
		return
	}
}

// A program that does not call Main is told so; it neither hangs nor starts
// itself for ever.
func TestProgramWithoutMain(t *testing.T) {
	if os.Getenv("TOURNEY_SQL_ENGINE") == "" {
		t.Setenv("TOURNEY_SQL_ENGINE", "1") // as in a child that has not become one
	}
	_, err := sql.Open(t.Context(), sql.Request{Files: []sql.File{file(t, "a.csv", "x\n1\n")}, Query: "SELECT 1", TempDir: t.TempDir()})
	if err == nil || !strings.Contains(err.Error(), "does not call sql.Main first") {
		t.Errorf("%v", err)
	}
}
