package heat_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"tourney/trainers/heat"
)

func TestDoCallsEachItemOnce(t *testing.T) {
	for _, slots := range []int{0, 1, 2, 5} {
		p := heat.NewPool(slots)
		for _, n := range []int{0, 1, 2, 7, 1000} {
			calls := make([]atomic.Int32, n)
			p.Do(n, func(i int) { calls[i].Add(1) })
			for i := range calls {
				if got := calls[i].Load(); got != 1 {
					t.Fatalf("slots %d, n %d: item %d was called %d times", slots, n, i, got)
				}
			}
		}
		p.Close()
	}
}

// Four heats share three slots: never do more than three items run, and three
// do run at once.
func TestHeatsShareTheSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := heat.NewPool(3)
		defer p.Close()
		var now, most atomic.Int32
		release := make(chan struct{})
		var heats sync.WaitGroup
		for range 4 {
			heats.Go(func() {
				p.Do(5, func(int) {
					most.Store(max(most.Load(), now.Add(1)))
					<-release
					now.Add(-1)
				})
			})
		}
		for range 20 {
			synctest.Wait() // until all are blocked
			if got := now.Load(); got > 3 {
				t.Fatalf("%d items run on 3 slots", got)
			}
			release <- struct{}{}
		}
		heats.Wait()
		if most.Load() != 3 {
			t.Errorf("at most %d items ran at once, want 3", most.Load())
		}
	})
}

// A slot that a caller leaves is taken over by the items that wait.
func TestNoSlotIsLeftIdle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := heat.NewPool(2)
		defer p.Close()
		one, many := make(chan struct{}), make(chan struct{})
		var now atomic.Int32
		var heats sync.WaitGroup
		heats.Go(func() { p.Do(1, func(int) { <-one }) })
		synctest.Wait()
		heats.Go(func() {
			p.Do(4, func(int) {
				now.Add(1)
				<-many
				now.Add(-1)
			})
		})
		synctest.Wait()
		if got := now.Load(); got != 1 {
			t.Errorf("%d items beside the long one, want 1", got)
		}
		close(one)
		synctest.Wait()
		if got := now.Load(); got != 2 {
			t.Errorf("%d items once the long one is done, want 2", got)
		}
		close(many)
		heats.Wait()
	})
}

// Items of a short heat do not wait for all those of a long one before it.
func TestHeatsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := heat.NewPool(1)
		defer p.Close()
		release := make(chan struct{})
		var long atomic.Int32
		var heats sync.WaitGroup
		heats.Go(func() {
			p.Do(100, func(int) {
				<-release
				long.Add(1)
			})
		})
		synctest.Wait()
		short := make(chan struct{})
		heats.Go(func() {
			p.Do(1, func(int) {})
			close(short)
		})
		for range 5 {
			synctest.Wait()
			select {
			case release <- struct{}{}:
			case <-short:
			}
		}
		synctest.Wait()
		select {
		case <-short:
		default:
			t.Errorf("the short heat still waits after %d items of the long one", long.Load())
		}
		close(release)
		heats.Wait()
	})
}

func TestAPanicComesOutOfDo(t *testing.T) {
	p := heat.NewPool(2)
	defer p.Close()
	cause := errors.New("matrix is torn")
	got := func() (v any) {
		defer func() { v = recover() }()
		p.Do(50, func(i int) {
			if i == 3 {
				panic(cause)
			}
		})
		return nil
	}()
	err, ok := got.(error)
	if !ok || !errors.Is(err, cause) || !strings.Contains(err.Error(), "matrix is torn") || !strings.Contains(err.Error(), "pool_test.go") {
		t.Fatalf("Do panicked with %v", got)
	}
	var n atomic.Int32
	p.Do(10, func(int) { n.Add(1) })
	if n.Load() != 10 {
		t.Errorf("after a panic %d of 10 items ran", n.Load())
	}
}

func TestDoAfterCloseStillWorks(t *testing.T) {
	p := heat.NewPool(4)
	p.Close()
	n := 0
	p.Do(10, func(int) { n++ })
	if n != 10 {
		t.Errorf("%d of 10 items ran", n)
	}
}
