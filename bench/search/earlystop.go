package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"tourney/bench/curves"
	"tourney/bench/report"
	"tourney/bench/stats"
)

// policy is a way to stop early, ours or the peers'.
type policy struct {
	name   string
	replay *curves.Replay // ours; nil: a peer's
}

const (
	oursNone, oursPromotion, oursStopping, oursPick = "tourney none", "tourney asha promotion", "tourney asha stopping", "tourney asha promotion and model"
	simPromotion, simStopping                       = "asha promotion", "asha stopping"
	none                                            = "none"
)

// pruners are the peer's settings, of which the best counts.
var pruners = []string{
	"optuna successive halving, min 1, eta 3", "optuna successive halving, default", "optuna median", "optuna hyperband",
}

// arena is what became of all policies: times until the target was reached.
type arena struct {
	mu     sync.Mutex
	tables []string
	times  map[string][]float64 // by policy, table and workers
	solved map[string]float64   // likewise, in percent
}

func key(policy, table string, workers int) string {
	return fmt.Sprint(policy, "|", table, "|", workers)
}

func (a *arena) put(policy, table string, workers int, times []*float64) {
	out := make([]float64, len(times))
	solved := 0
	for i, t := range times {
		out[i] = math.Inf(1)
		if t != nil {
			out[i] = *t
			solved++
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.times[key(policy, table, workers)] = out
	a.solved[key(policy, table, workers)] = 100 * float64(solved) / float64(len(times))
}

// speedup is how much sooner a policy reaches the target than another without
// stopping: the geometric mean over tables of the ratio of medians; and the
// share of runs that reached it. A median of runs that did not counts as slow as
// can be.
func (a *arena) speedup(policy, without string, tables []string, workers int) (times, solved float64) {
	var ratios []float64
	for _, t := range tables {
		base, took := stats.Median(a.times[key(without, t, workers)]), stats.Median(a.times[key(policy, t, workers)])
		ratios = append(ratios, base/min(took, 1e9))
		solved += a.solved[key(policy, t, workers)] / float64(len(tables))
	}
	return stats.GeometricMean(ratios), solved
}

// earlyStopping replays recorded curves: through our coordinator, and by the
// peers' policies.
func (r *run) earlyStopping(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join(r.shared, "curves", "*.csv.gz"))
	if err != nil || len(files) == 0 {
		return fmt.Errorf("no curves in %s: %w", r.shared, errNoShared)
	}
	binary, err := r.buildErrand(ctx)
	if err != nil {
		return err
	}
	workers, peers := []int{1, 4, 16, 64}, append([]string{none, simPromotion, simStopping}, pruners...)
	if r.quick {
		workers, peers = []int{4, 16}, []string{none, simPromotion, pruners[0]}
	}
	a := &arena{times: map[string][]float64{}, solved: map[string]float64{}}
	var tasks []task
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".csv.gz")
		a.tables = append(a.tables, name)
		for _, n := range workers {
			tasks = append(tasks, func(ctx context.Context, w *worker) error { return r.replayOurs(ctx, w, a, binary, file, name, n) })
			for _, policy := range peers {
				tasks = append(tasks, func(ctx context.Context, w *worker) error {
					python, err := w.python(ctx)
					if err != nil {
						return err
					}
					var out struct{ Times []*float64 }
					req := map[string]any{"op": "curves", "path": file, "policy": policy, "workers": n, "seeds": r.seeds}
					if err := python.Call(req, &out); err != nil {
						return fmt.Errorf("%s on %s: %w", policy, name, err)
					}
					a.put(policy, name, n, out.Times)
					return nil
				})
			}
		}
	}
	if err := do(ctx, &r.env, "curves", tasks, r.wide); err != nil {
		return err
	}
	r.earlyRows(a, workers, peers)
	return nil
}

// replays are ours for so many workers.
func (r *run) replays(table *curves.Table, workers int) []policy {
	asha := fmt.Sprintf("{type: asha, min_iter: 1, max_iter: %d, eta: 3", table.Steps())
	all := []policy{
		{oursNone, &curves.Replay{Workers: workers}},
		{oursPromotion, &curves.Replay{Workers: workers, Scheduler: asha + "}"}},
	}
	if !r.quick {
		all = append(all, policy{oursStopping, &curves.Replay{Workers: workers, Scheduler: asha + ", stop: true}"}})
	}
	if len(table.Axes()) == 8 && workers < 64 && !r.quick { // a TaskSet table
		all = append(all, policy{oursPick, &curves.Replay{Workers: workers, Scheduler: asha + "}", Pick: true}})
	}
	return all
}

