package ingest

import (
	"context"
	"fmt"
	"math"
	"slices"

	"tourney"
	"tourney/dataset/table"
)

// The bounds of what a scan keeps, whatever the memory that ingestion may use:
// what is found must not depend on it.
const (
	levelBytes   = 32 << 20 // of the texts of all columns' levels, 8 a text added
	levelRows    = 4096     // rows, or
	levelPending = 16 << 20 // bytes of texts, after which that is looked at
	sampleCells  = 1 << 21  // of rows × columns that are kept as a sample
	sampleRows   = 32768    // at most
	sampleValues = 8192     // distinct values a column that are counted, at most
)

// perColumn shares a number of cells between columns, in a power of two.
func perColumn(cells, columns, low, high int) int {
	n := high
	for n > low && n*columns > cells {
		n /= 2
	}
	return n
}

// scan is the first pass: what all rows tell about the columns.
type scan struct {
	req      *tourney.DatasetRequest
	fields   []table.Field
	roles    []role
	profiles []*profile // nil for columns that are dropped
	rows     int64      // all
	kept     int64      // those that are not left out
	out      []bool     // rows of the batch that are left out
	pending  int        // bytes of texts since bound
	groups   []int64    // kept rows by groupBin
	marked   int64      // kept rows that the split column marks
}

func newScan(req *tourney.DatasetRequest, fields []table.Field, roles []role) *scan {
	s := &scan{req: req, fields: fields, roles: roles, profiles: make([]*profile, len(fields))}
	samples := perColumn(sampleCells, len(fields), 256, sampleValues)
	for i, f := range fields {
		if roles[i] == roleDrop {
			continue
		}
		var given *tourney.ColumnType
		if t, ok := req.Types[f.Name]; ok {
			given = &t
		}
		s.profiles[i] = newProfile(f, roles[i], given, samples)
	}
	if req.Group != "" {
		s.groups = make([]int64, groupBins)
	}
	return s
}

// column returns the position of the column with that role, or -1.
func (s *scan) column(r role) int { return slices.Index(s.roles, r) }

// run reads the source once.
func (s *scan) run(ctx context.Context, src table.Source, tell *teller) error {
	err := src.Scan(ctx, func(b *table.Batch) error {
		if err := context.Cause(ctx); err != nil {
			return err
		}
		s.out = slices.Grow(s.out[:0], b.Rows)[:b.Rows]
		for from := 0; from < b.Rows; {
			to, look := s.stretch(b, from)
			if err := s.observe(b, from, to); err != nil {
				return err
			}
			s.rows += int64(to - from)
			if look {
				if err := s.bound(); err != nil {
					return err
				}
			}
			from = to
		}
		tell.rows(s.rows)
		return nil
	})
	if err != nil {
		return err
	}
	tell.done(s.rows)
	return s.bound()
}

// stretch returns the row up to which a batch is observed before levels are
// looked at, or to its end if that comes first. It is a function of the rows
// alone, not of how they come in batches.
func (s *scan) stretch(b *table.Batch, from int) (to int, look bool) {
	to = min(b.Rows, from+levelRows-int(s.rows%levelRows))
	look = (s.rows+int64(to-from))%levelRows == 0
	if n := s.textBytes(b, from, to); s.pending+n < levelPending {
		s.pending += n
		return to, look
	}
	for row := from; row < to; row++ {
		if s.pending += s.textBytes(b, row, row+1); s.pending >= levelPending {
			return row + 1, true
		}
	}
	return to, look
}

// textBytes returns how long the texts of some rows are in all.
func (s *scan) textBytes(b *table.Batch, from, to int) int {
	n := 0
	for i := range b.Columns {
		if c := &b.Columns[i]; s.fields[i].Type == table.Text && to > from {
			n += int(c.Ends[to-1])
			if from > 0 {
				n -= int(c.Ends[from-1])
			}
		}
	}
	return n
}

// observe takes in rows from up to to of a batch.
func (s *scan) observe(b *table.Batch, from, to int) error {
	leftOut(s.out, b, from, to, s.roles, s.profiles)
	err := each(len(s.fields), (to-from)*len(s.fields), func(i int) error {
		if s.profiles[i] == nil {
			return nil
		}
		return s.profiles[i].observe(b, &b.Columns[i], from, to, s.out)
	})
	if err != nil {
		return err
	}
	group, split := s.column(roleGroup), s.column(roleSplit)
	for row := from; row < to; row++ {
		if s.out[row] {
			continue
		}
		s.kept++
		if group >= 0 {
			s.groups[groupBin(groupHash(s.fields[group].Type, &b.Columns[group], row), s.seed())]++
		}
		if split >= 0 && marksTest(s.profiles[split], &b.Columns[split], row) {
			s.marked++
		}
	}
	return nil
}

