package coordinator

import (
	"context"
	"time"

	"tourney"
)

// Store is where sweeps outlive the process. The coordinator is its only
// writer of sweeps, and one goroutine writes each sweep.
type Store interface {
	// Epoch returns the epoch of the data directory, the first part of every
	// token.
	Epoch() string
	// Commit writes a change in one durable transaction, perhaps together with
	// other changes, each of which succeeds or fails by itself. It sets the ID
	// and At of the change's events. It returns tourney.ErrConflict, and
	// writes nothing of the change, if the rows are not as the change says
	// they were.
	Commit(ctx context.Context, c *tourney.Change) error
	// Failed is closed when nothing can be committed any more, for which
	// Failure is the reason: the process is to end.
	Failed() <-chan struct{}
	Failure() error
	// Sweep returns a sweep by id or tourney.ErrNotFound.
	Sweep(ctx context.Context, id string) (tourney.Sweep, error)
	// OpenSweeps returns the sweeps that have not ended, oldest first.
	OpenSweeps(ctx context.Context) ([]tourney.Sweep, error)
	// Events returns events of one sweep with Seq > after, in order, at most
	// limit of them.
	Events(ctx context.Context, sweep string, after int64, limit int) ([]tourney.Event, error)
	// SweepByKey returns the sweep that was created with an idempotency key,
	// and the hash of what was asked then, or tourney.ErrNotFound.
	SweepByKey(ctx context.Context, key string) (sweep, keyBody string, err error)
	// OpenTrials returns the trials of a sweep that have not ended, by number.
	OpenTrials(ctx context.Context, sweep string) ([]tourney.Trial, error)
	// Trial returns one trial or tourney.ErrNotFound.
	Trial(ctx context.Context, sweep string, number int) (tourney.Trial, error)
	// OpenJobs returns the jobs of a sweep that are queued, running or held,
	// and for each trial that has not ended the last job that is done.
	OpenJobs(ctx context.Context, sweep string) ([]tourney.JobRow, error)
	// CheckpointAt returns the checkpoint that a trial's job ended with at a
	// step, or tourney.ErrNotFound.
	CheckpointAt(ctx context.Context, sweep string, trial, step int) (tourney.Checkpoint, error)
	// Usage returns what a sweep has used until a moment.
	Usage(ctx context.Context, sweep string, now time.Time) (tourney.Usage, error)
	// Leaderboard lists trials in the order of tourney.Metric.CompareTrials.
	Leaderboard(ctx context.Context, sweep string, page tourney.Page) (trials []tourney.Trial, next string, err error)
	// Outcomes returns how attempts ended; attempts that are open or unknown
	// are absent.
	Outcomes(ctx context.Context, tokens []tourney.Token) (map[tourney.Token]tourney.Outcome, error)
	// DeleteSweep removes a sweep that has ended, and all that is known of it,
	// a little at a time. It returns tourney.ErrConflict if it has not ended.
	DeleteSweep(ctx context.Context, id string) error
	// Attempt returns an attempt that has ended, or tourney.ErrNotFound.
	Attempt(ctx context.Context, token tourney.Token) (tourney.AttemptRow, error)
	// DueNotices returns the notices to be sent by a moment, at most limit of
	// them.
	DueNotices(ctx context.Context, now time.Time, limit int) ([]tourney.Notice, error)
	// PutOff says that a notice was not taken, why, and when to try again.
	PutOff(ctx context.Context, id string, due time.Time, why string) error
	// DropNotice removes a notice that was taken, or is given up.
	DropNotice(ctx context.Context, id string) error
	// Expired returns the sweeps that have ended longer ago than they are kept:
	// as long as they say, else for keep, which is for ever if it is 0.
	Expired(ctx context.Context, now time.Time, keep time.Duration) ([]string, error)
	// Workers returns the workers heard of in the last hour.
	Workers(ctx context.Context) ([]tourney.Worker, error)
	// Lifetimes says how long workers last, by pool.
	Lifetimes(ctx context.Context) ([]tourney.Lifetime, error)
	// NoteUpload notes that a blob is being put by a worker, or was; its size in
	// bytes is 0 until then. If it was doomed, it is not any more.
	NoteUpload(ctx context.Context, hash string, size int64) error
	// Uploaded returns how many bytes workers have uploaded that something
	// refers to.
	Uploaded(ctx context.Context) (int64, error)
	// UploadSize returns the size of an upload in bytes, 0 if it is not known.
	UploadSize(ctx context.Context, hash string) (int64, error)
	// DoomUploads dooms uploads from before a time that nothing refers to, and
	// returns them and those that were doomed before, at most limit.
	DoomUploads(ctx context.Context, before time.Time, limit int) ([]string, error)
	// IsDoomed reports whether a blob is still to be removed.
	IsDoomed(ctx context.Context, hash string) (bool, error)
	// ForgetUpload says that a doomed blob is removed.
	ForgetUpload(ctx context.Context, hash string) error
	// ShedCheckpoints lets go of checkpoints that nobody goes on from, of at
	// most limit jobs, and returns of how many.
	ShedCheckpoints(ctx context.Context, limit int) (int, error)
	// PausedCheckpoints returns the checkpoints of paused trials, those that are
	// the least likely to be promoted first.
	PausedCheckpoints(ctx context.Context) ([]tourney.PausedCheckpoint, error)
	// DropCheckpoints lets go of the checkpoints of jobs that are done.
	DropCheckpoints(ctx context.Context, jobs []tourney.JobID) error
	// SaveWorker writes what is known of a worker.
	SaveWorker(ctx context.Context, w tourney.Worker) error
	// Dataset returns a dataset by name (its newest version), NAME@VERSION
	// (a prefix of at least 8 digits will do) or version.
	Dataset(ctx context.Context, ref string) (tourney.Dataset, error)
	// SealedIn returns the versions of the datasets of which the blob is a
	// test shard.
	SealedIn(ctx context.Context, hash string) ([]string, error)
}

// Bus carries offers out and claims, beats and reports in.
type Bus interface {
	// Offer publishes an offer to a pool.
	Offer(ctx context.Context, pool, sweep string, offer tourney.Offer) error
	// Control sends a message to one worker, at most once.
	Control(ctx context.Context, worker string, c tourney.Control) error
	// Serve hands what workers say to h until ctx is done.
	Serve(ctx context.Context, h tourney.Handler) error
	// Created reports whether the stream of offers had to be created, so that
	// nothing published before is in it.
	Created() bool
}

// Trainers knows which trainers there are. It is implemented by package
// trainers.
type Trainers interface {
	// Plan checks a normalised spec against the dataset and the trainer, fills
	// in the spec's metric and parallelism if they are missing, and says what
	// the spec comes to. The error is a *tourney.InvalidError.
	Plan(spec *tourney.Spec, ds tourney.Dataset) (tourney.Plan, error)
}

// Postman sends notices.
type Postman interface {
	// Check returns a *tourney.InvalidError if notices to the address would be
	// refused whatever they say.
	Check(url string) error
	// Send sends a notice once, signed. It returns nil once the receiver has
	// taken it, and tourney.ErrRefused if it never will be.
	Send(ctx context.Context, n tourney.Notice) error
}

// Gate gives workers their access to the bus.
type Gate interface {
	// Admit returns the address of the bus and a credential bound to the
	// worker's id, the request's pool and its token, with which it ends. The
	// address is empty for workers in this process.
	Admit(worker string, req tourney.EnrolRequest) (tourney.Enrolment, error)
	// Expel shuts out the workers that enrolled with a token.
	Expel(token string) error
}
