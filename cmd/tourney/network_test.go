package main

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"tourney"
)

// wire is a network between processes that is bad in every way: what goes
// through it is late, connections are cut in the middle of a message, or stay
// open and carry nothing more.
type wire struct {
	listener net.Listener
	to       string
	mu       sync.Mutex
	rng      *rand.Rand
	open     map[net.Conn]bool
	calm     atomic.Bool // it has become a good network
	parted   atomic.Bool // nothing goes through at all, and nobody is told

	carried, late, cut, stalled atomic.Int64
}

// halfOpen is which part of what is carried meets a connection that has just
// become half open: one, since it takes a quarter of a minute to find out.
const halfOpen = 200

// newWire carries connections to an address, with faults drawn from a seed.
func newWire(t *testing.T, to string, seed uint64) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l, to: to, rng: rand.New(rand.NewPCG(seed, 2)), open: map[net.Conn]bool{}}
	t.Cleanup(func() {
		l.Close()
		w.cutAll()
	})
	go func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			far, err := net.Dial("tcp", to)
			if err != nil {
				near.Close()
				continue
			}
			w.mu.Lock()
			w.open[near], w.open[far] = true, true
			w.mu.Unlock()
			go w.carry(near, far)
			go w.carry(far, near)
		}
	}()
	return w
}

func (w *wire) addr() string { return w.listener.Addr().String() }

// carry copies one direction until it ends, or a fault ends it.
func (w *wire) carry(from, to net.Conn) {
	defer w.reset(from, to)
	buf := make([]byte, 16<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		part, ends := w.fault(n)
		if part < 0 { // it stays open and carries nothing, until the test ends
			return
		}
		if _, err := to.Write(buf[:part]); err != nil || ends {
			return
		}
	}
}

// fault says how much of n bytes goes on, and whether the connection ends then.
func (w *wire) fault(n int) (part int, ends bool) {
	if w.parted.Load() {
		return 0, true
	}
	if w.calm.Load() {
		return n, false
	}
	w.mu.Lock()
	draw, at, delay := w.rng.Float64(), w.rng.IntN(n+1), time.Duration(w.rng.IntN(30))*time.Millisecond
	w.mu.Unlock()
	switch {
	case draw < 0.005:
		w.cut.Add(1)
		return at, true
	case w.carried.Add(1) == halfOpen:
		w.stalled.Add(1)
		for !w.calm.Load() { // half open: the fault itself
			time.Sleep(10 * time.Millisecond)
		}
		return 0, true
	case draw < 0.1:
		w.late.Add(1)
		time.Sleep(delay)
	}
	return n, false
}

// reset ends connections as a broken network does: the rest of what was sent is
// lost.
func (w *wire) reset(conns ...net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		c.Close()
		delete(w.open, c)
	}
}

func (w *wire) cutAll() {
	w.mu.Lock()
	var all []net.Conn
	for c := range w.open {
		all = append(all, c)
	}
	w.mu.Unlock()
	w.reset(all...)
}

