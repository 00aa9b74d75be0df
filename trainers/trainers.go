package trainers

import (
	"tourney/trainers/fm"
	"tourney/trainers/heat"
	"tourney/trainers/linear"
	"tourney/trainers/mlp"
	"tourney/trainers/tree/forest"
	"tourney/trainers/tree/gbdt"
)

// The names by which others know what a heat is; see package heat.
type (
	// Trainer trains a heat: trials that share data and family, in one pass.
	Trainer = heat.Trainer
	// Feed is where a heat gets its trials from.
	Feed = heat.Feed
	// Task is one trial in a heat.
	Task = heat.Task
	// Pool runs small tasks on a fixed number of goroutines, shared by all
	// heats of a worker.
	Pool = heat.Pool
	// PanicError is what Pool.Do panics with when an item has panicked. It is
	// an error.
	PanicError = heat.PanicError
	// Param declares one parameter of a trainer.
	Param = heat.Param
	// Family is a trainer with all that is known of it before it trains.
	Family = heat.Family
	// Model is what a trial has learnt, apart from how.
	Model = heat.Model
)

// NewPool starts a pool with that many slots, at least one.
func NewPool(slots int) *Pool { return heat.NewPool(slots) }

// families lists all families, sorted by name, and after them those of a program
// that is built to be measured.
var families = append([]heat.Family{
	fm.Family(),
	forest.Forest(),
	gbdt.Family(),
	linear.Family(),
	mlp.Family(),
	forest.Tree(),
}, measured...)

// Lookup returns the family of that name.
func Lookup(name string) (Family, bool) {
	if f := lookup(name); f != nil {
		return *f, true
	}
	return Family{}, false
}

// Names returns the names of all trainers, sorted.
func Names() []string {
	names := make([]string, len(families))
	for i := range families {
		names[i] = families[i].Trainer.Name()
	}
	return names
}

// Params returns the parameters that a trainer takes, sorted by name, or nil
// if there is no such trainer.
func Params(name string) []Param {
	if f := lookup(name); f != nil {
		return f.Params
	}
	return nil
}

func lookup(name string) *heat.Family {
	for i := range families {
		if families[i].Trainer.Name() == name {
			return &families[i]
		}
	}
	return nil
}
