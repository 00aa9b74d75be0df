package foreign

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"tourney"
)

// raySignatures name the arguments of Ray Tune's samplers in their order.
var raySignatures = map[string][]string{
	"uniform": {"lower", "upper"}, "quniform": {"lower", "upper", "q"}, "loguniform": {"lower", "upper", "base"}, "qloguniform": {"lower", "upper", "q", "base"},
	"randn": {"mean", "sd"}, "qrandn": {"mean", "sd", "q"}, "randint": {"lower", "upper"}, "qrandint": {"lower", "upper", "q"},
	"lograndint": {"lower", "upper", "base"}, "qlograndint": {"lower", "upper", "q", "base"}, "choice": {"categories"},
	"grid_search": {"values"}, "sample_from": {"func"},
}

// rayCall is a sampler as Python writes it.
var rayCall = regexp.MustCompile(`^(?:ray\.)?(?:tune\.)?([a-z_]+)\((.*)\)$`)

// rayDomain returns the sampler that a value stands for and its arguments by
// name: {"type": "uniform", "lower": 0, "upper": 1}, {"uniform": [0, 1]},
// {"grid_search": […]} or "tune.uniform(0, 1)".
func rayDomain(n *yaml.Node) (string, map[string]*yaml.Node) {
	args := map[string]*yaml.Node{}
	positional := func(name string, list []*yaml.Node) (string, map[string]*yaml.Node) {
		for i, v := range list {
			if i < len(raySignatures[name]) {
				args[raySignatures[name][i]] = v
			}
		}
		return name, args
	}
	if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
		m := rayCall.FindStringSubmatch(strings.TrimSpace(n.Value))
		if m == nil || raySignatures[m[1]] == nil {
			return "", nil
		}
		return rayPython(n, m[1], m[2])
	}
	if n.Kind != yaml.MappingNode {
		return "", nil
	}
	kind := strings.ToLower(text(firstOf(n, "type", "_type", "__type__", "domain", "sampler")))
	if kind = strings.TrimPrefix(kind, "tune."); raySignatures[kind] != nil {
		if list := find(n, "args"); list != nil {
			return positional(kind, itemsOf(list))
		}
		for _, e := range entries(n) {
			args[rayArgument(e.name())] = e.value
		}
		return kind, args
	}
	if all := entries(n); len(all) == 1 && raySignatures[all[0].name()] != nil {
		name := all[0].name()
		if name == "choice" || name == "grid_search" {
			return positional(name, []*yaml.Node{all[0].value})
		}
		if all[0].value.Kind == yaml.SequenceNode {
			return positional(name, all[0].value.Content)
		}
	}
	return "", nil
}

// rayArgument is an argument by the name of the signatures.
func rayArgument(name string) string {
	switch name {
	case "low", "min", "lower_bound":
		return "lower"
	case "high", "max", "upper_bound":
		return "upper"
	case "std", "sigma":
		return "sd"
	case "mu":
		return "mean"
	case "values", "options":
		return "categories"
	}
	return name
}

// rayPython reads the arguments of a call: numbers, texts, lists, keywords.
func rayPython(at *yaml.Node, name, inside string) (string, map[string]*yaml.Node) {
	args := map[string]*yaml.Node{}
	inside = strings.NewReplacer("True", "true", "False", "false", "None", "null", "(", "[", ")", "]").Replace(inside)
	inside = regexp.MustCompile(`\b([a-z_]+)\s*=\s*`).ReplaceAllString(inside, "$1: ")
	s := source{}
	list := s.parse([]byte("a: [" + inside + "]"))
	if list == nil {
		return name, args
	}
	for i, v := range find(list, "a").Content {
		setLine(v, at.Line)
		if e := entries(v); len(e) == 1 && v.Style&yaml.FlowStyle != 0 { // a: [b: 1] is a keyword
			args[rayArgument(e[0].name())] = e[0].value
		} else if i < len(raySignatures[name]) {
			args[raySignatures[name][i]] = v
		}
	}
	return name, args
}

func setLine(n *yaml.Node, line int) {
	n.Line = line
	for _, c := range n.Content {
		setLine(c, line)
	}
}