// Over a network that delays, cuts and swallows, between workers, coordinator
// and NATS, and that is parted for three leases, the board is that of one
// machine on which nothing happened, byte for byte.
func TestHostileNetwork(t *testing.T) {
	if os.Getenv("TOURNEY_CHAOS") == "" {
		t.Skip("takes minutes, as offers that were lost come again after one: make chaos")
	}
	t.Parallel() // it waits more than it does
	want := undisturbed(t, steady)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	store, data, listen := filepath.Join(t.TempDir(), "nats"), dir(t), freePort(t)
	bus := startWith(t, []string{"TOURNEY_TEST_MAIN=nats"}, store, listen)
	bus.await("ready")
	toBus := newWire(t, listen, seed)
	coordinator := start(t, "coordinator", "--data-dir", data, "--lease", "2s", "--log-level", "error",
		"--nats", "nats://"+toBus.addr(), "--trusted-network", "--addr", "127.0.0.1:0")
	url := coordinator.url()
	toServer := newWire(t, strings.TrimPrefix(url, "http://"), seed+1)
	for range 4 {
		start(t, "worker", "--server", "http://"+toServer.addr(), "--slots", "1", "--cache-dir", filepath.Join(t.TempDir(), "cache"), "--log-level", "error")
	}
	id := strings.TrimSpace(must(t, "sweep", "create", steady, "--server", url))
	untilSweep(t, url, id, func(s tourney.Sweep) bool { return reports(s) >= 10 })
	for _, w := range []*wire{toBus, toServer} {
		w.parted.Store(true)
		w.cutAll()
	}
	time.Sleep(6 * time.Second) // the fault itself
	for _, w := range []*wire{toBus, toServer} {
		w.parted.Store(false)
	}
	half := untilSweep(t, url, id, func(s tourney.Sweep) bool { return 2*reports(s) >= total(s.Counts) })
	for _, w := range []*wire{toBus, toServer} {
		w.calm.Store(true)
		t.Logf("late %d, cut %d, half open %d", w.late.Load(), w.cut.Load(), w.stalled.Load())
		if w.late.Load() == 0 {
			t.Error("nothing happened to it: nothing was proved")
		}
	}
	if half.State.Terminal() {
		t.Error("the sweep had ended before the network was mended")
	}
	end := untilSweep(t, url, id, func(s tourney.Sweep) bool { return s.State.Terminal() })
	if end.State != tourney.SweepCompleted {
		t.Errorf("the sweep is %s (%s)", end.State, end.Reason)
	}
	sameBoard(t, must(t, "sweep", "leaderboard", id, "--canonical", "--server", url), want)
	if code := coordinator.terminate(); code != 0 {
		t.Errorf("the coordinator exits with %d", code)
	}
	proven(t, data, id)
}

// What JetStream keeps may be damaged in any way: the coordinator starts all the
// same, publishes anew what is open, and the board is the same.
func TestBusDamaged(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	t.Parallel() // it waits more than it does
	want := undisturbed(t, steady)
	for _, tt := range []struct {
		name   string
		damage func(data []byte) []byte
	}{
		{"cut", func(data []byte) []byte { return data[:len(data)/2] }},
		{"bits flipped", func(data []byte) []byte {
			for i := 3; i < len(data); i += 97 {
				data[i] ^= 0x40
			}
			return data
		}},
		{"empty", func([]byte) []byte { return nil }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel() // what was lost of offers is offered again after a minute
			data := dir(t)
			args := []string{"up", "--data-dir", data, "--lease", "1s", "--workers", "2", "--addr"}
			up := start(t, append(args, "127.0.0.1:0")...)
			url := up.url()
			id := strings.TrimSpace(must(t, "sweep", "create", steady, "--server", url))
			untilSweep(t, url, id, func(s tourney.Sweep) bool { return reports(s) >= 10 })
			up.kill()
			files := 0
			err := filepath.WalkDir(filepath.Join(data, "nats"), func(path string, d fs.DirEntry, err error) error {
				if err != nil || d.IsDir() {
					return err
				}
				text, err := os.ReadFile(path)
				if err != nil {
					return fmt.Errorf("read what is to be damaged: %w", err)
				}
				files++
				return os.WriteFile(path, tt.damage(text), 0o600)
			})
			if err != nil || files == 0 {
				t.Fatalf("%d files were damaged: %v", files, err)
			}
			url = start(t, append(args, strings.TrimPrefix(url, "http://"))...).url()
			end := untilSweep(t, url, id, func(s tourney.Sweep) bool { return s.State.Terminal() })
			if end.State != tourney.SweepCompleted {
				t.Errorf("the sweep is %s (%s)", end.State, end.Reason)
			}
			sameBoard(t, must(t, "sweep", "leaderboard", id, "--canonical", "--server", url), want)
		})
	}
}
