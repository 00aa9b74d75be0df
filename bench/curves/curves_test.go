package curves_test

import (
	"cmp"
	"compress/gzip"
	"container/heap"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/bench/curves"
	"tourney/coordinator"
	"tourney/search/searchtest"
	"tourney/store"
)

// TestErrand does what the benchmark asks for; see package curves.
func TestErrand(t *testing.T) {
	name := os.Getenv(curves.Variable)
	if name == "" {
		t.Skip("nobody asks: " + curves.Variable + " names no file")
	}
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	var req curves.Request
	if err := json.Unmarshal(text, &req); err != nil {
		t.Fatal(err)
	}
	table, err := curves.Read(req.Path)
	if err != nil {
		t.Fatal(err)
	}
	answer := curves.Answer{Times: make([][]*float64, len(req.Replays))}
	for i, replay := range req.Replays {
		for seed, order := range req.Orders {
			var at *float64
			if reached := carry(t, table, replay, order, uint64(seed)); !math.IsInf(reached, 1) {
				at = &reached
			}
			answer.Times[i] = append(answer.Times[i], at)
		}
	}
	if text, err = json.Marshal(answer); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name+".out", text, 0o600); err != nil {
		t.Fatal(err)
	}
}

// The coordinator carries a sweep as the simulation of the search does that has
// no coordinator, store or clock: to the same moment.
func TestCoordinatorKeepsTheTimeOfTheSimulation(t *testing.T) {
	table := &curves.Table{Table: &searchtest.Table{Goal: tourney.Maximize}}
	rng := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		curve := make([]float64, 9)
		limit, speed := rng.Float64(), 0.2+rng.Float64()
		for step := range curve {
			curve[step] = limit * (1 - math.Exp(-speed*float64(step+1)))
		}
		table.Values, table.Seconds = append(table.Values, curve), append(table.Seconds, 0.5+rng.Float64())
	}
	reached := map[float64]bool{}
	for _, replay := range []curves.Replay{
		{Workers: 1},
		{Workers: 4},
		{Workers: 1, Scheduler: "{type: asha, min_iter: 1, max_iter: 9, eta: 3}"},
		{Workers: 4, Scheduler: "{type: asha, min_iter: 1, max_iter: 9, eta: 3}"},
		{Workers: 4, Scheduler: "{type: asha, min_iter: 1, max_iter: 9, eta: 3, stop: true}"},
	} {
		order := rand.New(rand.NewPCG(3, 4)).Perm(len(table.Values))
		want, err := searchtest.Replay{
			Spec: sweep(t, table, replay, 0), Plan: tourney.Plan{Budget: table.Steps()}, Table: table.Table,
			Order: order, Workers: replay.Workers, Target: table.Target(1),
		}.Run()
		if err != nil {
			t.Fatal(err)
		}
		got := carry(t, table, replay, order, 0)
		if math.Abs(got-want/table.Full()) > 1e-6 || math.IsInf(got, 1) {
			t.Errorf("%+v: the target was reached after %v full trainings, simulated after %v", replay, got, want/table.Full())
		}
		reached[math.Round(got*1e6)] = true
	}
	if len(reached) < 5 {
		t.Errorf("five ways take only %d different times", len(reached))
	}
}

