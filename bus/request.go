package bus

import (
	"context"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"

	"tourney"
)

const (
	// maxHandlers is how many requests of one kind are answered at once.
	maxHandlers = 64
	// maxQueued is how many wait for that. Further ones are dropped, and their
	// senders ask again.
	maxQueued = 8192
)

// serveClaims answers claims until ctx is done.
func (s *Server) serveClaims(ctx context.Context, h tourney.Handler) error {
	return answer(ctx, s, claimPrefix, "claim", h.Claim,
		func(text string) tourney.ClaimReply { return tourney.ClaimReply{Error: text} })
}

// serveBeats answers beats until ctx is done.
func (s *Server) serveBeats(ctx context.Context, h tourney.Handler) error {
	return answer(ctx, s, beatPrefix, "beat", h.Beat,
		func(text string) tourney.BeatReply { return tourney.BeatReply{Error: text} })
}

// answer has the requests under a prefix handled, at most maxHandlers at once,
// until ctx is done; then it waits for those that have begun.
func answer[Req, Rep any](ctx context.Context, s *Server, prefix, what string,
	handle func(ctx context.Context, worker string, req Req) Rep, failed func(text string) Rep,
) error {
	requests := make(chan *nats.Msg, maxQueued)
	sub, err := s.nc.ChanSubscribe(prefix+"*", requests)
	if err != nil {
		return unavailable(ctx, "listen for "+what+"s", err)
	}
	var handlers sync.WaitGroup
	defer handlers.Wait()
	defer func() { _ = sub.Unsubscribe() }() // fails only on a closed connection
	slots := make(chan struct{}, maxHandlers)
	for {
		var msg *nats.Msg
		select {
		case msg = <-requests:
		case <-ctx.Done():
			return nil
		}
		worker, ok := sender(msg.Subject, prefix)
		if !ok || !isReplyOf(worker, msg.Reply) {
			s.counts.forged.Add(1)
			s.log.Warn("request refused: its reply would not go to its sender",
				"kind", what, "subject", msg.Subject, "reply", msg.Reply)
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		handlers.Go(func() {
			defer func() { <-slots }()
			s.heard(worker)
			var req Req
			var rep Rep
			if err := decode(what, msg.Data, &req); err != nil {
				s.counts.undecodable.Add(1)
				s.log.Warn("request not understood", "kind", what, "worker", worker, "error", err)
				rep = failed(err.Error())
			} else {
				rep = handle(ctx, worker, req)
			}
			if err := respond(msg, what, rep, failed); err != nil {
				s.log.Warn("request not answered", "kind", what, "worker", worker, "error", err)
			}
		})
	}
}

// respond sends a reply, or says to the worker why it cannot be sent.
func respond[Rep any](msg *nats.Msg, what string, rep Rep, failed func(text string) Rep) error {
	body, err := encode("reply to a "+what, rep)
	if err != nil {
		small, tooLong := encode("reply to a "+what, failed(err.Error()))
		if tooLong != nil {
			return tooLong
		}
		if sent := msg.Respond(small); sent != nil {
			return sent
		}
		return err
	}
	if err := msg.Respond(body); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}
