package tourney

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v4"
)

// TrainerCommand is the trainer of sweeps whose trials are runs of a program.
const TrainerCommand = "command"

// Command says how a trial runs a program: the part of a sweep file that its
// keys program and command begin. Where the file has neither there is none.
type Command struct {
	Program     string            `json:"program,omitempty"`      // what ${program} stands for
	Argv        []string          `json:"command,omitempty"`      // with macros; empty: DefaultArgv
	Env         map[string]string `json:"env,omitempty"`          // set for the program; values may hold ${parameter}
	MetricsFrom []MetricSource    `json:"metrics_from,omitempty"` // empty: JSON lines and name=value on stdout
	Resumable   bool              `json:"resumable,omitempty"`    // it goes on from its checkpoint directory and ends at a budget
	Timeout     float64           `json:"timeout,omitempty"`      // seconds an attempt may run, the sweep's; 0: no limit
	Resources   Resources         `json:"resources,omitzero"`
	WandB       string            `json:"wandb,omitempty"` // shim: what imports wandb gets ours
}

// Resources are what one trial needs, and may not exceed.
type Resources struct {
	CPUs   float64 `json:"cpus,omitempty"`   // of a worker's slots; 0: 1
	GPUs   int     `json:"gpus,omitempty"`   // whole ones
	Memory int64   `json:"memory,omitempty"` // bytes, of all its processes; 0: no limit but the worker's
}

// MetricSource is one place that a program writes metrics to. What it pushes to
// TOURNEY_REPORT_URL always counts.
type MetricSource struct {
	Format  string   `json:"format"`            // json, name=value, regex, csv or tensorboard
	File    string   `json:"file,omitempty"`    // in the working directory; of tensorboard a directory; empty: stdout
	Regex   string   `json:"regex,omitempty"`   // named groups are metrics, and step is the step
	Columns []string `json:"columns,omitempty"` // csv: the names where there is no header
}

// MetricFormats lists the formats of a MetricSource.
func MetricFormats() []string { return []string{"json", "name=value", "regex", "csv", "tensorboard"} }

// DefaultArgv is the command of a sweep that names a program alone, as W&B has
// it.
func DefaultArgv() []string { return []string{"${env}", "${interpreter}", "${program}", "${args}"} }

// The macros that are an element of a command by themselves: those that are the
// same in every trial, and those that carry its parameters.
var (
	fixedMacros = []string{"env", "interpreter", "program"}
	argsMacros  = []string{"args", "args_no_hyphens", "args_no_boolean_flags", "args_no_equals", "args_json", "args_json_file"}
)

// MacroRE finds ${name}; EnvVarRE finds ${envvar:NAME}, as W&B writes it.
var (
	MacroRE  = regexp.MustCompile(`\$\{([A-Za-z_][A-Za-z0-9_.-]*)\}`)
	EnvVarRE = regexp.MustCompile(`\$\{envvar:([A-Z0-9_]*)\}`)

	envRE = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
)

// Line returns the command, the default if it has none.
func (c *Command) Line() []string {
	if len(c.Argv) > 0 {
		return c.Argv
	}
	return DefaultArgv()
}

// Fixed returns the elements before the first one that a trial's parameters or
// a worker's environment have a part in, macros expanded: what a worker's allow
// list is held against.
func (c *Command) Fixed(interpreter string) []string {
	var fixed []string
	for _, e := range c.Line() {
		switch e {
		case "${env}":
			e = "/usr/bin/env"
		case "${interpreter}":
			e = interpreter
		case "${program}":
			e = c.Program
		default:
			if MacroRE.MatchString(e) || EnvVarRE.MatchString(e) {
				return fixed
			}
		}
		fixed = append(fixed, e)
	}
	return fixed
}

// Interpreters are what ${interpreter} may stand for on a worker, the first
// that is there.
func Interpreters() []string { return []string{"python", "python3"} }

