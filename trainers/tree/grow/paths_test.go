package grow_test

import (
	"math"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"testing"

	"tourney/trainers/kernels"
	"tourney/trainers/tree/grow"
)

// slots is a pool of that many goroutines for each call.
type slots int

func (s slots) Slots() int { return int(s) }

func (s slots) Do(n int, f func(int)) {
	var wg sync.WaitGroup
	for k := range int(s) {
		wg.Go(func() {
			for i := k; i < n; i += int(s) {
				f(i)
			}
		})
	}
	wg.Wait()
}

// large is a table of enough rows for tasks to share every part of the work.
// Gradients are any numbers; every fifth row is no training row if holes.
func large(rng *rand.Rand, rows, d int, holes bool) world {
	w := world{table: &grow.Table{D: d}, c: grow.Default()}
	for f := range d {
		w.table.Features = append(w.table.Features, grow.Feature{Bins: 100 + rng.IntN(157), Categorical: f%4 == 3})
	}
	w.table.Bins = make([]uint8, rows*d)
	for i := range rows {
		row := w.table.Bins[i*d : (i+1)*d]
		for f := range row {
			row[f] = uint8(rng.IntN(w.table.Features[f].Bins))
		}
		if holes && i%5 == 0 {
			continue
		}
		w.rows = append(w.rows, int32(i))
		w.in.Grad = append(w.in.Grad, float32(float64(row[0]%50)/50-float64(row[d-1]%7)/5+rng.NormFloat64()))
		w.in.Hess = append(w.in.Hess, rng.Float32())
	}
	w.in.Shrink = 0.1
	return w
}

// A tree is the same with any number of slots, with every class of kernels, with
// a histogram of the root that another grower made, and with little memory.
func TestTreeDoesNotDependOnHowItIsGrown(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for _, holes := range []bool{false, true} {
		for _, sampled := range []bool{false, true} {
			w := large(rng, 180_000, 9, holes)
			if sampled {
				for p := range w.rows {
					if rng.IntN(10) > 0 {
						w.in.Sample = append(w.in.Sample, int32(p))
					}
				}
			}
			first := grow.New(w.table, w.rows, w.c)
			want := first.Grow(w.in, nil)
			wantScores := make([]float32, len(w.rows))
			first.AddTo(wantScores, 1, 0, want, nil)
			if want.Leaves() != 31 {
				t.Fatalf("only %d leaves", want.Leaves())
			}
			root := first.Root()
			for _, class := range kernels.Classes() {
				for _, s := range []slots{1, 2, 5} {
					restore, err := kernels.Use(class)
					if err != nil {
						t.Fatal(err)
					}
					c, in, table := w.c, w.in, w.table
					if s == 2 {
						in.Root = root
					}
					if s == 5 {
						c.HistogramBytes = 1 // as few as can be
						table = table.WithoutColumns()
					}
					g := grow.New(table, w.rows, c)
					got := g.Grow(in, s)
					scores := make([]float32, len(w.rows))
					g.AddTo(scores, 1, 0, got, s)
					restore()
					if d := differ(got, want); d != "" {
						t.Errorf("holes %v, sampled %v, class %s, %d slots: %s", holes, sampled, class, s, d)
					}
					if !slices.Equal(scores, wantScores) {
						t.Errorf("holes %v, sampled %v, class %s, %d slots: other scores", holes, sampled, class, s)
					}
				}
			}
		}
	}
}

func TestWideTable(t *testing.T) {
	rng := rand.New(rand.NewPCG(15, 16))
	w := large(rng, 1500, 300, false)
	for f := range int32(300) {
		if rng.IntN(10) > 0 {
			w.in.Features = append(w.in.Features, f)
		}
	}
	want := grow.New(w.table, w.rows, w.c).Grow(w.in, nil)
	for _, s := range []slots{2, 5} {
		if d := differ(grow.New(w.table, w.rows, w.c).Grow(w.in, s), want); d != "" {
			t.Errorf("%d slots: %s", s, d)
		}
	}
	d := &definition{t: w.table, rows: w.rows, c: w.c, in: w.in}
	for i := range w.in.Grad { // so that sums are exact
		w.in.Grad[i] = float32(math.Round(float64(w.in.Grad[i])*256) / 256)
		w.in.Hess[i] = float32(math.Round(float64(w.in.Hess[i])*256) / 256)
	}
	d.c.MaxLeaves = 3
	d.in.Features = []int32{1, 3, 63, 64, 70, 128, 140, 255, 256, 299}
	got := grow.New(w.table, w.rows, d.c).Grow(d.in, slots(3))
	if tree := d.grow(); !slices.Equal(got.Feature, tree.Feature) || !slices.Equal(got.Bin, tree.Bin) || !slices.Equal(got.Count, tree.Count) {
		t.Errorf("splits by %v at %v, not by %v at %v", got.Feature, got.Bin, tree.Feature, tree.Bin)
	}
}

