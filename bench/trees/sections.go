package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"tourney"
	"tourney/bench/heats"
	"tourney/bench/peer"
	"tourney/bench/report"
	"tourney/bench/stats"
)

// table is a CSV file of which the last rows are held out.
type table struct {
	name, path, target string
	task               tourney.Task
	classes            []string
	held               int
	text               []string // columns that are texts to the peer whatever they look like
	types              map[string]tourney.ColumnType
	drop               []string
}

// higgs makes a table of 28 numbers whose classes depend on them in a curved
// way, as those of HIGGS do.
func (r *run) higgs(rows int) (table, error) {
	name := fmt.Sprintf("made-up %d×28", rows)
	if t, ok := r.tables[name]; ok {
		return t, nil
	}
	held := rows / 10
	data := heats.Synth{N: rows + held, Held: held, D: 28, Classes: 2, Seed: 7, Curved: true}.Make()
	t := table{name: name, path: filepath.Join(r.work, fmt.Sprintf("higgs-%d.csv", rows)), target: "label", task: tourney.Classification, classes: []string{"0", "1"}, held: held}
	f, err := os.Create(t.path)
	if err != nil {
		return t, err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	_, _ = w.WriteString("label")
	for j := range 28 {
		_, _ = w.WriteString(",x" + strconv.Itoa(j))
	}
	_ = w.WriteByte('\n')
	var line []byte
	fold := data.Folds[0]
	for _, m := range []struct {
		n    int
		x, y []float32
	}{{fold.Train.N, fold.Train.X, fold.Train.Y}, {fold.Valid.N, fold.Valid.X, fold.Valid.Y}} {
		for i := range m.n {
			line = strconv.AppendInt(line[:0], int64(m.y[i]), 10)
			for _, v := range m.x[i*28 : (i+1)*28] {
				line = append(line, ',')
				line = strconv.AppendFloat(line, float64(v), 'g', 6, 32)
			}
			_, _ = w.Write(append(line, '\n'))
		}
	}
	if err := errors.Join(w.Flush(), f.Close()); err != nil {
		return t, err
	}
	r.tables[name] = t
	return t, nil
}

// contender is a process with a table.
func (r *run) contender(p *peer.Peer, t table, ours bool) error {
	if !ours {
		return p.Call(map[string]any{"op": "load", "path": t.path, "target": t.target, "task": t.task, "classes": t.classes, "held": t.held, "text": append([]string{}, t.text...)}, &done{})
	}
	dir, err := os.MkdirTemp(r.work, "shelf-")
	if err != nil {
		return err
	}
	return p.Call(order{Op: "load", Path: t.path, Dir: dir, Request: tourney.DatasetRequest{
		Name: "bench", Target: t.target, Task: t.task, Types: t.types, Drop: t.drop, Split: tourney.Split{Kind: tourney.SplitLast, Rows: t.held},
	}}, &done{})
}

// pair starts both sides with a table. Ours may have more to its environment.
func (r *run) pair(ctx context.Context, t table, threads int, env ...string) (ours, theirs *peer.Peer, closeBoth func() error, err error) {
	if ours, err = r.ours(ctx, threads, env...); err != nil {
		return nil, nil, nil, err
	}
	if theirs, err = r.peer(ctx, threads); err != nil {
		return nil, nil, nil, err
	}
	if err := errors.Join(r.contender(ours, t, true), r.contender(theirs, t, false)); err != nil {
		return nil, nil, nil, fmt.Errorf("%s: %w", t.name, err)
	}
	return ours, theirs, func() error { return errors.Join(ours.Close(), theirs.Close()) }, nil
}

// standard are the parameters of all models whose times are compared.
func standard() tourney.Params {
	return tourney.Params{"num_leaves": int64(31), "learning_rate": 0.1}
}

// lightgbmModes are the ways in which LightGBM builds histograms.
var lightgbmModes = []string{"lightgbm-row", "lightgbm-col", "lightgbm-quantised"}

func (r *run) perTree(ctx context.Context) error {
	t, err := r.higgs(r.rows)
	if err != nil {
		return err
	}
	for _, threads := range []int{1, 2} {
		if r.cpu && threads > 1 {
			r.Skip("CPU time does not tell how cores share work", "time per tree on 2 cores")
			continue
		}
		if err := r.treesOf(ctx, t, threads); err != nil {
			return err
		}
	}
	return r.plainGo(ctx, t)
}

// treesOf compares the time per tree of models of so many rounds.
func (r *run) treesOf(ctx context.Context, t table, threads int) error {
	ours, theirs, closeBoth, err := r.pair(ctx, t, threads)
	if err != nil {
		return err
	}
	const rounds = 50
	libraries := append(slices.Clone(lightgbmModes), "xgboost", "hist")
	times, prepares, last := map[string][]float64{}, map[string][]float64{}, map[string]done{}
	take := func(name string, d done, err error) error {
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		times[name], prepares[name] = append(times[name], d.Seconds/rounds), append(prepares[name], d.Prepare)
		d.Peak = max(d.Peak, last[name].Peak)
		last[name] = d
		return nil
	}
	for range r.repetitions {
		var d done
		err := ours.Call(order{Op: "fit", Trainer: "gbdt", Threads: threads, Params: standard(), Rounds: rounds}, &d)
		if err := take("ours", d, err); err != nil {
			return err
		}
		for _, library := range libraries {
			var d done
			err := theirs.Call(map[string]any{"op": "fit", "library": library, "params": standard(), "rounds": rounds}, &d)
			if err := take(library, d, err); err != nil {
				return err
			}
		}
	}
	fastest := lightgbmModes[0]
	for _, mode := range lightgbmModes {
		if stats.Median(times[mode]) < stats.Median(times[fastest]) {
			fastest = mode
		}
	}
	cores := fmt.Sprintf("%d core", threads)
	if threads > 1 {
		cores += "s"
	}
	for _, c := range []struct {
		library, peer string
		goal          float64
	}{{fastest, r.lightgbm + ", " + fastest[9:] + " (its fastest mode)", 1.3}, {"xgboost", r.xgboost + " hist", 1.4}, {"hist", r.scikitLearn + " HistGradientBoosting (bins within)", 0}} {
		row := report.New(fmt.Sprintf("gbdt time per tree, %s, 31 leaves, %s, vs %s", t.name, cores, c.library), c.peer, "ms", report.Lower,
			1e3*stats.Median(times["ours"]), 1e3*stats.Median(times[c.library]))
		if c.goal > 0 && threads == 1 {
			row = goal(row, c.goal)
		}
		r.Add(row.WithQuality("log loss", last["ours"].Loss, last[c.library].Loss))
	}
	r.Add(report.New(fmt.Sprintf("gbdt preparing the data, %s, %s, vs lightgbm", t.name, cores), r.lightgbm+" Dataset from an array (ours: shards to mapped bins)", "s", report.Lower,
		stats.Median(prepares["ours"]), stats.Median(prepares[fastest])))
	if threads == 1 {
		r.Add(goal(report.New("gbdt peak anonymous memory, preparing and training, "+t.name+", vs lightgbm", r.lightgbm+", its array of the rows included", "MiB", report.Lower,
			float64(last["ours"].Peak>>20), float64(last[fastest].Peak>>20)), 1))
		if err := r.prediction(ours, theirs, rounds, t); err != nil {
			return err
		}
	}
	return closeBoth()
}

// prediction compares rows a second of models of so many rounds.
func (r *run) prediction(ours, theirs *peer.Peer, rounds int, t table) error {
	var d, e done
	var us, them []float64
	if err := theirs.Call(map[string]any{"op": "fit", "library": "lightgbm-row", "params": standard(), "rounds": rounds}, &e); err != nil {
		return err
	}
	for range r.repetitions {
		if err := errors.Join(ours.Call(order{Op: "predict"}, &d), theirs.Call(map[string]any{"op": "predict"}, &e)); err != nil {
			return err
		}
		us, them = append(us, float64(d.Rows)/d.Seconds/1e6), append(them, float64(e.Rows)/e.Seconds/1e6)
	}
	r.Add(goal(report.New(fmt.Sprintf("gbdt prediction, %d trees, %s, 1 core, vs lightgbm (ours from bins, theirs from numbers)", rounds, t.name), r.lightgbm, "M rows/s", report.Higher,
		stats.Median(us), stats.Median(them)), 1))
	return nil
}

// plainGo is ours without the fast kernels.
func (r *run) plainGo(ctx context.Context, t table) error {
	ours, theirs, closeBoth, err := r.pair(ctx, t, 1, "TOURNEY_KERNELS=go")
	if err != nil {
		return err
	}
	const rounds = 20
	times := map[string][]float64{}
	var a, b done
	for range r.repetitions {
		if err := ours.Call(order{Op: "fit", Trainer: "gbdt", Threads: 1, Params: standard(), Rounds: rounds}, &a); err != nil {
			return err
		}
		times["ours"] = append(times["ours"], a.Seconds/rounds)
		for _, mode := range lightgbmModes {
			if err := theirs.Call(map[string]any{"op": "fit", "library": mode, "params": standard(), "rounds": rounds}, &b); err != nil {
				return err
			}
			times[mode] = append(times[mode], b.Seconds/rounds)
		}
	}
	best := math.Inf(1)
	for _, mode := range lightgbmModes {
		best = min(best, stats.Median(times[mode]))
	}
	r.Add(goal(report.New("gbdt time per tree in plain Go, "+t.name+", 31 leaves, 1 core, vs lightgbm", r.lightgbm+", its fastest mode", "ms", report.Lower,
		1e3*stats.Median(times["ours"]), 1e3*best), 0.8).WithQuality("log loss", a.Loss, b.Loss))
	return closeBoth()
}

// goal says by how much ours is to be better.
func goal(row report.Row, ratio float64) report.Row {
	met := float64(row.Ratio) >= ratio
	row.Goal, row.Met = fmt.Sprintf("≥ %g×", ratio), &met
	return row
}

// memory trains over a table that is much larger than what the process may hold.
func (r *run) memory(ctx context.Context) error {
	const columns, bound = 100, 1 << 30
	rows := 12_500_000 // 10 GB of numbers
	if r.quick {
		rows = 1_250_000
	}
	ours, err := r.ours(ctx, 1)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp(r.work, "shelf-")
	if err != nil {
		return err
	}
	var made, d done
	if err := ours.Call(order{Op: "seal", Dir: dir, Rows: rows, Columns: columns}, &made); err != nil {
		return err
	}
	if err := ours.Call(order{Op: "fit", Trainer: "gbdt", Threads: 1, Params: standard(), Rounds: 5}, &d); err != nil {
		return err
	}
	gb := float64(rows) * columns * 8 / 1e9
	r.Add(goal(report.New(fmt.Sprintf("gbdt peak anonymous memory, preparing and training, %.3g GB of numbers (%d×%d)", gb, rows, columns), "a bound of 1 GiB", "MiB", report.Lower,
		float64(d.Peak>>20), bound>>20), 1).WithQuality("log loss, and of guessing", d.Loss, math.Ln2))
	return errors.Join(ours.Close(), os.RemoveAll(dir))
}

// trials draws the trials of a tournament: equal leaves and rounds, other
// regularisation and rates.
func trials(rounds []int) []trial {
	rng := rand.New(rand.NewPCG(11, 1))
	var out []trial
	for len(out) < 32 {
		params := tourney.Params{
			"num_leaves": int64(31), "learning_rate": 0.05 + 0.15*rng.Float64(),
			"lambda_l2": 10 * rng.Float64(), "min_data_in_leaf": int64(10 + rng.IntN(90)),
		}
		for _, n := range rounds {
			out = append(out, trial{params, n})
		}
	}
	return out
}

func (r *run) tournaments(ctx context.Context) error {
	rows, rounds := 100_000, 100
	if r.quick {
		rows, rounds = 20_000, 30
	}
	t, err := r.higgs(rows)
	if err != nil {
		return err
	}
	ours, theirs, closeBoth, err := r.pair(ctx, t, 1)
	if err != nil {
		return err
	}
	mode := "quantised"
	for _, c := range []struct {
		what   string
		folds  int
		rebin  bool
		rounds []int
		goal   float64
	}{
		{"lightgbm, binned for each trial", 0, true, []int{rounds}, 1.8},
		{"lightgbm, binned once", 0, false, []int{rounds}, 1.4},
		{"lightgbm, 5 folds, binned for each trial and fold", 5, true, []int{rounds}, 1.8},
		{"lightgbm, 8 settings × 4 lengths, binned for each trial", 0, true, []int{rounds / 4, rounds / 2, 3 * rounds / 4, rounds}, 3},
	} {
		var us, them []float64
		var d, e done
		repetitions := r.repetitions
		if c.folds > 0 {
			repetitions = 1
		}
		for range repetitions {
			list := trials(c.rounds)
			if err := ours.Call(order{Op: "tournament", Trainer: "gbdt", Threads: 1, Trials: list, Folds: c.folds}, &d); err != nil {
				return err
			}
			if err := theirs.Call(map[string]any{"op": "tournament", "mode": mode, "trials": list, "folds": c.folds, "rebin": c.rebin}, &e); err != nil {
				return err
			}
			us, them = append(us, d.Seconds), append(them, e.Seconds)
		}
		row := report.New(fmt.Sprintf("gbdt 32 trials × %d rounds, %s, 1 core, data preparation included, vs %s", rounds, t.name, c.what), r.lightgbm+", quantised, row-wise", "s", report.Lower,
			stats.Median(us), stats.Median(them))
		r.Add(goal(row, c.goal).WithQuality("least log loss", slices.Min(d.Losses), slices.Min(e.Losses)))
	}
	return closeBoth()
}

func (r *run) real(ctx context.Context) error {
	for _, t := range []table{
		{name: "Adult", path: "adult_48842.csv.gz", target: "income", task: tourney.Classification, classes: []string{"<=50K", ">50K"}, held: 48842 - 32561},
		{name: "Criteo 10k", path: "criteo_10k.csv.gz", target: "label", task: tourney.Classification, classes: []string{"0", "1"}, held: 2000},
	} {
		if _, err := os.Stat(filepath.Join(r.files, t.path)); err != nil {
			r.Skip("no file "+t.path, "gbdt "+t.name)
			continue
		}
		path, err := unzip(filepath.Join(r.files, t.path), r.work)
		if err != nil {
			return err
		}
		t.path = path
		if t.name == "Criteo 10k" {
			for i := range 26 {
				t.text = append(t.text, fmt.Sprintf("C%d", i+1))
			}
		}
		ours, theirs, closeBoth, err := r.pair(ctx, t, 1)
		if err != nil {
			return err
		}
		const rounds = 100
		times, last := map[string][]float64{}, map[string]done{}
		libraries := append(slices.Clone(lightgbmModes), "xgboost", "hist")
		for range r.repetitions {
			var d done
			if err := ours.Call(order{Op: "fit", Trainer: "gbdt", Threads: 1, Params: standard(), Rounds: rounds}, &d); err != nil {
				return fmt.Errorf("%s: %w", t.name, err)
			}
			times["ours"], last["ours"] = append(times["ours"], d.Prepare+d.Seconds), d
			for _, library := range libraries {
				var d done
				if err := theirs.Call(map[string]any{"op": "fit", "library": library, "params": standard(), "rounds": rounds}, &d); err != nil {
					r.Note("%s on %s: %v", library, t.name, err)
					continue
				}
				times[library], last[library] = append(times[library], d.Prepare+d.Seconds), d
			}
		}
		for _, library := range libraries {
			if len(times[library]) == 0 {
				r.Skip("the peer cannot", "gbdt "+t.name+" vs "+library)
				continue
			}
			r.Add(report.New(fmt.Sprintf("gbdt %s, %d rounds, 1 core, data preparation included, vs %s", t.name, rounds, library), library, "s", report.Lower,
				stats.Median(times["ours"]), stats.Median(times[library])).WithQuality("AUC of the test rows", last["ours"].AUC, last[library].AUC))
		}
		if err := closeBoth(); err != nil {
			return err
		}
	}
	return nil
}

// unzip writes a compressed file out.
func unzip(path, dir string) (string, error) {
	in, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer in.Close()
	z, err := gzip.NewReader(in)
	if err != nil {
		return "", err
	}
	name := filepath.Join(dir, filepath.Base(path[:len(path)-3]))
	out, err := os.Create(name)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(out, z) //nolint:gosec // a file of the benchmark's own
	return name, errors.Join(err, out.Close())
}

func (r *run) spark(ctx context.Context) error {
	names := []string{"gbdt 20 rounds of 32 leaves vs Spark MLlib GBT", "tree vs Spark MLlib DecisionTree"}
	if r.quick || r.cpu {
		r.Skip("left out of a quick run and of one that counts CPU time, which Spark has in another process", names...)
		return nil
	}
	t, err := r.higgs(200_000)
	if err != nil {
		return err
	}
	ours, theirs, closeBoth, err := r.pair(ctx, t, 2)
	if err != nil {
		return err
	}
	for _, c := range []struct {
		library, peer, trainer string
		rounds                 int
		params                 tourney.Params
	}{
		{"spark-gbt", "GBTClassifier, depth 5", "gbdt", 20, tourney.Params{"num_leaves": int64(32), "max_depth": int64(5), "learning_rate": 0.1}},
		{"spark-tree", "DecisionTreeClassifier, depth 5", "tree", 1, tourney.Params{"max_depth": int64(5)}},
	} {
		var us, them []float64
		var d, e done
		for range r.repetitions {
			if err := ours.Call(order{Op: "fit", Trainer: c.trainer, Threads: 2, Params: c.params, Rounds: c.rounds}, &d); err != nil {
				return err
			}
			if err := theirs.Call(map[string]any{"op": "fit", "library": c.library, "params": c.params, "rounds": c.rounds}, &e); err != nil {
				return err
			}
			us, them = append(us, d.Prepare+d.Seconds), append(them, e.Prepare+e.Seconds)
		}
		r.Add(goal(report.New(fmt.Sprintf("%s, %d rounds, %s, 2 cores, vs Spark MLlib %s", c.trainer, c.rounds, t.name, c.peer), e.Versions[0]+", local mode, rows cached", "s", report.Lower,
			stats.Median(us), stats.Median(them)), 20).WithQuality("log loss", d.Loss, e.Loss))
	}
	return closeBoth()
}
