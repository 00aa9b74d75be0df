package coordinator

import (
	"slices"
	"strings"
	"time"

	"tourney"
	"tourney/coordinator/fair"
)

// portion is what a claim may take of one sweep.
type portion struct {
	sweep string
	jobs  []tourney.JobID // that the worker asks for
	most  int             // the most of them, and of others, that it is given; below 0: all that there is room for
}

// divide says what a claim may take of which sweep, in order: as the worker
// asks, unless several sweeps of its pool have jobs that wait. Then their shares
// decide, and a worker may be given jobs that it did not ask for: offers wake,
// the claim decides.
func (c *Coordinator) divide(worker, pool string, req *tourney.ClaimRequest) []portion {
	asked := req.Jobs
	c.mu.Lock()
	if last := c.extras[worker]; last.claim == req.ID { // its answer was lost
		asked = append(slices.Clip(asked), last.jobs...)
	}
	c.mu.Unlock()
	fits := func(id string, t fair.Terms) fair.Affinity {
		switch {
		case slices.ContainsFunc(req.Running, func(key string) bool { return strings.HasPrefix(key, t.Heats) }):
			return fair.Heat
		case slices.Contains(req.Datasets, t.Data):
			return fair.Local
		case slices.ContainsFunc(req.Jobs, func(job tourney.JobID) bool { return job.Sweep == id }):
			return fair.Asked
		}
		return fair.None
	}
	parts, divided := c.fair.Divide(pool, req.Capacity, len(req.Jobs), fits)
	var out []portion
	if !divided {
		for start := 0; start < len(asked); {
			end := start
			for end < len(asked) && asked[end].Sweep == asked[start].Sweep {
				end++
			}
			out = append(out, portion{asked[start].Sweep, asked[start:end], -1})
			start = end
		}
		return out
	}
	at := map[string]int{}
	for _, part := range parts {
		at[part.Sweep] = len(out)
		out = append(out, portion{sweep: part.Sweep, most: part.Jobs})
	}
	for _, id := range asked {
		i, ok := at[id.Sweep]
		if !ok {
			i = len(out)
			at[id.Sweep] = i
			out = append(out, portion{sweep: id.Sweep})
		}
		out[i].jobs = append(out[i].jobs, id)
	}
	return out
}

// extras are the jobs that a worker was given with its last claim, and had not
// asked for.
type extras struct {
	claim string
	jobs  []tourney.JobID
}

// maxExtras bounds how many workers' extras are kept.
const maxExtras = 1 << 14

// remember keeps what a worker was given beyond what it asked for, for the case
// that it asks again because it has not heard.
func (c *Coordinator) remember(worker, claim string, jobs []tourney.JobID) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.extras) > maxExtras { // of workers that are long gone
		clear(c.extras)
	}
	if len(jobs) > 0 {
		c.extras[worker] = extras{claim, jobs}
	} else if c.extras[worker].claim != claim {
		delete(c.extras, worker)
	}
}

// spare returns at most n jobs that may be claimed, whether they are on offer or
// not, apart from those that are taken.
func (s *sweep) spare(n int) []*job {
	jobs := s.waiting(n)
	if len(jobs) == n {
		return jobs
	}
	var offered []*job
	for _, j := range s.jobs {
		if j.State == tourney.JobQueued && !j.offered.IsZero() && !slices.Contains(jobs, j) {
			offered = append(offered, j)
		}
	}
	slices.SortFunc(offered, func(a, b *job) int { return a.Trial - b.Trial })
	return append(jobs, offered[:min(len(offered), n-len(jobs))]...)
}

// room is how many more of the sweep's jobs may run.
func (s *sweep) room() int {
	most := s.terms.MaxConcurrency
	if most == 0 {
		return len(s.jobs)
	}
	return max(most-s.running, 0)
}

// count notes in which state a job is counted, once that is committed.
func (s *sweep) count(j *job) {
	is := j.State
	if s.jobs[j.Trial] != j {
		is = ""
	}
	for _, step := range []struct {
		state tourney.JobState
		by    int
	}{{j.counted, -1}, {is, 1}} {
		switch step.state {
		case tourney.JobQueued:
			s.queued += step.by
		case tourney.JobRunning:
			s.running += step.by
		}
	}
	j.counted = is
}

