package gbdt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/heat"
	"tourney/trainers/lap"
	"tourney/trainers/tree/bins"
	"tourney/trainers/tree/ensemble"
)

// fit is a trial's part in a course: how many of its rounds it has, and what
// they make of the validation rows.
type fit struct {
	course *course
	final  bool
	step   int       // rounds
	kept   int       // the best of them
	scores []float64 // [rows×k] row-major, of the validation rows, after step rounds
	drop   *dart     // weights after step rounds; nil: no dropout
}

// Fit returns a fit that has not been trained. It joins a course that is there.
func (p *problem) Fit(t *lap.Trial, f *lap.Fold) (lap.Fit, error) {
	s, err := readSettings(t, p.Data)
	if err != nil {
		return nil, err
	}
	fold := p.folds[f.Index]
	c := fold.courses[s.key]
	if c == nil {
		if c, err = p.newCourse(s, fold); err != nil {
			return nil, err
		}
		fold.courses[s.key] = c
	}
	out := &fit{course: c, final: t.Final}
	if s.dart != nil {
		out.drop = s.dart.fresh()
	}
	return out, nil
}

// Told returns the loss of the training rows after the last round.
func (f *fit) Told() []lap.Value {
	return []lap.Value{f.course.obj.told(f.course.losses[f.step-1])}
}

// Keep notes that the present step is the best so far.
func (f *fit) Keep() { f.kept = f.step }

// advance goes on by a round, which the course has, and brings the scores of
// the validation rows to it.
func (f *fit) advance(pool heatPool) {
	c, r := f.course, f.step
	f.step++
	valid := c.fold.Valid
	if valid == nil || f.final {
		return
	}
	if f.scores == nil {
		f.begin(pool, r)
	}
	trees := c.trees[r*c.k : (r+1)*c.k]
	if f.drop != nil {
		dropped := f.drop.drops()
		before := slices.Clone(f.drop.weights)
		f.drop.advance(dropped)
		trees = c.changed(append(dropped, r), func(round int) float64 {
			if round == r {
				return 0
			}
			return before[round]
		}, func(round int) float64 { return f.drop.weights[round] })
	}
	c.adder(trees).Add(pool, valid, 0, len(trees)/c.k, f.scores)
}

// begin makes the scores of the validation rows after so many rounds.
func (f *fit) begin(pool heatPool, rounds int) {
	c := f.course
	if f.drop != nil {
		f.drop.replay(rounds)
	}
	f.scores = ensemble.NewPredictor(c.ensemble(rounds)).Scores(pool, c.fold.Valid, rounds)
}

// The state of a fit, all little endian:
//
//	step, kept  uint32   rounds; kept is 0 if it is step, or in a final job
//	unit        float64  of scores under dart; 0 without
//	losses      float64  of the training rows, after each round
//
// and then the ensemble of all rounds as they were grown.
const stateHead = 4 + 4 + 8

var le = binary.LittleEndian

// Save appends the state.
func (f *fit) Save(b []byte, kept bool) []byte {
	best := f.kept
	if kept {
		best = 0
	}
	b = le.AppendUint32(b, uint32(f.step))
	b = le.AppendUint32(b, uint32(best))
	b = le.AppendUint64(b, math.Float64bits(f.course.unit))
	for _, v := range f.course.losses[:f.step] {
		b = le.AppendUint64(b, math.Float64bits(v))
	}
	return f.course.raw(f.step).Append(b)
}

// state is a state that was read.
type state struct {
	step, kept int
	unit       float64
	losses     []float64
	ensemble   *ensemble.Ensemble
}

