package search_test

import (
	"errors"
	"fmt"
	"testing"

	"tourney"
	"tourney/search"
)

func TestTrialSeedIsSplitMix64(t *testing.T) {
	// The published sequence of seed 1234567, then a plain reading of the
	// generator, which keeps its state.
	state := uint64(1234567)
	next := func() uint64 {
		state += 0x9e3779b97f4a7c15
		z := state
		z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9
		z = (z ^ (z >> 27)) * 0x94d049bb133111eb
		return z ^ (z >> 31)
	}
	first := uint64(0)
	for i, want := range []uint64{6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821} {
		got := next()
		if got != want {
			t.Fatalf("the reference's number %d is %d, want %d", i, got, want)
		}
		if i == 0 {
			first = got
		}
	}
	spec := sweep(t, "random", 10, "  a: {min: 0.0, max: 1.0}\n")
	spec.Seed = 1234567
	s, err := search.New(spec, plan)
	if err != nil {
		t.Fatal(err)
	}
	state = first
	for trial := range 100 {
		if want := next(); s.TrialSeed(trial) != want {
			t.Fatalf("TrialSeed(%d) = %d, want %d", trial, s.TrialSeed(trial), want)
		}
	}
}

func TestBudgets(t *testing.T) {
	const params = "  epochs: {values: [5, 40, 0]}\n"
	asha := sweep(t, "grid", 3, params)
	asha.EarlyTerminate = &tourney.EarlyTerminate{Type: "asha", MinIter: 2, MaxIter: 20, Eta: 3}
	for name, c := range map[string]struct {
		spec tourney.Spec
		plan tourney.Plan
		want [4]int // MaxBudget of trials 0 to 3
		top  int
	}{
		"plan":      {sweep(t, "grid", 3, params), tourney.Plan{Budget: 12}, [4]int{12, 12, 12, 0}, 0},
		"parameter": {sweep(t, "grid", 3, params), tourney.Plan{Budget: 12, BudgetParam: "epochs"}, [4]int{5, 40, 1, 0}, 0},
		"ladder":    {asha, tourney.Plan{}, [4]int{20, 20, 20, 0}, 3}, // 2, 6, 18, 20
	} {
		s, err := search.New(c.spec, c.plan)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if err := s.Apply(tourney.Engine{}); err != nil {
			t.Fatal(err)
		}
		s.Decide()
		for trial, want := range c.want {
			if got := s.MaxBudget(trial); got != want {
				t.Errorf("%s: MaxBudget(%d) = %d, want %d", name, trial, got, want)
			}
		}
		if got := search.TopRung(c.spec, c.plan); got != c.top {
			t.Errorf("%s: TopRung = %d, want %d", name, got, c.top)
		}
	}
}

func TestNewRefusesWhatItCannotSearch(t *testing.T) {
	good := func() tourney.Spec {
		return sweep(t, "random", 10, "  a: {min: 0.0, max: 1.0}\n  b: {values: [x, y]}\n")
	}
	for path, c := range map[string]struct {
		change func(*tourney.Spec)
		plan   tourney.Plan
	}{
		"parallelism":               {func(s *tourney.Spec) { s.Parallelism = 0 }, plan},
		"order":                     {func(s *tourney.Spec) { s.Order = "" }, plan},
		"metric.goal":               {func(s *tourney.Spec) { s.Metric = tourney.Metric{} }, plan},
		"method":                    {func(s *tourney.Spec) { s.Method = "oracle" }, plan},
		"run_cap":                   {func(s *tourney.Spec) { s.RunCap = 0 }, plan},
		"parameters":                {func(s *tourney.Spec) { s.Parameters = nil }, plan},
		"parameters ":               {func(s *tourney.Spec) { s.Parameters[1].Name = "a" }, plan},
		"parameters.a.distribution": {func(s *tourney.Spec) { s.Parameters[0].Distribution = "zipf" }, plan},
		"parameters.a":              {func(s *tourney.Spec) { s.Method = tourney.MethodGrid }, plan},
		"early_terminate.type":      {func(s *tourney.Spec) { s.EarlyTerminate = &tourney.EarlyTerminate{Type: "average"} }, plan},
		"":                          {func(*tourney.Spec) {}, tourney.Plan{Budget: 0}},
		"parameters  ":              {func(*tourney.Spec) {}, tourney.Plan{BudgetParam: "epochs"}},
		"parameters.b":              {func(*tourney.Spec) {}, tourney.Plan{BudgetParam: "b"}},
	} {
		spec := good()
		c.change(&spec)
		_, err := search.New(spec, c.plan)
		inv := tourney.AsInvalid(err)
		for path != "" && path[len(path)-1] == ' ' {
			path = path[:len(path)-1]
		}
		if inv == nil || inv.Fields[0].Path != path {
			t.Errorf("error %v, want an InvalidError at %q", err, path)
		}
	}
}

