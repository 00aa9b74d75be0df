package ensemble_test

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/tree/ensemble"
)

// hard returns an ensemble with numbers that are hard to write.
func hard() *ensemble.Ensemble {
	e := random(rand.New(rand.NewPCG(13, 13)), shapes["dart"])
	copy(e.Trees[0].Value, []float64{math.Copysign(0, -1), math.SmallestNonzeroFloat64, math.MaxFloat64, -1e21, 1e-7, 0.1 + 0.2})
	return e
}

func TestJSONKeepsBits(t *testing.T) {
	for name, s := range shapes {
		t.Run(name, func(t *testing.T) {
			e := random(rand.New(rand.NewPCG(14, uint64(len(name)))), s)
			if name == "dart" {
				e = hard()
			}
			data, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			var back ensemble.Ensemble
			if err := json.Unmarshal(data, &back); err != nil {
				t.Fatal(err)
			}
			if string(e.Append(nil)) != string(back.Append(nil)) || !reflect.DeepEqual(e.Features, back.Features) {
				t.Error("another ensemble comes back")
			}
		})
	}
}

func TestBinaryKeepsBits(t *testing.T) {
	for name, s := range shapes {
		t.Run(name, func(t *testing.T) {
			e := random(rand.New(rand.NewPCG(15, uint64(len(name)))), s)
			if name == "dart" {
				e = hard()
			}
			b := append(e.Append([]byte("before")), "after"...)
			back, rest, err := ensemble.Take(b[len("before"):], e.Features)
			if err != nil {
				t.Fatal(err)
			}
			if string(rest) != "after" {
				t.Errorf("%q follows", rest)
			}
			if string(back.Append(nil)) != string(e.Append(nil)) {
				t.Error("another ensemble comes back")
			}
		})
	}
}

// A checkpoint may be its prefix and the trees since.
func TestTreesFollowEachOther(t *testing.T) {
	e := random(rand.New(rand.NewPCG(16, 16)), shapes["boosted"])
	var early, late []byte
	for i, tree := range e.Trees {
		if i < 10 {
			early = ensemble.AppendTree(early, tree)
		} else {
			late = ensemble.AppendTree(late, tree)
		}
	}
	rest := append(early, late...)
	for i, want := range e.Trees {
		var got *ensemble.Tree
		var err error
		if got, rest, err = ensemble.TakeTree(rest); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("tree %d comes back as another", i)
		}
	}
	if len(rest) > 0 {
		t.Errorf("%d bytes are left", len(rest))
	}
}

