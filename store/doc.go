// Package store hides SQLite: where sweeps, datasets and workers outlive the
// process. It is the only truth; whatever else the service keeps can be lost
// and is rebuilt from here.
//
// A data directory holds the database, tourney.db with its log beside it, and
// the file lock, which one process at a time holds from Open to Close. A
// database is built under another name and renamed when it is whole, so that
// there is never half of one; one that is damaged, newer than this program or
// another program's is refused and left as it is.
//
// Writes go through one goroutine (group commit): it takes what waits, runs
// each change in a savepoint of one transaction, commits once, and answers
// all. A change that does not fit the rows is undone alone; if the disk fails,
// all changes of the transaction fail. There is no timer: the sync to disk is
// the window in which the next group gathers. Reads have connections of their
// own, see a snapshot each, and never wait for a write.
//
// What must never happen is refused by the database itself: triggers and
// unique indexes keep ends final, attempts without gaps, at most one open job
// and one open attempt a trial. Check looks for what they cannot say.
//
// Lists are read by keyset: a cursor is the key of the last row seen, so that
// a page costs the same wherever it starts. The leaderboard is an index in the
// order of tourney.Metric.CompareTrials. The numbers of trials by state are
// counters that each change moves; Check counts them again.
//
// There is a file for each noun, which holds its row, its statements and its
// queries; commit.go holds the writer, open.go the directory.
package store
