package model_test

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset/read"
	"tourney/dataset/table"
	"tourney/model"
)

func document(t testing.TB, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func open(t testing.TB, name string) *model.Model {
	t.Helper()
	m, err := model.Read(strings.NewReader(document(t, name)))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// csvTable opens a table of that text.
func csvTable(t testing.TB, text string) table.Source {
	t.Helper()
	path := filepath.Join(t.TempDir(), "new.csv")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	src, err := read.Open(context.Background(), []read.File{{Name: "new.csv", Path: path}}, read.Options{Format: read.CSV, Delimiter: ',', Header: read.HeaderYes})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { src.Close() })
	return src
}

// predict returns the records of the answer, the header first.
func predict(t testing.TB, m *model.Model, src table.Source) ([][]string, error) {
	t.Helper()
	var out bytes.Buffer
	if err := m.Predict(context.Background(), src, "new.csv", &out); err != nil {
		return nil, err
	}
	records, err := csv.NewReader(&out).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return records, nil
}

// The odds are e^z, where by hand, age being (age-2)/4 or, missing, ¼ and -1,
//
//	6, gold     z = 2·1 + 0.5 - 0.5   =  2
//	2, tin      z = 0 - 3 - 0.5       = -3.5
//	missing, -  z = 2·¼ - 1 - 0.5     = -1
//	-2, lead    z = -2 + 1 - 0.5      = -1.5   (a level that training did not have)
//	3, -        z = 2·¼ - 0.5         =  0     (the first class of equal ones)
func TestClassesByHand(t *testing.T) {
	m := open(t, "churn.json")
	got, err := predict(t, m, csvTable(t, "left,plan,id,age\nyes,gold,1,6\n?,tin,2,2\nno,,3,NA\nno,lead,4,-2\nno,,5,3\n"))
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"prediction", "probability_no", "probability_yes"}; !slices.Equal(got[0], want) || len(got) != 6 {
		t.Fatalf("%q and %d rows, want %q and 5", got[0], len(got)-1, want)
	}
	for i, z := range []float64{2, -3.5, -1, -1.5, 0} {
		row := got[i+1]
		class := "no"
		if z > 0 {
			class = "yes"
		}
		no, _ := strconv.ParseFloat(row[1], 64)
		yes, _ := strconv.ParseFloat(row[2], 64)
		if p := 1 / (1 + math.Exp(-z)); row[0] != class || math.Abs(yes-p) > 1e-6 || math.Abs(no-(1-p)) > 1e-6 {
			t.Errorf("row %d: %q, want %s with %v", i, row, class, p)
		}
	}
}

// The score of a row begins at 0.25. To the left at the root go sizes up to 10.5
// and missing ones, and there gold to the leaf of 1 and all else to that of ½;
// to the right is the leaf of -2.
func TestTreesByHand(t *testing.T) {
	m := open(t, "trees.json")
	got, err := predict(t, m, csvTable(t, "kind,size\ngold,10.5\ngold,10.6\ntin,\nlead,3\n,99\n"))
	if err != nil {
		t.Fatal(err)
	}
	for i, z := range []float64{1.25, -1.75, 0.75, 0.75, -1.75} {
		if yes, _ := strconv.ParseFloat(got[i+1][2], 64); math.Abs(yes-1/(1+math.Exp(-z))) > 1e-6 || (got[i+1][0] == "yes") != (z > 0) {
			t.Errorf("row %d: %q, want the score %v", i, got[i+1], z)
		}
	}
	for format, want := range map[string]string{model.LightGBM: "tree\nversion=v4\n", model.Text: "1 tree, "} {
		if text, err := m.Export(format, ""); err != nil || !strings.HasPrefix(string(text), want) {
			t.Errorf("%s: %.80q, %v", format, text, err)
		}
	}
	fewer := strings.NewReplacer(`,
  {"name": "kind", "kind": "category", "levels": ["gold", "tin"]}]},
 "features": ["size", "kind"]`, `]},
 "features": ["size"]`).Replace(document(t, "trees.json"))
	if _, err := model.Read(strings.NewReader(fewer)); !errors.Is(err, tourney.ErrInvalid) || !strings.Contains(err.Error(), "not those of binning") {
		t.Errorf("trees that ask for a feature that there is not: %v", err)
	}
	if _, err := model.Read(strings.NewReader(strings.Replace(document(t, "trees.json"), `"tree"`, `"linear"`, 1))); !errors.Is(err, tourney.ErrInvalid) {
		t.Errorf("trees as a linear model: %v", err)
	}
}

