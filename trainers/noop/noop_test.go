package noop_test

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/trainers/heat"
	"tourney/trainers/noop"
)

// feed hands out tasks once.
type feed struct{ tasks []heat.Task }

func (f *feed) Next(_ context.Context, busy bool) ([]heat.Task, bool) {
	tasks := f.tasks
	f.tasks = nil
	return tasks, busy || len(tasks) > 0
}

type task struct {
	job   tourney.Job
	end   *tourney.End
	ended time.Time
	gone  bool
}

func (t *task) Job() *tourney.Job                 { return &t.job }
func (t *task) State() []byte                     { return nil }
func (t *task) Stopped() bool                     { return t.gone }
func (t *task) Step(tourney.Point, func() []byte) { panic("a trial that does nothing took a step") }
func (t *task) End(end tourney.End, _ []byte)     { t.end, t.ended = &end, time.Now() }

func job(kind tourney.JobKind, params tourney.Params) tourney.Job {
	return tourney.Job{Kind: kind, Params: params, Budget: 1, Metric: tourney.Metric{Name: "rmse"}}
}

// A trial ends with the value of the formula, after the time that it lasts.
func TestTrialsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		params := tourney.Params{"wd": 5.0, "layers": int64(4), "lr": 0.5, "opt": "b"}
		lasting := tourney.Params{"wd": 2.0, "layers": int64(1), "lr": 0.0, "opt": "a", "ms": 40.0}
		now := &task{job: job(tourney.JobRung, params)}
		final := &task{job: job(tourney.JobFinal, params)}
		later := &task{job: job(tourney.JobRung, lasting)}
		gone := &task{job: job(tourney.JobRung, params), gone: true}
		begin := time.Now()
		if err := noop.Family().Trainer.Train(t.Context(), nil, nil, &feed{[]heat.Task{now, final, later, gone}}); err != nil {
			t.Fatal(err)
		}
		// (5-2)² + 0.01·4 + 0.5, and 0 + 0.01·1 + 0 + 0.1.
		for _, c := range []struct {
			task   *task
			metric string
			want   float64
			after  time.Duration
		}{{now, "rmse", 9.54, 0}, {final, "test_rmse", 9.54, 0}, {later, "rmse", 0.11, 40 * time.Millisecond}} {
			if c.task.end == nil || math.Abs(*c.task.end.Value-c.want) > 1e-12 || c.task.end.Metrics[c.metric] != *c.task.end.Value {
				t.Errorf("%v ended with %+v, want %v", c.task.job.Params, c.task.end, c.want)
				continue
			}
			if took := c.task.ended.Sub(begin); took < c.after || took > c.after+2*time.Millisecond {
				t.Errorf("%v took %v, want %v", c.task.job.Params, took, c.after)
			}
		}
		if gone.end != nil {
			t.Error("a trial that was stopped has ended")
		}
	})
}
