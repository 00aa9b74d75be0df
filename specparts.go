package tourney

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// metric reads a metric. W&B's metric.target ends a sweep, and so becomes the
// limit of that name; spec is nil where there is no place for it.
func (r *specReader) metric(key string, node *yaml.Node, spec *Spec) (m Metric) {
	bound := func(out **float64) func(string, *yaml.Node) {
		return func(p string, n *yaml.Node) {
			x := r.float(p, n)
			*out = &x
		}
	}
	read := map[string]func(string, *yaml.Node){
		"name":     func(p string, n *yaml.Node) { m.Name = r.text(p, n) },
		"goal":     func(p string, n *yaml.Node) { m.Goal = Goal(r.text(p, n)) },
		"of":       func(p string, n *yaml.Node) { m.Of = r.text(p, n) },
		"at_most":  bound(&m.AtMost),
		"at_least": bound(&m.AtLeast),
	}
	if spec != nil {
		read["target"] = bound(&spec.Limits.Target)
		for _, ignored := range []string{"impute", "impute_while_running"} {
			read[ignored] = func(p string, _ *yaml.Node) { spec.Ignored = append(spec.Ignored, p) }
		}
	}
	r.fields(key, node, read)
	return m
}

func (r *specReader) limits(key string, node *yaml.Node, spec *Spec) {
	l := &spec.Limits
	r.fields(key, node, map[string]func(string, *yaml.Node){
		"trials":         func(p string, n *yaml.Node) { spec.RunCap = r.count(p, n) },
		"wall":           func(p string, n *yaml.Node) { l.Wall = r.duration(p, n) },
		"worker_hours":   func(p string, n *yaml.Node) { l.WorkerHours = r.positive(p, n) },
		"cost":           func(p string, n *yaml.Node) { l.Cost = r.positive(p, n) },
		"no_improvement": func(p string, n *yaml.Node) { l.NoImprovement = r.count(p, n) },
		"target": func(p string, n *yaml.Node) {
			x := r.float(p, n)
			l.Target = &x
		},
	})
}

// duration reads seconds, or a time with units as 1h30m or 30d.
func (r *specReader) duration(path string, node *yaml.Node) float64 {
	node = resolve(node)
	if seconds, ok := ParseSpan(node.Value); ok && node.Kind == yaml.ScalarNode {
		return seconds
	}
	r.bad(path, node, "must be seconds or a time as 1h30m or 30d, more than 0, not %s", show(node))
	return 0
}

func (r *specReader) positive(path string, node *yaml.Node) float64 {
	x := r.float(path, node)
	if !(x > 0) {
		r.bad(path, node, "must be greater than 0, not %s", show(resolve(node)))
	}
	return x
}

// truth reads true or false.
func (r *specReader) truth(path string, node *yaml.Node) bool {
	v, ok := r.scalar(path, node).(bool)
	if !ok {
		r.bad(path, node, "must be true or false, not %s", show(resolve(node)))
	}
	return v
}

// point reads the values of one point, nested or with dots.
func (r *specReader) point(path string, node *yaml.Node) Params {
	point := Params{}
	var walk func(prefix, path string, node *yaml.Node)
	walk = func(prefix, path string, node *yaml.Node) {
		for name, n := range ordered(r.mapping(path, node)) {
			if resolve(n).Kind == yaml.MappingNode {
				walk(prefix+name+".", path+"."+name, n)
			} else {
				point[prefix+name] = r.scalar(path+"."+name, n)
			}
		}
	}
	walk("", path, node)
	return point
}

