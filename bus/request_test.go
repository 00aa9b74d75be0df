package bus_test

import (
	"context"
	"encoding/json"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"tourney"
	"tourney/bus"
	"tourney/bus/bustest"
)

func TestForgedReplyIsRefused(t *testing.T) {
	w := newWorld(t, inProcess)
	var asked atomic.Int64
	bustest.Serve(t, w.bus(), &bustest.Handler{OnClaim: func(context.Context, string, tourney.ClaimRequest) tourney.ClaimReply {
		asked.Add(1)
		return tourney.ClaimReply{Error: "hello"}
	}})
	written := make(chan *nats.Msg, 16)
	for _, subject := range []string{"_INBOX_victim.>", "tourney.control.victim", "tourney.reports.victim", "plain"} {
		_, err := w.nc.ChanSubscribe(subject, written)
		must(t, err)
	}
	must(t, w.nc.Flush())
	evil := w.raw(t, "evil")
	body := []byte(`{"id":"c"}`)
	for _, reply := range []string{"_INBOX_victim.x", "tourney.control.victim", "tourney.reports.victim", "plain", "_INBOX_evil", "_INBOX_evil.", "_INBOX_evilx.y"} {
		must(t, evil.PublishRequest("tourney.claim.evil", reply, body))
	}
	must(t, evil.Publish("tourney.claim.evil", body)) // no reply at all
	// An honest claim, sent last, is answered: the others were seen before it.
	msg, err := evil.Request("tourney.claim.evil", body, 10*time.Second)
	must(t, err)
	if !strings.Contains(string(msg.Data), "hello") {
		t.Errorf("the honest claim was answered %s", msg.Data)
	}
	if asked.Load() != 1 || w.server.Stats().Forged != 8 {
		t.Errorf("%d claims were handled and %d refused, want 1 and 8", asked.Load(), w.server.Stats().Forged)
	}
	must(t, w.nc.Flush())
	if len(written) > 0 {
		t.Errorf("the coordinator wrote %s to %s", (<-written).Data, "a subject of the forger's choice")
	}
}

// TestBadSender has requests on subjects that name no worker; only the
// coordinator's own connection can send such.
func TestBadSender(t *testing.T) {
	w := newWorld(t, inProcess)
	bustest.Serve(t, w.bus(), &bustest.Handler{})
	must(t, w.nc.PublishRequest("tourney.beat.a$b", "_INBOX_a$b.x", []byte("{}")))
	bustest.Eventually(t, "the request is refused", func() bool { return w.server.Stats().Forged == 1 })
}

func TestRequestNotUnderstoodIsAnswered(t *testing.T) {
	w := newWorld(t, inProcess)
	bustest.Serve(t, w.bus(), &bustest.Handler{
		OnClaim: func(_ context.Context, _ string, req tourney.ClaimRequest) tourney.ClaimReply {
			t.Errorf("the handler was asked %+v", req)
			return tourney.ClaimReply{}
		},
	})
	nc := w.raw(t, "w")
	for _, c := range []struct{ name, body, want string }{
		{"no JSON", "hello", "not the JSON of a claim"},
		{"empty", "", "not the JSON of a claim"},
		{"another type", `{"id":[1]}`, "not the JSON of a claim"},
		{"two values", `{} {}`, "not the JSON of a claim"},
		{"too large", `{"id":"` + strings.Repeat("x", bus.MaxBody) + `"}`, "send at most 921600"},
	} {
		msg, err := nc.Request("tourney.claim.w", []byte(c.body), 10*time.Second)
		must(t, err)
		var rep tourney.ClaimReply
		must(t, json.Unmarshal(msg.Data, &rep))
		if !strings.Contains(rep.Error, c.want) {
			t.Errorf("%s: answered %q, want it to say %q", c.name, rep.Error, c.want)
		}
	}
	if got := w.server.Stats().Undecodable; got != 5 {
		t.Errorf("%d requests were counted, want 5", got)
	}
}

func TestReplyTooLargeIsSaid(t *testing.T) {
	w := newWorld(t, inProcess)
	bustest.Serve(t, w.bus(), &bustest.Handler{OnClaim: func(context.Context, string, tourney.ClaimRequest) tourney.ClaimReply {
		return tourney.ClaimReply{Error: strings.Repeat("x", 2<<20)}
	}})
	rep, err := w.client(t, "w").Claim(t.Context(), tourney.ClaimRequest{})
	must(t, err)
	if !strings.Contains(rep.Error, "reply to a claim: 2097") {
		t.Errorf("answered %.80q, want it to say that the reply is too large", rep.Error)
	}
}

func TestHeard(t *testing.T) {
	heard := make(chan string, 16)
	w := newWorld(t, inProcess, bus.OnHeard(func(worker string) {
		if worker != "probe" {
			heard <- worker
		}
	}))
	bustest.Serve(t, w.bus(), &bustest.Handler{})
	c := w.client(t, "w-7")
	_, err := c.Beat(t.Context(), tourney.Beat{})
	must(t, err)
	_, err = c.Claim(t.Context(), tourney.ClaimRequest{})
	must(t, err)
	for range 2 {
		if got := <-heard; got != "w-7" {
			t.Errorf("heard of %q, want w-7", got)
		}
	}
}