// The histogram of another root is not taken.
func TestRootOfOtherGradientsIsNotTaken(t *testing.T) {
	w := large(rand.New(rand.NewPCG(7, 8)), 2000, 5, false)
	g := grow.New(w.table, w.rows, w.c)
	want := g.Grow(w.in, nil)
	other := w.in
	other.Grad = slices.Clone(w.in.Grad)
	for i := range other.Grad {
		other.Grad[i] = -3 * other.Grad[i]
	}
	g.Grow(other, nil)
	w.in.Root = g.Root()
	if d := differ(g.Grow(w.in, nil), want); d != "" {
		t.Error(d)
	}
}

// Scores, the rows of leaves and rows of no training agree with the tree.
func TestRowsFindTheirLeaves(t *testing.T) {
	for seed := range uint64(600) {
		rng := rand.New(rand.NewPCG(seed, 2))
		w := randomWorld(rng)
		g := grow.New(w.table, w.rows, w.c)
		tree := g.Grow(w.in, nil)
		for i := range tree.Value {
			tree.Value[i] = float64(i + 1) // as if leaves were renewed
		}
		value := func(r int32) float32 {
			return float32(tree.Value[tree.Leaf(w.table.Bins[int(r)*w.table.D:])])
		}
		scores := make([]float32, 3*len(w.rows)+1)
		g.AddTo(scores, 3, 1, tree, nil)
		for p, r := range w.rows {
			if scores[3*p] != 0 || scores[3*p+2] != 0 {
				t.Fatalf("seed %d: a score of another output was written to", seed)
			}
			if scores[3*p+1] != value(r) {
				t.Fatalf("seed %d: position %d has %v, not %v", seed, p, scores[3*p+1], value(r))
			}
		}
		sampled := 0
		for leaf := range tree.Leaves() {
			rows := g.LeafRows(leaf)
			sampled += len(rows)
			if !slices.IsSorted(rows) || len(rows) != int(tree.Count[len(tree.Feature)+leaf]) {
				t.Fatalf("seed %d: leaf %d has %d rows, sorted %v", seed, leaf, len(rows), slices.IsSorted(rows))
			}
			for _, p := range rows {
				if value(w.rows[p]) != float32(leaf+1) {
					t.Fatalf("seed %d: position %d is in leaf %d", seed, p, leaf)
				}
			}
		}
		if want := len(w.rows); w.in.Sample == nil && sampled != want || w.in.Sample != nil && sampled != len(w.in.Sample) {
			t.Fatalf("seed %d: leaves have %d rows", seed, sampled)
		}
		var some []int32
		for range 20 {
			some = append(some, int32(rng.IntN(len(w.table.Bins)/w.table.D)))
		}
		valid := make([]float32, 2*len(some))
		grow.AddRows(valid, 2, 1, tree, w.table, some, slots(2))
		for i, r := range some {
			if valid[2*i+1] != value(r) || valid[2*i] != 0 {
				t.Fatalf("seed %d: row %d has %v, not %v", seed, r, valid[2*i+1], value(r))
			}
		}
	}
}

// A grower keeps nothing of one tree for the next.
func TestTreesOfOneGrowerAreIndependent(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	for range 100 {
		w := randomWorld(rng)
		g := grow.New(w.table, w.rows, w.c)
		for range 4 {
			w.gradients(rng)
			if d := differ(g.Grow(w.in, nil), grow.New(w.table, w.rows, w.c).Grow(w.in, nil)); d != "" {
				t.Fatalf("%s\n%s", d, &w)
			}
		}
	}
}

