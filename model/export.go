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
// *tourney.InvalidError.
func (m *Model) Export(format string) ([]byte, error) {
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
	return ensemble.LightGBM{}.Write(trees.Ensemble)
}
