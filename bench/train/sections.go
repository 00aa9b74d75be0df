package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"

	"tourney"
	"tourney/bench/heats"
	"tourney/bench/peer"
	"tourney/bench/report"
	"tourney/bench/stats"
	"tourney/dataset"
	"tourney/trainers"
)

// models is how many models a tournament has in most rows.
const models = 32

// penalties are log-spaced over six decades: l2 of ours, 1/(n·C) of theirs.
func penalties(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.Pow(10, -7+6*float64(i)/float64(max(1, n-1)))
	}
	return out
}

// coefficients reads a linear model's document.
type coefficients struct {
	Coef      []float64 `json:"coef"`
	Intercept float64   `json:"intercept"`
	L2        float64   `json:"l2"`
}

// linear trains a heat of final jobs with these parameters, so many steps each
// at most, and returns the seconds and the models.
func (r *run) linear(ctx context.Context, d *dataset.Data, slots, steps int, params []tourney.Params) (float64, []coefficients, []heats.Result, error) {
	defer onCores(slots)()
	data := heats.Final(d)
	metric := "logloss"
	if d.Task == tourney.Regression {
		metric = "rmse"
	}
	jobs := make([]tourney.Job, len(params))
	for i, p := range params {
		jobs[i] = heats.Job("linear", tourney.JobFinal, metric, steps, p)
	}
	results, seconds, err := heats.Train(ctx, data, slots, jobs)
	if err != nil {
		return 0, nil, nil, err
	}
	family, _ := trainers.Lookup("linear")
	out := make([]coefficients, len(results))
	for i, res := range results {
		m, err := family.Open(&jobs[i], data, res.State)
		if err != nil {
			return 0, nil, nil, err
		}
		doc, err := json.Marshal(m)
		if err != nil {
			return 0, nil, nil, err
		}
		var c struct {
			Coefficients [][]float64 `json:"coefficients"`
			Intercepts   []float64   `json:"intercepts"`
		}
		if err := json.Unmarshal(doc, &c); err != nil || len(c.Coefficients) == 0 {
			return 0, nil, nil, fmt.Errorf("a model without coefficients: %.200s (%w)", doc, err)
		}
		last := len(c.Coefficients) - 1
		l2, _ := params[i].Float("l2", 0)
		out[i] = coefficients{c.Coefficients[last], c.Intercepts[last], l2}
	}
	return seconds, out, results, nil
}

// lbfgs are the parameters of logistic models that stop by their own rule.
func lbfgs(l2 []float64) []tourney.Params {
	out := make([]tourney.Params, len(l2))
	for i, v := range l2 {
		out[i] = tourney.Params{"optimizer": "lbfgs", "l2": v}
	}
	return out
}

// lbfgsSteps bounds the iterations of a model; each stops by its own rule.
const lbfgsSteps = 1000

func (r *run) logistic(ctx context.Context) error {
	shapes := []struct{ d, n int }{{30, 1_000_000}, {100, 300_000}, {1000, 50_000}}
	if r.quick {
		shapes = []struct{ d, n int }{{30, 200_000}, {100, 60_000}}
		r.Skip("left out of a quick run", "logistic 32 models d=1000, 1 and 2 cores")
	}
	for _, s := range shapes {
		d := heats.Synth{N: s.n + 2000, Held: 2000, D: s.d, Classes: 2, Seed: 1}.Make()
		if err := r.logisticOf(ctx, fmt.Sprintf("logistic-%d", s.d), d); err != nil {
			return err
		}
	}
	return nil
}

// timesOf collects the times of contenders that take turns.
type timesOf map[string][]float64

func (t timesOf) add(name string, seconds float64) { t[name] = append(t[name], seconds) }
func (t timesOf) of(name string) float64           { return stats.Median(t[name]) }

