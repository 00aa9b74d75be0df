package fair_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"tourney/coordinator/fair"
)

// fleet plays a pool of workers on a virtual clock: whenever an attempt ends,
// its worker claims for the room it has.
type fleet struct {
	d       *fair.Divider
	rng     *rand.Rand
	now     float64
	free    []float64 // cores, by worker
	runs    []run
	sweeps  map[string]*player
	claims  int
	skipped map[string]int // claims in a row that gave a waiting sweep nothing
	longest map[string]int
}

// player is a sweep that always has jobs, unless it is idle.
type player struct {
	fair.Terms
	lasts   func() float64 // seconds of an attempt
	backlog int
	running int
	cores   float64 // core seconds that it was given
}

type run struct {
	sweep            string
	worker           int
	end              float64
	charged, seconds float64
}

func newFleet(seed uint64, workers int, cores float64) *fleet {
	f := &fleet{
		d: fair.New(), rng: rand.New(rand.NewPCG(seed, 1)), free: make([]float64, workers),
		sweeps: map[string]*player{}, skipped: map[string]int{}, longest: map[string]int{},
	}
	for i := range f.free {
		f.free[i] = cores
	}
	return f
}

func (f *fleet) add(id string, p *player) {
	if p.Pool == "" {
		p.Pool = "default"
	}
	f.sweeps[id] = p
	f.d.Set(id, p.Terms)
	f.d.Count(id, p.backlog, 0)
}

func (f *fleet) claim(worker int, fits func(string, fair.Terms) fair.Affinity) {
	parts, divided := f.d.Divide("default", f.free[worker], 1000, fits)
	if !divided { // all that there is goes to the only one
		for id, p := range f.sweeps {
			n := min(p.backlog, int(f.free[worker]/p.Cores+1e-9))
			if p.Most > 0 {
				n = min(n, p.Most-p.running)
			}
			if n > 0 {
				parts = append(parts, fair.Part{Sweep: id, Jobs: n})
			}
		}
	}
	f.claims++
	for id, p := range f.sweeps {
		if p.backlog == 0 || slices.ContainsFunc(parts, func(q fair.Part) bool { return q.Sweep == id }) {
			f.skipped[id] = 0
			continue
		}
		f.skipped[id]++
		f.longest[id] = max(f.longest[id], f.skipped[id])
	}
	for _, part := range parts {
		p := f.sweeps[part.Sweep]
		charged := f.d.Charge(part.Sweep, part.Jobs)
		for range part.Jobs {
			seconds := p.lasts()
			f.runs = append(f.runs, run{part.Sweep, worker, f.now + seconds, charged, seconds})
			f.free[worker] -= p.Cores
			p.running++
		}
		f.d.Count(part.Sweep, p.backlog, p.running)
	}
}

// play runs until a time, and counts only what ran after from.
func (f *fleet) play(from, until float64, fits func(string, fair.Terms) fair.Affinity) {
	for w := range f.free {
		f.claim(w, fits)
	}
	for len(f.runs) > 0 {
		i := 0
		for k := range f.runs {
			if f.runs[k].end < f.runs[i].end {
				i = k
			}
		}
		r := f.runs[i]
		if r.end > until {
			return
		}
		f.runs = slices.Delete(f.runs, i, i+1)
		p := f.sweeps[r.sweep]
		if begin := max(r.end-r.seconds, from); r.end > begin {
			p.cores += (r.end - begin) * p.Cores
		}
		f.now = r.end
		f.free[r.worker] += p.Cores
		p.running--
		f.d.Settle(r.sweep, r.charged, r.seconds)
		f.d.Count(r.sweep, p.backlog, p.running)
		f.claim(r.worker, fits)
	}
}

func anywhere(string, fair.Terms) fair.Affinity { return fair.None }

// In the long run core seconds are shared as the weights say, whatever the
// durations of attempts, the cores they take, the number of workers, and where
// the data lies.
func TestLongRunSharesAreTheWeights(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFleet(rapid.Uint64().Draw(t, "seed"), rapid.IntRange(1, 3).Draw(t, "workers"), 2)
		n := rapid.IntRange(2, 4).Draw(t, "sweeps")
		total := 0.0
		affinity := map[string]fair.Affinity{}
		for i := range n {
			mean := rapid.Float64Range(0.5, 5).Draw(t, "mean")
			weight := rapid.Float64Range(0.25, 4).Draw(t, "weight")
			cores := rapid.SampledFrom([]float64{1, 0.5, 0.25}).Draw(t, "cores")
			id := fmt.Sprint("s", i)
			f.add(id, &player{Terms: fair.Terms{Weight: weight, Cores: cores}, backlog: 1 << 20, lasts: func() float64 { return mean * (0.5 + f.rng.Float64()) }})
			affinity[id] = rapid.SampledFrom([]fair.Affinity{fair.None, fair.Asked, fair.Local, fair.Heat}).Draw(t, "affinity")
			total += weight
		}
		f.play(100, 1500, func(id string, _ fair.Terms) fair.Affinity { return affinity[id] })
		used := 0.0
		for _, p := range f.sweeps {
			used += p.cores
		}
		for id, p := range f.sweeps {
			got, want := p.cores/used, p.Weight/total
			if math.Abs(got-want) > 0.03+0.1*want {
				t.Errorf("%s of weight %.2f of %.2f was given %.3f of the cores, want %.3f", id, p.Weight, total, got, want)
			}
			if f.longest[id] > f.claims/2 {
				t.Errorf("%s was passed over %d times in a row", id, f.longest[id])
			}
		}
	})
}

