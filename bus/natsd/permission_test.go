package natsd_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"tourney/bus"
	"tourney/bus/natsd"
)

// TestPermissions tries what a worker may and may not say and hear. The
// server answers a forbidden act with an error that names the subject, before
// it answers the ping that follows.
func TestPermissions(t *testing.T) {
	s := start(t, natsd.Options{})
	admin, err := s.Connect()
	must(t, err)
	t.Cleanup(admin.Close)
	_, err = bus.NewServer(t.Context(), admin, slog.New(slog.DiscardHandler))
	must(t, err)
	user, password, err := s.Grant("w-1", "default", time.Hour)
	must(t, err)

	violations := make(chan string, 64)
	nc, err := nats.Connect("", nats.InProcessServer(s), nats.UserInfo(user, password),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { violations <- err.Error() }))
	must(t, err)
	t.Cleanup(nc.Close)
	// act returns whether the server let it pass. A last forbidden act marks
	// the end of the errors that the first one caused.
	act := func(verb, subject string) bool {
		switch verb {
		case "publish":
			must(t, nc.Publish(subject, nil))
		case "subscribe":
			sub, err := nc.SubscribeSync(subject)
			must(t, err)
			must(t, nc.Flush())
			_ = sub.Unsubscribe() // a refused one is gone already
		}
		must(t, nc.Publish("mark", nil))
		must(t, nc.Flush())
		allowed := true
		for {
			text := strings.ToLower(<-violations)
			if strings.Contains(text, `publish to "mark"`) {
				return allowed
			}
			if !strings.Contains(text, verb[:7]) || !strings.Contains(text, `"`+strings.ToLower(subject)+`"`) {
				t.Errorf("%s %s: %s", verb, subject, text)
			}
			allowed = false
		}
	}

	for _, c := range []struct {
		verb     string
		allowed  bool
		subjects []string
	}{
		{"publish", true, []string{
			"$JS.API.CONSUMER.MSG.NEXT.OFFERS.workers-default",
			"$JS.API.CONSUMER.INFO.OFFERS.workers-default",
			"$JS.ACK.OFFERS.workers-default.1.1.1.1.0",
			"tourney.claim.w-1",
			"tourney.beat.w-1",
			"tourney.reports.w-1",
		}},
		{"subscribe", true, []string{
			"_INBOX_w-1.>",
			"_INBOX_w-1.a.b",
			"tourney.control.w-1",
		}},
		{"publish", false, []string{
			// in another's name
			"tourney.claim.w-2", "tourney.beat.w-2", "tourney.reports.w-2", "tourney.control.w-2",
			"tourney.claim.w-1.x", "tourney.claim", "tourney.control.w-1",
			// to another's inbox, and to its own
			"_INBOX_w-2.x", "_INBOX_w-1.x", "_INBOX.x",
			// work of its own making
			"tourney.offers.default.s", "tourney.offers.gpu.s",
			// another pool's work
			"$JS.API.CONSUMER.MSG.NEXT.OFFERS.workers-gpu", "$JS.ACK.OFFERS.workers-gpu.1.1.1.1.0",
			"$JS.API.CONSUMER.MSG.NEXT.REPORTS.recorder", "$JS.ACK.REPORTS.recorder.1.1.1.1.0",
			"$JS.API.CONSUMER.INFO.REPORTS.recorder",
			// streams and consumers
			"$JS.API.STREAM.DELETE.OFFERS", "$JS.API.STREAM.PURGE.OFFERS", "$JS.API.STREAM.CREATE.EVIL",
			"$JS.API.STREAM.UPDATE.OFFERS", "$JS.API.STREAM.INFO.OFFERS", "$JS.API.STREAM.NAMES", "$JS.API.INFO",
			"$JS.API.STREAM.MSG.GET.REPORTS", "$JS.API.STREAM.MSG.DELETE.REPORTS", "$JS.API.DIRECT.GET.REPORTS",
			"$JS.API.STREAM.DELETE.REPORTS", "$JS.API.STREAM.PURGE.REPORTS", "$JS.API.STREAM.SNAPSHOT.REPORTS",
			"$JS.API.CONSUMER.CREATE.OFFERS", "$JS.API.CONSUMER.CREATE.OFFERS.evil", "$JS.API.CONSUMER.CREATE.OFFERS.evil.tourney.offers.default.s",
			"$JS.API.CONSUMER.DURABLE.CREATE.OFFERS.evil", "$JS.API.CONSUMER.DELETE.OFFERS.workers-default",
			"$JS.API.CONSUMER.LIST.OFFERS", "$JS.API.CONSUMER.PAUSE.OFFERS.workers-default",
			// the server itself
			"$SYS.REQ.SERVER.PING", "$SYS.REQ.USER.INFO", "x",
		}},
		{"subscribe", false, []string{
			">", "*", "*.*.*", "tourney.>", "tourney.control.*", "tourney.control.w-2",
			"_INBOX_w-2.>", "_INBOX.>", "_INBOX_w-1",
			"tourney.claim.w-1", "tourney.claim.*", "tourney.beat.*", "tourney.reports.>", "tourney.offers.>",
			"$JS.>", "$JS.ACK.>", "$JS.EVENT.>", "$SYS.>",
		}},
	} {
		for _, subject := range c.subjects {
			if got := act(c.verb, subject); got != c.allowed {
				t.Errorf("%s %s is allowed: %v, want %v", c.verb, subject, got, c.allowed)
			}
		}
	}

	// Nothing of it had an effect.
	js, err := jetstream.New(admin)
	must(t, err)
	offers, err := js.Stream(t.Context(), "OFFERS")
	must(t, err)
	if info := offers.CachedInfo(); info.State.Msgs != 0 || info.State.Consumers != 1 {
		t.Errorf("OFFERS has %d messages and %d consumers, want 0 and 1", info.State.Msgs, info.State.Consumers)
	}
	reports, err := js.Stream(t.Context(), "REPORTS")
	must(t, err)
	if info := reports.CachedInfo(); info.State.Msgs != 1 {
		t.Errorf("REPORTS has %d messages, want the one that was allowed", info.State.Msgs)
	}
}
