package ensemble

import (
	"fmt"
	"slices"
	"sync"

	"tourney/dataset"
)

// Pool runs f(0) to f(n-1), each once, up to Slots of them at once. A
// *heat.Pool is one.
type Pool interface {
	Slots() int
	Do(n int, f func(i int))
}

// Serial is the pool of the caller's goroutine alone.
type Serial struct{}

// Slots is 1.
func (Serial) Slots() int { return 1 }

// Do calls f in order.
func (Serial) Do(n int, f func(i int)) {
	for i := range n {
		f(i)
	}
}

// blockRows is how many rows go through all trees together, so that a tree and
// their bins are in the cache. Blocks of fewer than fewRows, or for fewer than
// fewTrees, are not worth turning into columns.
const (
	blockRows = 1024
	fewRows   = 128
	fewTrees  = 4
)

// Predictor is an ensemble laid out for prediction. It may be used by many
// goroutines at once. It knows nothing of trees that come later.
type Predictor struct {
	ensemble *Ensemble
	few      func() []*layout // for few rows or trees, and for trees with many leaves
	many     func() *packing  // for many rows and trees
}

// NewPredictor lays out an ensemble, which has to be valid and is not to be
// changed afterwards.
func NewPredictor(e *Ensemble) *Predictor {
	p := &Predictor{ensemble: e}
	p.few = sync.OnceValue(func() []*layout {
		trees := make([]*layout, len(e.Trees))
		for i := range trees {
			trees[i] = e.lay(i)
		}
		return trees
	})
	p.many = sync.OnceValue(e.pack)
	return p
}

// Rounds is how many rounds the predictor knows.
func (p *Predictor) Rounds() int { return p.ensemble.Rounds() }

// Scores returns the scores of the rows of a binned matrix by the first rounds,
// [N×Outputs] row-major; all rounds if there are no more. The bits of a row
// depend neither on the other rows nor on the pool.
func (p *Predictor) Scores(pool Pool, m *dataset.Matrix, rounds int) []float64 {
	return p.scores(pool, m, rounds, nil)
}

// scores is Scores, of rows of which some bins are replaced as add says.
func (p *Predictor) scores(pool Pool, m *dataset.Matrix, rounds int, replace func(rows []uint8, at int)) []float64 {
	e := p.ensemble
	rounds = min(max(0, rounds), p.Rounds())
	out := make([]float64, m.N*e.Outputs)
	if !e.Average {
		for i := range out {
			out[i] = e.Base[i%e.Outputs]
		}
	}
	p.add(pool, m, 0, rounds, out, replace)
	if e.Average {
		for i := range out {
			out[i] = e.Base[i%e.Outputs] + out[i]/float64(max(1, rounds))
		}
	}
	return out
}

// Add adds what the rounds from one on and below another add to the scores of
// the rows, without Base and without a mean. Rounds that are added one after
// another give the bits of rounds that are added at once.
func (p *Predictor) Add(pool Pool, m *dataset.Matrix, from, to int, scores []float64) {
	p.add(pool, m, from, to, scores, nil)
}

// add is Add, for rows of which some bins are replaced by others, if replace is
// not nil: it is given bins of rows, and the place of their first.
func (p *Predictor) add(pool Pool, m *dataset.Matrix, from, to int, scores []float64, replace func(rows []uint8, at int)) {
	e := p.ensemble
	from, to = from*e.PerRound, to*e.PerRound
	blocks := cut(m, blockRows)
	pool.Do(len(blocks), func(i int) {
		b := blocks[i]
		rows := m.Bins[b.from*m.D : b.to*m.D]
		if replace != nil {
			rows = slices.Clone(rows)
			replace(rows, b.at)
		}
		own := scores[b.at*e.Outputs : (b.at+b.to-b.from)*e.Outputs]
		if b.to-b.from < fewRows || to-from < fewTrees {
			for _, l := range p.few()[from:to] {
				l.add(rows, m.D, own, e.Outputs)
			}
			return
		}
		p.addMany(from, to, rows, m.D, own)
	})
}

// addMany adds what trees add to the scores of a block of many rows.
func (p *Predictor) addMany(from, to int, rows []uint8, d int, scores []float64) {
	n, pack := len(rows)/d, p.many()
	scratch := make([]uint8, n*len(pack.columns))
	columns := make([][]uint8, len(pack.columns))
	for i, f := range pack.columns {
		columns[i] = scratch[i*n : (i+1)*n]
		for row := range columns[i] {
			columns[i][row] = rows[row*d+int(f)]
		}
	}
	forbidden := make([]uint64, n)
	for _, b := range pack.bundles {
		switch {
		case b.from+max(1, len(b.trees)) <= from || b.from >= to:
		case len(b.trees) == 0:
			p.few()[b.from].add(rows, d, scores, p.ensemble.Outputs)
		default:
			b.add(from, to, columns, forbidden, scores, p.ensemble.Outputs)
		}
	}
}

// add adds what the tree adds to the scores of rows of d bins.
func (l *layout) add(rows []uint8, d int, scores []float64, outputs int) {
	if l.leaf == nil {
		l.addOne(rows, d, scores[l.first:], outputs)
	} else {
		l.addMany(rows, d, scores, outputs)
	}
}

// addOne adds a tree with one value a leaf to scores that are stride apart.
func (l *layout) addOne(rows []uint8, d int, scores []float64, stride int) {
	values, at := l.values, 0
	for ; len(rows) >= group*d; rows = rows[group*d:] {
		i, j, k, m := l.walk(rows, d)
		scores[at] += values[i]
		scores[at+stride] += values[j]
		scores[at+2*stride] += values[k]
		scores[at+3*stride] += values[m]
		at += group * stride
	}
	for ; len(rows) > 0; rows = rows[d:] {
		scores[at] += values[l.node(rows)]
		at += stride
	}
}

// addMany adds a tree with a value a leaf and output.
func (l *layout) addMany(rows []uint8, d int, scores []float64, outputs int) {
	add := func(node uint32) {
		leaf := int(l.leaf[node])
		for k, v := range l.values[leaf*outputs : (leaf+1)*outputs] {
			scores[k] += v
		}
		scores = scores[outputs:]
	}
	for ; len(rows) >= group*d; rows = rows[group*d:] {
		i, j, k, m := l.walk(rows, d)
		add(i)
		add(j)
		add(k)
		add(m)
	}
	for ; len(rows) > 0; rows = rows[d:] {
		add(l.node(rows))
	}
}

// block is rows of a dataset that follow each other, and the first one's place
// in a matrix.
type block struct{ from, to, at int }

// cut cuts the rows of a matrix into blocks of at most size rows.
func cut(m *dataset.Matrix, size int) []block {
	var out []block
	at := 0
	for _, s := range m.Spans {
		for from := s.From; from < s.To; from += size {
			to := min(from+size, s.To)
			out = append(out, block{from, to, at})
			at += to - from
		}
	}
	return out
}

// Matrix returns rows of bins, [n×features] row-major, as a matrix.
func (e *Ensemble) Matrix(bins []uint8) (*dataset.Matrix, error) {
	d := len(e.Features.Features)
	if d == 0 || len(bins)%d != 0 {
		return nil, fmt.Errorf("ensemble: %d bins are no rows of %d features", len(bins), d)
	}
	n := len(bins) / d
	return &dataset.Matrix{N: n, D: d, Bins: bins, Spans: []dataset.Span{{From: 0, To: n}}}, nil
}
