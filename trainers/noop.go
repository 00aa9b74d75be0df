//go:build noop

package trainers

import (
	"tourney/trainers/heat"
	"tourney/trainers/noop"
)

// measured are the families of programs that are built to be measured.
var measured = []heat.Family{noop.Family()}
