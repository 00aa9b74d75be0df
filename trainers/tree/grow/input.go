package grow

import "sync"

// Table is binned rows. It is shared by all growers over it, and nobody writes
// to it; it may be mapped from a file. Up to 256 MiB of bins are kept by columns
// too, from the first grower on.
type Table struct {
	Bins     []uint8 // [rows×D] row-major
	D        int
	Features []Feature // [D]

	mu     sync.Mutex
	shared *columns // with tables of the same bins; nil as long as nobody asked
}

// With returns the table with other features, that is, with other constraints.
// The two share all memory.
func (t *Table) With(features []Feature) *Table {
	return &Table{Bins: t.Bins, D: t.D, Features: features, shared: t.byColumns()}
}

// columns are the bins of a table once more, by columns.
type columns struct {
	once sync.Once
	bins []uint8 // [D×rows] column-major; nil if they were too large
}

// columnBytes is up to what size a table is kept by columns, too. Sending the
// rows of a leaf to its children reads one bin of each: by rows that is a cache
// line a row, by columns one for all rows that are near each other.
const columnBytes = 256 << 20

func (t *Table) byColumns() *columns {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.shared == nil {
		t.shared = &columns{}
	}
	return t.shared
}

// Columns returns the bins once more, [D×rows] column-major, or nil if they are
// more than are kept so. They are shared with all growers and read only.
func (t *Table) Columns() []uint8 { return t.transpose() }

// transpose returns the bins by columns, made once for all growers.
func (t *Table) transpose() []uint8 {
	c := t.byColumns()
	c.once.Do(func() {
		if t.D == 0 || len(t.Bins) > columnBytes {
			return
		}
		rows := len(t.Bins) / t.D
		c.bins = make([]uint8, rows*t.D)
		const block = 4096 // rows that stay in the cache while columns are written
		for from := 0; from < rows; from += block {
			to := min(from+block, rows)
			for f := range t.D {
				column := c.bins[f*rows+from : f*rows+to]
				at := from*t.D + f
				for i := range column {
					column[i] = t.Bins[at]
					at += t.D
				}
			}
		}
	})
	return c.bins
}

// Feature says how the bins of one feature may be split.
type Feature struct {
	Bins        int  // how many bins there are, with bin 0, that of missing values
	Categorical bool // bins are categories, in no order
	Monotone    int8 // of a number: +1 if the output may only rise with it, -1 if only fall, 0 if both
}

// Config is the limits of a tree. Meanings are LightGBM's, whose name of a
// parameter stands behind each where it is another.
type Config struct {
	MaxLeaves    int     // num_leaves; 0: no limit
	MaxDepth     int     // splits from the root to a leaf; 0 or less: no limit
	MinRows      int     // min_data_in_leaf, kept exactly; less than 1 is 1
	MinHessian   float64 // min_sum_hessian_in_leaf
	MinGain      float64 // min_gain_to_split: what the gain of a split has to exceed
	L1, L2       float64 // lambda_l1, lambda_l2
	MaxDeltaStep float64 // limit of a leaf's output before shrinkage; 0: none
	PathSmooth   float64 // path_smooth; 0: none

	// LeafWise splits the leaf with the highest gain next. Without it a level
	// is finished before the next one is begun, highest gain first.
	LeafWise bool

	CatL2           float64 // cat_l2, added to L2 for splits of many categories
	CatSmooth       float64 // cat_smooth
	MaxCatThreshold int     // max_cat_threshold: categories on the smaller side of a split; less than 1 is 1
	MaxCatToOnehot  int     // max_cat_to_onehot: up to so many bins, a split takes one category from the others
	MinRowsPerGroup int     // min_data_per_group

	// ExtraTrees tries one threshold of each feature, drawn evenly between the
	// lowest and the highest bin that a leaf's rows have.
	ExtraTrees   bool
	NodeFeatures float64 // feature_fraction_bynode; 0 is 1

	// HistogramBytes bounds what the histograms of leaves take; 0: 256 MiB. It
	// changes no bit of a tree.
	HistogramBytes int64
}

// Default returns LightGBM's default limits.
func Default() Config {
	return Config{
		MaxLeaves: 31, MinRows: 20, MinHessian: 1e-3, LeafWise: true,
		CatL2: 10, CatSmooth: 10, MaxCatThreshold: 32, MaxCatToOnehot: 4, MinRowsPerGroup: 100,
		NodeFeatures: 1,
	}
}

// Pool runs n tasks side by side and returns when all are done. Trees do not
// depend on it.
type Pool interface {
	Slots() int
	Do(n int, f func(i int))
}

// Input is what one tree is grown from. Nothing of it is kept after Grow.
//
// Positions count the training rows that New was given, from 0.
type Input struct {
	Grad []float32 // [training rows] gradients by position, weights included
	Hess []float32 // [training rows] hessians by position, weights included; nil: all are 1. One below 0 counts as 0

	Sample   []int32 // the positions to grow on, rising; nil: all
	Features []int32 // the features that may be split on, rising; nil: all

	Shrink   float64 // what the outputs of the leaves are multiplied by
	Seed     uint64  // of the draws of ExtraTrees and NodeFeatures
	Rounding uint64  // of the rounding of gradients when splits are chosen

	// Root is the histogram of the root, if an earlier call of Grow of any
	// grower over the same table and training rows had the same Grad, Hess,
	// Sample and Rounding; nil: it is built.
	Root *Histogram
}

// Histogram is the sums of gradients and hessians of the root, by feature and
// bin. It is read only.
type Histogram struct {
	sums  []int64
	total int64 // of all rows
	rows  int
	scale scale
}
