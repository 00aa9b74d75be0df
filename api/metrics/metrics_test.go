package metrics_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"tourney/api/metrics"
)

// The text is what the format's description says it is, worked out by hand.
func TestText(t *testing.T) {
	r := &metrics.Registry{}
	r.Counter("b_total", "Counts\nof b, with a \\.").Add(3)
	r.Gauges("a", "Labels.", func(context.Context) ([]metrics.Sample, error) {
		return []metrics.Sample{{Labels: []string{"x", "q\"uo\\te\n", "y", "2"}, Value: 0.5}, {Value: 1e21}}, nil
	})
	h := r.Histograms("c_seconds", "Durations.", []string{"route"}, 0.1, 1)
	for _, v := range []float64{0.1, 0.05, 0.5, 4} { // a value at a bound lies within it
		h.With("/x").Observe(v)
	}
	var b strings.Builder
	if err := r.WriteTo(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	const want = `# HELP a Labels.
# TYPE a gauge
a{x="q\"uo\\te\n",y="2"} 0.5
a 1e+21
# HELP b_total Counts\nof b, with a \\.
# TYPE b_total counter
b_total 3
# HELP c_seconds Durations.
# TYPE c_seconds histogram
c_seconds_bucket{route="/x",le="0.1"} 2
c_seconds_bucket{route="/x",le="1"} 3
c_seconds_bucket{route="/x",le="+Inf"} 4
c_seconds_sum{route="/x"} 4.65
c_seconds_count{route="/x"} 4
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

// What cannot be read does not keep the rest from being told.
func TestAFailureLeavesTheRest(t *testing.T) {
	r := &metrics.Registry{}
	broken := errors.New("the disk is gone")
	r.Gauges("a", "", func(context.Context) ([]metrics.Sample, error) { return nil, broken })
	r.Gauge("b", "", func() float64 { return 2 })
	var b strings.Builder
	if err := r.WriteTo(t.Context(), &b); !errors.Is(err, broken) {
		t.Errorf("the error is %v", err)
	}
	if !strings.Contains(b.String(), "\nb 2\n") {
		t.Errorf("b is not in\n%s", b.String())
	}
}

func TestNothingIsLostAmongGoroutines(t *testing.T) {
	r := &metrics.Registry{}
	h := r.Histogram("d_seconds", "", 1)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 1000 {
				h.Observe(0.5)
			}
		})
	}
	group.Wait()
	var b strings.Builder
	if err := r.WriteTo(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "d_seconds_sum 4000\nd_seconds_count 8000\n") {
		t.Errorf("%s", b.String())
	}
}

func TestTheRuntimeIsTold(t *testing.T) {
	r := &metrics.Registry{}
	r.AddRuntime("1.2.3", time.Unix(1700000000, 0))
	var b strings.Builder
	if err := r.WriteTo(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `tourney_build_info{version="1.2.3"} 1`) || !strings.Contains(b.String(), "process_start_time_seconds 1.7e+09\n") || strings.Contains(b.String(), "NaN") {
		t.Errorf("%s", b.String())
	}
}
