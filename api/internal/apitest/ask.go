package apitest

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"tourney"
)

// asks are the trials that were asked for of one sweep.
type asks struct {
	out  map[string]int    // trials by token
	told map[string]string // last words by token
	keys map[string]asked
}

type asked struct {
	req   tourney.AskRequest
	reply tourney.AskReply
}

// Forecast implements api.Service.
func (w *World) Forecast(_ context.Context, spec tourney.Spec) (tourney.Forecast, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, err := w.dataset(spec.Dataset); err != nil && !spec.External() {
		return tourney.Forecast{}, tourney.Invalid("dataset", "there is no dataset %q", spec.Dataset)
	}
	return tourney.Forecast{
		Valid: true, Spec: &spec, Plan: &tourney.Plan{Budget: 10, Weight: 1}, Trials: spec.RunCap,
		Rungs: []tourney.RungForecast{{Budget: 10, Trials: spec.RunCap}}, Jobs: int64(spec.RunCap), Steps: 10 * int64(spec.RunCap),
		Proposals: []tourney.Params{{"lr": 0.5}},
	}, nil
}

func (w *World) outside(sweep string) (*asks, error) {
	s, err := w.find(sweep)
	if err != nil {
		return nil, err
	}
	if !s.Spec.External() {
		return nil, fmt.Errorf("%w: the trials of sweep %s are trained by workers", tourney.ErrConflict, sweep)
	}
	if w.asks == nil {
		w.asks = map[string]*asks{}
	}
	if w.asks[sweep] == nil {
		w.asks[sweep] = &asks{out: map[string]int{}, told: map[string]string{}, keys: map[string]asked{}}
	}
	return w.asks[sweep], nil
}

// Ask implements api.Service: each trial is new.
func (w *World) Ask(_ context.Context, sweep string, req tourney.AskRequest, key string) (tourney.AskReply, error) {
	if err := req.Check(); err != nil {
		return tourney.AskReply{}, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	a, err := w.outside(sweep)
	if err != nil {
		return tourney.AskReply{}, err
	}
	if was, ok := a.keys[key]; ok && key != "" {
		if was.req != req {
			return tourney.AskReply{}, tourney.ErrKeyUsed
		}
		return was.reply, nil
	}
	reply := tourney.AskReply{State: tourney.SweepRunning}
	for range req.Count {
		n := len(a.out)
		token := tourney.Token{Epoch: "e", Sweep: sweep, Trial: n, Attempt: 1}.String()
		a.out[token] = n
		reply.Trials = append(reply.Trials, tourney.AskedTrial{
			Trial: n, Params: tourney.Params{"lr": 0.5}, Budget: 10, Seed: 1<<63 + 5, Token: token, Lease: req.Lease,
			Expires: w.now.Add(time.Duration(req.Lease * float64(time.Second))).UTC(),
		})
	}
	a.keys[key] = asked{req, reply}
	return reply, nil
}

// Tell implements api.Service: whoever tells of a loss has lost its lease.
func (w *World) Tell(_ context.Context, sweep string, tells []tourney.Tell) ([]tourney.Told, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a, err := w.outside(sweep)
	if err != nil {
		return nil, err
	}
	var out []tourney.Told
	for i, t := range tells {
		n, ok := a.out[t.Token]
		if !ok {
			return nil, tourney.Invalid(fmt.Sprintf("tells.%d.token", i), "%q was given with no trial of this sweep", t.Token)
		}
		if t.Error == "lost" {
			return nil, fmt.Errorf("%w: tells.%d: nothing was heard of trial %d for its lease", tourney.ErrStale, i, n)
		}
		told := tourney.Told{Trial: n, State: tourney.TrialRunning}
		if t.Ends() {
			data, err := json.Marshal(t)
			if err != nil {
				return nil, err
			}
			if was, ok := a.told[t.Token]; ok && was != string(data) {
				return nil, fmt.Errorf("%w: something else was told of trial %d before", tourney.ErrConflict, n)
			}
			a.told[t.Token] = string(data)
			told.State, told.Stop = tourney.TrialCompleted, true
		}
		out = append(out, told)
	}
	return out, nil
}