func (r *run) logisticOf(ctx context.Context, name string, d *dataset.Data) error {
	one, err := r.peersOf(ctx, 1, 2)
	if err != nil {
		return err
	}
	if err := r.give(one, name, d); err != nil {
		return err
	}
	l2 := penalties(models)
	params := lbfgs(l2)
	times := timesOf{}
	worst := math.Inf(-1)
	for range r.repetitions {
		seconds, found, _, err := r.linear(ctx, d, 1, lbfgsSteps, params)
		if err != nil {
			return err
		}
		times.add("ours 1", seconds)
		var theirs answer
		if err := one[0].Call(map[string]any{"op": "logistic", "l2": l2}, &theirs); err != nil {
			return err
		}
		times.add("theirs 1", theirs.Seconds)
		var ours answer
		if err := one[1].Call(map[string]any{"op": "objective", "models": found}, &ours); err != nil {
			return err
		}
		for i := range ours.Objectives {
			worst = max(worst, ours.Objectives[i]/theirs.Objectives[i]-1)
		}
		if seconds, _, _, err = r.linear(ctx, d, 2, lbfgsSteps, params); err != nil {
			return err
		}
		times.add("ours 2", seconds)
		odd, even := every(l2, 0), every(l2, 1)
		if theirs, err = both(one, []map[string]any{{"op": "logistic", "l2": odd}, {"op": "logistic", "l2": even}}); err != nil {
			return err
		}
		times.add("theirs 2", theirs.Seconds)
		if err := r.logisticAlone(ctx, d, one[0], l2, times); err != nil {
			return err
		}
	}
	dd := d.Folds[0].Train.D
	row := func(what, peer, ours, theirs string, per, goal float64) {
		row := report.New(fmt.Sprintf(what, dd), peer, "ms per model", report.Lower, times.of(ours)*1e3/per, times.of(theirs)*1e3/per)
		r.Add(r.goal(row, goal).WithQuality("largest relative excess of an objective over the peer's", worst, 0))
	}
	row("logistic 32 models d=%d, 1 core, vs scikit-learn one by one", r.sklearn, "ours 1", "theirs 1", models, 30)
	row("logistic 32 models d=%d, 2 cores, vs two scikit-learn processes", r.sklearn, "ours 2", "theirs 2", models, 20)
	row("logistic 1 model d=%d, 1 core, vs scikit-learn", r.sklearn, "ours alone", "theirs alone", 1, 4)
	row("logistic heat of 32 d=%d, 1 core, vs one at a time", "ourselves, one at a time", "ours 1", "ours each", models, 6)
	return nil
}

// goal says by how much ours is to be better.
func (r *run) goal(row report.Row, ratio float64) report.Row {
	met := float64(row.Ratio) >= ratio
	row.Goal, row.Met = fmt.Sprintf("≥ %g×", ratio), &met
	return row
}

// logisticAlone measures models that train one at a time: four of the
// penalties, spread over them.
func (r *run) logisticAlone(ctx context.Context, d *dataset.Data, p *peer.Peer, l2 []float64, times timesOf) error {
	chosen := []float64{l2[3], l2[11], l2[19], l2[27]}
	ours := 0.0
	for _, v := range chosen {
		seconds, _, _, err := r.linear(ctx, d, 1, lbfgsSteps, lbfgs([]float64{v}))
		if err != nil {
			return err
		}
		ours += seconds
	}
	var theirs answer
	if err := p.Call(map[string]any{"op": "logistic", "l2": chosen}, &theirs); err != nil {
		return err
	}
	times.add("ours alone", ours/4)
	times.add("theirs alone", theirs.Seconds/4)
	times.add("ours each", ours/4*models)
	return nil
}

// every returns every second value from one on.
func every(v []float64, from int) []float64 {
	var out []float64
	for i := from; i < len(v); i += 2 {
		out = append(out, v[i])
	}
	return out
}

func (r *run) sgd(ctx context.Context) error {
	for _, s := range []struct{ d, n int }{{30, 500_000}, {100, 200_000}} {
		if r.quick {
			s.n /= 10
		}
		d := heats.Synth{N: s.n + 20_000, Held: 20_000, D: s.d, Classes: 2, Seed: 2}.Make()
		p, err := r.peersOf(ctx, 1, 1)
		if err != nil {
			return err
		}
		if err := r.give(p, fmt.Sprintf("sgd-%d", s.d), d); err != nil {
			return err
		}
		l2 := penalties(models)
		params := make([]tourney.Params, models)
		for i, v := range l2 {
			params[i] = tourney.Params{"optimizer": "sgd", "l2": v, "learning_rate": 0.5, "momentum": 0.9, "batch_size": int64(512), "schedule": "linear"}
		}
		times := timesOf{}
		var ours, theirs []float64
		for range r.repetitions {
			seconds, _, results, err := r.linear(ctx, d, 1, 2, params)
			if err != nil {
				return err
			}
			times.add("ours", seconds)
			var a answer
			if err := p[0].Call(map[string]any{"op": "sgd", "l2": l2}, &a); err != nil {
				return err
			}
			times.add("theirs", a.Seconds)
			ours, theirs = nil, a.Losses
			for _, res := range results {
				ours = append(ours, res.End.Metrics["test_logloss"])
			}
		}
		worst := math.Inf(-1)
		for i := range ours {
			worst = max(worst, ours[i]/theirs[i]-1)
		}
		row := report.New(fmt.Sprintf("SGD 32 models d=%d, 1 core, vs SGDClassifier one by one", s.d), r.sklearn, "ms per model", report.Lower,
			times.of("ours")*1e3/models, times.of("theirs")*1e3/models)
		r.Add(r.goal(row, 20).WithQuality(fmt.Sprintf("median log loss (largest relative excess of ours %.2g)", worst), stats.Median(ours), stats.Median(theirs)))
	}
	return nil
}

