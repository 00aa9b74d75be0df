package search_test

import (
	"errors"
	"maps"
	"math"
	"slices"
	"testing"

	"tourney"
	"tourney/search"
)

// FuzzApply feeds events in any order, legal ones and others. Nothing may
// panic; a fold that refused an event takes no other; decisions come once; and
// whatever was accepted, a trial runs each rung once at most and ends once.
func FuzzApply(f *testing.F) {
	f.Add([]byte{0, 1, 4, 0, 0, 4, 1, 0, 4, 2, 0, 4, 0, 1})
	f.Add([]byte{0, 1, 8, 1, 9, 1, 4, 0, 0, 10, 1})
	f.Add([]byte{0, 2, 0, 0, 2, 1, 0, 3, 0, 0, 6, 0, 1, 7, 2})
	f.Add([]byte{7, 1, 4, 0, 0, 4, 1, 0, 4, 2, 0, 4, 0, 1, 4, 0, 0, 4, 1, 0})
	var specs []tourney.Spec
	for _, name := range slices.Sorted(maps.Keys(early)) {
		specs = append(specs, parse(f, "metric: {name: rmse}\nparallelism: 2\nmethod: random\nrun_cap: 6\nearly_terminate: "+early[name]+"\nparameters: {a: {values: [x, y]}, b: {min: 0, max: 9}}\n"))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) == 0 {
			return
		}
		spec := specs[int(data[0]/2)%len(specs)]
		if data[0]%2 == 1 {
			spec.Order = tourney.OrderArrival
		}
		s, err := search.New(spec, plan)
		if err != nil {
			t.Fatal(err)
		}
		l := ledger{t: t, first: map[int]int{}, ran: map[[2]int]bool{}, ended: map[int]bool{}}
		next := func() int {
			if len(data) == 0 {
				return 0
			}
			b := data[0]
			data = data[1:]
			return int(b)
		}
		next()
		for len(data) > 0 {
			if kind := next(); kind%3 > 0 {
				for _, d := range s.Decide() {
					l.note(d)
				}
				if again := s.Decide(); again != nil {
					t.Fatalf("Decide again: %v", again)
				}
			} else {
				body := anyEvent(s, kind/3, next)
				switch err := s.Apply(body); {
				case err == nil:
					l.note(body)
				case errors.Is(err, tourney.ErrConflict):
				case !errors.Is(err, tourney.ErrInvalid):
					t.Fatalf("Apply(%v): %v is neither ErrInvalid nor ErrConflict", body, err)
				case s.Apply(tourney.Lost{}) == nil || s.Decide() != nil:
					t.Fatalf("after %v the fold goes on", err)
				default:
					return
				}
			}
		}
	})
}

// ledger checks what no sequence of accepted events may break.
type ledger struct {
	t     *testing.T
	first map[int]int // by trial: the rung that it began at
	ran   map[[2]int]bool
	ended map[int]bool
}

func (l ledger) note(body tourney.EventBody) {
	switch e := body.(type) {
	case tourney.Queued:
		job := [2]int{e.Trial, e.Rung}
		if _, begun := l.first[e.Trial]; !begun {
			l.first[e.Trial] = e.Rung
		}
		if l.ran[job] || e.For == tourney.JobRung && (e.Rung > l.first[e.Trial] && !l.ran[[2]int{e.Trial, e.Rung - 1}] || l.ended[e.Trial]) {
			l.t.Fatalf("job %v is queued twice, too early or after the trial's end", e)
		}
		l.ran[job] = true
	case tourney.Ended:
		if l.ended[e.Trial] {
			l.t.Fatalf("trial %d ends twice", e.Trial)
		}
		l.ended[e.Trial] = true
	}
}

// anyEvent makes an event of bytes. Reports lean towards the job that is due,
// so that histories become long.
func anyEvent(s *search.Search, kind int, next func() int) tourney.EventBody {
	value := float64(next()%16) / 4
	end := tourney.End{Outcome: tourney.OutcomeDone, BestStep: next() % 3, Value: &value}
	switch next() % 8 {
	case 0:
		end.Value = nil
	case 1:
		value = math.NaN()
	case 2:
		end.Outcome = tourney.OutcomeDiverged
	case 3:
		end.Outcome = tourney.OutcomeFailed
	}
	switch kind % 12 {
	case 0:
		return tourney.Engine{}
	case 1:
		return tourney.Lost{Trial: next() - 9}
	case 2:
		return tourney.Acted{Action: []tourney.Action{tourney.ActionPause, tourney.ActionResume, tourney.ActionCancel, "?"}[next()%4]}
	case 3:
		p := tourney.Proposed{Trial: next() % 8, Params: tourney.Params{"a": "x", "b": int64(next() % 12)}}
		if n := next(); n%3 == 0 {
			p.Parent = &tourney.Parent{Trial: n/3%8 - 1, Step: n % 14}
		}
		return p
	case 4:
		kind := []tourney.JobKind{tourney.JobRung, tourney.JobFinal, "?"}[next()%3]
		return tourney.Queued{Trial: next()%8 - 1, Rung: next() % 5, For: kind, Budget: next() % 5, Start: int64(next() % 9), Finish: int64(next() % 9)}
	case 5:
		return tourney.Ended{Trial: next()%8 - 1, State: tourney.TrialStates()[next()%8]}
	case 6:
		states := []tourney.SweepState{tourney.SweepRunning, tourney.SweepPaused, tourney.SweepFinishing, tourney.SweepCompleted, tourney.SweepFailed, tourney.SweepCancelled}
		return tourney.Turned{State: states[next()%len(states)]}
	case 7:
		return tourney.Reported{Trial: next()%8 - 1, Rung: next() % 5, End: end}
	case 8:
		return nil
	}
	trial, rung, ok := s.Due()
	if !ok {
		trial, rung = next()%6, next()%3
	}
	return tourney.Reported{Trial: trial, Rung: rung, End: end}
}