// A sweep of a higher priority leaves the others nothing while it has jobs that
// wait; with a bound it leaves them the rest.
func TestPrioritiesAreStrict(t *testing.T) {
	for _, tt := range []struct {
		most     int
		low, top float64 // shares
	}{{0, 0, 1}, {3, 0.25, 0.75}} {
		f := newFleet(1, 4, 1)
		second := func() float64 { return 1 }
		f.add("low", &player{Terms: fair.Terms{Weight: 1000, Cores: 1}, backlog: 1 << 20, lasts: second})
		f.add("top", &player{Terms: fair.Terms{Weight: 0.001, Cores: 1, Priority: 1, Most: tt.most}, backlog: 1 << 20, lasts: second})
		f.play(10, 110, anywhere)
		sum := f.sweeps["low"].cores + f.sweeps["top"].cores
		if low := f.sweeps["low"].cores / sum; math.Abs(low-tt.low) > 1e-9 {
			t.Errorf("with at most %d the lower priority was given %v, want %v", tt.most, low, tt.low)
		}
	}
}

// One that had nothing to do does not make up for it: weights count from now on.
func TestIdlenessIsNotSaved(t *testing.T) {
	f := newFleet(1, 1, 1)
	second := func() float64 { return 1 }
	f.add("busy", &player{Terms: fair.Terms{Weight: 1, Cores: 1}, backlog: 1 << 20, lasts: second})
	f.add("late", &player{Terms: fair.Terms{Weight: 1, Cores: 1}, lasts: second})
	f.play(0, 1000, anywhere)
	if got := f.sweeps["late"].cores; got != 0 {
		t.Fatalf("the idle one was given %v", got)
	}
	f.sweeps["late"].backlog = 1 << 20
	f.d.Count("late", 1<<20, 0)
	before := f.sweeps["busy"].cores
	f.play(0, 1100, anywhere)
	busy, late := f.sweeps["busy"].cores-before, f.sweeps["late"].cores
	if math.Abs(busy-late) > 2 {
		t.Errorf("in the 100 s after it came back the busy one had %v s and the late one %v s", busy, late)
	}
}

// What fits the worker goes before what is due, but not further ahead than the
// claim is large; a heat before a cache.
func TestAffinityIsBounded(t *testing.T) {
	d := fair.New()
	for _, id := range []string{"a", "b", "c"} {
		d.Set(id, fair.Terms{Pool: "p", Weight: 1, Cores: 1})
		d.Count(id, 100, 0)
	}
	fits := func(id string, _ fair.Terms) fair.Affinity {
		return map[string]fair.Affinity{"b": fair.Local, "c": fair.Heat}[id]
	}
	given := map[string]int{}
	for range 10 {
		parts, _ := d.Divide("p", 4, 1000, fits)
		for _, part := range parts {
			d.Charge(part.Sweep, part.Jobs)
			given[part.Sweep] += part.Jobs
		}
	}
	// 40 jobs at a second each. c is never more than 4 ahead of the one that is
	// due and one job more; nor is b.
	if given["a"]+given["b"]+given["c"] != 40 || given["c"] <= given["a"] || given["c"]-given["a"] > 5 || given["b"] < given["a"] {
		t.Errorf("given %v", given)
	}
}

// A job of a whole core waits for one, and is not kept from it by small ones.
func TestALargeJobIsNotStarved(t *testing.T) {
	f := newFleet(3, 1, 1)
	f.add("large", &player{Terms: fair.Terms{Weight: 1, Cores: 1}, backlog: 1 << 20, lasts: func() float64 { return 1 }})
	f.add("small", &player{Terms: fair.Terms{Weight: 1, Cores: 1.0 / 32}, backlog: 1 << 20, lasts: func() float64 { return 0.5 + f.rng.Float64() }})
	f.play(0, 2000, anywhere)
	if large := f.sweeps["large"].cores; large < 600 {
		t.Errorf("of 2000 s the large jobs had %v", large)
	}
}

// With one sweep there is nothing to divide, and pools do not mix.
func TestNothingToDivide(t *testing.T) {
	d := fair.New()
	d.Set("a", fair.Terms{Pool: "p", Weight: 1, Cores: 1, Most: 2})
	d.Set("b", fair.Terms{Pool: "q", Weight: 1, Cores: 0.5})
	d.Count("a", 5, 1)
	d.Count("b", 5, 0)
	if parts, divided := d.Divide("p", 9, 1000, anywhere); divided {
		t.Errorf("divided into %v", parts)
	}
	// a may run one more beside the one that runs; b all of its five.
	depths := d.Depths()
	if depths["p"] != (fair.Depth{Queued: 5, Running: 1, Wanted: 2}) || depths["q"] != (fair.Depth{Queued: 5, Wanted: 2.5}) {
		t.Errorf("depths %+v", depths)
	}
	d.Remove("b")
	if len(d.Depths()) != 1 {
		t.Error("a sweep that was removed is counted")
	}
}