// share tells the divider what the sweep is due, and what of it waits.
func (s *sweep) share() {
	if s.row.Spec.External() {
		return
	}
	if !s.shared {
		s.shared = true
		s.terms = s.row.TermsNow()
		key := tourney.Job{Trainer: s.row.Spec.Trainer, Dataset: s.row.Plan.Dataset, Validation: s.row.Spec.Validation, Kind: tourney.JobRung}
		cores := s.row.Plan.Weight
		if cores <= 0 {
			cores = 1
		}
		s.c.fair.Set(s.id, fair.Terms{
			Pool: s.terms.Pool, Weight: s.terms.Weight, Priority: s.terms.Priority, Most: s.terms.MaxConcurrency, Cores: cores,
			Heats: strings.TrimSuffix(key.FuseKey(), fuseTail), Data: s.row.Plan.Dataset,
		})
	}
	queued := s.queued
	if !s.runs() {
		queued = 0
	}
	s.c.fair.Count(s.id, queued, s.running)
}

// fuseTail is the end of a fuse key that differs among the jobs of a sweep.
var fuseTail = func() string {
	key := new(tourney.Job).FuseKey()
	return key[strings.LastIndex(key[:strings.LastIndex(key, "|")], "|"):]
}()

// lasted is an attempt that has ended.
type lasted struct{ charged, seconds float64 }

// shared tells the divider what the change has come to.
func (ch *change) shared() {
	s := ch.s
	for _, j := range ch.jobs {
		s.count(j)
	}
	for _, a := range ch.lasted {
		s.c.fair.Settle(s.id, a.charged, a.seconds)
	}
	s.share()
	if s.row.State.Terminal() {
		s.c.fair.Remove(s.id)
	}
}

// Pools says how much waits and runs in each pool, and who is there for it.
func (c *Coordinator) Pools() map[string]tourney.PoolCensus {
	out := map[string]tourney.PoolCensus{}
	for pool, d := range c.fair.Depths() {
		out[pool] = tourney.PoolCensus{Queued: d.Queued, Running: d.Running, Wanted: d.Wanted}
	}
	for pool, live := range c.fleet.pools() {
		p := out[pool]
		p.Workers, p.Slots = live.Workers, live.Slots
		out[pool] = p
	}
	return out
}

// price returns what an hour of a slot of the worker costs: as it says, else as
// its pool does, else as the coordinator does for all.
func (c *Coordinator) price(worker string) float64 {
	pool, price := c.fleet.terms(worker)
	if price > 0 {
		return price
	}
	return c.poolPrice(pool)
}

// poolPrice returns what an hour of a slot in the pool costs, where a worker
// does not say; 0: unknown.
func (c *Coordinator) poolPrice(pool string) float64 {
	if price, ok := c.cfg.Prices[pool]; ok {
		return price
	}
	return c.cfg.PricePerHour
}

// priced reports whether anything is known by which cost in a pool could be
// counted.
func (c *Coordinator) priced(pool string) bool {
	return c.poolPrice(pool) > 0 || c.fleet.priced(pool)
}

// terms returns the pool of a worker and what an hour of one of its slots costs,
// as it says. One that nobody knows is of
// the default pool.
func (f *fleet) terms(id string) (pool string, price float64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if m := f.workers[id]; m != nil {
		return m.Pool, m.PricePerHour / float64(max(1, m.Slots))
	}
	return tourney.DefaultPool, 0
}

// priced reports whether a worker of the pool that is alive says its price.
func (f *fleet) priced(pool string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, m := range f.workers {
		if m.Pool == pool && m.PricePerHour > 0 && time.Since(m.LastSeen) < f.ttl {
			return true
		}
	}
	return false
}

// pools counts the workers that are alive, by pool.
func (f *fleet) pools() map[string]tourney.PoolCensus {
	f.mu.Lock()
	defer f.mu.Unlock()
	out := map[string]tourney.PoolCensus{}
	for _, m := range f.workers {
		if time.Since(m.LastSeen) < f.ttl {
			p := out[m.Pool]
			p.Workers++
			p.Slots += m.Slots
			out[m.Pool] = p
		}
	}
	return out
}
