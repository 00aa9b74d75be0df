// Package migrations holds the schema of the database as a row of SQL files,
// one for each version, and nothing else.
//
// Versions only go forward: a file that was released is never edited and has
// no way down. Package store runs those that a database lacks, each in a
// transaction of its own, and refuses a database that is newer than the files.
//
// Conventions: tables are STRICT, times are microseconds since 1970 in UTC,
// JSON is TEXT, sizes are bytes, and lists of states are not CHECKed, since
// SQLite cannot alter a CHECK.
package migrations
