package main

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"tourney"
	"tourney/api/client"
)

// quick is a shorter sweep than digits.
const quick = "testdata/quick.yaml"

// steady is a sweep that lasts long enough to be disturbed in its middle, and
// is then played to its end.
const steady = "testdata/steady.yaml"

// long is a sweep that is still played when a test steps in.
const long = "testdata/long.yaml"

// played are the canonical boards of sweeps that ran undisturbed in one
// process.
var played struct {
	sync.Mutex
	boards map[string]string
}

// undisturbed plays a sweep in one process, once for all tests, and returns its
// canonical board.
func undisturbed(t *testing.T, file string) string {
	t.Helper()
	played.Lock()
	defer played.Unlock()
	if board, ok := played.boards[file]; ok {
		return board
	}
	data := dir(t)
	result := result(t, must(t, "run", file, "--json", "--data-dir", data))
	if result.Sweep.State != tourney.SweepCompleted {
		t.Fatalf("the sweep is %s", result.Sweep.State)
	}
	board := canonicalBoard(t, data, result.Sweep.ID)
	if n := strings.Count(board, "\n"); n != len(result.Leaderboard) {
		t.Errorf("the board has %d trials, want %d", n, len(result.Leaderboard))
	}
	proven(t, data, result.Sweep.ID)
	if played.boards == nil {
		played.boards = map[string]string{}
	}
	played.boards[file] = board
	return board
}

// outcome is what tourney run --json prints.
type outcome struct {
	Sweep struct {
		ID    string
		State tourney.SweepState
	}
	Best        tourney.Trial
	Leaderboard []tourney.Trial
}

func result(t *testing.T, text string) outcome {
	t.Helper()
	var o outcome
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return o
}

// canonicalBoard serves a data directory and returns the canonical board of a sweep.
func canonicalBoard(t *testing.T, data, id string) string {
	t.Helper()
	p := start(t, "up", "--workers", "0", "--addr", "127.0.0.1:0", "--data-dir", data)
	defer p.kill()
	return must(t, "sweep", "leaderboard", id, "--canonical", "--server", p.url())
}

// sameBoard compares canonical boards, and shows the first line that differs.
func sameBoard(t *testing.T, got, want string) {
	t.Helper()
	if got == want {
		return
	}
	g, w := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(g), len(w)) {
		if g[i] != w[i] {
			t.Errorf("the board differs from the embedded run's in line %d of %d:\n%s\nwant, of %d\n%s", i+1, len(g), g[i], len(w), w[i])
			return
		}
	}
	t.Errorf("the board has %d lines, the embedded run's %d", len(g), len(w))
}

// proven checks a data directory that nobody uses, and replays its log.
func proven(t *testing.T, data, id string) {
	t.Helper()
	if out := must(t, "verify", data); !strings.Contains(out, "0 problems") {
		t.Errorf("verify: %s", out)
	}
	if out := must(t, "sweep", "replay", id, "--data-dir", data); !strings.Contains(out, "every decision the same") {
		t.Errorf("replay: %s", out)
	}
}

// One command plays a real tournament on this machine, and its winner is good.
func TestRunEmbedded(t *testing.T) {
	undisturbed(t, digits)
	data := dir(t)
	o := result(t, must(t, "run", digits, "--json", "--data-dir", data))
	if got := o.Best.Metrics["test_accuracy"]; got < 0.95 && !raced {
		t.Errorf("the winner's sealed test accuracy is %v, want at least 0.95", got)
	}
	if o.Best.Number != o.Leaderboard[0].Number {
		t.Errorf("the best is trial %d, the first of the board %d", o.Best.Number, o.Leaderboard[0].Number)
	}
	if n := len(o.Leaderboard); n != digitsTrials {
		t.Errorf("the board has %d trials, want %d", n, digitsTrials)
	}
	for _, trial := range o.Leaderboard[1:] {
		if _, unsealed := trial.Metrics["test_accuracy"]; unsealed {
			t.Errorf("trial %d was measured on the sealed rows", trial.Number)
		}
	}
	sameBoard(t, canonicalBoard(t, data, o.Sweep.ID), undisturbed(t, digits)) // played twice
}

