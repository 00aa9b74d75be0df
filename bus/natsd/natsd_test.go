package natsd_test

import (
	"errors"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/nats-io/nats-server/v2/server/ats"
	"github.com/nats-io/nats.go"

	"tourney"
	"tourney/bus/natsd"
)

func start(t *testing.T, o natsd.Options) *natsd.Server {
	t.Helper()
	if o.Dir == "" {
		o.Dir = t.TempDir()
	}
	s, err := natsd.Start(o)
	must(t, err)
	t.Cleanup(s.Close)
	return s
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// login connects over TCP without coming back by itself.
func login(s *natsd.Server, user, password string) error {
	nc, err := nats.Connect(s.URL(), nats.UserInfo(user, password), nats.NoReconnect())
	if err == nil {
		nc.Close()
	}
	return err
}

func TestURL(t *testing.T) {
	if got := start(t, natsd.Options{}).URL(); got != "" {
		t.Errorf("URL of a server that does not listen is %q, want none", got)
	}
	got := start(t, natsd.Options{Listen: "127.0.0.1:0"}).URL()
	address, ok := strings.CutPrefix(got, "nats://")
	_, port, err := net.SplitHostPort(address)
	if !ok || err != nil || port == "0" {
		t.Errorf("URL is %q, want nats://127.0.0.1: and a port", got)
	}
}

func TestBusyAddress(t *testing.T) {
	address := strings.TrimPrefix(start(t, natsd.Options{Listen: "127.0.0.1:0"}).URL(), "nats://")
	_, err := natsd.Start(natsd.Options{Dir: t.TempDir(), Listen: address})
	if !errors.Is(err, tourney.ErrInUse) || !strings.Contains(err.Error(), address) || !strings.Contains(err.Error(), "choose another") {
		t.Errorf("starting on a busy address: %v, want %q with the address and what to do", err, tourney.ErrInUse)
	}
}

func TestBadOptions(t *testing.T) {
	for _, listen := range []string{"127.0.0.1", ":4222", "127.0.0.1:x", "127.0.0.1:70000", "127.0.0.1:-1"} {
		if _, err := natsd.Start(natsd.Options{Dir: t.TempDir(), Listen: listen}); !errors.Is(err, tourney.ErrInvalid) {
			t.Errorf("listen %q: %v, want %q", listen, err, tourney.ErrInvalid)
		}
	}
	if _, err := natsd.Start(natsd.Options{}); !errors.Is(err, tourney.ErrInvalid) {
		t.Errorf("without a directory: %v, want %q", err, tourney.ErrInvalid)
	}
	// An address that is well written and not ours.
	if _, err := natsd.Start(natsd.Options{Dir: t.TempDir(), Listen: "192.0.2.1:0"}); err == nil || errors.Is(err, tourney.ErrInUse) {
		t.Errorf("listening on another machine's address: %v, want an error that is not %q", err, tourney.ErrInUse)
	}
}

func TestWhoMayConnect(t *testing.T) {
	s := start(t, natsd.Options{Listen: "127.0.0.1:0"})
	user, old, err := s.Grant("w-1", "default", time.Hour)
	must(t, err)
	_, password, err := s.Grant("w-1", "default", time.Hour) // instead of the first
	must(t, err)
	_, other, err := s.Grant("w-2", "default", time.Hour)
	must(t, err)
	for _, c := range []struct {
		name, user, password string
		ok                   bool
	}{
		{"the worker", user, password, true},
		{"the worker, again", user, password, true},
		{"its credential of before", user, old, false},
		{"another's password", user, other, false},
		{"no password", user, "", false},
		{"nobody", "", "", false},
		{"an unknown worker", "w-3", password, false},
		{"the coordinator without its secret", ".coordinator", "", false},
		{"the coordinator with a worker's password", ".coordinator", password, false},
	} {
		if err := login(s, c.user, c.password); (err == nil) != c.ok || err != nil && !errors.Is(err, nats.ErrAuthorization) {
			t.Errorf("%s: %v, want success: %v", c.name, err, c.ok)
		}
	}
	must(t, s.Revoke("w-1"))
	if err := login(s, user, password); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("after Revoke: %v, want %v", err, nats.ErrAuthorization)
	}
	must(t, s.Revoke("w-1")) // there is nothing to revoke, which is no error
}

