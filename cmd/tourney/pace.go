package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"tourney"
)

const (
	trackSlots   = 24              // of the incumbent's line
	trackTrials  = 2000            // looked at for what was before a board was opened
	paceWindow   = 2 * time.Minute // over which the rate is measured
	paceSettling = 2 * time.Second // before which there is none
)

// pace follows how fast a sweep gets on, and its incumbent.
type pace struct {
	marks []mark    // of the window, oldest first
	bests []float64 // the incumbent's values, as they changed
}

// mark is how many trials had ended at a time.
type mark struct {
	at    time.Time
	ended int
}

// note adds what a sweep shows at a time.
func (p *pace) note(now time.Time, s *tourney.Sweep) {
	p.marks = append(p.marks, mark{now, endedTrials(s)})
	for len(p.marks) > 2 && now.Sub(p.marks[0].at) > paceWindow {
		p.marks = p.marks[1:]
	}
	if s.Best != nil && s.Best.Value != nil && (len(p.bests) == 0 || p.bests[len(p.bests)-1] != *s.Best.Value) {
		p.bests = append(p.bests, *s.Best.Value)
	}
}

// rate is how many trials end in a second; 0 while that is not known.
func (p *pace) rate() float64 {
	if len(p.marks) < 2 {
		return 0
	}
	first, last := p.marks[0], p.marks[len(p.marks)-1]
	took := last.at.Sub(first.at)
	if took < paceSettling {
		return 0
	}
	return float64(last.ended-first.ended) / took.Seconds()
}

// left is how long the rest takes at this rate; false if that is not known.
func (p *pace) left(s *tourney.Sweep) (time.Duration, bool) {
	most, rate := mostTrials(s), p.rate()
	if rate <= 0 || most == 0 {
		return 0, false
	}
	seconds := float64(max(0, most-endedTrials(s))) / rate
	if seconds > 1e7 {
		return 0, false
	}
	return time.Duration(seconds * float64(time.Second)), true
}

// line tells the rate and the time that is left, or nothing.
func (p *pace) line(s *tourney.Sweep) string {
	rate := p.rate()
	if rate <= 0 || s.State.Terminal() {
		return ""
	}
	text := fmt.Sprintf(", %.3g trials/s", rate)
	if rate < 1 {
		text = fmt.Sprintf(", %.3g trials/min", rate*60)
	}
	if left, ok := p.left(s); ok {
		text += ", about " + roundly(left) + " left"
	}
	return text
}

// roundly writes a duration as people say it.
func roundly(d time.Duration) string {
	switch {
	case d < time.Minute:
		return d.Round(time.Second).String()
	case d < time.Hour:
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return strings.TrimSuffix(strings.TrimSuffix(d.Round(time.Minute).String(), "0s"), "0m")
}

// sparkline draws values in a line of text, the least as the lowest bar.
func sparkline(values []float64, slots int) string {
	if len(values) < 2 {
		return ""
	}
	if len(values) > slots { // the last of each of slots equal parts
		part := make([]float64, slots)
		for i := range part {
			part[i] = values[(i+1)*len(values)/slots-1]
		}
		values = part
	}
	lo, hi := slices.Min(values), slices.Max(values)
	levels := []rune("▁▂▃▄▅▆▇█")
	var s strings.Builder
	for _, v := range values {
		at := len(levels) - 1
		if hi > lo {
			at = int((v - lo) / (hi - lo) * float64(len(levels)-1))
		}
		s.WriteRune(levels[at])
	}
	return s.String()
}

// doneBar draws how much of a whole is done.
func doneBar(done, of, slots int) string {
	if of <= 0 {
		return ""
	}
	full := min(slots, done*slots/of)
	return "[" + strings.Repeat("█", full) + strings.Repeat("·", slots-full) + "]"
}

// endedTrials counts the trials that are over.
func endedTrials(s *tourney.Sweep) int {
	n := 0
	for state, count := range s.Counts {
		if state.Terminal() {
			n += count
		}
	}
	return n
}

// mostTrials is how many trials the sweep has at most, or 0 if nobody knows.
func mostTrials(s *tourney.Sweep) int {
	if n := capOf(*s); s.Amended != nil && n > 0 {
		return n
	}
	if n := s.Spec.Trials(); n < tourney.MaxTrials {
		return n
	}
	return 0
}

// recall fills in the incumbents from before a board was opened, by the
// trials' numbers. Of a long sweep there are none.
func (b *board) recall(ctx context.Context) error {
	if total(b.sweep.Counts) < 2 || total(b.sweep.Counts) > trackTrials {
		return nil
	}
	trials, err := collect(b.c.Trials(ctx, b.sweep.ID), trackTrials)
	if err != nil {
		return err
	}
	slices.SortFunc(trials, func(x, y tourney.Trial) int { return cmp.Compare(x.Number, y.Number) })
	b.pace.bests = incumbents(trials, b.sweep.Spec.Metric.Goal)
	return nil
}

// incumbents returns the values that were each better than all before.
func incumbents(trials []tourney.Trial, goal tourney.Goal) []float64 {
	var bests []float64
	for i := range trials {
		v := trials[i].Value
		if v == nil || !trials[i].State.Terminal() {
			continue
		}
		if n := len(bests); n == 0 || (goal == tourney.Maximize) == (*v > bests[n-1]) && *v != bests[n-1] {
			bests = append(bests, *v)
		}
	}
	return bests
}
