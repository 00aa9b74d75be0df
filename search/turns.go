package search

import "slices"

// turns are the trials that were judged at a rung, each kind in the order of
// folding: those that go on at once and those that end there.
type turns struct {
	on  []turn
	out []int
}

// turn is a trial's turn to train to a rung. In a population it may be a
// vacancy, whose trial is to be proposed.
type turn struct{ trial, rung int }

const vacancy = -1

// judge notes what becomes of a trial that has finished a rung.
func (t *turns) judge(trial, rung int, goesOn bool) {
	if goesOn {
		t.on = append(t.on, turn{trial, rung + 1})
	} else {
		t.out = append(t.out, trial)
	}
}

// Next returns the first turn of a trial.
func (t *turns) Next() (trial, rung int, ok bool) {
	for _, o := range t.on {
		if o.trial != vacancy {
			return o.trial, o.rung, true
		}
	}
	return 0, 0, false
}

// Stop returns the first trial that ends.
func (t *turns) Stop() (trial int, ok bool) {
	if len(t.out) == 0 {
		return 0, false
	}
	return t.out[0], true
}

// Start takes a trial's turn, or its end if it was sent on all the same.
func (t *turns) Start(trial, _ int) { t.leave(trial) }

// Drop forgets a trial.
func (t *turns) Drop(trial int) { t.leave(trial) }

// leave takes a trial out of both lists. It is most often the first of one.
func (t *turns) leave(trial int) {
	if i := slices.IndexFunc(t.on, func(o turn) bool { return o.trial == trial }); i >= 0 {
		t.on = without(t.on, i)
	}
	if i := slices.Index(t.out, trial); i >= 0 {
		t.out = without(t.out, i)
	}
}

// without takes out an element, in constant time if it is the first.
func without[T any](list []T, i int) []T {
	if i == 0 {
		return list[1:]
	}
	return slices.Delete(list, i, i+1)
}
