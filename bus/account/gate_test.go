package account_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/nats-io/nkeys"

	"tourney"
	"tourney/bus"
	"tourney/bus/account"
)

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// key returns a new key pair and its public key.
func key(t *testing.T, create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, string) {
	t.Helper()
	pair := must[nkeys.KeyPair](t)(create())
	return pair, must[string](t)(pair.PublicKey())
}

// place is a NATS server whose operator has an account for us, with a signing key.
type place struct {
	url, account     string
	own, signing     string // files of the account's key, and of its signing key
	user, foreignKey string // files of keys that are neither
}

func open(t *testing.T) place {
	t.Helper()
	op, opPub := key(t, nkeys.CreateOperator)
	_, sysPub := key(t, nkeys.CreateAccount)
	own, pub := key(t, nkeys.CreateAccount)
	signing, signingPub := key(t, nkeys.CreateAccount)
	user, _ := key(t, nkeys.CreateUser)
	foreign, _ := key(t, nkeys.CreateAccount)

	operator := jwt.NewOperatorClaims(opPub)
	operator.SystemAccount = sysPub
	ours := jwt.NewAccountClaims(pub)
	ours.SigningKeys.Add(signingPub)
	ours.Limits.JetStreamLimits = jwt.JetStreamLimits{DiskStorage: -1, MemoryStorage: -1, Streams: -1, Consumer: -1}
	claims := must[*jwt.OperatorClaims](t)(jwt.DecodeOperatorClaims(must[string](t)(operator.Encode(op))))
	resolver := &server.MemAccResolver{}
	for p, token := range map[string]string{
		pub:    must[string](t)(ours.Encode(op)),
		sysPub: must[string](t)(jwt.NewAccountClaims(sysPub).Encode(op)),
	} {
		if err := resolver.Store(p, token); err != nil {
			t.Fatal(err)
		}
	}
	s := must[*server.Server](t)(server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: server.RANDOM_PORT, JetStream: true, StoreDir: t.TempDir(), NoSigs: true, NoLog: true,
		TrustedOperators: []*jwt.OperatorClaims{claims}, AccountResolver: resolver, SystemAccount: sysPub,
	}))
	s.Start()
	t.Cleanup(func() { s.Shutdown(); s.WaitForShutdown() })
	if !s.ReadyForConnections(30 * time.Second) {
		t.Fatal("the NATS server does not come up")
	}
	dir := t.TempDir()
	write := func(name string, pair nkeys.KeyPair) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, append(must[[]byte](t)(pair.Seed()), '\n'), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	return place{s.ClientURL(), pub, write("own", own), write("signing", signing), write("user", user), write("foreign", foreign)}
}

// serve connects as a coordinator and makes the streams.
func serve(t *testing.T, p place, g *account.Gate) *bus.Server {
	t.Helper()
	nc := must[*nats.Conn](t)(g.Connect(p.url, slog.New(slog.DiscardHandler)))
	t.Cleanup(nc.Close)
	return must[*bus.Server](t)(bus.NewServer(t.Context(), nc, slog.New(slog.DiscardHandler)))
}

// Workers are let in with what a signing key signs, or the account's own key, and
// coordinator and worker hear each other.
func TestWorkersAreLetIn(t *testing.T) {
	p := open(t)
	for name, o := range map[string]account.Options{
		"signing key": {URL: p.url, KeyFile: p.signing, Account: p.account},
		"own key":     {URL: p.url, KeyFile: p.own},
		"both named":  {URL: p.url, KeyFile: p.own, Account: p.account},
	} {
		g, err := account.Open(o)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		srv := serve(t, p, g)
		e := must[tourney.Enrolment](t)(g.Admit("w-1", tourney.EnrolRequest{Pool: "default"}))
		if want := time.Now().Add(account.CredentialTTL); e.Expires.After(want) || e.Expires.Before(want.Add(-time.Minute)) {
			t.Errorf("%s: expires %v, want an hour from now", name, e.Expires)
		}
		c := must[*bus.Client](t)(bus.Dial(t.Context(), e))
		if err := srv.Offer(t.Context(), "default", "s", tourney.Offer{Jobs: []tourney.JobID{{Sweep: "s"}}}); err != nil {
			t.Fatal(err)
		}
		offered := must[[]tourney.Offered](t)(c.Fetch(t.Context(), 1, 20*time.Second))
		if len(offered) != 1 {
			t.Fatalf("%s: %d offers", name, len(offered))
		}
		if err := offered[0].Ack(); err != nil {
			t.Error(err)
		}
		if err := srv.Control(t.Context(), "w-1", tourney.Control{Drain: tourney.DrainRelease}); err != nil {
			t.Fatal(err)
		}
		if got := <-c.Control(); got.Drain != tourney.DrainRelease {
			t.Errorf("%s: the worker hears %+v", name, got)
		}
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	}
}

