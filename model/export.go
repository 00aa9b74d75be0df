package model

import (
	"strings"

	"tourney"
	"tourney/trainers/tree/bins"
	"tourney/trainers/tree/ensemble"
)

// The formats that a model is exported in.
const (
	Tourney  = "tourney"  // the document itself
	LightGBM = "lightgbm" // of trees: what LightGBM loads as a model file
	Text     = "text"     // of trees: for people
)

// Export returns the model in a format. What cannot be expressed in it is a
// *tourney.InvalidError. In LightGBM's, other is the level that stands for all
// rare ones of a column in the data that are to be predicted; empty: there is none.
func (m *Model) Export(format, other string) ([]byte, error) {
	if other != "" && format != LightGBM {
		return nil, tourney.Invalid("other", "is of the format %s, not of %s", LightGBM, format)
	}
	if format == Tourney {
		return m.text, nil
	}
	known := []string{Tourney, LightGBM, Text}
	if format != LightGBM && format != Text {
		return nil, tourney.Invalid("format", "%q is not known; want one of %s%s", format, strings.Join(known, ", "), tourney.DidYouMean(format, known))
	}
	trees, ok := m.ask.(*bins.Model)
	if !ok {
		return nil, tourney.Invalid("format", "%s is for models of trees, and this is a %s model; export it as %s", format, m.Document.Trainer, Tourney)
	}
	if format == Text {
		return []byte(trees.String()), nil
	}
	return ensemble.LightGBM{Other: other}.Write(trees.Ensemble)
}
