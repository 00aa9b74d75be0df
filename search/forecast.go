package search

import "tourney"

// Forecast says what a sweep would do: the budgets of its rungs, about how many
// trials come to each and what they train, and its first points. Warmed is what
// past sweeps have taught. The points are those that are proposed before there
// is any result; a search that learns may choose others for those beyond its
// parallelism. The error is a *tourney.InvalidError.
func Forecast(spec tourney.Spec, plan tourney.Plan, warmed []tourney.Warmed, points int) (tourney.Forecast, error) {
	f := tourney.Forecast{Valid: true, Spec: &spec, Plan: &plan}
	if _, err := New(spec, plan); err != nil {
		return tourney.Forecast{}, err
	}
	wide := spec
	wide.Parallelism = max(spec.Parallelism, points)
	s, err := New(wide, plan)
	if err != nil {
		return tourney.Forecast{}, err
	}
	if s.limit < tourney.MaxTrials || spec.RunCap > 0 {
		f.Trials = s.limit
	}
	estimate(&f, Ladder(spec, plan))
	var first []tourney.EventBody
	for _, w := range warmed {
		first = append(first, w)
	}
	first = append(first, tourney.Engine{})
	if spec.External() {
		first = append(first, tourney.Asked{Trials: points})
	}
	for _, e := range first {
		if err := s.Apply(e); err != nil {
			return tourney.Forecast{}, err
		}
		for len(f.Proposals) < points {
			d := s.next()
			if d == nil {
				break
			}
			if err := s.fold(d); err != nil {
				return tourney.Forecast{}, err
			}
			if p, ok := d.(tourney.Proposed); ok {
				f.Proposals = append(f.Proposals, p.Params)
			}
		}
	}
	return f, nil
}

// estimate fills in how many trials come to each rung and how long they train.
// Of a rung of halving one trial in eta goes on; where others are compared with
// what nobody knows yet, all are counted, which is the most there can be.
func estimate(f *tourney.Forecast, ladder []int) {
	keep := 1
	if e := f.Spec.EarlyTerminate; e != nil && e.Eta > 1 {
		keep = e.Eta
	}
	trials, before := f.Trials, 0
	for i, budget := range ladder {
		f.Rungs = append(f.Rungs, tourney.RungForecast{Rung: i, Budget: budget, Trials: trials})
		f.Jobs += int64(trials)
		f.Steps += int64(trials) * int64(budget-before)
		if !f.Spec.ByRows() { // there each rung begins anew
			before = budget
		}
		if trials > 0 {
			trials = max(trials/keep, 1)
		}
	}
}