// A worker may do what it has to, in its own name and pool, and nothing else.
func TestAWorkersRights(t *testing.T) {
	p := open(t)
	g := must[*account.Gate](t)(account.Open(account.Options{URL: p.url, KeyFile: p.signing, Account: p.account}))
	serve(t, p, g)
	e := must[tourney.Enrolment](t)(g.Admit("w-1", tourney.EnrolRequest{Pool: "default"}))
	refused := make(chan string, 64)
	nc := must[*nats.Conn](t)(nats.Connect(p.url, nats.UserCredentialBytes([]byte(e.Credentials)), nats.CustomInboxPrefix(e.Inbox),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { refused <- strings.ToLower(err.Error()) })))
	defer nc.Close()
	// allowed reports whether the server lets an act pass. A last act that is
	// forbidden marks the end of the refusals that the first has caused.
	allowed := func(verb, subject string) bool {
		if verb == "publish" {
			_ = nc.Publish(subject, nil)
		} else {
			sub := must[*nats.Subscription](t)(nc.SubscribeSync(subject))
			defer func() { _ = sub.Unsubscribe() }()
		}
		_ = nc.Publish("mark", nil)
		ok := true
		for text := range refused {
			if strings.Contains(text, `publish to "mark"`) {
				return ok
			}
			ok = false
		}
		return ok
	}
	publish, subscribe := bus.Permissions("w-1", "default")
	for _, subject := range publish {
		if subject = strings.ReplaceAll(subject, ">", "1.1.1.1.0"); !allowed("publish", subject) {
			t.Errorf("publish %s is refused", subject)
		}
	}
	for _, subject := range subscribe {
		if !allowed("subscribe", subject) {
			t.Errorf("subscribe %s is refused", subject)
		}
	}
	for _, subject := range []string{
		"tourney.claim.w-2", "tourney.beat.w-2", "tourney.reports.w-2", "tourney.control.w-1", "tourney.offers.default.s",
		"_INBOX_w-2.x", "_INBOX_w-1.x", "$JS.API.CONSUMER.MSG.NEXT.OFFERS.workers-gpu", "$JS.ACK.OFFERS.workers-gpu.1.1.1.1.0",
		"$JS.API.STREAM.DELETE.OFFERS", "$JS.API.STREAM.PURGE.REPORTS", "$JS.API.STREAM.CREATE.EVIL", "$JS.API.STREAM.MSG.GET.REPORTS",
		"$JS.API.CONSUMER.CREATE.OFFERS.evil", "$JS.API.CONSUMER.DURABLE.CREATE.OFFERS.evil", "$SYS.REQ.SERVER.PING", "x",
	} {
		if allowed("publish", subject) {
			t.Errorf("publish %s is allowed", subject)
		}
	}
	for _, subject := range []string{">", "tourney.>", "tourney.control.w-2", "_INBOX_w-2.>", "_INBOX.>", "tourney.reports.>", "$JS.>", "$SYS.>"} {
		if allowed("subscribe", subject) {
			t.Errorf("subscribe %s is allowed", subject)
		}
	}
	admin := must[*nats.Conn](t)(g.Connect(p.url, slog.New(slog.DiscardHandler)))
	defer admin.Close()
	js := must[jetstream.JetStream](t)(jetstream.New(admin))
	if info := must[jetstream.Stream](t)(js.Stream(t.Context(), "REPORTS")).CachedInfo(); info.State.Msgs != 1 {
		t.Errorf("REPORTS has %d messages, want the one that was allowed", info.State.Msgs)
	}
}

