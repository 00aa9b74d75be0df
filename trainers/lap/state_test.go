package lap_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"runtime"
	"slices"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/lap"
	"tourney/trainers/trainertest"
)

// states are those of a trial of two folds, of step 2 with best step 1 and of
// step 3, the best, and of a final job.
func states(t testing.TB) [][]byte {
	a := trial(byRMSE, 3, tourney.Params{"errors": "2,3,1"}, nil)
	train(t, regression(2), []*trainertest.Trial{a})
	f := finalTrial(byRMSE, 2, nil, nil)
	train(t, final(), []*trainertest.Trial{f})
	return [][]byte{a.States[1], a.States[2], f.Final}
}

func TestReadState(t *testing.T) {
	s := states(t)
	for i, want := range []lap.State{
		{Step: 2, Best: 1, Fits: []lap.FitState{{Saved: []byte{2, 0, 0, 0, 1, 0, 0, 0}}, {Saved: []byte{2, 0, 0, 0, 1, 0, 0, 0}}}},
		{Step: 3, Best: 3, Fits: []lap.FitState{{Saved: []byte{3, 0, 0, 0}}, {Saved: []byte{3, 0, 0, 0}}}},
		{Final: true, Step: 2, Fits: []lap.FitState{{Saved: []byte{2, 0, 0, 0}}}},
	} {
		got, err := lap.ReadState(s[i])
		if err != nil || got.Final != want.Final || got.Step != want.Step || got.Best != want.Best || len(got.Fits) != len(want.Fits) {
			t.Errorf("state %d: %+v, %v", i, got, err)
			continue
		}
		for j, f := range got.Fits { // targets 3, 5, 7
			if !bytes.Equal(f.Saved, want.Fits[j].Saved) || !near(f.Mean, 5) || !near(f.SD, math.Sqrt(8.0/3)) {
				t.Errorf("state %d, fit %d: %+v", i, j, f)
			}
		}
		if _, err := lap.FinalFit(s[i]); (err == nil) != want.Final {
			t.Errorf("state %d: FinalFit says %v", i, err)
		}
	}
}

// Where the fields of a state are (see the format).
const (
	atFolds  = 24
	atStep   = 28
	atTold   = 36
	atValues = 40
	atName   = 44
)

// Numbers that a state claims cost no memory before there are bytes for them.
func TestHostileStates(t *testing.T) {
	s := states(t)[0]
	put := func(at int, v uint32) []byte {
		b := slices.Clone(s)
		binary.LittleEndian.PutUint32(b[at:], v)
		return b
	}
	huge := slices.Clone(s)
	binary.LittleEndian.PutUint64(huge[len(huge)-16:], math.MaxUint64-3) // the size of the last fit
	other := slices.Clone(s)
	other[atName+1] ^= 1 // another name
	for what, b := range map[string][]byte{
		"folds": put(atFolds, math.MaxUint32), "told": put(atTold, math.MaxUint32), "no told": put(atTold, 0), "values": put(atValues, math.MaxUint32),
		"fewer values": put(atValues, 0), "step": put(atStep, math.MaxUint32), "size": huge, "name": other,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := lap.ReadState(b)
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 1<<20 {
			t.Errorf("%s: %d bytes were allocated for a state of %d", what, grown, len(b))
		}
		if read := what == "name" || what == "step" || what == "no told"; !read && err == nil {
			t.Errorf("%s: ReadState takes it", what)
		}
		a := trial(byRMSE, 3, tourney.Params{"errors": "2,3,1"}, b)
		runtime.ReadMemStats(&before)
		train(t, regression(2), []*trainertest.Trial{a})
		runtime.ReadMemStats(&after)
		if grown := after.TotalAlloc - before.TotalAlloc; grown > 4<<20 {
			t.Errorf("%s: a trial allocated %d bytes", what, grown)
		}
		wantFailed(t, a, tourney.ReasonDataCorrupt, "state: ")
	}
}

// Whatever a state says, a trial ends, and a state that is taken is written
// again as it was.
func FuzzState(f *testing.F) {
	for _, s := range states(f) {
		f.Add(s)
		for _, at := range []int{atFolds, atStep, atTold, atValues, atName, len(s) - 9} {
			b := slices.Clone(s)
			b[at] ^= 3
			f.Add(b)
		}
		f.Add(s[:len(s)-5])
	}
	two, last := regression(2), final()
	f.Fuzz(func(t *testing.T, b []byte) {
		read, err := lap.ReadState(b)
		if err == nil && len(read.Fits)*32 > len(b) {
			t.Errorf("%d fits of %d bytes", len(read.Fits), len(b))
		}
		if _, err := lap.FinalFit(b); err == nil && !read.Final {
			t.Error("a fit of a final job out of another's state")
		}
		if b == nil {
			return
		}
		rung, end := trial(byRMSE, 3, tourney.Params{"errors": "2,3,1"}, b), finalTrial(byRMSE, 2, nil, b)
		for _, c := range []struct {
			trial *trainertest.Trial
			data  *dataset.Data
		}{{rung, two}, {end, last}} {
			passes := train(t, c.data, []*trainertest.Trial{c.trial})
			switch e := c.trial.Ended; {
			case e == nil:
				t.Error("no end")
			case e.Outcome == tourney.OutcomeFailed && e.Reason != tourney.ReasonDataCorrupt:
				t.Errorf("failed for %s", e.Reason)
			case e.Outcome != tourney.OutcomeFailed && err != nil:
				t.Errorf("taken, although %v", err)
			case e.Outcome == tourney.OutcomeDone && len(passes) == 0 && !bytes.Equal(c.trial.Final, b):
				t.Error("a state that was taken is written as another")
			}
		}
	})
}
