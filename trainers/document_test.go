package trainers_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset"
	"tourney/trainers"
	"tourney/trainers/heat"
)

// doubler is a model that gives twice the first feature.
type doubler struct{ Factor float32 }

func (d *doubler) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]float32{"factor": d.Factor})
}

func (d *doubler) Predict(m *dataset.Matrix, lo, hi int, out []float32) {
	for i := lo; i < hi; i++ {
		out[i-lo] = d.Factor * m.X[i*m.D]
	}
}

type named struct{ heat.Trainer }

func (named) Name() string { return "doubler" }

// doubling is a family whose state is its model's document.
func doubling() trainers.Family {
	read := func(b []byte) (trainers.Model, error) {
		d := &doubler{}
		if err := json.Unmarshal(b, d); err != nil || d.Factor == 0 {
			return nil, errors.New("no factor")
		}
		return d, nil
	}
	return trainers.Family{
		Trainer: named{},
		Open:    func(_ *tourney.Job, _ *dataset.Data, state []byte) (trainers.Model, error) { return read(state) },
		ReadModel: func(b []byte, about heat.About) (trainers.Model, error) {
			if len(about.Features) != 1 {
				return nil, errors.New("one feature is wanted")
			}
			return read(b)
		},
	}
}

func finalData() *dataset.Data {
	return &dataset.Data{
		Version: "0123", Task: tourney.Regression, Target: "y",
		Folds: []*dataset.Fold{{Prep: &dataset.Pipeline{Inputs: []dataset.Input{{Name: "x", Kind: tourney.Number, Numbers: []dataset.Number{{Center: 1, Scale: 2}}}}}}},
	}
}

func TestSealedModelsSayWhereTheyCameFrom(t *testing.T) {
	job := &tourney.Job{Kind: tourney.JobFinal, Params: tourney.Params{"l2": 0.5}}
	text, err := trainers.Seal(doubling(), job, finalData(), tourney.Metrics{"test_rmse": 3}, []byte(`{"factor":2}`))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"format":"tourney-model","version":1,"trainer":"doubler","task":"regression","target":"y","params":{"l2":0.5},"dataset":"0123","metrics":{"test_rmse":3},` +
		`"preprocess":{"preprocess":{},"inputs":[{"name":"x","kind":"number","numbers":[{"fill":0,"center":1,"scale":2}]}]},"features":["x"],"model":{"factor":2}}`
	if string(text) != want {
		t.Errorf("%s\nwant\n%s", text, want)
	}
	if !trainers.IsDocument(text) || trainers.IsDocument([]byte("TLIN")) || trainers.IsDocument(nil) {
		t.Error("a document is not told from a state")
	}
	// It is of a family that is not in the catalog.
	if _, _, err := trainers.ReadDocument(text); !errors.Is(err, tourney.ErrInvalid) || !strings.Contains(err.Error(), `no trainer "doubler"`) {
		t.Errorf("%v", err)
	}
}

func TestWhatCannotBeSealed(t *testing.T) {
	job := &tourney.Job{Kind: tourney.JobFinal}
	seal := func(f trainers.Family, data *dataset.Data, state string) error {
		_, err := trainers.Seal(f, job, data, nil, []byte(state))
		return err
	}
	without := doubling()
	without.Open = nil
	if err := seal(without, finalData(), `{"factor":2}`); !errors.Is(err, trainers.ErrNoModel) {
		t.Errorf("a family without models: %v", err)
	}
	if err := seal(doubling(), finalData(), `{}`); err == nil {
		t.Error("a broken state was sealed")
	}
	folds := finalData()
	folds.Folds = nil
	if err := seal(doubling(), folds, `{"factor":2}`); err == nil {
		t.Error("data without rows were sealed")
	}
	wide := finalData()
	wide.Folds[0].Prep.Inputs[0].Indicator = true // a second feature, which the family does not take
	if err := seal(doubling(), wide, `{"factor":2}`); err == nil || !strings.Contains(err.Error(), "one feature is wanted") {
		t.Errorf("a model that cannot be read again: %v", err)
	}
}

func TestEveryFamilyLeavesModels(t *testing.T) {
	for _, name := range trainers.Names() {
		f, _ := trainers.Lookup(name)
		if f.Open == nil || f.ReadModel == nil {
			t.Errorf("%s has no models", name)
		}
		if !slices.Contains([]dataset.Form{"", dataset.Dense, dataset.CSR, dataset.Binned, dataset.Auto}, f.Form) {
			t.Errorf("%s has the form %q", name, f.Form)
		}
	}
}
