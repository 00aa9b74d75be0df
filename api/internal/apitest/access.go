package apitest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"tourney"
)

// access implements api.Access in memory.
type access struct {
	mu       sync.Mutex
	tokens   []tourney.AccessToken
	hashes   map[string][32]byte
	sessions map[[32]byte]session
	audits   []tourney.Audit
	answers  map[[32]byte]tourney.Answer
}

type session struct {
	token   string
	expires time.Time
}

func (a *access) find(id string) (*tourney.AccessToken, error) {
	for i := range a.tokens {
		if a.tokens[i].ID == id {
			return &a.tokens[i], nil
		}
	}
	return nil, fmt.Errorf("token %s: %w", id, tourney.ErrNotFound)
}

// Token implements api.Access.
func (a *access) Token(_ context.Context, id string) (tourney.AccessToken, [32]byte, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, err := a.find(id)
	if err != nil {
		return tourney.AccessToken{}, [32]byte{}, err
	}
	return *t, a.hashes[id], nil
}

// Tokens implements api.Access.
func (a *access) Tokens(context.Context) ([]tourney.AccessToken, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := slices.Clone(a.tokens)
	slices.Reverse(out)
	return append([]tourney.AccessToken{}, out...), nil
}

// SaveToken implements api.Access.
func (a *access) SaveToken(_ context.Context, t tourney.AccessToken, hash [32]byte, answer *tourney.Answer) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.hashes == nil {
		a.hashes = map[string][32]byte{}
	}
	a.tokens, a.hashes[t.ID] = append(a.tokens, t), hash
	if answer != nil {
		a.keep(*answer)
	}
	return nil
}

// RevokeToken implements api.Access.
func (a *access) RevokeToken(_ context.Context, id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, err := a.find(id)
	if err == nil && t.Revoked.IsZero() {
		t.Revoked = time.Now()
	}
	for hash, s := range a.sessions {
		if s.token == id {
			delete(a.sessions, hash)
		}
	}
	return err
}

// TouchToken implements api.Access.
func (a *access) TouchToken(_ context.Context, id string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	t, err := a.find(id)
	if err == nil {
		t.LastUsed = time.Now()
	}
	return err
}

// SaveSession implements api.Access.
func (a *access) SaveSession(_ context.Context, hash [32]byte, token string, expires time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.sessions == nil {
		a.sessions = map[[32]byte]session{}
	}
	a.sessions[hash] = session{token, expires}
	return nil
}

// SessionToken implements api.Access.
func (a *access) SessionToken(_ context.Context, hash [32]byte) (tourney.AccessToken, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	s, ok := a.sessions[hash]
	if !ok || !time.Now().Before(s.expires) {
		return tourney.AccessToken{}, fmt.Errorf("session: %w", tourney.ErrNotFound)
	}
	t, err := a.find(s.token)
	if err != nil {
		return tourney.AccessToken{}, err
	}
	return *t, nil
}

// DeleteSession implements api.Access.
func (a *access) DeleteSession(_ context.Context, hash [32]byte) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.sessions, hash)
	return nil
}

// SaveAudit implements api.Access.
func (a *access) SaveAudit(_ context.Context, audit tourney.Audit) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	audit.ID, audit.At = int64(len(a.audits)+1), time.Now()
	a.audits = append(a.audits, audit)
	return nil
}

// Audits implements api.Access.
func (a *access) Audits(_ context.Context, limit int) ([]tourney.Audit, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := append([]tourney.Audit{}, a.audits...)
	slices.Reverse(out)
	return out[:min(limit, len(out))], nil
}

func (a *access) keep(answer tourney.Answer) {
	if a.answers == nil {
		a.answers = map[[32]byte]tourney.Answer{}
	}
	a.answers[answer.Key] = answer
}

// SaveAnswer implements api.Access.
func (a *access) SaveAnswer(_ context.Context, answer tourney.Answer) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.keep(answer)
	return nil
}

// Answer implements api.Access.
func (a *access) Answer(_ context.Context, key [32]byte) (tourney.Answer, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	answer, ok := a.answers[key]
	if !ok {
		return answer, fmt.Errorf("answer: %w", tourney.ErrNotFound)
	}
	return answer, nil
}
