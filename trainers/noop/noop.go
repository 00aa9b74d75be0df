// Package noop hides how to train nothing: a family whose trials end at once
// with a value that is a formula of their parameters. What is left of a sweep
// then is the service's own work, which bench/throughput measures.
//
// It is in no program that people use: trainers has it only when built with the
// tag noop.
package noop

import (
	"context"
	"math"
	"slices"
	"time"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
)

// Family returns the trainer with its table of parameters.
func Family() heat.Family {
	return heat.Family{
		Trainer: trainer{},
		Params: []heat.Param{
			{Name: "epochs", Whole: true, Default: 1, Min: 1, Max: 1000, Help: "steps that a trial says it has trained"},
			{Name: "layers", Whole: true, Default: 1, Min: 1, Max: 16, Help: "adds a hundredth of itself"},
			{Name: "lr", Default: 0.001, Min: 0, Max: 1, Help: "is added"},
			{Name: "ms", Default: 0, Min: 0, Max: 60_000, Help: "milliseconds that a trial lasts"},
			{Name: "opt", Words: []string{"a", "b", "c"}, DefaultWord: "a", Help: "a adds a tenth"},
			{Name: "wd", Default: 0, Min: -10, Max: 10, Help: "the square of its distance from 2 is added"},
		},
		Budget: "epochs",
		Weight: 1.0 / 2048,
		Form:   dataset.Auto,
		Open: func(*tourney.Job, *dataset.Data, []byte) (heat.Model, error) {
			return nil, tourney.Invalid("trainer", "noop leaves no model")
		},
		ReadModel: func([]byte, heat.About) (heat.Model, error) {
			return nil, tourney.Invalid("trainer", "noop leaves no model")
		},
	}
}

// Value is what a trial comes to.
func Value(p tourney.Params) float64 {
	wd, _ := p.Float("wd", 0)
	layers, _ := p.Float("layers", 1)
	lr, _ := p.Float("lr", 0.001)
	v := float64((wd-2)*(wd-2)) + float64(0.01*layers) + lr
	if opt, ok := p["opt"]; !ok || opt == "a" {
		v += 0.1
	}
	return v
}

// trainer implements heat.Trainer.
type trainer struct{}

// Name returns the name of the family in sweep files.
func (trainer) Name() string { return "noop" }

// Train ends every trial when its time is over, at once if it has none, without
// a step that could be reported and without a state.
func (trainer) Train(ctx context.Context, _ *dataset.Data, _ *heat.Pool, feed heat.Feed) error {
	tick := time.NewTicker(poll) //nolint:forbidigo // trials that last; what they come to does not depend on it
	defer tick.Stop()
	var lasting []trial
	var start time.Time
	passed := 0.0 // milliseconds since then
	for {
		tasks, ok := feed.Next(ctx, len(lasting) > 0)
		if !ok {
			return nil
		}
		for _, t := range tasks {
			ms, _ := t.Job().Params.Float("ms", 0)
			lasting = append(lasting, trial{t, passed + ms})
		}
		lasting = slices.DeleteFunc(lasting, func(t trial) bool {
			if t.Stopped() {
				return true
			}
			if t.until > passed {
				return false
			}
			t.End(end(t.Job()), nil)
			return true
		})
		if len(lasting) == 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case now := <-tick.C: // the ticker may leave out ticks
			if start.IsZero() {
				start = now.Add(-poll)
			}
			passed = float64(now.Sub(start)) / float64(time.Millisecond)
		}
	}
}

// poll is how often trials that last are looked at.
const poll = time.Millisecond

// trial is a task that lasts until so many milliseconds of the heat have passed.
type trial struct {
	heat.Task
	until float64
}

func end(job *tourney.Job) tourney.End {
	v := Value(job.Params)
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return tourney.End{Outcome: tourney.OutcomeDiverged, Step: job.Budget}
	}
	name := job.Metric.Name
	if job.Kind == tourney.JobFinal {
		name = "test_" + name
	}
	return tourney.End{Outcome: tourney.OutcomeDone, Step: job.Budget, BestStep: job.Budget, Value: &v, Metrics: tourney.Metrics{name: v}}
}