// The same sweep on separate workers over TCP gives the same board, byte for
// byte: with one worker, and with four of which one is killed in the middle.
func TestBoardIsTheSameOnAnyFleet(t *testing.T) {
	want := undisturbed(t, digits)
	for _, tt := range []struct {
		workers int
		kill    bool
	}{{1, false}, {4, true}} {
		t.Run(fmt.Sprintf("%d workers, kill %v", tt.workers, tt.kill), func(t *testing.T) {
			data := dir(t)
			c := start(t, "coordinator", "--addr", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--data-dir", data, "--lease", "1s")
			url := c.url()
			var workers []*process
			for i := range tt.workers {
				w := start(t, "worker", "--server", url, "--slots", "1", "--cache-dir", filepath.Join(t.TempDir(), fmt.Sprint(i)))
				w.await("training on")
				workers = append(workers, w)
			}
			id := runOn(t, url, func(id string) {
				if tt.kill {
					untilSweep(t, url, id, func(s tourney.Sweep) bool { return reports(s) >= 10 })
					workers[0].kill()
				}
			})
			sameBoard(t, must(t, "sweep", "leaderboard", id, "--canonical", "--server", url), want)
			if out := must(t, "sweep", "replay", id, "--server", url); !strings.Contains(out, "every decision the same") {
				t.Errorf("replay: %s", out)
			}
			for _, w := range workers[1:] {
				if code := w.terminate(); code != 0 {
					t.Errorf("a worker that was told to leave exits with %d", code)
				}
			}
			if code := c.terminate(); code != 0 {
				t.Errorf("the coordinator exits with %d", code)
			}
			proven(t, data, id)
		})
	}
}

// runOn plays digits on a server by tourney run, calls during with the sweep's
// id once it is there, and returns that when the run has ended well.
func runOn(t *testing.T, url string, during func(id string)) string {
	t.Helper()
	p := start(t, "run", digits, "--server", url)
	id := regexp.MustCompile(`\((\w+)\)`).FindStringSubmatch(p.await(`^sweep .* on`))[1]
	during(id)
	<-p.done
	_ = p.Wait()
	if code := p.ProcessState.ExitCode(); code != 0 {
		t.Fatalf("tourney run --server exits with %d", code)
	}
	return id
}

// A coordinator killed in the middle, three times, finishes the sweep: no trial
// lost, none doubled, the same board.
func TestCoordinatorKilled(t *testing.T) {
	want := undisturbed(t, steady)
	data := dir(t)
	args := []string{"up", "--workers", "2", "--data-dir", data, "--lease", "1s", "--addr"}
	up := start(t, append(args, "127.0.0.1:0")...)
	url := up.url()
	id := strings.TrimSpace(must(t, "sweep", "create", steady, "--server", url))
	for _, n := range []int{5, 20, 40} {
		s := untilSweep(t, url, id, func(s tourney.Sweep) bool { return reports(s) >= n })
		if s.State != tourney.SweepRunning {
			t.Fatalf("with %d reports the sweep is %s already; this test wants to kill it in the middle", n, s.State)
		}
		up.kill()
		up = start(t, append(args, strings.TrimPrefix(url, "http://"))...)
		up.url()
	}
	untilSweep(t, url, id, func(s tourney.Sweep) bool { return s.State.Terminal() })
	sameBoard(t, must(t, "sweep", "leaderboard", id, "--canonical", "--server", url), want)
	if code := up.terminate(); code != 0 {
		t.Errorf("up exits with %d", code)
	}
	proven(t, data, id)
}

// A coordinator that stands still for longer than a lease, as on a laptop that
// sleeps, takes no worker for lost.
func TestCoordinatorStandsStill(t *testing.T) {
	want := undisturbed(t, digits)
	c := start(t, "coordinator", "--addr", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--data-dir", dir(t), "--lease", "1s")
	url := c.url()
	w := start(t, "worker", "--server", url, "--cache-dir", filepath.Join(t.TempDir(), "cache"))
	w.await("training on")
	id := strings.TrimSpace(must(t, "sweep", "create", digits, "--server", url))
	untilSweep(t, url, id, func(s tourney.Sweep) bool { return reports(s) >= 10 })
	for _, signal := range []os.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
		if err := c.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second) // the fault itself: twice the lease
	}
	s := untilSweep(t, url, id, func(s tourney.Sweep) bool { return s.State.Terminal() })
	for e, err := range until(client.New(url, nil).Events(t.Context(), id, 0), s.Cursor) {
		if err != nil {
			t.Fatal(err)
		}
		if lost, ok := e.Body.(tourney.Lost); ok {
			t.Errorf("trial %d was taken for lost", lost.Trial)
		}
	}
	sameBoard(t, must(t, "sweep", "leaderboard", id, "--canonical", "--server", url), want)
}

// With all that was in the bus lost, offers, reports and credentials, the sweep
// goes on: workers inside the process as ever, others enrol again.
func TestBusWiped(t *testing.T) {
	want := undisturbed(t, steady)
	for _, workers := range []string{"inside", "outside"} {
		t.Run(workers, func(t *testing.T) {
			data := dir(t)
			args := []string{"up", "--data-dir", data, "--lease", "1s", "--workers", "2", "--addr"}
			if workers == "outside" {
				args = []string{"coordinator", "--data-dir", data, "--lease", "1s", "--nats-listen", freePort(t), "--addr"}
			}
			up := start(t, append(args, "127.0.0.1:0")...)
			url := up.url()
			if workers == "outside" {
				w := start(t, "worker", "--server", url, "--slots", "2", "--cache-dir", filepath.Join(t.TempDir(), "cache"))
				w.await("training on")
			}
			id := strings.TrimSpace(must(t, "sweep", "create", steady, "--server", url))
			untilSweep(t, url, id, func(s tourney.Sweep) bool { return reports(s) >= 10 })
			up.kill()
			if err := os.RemoveAll(filepath.Join(data, "nats")); err != nil {
				t.Fatal(err)
			}
			up = start(t, append(args, strings.TrimPrefix(url, "http://"))...)
			url = up.url()
			untilSweep(t, url, id, func(s tourney.Sweep) bool { return s.State.Terminal() })
			sameBoard(t, must(t, "sweep", "leaderboard", id, "--canonical", "--server", url), want)
		})
	}
}