// leftOut tells the rows in which a column that is needed has no value.
func leftOut(out []bool, b *table.Batch, from, to int, roles []role, profiles []*profile) {
	clear(out[from:to])
	for i, r := range roles {
		if !r.needed() {
			continue
		}
		for row := from; row < to; row++ {
			out[row] = out[row] || profiles[i].isMissing(&b.Columns[i], row)
		}
	}
}

func (s *scan) seed() uint64 { return s.req.Seed }

// bound gives up the largest levels while those of all columns take too much:
// first of columns that may still be numbers or dates, which need none.
func (s *scan) bound() error {
	s.pending = 0
	total := 0
	for _, p := range s.profiles {
		if p != nil && p.levels != nil {
			total += p.levels.cost()
		}
	}
	for total > levelBytes {
		var worst *profile
		for _, p := range s.profiles {
			if p == nil || p.levels == nil || p.role == roleTarget || p.gives(tourney.Category) {
				continue
			}
			if worst == nil || p.likelyNumber() && !worst.likelyNumber() ||
				p.likelyNumber() == worst.likelyNumber() && p.levels.cost() > worst.levels.cost() {
				worst = p
			}
		}
		if worst == nil {
			return invalid(0, "", "the texts of the categories take more than %d MiB; drop columns of long texts, or give them the type text", levelBytes>>20)
		}
		total -= worst.levels.cost()
		worst.giveUp()
	}
	return nil
}

func (p *profile) likelyNumber() bool { return p.number || p.dates != 0 }

// check refuses a table from which nothing can be learnt.
func (s *scan) check() error {
	if s.rows == 0 {
		return invalid(0, "", "there are no rows; a table has at least 3")
	}
	if err := s.checkMissing(); err != nil {
		return err
	}
	if s.kept < 3 {
		return invalid(0, "", "there are %s; at least 3 are needed, to train, to validate and to test", count(s.kept, "row"))
	}
	for i, p := range s.profiles {
		if p != nil && s.roles[i] == roleNone && p.present > 0 {
			return nil
		}
	}
	return invalid(0, "", "there is no column to learn from beside the target: all others are dropped, empty, or have another role")
}

// maxLeftOut is the share of rows that may be left out since the target, or
// another value that is needed, is missing.
const maxLeftOut = 0.05

func (s *scan) checkMissing() error {
	for i, r := range s.roles {
		if !r.needed() {
			continue
		}
		p := s.profiles[i]
		if p.missing > 0 && float64(p.missing) > float64(maxLeftOut*float64(s.rows)) {
			return invalid(p.missingLines[0], columnPath(p.field.Name),
				"the %s is missing here, and in %s of %s in all (%s); up to %g %% would be left out: fill it in or remove the rows",
				roleNames[r], grouped(p.missing), count(s.rows, "row"), lines(p.missingLines, p.missing), 100*maxLeftOut)
		}
	}
	return nil
}

// leftOutWarnings tells of the rows that are left out.
func (s *scan) leftOutWarnings() []tourney.Warning {
	var warnings []tourney.Warning
	for i, r := range s.roles {
		if p := s.profiles[i]; r.needed() && p.missing > 0 {
			warnings = append(warnings, tourney.Warning{
				Column: p.field.Name, Code: roleNames[r] + "_missing",
				Message: fmt.Sprintf("the %s is missing in %s of %s, which are left out: %s", roleNames[r], grouped(p.missing), count(s.rows, "row"), lines(p.missingLines, p.missing)),
			})
		}
	}
	return warnings
}

// groupBins is in how many parts groups are divided to choose test groups.
const groupBins = 1 << 16

// groupHash names a row's group. Numbers are equal if their values are,
// whatever their texts.
func groupHash(t table.Type, c *table.Column, row int) uint64 {
	if t != table.Text {
		return hashNumber(math.Float64bits(c.Numbers[row]))
	}
	text := c.Text(row)
	if v, what := parseNumber(text); what == isNumber {
		return hashNumber(math.Float64bits(v))
	}
	return table.Hash(text)
}

func groupBin(hash, seed uint64) int {
	return int(newStream(seed, streamGroup).at(hash) % groupBins)
}

// marksTest reports whether the split column calls a row a test row.
func marksTest(p *profile, c *table.Column, row int) bool {
	if p.isMissing(c, row) {
		return false
	}
	var text []byte
	if p.field.Type == table.Text {
		text = c.Text(row)
	} else {
		text = p.format(c.Numbers[row])
	}
	if len(text) > len("true") {
		return false
	}
	switch string(lowered(text)) {
	case "true", "t", "yes", "y", "1", "test":
		return true
	}
	return false
}

func lowered(text []byte) []byte {
	low := slices.Clone(text)
	for i, c := range low {
		if 'A' <= c && c <= 'Z' {
			low[i] = c + 'a' - 'A'
		}
	}
	return low
}
