package search

import (
	"errors"
	"fmt"

	"tourney"
)

// Search is the state of one sweep, as its log says.
type Search struct {
	spec      tourney.Spec
	limit     int // trials at most
	cube      *cube
	points    points
	sampler   Sampler
	scheduler Scheduler
	restarts  bool // a rung trains from the beginning, on more rows than the one below

	err     error // why the fold cannot be used any more
	begun   bool  // an engine has taken the sweep up
	state   tourney.SweepState
	back    tourney.SweepState  // what a resume leads back to
	owed    []tourney.EventBody // decisions that an input left no choice about, oldest first
	trials  []trial
	fresh   int // the trial that was proposed and not queued yet, or -1
	wanted  int // jobs that were asked for and are not queued yet, where trials are trained outside
	slots   slots
	history *History
	limits  limits
	retries retries

	closing   bool         // the search is over: nothing is promoted or proposed any more
	exhausted bool         // the sampler has no point left; found out anew after a rebuild
	pruned    int          // no trial below it is paused, once closing
	final     bool         // the final job was queued
	finals    int          // final jobs of ends before the sweep was extended
	refit     *tourney.End // how it ended
}

// trial is what the fold knows of one trial.
type trial struct {
	state    tourney.TrialState
	ending   bool // its end is owed
	ladder   []int
	first    int      // its lowest rung
	rung     int      // highest rung finished, the one below first before that
	trained  int      // steps that its next job goes on from
	value    *float64 // at that rung; nil if it has none
	bestStep int

	violation float64 // of bounds, at that rung
}

// New prepares the search that a normalised spec and its plan describe. The
// error is a *tourney.InvalidError.
func New(spec tourney.Spec, plan tourney.Plan) (*Search, error) {
	switch {
	case len(spec.Parameters) == 0:
		return nil, tourney.Invalid("parameters", "is empty; name at least one parameter")
	case !ordered(spec.Parameters):
		return nil, tourney.Invalid("parameters", "must be sorted by name, each there once; normalise the spec first")
	case spec.Parallelism < 1:
		return nil, tourney.Invalid("parallelism", "must be at least 1 once it is planned, not %d", spec.Parallelism)
	case spec.Order != tourney.OrderFixed && spec.Order != tourney.OrderArrival:
		return nil, tourney.Invalid("order", "%q must be fixed or arrival", spec.Order)
	case spec.Metric.Goal != tourney.Minimize && spec.Metric.Goal != tourney.Maximize:
		return nil, tourney.Invalid("metric.goal", "%q must be minimize or maximize once it is planned", spec.Metric.Goal)
	}
	c, err := newCube(spec.Parameters, spec.Constraints)
	if err != nil {
		return nil, err
	}
	s := &Search{
		spec: spec, cube: c, state: tourney.SweepCreated, fresh: -1,
		slots: newSlots(spec.Order, spec.Parallelism),
	}
	if s.sampler, err = newSampler(spec); err != nil {
		return nil, err
	}
	if err := c.checkFeasible(spec.Seed); err != nil {
		return nil, err
	}
	if s.scheduler, err = newScheduler(spec, plan); err != nil {
		return nil, err
	}
	if spec.RunCap == 0 && !spec.Bounded() {
		return nil, tourney.Invalid("run_cap", "is missing, and nothing else ends the search")
	}
	s.restarts = spec.EarlyTerminate != nil && spec.EarlyTerminate.Fidelity == "rows"
	if s.limit = trialsOf(spec); s.limit < 1 || s.limit > tourney.MaxTrials {
		return nil, tourney.Invalid("run_cap", "the sweep would have %d trials; it must have between 1 and %d", s.limit, tourney.MaxTrials)
	}
	if s.points, err = newPoints(spec.Points, c); err != nil {
		return nil, err
	}
	s.history = newHistory(c, &s.slots)
	s.limits = newLimits(&s.spec)
	s.retries.as = map[int]int{}
	return s, nil
}

// ordered reports whether the space is sorted by name, each there once.
func ordered(space tourney.Space) bool {
	for i := 1; i < len(space); i++ {
		if space[i-1].Name >= space[i].Name {
			return false
		}
	}
	return true
}

// Apply folds one event of the log, input or decision, in the log's order. It
// never samples.
//
// An event that cannot follow what came before is a tourney.ErrInvalid and
// leaves the fold unusable: every later call returns that error, and the owner
// rebuilds the fold from the log. The one exception is a user's action that
// the sweep's state does not allow: it is a tourney.ErrConflict, and the fold
// stays as it was.
func (s *Search) Apply(body tourney.EventBody) error {
	if s.err != nil {
		return s.err
	}
	err := s.fold(body)
	if err != nil && !errors.Is(err, tourney.ErrConflict) {
		s.err = fmt.Errorf("search: %w", err)
		return s.err
	}
	return err
}

// Decide returns the decisions that follow from what was applied, and has
// applied them. Called again right after, it returns none. Input is folded one
// report at a time, each with its Decide, since what fills a slot depends on
// which reports came before. After an error of Apply it returns none.
func (s *Search) Decide() []tourney.EventBody {
	var made []tourney.EventBody
	for s.err == nil {
		d := s.next()
		if d == nil {
			return made
		}
		if err := s.fold(d); err != nil {
			s.err = fmt.Errorf("search: its own decision: %w", err)
			return nil
		}
		made = append(made, d)
	}
	return nil
}

// Due returns the job whose report must be folded next under order fixed. It
// is false if any outstanding job's report may be (order arrival), and if none
// is outstanding.
func (s *Search) Due() (trial, rung int, ok bool) {
	job, ok := s.slots.due()
	return job.Trial, job.Rung, ok
}

// State returns where the sweep stands.
func (s *Search) State() tourney.SweepState { return s.state }

// TrialSeed returns the seed of a trial: its number in the sequence of the
// SplitMix64 generator (Steele, Lea and Flood, OOPSLA 2014) whose seed is the
// first number of the sequence of the sweep's seed.
func (s *Search) TrialSeed(trial int) uint64 {
	const gamma = 0x9e3779b97f4a7c15
	return mix64(mix64(s.spec.Seed+gamma) + (uint64(trial)+1)*gamma)
}

func mix64(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
}

// MaxBudget returns the budget of the highest rung of a trial, which the
// trainer's schedules are functions of. It is 0 for a trial not proposed yet.
func (s *Search) MaxBudget(trial int) int {
	if trial < 0 || trial >= len(s.trials) {
		return 0
	}
	ladder := s.trials[trial].ladder
	return ladder[len(ladder)-1]
}
