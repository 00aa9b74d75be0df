package lap

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// The state of a trial, all little endian:
//
//	magic    4 bytes  "TLAP"
//	version  uint16   1
//	final    uint16   1 if the job refits on all rows but the test rows, else 0
//	family   8 bytes  the first letters of its name, zeros after
//	d, k     uint32   features of the first fold, and outputs
//	folds    uint32
//	step     uint32   steps trained, at least 1
//	best     uint32   the best step; 0 in the state of a final job
//	told     uint32   how many values the fits tell
//	values   uint32   how many there are of the best step
//	told     each a uint8 and so many letters: their names
//	values   float64  of the best step, in the order of names; none in a final job
//
// and for each fold
//
//	n        uint64   training rows
//	mean, sd float64  of the target; 0 and 1 if it is not standardised
//	size     uint64   bytes of what the fit has saved, which follow
//
// Nothing follows the last.
const (
	stateMagic   = "TLAP"
	stateVersion = 1
)

// maxTold is how many values a fit tells at most.
const maxTold = 64

var le = binary.LittleEndian

// encode writes a trial's state.
func (h *run) encode(t *Trial) []byte {
	final := uint16(0)
	if t.Final {
		final = 1
	}
	b := append([]byte(nil), stateMagic...)
	b = le.AppendUint16(b, stateVersion)
	b = le.AppendUint16(b, final)
	b = append(b, h.family()...)
	for _, v := range []int{h.Folds[0].Train.D, h.Outputs, len(h.Folds), t.Step, t.bestStep, len(t.told), len(t.bestOf)} {
		b = le.AppendUint32(b, uint32(v))
	}
	for _, name := range t.told {
		b = append(append(b, byte(len(name))), name...)
	}
	for _, v := range t.bestOf {
		b = le.AppendUint64(b, math.Float64bits(v))
	}
	for i, f := range h.Folds {
		b = le.AppendUint64(b, uint64(f.Train.N))
		b = le.AppendUint64(b, math.Float64bits(f.Mean))
		b = le.AppendUint64(b, math.Float64bits(f.SD))
		at := len(b)
		b = le.AppendUint64(b, 0)
		b = t.Fits[i].Save(b, t.kept())
		le.PutUint64(b[at:], uint64(len(b)-at-8))
	}
	return b
}

// kept reports whether fits have nothing kept but the present step. Those of a
// final job keep nothing.
func (t *Trial) kept() bool { return t.Final || t.bestStep == t.Step }

func (h *run) family() []byte {
	name := make([]byte, 8)
	copy(name, h.options.Family.Trainer.Name())
	return name
}

// reader takes values off bytes. Once they have run out it gives zeros.
type reader struct {
	b     []byte
	short bool
}

func (r *reader) take(n uint64) []byte {
	if r.short || n > uint64(len(r.b)) {
		r.short = true
		return make([]byte, min(n, 8))
	}
	out := r.b[:n]
	r.b = r.b[n:]
	return out
}

func (r *reader) u16() int          { return int(le.Uint16(r.take(2))) }
func (r *reader) u32() int          { return int(le.Uint32(r.take(4))) }
func (r *reader) u64() uint64       { return le.Uint64(r.take(8)) }
func (r *reader) float() float64    { return math.Float64frombits(r.u64()) }
func (r *reader) text(n int) string { return string(r.take(uint64(n))) }

var errShort = errors.New("cut short")

