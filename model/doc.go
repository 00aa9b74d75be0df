// Package model hides how what a finished trial leaves is asked about rows that
// it has not seen.
//
// A model is one JSON document, which docs/models.md describes and package
// trainers writes when the final job of a sweep ends: the family's own part,
// what the training rows taught about the columns (a pipeline, or the bins of
// trees), and where it came from. Read checks all of it, so that a document
// from anywhere can be asked without harm.
//
// Predict reads any table that package dataset reads, in batches, finds the
// columns by name, and writes a row of answers for each of its rows.
package model