// replayOurs lets the errand's binary replay a table.
func (r *run) replayOurs(ctx context.Context, w *worker, a *arena, binary, file, name string, workers int) error {
	table, err := curves.Read(file)
	if err != nil {
		return err
	}
	python, err := w.python(ctx)
	if err != nil {
		return err
	}
	var shuffles struct{ Orders [][]int }
	if err := python.Call(map[string]any{"op": "shuffles", "n": len(table.Values), "seeds": r.seeds}, &shuffles); err != nil {
		return fmt.Errorf("shuffle %s: %w", name, err)
	}
	req := curves.Request{Path: file, Orders: shuffles.Orders}
	policies := r.replays(table, workers)
	for _, p := range policies {
		req.Replays = append(req.Replays, *p.replay)
	}
	dir, err := os.MkdirTemp("", "bench-curves-")
	if err != nil {
		return fmt.Errorf("replay %s: %w", name, err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	text, err := json.Marshal(req)
	if err != nil {
		return fmt.Errorf("replay %s: %w", name, err)
	}
	asked := filepath.Join(dir, "request.json")
	if err := os.WriteFile(asked, text, 0o600); err != nil {
		return fmt.Errorf("replay %s: %w", name, err)
	}
	cmd := exec.CommandContext(ctx, binary, "-test.run", "^TestErrand$", "-test.timeout", "0")
	cmd.Env = append(os.Environ(), curves.Variable+"="+asked)
	if scratch := "/dev/shm"; writable(scratch) { // the store's durability is not what is measured
		cmd.Env = append(cmd.Env, "TMPDIR="+scratch)
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("replay %s: %w: %s", name, err, out)
	}
	if text, err = os.ReadFile(asked + ".out"); err != nil {
		return fmt.Errorf("replay %s: %w", name, err)
	}
	var answer curves.Answer
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("replay %s: %w", name, err)
	}
	for i, p := range policies {
		a.put(p.name, name, workers, answer.Times[i])
	}
	return nil
}

func writable(dir string) bool {
	f, err := os.CreateTemp(dir, "bench-")
	if err != nil {
		return false
	}
	_ = f.Close()
	return os.Remove(f.Name()) == nil
}

// buildErrand builds the test binary of package curves.
func (r *run) buildErrand(ctx context.Context) (string, error) {
	binary := filepath.Join(r.out, "curves.test")
	cmd := exec.CommandContext(ctx, "go", "test", "-c", "-o", binary, "./bench/curves") //nolint:gosec // our own
	cmd.Dir = r.root
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build the replay of curves: %w: %s", err, out)
	}
	return binary, nil
}

// pickGoals are those of the model's pick, by workers.
var pickGoals = map[int]float64{1: 11.2, 4: 11.7, 16: 8.0}

// earlyRows compares the policies.
func (r *run) earlyRows(a *arena, workers []int, peers []string) {
	const unit = "times as fast as no stopping"
	taskset := slices.DeleteFunc(slices.Clone(a.tables), func(t string) bool { return !strings.HasPrefix(t, "taskset_") })
	for _, n := range []int{1, 4, 16, 64} {
		label := func(what string, tables []string) string {
			return fmt.Sprintf("early stopping through the coordinator, %s, %d workers, %d curve tables", what, n, len(tables))
		}
		promotion, stopping, pick := label("ASHA by promotion", a.tables), label("ASHA by stopping", a.tables), label("ASHA and the model's pick", taskset)
		goal, picked := pickGoals[n]
		if r.quick {
			r.Skip("quick run", stopping)
			if picked {
				r.Skip("quick run", pick)
			}
		}
		if !slices.Contains(workers, n) {
			r.Skip("quick run", promotion)
			continue
		}
		best, bestName, bestSolved := 0.0, "", 0.0
		for _, p := range peers {
			if s, solved := a.speedup(p, none, a.tables, n); strings.HasPrefix(p, "optuna") && s > best {
				best, bestName, bestSolved = s, p, solved
			}
		}
		bestName = r.optuna + strings.TrimPrefix(bestName, "optuna")
		ours, solved := a.speedup(oursPromotion, oursNone, a.tables, n)
		theirs, theirSolved := a.speedup(simPromotion, none, a.tables, n)
		r.Add(
			report.New(promotion, "simulated "+simPromotion, unit, report.Higher, ours, theirs).
				WithGoal(report.Higher, 0.95*theirs).WithQuality("runs that reach the target, %", solved, theirSolved),
			report.New(promotion, bestName, unit, report.Higher, ours, best).
				WithGoal(report.Higher, best).WithQuality("runs that reach the target, %", solved, bestSolved))
		if r.quick {
			continue
		}
		ours, solved = a.speedup(oursStopping, oursNone, a.tables, n)
		theirs, theirSolved = a.speedup(simStopping, none, a.tables, n)
		r.Add(report.New(stopping, "simulated "+simStopping, unit, report.Higher, ours, theirs).
			WithQuality("runs that reach the target, %", solved, theirSolved))
		if picked {
			ours, solved = a.speedup(oursPick, oursNone, taskset, n)
			theirs, theirSolved = a.speedup(simPromotion, none, taskset, n)
			r.Add(report.New(pick, "simulated "+simPromotion+", random picks", unit, report.Higher, ours, theirs).
				WithGoal(report.Higher, goal).WithQuality("runs that reach the target, %", solved, theirSolved))
		}
	}
	r.Note("%s", a.page(workers, append([]string{oursNone, oursPromotion, oursStopping, oursPick}, peers...)))
}

// page lists the median times of all policies in full trainings.
func (a *arena) page(workers []int, policies []string) string {
	var b strings.Builder
	b.WriteString("median time to the target in full trainings, by workers " + fmt.Sprint(workers))
	for _, p := range policies {
		for _, t := range a.tables {
			if a.times[key(p, t, workers[0])] == nil {
				continue
			}
			fmt.Fprintf(&b, "\n%-42s %-42s", p, t)
			for _, n := range workers {
				fmt.Fprintf(&b, " %8.3f", stats.Median(a.times[key(p, t, n)]))
			}
		}
	}
	return b.String()
}