func TestApplyRefusesWhatCannotFollow(t *testing.T) {
	spec := sweep(t, "grid", 4, "  a: {min: 1, max: 4}\n")
	spec.Parallelism = 2
	a := func(n int) tourney.Params { return tourney.Params{"a": int64(n)} }
	job := func(trial int, start int64) tourney.Queued {
		return tourney.Queued{Trial: trial, For: tourney.JobRung, Budget: 10, Start: start, Finish: start + 10}
	}
	running := []tourney.EventBody{tourney.Engine{}, tourney.Turned{State: tourney.SweepRunning}}
	one := append(running[:2:2], tourney.Proposed{Trial: 0, Params: a(1)}, job(0, 0))
	two := append(one[:4:4], tourney.Proposed{Trial: 1, Params: a(2)}, job(1, 0))
	done := tourney.Reported{End: tourney.End{Outcome: tourney.OutcomeDone}}
	moved := job(1, 0)
	moved.Finish++
	// Trials 0 to 3 fail, but for the first, which is the winner.
	value := 0.5
	finishing := []tourney.EventBody{tourney.Engine{}, tourney.Turned{State: tourney.SweepRunning}}
	for n := range 4 {
		end, state := tourney.End{Outcome: tourney.OutcomeFailed}, tourney.TrialFailed
		if n == 0 {
			end, state = tourney.End{Outcome: tourney.OutcomeDone, Value: &value, BestStep: 6}, tourney.TrialCompleted
		}
		finishing = append(finishing, tourney.Proposed{Trial: n, Params: a(n + 1)}, job(n, int64(10*n)),
			tourney.Reported{Trial: n, End: end}, tourney.Ended{Trial: n, State: state})
	}
	idle := finishing[:len(finishing):len(finishing)]
	finishing = append(idle, tourney.Turned{State: tourney.SweepFinishing})
	final := tourney.Queued{Trial: 0, Rung: 1, For: tourney.JobFinal, Budget: 6, Start: 40, Finish: 46}
	longer, other := final, final
	longer.Budget++
	other.Trial = 1
	refitting := append(finishing[:len(finishing):len(finishing)], final)
	for name, c := range map[string]struct {
		before []tourney.EventBody
		event  tourney.EventBody
	}{
		"no engine first":          {nil, tourney.Turned{State: tourney.SweepRunning}},
		"nothing":                  {running, nil},
		"running again":            {running, running[1]},
		"proposal before running":  {running[:1], tourney.Proposed{Trial: 0, Params: a(1)}},
		"a number left out":        {running, tourney.Proposed{Trial: 1, Params: a(1)}},
		"a proposal not queued":    {one[:3], tourney.Proposed{Trial: 1, Params: a(2)}},
		"no parameters":            {running, tourney.Proposed{Trial: 0}},
		"another parameter":        {running, tourney.Proposed{Trial: 0, Params: tourney.Params{"b": int64(1)}}},
		"a list as a value":        {running, tourney.Proposed{Trial: 0, Params: tourney.Params{"a": []any{1}}}},
		"no free slot":             {two, tourney.Proposed{Trial: 2, Params: a(3)}},
		"job of no trial":          {running, job(0, 0)},
		"job twice":                {one, job(0, 0)},
		"job elsewhere in time":    {append(one[:4:4], tourney.Proposed{Trial: 1, Params: a(2)}), moved},
		"report of no job":         {one, tourney.Reported{Trial: 1, End: done.End}},
		"report of another rung":   {one, tourney.Reported{Rung: 1, End: done.End}},
		"report twice":             {append(one[:4:4], done), done},
		"report of a lost attempt": {one, tourney.Reported{End: tourney.End{Outcome: tourney.OutcomePreempted}}},
		"report out of order":      {two, tourney.Reported{Trial: 1, End: done.End}},
		"an owed end left out":     {append(one[:4:4], done), tourney.Proposed{Trial: 1, Params: a(2)}},
		"another end than owed":    {append(one[:4:4], done), tourney.Ended{State: tourney.TrialPruned}},
		"an end not owed":          {one, tourney.Ended{State: tourney.TrialCompleted}},
		"pruned while it runs":     {one, tourney.Ended{State: tourney.TrialPruned}},
		"end of no trial":          {running, tourney.Ended{Trial: -1, State: tourney.TrialPruned}},
		"finishing while it runs":  {one, tourney.Turned{State: tourney.SweepFinishing}},
		"finishing without winner": {running, tourney.Turned{State: tourney.SweepFinishing}},
		"completed at once":        {running, tourney.Turned{State: tourney.SweepCompleted}},
		"paused by itself":         {running, tourney.Turned{State: tourney.SweepPaused}},
		"failed with a winner":     {idle, tourney.Turned{State: tourney.SweepFailed}},
		"final before finishing":   {idle, final},
		"final for more steps":     {finishing, longer},
		"final of a failed trial":  {finishing, other},
		"final twice":              {refitting, final},
		"a rung while finishing":   {finishing, job(0, 40)},
		"a trial while finishing":  {finishing, tourney.Proposed{Trial: 4, Params: a(5)}},
		"completed before refit":   {refitting, tourney.Turned{State: tourney.SweepCompleted}},
		"more trials than cells":   {idle, tourney.Proposed{Trial: 4, Params: a(5)}},
		"an ended trial again":     {idle, job(0, 40)},
		"an unknown action":        {running, tourney.Acted{Action: "explode"}},
	} {
		s, err := search.New(spec, plan)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range c.before {
			if err := s.Apply(e); err != nil {
				t.Fatalf("%s: %v before it", name, err)
			}
		}
		if err := s.Apply(c.event); !errors.Is(err, tourney.ErrInvalid) {
			t.Errorf("%s: error %v, want ErrInvalid", name, err)
		}
		if err := s.Apply(tourney.Lost{}); !errors.Is(err, tourney.ErrInvalid) {
			t.Errorf("%s: afterwards the fold takes events, error %v", name, err)
		}
		if d := s.Decide(); d != nil {
			t.Errorf("%s: afterwards the fold decides %v", name, d)
		}
	}
}

