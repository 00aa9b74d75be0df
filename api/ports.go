package api

import (
	"context"
	"io"

	"tourney"
)

// Service is what changes sweeps and workers.
type Service interface {
	// CreateSweep starts a sweep. The spec is normalised. With a key that was
	// used before, it returns that sweep if the spec is the same, and
	// tourney.ErrConflict if it is not.
	CreateSweep(ctx context.Context, spec tourney.Spec, key string) (tourney.Sweep, error)
	// Forecast says what a sweep would do, and creates nothing. What is wrong
	// with the spec is a *tourney.InvalidError.
	Forecast(ctx context.Context, spec tourney.Spec) (tourney.Forecast, error)
	// Ask grants trials of a sweep that are trained outside. The same key gets
	// the same trials while they are out; with another request it is
	// tourney.ErrKeyUsed. A sweep whose trials workers train is
	// tourney.ErrConflict.
	Ask(ctx context.Context, sweep string, req tourney.AskRequest, key string) (tourney.AskReply, error)
	// Tell takes in what came of such trials, all of it or nothing. The same
	// told again is answered the same; something else with the same token is
	// tourney.ErrConflict, and one that has lost its lease tourney.ErrStale.
	Tell(ctx context.Context, sweep string, tells []tourney.Tell) ([]tourney.Told, error)
	// Amend changes the name, the cap or the limits of a sweep. With a revision
	// that is not the sweep's any more it is tourney.ErrChanged; where the
	// sweep's state does not allow it, tourney.ErrConflict.
	Amend(ctx context.Context, sweep string, a tourney.Amendment, revision string) (tourney.Sweep, error)
	// Extend gives a sweep more trials, or other limits, also one that is
	// completed.
	Extend(ctx context.Context, sweep string, a tourney.Amendment) (tourney.Sweep, error)
	// DeleteSweep removes a sweep that has ended, or cancels it first. It returns
	// tourney.ErrConflict if it has not ended, and tourney.ErrChanged as Amend.
	DeleteSweep(ctx context.Context, sweep string, cancel bool, revision string) error
	// Retry has a failed trial tried again, as a new one. Where the states of
	// the trial and of its sweep do not allow it, it is tourney.ErrConflict.
	Retry(ctx context.Context, sweep string, trial int) (tourney.Retry, error)
	// Act pauses, resumes or cancels a sweep. It returns tourney.ErrConflict
	// if the sweep's state does not allow it.
	Act(ctx context.Context, sweep string, action tourney.Action) (tourney.Sweep, error)
	// Importance says how much each parameter of a sweep matters. What is wrong
	// with the request is a *tourney.InvalidError.
	Importance(ctx context.Context, sweep string, req tourney.ImportanceRequest) (tourney.Importance, error)
	// Pareto returns the trials that none is better than in every objective.
	Pareto(ctx context.Context, sweep string) (tourney.Front, error)
	// Enrol takes in a worker.
	Enrol(ctx context.Context, req tourney.EnrolRequest) (tourney.Enrolment, error)
	// Drain has a worker leave: give back what it trains, or finish it. It
	// returns tourney.ErrNotFound, and tourney.ErrConflict if it is gone.
	Drain(ctx context.Context, worker string, mode tourney.Drain) (tourney.Worker, error)
	// Expel shuts out the workers that enrolled with a token.
	Expel(ctx context.Context, token string) error
	// MayRead returns nil if the blob may be served to the holder of the token,
	// which is nil for others: test shards go to final attempts alone.
	MayRead(ctx context.Context, blob string, token *tourney.Token) error
	// Upload has put store a blob of that hash and return its size, and keeps it
	// from being removed until something refers to it, or an hour has gone by.
	Upload(ctx context.Context, hash string, put func() (int64, error)) error
	// Healthy returns nil if the service can take work.
	Healthy(ctx context.Context) error
}

