package trainertest

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
)

// Suite is what a family brings to be held against the promises of package
// heat.
type Suite struct {
	Trainer heat.Trainer
	Rung    *dataset.Data    // of a rung, with one fold or several
	Final   *dataset.Data    // of a final job
	Metric  tourney.Metric   // of the jobs
	Params  []tourney.Params // at least four trials that do not diverge, unlike each other
	Diverge tourney.Params   // a trial that diverges within three steps; nil: none can
	Refuse  tourney.Params   // parameters that the family does not take
	Budget  int              // steps of a trial, at least 4
}

// Run runs the suite.
func (s *Suite) Run(t *testing.T) {
	t.Run("steps and end", s.stepsAndEnd)
	t.Run("company, joining and slots change no bit", s.company)
	t.Run("resumed equals straight", s.resumed)
	t.Run("a longer budget goes on from a shorter", s.promoted)
	t.Run("the best is kept", s.best)
	t.Run("final", s.final)
	t.Run("stopped at once", s.stopped)
	t.Run("context ends", s.contextEnds)
	t.Run("diverged alone", s.diverged)
	t.Run("wrong states", s.wrongStates)
	t.Run("wrong jobs", s.wrongJobs)
	t.Run("the data are left as they are", s.dataUntouched)
}

func (s *Suite) job(params tourney.Params, kind tourney.JobKind, budget int) tourney.Job {
	return tourney.Job{
		Kind: kind, Trainer: s.Trainer.Name(), Params: params, Metric: s.Metric,
		Budget: budget, MaxBudget: s.Budget, Seed: 7, Weight: 1,
	}
}

func (s *Suite) rung(i int) *Trial {
	return NewTrial(s.job(s.Params[i%len(s.Params)], tourney.JobRung, s.Budget), nil)
}

// train runs a heat in which trials join at the calls of Next.
func (s *Suite) train(t *testing.T, data *dataset.Data, slots int, joins ...[]*Trial) {
	t.Helper()
	pool := heat.NewPool(slots)
	defer pool.Close()
	if err := s.Trainer.Train(context.Background(), data, pool, &Script{Joins: slices.Clone(joins)}); err != nil {
		t.Fatalf("Train: %v", err)
	}
	for _, join := range joins {
		for _, trial := range join {
			for _, e := range trial.Errors {
				t.Errorf("trial %v: %s", trial.job.Params, e)
			}
		}
	}
}

// alone trains one trial by itself.
func (s *Suite) alone(t *testing.T, trial *Trial) *Trial {
	t.Helper()
	s.train(t, s.Rung, 1, []*Trial{trial})
	return trial
}

// equal compares all that two trials left, from a step on.
func equal(t *testing.T, what string, got, want *Trial, from int) {
	t.Helper()
	if !slices.EqualFunc(got.Points, want.Points[from:], func(a, b tourney.Point) bool { return reflect.DeepEqual(a, b) }) {
		t.Errorf("%s: points %v, want %v", what, got.Points, want.Points[from:])
	}
	if !reflect.DeepEqual(got.Ended, want.Ended) {
		t.Errorf("%s: end %+v, want %+v", what, got.Ended, want.Ended)
	}
	if !bytes.Equal(got.Final, want.Final) {
		t.Errorf("%s: other bits in the last state", what)
	}
	for i := range got.States {
		if !bytes.Equal(got.States[i], want.States[from+i]) {
			t.Errorf("%s: other bits in the state of step %d", what, from+i+1)
			return
		}
	}
}

func (s *Suite) stepsAndEnd(t *testing.T) {
	for i := range s.Params {
		trial := s.alone(t, s.rung(i))
		if len(trial.Points) != s.Budget {
			t.Fatalf("%d steps of %d", len(trial.Points), s.Budget)
		}
		for j, p := range trial.Points {
			if p.Step != j+1 {
				t.Errorf("step %d comes as %d", j+1, p.Step)
			}
			if _, ok := p.Metrics[s.Metric.Name]; !ok {
				t.Errorf("step %d lacks %s: %v", p.Step, s.Metric.Name, p.Metrics)
			}
			for name, v := range p.Metrics {
				if math.IsNaN(v) || math.IsInf(v, 0) {
					t.Errorf("step %d: %s is %v", p.Step, name, v)
				}
			}
		}
		if trial.Ended == nil || trial.Ended.Outcome != tourney.OutcomeDone || trial.Ended.Step != s.Budget {
			t.Errorf("end %+v", trial.Ended)
		}
		if !bytes.Equal(trial.Final, trial.States[s.Budget-1]) {
			t.Error("the last state is not that of the last step")
		}
		if i > 0 && reflect.DeepEqual(trial.Points, s.alone(t, s.rung(i-1)).Points) {
			t.Errorf("trials %d and %d do not differ: the suite has no force", i-1, i)
		}
	}
}

