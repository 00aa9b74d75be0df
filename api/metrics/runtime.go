package metrics

import (
	"context"
	"math"
	"runtime/metrics"
	"time"
)

// AddRuntime has the registry tell of this process: its memory, goroutines and
// garbage collections.
func (r *Registry) AddRuntime(version string, start time.Time) {
	r.Gauges("tourney_build_info", "1, with the version of the program.", func(context.Context) ([]Sample, error) {
		return []Sample{{Labels: []string{"version", version}, Value: 1}}, nil
	})
	r.Gauge("process_start_time_seconds", "When the process started, in seconds since 1970.", func() float64 {
		return float64(start.UnixMilli()) / 1000
	})
	for _, m := range []struct{ name, help, key string }{
		{"go_goroutines", "Goroutines that there are.", "/sched/goroutines:goroutines"},
		{"go_memstats_heap_objects_bytes", "Bytes of objects on the heap.", "/memory/classes/heap/objects:bytes"},
		{"go_memstats_total_bytes", "Bytes that the Go runtime has from the system.", "/memory/classes/total:bytes"},
	} {
		r.Gauge(m.name, m.help, func() float64 { return read(m.key) })
	}
	for _, m := range []struct{ name, help, key string }{
		{"go_gc_cycles_total", "Garbage collections.", "/gc/cycles/total:gc-cycles"},
		{"go_cpu_seconds_total", "Seconds of processor time that were there for Go code, idle ones included.", "/cpu/classes/total:cpu-seconds"},
		{"go_cpu_idle_seconds_total", "Those of them that were not used.", "/cpu/classes/idle:cpu-seconds"},
	} {
		r.Counters(m.name, m.help, func(context.Context) ([]Sample, error) { return []Sample{{Value: read(m.key)}}, nil })
	}
}

// read returns a figure of the Go runtime.
func read(key string) float64 {
	s := []metrics.Sample{{Name: key}}
	metrics.Read(s)
	switch s[0].Value.Kind() {
	case metrics.KindUint64:
		return float64(s[0].Value.Uint64())
	case metrics.KindFloat64:
		return s[0].Value.Float64()
	}
	return math.NaN()
}
