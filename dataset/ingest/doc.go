// Package ingest hides how a table of any size becomes a dataset: how the kinds
// of its columns are told, how test rows are chosen, in which order rows are
// kept, and how little memory that takes.
//
// The source is read twice. The first pass (scan.go, profile.go) looks at all
// values of every column; a plan (kind.go, roles.go, plan.go) says what each
// column is and what is to be learnt. The second pass (pack.go) makes a record
// of each row, chooses the test rows (split.go), and puts the record into an
// external sort (sort.go) under a random key that is a function of the seed and
// the row's number. What comes out in order is written as shards (write.go),
// with statistics of the rows to train on (stats.go) and warnings of what may
// hurt (warn.go, leak.go).
//
// The result is a function of the bytes and the options, bit for bit: the
// bound of memory, the size of batches and the number of cores do not matter.
// For that, all that is kept of a column has a bound of its own: up to 100,000
// levels, 32 MiB of them in all columns together; a sketch of distinct values
// (distinct.go); a sample of rows.
//
// The order of the rows that are not test rows, of which validation takes
// ranges, is
//
//	random     by default
//	by group   if there is a group column: each group is one run of rows
//	by time    if there is a time column: TimeBlocks blocks of equal length, no
//	           row earlier than one of the block before, shuffled within
//
// Test rows come last, in shards of their own.
//
// Numbers in statistics are exact, but for these: quartiles of more than 32,768
// rows (fewer from 65 columns on) are those of a sample of so many, with a rank
// off by about 0.3 %; more than 8,192 distinct numbers or texts (fewer from 257
// columns on) are counted to about 1.5 %; the most frequent texts of a text
// column are sought among those frequent when it had too many to count all.
//
// Typed reads a table whose kinds are known already, such as one that a model is
// asked about.
//
// Synth makes tables from a seed of which all is known that can be learnt.
package ingest
