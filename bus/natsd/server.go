package natsd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"tourney"
	"tourney/bus"
)

const (
	// DefaultMaxStore bounds the streams on disk, in bytes, where Options do
	// not. What they hold is small: offers, and reports for as long as it takes
	// to record them.
	DefaultMaxStore = 1 << 30

	maxMemory    = 64 << 20 // bytes; no stream is kept in memory
	maxPayload   = 1 << 20  // bytes; bus.MaxBody and headers
	maxSubs      = 1000     // of one connection; a worker has a handful
	readyTimeout = 30 * time.Second
	tlsTimeout   = 5 * time.Second // of a handshake
)

// Options say how to start a server.
type Options struct {
	Dir      string       // where streams and credentials lie
	Listen   string       // host:port, port 0 for a free one; empty: connections inside the process alone
	MaxStore int64        // bytes of streams on disk; 0 means DefaultMaxStore
	TLS      *tls.Config  // of connections from outside the process; nil: they are not encrypted
	Logger   *slog.Logger // nil means none
}

// Server is a running NATS server.
type Server struct {
	ns     *server.Server
	log    *slog.Logger
	keys   *keyring
	secret string // the coordinator's password
	url    string

	streams server.JetStreamConfig // as it was started with
	stop    chan struct{}          // closed by Close
	once    sync.Once
	healer  sync.WaitGroup
}

// Start starts a server and returns once it takes connections. An address
// that somebody else listens on is a tourney.ErrInUse.
func Start(o Options) (*Server, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	opts := &server.Options{
		ServerName:             "tourney",
		DontListen:             o.Listen == "",
		JetStream:              true,
		StoreDir:               o.Dir,
		SyncAlways:             true, // else an acknowledged message may wait two minutes for its fsync
		JetStreamMaxStore:      o.MaxStore,
		JetStreamMaxMemory:     maxMemory,
		MaxPayload:             maxPayload,
		MaxSubs:                maxSubs,
		NoSigs:                 true, // signals are the process's own business
		DisableJetStreamBanner: true,
		TLSConfig:              o.TLS,
		TLSTimeout:             tlsTimeout.Seconds(),
	}
	if o.MaxStore <= 0 {
		// The library would take a share of the disk that is free now, and might
		// refuse every message after a start on a fuller disk.
		opts.JetStreamMaxStore = DefaultMaxStore
	}
	var err error
	if o.Listen != "" {
		if opts.Host, opts.Port, err = splitAddress(o.Listen); err != nil {
			return nil, err
		}
	}
	if o.Dir == "" {
		return nil, tourney.Invalid("dir", "is empty: name a directory for the NATS server's files")
	}
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("start NATS server: %w", err)
	}
	s := &Server{log: o.Logger, secret: newSecret(), stop: make(chan struct{})}
	if s.keys, err = openKeyring(o.Dir, o.Logger); err != nil {
		return nil, fmt.Errorf("start NATS server: %w", err)
	}
	opts.CustomClientAuthentication = authenticator{s}
	if err := s.start(opts); err != nil {
		return nil, fmt.Errorf("start NATS server: %w", err)
	}
	if o.Listen != "" {
		s.url = s.ns.ClientURL()
	}
	return s, nil
}

// start runs the server, or leaves nothing behind.
func (s *Server) start(opts *server.Options) error {
	ns, err := server.NewServer(opts)
	if err != nil {
		return err
	}
	s.ns = ns
	log := &logger{log: s.log, faults: make(chan struct{}, 1)}
	ns.SetLoggerV2(log, false, false, false)
	ns.Start()
	err = log.fatal()
	if err == nil && !ns.ReadyForConnections(readyTimeout) {
		if err = log.fatal(); err == nil {
			err = fmt.Errorf("not ready after %s: %w", readyTimeout, tourney.ErrUnavailable)
		}
	}
	if err == nil {
		s.streams = *ns.JetStreamConfig()
		s.healer.Go(func() { s.heal(opts.StoreDir, log.faults, s.stop) })
		return nil
	}
	s.Close()
	if errors.Is(err, syscall.EADDRINUSE) {
		address := net.JoinHostPort(opts.Host, strconv.Itoa(opts.Port))
		return fmt.Errorf("address %s is %w: another process listens there; stop it, or choose another address (port 0 takes a free one)",
			address, tourney.ErrInUse)
	}
	return err
}

// splitAddress reads host:port; the library writes a free port as -1.
func splitAddress(address string) (host string, port int, err error) {
	host, text, err := net.SplitHostPort(address)
	if err == nil {
		port, err = strconv.Atoi(text)
	}
	if err != nil || host == "" || port < 0 || port > 65535 {
		return "", 0, tourney.Invalid("nats-listen", "%q is no address: write HOST:PORT, as in 127.0.0.1:4222; port 0 takes a free one", address)
	}
	if port == 0 {
		port = server.RANDOM_PORT
	}
	return host, port, nil
}

// URL returns the address on which the server listens, empty if it does not.
func (s *Server) URL() string { return s.url }

// Connect returns the coordinator's own connection, inside the process and
// with all rights. The caller closes it before the server.
func (s *Server) Connect(opts ...nats.Option) (*nats.Conn, error) {
	all := append(bus.Options("tourney coordinator", s.log),
		nats.InProcessServer(s), nats.UserInfo(coordinator, s.secret))
	nc, err := nats.Connect("", append(all, opts...)...)
	if err != nil {
		return nil, fmt.Errorf("connect to the embedded NATS server: %w", err)
	}
	return nc, nil
}

// InProcessConn makes Server a nats.InProcessConnProvider. Its connections
// need a credential like all others; where it is wrong the client sees a broken
// pipe, since the library's pipe has no room for the server's reason.
func (s *Server) InProcessConn() (net.Conn, error) { return s.ns.InProcessConn() }

// Close stops the server and waits until its files are closed.
func (s *Server) Close() {
	s.once.Do(func() { close(s.stop) })
	s.healer.Wait()
	s.ns.Shutdown()
	s.ns.WaitForShutdown()
}
