package grow

import (
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"

	"tourney/trainers/kernels"
	"tourney/trainers/tree/ensemble"
)

// split is how a leaf is split best.
type split struct {
	found       bool
	categorical bool
	feature     int32
	bin         uint8
	set         [4]uint64 // the bins that go left
	gain        float64
	sum         int64 // packed, of the left side
	l2          float64
}

// smallLeaf is up to how many rows a leaf is searched without a histogram: it
// would have more bins than there are rows.
const smallLeaf = 128

func (g *Grower) small(l *leaf) bool { return l.count() <= smallLeaf }

// node is what the search for the best split of a leaf knows of it.
type node struct {
	g      *Grower
	leaf   *leaf
	direct bool // without a histogram, with exact counts
	plain  bool // gains need no outputs
	n      int
	sum    int64
	perRow float64 // rows for each unit of hessian
	unitG  float64 // what packed units are worth
	unitH  float64
	shift  float64 // the gain of the leaf as it is
	least  float64 // what the gains of two sides have to exceed
	lo, hi int64   // the left side's hessian has to be in here
}

// column is the bins of one feature that rows of a leaf have, rising.
type column struct {
	len     int
	bin     [256]uint8
	sum     [256]int64
	count   [256]int32 // of a direct search
	missing int64      // the sum of bin 0, which is not among the others
	absent  int        // rows in bin 0, of a direct search
	some    bool       // there are missing values
}

// seeker is the scratch of a task that searches.
type seeker struct {
	column column
	best   split
	least  float64
	sums   [256]int64
	counts [256]int32
	order  []int
	ratio  [256]float64
}

// search finds the best split of a leaf and, if there is one, puts the leaf
// into the queue.
func (g *Grower) search(at int) { g.seek(at, g.small(&g.leaves[at])) }

// searchExactly is search with exact counts of rows.
func (g *Grower) searchExactly(at int) { g.seek(at, true) }

func (g *Grower) seek(at int, direct bool) {
	l := &g.leaves[at]
	nd := g.node(l, direct)
	features := drawFeatures(g.in.Features, g.c.NodeFeatures, g.in.Seed, l.id)
	tasks := 1
	if slots := g.pool.Slots(); slots > 1 && len(features) >= 8 {
		tasks = min(slots, len(features)/4)
	}
	g.pool.Do(tasks, func(i int) {
		s := &g.seekers[i]
		s.best, s.least = split{}, nd.least
		for _, f := range features[len(features)*i/tasks : len(features)*(i+1)/tasks] {
			s.feature(&nd, f)
		}
	})
	l.best = split{}
	for i := range tasks {
		if s := &g.seekers[i]; s.best.found && (!l.best.found || s.best.gain > l.best.gain) {
			l.best = s.best
		}
	}
	if direct {
		g.hists.release(l)
	}
	if l.best.found {
		l.best.gain -= nd.shift
	}
	g.enqueue(at)
}

// node prepares the search of a leaf.
func (g *Grower) node(l *leaf, direct bool) node {
	h := l.sum & lowHalf
	nd := node{
		g: g, leaf: l, direct: direct || h == 0, n: l.count(), sum: l.sum,
		plain:  !g.early && g.c.MaxDeltaStep <= 0,
		perRow: float64(l.count()) / float64(h),
		unitG:  math.Ldexp(1, -g.scale.g), unitH: math.Ldexp(1, -g.scale.h),
	}
	// Neither side may have less than this.
	weight := int64(math.Ceil(min(math.Ldexp(max(0, g.c.MinHessian), g.scale.h), 1<<40)))
	if g.c.L2 <= 0 {
		weight = max(1, weight)
	}
	nd.lo, nd.hi = weight, h-weight
	if !nd.direct {
		nd.lo = max(nd.lo, nd.firstOf(g.c.MinRows))
		nd.hi = min(nd.hi, nd.firstOf(nd.n-g.c.MinRows+1)-1)
	}
	grad, hess := nd.real(l.sum)
	if hess+g.c.L2 > 0 {
		if nd.plain {
			nd.shift = gain(grad, hess, g.c.L1, g.c.L2)
		} else {
			out := g.c.output(grad, hess, nd.n, g.c.L2, l.output, unbounded)
			nd.shift = gainGiven(grad, hess, out, g.c.L1, g.c.L2)
		}
	}
	nd.least = nd.shift + max(g.c.MinGain, math.Abs(nd.shift)*1e-12)
	return nd
}

