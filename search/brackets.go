package search

// brackets spreads trials over the brackets of Hyperband (Li et al., JMLR 18,
// 2018, Algorithm 1). Bracket b begins at rung b of a ladder whose highest rung
// is K, and there Hyperband starts n_b = ⌈(K+1)/(K-b+1) · eta^(K-b)⌉ trials of
// it. Here the trials of all brackets come one by one, and each goes to the
// bracket that is furthest behind its share, the lower one of two: after any
// number of trials each bracket has its share to within a few, and which trial
// belongs where depends on its number alone.
type brackets struct {
	weights []int64
	total   int64
	taken   []int64
	known   []int // by trial
}

func newBrackets(n, rungs, eta int) brackets {
	b := brackets{taken: make([]int64, n)}
	size := int64(1)
	for k := rungs - 1; k >= 0; k-- {
		if k < n {
			first := int64(rungs - k)
			b.weights = append([]int64{(int64(rungs)*size + first - 1) / first}, b.weights...)
		}
		size *= int64(eta)
	}
	for b.total = sum(b.weights); b.total > maxBudget; b.total = sum(b.weights) { // so that products with a trial's number fit
		for i := range b.weights {
			b.weights[i] = max(b.weights[i]/2, 1)
		}
	}
	return b
}

// of returns the bracket of a trial.
func (b *brackets) of(trial int) int {
	for len(b.known) <= trial {
		n := int64(len(b.known) + 1)
		best, behind := 0, int64(-1<<63)
		for i, w := range b.weights {
			if owed := w*n - b.total*b.taken[i]; owed > behind {
				best, behind = i, owed
			}
		}
		b.taken[best]++
		b.known = append(b.known, best)
	}
	return b.known[trial]
}

func sum(xs []int64) (total int64) {
	for _, x := range xs {
		total += x
	}
	return total
}
