package tourney

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
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
	Preprocess     Preprocess      `json:"preprocess"`
	EarlyTerminate *EarlyTerminate `json:"early_terminate,omitempty"`
	Parameters     Space           `json:"parameters"`

	Metrics     []Metric `json:"metrics,omitempty"`     // several objectives, and bounds on others; Metric is the first of them
	Limits      Limits   `json:"limits,omitzero"`       // what else ends the search
	Points      []Params `json:"points,omitempty"`      // tried first; parameters that one leaves out are sampled
	Constraints []string `json:"constraints,omitempty"` // expressions over the parameters, as "a * b < 1024", that every point fulfils
	WarmStart   []string `json:"warm_start,omitempty"`  // sweeps whose trials inform the sampler

	Pool           string  `json:"pool,omitempty"`            // of the workers that train it; empty: DefaultPool
	Weight         float64 `json:"weight,omitempty"`          // its share beside other sweeps of its priority; 0: 1
	Priority       int     `json:"priority,omitempty"`        // higher ones are served first
	MaxConcurrency int     `json:"max_concurrency,omitempty"` // the most attempts at a time; 0: no bound
	Timeout        float64 `json:"timeout,omitempty"`         // seconds that an attempt may train; 0: no bound
	Webhook        string  `json:"webhook,omitempty"`         // URL that is told of the sweep's end
	Retention      float64 `json:"retention,omitempty"`       // seconds after its end until it is deleted; 0: as the server says

	*Command // of trainer command; nil: none

	Ignored []string `json:"-"` // keys of the file that are W&B's and mean nothing here
}

// Method is a sampler by name.
type Method string

// The methods.
const (
	MethodRandom Method = "random"
	MethodGrid   Method = "grid"
	MethodSobol  Method = "sobol"       // a scrambled Sobol sequence
	MethodTPE    Method = "tpe"         // tree-structured Parzen estimators
	MethodTPE5   Method = "tpe-optuna5" // by Optuna 5's rules, to compare with
	MethodGP     Method = "gp"          // a Gaussian process
	MethodCMAES  Method = "cmaes"
	MethodNSGA2  Method = "nsga2" // for several objectives
	MethodAuto   Method = "auto"  // what suits the space and the number of trials
	MethodBayes  Method = "bayes" // W&B's name for auto
)

// Methods lists the methods.
func Methods() []Method {
	return []Method{MethodAuto, MethodBayes, MethodCMAES, MethodGP, MethodGrid, MethodNSGA2, MethodRandom, MethodSobol, MethodTPE, MethodTPE5}
}

// Limits end a search: nothing is proposed or promoted any more once one is
// reached, what trains goes on to the end of its rung, and the winner is
// refitted. Zero means no limit.
type Limits struct {
	Wall          float64  `json:"wall,omitempty"`           // seconds since the start, pauses left out
	WorkerHours   float64  `json:"worker_hours,omitempty"`   // of slots that ran jobs
	Cost          float64  `json:"cost,omitempty"`           // worker hours by the price of the pool
	Target        *float64 `json:"target,omitempty"`         // a value of the metric that is good enough
	NoImprovement int      `json:"no_improvement,omitempty"` // finished trials in a row that were no better than the best before
}

// Order says in which order the reports of a sweep are folded.
type Order string

const (
	// OrderFixed folds them in the order of virtual time, so that the board is
	// a function of the spec and the dataset's version alone.
	OrderFixed Order = "fixed"
	// OrderArrival folds them as they are committed.
	OrderArrival Order = "arrival"
)

