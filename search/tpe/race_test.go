//go:build race

package tpe_test

// Under the race detector the scores on the suite take minutes, and show
// nothing that it could see: one goroutine computes.
const raced = true
