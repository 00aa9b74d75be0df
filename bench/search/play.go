package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"syscall"
	"time"

	"tourney"
	"tourney/search"
)

// mode is how trials overlap.
type mode string

// The modes.
const (
	one   mode = "one"   // one at a time
	batch mode = "batch" // so many are proposed together, and all finish before the next are
	async mode = "async" // so many are always pending; any of them finishes, and one is proposed
)

// pending is how many trials are pending in the modes with many.
const pending = 16

func (m mode) slots() int {
	if m == one {
		return 1
	}
	return pending
}

// outcome is what a run came to.
type outcome struct {
	Regrets []*float64 `json:"regrets"` // after each trial: of the best observed; null before there is one
	Failed  []int      `json:"failed"`  // in the order of the ends
	Repeats []int      `json:"repeats"` // in the order of the proposals: with the parameters of an earlier one
	CPU     float64    `json:"cpu"`     // seconds
}

// at returns the regret after n trials, +Inf if there is none.
func (o *outcome) at(n int) float64 {
	if n > len(o.Regrets) || o.Regrets[n-1] == nil {
		return math.Inf(1)
	}
	return *o.Regrets[n-1]
}

// player plays a search against a problem as the coordinator would.
type player struct {
	*search.Search
	p      *problem
	params map[int]tourney.Params
	open   []tourney.Queued
	seen   map[string]bool
	noise  *rand.Rand
	best   float64
	regret *float64
	out    outcome
}

// play runs a sweep of n trials.
func play(p *problem, method tourney.Method, how mode, n int, seed uint64) (outcome, error) {
	spec, err := p.spec(method, n, how.slots(), seed)
	if err != nil {
		return outcome{}, err
	}
	s, err := search.New(spec, tourney.Plan{Budget: 1})
	if err != nil {
		return outcome{}, err
	}
	r := &player{
		Search: s, p: p, params: map[int]tourney.Params{}, seen: map[string]bool{},
		noise: rand.New(rand.NewPCG(seed, 2)), best: math.Inf(1),
	}
	turns := rand.New(rand.NewPCG(seed, 3))
	from := threadTime()
	if err := r.input(tourney.Engine{Version: "bench"}); err != nil {
		return outcome{}, err
	}
	for len(r.open) > 0 {
		now := r.open
		switch how {
		case async:
			i := turns.IntN(len(r.open))
			now = []tourney.Queued{r.open[i]}
			r.open = append(r.open[:i:i], r.open[i+1:]...)
		default:
			r.open = nil
		}
		for _, job := range now {
			end, err := r.train(job)
			if err != nil {
				return outcome{}, err
			}
			if err := r.Apply(tourney.Reported{Trial: job.Trial, Rung: job.Rung, End: end}); err != nil {
				return outcome{}, err
			}
		}
		r.decide()
	}
	r.out.CPU = (threadTime() - from).Seconds()
	if len(r.out.Regrets) != n && !p.finite() {
		return r.out, fmt.Errorf("%s on %s: %d trials, not %d", method, p.Name, len(r.out.Regrets), n)
	}
	return r.out, nil
}

func (r *player) input(body tourney.EventBody) error {
	if err := r.Apply(body); err != nil {
		return err
	}
	r.decide()
	return nil
}

func (r *player) decide() {
	for _, d := range r.Decide() {
		switch d := d.(type) {
		case tourney.Proposed:
			r.params[d.Trial] = d.Params
			if key := d.Params.Key(); r.seen[key] {
				r.out.Repeats = append(r.out.Repeats, d.Trial)
			} else {
				r.seen[key] = true
			}
		case tourney.Queued:
			if d.For == tourney.JobRung {
				r.open = append(r.open, d)
			}
		}
	}
}

// train evaluates the problem at a trial.
func (r *player) train(job tourney.Queued) (tourney.End, error) {
	u, err := r.p.point(r.params[job.Trial])
	if err != nil {
		return tourney.End{}, err
	}
	end := tourney.End{Outcome: tourney.OutcomeDone, Step: job.Budget, BestStep: job.Budget}
	loss, ok := r.p.Eval(u, r.noise)
	switch {
	case !ok:
		end.Outcome, end.Reason = tourney.OutcomeFailed, tourney.ReasonUserError
		r.out.Failed = append(r.out.Failed, len(r.out.Regrets))
	default:
		end.Value = &loss
		if loss < r.best {
			regret := r.p.Regret(u)
			r.best, r.regret = loss, &regret
		}
	}
	r.out.Regrets = append(r.out.Regrets, r.regret)
	return end, nil
}

// request is what a peer is asked to play.
type request struct {
	Op      string `json:"op"`
	Func    string `json:"func,omitempty"`
	Table   *table `json:"table,omitempty"`
	Sampler string `json:"sampler"`
	Mode    mode   `json:"mode"`
	Pending int    `json:"pending"`
	Seed    uint64 `json:"seed"`
	N       int    `json:"n"`
}

// playPeer lets a peer run.
func (w *worker) playPeer(ctx context.Context, p *problem, sampler string, how mode, n int, seed uint64) (outcome, error) {
	python, err := w.python(ctx)
	if err != nil {
		return outcome{}, err
	}
	req := request{Op: "play", Func: p.Name, Table: p.table, Sampler: sampler, Mode: how, Pending: how.slots(), Seed: seed, N: n}
	var out outcome
	if err := python.Call(req, &out); err != nil {
		return outcome{}, fmt.Errorf("%s on %s: %w", sampler, p.Name, err)
	}
	return out, nil
}

// rusageThread is RUSAGE_THREAD of Linux.
const rusageThread = 1

// threadTime is the CPU time of this thread: its goroutine must be locked to
// it. What the garbage collector does on other threads is not in it.
func threadTime() time.Duration { return cpuTime(rusageThread) }

// processTime is the CPU time of this process.
func processTime() time.Duration { return cpuTime(syscall.RUSAGE_SELF) }

func cpuTime(who int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(who, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
