package search

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"

	"tourney"
)

// pbt is population-based training: Jaderberg et al., "Population Based
// Training of Neural Networks", arXiv:1711.09846, Algorithm 1, asynchronous,
// with truncation selection.
//
// A population of trials trains side by side, and each rung is the end of an
// interval. A member that finishes one is held against the latest result of
// every member that still trains, its own among them. If it is among the worst
// share (quantile) of them it ends, and a new trial takes its place: that one
// goes on from the state that a member of the best share, drawn at random, had
// at its last rung, with parameters explored around its parent's. So a lineage
// is a chain of trials, a child passes the rungs above the one that its parent
// gave, and a trial keeps its parameters for life.
//
// Members take turns: a finished interval, like a vacant place, waits behind
// those before it, so that a population larger than the slots trains evenly.
// Where no trial may be proposed any more, nobody ends. The place of a member
// that diverged or failed is taken like that of one that ended. Where nobody
// that trains has a result, it is started from the beginning, or left empty once
// somebody has come to the top.
type pbt struct {
	ladder   []int
	quantile float64
	limit    int       // trials that there may be
	entered  int       // trials that there are
	vacant   int       // turns that are vacancies
	members  []*member // that have a result and still train, best first
	by       []*member // by trial; nil once it has ended
	done     int       // members that came to the highest rung
	turns
}

// member is a trial that trains.
type member struct {
	trial  int
	rung   int // that its result is of, -1 for none
	loss   float64
	ranked bool
}

func newPBT(spec tourney.Spec, _ tourney.Plan, ladder []int) Scheduler {
	p := &pbt{ladder: ladder, quantile: spec.EarlyTerminate.Quantile, limit: trialsOf(spec)}
	for range spec.EarlyTerminate.Population {
		p.vacate(founder)
	}
	return p
}

// trialsOf returns the most trials that a sweep may have. A population may
// come back to a point, so the size of the space does not bound it.
func trialsOf(spec tourney.Spec) int {
	if spec.EarlyTerminate != nil && spec.EarlyTerminate.Type == "pbt" {
		return cmp.Or(spec.RunCap, tourney.MaxTrials)
	}
	return spec.Trials()
}

// The vacancies: of a founder, who starts from the beginning, or of an heir,
// who goes on from a parent's state if there is one.
var (
	founder = turn{trial: vacancy}
	heir    = turn{trial: vacancy, rung: 1}
)

// vacate queues a place for a new trial.
func (p *pbt) vacate(place turn) {
	p.vacant++
	p.on = append(p.on, place)
}

// mayGrow reports whether one more trial may be proposed than is on its way.
func (p *pbt) mayGrow() bool { return p.entered+p.vacant+len(p.out) < p.limit }

func (p *pbt) Enter(e tourney.Proposed) (ladder []int, first int) {
	if i := slices.IndexFunc(p.on, func(t turn) bool { return t.trial == vacancy }); i >= 0 {
		p.on = without(p.on, i)
		p.vacant--
	}
	p.entered++
	for len(p.by) <= e.Trial {
		p.by = append(p.by, nil)
	}
	p.by[e.Trial] = &member{trial: e.Trial, rung: -1}
	if e.Parent != nil {
		at, _ := slices.BinarySearch(p.ladder, e.Parent.Step)
		first = at + 1
	}
	return p.ladder, first
}

func (p *pbt) Finish(f Finished) {
	m := p.by[f.Trial]
	p.unrank(m)
	if f.Rung >= len(p.ladder)-1 {
		p.by[f.Trial] = nil
		p.done++
		return
	}
	m.rung, m.loss = f.Rung, f.Last
	at := p.rank(m)
	p.judge(f.Trial, f.Rung, at < len(p.members)-p.share() || !p.mayGrow())
}

// share is how many members are the best, and the worst, of those that have a
// result.
func (p *pbt) share() int { return int(p.quantile * float64(len(p.members))) }

// rank puts a member behind those that are as good, and returns its place.
func (p *pbt) rank(m *member) int {
	at, _ := slices.BinarySearchFunc(p.members, m.loss, func(o *member, loss float64) int {
		if o.loss <= loss {
			return -1
		}
		return 1
	})
	p.members = slices.Insert(p.members, at, m)
	m.ranked = true
	return at
}

func (p *pbt) unrank(m *member) {
	if !m.ranked {
		return
	}
	at, _ := slices.BinarySearchFunc(p.members, m.loss, func(o *member, loss float64) int { return cmp.Compare(o.loss, loss) })
	for p.members[at] != m {
		at++
	}
	p.members = slices.Delete(p.members, at, at+1)
	m.ranked = false
}

func (p *pbt) Drop(trial int) {
	m := p.by[trial]
	if m == nil {
		return
	}
	p.unrank(m)
	p.by[trial] = nil
	p.turns.Drop(trial)
	if p.mayGrow() && (p.parents() > 0 || p.done == 0) {
		p.vacate(heir)
	}
}

// parents returns how many of the best members a new trial may go on from: at
// least one, if any has a finite loss.
func (p *pbt) parents() int {
	n := min(max(p.share(), 1), len(p.members))
	for n > 0 && math.IsInf(p.members[n-1].loss, 1) {
		n--
	}
	return n
}

// Vacant reports whether the first turn is a vacancy.
func (p *pbt) Vacant() bool { return len(p.on) > 0 && p.on[0].trial == vacancy }

func (p *pbt) Parent(rng *rand.Rand) (tourney.Parent, bool) {
	n := p.parents()
	if n == 0 || p.on[0] == founder {
		return tourney.Parent{}, false
	}
	m := p.members[rng.IntN(n)]
	return tourney.Parent{Trial: m.trial, Step: p.ladder[m.rung]}, true
}
