package grow

import (
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
	c, in := &s.column, &nd.g.table.Features[f]
	plain := nd.plain && !nd.g.c.ExtraTrees && !in.Categorical
	switch {
	case nd.direct:
		s.gather(nd, f)
	case plain:
		s.histogram(nd, f, nd.leaf.hist[int(f)*kernels.HistogramStride:][:256])
		return
	default:
		s.load(nd.leaf.hist[int(f)*kernels.HistogramStride:])
	}
	switch {
	case c.len == 0 || c.len == 1 && !c.some && !in.Categorical:
	case in.Categorical:
		s.categories(nd, f)
	case plain:
		s.counted(nd, f)
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

// histogram is numbers for gains that need no outputs, where all thresholds are
// tried and rows are not counted: the inner loop of most searches. Bins without
// rows need not be left out: the first of equal cuts is taken.
func (s *seeker) histogram(nd *node, f int32, h []int64) {
	missing, sums := h[ensemble.Missing], h[1:nd.g.table.Features[f].Bins]
	at, gain, left := nd.cuts.Best(sums, 0, s.least)
	side := 0
	if missing != 0 {
		first := 0 // bins before the first rows leave the missing ones alone
		for first < len(sums) && sums[first] == 0 {
			first++
		}
		a, q, l := nd.cuts.Best(sums[first:], missing, s.least)
		if a += first; a >= first && (at < 0 || q > gain || q == gain && a < at) {
			at, gain, left, side = a, q, l, 1
		}
	}
	if at < 0 {
		return
	}
	all := true
	for _, v := range sums[at+1:] {
		all = all && v == 0
	}
	s.keep(nd, f, cut{bin: uint8(at + 1), all: all, some: missing != 0, rows: nd.estimate(left), missingLeft: side == 1, gain: gain, left: left})
}

// counted is histogram for columns whose rows are counted.
func (s *seeker) counted(nd *node, f int32) {
	c := &s.column
	at, gain, left := s.between(nd, 0, 0, s.least)
	side := 0
	if c.some {
		if a, q, l := s.between(nd, c.missing, c.absent, s.least); a >= 0 && (at < 0 || q > gain || q == gain && a < at) {
			at, gain, left, side = a, q, l, 1
		}
	}
	if at >= 0 {
		s.keepEntry(nd, f, at, side == 1, gain, left)
	}
}

// between is Cuts.Best among the entries that leave both sides enough rows, if
// the left one has already some.
func (s *seeker) between(nd *node, left int64, rows int, least float64) (int, float64, int64) {
	c, minRows := &s.column, nd.g.c.MinRows
	from := 0
	for from < c.len && rows+int(c.count[from]) < minRows {
		left += c.sum[from]
		rows += int(c.count[from])
		from++
	}
	to := from
	for to < c.len && nd.n-rows-int(c.count[to]) >= minRows {
		rows += int(c.count[to])
		to++
	}
	at, gain, left := nd.cuts.Best(c.sum[from:to], left, least)
	if at >= 0 {
		at += from
	}
	return at, gain, left
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
				s.keepEntry(nd, f, i, side == 1, q, sum)
				if threshold != 0 {
					s.best.bin = threshold
					s.best.set = upTo(threshold, s.best.set[0]&1 != 0)
				}
			}
		}
	}
}

// cut is a threshold of a feature.
type cut struct {
	bin         uint8 // the last on the left
	all         bool  // all numbers are on the left
	some        bool  // there are missing values
	missingLeft bool
	rows        int // on the left
	gain        float64
	left        int64 // packed
}

// keepEntry makes a split behind entry i the best so far.
func (s *seeker) keepEntry(nd *node, f int32, i int, missingLeft bool, gain float64, left int64) {
	c := &s.column
	n := nd.estimate(left)
	if nd.direct {
		n = 0
		for _, k := range c.count[:i+1] {
			n += int(k)
		}
	}
	s.keep(nd, f, cut{bin: c.bin[i], all: i == c.len-1, some: c.some, rows: n, missingLeft: missingLeft, gain: gain, left: left})
}

// keep makes a cut the best split so far. Missing values that are not there go
// to where more rows go; behind all numbers there is every higher one, too.
func (s *seeker) keep(nd *node, f int32, c cut) {
	switch {
	case !c.some:
		c.missingLeft = 2*c.rows >= nd.n
	case c.all:
		c.bin = uint8(min(255, nd.g.table.Features[f].Bins-1))
	}
	s.least = c.gain
	s.best = split{
		found: true, feature: f, bin: c.bin, set: upTo(c.bin, c.missingLeft), gain: c.gain, sum: c.left, l2: nd.g.c.L2,
	}
}
