package tourney

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"
)

// Span is a piece of a trial's life, for who traces it. A trial is a trace: its
// span holds one of each job, and that the spans of its claims, heats and folds,
// which the coordinator and the workers tell of by themselves. Their ids follow
// from the names of things, so that what comes from different processes fits
// together without a word on the wire.
type Span struct {
	Kind       SpanKind
	Sweep      string
	Trial      int
	Rung       int    // of all but trials
	Attempt    int    // of claims and heats
	Worker     string // likewise
	Start, End time.Time
	Result     string // what came of it
	Failed     bool
}

// SpanKind is what a span is of.
type SpanKind string

// The kinds of spans.
const (
	SpanTrial SpanKind = "trial" // from its proposal to its end
	SpanJob   SpanKind = "job"   // from being queued to being folded
	SpanClaim SpanKind = "claim" // until it is committed that a worker has it
	SpanHeat  SpanKind = "heat"  // an attempt on its worker
	SpanFold  SpanKind = "fold"  // the search takes in what came of the job
)

// TraceID returns the id of the trace, 32 hexadecimal digits.
func (s *Span) TraceID() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "tourney trace %s/%d", s.Sweep, s.Trial))
	return hex.EncodeToString(sum[:16])
}

// ID returns the id of the span, 16 hexadecimal digits.
func (s *Span) ID() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "tourney span %s %s/%d@%d#%d", s.Kind, s.Sweep, s.Trial, s.Rung, s.Attempt))
	return hex.EncodeToString(sum[:8])
}

// ParentID returns the id of the span that holds it; empty for a trial's.
func (s *Span) ParentID() string {
	up := Span{Kind: SpanJob, Sweep: s.Sweep, Trial: s.Trial, Rung: s.Rung}
	switch s.Kind {
	case SpanTrial:
		return ""
	case SpanJob:
		up = Span{Kind: SpanTrial, Sweep: s.Sweep, Trial: s.Trial}
	}
	return up.ID()
}
