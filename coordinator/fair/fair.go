package fair

import (
	"cmp"
	"math"
	"slices"
	"sync"
)

// Terms are what a sweep is due.
type Terms struct {
	Pool     string
	Weight   float64 // more than 0
	Priority int
	Most     int     // attempts at a time; 0: no bound
	Cores    float64 // that a job takes, more than 0

	// What fits a worker: what the names of its heats begin with, and the data
	// that it needs. They are for who asks for affinities.
	Heats, Data string
}

// Affinity is how well a sweep's jobs fit a worker.
type Affinity int

// The affinities, each better than those before it.
const (
	None  Affinity = iota
	Asked          // the worker has its jobs in hand
	Local          // the worker's cache holds its data
	Heat           // a heat of its kind runs on the worker
)

// Part is how many of a sweep's jobs a claim is given.
type Part struct {
	Sweep string
	Jobs  int
}

// Divider divides pools among sweeps. Its methods may be called from many
// goroutines.
type Divider struct {
	mu     sync.Mutex
	sweeps map[string]*sweep
	clocks map[class]float64
}

// class is the sweeps that share by weight.
type class struct {
	pool     string
	priority int
}

type sweep struct {
	Terms
	id              string
	queued, running int
	clock           float64 // core seconds over weight
	mean            float64 // seconds that an attempt lasts
}

// firstMean is what attempts are taken to last before any has ended, in
// seconds. It is the same for all, so that at first weights divide jobs.
const firstMean = 1

// follow is the weight of the newest duration in the mean.
const follow = 0.2

// New returns a divider without sweeps.
func New() *Divider {
	return &Divider{sweeps: map[string]*sweep{}, clocks: map[class]float64{}}
}

// Set says what a sweep is due from now on.
func (d *Divider) Set(id string, t Terms) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.sweeps[id]
	if s == nil {
		s = &sweep{id: id, mean: firstMean}
		d.sweeps[id] = s
	}
	moved := s.Pool != t.Pool || s.Priority != t.Priority
	s.Terms = t
	if moved { // clocks of different classes do not compare
		s.clock = d.clocks[s.class()]
	}
}

// Remove forgets a sweep.
func (d *Divider) Remove(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.sweeps, id)
}

// Count says how many jobs of a sweep wait, and how many run.
func (d *Divider) Count(id string, queued, running int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.sweeps[id]
	if s == nil {
		return
	}
	if s.queued == 0 && queued > 0 {
		s.clock = max(s.clock, d.clocks[s.class()])
	}
	s.queued, s.running = queued, running
}

// Charge says that jobs of a sweep were given to a worker, and returns how many
// seconds each is taken to last. Settle wants to hear the same again.
func (d *Divider) Charge(id string, jobs int) (seconds float64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.sweeps[id]
	if s == nil || jobs == 0 {
		return 0
	}
	c := s.class()
	d.clocks[c] = max(d.clocks[c], s.clock)
	s.clock += float64(jobs) * s.cost(s.mean)
	return s.mean
}

// Settle says that an attempt, charged with so many seconds, has lasted so many.
func (d *Divider) Settle(id string, charged, lasted float64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s := d.sweeps[id]
	if s == nil || !(lasted >= 0) {
		return
	}
	s.clock += s.cost(lasted - charged)
	s.mean += follow * (max(lasted, 1e-3) - s.mean)
}

// Waits reports whether a sweep of the pool other than id has jobs that wait.
func (d *Divider) Waits(pool, id string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, s := range d.sweeps {
		if s.Pool == pool && s.queued > 0 && s.id != id {
			return true
		}
	}
	return false
}

// Divide says what a claim is given, of a worker with so much room, in cores,
// that asks for so many jobs: no more than it asks for. It returns false if there is nothing to divide: no two sweeps of the pool have
// jobs that wait. Nothing is charged.
func (d *Divider) Divide(pool string, room float64, jobs int, fits func(sweep string, t Terms) Affinity) ([]Part, bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var waiting []*turn
	for _, s := range d.sweeps {
		if s.Pool == pool && s.queued > 0 {
			waiting = append(waiting, &turn{sweep: s, clock: s.clock, rest: s.mayStart()})
		}
	}
	if len(waiting) < 2 {
		return nil, false
	}
	slices.SortFunc(waiting, func(a, b *turn) int {
		return cmp.Or(cmp.Compare(b.Priority, a.Priority), cmp.Compare(a.id, b.id))
	})
	var order []*turn
	for start := 0; start < len(waiting) && room > 0 && jobs > 0; {
		end := start
		for end < len(waiting) && waiting[end].Priority == waiting[start].Priority {
			waiting[end].fits = fits(waiting[end].id, waiting[end].Terms)
			end++
		}
		room = share(waiting[start:end], room, &jobs, &order)
		start = end
	}
	parts := make([]Part, len(order))
	for i, t := range order {
		parts[i] = Part{t.id, t.given}
	}
	return parts, true
}

// turn is a sweep while a claim is divided.
type turn struct {
	*sweep
	fits  Affinity
	clock float64 // as it will be
	rest  int     // jobs that may still be given
	given int
}

// share gives the jobs of one class until the room, or what is asked for, is
// used up or nothing is left, and returns the room that is left for the classes
// below: none if the sweep whose turn it is takes more than there is, since
// others would fill the room for ever.
func share(class []*turn, room float64, jobs *int, order *[]*turn) float64 {
	whole := room
	for ; *jobs > 0; *jobs-- {
		var due, best *turn
		for _, t := range class {
			if t.rest > 0 && (due == nil || t.clock < due.clock) {
				due = t
			}
		}
		if due == nil {
			return room
		}
		for _, t := range class {
			ahead := whole * t.mean / t.Weight
			if t.rest > 0 && t.fits > None && t.clock <= due.clock+ahead && (best == nil || t.better(best)) {
				best = t
			}
		}
		if best == nil {
			best = due
		}
		if best.Cores > room+1e-9 {
			return 0
		}
		if best.given == 0 {
			*order = append(*order, best)
			best.fits = Heat // what is trained together costs less than apart
		}
		best.given++
		best.rest--
		best.clock += best.cost(best.mean)
		room -= best.Cores
	}
	return 0
}

// better reports whether t goes before o, both of which fit.
func (t *turn) better(o *turn) bool {
	if t.fits != o.fits {
		return t.fits > o.fits
	}
	return t.clock < o.clock
}

func (s *sweep) class() class { return class{s.Pool, s.Priority} }

// cost is what seconds of a job move the clock.
func (s *sweep) cost(seconds float64) float64 { return s.Cores * seconds / s.Weight }

// mayStart is how many jobs may start now.
func (s *sweep) mayStart() int {
	if s.Most == 0 {
		return s.queued
	}
	return max(min(s.queued, s.Most-s.running), 0)
}

// Depth is what waits and runs in a pool.
type Depth struct {
	Queued, Running int     // jobs
	Wanted          float64 // cores that they take, as far as they may run
}

// Depths returns what waits and runs, by pool.
func (d *Divider) Depths() map[string]Depth {
	d.mu.Lock()
	defer d.mu.Unlock()
	out := map[string]Depth{}
	for _, s := range d.sweeps {
		at := out[s.Pool]
		at.Queued += s.queued
		at.Running += s.running
		may := float64(s.running + s.mayStart())
		at.Wanted += may * s.Cores
		out[s.Pool] = at
	}
	for pool, at := range out { // sums of binary fractions, but for what rounding left
		at.Wanted = math.Round(at.Wanted*1e6) / 1e6
		out[pool] = at
	}
	return out
}
