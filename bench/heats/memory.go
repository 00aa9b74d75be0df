package heats

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Watch looks at this process's anonymous memory all the while, and returns a
// function that ends that and returns the most there was.
func Watch() func() int64 {
	var wg sync.WaitGroup
	stop := make(chan struct{})
	peak := anonymous()
	wg.Go(func() {
		tick := time.NewTicker(5 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				peak = max(peak, anonymous())
			}
		}
	})
	return func() int64 {
		close(stop)
		wg.Wait()
		return max(peak, anonymous())
	}
}

// anonymous returns the memory of this process that is no file's, in bytes.
func anonymous() int64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, after, _ := strings.Cut(string(status), "RssAnon:")
	kib, err := strconv.ParseInt(strings.Fields(after + " 0")[0], 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}