// anyRay reports whether a sampler of Ray Tune lies anywhere in a document.
func anyRay(n *yaml.Node, depth int) bool {
	for _, e := range entries(n) {
		if kind, _ := rayDomain(e.value); kind != "" || depth < maxDepth && anyRay(e.value, depth+1) {
			return true
		}
	}
	return false
}

// rayMethods are the search algorithms by our names.
var rayMethods = map[string]string{
	"optunasearch": "tpe", "optuna": "tpe", "hyperoptsearch": "tpe", "hyperopt": "tpe", "tunebohb": "tpe", "bohb": "tpe", "bayesoptsearch": "gp", "bayesopt": "gp",
	"axsearch": "gp", "ax": "gp", "hebosearch": "gp", "hebo": "gp", "skoptsearch": "gp", "basicvariantgenerator": "random", "variant_generator": "random", "random": "random",
}

// readRay reads a search space by itself, or one in param_space, config or
// space with the settings of the Tuner beside it.
func readRay(d *draft, doc *yaml.Node) {
	space, at := first(doc, "param_space", "config", "space")
	settings := doc
	if space == nil || !anyRay(space, 0) {
		space, at, settings = doc, "", nil
		d.lose("The metric and its mode, which a space does not say: value, to minimize, was put in.")
	}
	if tc := find(settings, "tune_config"); tc != nil {
		d.loseOthers("", settings, at, "tune_config", "run_config")
		if stop := find(settings, "run_config", "stop"); stop != nil {
			add(tc, "stop", stop)
		}
		settings = tc
	}
	grids, others := 0, 0
	d.params = d.rayParams("", at, space, &grids, &others)
	samples := 1
	if n := find(settings, "num_samples"); n != nil {
		samples = d.whole("num_samples", n, -1)
	}
	d.raySettings(settings, at)
	switch {
	case grids > 0 && others == 0:
		d.method = "grid"
		if samples > 1 {
			d.lose("num_samples %d: a grid visits each cell once.", samples)
		}
	case samples > 0 && find(settings, "num_samples") != nil:
		d.runCap = samples
		if grids > 0 {
			d.runCap = min(samples*d.rayCells(space, 0), tourney.MaxTrials)
			d.lose("Each cell of a grid_search was to be combined with %d samples; here the cells are drawn, too.", samples)
		}
	case grids > 0:
		d.runCap = d.rayCells(space, 0)
		d.lose("Each cell of a grid_search was to be combined with samples of the others; here the cells are drawn, too.")
	}
	d.needCap("The space")
}

// rayCells multiplies the sizes of the grids.
func (d *draft) rayCells(n *yaml.Node, depth int) int {
	cells := 1
	for _, e := range entries(n) {
		kind, args := rayDomain(e.value)
		switch {
		case kind == "grid_search":
			cells *= max(1, len(itemsOf(firstArg(args, "values", "categories"))))
		case kind == "" && depth < maxDepth:
			cells *= d.rayCells(e.value, depth+1)
		}
		if cells > tourney.MaxTrials {
			return tourney.MaxTrials
		}
	}
	return cells
}

func firstArg(args map[string]*yaml.Node, names ...string) *yaml.Node {
	for _, n := range names {
		if args[n] != nil {
			return args[n]
		}
	}
	return nil
}

func (d *draft) raySettings(s *yaml.Node, space string) {
	if s == nil {
		return
	}
	d.name, d.metric = text(find(s, "name")), metricName(text(find(s, "metric")))
	switch mode := text(find(s, "mode")); mode {
	case "", "min":
		d.goal = "minimize"
	case "max":
		d.goal = "maximize"
	default:
		d.bad("mode", find(s, "mode"), "%q must be min or max", mode)
	}
	if n := find(s, "max_concurrent_trials"); n != nil && n.Tag != "!!null" {
		d.parallel = d.whole("max_concurrent_trials", n, 0)
	}
	if n := find(s, "time_budget_s"); n != nil && n.Tag != "!!null" {
		d.wall = strconv.FormatFloat(d.float("time_budget_s", n), 'f', -1, 64) + "s"
	}
	if n := find(s, "search_alg"); n != nil && n.Tag != "!!null" {
		name := rayName(n)
		if m, ok := rayMethods[strings.ToLower(name)]; ok {
			d.method = m
		} else {
			d.method = "auto"
			d.lose("The search algorithm %q is not known here; method: auto was put in.", name)
		}
	}
	steps := find(s, "stop", "training_iteration")
	d.rayScheduler(find(s, "scheduler"), steps)
	d.loseOthers("", s, "name", "metric", "mode", "num_samples", "max_concurrent_trials", "time_budget_s", "search_alg", "scheduler", "stop", space)
	d.loseOthers("stop", find(s, "stop"), "training_iteration")
}

