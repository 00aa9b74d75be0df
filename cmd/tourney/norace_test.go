//go:build !race

package main

// The sweep of the README.
const (
	raced        = false
	digits       = "../../examples/digits.yaml"
	digitsTrials = 81
)
