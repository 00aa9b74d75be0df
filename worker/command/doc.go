// Package command runs the trials of trainer command: somebody's program, once
// for each attempt. It hides all that an attempt is made of besides metrics and
// an end: whether the program may run here at all, its directory, environment
// and limits, the graphics cards that it gets, where its metrics come from, its
// log, its checkpoint directory, and the files that it leaves.
//
//	allow.go      the worker's own file of what may run
//	run.go        an attempt from beginning to end
//	place.go      its directories and environment
//	sources.go    stdout, files and event files as metrics
//	push.go       reports over HTTP from the program itself
//	log.go        what is kept of its output
//	pack.go       a directory as one blob, and back
//	files.go      the files that it leaves
package command
