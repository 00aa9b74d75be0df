package read_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tourney/dataset/read"
	"tourney/dataset/table"
)

// The tables, with the rows and columns that their page of facts states.
func TestRealTables(t *testing.T) {
	for _, test := range []struct {
		path, target    string
		rows, columns   int
		first, last     string // names of columns
		missing         string // a column
		missed          int    // its empty values
		testFrom        int64
		features, types int // types: that of the first column
	}{
		{path: "telco_churn.csv", rows: 7043, columns: 21, first: "customerID", last: "Churn", missing: "TotalCharges", missed: 11},
		{path: "california_housing.csv", rows: 20640, columns: 10, first: "longitude", last: "ocean_proximity", missing: "total_bedrooms", missed: 207},
		{path: "bike_hour.csv", rows: 17379, columns: 17, first: "instant", last: "cnt", missing: "cnt"},
		{path: "criteo_10k.csv.gz", rows: 10000, columns: 40, first: "label", last: "C26", missing: "label"},
		{path: "adult_48842.csv.gz", rows: 48842, columns: 15, first: "age", last: "income", missing: "age"},
		{path: "diamonds.csv.gz", rows: 53940, columns: 10, first: "carat", last: "z", missing: "price"},
		{path: "millionsong_6724.csv", rows: 6724, columns: 13, first: "column_1", last: "column_13", target: "column_1"},
		{path: "optdigits_train.csv", rows: 3823, columns: 65, first: "Block 1", last: "Class"},
		{path: "optdigits_test.csv", rows: 1797, columns: 65, first: "Block 1", last: "Class"},
		{path: "higgs_lgbm.train.tsv.gz", rows: 7000, columns: 29, first: "column_1", last: "column_29", target: "column_1"},
		{path: "higgs_lgbm.test.tsv.gz", rows: 500, columns: 29, first: "column_1", last: "column_29", target: "column_1"},
		{path: "a9a.libsvm", rows: 32561, columns: 2, first: "label", last: "features", target: "label", features: 123},
		{path: "a9a.t.libsvm", rows: 16281, columns: 2, first: "label", last: "features", target: "label", features: 122},
		{path: "mnist", rows: 70000, columns: 785, first: "pixel_0_0", last: "label", target: "label", testFrom: 60000, types: int(table.Number)},
	} {
		t.Run(test.path, func(t *testing.T) {
			files := real(t, test.path)
			source, err := read.Open(t.Context(), files, read.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer source.Close()
			fields := source.Fields()
			if len(fields) != test.columns || fields[0].Name != test.first || fields[len(fields)-1].Name != test.last || int(fields[0].Type) != test.types {
				t.Fatalf("%d columns from %v to %v", len(fields), fields[0], fields[len(fields)-1])
			}
			n, missed := 0, 0
			err = source.Scan(t.Context(), func(b *table.Batch) error {
				n += b.Rows
				for i, f := range fields {
					if f.Name != test.missing {
						continue
					}
					for row := range b.Rows {
						if len(b.Columns[i].Text(row)) == 0 {
							missed++
						}
					}
				}
				return check(b, fields)
			})
			hints := source.Hints()
			if err != nil || n != test.rows || missed != test.missed {
				t.Errorf("%d rows, %d missing, %v", n, missed, err)
			}
			if hints.Target != test.target || hints.TestFrom != test.testFrom || hints.Features != test.features || hints.SkippedRows != 0 {
				t.Errorf("hints %+v", hints)
			}
		})
	}
}

// real returns the files of a public table, or skips the test.
func real(t testing.TB, path string) []read.File {
	t.Helper()
	if _, err := os.Stat(filepath.Join(sharedData, path)); err != nil {
		t.Skipf("the table %s is not here: %v", path, err)
	}
	files, err := read.Find(filepath.Join(sharedData, path))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// The first training digits of MNIST are known to be 5 0 4 1 9, the first test
// digits 7 2 1.
func TestMNISTBeginsAsItIsKnown(t *testing.T) {
	files := real(t, "mnist")
	for kind, want := range map[string]string{"train": "50419", "t10k": "721"} {
		var pair []read.File
		for _, f := range files {
			if strings.HasPrefix(filepath.Base(f.Path), kind) {
				pair = append(pair, f)
			}
		}
		source, err := read.Open(t.Context(), pair, read.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer source.Close()
		got, enough := "", errors.New("enough")
		err = source.Scan(t.Context(), func(b *table.Batch) error {
			for i := range want {
				got += string(b.Columns[len(b.Columns)-1].Text(i))
			}
			return enough
		})
		if !errors.Is(err, enough) || got != want {
			t.Errorf("%s: labels %s, %v", kind, got, err)
		}
	}
}
