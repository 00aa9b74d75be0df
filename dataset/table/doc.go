// Package table hides nothing: it is the form in which rows pass between the
// readers of files (read, sql), ingestion (ingest), shards (shard) and the
// worker's cache.
//
// A Batch is what a reader yields: texts as they stand in the file, or values
// of the types that the format has. A Frame is what ingestion has made of it:
// columns of a kind, as they are kept.
package table
