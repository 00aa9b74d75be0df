package coordinator_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"time"

	"tourney"
)

// Offer puts an offer on the bus.
func (w *world) Offer(_ context.Context, _, _ string, o tourney.Offer) error {
	jobs := o.Jobs
	if w.mutation == noReconciler || w.mutation == threeDeliveries {
		jobs = w.fresh(jobs)
	}
	if len(jobs) == 0 || w.chance(0.03) {
		return nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.offers = append(w.offers, offer{jobs: jobs})
	return nil
}

// fresh returns the jobs that were not offered since their last attempt.
func (w *world) fresh(jobs []tourney.JobID) []tourney.JobID {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.desk == nil {
		return nil
	}
	var out []tourney.JobID
	for _, id := range jobs {
		trial, err := w.desk.db.Trial(context.Background(), id.Sweep, id.Trial)
		if n, seen := w.offered[id]; err != nil || seen && n == trial.Attempts {
			continue
		}
		w.offered[id] = trial.Attempts
		out = append(out, id)
	}
	return out
}

// Control tells a worker something, perhaps.
func (w *world) Control(_ context.Context, worker string, c tourney.Control) error {
	w.mu.Lock()
	to := w.workers[worker]
	w.mu.Unlock()
	if to != nil && !w.chance(0.2) {
		to.hear(c.Stop, c.Committed)
	}
	return nil
}

// Serve is the coordinator's: what workers say reaches it by call.
func (w *world) Serve(ctx context.Context, _ tourney.Handler) error {
	<-ctx.Done()
	return nil
}

// Created is never true: a stream that is lost is not noticed at once.
func (w *world) Created() bool { return false }

// call lets a worker ask the coordinator. It reports false if no answer comes.
func (w *world) call(ctx context.Context, f func(context.Context, *desk)) bool {
	if w.chance(0.08) { // the question is lost
		w.count(&w.faults.Lost)
		return sleep(ctx, time.Second) && false
	}
	w.mu.Lock()
	d := w.desk
	if d != nil {
		w.calls.Add(1)
	}
	w.mu.Unlock()
	if d == nil {
		return sleep(ctx, time.Second) && false
	}
	f(context.Background(), d)
	w.calls.Done()
	if w.chance(0.08) { // the answer is lost
		w.count(&w.faults.Lost)
		return sleep(ctx, time.Second) && false
	}
	return ctx.Err() == nil
}

func (w *world) count(n *int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	*n++
}

// publish puts a report on the bus, from where the recorder takes it.
func (w *world) publish(r tourney.Incoming) {
	lost, late, doubled := w.chance(0.1), w.chance(w.lateness()), w.chance(0.1)
	if late { // later than its lease, perhaps
		w.count(&w.faults.Late)
		after := w.between(simLease/2, 3*simLease)
		w.group.Go(func() {
			if sleep(w.alive, after) {
				w.mu.Lock()
				defer w.mu.Unlock()
				w.reports = append(w.reports, r)
			}
		})
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if lost {
		w.faults.Lost++
		return
	}
	w.reports = append(w.reports, r)
	if doubled {
		w.faults.Doubled++
		w.reports = append(w.reports, r)
	}
}

// lateness is how often a report is late: what it takes to be found is an end
// that is, and its worker has the job again.
func (w *world) lateness() float64 {
	if w.mutation == ownerIsFence {
		return 0.4
	}
	return 0.1
}

// recorder hands reports to the coordinator, in an order that may be another
// from worker to worker, until they are taken.
func (w *world) recorder() {
	for sleep(w.alive, w.between(20*time.Millisecond, 150*time.Millisecond)) {
		w.mu.Lock()
		batch := w.reports
		w.reports = nil
		w.rng.Shuffle(len(batch), func(i, j int) {
			if batch[i].Worker != batch[j].Worker {
				batch[i], batch[j] = batch[j], batch[i]
			}
		})
		w.mu.Unlock()
		if len(batch) == 0 {
			continue
		}
		var err error
		answered := w.call(w.alive, func(ctx context.Context, d *desk) { err = d.Reports(ctx, w.forged(ctx, d, batch)) })
		if !answered || err != nil { // they come again
			w.mu.Lock()
			w.reports = append(batch, w.reports...)
			w.mu.Unlock()
		}
	}
}

// forged is reports as a coordinator would take them whose fence is broken.
func (w *world) forged(ctx context.Context, d *desk, batch []tourney.Incoming) []tourney.Incoming {
	if w.mutation == intact {
		return batch
	}
	rows, err := d.db.OpenJobs(ctx, w.sweep)
	if err != nil {
		return batch
	}
	out := slices.Clone(batch)
	for i := range out {
		e := out[i].Report.Entries[0]
		if w.mutation == preemptionFails && e.End != nil && e.End.Outcome == tourney.OutcomePreempted {
			e.End = &tourney.End{Outcome: tourney.OutcomeFailed, Reason: tourney.ReasonUserError}
		}
		for _, r := range rows {
			if r.State != tourney.JobRunning || r.Trial != e.Token.Trial || r.Rung != e.Rung {
				continue
			}
			if w.mutation == noFence || w.mutation == ownerIsFence && r.Worker == out[i].Worker {
				out[i].Worker, e.Token.Attempt = r.Worker, r.Attempt
			}
		}
		out[i].Report.Entries = []tourney.Entry{e}
	}
	return out
}

// fetch takes an offer from the bus, not always the first. Unless it is
// acknowledged it is there again some time later.
func (w *world) fetch() (o offer, ack func(), ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.offers) == 0 {
		return o, nil, false
	}
	i := w.rng.IntN(min(5, len(w.offers)))
	o = w.offers[i]
	w.offers = slices.Delete(w.offers, i, i+1)
	o.delivered++
	if w.mutation == threeDeliveries && o.delivered > 3 {
		return o, nil, false
	}
	if !w.calm && w.rng.Float64() < 0.1 {
		w.faults.Doubled++
		w.offers = append(w.offers, o)
	}
	acked := false
	again := time.AfterFunc(3*time.Second, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if !acked && w.alive.Err() == nil {
			w.offers = append(w.offers, o)
		}
	})
	return o, func() {
		again.Stop()
		w.mu.Lock()
		defer w.mu.Unlock()
		acked = true
	}, true
}

