package dataset_test

import (
	"math"
	"os"
	"path/filepath"
	"testing"

	"tourney"
)

// sharedData holds public tables that are not part of the repository.
const sharedData = "../../shared/data"

func TestRealTables(t *testing.T) {
	for _, test := range []struct {
		file, target    string
		task            tourney.Task
		rows, columns   int
		missing         string // a column
		count, distinct int    // its missing values; classes of the target
	}{
		{"telco_churn.csv", "Churn", tourney.Classification, 7043, 21, "TotalCharges", 11, 2},
		{"california_housing.csv", "median_house_value", tourney.Regression, 20640, 10, "total_bedrooms", 207, 0},
		{"bike_hour.csv", "cnt", tourney.Regression, 17379, 17, "dteday", 0, 0},
		{"optdigits_train.csv", "Class", tourney.Classification, 3823, 65, "Class", 0, 10},
		{"optdigits_test.csv", "Class", tourney.Classification, 1797, 65, "Class", 0, 10},
	} {
		t.Run(test.file, func(t *testing.T) {
			text, err := os.ReadFile(filepath.Join(sharedData, test.file))
			if err != nil {
				t.Skipf("the table %s is not here: %v", test.file, err)
			}
			m := newMemory()
			ds := m.add(t, tourney.DatasetRequest{Target: test.target, File: test.file}, string(text))
			if ds.Task != test.task || ds.Rows != test.rows || len(ds.Columns) != test.columns || len(ds.Classes) != test.distinct {
				t.Errorf("%s, %d rows, %d columns, %d classes", ds.Task, ds.Rows, len(ds.Columns), len(ds.Classes))
			}
			for _, c := range ds.Columns {
				if c.Name == test.missing && c.Missing != test.count {
					t.Errorf("column %s misses %d values, want %d", c.Name, c.Missing, test.count)
				}
			}
			data := final(t, m.cache(t, t.TempDir(), roomy), ds.Version)
			if data.Train.N+data.Test.N != test.rows || data.Test.N != int(math.Round(float64(test.rows)*0.2)) {
				t.Errorf("%d rows to train on, %d to test", data.Train.N, data.Test.N)
			}
			for _, x := range [][]float32{data.Train.X, data.Train.Y, data.Test.X, data.Test.Y} {
				for i, v := range x {
					if f := float64(v); math.IsNaN(f) || math.IsInf(f, 0) {
						t.Fatalf("value %d is %v", i, v)
					}
				}
			}
		})
	}
}
