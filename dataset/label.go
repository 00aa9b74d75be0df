package dataset

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"tourney"
	"tourney/dataset/shard"
	"tourney/dataset/table"
)

// labels reads the target and the weight of a row.
type labels struct {
	ds     *tourney.Dataset
	values map[float64]float32 // classes of a numeric target
}

func newLabels(ds *tourney.Dataset) (*labels, error) {
	l := &labels{ds: ds}
	i := slices.IndexFunc(ds.Columns, func(c tourney.Column) bool { return c.Name == ds.Target })
	if i < 0 {
		return nil, fmt.Errorf("%w: there is no target %s", shard.ErrSchema, ds.Target)
	}
	c := &ds.Columns[i]
	switch {
	case ds.Task == tourney.Regression && c.Kind.Numeric():
		return l, nil
	case ds.Task == tourney.Classification && c.Kind == tourney.Category:
		if !slices.Equal(ds.Classes, c.Categories) {
			return nil, fmt.Errorf("%w: the classes are not the values of column %s", shard.ErrSchema, c.Name)
		}
		return l, nil
	case ds.Task == tourney.Classification && c.Kind.Numeric():
		l.values = make(map[float64]float32, len(ds.Classes))
		for i, name := range ds.Classes {
			v, err := classValue(c.Kind, name)
			if err != nil {
				return nil, fmt.Errorf("%w: class %q of the %s column %s", shard.ErrSchema, name, c.Kind, c.Name)
			}
			l.values[v] = float32(i)
		}
		return l, nil
	}
	return nil, fmt.Errorf("%w: the target %s is a %s, which is nothing for %s", shard.ErrSchema, c.Name, c.Kind, ds.Task)
}

// classValue returns the number that the name of a class stands for.
func classValue(kind tourney.ColumnKind, name string) (float64, error) {
	if b, err := strconv.ParseBool(name); err == nil && kind == tourney.Boolean {
		if b {
			return 1, nil
		}
		return 0, nil
	}
	return strconv.ParseFloat(name, 64)
}

// columns returns the names of the columns that labels are read from.
func (l *labels) columns() []string {
	names := []string{l.ds.Target}
	if l.ds.Weight != "" {
		names = append(names, l.ds.Weight)
	}
	return names
}

// target returns the target of a row, or the number of its class.
func (l *labels) target(s *table.Series, row int) (float32, error) {
	switch {
	case s.Missing(row):
		return 0, fmt.Errorf("%w: row %d has no target", shard.ErrSchema, row)
	case s.Kind == tourney.Category:
		return float32(s.Codes[row]), nil
	case l.values != nil:
		class, ok := l.values[s.Numbers[row]+0]
		if !ok {
			return 0, fmt.Errorf("%w: row %d is of no class", shard.ErrSchema, row)
		}
		return class, nil
	}
	y := float32(s.Numbers[row])
	if math.IsInf(float64(y), 0) {
		return 0, fmt.Errorf("%w: row %d has the target %v, which a float32 does not hold", shard.ErrSchema, row, s.Numbers[row])
	}
	return y, nil
}

// weight returns the weight of a row.
func (l *labels) weight(s *table.Series, row int) (float32, error) {
	w := math.NaN()
	if s.Kind.Numeric() {
		w = s.Numbers[row]
	}
	if !(w >= 0 && w <= math.MaxFloat32) {
		return 0, fmt.Errorf("%w: row %d has the weight %v", shard.ErrSchema, row, w)
	}
	return float32(w), nil
}

// outputs is how many means a target is summed up by: one, or one for each of
// more than two classes.
func (l *labels) outputs() int {
	if n := len(l.ds.Classes); n > 2 {
		return n
	}
	return 1
}
