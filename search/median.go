package search

import "tourney"

// median is the automated stopping rule of Golovin et al., "Google Vizier: A
// Service for Black-Box Optimization", KDD 2017, section 3.2.2: a trial ends at
// a step if its best loss by then is strictly worse than the median, over the
// others, of the running averages of their losses up to that step.
//
// It looks at every rung. A running average is that of the losses at the rungs
// so far, and the others are the trials that came to this one before, ended
// later or not. Nobody ends at a rung that fewer than min_trials have come to.
type median struct {
	ladder   []int
	need     int
	averages []middle  // of the rungs but the highest, of the trials that came to it
	total    []float64 // by trial: of its losses
	best     []float64 // by trial
	turns
}

func newMedian(spec tourney.Spec, _ tourney.Plan, ladder []int) Scheduler {
	m := &median{ladder: ladder, need: spec.EarlyTerminate.MinTrials}
	for range len(ladder) - 1 {
		m.averages = append(m.averages, newMiddle(1, 2))
	}
	return m
}

func (m *median) Enter(tourney.Proposed) (ladder []int, first int) { return m.ladder, 0 }

func (m *median) Finish(f Finished) {
	best := bestOf(&m.best, f)
	for len(m.total) <= f.Trial {
		m.total = append(m.total, 0)
	}
	m.total[f.Trial] += f.Last
	if f.Rung >= len(m.averages) {
		return
	}
	others := &m.averages[f.Rung]
	m.judge(f.Trial, f.Rung, others.len() < m.need || !(best > others.quantile()))
	others.insert(m.total[f.Trial] / float64(f.Rung+1))
}

// middle holds numbers, of which it knows the quantile at num/den: the number
// at that share of the way from the least to the greatest, on the line between
// the two numbers next to it. It is O(log n) for each number.
type middle struct {
	num, den int
	low      heap[float64] // the least ones, the greatest of them first
	high     heap[float64]
}

func newMiddle(num, den int) middle {
	return middle{
		num: num, den: den,
		low:  heap[float64]{before: func(a, b float64) bool { return a > b }},
		high: heap[float64]{before: func(a, b float64) bool { return a < b }},
	}
}

func (m *middle) len() int { return m.low.len() + m.high.len() }

func (m *middle) insert(x float64) {
	if m.low.len() > 0 && x < m.low.peek() {
		m.low.push(x)
	} else {
		m.high.push(x)
	}
	for want := m.num*(m.len()-1)/m.den + 1; m.low.len() < want; {
		m.low.push(m.high.pop())
	}
	for want := m.num*(m.len()-1)/m.den + 1; m.low.len() > want; {
		m.high.push(m.low.pop())
	}
}

// quantile is of at least one number.
func (m *middle) quantile() float64 {
	lo := m.low.peek()
	part := m.num * (m.len() - 1) % m.den
	if part == 0 {
		return lo
	}
	hi := m.high.peek()
	if lo == hi {
		return lo // also if both are infinite
	}
	return lo + (hi-lo)*(float64(part)/float64(m.den))
}
