package dataset

import "cmp"

// Outputs is how many features the column becomes.
func (in *Input) Outputs() int { return in.width() }

// Column is the column that the feature is made of.
func (f *BinnedFeature) Column() string { return cmp.Or(f.Of, f.Name) }
