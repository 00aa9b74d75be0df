package tourney

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// MaxSpecBytes is the size at which a sweep file is refused.
const MaxSpecBytes = 1 << 20

// specKeys are the keys of a sweep file. Those of W&B that mean nothing here
// are accepted and listed in Spec.Ignored.
var (
	specKeys = []string{
		"name", "description", "dataset", "target", "split", "trainer", "method", "metric",
		"run_cap", "parallelism", "order", "seed", "validation", "early_terminate", "parameters",
	}
	ignoredKeys = []string{"project", "entity", "apiVersion", "kind", "controller"}
	laterKeys   = []string{
		"program", "command", "metrics", "limits", "points", "constraints", "preprocess",
		"warm_start", "scheduler", "job", "image_uri", "pool", "priority",
	}
)

// ParseSpec reads a sweep file, YAML or JSON, and returns it normalised. The
// error is an *InvalidError with the line and path of each wrong field; source
// names the file in it and may be empty.
func ParseSpec(data []byte, source string) (Spec, error) {
	r := &specReader{lines: map[string]int{}}
	spec := r.read(data)
	if len(r.errs) == 0 {
		if inv := AsInvalid(spec.Normalise()); inv != nil {
			r.errs = inv.Fields
		}
	}
	if len(r.errs) == 0 {
		return spec, nil
	}
	for i := range r.errs {
		if r.errs[i].Line == 0 {
			r.errs[i].Line = r.line(r.errs[i].Path)
		}
	}
	return Spec{}, &InvalidError{Source: source, Fields: r.errs}
}

// UnmarshalJSON reads a spec that was checked when it was written. It does not
// check it again, so that what one version has taken can be read by the next.
func (s *Spec) UnmarshalJSON(data []byte) error {
	r := &specReader{lines: map[string]int{}}
	spec := r.read(data)
	if len(r.errs) > 0 {
		return &InvalidError{Fields: r.errs}
	}
	*s = spec
	return nil
}

// specReader walks a YAML document and collects what is wrong with it.
type specReader struct {
	errs  []FieldError
	lines map[string]int // by path
}

func (r *specReader) bad(path string, node *yaml.Node, format string, args ...any) {
	line := 0
	if node != nil {
		line = node.Line
	}
	r.errs = append(r.errs, FieldError{Path: path, Line: line, Message: fmt.Sprintf(format, args...)})
}

// line returns the line of a path, or of the nearest one above it that the
// file has.
func (r *specReader) line(path string) int {
	for {
		if line, ok := r.lines[path]; ok {
			return line
		}
		i := strings.LastIndexByte(path, '.')
		if i < 0 {
			return 0
		}
		path = path[:i]
	}
}

func (r *specReader) read(data []byte) (spec Spec) {
	if len(data) > MaxSpecBytes {
		r.bad("", nil, "the file has %d bytes; at most %d", len(data), MaxSpecBytes)
		return spec
	}
	if len(bytes.TrimSpace(data)) == 0 {
		r.bad("", nil, "the file is empty; a sweep needs at least dataset, trainer, method and parameters")
		return spec
	}
	var doc yaml.Node
	if err := yaml.Load(data, &doc); err != nil {
		message, line := yamlMessage(err)
		r.errs = append(r.errs, FieldError{Line: line, Message: "not YAML: " + message})
		return spec
	}
	root := &doc
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	if root.Kind == 0 || root.Kind == yaml.ScalarNode {
		r.bad("", nil, "the file holds no keys; a sweep needs at least dataset, trainer, method and parameters")
		return spec
	}
	top := r.mapping("", root)
	for key, node := range ordered(top) {
		r.topKey(&spec, key, node)
	}
	return spec
}

