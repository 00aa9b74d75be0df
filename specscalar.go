package tourney

import (
	"bytes"
	"encoding/json"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Structured is a list or a mapping as the value of a parameter: compact JSON
// with sorted keys, so that two of them can be compared.
type Structured string

// MarshalJSON writes the list or mapping itself.
func (s Structured) MarshalJSON() ([]byte, error) { return []byte(s), nil }

// structured returns a decoded list or mapping as a value.
func structured(v any) (Structured, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return "", err
	}
	return Structured(bytes.TrimSpace(b.Bytes())), nil
}

// The words of YAML 1.1, by which sweep files are read elsewhere (PyYAML).
var yamlWords = map[string]any{
	"": nil, "~": nil, "null": nil, "Null": nil, "NULL": nil,
	"yes": true, "Yes": true, "YES": true, "on": true, "On": true, "ON": true, "true": true, "True": true, "TRUE": true,
	"no": false, "No": false, "NO": false, "off": false, "Off": false, "OFF": false, "false": false, "False": false, "FALSE": false,
}

// The numbers of YAML 1.1: whole ones of base 2, 8, 16, 10 and 60, and broken ones, all with '_' between digits.
var (
	wholeRE   = regexp.MustCompile(`^[-+]?(?:0b[01_]+|0[0-7_]+|0x[0-9a-fA-F_]+|0|[1-9][0-9_]*)$`)
	base60RE  = regexp.MustCompile(`^[-+]?(?:[1-9][0-9_]*(?::[0-5]?[0-9])+|[0-9][0-9_]*(?::[0-5]?[0-9])+\.[0-9_]*)$`)
	brokenRE  = regexp.MustCompile(`^[-+]?(?:[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*|[1-9][0-9_]*|0)(?:[eE][-+]?[0-9]+)?$`)
	endlessRE = regexp.MustCompile(`^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$`)
)

// yamlNumber reads a plain scalar as a number: an int64 or a float64, or
// nothing if it is a text. Exponents need neither point nor sign: 1e-5, which
// is a text to PyYAML, is what its writer meant.
func yamlNumber(text string) (any, bool) {
	digits := strings.ReplaceAll(text, "_", "")
	switch {
	case wholeRE.MatchString(text):
		if n, err := strconv.ParseInt(digits, 0, 64); err == nil { // 010 is 8 there, too
			return n, true
		}
	case base60RE.MatchString(text):
		return base60(digits)
	case endlessRE.MatchString(text):
		f, err := strconv.ParseFloat(strings.Replace(digits, ".", "", 1), 64)
		return f, err == nil
	}
	if !brokenRE.MatchString(text) {
		return nil, false
	}
	f, err := strconv.ParseFloat(digits, 64)
	return f, err == nil
}

// base60 reads hours, minutes and seconds, or degrees: 1:30 is 90.
func base60(digits string) (any, bool) {
	sign := 1.0
	if rest, minus := strings.CutPrefix(digits, "-"); minus {
		sign, digits = -1, rest
	}
	sum := 0.0
	for part := range strings.SplitSeq(strings.TrimPrefix(digits, "+"), ":") {
		f, err := strconv.ParseFloat(part, 64)
		if err != nil {
			return nil, false
		}
		sum = sum*60 + f
	}
	if sum *= sign; !strings.Contains(digits, ".") && math.Abs(sum) < 1<<53 {
		return int64(sum), true
	}
	return sum, true
}

// plain reports whether a scalar is written without quotes, so that it may be
// something else than a text.
func plain(node *yaml.Node) bool {
	const quoted = yaml.SingleQuotedStyle | yaml.DoubleQuotedStyle | yaml.LiteralStyle | yaml.FoldedStyle
	return node.Style&quoted == 0
}

// number reads a scalar as a number: plain by the rules of YAML 1.1, in quotes
// as a decimal one.
func number(node *yaml.Node) (any, bool) {
	if node.Kind != yaml.ScalarNode {
		return nil, false
	}
	if plain(node) {
		if x, ok := yamlNumber(node.Value); ok {
			return x, true
		}
	}
	if n, err := strconv.ParseInt(node.Value, 10, 64); err == nil {
		return n, true
	}
	f, err := strconv.ParseFloat(node.Value, 64)
	return f, err == nil
}

// count reads a whole number of at least 1; 3.0 is one.
func (r *specReader) count(path string, node *yaml.Node) int {
	node = resolve(node)
	x, ok := number(node)
	f, _ := asFloat(x)
	if !ok || f < 1 || f > math.MaxInt32 || f != math.Trunc(f) {
		r.bad(path, node, "must be a whole number, 1 or more, not %s", show(node))
		return 0
	}
	return int(f)
}

func (r *specReader) seed(path string, node *yaml.Node) uint64 {
	node = resolve(node)
	x, _ := number(node)
	n, ok := x.(int64)
	if !ok || n < 0 {
		r.bad(path, node, "must be a whole number from 0 to 2^63-1, not %s", show(node))
		return 0
	}
	return uint64(n)
}

// float reads a number.
func (r *specReader) float(path string, node *yaml.Node) float64 {
	node = resolve(node)
	x, ok := number(node)
	f, _ := asFloat(x)
	if !ok || math.IsNaN(f) || math.IsInf(f, 0) {
		r.bad(path, node, "must be a number, not %s", show(node))
		return 0
	}
	return f
}

// isWhole reports whether a node is written as a whole number.
func isWhole(node *yaml.Node) bool {
	x, _ := number(resolve(node))
	_, whole := x.(int64)
	return whole
}

// scalar reads one value of a parameter: nil, bool, int64, float64, string or
// Structured.
func (r *specReader) scalar(path string, node *yaml.Node) any {
	node = resolve(node)
	if node.Kind != yaml.ScalarNode {
		v, err := structured(r.tree(path, node, 0))
		if err != nil {
			r.bad(path, node, "cannot be a value: %v", err)
			return nil
		}
		return v
	}
	if !plain(node) {
		return node.Value
	}
	if node.Style&yaml.TaggedStyle != 0 {
		switch node.Tag {
		case "!!str":
			return node.Value
		case "!!float":
			return r.float(path, node)
		}
	}
	if word, ok := yamlWords[node.Value]; ok {
		return word
	}
	if x, ok := yamlNumber(node.Value); ok {
		if _, whole := x.(int64); whole {
			return x
		}
		return r.float(path, node)
	}
	return node.Value
}

// tree reads a list or a mapping as a value.
func (r *specReader) tree(path string, node *yaml.Node, depth int) any {
	node = resolve(node)
	if depth > maxNesting {
		r.bad(path, node, "lies deeper than %d", maxNesting)
		return nil
	}
	if r.nodes++; r.nodes > maxNodes {
		if r.nodes == maxNodes+1 {
			r.bad(path, node, "there are more than %d values in lists and mappings", maxNodes)
		}
		return nil
	}
	switch node.Kind {
	case yaml.SequenceNode:
		list := make([]any, len(node.Content))
		for i, n := range node.Content {
			list[i] = r.tree(indexed(path, i), n, depth+1)
		}
		return list
	case yaml.MappingNode:
		m := map[string]any{}
		for key, n := range ordered(r.mapping(path, node)) {
			m[key] = r.tree(path+"."+key, n, depth+1)
		}
		return m
	}
	return r.scalar(path, node)
}
