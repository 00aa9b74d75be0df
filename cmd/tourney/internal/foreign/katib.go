package foreign

import (
	"math"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"tourney"
)

// katibMethods are Katib's algorithms by our names.
var katibMethods = map[string]string{
	"random": "random", "grid": "grid", "bayesianoptimization": "gp", "tpe": "tpe", "multivariate-tpe": "tpe",
	"cmaes": "cmaes", "sobol": "sobol", "hyperband": "random", "pbt": "random",
}

// readKatib reads an Experiment of kubeflow.org/v1beta1.
func readKatib(d *draft, doc *yaml.Node) {
	if v := text(find(doc, "apiVersion")); v != "" && v != "kubeflow.org/v1beta1" {
		d.bad("apiVersion", find(doc, "apiVersion"), "%s is not known; there is kubeflow.org/v1beta1", v)
	}
	spec := find(doc, "spec")
	if spec == nil {
		d.bad("spec", doc, "is missing")
		return
	}
	d.name = text(find(doc, "metadata", "name"))
	d.loseOthers("spec", spec, "objective", "algorithm", "earlyStopping", "parallelTrialCount", "maxTrialCount", "parameters", "trialTemplate", "metricsCollectorSpec")
	d.katibObjective(find(spec, "objective"), spec)
	d.parallel = 3 // its default
	if n := find(spec, "parallelTrialCount"); n != nil {
		d.parallel = d.whole("spec.parallelTrialCount", n, 1)
	}
	if n := find(spec, "maxTrialCount"); n != nil {
		d.runCap = d.whole("spec.maxTrialCount", n, 1)
	}
	d.katibAlgorithm(find(spec, "algorithm"))
	if e := find(spec, "earlyStopping"); e != nil {
		d.lose("earlyStopping %s: give early_terminate: {type: median, max_iter: N} with the steps of a trial, which Katib does not know.", text(find(e, "algorithmName")))
	}
	if c := find(spec, "metricsCollectorSpec"); c != nil {
		if kind := text(find(c, "collector", "kind")); kind != "" && kind != "StdOut" {
			d.lose("metricsCollectorSpec: the collector %s.", kind)
		}
		if find(c, "source", "filter") != nil {
			d.lose("metricsCollectorSpec.source.filter: the formats of metrics.")
		}
	}
	names := map[string]bool{}
	for i, p := range d.items("spec.parameters", find(spec, "parameters")) {
		name := text(find(p, "name"))
		if name == "" {
			d.bad(index("spec.parameters", i)+".name", p, "is missing")
			continue
		}
		names[name] = true
		d.params = append(d.params, d.katibParam(index("spec.parameters", i), name, p))
	}
	d.katibTemplate(find(spec, "trialTemplate"), names)
	d.needCap("The Experiment")
}

func (d *draft) katibObjective(o, spec *yaml.Node) {
	if o == nil {
		d.bad("spec.objective", spec, "is missing")
		return
	}
	d.metric = metricName(text(find(o, "objectiveMetricName")))
	switch d.goal = text(find(o, "type")); d.goal {
	case "minimize", "maximize":
	default:
		d.bad("spec.objective.type", o, "must be minimize or maximize, not %q", d.goal)
	}
	if g := find(o, "goal"); g != nil {
		d.target = d.float("spec.objective.goal", g)
	}
	for _, n := range entries(o) {
		switch n.name() {
		case "additionalMetricNames":
			d.lose("objective.additionalMetricNames: every metric that a trial reports is kept.")
		case "metricStrategies":
			d.lose("objective.metricStrategies: the best value of a trial counts.")
		}
	}
}

func (d *draft) katibAlgorithm(a *yaml.Node) {
	name := text(find(a, "algorithmName"))
	var ok bool
	if d.method, ok = katibMethods[name]; !ok {
		if name == "enas" || name == "darts" {
			d.bad("spec.algorithm.algorithmName", a, "%s searches for architectures, which is not a search over parameters", name)
			return
		}
		d.method = "auto"
		d.lose("The algorithm %q is not known here; method: auto was put in.", name)
	}
	settings := map[string]*yaml.Node{}
	if list := find(a, "algorithmSettings"); list != nil {
		for _, s := range d.items("spec.algorithm.algorithmSettings", list) {
			settings[text(find(s, "name"))] = find(s, "value")
			if n := text(find(s, "name")); n != "random_state" && (name != "hyperband" || n != "r_l" && n != "eta" && n != "resource_name") {
				d.lose("The setting %s of the algorithm.", n)
			}
		}
	}
	if n := settings["random_state"]; n != nil {
		d.seed = int64(d.whole("spec.algorithm.algorithmSettings.random_state", n, 0))
	}
	switch name {
	case "hyperband":
		if settings["r_l"] == nil {
			d.lose("hyperband: its setting r_l, the most steps of a trial, is missing.")
			return
		}
		eta := 3
		if n := settings["eta"]; n != nil {
			eta = d.whole("spec.algorithm.algorithmSettings.eta", n, 2)
		}
		d.early = []pair{{"type", "asha"}, {"max_iter", int64(d.whole("spec.algorithm.algorithmSettings.r_l", settings["r_l"], 1))}, {"eta", int64(eta)}}
		d.lose("hyperband's brackets are one ladder of asha; the parameter %s is the step of a trial and may be left out.", text(settings["resource_name"]))
	case "pbt":
		d.lose("pbt: give early_terminate: {type: pbt, max_iter: N} with the steps of a trial, which Katib does not know.")
	}
}