// Allowed reports whether one of the prefixes allows the command: it is of at
// least one element, and the first elements of the command that are the same in
// every trial.
func (c *Command) Allowed(prefixes [][]string) bool {
	for _, interpreter := range Interpreters() {
		fixed := c.Fixed(interpreter)
		for _, p := range prefixes {
			if len(p) > 0 && len(p) <= len(fixed) && slices.Equal(p, fixed[:len(p)]) {
				return true
			}
		}
	}
	return false
}

// Weight is the share of a worker's slots that a trial takes.
func (c *Command) Weight() float64 {
	if c.Resources.CPUs > 0 {
		return c.Resources.CPUs
	}
	return 1
}

// Runs reports whether the sweep's trials are runs of a program.
func (s *Spec) Runs() bool { return s.Command != nil }

// Refits reports whether the best trial is trained again on all rows at the
// end. Trials that are run or told of leave nothing that could be.
func (s *Spec) Refits() bool { return !s.External() && !s.Runs() }

// Streams reports whether a trial's rungs are moments of one run, which is
// stopped when it has lost: its program cannot go on from where it was.
func (s *Spec) Streams() bool { return s.Runs() && !s.Resumable && s.EarlyTerminate != nil }

// checkCommand checks what a sweep of a program says, and fills in what is
// different there.
func (s *Spec) checkCommand(bad report) {
	c := s.Command
	for _, k := range []struct {
		path  string
		there bool
	}{{"dataset", s.Dataset != ""}, {"target", s.Target != ""}, {"split", s.Split != nil}} {
		if k.there {
			bad(k.path, "means nothing to a command, which reads its own data; leave it out, or leave out program and command")
		}
	}
	if s.Trainer != TrainerCommand {
		bad("trainer", "a file with program or command has trainer %s; leave it out, or leave out program and command", TrainerCommand)
	}
	if s.Order != OrderArrival {
		bad("order", "what a program prints is folded as it comes: use arrival, or leave it out")
	}
	if s.Metric.Name == "" && len(s.Metrics) == 0 {
		bad("metric.name", "is missing: name what the program reports, as in metric: {name: loss, goal: minimize}")
	}
	s.checkLine(bad)
	for _, name := range slices.Sorted(maps.Keys(c.Env)) {
		switch at := "env." + name; {
		case !envRE.MatchString(name):
			bad(at, "is no name of an environment variable: use letters, digits and '_', the first no digit")
		case strings.HasPrefix(name, "TOURNEY_"):
			bad(at, "names that begin with TOURNEY_ are ours; choose another")
		case strings.ContainsRune(c.Env[name], 0):
			bad(at, "holds a zero byte")
		default:
			s.checkMacros(at, c.Env[name], bad)
		}
	}
	for i := range c.MetricsFrom {
		c.MetricsFrom[i].check(indexed("metrics_from", i), bad)
	}
	if c.WandB != "" && c.WandB != "shim" {
		bad("wandb", "%q must be shim, or be left out", c.WandB)
	}
	if !(c.Resources.CPUs >= 0 && c.Resources.CPUs <= 4096) {
		bad("resources.cpus", "must be more than 0 and at most 4096, not %v", c.Resources.CPUs)
	}
	s.checkCommandScheduler(bad)
}

func (s *Spec) checkLine(bad report) {
	c := s.Command
	uses := false
	for i, e := range c.Line() {
		at := indexed("command", i)
		uses = uses || e == "${program}"
		switch {
		case strings.ContainsRune(e, 0):
			bad(at, "holds a zero byte")
		case i == 0 && e == "":
			bad(at, "is empty: a command begins with the program to run")
		default:
			s.checkMacros(at, e, bad)
		}
	}
	if uses && c.Program == "" {
		bad("program", "is missing: the command has ${program}")
	}
	if len(c.Fixed(Interpreters()[0])) == 0 {
		bad("command.0", "which program runs must not depend on the trial; begin with it, or with ${env}, ${interpreter} or ${program}")
	}
}

