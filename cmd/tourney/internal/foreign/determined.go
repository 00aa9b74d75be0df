package foreign

import (
	"math"
	"strings"

	"go.yaml.in/yaml/v4"

	"tourney"
)

// readDetermined reads an experiment's configuration.
func readDetermined(d *draft, doc *yaml.Node) {
	d.name = text(find(doc, "name"))
	d.description = text(find(doc, "description"))
	if e := find(doc, "entrypoint"); e != nil {
		d.command = strings.Fields(text(e))
		for _, n := range itemsOf(e) {
			d.command = append(d.command, text(n))
		}
		d.lose("The entrypoint asks Determined for its parameters; here they are arguments of the command, or in a file.")
	}
	d.loseOthers("", doc, "name", "description", "entrypoint", "hyperparameters", "searcher")
	s := find(doc, "searcher")
	name := d.determinedSearcher(s)
	d.params = d.determinedParams("", "hyperparameters", find(doc, "hyperparameters"), name == "grid")
	if d.params == nil {
		d.params = []param{}
	}
	d.needCap("The searcher")
}

func (d *draft) determinedSearcher(s *yaml.Node) string {
	d.metric, d.goal = metricName(text(find(s, "metric"))), "minimize"
	if v, ok := d.valueOf(find(s, "smaller_is_better")).(bool); ok && !v {
		d.goal = "maximize"
	}
	d.parallel = 16 // its default
	if n := find(s, "max_concurrent_trials"); n != nil {
		d.parallel = d.whole("searcher.max_concurrent_trials", n, 0)
	}
	if n := find(s, "max_trials"); n != nil {
		d.runCap = d.whole("searcher.max_trials", n, 1)
	}
	d.loseOthers("searcher", s, "name", "metric", "smaller_is_better", "max_trials", "max_concurrent_trials", "max_length", "max_time", "time_metric", "mode", "divisor", "max_rungs", "stop_once")
	name := text(find(s, "name"))
	switch name {
	case "single":
		d.method, d.runCap = "random", 1
	case "random", "grid":
		d.method = name
	case "adaptive_asha", "asha", "async_halving":
		d.method = "random"
		d.determinedASHA(s)
		return name
	default:
		d.bad("searcher.name", s, "%q must be single, random, grid, adaptive_asha or asha", name)
	}
	if find(s, "max_length") != nil || find(s, "max_time") != nil {
		d.lose("The length of a trial, which its program or its trainer's own parameter says here.")
	}
	return name
}

// determinedASHA takes the ladder: rungs below max_length, each a divisor
// lower than the one above.
func (d *draft) determinedASHA(s *yaml.Node) {
	length, at := first(s, "max_length", "max_time")
	path := "searcher." + at
	if l, unit := first(length, "batches", "epochs", "records"); l != nil {
		length, path = l, path+"."+unit
		d.lose("The unit of a step, %s: a step is what the program counts.", unit)
	}
	if length == nil {
		d.bad("searcher.max_length", s, "is missing")
		return
	}
	most, eta, rungs := d.whole(path, length, 1), 4, 5
	if n := find(s, "divisor"); n != nil {
		f := d.float("searcher.divisor", n)
		if eta = max(2, int(math.Round(min(f, 1000)))); float64(eta) != f {
			d.lose("searcher.divisor %v is rounded.", f)
		}
	}
	if n := find(s, "max_rungs"); n != nil {
		rungs = d.whole("searcher.max_rungs", n, 1)
	}
	least, steps := most, 1
	for steps < rungs && least/eta >= 1 {
		least, steps = least/eta, steps+1
	}
	d.early = []pair{{"type", "asha"}, {"min_iter", int64(least)}, {"max_iter", int64(most)}, {"eta", int64(eta)}}
	ladder := len((&tourney.EarlyTerminate{MinIter: least, MaxIter: most, Eta: eta}).Rungs())
	brackets := 1
	switch mode := text(find(s, "mode")); mode {
	case "aggressive":
	case "standard", "":
		brackets = (steps-1)/2 + 1
	case "conservative":
		brackets = steps
	default:
		d.bad("searcher.mode", find(s, "mode"), "%q must be aggressive, standard or conservative", mode)
	}
	if text(find(s, "name")) == "adaptive_asha" && min(brackets, ladder) > 1 {
		d.early = append(d.early, pair{"brackets", int64(min(brackets, ladder))})
	}
	if v, ok := d.valueOf(find(s, "stop_once")).(bool); ok && v {
		d.early = append(d.early, pair{"stop", true})
	}
}

