package api

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"tourney"
)

// Access is where tokens, sessions and the audit are kept.
type Access interface {
	// Token returns a token and the hash of its secret, or tourney.ErrNotFound.
	Token(ctx context.Context, id string) (tourney.AccessToken, [32]byte, error)
	// Tokens lists all tokens, newest first.
	Tokens(ctx context.Context) ([]tourney.AccessToken, error)
	// SaveToken registers a token by the hash of its secret, and keeps the
	// answer to who asked for it, unless that is nil.
	SaveToken(ctx context.Context, t tourney.AccessToken, hash [32]byte, answer *tourney.Answer) error
	// SaveAnswer keeps what was answered to a creation.
	SaveAnswer(ctx context.Context, a tourney.Answer) error
	// Answer returns what was answered, or tourney.ErrNotFound.
	Answer(ctx context.Context, key [32]byte) (tourney.Answer, error)
	// RevokeToken ends a token and its sessions, or returns tourney.ErrNotFound.
	RevokeToken(ctx context.Context, id string) error
	// TouchToken notes that a token was used.
	TouchToken(ctx context.Context, id string) error
	// SaveSession registers a session by the hash of its cookie.
	SaveSession(ctx context.Context, hash [32]byte, token string, expires time.Time) error
	// SessionToken returns the token of a session, or tourney.ErrNotFound.
	SessionToken(ctx context.Context, hash [32]byte) (tourney.AccessToken, error)
	// DeleteSession ends a session.
	DeleteSession(ctx context.Context, hash [32]byte) error
	// SaveAudit appends what was changed.
	SaveAudit(ctx context.Context, a tourney.Audit) error
	// Audits lists what was changed, newest first.
	Audits(ctx context.Context, limit int) ([]tourney.Audit, error)
}

// insideID is what the audit calls this process.
const insideID = "inside"

const (
	touchEvery = time.Minute
	scopeNone  = tourney.Scope("none") // of operations for everybody
)

// door lets requests in by their token. The zero value but for access is ready
// for use.
type door struct {
	access Access
	inside string // what stands for this process itself
	always bool   // a token is needed even if there is none yet

	mu      sync.Mutex
	open    bool                                         // there is none yet: who makes the first says so here, see close
	closed  bool                                         // there is a token, and so one is needed
	touched map[string]time.Time                         // when the use of a token was noted last
	held    map[string]map[*context.CancelCauseFunc]bool // ends of the requests that run, by token and by session
	ended   map[string]bool                              // of them, those that have ended since the start
	failed  limiter                                      // wrong tokens, by address
	busy    limiter                                      // requests, by token
}

// caller is who asks; nil where no token is needed.
type caller struct {
	token   tourney.AccessToken
	proof   string // what it has shown: the token's secret, or the session's cookie
	session string // the hash of the session's cookie; empty: it has shown the token
}

type callerKey struct{}

func callerOf(ctx context.Context) *caller {
	c, _ := ctx.Value(callerKey{}).(*caller)
	return c
}

// needed reports whether requests need a token. Once there is one it stays so,
// revoked or not.
func (d *door) needed(ctx context.Context) (bool, error) {
	d.mu.Lock()
	closed, open := d.closed || d.always, d.open
	d.mu.Unlock()
	if closed || open {
		return closed, nil
	}
	tokens, err := d.access.Tokens(ctx)
	if err != nil {
		return true, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open, d.closed = true, d.closed || len(tokens) > 0
	return d.closed, nil
}

func (d *door) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
}

// errWho is what all wrong tokens get, whatever is wrong with them.
var errWho = failf(http.StatusUnauthorized, tourney.ErrRefused, "a token is needed, and this is none that is valid: send it as Authorization: Bearer TOKEN, or log in")

// identify finds out who asks. It is nil, without an error, if the request
// brings neither token nor session.
func (d *door) identify(r *http.Request) (*caller, error) {
	ctx := r.Context()
	header := r.Header.Get("Authorization")
	if header == "" {
		cookie, err := r.Cookie(sessionCookie)
		if err != nil {
			return nil, nil //nolint:nilerr,nilnil // there is no cookie
		}
		token, err := d.access.SessionToken(ctx, tourney.HashToken(cookie.Value))
		if errors.Is(err, tourney.ErrNotFound) {
			return nil, nil //nolint:nilnil // it has ended: as if there were none
		}
		if err != nil {
			return nil, err
		}
		who, err := d.known(ctx, token)
		if who != nil {
			who.proof, who.session = cookie.Value, sessionID(cookie.Value)
		}
		return who, err
	}
	secret, ok := strings.CutPrefix(header, "Bearer ")
	if !ok {
		return nil, errWho
	}
	secret = strings.TrimSpace(secret)
	if d.inside != "" && subtle.ConstantTimeCompare([]byte(secret), []byte(d.inside)) == 1 {
		return &caller{token: tourney.AccessToken{ID: insideID, Name: "this process", Scope: tourney.ScopeAdmin}, proof: secret}, nil
	}
	token, err := d.byToken(ctx, secret)
	if err != nil {
		return nil, err
	}
	who, err := d.known(ctx, token)
	if who != nil {
		who.proof = secret
	}
	return who, err
}

// byToken returns the token of a secret.
func (d *door) byToken(ctx context.Context, secret string) (tourney.AccessToken, error) {
	id, ok := tourney.TokenID(secret)
	if !ok {
		return tourney.AccessToken{}, errWho
	}
	token, hash, err := d.access.Token(ctx, id)
	if err != nil && !errors.Is(err, tourney.ErrNotFound) {
		return token, err
	}
	given := tourney.HashToken(secret)
	if err != nil || subtle.ConstantTimeCompare(given[:], hash[:]) != 1 {
		return token, errWho
	}
	return token, nil
}