// TestNothingStartsOncePruningBegan holds for logs of other versions too, which
// may prune where this one would not.
func TestNothingStartsOncePruningBegan(t *testing.T) {
	spec := sweep(t, "grid", 4, "  a: {min: 1, max: 4}\n")
	spec.EarlyTerminate = &tourney.EarlyTerminate{Type: "asha", MinIter: 1, MaxIter: 2, Eta: 2}
	value := 0.5
	for _, event := range []tourney.EventBody{
		tourney.Proposed{Trial: 1, Params: tourney.Params{"a": int64(2)}},
		tourney.Queued{Trial: 0, Rung: 1, For: tourney.JobRung, Budget: 2, Start: 1, Finish: 2},
	} {
		for _, pruning := range []bool{false, true} {
			s, err := search.New(spec, plan)
			if err != nil {
				t.Fatal(err)
			}
			before := []tourney.EventBody{
				tourney.Engine{},
				tourney.Turned{State: tourney.SweepRunning},
				tourney.Proposed{Trial: 0, Params: tourney.Params{"a": int64(1)}},
				tourney.Queued{Trial: 0, For: tourney.JobRung, Budget: 1, Finish: 1},
				tourney.Reported{Trial: 0, End: tourney.End{Outcome: tourney.OutcomeDone, Value: &value}},
			}
			if pruning {
				before = append(before, tourney.Ended{Trial: 0, State: tourney.TrialPruned})
			}
			for _, e := range before {
				if err := s.Apply(e); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Apply(event); pruning != errors.Is(err, tourney.ErrInvalid) {
				t.Errorf("%v, pruning %v: error %v", event, pruning, err)
			}
		}
	}
}

// ExampleSearch runs a small grid to its end. The value of a trial is (x-2)².
func ExampleSearch() {
	spec, err := tourney.ParseSpec([]byte(`
dataset: numbers
trainer: linear
method: grid
metric: {name: rmse}
parallelism: 1
parameters:
  x: {min: 1, max: 3}
`), "")
	if err != nil {
		fmt.Println(err)
		return
	}
	s, err := search.New(spec, tourney.Plan{Budget: 5})
	if err != nil {
		fmt.Println(err)
		return
	}
	x := map[int]int{} // by trial
	var input tourney.EventBody = tourney.Engine{Version: "1"}
	for !s.State().Terminal() {
		if err := s.Apply(input); err != nil {
			fmt.Println(err)
			return
		}
		for _, decision := range s.Decide() {
			switch d := decision.(type) {
			case tourney.Proposed:
				x[d.Trial], _ = d.Params.Int("x", 0)
			case tourney.Queued:
				fmt.Printf("train x=%d for %d steps (%s)\n", x[d.Trial], d.Budget, d.For)
			case tourney.Turned:
				fmt.Println("the sweep is", d.State)
			}
		}
		trial, rung, _ := s.Due()
		value := float64((x[trial] - 2) * (x[trial] - 2))
		input = tourney.Reported{Trial: trial, Rung: rung, End: tourney.End{
			Outcome: tourney.OutcomeDone, Step: 5, BestStep: 4, Value: &value,
		}}
	}
	// Output:
	// the sweep is running
	// train x=1 for 5 steps (rung)
	// train x=2 for 5 steps (rung)
	// train x=3 for 5 steps (rung)
	// the sweep is finishing
	// train x=2 for 4 steps (final)
	// the sweep is completed
}