// Rounding errs by less than one, is exact on average, and no sum overflows.
func TestRounding(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 12))
	w := large(rng, 100_000, 1, false)
	for i := range w.in.Grad {
		w.in.Grad[i] = -0.123456 // all of one sign: the largest sum there is
		w.in.Hess[i] = 0.0876543
	}
	w.in.Grad[17], w.in.Hess[17] = 1, 1
	g := grow.New(w.table, w.rows, w.c)
	g.Grow(w.in, nil)
	grad, hess, powerG, powerH := g.Packed()
	var sumG, sumH float64
	for p := range grad {
		x := math.Ldexp(float64(w.in.Grad[p]), powerG)
		y := math.Ldexp(float64(w.in.Hess[p]), powerH)
		if math.Abs(float64(grad[p])-x) > 1 || math.Abs(float64(hess[p])-y) > 1 || hess[p] < 0 {
			t.Fatalf("position %d: %v became %d, %v became %d", p, x, grad[p], y, hess[p])
		}
		sumG += float64(grad[p]) - x
		sumH += float64(hess[p]) - y
	}
	// The error of a row has a deviation of at most 1/2, that of the sum 158.
	if math.Abs(sumG) > 1000 || math.Abs(sumH) > 1000 {
		t.Errorf("sums are off by %v and %v", sumG, sumH)
	}
	if n := float64(len(grad)); math.Ldexp(1, powerG)*n >= 1<<31 || math.Ldexp(1, powerG)*n < 1<<29 ||
		math.Ldexp(1, powerH)*n >= 1<<32 || math.Ldexp(1, powerH)*n < 1<<30 {
		t.Errorf("2^%d and 2^%d for %v rows", powerG, powerH, n)
	}
}

// Nothing that may be asked of a grower makes it panic, and what has no split
// is one leaf with the output of all rows.
func TestOddInput(t *testing.T) {
	inf, nan := float32(math.Inf(1)), float32(math.NaN())
	number := grow.Feature{Bins: 4}
	for name, c := range map[string]struct {
		features []grow.Feature
		bins     []uint8
		in       grow.Input
		value    float64
	}{
		"no feature":         {nil, nil, grow.Input{Grad: []float32{1, 2, 3, 2}}, -2},
		"a constant feature": {[]grow.Feature{number}, []uint8{2, 2, 2, 2}, grow.Input{Grad: []float32{1, 2, 3, 2}}, -2},
		"all missing":        {[]grow.Feature{number}, []uint8{0, 0, 0, 0}, grow.Input{Grad: []float32{1, 2, 3, 2}}, -2},
		"equal gradients":    {[]grow.Feature{number}, []uint8{1, 2, 3, 0}, grow.Input{Grad: []float32{.1, .1, .1, .1}}, float64(float32(-.1))},
		"no gradient":        {[]grow.Feature{number}, []uint8{1, 2, 3, 0}, grow.Input{Grad: []float32{0, 0, 0, 0}}, 0},
		"no hessian":         {[]grow.Feature{number}, []uint8{1, 2, 3, 0}, grow.Input{Grad: []float32{1, 2, 3, 4}, Hess: make([]float32, 4)}, 0},
		"negative hessians":  {[]grow.Feature{number}, []uint8{1, 1, 1, 0}, grow.Input{Grad: []float32{1, 2, 3, 4}, Hess: []float32{-1, -1, -1, 2}}, -5},
		"nan":                {[]grow.Feature{number}, []uint8{1, 2, 3, 0}, grow.Input{Grad: []float32{1, nan, 3, 4}}, 0},
		"inf":                {[]grow.Feature{number}, []uint8{1, 2, 3, 0}, grow.Input{Grad: []float32{1, 2, -inf, 4}}, 0},
		"hessian of nan":     {[]grow.Feature{number}, []uint8{1, 2, 3, 0}, grow.Input{Grad: []float32{1, 2, 3, 4}, Hess: []float32{1, -nan, 1, 1}}, 0},
		"hessian of -inf":    {[]grow.Feature{number}, []uint8{1, 2, 3, 0}, grow.Input{Grad: []float32{1, 2, 3, 4}, Hess: []float32{1, -inf, 1, 1}}, 0},
		"empty sample":       {[]grow.Feature{number}, []uint8{1, 2, 3, 0}, grow.Input{Grad: []float32{1, 2, 3, 4}, Sample: []int32{}}, 0},
		"no feature allowed": {[]grow.Feature{number}, []uint8{1, 2, 3, 0}, grow.Input{Grad: []float32{1, 2, 3, 4}, Features: []int32{}}, -2.5},
		"tiny":               {[]grow.Feature{number}, []uint8{2, 2, 2, 2}, grow.Input{Grad: []float32{1e-45, 1e-45, 1e-45, 1e-45}}, -float64(math.SmallestNonzeroFloat32)},
		"huge":               {[]grow.Feature{number}, []uint8{2, 2, 2, 2}, grow.Input{Grad: []float32{3e38, 3e38, 3e38, 3e38}}, -float64(float32(3e38))},
	} {
		table := &grow.Table{Bins: c.bins, D: len(c.features), Features: c.features}
		c.in.Shrink = 1
		g := grow.New(table, []int32{0, 1, 2, 3}, grow.Config{LeafWise: true})
		tree := g.Grow(c.in, nil)
		if tree.Leaves() != 1 || tree.Value[0] != c.value {
			t.Errorf("%s: %d leaves, the first is %v, not %v", name, tree.Leaves(), tree.Value[0], c.value)
		}
		scores := make([]float32, 4)
		g.AddTo(scores, 1, 0, tree, nil)
		if !slices.Equal(scores, slices.Repeat([]float32{float32(c.value)}, 4)) {
			t.Errorf("%s: scores are %v", name, scores)
		}
		g.Root()
		g.LeafRows(0)
	}
	g := grow.New(&grow.Table{D: 1, Features: []grow.Feature{number}}, nil, grow.Default())
	if tree := g.Grow(grow.Input{Shrink: 1}, nil); tree.Leaves() != 1 || tree.Value[0] != 0 {
		t.Errorf("without rows: %+v", tree)
	}
	one := grow.New(&grow.Table{Bins: []uint8{3}, D: 1, Features: []grow.Feature{number}}, []int32{0}, grow.Config{})
	if tree := one.Grow(grow.Input{Grad: []float32{2}, Shrink: 0.5}, nil); tree.Leaves() != 1 || tree.Value[0] != -1 {
		t.Errorf("of one row: %+v", tree)
	}
}