func (s *Suite) company(t *testing.T) {
	want := make([]*Trial, len(s.Params))
	for i := range want {
		want[i] = s.alone(t, s.rung(i))
	}
	for _, slots := range []int{1, 2, 5} {
		for _, late := range []int{0, 1, 3} {
			// Trial i joins at pass (i·late) modulo 4; the last has the
			// parameters of the first.
			joins := make([][]*Trial, 4)
			trials := make([]*Trial, len(want)+1)
			for i := range trials {
				trials[i] = s.rung(i)
				at := i * late % 4
				joins[at] = append(joins[at], trials[i])
			}
			s.train(t, s.Rung, slots, joins...)
			for i, trial := range trials {
				equal(t, fmt.Sprintf("%d slots, joining %d apart, trial %d", slots, late, i), trial, want[i%len(want)], 0)
			}
		}
	}
}

func (s *Suite) resumed(t *testing.T) {
	for i := range s.Params {
		straight := s.alone(t, s.rung(i))
		for step := 1; step <= s.Budget; step++ {
			job := *straight.Job()
			job.Checkpoint = &tourney.Checkpoint{Step: step}
			again := NewTrial(job, straight.States[step-1])
			s.train(t, s.Rung, 2, []*Trial{s.rung(i + 1), again})
			equal(t, fmt.Sprintf("trial %d from step %d", i, step), again, straight, step)
		}
	}
}

func (s *Suite) promoted(t *testing.T) {
	straight := s.alone(t, s.rung(0))
	low := s.alone(t, NewTrial(s.job(s.Params[0], tourney.JobRung, 2), nil))
	if low.Ended == nil || low.Ended.Step != 2 || len(low.Points) != 2 {
		t.Fatalf("with a budget of 2: %d steps, end %+v", len(low.Points), low.Ended)
	}
	high := s.alone(t, NewTrial(s.job(s.Params[0], tourney.JobRung, s.Budget), low.Final))
	equal(t, "promoted", high, straight, 2)
}

// best checks that an end tells the first of the best steps, with its metrics.
func (s *Suite) best(t *testing.T) {
	for i := range s.Params {
		trial := s.alone(t, s.rung(i))
		best := trial.Points[0]
		for _, p := range trial.Points {
			if s.Metric.Loss(p.Metrics[s.Metric.Name]) < s.Metric.Loss(best.Metrics[s.Metric.Name]) {
				best = p
			}
		}
		end := trial.Ended
		if end.BestStep != best.Step || end.Value == nil || *end.Value != best.Metrics[s.Metric.Name] || !reflect.DeepEqual(end.Metrics, best.Metrics) {
			t.Errorf("trial %d: end %+v, best step %+v", i, end, best)
		}
	}
}

func (s *Suite) final(t *testing.T) {
	job := s.job(s.Params[0], tourney.JobFinal, s.Budget)
	straight := NewTrial(job, nil)
	s.train(t, s.Final, 1, []*Trial{straight})
	end := straight.Ended
	if end == nil || end.Outcome != tourney.OutcomeDone || end.Value == nil || *end.Value != end.Metrics["test_"+s.Metric.Name] || straight.Final == nil {
		t.Fatalf("end %+v", end)
	}
	for name := range end.Metrics {
		if len(name) < 6 || name[:5] != "test_" {
			t.Errorf("a final job tells %s, which is not of the test rows", name)
		}
	}
	for _, p := range straight.Points {
		for name := range p.Metrics {
			if len(name) < 7 || name[:6] != "train_" {
				t.Errorf("step %d of a final job tells %s", p.Step, name)
			}
		}
	}
	for step := 1; step <= s.Budget; step++ {
		job.Checkpoint = &tourney.Checkpoint{Step: step}
		again := NewTrial(job, straight.States[step-1])
		s.train(t, s.Final, 2, []*Trial{NewTrial(s.job(s.Params[1], tourney.JobFinal, s.Budget), nil), again})
		equal(t, fmt.Sprintf("final from step %d", step), again, straight, step)
	}
}

func (s *Suite) stopped(t *testing.T) {
	want := s.alone(t, s.rung(1))
	gone, stays := s.rung(0), s.rung(1)
	gone.StopAfter = 2
	s.train(t, s.Rung, 2, []*Trial{gone, stays})
	if gone.Ended != nil || len(gone.Points) != 2 {
		t.Errorf("a trial stopped after 2 steps took %d and ended as %+v", len(gone.Points), gone.Ended)
	}
	equal(t, "beside a stopped trial", stays, want, 0)
}

func (s *Suite) contextEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	pool := heat.NewPool(2)
	defer pool.Close()
	trial := s.rung(0)
	// The script cancels at the third call: two passes have been trained.
	err := s.Trainer.Train(ctx, s.Rung, pool, &Script{Joins: [][]*Trial{{trial}, nil}, Cancel: cancel})
	if err != nil || trial.Ended != nil || len(trial.Points) != 2 {
		t.Errorf("error %v, end %+v, %d steps; want none, none, 2", err, trial.Ended, len(trial.Points))
	}
}

