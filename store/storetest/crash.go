package storetest

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"reflect"
	"sync"
	"testing"

	"tourney"
)

// childDir is the variable that makes the test binary a process that commits.
const childDir = "STORETEST_COMMIT_IN"

// crashSweeps are written at the same time by the process that is killed.
const crashSweeps = 4

// Main is what TestMain of a tested package calls. In a process that testCrash
// has started it commits until it is killed; otherwise it runs the tests.
func Main(m *testing.M, open Opener) int {
	dir := os.Getenv(childDir)
	if dir == "" {
		return m.Run()
	}
	if err := commitForever(dir, open); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	return 1
}

// commitForever goes on with each sweep where it stands, and writes a line to
// stdout for each change that was acknowledged.
func commitForever(dir string, open Opener) error {
	s, err := open(dir)
	if err != nil {
		return err
	}
	errs := make(chan error)
	for i := range crashSweeps {
		go func() { errs <- commitSweep(s, fmt.Sprint("s", i)) }()
	}
	return <-errs
}

// commitSweep adds a trial with everything that belongs to it, forever: two
// events, a claimed job, an attempt and three points.
func commitSweep(s Store, sweep string) error {
	ctx := context.Background()
	sw, err := s.Sweep(ctx, sweep)
	if err != nil {
		return err
	}
	for n := sw.Counts[tourney.TrialRunning]; ; n++ {
		if err := s.Commit(ctx, crashChange(s, sweep, n)); err != nil {
			return err
		}
		if _, err := fmt.Printf("%s %d\n", sweep, n); err != nil {
			return err
		}
	}
}

func crashChange(s Store, sweep string, n int) *tourney.Change {
	job := queuedJob(sweep, n, 0)
	c := claim(s, queuedTrial(sweep, n), job, "w")
	c.Jobs[0].New = true
	c.Events = []tourney.Event{
		{Seq: int64(2*n) + 2, Body: tourney.Proposed{Trial: n, Params: c.Trials[0].Params}},
		{Seq: int64(2*n) + 3, Body: tourney.Queued{Trial: n, For: tourney.JobRung, Budget: 3}},
	}
	c.Points = []tourney.TrialPoints{{Trial: n, Points: crashPoints}}
	return c
}

var crashPoints = []tourney.Point{
	{Step: 1, Metrics: tourney.Metrics{"m": 1}}, {Step: 2, Metrics: tourney.Metrics{"m": 2}}, {Step: 3, Metrics: tourney.Metrics{"m": 3}},
}

// testCrash kills a process that commits, several times in one directory, and
// looks whether all that it was told is committed is there, whole.
func testCrash(t *testing.T, open Opener) {
	dir := t.TempDir()
	s, err := open(dir)
	must(t, err)
	epoch := s.Epoch()
	for i := range crashSweeps {
		create(t, s, fmt.Sprint("s", i), tourney.Minimize)
	}
	must(t, s.Close())
	for _, acks := range []int{1, 30, 101, 200} {
		acknowledged := killAfter(t, dir, acks)
		s, err := open(dir)
		must(t, err)
		if s.Epoch() != epoch {
			t.Errorf("epoch became %s after %s", s.Epoch(), epoch)
		}
		for i := range crashSweeps {
			sweep := fmt.Sprint("s", i)
			checkSurvivor(t, s, sweep, acknowledged[sweep])
		}
		clean(t, s)
		must(t, s.Close())
	}
}

// killAfter starts the process, kills it when it has told of n changes, and
// returns how many trials each sweep has at least.
func killAfter(t *testing.T, dir string, n int) map[string]int {
	t.Helper()
	exe, err := os.Executable()
	must(t, err)
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childDir+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	trials := map[string]int{}
	var kill sync.Once
	lines := bufio.NewScanner(out)
	for told := 1; lines.Scan(); told++ {
		var sweep string
		var trial int
		if _, err := fmt.Sscan(lines.Text(), &sweep, &trial); err != nil {
			continue // the line that the kill cut off
		}
		trials[sweep] = trial + 1
		if told >= n {
			kill.Do(func() { must(t, cmd.Process.Kill()) })
		}
	}
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
		t.Fatalf("the process ended by itself: %v", err)
	}
	return trials
}

// checkSurvivor compares a sweep's rows with those of whole changes.
func checkSurvivor(t *testing.T, s Store, sweep string, atLeast int) {
	t.Helper()
	sw, err := s.Sweep(t.Context(), sweep)
	must(t, err)
	n := sw.Counts[tourney.TrialRunning]
	if n < atLeast {
		t.Errorf("sweep %s has %d trials; %d were acknowledged", sweep, n, atLeast)
	}
	events, err := s.Events(t.Context(), sweep, 0, 1<<20)
	must(t, err)
	jobs, err := s.OpenJobs(t.Context(), sweep)
	must(t, err)
	if len(events) != 2*n+1 || len(jobs) != n {
		t.Errorf("sweep %s has %d trials, %d events and %d jobs", sweep, n, len(events), len(jobs))
	}
	for i, j := range jobs {
		points, err := s.Points(t.Context(), sweep, j.Trial)
		must(t, err)
		if j.Trial != i || j.Attempt != 1 || !reflect.DeepEqual(points, crashPoints) {
			t.Errorf("sweep %s: job %d is %+v with points %v", sweep, i, j, points)
		}
	}
}

func testOneHolder(t *testing.T, open Opener) {
	dir := t.TempDir()
	s, err := open(dir)
	must(t, err)
	_, err = open(dir)
	wantError(t, err, tourney.ErrInUse)
	must(t, s.Close())
	s, err = open(dir)
	must(t, err)
	must(t, s.Close())
}

func testReopen(t *testing.T, open Opener) {
	dir := t.TempDir()
	s, err := open(dir)
	must(t, err)
	epoch := s.Epoch()
	if len(epoch) < 16 {
		t.Errorf("epoch %q is short", epoch)
	}
	create(t, s, "s", tourney.Minimize)
	c := proposal("s", 0, 2)
	must(t, s.Commit(t.Context(), c))
	must(t, s.Close())
	wantError(t, s.Commit(t.Context(), proposal("s", 1, 3)), tourney.ErrUnavailable)

	s, err = open(dir)
	must(t, err)
	defer s.Close()
	if s.Epoch() != epoch {
		t.Errorf("epoch became %s after %s", s.Epoch(), epoch)
	}
	next := proposal("s", 1, 3)
	must(t, s.Commit(t.Context(), next))
	if next.Events[0].ID <= c.Events[0].ID {
		t.Errorf("event id %d was given after %d", next.Events[0].ID, c.Events[0].ID)
	}
	if elsewhere := start(t, open); elsewhere.Epoch() == epoch {
		t.Error("two directories have one epoch")
	}
}