// The model's picks become configurations, each once, and the nearest.
func TestPick(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.csv.gz")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	z := gzip.NewWriter(f)
	fmt.Fprintln(z, "rate,beta,kind,v0,v1,v2")
	for i := range 30 {
		fmt.Fprintf(z, "%g,%g,a,9,%d,%d\n", math.Pow(10, -float64(i)/5), 1-math.Pow(10, -1-float64(i%7)/2), 30-i, 30-i)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	table, err := curves.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	axes := table.Axes()
	if len(axes) != 2 || axes[0].Name != "rate" || !axes[0].Log || axes[1].Name != "beta_below_1" || !axes[1].Flip || math.Abs(axes[1].Max-0.1) > 1e-12 {
		t.Fatalf("axes %+v", axes)
	}
	picks := newPicks(table)
	params := tourney.Params{"rate": math.Pow(10, -12.1/5), "beta_below_1": math.Pow(10, -1-5.0/2)}
	if got := picks.of(0, params); got != 12 {
		t.Errorf("the nearest is %d, want 12", got)
	}
	if again := picks.of(0, params); again != 12 {
		t.Errorf("the trial's own is %d the second time", again)
	}
	if other := picks.of(1, params); other == 12 {
		t.Error("another trial gets the same configuration")
	}
	if at := carry(t, table, curves.Replay{Workers: 2, Pick: true}, nil, 1); at <= 0 || math.IsInf(at, 1) {
		t.Errorf("picked until %v", at)
	}
}

// sweep is the spec of a replay.
func sweep(t *testing.T, table *curves.Table, r curves.Replay, seed uint64) tourney.Spec {
	t.Helper()
	metric := map[tourney.Goal]string{tourney.Maximize: "accuracy", tourney.Minimize: "rmse"}[table.Goal]
	var b strings.Builder
	fmt.Fprintf(&b, "dataset: table\ntrainer: any\nmetric: {name: %s}\norder: arrival\nparallelism: %d\nseed: %d\n", metric, r.Workers, seed)
	if r.Scheduler != "" {
		fmt.Fprintf(&b, "early_terminate: %s\n", r.Scheduler)
	}
	if !r.Pick {
		fmt.Fprintf(&b, "method: grid\nparameters:\n  config: {min: 0, max: %d}\n", len(table.Values)-1)
	} else {
		fmt.Fprintf(&b, "method: auto\nrun_cap: %d\nparameters:\n", len(table.Values))
		for _, a := range table.Axes() {
			kind := "uniform"
			if a.Log {
				kind = "log_uniform_values"
			}
			fmt.Fprintf(&b, "  %s: {distribution: %s, min: %g, max: %g}\n", a.Name, kind, a.Min, a.Max)
		}
	}
	spec, err := tourney.ParseSpec([]byte(b.String()), "")
	if err != nil {
		t.Fatal(err)
	}
	return spec
}

// picks turns points into configurations: each trial has the nearest that no
// other has.
type picks struct {
	table *curves.Table
	axes  []curves.Axis
	taken map[int]bool
	mine  map[int]int // by trial
}

func newPicks(table *curves.Table) *picks {
	return &picks{table, table.Axes(), map[int]bool{}, map[int]int{}}
}

func (p *picks) of(trial int, params tourney.Params) int {
	if config, ok := p.mine[trial]; ok {
		return config
	}
	best, nearest := -1, math.Inf(1)
	for config, row := range p.table.Params {
		if p.taken[config] {
			continue
		}
		distance := 0.0
		for k := range p.axes {
			x, _ := params.Float(p.axes[k].Name, 0)
			d := p.axes[k].Unit(x) - p.axes[k].Unit(p.axes[k].At(row[k]))
			distance += d * d
		}
		if distance < nearest {
			best, nearest = config, distance
		}
	}
	p.taken[best], p.mine[trial] = true, best
	return best
}

// long is how long a full training takes in virtual time. It matters to nobody
// but timers, of which the coordinator has some that ring every second.
const long = 10 * time.Second

// carry runs a sweep through a coordinator until some trial shows the target,
// and returns when, in full trainings; +Inf if the sweep ends first.
func carry(t *testing.T, table *curves.Table, r curves.Replay, order []int, seed uint64) float64 {
	t.Helper()
	reached := math.Inf(1)
	synctest.Test(t, func(t *testing.T) {
		reached = newFleet(t, table, r, order, seed).run()
	})
	return reached
}

// fleet is workers that replay curves for a coordinator over a real store.
type fleet struct {
	*coordinator.Coordinator
	t       *testing.T
	table   *curves.Table
	config  func(tourney.Job) int
	second  time.Duration // of the table's time
	started time.Time
	db      *store.Store
	bus     *mailbox
	idle    []string // workers
	offers  []tourney.JobID
	running attempts
	claims  int
	sweep   string
	stop    func()
}

type attempt struct {
	until  time.Time
	seq    int // ties end in the order of claims
	worker string
	grant  tourney.Grant
	end    tourney.End
	target bool // the target is reached then, and not the end of the job
}

type attempts []attempt

func (a attempts) Len() int { return len(a) }
func (a attempts) Less(i, j int) bool {
	return cmp.Or(a[i].until.Compare(a[j].until), cmp.Compare(a[i].seq, a[j].seq)) < 0
}
func (a attempts) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *attempts) Push(x any)   { *a = append(*a, x.(attempt)) }
func (a *attempts) Pop() any {
	last := (*a)[len(*a)-1]
	*a = (*a)[:len(*a)-1]
	return last
}

