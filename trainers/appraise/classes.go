package appraise

import (
	"cmp"
	"math"
	"slices"

	"tourney"
)

const (
	maxClasses = 50  // of a confusion, those that are left out taken together
	maxCurves  = 20  // of a problem of many classes
	maxPoints  = 200 // of a curve
	tenths     = 10  // bins of a calibration
)

// frequent returns the classes by the weight of their rows, at most so many, in
// their own order.
func (r *rows) frequent(most int) []int {
	weights := make([]float64, r.k)
	for i, y := range r.y {
		weights[int(y)] += r.weight(i)
	}
	order := make([]int, r.k)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(weights[b], weights[a]) })
	order = order[:min(most, len(order))]
	slices.Sort(order)
	return order
}

// confusion returns the classes that have a place of their own, and the weights
// of the rows by true and predicted class.
func (r *rows) confusion(classes []string) (names []string, counts [][]float64) {
	kept := r.frequent(maxClasses)
	if r.k > maxClasses {
		kept = r.frequent(maxClasses - 1)
	}
	size := len(kept)
	if size < r.k {
		size++
	}
	place := make([]int, r.k)
	for i := range place {
		place[i] = size - 1
	}
	for i, class := range kept {
		place[class] = i
		names = append(names, classes[class])
	}
	counts = make([][]float64, size)
	for i := range counts {
		counts[i] = make([]float64, size)
	}
	for i, y := range r.y {
		counts[place[int(y)]][place[r.class(i)]] += r.weight(i)
	}
	return names, counts
}

// rocs returns the curve of the second of two classes, or of each of the most
// frequent ones against all others. A class that no row or every row is of has
// none.
func (r *rows) rocs(classes []string) []tourney.ROC {
	kept, points := r.frequent(maxCurves), maxPoints
	if r.k == 2 {
		kept = []int{1}
	} else {
		points = maxPoints / 2
	}
	var out []tourney.ROC
	for _, class := range kept {
		if curve, ok := r.roc(class, points); ok {
			curve.Class = classes[class]
			out = append(out, curve)
		}
	}
	return out
}

// roc walks down the scores of a class, rows of equal score together, and keeps
// the corners of the curve.
func (r *rows) roc(class, points int) (tourney.ROC, bool) {
	score := func(i int) float32 { return r.out[i*r.k+class] }
	order := make([]int, r.n)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(score(b), score(a)) })
	fp, tp := []float64{0}, []float64{0}
	var neg, pos, area float64
	for i := 0; i < r.n; {
		fromNeg, fromPos := neg, pos
		at := score(order[i])
		for ; i < r.n && score(order[i]) == at; i++ {
			if int(r.y[order[i]]) == class {
				pos += r.weight(order[i])
			} else {
				neg += r.weight(order[i])
			}
		}
		area += float64((neg - fromNeg) * (fromPos + pos) / 2)
		if l := len(fp); l >= 2 && float64((fp[l-1]-fp[l-2])*(pos-tp[l-1])) == float64((neg-fp[l-1])*(tp[l-1]-tp[l-2])) {
			fp[l-1], tp[l-1] = neg, pos // on the line through the two before it
		} else {
			fp, tp = append(fp, neg), append(tp, pos)
		}
	}
	if !(pos > 0 && neg > 0) {
		return tourney.ROC{}, false
	}
	for i := range fp {
		fp[i], tp[i] = fp[i]/neg, tp[i]/pos
	}
	fp, tp = thin(fp, tp, points)
	return tourney.ROC{AUC: area / pos / neg, FPR: fp, TPR: tp}, true
}

// thin keeps so many points of a rising curve, both ends among them, evenly by
// the way along its steps.
func thin(x, y []float64, most int) (_, _ []float64) {
	if len(x) <= most {
		return x, y
	}
	var keptX, keptY []float64
	last := -1
	for i := range x {
		slot := int((x[i] + y[i]) / 2 * float64(most-1))
		if i == len(x)-1 || slot > last && len(keptX) < most-1 {
			keptX, keptY = append(keptX, x[i]), append(keptY, y[i])
			last = slot
		}
	}
	return keptX, keptY
}

// calibration sorts rows by tenths of a probability. As in scikit-learn's
// calibration_curve, a bin has its upper edge and not its lower one.
func (r *rows) calibration() []tourney.CalibrationBin {
	var bins [tenths]tourney.CalibrationBin
	for i, y := range r.y {
		class := 1
		if r.k != 2 {
			class = r.class(i)
		}
		p, w := float64(r.out[i*r.k+class]), r.weight(i)
		b := &bins[min(max(int(math.Ceil(p*tenths))-1, 0), tenths-1)]
		b.Rows += w
		b.Mean += float64(w * p)
		if int(y) == class {
			b.Share += w
		}
	}
	var out []tourney.CalibrationBin
	for _, b := range bins {
		if b.Rows > 0 {
			out = append(out, tourney.CalibrationBin{Mean: b.Mean / b.Rows, Share: b.Share / b.Rows, Rows: b.Rows})
		}
	}
	return out
}
