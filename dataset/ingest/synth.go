package ingest

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"math/bits"
	"strconv"

	"tourney"
)

// The kinds of table that Synth makes.
const (
	SynthClassification SynthKind = "classification"
	SynthRegression     SynthKind = "regression"
	SynthClicks         SynthKind = "clicks"
)

// SynthKind is a kind of made-up table.
type SynthKind string

// SynthOptions say what Synth makes.
//
// All tables have the columns y, x1, x2, … (Numbers of them) and c1, c2, …
// (Categories). An x is drawn from a bell curve of mean 0 and standard
// deviation 1, cut at ±3.46, with four decimals. A c is a level k of Levels,
// written as eight hexadecimal digits, with a chance proportional to
// ln((k+2)/(k+1)), about 1/(k+1): a power law. With s the score, that is the
// sum of Weight·x and Effect over the columns, missing ones counted as if they
// were there,
//
//	regression      y = s + Noise·e
//	classification  y = 1 if s + Noise·e > 0, else 0
//	clicks          y = 1 if s + Noise·e > Bias, else 0, which one row in
//	                eight or so has
//
// where e is drawn as x is. Every value is a function of the seed and its
// place, by integer arithmetic: the bytes are the same on every machine.
type SynthOptions struct {
	Kind       SynthKind
	Rows       int64
	Numbers    int     // numeric columns; clicks: 13 if neither is given, others 20
	Categories int     // category columns; clicks: 26 if neither is given, others 0
	Levels     int     // of a category; 0: 10,000
	Noise      float64 // of the score; 0: none
	Missing    float64 // share of the features' values
	Seed       uint64
}

// scale is the unit of the integer arithmetic: four decimals.
const scale = 10_000

