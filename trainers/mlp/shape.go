package mlp

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"

	"tourney/trainers/heat"
)

// Notation of this package:
//
//	n     rows of a block, of a part, or of a batch
//	p, q  units before and behind a layer
//	w     [p×q] row-major, the weights of a layer
//	b     [q]   its shifts
//	s     [q]   its scales, if it is normalised
//
// The weights of a network lie in one slice, layer after layer from the input
// on: w, b, and s if the layer is normalised. The running averages of those that
// are lie in another: means [q], then variances [q].

const (
	maxLayers  = 16
	maxWidth   = 16_384
	maxWeights = 1 << 27 // of a network, 512 MiB: the moments of Adam are as many again, twice
)

// layer is where the values of a layer lie.
type layer struct {
	p, q    int
	w, b, s int // in the weights; s is 0 unless the layer is normalised
	mean    int // in the running averages; the variances follow
	norm    bool
}

// shape is what a network looks like.
type shape struct {
	layers     []layer
	activation string
	size       int // weights, shifts and scales among them
	stats      int // running averages
	widest     int // units of the widest layer, input and outputs among them
}

// newShape lays out a network with d features and k outputs.
func newShape(d int, hidden []int, k int, activation string, norm bool) (*shape, error) {
	s := &shape{activation: activation, widest: max(d, k)}
	p := d
	for i, q := range append(append([]int(nil), hidden...), k) {
		l := layer{p: p, q: q, w: s.size, b: s.size + p*q, norm: norm && i < len(hidden)}
		s.size = l.b + q
		if l.norm {
			l.s, l.mean = s.size, s.stats
			s.size += q
			s.stats += 2 * q
		}
		if s.size > maxWeights {
			return nil, fmt.Errorf("hidden layers %v on %d features have more than %d weights", hidden, d, maxWeights)
		}
		s.layers = append(s.layers, l)
		s.widest = max(s.widest, q)
		p = q
	}
	return s, nil
}

// hiddenOf reads the widths of the hidden layers out of a trial.
func hiddenOf(v heat.Values) ([]int, error) {
	if !v.Given("layers") && !v.Given("width") {
		return parseHidden(v.Word("hidden"))
	}
	if v.Given("hidden") {
		return nil, fmt.Errorf("parameter hidden: says what layers and width say; leave it out, or them")
	}
	hidden := make([]int, v.Int("layers"))
	for i := range hidden {
		hidden[i] = v.Int("width")
	}
	return hidden, nil
}

// parseHidden reads widths with commas, blanks or x between them, with or
// without brackets around.
func parseHidden(text string) ([]int, error) {
	inner := strings.TrimSpace(text)
	for _, pair := range []string{"()", "[]"} {
		if strings.HasPrefix(inner, pair[:1]) && strings.HasSuffix(inner, pair[1:]) {
			inner = inner[1 : len(inner)-1]
		}
	}
	words := strings.FieldsFunc(inner, func(r rune) bool { return strings.ContainsRune(", x", r) })
	if len(words) == 0 || len(words) > maxLayers {
		return nil, fmt.Errorf("must be 1 to %d widths, as in 256,128, not %q", maxLayers, text)
	}
	widths := make([]int, len(words))
	for i, w := range words {
		n, err := strconv.Atoi(w)
		if err != nil || n < 1 || n > maxWidth {
			return nil, fmt.Errorf("must be widths from 1 to %d, as in 256,128, not %q", maxWidth, text)
		}
		widths[i] = n
	}
	return widths, nil
}

func checkHidden(text string) error {
	_, err := parseHidden(text)
	return err
}

// The streams of a trial's generators of random numbers.
const (
	initStream  = 0x6d6c70_00_00000000 // and the number of the layer
	orderStream = 0x6d6c70_01_00000000 // and the number of the epoch
)

// initial draws the weights of a network that has not been trained: uniformly
// between ±√(6/p) where units are rectified (He and others 2015, for a uniform
// law), between ±√(6/(p+q)) elsewhere (Glorot and Bengio 2010, equation 16).
// Shifts start at 0, scales at 1.
func (s *shape) initial(seed uint64) (weights, averages []float32) {
	weights, averages = make([]float32, s.size), make([]float32, s.stats)
	for i, l := range s.layers {
		fan := float64(l.p + l.q)
		if i < len(s.layers)-1 && s.activation != tanh {
			fan = float64(l.p)
		}
		bound := float32(math.Sqrt(6 / fan))
		pcg := rand.NewPCG(seed, initStream+uint64(i))
		w := weights[l.w:l.b]
		for j := range w {
			// 24 bits, as many as a float32 has: a multiple of 2^-23 between -1 and 1.
			u := float32(int64(pcg.Uint64()>>40)-1<<23) * 0x1p-23
			w[j] = u * bound
		}
		if !l.norm {
			continue
		}
		for j := range l.q {
			weights[l.s+j] = 1
			averages[l.mean+l.q+j] = 1
		}
	}
	return weights, averages
}
