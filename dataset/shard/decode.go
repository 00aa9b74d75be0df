package shard

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"tourney"
	"tourney/dataset/table"
)

// Decode reads a shard of so many rows into a frame, which it makes its own:
// buffers that the frame has are used again, and nothing in it points into
// blob afterwards. Bytes that are not such a shard are an ErrSchema; then the
// frame holds nothing of use.
func Decode(blob []byte, s Schema, rows int, f *table.Frame) error {
	bad := &fail{}
	s.decode(openFile(blob, bad), rows, f)
	if bad.err != nil {
		return fmt.Errorf("read shard: %w: %w", ErrSchema, bad.err)
	}
	return nil
}

func (s *Schema) decode(in file, rows int, f *table.Frame) {
	if in.err != nil {
		return
	}
	if got := in.lookup(in.schema, 2, metaFormat); got != format {
		in.set("format %q, this version reads %q", got, format)
	}
	if got := in.lookup(in.schema, 2, metaUse); got != string(s.Use) {
		in.set("rows to %q, not to %q", got, s.Use)
	}
	p, n := in.vector(in.schema, 1, 4)
	if n != len(s.Fields) {
		in.set("%d columns, not %d", n, len(s.Fields))
	}
	if n := in.blocks(records); n != 1 {
		in.set("%d batches, not 1", n)
	}
	if in.err != nil {
		return
	}
	b := in.batch(records, 0)
	if b.rows != int64(rows) || rows < 0 || rows > maxParts*PartRows {
		in.set("%d rows, not %d; at most %d are taken", b.rows, rows, maxParts*PartRows)
		return
	}
	f.Rows = rows
	f.Series = slices.Grow(f.Series[:0], len(s.Fields))[:len(s.Fields)]
	for i := range s.Fields {
		if in.err != nil {
			return
		}
		c := column{file: in, batch: &b, field: &s.Fields[i], at: in.refer(p + 4*i), rows: rows}
		c.decode(&f.Series[i])
		if in.err != nil {
			in.err = fmt.Errorf("column %s: %w", s.Fields[i].Name, in.err)
		}
	}
}

// column is one column of a file on its way into a series.
type column struct {
	file
	batch *batch
	field *Field
	at    int // the field in the file's schema
	rows  int
}

func (c *column) decode(s *table.Series) {
	f := c.field
	if name := c.text(c.at, 0); name != f.Name {
		c.set("is called %q", name)
	}
	if n := c.batch.node(); n != int64(c.rows) {
		c.set("%d values of %d rows", n, c.rows)
	}
	valid := c.batch.validity(c.rows)
	if c.err != nil {
		return
	}
	had := *s
	*s = table.Series{Name: f.Name, Kind: f.Kind, Levels: f.Levels}
	switch {
	case f.Skip:
		c.skip()
	case f.Kind.Numeric():
		s.Numbers = resize(had.Numbers, c.rows)
		c.numbers(s.Numbers, valid)
	case f.Kind == tourney.Category:
		s.Codes = resize(had.Codes, c.rows)
		c.codes(s.Codes, valid)
	case f.Kind == tourney.Text:
		s.Hashes = resize(had.Hashes, c.rows)
		c.hashes(s.Hashes, valid)
	case f.Kind == tourney.Sparse:
		s.Starts, s.Index, s.Values = resize(had.Starts, c.rows+1), had.Index, had.Values
		c.entries(s)
	default:
		c.set("is of the unknown kind %q", f.Kind)
	}
}

// skip passes over the values.
func (c *column) skip() {
	c.batch.buffer()
	if c.field.Kind == tourney.Sparse {
		for range 3 { // the pair, its index, its value
			c.batch.node()
			c.batch.buffer()
		}
		c.batch.buffer()
		c.batch.buffer()
	}
}

// resize returns a slice of n elements, the old one if it has room.
func resize[T any](s []T, n int) []T { return slices.Grow(s[:0], n)[:n] }

// plain refuses a column that is encoded by a dictionary.
func (c *column) plain() {
	if c.child(c.at, 4) != 0 {
		c.set("is a dictionary")
	}
}

func (c *column) numbers(to []float64, valid bitmap) {
	c.plain()
	form := c.form(c.at)
	bits := 8 * widths[form]
	if form == isBool {
		bits = 1
	}
	b := c.batch.values(c.rows, bits)
	if c.err != nil {
		return
	}
	switch form {
	case isBool:
		for i := range to {
			to[i] = float64(b[i/8] >> (i % 8) & 1)
		}
	case isUint8:
		for i := range to {
			to[i] = float64(b[i])
		}
	case isInt16:
		for i := range to {
			to[i] = float64(int16(le.Uint16(b[2*i:])))
		}
	case isInt32:
		for i := range to {
			to[i] = float64(int32(le.Uint32(b[4*i:])))
		}
	case isInt64:
		for i := range to {
			to[i] = float64(int64(le.Uint64(b[8*i:])))
		}
	case isFloat32:
		for i := range to {
			to[i] = float64(math.Float32frombits(le.Uint32(b[4*i:])))
		}
	case isFloat64:
		for i := range to {
			to[i] = math.Float64frombits(le.Uint64(b[8*i:]))
		}
	default:
		c.set("holds no numbers")
		return
	}
	for i, v := range to {
		switch {
		case !valid.has(i):
			to[i] = math.NaN()
		case v-v != 0:
			c.set("row %d is %v", i, v)
		case c.field.Kind == tourney.Boolean && v != 0 && v != 1:
			c.set("row %d is %v, which is no boolean", i, v)
		}
	}
}