// checkMacros makes sure that each ${name} of a text stands for something.
func (s *Spec) checkMacros(at, text string, bad report) {
	for _, m := range MacroRE.FindAllStringSubmatch(text, -1) {
		name := m[1]
		known := slices.Concat(fixedMacros, argsMacros)
		switch {
		case s.Parameters.Lookup(name) != nil:
		case slices.Contains(known, name) && (text != m[0] || !strings.HasPrefix(at, "command.")):
			bad(at, "%s has to be an element of command by itself", m[0])
		case slices.Contains(known, name):
		default:
			for i := range s.Parameters {
				known = append(known, s.Parameters[i].Name)
			}
			bad(at, "%s is neither a macro nor a parameter%s; the macros are ${%s} and ${envvar:NAME}", m[0],
				DidYouMean(name, known), strings.Join(slices.Concat(fixedMacros, argsMacros), "}, ${"))
		}
	}
}

// checkCommandScheduler refuses schedulers that need a state to go on from,
// where there is none, and chooses the form of asha that needs none.
func (s *Spec) checkCommandScheduler(bad report) {
	e := s.EarlyTerminate
	switch {
	case e == nil:
	case e.Fidelity == "rows":
		bad("early_terminate.fidelity", "a command has steps; leave it out")
	case s.Resumable && e.Type == "hyperband" && e.MaxIter == 0 && e.S == 0:
		bad("early_terminate.max_iter", "is missing: the step at which a resumable program is to end")
	case s.Resumable:
	case e.Type == "asha":
		e.Stop = true
	case e.Type == "pasha" || e.Type == "pbt":
		bad("early_terminate.type", "%s goes on with trials that had stopped: the program must be able to, and the file say resumable: true; or use hyperband, median or asha", e.Type)
	}
}

func (m *MetricSource) check(at string, bad report) {
	if !slices.Contains(MetricFormats(), m.Format) {
		bad(at+".format", "%q is no format%s; there are %s", m.Format, DidYouMean(m.Format, MetricFormats()), strings.Join(MetricFormats(), ", "))
		return
	}
	if m.File != "" && (path.IsAbs(m.File) || !localPath(m.File)) {
		bad(at+".file", "%q must be a path inside the working directory of the trial", m.File)
	}
	switch re, err := regexp.Compile(m.Regex); {
	case m.Format != "regex" && m.Regex != "":
		bad(at+".regex", "goes with format regex")
	case m.Format != "regex":
	case err != nil:
		bad(at+".regex", "%v", err)
	case len(m.Regex) > 4096:
		bad(at+".regex", "has %d bytes; at most 4096", len(m.Regex))
	case strings.Join(re.SubexpNames(), "") == "":
		bad(at+".regex", `names no group: write (?P<loss>[-+.\deE]+) for the metric loss; a group step is the step, and groups name and value are a metric's`)
	}
	if len(m.Columns) > 0 && m.Format != "csv" {
		bad(at+".columns", "go with format csv")
	}
	if m.Format == "tensorboard" && m.File == "" {
		bad(at+".file", "is missing: the directory of the event files, as in - tensorboard: runs")
	}
}

// localPath reports whether a path with slashes stays below where it starts.
func localPath(p string) bool {
	p = path.Clean(p)
	return p != ".." && !strings.HasPrefix(p, "../")
}

// commandKeys are the keys of a sweep file that belong to a Command.
var commandKeys = []string{"program", "command", "env", "metrics_from", "resumable", "resources", "wandb"}

