package trainers

import (
	"fmt"
	"slices"
	"strings"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
)

// heatWidth is how many trials a heat has at most, by default.
const heatWidth = 32

// Catalog checks sweeps against the trainers that there are. It implements the
// coordinator's Trainers.
type Catalog struct{}

// Plan checks a normalised spec against the dataset and the trainer, fills in
// the metric and the parallelism if they are missing, and says what the spec
// comes to. The error is a *tourney.InvalidError that lists all that is wrong;
// the spec is unchanged then.
//
// The budget of a trial is early_terminate.max_iter, or what the parameter
// epochs says, or its default. A search without a scheduler keeps an eighth of
// its trials going, at most a heat of 32, at least one.
func (Catalog) Plan(spec *tourney.Spec, ds tourney.Dataset) (tourney.Plan, error) {
	if spec.External() {
		return planExternal(spec), nil
	}
	if spec.Runs() {
		return planCommand(spec), nil
	}
	f := lookup(spec.Trainer)
	if f == nil {
		return tourney.Plan{}, tourney.Invalid("trainer", "no trainer %q%s; there is %s", spec.Trainer,
			tourney.DidYouMean(spec.Trainer, Names()), strings.Join(Names(), ", "))
	}
	metric, errs := planMetric("metric", spec.Metric, ds)
	for i, m := range spec.Metrics {
		_, wrong := planMetric(fmt.Sprintf("metrics.%d", i), m, ds)
		errs = append(errs, wrong...)
	}
	errs = append(errs, checkDataset(spec, ds)...)
	errs = append(errs, f.CheckSpace(spec.Parameters)...)
	if f.Fits != nil && len(errs) == 0 {
		errs = append(errs, f.Fits(spec.Parameters, &ds)...)
	}
	budget := f.BudgetIn(spec.Parameters)
	if spec.EarlyTerminate != nil && !spec.ByRows() && budget != "" {
		errs = append(errs, tourney.FieldError{
			Path:    "parameters." + budget,
			Message: "early_terminate says how long a trial trains: leave the parameter out, or early_terminate",
		})
	}
	if len(errs) > 0 {
		return tourney.Plan{}, &tourney.InvalidError{Fields: errs}
	}
	spec.Metric = metric
	if spec.Parallelism == 0 {
		spec.Parallelism = min(flight(spec), max(1, spec.Trials()/8))
	}
	return plan(f, spec, ds), nil
}

// planExternal is the plan of a sweep whose trials are trained outside. They are
// proposed when somebody asks, so that parallelism only bounds how many are out
// at a time.
func planExternal(spec *tourney.Spec) tourney.Plan {
	p := tourney.Plan{Budget: 1, Weight: 1, Size: spec.Parameters.Size()}
	if spec.Method == tourney.MethodGrid {
		p.Size = spec.Parameters.GridSize()
	}
	if e := spec.EarlyTerminate; e != nil && e.MaxIter > 0 {
		p.Budget = e.MaxIter
	}
	if spec.Parallelism == 0 {
		spec.Parallelism = externalFlight
	}
	return p
}

// endless is the budget of a program of which only it knows when it ends.
const endless = 10_000_000

// planCommand is the plan of a sweep whose trials are runs of a program. One
// that is not stopped early has one rung, whose end is the program's.
func planCommand(spec *tourney.Spec) tourney.Plan {
	p := tourney.Plan{Budget: 1, Weight: spec.Command.Weight(), Size: spec.Parameters.Size()}
	if spec.Method == tourney.MethodGrid {
		p.Size = spec.Parameters.GridSize()
	}
	if e := spec.EarlyTerminate; e != nil {
		if p.Budget = e.MaxIter; p.Budget == 0 {
			p.Budget = endless
		}
	}
	if spec.Parallelism == 0 {
		spec.Parallelism = min(adaptiveFlight, spec.Trials())
	}
	return p
}

// externalFlight is how many trials of a sweep may be out at a time, by default.
const externalFlight = 1000

// adaptiveFlight is how many trials a search that learns has pending, by
// default: with more of them it learns from fewer.
const adaptiveFlight = 16

// flight is the most trials that a search has pending, by default.
func flight(spec *tourney.Spec) int {
	switch spec.Method {
	case tourney.MethodRandom, tourney.MethodGrid, tourney.MethodSobol:
		return heatWidth
	}
	return adaptiveFlight
}

func plan(f *heat.Family, spec *tourney.Spec, ds tourney.Dataset) tourney.Plan {
	p := tourney.Plan{Dataset: ds.Version, Budget: int(f.Lookup(f.Budget).Default), Weight: min(1, f.Weight*float64(dataset.Folds(spec.Validation))), Size: spec.Parameters.Size()}
	if spec.Method == tourney.MethodGrid {
		p.Size = spec.Parameters.GridSize()
	}
	if e := spec.EarlyTerminate; e != nil && !spec.ByRows() && e.MaxIter > 0 {
		p.Budget = e.MaxIter
	}
	p.BudgetParam = f.BudgetIn(spec.Parameters)
	return p
}

// planMetric checks the metric against the task, or chooses one.
func planMetric(path string, m tourney.Metric, ds tourney.Dataset) (tourney.Metric, []tourney.FieldError) {
	if m.Name == "" {
		return tourney.DefaultMetric(ds.Task), nil
	}
	fit := tourney.MetricNames(ds.Task)
	if !slices.Contains(fit, m.Name) {
		return m, []tourney.FieldError{{
			Path:    path + ".name",
			Message: fmt.Sprintf("%s does not fit %s on target %q%s; use one of %v", m.Name, ds.Task, ds.Target, tourney.DidYouMean(m.Name, fit), fit),
		}}
	}
	if m.Goal == "" {
		builtin, _ := tourney.LookupMetric(m.Name)
		m.Goal = builtin.Goal
	}
	return m, nil
}

// checkDataset checks what the spec says of the dataset against what it is.
func checkDataset(spec *tourney.Spec, ds tourney.Dataset) []tourney.FieldError {
	var errs []tourney.FieldError
	if spec.Target != "" && spec.Target != ds.Target {
		errs = append(errs, tourney.FieldError{
			Path:    "target",
			Message: fmt.Sprintf("the target of dataset %s is %q, not %q; leave it out, or add the table again with that target", ds.Name, ds.Target, spec.Target),
		})
	}
	switch {
	case ds.Task != tourney.Classification && ds.Task != tourney.Regression:
		errs = append(errs, tourney.FieldError{Path: "dataset", Message: fmt.Sprintf("has task %q; use one with task classification or regression", ds.Task)})
	case ds.Task == tourney.Classification && len(ds.Classes) < 2:
		errs = append(errs, tourney.FieldError{Path: "dataset", Message: fmt.Sprintf("target %q has %d classes; a classifier needs at least 2", ds.Target, len(ds.Classes))})
	}
	if err := dataset.CheckValidation(spec.Validation, &ds); err != nil {
		errs = append(errs, tourney.AsInvalid(err).Fields...)
	}
	return errs
}