// known takes a token whose holder is known, if it is valid.
func (d *door) known(ctx context.Context, token tourney.AccessToken) (*caller, error) {
	now := time.Now()
	if !token.Valid(now) {
		return nil, errWho
	}
	d.mu.Lock()
	note := now.Sub(d.touched[token.ID]) >= touchEvery
	if note {
		if d.touched == nil {
			d.touched = map[string]time.Time{}
		}
		d.touched[token.ID] = now
	}
	d.mu.Unlock()
	if note {
		if err := d.access.TouchToken(ctx, token.ID); err != nil && ctx.Err() == nil {
			return nil, err
		}
	}
	return &caller{token: token}, nil
}

// hold returns a context that ends with the caller's token or session, with
// errWho as its cause: so do event streams and long uploads.
func (d *door) hold(ctx context.Context, who *caller) (context.Context, context.CancelFunc) {
	ctx, end := context.WithCancelCause(ctx)
	ids := []string{who.token.ID}
	if who.session != "" {
		ids = append(ids, who.session)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.held == nil {
		d.held = map[string]map[*context.CancelCauseFunc]bool{}
	}
	for _, id := range ids {
		if d.held[id] == nil {
			d.held[id] = map[*context.CancelCauseFunc]bool{}
		}
		d.held[id][&end] = true
		if d.ended[id] { // since the caller was looked up
			end(errWho)
		}
	}
	var timer *time.Timer
	if !who.token.Expires.IsZero() {
		timer = time.AfterFunc(time.Until(who.token.Expires), func() { end(errWho) })
	}
	return ctx, func() {
		if timer != nil {
			timer.Stop()
		}
		end(nil)
		d.mu.Lock()
		defer d.mu.Unlock()
		for _, id := range ids {
			delete(d.held[id], &end)
			if len(d.held[id]) == 0 {
				delete(d.held, id)
			}
		}
	}
}

// end stops the requests that run with a token, or in a session.
func (d *door) end(id string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ended == nil {
		d.ended = map[string]bool{}
	}
	d.ended[id] = true
	for end := range d.held[id] {
		(*end)(errWho)
	}
}

// identified finds out who asks, and puts it into the request's context.
func (s *Server) identified(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if !isAPI(r.URL.Path) {
			return next(c)
		}
		needed, err := s.door.needed(r.Context())
		if err != nil {
			return err
		}
		if !needed { // what a proxy in front asks for is nothing to us
			return next(c)
		}
		who, err := s.door.identify(r)
		if err != nil {
			return s.failedLogin(c, err)
		}
		ctx := r.Context()
		if cookie, err := r.Cookie(sessionCookie); err == nil {
			ctx = context.WithValue(ctx, sessionKey{}, cookie.Value)
		}
		if who != nil {
			ctx = context.WithValue(ctx, callerKey{}, who)
		}
		c.SetRequest(r.WithContext(ctx))
		return next(c)
	}
}

// scoped refuses callers whose token does not cover the operation, and notes
// what others change.
func (s *Server) scoped(op *operation) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			ctx := c.Request().Context()
			who := callerOf(ctx)
			if op.scope != scopeNone {
				needed, err := s.door.needed(ctx)
				switch {
				case err != nil:
					return err
				case who == nil && needed:
					c.Response().Header().Set("WWW-Authenticate", `Bearer realm="tourney"`)
					return errWho
				case who != nil && !who.token.Scope.Covers(op.scope):
					return failf(http.StatusForbidden, tourney.ErrRefused, "this needs a token of scope %s, and yours has %s", op.scope, who.token.Scope)
				}
			}
			if who != nil && who.token.ID != insideID && op.scope != tourney.ScopeWorker {
				key, rate := who.token.ID, s.cfg.RatePerToken
				if asksAndTells[op.id] {
					key, rate = key+"/ask", askRate*rate
				}
				if wait := s.door.busy.take(key, rate, 2*rate); wait > 0 {
					return tooMany(c, wait, "this token sends too many requests")
				}
			}
			if who != nil {
				r := c.Request()
				held, done := s.door.hold(ctx, who)
				c.SetRequest(r.WithContext(held))
				defer func() {
					done()
					c.SetRequest(r)
				}()
				ctx = held
			}
			err := next(c)
			if err != nil && errors.Is(context.Cause(ctx), errWho) {
				err = errWho // it ended on the way
			}
			s.note(c, op, who, err)
			if errors.Is(err, errWho) { // of a login
				return s.failedLogin(c, err)
			}
			return err
		}
	}
}

// note writes a change into the audit: who, what and how it ended, never a body.
func (s *Server) note(c echo.Context, op *operation, who *caller, err error) {
	r := c.Request()
	if !changes(r.Method) || op.scope == tourney.ScopeWorker || asksAndTells[op.id] {
		return
	}
	a := tourney.Audit{IP: c.RealIP(), Action: op.id, Object: r.URL.Path, Status: c.Response().Status}
	if err != nil {
		p, _ := document(c, err)
		a.Status = p.Status
	}
	if who != nil {
		a.Token = who.token.ID
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), 5*time.Second)
	defer cancel()
	if err := s.door.access.SaveAudit(ctx, a); err != nil {
		s.log.Error("audit", "request", requestID(c), "action", a.Action, "object", a.Object, "token", a.Token, "error", err)
	}
}

func changes(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != http.MethodOptions
}
