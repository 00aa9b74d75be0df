package tourney

// Forecast is what a sweep would do, as far as it can be told before it costs
// anything.
type Forecast struct {
	Valid    bool         `json:"valid"`    // it would be taken as it is
	Errors   []FieldError `json:"errors"`   // why not
	Warnings []FieldError `json:"warnings"` // what is allowed and perhaps not meant

	// The rest is there if the sweep is valid.
	Spec      *Spec          `json:"spec,omitempty"`      // with what the file leaves out
	Plan      *Plan          `json:"plan,omitempty"`      // what it comes to
	Trials    int            `json:"trials,omitempty"`    // at most; 0: only limits end it
	Rungs     []RungForecast `json:"rungs,omitempty"`     // rising
	Jobs      int64          `json:"jobs,omitempty"`      // about
	Steps     int64          `json:"steps,omitempty"`     // of training, about
	Proposals []Params       `json:"proposals,omitempty"` // the first points
}

// RungForecast is a rung of a sweep that was not started.
type RungForecast struct {
	Rung   int `json:"rung"`
	Budget int `json:"budget"` // steps in all
	Trials int `json:"trials"` // that reach it, about; 0: not known
}