// Check fills in the defaults and returns what is wrong.
func (o *SynthOptions) Check() error {
	var errs []tourney.FieldError
	bad := func(path, format string, args ...any) {
		errs = append(errs, tourney.FieldError{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	if o.Numbers == 0 && o.Categories == 0 {
		o.Numbers = 20
		if o.Kind == SynthClicks {
			o.Numbers, o.Categories = 13, 26
		}
	}
	if o.Levels == 0 {
		o.Levels = 10_000
	}
	switch o.Kind {
	case SynthClassification, SynthRegression, SynthClicks:
	default:
		kinds := []string{string(SynthClassification), string(SynthRegression), string(SynthClicks)}
		bad("kind", "%q must be %s%s", o.Kind, list(kinds), tourney.DidYouMean(string(o.Kind), kinds))
	}
	if o.Rows < 1 {
		bad("rows", "must be at least 1, not %d", o.Rows)
	}
	if o.Numbers < 0 || o.Categories < 0 || o.Numbers+o.Categories > 20_000 {
		bad("columns", "must be between 1 and 20000 in all, not %d and %d", o.Numbers, o.Categories)
	}
	if o.Levels < 2 || o.Levels > 1<<24 {
		bad("levels", "must be between 2 and %d, not %d", 1<<24, o.Levels)
	}
	if !(o.Noise >= 0 && o.Noise <= 1000) {
		bad("noise", "must be between 0 and 1000, not %v", o.Noise)
	}
	if !(o.Missing >= 0 && o.Missing < 1) {
		bad("missing", "must be at least 0 and below 1, not %v", o.Missing)
	}
	if len(errs) > 0 {
		return &tourney.InvalidError{Fields: errs}
	}
	return nil
}

// Weight is what the score gains by 1 in column x(i+1).
func (o *SynthOptions) Weight(i int) float64 {
	return float64(o.weight(i)) / scale
}

// Effect is what the score gains by level k of column c(i+1).
func (o *SynthOptions) Effect(i, k int) float64 {
	return float64(o.effect(i, k)) / scale
}

// Level is how Synth writes level k of column c(i+1).
func (o *SynthOptions) Level(i, k int) string { return string(appendLevel(nil, o.level(i, k))) }

// Bias is the score that a click takes.
func (o *SynthOptions) Bias() float64 { return float64(o.bias()) / scale }

// The streams of the synthesiser.
const (
	streamWeight uint64 = iota + 100
	streamEffect
	streamLevel
	streamCell
)

// bell is a number of four decimals from a bell curve of mean 0 and standard
// deviation 1: the sum of four uniform numbers of 16 bits, whose variance is
// 1/3 of the square of 2^16.
func bell(x uint64) int64 {
	sum := int64(x&0xffff) + int64(x>>16&0xffff) + int64(x>>32&0xffff) + int64(x>>48) - 2*0xffff
	// 10000·√3/2^16, in units of 2^-16.
	return (sum*17321 + 1<<15) >> 16
}

// weight falls with the column, so that a few matter most: about 1/√(i+1).
func (o *SynthOptions) weight(i int) int64 {
	return int64(float64(bell(newStream(o.Seed, streamWeight).at(uint64(i)))) / math.Sqrt(float64(i+1)))
}

func (o *SynthOptions) effect(i, k int) int64 {
	return int64(float64(bell(newStream(o.Seed, streamEffect).at(uint64(i)<<32|uint64(k)))) / math.Sqrt(float64(i+1)))
}

func (o *SynthOptions) level(i, k int) uint32 {
	// A permutation of 32 bits, so that no two levels of a column are written
	// alike.
	x := uint32(k) ^ uint32(newStream(o.Seed, streamLevel).at(uint64(i)))
	x = (x ^ x>>16) * 0x45d9f3b
	x = (x ^ x>>16) * 0x45d9f3b
	return x ^ x>>16
}

// bias is a little more than the score's standard deviation, above its mean.
func (o *SynthOptions) bias() int64 {
	if o.Kind != SynthClicks {
		return 0
	}
	noise := o.noise()
	mean, variance := 0.0, float64(float64(noise)*float64(noise))
	for i := range o.Numbers {
		w := float64(o.weight(i))
		variance += float64(w * w)
	}
	quantiles := newQuantiles(o.Levels)
	for i := range o.Categories {
		sum, squares := 0.0, 0.0
		for q := range len(quantiles) - 1 {
			e := float64(o.effect(i, int(quantiles[q]+quantiles[q+1])/2-1))
			sum += e / float64(len(quantiles)-1)
			squares += float64(e*e) / float64(len(quantiles)-1)
		}
		mean += sum
		variance += squares - float64(sum*sum)
	}
	return int64(mean + float64(1.15*math.Sqrt(variance)))
}

func (o *SynthOptions) noise() int64 { return int64(math.Round(o.Noise * scale)) }

// newQuantiles returns n^(i/4096) for i up to 4096, by square roots and
// products alone, which are the same on every machine. Between them a uniform
// number, taken to the power, falls on k with a chance of about 1/k.
func newQuantiles(n int) []float64 {
	step := float64(n + 1)
	for range 12 {
		step = math.Sqrt(step)
	}
	q := make([]float64, 1<<12+1)
	q[0] = 1
	for i := range len(q) - 1 {
		q[i+1] = float64(q[i] * step)
	}
	return q
}

// Synth writes a made-up table as CSV, of which all is known that can be
// learnt.
func Synth(w io.Writer, o SynthOptions) error {
	if err := o.Check(); err != nil {
		return err
	}
	s := newSynth(&o)
	out := bufio.NewWriterSize(w, 1<<20)
	// What goes wrong is said by Flush, and ends the rows by the last line.
	_, _ = out.Write(s.header())
	line := make([]byte, 0, 64*(1+o.Numbers+o.Categories))
	for row := range o.Rows {
		line = s.row(line[:0], row)
		if _, err := out.Write(line); err != nil {
			return fmt.Errorf("write table: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write table: %w", err)
	}
	return nil
}

type synth struct {
	*SynthOptions
	cells     stream
	weights   []int64
	quantiles []float64
	biased    int64
	noisy     int64
	gone      uint64 // a number below it makes a value missing
	features  []byte
}

func newSynth(o *SynthOptions) *synth {
	s := &synth{SynthOptions: o, cells: newStream(o.Seed, streamCell), quantiles: newQuantiles(o.Levels), biased: o.bias(), noisy: o.noise()}
	s.gone = uint64(o.Missing * (1 << 32))
	for i := range o.Numbers {
		s.weights = append(s.weights, o.weight(i))
	}
	return s
}

func (s *synth) header() []byte {
	line := []byte("y")
	for i := range s.Numbers {
		line = strconv.AppendInt(append(line, ",x"...), int64(i+1), 10)
	}
	for i := range s.Categories {
		line = strconv.AppendInt(append(line, ",c"...), int64(i+1), 10)
	}
	return append(line, '\n')
}

// row appends a line.
func (s *synth) row(line []byte, row int64) []byte {
	s.features = s.features[:0]
	at := s.cells.at(uint64(row))
	score := int64(0)
	for i := range s.Numbers {
		at += golden
		x := bell(mix(at))
		score += s.weights[i] * x / scale
		s.features = append(s.features, ',')
		if !s.missing(at) {
			s.features = appendFixed(s.features, x)
		}
	}
	for i := range s.Categories {
		at += golden
		k := s.draw(mix(at))
		score += s.effect(i, k)
		s.features = append(s.features, ',')
		if !s.missing(at) {
			s.features = appendLevel(s.features, s.level(i, k))
		}
	}
	score += s.noisy * bell(mix(at+golden)) / scale
	switch {
	case s.Kind == SynthRegression:
		line = appendFixed(line, score)
	case score > s.biased:
		line = append(line, '1')
	default:
		line = append(line, '0')
	}
	return append(append(line, s.features...), '\n')
}

func (s *synth) missing(at uint64) bool {
	return s.gone > 0 && mix(^at)>>32 < s.gone
}

// draw returns a level by the power law.
func (s *synth) draw(x uint64) int {
	at, part := bits.Mul64(x, uint64(len(s.quantiles)-1))
	low, high := s.quantiles[at], s.quantiles[at+1]
	k := int(low + float64((high-low)*unit(part)))
	return min(s.Levels, k) - 1
}

// appendFixed writes a number of four decimals.
func appendFixed(dst []byte, v int64) []byte {
	if v < 0 {
		dst, v = append(dst, '-'), -v
	}
	dst = strconv.AppendInt(dst, v/scale, 10)
	f := v % scale
	return append(dst, '.', byte('0'+f/1000), byte('0'+f/100%10), byte('0'+f/10%10), byte('0'+f%10))
}

func appendLevel(dst []byte, v uint32) []byte {
	const digits = "0123456789abcdef"
	for shift := 28; shift >= 0; shift -= 4 {
		dst = append(dst, digits[v>>shift&15])
	}
	return dst
}
