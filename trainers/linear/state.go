package linear

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"
)

// The state of a trial is that of its fits, one after the other, each all
// little endian:
//
//	magic    4 bytes  "TLIN"
//	version  uint16   1
//	final    uint16   1 if the job refits on all rows but the test rows, else 0
//	d, k     uint32   features and columns
//	n        uint64   training rows
//	step     uint32   steps trained, at least 1
//	best     uint32   the best step; 0 in the state of a final job
//	mean, sd float64  of the target; 0 and 1 for classes
//	metrics  float64  of the best step, in the order of names and of all folds
//	                  together; none in a final job
//	w, v     float32  [(d+1)×k] weights and velocity
//	bestW    float32  [(d+1)×k] weights of the best step, unless that is step
//
// Nothing follows the last. The length is a function of the head.
const (
	stateMagic   = "TLIN"
	stateVersion = 1
	stateHead    = 4 + 2 + 2 + 4 + 4 + 8 + 4 + 4 + 8 + 8
)

var le = binary.LittleEndian

// encode writes a model's state.
func (p *problem) encode(m *model) []byte {
	var b []byte
	for i, f := range p.folds {
		b = f.encode(b, m.fits[i])
	}
	return b
}

func (f *fold) encode(b []byte, m *fit) []byte {
	final := uint16(0)
	if m.final {
		final = 1
	}
	b = slices.Grow(b, stateHead+8*len(m.bestOf)+12*len(m.w))
	b = append(b, stateMagic...)
	b = le.AppendUint16(b, stateVersion)
	b = le.AppendUint16(b, final)
	b = le.AppendUint32(b, uint32(f.train.D))
	b = le.AppendUint32(b, uint32(f.outputs))
	b = le.AppendUint64(b, uint64(f.train.N))
	b = le.AppendUint32(b, uint32(m.step))
	b = le.AppendUint32(b, uint32(m.bestStep))
	b = le.AppendUint64(b, math.Float64bits(f.mean))
	b = le.AppendUint64(b, math.Float64bits(f.sd))
	for _, v := range m.bestOf {
		b = le.AppendUint64(b, math.Float64bits(v))
	}
	b = appendFloats(b, m.w)
	b = appendFloats(b, m.v)
	if !m.final && m.bestStep != m.step {
		b = appendFloats(b, m.best)
	}
	return b
}

func appendFloats(b []byte, w []float32) []byte {
	for _, v := range w {
		b = le.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// restore reads a state into a new model of the same job and data.
func (p *problem) restore(m *model, b []byte) error {
	for i, f := range p.folds {
		rest, err := f.restore(m.fits[i], b, i == 0)
		if err != nil {
			return err
		}
		b = rest
	}
	if len(b) > 0 {
		return fmt.Errorf("longer than it should be by %d bytes", len(b))
	}
	return nil
}

// restore reads the state of a fit and returns what follows. The first fit
// tells the step, the best one and its metrics, in which the others must agree.
func (f *fold) restore(m *fit, b []byte, first bool) ([]byte, error) {
	if len(b) < stateHead || string(b[:4]) != stateMagic {
		return nil, errors.New("not a state of this trainer")
	}
	if v := le.Uint16(b[4:]); v != stateVersion {
		return nil, fmt.Errorf("format %d; this program reads %d", v, stateVersion)
	}
	final, d, k, n := le.Uint16(b[6:]), le.Uint32(b[8:]), le.Uint32(b[12:]), le.Uint64(b[16:])
	step, best := le.Uint32(b[24:]), le.Uint32(b[28:])
	switch {
	case final > 1 || (final == 1) != m.final:
		return nil, errors.New("of a job of another kind")
	case uint64(d) != uint64(f.train.D) || uint64(k) != uint64(f.outputs) || n != uint64(f.train.N):
		return nil, fmt.Errorf("for %d×%d rows and %d outputs, not %d×%d and %d", n, d, k, f.train.N, f.train.D, f.outputs)
	case le.Uint64(b[32:]) != math.Float64bits(f.mean) || le.Uint64(b[40:]) != math.Float64bits(f.sd):
		return nil, errors.New("of another target")
	case step < 1 || int64(step) > int64(m.budget):
		return nil, fmt.Errorf("of step %d, with a budget of %d", step, m.budget)
	case m.final && best != 0 || !m.final && (best < 1 || best > step):
		return nil, fmt.Errorf("with best step %d of %d", best, step)
	case !first && (int(step) != m.step || int(best) != m.bestStep):
		return nil, errors.New("of folds at different steps")
	}
	m.step, m.bestStep = int(step), int(best)
	values, arrays := 0, 2
	if !m.final {
		values = len(f.names())
		if best != step {
			arrays = 3
		}
	}
	size := stateHead + 8*values + 4*arrays*f.weights()
	if len(b) < size {
		return nil, fmt.Errorf("of %d bytes, not %d", len(b), size)
	}
	b, rest := b[stateHead:size], b[size:]
	for i := range values {
		v := math.Float64frombits(le.Uint64(b))
		switch {
		case math.IsNaN(v) || math.IsInf(v, 0):
			return nil, errors.New("with a metric that is not finite")
		case first:
			m.bestOf = append(m.bestOf, v)
		case math.Float64bits(v) != math.Float64bits(m.bestOf[i]):
			return nil, errors.New("of folds with different metrics")
		}
		b = b[8:]
	}
	m.w, b = takeFloats(b, f.weights())
	m.v, b = takeFloats(b, f.weights())
	switch {
	case arrays == 3:
		m.best, _ = takeFloats(b, f.weights())
	case !m.final:
		m.best = append(m.best, m.w...)
	}
	if !finite(m.w) || !finite(m.v) || !finite(m.best) {
		return nil, errors.New("with a weight that is not finite")
	}
	return rest, nil
}

func takeFloats(b []byte, n int) (w []float32, rest []byte) {
	w = make([]float32, n)
	for i := range w {
		w[i] = math.Float32frombits(le.Uint32(b[4*i:]))
	}
	return w, b[4*n:]
}
