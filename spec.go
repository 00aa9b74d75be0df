package tourney

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// Spec is what a user asks for: a sweep file, or the body of POST /sweeps.
// Keys and distributions are those of W&B's sweep configuration, with what it
// lacks beside it.
type Spec struct {
	Name           string          `json:"name"`
	Description    string          `json:"description,omitempty"`
	Dataset        string          `json:"dataset"` // NAME, NAME@VERSION, or a path that the command line registers first
	Target         string          `json:"target,omitempty"`
	Split          *Split          `json:"split,omitempty"`
	Trainer        string          `json:"trainer"`
	Method         Method          `json:"method"`
	Metric         Metric          `json:"metric"`
	RunCap         int             `json:"run_cap,omitempty"`     // trials; 0: as many as the space has points
	Parallelism    int             `json:"parallelism,omitempty"` // pending trials
	Order          Order           `json:"order"`
	Seed           uint64          `json:"seed"`
	Validation     Validation      `json:"validation"`
	EarlyTerminate *EarlyTerminate `json:"early_terminate,omitempty"`
	Parameters     Space           `json:"parameters"`

	Ignored []string `json:"-"` // keys of the file that are W&B's and mean nothing here
}

// Method is a sampler by name.
type Method string

// The methods.
const (
	MethodRandom Method = "random"
	MethodGrid   Method = "grid"
)

// Order says in which order the reports of a sweep are folded.
type Order string

const (
	// OrderFixed folds them in the order of virtual time, so that the board is
	// a function of the spec and the dataset's version alone.
	OrderFixed Order = "fixed"
	// OrderArrival folds them as they are committed.
	OrderArrival Order = "arrival"
)

// Split says which rows of a new dataset are sealed as test rows.
type Split struct {
	Test float64 `json:"test"` // share of the rows
	Seed uint64  `json:"seed,omitempty"`
}

// Validation says which of the rows that are not test rows a trial is
// validated on.
type Validation struct {
	Kind     string  `json:"kind"`               // "holdout"
	Fraction float64 `json:"fraction,omitempty"` // the last share of the shuffled rows
}

// String returns a text that equal validations share.
func (v Validation) String() string { return fmt.Sprintf("%s:%v", v.Kind, v.Fraction) }

// EarlyTerminate is a scheduler: how long each trial trains. Type "asha" is
// asynchronous successive halving by promotion (Li et al., arXiv:1810.05934,
// Algorithm 2).
type EarlyTerminate struct {
	Type    string `json:"type"`
	MinIter int    `json:"min_iter"` // budget of the lowest rung, in steps
	MaxIter int    `json:"max_iter"` // budget of the highest rung
	Eta     int    `json:"eta"`      // one trial in eta is promoted
}

// Rungs returns the budgets of the ladder: MinIter times the powers of Eta
// below MaxIter, then MaxIter.
func (e *EarlyTerminate) Rungs() []int {
	var rungs []int
	for b := e.MinIter; b < e.MaxIter; b *= e.Eta {
		rungs = append(rungs, b)
	}
	return append(rungs, e.MaxIter)
}

// MaxTrials is the most trials that a sweep may have.
const MaxTrials = 2_000_000

var (
	nameRE  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$`)
	paramRE = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_.-]{0,127}$`)
)

// CheckName returns what is wrong with the name of a sweep or dataset, or nil.
func CheckName(name string) error {
	if nameRE.MatchString(name) {
		return nil
	}
	return fmt.Errorf("%q is no name: use letters, digits, '.', '_' and '-', at most 128, the first a letter or digit", name)
}

