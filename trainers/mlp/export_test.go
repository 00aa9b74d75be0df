package mlp

import (
	"context"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/lap"
)

// Probe is a fit of one trial that a test takes apart.
type Probe struct {
	f *fit
	d *desk
}

// NewProbe returns a fit that has not been trained, to the first fold. The
// target is taken as it is.
func NewProbe(data *dataset.Data, job tourney.Job) (*Probe, error) {
	family := Family()
	values, err := family.Read(job.Params)
	if err != nil {
		return nil, err
	}
	fold := &lap.Fold{Fold: data.Folds[0], Target: data.Folds[0].Train.Y, Weight: data.Folds[0].Train.W, SD: 1}
	all := &lap.Data{Task: data.Task, Classes: len(data.Classes), Outputs: max(1, len(data.Classes)), Folds: []*lap.Fold{fold}}
	p, err := newProblem(all, nil)
	if err != nil {
		return nil, err
	}
	f, err := p.Fit(&lap.Trial{Job: &job, Values: values}, fold)
	if err != nil {
		return nil, err
	}
	return &Probe{f.(*fit), &desk{}}, nil
}

// Weights returns the weights themselves.
func (p *Probe) Weights() []float32 { return p.f.weights }

// Averages returns the running averages.
func (p *Probe) Averages() []float32 { return p.f.averages }

// Gradient returns the sum of gradients over the first n rows, a part, and the
// sum of losses.
func (p *Probe) Gradient(n int) (grad []float32, loss float64) {
	p.d.lay(p.f, p.f.rows())
	p.d.begin()
	grad = make([]float32, p.f.size)
	loss = p.d.partGradient(grad, 0, n, 0)
	return grad, loss
}

// Key returns what the masks of the next update's first part are drawn from.
func (p *Probe) Key() uint64 { return p.f.key(0) }

// Epoch trains by one epoch.
func (p *Probe) Epoch() { p.EpochUnder(context.Background()) }

// EpochUnder trains by one epoch, or less if the context ends.
func (p *Probe) EpochUnder(ctx context.Context) {
	p.f.passAlone(ctx, p.d)
	p.f.trial.Step++
}

// Order returns the order of the rows in the next epoch.
func (p *Probe) Order() []int32 {
	p.d.lay(p.f, p.f.rows())
	p.d.begin()
	return p.d.order
}

// Diverged reports whether the last epoch has.
func (p *Probe) Diverged() bool { return p.f.diverged }

// Loss returns the loss of the last epoch, summed over its rows.
func (p *Probe) Loss() float64 { return p.f.loss }

// Rate returns the rate of a batch.
func (p *Probe) Rate(epoch, done, batches int) float32 { return p.f.at(epoch, done, batches) }

// Model returns the network as it is.
func (p *Probe) Model() heat.Model { return p.f.network() }

// Hidden reads the text of hidden.
func Hidden(text string) ([]int, error) { return parseHidden(text) }

// CosPi is the cosine of schedules.
func CosPi(u float64) float64 { return cosPi(u) }