func (s *Suite) diverged(t *testing.T) {
	if s.Diverge == nil {
		t.Skip("no trial can diverge")
	}
	want := s.alone(t, s.rung(1))
	for _, slots := range []int{1, 2} {
		bad, good := NewTrial(s.job(s.Diverge, tourney.JobRung, s.Budget), nil), s.rung(1)
		s.train(t, s.Rung, slots, []*Trial{bad, good})
		end := bad.Ended
		if end == nil || end.Outcome != tourney.OutcomeDiverged || end.Value != nil || end.Metrics != nil || bad.Final != nil || end.Step > 3 || end.Step < len(bad.Points) {
			t.Errorf("end %+v after %d steps", end, len(bad.Points))
		}
		equal(t, "beside a diverged trial", good, want, 0)
	}
}

func (s *Suite) wrongStates(t *testing.T) {
	whole := s.alone(t, s.rung(0))
	state := whole.States[1]
	finals := NewTrial(s.job(s.Params[0], tourney.JobFinal, s.Budget), nil)
	s.train(t, s.Final, 1, []*Trial{finals})
	flipped := slices.Clone(state)
	flipped[0] ^= 1
	for name, c := range map[string]struct {
		state []byte
		step  int
	}{
		"empty":                    {[]byte{}, 2},
		"cut":                      {state[:len(state)-1], 2},
		"cut to a few bytes":       {state[:5], 2},
		"longer":                   {append(slices.Clone(state), 0), 2},
		"of another magic":         {flipped, 2},
		"of another step":          {state, 3},
		"of a final job":           {finals.States[1], 2},
		"of a step past the rung":  {whole.States[s.Budget-1], s.Budget},
		"text where a state ought": {[]byte("{\"step\":2}"), 2},
	} {
		job := s.job(s.Params[0], tourney.JobRung, s.Budget-1)
		job.Checkpoint = &tourney.Checkpoint{Step: c.step}
		trial := NewTrial(job, c.state)
		s.train(t, s.Rung, 1, []*Trial{trial})
		wantFailed(t, "state "+name, trial, tourney.ReasonDataCorrupt)
	}
	job := s.job(s.Params[0], tourney.JobFinal, s.Budget)
	trial := NewTrial(job, state)
	s.train(t, s.Final, 1, []*Trial{trial})
	wantFailed(t, "state of a rung in a final job", trial, tourney.ReasonDataCorrupt)
}

func (s *Suite) wrongJobs(t *testing.T) {
	metric := s.job(s.Params[0], tourney.JobRung, s.Budget)
	metric.Metric.Name = "beauty"
	for name, job := range map[string]tourney.Job{
		"parameters":   s.job(s.Refuse, tourney.JobRung, s.Budget),
		"metric":       metric,
		"budget":       s.job(s.Params[0], tourney.JobRung, 0),
		"no test rows": s.job(s.Params[0], tourney.JobFinal, s.Budget),
	} {
		trial, beside := NewTrial(job, nil), s.rung(1)
		s.train(t, s.Rung, 1, []*Trial{trial, beside})
		wantFailed(t, name, trial, tourney.ReasonSpecInvalid)
		if beside.Ended == nil || beside.Ended.Outcome != tourney.OutcomeDone {
			t.Errorf("%s: the trial beside it ended as %+v", name, beside.Ended)
		}
	}
}

func wantFailed(t *testing.T, what string, trial *Trial, reason tourney.Reason) {
	t.Helper()
	end := trial.Ended
	if end == nil || end.Outcome != tourney.OutcomeFailed || end.Reason != reason || end.Error == "" || trial.Final != nil || len(trial.Points) > 0 {
		t.Errorf("%s: %d steps, end %+v; want failed for %s with an error", what, len(trial.Points), end, reason)
	}
}

func (s *Suite) dataUntouched(t *testing.T) {
	before := clones(s.Rung)
	s.alone(t, s.rung(0))
	after := clones(s.Rung)
	if !reflect.DeepEqual(before, after) {
		t.Error("training has changed the matrices, which are shared")
	}
}

func clones(d *dataset.Data) []dataset.Matrix {
	var all []dataset.Matrix
	for _, f := range d.Folds {
		for _, m := range []*dataset.Matrix{f.Train, f.Valid} {
			all = append(all, dataset.Matrix{
				N: m.N, D: m.D, X: slices.Clone(m.X), Y: slices.Clone(m.Y), W: slices.Clone(m.W),
				RowPtr: slices.Clone(m.RowPtr), Col: slices.Clone(m.Col), Val: slices.Clone(m.Val), Bins: slices.Clone(m.Bins),
			})
		}
	}
	return all
}