// EarlyTerminate is a scheduler: how long each trial trains.
//
//	asha       asynchronous successive halving by promotion (Li et al.,
//	           arXiv:1810.05934, Algorithm 2), or with Stop in its stopping
//	           form; with Brackets as asynchronous Hyperband
//	hyperband  W&B's rule of that name: a trial ends at a band if its value
//	           there is not among the best 1/eta of those that reached it
//	median     a trial ends if its best value is worse than the median of the
//	           others' means up to that step (Golovin et al. 2017, §3.2.2)
//	pasha      asha whose highest rung rises while the ranking of the two
//	           highest is unsettled (Bohdal et al., arXiv:2207.06940)
//	pbt        population-based training (Jaderberg et al., arXiv:1711.09846):
//	           at every interval the worst take over the best's checkpoint,
//	           with parameters explored around theirs
type EarlyTerminate struct {
	Type     string `json:"type"`
	MinIter  int    `json:"min_iter,omitempty"` // budget of the lowest rung, in steps
	MaxIter  int    `json:"max_iter,omitempty"` // budget of the highest rung
	Eta      int    `json:"eta,omitempty"`      // one trial in eta goes on
	S        int    `json:"s,omitempty"`        // hyperband: bands below max_iter, instead of min_iter
	Strict   bool   `json:"strict,omitempty"`   // hyperband: the value at the band counts, not the best up to it; a file that does not say means true
	Stop     bool   `json:"stop,omitempty"`     // asha: stop trials at a rung for good instead of pausing them
	Brackets int    `json:"brackets,omitempty"` // asha: ladders, each beginning a rung higher than the one before

	// Fidelity says what a budget is: steps (the default), or rows, where a
	// rung trains from the beginning on the share budget/max_iter of the rows.
	Fidelity string `json:"fidelity,omitempty"`

	MinTrials  int     `json:"min_trials,omitempty"` // median: so many must have come as far before one is ended
	Interval   int     `json:"interval,omitempty"`   // median, pbt: steps between two looks
	Population int     `json:"population,omitempty"` // pbt: trials that train side by side
	Quantile   float64 `json:"quantile,omitempty"`   // pbt: share of the population that is replaced, and that is copied
	Resample   float64 `json:"resample,omitempty"`   // pbt: probability that a parameter is drawn anew instead of perturbed
}

// MarshalJSON writes strict out where it means something: there its absence
// stands for true.
func (e EarlyTerminate) MarshalJSON() ([]byte, error) {
	type fields EarlyTerminate
	if e.Type != "hyperband" {
		return json.Marshal(fields(e))
	}
	return json.Marshal(struct {
		fields
		Strict bool `json:"strict"`
	}{fields(e), e.Strict})
}

// Rungs returns the budgets of the ladder of asha and pasha: MinIter times the
// powers of Eta below MaxIter, then MaxIter.
func (e *EarlyTerminate) Rungs() []int {
	var rungs []int
	for b := e.MinIter; b < e.MaxIter; b *= e.Eta {
		rungs = append(rungs, b)
	}
	return append(rungs, e.MaxIter)
}

// ByRows reports whether the budget of a rung is a share of the rows.
func (s *Spec) ByRows() bool { return s.EarlyTerminate != nil && s.EarlyTerminate.Fidelity == "rows" }

// TrainerExternal is the trainer of sweeps whose trials are trained outside:
// somebody asks for them and tells what came of them.
const TrainerExternal = "external"

// External reports whether the sweep's trials are trained outside.
func (s *Spec) External() bool { return s.Trainer == TrainerExternal }

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

// joinedName puts '-' for blanks, which W&B's names may have.
func joinedName(name string) string { return strings.Join(strings.Fields(name), "-") }

// Normalise fills in the defaults and returns an *InvalidError that lists all
// that is wrong with the spec by itself, or nil. What depends on the dataset
// and the trainer is checked when the sweep is created.
func (s *Spec) Normalise() error {
	if s.Runs() {
		s.Trainer = cmp.Or(s.Trainer, TrainerCommand)
	}
	if s.External() || s.Runs() {
		s.Order = cmp.Or(s.Order, OrderArrival)
	}
	s.Order = cmp.Or(s.Order, OrderFixed)
	s.Validation.normalise()
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
	if s.External() && !s.Runs() {
		s.checkExternal(bad)
	} else if s.Runs() {
		s.checkCommand(bad)
	} else if s.Trainer == TrainerCommand {
		bad("program", "is missing: trainer command runs a program; name it, or give command")
	} else if s.Dataset == "" {
		bad("dataset", "is missing: name a registered dataset, or a path to a CSV file")
	}
	if s.Trainer == "" {
		bad("trainer", "is missing: name one, as in trainer: linear")
	}
	under := func(path string, fields []FieldError) {
		for _, e := range fields {
			bad(path+"."+e.Path, "%s", e.Message)
		}
	}
	if s.Split != nil {
		under("split", s.Split.Check())
	}
	under("validation", s.Validation.Check())
	under("preprocess", s.Preprocess.Normalise())
	errs = append(errs, s.Preprocess.CheckSpace(s.Parameters)...)
	if s.Order != OrderFixed && s.Order != OrderArrival {
		bad("order", "%q must be fixed or arrival", s.Order)
	}
	if s.Parallelism < 0 || s.Parallelism > 100_000 {
		bad("parallelism", "must be between 1 and 100000, not %d", s.Parallelism)
	}
	s.checkMetrics(bad)
	s.checkEarly(bad)
	s.checkLimits(bad)
	s.checkTerms(bad)
	errs = append(errs, s.checkParameters()...)
	s.checkMethod(bad)
	if len(errs) > 0 {
		return &InvalidError{Fields: errs}
	}
	return nil
}

