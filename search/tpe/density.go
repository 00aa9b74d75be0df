package tpe

import "slices"

// Densities are the two densities that a sampler compares: l of the good
// points and g of the others, over all axes.
type Densities struct {
	below []int
	model *model
}

// Densities returns the densities that the trials with all axes give.
func (t *TPE) Densities(trials []Trial) *Densities {
	all := make([]int, len(t.axes))
	for i := range all {
		all[i] = i
	}
	s := t.session(trials, nil)
	below, _ := s.split(all)
	slices.Sort(below)
	return &Densities{below: below, model: s.modelOf(all)}
}

// Below returns the numbers of the trials that stand for good points, rising.
func (d *Densities) Below() []int { return d.below }

// Log returns ln l and ln g at a point of the unit cube; on Ordered and Choice
// axes l and g are probabilities of the cell.
func (d *Densities) Log(u []float64) (l, g float64) {
	return d.model.below.logDensity(u), d.model.above.logDensity(u)
}
