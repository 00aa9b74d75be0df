package tourney

// ImportanceRequest asks how much each parameter of a sweep matters.
type ImportanceRequest struct {
	Method string // ped (the default) or fanova
	Metric string // one that the trials report; empty: the sweep's
	Trials []int  // the trials to look at; nil: all that have ended
	Pairs  int    // of fanova: pairs among so many of the first parameters
}

// Importance says how much each parameter matters: the most first.
type Importance struct {
	Method string            `json:"method"`
	Metric string            `json:"metric"`
	Trials int               `json:"trials"` // that were looked at
	Params []ParamImportance `json:"params"`
	Pairs  []PairImportance  `json:"pairs,omitempty"`
}

// ParamImportance is the share of a parameter; shares add up to 1, or are all 0
// where the trials tell nothing.
type ParamImportance struct {
	Name   string  `json:"name"`
	Value  float64 `json:"value"`
	StdErr float64 `json:"std_err,omitempty"`
}

// PairImportance is what two parameters do together, beyond what each does.
type PairImportance struct {
	Names  [2]string `json:"names"`
	Value  float64   `json:"value"` // on the scale of the parameters' shares
	StdErr float64   `json:"std_err,omitempty"`
}

// Front is the trials of a sweep that no other one is better than in every
// objective. Trials that violate a bound are not on it.
type Front struct {
	Metrics     []Metric  `json:"metrics"` // the objectives
	Trials      []Trial   `json:"trials"`  // by the first objective, best first
	Hypervolume *float64  `json:"hypervolume,omitempty"`
	Reference   []float64 `json:"reference,omitempty"` // the values from which it is measured, one for each objective
}