// Reader is what pages and lists are read from. Lists are in keyset order;
// next is the cursor of the next page, empty at the end.
type Reader interface {
	// Sweep returns a sweep by id, or tourney.ErrNotFound, which all that
	// follow return as well.
	Sweep(ctx context.Context, id string) (tourney.Sweep, error)
	// Sweeps lists sweeps, newest first.
	Sweeps(ctx context.Context, page tourney.Page) (sweeps []tourney.Sweep, next string, err error)
	// Leaderboard lists trials in the order of tourney.Metric.CompareTrials.
	Leaderboard(ctx context.Context, sweep string, page tourney.Page) (trials []tourney.Trial, next string, err error)
	// Rungs says how many trials each rung has seen, the lowest first.
	Rungs(ctx context.Context, sweep string) ([]tourney.RungCount, error)
	// Trials lists trials in the order of page.Sort.
	Trials(ctx context.Context, sweep string, page tourney.Page) (trials []tourney.Trial, next string, err error)
	// Trial returns one trial.
	Trial(ctx context.Context, sweep string, number int) (tourney.Trial, error)
	// Points returns the learning curve of a trial, by step.
	Points(ctx context.Context, sweep string, number int) ([]tourney.Point, error)
	// Log returns a part of the log of a trial's attempt, from an offset on;
	// attempt 0 is the last one that has printed anything.
	Log(ctx context.Context, sweep string, number, attempt int, from int64) (tourney.LogPage, error)
	// Artifacts lists the files that a trial has left, by name.
	Artifacts(ctx context.Context, sweep string, number int) ([]tourney.Artifact, error)
	// Attempts returns where a trial ran, the first attempt first.
	Attempts(ctx context.Context, sweep string, number int) ([]tourney.Attempt, error)
	// FinalJobs returns the final jobs of a sweep that are done, by trial.
	// Their checkpoints are its models.
	FinalJobs(ctx context.Context, sweep string) ([]tourney.JobRow, error)
	// History returns the reports of a sweep as folded, oldest first, thinned
	// to at most limit points that keep every improvement.
	History(ctx context.Context, sweep string, limit int) ([]tourney.HistoryPoint, error)
	// EventsAfter returns events with ID > after, of one sweep or, if sweep is
	// empty, of all, in order, at most limit of them.
	EventsAfter(ctx context.Context, sweep string, after int64, limit int) ([]tourney.Event, error)
	// Changed returns a channel that is closed at the next commit.
	Changed() <-chan struct{}
	// Workers lists the workers heard of in the last hour, newest first.
	Workers(ctx context.Context) ([]tourney.Worker, error)
	// Lifetimes says how long workers last, by pool.
	Lifetimes(ctx context.Context) ([]tourney.Lifetime, error)
	// Datasets lists the newest version of each dataset, by name.
	Datasets(ctx context.Context, page tourney.Page) (datasets []tourney.Dataset, next string, err error)
	// Dataset returns a dataset by NAME, NAME@VERSION or version.
	Dataset(ctx context.Context, ref string) (tourney.Dataset, error)
	// DatasetBySource returns the dataset made of these bytes and options, or
	// tourney.ErrNotFound.
	DatasetBySource(ctx context.Context, source string) (tourney.Dataset, error)
}

// Datasets takes in tables and lets go of datasets.
type Datasets interface {
	// Spool keeps what r holds in a file until that is removed.
	Spool(ctx context.Context, name string, r io.Reader, tell func(Progress)) (File, error)
	// Fetch brings the files of a place. A place that the configuration does
	// not allow is tourney.ErrRefused, whether there is something or not.
	Fetch(ctx context.Context, place Place, tell func(Progress)) ([]File, error)
	// Add makes a dataset of files, or returns the one that was made of the
	// same bytes and options before; fresh tells which. What is wrong with the
	// table is a *tourney.InvalidError with the line, and nothing is registered
	// then.
	Add(ctx context.Context, req tourney.DatasetRequest, files []File, tell func(Progress)) (ds tourney.Dataset, fresh bool, err error)
	// AddKnown is Add of files by their hash alone. Unless a dataset was made
	// of them with the same options, it is tourney.ErrNotFound.
	AddKnown(ctx context.Context, req tourney.DatasetRequest, hash string) (ds tourney.Dataset, fresh bool, err error)
	// Delete removes NAME, all its versions, or NAME@VERSION. It returns
	// tourney.ErrInUse while a sweep that has not ended uses it.
	Delete(ctx context.Context, ref string) error
	// Sample returns the first rows of those that are not test rows, as texts.
	Sample(ctx context.Context, ds tourney.Dataset, rows int) (columns []string, texts [][]string, err error)
}

// File is a file on the server's machine that holds a table, or a part of it.
type File struct {
	Name   string // for messages and queries
	Path   string
	Hash   string       // SHA-256, hex
	Test   bool         // its rows are test rows
	Remove func() error // when it is no longer needed
}

// Place is where a table is that did not come with the request. One of its
// fields is set.
type Place struct {
	Path string // a file, directory or pattern of the server's machine
	URL  string
}

// Progress says how far the taking in of a table is. A total of 0 is not known.
type Progress struct {
	Phase string // hash, scan, shuffle, write
	Rows  int64  // of the phase

	TotalRows, Bytes, TotalBytes int64
}

// Blobs are shards, checkpoints and models, by content hash.
type Blobs interface {
	// Open returns a blob and its size in bytes, or tourney.ErrNotFound.
	Open(ctx context.Context, hash string) (io.ReadSeekCloser, int64, error)
	// Put stores what r holds and returns its hash, SHA-256 in hex, and size.
	Put(ctx context.Context, r io.Reader) (hash string, size int64, err error)
}
