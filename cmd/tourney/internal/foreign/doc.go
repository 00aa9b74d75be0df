// Package foreign hides how other tools write down a search: it reads the
// configurations of Katib, Optuna, Ray Tune, Determined, NNI and W&B, and
// returns a sweep file of ours together with a list of what that cannot say.
//
// Each tool has a file of its own, which fills a draft; the draft alone knows
// how our file is written. What is read is a YAML document, of which JSON is a
// part, so that every error has a line.
package foreign
