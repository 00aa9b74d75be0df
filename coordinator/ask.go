package coordinator

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"tourney"
)

// askPrefix begins the names of those who train outside, where a worker would
// have its id.
const askPrefix = "ask:"

func isAsker(worker string) bool { return strings.HasPrefix(worker, askPrefix) }

// leaseOf is how long a job's attempt may go unheard; 0: as long as workers may.
func leaseOf(j *tourney.JobRow) time.Duration {
	return time.Duration(j.Lease * float64(time.Second))
}

// Ask grants trials of a sweep to somebody outside; see api.Service.
func (c *Coordinator) Ask(ctx context.Context, id string, req tourney.AskRequest, key string) (tourney.AskReply, error) {
	if err := req.Check(); err != nil {
		return tourney.AskReply{}, err
	}
	a := &asking{req: req, worker: askPrefix + req.Worker, claim: newID("c")}
	if key != "" {
		sum := sha256.Sum256([]byte(key))
		a.key = hex.EncodeToString(sum[:12])
		a.claim = a.key + "/" + digest(req)
	}
	row, err := c.visit(ctx, id, a)
	if err != nil {
		return tourney.AskReply{}, err
	}
	if row != nil { // it has ended: nothing more comes
		return tourney.AskReply{State: row.State, Trials: []tourney.AskedTrial{}}, nil
	}
	return a.reply, nil
}

// Tell takes in what came of trials that were asked for, all of it or nothing;
// see api.Service.
func (c *Coordinator) Tell(ctx context.Context, id string, tells []tourney.Tell) ([]tourney.Told, error) {
	if len(tells) > tourney.MaxTells {
		return nil, tourney.Invalid("tells", "has %d entries; at most %d", len(tells), tourney.MaxTells)
	}
	t := &telling{tells: tells, tokens: make([]tourney.Token, len(tells)), replies: make([]tourney.Told, len(tells))}
	inv := &tourney.InvalidError{}
	for i := range tells {
		var err error
		if t.tokens[i], err = tourney.ParseToken(tells[i].Token); err != nil || t.tokens[i].Sweep != id {
			inv.Fields = append(inv.Fields, tourney.FieldError{
				Path: fmt.Sprintf("tells.%d.token", i), Message: fmt.Sprintf("%.100q was given with no trial of this sweep", tells[i].Token),
			})
		}
	}
	if len(inv.Fields) > 0 {
		return nil, inv
	}
	row, err := c.visit(ctx, id, t)
	if err != nil {
		return nil, err
	}
	if row != nil { // it has ended: what was told before is answered as it was
		if err := t.recall(ctx, c.cfg.Store, nil); err != nil {
			return nil, err
		}
	}
	return t.replies, nil
}

// visit has a sweep's goroutine serve a caller, together with the others that
// wait, in one transaction. It returns the sweep's row if it has ended.
func (c *Coordinator) visit(ctx context.Context, id string, v visitor) (*tourney.Sweep, error) {
	if err := c.Healthy(ctx); err != nil {
		return nil, err
	}
	s := c.lookup(id)
	if s != nil {
		call := &visit{visitor: v, done: make(chan error, 1)}
		s.desk.add(call)
		err := s.do(ctx, s.serve)
		if err == nil {
			// Whoever came first has served all that waited.
			return nil, <-call.done
		}
		if !errors.Is(err, errEnded) {
			return nil, err
		}
		select {
		case err := <-call.done: // served with others, before the sweep ended
			return nil, err
		default:
		}
	}
	row, err := c.cfg.Store.Sweep(ctx, id)
	if err != nil {
		return nil, err
	}
	return &row, outside(&row)
}

// outside refuses a sweep whose trials workers train.
func outside(row *tourney.Sweep) error {
	if row.Spec.External() {
		return nil
	}
	return fmt.Errorf("%w: the trials of sweep %s are trained by workers (trainer %s); ask and tell are for sweeps with trainer: external", tourney.ErrConflict, row.ID, row.Spec.Trainer)
}

// desk holds those who wait for their sweep's goroutine.
type desk struct {
	mu    sync.Mutex
	queue []*visit
}

type visit struct {
	visitor
	done chan error // has room for the answer
}

