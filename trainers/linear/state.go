package linear

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// The state of a trial, all little endian:
//
//	magic    4 bytes  "TLIN"
//	version  uint16   1
//	final    uint16   1 if the job refits on all rows but the test rows, else 0
//	d, k     uint32   features and columns
//	n        uint64   training rows
//	step     uint32   steps trained, at least 1
//	best     uint32   the best step; 0 in the state of a final job
//	mean, sd float64  of the target; 0 and 1 for classes
//	metrics  float64  of the best step, in the order of names; none in a final job
//	w, v     float32  [(d+1)×k] weights and velocity
//	bestW    float32  [(d+1)×k] weights of the best step, unless that is step
//
// Nothing follows. The length is a function of the head.
const (
	stateMagic   = "TLIN"
	stateVersion = 1
	stateHead    = 4 + 2 + 2 + 4 + 4 + 8 + 4 + 4 + 8 + 8
)

var le = binary.LittleEndian

// encode writes a model's state.
func (p *problem) encode(m *model) []byte {
	final := uint16(0)
	if m.final {
		final = 1
	}
	b := make([]byte, 0, stateHead+8*len(m.bestOf)+12*len(m.w))
	b = append(b, stateMagic...)
	b = le.AppendUint16(b, stateVersion)
	b = le.AppendUint16(b, final)
	b = le.AppendUint32(b, uint32(p.data.Train.D))
	b = le.AppendUint32(b, uint32(p.outputs))
	b = le.AppendUint64(b, uint64(p.data.Train.N))
	b = le.AppendUint32(b, uint32(m.step))
	b = le.AppendUint32(b, uint32(m.bestStep))
	b = le.AppendUint64(b, math.Float64bits(p.mean))
	b = le.AppendUint64(b, math.Float64bits(p.sd))
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
	if len(b) < stateHead || string(b[:4]) != stateMagic {
		return errors.New("not a state of this trainer")
	}
	if v := le.Uint16(b[4:]); v != stateVersion {
		return fmt.Errorf("format %d; this program reads %d", v, stateVersion)
	}
	final, d, k, n := le.Uint16(b[6:]), le.Uint32(b[8:]), le.Uint32(b[12:]), le.Uint64(b[16:])
	step, best := le.Uint32(b[24:]), le.Uint32(b[28:])
	train := p.data.Train
	switch {
	case final > 1 || (final == 1) != m.final:
		return errors.New("of a job of another kind")
	case uint64(d) != uint64(train.D) || uint64(k) != uint64(p.outputs) || n != uint64(train.N):
		return fmt.Errorf("for %d×%d rows and %d outputs, not %d×%d and %d", n, d, k, train.N, train.D, p.outputs)
	case le.Uint64(b[32:]) != math.Float64bits(p.mean) || le.Uint64(b[40:]) != math.Float64bits(p.sd):
		return errors.New("of another target")
	case step < 1 || int64(step) > int64(m.budget):
		return fmt.Errorf("of step %d, with a budget of %d", step, m.budget)
	case m.final && best != 0 || !m.final && (best < 1 || best > step):
		return fmt.Errorf("with best step %d of %d", best, step)
	}
	m.step, m.bestStep = int(step), int(best)
	values, arrays := 0, 2
	if !m.final {
		values = len(p.names())
		if best != step {
			arrays = 3
		}
	}
	if want := stateHead + 8*values + 4*arrays*p.weights(); len(b) != want {
		return fmt.Errorf("of %d bytes, not %d", len(b), want)
	}
	b = b[stateHead:]
	for range values {
		v := math.Float64frombits(le.Uint64(b))
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return errors.New("with a metric that is not finite")
		}
		m.bestOf = append(m.bestOf, v)
		b = b[8:]
	}
	m.w, b = takeFloats(b, p.weights())
	m.v, b = takeFloats(b, p.weights())
	switch {
	case arrays == 3:
		m.best, _ = takeFloats(b, p.weights())
	case !m.final:
		m.best = append(m.best, m.w...)
	}
	if !finite(m.w) || !finite(m.v) || !finite(m.best) {
		return errors.New("with a weight that is not finite")
	}
	return nil
}

func takeFloats(b []byte, n int) (w []float32, rest []byte) {
	w = make([]float32, n)
	for i := range w {
		w[i] = math.Float32frombits(le.Uint32(b[4*i:]))
	}
	return w, b[4*n:]
}
