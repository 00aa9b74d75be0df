package dataset

import (
	"context"
	"errors"
	"sync"

	"tourney"
)

// flights lets many callers who want the same thing at once share one making
// of it. There is no goroutine of its own: the first caller makes it in his,
// under his context and his rights. If it fails because of those, the next
// caller tries for himself.
type flights[K comparable, V any] struct {
	mu    sync.Mutex
	calls map[K]*flight[V]
}

type flight[V any] struct {
	done     chan struct{}
	value    V
	err      error
	personal bool // err is the first caller's own and says nothing to others
}

// errAbandoned is what those who wait hear if fn panics.
var errAbandoned = errors.New("abandoned by the goroutine that was at it")

// do returns what fn returns, called here or by another caller meanwhile.
func (f *flights[K, V]) do(ctx context.Context, key K, fn func() (V, error)) (V, error) {
	for {
		f.mu.Lock()
		c := f.calls[key]
		if c == nil {
			c = &flight[V]{done: make(chan struct{}), err: errAbandoned}
			if f.calls == nil {
				f.calls = map[K]*flight[V]{}
			}
			f.calls[key] = c
			f.mu.Unlock()
			f.run(ctx, key, c, fn)
			return c.value, c.err
		}
		f.mu.Unlock()
		select {
		case <-c.done:
		case <-ctx.Done():
			var none V
			return none, context.Cause(ctx)
		}
		if !c.personal {
			return c.value, c.err
		}
	}
}

func (f *flights[K, V]) run(ctx context.Context, key K, c *flight[V], fn func() (V, error)) {
	defer func() {
		f.mu.Lock()
		delete(f.calls, key)
		f.mu.Unlock()
		close(c.done)
	}()
	c.value, c.err = fn()
	c.personal = c.err != nil && (ctx.Err() != nil || errors.Is(c.err, tourney.ErrRefused))
}
