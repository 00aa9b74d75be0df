package tourney

// LogChunk is a piece of what a program printed. Offsets count the bytes of
// the attempt's log from 0; where they leave a gap something was dropped, and
// the log says so.
type LogChunk struct {
	Offset int64  `json:"offset"`
	Text   string `json:"text"`
}

// End returns the offset of what follows.
func (c *LogChunk) End() int64 { return c.Offset + int64(len(c.Text)) }

// The bounds of the log of an attempt that are kept, in bytes: what came first
// and what came last. Of a trial, the logs of its last attempts are kept.
const (
	LogHead     = 512 << 10
	LogTail     = 512 << 10
	LogAttempts = 3
	MaxLogChunk = 128 << 10 // the most in a report
)

// TrialLog is a piece of a trial's log as stored.
type TrialLog struct {
	Trial   int
	Attempt int
	LogChunk
}

// LogPage is a part of the log of an attempt.
type LogPage struct {
	Attempt int        `json:"attempt"` // 0: the trial has none
	Items   []LogChunk `json:"items"`
	Next    int64      `json:"next"`  // from where to go on
	Ended   bool       `json:"ended"` // the attempt has ended and nothing follows Next
}

// Artifact is a file that a trial left.
type Artifact struct {
	Name   string `json:"name"` // with slashes
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
}

// TrialArtifact is an artifact as stored: of the names that a trial gave twice,
// the last counts.
type TrialArtifact struct {
	Trial   int
	Attempt int
	Artifact
}

// The bounds of what a trial may leave.
const (
	MaxArtifacts     = 1000
	MaxArtifactName  = 512
	MaxArtifactBytes = 256 << 20 // of one file
)