// topKey reads one top-level key.
func (r *specReader) topKey(spec *Spec, key string, node *yaml.Node) {
	switch key {
	case "name":
		spec.Name = r.text(key, node)
	case "description":
		spec.Description = r.text(key, node)
	case "dataset":
		spec.Dataset = r.text(key, node)
	case "target":
		spec.Target = r.text(key, node)
	case "trainer":
		spec.Trainer = r.text(key, node)
	case "method":
		spec.Method = Method(r.text(key, node))
	case "order":
		spec.Order = Order(r.text(key, node))
	case "run_cap":
		spec.RunCap = r.count(key, node)
	case "parallelism":
		spec.Parallelism = r.count(key, node)
	case "seed":
		spec.Seed = r.seed(key, node)
	case "split":
		spec.Split = &Split{}
		r.fields(key, node, map[string]func(string, *yaml.Node){
			"test": func(p string, n *yaml.Node) { spec.Split.Test = r.float(p, n) },
			"seed": func(p string, n *yaml.Node) { spec.Split.Seed = r.seed(p, n) },
		})
	case "metric":
		r.fields(key, node, map[string]func(string, *yaml.Node){
			"name": func(p string, n *yaml.Node) { spec.Metric.Name = r.text(p, n) },
			"goal": func(p string, n *yaml.Node) { spec.Metric.Goal = Goal(r.text(p, n)) },
		})
	case "validation":
		r.fields(key, node, map[string]func(string, *yaml.Node){
			"kind":     func(p string, n *yaml.Node) { spec.Validation.Kind = r.text(p, n) },
			"fraction": func(p string, n *yaml.Node) { spec.Validation.Fraction = r.float(p, n) },
		})
	case "early_terminate":
		e := &EarlyTerminate{}
		spec.EarlyTerminate = e
		r.fields(key, node, map[string]func(string, *yaml.Node){
			"type":     func(p string, n *yaml.Node) { e.Type = r.text(p, n) },
			"min_iter": func(p string, n *yaml.Node) { e.MinIter = r.count(p, n) },
			"max_iter": func(p string, n *yaml.Node) { e.MaxIter = r.count(p, n) },
			"eta":      func(p string, n *yaml.Node) { e.Eta = r.count(p, n) },
		})
	case "parameters":
		for name, n := range ordered(r.mapping(key, node)) {
			if p, ok := r.param(key+"."+name, name, n); ok {
				spec.Parameters = append(spec.Parameters, p)
			}
		}
	default:
		switch {
		case slices.Contains(ignoredKeys, key):
			spec.Ignored = append(spec.Ignored, key)
		case slices.Contains(laterKeys, key):
			r.bad(key, node, "is not supported by this version")
		default:
			r.bad(key, node, "unknown key%s", DidYouMean(key, specKeys))
		}
	}
}

// paramKeys are the keys of a parameter.
var paramKeys = []string{"distribution", "value", "values", "probabilities", "min", "max", "q", "mu", "sigma"}

func (r *specReader) param(path, name string, node *yaml.Node) (Param, bool) {
	before := len(r.errs)
	p := Param{Name: name, Q: 1, IntQ: true, Sigma: 1}
	fields := r.mapping(path, node)
	for key, n := range ordered(fields) {
		at := path + "." + key
		switch key {
		case "distribution":
			p.Distribution = Distribution(r.text(at, n))
		case "value":
			p.Value = r.scalar(at, n)
		case "values":
			for i, v := range r.list(at, n) {
				p.Values = append(p.Values, r.scalar(fmt.Sprintf("%s.%d", at, i), v))
			}
		case "probabilities":
			for i, v := range r.list(at, n) {
				p.Probabilities = append(p.Probabilities, r.float(fmt.Sprintf("%s.%d", at, i), v))
			}
		case "min":
			p.Min = r.float(at, n)
		case "max":
			p.Max = r.float(at, n)
		case "q":
			p.Q = r.float(at, n)
			p.IntQ = isWhole(n)
		case "mu":
			p.Mu = r.float(at, n)
		case "sigma":
			p.Sigma = r.float(at, n)
		case "when", "parameters":
			r.bad(at, n, "is not supported by this version")
		default:
			r.bad(at, n, "unknown key%s", DidYouMean(key, paramKeys))
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
	shape, ok := shapes[p.Distribution]
	if !ok {
		names := slices.Sorted(maps.Keys(shapes))
		known := make([]string, len(names))
		for i, n := range names {
			known[i] = string(n)
		}
		r.bad(path+".distribution", fields["distribution"], "no distribution %q%s; there are %s", p.Distribution, DidYouMean(string(p.Distribution), known), strings.Join(known, ", "))
		return
	}
	for _, key := range shape.required {
		if !has(key) {
			r.bad(path, nil, "distribution %s needs %s", p.Distribution, key)
		}
	}
	for key, n := range ordered(fields) {
		if key != "distribution" && !slices.Contains(shape.required, key) && !slices.Contains(shape.optional, key) {
			r.bad(path+"."+key, n, "does not go with distribution %s", p.Distribution)
		}
	}
}
