package api

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"time"

	"tourney"
	"tourney/api/gen"
)

const (
	sessionCookie = "tourney_session"
	sessionLasts  = 12 * time.Hour
)

// sessionKey is where a request's context has the value of its session's cookie.
type sessionKey struct{}

// sessionID names a session where its cookie's value must not be.
func sessionID(cookie string) string {
	hash := tourney.HashToken(cookie)
	return "session/" + hex.EncodeToString(hash[:])
}

// GetSession tells the caller who it is.
func (s *Server) GetSession(ctx context.Context, _ gen.GetSessionRequestObject) (gen.GetSessionResponseObject, error) {
	needed, err := s.door.needed(ctx)
	if err != nil {
		return nil, err
	}
	return gen.GetSession200JSONResponse(session(needed, callerOf(ctx))), nil
}

func session(needed bool, who *caller) gen.Session {
	out := gen.Session{Needed: needed}
	if who != nil {
		out.Name, out.Scope = &who.token.Name, &who.token.Scope
	}
	return out
}

// CreateSession logs a browser in.
func (s *Server) CreateSession(ctx context.Context, req gen.CreateSessionRequestObject) (gen.CreateSessionResponseObject, error) {
	token, err := s.door.byToken(ctx, req.Body.Token)
	if err != nil {
		return nil, err
	}
	who, err := s.door.known(ctx, token)
	if err != nil {
		return nil, err
	}
	if token.Scope == tourney.ScopeWorker {
		return nil, failf(http.StatusForbidden, tourney.ErrRefused, "a token of scope worker is for workers; log in with one of scope read, submit or admin")
	}
	cookie, err := s.newSession(ctx, token)
	if err != nil {
		return nil, err
	}
	return gen.CreateSession201JSONResponse{
		Body: session(true, who), Headers: gen.CreateSession201ResponseHeaders{SetCookie: cookie.String()},
	}, nil
}

// DeleteSession logs a browser out.
func (s *Server) DeleteSession(ctx context.Context, _ gen.DeleteSessionRequestObject) (gen.DeleteSessionResponseObject, error) {
	if value, ok := ctx.Value(sessionKey{}).(string); ok && value != "" {
		if err := s.door.access.DeleteSession(ctx, tourney.HashToken(value)); err != nil {
			return nil, err
		}
		s.door.end(sessionID(value))
	}
	return gen.DeleteSession204Response{Headers: gen.DeleteSession204ResponseHeaders{SetCookie: s.cookie("", time.Time{}).String()}}, nil
}

// newSession logs a browser in and returns its cookie.
func (s *Server) newSession(ctx context.Context, token tourney.AccessToken) (*http.Cookie, error) {
	var secret [32]byte
	rand.Read(secret[:]) // never fails
	value := hex.EncodeToString(secret[:])
	expires := time.Now().Add(sessionLasts)
	if !token.Expires.IsZero() && token.Expires.Before(expires) {
		expires = token.Expires
	}
	if err := s.door.access.SaveSession(ctx, sha256.Sum256([]byte(value)), token.ID, expires); err != nil {
		return nil, err
	}
	return s.cookie(value, expires), nil
}

// cookie is the session's cookie; an empty value removes it.
func (s *Server) cookie(value string, expires time.Time) *http.Cookie {
	c := &http.Cookie{ //nolint:gosec // without TLS, on loopback, a Secure cookie would not come back
		Name: sessionCookie, Value: value, Path: "/", Expires: expires, HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: s.cfg.Secure,
	}
	if value == "" {
		c.MaxAge = -1
	}
	return c
}