func newFleet(t *testing.T, table *curves.Table, r curves.Replay, order []int, seed uint64) *fleet {
	t.Helper()
	f := &fleet{t: t, table: table, bus: &mailbox{}, second: time.Duration(float64(long) / table.Full()), started: time.Now()}
	f.config = func(job tourney.Job) int {
		n, _ := job.Params.Int("config", 0)
		return order[n]
	}
	if r.Pick {
		p := newPicks(table)
		f.config = func(job tourney.Job) int { return p.of(job.Trial, job.Params) }
	}
	var err error
	if f.db, err = store.Open(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	data := tourney.Dataset{
		Name: "table", Version: strings.Repeat("7ab1e000", 8), Task: tourney.Regression, Target: "y", Rows: 10, TestRows: 2,
		Test: []tourney.Shard{{Hash: strings.Repeat("5ea1ed00", 8), Rows: 2, Bytes: 1}},
	}
	if err := f.db.SaveDataset(t.Context(), data); err != nil {
		t.Fatal(err)
	}
	f.Coordinator = coordinator.New(coordinator.Config{
		Store: f.db, Bus: f.bus, Trainers: planner{table.Steps()}, Gate: gate{}, Lease: 24 * time.Hour, Version: "bench", Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	f.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		if err := f.db.Close(); err != nil {
			t.Errorf("close store: %v", err)
		}
	}
	synctest.Wait()
	if err := f.Healthy(ctx); err != nil {
		t.Fatal(err)
	}
	for range r.Workers {
		w, err := f.Enrol(t.Context(), tourney.EnrolRequest{Host: "h", Slots: 1, Version: "bench"})
		if err != nil {
			t.Fatal(err)
		}
		f.idle = append(f.idle, w.Worker)
	}
	s, err := f.CreateSweep(t.Context(), sweep(t, table, r, seed), "")
	if err != nil {
		t.Fatal(err)
	}
	f.sweep = s.ID
	return f
}

// run lets time pass from one end of an attempt to the next.
func (f *fleet) run() float64 {
	defer f.stop()
	for {
		synctest.Wait() // what follows from the last report is on offer now
		f.offers = append(f.offers, f.bus.take()...)
		for len(f.idle) > 0 && len(f.offers) > 0 {
			f.claim()
		}
		if len(f.running) == 0 {
			return math.Inf(1)
		}
		a := heap.Pop(&f.running).(attempt)
		time.Sleep(time.Until(a.until))
		if a.target {
			return float64(time.Since(f.started)) / float64(f.second) / f.table.Full()
		}
		v := tourney.Metrics{}
		if a.end.Value != nil {
			v["value"] = *a.end.Value
		}
		a.end.Metrics = v
		f.report(a, tourney.Entry{
			Token: a.grant.Token, Rung: a.grant.Job.Rung, End: &a.end,
			Checkpoint: &tourney.Checkpoint{Blob: strings.Repeat("c0ffee00", 8), Size: 1, Step: a.end.Step},
		})
		f.idle = append(f.idle, a.worker)
	}
}

func (f *fleet) report(a attempt, e tourney.Entry) {
	err := f.Reports(f.t.Context(), []tourney.Incoming{{Worker: a.worker, Report: tourney.Report{Entries: []tourney.Entry{e}}}})
	if err != nil {
		f.t.Fatal(err)
	}
}

// claim lets an idle worker claim the oldest offer and begin it.
func (f *fleet) claim() {
	worker, job := f.idle[0], f.offers[0]
	f.offers = f.offers[1:]
	f.claims++
	reply := f.Claim(f.t.Context(), worker, tourney.ClaimRequest{ID: fmt.Sprint("c", f.claims), Capacity: 1, Jobs: []tourney.JobID{job}})
	if reply.Error != "" {
		f.t.Fatal(reply.Error)
	}
	if len(reply.Grants) == 0 {
		return // it was offered twice
	}
	f.idle = f.idle[1:]
	g := reply.Grants[0]
	config, from, to := f.config(g.Job), 0, min(g.Job.Budget, f.table.Steps())
	if g.Job.Checkpoint != nil {
		from = g.Job.Checkpoint.Step
	}
	a := attempt{seq: f.claims, worker: worker, grant: g, end: f.table.End(config, to)}
	if g.Job.Kind == tourney.JobRung {
		if step, ok := f.table.Reach(config, from, to, f.table.Target(1)); ok {
			to, a.target = step, true
		}
	}
	a.until = time.Now().Add(time.Duration(float64(to-from) * f.table.Seconds[config] * float64(f.second)))
	heap.Push(&f.running, a)
}

// planner takes every spec.
type planner struct{ steps int }

func (p planner) Plan(_ *tourney.Spec, ds tourney.Dataset) (tourney.Plan, error) {
	return tourney.Plan{Dataset: ds.Version, Budget: p.steps, Weight: 1}, nil
}

type gate struct{}

func (gate) Admit(string, tourney.EnrolRequest) (tourney.Enrolment, error) {
	return tourney.Enrolment{}, nil
}

func (gate) Expel(string) error { return nil }

// mailbox is a bus whose offers wait to be taken.
type mailbox struct {
	mu     sync.Mutex
	offers []tourney.JobID
}

func (m *mailbox) Offer(_ context.Context, _, _ string, o tourney.Offer) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.offers = append(m.offers, o.Jobs...)
	return nil
}

func (m *mailbox) take() []tourney.JobID {
	m.mu.Lock()
	defer m.mu.Unlock()
	offers := m.offers
	m.offers = nil
	return offers
}

func (m *mailbox) Control(context.Context, string, tourney.Control) error { return nil }

func (m *mailbox) Serve(ctx context.Context, _ tourney.Handler) error {
	<-ctx.Done()
	return nil
}

func (m *mailbox) Created() bool { return false }