// simWorker is a worker of a simulation: it claims, trains and reports as the
// real one does.
type simWorker struct {
	w     *world
	id    string
	rng   *rand.Rand
	ctx   context.Context
	leave context.CancelFunc

	mu      sync.Mutex
	until   time.Time // it stands still
	leaving bool
	tasks   map[tourney.Token]task
	spool   map[tourney.Token]tourney.Entry // ends whose fate is unknown
}

// task is a job in training.
type task struct {
	rung   int
	cancel context.CancelFunc
}

// spawn starts a worker.
func (w *world) spawn() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.spawned++
	p := &simWorker{
		w: w, id: simPrefix + strconv.Itoa(w.spawned), rng: rand.New(rand.NewPCG(w.rng.Uint64(), 3)),
		tasks: map[tourney.Token]task{}, spool: map[tourney.Token]tourney.Entry{},
	}
	p.ctx, p.leave = context.WithCancel(w.alive)
	w.workers[p.id] = p
	w.group.Go(p.claims)
	w.group.Go(p.beats)
}

// kill ends a worker at once, and starts another some time later.
func (w *world) kill(p *simWorker) {
	p.leave()
	w.mu.Lock()
	delete(w.workers, p.id)
	w.mu.Unlock()
	w.group.Go(func() {
		if sleep(w.alive, w.between(300*time.Millisecond, 1500*time.Millisecond)) {
			w.spawn()
		}
	})
}

// notice lets a worker give back what it has, and leave.
func (p *simWorker) notice() {
	p.mu.Lock()
	p.leaving = true
	tasks := p.tasks
	p.tasks = map[tourney.Token]task{}
	p.mu.Unlock()
	for token, k := range tasks {
		k.cancel()
		p.end(tourney.Entry{Token: token, Rung: k.rung, End: &tourney.End{Outcome: tourney.OutcomePreempted}})
	}
	p.w.group.Go(func() {
		if sleep(p.w.alive, 2*time.Second) { // its last words are on their way
			p.w.kill(p)
		}
	})
}

// pause lets the worker stand still.
func (p *simWorker) pause(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.until = time.Now().Add(d)
}

// wait is sleep for a worker, which may stand still meanwhile.
func (p *simWorker) wait(ctx context.Context, d time.Duration) bool {
	if !sleep(ctx, d) {
		return false
	}
	for {
		p.mu.Lock()
		rest := time.Until(p.until)
		p.mu.Unlock()
		if rest <= 0 {
			return ctx.Err() == nil
		}
		if !sleep(ctx, rest) {
			return false
		}
	}
}

// room is how many jobs the worker can take.
func (p *simWorker) room() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.leaving {
		return 0
	}
	return simSlots - len(p.tasks)
}

// claims takes offers and trains what is granted.
func (p *simWorker) claims() {
	for n := 0; p.wait(p.ctx, p.nap(100, 300)); n++ {
		if p.room() <= 0 {
			continue
		}
		o, ack, ok := p.w.fetch()
		if !ok {
			continue
		}
		req := tourney.ClaimRequest{ID: fmt.Sprint(p.id, "/", n), Capacity: float64(p.room()), Jobs: o.jobs[:min(simRoom, len(o.jobs))]}
		var reply tourney.ClaimReply
		answered := false
		for range 3 { // the same claim again, should the answer be lost
			if answered = p.w.call(p.ctx, func(ctx context.Context, d *desk) { reply = d.Claim(ctx, p.id, req) }) && reply.Error == ""; answered {
				break
			}
			if !p.wait(p.ctx, p.nap(10, 100)) {
				return
			}
		}
		if !answered {
			continue
		}
		ack()
		for _, g := range reply.Grants {
			p.take(g)
		}
	}
}

func (p *simWorker) nap(low, high int) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	return time.Duration(low*1000+p.rng.IntN((high-low)*1000)) * time.Microsecond
}

