package search

import "math"

// ranking ranks the trials that have finished a rung, and knows the best
// ⌊n/eta⌋ of them.
type ranking interface {
	// insert takes in a trial that finished the rung.
	insert(e *entry)
	// best returns the best of those best that was not promoted and may be, or
	// nil.
	best() *entry
	// holds reports whether an entry is among those best, or no worse than the
	// last of them.
	holds(e *entry) bool
	// size returns how many have finished the rung.
	size() int
}

// entry is the place of a trial at the rung that it finished last.
type entry struct {
	trial     int
	loss      float64
	losses    []float64 // of several objectives
	violation float64
	seq       int // its place in the order of folding, counted by its ranking
	inTop     bool
	inReady   bool
	promoted  bool
}

func entryOf(f Finished) *entry {
	return &entry{trial: f.Trial, loss: f.Loss, losses: f.Losses, violation: f.Violation}
}

// finite reports whether the trial has what it takes to go on: a value of each
// objective, and of each metric that has a bound.
func (e *entry) finite() bool {
	sum := e.loss + e.violation
	for _, loss := range e.losses {
		sum += loss
	}
	return !math.IsInf(sum, 1) && !math.IsNaN(sum)
}

// before is the order of one objective: what keeps the bounds first, then by
// violation, loss and the order of folding.
func (e *entry) before(f *entry) bool {
	switch {
	case e.violation != f.violation:
		return e.violation < f.violation
	case e.loss != f.loss:
		return e.loss < f.loss
	}
	return e.seq < f.seq
}

// rung is the ranking by one objective, O(log n) for each of its methods,
// amortised.
//
// top holds the best ⌊n/eta⌋ + extra, its worst one first, and rest the others,
// best first; as n grows, entries move between the two. ready holds those of
// top that may be promoted, best first. An entry that was promoted or fell out
// of top stays in ready until it comes to the front.
type rung struct {
	eta   int
	extra int
	n     int
	top   heap[*entry]
	rest  heap[*entry]
	ready heap[*entry]
}

func newRung(eta int) *rung {
	best := (*entry).before
	worst := func(e, f *entry) bool { return f.before(e) }
	return &rung{eta: eta, top: heap[*entry]{before: worst}, rest: heap[*entry]{before: best}, ready: heap[*entry]{before: best}}
}

func (r *rung) size() int { return r.n }

func (r *rung) insert(e *entry) {
	e.seq = r.n
	r.n++
	if r.top.len() > 0 && e.before(r.top.peek()) {
		worst := r.top.pop()
		worst.inTop = false
		r.rest.push(worst)
		r.rise(e)
	} else {
		r.rest.push(e)
	}
	if r.n/r.eta+r.extra > r.top.len() {
		r.rise(r.rest.pop())
	}
}

// rise puts an entry into top.
func (r *rung) rise(e *entry) {
	e.inTop = true
	r.top.push(e)
	if !e.promoted && !e.inReady && e.finite() {
		e.inReady = true
		r.ready.push(e)
	}
}

func (r *rung) best() *entry {
	for r.ready.len() > 0 {
		e := r.ready.peek()
		if e.inTop && !e.promoted {
			return e
		}
		r.ready.pop()
		e.inReady = false
	}
	return nil
}

func (r *rung) holds(e *entry) bool {
	if e.inTop || r.top.len() == 0 {
		return e.inTop
	}
	last := r.top.peek()
	return e.violation == last.violation && e.loss == last.loss
}