func readState(b []byte, features *dataset.Binning) (*state, error) {
	if len(b) < stateHead {
		return nil, errors.New("cut short")
	}
	s := &state{step: int(le.Uint32(b)), kept: int(le.Uint32(b[4:])), unit: math.Float64frombits(le.Uint64(b[8:]))}
	b = b[stateHead:]
	if s.step > len(b)/8 {
		return nil, errors.New("cut short")
	}
	for range s.step {
		v := math.Float64frombits(le.Uint64(b))
		if v-v != 0 {
			return nil, errors.New("with a loss that is not finite")
		}
		s.losses, b = append(s.losses, v), b[8:]
	}
	e, rest, err := ensemble.Take(b, features)
	switch {
	case err != nil:
		return nil, err
	case len(rest) > 0:
		return nil, fmt.Errorf("longer than it should be by %d bytes", len(rest))
	case e.Rounds() != s.step:
		return nil, fmt.Errorf("of %d rounds at step %d", e.Rounds(), s.step)
	case s.kept >= max(1, s.step):
		return nil, fmt.Errorf("with best round %d of %d", s.kept, s.step)
	}
	if _, fraction := math.Frexp(s.unit); s.unit != 0 && s.unit != math.Ldexp(0.5, fraction) || (s.unit != 0) != (e.Weights != nil) {
		return nil, errors.New("with a unit of scores that is none")
	}
	s.ensemble = e
	return s, nil
}

// Load reads what Save wrote. The fit goes on in the course that it is in if
// that is as far, and else in one of its own, which later ones may join.
func (f *fit) Load(b []byte, kept bool) error {
	c := f.course
	s, err := readState(b, c.fold.Bins)
	if err != nil {
		return err
	}
	mine := &ensemble.Ensemble{Outputs: c.k, PerRound: c.k, Base: c.base, Link: c.link}
	if e := s.ensemble; e.Outputs != mine.Outputs || e.PerRound != mine.PerRound || e.Average || e.Link != mine.Link || !slices.Equal(e.Base, mine.Base) {
		return errors.New("of another objective")
	}
	f.step, f.kept = s.step, s.kept
	if kept {
		f.kept = s.step
	}
	if math.Float64bits(s.unit) != math.Float64bits(c.unit) {
		return errors.New("of another objective")
	}
	if f.drop != nil {
		f.drop.replay(s.step)
		for i, w := range s.ensemble.Weights {
			if math.Float64bits(w) != math.Float64bits(f.drop.weights[i/c.k]) {
				return errors.New("with other weights than dart gives")
			}
		}
	}
	n := len(s.ensemble.Trees)
	if c.rounds() >= s.step && reflect.DeepEqual(c.trees[:n], s.ensemble.Trees) {
		return nil
	}
	own := *c
	own.trees, own.losses, own.scores, own.sums = s.ensemble.Trees, s.losses, nil, nil
	if c.drop != nil {
		own.drop = c.drop.fresh()
	}
	if c.rounds() < s.step {
		c.fold.courses[c.key] = &own
	}
	f.course = &own
	return nil
}

// scorer scores rows by one fit.
type scorer struct {
	fit   *fit
	model *bins.Model // for rows other than the validation rows
}

// Scorers returns a scorer for each fit.
func (p *problem) Scorers(fits []lap.Fit) []lap.Scorer {
	var out []lap.Scorer
	for _, one := range fits {
		s := &scorer{fit: one.(*fit)}
		if s.fit.scores == nil {
			s.model = bins.NewModel(s.fit.course.ensemble(s.fit.step))
		}
		out = append(out, s)
	}
	return out
}

// Fits returns the fit.
func (s *scorer) Fits() []lap.Fit { return []lap.Fit{s.fit} }

// Score computes the outputs of rows lo to hi of m.
func (s *scorer) Score(m *dataset.Matrix, lo, hi int, out [][]float32) {
	c := s.fit.course
	if s.model != nil {
		s.model.Predict(m, lo, hi, out[0])
		return
	}
	bins.Link(out[0], s.fit.scores[lo*c.k:hi*c.k], c.link, c.k)
}

// open reads the model out of the last state of a final job.
func open(_ *tourney.Job, data *dataset.Data, b []byte) (heat.Model, error) {
	b, err := lap.FinalFit(b)
	if err != nil {
		return nil, fmt.Errorf("gbdt: state: %w", err)
	}
	if len(data.Folds) == 0 || data.Folds[0].Bins == nil {
		return nil, errors.New("gbdt: the data are not binned")
	}
	s, err := readState(b, data.Folds[0].Bins)
	if err != nil {
		return nil, fmt.Errorf("gbdt: state: %w", err)
	}
	if s.unit != 0 {
		return bins.NewModel(addUp(s.ensemble, s.unit)), nil
	}
	return bins.NewModel(s.ensemble), nil
}
