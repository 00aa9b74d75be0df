package worker

import (
	"context"
	"io"
	"time"

	"tourney"
	"tourney/dataset"
)

// Bus carries offers in and claims, beats and reports out, for one worker.
type Bus interface {
	// Fetch waits for offers, at most that many and that long. No offer is no
	// error.
	Fetch(ctx context.Context, n int, wait time.Duration) ([]tourney.Offered, error)
	// Claim asks the coordinator for jobs. An error means that the answer is
	// unknown: ask again with the same id.
	Claim(ctx context.Context, req tourney.ClaimRequest) (tourney.ClaimReply, error)
	// Beat says what runs.
	Beat(ctx context.Context, beat tourney.Beat) (tourney.BeatReply, error)
	// Report sends a report; it returns once the stream has it, which does not
	// yet mean that it is committed.
	Report(ctx context.Context, r tourney.Report) error
	// Control returns the messages to this worker. It is closed with the bus.
	Control() <-chan tourney.Control
	// Close ends it.
	Close() error
}

// Blobs are the coordinator's blobs, by content hash.
type Blobs interface {
	// Open returns a blob, size bytes from offset; size < 0 means to its end.
	// The token is needed for test shards alone.
	Open(ctx context.Context, hash string, offset, size int64, token *tourney.Token) (io.ReadCloser, error)
	// Put stores a blob and returns its hash.
	Put(ctx context.Context, data []byte) (string, error)
}

// Data are the matrices of datasets, made once and shared by the heats.
// *dataset.Cache implements it.
type Data interface {
	// Load returns the rows that jobs of this kind train and are measured on.
	// They have to be held as long as they are used.
	// The token is needed for those of a final job alone.
	Load(ctx context.Context, req dataset.Request, token *tourney.Token) (*dataset.Data, error)
	// Versions lists the datasets that are at hand.
	Versions() []string
}
