package tourney

// Appraisal is how a model did on the sealed test rows, reduced to what can be
// drawn: a curve has at most 200 points. A row counts as its weight says, once
// without.
type Appraisal struct {
	Rows    int      `json:"rows"`              // test rows
	Classes []string `json:"classes,omitempty"` // of a classification, in the order of Confusion

	// Confusion has a row for each true class and a column for each predicted
	// one. Of more than 50 classes the last one stands for all that are left
	// out, the rarest.
	Confusion   [][]float64      `json:"confusion,omitempty"`
	ROC         []ROC            `json:"roc,omitempty"` // of the second of two classes; of more, of each of the 20 most frequent against the others
	Calibration []CalibrationBin `json:"calibration,omitempty"`
	Residuals   *Residuals       `json:"residuals,omitempty"` // of a regression

	Importance []ColumnImportance `json:"importance,omitempty"` // most important first; absent with more than 512 columns
	Sampled    int                `json:"sampled,omitempty"`    // test rows that Importance was measured on
}

// ROC is a receiver operating characteristic, from (0, 0) to (1, 1).
type ROC struct {
	Class string    `json:"class"`
	AUC   float64   `json:"auc"` // of all test rows, not of the points that are kept
	FPR   []float64 `json:"fpr"` // false positive rates
	TPR   []float64 `json:"tpr"` // true positive rates
}

// CalibrationBin is the rows whose probability is in one tenth: of two classes
// that of the second, of more that of the class that is predicted.
type CalibrationBin struct {
	Mean  float64 `json:"mean"`  // of the probabilities
	Share float64 `json:"share"` // of the rows that are of the class
	Rows  float64 `json:"rows"`  // sum of their weights
}

// Residuals are predictions less the true values, in the target's units.
type Residuals struct {
	Mean      float64      `json:"mean"`
	SD        float64      `json:"sd"`
	Quartiles [5]float64   `json:"quartiles"` // least, quarters, most; of rows, whatever their weights
	Histogram []Bin        `json:"histogram"`
	Points    [][2]float64 `json:"points"` // true value and prediction, evenly by rank of the residual, both ends among them
}

// ColumnImportance is by how much the loss of the model grows when the values
// of a column are exchanged among rows: the log loss, or the mean squared error.
type ColumnImportance struct {
	Column string  `json:"column"`
	Rise   float64 `json:"rise"`
}
