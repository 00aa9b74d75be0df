package tourney

// TrainerInfo says what a trainer is, for those who write sweeps.
type TrainerInfo struct {
	Name   string         `json:"name"`
	Budget string         `json:"budget"` // the parameter that says how many steps a trial trains
	Params []TrainerParam `json:"params"` // sorted by name
}

// TrainerParam is a parameter that a trainer takes.
type TrainerParam struct {
	Name    string   `json:"name"`
	Help    string   `json:"help"`  // one line
	Range   string   `json:"range"` // the legal values, in words
	Default any      `json:"default,omitempty"`
	Whole   bool     `json:"whole,omitempty"` // whole numbers only
	Min     *float64 `json:"min,omitempty"`   // the least legal number; nil: there is none, or it is no number
	Max     *float64 `json:"max,omitempty"`
	Words   []string `json:"words,omitempty"` // what it may be beside numbers
}
