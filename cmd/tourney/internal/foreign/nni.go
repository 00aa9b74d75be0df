package foreign

import (
	"math"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"tourney"
)

// nniMethods are NNI's tuners by our names.
var nniMethods = map[string]string{
	"tpe": "tpe", "random": "random", "gridsearch": "grid", "gptuner": "gp", "gp": "gp", "metistuner": "gp", "metis": "gp",
	"batchtuner": "random", "batch": "random", "hyperband": "random", "bohb": "tpe", "pbttuner": "random", "pbt": "random",
}

// readNNI reads an experiment's configuration, of version 1, 2 or 3, or a
// search space by itself.
func readNNI(d *draft, doc *yaml.Node) {
	d.goal, d.metric = "maximize", "default" // its defaults
	space, at := first(doc, "searchSpace", "search_space")
	file, fileKey := first(doc, "searchSpaceFile", "searchSpacePath", "search_space_file")
	switch {
	case space != nil:
	case file != nil:
		at = text(file)
		if space = d.nniFile(fileKey, file); space == nil {
			return
		}
	default:
		space = doc
		d.lose("The metric, whose goal a search space does not say: default, to maximize, was put in.")
	}
	if space != doc {
		d.nniExperiment(doc)
	}
	d.params = d.nniParams("", at, space)
	d.needCap("The experiment")
}

// nniFile reads the search space that lies in another file.
func (d *draft) nniFile(key string, n *yaml.Node) *yaml.Node {
	if d.options.Open == nil {
		d.bad(key, n, "%s: the search space lies in a file that cannot be read from here; give that file", text(n))
		return nil
	}
	data, err := d.options.Open(text(n))
	if err != nil {
		d.bad(key, n, "%v", err)
		return nil
	}
	other := source{file: text(n)}
	space := other.parse(data)
	if space == nil {
		d.bad(key, n, "%v", other.invalid())
	}
	return space
}

func (d *draft) nniExperiment(doc *yaml.Node) {
	d.name = text(firstOf(doc, "experimentName", "experiment_name"))
	d.command = strings.Fields(text(firstOf(doc, "trialCommand", "trial_command")))
	if c := find(doc, "trial", "command"); c != nil {
		d.command = strings.Fields(text(c))
	}
	if len(d.command) > 0 {
		d.lose("The program asks NNI for its parameters by nni.get_next_parameter; here they are arguments of the command, or in a file.")
	}
	if n, key := first(doc, "trialConcurrency", "trial_concurrency"); n != nil {
		d.parallel = d.whole(key, n, 1)
	}
	if n, key := first(doc, "maxTrialNumber", "max_trial_number", "maxTrialNum"); n != nil {
		d.runCap = d.whole(key, n, 1)
	}
	if n, key := first(doc, "maxExperimentDuration", "max_experiment_duration", "maxExecDuration"); n != nil {
		d.wall = d.nniDuration(key, n)
	}
	tuner, key := first(doc, "tuner", "advisor")
	if tuner == nil {
		d.lose("No tuner is named; random was put in.")
	} else {
		d.nniTuner(key, tuner)
	}
	if a := find(doc, "assessor"); a != nil {
		d.lose("The assessor %s: give early_terminate: {type: median, max_iter: N} with the steps of a trial, which NNI does not know.", text(firstOf(a, "name", "builtinAssessorName")))
	}
	d.loseOthers("", doc, "searchSpace", "search_space", "searchSpaceFile", "searchSpacePath", "search_space_file", "experimentName", "experiment_name",
		"trialCommand", "trial_command", "trialConcurrency", "trial_concurrency", "maxTrialNumber", "max_trial_number", "maxTrialNum",
		"maxExperimentDuration", "max_experiment_duration", "maxExecDuration", "tuner", "advisor", "assessor")
}

func firstOf(n *yaml.Node, keys ...string) *yaml.Node {
	v, _ := first(n, keys...)
	return v
}

func (d *draft) nniTuner(key string, tuner *yaml.Node) {
	name := text(firstOf(tuner, "name", "builtinTunerName", "builtinAdvisorName"))
	args := firstOf(tuner, "classArgs", "class_args")
	if m, ok := nniMethods[strings.ToLower(name)]; ok {
		d.method = m
	} else {
		d.method = "auto"
		d.lose("The tuner %q is not known here; method: auto was put in.", name)
	}
	known := []string{"optimize_mode", "seed"}
	if mode := text(find(args, "optimize_mode")); mode != "" {
		if mode != "maximize" && mode != "minimize" {
			d.bad(key+".classArgs.optimize_mode", find(args, "optimize_mode"), "%q must be maximize or minimize", mode)
		}
		d.goal = mode
	}
	if n := find(args, "seed"); n != nil && n.Tag != "!!null" {
		d.seed = int64(d.whole(key+".classArgs.seed", n, 0))
	}
	switch strings.ToLower(name) {
	case "hyperband", "bohb":
		r, rPath := first(args, "R", "max_budget")
		if r != nil {
			eta := 3
			if n := find(args, "eta"); n != nil {
				eta = d.whole(key+".classArgs.eta", n, 2)
			}
			d.early = []pair{{"type", "asha"}, {"max_iter", int64(d.whole(key+".classArgs."+rPath, r, 1))}, {"eta", int64(eta)}}
			d.lose("%s's brackets are one ladder of asha.", name)
			known = append(known, rPath, "eta")
		}
	case "pbttuner", "pbt":
		d.lose("PBT: give early_terminate: {type: pbt, max_iter: N} with the steps of a trial, which NNI does not know.")
	}
	d.loseOthers(key+".classArgs", args, known...)
}

