package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	nats "github.com/nats-io/nats-server/v2/server"

	"tourney"
	"tourney/api/client"
)

// storm is what happens to a fleet while it plays a sweep.
type storm struct {
	sweep    string        // file
	workers  int           // processes of one slot each
	every    time.Duration // a worker is killed
	kills    int           // at least so many, and until the sweep has ended its first half
	external bool          // NATS is a process of its own, which is killed apart
	wait     time.Duration // for the sweep's end, after the last fault
}

// With workers killed five times a second, workers that stand still past their
// lease and come back, the coordinator and NATS killed, and all that was on the
// bus lost, the board is that of a run in which nothing happened, byte for byte;
// no trial is lost, none is counted twice.
func TestChaos(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute or two")
	}
	t.Run("embedded", func(t *testing.T) {
		storm{sweep: "testdata/chaos.yaml", workers: 20, every: 200 * time.Millisecond, kills: 100, wait: 4 * time.Minute}.play(t)
	})
	t.Run("NATS of its own", func(t *testing.T) {
		storm{sweep: "testdata/chaos.yaml", workers: 8, every: 200 * time.Millisecond, kills: 80, external: true, wait: 4 * time.Minute}.play(t)
	})
}

// The same for longer: ten thousand trials, fifty workers, a thousand kills.
func TestLongChaos(t *testing.T) {
	if os.Getenv("TOURNEY_CHAOS") == "" {
		t.Skip("takes an hour: make chaos")
	}
	file := filepath.Join(t.TempDir(), "chaos.yaml")
	text, err := os.ReadFile("testdata/chaos.yaml")
	if err != nil {
		t.Fatal(err)
	}
	digits, err := filepath.Abs("../../examples/digits.csv")
	if err != nil {
		t.Fatal(err)
	}
	edited := strings.NewReplacer("run_cap: 1000", "run_cap: 10000", "../../../examples/digits.csv", digits).Replace(string(text))
	if err := os.WriteFile(file, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, external := range []bool{false, true} {
		t.Run(fmt.Sprintf("external %v", external), func(t *testing.T) {
			storm{sweep: file, workers: 50, every: 200 * time.Millisecond, kills: 1000, external: external, wait: time.Hour}.play(t)
		})
	}
}

// siege is the processes of a storm. Only play's goroutine uses it.
type siege struct {
	storm
	t           *testing.T
	rng         *rand.Rand
	dir, data   string
	nats        *process
	natsArgs    []string
	coordinator *process
	args        []string
	url         string
	workers     []*process
	killed      int
	stopped     sync.WaitGroup // workers that stand still
	log         strings.Builder
}

func (s storm) play(t *testing.T) {
	want := undisturbed(t, s.sweep)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	f := &siege{storm: s, t: t, rng: rand.New(rand.NewPCG(seed, 1)), dir: t.TempDir()}
	f.data = filepath.Join(f.dir, "data")
	f.open()
	for range s.workers {
		f.workers = append(f.workers, f.worker())
	}
	id := strings.TrimSpace(must(t, "sweep", "create", s.sweep, "--server", f.url))
	f.rage(id)
	f.stopped.Wait()
	// Faults are over: what is left is played in peace.
	end := f.await(id)
	if end.State != tourney.SweepCompleted {
		t.Fatalf("the sweep is %s (%s)", end.State, end.Reason)
	}
	sameBoard(t, must(t, "sweep", "leaderboard", id, "--canonical", "--server", f.url), want)
	lost := 0
	for e, err := range until(client.New(f.url, nil).Events(t.Context(), id, 0), end.Cursor) {
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := e.Body.(tourney.Lost); ok {
			lost++
		}
	}
	t.Logf("%d workers were killed, %d attempts lost; %s", f.killed, lost, f.log.String())
	if lost == 0 {
		t.Error("no attempt was lost: nothing was proved")
	}
	if code := f.coordinator.terminate(); code != 0 {
		t.Errorf("the coordinator exits with %d", code)
	}
	proven(t, f.data, id)
}

// open starts NATS and the coordinator.
func (f *siege) open() {
	f.t.Helper()
	f.args = []string{"coordinator", "--data-dir", f.data, "--lease", "2s", "--log-level", "error"}
	if f.external {
		f.natsArgs = []string{filepath.Join(f.dir, "nats"), freePort(f.t)}
		f.startNATS()
		f.args = append(f.args, "--nats", "nats://"+f.natsArgs[1], "--trusted-network")
	} else {
		f.args = append(f.args, "--nats-listen", freePort(f.t))
	}
	f.args = append(f.args, "--addr")
	f.coordinator = start(f.t, append(f.args, "127.0.0.1:0")...)
	f.url = f.coordinator.url()
}

func (f *siege) startNATS() {
	f.t.Helper()
	f.nats = startWith(f.t, []string{"TOURNEY_TEST_MAIN=nats"}, f.natsArgs...)
	f.nats.await("ready")
}

// worker starts one. All of them share the cache, as those of one machine do.
func (f *siege) worker() *process {
	f.t.Helper()
	return start(f.t, "worker", "--server", f.url, "--slots", "1", "--cache-dir", filepath.Join(f.dir, "cache"), "--log-level", "error")
}

// rage kills until there were enough kills and half of the trials have ended,
// or all of them.
func (f *siege) rage(id string) {
	tick := time.NewTicker(f.every)
	defer tick.Stop()
	for round := 1; ; round++ {
		<-tick.C
		victim := f.rng.IntN(len(f.workers))
		if round%7 == 3 {
			f.freeze(f.workers[victim])
			f.workers[victim] = f.worker()
		} else {
			f.workers[victim].kill()
			f.killed++
			f.workers[victim] = f.worker()
		}
		switch {
		case round%40 == 20:
			f.restart(round%80 == 20)
		case f.external && round%40 == 39:
			f.nats.kill()
			if round%80 == 39 {
				f.wipe(f.natsArgs[0])
			}
			f.startNATS()
			fmt.Fprint(&f.log, "NATS killed; ")
		}
		var s tourney.Sweep
		if round%5 != 0 || !get(f.t.Context(), f.url+"/api/v1/sweeps/"+id, &s) {
			continue
		}
		if done := 2*reports(s) >= total(s.Counts); s.State.Terminal() || f.killed >= f.kills && done {
			return
		}
		if round > 20*f.kills {
			f.t.Fatalf("after %d rounds the sweep is %s, its trials %v", round, s.State, s.Counts)
		}
	}
}

// restart kills the coordinator, and starts another in its place.
func (f *siege) restart(wipe bool) {
	f.coordinator.kill()
	if wipe && !f.external {
		f.wipe(filepath.Join(f.data, "nats"))
	}
	f.coordinator = start(f.t, append(f.args, strings.TrimPrefix(f.url, "http://"))...)
	f.coordinator.url()
	fmt.Fprint(&f.log, "coordinator killed; ")
}

// wipe loses all that is in JetStream.
func (f *siege) wipe(dir string) {
	if err := os.RemoveAll(dir); err != nil {
		f.t.Fatal(err)
	}
	fmt.Fprint(&f.log, "JetStream wiped; ")
}

// freeze lets a worker stand still for twice its lease, then come back as a
// zombie, and kills it some time later.
func (f *siege) freeze(p *process) {
	if err := p.Process.Signal(syscall.SIGSTOP); err != nil {
		f.t.Fatal(err)
	}
	f.stopped.Go(func() {
		time.Sleep(4 * time.Second) // the fault itself
		_ = p.Process.Signal(syscall.SIGCONT)
		time.Sleep(2 * time.Second)
		p.kill()
	})
}

// await returns the sweep when it has ended.
func (f *siege) await(id string) tourney.Sweep {
	f.t.Helper()
	var s tourney.Sweep
	for deadline := time.Now().Add(f.wait); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if get(f.t.Context(), f.url+"/api/v1/sweeps/"+id, &s) && s.State.Terminal() {
			return s
		}
	}
	f.t.Fatalf("%v after the last fault the sweep is %s, its trials %v", f.wait, s.State, s.Counts)
	return s
}

// natsMain is a NATS server: its store, and where it listens.
func natsMain(store, addr string) int {
	listen, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s, err := nats.NewServer(&nats.Options{Host: listen.IP.String(), Port: listen.Port, JetStream: true, StoreDir: store, NoLog: true})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	s.Start()
	if !s.ReadyForConnections(30 * time.Second) {
		return 1
	}
	fmt.Fprintln(os.Stderr, "ready")
	s.WaitForShutdown()
	return 0
}
