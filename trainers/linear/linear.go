package linear

import (
	"context"
	"math"
	"slices"

	"tourney/dataset"
	"tourney/trainers/heat"
)

// Family returns the trainer with its table of parameters.
func Family() heat.Family {
	inf := math.Inf(1)
	return heat.Family{
		Trainer: trainer{},
		Params: []heat.Param{
			{Name: "batch_size", Whole: true, Default: 256, Min: 1, Max: 1e9, Help: "rows of a gradient step; more than there are means all of them"},
			{Name: "epochs", Whole: true, Default: 20, Min: 1, Max: 100_000, Help: "passes over the training rows, unless early_terminate says"},
			{Name: "l2", Default: 0, Min: 0, Max: inf, Help: "penalty l2/2·‖w‖² on the weights, not on the intercepts"},
			{Name: "learning_rate", Default: 0.1, Min: 0, OpenMin: true, Max: inf, Help: "length of a gradient step, constant"},
			{Name: "momentum", Default: 0, Min: 0, Max: 1, OpenMax: true, Help: "share of the last step that goes on (heavy ball)"},
		},
		Budget: "epochs",
		Weight: 1.0 / 32,
		Form:   dataset.Dense,
	}
}

// trainer implements heat.Trainer.
type trainer struct{}

// Name returns the name of the family in sweep files.
func (trainer) Name() string { return "linear" }

// Train trains a heat. Trials join and leave between two passes.
func (trainer) Train(ctx context.Context, data *dataset.Data, pool *heat.Pool, feed heat.Feed) error {
	p, err := newProblem(data)
	if err != nil {
		return err
	}
	h := &run{problem: p, pool: pool}
	for open := true; ; {
		if open && ctx.Err() == nil {
			var tasks []heat.Task
			tasks, open = feed.Next(ctx, len(h.models) > 0)
			h.admit(tasks)
		}
		if ctx.Err() != nil || !open && len(h.models) == 0 {
			return nil //nolint:nilerr // that ctx ends is no failure
		}
		h.models = slices.DeleteFunc(h.models, func(m *model) bool { return m.task.Stopped() })
		if len(h.models) > 0 {
			h.epoch(ctx)
		}
	}
}

// run is one call of Train.
type run struct {
	*problem
	pool   *heat.Pool
	models []*model // in the order in which they joined
}

// admit takes in the trials that join. Those that cannot train end here.
func (h *run) admit(tasks []heat.Task) {
	for _, t := range tasks {
		if t.Stopped() {
			continue
		}
		m, err := h.newModel(t)
		switch {
		case err != nil:
			t.End(failed(err), nil)
		case m.step < m.budget:
			h.models = append(h.models, m)
		case m.final:
			h.endFinal([]*model{m})
		default:
			h.endRung(m)
		}
	}
}

// epoch trains all models by one step and reports it. If ctx ends on the way
// it returns with nothing reported.
func (h *run) epoch(ctx context.Context) {
	panels := h.panels(h.models)
	h.train(ctx, panels)
	if ctx.Err() != nil {
		return
	}
	if h.folds[0].valid != nil {
		h.measure(panels, func(f *fold) *dataset.Matrix { return f.valid })
	}
	var finals []*model
	h.models = slices.DeleteFunc(h.models, func(m *model) bool {
		if m.task.Stopped() {
			return true
		}
		if !h.step(m) {
			return true
		}
		if m.step < m.budget {
			return false
		}
		if m.final {
			finals = append(finals, m)
		} else {
			h.endRung(m)
		}
		return true
	})
	h.endFinal(finals)
}
