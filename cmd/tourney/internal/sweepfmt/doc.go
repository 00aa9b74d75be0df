// Package sweepfmt hides the one way to write a sweep file: keys in a fixed
// order, an indent of two, comments with what they belong to, values as they
// were.
package sweepfmt
