package grow

// The draws of a node, for the definition that trees are held against.
var (
	DrawFeatures = drawFeatures
	Draw         = draw
)

// Packed returns the rounded gradients and hessians of the last grown tree by
// position, and the powers of two that they were multiplied by.
func (g *Grower) Packed() (grad, hess []int64, powerG, powerH int) {
	for p := range g.n {
		number := p
		if g.at != nil {
			number = int(g.at[p])
		}
		v := g.gh[number]
		grad, hess = append(grad, v>>32), append(hess, v&lowHalf)
	}
	return grad, hess, g.scale.g, g.scale.h
}

// WithoutColumns returns the table as if it were too large to be kept by
// columns, too.
func (t *Table) WithoutColumns() *Table {
	c := &columns{}
	c.once.Do(func() {})
	return &Table{Bins: t.Bins, D: t.D, Features: t.Features, shared: c}
}
