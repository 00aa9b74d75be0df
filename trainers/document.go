package trainers

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"

	"tourney"
	"tourney/dataset"
	"tourney/trainers/appraise"
	"tourney/trainers/heat"
	"tourney/trainers/tree/bins"
)

// The head of every document. The version changes whenever an older program
// would misread it.
const (
	DocumentFormat  = "tourney-model"
	documentVersion = 1
)

// MaxDocument bounds the bytes of a document.
const MaxDocument = 1 << 30

// Document is what a finished trial leaves: its model with all that it takes
// to ask it, as one JSON object. docs/models.md describes it.
type Document struct {
	Format     string            `json:"format"`
	Version    int               `json:"version"`
	Trainer    string            `json:"trainer"`
	Task       tourney.Task      `json:"task"`
	Target     string            `json:"target"`
	Classes    []string          `json:"classes,omitempty"`
	Params     tourney.Params    `json:"params"`
	Dataset    string            `json:"dataset"` // version
	Metrics    tourney.Metrics   `json:"metrics"` // of the refit
	Preprocess *dataset.Pipeline `json:"preprocess,omitempty"`
	Binning    *dataset.Binning  `json:"binning,omitempty"` // instead of Preprocess
	Features   []string          `json:"features"`

	// Appraisal is how it did on the test rows; absent in models of older
	// versions. It stands before the model, so that it can be read alone.
	Appraisal *tourney.Appraisal `json:"appraisal,omitempty"`

	Model json.RawMessage `json:"model"` // the family's own
}

// ErrNoModel means that a family does not say how its models are read.
var ErrNoModel = errors.New("the trainer has no models that can be kept")

// Seal makes the document of a final job out of its last state, and checks
// that it can be read again.
func Seal(f Family, job *tourney.Job, data *dataset.Data, metrics tourney.Metrics, state []byte) ([]byte, error) {
	switch {
	case f.Open == nil || f.ReadModel == nil:
		return nil, ErrNoModel
	case len(data.Folds) != 1:
		return nil, fmt.Errorf("a final job has one fold, not %d", len(data.Folds))
	}
	m, err := f.Open(job, data, state)
	if err != nil {
		return nil, fmt.Errorf("open model: %w", err)
	}
	fold := data.Folds[0]
	d := Document{
		Format: DocumentFormat, Version: documentVersion, Trainer: f.Trainer.Name(), Task: data.Task, Target: data.Target,
		Classes: data.Classes, Params: job.Params, Dataset: data.Version, Metrics: metrics,
		Preprocess: fold.Prep, Binning: fold.Bins,
	}
	if d.Params == nil {
		d.Params = tourney.Params{}
	}
	if d.Metrics == nil {
		d.Metrics = tourney.Metrics{}
	}
	d.Features = d.names()
	d.Appraisal = appraise.Model(m, data)
	if d.Model, err = m.MarshalJSON(); err != nil {
		return nil, fmt.Errorf("write model: %w", err)
	}
	text, err := json.Marshal(&d)
	if err != nil {
		return nil, fmt.Errorf("write model document: %w", err)
	}
	if _, _, err := readDocument(text, &f); err != nil {
		return nil, fmt.Errorf("read what was written: %w", err)
	}
	return text, nil
}

// IsDocument reports whether a blob begins as a document does, not whether it
// is whole.
func IsDocument(head []byte) bool {
	return bytes.HasPrefix(head, []byte(`{"format":"`+DocumentFormat+`",`))
}

// ReadDocument reads a document, which may come from anywhere. What is wrong
// with it is a *tourney.InvalidError. The model may be asked by many
// goroutines.
func ReadDocument(b []byte) (*Document, Model, error) { return readDocument(b, nil) }

// readDocument reads a document of a family, or of the one that it names.
func readDocument(b []byte, f *Family) (*Document, Model, error) {
	if len(b) > MaxDocument {
		return nil, nil, tourney.Invalid("", "a model document of %d bytes is too large; the most is %d", len(b), MaxDocument)
	}
	d := &Document{}
	decoder := json.NewDecoder(bytes.NewReader(b))
	if err := decoder.Decode(d); err != nil {
		return nil, nil, tourney.Invalid("", "no model document: %v", err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, nil, tourney.Invalid("", "no model document: something follows its end")
	}
	if err := d.check(); err != nil {
		return nil, nil, err
	}
	if f == nil {
		f = lookup(d.Trainer)
	}
	switch {
	case f == nil:
		return nil, nil, tourney.Invalid("trainer", "no trainer %q%s; this program has %v", d.Trainer, tourney.DidYouMean(d.Trainer, Names()), Names())
	case f.ReadModel == nil:
		return nil, nil, tourney.Invalid("trainer", "%s: %v", d.Trainer, ErrNoModel)
	case (f.Form == dataset.Binned) != (d.Binning != nil):
		return nil, nil, tourney.Invalid("binning", "is what a %s model has instead of preprocess, if and only if it is of trees", d.Trainer)
	}
	m, err := f.ReadModel(d.Model, heat.About{Task: d.Task, Classes: d.Classes, Features: d.Features, Binning: d.Binning})
	if err != nil {
		return nil, nil, tourney.Invalid("model", "%v", err)
	}
	// Trees ask for bins by their numbers: other bins would be answered wrongly,
	// and fewer not at all.
	if t, ok := m.(*bins.Model); ok && !reflect.DeepEqual(t.Features, d.Binning) {
		return nil, nil, tourney.Invalid("model", "its features are not those of binning")
	}
	return d, m, nil
}

// check returns what is wrong with all but the model itself.
func (d *Document) check() error {
	switch {
	case d.Format != DocumentFormat:
		return tourney.Invalid("format", "%q is not %s", d.Format, DocumentFormat)
	case d.Version != documentVersion:
		return tourney.Invalid("version", "%d; this program reads %d", d.Version, documentVersion)
	case d.Target == "":
		return tourney.Invalid("target", "is empty; want the name of the column that is predicted")
	case d.Task == tourney.Classification && len(d.Classes) < 2:
		return tourney.Invalid("classes", "there are %d; a classifier has at least 2", len(d.Classes))
	case d.Task == tourney.Regression && len(d.Classes) > 0:
		return tourney.Invalid("classes", "a regression has none")
	case d.Task != tourney.Classification && d.Task != tourney.Regression:
		return tourney.Invalid("task", "%q is neither %s nor %s", d.Task, tourney.Classification, tourney.Regression)
	case (d.Preprocess == nil) == (d.Binning == nil):
		return tourney.Invalid("preprocess", "a model has either preprocess or binning")
	}
	if sorted := slices.Sorted(slices.Values(d.Classes)); len(slices.Compact(sorted)) != len(d.Classes) {
		return tourney.Invalid("classes", "one is there twice")
	}
	if d.Preprocess != nil {
		if err := d.Preprocess.Check(); err != nil {
			return tourney.Invalid("preprocess", "%v", err)
		}
	} else if err := d.Binning.Check(); err != nil {
		return tourney.Invalid("binning", "%v", err)
	}
	if names := d.names(); !slices.Equal(names, d.Features) {
		return tourney.Invalid("features", "they are not the %d that preprocess or binning make", len(names))
	}
	return nil
}

// names returns the names of the features that the columns become.
func (d *Document) names() []string {
	if d.Binning != nil {
		return d.Binning.Names()
	}
	return d.Preprocess.Features()
}
