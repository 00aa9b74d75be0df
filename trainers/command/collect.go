package command

import (
	"maps"
	"math"
	"slices"

	"tourney"
)

// Observation is something that a program reported at once.
type Observation struct {
	Step    int // meaningless without HasStep
	HasStep bool
	Metrics tourney.Metrics // may hold what is not finite
}

// Collector makes points of observations: one for each step. A report of the
// sweep's metric without a step is the step after the last; reports of other
// metrics without a step wait for it. Not safe for concurrent use.
type Collector struct {
	Metric  tourney.Metric // of the sweep
	Counted bool           // whatever steps the program gives, a report of the metric is one
	From    int            // steps trained before, from which it counts

	step    int // of open, or of the last point
	begun   bool
	open    tourney.Metrics // of the step, not all of it given out
	fresh   bool            // open has what was not given out
	waiting tourney.Metrics // without a step
	names   map[string]bool
	last    Reached
	best    Reached
}

// Reached is a value of the sweep's metric and what was reported with it.
type Reached struct {
	Value   *float64 // nil: none yet
	Step    int
	Metrics tourney.Metrics
}

// MaxNames bounds how many metrics a trial may have. Others are dropped.
const MaxNames = 200

// Add takes an observation and gives out the points that are finished by it.
// ok is false if the sweep's metric is no finite number: the trial has
// diverged.
func (c *Collector) Add(o Observation) (points []tourney.Point, ok bool) {
	values := c.admit(o.Metrics)
	v, has := values[c.Metric.Name]
	if has && (math.IsNaN(v) || math.IsInf(v, 0)) {
		return c.Flush(), false
	}
	maps.DeleteFunc(values, func(_ string, v float64) bool { return math.IsNaN(v) || math.IsInf(v, 0) })
	if len(values) == 0 {
		return nil, true
	}
	if !c.begun {
		c.begun, c.step = true, c.From
	}
	switch {
	case (c.Counted || !o.HasStep) && !has:
		if c.waiting == nil {
			c.waiting = tourney.Metrics{}
		}
		maps.Copy(c.waiting, values)
		return nil, true
	case c.Counted || !o.HasStep:
		points = c.turn(c.step + 1)
	case o.Step != c.step || c.open == nil:
		if o.Step < 0 || o.Step > maxStep {
			return nil, true
		}
		points = c.turn(o.Step)
	}
	maps.Copy(c.open, c.waiting)
	c.waiting = nil
	maps.Copy(c.open, values)
	c.fresh = true
	if has {
		c.note(v)
	}
	return points, true
}

// maxStep is the highest step that counts.
const maxStep = 1 << 40

// admit copies the values whose names there is room for.
func (c *Collector) admit(values tourney.Metrics) tourney.Metrics {
	if c.names == nil {
		c.names = map[string]bool{c.Metric.Name: true}
	}
	kept := tourney.Metrics{}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		if len(name) > 128 || name == "" {
			continue
		}
		if !c.names[name] {
			if len(c.names) >= MaxNames {
				continue
			}
			c.names[name] = true
		}
		kept[name] = values[name]
	}
	return kept
}

// turn begins another step.
func (c *Collector) turn(step int) []tourney.Point {
	points := c.Flush()
	c.step, c.open = step, tourney.Metrics{}
	return points
}

func (c *Collector) note(v float64) {
	c.last = Reached{&v, c.step, c.open}
	if c.best.Value == nil || c.Metric.Loss(v) < c.Metric.Loss(*c.best.Value) {
		c.best = c.last
	}
}

// Flush gives out what is known of the step that is open. What is reported of
// it later comes as another point of that step.
func (c *Collector) Flush() []tourney.Point {
	if !c.fresh {
		return nil
	}
	c.fresh = false
	return []tourney.Point{{Step: c.step, Metrics: maps.Clone(c.open)}}
}

// Step returns the step of the last report of the metric, From before the
// first.
func (c *Collector) Step() int {
	if c.last.Value == nil {
		return c.From
	}
	return c.last.Step
}

// Last returns the last value of the metric.
func (c *Collector) Last() Reached { return c.last }

// Result returns the value of the trial so far: the best one if the metric says
// so, the last one otherwise.
func (c *Collector) Result() Reached {
	if c.Metric.Of == "best" {
		return c.best
	}
	return c.last
}

// Names returns the names of the metrics that were seen beside the sweep's, in
// order.
func (c *Collector) Names() []string {
	var names []string
	for _, name := range slices.Sorted(maps.Keys(c.names)) {
		if name != c.Metric.Name {
			names = append(names, name)
		}
	}
	return names
}
