package ingest

import (
	"cmp"
	"math"
	"slices"

	"tourney"
	"tourney/dataset/table"
)

// moments are what is known of a numeric column before its rows are written.
type moments struct {
	n          int64
	min, max   float64
	sum, carry float64 // Neumaier's sum: carry is what sum lost (ZAMM 54, 1974)
}

// observe takes in the values of the rows of a block that are to train on.
func (m *moments) observe(c *column, block []byte, stride int, train []bool) {
	if !c.kind.Numeric() {
		return
	}
	for i, ok := range train {
		if ok {
			m.add(c.number(block[i*stride:]))
		}
	}
}

func (m *moments) add(v float64) {
	if math.IsNaN(v) {
		return
	}
	if m.n == 0 {
		m.min, m.max = v, v
	}
	m.n++
	m.min, m.max = min(m.min, v), max(m.max, v)
	sum := m.sum + v
	if math.Abs(m.sum) >= math.Abs(v) {
		m.carry += (m.sum - sum) + v
	} else {
		m.carry += (v - sum) + m.sum
	}
	m.sum = sum
}

// mean lies between the ends, over which rounding may step.
func (m *moments) mean() float64 {
	return max(m.min, min(m.max, (m.sum+m.carry)/float64(m.n)))
}

// The sizes of statistics.
const (
	maxBins = 32
	maxTop  = 20
)

// stats gathers the statistics of a column over the rows to train on. What it
// keeps beside counts is a sample of the rows: those with the least second
// keys, hence a uniform one, and the same rows in all columns.
type stats struct {
	*column
	moments
	rows    int64
	missing int64
	below   uint64 // rows with second keys up to it are sampled

	squares   float64   // of deviations from the mean
	low       []float64 // of bins
	width     float64   // of a bin
	bins      []int64
	values    *distinct        // of numbers, dates and texts
	counts    []int64          // of levels, or of candidates
	candidate map[uint64]int32 // position in top by hash, of texts
	sample    []float64        // numbers, or codes; NaN for missing
}

// newStats begins the statistics of a column of which there will be n rows.
func newStats(c *column, m moments, n int64, rows, values int) *stats {
	s := &stats{column: c, moments: m, below: math.MaxUint64}
	if n > int64(rows) {
		s.below = math.MaxUint64 / uint64(n) * uint64(rows)
	}
	switch {
	case c.kind.Numeric():
		s.layBins()
		s.values = newDistinct(values)
	case c.kind == tourney.Category:
		s.counts = make([]int64, len(c.names))
	case c.kind == tourney.Text:
		s.values = newDistinct(values)
		s.counts = make([]int64, len(c.top))
		s.candidate = make(map[uint64]int32, len(c.top))
		if c.levels != nil { // few rows, and too many texts for them
			s.topOf(c.levels)
		}
		for i, text := range c.top {
			s.candidate[table.Hash([]byte(text))] = int32(i)
		}
	}
	return s
}

func (s *stats) topOf(l *levels) {
	for _, i := range l.frequent(candidates) {
		s.top = append(s.top, string(l.text(i)))
	}
	s.counts = make([]int64, len(s.top))
}

// layBins divides the span between the ends, into single values if they are
// few whole ones.
func (s *stats) layBins() {
	if s.n == 0 {
		return
	}
	span := s.max/maxBins - s.min/maxBins // which does not overflow
	n := maxBins
	s.width = span
	switch whole := s.min == math.Trunc(s.min) && s.max == math.Trunc(s.max) && !s.wide; {
	case s.max == s.min:
		n = 1
	case whole && s.kind != tourney.Date && s.max-s.min < maxBins:
		n, s.width = int(s.max-s.min)+1, 1
	}
	s.low, s.bins = make([]float64, n), make([]int64, n)
	for i := range s.low {
		if s.low[i] = s.min + float64(float64(i)*s.width); math.IsInf(s.low[i], 0) {
			s.low[i] = s.max - float64(float64(n-i)*s.width)
		}
	}
}