func (d *draft) katibParam(path, name string, p *yaml.Node) param {
	space := find(p, "feasibleSpace")
	key := d.clean(name)
	kind, distribution := text(find(p, "parameterType")), text(find(space, "distribution"))
	switch kind {
	case "categorical", "discrete":
		var values []any
		for _, v := range d.items(path+".feasibleSpace.list", find(space, "list")) {
			if kind == "discrete" {
				values = append(values, numberOf(text(v)))
			} else {
				values = append(values, text(v))
			}
		}
		as := tourney.Categorical
		if kind == "discrete" {
			as = tourney.Ordinal
		}
		return d.param(key, key, p, as, pair{"values", values})
	case "double", "int":
	default:
		d.bad(path+".parameterType", p, "%q must be double, int, discrete or categorical", kind)
		return param{name: key}
	}
	if find(space, "min") == nil || find(space, "max") == nil {
		d.bad(path+".feasibleSpace", p, "%s needs min and max", kind)
		return param{name: key}
	}
	lo, hi := d.float(path+".feasibleSpace.min", find(space, "min")), d.float(path+".feasibleSpace.max", find(space, "max"))
	whole := kind == "int"
	if whole && (lo != math.Trunc(lo) || hi != math.Trunc(hi)) {
		d.bad(path+".feasibleSpace", space, "an int has whole ends, not %v and %v", lo, hi)
	}
	return d.katibRange(path, key, p, space, lo, hi, whole, distribution)
}

func (d *draft) katibRange(path, key string, p, space *yaml.Node, lo, hi float64, whole bool, distribution string) param {
	num := func(f float64) any {
		if whole {
			return int64(f)
		}
		return f
	}
	step := find(space, "step")
	switch distribution {
	case "", "uniform":
		if step != nil {
			if q := d.float(path+".feasibleSpace.step", step); !whole || q != 1 {
				return d.stepped(key, key, p, lo, hi, q, whole && q == math.Trunc(q))
			}
		}
		as := tourney.Uniform
		if whole {
			as = tourney.IntUniform
		}
		return d.ranged(key, key, p, as, num(lo), num(hi))
	case "logUniform":
		if whole || step != nil {
			q := 1.0
			if step != nil {
				q = d.float(path+".feasibleSpace.step", step)
			}
			return d.ranged(key, key, p, tourney.QLogUniformValues, num(lo), num(hi), pair{"q", num(q)})
		}
		return d.ranged(key, key, p, tourney.LogUniformValues, num(lo), num(hi))
	case "normal", "logNormal":
		as := tourney.Normal
		if distribution == "logNormal" {
			as = tourney.LogNormal
			lo, hi = math.Log(lo), math.Log(hi)
		}
		pairs := []pair{{"mu", (lo + hi) / 2}, {"sigma", (hi - lo) / 6}} // as its own service reads the ends
		if whole {
			as = "q_" + as
			pairs = append(pairs, pair{"q", int64(1)})
		}
		d.lose("The ends of %s, whose distribution %s has none here.", key, distribution)
		return d.param(key, key, p, as, pairs...)
	}
	d.bad(path+".feasibleSpace.distribution", space, "%q must be uniform, logUniform, normal or logNormal", distribution)
	return param{name: key}
}

var katibMacro = regexp.MustCompile(`\$\{(trialParameters|trialSpec)\.([^}]+)\}`)

// katibTemplate takes the first container's command, with our macros. What a
// trial parameter is called there and what it refers to are two things.
func (d *draft) katibTemplate(t *yaml.Node, params map[string]bool) {
	if t == nil {
		return
	}
	reference := map[string]string{}
	if list := find(t, "trialParameters"); list != nil {
		for i, p := range d.items("spec.trialTemplate.trialParameters", list) {
			name, ref := text(find(p, "name")), text(find(p, "reference"))
			if !params[ref] && !strings.HasPrefix(ref, "${trialSpec.") {
				d.bad(index("spec.trialTemplate.trialParameters", i)+".reference", p, "there is no parameter %q", ref)
			}
			reference[name] = ref
		}
	}
	if find(t, "configMap") != nil {
		d.lose("trialTemplate.configMap: the template is not in this file.")
		return
	}
	container := firstContainer(find(t, "trialSpec"), 0)
	if container == nil {
		d.lose("trialTemplate: no container with a command was found.")
		return
	}
	if image := text(find(container, "image")); image != "" {
		d.lose("The image %s: the command must run where the worker is.", image)
	}
	for _, key := range []string{"command", "args"} {
		for _, n := range itemsOf(find(container, key)) {
			d.command = append(d.command, katibMacro.ReplaceAllStringFunc(text(n), func(m string) string {
				part := katibMacro.FindStringSubmatch(m)
				ref, ok := reference[part[2]]
				switch {
				case part[1] == "trialSpec" || strings.HasPrefix(ref, "${trialSpec."):
					d.lose("%s in the command.", m)
					return part[2]
				case !ok:
					d.bad("spec.trialTemplate", n, "%s: there is no trial parameter of that name", m)
				}
				return "${" + d.clean(ref) + "}"
			}))
		}
	}
}

// firstContainer finds the first mapping below containers that has a command
// or arguments.
func firstContainer(n *yaml.Node, depth int) *yaml.Node {
	if n == nil || depth > maxDepth {
		return nil
	}
	for _, c := range itemsOf(find(n, "containers")) {
		if find(c, "command") != nil || find(c, "args") != nil {
			return c
		}
	}
	for _, child := range n.Content {
		if c := firstContainer(child, depth+1); c != nil {
			return c
		}
	}
	return nil
}

func itemsOf(n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		return nil
	}
	return n.Content
}
