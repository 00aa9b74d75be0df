package foreign

import (
	"math"
	"strings"

	"go.yaml.in/yaml/v4"

	"tourney"
)

// isOptuna reports whether a value is a distribution of Optuna's, in its long
// or short form, or as the text that its storages hold.
func isOptuna(n *yaml.Node) bool {
	if n.Kind == yaml.ScalarNode {
		return strings.Contains(n.Value, `Distribution"`)
	}
	if strings.HasSuffix(text(find(n, "name")), "Distribution") {
		return true
	}
	switch text(find(n, "type")) {
	case "float":
		return find(n, "low") != nil
	case "int":
		return find(n, "low") != nil
	case "categorical":
		return find(n, "choices") != nil
	}
	return false
}

// readOptuna reads distributions by name, by themselves or as a part of a
// document that also tells the study's direction and number of trials.
func readOptuna(d *draft, doc *yaml.Node) {
	space, at := first(doc, "distributions", "search_space")
	if space == nil {
		space, at = doc, ""
		d.lose("The metric and its goal, which distributions do not say: value, to minimize, was put in.")
	} else {
		d.name = text(find(doc, "study_name"))
		d.goal = strings.ToLower(text(find(doc, "direction")))
		if n := find(doc, "n_trials"); n != nil {
			d.runCap = d.whole("n_trials", n, 1)
		}
		d.loseOthers("", doc, "distributions", "search_space", "study_name", "direction", "n_trials")
	}
	d.method = "tpe" // its default sampler
	for _, e := range entries(space) {
		path := strings.TrimPrefix(at+"."+e.name(), ".")
		n := e.value
		if n.Kind == yaml.ScalarNode && n.Tag == "!!str" {
			inner := source{}
			parsed := inner.parse([]byte(n.Value))
			if parsed == nil {
				d.bad(path, n, "%v", inner.invalid())
				continue
			}
			parsed.Line = n.Line
			n = parsed
		}
		d.params = append(d.params, d.optunaParam(path, d.clean(e.name()), n))
	}
	d.needCap("The study")
}

func (d *draft) optunaParam(path, key string, n *yaml.Node) param {
	kind, fields := text(find(n, "type")), n
	log, whole := text(find(fields, "log")) == "true", kind == "int"
	if name := text(find(n, "name")); name != "" {
		if fields = find(n, "attributes"); fields == nil {
			d.bad(path+".attributes", n, "is missing")
			return param{name: key}
		}
		log = text(find(fields, "log")) == "true" || strings.Contains(name, "Log")
		switch name {
		case "FloatDistribution", "UniformDistribution", "LogUniformDistribution", "DiscreteUniformDistribution":
			kind = "float"
		case "IntDistribution", "IntUniformDistribution", "IntLogUniformDistribution":
			kind, whole = "int", true
		case "CategoricalDistribution":
			kind = "categorical"
		default:
			d.bad(path+".name", n, "%q is no distribution of Optuna%s", name, tourney.DidYouMean(name, []string{"FloatDistribution", "IntDistribution", "CategoricalDistribution"}))
			return param{name: key}
		}
	}
	switch kind {
	case "categorical":
		var values []any
		for _, c := range d.items(path+".choices", find(fields, "choices")) {
			values = append(values, d.value(c))
		}
		return d.param(key, key, n, tourney.Categorical, pair{"values", values})
	case "float", "int":
	default:
		d.bad(path+".type", n, "%q must be float, int or categorical", kind)
		return param{name: key}
	}
	lowest, highest := find(fields, "low"), find(fields, "high")
	if lowest == nil || highest == nil {
		d.bad(path, n, "needs low and high")
		return param{name: key}
	}
	lo, hi := d.float(path+".low", lowest), d.float(path+".high", highest)
	step, _ := first(fields, "step", "q")
	q := 0.0
	if step != nil {
		q = d.float(path+".step", step)
	}
	if whole && (lo != math.Trunc(lo) || hi != math.Trunc(hi)) {
		d.bad(path, n, "an int has whole ends, not %v and %v", lo, hi)
		return param{name: key}
	}
	switch {
	case whole && log:
		return d.ranged(key, key, n, tourney.QLogUniformValues, int64(lo), int64(hi), pair{"q", int64(1)})
	case whole && q > 1:
		return d.stepped(key, key, n, lo, hi, q, true)
	case whole:
		return d.ranged(key, key, n, tourney.IntUniform, int64(lo), int64(hi))
	case log:
		return d.ranged(key, key, n, tourney.LogUniformValues, lo, hi)
	case q > 0:
		return d.stepped(key, key, n, lo, hi, q, false)
	}
	return d.ranged(key, key, n, tourney.Uniform, lo, hi)
}