// take starts to train a granted job, unless it does so already.
func (p *simWorker) take(g tourney.Grant) {
	ctx, cancel := context.WithCancel(p.ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, has := p.tasks[g.Token]; has || p.leaving {
		cancel()
		return
	}
	p.tasks[g.Token] = task{g.Job.Rung, cancel}
	p.w.group.Go(func() { p.train(ctx, g) })
}

// train trains a job from its checkpoint, with one after each step.
func (p *simWorker) train(ctx context.Context, g tourney.Grant) {
	at := state{0, start(&g.Job)}
	if c := g.Job.Checkpoint; c != nil {
		p.w.mu.Lock()
		at = p.w.blobs[c.Blob]
		p.w.mu.Unlock()
	}
	brief := at.step == g.Job.Budget-1 // nothing is said before the end
	for at.step < g.Job.Budget {
		if !p.wait(ctx, p.nap(200, 900)) {
			return
		}
		at = state{at.step + 1, advance(at.state, at.step)}
		c := p.w.put(at)
		e := tourney.Entry{Token: g.Token, Rung: g.Job.Rung, Checkpoint: &c}
		if at.step == g.Job.Budget {
			v := trained(&g.Job, at.state, at.step)
			e.End = &tourney.End{Outcome: tourney.OutcomeDone, Step: at.step, BestStep: at.step, Value: &v, Metrics: tourney.Metrics{"rmse": v}}
			p.mu.Lock()
			_, mine := p.tasks[g.Token]
			delete(p.tasks, g.Token)
			p.mu.Unlock()
			switch {
			case mine && brief && p.half():
				p.relay(e)
			case mine:
				p.end(e)
			}
			return
		}
		p.w.publish(tourney.Incoming{Worker: p.id, Report: tourney.Report{Entries: []tourney.Entry{e}}})
	}
}

// half is true half the time.
func (p *simWorker) half() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.rng.IntN(2) == 0
}

// relay sends the end of an attempt with a claim, and trains what it gets in its
// place. Without an answer the end goes the way of others.
func (p *simWorker) relay(e tourney.Entry) {
	p.keep(e)
	p.mu.Lock()
	req := tourney.ClaimRequest{ID: fmt.Sprint(p.id, "/relay/", p.rng.Uint64()), Ends: []tourney.Entry{e}}
	p.mu.Unlock()
	for range 3 {
		req.Capacity = float64(p.room())
		var reply tourney.ClaimReply
		if p.w.call(p.ctx, func(ctx context.Context, d *desk) { reply = d.Claim(ctx, p.id, req) }) && reply.Error == "" {
			p.w.count(&p.w.faults.Relayed)
			p.hear(nil, []tourney.Token{e.Token})
			for _, g := range reply.Grants {
				p.take(g)
			}
			return
		}
		req.Again = true
		if !p.wait(p.ctx, p.nap(10, 100)) {
			return
		}
	}
	p.end(e)
}

// end sends the end of an attempt, and keeps it until it is safe.
func (p *simWorker) end(e tourney.Entry) {
	p.keep(e)
	p.w.publish(tourney.Incoming{Worker: p.id, Report: tourney.Report{Entries: []tourney.Entry{e}}})
}

// keep keeps the end of an attempt until it is safe.
func (p *simWorker) keep(e tourney.Entry) {
	if e.End.Outcome == tourney.OutcomeDone {
		p.w.mu.Lock()
		p.w.ended[e.Token] = true
		p.w.mu.Unlock()
	}
	p.mu.Lock()
	p.spool[e.Token] = e
	p.mu.Unlock()
}

// beats tells the coordinator what runs, and sends ends again.
func (p *simWorker) beats() {
	for p.wait(p.ctx, p.nap(1000, 1300)) {
		p.mu.Lock()
		beat := tourney.Beat{Slots: simSlots}
		for token := range p.tasks {
			beat.Running = append(beat.Running, token)
		}
		for token := range p.spool {
			beat.Ended = append(beat.Ended, token)
		}
		p.mu.Unlock()
		var reply tourney.BeatReply
		if p.w.call(p.ctx, func(ctx context.Context, d *desk) { reply = d.Beat(ctx, p.id, beat) }) && reply.Error == "" {
			p.hear(reply.Stop, reply.Committed)
		}
		p.mu.Lock()
		for token := range p.spool {
			p.w.publish(tourney.Incoming{Worker: p.id, Report: tourney.Report{Entries: []tourney.Entry{p.spool[token]}}})
		}
		p.mu.Unlock()
	}
}

// hear takes in what is no longer the worker's, and which of its ends are safe.
func (p *simWorker) hear(stop, committed []tourney.Token) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, token := range stop {
		if k, ok := p.tasks[token]; ok {
			k.cancel()
			delete(p.tasks, token)
		}
	}
	for _, token := range committed {
		if _, ok := p.spool[token]; ok {
			delete(p.spool, token)
			p.w.mu.Lock()
			p.w.committed[token] = true
			p.w.mu.Unlock()
		}
	}
}