// By hand: 100 + 4·(size-10)/2 + 0.25·w0 + 0.5·w1 - 8·w2.
func TestValuesByHand(t *testing.T) {
	m := open(t, "price.json")
	f := &table.Frame{Rows: 3, Series: []table.Series{
		{Name: "words", Kind: tourney.Sparse, Starts: []int64{0, 2, 2, 3}, Index: []uint32{0, 2, 1}, Values: []float32{4, 0.5, 6}},
		{Name: "size", Kind: tourney.Number, Numbers: []float64{11, 10, math.NaN()}},
	}}
	out := make([]float32, 3)
	if err := m.Ask(f, 0, 3, out); err != nil || !slices.Equal(out, []float32{99, 100, 83}) {
		t.Errorf("%v, %v; want 99 100 83", out, err)
	}
	if err := m.Ask(f, 2, 3, out); err != nil || out[0] != 83 {
		t.Errorf("the last row alone: %v, %v", out[0], err)
	}
	if err := m.Ask(f, 0, 3, out[:2]); err == nil {
		t.Error("too little room is no error")
	}
}

func TestTheSameDocumentIsWritten(t *testing.T) {
	m := open(t, "churn.json")
	var out bytes.Buffer
	if err := m.Write(&out); err != nil || out.String() != document(t, "churn.json") {
		t.Errorf("%v: another document", err)
	}
	if text, err := m.Export(model.Tourney, ""); err != nil || string(text) != document(t, "churn.json") {
		t.Errorf("%v: another document is exported", err)
	}
}

// Rows come back in order, also where there are many batches, and whether or
// not the target is there.
func TestManyRowsStayInOrder(t *testing.T) {
	const rows = 30_000
	var text strings.Builder
	text.WriteString("age,plan\n")
	for i := range rows {
		text.WriteString(strconv.Itoa(i) + ",gold\n")
	}
	got, err := predict(t, open(t, "churn.json"), csvTable(t, text.String()))
	if err != nil || len(got) != rows+1 {
		t.Fatalf("%v: %d rows, want %d", err, len(got)-1, rows)
	}
	for i, row := range got[1:] {
		yes, _ := strconv.ParseFloat(row[2], 64)
		if z := 2*float64(i-2)/4 + 0.5 - 0.5; math.Abs(yes-1/(1+math.Exp(-z))) > 1e-5 {
			t.Fatalf("row %d: %q", i, row)
		}
	}
}

func TestPredictSaysWhatIsWrong(t *testing.T) {
	m := open(t, "churn.json")
	for _, c := range []struct{ text, want string }{
		{"age,plan\n1,gold\nold,tin\n", `new.csv:3: column age: "old" is no number`},
		{"Age,plan\n1,gold\n", `column age: is missing from the table; did you mean "Age"?`},
		{"age,plan\n1,gold\n2,tin,3\n4,tin\n", "new.csv:3:"},
	} {
		_, err := predict(t, m, csvTable(t, c.text))
		if !errors.Is(err, tourney.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, which should say %s", c.text, err, c.want)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.Predict(ctx, csvTable(t, "age,plan\n1,gold\n"), "", &bytes.Buffer{}); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled context: %v", err)
	}
	if err := m.Predict(t.Context(), csvTable(t, "age,plan\n1,gold\n"), "", full{}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("a writer that fails: %v", err)
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestReadSaysWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ old, new, want string }{
		{`"tourney-model"`, `"onnx"`, `format: "onnx" is not tourney-model`},
		{`"version": 1`, `"version": 2`, "version: 2; this program reads 1"},
		{`"linear"`, `"liner"`, `trainer: no trainer "liner"; did you mean "linear"?`},
		{`"classification"`, `"ranking"`, `task: "ranking"`},
		{`"classification"`, `"regression"`, "classes: a regression has none"},
		{`["no", "yes"]`, `["no"]`, "classes: there are 1"},
		{`["no", "yes"]`, `["no", "no"]`, "classes: one is there twice"},
		{`["no", "yes"]`, `["no", "yes", "perhaps"]`, "model: "},
		{`"target": "left"`, `"target": ""`, "target: is empty"},
		{`"preprocess": {`, `"binning": {"features": [{"name": "x", "kind": "number"}]}, "preprocess": {`, "either preprocess or binning"},
		{`"scale": 4`, `"scale": 4, "quantiles": []`, "preprocess: inputs[0]: numbers[0]: quantiles"},
		{`"plan=tin"`, `"plan=zinc"`, "features: "},
		{`[2, -1, 0.5, -3, 1]`, `[2, -1, 0.5, -3]`, "model: "},
		{`[-0.5]}}`, `[-0.5]}} {}`, "something follows"},
		{`[-0.5]}}`, `[-0.5]}`, "no model document"},
	} {
		text := document(t, "churn.json")
		if !strings.Contains(text, c.old) {
			t.Fatalf("%s is not in the document", c.old)
		}
		_, err := model.Read(strings.NewReader(strings.Replace(text, c.old, c.new, 1)))
		if !errors.Is(err, tourney.ErrInvalid) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s for %s: %v, which should say %s", c.new, c.old, err, c.want)
		}
	}
}