// valueOf is value of a node that may not be there.
func (d *draft) valueOf(n *yaml.Node) any {
	if n == nil {
		return nil
	}
	return d.value(n)
}

func (d *draft) determinedParams(prefix, path string, n *yaml.Node, grid bool) []param {
	var out []param
	for _, e := range entries(n) {
		name, at := d.clean(e.name()), path+"."+e.name()
		full := prefix + name
		switch {
		case e.value.Kind != yaml.MappingNode:
			out = append(out, d.param(full, name, e.value, "", pair{"value", d.value(e.value)}))
		case find(e.value, "type") == nil || find(e.value, "type").Kind != yaml.ScalarNode:
			if inner := d.determinedParams(full+".", at, e.value, grid); len(inner) > 0 {
				out = append(out, param{name: name, inner: inner})
			}
		default:
			out = append(out, d.determinedParam(full, name, at, e.value, grid))
		}
	}
	return out
}

func (d *draft) determinedParam(full, name, path string, n *yaml.Node, grid bool) param {
	kind := text(find(n, "type"))
	switch kind {
	case "const":
		return d.param(full, name, n, "", pair{"value", d.valueOf(find(n, "val"))})
	case "categorical":
		var values []any
		for _, v := range d.items(path+".vals", find(n, "vals")) {
			values = append(values, d.value(v))
		}
		return d.param(full, name, n, tourney.Categorical, pair{"values", values})
	case "int", "double", "log":
	default:
		d.bad(path+".type", n, "%q must be const, categorical, int, double or log", kind)
		return param{name: name}
	}
	if find(n, "minval") == nil || find(n, "maxval") == nil {
		d.bad(path, n, "%s needs minval and maxval", kind)
		return param{name: name}
	}
	lo, hi := d.float(path+".minval", find(n, "minval")), d.float(path+".maxval", find(n, "maxval"))
	base := 10.0
	if b := find(n, "base"); b != nil {
		base = d.float(path+".base", b)
	}
	if c := find(n, "count"); grid && (c != nil || kind != "int") {
		if c == nil {
			d.bad(path+".count", n, "is missing: a grid needs the number of values")
			return param{name: name}
		}
		return d.determinedGrid(full, name, n, kind, lo, hi, base, d.whole(path+".count", c, 1))
	}
	switch kind {
	case "int":
		return d.ranged(full, name, n, tourney.IntUniform, int64(lo), int64(hi))
	case "log":
		return d.ranged(full, name, n, tourney.LogUniformValues, tidy(math.Pow(base, lo)), tidy(math.Pow(base, hi)))
	}
	return d.ranged(full, name, n, tourney.Uniform, lo, hi)
}

// determinedGrid writes the values of a grid out: count of them, evenly spaced
// with both ends.
func (d *draft) determinedGrid(full, name string, n *yaml.Node, kind string, lo, hi, base float64, count int) param {
	if kind == "int" {
		count = int(min(float64(count), hi-lo+1))
	}
	if count > 10_000 {
		d.bad(full, n, "has a grid of more than 10,000 values")
		return param{name: name}
	}
	var values []any
	for i := range count {
		f := lo
		if count > 1 {
			f = lo + (hi-lo)*float64(i)/float64(count-1)
		}
		switch kind {
		case "int":
			values = append(values, int64(math.Round(f)))
		case "log":
			values = append(values, tidy(math.Pow(base, f)))
		default:
			values = append(values, tidy(f))
		}
	}
	return d.param(full, name, n, tourney.Ordinal, pair{"values", values})
}
