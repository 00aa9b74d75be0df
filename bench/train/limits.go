package main

import (
	"fmt"
	"time"

	"tourney/trainers/kernels"
)

// limits are what this machine can do at most, on one core.
type limits struct {
	flops float64 // float32 fused multiply-adds count two, a second
	bytes float64 // read from memory, a second
}

// String is a line for people.
func (l limits) String() string {
	return fmt.Sprintf("Limits of one core, measured: %.0f GFLOP/s of float32 fused multiply-adds (kernels: %s), %.1f GB/s read from memory.",
		l.flops/1e9, kernels.Class(), l.bytes/1e9)
}

// measureLimits measures, the best of several short runs.
func measureLimits() limits {
	var l limits
	buffer := make([]uint64, 1<<25) // 256 MiB, more than the caches
	for i := range buffer {
		buffer[i] = uint64(i)
	}
	for range 5 {
		began := time.Now()
		l.flops = max(l.flops, float64(peakFlops(20_000_000))/time.Since(began).Seconds())
		began = time.Now()
		sumWords(buffer)
		l.bytes = max(l.bytes, float64(8*len(buffer))/time.Since(began).Seconds())
	}
	return l
}