// real returns the gradient and hessian of a packed sum.
func (nd *node) real(sum int64) (grad, hess float64) {
	return float64(sum>>32) * nd.unitG, float64(sum&lowHalf) * nd.unitH
}

// estimate returns how many rows have a packed sum, where they are not counted.
func (nd *node) estimate(sum int64) int { return int(float64(float64(sum&lowHalf)*nd.perRow) + 0.5) }

// firstOf returns the least hessian for which estimate is at least n.
func (nd *node) firstOf(n int) int64 {
	lo, hi := int64(0), nd.sum&lowHalf+1
	for lo < hi {
		if mid := (lo + hi) / 2; nd.estimate(mid) >= n {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// drawFeatures returns the features to search a node by, a fraction of all.
func drawFeatures(all []int32, fraction float64, seed, id uint64) []int32 {
	k := max(1, int(float64(float64(len(all))*fraction)+0.5))
	if k >= len(all) {
		return all
	}
	rng := rand.New(rand.NewPCG(seed, id))
	out := slices.Clone(all)
	for i := range k {
		j := i + rng.IntN(len(out)-i)
		out[i], out[j] = out[j], out[i]
	}
	out = out[:k]
	slices.Sort(out)
	return out
}

// draw returns a number below n for a feature of a node.
func draw(seed, id uint64, f int32, n int) int {
	x := seed + id*0x9e3779b97f4a7c15 + uint64(f)*0xd1342543de82ef95
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	hi, _ := bits.Mul64(x, uint64(n))
	return int(hi)
}

// feature searches the splits by one feature.
func (s *seeker) feature(nd *node, f int32) {
	if nd.direct {
		s.gather(nd, f)
	} else {
		s.load(nd.leaf.hist[int(f)*kernels.HistogramStride:])
	}
	c := &s.column
	in := &nd.g.table.Features[f]
	switch {
	case c.len == 0 || c.len == 1 && !c.some && !in.Categorical:
	case in.Categorical:
		s.categories(nd, f)
	case nd.plain && !nd.g.c.ExtraTrees:
		s.plain(nd, f)
	default:
		s.numbers(nd, f)
	}
}

// load takes the column of a feature from its histogram.
func (s *seeker) load(h []int64) {
	c, h256 := &s.column, (*[256]int64)(h)
	c.missing, c.some = h256[ensemble.Missing], h256[ensemble.Missing] != 0
	n := 0
	for b := 1; b < 256; b++ {
		v := h256[b]
		c.bin[n&255], c.sum[n&255] = uint8(b), v
		if v != 0 {
			n++
		}
	}
	c.len = n
}

// gather takes the column of a feature from the rows of a leaf.
func (s *seeker) gather(nd *node, f int32) {
	g, c := nd.g, &s.column
	var seen [4]uint64
	for _, r := range g.rows[nd.leaf.lo:nd.leaf.hi] {
		b := g.bins[int(r)*g.table.D+int(f)]
		s.sums[b] += g.gh[r]
		s.counts[b]++
		seen[b>>6] |= 1 << (b & 63)
	}
	c.missing, c.absent = s.sums[ensemble.Missing], int(s.counts[ensemble.Missing])
	c.some = c.absent > 0
	s.sums[ensemble.Missing], s.counts[ensemble.Missing] = 0, 0
	seen[0] &^= 1 << ensemble.Missing
	c.len = 0
	for word, set := range seen {
		for ; set != 0; set &= set - 1 {
			b := uint8(64*word + bits.TrailingZeros64(set))
			c.bin[c.len], c.sum[c.len], c.count[c.len] = b, s.sums[b], s.counts[b]
			s.sums[b], s.counts[b] = 0, 0
			c.len++
		}
	}
}

// rows returns how many rows entry i has.
func (s *seeker) rows(nd *node, i int) int {
	if nd.direct {
		return int(s.column.count[i])
	}
	return nd.estimate(s.column.sum[i])
}

// allowed reports whether a leaf may be split with this on the left.
func (nd *node) allowed(left int64, rows int) bool {
	if h := left & lowHalf; h < nd.lo || h > nd.hi {
		return false
	}
	return !nd.direct || rows >= nd.g.c.MinRows && nd.n-rows >= nd.g.c.MinRows
}

// gain returns the gain of the two sides of a split, and false if the split
// breaks the order that a monotone feature asks for.
func (nd *node) gain(left int64, rows int, l2 float64, monotone int8) (float64, bool) {
	c := &nd.g.c
	gl, hl := nd.real(left)
	gr, hr := nd.real(nd.sum - left)
	if nd.plain {
		return gain(gl, hl, c.L1, l2) + gain(gr, hr, c.L1, l2), true
	}
	parent, b := nd.leaf.output, nd.leaf.bounds
	outL := c.output(gl, hl, rows, l2, parent, b)
	outR := c.output(gr, hr, nd.n-rows, l2, parent, b)
	if monotone > 0 && outL > outR || monotone < 0 && outL < outR {
		return 0, false
	}
	return gainGiven(gl, hl, outL, c.L1, l2) + gainGiven(gr, hr, outR, c.L1, l2), true
}

// plain is numbers for gains that need no outputs, where all thresholds are
// tried: the inner loop of most searches.
func (s *seeker) plain(nd *node, f int32) {
	c, l1, l2 := &s.column, nd.g.c.L1, nd.g.c.L2
	last := c.len - 1
	if c.some {
		last = c.len
	}
	best, at, side := s.least, -1, 0
	var left, bestLeft int64
	rows, minRows := 0, nd.g.c.MinRows
	for i, v := range c.sum[:last] {
		left += v
		if nd.direct {
			rows += int(c.count[i])
		}
		if h := left & lowHalf; h >= nd.lo && h <= nd.hi && (!nd.direct || rows >= minRows && nd.n-rows >= minRows) {
			gl, hl := nd.real(left)
			gr, hr := nd.real(nd.sum - left)
			if q := gain(gl, hl, l1, l2) + gain(gr, hr, l1, l2); q > best {
				best, at, side, bestLeft = q, i, 0, left
			}
		}
		if !c.some || i == c.len-1 {
			continue
		}
		with, absent := left+c.missing, rows+c.absent
		if h := with & lowHalf; h >= nd.lo && h <= nd.hi && (!nd.direct || absent >= minRows && nd.n-absent >= minRows) {
			gl, hl := nd.real(with)
			gr, hr := nd.real(nd.sum - with)
			if q := gain(gl, hl, l1, l2) + gain(gr, hr, l1, l2); q > best {
				best, at, side, bestLeft = q, i, 1, with
			}
		}
	}
	if at >= 0 {
		s.keep(nd, f, at, side == 1, best, bestLeft)
	}
}

// numbers searches thresholds: for each, missing values go right, and left.
func (s *seeker) numbers(nd *node, f int32) {
	c := &s.column
	monotone := nd.g.table.Features[f].Monotone
	last, only := c.len-1, -1
	if c.some {
		last = c.len
	}
	var threshold uint8
	if nd.g.c.ExtraTrees {
		lowest, highest := c.bin[0], c.bin[c.len-1]
		only = c.len - 1 // all numbers against missing values
		if lowest < highest {
			threshold = lowest + uint8(draw(nd.g.in.Seed, nd.leaf.id, f, int(highest-lowest)))
			for only = 0; c.bin[only+1] <= threshold; {
				only++
			}
		}
	}
	var left int64
	rows := 0
	for i := range last {
		left += c.sum[i]
		rows += s.rows(nd, i)
		if only >= 0 && i != only {
			continue
		}
		for side := range 2 {
			sum, n := left, rows
			if side == 1 {
				if !c.some || i == c.len-1 {
					continue
				}
				sum, n = left+c.missing, rows+c.absent
			}
			if !nd.direct {
				n = nd.estimate(sum)
			}
			if !nd.allowed(sum, n) {
				continue
			}
			if q, ok := nd.gain(sum, n, nd.g.c.L2, monotone); ok && q > s.least {
				s.keep(nd, f, i, side == 1, q, sum)
				if threshold != 0 {
					s.best.bin = threshold
					s.best.set = upTo(threshold, s.best.set[0]&1 != 0)
				}
			}
		}
	}
}

// keep makes a split behind entry i the best so far.
func (s *seeker) keep(nd *node, f int32, i int, missingLeft bool, gain float64, left int64) {
	c := &s.column
	bin := c.bin[i]
	switch {
	case !c.some: // to where more rows go
		n := nd.estimate(left)
		if nd.direct {
			n = 0
			for _, k := range c.count[:i+1] {
				n += int(k)
			}
		}
		missingLeft = 2*n >= nd.n
	case i == c.len-1: // all numbers are on the left, higher ones too
		bin = uint8(min(255, nd.g.table.Features[f].Bins-1))
	}
	s.least = gain
	s.best = split{
		found: true, feature: f, bin: bin, set: upTo(bin, missingLeft), gain: gain, sum: left, l2: nd.g.c.L2,
	}
}