// restore reads a state into a new trial of the same job and data.
func (h *run) restore(t *Trial, b []byte) error {
	r := &reader{b: b}
	if r.text(4) != stateMagic {
		return errors.New("not a state of this trainer")
	}
	version, final := r.u16(), r.u16()
	family := r.text(8)
	d, k, folds, step, best, told, values := r.u32(), r.u32(), r.u32(), r.u32(), r.u32(), r.u32(), r.u32()
	f := h.Folds[0]
	switch {
	case r.short:
		return errShort
	case version != stateVersion:
		return fmt.Errorf("format %d; this program reads %d", version, stateVersion)
	case family != string(h.family()):
		return errors.New("of another trainer")
	case final > 1 || (final == 1) != t.Final:
		return errors.New("of a job of another kind")
	case d != f.Train.D || k != h.Outputs || folds != len(h.Folds):
		return fmt.Errorf("for %d folds of %d features and %d outputs, not %d of %d and %d", folds, d, k, len(h.Folds), f.Train.D, h.Outputs)
	case step < 1 || step > t.Job.Budget:
		return fmt.Errorf("of step %d, with a budget of %d", step, t.Job.Budget)
	case t.Final && best != 0 || !t.Final && (best < 1 || best > step):
		return fmt.Errorf("with best step %d of %d", best, step)
	case told < 1 || told > maxTold:
		return fmt.Errorf("with %d values told", told)
	}
	t.Step, t.bestStep = step, best
	for range told {
		t.told = append(t.told, r.text(int(r.take(1)[0])))
	}
	if !t.Final {
		if values != len(t.names()) {
			return fmt.Errorf("with %d values of its best step, not %d", values, len(t.names()))
		}
		for range values {
			t.bestOf = append(t.bestOf, r.float())
		}
		if !finite(t.bestOf) {
			return errors.New("with a metric that is not finite")
		}
	} else if values != 0 {
		return errors.New("of a final job with values of its best step")
	}
	for i, f := range h.Folds {
		if err := h.restoreFit(r, t, i, f); err != nil {
			return err
		}
	}
	if len(r.b) > 0 {
		return fmt.Errorf("longer than it should be by %d bytes", len(r.b))
	}
	return nil
}

func (h *run) restoreFit(r *reader, t *Trial, i int, f *Fold) error {
	n, mean, sd, size := r.u64(), r.float(), r.float(), r.u64()
	switch {
	case r.short:
		return errShort
	case n != uint64(f.Train.N):
		return fmt.Errorf("of %d rows in fold %d, not %d", n, i+1, f.Train.N)
	case math.Float64bits(mean) != math.Float64bits(f.Mean) || math.Float64bits(sd) != math.Float64bits(f.SD):
		return errors.New("of another target")
	}
	b := r.take(size)
	if r.short {
		return errShort
	}
	if err := t.Fits[i].Load(slices.Clip(b), t.kept()); err != nil {
		return fmt.Errorf("fold %d: %w", i+1, err)
	}
	return nil
}

// State is what a trial's state says of it, as far as that can be told without
// its data.
type State struct {
	Final bool
	Step  int
	Best  int // the best step; 0 of a final job
	Fits  []FitState
}

// FitState is the part of a state that is a fit's.
type FitState struct {
	Mean, SD float64 // of the target; 0 and 1 if it is not standardised
	Saved    []byte  // what Fit.Save wrote
}

// ReadState takes a state apart.
func ReadState(state []byte) (*State, error) {
	r := &reader{b: state}
	if r.text(4) != stateMagic || r.u16() != stateVersion {
		return nil, errors.New("not a state of a trainer")
	}
	s := &State{Final: r.u16() == 1}
	r.text(8)
	_, _, folds, step, best, told := r.u32(), r.u32(), r.u32(), r.u32(), r.u32(), r.u32()
	s.Step, s.Best = step, best
	values := r.u32()
	if told > maxTold {
		return nil, fmt.Errorf("with %d values told", told)
	}
	for range told {
		r.text(int(r.take(1)[0]))
	}
	r.take(8 * uint64(values))
	for range folds {
		r.u64()
		f := FitState{Mean: r.float(), SD: r.float()}
		f.Saved = r.take(r.u64())
		if r.short {
			return nil, errShort
		}
		s.Fits = append(s.Fits, f)
	}
	if len(r.b) > 0 {
		return nil, fmt.Errorf("longer than it should be by %d bytes", len(r.b))
	}
	return s, nil
}

// FinalFit returns what the fit of a final job has saved in its last state: the
// part of it that is the model.
func FinalFit(state []byte) ([]byte, error) {
	s, err := ReadState(state)
	switch {
	case err != nil:
		return nil, err
	case !s.Final || len(s.Fits) != 1:
		return nil, errors.New("not the state of a final job")
	}
	return s.Fits[0].Saved, nil
}