func (r *run) ridge(ctx context.Context) error {
	n, count := 20_000, 1000
	if r.quick {
		count = 200
	}
	d := heats.Synth{N: n + 1000, Held: 1000, D: 100, Classes: 0, Seed: 3}.Make()
	p, err := r.peersOf(ctx, 1, 1)
	if err != nil {
		return err
	}
	if err := r.give(p, "ridge", d); err != nil {
		return err
	}
	alphas := make([]float64, count)
	jobs := make([]tourney.Job, count)
	folds := heats.Folded(d, 5)
	for i := range alphas {
		alphas[i] = math.Pow(10, -3+8*float64(i)/float64(count-1))
		l2 := alphas[i] / float64(folds.Folds[0].Train.N)
		jobs[i] = heats.Job("linear", tourney.JobRung, "rmse", 1, tourney.Params{"optimizer": "gram", "l2": l2})
	}
	hows := []string{"grid", "ridgecv", "numpy"}
	times, losses := timesOf{}, map[string][]float64{}
	var ours []float64
	for range r.repetitions {
		restore := onCores(1)
		results, seconds, err := heats.Train(ctx, folds, 1, jobs)
		restore()
		if err != nil {
			return err
		}
		times.add("ours", seconds)
		ours = nil
		for _, res := range results {
			ours = append(ours, *res.End.Value)
		}
		for _, how := range hows {
			var a answer
			if err := p[0].Call(map[string]any{"op": "ridge", "how": how, "alphas": alphas, "folds": 5}, &a); err != nil {
				return err
			}
			times.add(how, a.Seconds)
			losses[how] = a.Losses
		}
	}
	for _, how := range hows {
		name := map[string]string{"grid": "GridSearchCV(Ridge(solver='cholesky'))", "ridgecv": "RidgeCV (leave one out)", "numpy": "NumPy's own statistics"}[how]
		row := report.New(fmt.Sprintf("ridge %d penalties × 5 folds d=100, 1 core, vs %s", count, name), r.sklearn, "s", report.Lower, times.of("ours"), times.of(how))
		if how == "grid" {
			row = r.goal(row, 50)
		}
		r.Add(row.WithQuality("least RMSE", slices.Min(ours), slices.Min(losses[how])))
	}
	return nil
}

// net is a shape of network and data.
type net struct {
	what                        string
	d, classes, n, batch, steps int
	hidden                      []int
	goal                        float64
}

func (r *run) mlp(ctx context.Context) error {
	nets := []net{
		{"784-256-10, batch 256", 784, 10, 20_000, 256, 5, []int{256}, 1.4},
		{"784-256-128-10, batch 256", 784, 10, 20_000, 256, 5, []int{256, 128}, 1.4},
		{"30-64-64-2, batch 64", 30, 2, 100_000, 64, 3, []int{64, 64}, 4},
		{"30-64-64-2, batch 256", 30, 2, 100_000, 256, 3, []int{64, 64}, 4},
	}
	for _, s := range nets {
		if r.quick {
			s.n /= 4
		}
		d := heats.Synth{N: s.n + 1000, Held: 1000, D: s.d, Classes: s.classes, Seed: 4, Curved: true}.Make()
		p, err := r.peersOf(ctx, 1, 1)
		if err != nil {
			return err
		}
		if err := r.give(p, fmt.Sprintf("mlp-%d-%d", s.d, s.n), d); err != nil {
			return err
		}
		times := timesOf{}
		var ours, theirs []float64
		for range r.repetitions {
			seconds, losses, err := r.nets(ctx, d, 1, s, 1)
			if err != nil {
				return err
			}
			times.add("ours", seconds)
			var a answer
			if err := p[0].Call(map[string]any{"op": "mlp", "hidden": s.hidden, "batch": s.batch, "epochs": s.steps, "rate": 1e-3}, &a); err != nil {
				return err
			}
			times.add("theirs", a.Seconds)
			ours, theirs = losses, a.Losses
		}
		row := report.New("MLP "+s.what+", 1 core, vs MLPClassifier", r.sklearn, "ms per epoch", report.Lower,
			times.of("ours")*1e3/float64(s.steps), times.of("theirs")*1e3/float64(s.steps))
		r.Add(r.goal(row, s.goal).WithQuality("log loss", ours[0], theirs[0]))
	}
	return nil
}

