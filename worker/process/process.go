package process

import (
	"errors"
	"os"
	"time"
)

// Spec is a program to run.
type Spec struct {
	Argv   []string
	Dir    string   // its working directory
	Env    []string // all of its environment but the mark
	Stdout *os.File // closed for the caller to see once nothing of the program is left
	Stderr *os.File // likewise
	Limits Limits
}

// Limits bound a program together with all that it starts. 0 means none.
type Limits struct {
	Wall     time.Duration `json:"wall"`      // how long it may run
	Grace    time.Duration `json:"grace"`     // between SIGTERM and SIGKILL when Wall is over
	Memory   int64         `json:"memory"`    // bytes resident, and of data in each process
	CPU      time.Duration `json:"cpu"`       // processor time of each process
	Files    int64         `json:"files"`     // open in each process
	FileSize int64         `json:"file_size"` // bytes of each file
	Procs    int           `json:"procs"`     // processes at a time
	Disk     int64         `json:"disk"`      // bytes of files below DiskDir
	DiskDir  string        `json:"disk_dir"`
}

// Cause says what ended a program that did not end by itself.
type Cause string

// The causes.
const (
	CauseNone    Cause = ""
	CauseStopped Cause = "stopped" // Stop was called
	CauseTimeout Cause = "timeout" // Limits.Wall
	CauseMemory  Cause = "memory"  // Limits.Memory
	CauseProcs   Cause = "procs"   // Limits.Procs
	CauseDisk    Cause = "disk"    // Limits.Disk
	CauseOrphan  Cause = "orphan"  // who had started it was gone
	CauseBroken  Cause = "broken"  // its supervisor was killed
)

// Exit is how a program ended.
type Exit struct {
	Code   int     `json:"code"`             // of its exit; -1 if a signal ended it
	Signal string  `json:"signal,omitempty"` // as "killed"
	Cause  Cause   `json:"cause,omitempty"`
	CPU    float64 `json:"cpu"`    // seconds of the processor, of all its processes
	Memory int64   `json:"memory"` // bytes resident at most, as far as was looked
	Left   int     `json:"left"`   // processes that it had left behind and that were killed
}

// ErrUnsupported means that programs cannot be run safely on this system.
var ErrUnsupported = errors.New("programs are run on Linux alone")

// Mark is the variable by which the processes of a trial are known.
const Mark = "TOURNEY_MARK"
