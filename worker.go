package tourney

import (
	"context"
	"time"
)

// Worker is one process that trains. Its id is new for each process.
type Worker struct {
	ID       string    `json:"id"`
	Host     string    `json:"host"`
	Pool     string    `json:"pool"`
	Slots    int       `json:"slots"` // cores it trains on
	Version  string    `json:"version"`
	Enrolled time.Time `json:"enrolled_at"`
	LastSeen time.Time `json:"last_seen_at"`
	Running  int       `json:"running"` // attempts it holds
	Heats    int       `json:"heats"`   // that they train in: those of one share its pass over the rows

	Machine

	Datasets  []string    `json:"datasets"`        // versions in its cache
	State     WorkerState `json:"state"`           // where it stands
	Preempted int         `json:"preempted"`       // attempts that it gave back when it left
	Lost      int         `json:"lost"`            // attempts that ended without a word of it
	Drain     Drain       `json:"drain,omitempty"` // how it was asked to leave
	Reason    Leave       `json:"reason,omitempty"`
	Why       string      `json:"why,omitempty"`     // the reason in words
	Left      *time.Time  `json:"left_at,omitempty"` // when it left, or was last heard of
	Token     string      `json:"-"`                 // id of the token that it enrolled with; empty: none
}

// DefaultPool is the pool of workers and sweeps that name none.
const DefaultPool = "default"

// EnrolRequest is what a worker says of itself.
type EnrolRequest struct {
	Host    string `json:"host"`
	Pool    string `json:"pool,omitempty"` // empty: that of the token, else DefaultPool
	Slots   int    `json:"slots"`
	Version string `json:"version"`
	Inside  bool   `json:"inside,omitempty"` // part of the coordinator's own process, and gone with it

	Machine
	Datasets []string `json:"datasets,omitempty"` // versions in its cache

	// Worker is the id of a worker that is here already and has its credential
	// made anew, which ends; empty: a new worker.
	Worker string `json:"worker,omitempty"`

	// The server fills in what the request came with.
	Token string    `json:"-"` // id of the token; empty: none
	Until time.Time `json:"-"` // when that expires; zero: never
}

// Enrolment is what a worker needs to take part.
type Enrolment struct {
	Worker   string `json:"worker"`   // its id
	NATS     string `json:"nats"`     // URL; empty for a worker inside the coordinator's process
	User     string `json:"user"`     // of the NATS credential, bound to the id
	Password string `json:"password"` // likewise
	// Credentials are what a NATS credentials file holds, in place of a password;
	// the worker enrols again under its id before they expire.
	Credentials string        `json:"credentials,omitempty"`
	Expires     time.Time     `json:"expires_at"`
	Inbox       string        `json:"inbox"` // prefix for replies
	Pool        string        `json:"pool"`
	Lease       time.Duration `json:"lease_ns"` // how long an attempt may go unheard
}

// Offer tells workers that a job waits. It wakes; the claim decides.
type Offer struct {
	Jobs []JobID `json:"jobs"`
}

// ClaimRequest asks for jobs. The same ID again returns the same grants.
type ClaimRequest struct {
	ID       string   `json:"id"`
	Capacity float64  `json:"capacity"` // cores free, in units of Job.Weight
	Datasets []string `json:"datasets"` // versions in the cache
	Running  []string `json:"running"`  // fuse keys of the heats that run
	Jobs     []JobID  `json:"jobs"`     // as offered

	Commands [][]string `json:"commands,omitempty"` // how the commands that it may run begin
	GPUs     int        `json:"gpus,omitempty"`     // free

	// Of a worker whose trials are brief: attempts that have ended and of which
	// nothing was reported before. What is granted takes their place, with or
	// without Jobs, and is committed together with their ends.
	Ends  []Entry `json:"ends,omitempty"`
	Again bool    `json:"again,omitempty"` // the answer to this claim may be lost
}

// Grant is a claimed job with its token.
type Grant struct {
	Job   Job   `json:"job"`
	Token Token `json:"token"`
}

// ClaimReply lists what was granted, possibly nothing. Without an error the ends
// of the claim are committed, or void.
type ClaimReply struct {
	Grants []Grant `json:"grants"`
	Error  string  `json:"error,omitempty"`
}

// Beat tells the coordinator that attempts are alive, and asks what became of
// reports that are not yet known to be committed.
type Beat struct {
	Slots   int     `json:"slots"`
	Running []Token `json:"running"`
	Heats   int     `json:"heats"` // that they train in
	Ended   []Token `json:"ended"` // end reports sent, fate unknown

	Datasets []string   `json:"datasets,omitempty"` // versions in its cache, where they have changed since the last beat
	Leaving  Leave      `json:"leaving,omitempty"`  // it claims nothing any more, and goes
	Why      string     `json:"why,omitempty"`      // likewise, in words
	Gone     bool       `json:"gone,omitempty"`     // its last beat
	Commands [][]string `json:"commands,omitempty"` // how the commands that it may run begin
}

// BeatReply answers a beat.
type BeatReply struct {
	Stop      []Token `json:"stop"`      // of Running: no longer current, stop at once
	Committed []Token `json:"committed"` // of Ended: committed or void, drop the spool
	Error     string  `json:"error,omitempty"`

	Drain    Drain   `json:"drain,omitempty"`            // leave, in this way
	Why      string  `json:"why,omitempty"`              // and the reason in words
	Lifetime float64 `json:"lifetime_seconds,omitempty"` // that workers of its pool have lasted in the mean; 0: not known
}

// Control is a message to one worker.
type Control struct {
	Stop      []Token `json:"stop,omitempty"`
	Committed []Token `json:"committed,omitempty"`
	Drain     Drain   `json:"drain,omitempty"` // leave, in this way
	Why       string  `json:"why,omitempty"`   // and the reason in words
}

// Offered is an offer as a worker got it. Until it is acknowledged it comes
// again, to this worker or another.
type Offered struct {
	Offer
	Ack func() error
}

// Handler is the coordinator as a bus sees it. Its methods may be called
// from many goroutines.
type Handler interface {
	Claim(ctx context.Context, worker string, req ClaimRequest) ClaimReply
	Beat(ctx context.Context, worker string, beat Beat) BeatReply
	// Reports takes reports in the order of arrival. When it returns nil all
	// of them are committed, or void, and need not come again.
	Reports(ctx context.Context, batch []Incoming) error
}

// Incoming is a report and the worker it came from, as the subject says.
type Incoming struct {
	Worker string
	Report Report
}
