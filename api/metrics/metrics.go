package metrics

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Registry is what is measured. It is safe for use by many goroutines.
type Registry struct {
	mu       sync.Mutex
	families []family
}

// family is what has one name.
type family struct {
	name, kind, help string
	write            func(ctx context.Context, p *printer, name string) error
}

// Sample is a value with the labels that tell it from others of its name:
// names and values in turn.
type Sample struct {
	Labels []string
	Value  float64
}

// add registers a family. Two of a name are a fault of the program.
func (r *Registry) add(name, kind, help string, write func(context.Context, *printer, string) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if slices.ContainsFunc(r.families, func(f family) bool { return f.name == name }) {
		panic("metrics: " + name + " is there twice")
	}
	r.families = append(r.families, family{name, kind, help, write})
}

// Counter returns a count that only rises.
func (r *Registry) Counter(name, help string) *atomic.Int64 {
	c := &atomic.Int64{}
	r.add(name, "counter", help, func(_ context.Context, p *printer, name string) error {
		p.sample(name, "", nil, float64(c.Load()))
		return nil
	})
	return c
}

// Gauge has f called for a value that rises and falls, each time that somebody
// asks.
func (r *Registry) Gauge(name, help string, f func() float64) {
	r.Gauges(name, help, func(context.Context) ([]Sample, error) { return []Sample{{Value: f()}}, nil })
}

// Gauges is Gauge of values with labels.
func (r *Registry) Gauges(name, help string, f func(context.Context) ([]Sample, error)) {
	r.samples(name, "gauge", help, f)
}

// Counters has f called for counts with labels, each time that somebody asks.
func (r *Registry) Counters(name, help string, f func(context.Context) ([]Sample, error)) {
	r.samples(name, "counter", help, f)
}

func (r *Registry) samples(name, kind, help string, f func(context.Context) ([]Sample, error)) {
	r.add(name, kind, help, func(ctx context.Context, p *printer, name string) error {
		samples, err := f(ctx)
		for _, s := range samples {
			p.sample(name, "", s.Labels, s.Value)
		}
		return err
	})
}

// Histogram returns durations in seconds, counted by bounds that rise.
func (r *Registry) Histogram(name, help string, bounds ...float64) *Histogram {
	v := r.Histograms(name, help, nil, bounds...)
	return v.With()
}

// Histograms returns histograms with labels of these names.
func (r *Registry) Histograms(name, help string, labels []string, bounds ...float64) *Histograms {
	v := &Histograms{labels: labels, bounds: bounds, all: map[string]*Histogram{}}
	r.add(name, "histogram", help, v.write)
	return v
}

// WriteTo writes all that is measured in the text format of Prometheus, version
// 0.0.4. What cannot be read is left out, and its error returned at the end.
func (r *Registry) WriteTo(ctx context.Context, w io.Writer) error {
	r.mu.Lock()
	families := slices.Clone(r.families)
	r.mu.Unlock()
	slices.SortFunc(families, func(a, b family) int { return cmp.Compare(a.name, b.name) })
	p := &printer{}
	var first error
	for _, f := range families {
		fmt.Fprintf(&p.b, "# HELP %s %s\n# TYPE %s %s\n", f.name, escapeHelp(f.help), f.name, f.kind)
		if err := f.write(ctx, p, f.name); err != nil && first == nil {
			first = fmt.Errorf("measure %s: %w", f.name, err)
		}
	}
	if _, err := io.WriteString(w, p.b.String()); err != nil {
		return err
	}
	return first
}

// Histograms are histograms of one name that differ in their labels.
type Histograms struct {
	labels []string
	bounds []float64

	mu  sync.Mutex
	all map[string]*Histogram
}

// With returns the histogram with these values of the labels. They must come
// from a closed list: each is kept for ever.
func (v *Histograms) With(values ...string) *Histogram {
	key := strings.Join(values, "\x00")
	v.mu.Lock()
	defer v.mu.Unlock()
	h := v.all[key]
	if h == nil {
		h = &Histogram{bounds: v.bounds, counts: make([]atomic.Int64, len(v.bounds)+1)}
		for i, name := range v.labels {
			h.labels = append(h.labels, name, values[i])
		}
		v.all[key] = h
	}
	return h
}

func (v *Histograms) write(_ context.Context, p *printer, name string) error {
	v.mu.Lock()
	all := make([]*Histogram, 0, len(v.all))
	for _, h := range v.all {
		all = append(all, h)
	}
	v.mu.Unlock()
	slices.SortFunc(all, func(a, b *Histogram) int { return slices.Compare(a.labels, b.labels) })
	for _, h := range all {
		n := int64(0)
		for i := range h.counts {
			n += h.counts[i].Load()
			le := math.Inf(1)
			if i < len(h.bounds) {
				le = h.bounds[i]
			}
			p.sample(name, "_bucket", append(slices.Clone(h.labels), "le", number(le)), float64(n))
		}
		p.sample(name, "_sum", h.labels, math.Float64frombits(h.sum.Load()))
		p.sample(name, "_count", h.labels, float64(n))
	}
	return nil
}

// Histogram counts values by how large they are.
type Histogram struct {
	labels []string
	bounds []float64
	counts []atomic.Int64 // one more than bounds
	sum    atomic.Uint64  // bits of a float64
}

// Observe counts a value.
func (h *Histogram) Observe(v float64) {
	i, _ := slices.BinarySearch(h.bounds, v)
	h.counts[i].Add(1)
	for {
		old := h.sum.Load()
		if h.sum.CompareAndSwap(old, math.Float64bits(math.Float64frombits(old)+v)) {
			return
		}
	}
}

// printer writes lines.
type printer struct{ b strings.Builder }

func (p *printer) sample(name, suffix string, labels []string, v float64) {
	p.b.WriteString(name + suffix)
	for i := 0; i+1 < len(labels); i += 2 {
		sep := ","
		if i == 0 {
			sep = "{"
		}
		p.b.WriteString(sep + labels[i] + `="` + escapeLabel(labels[i+1]) + `"`)
	}
	if len(labels) > 0 {
		p.b.WriteString("}")
	}
	p.b.WriteString(" " + number(v) + "\n")
}

func number(v float64) string {
	if math.IsInf(v, 1) {
		return "+Inf"
	}
	return strconv.FormatFloat(v, 'g', -1, 64)
}

func escapeHelp(s string) string { return strings.NewReplacer(`\`, `\\`, "\n", `\n`).Replace(s) }

func escapeLabel(s string) string {
	return strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`).Replace(strings.ToValidUTF8(s, "\uFFFD"))
}