func (s *Spec) checkParameters() []FieldError {
	var errs []FieldError
	if len(s.Parameters) == 0 {
		errs = append(errs, FieldError{Path: "parameters", Message: "is empty: name at least one parameter"})
	}
	if len(s.Parameters) > maxParams {
		errs = append(errs, FieldError{Path: "parameters", Message: fmt.Sprintf("has %d entries; at most %d", len(s.Parameters), maxParams)})
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
	if len(errs) == 0 {
		errs = s.Parameters.checkConditions()
	}
	return errs
}

func (s *Spec) checkMethod(bad func(path, format string, args ...any)) {
	if s.RunCap < 0 || s.RunCap > MaxTrials {
		bad("run_cap", "must be between 1 and %d, not %d", MaxTrials, s.RunCap)
	}
	s.Method = cmp.Or(s.Method, MethodAuto)
	if s.Method == MethodBayes {
		s.Method = MethodAuto
	}
	if !slices.Contains(Methods(), s.Method) {
		names := make([]string, 0, len(Methods()))
		for _, m := range Methods() {
			names = append(names, string(m))
		}
		bad("method", "no method %q%s; there are %s", s.Method, DidYouMean(string(s.Method), names), strings.Join(names, ", "))
		return
	}
	switch s.Method {
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
	case MethodNSGA2:
		if s.Objectives() < 2 {
			bad("method", "nsga2 is for several objectives: give metrics, or use auto")
		}
		fallthrough
	default:
		if !s.Bounded() {
			bad("run_cap", "is missing: say how many trials the search may start, or give limits")
		}
	}
	if s.EarlyTerminate != nil && s.EarlyTerminate.Type == "pbt" && s.Method != MethodRandom && s.Method != MethodAuto && s.Method != MethodSobol {
		bad("method", "early_terminate pbt explores by itself; use random, sobol or auto to start its population")
	}
}

// Bounded reports whether something is sure to end the search: a cap, a limit,
// or the size of the space.
func (s *Spec) Bounded() bool {
	l := s.Limits
	return s.RunCap > 0 || l.Wall > 0 || l.WorkerHours > 0 || l.Cost > 0 || l.NoImprovement > 0 || s.Parameters.Size() > 0
}

// Trials returns the most trials that the sweep may start: its cap, or the
// points of its space if they are fewer.
func (s *Spec) Trials() int {
	size := s.Parameters.Size()
	if s.Method == MethodGrid {
		size = s.Parameters.GridSize()
	}
	if size > 0 && size < int64(cmp.Or(s.RunCap, MaxTrials)) {
		return int(size)
	}
	return cmp.Or(s.RunCap, MaxTrials)
}

// AsInvalid returns the InvalidError that err is or wraps, or nil.
func AsInvalid(err error) *InvalidError {
	var inv *InvalidError
	if errors.As(err, &inv) {
		return inv
	}
	return nil
}

// Objectives returns how many metrics the sweep improves.
func (s *Spec) Objectives() int {
	n := 0
	for i := range s.Metrics {
		if s.Metrics[i].Goal != "" {
			n++
		}
	}
	return max(n, 1)
}

// indexed is the path of an element of a list.
func indexed(path string, i int) string { return fmt.Sprintf("%s.%d", path, i) }