// nets trains so many nets in a heat and returns the seconds and their log
// losses on the held rows.
func (r *run) nets(ctx context.Context, d *dataset.Data, slots int, s net, n int) (float64, []float64, error) {
	defer onCores(slots)()
	hidden := ""
	for i, h := range s.hidden {
		if i > 0 {
			hidden += ","
		}
		hidden += fmt.Sprint(h)
	}
	jobs := make([]tourney.Job, n)
	for i := range jobs {
		jobs[i] = heats.Job("mlp", tourney.JobFinal, "logloss", s.steps, tourney.Params{
			"hidden": hidden, "batch_size": int64(s.batch), "optimizer": "adam", "learning_rate": 1e-3, "activation": "relu",
		})
		jobs[i].Seed = uint64(i + 1)
	}
	results, seconds, err := heats.Train(ctx, heats.Final(d), slots, jobs)
	if err != nil {
		return 0, nil, err
	}
	var losses []float64
	for _, res := range results {
		losses = append(losses, res.End.Metrics["test_logloss"])
	}
	return seconds, losses, nil
}

func (r *run) torchNets(ctx context.Context) error {
	s := net{"", 30, 2, 20_000, 256, 2, []int{64, 64}, 2}
	if r.quick {
		s.n = 4_000
	}
	d := heats.Synth{N: s.n + 5000, Held: 5000, D: s.d, Classes: s.classes, Seed: 5, Curved: true}.Make()
	p, err := r.peersOf(ctx, 1, 1)
	if err != nil {
		return err
	}
	if err := r.give(p, "torch", d); err != nil {
		return err
	}
	times := timesOf{}
	var ours, theirs []float64
	for range r.repetitions {
		seconds, losses, err := r.nets(ctx, d, 1, s, models)
		if err != nil {
			return err
		}
		times.add("ours", seconds)
		var a answer
		if err := p[0].Call(map[string]any{"op": "torch", "hidden": s.hidden, "batch": s.batch, "epochs": s.steps, "rate": 1e-3, "models": models, "classes": 2}, &a); err != nil {
			return err
		}
		times.add("theirs", a.Seconds)
		ours, theirs = losses, a.Losses
	}
	row := report.New("MLP 32 nets 30-64-64-2, batch 256, 1 core, vs PyTorch one by one", r.torch, "ms per net and epoch", report.Lower,
		times.of("ours")*1e3/float64(models*s.steps), times.of("theirs")*1e3/float64(models*s.steps))
	r.Add(r.goal(row, 2).WithQuality("median log loss", stats.Median(ours), stats.Median(theirs)))
	return nil
}

func (r *run) spark(ctx context.Context) error {
	if r.quick {
		r.Skip("left out of a quick run", "logistic 32 models × 3 folds d=30, 2 cores, vs Spark MLlib CrossValidator")
		return nil
	}
	d := heats.Synth{N: 102_000, Held: 2000, D: 30, Classes: 2, Seed: 6}.Make()
	p, err := r.peersOf(ctx, 2, 1)
	if err != nil {
		return err
	}
	if err := r.give(p, "spark", d); err != nil {
		return err
	}
	l2 := penalties(models)
	jobs := make([]tourney.Job, models)
	for i, v := range l2 {
		jobs[i] = heats.Job("linear", tourney.JobRung, "auc", lbfgsSteps, tourney.Params{"optimizer": "lbfgs", "l2": v})
	}
	folds := heats.Folded(d, 3)
	times := timesOf{}
	var ours []float64
	var a answer
	for range r.repetitions {
		results, seconds, err := heats.Train(ctx, folds, 2, jobs)
		if err != nil {
			return err
		}
		times.add("ours", seconds)
		ours = nil
		for _, res := range results {
			ours = append(ours, *res.End.Value)
		}
		if err := p[0].Call(map[string]any{"op": "spark", "l2": l2, "folds": 3}, &a); err != nil {
			return err
		}
		times.add("theirs", a.Seconds)
	}
	row := report.New("logistic 32 models × 3 folds d=30, 2 cores, vs Spark MLlib CrossValidator", a.Versions[0]+", local mode", "s", report.Lower, times.of("ours"), times.of("theirs"))
	r.Add(r.goal(row, 50).WithQuality("best AUC", slices.Max(ours), slices.Max(a.Losses)))
	return nil
}
