package foreign

import (
	"math"
	"strings"

	"go.yaml.in/yaml/v4"
)

// readWandB reads a sweep file of W&B, whose keys and parameters are ours: what
// is left to do is to say what means nothing here.
func readWandB(d *draft, doc *yaml.Node) {
	d.name = text(find(doc, "name"))
	d.description = text(find(doc, "description"))
	d.program = text(find(doc, "program"))
	if c := find(doc, "command"); c != nil {
		if c.Kind == yaml.ScalarNode {
			d.command = strings.Fields(c.Value)
		}
		for _, n := range itemsOf(c) {
			d.command = append(d.command, text(n))
		}
	}
	switch d.method = text(find(doc, "method")); d.method {
	case "custom":
		d.method = "auto"
		d.lose("method: custom, a search of your own; auto was put in.")
	case "random", "grid", "bayes":
	default:
		d.bad("method", find(doc, "method"), "%q must be bayes, random, grid or custom", d.method)
	}
	d.goal = "minimize" // its default
	if m := find(doc, "metric"); m != nil {
		d.wandbMetric("metric", m, true)
	}
	for i, m := range itemsOf(find(doc, "metrics")) {
		name, goal := d.metric, d.goal
		d.wandbMetric(index("metrics", i), m, false)
		if i > 0 {
			d.metrics = append(d.metrics, pair{d.metric, d.goal})
			d.metric, d.goal = name, goal
		}
	}
	if n := find(doc, "run_cap"); n != nil {
		d.runCap = d.whole("run_cap", n, 1)
	}
	for _, key := range []string{"project", "entity", "controller", "scheduler", "job", "image_uri"} {
		if find(doc, key) != nil {
			d.lose("%s means nothing here.", key)
		}
	}
	d.loseOthers("", doc, "program", "method", "metric", "metrics", "parameters", "early_terminate", "command", "run_cap", "name", "description",
		"project", "entity", "controller", "scheduler", "job", "image_uri", "apiVersion", "kind")
	d.wandbEarly(find(doc, "early_terminate"))
	d.params = d.wandbParams("", find(doc, "parameters"))
	d.needCap("The sweep")
}

func (d *draft) wandbMetric(path string, m *yaml.Node, only bool) {
	d.metric, d.goal = metricName(text(find(m, "name"))), "minimize"
	switch goal := text(find(m, "goal")); goal {
	case "minimize", "":
	case "maximize":
		d.goal = goal
	default:
		d.lose("%s.goal %q is neither minimize nor maximize; W&B minimizes then.", path, goal)
	}
	if t := find(m, "target"); t != nil && only {
		d.target = d.float(path+".target", t)
	}
	if find(m, "impute") != nil || find(m, "impute_while_running") != nil {
		d.lose("%s.impute and impute_while_running: trials that failed count as bad.", path)
	}
}

func (d *draft) wandbEarly(e *yaml.Node) {
	if e == nil {
		return
	}
	d.early = []pair{{"type", text(find(e, "type"))}}
	for _, key := range []string{"min_iter", "max_iter", "s", "eta"} {
		n := find(e, key)
		if n == nil {
			continue
		}
		f := d.float("early_terminate."+key, n)
		if f != math.Trunc(f) {
			d.lose("early_terminate.%s %v is rounded.", key, f)
		}
		d.early = append(d.early, pair{key, int64(math.Max(1, math.Round(f)))})
	}
	strict := true // as its package fills it in
	if n := find(e, "strict"); n != nil {
		strict, _ = d.value(n).(bool)
	}
	d.early = append(d.early, pair{"strict", strict})
	if find(e, "min_iter") != nil && find(e, "s") != nil { // min_iter wins there
		d.early = without(d.early, "s")
	}
}

func without(pairs []pair, key string) []pair {
	var out []pair
	for _, p := range pairs {
		if p.key != key {
			out = append(out, p)
		}
	}
	return out
}

// wandbParams takes the parameters as they are written.
func (d *draft) wandbParams(prefix string, n *yaml.Node) []param {
	var out []param
	for _, e := range entries(n) {
		name := d.clean(e.name())
		full := prefix + name
		if inner := find(e.value, "parameters"); inner != nil {
			out = append(out, param{name: name, inner: d.wandbParams(full+".", inner)})
			continue
		}
		p := d.param(full, name, e.value, "")
		for _, f := range entries(e.value) {
			p.pairs = append(p.pairs, pair{f.name(), f.value})
		}
		out = append(out, p)
	}
	return out
}
