package appraise

import (
	"cmp"
	"math/rand/v2"
	"slices"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/kernels"
)

// How much work the importance of columns may be: at most so many rows are
// asked about in all, each column being shuffled so many times.
const (
	maxColumns = 512
	maxAsked   = 1 << 18
	maxSampled = 2048
	shuffles   = 5
)

// leastProbability is what a log loss believes in at least, as in metrics.
const leastProbability = 0x1p-23

// group is the features that a column became: those from one on and below
// another.
type group struct {
	column   string
	from, to int
}

// importance is that of permutations (Breiman 2001, section 10): by how much the
// loss grows when a column's values are shuffled among rows. Features that one
// column became move together. It is measured on the first rows alone, and not
// at all if there are too many columns.
func importance(m heat.Model, data *dataset.Data, all *rows) (_ []tourney.ColumnImportance, sampled int) {
	groups := groupsOf(data.Folds[0])
	if len(groups) == 0 || len(groups) > maxColumns {
		return nil, 0
	}
	n := min(all.n, maxSampled, max(64, maxAsked/shuffles/len(groups)))
	if n < 2 {
		return nil, 0
	}
	orders := make([][]int, shuffles)
	random := rand.New(rand.NewPCG(1, 1))
	for i := range orders {
		orders[i] = random.Perm(n)
	}
	sample := take(data.Test, n)
	part := &rows{n: n, k: all.k, y: all.y[:n], out: all.out[:n*all.k]}
	if all.w != nil {
		part.w = all.w[:n]
	}
	base := part.loss(data.Task)
	out := make([]tourney.ColumnImportance, len(groups))
	for i, g := range groups {
		sum := 0.0
		for _, order := range orders {
			part.out = predict(m, sample.shuffled(g, order), n, all.k)
			if !finite(part.out) {
				return nil, 0
			}
			sum += part.loss(data.Task)
		}
		out[i] = tourney.ColumnImportance{Column: g.column, Rise: sum/shuffles - base}
	}
	slices.SortStableFunc(out, func(a, b tourney.ColumnImportance) int { return cmp.Compare(b.Rise, a.Rise) })
	return out, n
}

// loss is the mean log loss, or squared error.
func (r *rows) loss(task tourney.Task) float64 {
	var sum, weights float64
	for i, y := range r.y {
		var miss float64
		if task == tourney.Classification {
			p := float64(r.out[i*r.k+int(y)])
			miss = -kernels.Log64(min(max(p, leastProbability), 1-leastProbability))
		} else {
			d := float64(r.out[i]) - float64(y)
			miss = float64(d * d)
		}
		sum += float64(r.weight(i) * miss)
		weights += r.weight(i)
	}
	if weights == 0 {
		return 0
	}
	return sum / weights
}

// groupsOf says which features each column became.
func groupsOf(f *dataset.Fold) []group {
	if f.Bins != nil {
		return binnedGroups(f.Bins)
	}
	var out []group
	at := 0
	for i := range f.Prep.Inputs {
		in := &f.Prep.Inputs[i]
		out = append(out, group{in.Name, at, at + in.Outputs()})
		at += in.Outputs()
	}
	return out
}

func binnedGroups(b *dataset.Binning) []group {
	var out []group
	for i := range b.Features {
		name := b.Features[i].Column()
		if last := len(out) - 1; last >= 0 && out[last].column == name {
			out[last].to = i + 1
			continue
		}
		out = append(out, group{name, i, i + 1})
	}
	return out
}

// sample is the first rows of a matrix, which it copies.
type sample struct{ dataset.Matrix }

// take copies the first n rows.
func take(m *dataset.Matrix, n int) *sample {
	s := &sample{dataset.Matrix{N: n, D: m.D, Y: m.Y[:n]}}
	switch {
	case m.Bins != nil:
		s.Bins = make([]uint8, 0, n*m.D)
		for _, span := range m.Spans {
			to := min(span.To, span.From+n-len(s.Bins)/max(1, m.D))
			s.Bins = append(s.Bins, m.Bins[span.From*m.D:max(span.From, to)*m.D]...)
		}
		s.Spans = []dataset.Span{{From: 0, To: n}}
	case m.RowPtr != nil:
		first, last := m.RowPtr[0], m.RowPtr[n]
		s.RowPtr = make([]int64, n+1)
		for i := range s.RowPtr {
			s.RowPtr[i] = m.RowPtr[i] - first
		}
		s.Col, s.Val = m.Col[first:last], m.Val[first:last]
	default:
		s.X = m.X[:n*m.D]
	}
	return s
}

// shuffled returns the rows with the values of a group's features taken from
// other rows: row i has those of row order[i].
func (s *sample) shuffled(g group, order []int) *dataset.Matrix {
	out := s.Matrix
	switch {
	case s.Bins != nil:
		out.Bins = slices.Clone(s.Bins)
		for i, from := range order {
			copy(out.Bins[i*s.D+g.from:i*s.D+g.to], s.Bins[from*s.D+g.from:from*s.D+g.to])
		}
	case s.RowPtr != nil:
		s.shuffleSparse(&out, g, order)
	default:
		out.X = slices.Clone(s.X)
		for i, from := range order {
			copy(out.X[i*s.D+g.from:i*s.D+g.to], s.X[from*s.D+g.from:from*s.D+g.to])
		}
	}
	return &out
}

// shuffleSparse is shuffled for rows of entries: those before the group, those
// of the other row in it, and those behind it.
func (s *sample) shuffleSparse(out *dataset.Matrix, g group, order []int) {
	out.RowPtr = make([]int64, 1, len(order)+1)
	out.Col, out.Val = make([]uint32, 0, len(s.Col)), make([]float32, 0, len(s.Val))
	add := func(row, from, to int) {
		for i := s.RowPtr[row]; i < s.RowPtr[row+1]; i++ {
			if c := int(s.Col[i]); c >= from && c < to {
				out.Col, out.Val = append(out.Col, s.Col[i]), append(out.Val, s.Val[i])
			}
		}
	}
	for i, from := range order {
		add(i, 0, g.from)
		add(from, g.from, g.to)
		add(i, g.to, s.D)
		out.RowPtr = append(out.RowPtr, int64(len(out.Col)))
	}
}
