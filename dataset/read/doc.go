// Package read hides how files become rows: Open turns any table files into a
// table.Source, whatever their format, packing, dialect and encoding.
//
// # Layers
//
// A file is unpacked (unpack.go, zip.go) under limits that stop bombs, told
// apart by its first bytes (detect.go), decoded to UTF-8 (text.go), and read
// through a window of bounded size (window.go) by the reader of its format:
//
//	CSV, TSV    csv.go; csvsniff.go tells the dialect, csvheader.go the names,
//	            csvsplit.go cuts records into fields
//	JSON        json.go, jsonparse.go: objects, one a line or in one array
//	LIBSVM      libsvm.go
//	Arrow       arrow.go, arrowvalue.go: IPC files and streams, Feather 2
//	IDX         idx.go: images and labels
//
// Parquet is another package's: Open returns ErrParquet for it.
//
// # Promises
//
// Memory is bounded by a window and a batch, never by the file. Several files
// are one table: their columns are the same, found by name, and their rows come
// in the order of the files. The rows, their lines and the errors do not depend
// on how the bytes arrive. What is wrong with a table is a
// *tourney.InvalidError with the file and the line; what was left out or
// guessed is said in table.Hints.
//
// # Rows that do not fit
//
// A CSV row with too few or too many fields, or with a quote that is not
// closed, is left out and reported as long as such rows are at most 1 % of the
// table (one is always let pass where there are others); above that the table
// is refused with the first of them. The other formats have no such rows: an
// error there is an error.
package read
