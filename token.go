package tourney

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Scope is what the holder of a token may do.
type Scope string

// The scopes. A route asks for one of them.
const (
	ScopeRead   Scope = "read"   // look at everything but test rows
	ScopeSubmit Scope = "submit" // and change sweeps and datasets
	ScopeWorker Scope = "worker" // enrol workers, and what these need; nothing else
	ScopeAdmin  Scope = "admin"  // everything, tokens included
)

// Scopes lists all scopes, the least first.
func Scopes() []Scope { return []Scope{ScopeRead, ScopeSubmit, ScopeWorker, ScopeAdmin} }

// Covers reports whether a holder of s may do what needs the other scope.
func (s Scope) Covers(need Scope) bool {
	switch s {
	case ScopeAdmin:
		return true
	case ScopeSubmit:
		return need == ScopeSubmit || need == ScopeRead
	}
	return s == need
}

// AccessToken is what is known of a token; its secret is known to its holder
// alone.
type AccessToken struct {
	ID       string    `json:"id"`
	Name     string    `json:"name"` // whose it is, for people
	Scope    Scope     `json:"scope"`
	Pool     string    `json:"pool,omitempty"` // of a worker token: the pool whose jobs its workers may have; empty: any
	Created  time.Time `json:"created"`
	Expires  time.Time `json:"expires,omitzero"`   // zero: never
	LastUsed time.Time `json:"last_used,omitzero"` // to the minute; zero: never
	Revoked  time.Time `json:"revoked,omitzero"`   // zero: it is not
}

// Valid reports whether the token may be used at a time.
func (t *AccessToken) Valid(now time.Time) bool {
	return t.Revoked.IsZero() && (t.Expires.IsZero() || now.Before(t.Expires))
}

// TokenRequest asks for a token.
type TokenRequest struct {
	Name      string  `json:"name"`
	Scope     Scope   `json:"scope"`
	Pool      string  `json:"pool,omitempty"`
	ExpiresIn float64 `json:"expires_in,omitempty"` // seconds; 0: never
}

// IssuedToken is a new token with its secret, which is shown this once.
type IssuedToken struct {
	AccessToken
	Token string `json:"token"`
}

// Check returns what is wrong with a request, with paths relative to it.
func (r *TokenRequest) Check() []FieldError {
	var errs []FieldError
	if r.Name == "" || len(r.Name) > 128 || strings.ContainsFunc(r.Name, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		errs = append(errs, FieldError{Path: "name", Message: "must be 1 to 128 printable characters that say whose it is"})
	}
	if !slices.Contains(Scopes(), r.Scope) {
		names := make([]string, 0, 4)
		for _, s := range Scopes() {
			names = append(names, string(s))
		}
		errs = append(errs, FieldError{Path: "scope", Message: fmt.Sprintf("must be %s, not %q%s", strings.Join(names, " or "), r.Scope, DidYouMean(string(r.Scope), names))})
	}
	if r.Pool != "" && r.Scope != ScopeWorker {
		errs = append(errs, FieldError{Path: "pool", Message: "is for tokens of scope worker"})
	}
	if !(r.ExpiresIn >= 0 && r.ExpiresIn <= 9e9) {
		errs = append(errs, FieldError{Path: "expires_in", Message: "must be seconds from now, or 0 for never"})
	}
	return errs
}

// tokenPrefix begins every secret, so that scanners of leaked secrets know it.
const tokenPrefix = "tourney_"

var tokenText = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Issue makes a token as a request says, and the hash that it is known by. The
// request has been checked.
func (r *TokenRequest) Issue(now time.Time) (IssuedToken, [sha256.Size]byte) {
	var id [10]byte
	var secret [32]byte
	rand.Read(id[:]) // never fails
	rand.Read(secret[:])
	t := IssuedToken{AccessToken: AccessToken{ID: tokenText.EncodeToString(id[:]), Name: r.Name, Scope: r.Scope, Pool: r.Pool, Created: now}}
	if r.ExpiresIn > 0 {
		t.Expires = now.Add(time.Duration(r.ExpiresIn * float64(time.Second)))
	}
	t.Token = tokenPrefix + t.ID + "_" + tokenText.EncodeToString(secret[:])
	return t, HashToken(t.Token)
}

// HashToken is what is kept of a secret. It has 256 random bits, so that a fast
// hash is as good as a slow one.
func HashToken(secret string) [sha256.Size]byte { return sha256.Sum256([]byte(secret)) }

// TokenID returns the id within a secret, and whether it looks like one.
func TokenID(secret string) (string, bool) {
	rest, ok := strings.CutPrefix(secret, tokenPrefix)
	id, body, found := strings.Cut(rest, "_")
	return id, ok && found && len(id) == 16 && len(body) == 52
}

// Audit is one change that somebody asked for.
type Audit struct {
	ID     int64     `json:"id"`
	At     time.Time `json:"at"`
	Token  string    `json:"token"` // its id; empty: none was asked for
	IP     string    `json:"ip"`
	Action string    `json:"action"` // the API's name of it
	Object string    `json:"object"` // the path
	Status int       `json:"status"` // of the answer
}
