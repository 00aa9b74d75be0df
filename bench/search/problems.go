package main

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"

	"tourney"
	"tourney/search/axis"
	"tourney/search/searchtest/suite"
)

// problem is an objective with the space of a sweep file in which it is
// searched: the very ranges and kinds that the peer is given.
type problem struct {
	suite.Problem
	space tourney.Space
	names []string // of the parameters, in the order of the axes
	table *table   // nil: a function
}

// table is how a peer finds a table of trainings.
type table struct {
	Path    string   `json:"path"`
	Columns []column `json:"columns"`
	Sign    float64  `json:"sign"`
	Best    float64  `json:"best"`
}

type column struct {
	Cells   int64 `json:"cells"`
	Ordered bool  `json:"ordered"`
}

// spaces are those of the functions, in the order of their axes.
var spaces = map[string]string{
	"branin2":      "x0: {distribution: uniform, min: -5, max: 10}\nx1: {distribution: uniform, min: 0, max: 15}",
	"hartmann3":    box(3, "0", "1"),
	"hartmann6":    box(6, "0", "1"),
	"ackley5s":     box(5, "-32.768", "32.768"),
	"ackley10s":    box(10, "-32.768", "32.768"),
	"rosenbrock5":  box(5, "-5", "10"),
	"rosenbrock10": box(10, "-5", "10"),
	"levy5":        box(5, "-10", "10"),
	"griewank5s":   box(5, "-600", "600"),
	"rastrigin5s":  box(5, "-5.12", "5.12"),
	"stybtang5":    box(5, "-5", "5"),
	"eggholder2":   box(2, "-512", "512"),
	"noisyhart6":   box(6, "0", "1"),
	"nanhart3":     box(3, "0", "1"),
	"lowdim20":     box(20, "0", "1"),
	"mixed6": `lr: {distribution: log_uniform_values, min: 1e-5, max: 1}
wd: {distribution: log_uniform_values, min: 1e-8, max: 1e-1}
layers: {distribution: int_uniform, min: 1, max: 8}
units: {distribution: q_log_uniform_values, min: 8, max: 1024, q: 1}
drop: {distribution: q_uniform, min: 0, max: 0.8, q: 0.05}
bsexp: {distribution: int_uniform, min: 4, max: 10}`,
	"cat20": `c: {values: [` + counted("c%02d", 20) + `]}
a: {values: [relu, tanh, gelu, silu, elu]}
x: {distribution: uniform, min: 0, max: 1}
y: {distribution: uniform, min: 0, max: 1}`,
	"cond8": `model: {values: [svm, forest, mlp]}
C: {distribution: log_uniform_values, min: 1e-3, max: 1e3, when: {model: svm}}
kernel: {values: [rbf, poly, lin], when: {model: svm}}
g: {distribution: log_uniform_values, min: 1e-5, max: 10, when: {kernel: rbf}}
depth: {distribution: int_uniform, min: 1, max: 30, when: {model: forest}}
feat: {distribution: uniform, min: 0.05, max: 1, when: {model: forest}}
lr: {distribution: log_uniform_values, min: 1e-5, max: 1, when: {model: mlp}}
mom: {distribution: uniform, min: 0, max: 0.99, when: {model: mlp}}
h: {distribution: q_log_uniform_values, min: 4, max: 512, q: 1, when: {model: mlp}}`,
}

func box(d int, lo, hi string) string {
	lines := make([]string, d)
	for i := range lines {
		lines[i] = fmt.Sprintf("x%d: {distribution: uniform, min: %s, max: %s}", i, lo, hi)
	}
	return strings.Join(lines, "\n")
}

// counted lists the first n names of a form.
func counted(form string, n int64) string {
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf(form, i)
	}
	return strings.Join(names, ", ")
}