func TestExportSaysWhatThereIsNot(t *testing.T) {
	m := open(t, "churn.json")
	for format, want := range map[string]string{"lightgbm": "models of trees", "text": "models of trees", "lightgm": `did you mean "lightgbm"`} {
		if _, err := m.Export(format, ""); !errors.Is(err, tourney.ErrInvalid) || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, which should say %s", format, err, want)
		}
	}
}

// Whatever a document says, it is refused or can be asked.
func FuzzRead(f *testing.F) {
	entries, err := os.ReadDir("testdata")
	if err != nil {
		f.Fatal(err)
	}
	for _, e := range entries {
		if filepath.Ext(e.Name()) == ".json" {
			f.Add(document(f, e.Name()))
		}
	}
	rows := &table.Frame{Rows: 4, Series: []table.Series{
		{Name: "age", Kind: tourney.Number, Numbers: []float64{1, math.NaN(), 1e300, -5}},
		{Name: "size", Kind: tourney.Number, Numbers: []float64{1, math.NaN(), 1e300, -5}},
		{Name: "plan", Kind: tourney.Category, Levels: []string{"tin", "lead"}, Codes: []int32{0, 1, -1, 0}},
		{Name: "words", Kind: tourney.Sparse, Starts: []int64{0, 1, 1, 3, 3}, Index: []uint32{0, 1, 2}, Values: []float32{1, 2, 3}},
		{Name: "text", Kind: tourney.Text, Hashes: []uint64{0, 1, 2, 3}},
	}}
	f.Fuzz(func(t *testing.T, text string) {
		m, err := model.Read(strings.NewReader(text))
		if err != nil {
			if !errors.Is(err, tourney.ErrInvalid) {
				t.Fatalf("%v is no InvalidError", err)
			}
			return
		}
		if len(m.Document.Features) > 1<<12 {
			return
		}
		out := make([]float32, 4*m.Outputs())
		if m.Ask(rows, 0, 4, out) == nil {
			_ = m.Class(out[:m.Outputs()])
		}
		for _, format := range []string{model.LightGBM, model.Text} {
			_, _ = m.Export(format, "")
		}
	})
}

// The example of docs/models.md is a document, and comes to what it says there.
func TestTheDocumentedExample(t *testing.T) {
	text, err := os.ReadFile("../docs/models.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(text), "```json\n")
	example, _, ok := strings.Cut(example, "```")
	if !ok || example != document(t, "churn.json") {
		t.Fatalf("the example is not testdata/churn.json:\n%s", example)
	}
	got, err := predict(t, open(t, "churn.json"), csvTable(t, "age,plan\n6,gold\n,lead\n"))
	if err != nil || got[1][0] != "yes" || !strings.HasPrefix(got[1][2], "0.880") || !slices.Equal(got[2], []string{"no", "0.5", "0.5"}) {
		t.Errorf("%q, %v", got, err)
	}
}
