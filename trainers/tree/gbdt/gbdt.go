package gbdt

import (
	"context"
	"fmt"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/lap"
	"tourney/trainers/tree/bins"
	"tourney/trainers/tree/grow"
)

// table is the family's table of parameters.
var table = params()

// Family returns the trainer with its table of parameters.
func Family() heat.Family {
	return heat.Family{
		Trainer: trainer{}, Params: table, Budget: budget, Weight: 1, Form: dataset.Binned,
		Fits: fits, Open: open, ReadModel: bins.ReadModel,
	}
}

// trainer implements heat.Trainer.
type trainer struct{}

// Name returns the name of the family in sweep files.
func (trainer) Name() string { return "gbdt" }

// Train trains a heat. Trials join and leave between two rounds.
func (trainer) Train(ctx context.Context, data *dataset.Data, pool *heat.Pool, feed heat.Feed) error {
	f := Family()
	return lap.Train(ctx, data, pool, feed, lap.Options{
		Family: &f, Patience: patience,
		New: func(d *lap.Data, pool *heat.Pool) (lap.Problem, error) { return newProblem(d, pool) },
	})
}

// problem is what the trials of a heat share.
type problem struct {
	*lap.Data
	pool   *heat.Pool
	table  *grow.Table
	tables map[string]*grow.Table // by constraints
	folds  []*fold
	spaces spaces
}

// fold is what all courses of one fold share.
type fold struct {
	*lap.Fold
	rows    []int32                      // [n] in the table
	starts  map[string][]float64         // by settings.first
	roots   map[string][]*grow.Histogram // likewise: of the first round, one a score
	courses map[string]*course           // by settings.key
}

func newProblem(d *lap.Data, pool *heat.Pool) (*problem, error) {
	t, err := bins.Table(d.Source())
	if err != nil {
		return nil, fmt.Errorf("gbdt: %w", err)
	}
	p := &problem{Data: d, pool: pool, table: t, tables: map[string]*grow.Table{}}
	for _, f := range d.Folds {
		rows, err := bins.Rows(f.Train)
		if err != nil {
			return nil, fmt.Errorf("gbdt: %w", err)
		}
		p.folds = append(p.folds, &fold{
			Fold: f, rows: rows, starts: map[string][]float64{}, roots: map[string][]*grow.Histogram{}, courses: map[string]*course{},
		})
	}
	return p, nil
}

// scores is how many scores a row has.
func (p *problem) scores() int {
	if p.Classes > 2 {
		return p.Classes
	}
	return 1
}

// tableOf returns the table with a trial's constraints.
func (p *problem) tableOf(constraints string) (*grow.Table, error) {
	if t := p.tables[constraints]; t != nil {
		return t, nil
	}
	t, err := bins.Constrain(p.table, p.Folds[0].Bins, constraints)
	if err == nil {
		p.tables[constraints] = t
	}
	return t, err
}

// fits returns what is wrong with a space on a dataset.
func fits(space tourney.Space, ds *tourney.Dataset) []tourney.FieldError {
	var errs []tourney.FieldError
	f := Family()
	check := func(path string, p *heat.Param, v any) {
		word, ok := v.(string)
		if !ok {
			return
		}
		var err error
		switch p.Name {
		case "objective":
			_, err = objectiveOf(word, ds.Task, len(ds.Classes))
		case "monotone_constraints":
			err = bins.CheckNames(word, ds)
		}
		if err != nil {
			errs = append(errs, tourney.FieldError{Path: path, Message: err.Error()})
		}
	}
	for i := range space {
		q := &space[i]
		p := f.Lookup(q.Name)
		if p == nil {
			continue
		}
		check("parameters."+q.Name+".value", p, q.Value)
		for k, v := range q.Values {
			check(fmt.Sprintf("parameters.%s.values.%d", q.Name, k), p, v)
		}
	}
	return errs
}
