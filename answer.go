package tourney

import "time"

// AnswerKept is how long the answer to a creation with an idempotency key is
// kept.
const AnswerKept = 24 * time.Hour

// Answer is what was answered to a creation with an idempotency key.
type Answer struct {
	Key    [32]byte // SHA-256 of who asked, what for, and the key
	Body   [32]byte // SHA-256 of what was asked
	Sealed []byte   // the answer, encrypted with what the key is made of
}