func (c *column) codes(to []int32, valid bitmap) {
	form := c.form(c.at)
	if c.field.inline() {
		dict := c.child(c.at, 4)
		if dict == 0 {
			c.set("is no dictionary")
			return
		}
		c.levels(c.number(dict, 0, 8))
		form = c.integer(c.child(dict, 1))
	} else {
		c.plain()
	}
	b := c.batch.values(c.rows, 8*widths[form])
	if c.err != nil {
		return
	}
	switch form {
	case isInt8:
		for i := range to {
			to[i] = int32(int8(b[i]))
		}
	case isInt16:
		for i := range to {
			to[i] = int32(int16(le.Uint16(b[2*i:])))
		}
	case isInt32:
		for i := range to {
			to[i] = int32(le.Uint32(b[4*i:]))
		}
	default:
		c.set("holds no codes")
		return
	}
	for i, code := range to {
		switch {
		case !valid.has(i):
			to[i] = table.NoCode
		case code < 0 || int(code) >= len(c.field.Levels):
			c.set("row %d has the code %d of %d levels", i, code, len(c.field.Levels))
		}
	}
}

// levels compares the dictionary of that number with the levels of the
// manifest.
func (c *column) levels(id int64) {
	want := c.field.Levels
	for i := range c.blocks(dictionaries) {
		b := c.file.batch(dictionaries, i)
		if b.id != id {
			continue
		}
		n := len(want)
		if got := b.node(); got != int64(n) {
			c.set("%d levels, not %d", got, n)
		}
		b.validity(n)
		if n == 0 || c.err != nil {
			return
		}
		ends, text := b.values(n+1, 32), b.buffer()
		if c.err != nil {
			return
		}
		for k, level := range want {
			lo, hi := int64(le.Uint32(ends[4*k:])), int64(le.Uint32(ends[4*k+4:]))
			if lo > hi || hi > int64(len(text)) {
				c.set("level %d is outside of its buffer", k)
				return
			}
			if got := string(text[lo:hi]); got != level {
				c.set("level %d is %s, not %s", k, strconv.Quote(got), strconv.Quote(level))
				return
			}
		}
		return
	}
	c.set("its dictionary is missing")
}

func (c *column) hashes(to []uint64, valid bitmap) {
	c.plain()
	if c.form(c.at) != isUint64 {
		c.set("holds no hashes")
	}
	b := c.batch.values(c.rows, 64)
	if c.err != nil {
		return
	}
	for i := range to {
		to[i] = le.Uint64(b[8*i:])
		if !valid.has(i) {
			to[i] = 0
		}
	}
}

func (c *column) entries(s *table.Series) {
	c.plain()
	items, n := c.vector(c.at, 5, 4)
	pair := c.refer(items)
	pairs, m := c.vector(pair, 5, 4)
	if c.number(c.at, 2, 1) != typeList || n != 1 || c.number(pair, 2, 1) != typeStruct || m != 2 ||
		c.form(c.refer(pairs)) != isUint32 || c.form(c.refer(pairs+4)) != isFloat32 {
		c.set("holds no lists of index and value")
		return
	}
	b := c.batch
	offsets := b.values(c.rows+1, 32)
	count := b.node()
	b.validity(0)
	if count < 0 || count > int64(len(b.body)) {
		c.set("%d entries", count)
		return
	}
	var at, of []byte
	for _, to := range []*[]byte{&at, &of} {
		if got := b.node(); got != count {
			c.set("%d indices or values of %d entries", got, count)
		}
		b.validity(0)
		*to = b.values(int(count), 32)
	}
	if c.err != nil {
		return
	}
	for i := range s.Starts {
		s.Starts[i] = int64(int32(le.Uint32(offsets[4*i:])))
	}
	if s.Starts[0] != 0 || s.Starts[c.rows] != count {
		c.set("rows from entry %d to %d of %d", s.Starts[0], s.Starts[c.rows], count)
		return
	}
	s.Index, s.Values = resize(s.Index, int(count)), resize(s.Values, int(count))
	for i := range s.Index {
		s.Index[i] = le.Uint32(at[4*i:])
		s.Values[i] = math.Float32frombits(le.Uint32(of[4*i:]))
	}
	if err := checkEntries(s, c.field.Width); err != nil {
		c.set("%w", err)
	}
}
