//go:build race

package main

// Under the race detector training is some fifteen times slower, so the tests
// play the shorter sweep; without it they play the README's.
const (
	raced        = true
	digits       = quick
	digitsTrials = 60
)