// functions returns the 18 functions with their spaces.
func functions() ([]problem, error) {
	var out []problem
	for _, p := range suite.Problems() {
		text, ok := spaces[p.Name]
		if !ok {
			return nil, fmt.Errorf("function %s has no space", p.Name)
		}
		one, err := newProblem(p, text)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// tableProblem puts a table of trainings into a space: whole numbers for
// ordered columns, names for the others.
func tableProblem(p suite.Problem, path string) (problem, error) {
	t := &table{Path: path, Sign: 1, Best: p.Optimum}
	if !strings.HasPrefix(p.Name, "hpolib_") {
		t.Sign = -1 // accuracies
	}
	var lines []string
	for i, a := range p.Axes {
		t.Columns = append(t.Columns, column{Cells: a.Cells, Ordered: a.Kind == axis.Ordered})
		line := fmt.Sprintf("p%d: {values: [%s]}", i, counted("c%d", a.Cells))
		if a.Kind == axis.Ordered {
			line = fmt.Sprintf("p%d: {distribution: int_uniform, min: 0, max: %d}", i, a.Cells-1)
		}
		lines = append(lines, line)
	}
	out, err := newProblem(p, strings.Join(lines, "\n"))
	out.table = t
	return out, err
}

func newProblem(p suite.Problem, space string) (problem, error) {
	spec, err := sweep(space, tourney.MethodRandom, 1, 1, 0)
	if err != nil {
		return problem{}, fmt.Errorf("space of %s: %w", p.Name, err)
	}
	out := problem{Problem: p, space: spec.Parameters}
	for line := range strings.Lines(space) {
		name, _, _ := strings.Cut(line, ":")
		out.names = append(out.names, name)
	}
	if len(out.names) != len(p.Axes) {
		return problem{}, fmt.Errorf("space of %s has %d parameters for %d axes", p.Name, len(out.names), len(p.Axes))
	}
	return out, nil
}

// sweep is the spec of a search: what a sweep file would say.
func sweep(parameters string, method tourney.Method, trials, pending int, seed uint64) (tourney.Spec, error) {
	text := fmt.Sprintf("dataset: d\ntrainer: linear\nmetric: {name: rmse}\norder: arrival\nmethod: %s\nrun_cap: %d\nparallelism: %d\nseed: %d\nparameters:\n  %s\n",
		method, trials, pending, seed, strings.ReplaceAll(parameters, "\n", "\n  "))
	return tourney.ParseSpec([]byte(text), "")
}

// spec is the sweep of a run on the problem.
func (p *problem) spec(method tourney.Method, trials, pending int, seed uint64) (tourney.Spec, error) {
	spec, err := sweep("x: {value: 1}", method, trials, pending, seed)
	spec.Parameters = p.space
	return spec, err
}

var errForeign = errors.New("parameters of another space")

// point returns the coordinates that the problem knows the parameters by.
func (p *problem) point(params tourney.Params) ([]float64, error) {
	u := make([]float64, len(p.names))
	for i, name := range p.names {
		v, ok := params[name]
		if !ok {
			u[i] = math.NaN()
			continue
		}
		param := p.space.Lookup(name)
		if param.Distribution == tourney.Categorical {
			k := slices.Index(param.Values, v)
			if k < 0 {
				return nil, fmt.Errorf("%s: %s = %v: %w", p.Name, name, v, errForeign)
			}
			u[i] = p.Axes[i].Middle(int64(k))
			continue
		}
		x, ok := params.Float(name, 0)
		if !ok {
			return nil, fmt.Errorf("%s: %s = %v: %w", p.Name, name, v, errForeign)
		}
		switch param.Distribution {
		case tourney.Uniform:
			u[i] = (x - param.Min) / (param.Max - param.Min)
		case tourney.LogUniformValues:
			u[i] = math.Log(x/param.Min) / math.Log(param.Max/param.Min)
		case tourney.IntUniform, tourney.QUniform, tourney.QLogUniformValues:
			q := param.Q
			if param.Distribution == tourney.IntUniform {
				q = 1
			}
			u[i] = p.Axes[i].Middle(int64(math.Round((x - param.Min) / q)))
		default:
			return nil, fmt.Errorf("%s: %s is %s: %w", p.Name, name, param.Distribution, errForeign)
		}
	}
	return u, nil
}

// finite reports whether the problem has a number of points.
func (p *problem) finite() bool { return p.space.Size() > 0 }
