package metrics_test

import (
	"encoding/json"
	"os"
	"testing"

	"tourney/trainers/metrics"
)

// cases is testdata/cases.json, which cases.py writes by scikit-learn.
type cases struct {
	Classification []struct {
		Name                              string
		K                                 int
		Y                                 []int
		P, W                              []float32 // of two classes p is that of class 1
		LogLoss, Accuracy, Brier, F1, AUC float64
		PR                                float64 `json:"pr_auc"`
	}
	Regression []struct {
		Name                string
		Y, Z, W             []float32
		RMSE, MAE, R2, MAPE float64
	}
}

func readCases(t *testing.T) cases {
	t.Helper()
	data, err := os.ReadFile("testdata/cases.json")
	if err != nil {
		t.Fatal(err)
	}
	var c cases
	if err := json.Unmarshal(data, &c); err != nil {
		t.Fatal(err)
	}
	return c
}

const tol = 1e-9

func TestClassificationEqualsScikitLearn(t *testing.T) {
	var ranker metrics.Ranker // as its users do, one for all
	for _, c := range readCases(t).Classification {
		t.Run(c.Name, func(t *testing.T) {
			p, classes := c.P, make([]float32, len(c.Y))
			if c.K == 2 {
				p = make([]float32, 2*len(c.Y))
			}
			var parts [2]metrics.Classification
			for i, y := range c.Y {
				if c.K == 2 {
					p[2*i], p[2*i+1] = 1-c.P[i], c.P[i]
				}
				classes[i] = float32(y)
				w := 1.0
				if c.W != nil {
					w = float64(c.W[i])
				}
				parts[2*i/len(c.Y)].AddWeighted(p[i*c.K:(i+1)*c.K], y, w)
			}
			sum := parts[0]
			sum.Merge(parts[1])
			near(t, "log loss", sum.LogLoss(), c.LogLoss, tol)
			near(t, "accuracy", sum.Accuracy(), c.Accuracy, tol)
			near(t, "Brier score", sum.Brier(), c.Brier, tol)
			near(t, "F1", sum.F1(), c.F1, tol)
			near(t, "AUC", ranker.OneVsRest(ranker.AUC, classes, c.W, p, c.K), c.AUC, tol)
			near(t, "average precision", ranker.OneVsRest(ranker.AveragePrecision, classes, c.W, p, c.K), c.PR, tol)
			if c.K == 2 {
				near(t, "AUC of class 1", metrics.AUC(classes, c.W, c.P), c.AUC, tol)
				near(t, "average precision of class 1", metrics.AveragePrecision(classes, c.W, c.P), c.PR, tol)
			}
		})
	}
}

func TestRegressionEqualsScikitLearn(t *testing.T) {
	for _, c := range readCases(t).Regression {
		t.Run(c.Name, func(t *testing.T) {
			var r metrics.Regression
			for i, y := range c.Y {
				w := 1.0
				if c.W != nil {
					w = float64(c.W[i])
				}
				r.AddWeighted(float64(y), float64(c.Z[i]), w)
			}
			_, spread := metrics.Moments(c.Y, c.W, 4096)
			near(t, "rmse", r.RMSE(), c.RMSE, tol)
			near(t, "mae", r.MAE(), c.MAE, tol)
			near(t, "r2", r.R2(spread), c.R2, tol)
			near(t, "mape", r.MAPE(), c.MAPE, tol*(1+c.MAPE))
		})
	}
}
