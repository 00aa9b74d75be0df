// Package dataset hides how a table becomes matrices: how its columns are
// told apart, how its rows are shuffled, sealed and cut, how shards are
// written, cached and read, and how values become the numbers that trainers
// see.
//
// There are two halves, joined by blobs and by nothing else.
//
// Registry takes a table in, once: it infers the columns' kinds from all rows
// (csv.go, scan.go), shuffles, splits off the test rows (split.go), writes
// shards (shard.go), and registers a version, which is the hash of its
// manifest. The same bytes and options give the same version on any machine.
//
// Cache is a worker's: it fetches blobs, keeps them on disk within a bound,
// checks every byte against its hash before it is used (disk.go), and makes
// the matrices of a job (load.go), preprocessed by what the training rows
// alone have taught (preprocess.go).
//
// Later readers (Parquet, Arrow, SQL) join at rowSource, later splits at cut,
// later forms of a matrix beside Matrix.
package dataset
