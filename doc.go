// Package tourney is the vocabulary of the service: what a sweep, a trial, a
// job, a report and a dataset are, which states they pass through, and how a
// sweep file is read. It hides the format of the sweep file and nothing else.
//
// It does no I/O and starts nothing. Every other package may import it; it
// imports none of them. One noun has one file here, and a file of the same
// name in each layer that knows the noun: store, coordinator, api, cmd.
package tourney