func TestGrantNeedsTokens(t *testing.T) {
	s := start(t, natsd.Options{})
	for _, bad := range []string{"", "*", ">", "a.b", "a b", ".coordinator", strings.Repeat("x", 65)} {
		if _, _, err := s.Grant(bad, "default", time.Hour); !errors.Is(err, tourney.ErrInvalid) {
			t.Errorf("worker %q: %v, want %q", bad, err, tourney.ErrInvalid)
		}
		if _, err := s.Admit("w", tourney.EnrolRequest{Pool: bad}); !errors.Is(err, tourney.ErrInvalid) {
			t.Errorf("pool %q: %v, want %q", bad, err, tourney.ErrInvalid)
		}
	}
}

// TestExpiry runs on a clock of its own. In the bubble the server cannot
// listen; a refused connection inside the process shows as any error.
func TestExpiry(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := start(t, natsd.Options{})
		user, password, err := s.Grant("w", "default", time.Hour)
		must(t, err)
		connect := func(opts ...nats.Option) (*nats.Conn, error) {
			all := append(opts, nats.InProcessServer(s), nats.UserInfo(user, password), nats.NoReconnect())
			return nats.Connect("", all...)
		}
		cut := make(chan struct{})
		nc, err := connect(nats.ClosedHandler(func(*nats.Conn) { close(cut) }))
		must(t, err)
		defer nc.Close()

		time.Sleep(59 * time.Minute)
		s.Renew("w")
		time.Sleep(59 * time.Minute)
		second, err := connect()
		if err != nil {
			t.Fatalf("59 minutes after it was renewed: %v", err)
		}
		second.Close()

		time.Sleep(time.Minute)
		if second, err := connect(); err == nil {
			second.Close()
			t.Error("an hour after it was renewed the credential is still good")
		}
		synctest.Wait()
		if !nc.IsConnected() {
			t.Error("the connection was cut when its credential expired, want: on the next occasion")
		}

		s.Renew("w") // it was heard on its connection
		if second, err = connect(); err != nil {
			t.Fatalf("after it was renewed: %v", err)
		}
		second.Close()

		time.Sleep(61 * time.Minute)
		_, _, err = s.Grant("x", "default", time.Hour)
		must(t, err)
		<-cut
		s.Renew("w") // too late: it was dropped
		if second, err := connect(); err == nil {
			second.Close()
			t.Error("a credential that was dropped came back")
		}
	})
}

// inBubble runs a test with a clock of its own, which jumps when all wait. The
// NATS server's global ticker has to run outside, and the client's global pool
// of timers must not carry one in or out: two collections empty it.
func inBubble(t *testing.T, test func(t *testing.T)) {
	ats.Register()
	defer ats.Unregister()
	empty := func() { runtime.GC(); runtime.GC() }
	empty()
	defer empty()
	synctest.Test(t, test)
}

func TestCredentialsOutliveTheProcess(t *testing.T) {
	dir := t.TempDir()
	first, err := natsd.Start(natsd.Options{Dir: dir, Listen: "127.0.0.1:0"})
	must(t, err)
	user, password, err := first.Grant("w", "default", time.Hour)
	must(t, err)
	_, gone, err := first.Grant("gone", "default", time.Hour)
	must(t, err)
	must(t, first.Revoke("gone"))
	first.Close()

	file := filepath.Join(dir, "credentials.json")
	data, err := os.ReadFile(file)
	must(t, err)
	if strings.Contains(string(data), password) {
		t.Error("the password lies on disk")
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v, want 0600", info.Mode(), err)
	}

	second := start(t, natsd.Options{Dir: dir, Listen: "127.0.0.1:0"})
	if err := login(second, user, password); err != nil {
		t.Errorf("after a restart: %v", err)
	}
	if err := login(second, "gone", gone); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("the revoked worker after a restart: %v, want %v", err, nats.ErrAuthorization)
	}
	second.Close()

	must(t, os.WriteFile(file, []byte("{damaged"), 0o600))
	third := start(t, natsd.Options{Dir: dir, Listen: "127.0.0.1:0"})
	if err := login(third, user, password); !errors.Is(err, nats.ErrAuthorization) {
		t.Errorf("after the file was damaged: %v, want %v", err, nats.ErrAuthorization)
	}
}

func TestAdmit(t *testing.T) {
	s := start(t, natsd.Options{Listen: "127.0.0.1:0"})
	e, err := s.Admit("w", tourney.EnrolRequest{Pool: "gpu"})
	must(t, err)
	if e.Worker != "w" || e.Pool != "gpu" || e.NATS != s.URL() || e.Inbox != "_INBOX_w" {
		t.Errorf("enrolment %+v", e)
	}
	if err := login(s, e.User, e.Password); err != nil {
		t.Errorf("login with the enrolment: %v", err)
	}
}
