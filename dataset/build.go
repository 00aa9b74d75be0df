package dataset

import (
	"context"
	"fmt"
	"io"
	"slices"

	"tourney"
)

// recipe is what a matrix file is made of. Its text is the file's key.
type recipe struct {
	version    string
	kind       tourney.JobKind
	validation tourney.Validation // of a rung
	fold       int
	preprocess tourney.Preprocess
	form       Form
}

// fileFormat changes whenever the same recipe makes something else.
const fileFormat = 1

func (r *recipe) key() string {
	return fmt.Sprintf("%d %s %s %s#%d %s %+v", fileFormat, r.version, r.kind, r.validation, r.fold, r.form, r.preprocess)
}

// maker makes one matrix file.
type maker struct {
	*rows
	*recipe
	*fileWriter
	labels *labels
}

// make writes the matrix of a recipe to a file.
func (m *maker) make(ctx context.Context) error {
	var err error
	if m.labels, err = newLabels(m.ds); err != nil {
		return err
	}
	if m.form == Binned {
		return m.makeBinned(ctx)
	}
	n := m.ds.Rows - m.ds.TestRows
	c := cutting{[]span{{0, n}}, span{n, m.ds.Rows}}
	if m.kind == tourney.JobRung {
		cuts, err := m.cut(ctx, m.validation)
		if err != nil {
			return err
		}
		c = cuts[m.fold]
	}
	for _, s := range c.train {
		m.Train += s.rows()
	}
	m.Rows = m.Train + c.other.rows()
	if m.Prep, err = m.fit(ctx, c.train, m.Train, m.preprocess); err != nil {
		return err
	}
	m.Width = m.Prep.Width()
	if err := checkSize(m.Rows, m.Width, m.form); err != nil {
		return err
	}
	if err := m.disk.trim(int64(m.Rows) * int64(m.Width+1) * 4); m.form == Dense && err != nil {
		return err
	}
	m.reserveLabels()
	spans := append(slices.Clone(c.train), c.other)
	if m.form == CSR {
		return m.writeCSR(ctx, spans)
	}
	return m.writeDense(ctx, spans)
}

func (m *maker) reserveLabels() {
	m.reserve("y", int64(m.Rows)*4)
	if m.ds.Weight != "" {
		m.reserve("w", int64(m.Rows)*4)
	}
}

// columns returns the names of the columns that a matrix is made of.
func (m *maker) columns() []string {
	names := m.labels.columns()
	for _, c := range features(m.ds) {
		names = append(names, c.Name)
	}
	return names
}

// writeLabels writes the targets and weights of a chunk.
func (m *maker) writeLabels(c *chunk) error {
	y := make([]float32, c.hi-c.lo)
	s := c.series(m.ds.Target)
	for i := range y {
		var err error
		if y[i], err = m.labels.target(s, c.lo+i); err != nil {
			return err
		}
	}
	if err := m.put("y", int64(c.at)*4, raw(y)); err != nil || m.ds.Weight == "" {
		return err
	}
	s = c.series(m.ds.Weight)
	for i := range y {
		var err error
		if y[i], err = m.labels.weight(s, c.lo+i); err != nil {
			return err
		}
	}
	return m.put("w", int64(c.at)*4, raw(y))
}

// pieceBytes is about how much of a matrix is made at once on one core.
const pieceBytes = 4 << 20

// pieces cuts a chunk into runs of rows that are made side by side. A run does
// not hold both training rows and others, since the spans do not.
func pieces(c *chunk, rowBytes int) []chunk {
	rows := max(1, pieceBytes/max(1, rowBytes))
	var out []chunk
	for lo := c.lo; lo < c.hi; lo += rows {
		out = append(out, chunk{c.frame, lo, min(lo+rows, c.hi), c.at + lo - c.lo})
	}
	return out
}

// place returns at if the rows there are training rows, -1 otherwise.
func (m *maker) place(at int) int {
	if at < m.Train {
		return at
	}
	return -1
}

func (m *maker) writeDense(ctx context.Context, spans []span) error {
	m.reserve("x", int64(m.Rows)*int64(m.Width)*4)
	return m.scan(ctx, spans, m.columns(), func(c *chunk) error {
		if err := m.writeLabels(c); err != nil {
			return err
		}
		a, err := m.Prep.on(c.frame)
		if err != nil {
			return err
		}
		parts := pieces(c, 4*m.Width)
		return parallel(len(parts), func(i int) error {
			p := parts[i]
			x := make([]float32, (p.hi-p.lo)*m.Width)
			a.dense(x, p.lo, p.hi, m.place(p.at))
			return m.put("x", int64(p.at)*int64(m.Width)*4, raw(x))
		})
	})
}

// writeCSR writes rows of which nobody knows how many entries they have: the
// values wait in a file of their own until it is known where they begin.
func (m *maker) writeCSR(ctx context.Context, spans []span) error {
	values, err := m.disk.scratch()
	if err != nil {
		return err
	}
	defer values.Close()
	m.reserve("ptr", int64(m.Rows+1)*8)
	m.reserve("col", 0)
	total := int64(0)
	err = m.scan(ctx, spans, m.columns(), func(c *chunk) error {
		if err := m.writeLabels(c); err != nil {
			return err
		}
		a, err := m.Prep.on(c.frame)
		if err != nil {
			return err
		}
		parts := pieces(c, 8*len(m.Prep.Inputs)+entryBytes(c))
		made := make([]*sparseRows, len(parts))
		err = parallel(len(parts), func(i int) error {
			made[i] = a.entries(parts[i].lo, parts[i].hi, m.place(parts[i].at))
			return nil
		})
		if err != nil {
			return err
		}
		for i, s := range made {
			for k := range s.ends {
				s.ends[k] += total
			}
			if err := m.put("ptr", int64(parts[i].at+1)*8, raw(s.ends)); err != nil {
				return err
			}
			if err := m.put("col", total*4, raw(s.cols)); err != nil {
				return err
			}
			if _, err := values.WriteAt(raw(s.vals), total*4); err != nil {
				return err
			}
			total += int64(len(s.cols))
		}
		return nil
	})
	if err != nil {
		return err
	}
	at := m.Arrays["col"].From
	m.Arrays["col"] = region{at, total * 4}
	m.end = at + total*4
	m.reserve("val", total*4)
	_, err = io.Copy(io.NewOffsetWriter(m.file, m.Arrays["val"].From), io.NewSectionReader(values, 0, total*4))
	return err
}

// entryBytes is about how many bytes the sparse entries of a row take.
func entryBytes(c *chunk) int {
	n := 0
	for i := range c.frame.Series {
		if s := &c.frame.Series[i]; s.Kind == tourney.Sparse && s.Starts != nil {
			n += 8 * len(s.Index) / max(1, c.frame.Rows)
		}
	}
	return n
}
