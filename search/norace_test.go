//go:build !race

package search_test

// raced says that the race detector watches. Long runs of one goroutine, in
// which it can see nothing, are left out then.
const raced = false
