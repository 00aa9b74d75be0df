package tourney

import (
	"errors"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// fields reads a mapping by a function a key; other keys are errors.
func (r *specReader) fields(path string, node *yaml.Node, read map[string]func(path string, n *yaml.Node)) {
	for key, n := range ordered(r.mapping(path, node)) {
		f, ok := read[key]
		if !ok {
			r.bad(path+"."+key, n, "unknown key%s", DidYouMean(key, slices.Sorted(maps.Keys(read))))
			continue
		}
		f(path+"."+key, n)
	}
}

// mapping returns the entries of a mapping by key and notes their lines.
func (r *specReader) mapping(path string, node *yaml.Node) map[string]*yaml.Node {
	node = resolve(node)
	if node.Kind != yaml.MappingNode {
		r.bad(path, node, "must be a mapping of keys to values")
		return nil
	}
	m := make(map[string]*yaml.Node, len(node.Content)/2)
	var merged []*yaml.Node
	for i := 0; i+1 < len(node.Content); i += 2 {
		k, v := resolve(node.Content[i]), node.Content[i+1]
		at := strings.TrimPrefix(path+"."+k.Value, ".")
		switch {
		case k.Kind == yaml.ScalarNode && k.Tag == "!!merge":
			merged = append(merged, v)
			continue
		case k.Kind != yaml.ScalarNode:
			r.bad(path, k, "keys must be plain texts")
			continue
		case m[k.Value] != nil:
			r.bad(at, k, "is there twice")
			continue
		}
		r.lines[at] = k.Line
		m[k.Value] = v
	}
	for _, n := range merged {
		r.merge(path, n, m)
	}
	return m
}

// merge adds the entries of "<<", a mapping or a list of them, for keys that
// are not there.
func (r *specReader) merge(path string, node *yaml.Node, into map[string]*yaml.Node) {
	if r.merges++; r.merges > maxParams {
		r.bad(path, node, "merges with << more than %d times", maxParams)
		return
	}
	from := []*yaml.Node{node}
	if n := resolve(node); n.Kind == yaml.SequenceNode {
		from = n.Content
	}
	for _, n := range from {
		if resolve(n).Kind != yaml.MappingNode {
			r.bad(path, n, "<< takes a mapping, or a list of them")
			continue
		}
		for key, v := range r.mapping(path, n) {
			if into[key] == nil {
				into[key] = v
			}
		}
	}
}

func (r *specReader) list(path string, node *yaml.Node) []*yaml.Node {
	node = resolve(node)
	if node.Kind != yaml.SequenceNode {
		r.bad(path, node, "must be a list")
		return nil
	}
	return node.Content
}

func (r *specReader) text(path string, node *yaml.Node) string {
	node = resolve(node)
	if node.Kind != yaml.ScalarNode || node.Tag == "!!null" {
		r.bad(path, node, "must be a text")
		return ""
	}
	return node.Value
}

// whole reads a whole number of either sign.
func (r *specReader) whole(path string, node *yaml.Node) int {
	node = resolve(node)
	n, err := strconv.Atoi(node.Value)
	if node.Kind != yaml.ScalarNode || err != nil {
		r.bad(path, node, "must be a whole number, not %s", show(node))
		return 0
	}
	return n
}

func resolve(node *yaml.Node) *yaml.Node {
	for range 32 {
		if node.Kind != yaml.AliasNode || node.Alias == nil {
			break
		}
		node = node.Alias
	}
	return node
}

// show quotes a node for a message.
func show(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	if len(node.Value) > 40 {
		return strconv.Quote(node.Value[:40] + "…")
	}
	return strconv.Quote(node.Value)
}

// ordered walks a mapping by the keys' lines, so that errors come in the
// file's order.
func ordered(m map[string]*yaml.Node) func(func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		keys := slices.SortedFunc(maps.Keys(m), func(a, b string) int {
			if d := m[a].Line - m[b].Line; d != 0 {
				return d
			}
			if d := m[a].Column - m[b].Column; d != 0 {
				return d
			}
			return strings.Compare(a, b)
		})
		for _, k := range keys {
			if !yield(k, m[k]) {
				return
			}
		}
	}
}

// yamlPosition is how the parser tells where what it could not read begins.
var yamlPosition = regexp.MustCompile(`^.* at L(\d+)\.C\d+(?:-L\d+\.C\d+)?: `)

// yamlMessage shortens a parser's error to one line, and tells the file's.
func yamlMessage(err error) (message string, line int) {
	for u := errors.Unwrap(err); u != nil; u = errors.Unwrap(u) {
		err = u
	}
	message, _, _ = strings.Cut(strings.TrimPrefix(err.Error(), "yaml: "), "\n")
	if m := yamlPosition.FindStringSubmatch(message); m != nil {
		line, _ = strconv.Atoi(m[1]) // digits, by the pattern
		message = message[len(m[0]):]
	}
	return message, line
}
