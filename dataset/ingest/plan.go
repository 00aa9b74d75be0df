package ingest

import (
	"slices"
	"unicode/utf8"

	"tourney"
	"tourney/dataset/shard"
	"tourney/dataset/table"
)

// plan is what the first pass decides: the columns, the task, and how rows lie
// between the second pass and the shards.
//
// A row is a record of fixed length, column by column: 4 or 8 bytes a number
// (float32 where that holds all values of the column exactly), 1 a boolean, 8
// a date, 4 a code, 8 the hash of a text; after it the entries of the sparse
// column, if there is one, 8 bytes each.
type plan struct {
	req     *tourney.DatasetRequest
	task    tourney.Task
	classes []string
	values  []float64 // of the classes, sorted, if the target is a number
	sizes   []int64   // rows of each class
	columns []column
	target  *column
	group   *column
	time    *column
	weight  *column
	split   *column // the split column, which is not among columns
	sparse  *column
	kept    int64
	marked  int64
	groups  []int64
	record  int // bytes of the fixed part
}

// column is a column that is kept.
type column struct {
	*profile
	at     int // in the source
	kind   tourney.ColumnKind
	why    string
	names  []string // of the levels
	place  []int32  // code of each level as the profile numbers them
	width  int      // bytes in a record
	offset int
}

func newPlan(s *scan, hints table.Hints) (*plan, error) {
	p := &plan{req: s.req, kept: s.kept, marked: s.marked, groups: s.groups}
	p.columns = make([]column, 0, len(s.fields))
	for i, profile := range s.profiles {
		if profile == nil {
			continue
		}
		c := column{profile: profile, at: i}
		if c.role == roleSplit {
			p.split = &c
			continue
		}
		c.kind, c.why = profile.kind()
		if err := c.layOut(hints); err != nil {
			return nil, err
		}
		c.offset = p.record
		p.record += c.width
		p.columns = append(p.columns, c)
	}
	for i := range p.columns {
		c := &p.columns[i]
		switch c.role {
		case roleTarget:
			p.target = c
		case roleGroup:
			p.group = c
		case roleTime:
			p.time = c
		case roleWeight:
			p.weight = c
		}
		if c.kind == tourney.Sparse {
			p.sparse = c
		}
	}
	if err := p.checkRoles(); err != nil {
		return nil, err
	}
	return p, p.findTask()
}

// layOut decides how the column's values lie in a record.
func (c *column) layOut(hints table.Hints) error {
	switch c.kind {
	case tourney.Number:
		c.width = 4
		if c.wide {
			c.width = 8
		}
	case tourney.Boolean:
		c.width = 1
	case tourney.Category:
		c.width = 4
		if len(c.givenLevels()) > 0 {
			return c.giveLevels()
		}
		c.names, c.place = c.levels.sorted()
		for _, name := range c.names {
			if !utf8.ValidString(name) {
				return invalid(0, columnPath(c.field.Name), "the value %s is no text in UTF-8; convert the file, or drop the column", quote(name))
			}
		}
	case tourney.Sparse:
		c.features = max(c.features, uint32(hints.Features))
	default:
		c.width = 8
	}
	return nil
}

// giveLevels takes the levels of the request, whose order they keep.
func (c *column) giveLevels() error {
	c.names = slices.Clone(c.given.Levels)
	c.place = make([]int32, c.levels.len())
	for i := range c.place {
		c.place[i] = int32(slices.Index(c.names, string(c.levels.text(int32(i)))))
	}
	return nil
}

// schema is that of the shards for a use.
func (p *plan) schema(use shard.Use) shard.Schema {
	s := shard.Schema{Target: p.target.field.Name, Use: use}
	for i := range p.columns {
		c := &p.columns[i]
		f := shard.Field{Name: c.field.Name, Kind: c.kind, Levels: c.names}
		if c.kind == tourney.Sparse {
			f.Width = int(c.features)
		}
		s.Fields = append(s.Fields, f)
	}
	return s
}

