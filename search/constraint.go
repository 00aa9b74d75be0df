package search

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/parser"
	"github.com/expr-lang/expr/vm"

	"tourney"
)

// constraint is an expression over parameters that a point must fulfil. One
// that names a parameter which has no part in the point asks nothing of it.
type constraint struct {
	program *vm.Program
	uses    []string // parameters, sorted
}

// maxConstraint bounds an expression, in bytes.
const maxConstraint = 4096

// functions are what an expression may call beside the built-ins of its
// language (abs, ceil, floor, round, min, max, …).
var functions = map[string]func(float64) float64{
	"log": math.Log, "log2": math.Log2, "log10": math.Log10, "exp": math.Exp, "sqrt": math.Sqrt,
}

func newConstraints(texts []string, space tourney.Space) ([]constraint, error) {
	var errs []tourney.FieldError
	list := make([]constraint, 0, len(texts))
	for i, text := range texts {
		c, err := newConstraint(text, space)
		if err != nil {
			errs = append(errs, tourney.FieldError{Path: fmt.Sprintf("constraints.%d", i), Message: err.Error()})
			continue
		}
		list = append(list, c)
	}
	if len(errs) > 0 {
		return nil, &tourney.InvalidError{Fields: errs}
	}
	return list, nil
}

func newConstraint(text string, space tourney.Space) (constraint, error) {
	if len(text) > maxConstraint {
		return constraint{}, fmt.Errorf("has %d bytes; at most %d", len(text), maxConstraint)
	}
	tree, err := parser.Parse(text)
	if err != nil {
		return constraint{}, fmt.Errorf("is no expression: %s", firstLine(err))
	}
	if unknown := unknownIn(tree.Node, space); unknown != "" {
		return constraint{}, fmt.Errorf("there is no parameter %q%s", unknown, tourney.DidYouMean(unknown, names(space)))
	}
	c := constraint{uses: usedBy(tree.Node, space)}
	if len(c.uses) == 0 {
		return constraint{}, fmt.Errorf("names no parameter; there are %s", strings.Join(names(space), ", "))
	}
	example := tourney.Params{}
	for i := range space {
		if v, ok := exampleOf(&space[i]); ok {
			example[space[i].Name] = v
		}
	}
	// What has no example has no type, and is checked when it is evaluated.
	options := []expr.Option{expr.Env(environment(example)), expr.AllowUndefinedVariables(), expr.AsBool(), expr.DisableBuiltin("now")}
	for name, f := range functions {
		options = append(options, expr.Function(name, func(args ...any) (any, error) {
			return f(number(args[0])), nil
		}, new(func(float64) float64), new(func(int) float64)))
	}
	if c.program, err = expr.Compile(text, options...); err != nil {
		return constraint{}, fmt.Errorf("is no condition over the parameters: %s", firstLine(err))
	}
	return c, nil
}

// holds reports whether a point fulfils the constraint. An expression that
// cannot be evaluated at a point, as a division by zero, is not fulfilled.
func (c *constraint) holds(point tourney.Params) bool {
	for _, name := range c.uses {
		if _, ok := point[name]; !ok {
			return true
		}
	}
	result, err := expr.Run(c.program, environment(point))
	fulfilled, ok := result.(bool)
	return err == nil && ok && fulfilled
}

// environment is a point as an expression sees it: a.b is in the map a. Whole
// numbers are ints, which the language keeps apart.
func environment(point tourney.Params) map[string]any {
	env := make(map[string]any, len(point))
	for name, v := range point {
		if n, ok := v.(int64); ok {
			v = int(n)
		}
		at := env
		parts := strings.Split(name, ".")
		for _, part := range parts[:len(parts)-1] {
			inner, ok := at[part].(map[string]any)
			if !ok {
				inner = map[string]any{}
				at[part] = inner
			}
			at = inner
		}
		at[parts[len(parts)-1]] = v
	}
	return env
}

// exampleOf returns a value of a parameter, from which the language takes its
// type. It is false if the values are of several types.
func exampleOf(p *tourney.Param) (any, bool) {
	switch p.Distribution {
	case tourney.Constant:
		return p.Value, p.Value != nil
	case tourney.Categorical, tourney.CategoricalProbs, tourney.Ordinal:
		for _, v := range p.Values {
			if v == nil || reflect.TypeOf(v) != reflect.TypeOf(p.Values[0]) {
				return nil, false
			}
		}
		return p.Values[0], true
	}
	return p.Decode(0.5), true
}

// unknownIn returns a name in an expression that is no parameter's nor the
// beginning of one, or "".
func unknownIn(node ast.Node, space tourney.Space) string {
	for _, n := range namesIn(node) {
		if !slices.ContainsFunc(space, func(p tourney.Param) bool { return p.Name == n || strings.HasPrefix(p.Name, n+".") }) {
			return n
		}
	}
	return ""
}

// usedBy returns the parameters that an expression names, sorted.
func usedBy(node ast.Node, space tourney.Space) []string {
	used := namesIn(node)
	var uses []string
	for i := range space {
		if slices.Contains(used, space[i].Name) {
			uses = append(uses, space[i].Name)
		}
	}
	return uses
}

// namesIn returns the names in an expression, functions aside: a.b for a
// member, without its a.
func namesIn(node ast.Node) []string {
	v := &nameVisitor{inner: map[ast.Node]bool{}}
	ast.Walk(&node, v)
	var names []string
	for _, n := range v.found {
		if path := memberPath(n); path != "" && !v.inner[n] {
			names = append(names, path)
		}
	}
	return names
}

// nameVisitor collects nodes that are names, and those that are parts of
// longer ones or of calls.
type nameVisitor struct {
	found []ast.Node
	inner map[ast.Node]bool
}

func (v *nameVisitor) Visit(node *ast.Node) {
	switch n := (*node).(type) {
	case *ast.IdentifierNode:
		v.found = append(v.found, n)
	case *ast.MemberNode:
		v.found = append(v.found, n)
		v.inner[n.Node] = true
	case *ast.CallNode:
		v.inner[n.Callee] = true
	}
}

func memberPath(node ast.Node) string {
	switch n := node.(type) {
	case *ast.IdentifierNode:
		return n.Value
	case *ast.MemberNode:
		base := memberPath(n.Node)
		if field, ok := n.Property.(*ast.StringNode); ok && base != "" {
			return base + "." + field.Value
		}
	}
	return ""
}

func number(v any) float64 {
	if n, ok := v.(int); ok {
		return float64(n)
	}
	f, _ := v.(float64)
	return f
}

func names(space tourney.Space) []string {
	list := make([]string, len(space))
	for i := range space {
		list[i] = space[i].Name
	}
	return list
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}