// observe takes in the rows of a shard.
func (s *stats) observe(series *table.Series, order []uint64) {
	s.rows += int64(len(order))
	switch {
	case s.kind.Numeric():
		mean := s.mean()
		for i, v := range series.Numbers {
			if order[i] <= s.below {
				s.sample = append(s.sample, v)
			}
			if math.IsNaN(v) {
				s.missing++
				continue
			}
			d := v - mean
			s.squares += float64(d * d)
			s.bins[s.bin(v)]++
			s.values.add(hashNumber(math.Float64bits(v)), 1)
		}
	case s.kind == tourney.Category:
		for i, code := range series.Codes {
			v := float64(code)
			if code == table.NoCode {
				s.missing++
				v = math.NaN()
			} else {
				s.counts[code]++
			}
			if order[i] <= s.below {
				s.sample = append(s.sample, v)
			}
		}
	case s.kind == tourney.Text:
		for _, h := range series.Hashes {
			if h == 0 {
				s.missing++
				continue
			}
			s.values.add(h, 1)
			if at, ok := s.candidate[h]; ok {
				s.counts[at]++
			}
		}
	}
}

// bin returns the bin of a value.
func (s *stats) bin(v float64) int {
	last := len(s.low) - 1
	if last == 0 {
		return 0
	}
	i := last
	if at := (v - s.min) / s.width; at < float64(last) {
		i = int(at)
	}
	for i > 0 && v < s.low[i] { // where the division rounded up
		i--
	}
	for i < last && v >= s.low[i+1] {
		i++
	}
	return i
}

// describe returns the column with its statistics.
func (s *stats) describe() tourney.Column {
	d := s.column.describe()
	d.Missing = int(s.missing)
	switch {
	case s.kind == tourney.Category:
		for _, n := range s.counts {
			if n > 0 {
				d.Distinct++
			}
		}
		d.Top = topCounts(s.names, s.counts)
	case s.kind == tourney.Text:
		d.Distinct = s.values.estimate()
		d.Top = topCounts(s.top, s.counts)
	case s.kind.Numeric() && s.n > 0:
		d.Distinct = s.values.estimate()
		low, high := s.min, s.max
		d.Min, d.Max = &low, &high
		d.Mean, d.SD = finite(s.mean()), finite(s.sd())
		d.Quartiles = s.quartiles()
		for i, n := range s.bins {
			end := s.max
			if s.width == 1 {
				end = s.low[i] + 1
			}
			if i+1 < len(s.low) {
				end = s.low[i+1]
			}
			d.Histogram = append(d.Histogram, tourney.Bin{Low: s.low[i], High: end, Count: int(n)})
		}
	}
	return d
}

// finite returns nil for what JSON cannot hold: moments of values near the end
// of float64.
func finite(v float64) *float64 {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return &v
}

// sd is the sample's standard deviation, over n-1; 0 of one value.
func (s *stats) sd() float64 {
	if s.n < 2 {
		return 0
	}
	return math.Sqrt(s.squares / float64(s.n-1))
}

// quartiles are those of the sample, interpolated between its values (type 7
// of Hyndman and Fan, 1996). Of up to sampleRows rows they are exact; of more
// their rank is off by about 0.3 % of the rows.
func (s *stats) quartiles() []float64 {
	sorted := s.present()
	if len(sorted) == 0 {
		return nil
	}
	q := make([]float64, 3)
	for i := range q {
		at := float64(i+1) / 4 * float64(len(sorted)-1)
		k := int(at)
		q[i] = sorted[k]
		if k+1 < len(sorted) {
			q[i] += float64((at - float64(k)) * (sorted[k+1] - sorted[k]))
		}
		if math.IsInf(q[i], 0) || math.IsNaN(q[i]) {
			return nil
		}
	}
	return q
}

// present returns the sampled values that are there, sorted.
func (s *stats) present() []float64 {
	sorted := make([]float64, 0, len(s.sample))
	for _, v := range s.sample {
		if !math.IsNaN(v) {
			sorted = append(sorted, v)
		}
	}
	slices.Sort(sorted)
	return sorted
}

// topCounts returns the most frequent values, ties in the order of their names.
func topCounts(names []string, counts []int64) []tourney.LevelCount {
	var top []tourney.LevelCount
	for i, n := range counts {
		if n > 0 {
			top = append(top, tourney.LevelCount{Value: names[i], Count: int(n)})
		}
	}
	slices.SortFunc(top, func(a, b tourney.LevelCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value))
	})
	return top[:min(maxTop, len(top))]
}
