//go:build !noop

package trainers

import "tourney/trainers/heat"

// measured are the families of programs that are built to be measured: none in
// those that people use.
var measured []heat.Family
