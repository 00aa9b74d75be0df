package foreign

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"

	"tourney"
)

// draft is a sweep file that is being filled.
type draft struct {
	source
	options Options

	name, description string
	method            string
	metric, goal      string
	metrics           []pair // further objectives: name and goal
	target            any    // of the metric; nil: none
	runCap, parallel  int
	seed              int64
	wall              string // Go's form, or seconds
	early             []pair
	params            []param
	command           []string
	program           string

	lost []string
	at   map[string]*yaml.Node // where the parameters come from, by full name
}

// pair is a key with its value.
type pair struct {
	key   string
	value any
}

// param is a parameter, or with inner a group of them.
type param struct {
	name  string
	pairs []pair
	inner []param
	when  []pair
}

// lose notes what the sweep file cannot say.
func (d *draft) lose(format string, args ...any) {
	if s := fmt.Sprintf(format, args...); !slices.Contains(d.lost, s) {
		d.lost = append(d.lost, s)
	}
}

// loseOthers notes the keys of a mapping that are not among the known.
func (d *draft) loseOthers(path string, n *yaml.Node, known ...string) {
	for _, e := range entries(n) {
		if !slices.Contains(known, e.name()) {
			d.lose("%s has no counterpart.", strings.TrimPrefix(path+"."+e.name(), "."))
		}
	}
}

var badName = regexp.MustCompile(`[^A-Za-z0-9_.-]+`)

// clean returns a name that a parameter may have.
func (d *draft) clean(name string) string {
	c := badName.ReplaceAllString(strings.TrimLeft(name, "-"), "_")
	if c == "" || !strings.ContainsAny(c[:1], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_") {
		c = "_" + c
	}
	if len(c) > 100 {
		c = c[:100]
	}
	if c != name {
		d.lose("The parameter %q is called %s.", name, c)
	}
	return c
}

// param returns a parameter of a distribution, and remembers its place; full
// is its name with those that it lies in.
func (d *draft) param(full, name string, at *yaml.Node, distribution tourney.Distribution, pairs ...pair) param {
	if d.at == nil {
		d.at = map[string]*yaml.Node{}
	}
	d.at[full] = at
	p := param{name: name}
	if distribution != "" {
		p.pairs = []pair{{"distribution", string(distribution)}}
	}
	p.pairs = append(p.pairs, pairs...)
	return p
}

// ends returns min and max.
func ends(lo, hi any) []pair { return []pair{{"min", lo}, {"max", hi}} }

// maxSteps is how many values of a stepped range are written out.
const maxSteps = 1000

// stepped returns a range lo, lo+step, … up to hi, both included: written out
// if it is short, since our own steps count from zero and a grid leaves the
// upper end out.
func (d *draft) stepped(full, name string, at *yaml.Node, lo, hi, step float64, whole bool) param {
	if !(step > 0) || hi < lo {
		d.bad(full, at, "the range from %v to %v in steps of %v is empty", lo, hi, step)
		return param{name: name}
	}
	n := math.Floor((hi-lo)/step + 1e-9)
	num := func(f float64) any {
		if whole {
			return int64(f)
		}
		return f
	}
	if n >= maxSteps {
		d.lose("The steps of %s count from zero, not from %v: there are too many to write out.", full, lo)
		return d.param(full, name, at, tourney.QUniform, append(ends(num(lo), num(hi)), pair{"q", num(step)})...)
	}
	values := make([]any, int(n)+1)
	for i := range values {
		// Rounded to 12 digits, as 0.1 + 2×0.1 is meant to be 0.3.
		f, _ := strconv.ParseFloat(strconv.FormatFloat(lo+float64(i)*step, 'g', 12, 64), 64)
		values[i] = num(f)
	}
	return d.param(full, name, at, tourney.Ordinal, pair{"values", values})
}

// ranged returns a continuous or whole range, which may be a single point.
func (d *draft) ranged(full, name string, at *yaml.Node, distribution tourney.Distribution, lo, hi any, more ...pair) param {
	if lo == hi {
		return d.param(full, name, at, "", pair{"value", lo})
	}
	return d.param(full, name, at, distribution, append(ends(lo, hi), more...)...)
}

// needCap puts a cap in where the tool needs none.
func (d *draft) needCap(what string) {
	if d.runCap == 0 && d.wall == "" && d.method != "grid" {
		d.runCap = 100
		d.lose("%s says no number of trials; run_cap: 100 was put in.", what)
	}
}

// blame turns an error of the sweep file into one of the source.
func (d *draft) blame(err error) error {
	inv := tourney.AsInvalid(err)
	if inv == nil {
		return err
	}
	out := &tourney.InvalidError{Source: d.file}
	for _, f := range inv.Fields {
		f.Line = 0
		if rest, ok := strings.CutPrefix(f.Path, "parameters."); ok {
			longest := ""
			for name, at := range d.at {
				dotted := strings.ReplaceAll(rest, ".parameters.", ".")
				if (dotted == name || strings.HasPrefix(dotted, name+".")) && len(name) > len(longest) && at != nil {
					longest, f.Line = name, at.Line
				}
			}
		}
		out.Fields = append(out.Fields, f)
	}
	return out
}

