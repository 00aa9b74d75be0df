package tpe

import "math/rand/v2"

// LogMass, ByValue and AsNumpy are checked against other sources.
var (
	LogMass = logMass
	ByValue = byValue
	AsNumpy = asNumpy
)

// DrawBelow draws a point from l.
func (d *Densities) DrawBelow(rng *rand.Rand, t *TPE) []float64 {
	u := t.unset()
	d.model.below.draw(rng, u)
	return u
}