// command reads one of commandKeys.
func (r *specReader) command(key string, node *yaml.Node, spec *Spec) {
	if spec.Command == nil {
		spec.Command = &Command{}
	}
	c := spec.Command
	switch key {
	case "program":
		c.Program = r.text(key, node)
	case "command":
		c.Argv = r.argv(key, node)
	case "env":
		c.Env = map[string]string{}
		for name, n := range ordered(r.mapping(key, node)) {
			c.Env[name] = r.text(key+"."+name, n)
		}
	case "metrics_from":
		for i, n := range r.list(key, node) {
			c.MetricsFrom = append(c.MetricsFrom, r.metricSource(indexed(key, i), n))
		}
	case "resumable":
		c.Resumable = r.truth(key, node)
	case "wandb":
		c.WandB = r.text(key, node)
	case "resources":
		r.fields(key, node, map[string]func(string, *yaml.Node){
			"cpus":   func(p string, n *yaml.Node) { c.Resources.CPUs = r.positive(p, n) },
			"gpus":   func(p string, n *yaml.Node) { c.Resources.GPUs = r.count(p, n) },
			"memory": func(p string, n *yaml.Node) { c.Resources.Memory = r.size(p, n) },
		})
	}
}

// argv reads a command: a list, or as W&B also takes it one text, whose words
// are the elements.
func (r *specReader) argv(key string, node *yaml.Node) []string {
	if resolve(node).Kind == yaml.ScalarNode {
		words := strings.Fields(r.text(key, node))
		if len(words) == 0 {
			r.bad(key, node, "is empty; leave it out for %s", strings.Join(DefaultArgv(), " "))
		}
		return words
	}
	var line []string
	for i, n := range r.list(key, node) {
		line = append(line, r.text(indexed(key, i), n))
	}
	if len(line) == 0 {
		r.bad(key, node, "is empty; leave it out for %s", strings.Join(DefaultArgv(), " "))
	}
	return line
}

// metricSource reads a source: the name of a format, or a mapping whose keys
// regex and tensorboard say the format as well.
func (r *specReader) metricSource(at string, node *yaml.Node) (m MetricSource) {
	if resolve(node).Kind == yaml.ScalarNode {
		m.Format = r.text(at, node)
		return m
	}
	r.fields(at, node, map[string]func(string, *yaml.Node){
		"format":      func(p string, n *yaml.Node) { m.Format = r.text(p, n) },
		"file":        func(p string, n *yaml.Node) { m.File = r.text(p, n) },
		"tensorboard": func(p string, n *yaml.Node) { m.Format, m.File = "tensorboard", r.text(p, n) },
		"regex": func(p string, n *yaml.Node) {
			m.Regex = r.text(p, n)
			if m.Format == "" {
				m.Format = "regex"
			}
		},
		"columns": func(p string, n *yaml.Node) {
			for i, e := range r.list(p, n) {
				m.Columns = append(m.Columns, r.text(indexed(p, i), e))
			}
		},
	})
	return m
}

// size reads a number of bytes, or one with a unit.
func (r *specReader) size(at string, node *yaml.Node) int64 {
	n, err := ParseBytes(resolve(node).Value)
	if resolve(node).Kind != yaml.ScalarNode || err != nil {
		r.bad(at, node, "must be a number of bytes, or with a unit as 8GiB or 500MB, not %s", show(resolve(node)))
	}
	return n
}

var bytesRE = regexp.MustCompile(`^([0-9]{1,15})\s*(?:([kKMGT])(i?)B?|B)?$`)

// ParseBytes reads a size: a number of bytes, or with a unit as 8GiB or 500MB.
func ParseBytes(text string) (int64, error) {
	m := bytesRE.FindStringSubmatch(strings.TrimSpace(text))
	if m == nil {
		return 0, fmt.Errorf("%w: %q is no size; give a number of bytes, or with a unit as 8GiB or 500MB", ErrInvalid, text)
	}
	n, _ := strconv.ParseInt(m[1], 10, 64) // digits, by the pattern
	base := int64(1000)
	if m[3] != "" {
		base = 1024
	}
	for range strings.Index("kMGT", strings.ReplaceAll(m[2], "K", "k")) + 1 {
		if m[2] == "" {
			break
		}
		if n > (1<<62)/base {
			return 0, fmt.Errorf("%w: %q is too large", ErrInvalid, text)
		}
		n *= base
	}
	if n < 1 {
		return 0, fmt.Errorf("%w: %q must be at least 1 byte", ErrInvalid, text)
	}
	return n, nil
}
