package gbdt

import (
	"context"
	"sync"

	"tourney/trainers/lap"
	"tourney/trainers/tree/ensemble"
	"tourney/trainers/tree/grow"
)

// Pass trains each fit by a round: the courses that have not come so far yet,
// then the scores of validation rows.
func (p *problem) Pass(ctx context.Context, fits []lap.Fit) {
	p.forget(fits)
	var leaders, others []*course
	seen := map[*course]bool{}
	for _, one := range fits {
		f := one.(*fit)
		c := f.course
		if f.step < c.rounds() || seen[c] {
			continue
		}
		seen[c] = true
		if c.leads() {
			leaders = append(leaders, c)
		} else {
			others = append(others, c)
		}
	}
	p.spaces.begin(p, len(leaders)+len(others))
	for _, courses := range [][]*course{leaders, others} {
		p.spread(len(courses), p.spaces.bytes, func(i int, pool heatPool) {
			if ctx.Err() != nil {
				return
			}
			w := p.spaces.take(courses[i])
			courses[i].round(w, pool)
			p.spaces.put(w)
		})
	}
	if ctx.Err() != nil {
		return
	}
	p.spread(len(fits), 0, func(i int, pool heatPool) { fits[i].(*fit).advance(pool) })
}

// spread calls f for each of n pieces of work that need so much memory each:
// side by side, each with a pool of the caller alone, as long as there is one
// for each slot, and what remains one after the other with the whole pool. So
// it goes with all of them if side by side they need too much memory: rows are
// many then, and keep all slots busy.
func (p *problem) spread(n int, bytes int64, f func(i int, pool heatPool)) {
	slots := p.pool.Slots()
	beside := n - n%slots
	if 2*(n-beside) > slots {
		beside = n
	}
	if int64(min(beside, slots))*bytes > besideBytes {
		beside = 0
	}
	p.pool.Do(beside, func(i int) { f(i, ensemble.Serial{}) })
	for i := beside; i < n; i++ {
		f(i, p.pool)
	}
}

// forget lets go of the courses that no fit is on, and of what was made for
// them.
func (p *problem) forget(fits []lap.Fit) {
	used, tables, beginnings := map[*course]bool{}, map[*grow.Table]bool{}, map[string]bool{}
	for _, one := range fits {
		c := one.(*fit).course
		used[c], tables[c.table], beginnings[c.first] = true, true, true
	}
	for constraints, t := range p.tables {
		if !tables[t] {
			delete(p.tables, constraints)
		}
	}
	for _, f := range p.folds {
		for key, c := range f.courses {
			if !used[c] {
				delete(f.courses, key)
			}
		}
		for key := range f.starts {
			if !beginnings[key] {
				delete(f.starts, key)
			}
		}
		for key := range f.roots {
			if !beginnings[key] {
				delete(f.roots, key)
			}
		}
	}
	for _, w := range p.spaces.free {
		if !used[w.owner] {
			w.owner = nil
		}
		if !tables[w.of.table] {
			w.grower, w.of = nil, growerOf{}
		}
	}
}

// rootBytes is how much the shared histograms of roots may take, for one
// beginning and fold.
const rootBytes = 64 << 20

// leads reports whether the course is the one whose next round leaves the
// histograms of its roots to others, and makes room for them: the next to be
// asked does not.
func (c *course) leads() bool {
	if c.rounds() > 0 || c.sampling.random() || c.fold.roots[c.first] != nil || c.table.D*256*16*c.k > rootBytes {
		return false
	}
	c.fold.roots[c.first] = make([]*grow.Histogram, c.k)
	return true
}

// workspace is what a course needs while it trains a round.
type workspace struct {
	owner  *course // whose gradients are there, for round; nil: nobody's
	round  int
	grad   []float32 // [k×n] row-major
	hess   []float32 // likewise; nil: they are weights
	spare  []float32 // hess when it is not needed
	sample []int32
	sizes  []uint32
	rests  []residual
	grower *grow.Grower
	of     growerOf
}

// growerOf is what a grower is made for.
type growerOf struct {
	fold   *fold
	table  *grow.Table
	config grow.Config
}

// fit makes room for gradients, and for hessians if they are needed.
func (w *workspace) fit(n int, hessians bool) {
	w.grad = resize(w.grad, n)
	if w.hess != nil {
		w.spare = w.hess
	}
	w.hess = nil
	if hessians {
		w.hess = resize(w.spare, n)
	}
}

// How much memory workspaces may take: in all, before courses share them though
// there are more courses than slots; and those of courses that train side by
// side.
const (
	spaceBytes  = 512 << 20
	besideBytes = 1 << 30
)

// spaces are the workspaces of a heat. A course gets one that holds its own
// gradients, or a grower for it, if there is: that saves time and changes
// nothing else.
type spaces struct {
	mu    sync.Mutex
	free  []*workspace
	made  int
	limit int
	bytes int64 // of one
}

// begin makes ready for a pass over so many courses, when none is at work.
func (s *spaces) begin(p *problem, courses int) {
	rows := 0
	for _, f := range p.folds {
		rows = max(rows, f.Train.N)
	}
	s.bytes = max(1, 12*int64(rows)*int64(p.scores())+grow.Bytes(p.table, rows, grow.Default()))
	side := min(p.pool.Slots(), int(max(1, besideBytes/s.bytes)))
	s.limit = max(side, min(courses, int(spaceBytes/s.bytes)))
	for len(s.free) > s.limit {
		s.free = s.free[:len(s.free)-1]
		s.made--
	}
}

// take returns a workspace with a grower for a course.
func (s *spaces) take(c *course) *workspace {
	of := growerOf{c.fold, c.table, c.config}
	s.mu.Lock()
	best, score := -1, -1
	for i, w := range s.free {
		fit := 0
		if w.owner == c {
			fit += 2
		}
		if w.of == of {
			fit++
		}
		if fit > score {
			best, score = i, fit
		}
	}
	w := &workspace{}
	if best >= 0 && (score > 0 || s.made >= s.limit) {
		w = s.free[best]
		s.free = append(s.free[:best], s.free[best+1:]...)
	} else {
		s.made++
	}
	s.mu.Unlock()
	if w.of != of {
		w.grower, w.of = nil, of // the old one's memory can be had again at once
		w.grower = grow.New(c.table, c.fold.rows, c.config)
	}
	return w
}

func (s *spaces) put(w *workspace) {
	s.mu.Lock()
	s.free = append(s.free, w)
	s.mu.Unlock()
}
