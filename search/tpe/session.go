package tpe

import (
	"math"
	"math/rand/v2"
	"slices"
)

// session is a history and the models made of it, while points are proposed.
type session struct {
	t      *TPE
	trials []Trial
	seen   func(u []float64) bool
	own    map[string]struct{} // keys of what this session proposed
	ended  int                 // trials that count for the start
	valued int                 // trials that can be among the best
	multi  bool                // trials have several losses
	models []*model
	groups []int // by axis: the first axis that always has a part together with it
	arms   []arm // by branch
}

func (t *TPE) session(trials []Trial, seen func(u []float64) bool) *session {
	s := &session{t: t, trials: slices.Clip(trials), seen: seen}
	for i := range trials {
		r := &trials[i]
		standing := r.standing()
		s.multi = s.multi || r.Losses != nil
		if standing == Complete || standing == Pruned {
			s.valued++
			s.ended++
		}
		if standing == Failed && !t.o.Optuna {
			s.ended++
		}
	}
	return s
}

// pend makes a point one of the pending trials.
func (s *session) pend(u []float64) {
	s.trials = append(s.trials, Trial{U: u, State: Pending})
	if s.own == nil {
		s.own = map[string]struct{}{}
	}
	s.own[s.t.key(u)] = struct{}{}
	s.groups = nil
	if s.arms != nil {
		s.arms[s.t.branches.of(s.t, u)].pending++
	}
	s.models = slices.DeleteFunc(s.models, func(m *model) bool {
		if has(u, m.nums) {
			m.above.add(u)
		}
		return !s.t.o.Optuna && m.above.kernels() > crowded
	})
}

// known says whether a point was proposed before.
func (s *session) known(u []float64) bool {
	if s.t.o.Optuna {
		return false
	}
	if len(s.own) > 0 {
		if _, ok := s.own[s.t.key(u)]; ok {
			return true
		}
	}
	return s.seen != nil && s.seen(u)
}

func (s *session) propose(rng *rand.Rand) []float64 {
	t := s.t
	if s.ended < t.o.Startup || s.valued == 0 {
		return s.start(rng)
	}
	if t.o.Uniform > 0 && rng.Float64() < t.o.Uniform {
		return s.scatter(rng)
	}
	given := t.unset()
	if t.branches != nil && !s.multi {
		given = s.branch(rng)
	}
	return s.inside(rng, given)
}

// inside returns a point with the coordinates given if there is one that is
// not known, and otherwise one without.
func (s *session) inside(rng *rand.Rand, given []float64) []float64 {
	for range rounds {
		if u := s.model(rng, given); u != nil {
			return u
		}
	}
	var u []float64
	for range redraws {
		if u = s.t.uniform(rng, given); !s.known(u) {
			return u
		}
	}
	return s.scatter(rng)
}

// start returns one of the points to begin with.
func (s *session) start(rng *rand.Rand) []float64 {
	t := s.t
	if t.o.Start == nil {
		return s.scatter(rng)
	}
	u := slices.Clone(t.o.Start(len(s.trials)))
	for i := range u {
		if !t.active(u, i) {
			u[i] = math.NaN()
		}
		if !math.IsNaN(u[i]) {
			u[i] = t.axes[i].Snap(u[i])
		}
	}
	if s.known(u) {
		return s.scatter(rng)
	}
	return u
}

// scatter returns a uniform point that is not known, nil if there is none.
func (s *session) scatter(rng *rand.Rand) []float64 {
	var u []float64
	for range redraws {
		if u = s.t.uniform(rng, nil); !s.known(u) {
			return u
		}
	}
	return s.walk(rng, u)
}

// model draws a point with the coordinates given from the models, nil if all
// that was drawn is known. Axes are drawn in their order, so that gates come
// before the axes that they decide about.
func (s *session) model(rng *rand.Rand, given []float64) []float64 {
	u := slices.Clone(given)
	done := make([]bool, len(u))
	left := 0
	for i := range u {
		if done[i] = !math.IsNaN(u[i]); !done[i] {
			left++
		}
	}
	for i := range u {
		if done[i] {
			continue
		}
		if !s.t.active(u, i) {
			done[i] = true
			left--
			continue
		}
		free, nums := s.together(i, u, done)
		left -= len(free)
		for _, j := range free {
			done[j] = true
		}
		if !s.sample(rng, s.modelOf(nums), u, free, left == 0) {
			return nil
		}
	}
	if s.known(u) {
		return nil
	}
	return u
}

// sample sets the free coordinates of u to those of the draw from a model whose
// l/g is highest. If they are the last, draws that make a known point do not
// count.
func (s *session) sample(rng *rand.Rand, m *model, u []float64, free []int, last bool) bool {
	var top []float64
	most := math.Inf(-1)
	v := make([]float64, len(u))
	for range s.t.o.Candidates {
		copy(v, u)
		m.below.draw(rng, v)
		score := m.below.logDensity(v) - m.above.logDensity(v)
		if (top == nil || score > most) && !(last && s.known(v)) {
			most, top = score, append(top[:0], v...)
		}
	}
	if top == nil {
		return false
	}
	for _, j := range free {
		u[j] = top[j]
	}
	return true
}