// freePort returns an address that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// A log that cannot be folded fails its sweep at the next start, and no other.
func TestBrokenLog(t *testing.T) {
	data := dir(t)
	args := []string{"up", "--workers", "1", "--addr", "127.0.0.1:0", "--data-dir", data}
	up := start(t, args...)
	url := up.url()
	broken := strings.TrimSpace(must(t, "sweep", "create", long, "--server", url))
	other := strings.TrimSpace(must(t, "sweep", "create", sweepFile(t, "table.csv", "digits", "target: y\n", ""), "--server", url))
	untilSweep(t, url, broken, func(s tourney.Sweep) bool { return reports(s) >= 5 })
	up.kill()
	db, err := sql.Open("sqlite3", filepath.Join(data, "tourney.db"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.ExecContext(t.Context(), `DROP TRIGGER events_stay; UPDATE events SET body = replace(body, '"budget":1,', '"budget":7,') WHERE sweep = ? AND seq = (
		SELECT min(seq) FROM events WHERE sweep = ? AND body LIKE '%"budget":1,%')`, broken, broken)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	up = start(t, args...)
	url = up.url()
	s := untilSweep(t, url, broken, func(s tourney.Sweep) bool { return s.State.Terminal() })
	if s.State != tourney.SweepFailed || !strings.Contains(s.Reason, "event ") || s.Counts[tourney.TrialRunning]+s.Counts[tourney.TrialQueued]+s.Counts[tourney.TrialPaused] != 0 {
		t.Errorf("the broken sweep is %s (%s), its trials %v", s.State, s.Reason, s.Counts)
	}
	if s := untilSweep(t, url, other, func(s tourney.Sweep) bool { return s.State.Terminal() }); s.State != tourney.SweepCompleted {
		t.Errorf("the other sweep is %s (%s)", s.State, s.Reason)
	}
}

// Paused and resumed, and cancelled: from the command line, on a server.
func TestSteering(t *testing.T) {
	data := dir(t)
	up := start(t, "up", "--workers", "1", "--addr", "127.0.0.1:0", "--data-dir", data)
	url := up.url()
	id := strings.TrimSpace(must(t, "sweep", "create", long, "--server", url))
	must(t, "sweep", "pause", id, "--server", url)
	untilSweep(t, url, id, func(s tourney.Sweep) bool { return s.State == tourney.SweepPaused })
	if _, stderr, code := play(t, "sweep", "pause", id, "--server", url); code != 1 || !strings.Contains(stderr, "paused") {
		t.Errorf("pausing twice: exit %d, %s", code, stderr)
	}
	must(t, "sweep", "resume", id, "--server", url)
	untilSweep(t, url, id, func(s tourney.Sweep) bool { return reports(s) >= 5 })
	must(t, "sweep", "cancel", id, "--server", url)
	s := untilSweep(t, url, id, func(s tourney.Sweep) bool { return s.State == tourney.SweepCancelled })
	for _, state := range []tourney.TrialState{tourney.TrialQueued, tourney.TrialRunning, tourney.TrialPaused} {
		if n := s.Counts[state]; n != 0 {
			t.Errorf("%d trials of a cancelled sweep are %s", n, state)
		}
	}
	if _, stderr, code := play(t, "sweep", "resume", id, "--server", url); code != 1 || !strings.Contains(stderr, "cancelled") {
		t.Errorf("resuming a cancelled sweep: exit %d, %s", code, stderr)
	}
	if code := up.terminate(); code != 0 {
		t.Errorf("up exits with %d", code)
	}
	proven(t, data, id)
}

// Interrupted, a run pauses its sweep and says how to go on; resumed, it ends
// as if nothing had been.
func TestInterruptAndResume(t *testing.T) {
	want := undisturbed(t, digits)
	data := dir(t)
	p := start(t, "run", digits, "--data-dir", data, "--workers", "1")
	p.await(`running +\d+ of`) // the first line; the whole takes a second or two
	if err := p.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	id := strings.Fields(p.await(`--resume \S+`))[1]
	<-p.done
	if _ = p.Wait(); p.ProcessState.ExitCode() != exitInterrupted {
		t.Errorf("exit %d, want %d", p.ProcessState.ExitCode(), exitInterrupted)
	}
	must(t, "run", "--resume", id, "--data-dir", data)
	sameBoard(t, canonicalBoard(t, data, id), want)
}
