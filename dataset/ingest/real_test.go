package ingest_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/dataset/ingest"
	"tourney/dataset/shard"
)

// dataDir holds real tables, which are not part of the repository.
const dataDir = "../../../shared/data"

func data(t testing.TB, name string) ingest.File {
	t.Helper()
	path := filepath.Join(dataDir, name)
	if _, err := os.Stat(path); err != nil {
		t.Skipf("%s is not on this machine: %v", name, err)
	}
	return ingest.File{Name: name, Path: path}
}

func addFiles(t testing.TB, req tourney.DatasetRequest, files ...ingest.File) (tourney.Dataset, *memory) {
	t.Helper()
	m := newMemory()
	dir := t.TempDir()
	req.Name = "real"
	ds, err := ingest.New(m, m, ingest.Options{TempDir: dir}).Add(t.Context(), req, files, nil)
	if err != nil {
		t.Fatal(err)
	}
	noFiles(t, dir)
	return ds, m
}

// Rows, columns, missing values and quirks are those of the files' own README.
func TestRealTables(t *testing.T) {
	const n, c, b, d, x = tourney.Number, tourney.Category, tourney.Boolean, tourney.Date, tourney.Text
	for _, tt := range []struct {
		file, target  string
		rows, columns int
		task          tourney.Task
		classes       []string
		kinds         map[string]tourney.ColumnKind
		warnings      []string // "column code"
		clean         []string // codes that must not be there
	}{
		{
			"telco_churn.csv", "Churn", 7043, 21, tourney.Classification,
			[]string{"No", "Yes"},
			map[string]tourney.ColumnKind{"customerID": x, "gender": c, "SeniorCitizen": n, "Partner": b, "TotalCharges": n, "Contract": c, "Churn": c},
			[]string{"customerID id"},
			[]string{"leak", "constant", "rare_class", "skipped_rows"},
		},
		{
			"california_housing.csv", "median_house_value", 20640, 10, tourney.Regression, nil,
			map[string]tourney.ColumnKind{"total_bedrooms": n, "ocean_proximity": c, "longitude": n},
			[]string{"median_house_value capped"},
			[]string{"leak", "id", "constant"},
		},
		{
			"bike_hour.csv", "cnt", 17379, 17, tourney.Regression, nil,
			map[string]tourney.ColumnKind{"instant": n, "dteday": d, "casual": n, "registered": n, "holiday": n},
			[]string{"instant id", "casual leak", "registered leak"},
			[]string{"constant", "capped"},
		},
		{
			"criteo_10k.csv.gz", "label", 10000, 40, tourney.Classification,
			[]string{"0", "1"},
			map[string]tourney.ColumnKind{"I1": n, "C1": c, "C2": c, "C6": c, "C3": x, "C26": c},
			nil,
			[]string{"leak", "id"},
		},
		{
			"adult_48842.csv.gz", "income", 48842, 15, tourney.Classification,
			[]string{"<=50K", ">50K"},
			map[string]tourney.ColumnKind{"workclass": c, "age": n, "education-num": n},
			[]string{" duplicates"},
			[]string{"leak", "id"},
		},
		{
			"diamonds.csv.gz", "price", 53940, 10, tourney.Regression, nil,
			map[string]tourney.ColumnKind{"cut": c, "color": c, "clarity": c, "x": n},
			[]string{" duplicates"},
			[]string{"leak", "id", "capped"},
		},
		{
			"optdigits_train.csv", "Class", 3823, 65, tourney.Classification,
			[]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
			map[string]tourney.ColumnKind{"Block 5": n},
			[]string{"Block 1 constant"},
			[]string{"leak", "id", "rare_class"},
		},
		{"optdigits_test.csv", "Class", 1797, 65, tourney.Classification, []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, nil, nil, []string{"leak"}},
		{"millionsong_6724.csv", "", 6724, 13, tourney.Regression, nil, nil, nil, []string{"leak", "id"}},
		{"higgs_lgbm.train.tsv.gz", "", 7000, 29, tourney.Classification, []string{"0", "1"}, nil, nil, []string{"leak", "id", "rare_class"}},
		{"higgs_lgbm.test.tsv.gz", "", 500, 29, tourney.Classification, []string{"0", "1"}, nil, nil, []string{"leak", "rare_class"}},
		{"a9a.libsvm", "", 32561, 2, tourney.Classification, []string{"-1", "1"}, nil, nil, []string{"leak", "id", "rare_class"}},
	} {
		t.Run(tt.file, func(t *testing.T) {
			ds, m := addFiles(t, tourney.DatasetRequest{Target: tt.target}, data(t, tt.file))
			if ds.Rows != tt.rows || len(ds.Columns) != tt.columns || ds.Task != tt.task || !slices.Equal(ds.Classes, tt.classes) {
				t.Errorf("%d rows, %d columns, %s of %v; want %d, %d, %s of %v", ds.Rows, len(ds.Columns), ds.Task, ds.Classes, tt.rows, tt.columns, tt.task, tt.classes)
			}
			if train, test := m.rows(t, ds, "train"), m.rows(t, ds, "test"); train.Rows+test.Rows != tt.rows || test.Rows != ds.TestRows {
				t.Errorf("shards of %d and %d rows", train.Rows, test.Rows)
			}
			for name, kind := range tt.kinds {
				if got := column(t, ds, name); got.Kind != kind {
					t.Errorf("%s is %s (%s), want %s", name, got.Kind, got.Why, kind)
				}
			}
			var got []string
			for _, w := range ds.Warnings {
				t.Logf("%s %s: %s", w.Column, w.Code, w.Message)
				got = append(got, w.Column+" "+w.Code)
				if slices.Contains(tt.clean, w.Code) {
					t.Errorf("warned of %s %s", w.Column, w.Code)
				}
			}
			for _, want := range tt.warnings {
				if !slices.Contains(got, want) {
					t.Errorf("not warned of %s", want)
				}
			}
			for _, c := range ds.Columns {
				if c.Why == "" {
					t.Errorf("no reason why %s is %s", c.Name, c.Kind)
				}
				t.Logf("%s %s: %s missing=%d distinct=%d", c.Name, c.Kind, c.Why, c.Missing, c.Distinct)
			}
		})
	}
}

