//go:build !race

package tpe_test

const raced = false