// rayName is the name of what is given by a text or a mapping with a type.
func rayName(n *yaml.Node) string {
	if t := text(n); t != "" {
		return t
	}
	return text(firstOf(n, "type", "name", "class"))
}

func (d *draft) rayScheduler(s, steps *yaml.Node) {
	if s == nil || s.Tag == "!!null" {
		return
	}
	args := s
	if a := find(s, "args"); a != nil {
		args = a
	}
	num := func(key string, otherwise int) int64 {
		if n := find(args, key); n != nil {
			return int64(d.whole("scheduler."+key, n, 1))
		}
		return int64(otherwise)
	}
	most := 0
	if steps != nil {
		most = d.whole("stop.training_iteration", steps, 1)
	}
	name := strings.ToLower(strings.TrimSuffix(rayName(s), "Scheduler"))
	known := []string{"type", "name", "class", "args", "time_attr", "metric", "mode"}
	switch name {
	case "fifo":
		return
	case "asha", "asynchyperband", "async_hyperband":
		d.early = []pair{{"type", "asha"}, {"min_iter", num("grace_period", 1)}, {"max_iter", num("max_t", 100)}, {"eta", num("reduction_factor", 4)}, {"stop", true}}
		if n := num("brackets", 1); n > 1 {
			d.early = append(d.early, pair{"brackets", n})
		}
		known = append(known, "grace_period", "max_t", "reduction_factor", "brackets")
	case "hyperband", "hb_bohb", "hyperbandforbohb":
		d.early = []pair{{"type", "asha"}, {"max_iter", num("max_t", 81)}, {"eta", num("reduction_factor", 3)}}
		d.lose("%s's brackets are one ladder of asha.", rayName(s))
		known = append(known, "max_t", "reduction_factor")
	case "medianstoppingrule", "median_stopping_rule", "medianstopping":
		if most == 0 {
			d.lose("The median rule: give early_terminate: {type: median, max_iter: N} with the steps of a trial.")
			return
		}
		d.early = []pair{{"type", "median"}, {"max_iter", int64(most)}, {"min_iter", num("grace_period", 1)}, {"min_trials", num("min_samples_required", 3)}}
		known = append(known, "grace_period", "min_samples_required")
	case "populationbasedtraining", "pbt", "pb2":
		if most == 0 {
			d.lose("Population-based training: give early_terminate: {type: pbt, max_iter: N} with the steps of a trial.")
			return
		}
		d.early = []pair{{"type", "pbt"}, {"max_iter", int64(most)}, {"interval", num("perturbation_interval", max(1, most/10))}}
		for _, p := range [][2]string{{"quantile_fraction", "quantile"}, {"resample_probability", "resample"}} {
			if n := find(args, p[0]); n != nil {
				d.early = append(d.early, pair{p[1], d.float("scheduler."+p[0], n)})
			}
		}
		known = append(known, "perturbation_interval", "quantile_fraction", "resample_probability")
	default:
		d.lose("The scheduler %s is not known here.", rayName(s))
		return
	}
	d.loseOthers("scheduler", args, known...)
}

