// Package command hides what programs look like that somebody else has
// written: how they want to be called, and in which words they say how they
// fare.
//
// [Expand] makes the argument list of a trial by W&B's macros, with values
// written as Python writes them. A [Collector] makes points of what is reported,
// with steps or without; a [LineReader] reads reports out of lines of text, and
// an [EventReader] out of TensorBoard's event files.
//
// The package is pure. Running the program is package worker's.
package command