func (r *specReader) earlyTerminate(key string, node *yaml.Node) *EarlyTerminate {
	e := &EarlyTerminate{}
	r.fields(key, node, map[string]func(string, *yaml.Node){
		"type":       func(p string, n *yaml.Node) { e.Type = r.text(p, n) },
		"min_iter":   func(p string, n *yaml.Node) { e.MinIter = r.count(p, n) },
		"max_iter":   func(p string, n *yaml.Node) { e.MaxIter = r.count(p, n) },
		"eta":        func(p string, n *yaml.Node) { e.Eta = r.count(p, n) },
		"s":          func(p string, n *yaml.Node) { e.S = r.count(p, n) },
		"strict":     func(p string, n *yaml.Node) { e.Strict = r.truth(p, n) },
		"stop":       func(p string, n *yaml.Node) { e.Stop = r.truth(p, n) },
		"brackets":   func(p string, n *yaml.Node) { e.Brackets = r.count(p, n) },
		"fidelity":   func(p string, n *yaml.Node) { e.Fidelity = r.text(p, n) },
		"min_trials": func(p string, n *yaml.Node) { e.MinTrials = r.count(p, n) },
		"interval":   func(p string, n *yaml.Node) { e.Interval = r.count(p, n) },
		"population": func(p string, n *yaml.Node) { e.Population = r.count(p, n) },
		"quantile":   func(p string, n *yaml.Node) { e.Quantile = r.float(p, n) },
		"resample":   func(p string, n *yaml.Node) { e.Resample = r.float(p, n) },
	})
	given := r.mapping(key, node)
	if e.Type == "hyperband" && given["strict"] == nil && !r.stored {
		e.Strict = true // as W&B's own rule fills it in, whatever its manual says
	}
	for k := range given {
		if keys, ok := schedulerKeys[e.Type]; ok && k != "type" && !slices.Contains(keys, k) && r.known(key+"."+k) {
			r.bad(key+"."+k, nil, "does not go with type %s, which takes %s", e.Type, strings.Join(keys, ", "))
		}
	}
	return e
}

// known reports whether nothing was said against a path yet.
func (r *specReader) known(path string) bool {
	return !slices.ContainsFunc(r.errs, func(e FieldError) bool { return e.Path == path })
}

const (
	maxNesting = 16      // how deep parameters may lie in one another
	maxParams  = 1000    // of a space, with those that hold others
	maxNodes   = 100_000 // in lists and mappings that are values
)

// space reads parameters. Those that lie in a parameter get its name and a dot
// before their own, and have a part where it has one.
func (r *specReader) space(path, prefix string, node *yaml.Node, depth int) Space {
	var space Space
	if depth > maxNesting {
		r.bad(path, node, "parameters lie deeper than %d in one another", maxNesting)
		return nil
	}
	for name, n := range ordered(r.mapping(path, node)) {
		if r.params++; r.params > maxParams {
			r.bad("parameters", node, "has more than %d entries", maxParams)
			return nil
		}
		at := path + "." + name
		nested := resolve(n)
		if nested.Kind == yaml.MappingNode && child(nested, "parameters") != nil {
			inner := r.space(at+".parameters", prefix+name+".", child(nested, "parameters"), depth+1)
			fields := r.mapping(at, n)
			var when []Condition
			for key, v := range ordered(fields) {
				switch key {
				case "parameters":
				case "when":
					when = r.when(at+".when", v)
				default:
					r.bad(at+"."+key, v, "does not go with parameters, which lie in this one")
				}
			}
			for i := range inner {
				inner[i].When = joined(inner[i].When, when)
			}
			space = append(space, inner...)
			continue
		}
		if p, ok := r.param(at, prefix+name, n); ok {
			space = append(space, p)
		}
		// What is said of a parameter by its full name is found at its place.
		r.lines["parameters."+prefix+name] = r.line(at)
	}
	return space
}

// child returns the value of a key of a mapping, or nil.
func child(node *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == key {
			return node.Content[i+1]
		}
	}
	return nil
}

// when reads conditions: names of parameters, each with a value or a list.
func (r *specReader) when(path string, node *yaml.Node) []Condition {
	var when []Condition
	for name, n := range ordered(r.mapping(path, node)) {
		c := Condition{Param: name}
		if resolve(n).Kind == yaml.SequenceNode {
			for i, v := range resolve(n).Content {
				c.Values = append(c.Values, r.scalar(indexed(path+"."+name, i), v))
			}
		} else {
			c.Values = []any{r.scalar(path+"."+name, n)}
		}
		when = append(when, c)
	}
	return joined(when, nil)
}

