package kernels

import "iter"

//go:generate go run ./gen/elementwise

// How elementwise loops are cut for the kernels of vectors, vec…, which
// gen/elementwise writes. They work on rows of vectors, and a vector does not
// reach over the end of a row. As elements are independent, rows that are
// shorter than a vector or two are joined to longer ones first, with their
// column parameters repeated.

const (
	// block is how many elements a call takes at most, so that it does not keep
	// the garbage collector waiting: some 50 µs.
	block = 1 << 13
	// narrow is below how many columns rows are joined, to rows of at most wide.
	narrow, wide = 32, 64
)

// blocks yields the start and the length of each block of n elements.
func blocks(n int) iter.Seq2[int, int] { return spans(n, block) }

// rowBlocks yields the start and the number of the rows of each block.
func rowBlocks(n, c int) iter.Seq2[int, int] { return spans(n, max(block/max(c, 1), 1)) }

func spans(n, step int) iter.Seq2[int, int] {
	return func(yield func(int, int) bool) {
		for i := 0; i < n; i += step {
			if !yield(i, min(step, n-i)) {
				return
			}
		}
	}
}

// hypers is how many hyperparameters a kernel has at most.
const hypers = 12

type (
	// columns are arrays of one element a column.
	columns [hypers][]float32
	// scalars are words, most of them the bits of a float32.
	scalars [hypers]uint32
	// joined has room for the columns of joined rows.
	joined [hypers * wide]float32
)

// join repeats the columns of c elements as often as wide allows, and returns
// them and their new number. They are results, as is what follows from them,
// so that buf may lie on the stack.
func (p columns) join(buf *joined, c int) (columns, int) {
	times := wide / c
	for h, column := range p {
		if column == nil {
			continue
		}
		long := buf[h*wide : h*wide+times*c]
		for t := range times {
			copy(long[t*c:], column[:c])
		}
		p[h] = long
	}
	return p, times * c
}

// panel is the part of a matrix that is next for a kernel with columns p: n
// rows of c, from element at.
type panel struct {
	p        columns
	at, n, c int
	end      int // of the elements
}

// panels begins with a matrix [n×c]; next leads to the first part.
func panels(n, c int, buf *joined, p columns) panel {
	count := n * c
	if c < narrow {
		p, c = p.join(buf, c)
	}
	return panel{p: p, c: c, end: count}
}

// next leads to the next part, if there is one. The last may be a row of its own
// that is shorter.
func (p *panel) next() bool {
	p.at += p.n * p.c
	rest := p.end - p.at
	if rest == 0 {
		return false
	}
	p.n = min(rest/p.c, max(block/p.c, 1))
	if p.n == 0 {
		p.n, p.c = 1, rest
	}
	return true
}