// Whatever else a row has, a tree's output moves with a monotone feature as it
// is told to, missing values apart.
func TestMonotoneFeatures(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	splits := 0
	for range 60 {
		w := large(rng, 1000, 3, false)
		w.c.MinRows, w.c.L2, w.c.MaxLeaves = 5, 1, 40
		w.table.Features[0].Monotone, w.table.Features[1].Monotone = 1, -1
		tree := grow.New(w.table, w.rows, w.c).Grow(w.in, nil)
		for f, sign := range []float64{1, -1} {
			for range 40 {
				row := []uint8{uint8(rng.IntN(100)), uint8(rng.IntN(100)), uint8(rng.IntN(100))}
				last := math.Inf(-1)
				for b := 1; b < w.table.Features[f].Bins; b++ {
					row[f] = uint8(b)
					v := sign * tree.Value[tree.Leaf(row)]
					if v < last {
						t.Fatalf("feature %d: %v after %v at bin %d", f, v, last, b)
					}
					last = v
				}
			}
			for _, k := range tree.Feature {
				if int(k) == f {
					splits++
				}
			}
		}
	}
	if splits < 300 {
		t.Errorf("only %d splits by monotone features", splits)
	}
}

// A table with other features is the same table to all trees but their own.
func TestTableWithOtherFeatures(t *testing.T) {
	w := large(rand.New(rand.NewPCG(19, 20)), 3000, 4, false)
	plain := grow.New(w.table, w.rows, w.c).Grow(w.in, nil)
	features := slices.Clone(w.table.Features)
	features[0].Monotone = 1
	copied := &grow.Table{Bins: w.table.Bins, D: w.table.D, Features: features}
	for _, base := range []*grow.Table{w.table, {Bins: w.table.Bins, D: w.table.D, Features: w.table.Features}} {
		got := grow.New(base.With(features), w.rows, w.c).Grow(w.in, nil)
		if d := differ(got, grow.New(copied, w.rows, w.c).Grow(w.in, nil)); d != "" {
			t.Error(d)
		}
		if differ(got, plain) == "" {
			t.Error("the constraint changes nothing")
		}
		if d := differ(grow.New(base, w.rows, w.c).Grow(w.in, nil), plain); d != "" {
			t.Errorf("the table itself has changed: %s", d)
		}
	}
}

// A grower has about as much memory as it says, which does not count how the
// runtime rounds sizes up.
func TestBytes(t *testing.T) {
	w := large(rand.New(rand.NewPCG(17, 18)), 50_000, 20, false)
	grow.New(w.table, w.rows, w.c) // the columns of the table
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	g := grow.New(w.table, w.rows, w.c)
	g.Grow(w.in, nil)
	got, most := int64(heap()-before), grow.Bytes(w.table, len(w.rows), w.c)
	runtime.KeepAlive(g)
	if got > most+most/8 || got < most/3 {
		t.Errorf("%d bytes, at most %d were promised", got, most)
	}
}
