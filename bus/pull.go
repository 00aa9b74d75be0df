package bus

import (
	"context"
	"errors"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// pull returns messages of a consumer: those that are there, at most n, or,
// when there are none, the next one within wait. No message is no error. The
// messages that came before an error are returned with it. ctx should be one of
// whileConnected, else a lost connection is noticed late.
//
// The library's Fetch would wait for n messages; asking first without waiting
// and then for one lets a lone message through at once. What came beside it is
// there for the next pull: asking once more now would make it wait for an answer
// that most often is no.
func pull(ctx context.Context, cons jetstream.Consumer, n int, wait time.Duration) ([]jetstream.Msg, error) {
	msgs, err := collect(ctx, func() (jetstream.MessageBatch, error) { return cons.FetchNoWait(n) })
	if len(msgs) > 0 || err != nil || wait <= 0 {
		return msgs, err
	}
	waiting, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	msgs, err = collect(ctx, func() (jetstream.MessageBatch, error) {
		return cons.Fetch(1, jetstream.FetchContext(waiting))
	})
	if err != nil && ctx.Err() == nil && (waiting.Err() != nil || errors.Is(err, jetstream.ErrInvalidOption)) {
		err = nil // nothing came in time, or the time was over before the library looked
	}
	return msgs, err
}

// collect reads a batch to its end.
func collect(ctx context.Context, fetch func() (jetstream.MessageBatch, error)) ([]jetstream.Msg, error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	batch, err := fetch()
	if err != nil {
		return nil, err
	}
	var msgs []jetstream.Msg
	for {
		select {
		case msg, ok := <-batch.Messages():
			if !ok {
				err := batch.Error()
				if err != nil && ctx.Err() != nil {
					err = context.Cause(ctx)
				}
				return msgs, err
			}
			msgs = append(msgs, msg)
		case <-ctx.Done():
			return msgs, context.Cause(ctx)
		}
	}
}

// gone reports whether the error says that a stream or consumer is not there.
func gone(err error) bool {
	return errors.Is(err, jetstream.ErrStreamNotFound) ||
		errors.Is(err, jetstream.ErrConsumerNotFound) ||
		errors.Is(err, jetstream.ErrNoStreamResponse)
}