// visitor is somebody who asks or tells. Its methods are called in the sweep's
// goroutine.
type visitor interface {
	// enter makes its part of a change. A refusal leaves the change as it was;
	// any other error spoils it.
	enter(ctx context.Context, ch *change) error
	// leave takes the answer once the change is committed.
	leave(s *sweep)
}

// refusal is an error of one visitor, which the others do not share.
type refusal struct{ error }

func (r *refusal) Unwrap() error { return r.error }

func (d *desk) add(v *visit) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.queue = append(d.queue, v)
}

func (d *desk) take() []*visit {
	d.mu.Lock()
	defer d.mu.Unlock()
	queue := d.queue
	d.queue = nil
	return queue
}

// serve serves those who wait at the desk, in one transaction.
func (s *sweep) serve(ctx context.Context) error {
	visits := s.desk.take()
	if len(visits) == 0 {
		return nil
	}
	err := outside(&s.row)
	var served []*visit
	if err == nil {
		ch := s.begin()
		for _, v := range visits {
			var refused *refusal
			if err = v.enter(ctx, ch); errors.As(err, &refused) {
				v.done <- refused.error
				err = nil
				continue
			}
			served = append(served, v)
			if err != nil {
				break
			}
		}
		if err == nil {
			ch.finish()
			err = s.commit(ctx, ch)
		} else {
			err = s.spoil(ctx, err)
		}
	} else {
		served = visits
	}
	for _, v := range served {
		if err == nil {
			v.leave(s)
		}
		v.done <- err
	}
	if err != nil { // those behind the one that spoilt it
		for _, v := range visits {
			select {
			case v.done <- err:
			default:
			}
		}
	}
	return nil
}

// asking is somebody who asks for trials.
type asking struct {
	req    tourney.AskRequest
	worker string
	claim  string // id of its claim
	key    string // what the claim of the same call again begins with; empty: there is none
	jobs   []*job
	reply  tourney.AskReply
}

func (a *asking) enter(ctx context.Context, ch *change) error {
	s := ch.s
	if a.key != "" {
		again, err := s.claimed(a)
		if again != nil || err != nil {
			a.jobs = again
			return err
		}
	}
	if !s.runs() {
		return nil
	}
	a.jobs = s.waiting(a.req.Count)
	if rest := a.req.Count - len(a.jobs); rest > 0 && s.fold.Gives() {
		if err := ch.input(tourney.Asked{Trials: rest}); err != nil {
			return err
		}
		if err := ch.decide(ctx); err != nil {
			return err
		}
		a.jobs = append(a.jobs, s.waiting(rest)...)
	}
	for _, j := range a.jobs {
		ch.attempt(j, a.worker, a.claim)
		j.Lease = a.req.Lease
	}
	return nil
}

func (a *asking) leave(s *sweep) {
	now := time.Now()
	a.reply = tourney.AskReply{State: s.row.State, Trials: make([]tourney.AskedTrial, 0, len(a.jobs))}
	for _, j := range a.jobs {
		token := s.token(&j.JobRow)
		s.c.leases.hold(token, j.Worker, leaseOf(&j.JobRow))
		a.reply.Trials = append(a.reply.Trials, tourney.AskedTrial{
			Trial: j.Trial, Params: s.trials[j.Trial].Params, Rung: j.Rung, From: s.fold.Trained(j.Trial), Budget: j.Budget,
			Seed: s.fold.TrialSeed(j.Trial), Token: token.String(), Lease: j.Lease, Expires: now.Add(leaseOf(&j.JobRow)).UTC(),
		})
	}
}

// claimed returns the jobs that the same call got before, of those that are
// out still, or nil.
func (s *sweep) claimed(a *asking) ([]*job, error) {
	var jobs []*job
	for _, j := range s.jobs {
		if j.State != tourney.JobRunning || !strings.HasPrefix(j.Claim, a.key+"/") {
			continue
		}
		if j.Claim != a.claim {
			return nil, &refusal{tourney.ErrKeyUsed}
		}
		jobs = append(jobs, j)
	}
	slices.SortFunc(jobs, func(a, b *job) int { return cmp.Compare(a.Trial, b.Trial) })
	return jobs, nil
}

