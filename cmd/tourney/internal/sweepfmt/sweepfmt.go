package sweepfmt

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sort"
	"strings"

	"go.yaml.in/yaml/v4"

	"tourney"
)

// The order of keys, by the mapping that they are in: what it is, what it
// reads, how it searches, how long, and the space last. Others follow as they
// stand.
var (
	topOrder = []string{
		"name", "description", "dataset", "target", "split", "trainer", "program", "command", "wandb",
		"method", "metric", "metrics", "run_cap", "limits", "parallelism", "pool", "priority", "order", "seed", "validation", "preprocess",
		"early_terminate", "warm_start", "constraints", "points", "parameters",
		"project", "entity", "apiVersion", "kind", "controller",
	}
	paramOrder    = []string{"distribution", "value", "values", "probabilities", "min", "max", "q", "mu", "sigma", "a", "b", "when", "parameters"}
	sectionOrders = map[string][]string{
		"metric":          {"name", "goal", "target", "at_least", "at_most"},
		"limits":          {"trials", "wall", "worker_hours", "cost", "target", "no_improvement"},
		"early_terminate": {"type", "min_iter", "max_iter", "eta", "s", "strict", "stop", "brackets", "fidelity", "min_trials", "interval", "population", "quantile", "resample"},
		"validation":      {"kind", "fraction", "folds"},
		"split":           {"kind", "test", "rows", "column", "seed"},
	}
)

// Format returns a sweep file as it is best written: the same keys and values,
// all comments. Formatting what it returns changes nothing. The error is a
// *tourney.InvalidError if the file is no YAML mapping; source names it there.
func Format(data []byte, source string) ([]byte, error) {
	if len(data) > tourney.MaxSpecBytes {
		return nil, invalid(source, "the file has %d bytes; at most %d", len(data), tourney.MaxSpecBytes)
	}
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("{")) {
		return nil, invalid(source, "is JSON, or one flow mapping; only files of YAML with a key a line are formatted")
	}
	var before yaml.Node
	if err := yaml.Load(data, &before); err != nil {
		for u := errors.Unwrap(err); u != nil; u = errors.Unwrap(u) {
			err = u
		}
		return nil, invalid(source, "not YAML: %v", err)
	}
	if before.Kind != yaml.DocumentNode || len(before.Content) != 1 || before.Content[0].Kind != yaml.MappingNode {
		return nil, invalid(source, "the file holds no keys")
	}
	meaning, comments := canonical(&before, 0), commentsOf(&before, nil)
	if !hasAnchors(&before) { // an alias must come after its anchor
		arrange(before.Content[0])
	}
	out, err := yaml.Dump(&before, yaml.WithIndent(2), yaml.WithLineWidth(-1))
	if err != nil {
		return nil, fmt.Errorf("format %s: %w", source, err)
	}
	// Comments may come to lie at another node once; then they stay.
	for range 3 {
		var after yaml.Node
		if err := yaml.Load(out, &after); err != nil || canonical(&after, 0) != meaning || !slices.Equal(commentsOf(&after, nil), comments) {
			return nil, invalid(source, "cannot be formatted without changing what it says; it is left as it is")
		}
		again, err := yaml.Dump(&after, yaml.WithIndent(2), yaml.WithLineWidth(-1))
		if err != nil {
			return nil, fmt.Errorf("format %s: %w", source, err)
		}
		if bytes.Equal(again, out) {
			return out, nil
		}
		out = again
	}
	return nil, invalid(source, "has comments that find no place; it is left as it is")
}

func invalid(source, format string, args ...any) error {
	inv := tourney.Invalid("", format, args...)
	inv.Source = source
	return inv
}

// arrange sorts the keys of a file.
func arrange(top *yaml.Node) {
	sortKeys(top, topOrder)
	for i := 0; i+1 < len(top.Content); i += 2 {
		key, v := top.Content[i].Value, top.Content[i+1]
		switch {
		case key == "parameters":
			arrangeParams(v, 0)
		case key == "metrics" && v.Kind == yaml.SequenceNode:
			for _, m := range v.Content {
				sortKeys(m, sectionOrders["metric"])
			}
		default:
			if order, ok := sectionOrders[key]; ok {
				sortKeys(v, order)
			}
		}
	}
}

// arrangeParams sorts the keys of each parameter. Parameters stay in the order
// that somebody gave them.
func arrangeParams(params *yaml.Node, depth int) {
	if params.Kind != yaml.MappingNode || depth > 32 {
		return
	}
	for i := 1; i < len(params.Content); i += 2 {
		p := params.Content[i]
		sortKeys(p, paramOrder)
		if p.Kind != yaml.MappingNode {
			continue
		}
		for j := 0; j+1 < len(p.Content); j += 2 {
			if p.Content[j].Value == "parameters" {
				arrangeParams(p.Content[j+1], depth+1)
			}
		}
	}
}

func sortKeys(m *yaml.Node, order []string) {
	if m.Kind != yaml.MappingNode {
		return
	}
	rank := func(i int) int {
		if at := slices.Index(order, m.Content[2*i].Value); at >= 0 {
			return at
		}
		return len(order)
	}
	n := len(m.Content) / 2
	at := make([]int, n)
	for i := range at {
		at[i] = i
	}
	sort.SliceStable(at, func(a, b int) bool { return rank(at[a]) < rank(at[b]) })
	sorted := make([]*yaml.Node, 0, 2*n)
	for _, i := range at {
		sorted = append(sorted, m.Content[2*i], m.Content[2*i+1])
	}
	m.Content = sorted
}

func hasAnchors(n *yaml.Node) bool {
	return n.Anchor != "" || n.Kind == yaml.AliasNode || slices.ContainsFunc(n.Content, hasAnchors)
}

// canonical writes what a document says, whatever the order of its keys.
func canonical(n *yaml.Node, depth int) string {
	if depth > 200 {
		return "…"
	}
	var parts []string
	switch n.Kind {
	case yaml.AliasNode:
		return "*" + n.Value
	case yaml.MappingNode:
		for i := 0; i+1 < len(n.Content); i += 2 {
			parts = append(parts, canonical(n.Content[i], depth+1)+":"+canonical(n.Content[i+1], depth+1))
		}
		slices.Sort(parts)
		return "&" + n.Anchor + "{" + strings.Join(parts, ",") + "}"
	case yaml.SequenceNode, yaml.DocumentNode:
		for _, c := range n.Content {
			parts = append(parts, canonical(c, depth+1))
		}
		return "&" + n.Anchor + "[" + strings.Join(parts, ",") + "]"
	}
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	return fmt.Sprintf("&%s %s %t %q", n.Anchor, n.Tag, n.Style&quoted != 0, n.Value)
}

// commentsOf returns the lines of all comments, sorted.
func commentsOf(n *yaml.Node, into []string) []string {
	for _, c := range []string{n.HeadComment, n.LineComment, n.FootComment} {
		for line := range strings.SplitSeq(c, "\n") {
			if line = strings.TrimSpace(line); line != "" {
				into = append(into, line)
			}
		}
	}
	for _, c := range n.Content {
		into = commentsOf(c, into)
	}
	slices.Sort(into)
	return into
}
