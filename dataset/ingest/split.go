package ingest

import (
	"cmp"
	"math"
	"math/bits"
	"slices"

	"tourney"
)

// splitter chooses the test rows as the rows pass by, but for those of a split
// by time, which are known once the rows are sorted.
type splitter struct {
	split  tourney.Split // resolved
	random stream
	need   []int64 // test rows still to be chosen, by class
	left   []int64 // rows still to come, by class
	first  int64   // kept row at which the test rows begin, of SplitLast
	from   int64   // row of the source, of SplitFile
	bin    int     // below it the groups are test groups
	seed   uint64
	take   int64 // rows of SplitTime
}

// resolve says which split it is if the request leaves it to the table.
func resolve(req *tourney.DatasetRequest, testFrom int64) tourney.Split {
	s := req.Split
	s.Seed = 0 // Dataset.Seed says it
	switch {
	case s.Kind != "" && !(s.Kind == tourney.SplitRandom && req.Group != ""):
	case s.Kind == "" && testFrom > 0:
		s.Kind = tourney.SplitFile
	case req.Group != "":
		s.Kind = tourney.SplitGroup // at random, and no group on both sides
	case req.Time != "":
		s.Kind = tourney.SplitTime
	default:
		s.Kind = tourney.SplitRandom
	}
	switch {
	case s.Kind == tourney.SplitFile:
		s.Test = 0
	case s.Kind != tourney.SplitColumn && s.Rows == 0:
		s.Test = cmp.Or(s.Test, tourney.DefaultTestShare)
	}
	return s
}

func newSplitter(p *plan, testFrom int64) (*splitter, error) {
	s := &splitter{split: resolve(p.req, testFrom), random: newStream(p.req.Seed, streamTest), seed: p.req.Seed}
	switch s.split.Kind {
	case tourney.SplitRandom:
		return s, s.randomly(p)
	case tourney.SplitGroup:
		if p.group == nil {
			return nil, invalid(0, "group", "is missing: a split by group needs the column that names the groups")
		}
		return s, s.byGroup(p)
	case tourney.SplitTime:
		if p.time == nil {
			return nil, invalid(0, "time", "is missing: a split by time needs the column that tells it")
		}
		s.take = share(s.split.Test, p.kept)
	case tourney.SplitLast:
		n := int64(s.split.Rows)
		if n == 0 {
			n = share(s.split.Test, p.kept)
		}
		if n >= p.kept {
			return nil, invalid(0, "split.rows", "must be less than the %s of the table, not %s", count(p.kept, "row"), grouped(n))
		}
		s.first = p.kept - n
	case tourney.SplitColumn:
		path := columnPath(p.split.field.Name)
		if p.marked == 0 {
			return nil, invalid(0, path, `no row is a test row by it: true, yes, 1 or "test" says so; the first value is %s`, quote(p.split.first))
		}
		if p.marked == p.kept {
			return nil, invalid(0, path, "all rows are test rows by it, which leaves none to train on")
		}
	case tourney.SplitFile:
		if testFrom == 0 {
			return nil, invalid(0, "split.kind", "no test file is given; give one, or another kind of split")
		}
		s.from = testFrom
	}
	return s, nil
}

// randomly plans to draw of each class its share; without classes, of all rows.
func (s *splitter) randomly(p *plan) error {
	if p.task == tourney.Regression {
		s.left, s.need = []int64{p.kept}, []int64{share(s.split.Test, p.kept)}
		return nil
	}
	s.left, s.need = slices.Clone(p.sizes), stratify(p.sizes, s.split.Test)
	total := int64(0)
	for _, n := range s.need {
		total += n
	}
	if total == 0 {
		return invalid(0, columnPath(p.target.field.Name), "no class has two rows, so none can be set aside for the test")
	}
	return nil
}