// joined returns conditions of which all must hold, sorted by parameter.
func joined(a, b []Condition) []Condition {
	all := slices.Concat(a, b)
	slices.SortStableFunc(all, func(x, y Condition) int { return strings.Compare(x.Param, y.Param) })
	return all
}

// paramKeys are the keys of a parameter.
var paramKeys = []string{"distribution", "value", "values", "probabilities", "min", "max", "q", "mu", "sigma", "a", "b", "when", "parameters"}

func (r *specReader) param(path, name string, node *yaml.Node) (Param, bool) {
	before := len(r.errs)
	p := Param{Name: name, Q: 1, IntQ: true, Sigma: 1, A: 1, B: 1}
	fields := r.mapping(path, node)
	numbers := map[string]*float64{"min": &p.Min, "max": &p.Max, "q": &p.Q, "mu": &p.Mu, "sigma": &p.Sigma, "a": &p.A, "b": &p.B}
	for key, n := range ordered(fields) {
		at := path + "." + key
		switch key {
		case "distribution":
			p.Distribution = Distribution(r.text(at, n))
		case "value":
			p.Value = r.scalar(at, n)
		case "values":
			for i, v := range r.list(at, n) {
				p.Values = append(p.Values, r.scalar(indexed(at, i), v))
			}
		case "probabilities":
			for i, v := range r.list(at, n) {
				p.Probabilities = append(p.Probabilities, r.float(indexed(at, i), v))
			}
		case "when":
			p.When = r.when(at, n)
		default:
			x, ok := numbers[key]
			if !ok {
				r.bad(at, n, "unknown key%s", DidYouMean(key, paramKeys))
				continue
			}
			*x = r.float(at, n)
			if key == "q" {
				p.IntQ = isWhole(n)
			}
		}
	}
	if len(r.errs) > before {
		return p, false
	}
	r.shape(path, &p, fields)
	return p, len(r.errs) == before
}

// shape infers a distribution that is not named, and checks that the keys are
// those of the distribution.
func (r *specReader) shape(path string, p *Param, fields map[string]*yaml.Node) {
	has := func(key string) bool { return fields[key] != nil }
	if p.Distribution == "" {
		switch {
		case has("value"):
			p.Distribution = Constant
		case has("values") && has("probabilities"):
			p.Distribution = CategoricalProbs
		case has("values"):
			p.Distribution = Categorical
		case has("min") && has("max") && isWhole(fields["min"]) && isWhole(fields["max"]):
			p.Distribution = IntUniform
		case has("min") && has("max"):
			p.Distribution = Uniform
		default:
			r.bad(path, nil, "says no values: give value, values, or min and max")
			return
		}
	}
	if values, ok := exponents[p.Distribution]; ok && has("min") && has("max") {
		p.readExponents(values)
	}
	shape, ok := shapes[p.Distribution]
	if !ok {
		known := make([]string, 0, len(shapes))
		for d := range maps.Keys(shapes) {
			known = append(known, string(d))
		}
		slices.Sort(known)
		r.bad(path+".distribution", fields["distribution"], "no distribution %q%s; there are %s", p.Distribution, DidYouMean(string(p.Distribution), known), strings.Join(known, ", "))
		return
	}
	for _, key := range shape.required {
		if !has(key) {
			r.bad(path, nil, "distribution %s needs %s", p.Distribution, key)
		}
	}
	for key, n := range ordered(fields) {
		if key != "distribution" && key != "when" && !slices.Contains(shape.required, key) && !slices.Contains(shape.optional, key) {
			r.bad(path+"."+key, n, "does not go with distribution %s", p.Distribution)
		}
	}
}