// waiting takes at most n queued jobs off those that wait to be asked for.
func (s *sweep) waiting(n int) []*job {
	var jobs []*job
	rest := s.toOffer[:0]
	for _, j := range s.toOffer {
		switch {
		case s.jobs[j.Trial] != j || j.State != tourney.JobQueued:
		case len(jobs) < n:
			jobs = append(jobs, j)
		default:
			rest = append(rest, j)
		}
	}
	clear(s.toOffer[len(rest):])
	s.toOffer = rest
	return jobs
}

// maxTold is the most points in a tell.
const maxTold = 10_000

// telling is somebody who tells what came of trials.
type telling struct {
	tells   []tourney.Tell
	tokens  []tourney.Token
	replies []tourney.Told
}

// enter takes in what is told, in its order. Whether all of it can be taken is
// seen before anything is.
func (t *telling) enter(ctx context.Context, ch *change) error {
	s := ch.s
	entries := make([]tourney.Entry, len(t.tells))
	inv := &tourney.InvalidError{}
	ending := map[tourney.Token]bool{}
	for i, token := range t.tokens {
		j := s.current(token)
		if j == nil {
			continue
		}
		if ending[token] {
			inv.Fields = append(inv.Fields, tourney.FieldError{Path: fmt.Sprintf("tells.%d.token", i), Message: "is told twice, and the first time was the last word"})
			continue
		}
		if n := len(t.tells[i].Points); n > maxTold {
			inv.Fields = append(inv.Fields, tourney.FieldError{Path: fmt.Sprintf("tells.%d.points", i), Message: fmt.Sprintf("has %d entries; at most %d", n, maxTold)})
		}
		ending[token] = t.tells[i].Ends()
		entries[i] = tourney.Entry{Token: token, Rung: j.Rung, Points: slices.Clone(t.tells[i].Points)}
		if t.tells[i].Ends() {
			end, fields := endOf(&s.row.Spec, j, &t.tells[i])
			for _, f := range fields {
				inv.Fields = append(inv.Fields, tourney.FieldError{Path: fmt.Sprintf("tells.%d.%s", i, f.Path), Message: f.Message})
			}
			entries[i].End = end
		}
	}
	if len(inv.Fields) > 0 {
		return &refusal{inv}
	}
	if err := t.recall(ctx, s.c.cfg.Store, ch); err != nil {
		return &refusal{err}
	}
	for i, token := range t.tokens {
		j := s.current(token)
		if j == nil {
			continue
		}
		trial := s.trials[j.Trial]
		if err := ch.entry(ctx, j.Worker, &entries[i]); err != nil {
			return err
		}
		if t.tells[i].Ends() {
			row := &ch.Attempts[len(ch.Attempts)-1] // that its end has closed
			row.Told = digest(t.tells[i])
			ch.told = append(ch.told, told{at: len(ch.Attempts) - 1, trial: trial, reply: &t.replies[i]})
		} else {
			t.replies[i] = tourney.Told{Trial: token.Trial, State: trial.State}
		}
	}
	return ch.foldHeld(ctx)
}

func (t *telling) leave(*sweep) {}

// told is an end that was told in a change: its attempt's row, and the answer,
// which both take the state that the change leaves the trial in.
type told struct {
	at    int // in the change's attempts; -1: it is the same told again
	trial *tourney.Trial
	reply *tourney.Told
}

// finish fills in what is answered to those who told.
func (ch *change) finish() {
	for _, t := range ch.told {
		state := t.trial.State
		*t.reply = tourney.Told{Trial: t.trial.Number, State: state, Stop: state.Terminal()}
		if t.at < 0 { // the same again
			continue
		}
		ch.Attempts[t.at].Told += " " + string(state)
	}
}

