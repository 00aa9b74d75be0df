// Package failpoint hides how a test has a process die at a chosen place: between
// two steps of which the second relies on the first. The places have names here,
// and the code passes them with Pass, which does nothing but in a process that a
// test has started for that purpose.
//
// Every name is walked by TestFailpoints of cmd/tourney: the process dies there by
// SIGKILL, is started again, and the sweep comes to the board of a run that
// nothing has disturbed.
package failpoint

// Point is a place where a process may die.
type Point string

// The coordinator.
const (
	// SweepCommitted is before the answer that a sweep is created.
	SweepCommitted Point = "sweep.committed"
	// SweepResumed is when a new process has decided what the last one would
	// have, and has not committed it.
	SweepResumed Point = "sweep.resumed"
	// ActionDecided is when what follows from a user's action is not committed.
	ActionDecided Point = "action.decided"
	// OfferTaken and OfferPublished are before and after jobs are on the bus.
	OfferTaken     Point = "offer.taken"
	OfferPublished Point = "offer.published"
	// ClaimDecided and ClaimCommitted are before attempts are committed, and
	// before the worker hears of them.
	ClaimDecided   Point = "claim.decided"
	ClaimCommitted Point = "claim.committed"
	// ReportsTaken, ReportsFolded and ReportsCommitted are when reports have
	// come, when the search has decided, and before they are acknowledged.
	ReportsTaken     Point = "reports.taken"
	ReportsFolded    Point = "reports.folded"
	ReportsCommitted Point = "reports.committed"
	// LeaseEnded is when attempts of a lost worker are given to others, which is
	// not committed.
	LeaseEnded Point = "lease.ended"
	// UploadStored is when a blob is stored, and not noted as stored.
	UploadStored Point = "upload.stored"
	// BlobDoomed and BlobDeleted are before and after a blob that nobody needs
	// is deleted; its row follows.
	BlobDoomed  Point = "blob.doomed"
	BlobDeleted Point = "blob.deleted"
	// ShardStored is when a dataset that is taken in has some of its blobs, and
	// no row; RowsDeleted when blobs of a deleted one are gone, and noted still.
	ShardStored Point = "shard.stored"
	RowsDeleted Point = "rows.deleted"
)

// The store.
const (
	// DatabaseBuilt is when a new database is whole, under another name.
	DatabaseBuilt Point = "database.built"
	// CommitWritten and CommitDone are before and after a transaction's COMMIT,
	// of which nobody has heard.
	CommitWritten Point = "commit.written"
	CommitDone    Point = "commit.done"
	// SliceDeleted is in the middle of a sweep's deletion.
	SliceDeleted Point = "slice.deleted"
	// BackupBlob, BackupCopied, RestoreBlob and EpochBegun are in the middle of
	// a backup, before its database is there, in the middle of a restore, and
	// before its database is there.
	BackupBlob   Point = "backup.blob"
	BackupCopied Point = "backup.copied"
	RestoreBlob  Point = "restore.blob"
	EpochBegun   Point = "restore.epoch"
)

// The worker.
const (
	// WorkerClaimed and WorkerAcked are when it has jobs whose offers are not
	// acknowledged, and before it trains them.
	WorkerClaimed Point = "worker.claimed"
	WorkerAcked   Point = "worker.acked"
	// ShardFetched is when a shard is whole, under another name.
	ShardFetched Point = "worker.shard"
	// CheckpointPut is when a checkpoint is stored that nobody knows of.
	CheckpointPut Point = "worker.checkpoint"
	// ReportSent is when a report is on the bus, perhaps not committed.
	ReportSent Point = "worker.reported"
	// StateKept is when checkpoints wait on disk, the coordinator being away.
	StateKept Point = "worker.kept"
	// WorkerReleasing and WorkerSilent are when it gives its trials back, and
	// before its last word.
	WorkerReleasing Point = "worker.releasing"
	WorkerSilent    Point = "worker.silent"
)

// All returns every point.
func All() []Point {
	return []Point{
		SweepCommitted, SweepResumed, ActionDecided, OfferTaken, OfferPublished, ClaimDecided, ClaimCommitted,
		ReportsTaken, ReportsFolded, ReportsCommitted, LeaseEnded, UploadStored, BlobDoomed, BlobDeleted, ShardStored, RowsDeleted,
		DatabaseBuilt, CommitWritten, CommitDone, SliceDeleted, BackupBlob, BackupCopied, RestoreBlob, EpochBegun,
		WorkerClaimed, WorkerAcked, ShardFetched, CheckpointPut, ReportSent, StateKept, WorkerReleasing, WorkerSilent,
	}
}

// hook hears of every point that is passed; nil but in tests.
var hook func(Point)

// OnPass has f called at every point that is passed, by the goroutine that passes
// it. It is for a process that a test starts, and is called before anything else
// runs.
func OnPass(f func(Point)) { hook = f }

// Pass says that the caller is at a point.
func Pass(p Point) {
	if hook != nil {
		hook(p)
	}
}