// byGroup plans to take whole groups, in the order of their hashes under the
// seed, until they have as nearly their share of the rows as can be.
func (s *splitter) byGroup(p *plan) error {
	want := share(s.split.Test, p.kept)
	sum, best := int64(0), int64(-1)
	for bin, n := range p.groups {
		sum += n
		if n == 0 || sum == p.kept {
			continue
		}
		if far := max(sum-want, want-sum); best < 0 || far < best {
			best, s.bin = far, bin+1
		}
	}
	if best < 0 {
		return invalid(0, columnPath(p.group.field.Name), "all rows are of one group, so none can be set aside for the test; drop group, or name another column")
	}
	return nil
}

// row is what a splitter looks at.
type row struct {
	source int64  // its number in the source, from 0
	kept   int64  // among the rows that are not left out
	class  int    // 0 without classes
	group  uint64 // groupHash
	marked bool   // by the split column
}

// test reports whether a row is a test row. It is asked once for each row that
// is kept, in order.
func (s *splitter) test(r row) bool {
	switch s.split.Kind {
	case tourney.SplitRandom:
		// Selection sampling (Knuth, TAOCP 2, 3.4.2, algorithm S): exactly
		// need of left are chosen, all subsets being equally likely.
		hit, _ := bits.Mul64(s.random.at(uint64(r.source)), uint64(s.left[r.class]))
		s.left[r.class]--
		if hit >= uint64(s.need[r.class]) {
			return false
		}
		s.need[r.class]--
		return true
	case tourney.SplitGroup:
		return groupBin(r.group, s.seed) < s.bin
	case tourney.SplitLast:
		return r.kept >= s.first
	case tourney.SplitColumn:
		return r.marked
	case tourney.SplitFile:
		return r.source >= s.from
	}
	return false
}

// share is the nearest whole number of rows to a share of n, with at least one
// on each side.
func share(of float64, n int64) int64 {
	return max(1, min(n-1, roundShare(of, n)))
}

func roundShare(of float64, n int64) int64 { return int64(math.Round(of * float64(n))) }

// stratify says how many rows of each class are test rows: its share, rounded
// by largest remainders (the smaller class number first where they tie) so
// that the sum is the share of all rows. A class of two rows or more has at
// least one on each side, and a class of one row is trained on; where that and
// the sum disagree, the sum gives way.
func stratify(sizes []int64, of float64) []int64 {
	total := int64(0)
	take := make([]int64, len(sizes))
	quota := make([]float64, len(sizes))
	byRemainder := make([]int, len(sizes))
	for c, n := range sizes {
		total += n
		byRemainder[c] = c
		quota[c] = float64(of * float64(n))
		take[c] = int64(quota[c])
		if n >= 2 {
			take[c] = max(1, take[c])
		}
		take[c] = max(0, min(n-1, take[c]))
	}
	left := roundShare(of, total)
	for _, n := range take {
		left -= n
	}
	slices.SortStableFunc(byRemainder, func(a, b int) int {
		return cmp.Compare(quota[b]-float64(take[b]), quota[a]-float64(take[a]))
	})
	for gave := true; left > 0 && gave; {
		gave = false
		for _, c := range byRemainder {
			if left > 0 && take[c] < sizes[c]-1 {
				take[c]++
				left--
				gave = true
			}
		}
	}
	return take
}

// TimeBlocks is how many blocks the rows of a dataset with a time column are
// cut into. Block i of n rows is those from ⌊i·n/64⌋ up to ⌊(i+1)·n/64⌋: no
// row is earlier than one of the block before it; within a block they are
// shuffled.
const TimeBlocks = 64

// timeBorder returns the position in a time-sorted table of n rows at which
// the test rows begin: n-take, or the nearest place beside it that does not
// divide rows of equal time, if there is one that leaves rows on both sides.
// from and to are the run of rows that share the time of row n-take.
func timeBorder(n, take, from, to int64) int64 {
	at := n - take
	switch {
	case from == at: // nothing straddles
		return at
	case from > 0 && (at-from <= to-at || to == n):
		return from
	case to < n:
		return to
	}
	return at
}
