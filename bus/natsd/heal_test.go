package natsd_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tourney"
	"tourney/bus"
	"tourney/bus/natsd"
)

// mounted returns a directory on a file system of its own, of so many bytes.
func mounted(t *testing.T, size string) string {
	t.Helper()
	at := t.TempDir()
	if err := syscall.Mount("tmpfs", at, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("no file system can be mounted here: %v", err)
	}
	t.Cleanup(func() { must(t, syscall.Unmount(at, syscall.MNT_DETACH)) })
	return at
}

// fill takes all the room of a file system; the file may be removed.
func fill(t *testing.T, at string) (ballast string) {
	t.Helper()
	ballast = filepath.Join(at, "ballast")
	f, err := os.Create(ballast)
	must(t, err)
	defer f.Close()
	for _, n := range []int{1 << 16, 1 << 12} {
		for err = nil; err == nil; {
			_, err = f.Write(make([]byte, n))
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Fatalf("fill the disk: %v", err)
		}
	}
	return ballast
}

// While the disk is full nothing can be published, and when there is room again
// everything can, without a new start; what was published before is there still,
// and both ends go on with the connections that they had.
func TestADiskThatWasFull(t *testing.T) {
	disk := mounted(t, "16m")
	s := start(t, natsd.Options{Dir: filepath.Join(disk, "nats"), MaxStore: 1 << 30})
	admin, err := s.Connect()
	must(t, err)
	t.Cleanup(admin.Close)
	srv, err := bus.NewServer(t.Context(), admin, slog.New(slog.DiscardHandler))
	must(t, err)
	e, err := s.Admit("w-1", tourney.EnrolRequest{Pool: "default"})
	must(t, err)
	worker, err := bus.DialInProcess(t.Context(), s, e)
	must(t, err)
	t.Cleanup(func() { must(t, worker.Close()) })
	offer := func(trial int) error {
		return srv.Offer(t.Context(), "default", "s", tourney.Offer{Jobs: []tourney.JobID{{Sweep: "s", Trial: trial}}})
	}
	for range 3 { // each stays in the stream
		must(t, offer(0))
	}
	ballast := fill(t, disk)
	published := 3
	for err = nil; err == nil; published++ { // into what is left of the last page
		err = offer(1)
	}
	published--
	if !errors.Is(err, tourney.ErrUnavailable) {
		t.Errorf("an offer on a full disk: %v", err)
	}
	must(t, os.Remove(ballast))
	for deadline := time.Now().Add(time.Minute); ; {
		if err = offer(2); err == nil {
			published++
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the disk has room again, and an offer fails: %v", err)
		}
	}
	js, err := jetstream.New(admin)
	must(t, err)
	stream, err := js.Stream(t.Context(), "OFFERS")
	must(t, err)
	if n := int(stream.CachedInfo().State.Msgs); n != published {
		t.Errorf("the stream holds %d offers, and %d were published", n, published)
	}
	got := 0
	for deadline := time.Now().Add(time.Minute); got < published && time.Now().Before(deadline); {
		offered, err := worker.Fetch(t.Context(), published, time.Second)
		if err != nil && !errors.Is(err, tourney.ErrUnavailable) && !errors.Is(err, nats.ErrTimeout) {
			t.Fatal(err)
		}
		for _, o := range offered {
			must(t, o.Ack())
			got++
		}
	}
	if got != published {
		t.Errorf("the worker gets %d offers of %d", got, published)
	}
	must(t, worker.Report(t.Context(), tourney.Report{Entries: []tourney.Entry{{}}}))
}
