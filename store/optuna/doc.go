// Package optuna hides the two files in which Optuna keeps studies: a SQLite
// database and a journal. It reads what Optuna 3, 4 and 5 write, and writes
// what they read, so that Optuna's plots, importances and dashboard open a
// sweep, and a study that was made with Optuna becomes one.
//
// A Study is what both files can say: trials with parameters, each with the
// distribution it was drawn from, values of the objectives, values on the way,
// attributes, constraints and times. FromSweep makes one of a sweep, and
// Study.Plan makes of one the sweep that plays its trials again, with all that
// could not be carried said in words.
//
// Optuna keeps local times without a zone in SQLite; they are read and written
// in the zone that the caller names, which should be the one of the machine
// that Optuna ran or will run on. Of schemas the one since Optuna 3.2
// (v3.2.0.a) is written, and every one since 3.0 is read.
package optuna