// nniDuration reads 30m, 1h or 2d, or seconds.
func (d *draft) nniDuration(path string, n *yaml.Node) string {
	t := text(n)
	if days, ok := strings.CutSuffix(t, "d"); ok {
		m := *n
		m.Value = days
		return (time.Duration(d.float(path, &m)*24) * time.Hour).String()
	}
	if dur, err := time.ParseDuration(t); err == nil && dur > 0 {
		return dur.String()
	}
	if f := d.float(path, n); f > 0 && f < 1e9 {
		return (time.Duration(f) * time.Second).String()
	}
	return ""
}

func (d *draft) nniParams(prefix, path string, n *yaml.Node) []param {
	var out []param
	for _, e := range entries(n) {
		if e.name() == "_name" {
			continue
		}
		name, at := d.clean(e.name()), strings.TrimPrefix(path+"."+e.name(), ".")
		kind, list := text(find(e.value, "_type")), find(e.value, "_value")
		switch {
		case e.value.Kind != yaml.MappingNode:
			out = append(out, d.param(prefix+name, name, e.value, "", pair{"value", d.value(e.value)}))
		case kind == "":
			d.bad(at, e.value, "has no _type")
		case kind == "choice":
			out = append(out, d.nniChoice(prefix, name, at, e.value, list)...)
		default:
			out = append(out, d.nniRange(prefix+name, name, at, kind, e.value, list))
		}
	}
	return out
}

// nniChoice reads a choice. One between mappings with a _name is a choice
// between subspaces: their parameters have a part where it is chosen.
func (d *draft) nniChoice(prefix, name, path string, n, list *yaml.Node) []param {
	var values []any
	var branches []param
	for _, v := range d.items(path+"._value", list) {
		branch := text(find(v, "_name"))
		if v.Kind != yaml.MappingNode || branch == "" {
			values = append(values, d.value(v))
			continue
		}
		values = append(values, branch)
		group := d.clean(name + "_" + branch)
		if inner := d.nniParams(prefix+group+".", path+"."+branch, v); len(inner) > 0 {
			branches = append(branches, param{name: group, inner: inner, when: []pair{{prefix + name, branch}}})
			d.lose("The parameters of %s where it is %q lie in %s.", prefix+name, branch, prefix+group)
		}
	}
	return append([]param{d.param(prefix+name, name, n, tourney.Categorical, pair{"values", values})}, branches...)
}

func (d *draft) nniRange(full, name, path, kind string, n, list *yaml.Node) param {
	var x []float64
	for _, v := range d.items(path+"._value", list) {
		x = append(x, d.float(path+"._value", v))
	}
	want := map[string]int{"randint": 2, "uniform": 2, "quniform": 3, "loguniform": 2, "qloguniform": 3, "normal": 2, "qnormal": 3, "lognormal": 2, "qlognormal": 3}
	if count, ok := want[kind]; !ok {
		d.bad(path+"._type", n, "%q is no type of NNI", kind)
		return param{name: name}
	} else if len(x) != count {
		d.bad(path+"._value", n, "%s takes %d numbers, not %d", kind, count, len(x))
		return param{name: name}
	}
	q := func() pair { return pair{"q", x[2]} }
	switch kind {
	case "randint": // without its upper end
		return d.ranged(full, name, n, tourney.IntUniform, int64(x[0]), int64(x[1])-1)
	case "uniform":
		return d.ranged(full, name, n, tourney.Uniform, x[0], x[1])
	case "quniform", "qloguniform":
		if !multiple(x[0], x[2]) || !multiple(x[1], x[2]) {
			d.lose("The ends of %s are no multiples of its step; NNI clips there.", full)
		}
		as := tourney.QUniform
		if kind == "qloguniform" {
			as = tourney.QLogUniformValues
		}
		return d.ranged(full, name, n, as, x[0], x[1], q())
	case "loguniform":
		return d.ranged(full, name, n, tourney.LogUniformValues, x[0], x[1])
	}
	pairs := []pair{{"mu", x[0]}, {"sigma", x[1]}}
	as := map[string]tourney.Distribution{"normal": tourney.Normal, "qnormal": tourney.QNormal, "lognormal": tourney.LogNormal, "qlognormal": tourney.QLogNormal}[kind]
	if len(x) == 3 {
		pairs = append(pairs, q())
	}
	return d.param(full, name, n, as, pairs...)
}

// multiple reports whether x is a multiple of q.
func multiple(x, q float64) bool {
	r := x / q
	return math.Abs(r-math.Round(r)) < 1e-9
}
