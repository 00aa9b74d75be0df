package grow

import "tourney/trainers/kernels"

// span is neighbouring features.
type span struct{ from, to int }

// spansOf cuts features, which rise, into spans. A histogram of a span is made
// in one go: it is at most as wide as what the second cache takes with ease,
// and it is cheaper to take in a few features that nobody asked for than to
// begin again behind them.
func spansOf(features []int32, out []span) []span {
	const widest, gap = 64, 4
	for _, f := range features {
		f := int(f)
		if k := len(out) - 1; k >= 0 && f-out[k].to < gap && f-out[k].from < widest {
			out[k].to = f + 1
		} else {
			out = append(out, span{f, f + 1})
		}
	}
	return out
}

// histograms are the buffers of histograms, [features×HistogramStride].
type histograms struct {
	size, limit int
	made        int
	free        [][]int64
	parts       [][]int64 // of the tasks that make one side by side
}

// get returns an empty histogram. Where there are as many as may be, one is
// taken away from the leaf with the fewest rows, which can be made again.
func (h *histograms) get(spans []span, leaves []leaf) []int64 {
	if len(h.free) == 0 && h.made >= h.limit {
		least := -1
		for i := range leaves {
			if leaves[i].hist != nil && (least < 0 || leaves[i].count() < leaves[least].count()) {
				least = i
			}
		}
		if least >= 0 {
			h.release(&leaves[least])
		}
	}
	if len(h.free) == 0 {
		h.made++
		return make([]int64, h.size)
	}
	last := len(h.free) - 1
	buf := h.free[last]
	h.free = h.free[:last]
	zero(buf, spans)
	return buf
}

func (h *histograms) put(buf []int64) {
	if buf != nil {
		h.free = append(h.free, buf)
	}
}

// release takes the histogram of a leaf back.
func (h *histograms) release(l *leaf) {
	h.put(l.hist)
	l.hist = nil
}

func zero(buf []int64, spans []span) {
	for _, s := range spans {
		clear(buf[s.from*kernels.HistogramStride : s.to*kernels.HistogramStride])
	}
}

// sideBySide is from how many additions on tasks share the making of a
// histogram.
const sideBySide = 1 << 18

// build adds the rows of a leaf to a histogram.
func (g *Grower) build(hist []int64, l *leaf) {
	if l.node < 0 && g.takeRoot(hist) {
		return
	}
	g.addRows(hist, g.spans, l.lo, l.hi)
}

// addRows adds the rows from lo on and below hi to a histogram.
func (g *Grower) addRows(hist []int64, spans []span, lo, hi int) {
	width := 0
	for _, s := range spans {
		width += s.to - s.from
	}
	slots := g.pool.Slots()
	switch {
	case slots == 1 || (hi-lo)*width < sideBySide:
		for _, s := range spans {
			g.addSpan(hist, s, lo, hi)
		}
		return
	case len(spans) >= 2*slots:
		g.pool.Do(len(spans), func(i int) { g.addSpan(hist, spans[i], lo, hi) })
		return
	}
	for len(g.hists.parts) < slots-1 {
		g.hists.parts = append(g.hists.parts, make([]int64, g.hists.size))
	}
	g.pool.Do(slots, func(i int) {
		h := hist
		if i > 0 {
			h = g.hists.parts[i-1]
			zero(h, spans)
		}
		for _, s := range spans {
			g.addSpan(h, s, lo+(hi-lo)*i/slots, lo+(hi-lo)*(i+1)/slots)
		}
	})
	for _, s := range spans {
		from, n := s.from*kernels.HistogramStride, (s.to-s.from)*kernels.HistogramStride
		g.pool.Do(slots, func(i int) {
			a, b := from+n*i/slots, from+n*(i+1)/slots
			for _, part := range g.hists.parts[:slots-1] {
				part, sum := part[a:b], hist[a:b]
				for k, v := range part {
					sum[k] += v
				}
			}
		})
	}
}

// addSpan adds the rows from lo on and below hi to the histogram of a span.
func (g *Grower) addSpan(hist []int64, s span, lo, hi int) {
	if lo == hi {
		return
	}
	d, w := g.table.D, s.to-s.from
	hist = hist[s.from*kernels.HistogramStride : s.to*kernels.HistogramStride]
	// Rising rows that are as many as their numbers are neighbours.
	rows := g.rows[lo:hi]
	if first, last := int(rows[0]), int(rows[hi-lo-1]); last-first == hi-lo-1 {
		kernels.Histogram(hist, g.bins[first*d+s.from:], d, w, g.gh[first:last+1])
	} else {
		kernels.HistogramOf(hist, g.bins[s.from:], d, w, g.gh, rows)
	}
}

// subtract takes a histogram away from another.
func (g *Grower) subtract(from, hist []int64) {
	for _, s := range g.spans {
		lo, hi := s.from*kernels.HistogramStride, s.to*kernels.HistogramStride
		a, b := from[lo:hi], hist[lo:hi]
		for i, v := range b {
			a[i] -= v
		}
	}
}

// takeRoot copies the histogram of the root that came with the input, if there
// is one and it can be this tree's.
func (g *Grower) takeRoot(hist []int64) bool {
	r := g.in.Root
	if r == nil || r.scale != g.scale || r.rows != len(g.rows) || r.total != g.leaves[0].sum || len(r.sums) != len(hist) {
		return false
	}
	copy(hist, r.sums)
	return true
}

// Root returns the histogram of the root of the last grown tree, of all
// features, for Input.Root of any number of growers. It is made for the call.
// It is nil if a gradient or hessian was not finite.
func (g *Grower) Root() *Histogram {
	if !g.finite {
		return nil
	}
	h := &Histogram{sums: make([]int64, g.hists.size), rows: len(g.rows), scale: g.scale}
	spans := spansOf(g.all, nil)
	for i := range g.leaves {
		l := &g.leaves[i]
		h.total += l.sum
		g.addRows(h.sums, spans, l.lo, l.hi)
	}
	return h
}