func TestValidate(t *testing.T) {
	for _, tt := range []struct {
		name  string
		shape string
		spoil func(e *ensemble.Ensemble)
		want  string
	}{
		{"no outputs", "boosted", func(e *ensemble.Ensemble) { e.Outputs = 0 }, "0 outputs"},
		{"odd rounds", "boosted classes", func(e *ensemble.Ensemble) { e.PerRound = 2 }, "rounds of 2 trees for 3 outputs"},
		{"half a round", "boosted classes", func(e *ensemble.Ensemble) { e.Trees = e.Trees[1:] }, "no whole rounds"},
		{"a weight too few", "dart", func(e *ensemble.Ensemble) { e.Weights = e.Weights[1:] }, "11 weights for 12 trees"},
		{"no base", "boosted", func(e *ensemble.Ensemble) { e.Base = nil }, "0 base scores"},
		{"an infinite base", "boosted", func(e *ensemble.Ensemble) { e.Base[0] = math.Inf(1) }, "not finite"},
		{"a weight that is no number", "dart", func(e *ensemble.Ensemble) { e.Weights[3] = math.NaN() }, "not finite"},
		{"no link", "boosted", func(e *ensemble.Ensemble) { e.Link = "" }, `no link ""`},
		{"two logistic outputs", "large forest", func(e *ensemble.Ensemble) { e.Link = ensemble.Logistic }, "logistic link of 2"},
		{"no features", "boosted", func(e *ensemble.Ensemble) { e.Features = nil }, "no features"},
		{"an empty table", "no tree", func(e *ensemble.Ensemble) { e.Features.Features = nil }, "no features"},
		{"edges that fall", "boosted", func(e *ensemble.Ensemble) { e.Features.Features[0].Edges = []float64{1, 0} }, "finite and rising"},
		{"too many edges", "boosted", func(e *ensemble.Ensemble) { e.Features.Features[0].Edges = make([]float64, 255) }, "257 bins"},
		{"a level twice", "boosted", func(e *ensemble.Ensemble) { e.Features.Features[7].Levels = []string{"a", "a"} }, `level "a" twice`},
		{"levels of a number", "boosted", func(e *ensemble.Ensemble) { e.Features.Features[0].Other = true }, "bins of another kind"},
		{"a sparse feature", "boosted", func(e *ensemble.Ensemble) { e.Features.Features[0].Kind = tourney.Sparse }, `kind "sparse"`},
		{"an unknown feature", "boosted", func(e *ensemble.Ensemble) { e.Trees[1].Feature[0] = 9 }, "tree 1: node 0 asks for feature 9 of 9"},
		{"a feature below none", "boosted", func(e *ensemble.Ensemble) { e.Trees[1].Feature[0] = -1 }, "feature -1"},
		{"a number's categories", "boosted numbers", func(e *ensemble.Ensemble) { e.Trees[0].Cats[0] = new([4]uint64) }, "categories of the number"},
		{"a value too few", "one tree", func(e *ensemble.Ensemble) { e.Trees[0].Value = e.Trees[0].Value[1:] }, "slices are not those of"},
		{"an infinite value", "one tree", func(e *ensemble.Ensemble) { e.Trees[0].Value[0] = math.Inf(-1) }, "not finite"},
		{"a negative count", "one tree", func(e *ensemble.Ensemble) { e.Trees[0].Count[0] = -1 }, "count is negative"},
		{"the root as a child", "one tree", func(e *ensemble.Ensemble) { e.Trees[0].Left[0] = 0 }, "child 0"},
		{"a child beyond", "one tree", func(e *ensemble.Ensemble) { e.Trees[0].Left[0] = 99 }, "child 99"},
		{"a leaf beyond", "one tree", func(e *ensemble.Ensemble) { e.Trees[0].Left[0] = math.MinInt32 }, "child -2147483648"},
		{"a child of two", "one tree", func(e *ensemble.Ensemble) { e.Trees[0].Left[0] = e.Trees[0].Right[0] }, "none or another's"},
		{"a cycle", "one tree", func(e *ensemble.Ensemble) {
			*e.Trees[0] = ensemble.Tree{
				Feature: []int32{0, 0, 0}, Bin: make([]uint8, 3), Cats: make([]*[4]uint64, 3), MissingLeft: make([]bool, 3),
				Left: []int32{^0, 2, 1}, Right: []int32{^1, ^2, ^3}, Gain: make([]float64, 3), Value: make([]float64, 4),
				Weight: make([]float64, 7), Count: make([]int32, 7),
			}
		}, "2 of 3 nodes are not below the root"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := random(rand.New(rand.NewPCG(17, 17)), shapes[tt.shape])
			if err := e.Validate(); err != nil {
				t.Fatal(err)
			}
			tt.spoil(e)
			if err := e.Validate(); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("the error is %v, want %q in it", err, tt.want)
			}
		})
	}
}

// use does with an ensemble that was let pass whatever can be done.
func use(t *testing.T, e *ensemble.Ensemble) {
	if len(e.Features.Features) == 0 || len(e.Features.Features) > 100 || e.Outputs > 100 {
		return
	}
	rng := rand.New(rand.NewPCG(18, 18))
	m, err := e.Matrix(anyBins(rng, len(e.Features.Features), 130))
	if err != nil {
		t.Fatal(err)
	}
	e.Linked(ensemble.NewPredictor(e).Scores(ensemble.Serial{}, m, e.Rounds()))
	if x, err := ensemble.NewExplainer(e); err == nil {
		m.N, m.Spans[0].To = 2, 2
		x.Explain(ensemble.Serial{}, m, e.Rounds())
	}
	_ = e.String()
	_, _ = ensemble.LightGBM{}.Write(e)
}

