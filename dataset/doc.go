// Package dataset hides how a table becomes matrices: how a worker fetches the
// shards of a dataset and keeps them, how its rows are cut into folds, and how
// values become the numbers that trainers see.
//
// Its packages share the work:
//
//	table   the forms in which rows pass between the others
//	read    files of all kinds into rows; sql queries over them
//	ingest  rows into a version: kinds, order, sealed test rows, statistics
//	shard   rows as bytes that are named by their hash
//
// Here is the worker's side. A Cache fetches blobs, keeps them on disk within a
// bound and checks every byte against its hash before it is used (disk.go). It
// cuts rows into folds, as runs of the order in which they are kept (cut.go),
// learns from the training rows of each what preprocessing needs to know
// (fit.go), and writes the matrix to a file that is mapped by all who train on
// it (build.go, mapped.go, keep.go). Rows are read shard by shard in each pass
// (rows.go), so the memory that it takes does not grow with the table.
//
// A Pipeline (pipeline.go, apply.go) is what was learnt; it travels with the
// model. A Binning (bins.go, sparsebins.go) is the same for trees. Both say
// which columns they want of a table (wants.go) and, read from outside, what is
// wrong with them (check.go). Whether a matrix is kept dense or sparse may be
// left to the cache (form.go). All sums run in the order
// of rows and all elementary functions are our own (numeric.go): the same
// version gives the same bits on any machine, whatever its memory.
package dataset