func (d *draft) rayParams(prefix, path string, n *yaml.Node, grids, others *int) []param {
	var out []param
	for _, e := range entries(n) {
		name, at := d.clean(e.name()), strings.TrimPrefix(path+"."+e.name(), ".")
		full := prefix + name
		kind, args := rayDomain(e.value)
		switch {
		case kind == "grid_search":
			*grids++
		case kind != "":
			*others++
		case e.value.Kind == yaml.MappingNode:
			if inner := d.rayParams(full+".", at, e.value, grids, others); len(inner) > 0 {
				out = append(out, param{name: name, inner: inner})
			}
			continue
		default:
			out = append(out, d.param(full, name, e.value, "", pair{"value", d.value(e.value)}))
			continue
		}
		if kind == "sample_from" {
			d.lose("The parameter %s is computed by a function; it is left out.", full)
			continue
		}
		out = append(out, d.rayParam(full, name, at, kind, e.value, args))
	}
	return out
}

func (d *draft) rayParam(full, name, path, kind string, n *yaml.Node, args map[string]*yaml.Node) param {
	if kind == "choice" || kind == "grid_search" {
		list := firstArg(args, "categories", "values")
		var values []any
		for _, v := range d.items(path+"."+kind, orAt(list, n)) {
			values = append(values, d.value(v))
		}
		return d.param(full, name, n, tourney.Categorical, pair{"values", values})
	}
	number := func(arg string, otherwise float64) float64 {
		switch v := args[arg]; {
		case v != nil:
			return d.float(path+"."+arg, v)
		case math.IsNaN(otherwise):
			d.bad(path, n, "%s needs %s", kind, arg)
		}
		return otherwise
	}
	if strings.HasSuffix(kind, "randn") {
		pairs := []pair{{"mu", number("mean", 0)}, {"sigma", number("sd", 1)}}
		if kind == "randn" {
			return d.param(full, name, n, tourney.Normal, pairs...)
		}
		return d.param(full, name, n, tourney.QNormal, append(pairs, pair{"q", number("q", math.NaN())})...)
	}
	lo, hi := number("lower", math.NaN()), number("upper", math.NaN())
	if args["base"] != nil {
		d.lose("The base of %s, which changes nothing.", full)
	}
	if len(d.errs) > 0 {
		return param{name: name}
	}
	switch kind {
	case "uniform":
		return d.ranged(full, name, n, tourney.Uniform, lo, hi)
	case "quniform":
		return d.ranged(full, name, n, tourney.QUniform, lo, hi, pair{"q", number("q", math.NaN())})
	case "loguniform":
		return d.ranged(full, name, n, tourney.LogUniformValues, lo, hi)
	case "qloguniform":
		return d.ranged(full, name, n, tourney.QLogUniformValues, lo, hi, pair{"q", number("q", math.NaN())})
	case "randint": // without its upper end
		return d.ranged(full, name, n, tourney.IntUniform, int64(lo), int64(hi)-1)
	case "lograndint": // likewise
		return d.ranged(full, name, n, tourney.QLogUniformValues, int64(lo), int64(hi)-1, pair{"q", int64(1)})
	case "qlograndint":
		return d.ranged(full, name, n, tourney.QLogUniformValues, int64(lo), int64(hi), pair{"q", int64(number("q", 1))})
	}
	if q := number("q", 1); q != 1 { // qrandint
		return d.stepped(full, name, n, lo, hi, q, true)
	}
	return d.ranged(full, name, n, tourney.IntUniform, int64(lo), int64(hi)-1) // its code takes the way of randint then
}

func orAt(n, at *yaml.Node) *yaml.Node {
	if n != nil {
		return n
	}
	return at
}

func index(path string, i int) string { return fmt.Sprintf("%s.%d", path, i) }

// tidy rounds to 12 digits: 10^-3 is 0.001.
func tidy(x float64) float64 {
	f, _ := strconv.ParseFloat(strconv.FormatFloat(x, 'g', 12, 64), 64)
	return f
}

var badMetric = regexp.MustCompile(`[^A-Za-z0-9_./-]+`)

// metricName returns a name that a metric may have, or "".
func metricName(name string) string {
	if name == "" {
		return ""
	}
	name = badMetric.ReplaceAllString(name, "_")
	if !strings.ContainsAny(name[:1], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") {
		name = "_" + name
	}
	return name
}
