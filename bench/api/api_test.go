package main

import (
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestQuantile(t *testing.T) {
	values := make([]float64, 0, 1000)
	for i := range 1000 {
		values = append(values, float64((i*7)%1000)) // 0 to 999, shuffled
	}
	for share, want := range map[float64]float64{0.5: 500, 0.99: 990, 1: 999, 0: 0} {
		if got := quantile(values, share); got != want {
			t.Errorf("%v: %v, want %v", share, got, want)
		}
	}
	if quantile(nil, 0.5) != 0 {
		t.Error("of nothing")
	}
}

// Requests fall due at their rate, and one that waits is late from when it was
// due, also if all who could send it are busy.
func TestPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var group sync.WaitGroup
		var late []float64
		var mu sync.Mutex
		start := time.Now()
		group.Go((&load{}).paced(&group, 1, time.Second, 10, func(due time.Time) {
			time.Sleep(150 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			late = append(late, time.Since(due).Seconds())
		}))
		group.Wait()
		if len(late) != 10 {
			t.Fatalf("%d requests, want 10", len(late))
		}
		// The first takes 150 ms; each that follows waits 50 ms longer.
		if math.Abs(late[0]-0.15) > 1e-9 || math.Abs(late[9]-0.6) > 1e-9 || time.Since(start) != 1500*time.Millisecond {
			t.Errorf("late by %v, in %v", late, time.Since(start))
		}
	})
}
