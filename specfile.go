package tourney

import (
	"bytes"
	"fmt"
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
		"run_cap", "parallelism", "order", "seed", "validation", "preprocess", "early_terminate", "parameters",
		"metrics", "limits", "points", "constraints", "warm_start",
		"pool", "weight", "priority", "max_concurrency", "timeout", "webhook", "retention",
		"program", "command", "env", "metrics_from", "resumable", "resources", "wandb",
	}
	ignoredKeys = []string{"project", "entity", "apiVersion", "kind", "controller"}
	laterKeys   = []string{"scheduler", "job", "image_uri"}
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
	r := &specReader{lines: map[string]int{}, stored: true}
	spec := r.read(data)
	if len(r.errs) > 0 {
		return &InvalidError{Fields: r.errs}
	}
	*s = spec
	return nil
}

// specReader walks a YAML document and collects what is wrong with it.
type specReader struct {
	errs   []FieldError
	lines  map[string]int // by path
	params int            // read so far
	merges int            // of "<<", likewise
	nodes  int            // of lists and mappings as values, likewise
	stored bool           // the spec was checked before, and its defaults are written out
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
		spec.Name = joinedName(r.text(key, node))
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
		spec.Split = r.split(key, node)
	case "metric":
		spec.Metric = r.metric(key, node, spec)
	case "metrics":
		for i, n := range r.list(key, node) {
			spec.Metrics = append(spec.Metrics, r.metric(indexed(key, i), n, nil))
		}
	case "limits":
		r.limits(key, node, spec)
	case "points":
		for i, n := range r.list(key, node) {
			spec.Points = append(spec.Points, r.point(indexed(key, i), n))
		}
	case "constraints":
		for i, n := range r.list(key, node) {
			spec.Constraints = append(spec.Constraints, r.text(indexed(key, i), n))
		}
	case "warm_start":
		for i, n := range r.list(key, node) {
			spec.WarmStart = append(spec.WarmStart, r.text(indexed(key, i), n))
		}
	case "pool":
		spec.Pool = r.text(key, node)
	case "weight":
		spec.Weight = r.positive(key, node)
	case "priority":
		spec.Priority = r.whole(key, node)
	case "max_concurrency":
		spec.MaxConcurrency = r.count(key, node)
	case "timeout":
		spec.Timeout = r.duration(key, node)
	case "webhook":
		spec.Webhook = r.text(key, node)
	case "retention":
		spec.Retention = r.duration(key, node)
	case "validation":
		r.fields(key, node, map[string]func(string, *yaml.Node){
			"kind":     func(p string, n *yaml.Node) { spec.Validation.Kind = ValidationKind(r.text(p, n)) },
			"fraction": func(p string, n *yaml.Node) { spec.Validation.Fraction = r.float(p, n) },
			"folds":    func(p string, n *yaml.Node) { spec.Validation.Folds = r.count(p, n) },
		})
	case "preprocess":
		r.preprocess(key, node, &spec.Preprocess)
	case "early_terminate":
		spec.EarlyTerminate = r.earlyTerminate(key, node)
	case "parameters":
		spec.Parameters = r.space(key, "", node, 0)
	default:
		switch {
		case slices.Contains(commandKeys, key):
			r.command(key, node, spec)
		case slices.Contains(ignoredKeys, key):
			spec.Ignored = append(spec.Ignored, key)
		case slices.Contains(laterKeys, key):
			r.bad(key, node, "is not supported by this version")
		default:
			r.bad(key, node, "unknown key%s", DidYouMean(key, specKeys))
		}
	}
}

// split reads a split in its short form or as a mapping.
func (r *specReader) split(key string, node *yaml.Node) *Split {
	s := &Split{}
	if resolve(node).Kind == yaml.ScalarNode {
		parsed, err := ParseSplit(r.text(key, node))
		if err != nil {
			r.bad(key, node, "%v", err)
		}
		return &parsed
	}
	r.fields(key, node, map[string]func(string, *yaml.Node){
		"kind":   func(p string, n *yaml.Node) { s.Kind = SplitKind(r.text(p, n)) },
		"test":   func(p string, n *yaml.Node) { s.Test = r.float(p, n) },
		"rows":   func(p string, n *yaml.Node) { s.Rows = r.count(p, n) },
		"column": func(p string, n *yaml.Node) { s.Column = r.text(p, n) },
		"seed":   func(p string, n *yaml.Node) { s.Seed = r.seed(p, n) },
	})
	return s
}

func (r *specReader) preprocess(key string, node *yaml.Node, out *Preprocess) {
	read := map[string]func(string, *yaml.Node){
		"clip":      func(p string, n *yaml.Node) { out.Clip = r.float(p, n) },
		"smoothing": func(p string, n *yaml.Node) { out.Smoothing = r.float(p, n) },
		"levels":    func(p string, n *yaml.Node) { out.Levels = r.count(p, n) },
		"buckets":   func(p string, n *yaml.Node) { out.Buckets = r.count(p, n) },
	}
	for _, w := range preprocessWords {
		read[w.name] = func(p string, n *yaml.Node) { *w.field(out) = r.text(p, n) }
	}
	r.fields(key, node, read)
}
