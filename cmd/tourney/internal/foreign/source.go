package foreign

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"tourney"
)

// maxDepth is how deep a document may be nested.
const maxDepth = 24

// source is the document that is read, with what is wrong in it.
type source struct {
	file string
	errs []tourney.FieldError
}

func (s *source) bad(path string, n *yaml.Node, format string, args ...any) {
	line := 0
	if n != nil {
		line = n.Line
	}
	s.errs = append(s.errs, tourney.FieldError{Path: path, Line: line, Message: fmt.Sprintf(format, args...)})
}

func (s *source) invalid() error { return &tourney.InvalidError{Source: s.file, Fields: s.errs} }

var yamlPosition = regexp.MustCompile(`at L(\d+)\.C\d+`)

// parse returns the document's root, a mapping with no alias in it, or nil.
func (s *source) parse(data []byte) *yaml.Node {
	if len(data) > tourney.MaxSpecBytes {
		s.bad("", nil, "the file has %d bytes; at most %d", len(data), tourney.MaxSpecBytes)
		return nil
	}
	var doc yaml.Node
	if err := yaml.Load(data, &doc); err != nil {
		for u := errors.Unwrap(err); u != nil; u = errors.Unwrap(u) {
			err = u
		}
		message, _, _ := strings.Cut(err.Error(), "\n")
		fe := tourney.FieldError{Message: "neither YAML nor JSON: " + message}
		if m := yamlPosition.FindStringSubmatch(message); m != nil {
			fe.Line, _ = strconv.Atoi(m[1]) // digits, by the pattern
		}
		s.errs = append(s.errs, fe)
		return nil
	}
	root := &doc
	if root.Kind == yaml.DocumentNode && len(root.Content) == 1 {
		root = root.Content[0]
	}
	budget := 200_000
	root = expand(root, 0, &budget)
	if root == nil {
		s.bad("", nil, "lies deeper than %d, or is too large with its anchors", maxDepth)
		return nil
	}
	if root.Kind != yaml.MappingNode {
		s.bad("", root, "holds no keys; give the configuration of a search")
		return nil
	}
	return root
}

// expand returns a copy without aliases and merges, or nil if it is too deep
// or too large.
func expand(n *yaml.Node, depth int, budget *int) *yaml.Node {
	for i := 0; n.Kind == yaml.AliasNode && n.Alias != nil && i < maxDepth; i++ {
		n = n.Alias
	}
	if *budget--; *budget < 0 || depth > maxDepth || n.Kind == yaml.AliasNode {
		return nil
	}
	c := *n
	c.Content = make([]*yaml.Node, 0, len(n.Content))
	var merged []*yaml.Node
	for i, child := range n.Content {
		e := expand(child, depth+1, budget)
		if e == nil {
			return nil
		}
		if n.Kind == yaml.MappingNode && i%2 == 1 && n.Content[i-1].Tag == "!!merge" {
			merged = append(merged, e)
			c.Content = c.Content[:len(c.Content)-1]
			continue
		}
		c.Content = append(c.Content, e)
	}
	for _, m := range merged {
		list := []*yaml.Node{m}
		if m.Kind == yaml.SequenceNode {
			list = m.Content
		}
		for _, m := range list {
			for _, e := range entries(m) {
				if find(&c, e.key.Value) == nil {
					c.Content = append(c.Content, e.key, e.value)
				}
			}
		}
	}
	return &c
}

// entry is a key of a mapping with its value.
type entry struct{ key, value *yaml.Node }

func (e entry) name() string { return e.key.Value }

// entries returns what a mapping holds, in order; nothing of another node.
func entries(n *yaml.Node) []entry {
	if n == nil || n.Kind != yaml.MappingNode {
		return nil
	}
	list := make([]entry, 0, len(n.Content)/2)
	for i := 0; i+1 < len(n.Content); i += 2 {
		list = append(list, entry{n.Content[i], n.Content[i+1]})
	}
	return list
}

// find returns the value at keys, each in the mapping at the one before, or
// nil.
func find(n *yaml.Node, keys ...string) *yaml.Node {
	for _, key := range keys {
		var next *yaml.Node
		for _, e := range entries(n) {
			if e.name() == key {
				next = e.value
			}
		}
		if n = next; n == nil {
			return nil
		}
	}
	return n
}

// first returns the first of several keys that is there, with its name.
func first(n *yaml.Node, keys ...string) (*yaml.Node, string) {
	for _, key := range keys {
		if v := find(n, key); v != nil && v.Tag != "!!null" {
			return v, key
		}
	}
	return nil, ""
}

// text returns a scalar's text, or "".
func text(n *yaml.Node) string {
	if n == nil || n.Kind != yaml.ScalarNode || n.Tag == "!!null" {
		return ""
	}
	return n.Value
}

// float reads a number, also one in quotes.
func (s *source) float(path string, n *yaml.Node) float64 {
	f, err := strconv.ParseFloat(strings.ReplaceAll(text(n), "_", ""), 64)
	if err != nil || math.IsNaN(f) || math.IsInf(f, 0) {
		s.bad(path, n, "must be a number, not %q", text(n))
		return 0
	}
	return f
}

// whole reads a whole number of at least min.
func (s *source) whole(path string, n *yaml.Node, least int) int {
	f := s.float(path, n)
	if f != math.Trunc(f) || f < float64(least) || f > math.MaxInt32 {
		s.bad(path, n, "must be a whole number, %d or more, not %q", least, text(n))
		return least
	}
	return int(f)
}

// value reads any value: nil, bool, int64, float64, string, []any or a
// mapping, which stays a node.
func (s *source) value(n *yaml.Node) any {
	switch n.Kind {
	case yaml.SequenceNode:
		list := make([]any, len(n.Content))
		for i, e := range n.Content {
			list[i] = s.value(e)
		}
		return list
	case yaml.MappingNode:
		return n
	}
	switch n.Tag {
	case "!!null":
		return nil
	case "!!bool":
		return strings.EqualFold(n.Value, "true")
	case "!!int", "!!float":
		if i, err := strconv.ParseInt(n.Value, 10, 64); err == nil {
			return i
		}
		return s.float("", n)
	}
	return n.Value
}

// items returns the elements of a list.
func (s *source) items(path string, n *yaml.Node) []*yaml.Node {
	if n == nil || n.Kind != yaml.SequenceNode {
		s.bad(path, n, "must be a list")
		return nil
	}
	return n.Content
}

// numberOf reads a text as a number if it is one, as what gives all in quotes
// means it.
func numberOf(t string) any {
	if i, err := strconv.ParseInt(t, 10, 64); err == nil {
		return i
	}
	if f, err := strconv.ParseFloat(t, 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
		return f
	}
	return t
}