// recall answers what was told before, and refuses what contradicts it or comes
// too late. Tokens that are current it leaves alone, and so it does, in a
// change, with ends that the change takes in.
func (t *telling) recall(ctx context.Context, store Store, ch *change) error {
	for i, token := range t.tokens {
		if ch != nil && ch.s.current(token) != nil {
			continue
		}
		tell := &t.tells[i]
		at := fmt.Sprintf("tells.%d", i)
		if ch != nil {
			if was, ok := ch.toldOf(token); ok {
				if ch.Attempts[was.at].Told != digest(*tell) {
					return contradiction(at, token)
				}
				ch.told = append(ch.told, told{at: -1, trial: was.trial, reply: &t.replies[i]})
				continue
			}
		}
		row, err := store.Attempt(ctx, token)
		if errors.Is(err, tourney.ErrNotFound) {
			return fmt.Errorf("%w: %s: token %s is of no attempt that this server knows; was it restored from a backup?", tourney.ErrStale, at, token)
		}
		if err != nil {
			return err
		}
		sum, state, ended := strings.Cut(row.Told, " ")
		switch {
		case ended && sum == digest(*tell):
			state := tourney.TrialState(state)
			t.replies[i] = tourney.Told{Trial: token.Trial, State: state, Stop: state.Terminal()}
		case ended:
			return contradiction(at, token)
		case row.Outcome == tourney.OutcomeStopped && !tell.Ends():
			t.replies[i] = tourney.Told{Trial: token.Trial, State: tourney.TrialCancelled, Stop: true}
		case row.Outcome == tourney.OutcomeStopped:
			return fmt.Errorf("%w: %s: trial %d was cancelled", tourney.ErrStale, at, token.Trial)
		default:
			return fmt.Errorf("%w: %s: nothing was heard of trial %d for its lease, and it is somebody else's by now", tourney.ErrStale, at, token.Trial)
		}
	}
	return nil
}

func contradiction(at string, token tourney.Token) error {
	return fmt.Errorf("%w: %s: something else was told of trial %d before, with the same token; the first word counts", tourney.ErrConflict, at, token.Trial)
}

// toldOf returns the end of an attempt that the change has taken in.
func (ch *change) toldOf(token tourney.Token) (told, bool) {
	for _, t := range ch.told {
		if t.at >= 0 && ch.Attempts[t.at].Token == token {
			return t, true
		}
	}
	return told{}, false
}

// endOf turns the last word on a trial into the end of its attempt.
func endOf(spec *tourney.Spec, j *job, t *tourney.Tell) (*tourney.End, []tourney.FieldError) {
	var wrong []tourney.FieldError
	bad := func(path, format string, args ...any) {
		wrong = append(wrong, tourney.FieldError{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	end := &tourney.End{Outcome: t.Outcome, Metrics: maps.Clone(t.Metrics), Reason: t.Reason, Error: t.Error}
	if end.Metrics == nil {
		end.Metrics = tourney.Metrics{}
	}
	if end.Outcome == "" {
		end.Outcome = tourney.OutcomeDone
		if t.Reason != "" || t.Error != "" {
			end.Outcome = tourney.OutcomeFailed
		}
	}
	if !slices.Contains(outcomes, end.Outcome) {
		bad("outcome", "%q must be done, diverged, failed or preempted", end.Outcome)
	}
	if t.Reason != "" && !slices.Contains(tourney.Reasons(), t.Reason) {
		bad("reason", "%q is none; there are %v", t.Reason, tourney.Reasons())
	}
	if t.Step < 0 {
		bad("step", "must not be below 0, as %d is", t.Step)
	}
	end.Step = j.Budget
	if t.Step > 0 {
		end.Step = t.Step
	}
	end.BestStep = end.Step
	if end.Outcome != tourney.OutcomeDone {
		if t.Value != nil {
			bad("value", "a trial that is %s has none; leave it out", end.Outcome)
		}
		end.Metrics = tourney.Metrics{}
		return end, wrong
	}
	name := spec.Metric.Name
	listed, ok := end.Metrics[name]
	switch {
	case t.Value != nil && ok && listed != *t.Value:
		bad("value", "is %v, and metrics says that %s is %v", *t.Value, name, listed)
	case t.Value != nil:
		end.Metrics[name] = *t.Value
	case !ok:
		bad("value", "is missing: the value of %s, or an outcome of failed or diverged", name)
	}
	for _, m := range spec.Metrics {
		if _, ok := end.Metrics[m.Name]; !ok && m.Name != name {
			bad("metrics."+m.Name, "is missing: the sweep's metrics are %s", strings.Join(spec.MetricNames(), ", "))
		}
	}
	v := end.Metrics[name]
	end.Value, end.Last = &v, &v
	return end, wrong
}

// digest is a short name of what somebody said.
func digest(what any) string {
	data, err := json.Marshal(what)
	if err != nil { // it came as JSON
		data = fmt.Appendf(nil, "%#v", what)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:16])
}