// checkRoles refuses columns that cannot be what the request says.
func (p *plan) checkRoles() error {
	if t := p.time; t != nil && t.kind != tourney.Date && t.kind != tourney.Number {
		e := t.notDate
		if !e.set() {
			e = t.notNumber
		}
		if t.ambiguous() {
			return invalid(0, columnPath(t.field.Name), "no value tells the day from the month; give the column the type date to read the month first, or write dates as %s", dateNames[isoDate])
		}
		return invalid(e.line, columnPath(t.field.Name), "%s is not of the dates or numbers that the time column must hold in all rows", quote(e.text))
	}
	w := p.weight
	if w == nil {
		return nil
	}
	switch {
	case w.kind != tourney.Number:
		return invalid(w.notNumber.line, columnPath(w.field.Name), "%s is no number, which a weight must be", quote(w.notNumber.text))
	case w.negative.set():
		return invalid(w.negative.line, columnPath(w.field.Name), "the weight %s is negative; weights are 0 or more", w.negative.text)
	case w.huge.set():
		return invalid(w.huge.line, columnPath(w.field.Name), "the weight is too large for a 32-bit float; divide the column by a power of ten")
	}
	return nil
}

const (
	fewClasses = 20   // whole numbers up to so many distinct ones are taken for classes
	maxClasses = 1000 // of a classification
)

// findTask decides the task and checks that the target suits it.
func (p *plan) findTask() error {
	t := p.target
	path := columnPath(t.field.Name)
	values, sizes, known := t.classValues()
	p.task = p.req.Task
	if p.task == "" {
		p.task = tourney.Regression
		if !t.kind.Numeric() || t.kind == tourney.Number && known && looksLikeClasses(values) {
			p.task = tourney.Classification
		}
	}
	if p.task == tourney.Regression {
		switch {
		case !t.kind.Numeric() && !t.notNumber.set():
			return invalid(0, path, "it holds a %s, and the target of a regression must be a number; use task classification", t.kind)
		case !t.kind.Numeric():
			return invalid(t.notNumber.line, path, "%s is not a number, which the target of a regression must be; use task classification, or correct it", quote(t.notNumber.text))
		case t.huge.set():
			return invalid(t.huge.line, path, "the number is too large for a target, which is kept as a 32-bit float; divide the column by a power of ten")
		case known && len(values) < 2:
			return invalid(0, path, "it is %s in every row; there is nothing to learn", formatNumber(values[0]))
		}
		return nil
	}
	switch {
	case t.kind == tourney.Category:
		p.classes, p.sizes = t.names, make([]int64, len(t.names))
		for i, code := range t.place {
			p.sizes[code] += t.levels.counts[i]
		}
	case t.kind == tourney.Number && known:
		p.values, p.sizes = values, sizes
		for _, v := range values {
			p.classes = append(p.classes, formatNumber(v))
		}
	case t.kind == tourney.Date:
		return invalid(0, path, "it holds dates, which are no classes; use task regression, or give it the type category")
	}
	return p.checkClasses(path)
}

func (p *plan) checkClasses(path string) error {
	present := 0
	for _, n := range p.sizes {
		if n > 0 {
			present++
		}
	}
	switch n := len(p.classes); {
	case n == 0 || n > maxClasses:
		return invalid(0, path, "it has more than %s distinct values, which is too many classes; use task regression if it is a number, or drop rows of rare classes", grouped(maxClasses))
	case present < 2:
		return invalid(0, path, "it is %s in every row; a classification needs at least 2 classes", quote(p.classes[slices.IndexFunc(p.sizes, func(n int64) bool { return n > 0 })]))
	}
	return nil
}

// classValues returns the distinct numbers of a target, sorted, with how often
// each is there, if they are few enough to be known.
func (c *column) classValues() (values []float64, sizes []int64, known bool) {
	if c.kind != tourney.Number || c.levels == nil {
		return nil, nil, false
	}
	counts := map[float64]int64{}
	for i, n := range c.levels.counts {
		v, _ := c.parse(c.levels.text(int32(i)))
		if _, ok := counts[v]; !ok {
			values = append(values, v)
		}
		counts[v] += n
	}
	slices.Sort(values)
	for _, v := range values {
		sizes = append(sizes, counts[v])
	}
	return values, sizes, true
}

// looksLikeClasses reports whether the distinct values are few and whole.
func looksLikeClasses(values []float64) bool {
	return len(values) <= fewClasses && !slices.ContainsFunc(values, func(v float64) bool { return v != float64(int64(v)) })
}

// describe returns the column as a dataset has it, without its statistics.
func (c *column) describe() tourney.Column {
	d := tourney.Column{Name: c.field.Name, Kind: c.kind, Why: c.why, Categories: c.names, Ordered: len(c.givenLevels()) > 0}
	if c.kind == tourney.Sparse {
		d.Width = int(c.features)
	}
	return d
}
