package heat

import (
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
)

// Pool runs small tasks on a fixed number of goroutines, shared by all heats
// of a worker. Its methods may be called from many goroutines.
type Pool struct {
	slots   int
	helpers sync.WaitGroup

	mu      sync.Mutex
	work    sync.Cond // a slot is free and a round has items, or closed
	running int       // items that run now, at most slots
	rounds  []*round  // those with items not yet begun, next in turn first
	closed  bool
}

// round is one call of Do.
type round struct {
	f        func(int)
	n        int
	begun    int
	ended    int
	done     sync.Cond // ended == n
	panicked *PanicError
}

// PanicError is what Do panics with when an item has panicked.
type PanicError struct {
	Value any    // what the item panicked with
	Stack string // of the goroutine that ran it
}

// Error returns the value and the stack.
func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v\n%s", e.Value, e.Stack) }

// Unwrap returns the value if it is an error.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// NewPool starts a pool with that many slots, at least one. Close ends it.
func NewPool(slots int) *Pool {
	p := &Pool{slots: max(1, slots)}
	p.work.L = &p.mu
	for range p.slots {
		p.helpers.Go(p.help)
	}
	return p
}

// Slots returns how many items run at once at most.
func (p *Pool) Slots() int { return p.slots }

// Do calls f(0) to f(n-1), each once, and returns when all are done. The
// caller's goroutine takes part. Calls of Do at the same time take turns item
// by item and share the slots. f must not call Do.
//
// If an f panics, items not yet begun are dropped, and Do panics with a
// *PanicError when the others are done.
func (p *Pool) Do(n int, f func(i int)) {
	if n <= 0 {
		return
	}
	r := &round{f: f, n: n}
	r.done.L = &p.mu
	p.mu.Lock()
	p.rounds = append(p.rounds, r)
	for range min(n-1, p.slots) {
		p.work.Signal()
	}
	// After Close there are no helpers and the caller does all by itself.
	for r.ended < r.n {
		if r.begun < r.n && (p.running < p.slots || p.closed) {
			p.runOne() // perhaps another heat's, if it is its turn
		} else {
			r.done.Wait()
		}
	}
	p.mu.Unlock()
	if r.panicked != nil {
		panic(r.panicked)
	}
}

// Close waits for the items that run and ends the pool's goroutines.
func (p *Pool) Close() {
	p.mu.Lock()
	p.closed = true
	p.work.Broadcast()
	p.mu.Unlock()
	p.helpers.Wait()
}

// help runs items until the pool is closed and has none.
func (p *Pool) help() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case len(p.rounds) > 0 && p.running < p.slots:
			p.runOne()
		case p.closed && len(p.rounds) == 0:
			return
		default:
			p.work.Wait()
		}
	}
}

// runOne runs an item of the round whose turn it is, and sends the round to the
// end of the queue. It is called with mu held and a round in the queue.
func (p *Pool) runOne() {
	r := p.rounds[0]
	i := r.begun
	r.begun++
	p.rounds = slices.Delete(p.rounds, 0, 1)
	if r.begun < r.n {
		p.rounds = append(p.rounds, r)
	}
	p.running++
	p.mu.Unlock()
	panicked := call(r.f, i)
	p.mu.Lock()
	p.running--
	if len(p.rounds) > 0 {
		p.work.Signal() // this goroutine may have to wait and leave the slot
	}
	r.ended++
	if panicked != nil {
		p.drop(r)
		if r.panicked == nil {
			r.panicked = panicked
		}
	}
	if r.ended == r.n {
		r.done.Signal()
	}
}

// drop forgets the items of a round that have not begun.
func (p *Pool) drop(r *round) {
	r.ended += r.n - r.begun
	r.begun = r.n
	p.rounds = slices.DeleteFunc(p.rounds, func(q *round) bool { return q == r })
}

func call(f func(int), i int) (panicked *PanicError) {
	defer func() {
		if v := recover(); v != nil {
			panicked = &PanicError{Value: v, Stack: string(debug.Stack())}
		}
	}()
	f(i)
	return nil
}
