// Package bustest hides how one proves that two ends make a bus: a suite that
// every implementation of the coordinator's and the worker's end has to pass,
// the one over NATS and any that is kept in memory for tests.
//
// It says what both sides may rely on, and nothing of how it is done. What
// only the real one can do wrong, such as a lost connection, is tested there.
package bustest
