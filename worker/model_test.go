package worker_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/dataset"
	"tourney/trainers"
	"tourney/trainers/heat"
)

// steps is the model of a counter: how many steps it has counted.
type steps int

func (s steps) MarshalJSON() ([]byte, error) { return json.Marshal(map[string]int{"steps": int(s)}) }

func (s steps) Predict(_ *dataset.Matrix, lo, hi int, out []float32) {
	for i := range hi - lo {
		out[i] = float32(s)
	}
}

func openSteps(_ *tourney.Job, _ *dataset.Data, state []byte) (trainers.Model, error) {
	if len(state) != 8 {
		return nil, errors.New("no state of a counter")
	}
	return steps(binary.LittleEndian.Uint64(state)), nil
}

func readSteps(b []byte, _ heat.About) (trainers.Model, error) {
	var m struct{ Steps int }
	return steps(m.Steps), json.Unmarshal(b, &m)
}

// finalRows are data with what a model's document is made of.
type finalRows struct{}

func (finalRows) Load(context.Context, dataset.Request, *tourney.Token) (*dataset.Data, error) {
	number := dataset.Input{Name: "x", Kind: tourney.Number, Numbers: []dataset.Number{{Scale: 1}}}
	return &dataset.Data{
		Version: "0123", Task: tourney.Regression, Target: "y",
		Folds: []*dataset.Fold{{Train: &dataset.Matrix{}, Prep: &dataset.Pipeline{Inputs: []dataset.Input{number}}}},
	}, nil
}
func (finalRows) Versions() []string { return nil }

// A final job leaves a model instead of a state; a rung leaves its state.
func TestFinalJobsLeaveModels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, finalRows{})
		final := job(0, 3)
		final.Kind, final.Params = tourney.JobFinal, tourney.Params{"l2": 0.5}
		s.give(final, 1)
		s.give(job(1, 2), 1)
		time.Sleep(20 * time.Second)
		s.close(t)
		ends := s.ends()
		if len(ends) != 2 {
			t.Fatalf("%d ends, want 2", len(ends))
		}
		for _, e := range ends {
			blob := s.blobs[e.Checkpoint.Blob][e.Checkpoint.Offset:][:e.Checkpoint.Size]
			if e.Token.Trial == 1 {
				if len(blob) != 8 || e.Checkpoint.Step != 2 {
					t.Errorf("the rung left %q at step %d", blob, e.Checkpoint.Step)
				}
				continue
			}
			var d trainers.Document
			if err := json.Unmarshal(blob, &d); err != nil || !trainers.IsDocument(blob) {
				t.Fatalf("the final job left %q: %v", blob, err)
			}
			if d.Trainer != "counter" || d.Target != "y" || d.Params["l2"] != 0.5 || string(d.Model) != `{"steps":3}` || e.Checkpoint.Step != 3 {
				t.Errorf("the final job left %s at step %d", blob, e.Checkpoint.Step)
			}
		}
	})
}

// Where no model can be made the metrics count all the same.
func TestAFinalJobEndsWithoutAModel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, rows{}) // data without folds
		final := job(0, 3)
		final.Kind = tourney.JobFinal
		s.give(final, 1)
		time.Sleep(20 * time.Second)
		s.close(t)
		if ends := s.ends(); len(ends) != 1 || ends[0].End.Outcome != tourney.OutcomeDone || ends[0].Checkpoint != nil {
			t.Errorf("ends %+v", ends)
		}
	})
}
