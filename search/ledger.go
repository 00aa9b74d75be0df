package search

import "math"

// standing is what is known of one trial.
type standing struct {
	known  bool   // it has finished a rung, or failed to
	failed bool   // it diverged, failed or gave no value
	last   Result // of the highest rung that it has finished with a value
}

// ledger holds the standings of all trials. It follows a history as that
// grows, so that each look at it costs what is new; what it holds depends on
// the history alone.
type ledger struct {
	trials []standing
	folded int // results that are in
	values int // trials that have a value
	failed int // trials that are failed
}

// follow brings the ledger up to a history.
func (l *ledger) follow(h *History) {
	for len(l.trials) < h.Trials() {
		l.trials = append(l.trials, standing{})
	}
	for _, r := range h.done[l.folded:] {
		t := &l.trials[r.Trial]
		t.known = true
		if math.IsInf(r.Loss, 1) {
			t.failed = true
			l.failed++
			continue
		}
		if t.last.Budget == 0 {
			l.values++
		}
		t.last = r
	}
	l.folded = len(h.done)
}
