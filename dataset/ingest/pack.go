package ingest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"tourney"
	"tourney/dataset/table"
)

// blockRows is how many rows the second pass types at a time: few enough for
// their records to stay in a core's cache.
const blockRows = 512

// testBit is set in the first key of test rows, which so come after all
// others.
const testBit = 1 << 63

var le = binary.LittleEndian

// errChanged cannot come from a source that nobody else writes.
var errChanged = errors.New("the source changed between two passes")

// packer is the second pass: it makes a record of each row, chooses the test
// rows, and hands the records to the sorter under keys that say where they go.
type packer struct {
	*plan
	splitter *splitter
	sorter   *sorter
	order    stream
	tell     *teller

	rows, kept, tests int64
	moments           []moments // of the rows that are not test rows, by column
	copies            *distinct // of whole rows
	block             []byte
	out               []bool
	train             []bool
	rest              []byte
}

// maxCopies is how many distinct rows are counted to tell duplicates.
const maxCopies = 1 << 16

func newPacker(p *plan, s *splitter, to *sorter, tell *teller) *packer {
	return &packer{
		plan: p, splitter: s, sorter: to, order: newStream(p.req.Seed, streamOrder), tell: tell,
		moments: make([]moments, len(p.columns)), copies: newDistinct(maxCopies), block: make([]byte, blockRows*p.record),
		train: make([]bool, blockRows),
	}
}

// run reads the source once more.
func (p *packer) run(ctx context.Context, src table.Source, roles []role, profiles []*profile) error {
	err := src.Scan(ctx, func(b *table.Batch) error {
		p.out = slices.Grow(p.out[:0], b.Rows)[:b.Rows]
		leftOut(p.out, b, 0, b.Rows, roles, profiles)
		for from := 0; from < b.Rows; from += blockRows {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			if err := p.pack(b, from, min(b.Rows, from+blockRows)); err != nil {
				return err
			}
		}
		p.tell.rows(p.rows)
		return nil
	})
	if err != nil {
		return err
	}
	if p.kept != p.plan.kept {
		return errChanged
	}
	p.tell.done(p.rows)
	return nil
}

func (p *packer) pack(b *table.Batch, from, to int) error {
	values := (to - from) * len(p.columns)
	err := each(len(p.columns), values, func(i int) error {
		c := &p.columns[i]
		return c.pack(&b.Columns[c.at], from, to, p.out, p.block[c.offset:], p.record)
	})
	if err != nil {
		return err
	}
	for i := from; i < to; i++ {
		p.train[i-from] = false
		if !p.out[i] {
			if err := p.packRow(b, i, p.block[(i-from)*p.record:][:p.record], &p.train[i-from]); err != nil {
				return err
			}
			p.kept++
		}
		p.rows++
	}
	return each(len(p.columns), values, func(i int) error {
		p.moments[i].observe(&p.columns[i], p.block, p.record, p.train[:to-from])
		return nil
	})
}

// packRow sends a row's record on its way.
func (p *packer) packRow(b *table.Batch, i int, record []byte, train *bool) error {
	r := row{source: p.rows, kept: p.kept}
	if p.kept == p.plan.kept {
		return errChanged
	}
	if p.task == tourney.Classification {
		r.class = p.class(record)
	}
	if p.group != nil {
		r.group = groupHash(p.group.field.Type, &b.Columns[p.group.at], i)
	}
	if p.split != nil {
		r.marked = marksTest(p.split.profile, &b.Columns[p.split.at], i)
	}
	test := p.splitter.test(r)
	*train = !test
	k1 := p.firstKey(record)
	if test {
		k1 |= testBit
		p.tests++
	}
	p.rest = p.rest[:0]
	if p.sparse != nil {
		c := &b.Columns[p.sparse.at]
		for e := c.Starts[i]; e < c.Starts[i+1]; e++ {
			if c.Index[e] >= p.sparse.features {
				return errChanged
			}
			p.rest = le.AppendUint32(p.rest, c.Index[e])
			p.rest = le.AppendUint32(p.rest, math.Float32bits(c.Values[e]))
		}
	}
	p.copies.add(hashRecord(record, p.rest), 1)
	return p.sorter.add(k1, p.order.at(uint64(p.rows)), record, p.rest)
}

// class returns the class of a record.
func (p *plan) class(record []byte) int {
	if p.target.kind == tourney.Category {
		return int(p.target.code(record))
	}
	i, _ := slices.BinarySearch(p.values, p.target.number(record))
	return i
}

// firstKey keeps groups together, or puts rows in order of time.
func (p *plan) firstKey(record []byte) uint64 {
	switch {
	case p.group != nil:
		return newStream(p.req.Seed, streamOrder).at(p.group.bits(record)) >> 1
	case p.time != nil:
		return orderedBits(p.time.number(record)) >> 1
	}
	return 0
}