func FuzzJSON(f *testing.F) {
	for _, name := range []string{"one tree", "boosted classes", "dart", "forest", "constants"} {
		s := shapes[name]
		s.rounds = min(s.rounds, 2)
		data, err := json.Marshal(random(rand.New(rand.NewPCG(19, 19)), s))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var e, again ensemble.Ensemble
		if json.Unmarshal(data, &e) != nil {
			return
		}
		use(t, &e)
		data, err := json.Marshal(&e)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(data, &again); err != nil {
			t.Fatal(err)
		}
		if string(e.Append(nil)) != string(again.Append(nil)) {
			t.Error("another ensemble comes back")
		}
	})
}

func FuzzTake(f *testing.F) {
	rng := rand.New(rand.NewPCG(20, 20))
	var features *dataset.Binning
	for _, name := range []string{"one tree", "boosted classes", "dart", "forest", "constants"} {
		s := shapes[name]
		s.rounds = min(s.rounds, 2)
		e := random(rand.New(rand.NewPCG(21, 21)), s)
		features = e.Features
		b := e.Append(nil)
		f.Add(b)
		for range 100 { // wounds
			wounded := append([]byte{}, b[:rng.IntN(len(b)+1)]...)
			for range rng.IntN(3) {
				if len(wounded) > 0 {
					wounded[rng.IntN(len(wounded))] = byte(rng.IntN(256))
				}
			}
			f.Add(wounded)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, rest, err := ensemble.Take(data, features)
		if err != nil {
			return
		}
		use(t, e)
		again, _, err := ensemble.Take(append(e.Append(nil), rest...), features)
		if err != nil {
			t.Fatal(err)
		}
		if string(again.Append(nil)) != string(e.Append(nil)) {
			t.Error("another ensemble comes back")
		}
	})
}

func TestString(t *testing.T) {
	e := &ensemble.Ensemble{
		Outputs: 1, PerRound: 1, Base: []float64{-0.5}, Link: ensemble.Logistic, Weights: []float64{1, 0.25},
		Features: &dataset.Binning{Features: []dataset.BinnedFeature{
			{Name: "age", Kind: tourney.Number, Edges: []float64{17.5, 64.5}},
			{Name: "city", Kind: tourney.Category, Levels: []string{"Rome", "Oslo"}, Other: true},
			{Name: "note", Kind: tourney.Text},
		}},
		Trees: []*ensemble.Tree{{
			Feature: []int32{0, 1, 0, 0, 2}, Bin: []uint8{2, 0, 3, 0, 0}, Cats: []*[4]uint64{nil, {0b1001 | 0b100}, nil, nil, {0, 1 << 6}},
			MissingLeft: []bool{true, false, false, true, false}, Left: []int32{1, ^0, ^2, ^3, ^4}, Right: []int32{2, ^1, 3, 4, ^5},
			Gain: make([]float64, 5), Value: []float64{1, -1, 0.125, 1e-9, 7, 8}, Weight: make([]float64, 11),
			Count: []int32{0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6},
		}, {Value: []float64{3}, Weight: []float64{0}, Count: []int32{9}}},
	}
	const want = `2 trees, base -0.5, link logistic

tree 0:
  if age <= 64.5 or is missing:
    if city is one of {missing, "Oslo", any other}:
      1 (1 row)
    else:
      -1 (2 rows)
  else:
    if age is not missing:
      0.125 (3 rows)
    else:
      if age is missing:
        1e-09 (4 rows)
      else:
        if hash of note is one of {#70}:
          7 (5 rows)
        else:
          8 (6 rows)

tree 1, weight 0.25:
  3 (9 rows)
`
	if err := e.Validate(); err != nil {
		t.Fatal(err)
	}
	if got := e.String(); got != want {
		t.Errorf("it is told as\n%s\nwant\n%s", got, want)
	}
}