// write returns the sweep file.
func (d *draft) write(format Format) ([]byte, error) {
	top := mapping(false)
	put := func(key string, v any) { add(top, key, node(v)) }
	name := strings.Trim(badName.ReplaceAllString(cmp.Or(d.name, strings.TrimSuffix(filepath.Base(d.file), filepath.Ext(d.file))), "-"), "-._")
	if tourney.CheckName(name) == nil && name != "" {
		put("name", name)
	}
	if d.description != "" {
		put("description", d.description)
	}
	playable := d.options.Commands && (d.program != "" || len(d.command) > 0)
	if playable {
		if d.program != "" {
			put("program", d.program)
		}
		if len(d.command) > 0 {
			add(top, "command", node(d.command))
		}
	} else {
		put("trainer", tourney.TrainerExternal)
		if d.program != "" || len(d.command) > 0 {
			d.lose("The trials are asked for and told by a loop of your own; this was run: %s", strings.TrimSpace(d.program+" "+strings.Join(d.command, " ")))
		}
	}
	put("method", cmp.Or(d.method, "random"))
	if len(d.metrics) > 0 {
		list := &yaml.Node{Kind: yaml.SequenceNode}
		for _, m := range append([]pair{{d.metric, d.goal}}, d.metrics...) {
			list.Content = append(list.Content, pairsNode([]pair{{"name", m.key}, {"goal", m.value}}))
		}
		add(top, "metrics", list)
	} else {
		m := []pair{{"name", cmp.Or(d.metric, "value")}, {"goal", cmp.Or(d.goal, "minimize")}}
		if d.target != nil {
			m = append(m, pair{"target", d.target})
		}
		add(top, "metric", pairsNode(m))
	}
	if d.runCap > 0 {
		put("run_cap", int64(d.runCap))
	}
	if d.wall != "" {
		add(top, "limits", pairsNode([]pair{{"wall", d.wall}}))
	}
	if d.parallel > 0 {
		put("parallelism", int64(d.parallel))
	}
	if d.seed > 0 {
		put("seed", d.seed)
	}
	if len(d.early) > 0 {
		add(top, "early_terminate", pairsNode(d.early))
	}
	add(top, "parameters", paramsNode(d.params))
	var body bytes.Buffer
	enc := yaml.NewEncoder(&body)
	enc.SetIndent(2)
	if err := enc.Encode(top); err != nil {
		return nil, fmt.Errorf("write sweep file: %w", err)
	}
	if err := enc.Close(); err != nil {
		return nil, fmt.Errorf("write sweep file: %w", err)
	}
	var b bytes.Buffer
	from := ""
	if d.file != "" {
		from = " " + oneLine(filepath.Base(d.file))
	}
	fmt.Fprintf(&b, "# Imported from %s%s.\n", format, from)
	for _, l := range d.lost {
		fmt.Fprintf(&b, "# Not carried: %s\n", oneLine(l))
	}
	b.Write(body.Bytes())
	return b.Bytes(), nil
}

// oneLine makes a text safe for a comment.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return ' '
		}
		return r
	}, s)
}

func mapping(flow bool) *yaml.Node {
	n := &yaml.Node{Kind: yaml.MappingNode}
	if flow {
		n.Style = yaml.FlowStyle
	}
	return n
}

func add(m *yaml.Node, key string, v *yaml.Node) { m.Content = append(m.Content, node(key), v) }

func pairsNode(pairs []pair) *yaml.Node {
	m := mapping(true)
	for _, p := range pairs {
		add(m, p.key, node(p.value))
	}
	return m
}

func paramsNode(params []param) *yaml.Node {
	m := mapping(false)
	for _, p := range params {
		var v *yaml.Node
		if p.inner != nil {
			v = mapping(false)
			if len(p.when) > 0 {
				add(v, "when", pairsNode(p.when))
			}
			add(v, "parameters", paramsNode(p.inner))
		} else {
			v = pairsNode(p.pairs)
			if len(p.when) > 0 {
				add(v, "when", pairsNode(p.when))
			}
		}
		add(m, p.name, v)
	}
	return m
}

// safePlain are texts that need no quotes by any version of YAML.
var (
	safePlain = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_./-]*$`)
	words     = []string{"y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf"}
)

// node writes a value.
func node(v any) *yaml.Node {
	scalar := func(tag, text string) *yaml.Node {
		return &yaml.Node{Kind: yaml.ScalarNode, Tag: tag, Value: text}
	}
	switch v := v.(type) {
	case nil:
		return scalar("!!null", "null")
	case bool:
		return scalar("!!bool", strconv.FormatBool(v))
	case int64:
		return scalar("!!int", strconv.FormatInt(v, 10))
	case float64:
		t := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(t, ".e") {
			t += ".0"
		}
		return scalar("!!float", t)
	case string:
		n := scalar("!!str", v)
		if !safePlain.MatchString(v) || slices.Contains(words, strings.ToLower(v)) {
			n.Style = yaml.DoubleQuotedStyle
		}
		return n
	case []string:
		list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, e := range v {
			list.Content = append(list.Content, node(e))
		}
		return list
	case []any:
		list := &yaml.Node{Kind: yaml.SequenceNode, Style: yaml.FlowStyle}
		for _, e := range v {
			list.Content = append(list.Content, node(e))
		}
		return list
	case *yaml.Node:
		return flow(v)
	}
	return scalar("!!str", fmt.Sprint(v))
}

// flow returns a node as it is written, without comments, on one line.
func flow(n *yaml.Node) *yaml.Node {
	c := &yaml.Node{Kind: n.Kind, Tag: n.Tag, Value: n.Value, Style: n.Style}
	if n.Kind != yaml.ScalarNode {
		c.Style = yaml.FlowStyle
	}
	for _, child := range n.Content {
		c.Content = append(c.Content, flow(child))
	}
	return c
}