// orderedBits maps numbers to integers of the same order.
func orderedBits(v float64) uint64 {
	bits := math.Float64bits(v)
	if bits>>63 == 1 {
		return ^bits
	}
	return bits | 1<<63
}

// hashRecord names a whole row, never 0.
func hashRecord(record, rest []byte) uint64 {
	h := uint64(golden)
	for _, data := range [2][]byte{record, rest} {
		for len(data) >= 8 {
			h = mix(h ^ le.Uint64(data))
			data = data[8:]
		}
		for _, b := range data {
			h = (h ^ uint64(b)) * 1099511628211
		}
	}
	return max(mix(h), 1)
}

// pack writes a column's values of rows from up to to, each stride bytes after
// the one before. Rows that are left out may hold anything.
func (c *column) pack(col *table.Column, from, to int, out []bool, at []byte, stride int) error {
	if c.kind == tourney.Sparse {
		return nil
	}
	for i := from; i < to; i++ {
		if out[i] {
			at = at[min(stride, len(at)):]
			continue
		}
		var ok bool
		if c.field.Type == table.Text {
			text := col.Text(i)
			ok = c.packText(text, c.missingText(text), at)
		} else {
			ok = c.packNumber(col.Numbers[i], at)
		}
		if !ok {
			return fmt.Errorf("column %s: %w", c.field.Name, errChanged)
		}
		at = at[min(stride, len(at)):]
	}
	return nil
}

// packText writes a text as the column's kind has it.
func (c *column) packText(text []byte, missing bool, at []byte) bool {
	if missing {
		c.putMissing(at)
		return true
	}
	switch c.kind {
	case tourney.Number:
		v, what := c.parse(text)
		c.putNumber(at, v)
		return what == isNumber
	case tourney.Date:
		v, ok := parseDate(text, c.form())
		le.PutUint64(at, math.Float64bits(v))
		return ok
	case tourney.Boolean:
		pairs, yes := parseBool(text)
		at[0] = 0
		if yes || string(text) == "1" {
			at[0] = 1
		}
		return pairs != 0 || isBit(text)
	case tourney.Category:
		return c.putLevel(at, text)
	default:
		le.PutUint64(at, table.Hash(text))
		return true
	}
}

// packNumber writes a value of a source that knows its types as the column's
// kind has it.
func (c *column) packNumber(v float64, at []byte) bool {
	if math.IsNaN(v) {
		c.putMissing(at)
		return true
	}
	if v == 0 {
		v = 0 // not -0
	}
	switch c.kind {
	case tourney.Number:
		c.putNumber(at, v)
	case tourney.Date:
		le.PutUint64(at, math.Float64bits(v))
	case tourney.Boolean:
		at[0] = byte(v)
		return v == 0 || v == 1
	case tourney.Category:
		return c.putLevel(at, c.format(v))
	default:
		le.PutUint64(at, table.Hash(c.format(v)))
	}
	return true
}

func (c *column) putNumber(at []byte, v float64) {
	if c.width == 4 {
		le.PutUint32(at, math.Float32bits(float32(v)))
		return
	}
	le.PutUint64(at, math.Float64bits(v))
}

func (c *column) putLevel(at, text []byte) bool {
	i := c.levels.find(text, table.Hash(text))
	if i < 0 {
		return false
	}
	le.PutUint32(at, uint32(c.place[i]))
	return true
}

// noBool is a missing boolean in a record.
const noBool = 0xff

func (c *column) putMissing(at []byte) {
	switch c.kind {
	case tourney.Number:
		c.putNumber(at, math.NaN())
	case tourney.Date:
		le.PutUint64(at, math.Float64bits(math.NaN()))
	case tourney.Boolean:
		at[0] = noBool
	case tourney.Category:
		no := int32(table.NoCode)
		le.PutUint32(at, uint32(no))
	default:
		le.PutUint64(at, 0)
	}
}

// number reads a numeric value from a record.
func (c *column) number(record []byte) float64 {
	switch at := record[c.offset:]; c.width {
	case 1:
		if at[0] == noBool {
			return math.NaN()
		}
		return float64(at[0])
	case 4:
		return float64(math.Float32frombits(le.Uint32(at)))
	default:
		return math.Float64frombits(le.Uint64(at))
	}
}

func (c *column) code(record []byte) int32 { return int32(le.Uint32(record[c.offset:])) }

func (c *column) hash(record []byte) uint64 { return le.Uint64(record[c.offset:]) }

// bits reads a value that is equal where the column's values are.
func (c *column) bits(record []byte) uint64 {
	if c.width == 4 {
		return uint64(le.Uint32(record[c.offset:]))
	}
	return le.Uint64(record[c.offset:])
}