// Normalise fills in the defaults and returns an *InvalidError that lists all
// that is wrong with the spec by itself, or nil. What depends on the dataset
// and the trainer is checked when the sweep is created.
func (s *Spec) Normalise() error {
	s.Order = cmp.Or(s.Order, OrderFixed)
	if s.Validation.Kind == "" {
		s.Validation.Kind = "holdout"
	}
	if s.Validation.Kind == "holdout" && s.Validation.Fraction == 0 {
		s.Validation.Fraction = 0.2
	}
	slices.SortFunc(s.Parameters, func(a, b Param) int { return cmp.Compare(a.Name, b.Name) })
	var errs []FieldError
	bad := func(path, format string, args ...any) {
		errs = append(errs, FieldError{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	if s.Name != "" {
		if err := CheckName(s.Name); err != nil {
			bad("name", "%v", err)
		}
	}
	if s.Dataset == "" {
		bad("dataset", "is missing: name a registered dataset, or a path to a CSV file")
	}
	if s.Trainer == "" {
		bad("trainer", "is missing: name one, as in trainer: linear")
	}
	if sp := s.Split; sp != nil && !(sp.Test > 0 && sp.Test <= 0.9) {
		bad("split.test", "must be greater than 0 and at most 0.9, not %v", sp.Test)
	}
	switch v := s.Validation; {
	case v.Kind != "holdout":
		bad("validation.kind", "%q is not supported by this version; use holdout", v.Kind)
	case !(v.Fraction > 0 && v.Fraction <= 0.9):
		bad("validation.fraction", "must be greater than 0 and at most 0.9, not %v", v.Fraction)
	}
	if s.Order != OrderFixed && s.Order != OrderArrival {
		bad("order", "%q must be fixed or arrival", s.Order)
	}
	if s.Parallelism < 0 || s.Parallelism > 100_000 {
		bad("parallelism", "must be between 1 and 100000, not %d", s.Parallelism)
	}
	s.checkMetric(bad)
	s.checkEarly(bad)
	errs = append(errs, s.checkParameters()...)
	s.checkMethod(bad)
	if len(errs) > 0 {
		return &InvalidError{Fields: errs}
	}
	return nil
}

func (s *Spec) checkMetric(bad func(path, format string, args ...any)) {
	builtin, ok := LookupMetric(s.Metric.Name)
	switch {
	case s.Metric.Goal != "" && s.Metric.Goal != Minimize && s.Metric.Goal != Maximize:
		bad("metric.goal", "%q must be minimize or maximize", s.Metric.Goal)
	case s.Metric.Name == "" && s.Metric.Goal != "":
		bad("metric.name", "is missing; the built-in metrics are %v", MetricNames(""))
	case s.Metric.Name == "":
	case !ok:
		bad("metric.name", "no metric %q%s; the built-in ones are %v", s.Metric.Name, DidYouMean(s.Metric.Name, MetricNames("")), MetricNames(""))
	case s.Metric.Goal == "":
		s.Metric.Goal = builtin.Goal
	case s.Metric.Goal != builtin.Goal:
		bad("metric.goal", "%s is to %s, not to %s", s.Metric.Name, builtin.Goal, s.Metric.Goal)
	}
}

func (s *Spec) checkEarly(bad func(path, format string, args ...any)) {
	e := s.EarlyTerminate
	if e == nil {
		return
	}
	e.Eta = cmp.Or(e.Eta, 3)
	e.MinIter = cmp.Or(e.MinIter, 1)
	switch {
	case e.Type != "asha":
		bad("early_terminate.type", "%q is not supported by this version; use asha", e.Type)
	case e.Eta < 2 || e.Eta > 1000:
		bad("early_terminate.eta", "must be between 2 and 1000, not %d", e.Eta)
	case e.MinIter < 1:
		bad("early_terminate.min_iter", "must be at least 1, not %d", e.MinIter)
	case e.MaxIter == 0:
		bad("early_terminate.max_iter", "is missing: the steps that a trial trains at most")
	case e.MaxIter < e.MinIter:
		bad("early_terminate.max_iter", "must be at least min_iter %d, not %d", e.MinIter, e.MaxIter)
	case e.MaxIter > 10_000_000:
		bad("early_terminate.max_iter", "must be at most 10000000, not %d", e.MaxIter)
	}
}

func (s *Spec) checkParameters() []FieldError {
	var errs []FieldError
	if len(s.Parameters) == 0 {
		errs = append(errs, FieldError{Path: "parameters", Message: "is empty: name at least one parameter"})
	}
	if len(s.Parameters) > 1000 {
		errs = append(errs, FieldError{Path: "parameters", Message: fmt.Sprintf("has %d entries; at most 1000", len(s.Parameters))})
	}
	for i := range s.Parameters {
		p := &s.Parameters[i]
		path := "parameters." + p.Name
		if !paramRE.MatchString(p.Name) {
			errs = append(errs, FieldError{Path: path, Message: "is no name for a parameter: start with a letter or '_', go on with letters, digits, '_', '.' and '-'"})
		}
		if i > 0 && s.Parameters[i-1].Name == p.Name {
			errs = append(errs, FieldError{Path: path, Message: "is there twice"})
		}
		for _, e := range p.validate() {
			e.Path = path + "." + e.Path
			errs = append(errs, e)
		}
	}
	return errs
}

func (s *Spec) checkMethod(bad func(path, format string, args ...any)) {
	if s.RunCap < 0 || s.RunCap > MaxTrials {
		bad("run_cap", "must be between 1 and %d, not %d", MaxTrials, s.RunCap)
	}
	switch s.Method {
	case "":
		bad("method", "is missing: use random or grid")
	case MethodRandom:
		if s.RunCap == 0 {
			bad("run_cap", "is missing: say how many trials a random search may start")
		}
	case MethodGrid:
		whole := true
		for i := range s.Parameters {
			p := &s.Parameters[i]
			if _, ok := p.GridCells(); !ok {
				whole = false
				bad("parameters."+p.Name, "a grid has no steps for distribution %s; give values, whole numbers, or q_uniform with q", p.Distribution)
			}
		}
		if size := s.Parameters.GridSize(); whole && s.RunCap == 0 && (size == 0 || size > MaxTrials) {
			bad("parameters", "the grid has more than %d cells; give run_cap, or fewer values", MaxTrials)
		}
	default:
		bad("method", "%q is not supported by this version; use random or grid", s.Method)
	}
}

// Trials returns the most trials that the sweep may start: its cap, or the
// points of its space if they are fewer.
func (s *Spec) Trials() int {
	size := s.Parameters.Size()
	if s.Method == MethodGrid {
		size = s.Parameters.GridSize()
	}
	if size > 0 && (s.RunCap == 0 || size < int64(s.RunCap)) {
		return int(size)
	}
	return s.RunCap
}

// AsInvalid returns the InvalidError that err is or wraps, or nil.
func AsInvalid(err error) *InvalidError {
	var inv *InvalidError
	if errors.As(err, &inv) {
		return inv
	}
	return nil
}