// Missing values are those that the README counts, over all rows.
func TestRealMissing(t *testing.T) {
	for _, tt := range []struct {
		file, target, column string
		missing              int
	}{
		{"telco_churn.csv", "Churn", "TotalCharges", 11},
		{"california_housing.csv", "median_house_value", "total_bedrooms", 207},
	} {
		t.Run(tt.file, func(t *testing.T) {
			ds, m := addFiles(t, tourney.DatasetRequest{Target: tt.target}, data(t, tt.file))
			missing := 0
			for _, use := range []shard.Use{shard.Train, shard.Test} {
				s := m.rows(t, ds, use).Lookup(tt.column)
				for i := range s.Numbers {
					if s.Missing(i) {
						missing++
					}
				}
				if use == shard.Train && missing != column(t, ds, tt.column).Missing {
					t.Errorf("%d missing in the training rows, %d in the statistics", missing, column(t, ds, tt.column).Missing)
				}
			}
			if missing != tt.missing {
				t.Errorf("%d missing, want %d", missing, tt.missing)
			}
		})
	}
}

// The test file's rows are the test rows; it ends at feature 122 of 123.
func TestRealTestFile(t *testing.T) {
	test := data(t, "a9a.t.libsvm")
	test.Test = true
	ds, _ := addFiles(t, tourney.DatasetRequest{}, test, data(t, "a9a.libsvm"))
	if ds.Rows != 32561+16281 || ds.TestRows != 16281 || ds.Split.Kind != tourney.SplitFile {
		t.Errorf("%d rows, %d of them test rows by %s", ds.Rows, ds.TestRows, ds.Split.Kind)
	}
	for _, c := range ds.Columns {
		if c.Kind == tourney.Sparse && c.Width != 123 {
			t.Errorf("%d features, want 123", c.Width)
		}
	}
}

func TestRealImages(t *testing.T) {
	if testing.Short() {
		t.Skip("10,000 images take a while")
	}
	images, labels := data(t, "mnist/t10k-images-idx3-ubyte.gz"), data(t, "mnist/t10k-labels-idx1-ubyte.gz")
	ds, _ := addFiles(t, tourney.DatasetRequest{}, images, labels)
	if ds.Rows != 10000 || len(ds.Columns) != 785 || len(ds.Classes) != 10 {
		t.Errorf("%d rows, %d columns, %d classes", ds.Rows, len(ds.Columns), len(ds.Classes))
	}
	if !strings.Contains(warned(ds, ds.Columns[1].Name, "constant"), "same value") {
		t.Errorf("the corner of all images is black, and nobody says so: %v", ds.Columns[1])
	}
}
