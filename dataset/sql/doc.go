// Package sql hides the SQL engine (DuckDB) by which Parquet files are read
// and by which a query makes one table of several files before ingestion.
//
// The engine is C++ and may abort or run out of memory, so it runs in a child
// process of the same program, which calls Main first. The child is handed
// one job, answers on its stdout, and is killed when the context ends, when
// the Source is closed, or when its parent dies. It has a bound on memory, and
// a directory of its own where it spills and which is removed.
//
// A query is one SELECT. It sees the given files as tables and nothing else:
// the engine's access to other files, to the network, to extensions and to its
// own settings is shut before the query is looked at, and table functions that
// are not about values are refused by name.
//
// What a query yields is a function of the files, the query and the memory
// limit: it runs once, in one thread unless asked otherwise, with random()
// seeded; its rows are kept in the directory, so that all scans yield the
// same. Rows come in the order of the outermost ORDER BY, else in the order of
// the file if the query goes through one table row by row, and else sorted by
// all columns: joins, groups and windows have no order of their own. Three
// things remain the query's own doing: the order of rows that its ORDER BY
// calls equal, which rows a LIMIT without ORDER BY takes, and clocks such as
// now().
//
// Main and Open are the way in (source.go). The parent's side of a job is
// process.go, the child's child.go, what both say to each other protocol.go.
// In the child: engine.go is DuckDB, views.go makes the tables, check.go reads
// the query, columns.go maps types, stream.go writes rows.
package sql