// A worker that renews its credential outlasts it; one that is refused, or cannot
// renew, is shut out when its time is over.
func TestRenewal(t *testing.T) {
	p := open(t)
	const ttl = 3 * time.Second
	g := must[*account.Gate](t)(account.Open(account.Options{URL: p.url, KeyFile: p.signing, Account: p.account, TTL: ttl}))
	serve(t, p, g)
	enrol := func(worker string) tourney.Enrolment {
		return must[tourney.Enrolment](t)(g.Admit(worker, tourney.EnrolRequest{Pool: "default"}))
	}
	renewed := make(chan time.Time, 16)
	stays := must[*bus.Client](t)(bus.Dial(t.Context(), enrol("w-1"), bus.WithRenewal(func(context.Context) (tourney.Enrolment, error) {
		e, err := g.Admit("w-1", tourney.EnrolRequest{Pool: "default"})
		renewed <- e.Expires
		return e, err
	})))
	defer stays.Close()
	refuse := func(context.Context) (tourney.Enrolment, error) { return tourney.Enrolment{}, tourney.ErrRefused }
	goes := must[*bus.Client](t)(bus.Dial(t.Context(), enrol("w-2"), bus.WithRenewal(refuse)))
	defer goes.Close()
	first := enrol("w-3").Expires
	for range goes.Control() { // until it is closed
	}
	if now := time.Now(); now.Before(first.Add(-2 * time.Second)) {
		t.Errorf("shut out at %v, before the credential ended", now)
	}
	if _, err := goes.Fetch(t.Context(), 1, time.Millisecond); !errors.Is(err, tourney.ErrRefused) {
		t.Errorf("a fetch of who was shut out: %v", err)
	}
	for end := first.Add(2 * ttl); (<-renewed).Before(end); { // two more lives of a credential
	}
	for {
		err := stays.Report(t.Context(), tourney.Report{Entries: []tourney.Entry{{}}})
		if err == nil {
			return
		}
		if !errors.Is(err, tourney.ErrUnavailable) { // it is connecting again
			t.Fatal(err)
		}
	}
}

// A credential ends with the token that its worker enrolled with.
func TestTheTokensEnd(t *testing.T) {
	p := open(t)
	g := must[*account.Gate](t)(account.Open(account.Options{URL: p.url, KeyFile: p.own}))
	until := time.Now().Add(10 * time.Minute)
	e := must[tourney.Enrolment](t)(g.Admit("w", tourney.EnrolRequest{Pool: "default", Until: until}))
	if e.Expires.After(until) || e.Expires.Before(until.Add(-time.Second)) {
		t.Errorf("expires %v, want %v", e.Expires, until)
	}
	e = must[tourney.Enrolment](t)(g.Admit("w", tourney.EnrolRequest{Pool: "default", Until: time.Now().Add(-time.Minute)}))
	if _, err := bus.Dial(t.Context(), e); !errors.Is(err, tourney.ErrRefused) {
		t.Errorf("a credential of a token that has ended: %v", err)
	}
}

// What is no signing key is refused at the start, and one of another account by the
// server.
func TestWrongKeys(t *testing.T) {
	p := open(t)
	if err := os.WriteFile(p.user+".txt", []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		o    account.Options
		says string
	}{
		{account.Options{KeyFile: p.user}, "something else than an account"},
		{account.Options{KeyFile: p.user + ".txt"}, "holds no seed"},
		{account.Options{KeyFile: p.signing, Account: "nobody"}, "no account's public key"},
	} {
		if _, err := account.Open(tt.o); tourney.AsInvalid(err) == nil || !strings.Contains(err.Error(), tt.says) {
			t.Errorf("%+v: %v, want %q", tt.o, err, tt.says)
		}
	}
	if _, err := account.Open(account.Options{KeyFile: p.user + ".none"}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	g := must[*account.Gate](t)(account.Open(account.Options{URL: p.url, KeyFile: p.foreignKey, Account: p.account}))
	if _, err := g.Connect(p.url, slog.New(slog.DiscardHandler)); !errors.Is(err, tourney.ErrRefused) {
		t.Errorf("a key that the account does not know: %v", err)
	}
	if _, err := g.Admit("w.1", tourney.EnrolRequest{Pool: "default"}); tourney.AsInvalid(err) == nil {
		t.Errorf("a worker's id that reaches into other subjects: %v", err)
	}
}
