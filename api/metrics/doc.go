// Package metrics hides the text format in which Prometheus and what speaks as
// it does read figures of a process: counts, values that rise and fall, and
// histograms of durations.
//
// What has a name is registered once with a Registry, by who knows it; values
// that others keep are asked for when somebody reads.
package metrics
