package ingest

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// each calls fn with 0 to n-1, on all cores if there is enough to do, and
// returns the error of the least argument. cost is about how many values there
// are.
func each(n, cost int, fn func(i int) error) error {
	const worthwhile = 20_000
	workers := min(runtime.GOMAXPROCS(0), n)
	if workers < 2 || cost < worthwhile {
		for i := range n {
			if err := fn(i); err != nil {
				return err
			}
		}
		return nil
	}
	errs := make([]error, n)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				errs[i] = fn(i)
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
