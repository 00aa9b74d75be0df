package bus_test

import (
	"log/slog"
	"sync"
	"testing"

	"github.com/nats-io/nats.go"

	"tourney"
	"tourney/bus"
	"tourney/bus/bustest"
	"tourney/bus/natsd"
)

// world is an embedded server and the coordinator's end on it.
type world struct {
	dir    string
	natsd  *natsd.Server
	nc     *nats.Conn // the coordinator's
	server *bus.Server
	stop   func()
}

// newWorld starts a world, with an empty listen inside the process alone.
func newWorld(t *testing.T, listen string, opts ...bus.ServerOption) *world {
	t.Helper()
	w := &world{dir: t.TempDir()}
	w.start(t, listen, opts...)
	return w
}

// start starts the world, the first time or again.
func (w *world) start(t *testing.T, listen string, opts ...bus.ServerOption) {
	t.Helper()
	var err error
	w.natsd, err = natsd.Start(natsd.Options{Dir: w.dir, Listen: listen})
	must(t, err)
	w.nc, err = w.natsd.Connect()
	must(t, err)
	w.stop = sync.OnceFunc(func() {
		w.nc.Close()
		w.natsd.Close()
	})
	t.Cleanup(w.stop)
	w.server, err = bus.NewServer(t.Context(), w.nc, slog.New(slog.DiscardHandler), opts...)
	must(t, err)
}

// bus is the world as the suite sees it.
func (w *world) bus() bustest.Bus {
	return bustest.Bus{
		Server: w.server,
		Dial:   func(t *testing.T, worker, pool string) bustest.Client { return w.dial(t, worker, pool) },
	}
}

// enrol makes a credential for a worker.
func (w *world) enrol(t *testing.T, worker, pool string) tourney.Enrolment {
	t.Helper()
	e, err := w.natsd.Admit(worker, tourney.EnrolRequest{Pool: pool})
	must(t, err)
	return e
}

// dial connects a worker, over TCP if the world listens. The caller closes it.
func (w *world) dial(t *testing.T, worker, pool string) *bus.Client {
	t.Helper()
	e := w.enrol(t, worker, pool)
	var c *bus.Client
	var err error
	if e.NATS == "" {
		c, err = bus.DialInProcess(t.Context(), w.natsd, e)
	} else {
		c, err = bus.Dial(t.Context(), e)
	}
	must(t, err)
	return c
}

// client connects a worker until the test ends.
func (w *world) client(t *testing.T, worker string) *bus.Client {
	t.Helper()
	c := w.dial(t, worker, tourney.DefaultPool)
	t.Cleanup(func() { must(t, c.Close()) })
	return c
}

// raw connects to NATS as that worker, without the client's good manners.
func (w *world) raw(t *testing.T, worker string) *nats.Conn {
	t.Helper()
	e := w.enrol(t, worker, tourney.DefaultPool)
	nc, err := nats.Connect("", nats.InProcessServer(w.natsd), nats.UserInfo(e.User, e.Password),
		nats.CustomInboxPrefix(e.Inbox), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	must(t, err)
	t.Cleanup(nc.Close)
	return nc
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
