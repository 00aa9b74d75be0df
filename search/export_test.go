package search

import "tourney"

// NewScheduler makes the families' members reachable for tests from outside.
func NewScheduler(spec tourney.Spec, plan tourney.Plan) (Scheduler, error) {
	return newScheduler(spec, plan)
}

// History is what the sampler of a search sees.
func (s *Search) History() *History { return s.history }

// CellOfCell goes from a cell to coordinates and back.
func (h *History) CellOfCell(cell int64) int64 {
	return h.cube.cellOf(h.cube.coordinates(cell))
}
