package natsd_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats.go"

	"tourney"
	"tourney/bus"
	"tourney/bus/natsd"
)

// connected connects as a worker, and returns what is closed when that ends for
// good.
func connected(t *testing.T, s *natsd.Server, e tourney.Enrolment) <-chan struct{} {
	t.Helper()
	cut := make(chan struct{})
	nc, err := nats.Connect(s.URL(), nats.UserInfo(e.User, e.Password),
		nats.ReconnectWait(time.Millisecond), nats.ClosedHandler(func(*nats.Conn) { close(cut) }))
	must(t, err)
	t.Cleanup(nc.Close)
	return cut
}

// Expel shuts out the workers of one token, and those alone, at once and for
// good.
func TestExpel(t *testing.T) {
	dir := t.TempDir()
	s := start(t, natsd.Options{Dir: dir, Listen: "127.0.0.1:0"})
	enrol := func(worker, token string) tourney.Enrolment {
		e, err := s.Admit(worker, tourney.EnrolRequest{Pool: "default", Token: token})
		must(t, err)
		return e
	}
	one, two, other, free := enrol("w-1", "a"), enrol("w-2", "a"), enrol("w-3", "b"), enrol("w-4", "")
	first, second, third, fourth := connected(t, s, one), connected(t, s, two), connected(t, s, other), connected(t, s, free)
	must(t, s.Expel("a"))
	must(t, s.Expel("a")) // there is none, which is no error
	must(t, s.Expel(""))  // nobody's token is nobody's end
	<-first
	<-second
	s.Renew("w-1") // its last beat, on the way
	for _, e := range []tourney.Enrolment{one, two} {
		if err := login(s, e.User, e.Password); !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s comes back: %v", e.Worker, err)
		}
	}
	for _, e := range []tourney.Enrolment{other, free} {
		must(t, login(s, e.User, e.Password))
	}
	select {
	case <-third:
		t.Error("the worker of another token was cut")
	case <-fourth:
		t.Error("the worker of no token was cut")
	default:
	}
	s.Close()
	again := start(t, natsd.Options{Dir: dir, Listen: "127.0.0.1:0"})
	if err := login(again, one.User, one.Password); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("after a restart: %v", err)
	}
	must(t, again.Expel("b")) // the file knows whose it is
	if err := login(again, other.User, other.Password); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("expelled after a restart: %v", err)
	}
}

// A credential ends with its token, however often it is renewed, and so does the
// connection.
func TestTheTokensEnd(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := start(t, natsd.Options{})
		until := time.Now().Add(90 * time.Minute)
		e, err := s.Admit("w", tourney.EnrolRequest{Pool: "default", Token: "a", Until: until})
		must(t, err)
		if want := time.Now().Add(natsd.CredentialTTL); !e.Expires.Equal(want) {
			t.Errorf("expires %v, want %v", e.Expires, want)
		}
		cut := make(chan struct{})
		nc, err := nats.Connect("", nats.InProcessServer(s), nats.UserInfo(e.User, e.Password), nats.NoReconnect(),
			nats.ClosedHandler(func(*nats.Conn) { close(cut) }))
		must(t, err)
		defer nc.Close()
		time.Sleep(59 * time.Minute)
		s.Renew("w") // to beyond the token's end, were it not for that
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if !nc.IsConnected() {
			t.Fatal("the connection ended before the token")
		}
		<-cut
		if late := time.Since(until); late < 0 || late > time.Second {
			t.Errorf("the connection was cut %v after the token's end", late)
		}
		s.Renew("w")
		if nc, err := nats.Connect("", nats.InProcessServer(s), nats.UserInfo(e.User, e.Password), nats.NoReconnect()); err == nil {
			nc.Close()
			t.Error("the credential outlives its token")
		}
	})
}

// certificate is one of 127.0.0.1, signed by itself.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, &key.PublicKey, key)
	must(t, err)
	leaf, err := x509.ParseCertificate(der)
	must(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}

// With TLS nobody from outside gets in without, nor is taken in by a server
// whose certificate is not trusted; inside the process nothing changes.
func TestTLS(t *testing.T) {
	cert, roots := certificate(t)
	config := &tls.Config{MinVersion: tls.VersionTLS12, GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &cert, nil }}
	s := start(t, natsd.Options{Listen: "127.0.0.1:0", TLS: config})
	address, ok := strings.CutPrefix(s.URL(), "tls://")
	if !ok {
		t.Fatalf("URL %q, want tls://", s.URL())
	}
	e, err := s.Admit("w", tourney.EnrolRequest{Pool: "default"})
	must(t, err)
	c, err := bus.Dial(t.Context(), e, bus.WithTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}))
	must(t, err)
	must(t, c.Close())
	if c, err := bus.Dial(t.Context(), e); err == nil {
		c.Close()
		t.Error("a worker takes a certificate that it does not trust")
	}
	if c, err := bus.Dial(t.Context(), e, bus.WithTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12, ServerName: "other.example.com"})); err == nil {
		c.Close()
		t.Error("a worker takes a certificate of another name")
	}
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	must(t, err)
	defer conn.Close()
	_, err = conn.Write([]byte("CONNECT {\"user\":\"w\",\"pass\":\"" + e.Password + "\"}\r\nPING\r\n"))
	must(t, err)
	must(t, conn.SetReadDeadline(time.Now().Add(20*time.Second)))
	said := make([]byte, 0, 4096)
	for {
		n, err := conn.Read(said[len(said):cap(said)])
		said = said[:len(said)+n]
		if err != nil || len(said) == cap(said) {
			break
		}
	}
	if strings.Contains(string(said), "PONG") {
		t.Errorf("plain text is answered: %s", said)
	}
	inside, err := bus.DialInProcess(t.Context(), s, e)
	must(t, err)
	must(t, inside.Close())
	admin, err := s.Connect()
	must(t, err)
	admin.Close()
}
