package coordinator

import (
	"context"
	"fmt"
	"math"

	"tourney"
	"tourney/search"
)

// forecastPoints is how many points a forecast shows.
const forecastPoints = 20

// Forecast says what a sweep would do, and creates nothing; see api.Service.
func (c *Coordinator) Forecast(ctx context.Context, spec tourney.Spec) (tourney.Forecast, error) {
	row, err := c.plan(ctx, spec)
	if err != nil {
		return tourney.Forecast{}, err
	}
	warm, err := c.warmth(ctx, &row.Spec)
	if err != nil {
		return tourney.Forecast{}, err
	}
	f, err := search.Forecast(row.Spec, row.Plan, warm, forecastPoints)
	if err != nil {
		return tourney.Forecast{}, err
	}
	f.Warnings = c.doubts(&f)
	return f, nil
}

// doubts lists what is allowed and perhaps not meant.
func (c *Coordinator) doubts(f *tourney.Forecast) []tourney.FieldError {
	var list []tourney.FieldError
	doubt := func(path, format string, args ...any) {
		list = append(list, tourney.FieldError{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	spec := f.Spec
	if size := f.Plan.Size; size > 0 && int64(spec.RunCap) > size {
		doubt("run_cap", "is %d, but the space has only %d points: there will be no more trials", spec.RunCap, size)
	}
	if f.Trials == 0 {
		doubt("run_cap", "is missing: only limits end the search, so nothing can be said of its work")
	}
	if f.Trials > 0 && spec.Parallelism > f.Trials && !spec.External() {
		doubt("parallelism", "is %d, more than the %d trials that there will be", spec.Parallelism, f.Trials)
	}
	if spec.External() {
		return list
	}
	workers, slots := c.fleet.capacity(tourney.DefaultPool)
	room := int(math.Floor(float64(slots) / f.Plan.Weight))
	switch {
	case !c.fleet.canRun(spec):
		doubt("command", "no worker that is there may run it: the sweep waits for one that is started with --allow-commands FILE, and a file that names it")
	case workers == 0:
		doubt("", "no worker is there: the sweep waits until one comes")
	case spec.Parallelism < room:
		doubt("parallelism", "is %d, and the %d workers that are there have room for %d jobs: some would idle; %d keeps them busy", spec.Parallelism, workers, room, 2*room)
	case spec.Order == tourney.OrderFixed && spec.Parallelism < 2*room:
		doubt("parallelism", "is %d, less than twice the %d jobs that the workers have room for: under order fixed some wait for slower ones; %d would do, or order: arrival", spec.Parallelism, room, 2*room)
	}
	return list
}
