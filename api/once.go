package api

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"

	"tourney"
)

// keyed is a creation with an idempotency key. What was answered to it is kept
// encrypted: the answer to a new token is its secret, and nobody can read it
// who has not the key and the credentials of who asked.
type keyed struct {
	name   string   // the key, for messages
	key    [32]byte // by which the answer is found
	body   [32]byte // of what is asked
	secret []byte   // that encrypts the answer
}

// keyOf returns nil if there is no key. An answer that is private is only for
// the credentials that it was given to.
func keyOf(ctx context.Context, operation string, key *string, private bool, asked ...any) (*keyed, error) {
	if key == nil || *key == "" {
		return nil, nil //nolint:nilnil // there is none
	}
	id, proof := "", ""
	if who := callerOf(ctx); who != nil {
		id = who.token.ID
		if private {
			proof = who.proof
		}
	}
	what, err := json.Marshal(asked)
	if err != nil {
		return nil, fmt.Errorf("idempotency key: %w", err)
	}
	name, err := json.Marshal([]string{id, operation, *key})
	if err != nil {
		return nil, fmt.Errorf("idempotency key: %w", err)
	}
	k := &keyed{name: *key, key: sha256.Sum256(name), body: sha256.Sum256(what)}
	k.secret, err = hkdf.Key(sha256.New, []byte(proof+*key), nil, string(name), 32)
	return k, err
}

func (k *keyed) cipher() (cipher.AEAD, error) {
	block, err := aes.NewCipher(k.secret)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// seal makes what is kept of an answer.
func (k *keyed) seal(answer any) (*tourney.Answer, error) {
	if k == nil {
		return nil, nil //nolint:nilnil // nothing is kept
	}
	plain, err := json.Marshal(answer)
	if err != nil {
		return nil, fmt.Errorf("keep answer: %w", err)
	}
	aead, err := k.cipher()
	if err != nil {
		return nil, fmt.Errorf("keep answer: %w", err)
	}
	nonce := make([]byte, aead.NonceSize())
	rand.Read(nonce) // never fails
	return &tourney.Answer{Key: k.key, Body: k.body, Sealed: aead.Seal(nonce, nonce, plain, k.body[:])}, nil
}

// open reads an answer that was kept into out.
func (k *keyed) open(a tourney.Answer, out any) error {
	if a.Body != k.body {
		return failf(http.StatusUnprocessableEntity, tourney.ErrConflict, "the Idempotency-Key %q was used before with another request; use a new key", k.name)
	}
	aead, err := k.cipher()
	if err != nil {
		return fmt.Errorf("read answer: %w", err)
	}
	n := aead.NonceSize()
	if len(a.Sealed) < n {
		return errors.New("read answer: it is cut off")
	}
	plain, err := aead.Open(nil, a.Sealed[:n], a.Sealed[n:], k.body[:])
	if err != nil {
		return failf(http.StatusConflict, tourney.ErrConflict, "the Idempotency-Key %q was used before, and what was answered is for the credentials of then alone", k.name)
	}
	return json.Unmarshal(plain, out)
}

// once does what a key asks for unless it was done before; then it returns what
// was answered. What do returns is kept unless do says that it has kept it
// itself. Two requests with a key wait for each other.
func once[T any](ctx context.Context, s *Server, k *keyed, do func() (answer T, kept bool, err error)) (answer T, err error) {
	if k == nil {
		answer, _, err = do()
		return answer, err
	}
	leave, err := s.keys.enter(ctx, k.key)
	if err != nil {
		return answer, err
	}
	defer leave()
	was, err := s.door.access.Answer(ctx, k.key)
	if err == nil {
		return answer, k.open(was, &answer)
	}
	if !errors.Is(err, tourney.ErrNotFound) {
		return answer, err
	}
	answer, kept, err := do()
	if err != nil || kept {
		return answer, err
	}
	sealed, err := k.seal(answer)
	if err == nil { // also if the caller has hung up by now, since it may come again
		err = s.door.access.SaveAnswer(context.WithoutCancel(ctx), *sealed)
	}
	return answer, err
}

// turnstile lets one request in at a time for each key. The zero value is ready
// for use.
type turnstile struct {
	mu     sync.Mutex
	inside map[[32]byte]chan struct{} // closed when the request leaves
}

// enter waits until no other is inside, or until ctx ends.
func (t *turnstile) enter(ctx context.Context, key [32]byte) (leave func(), err error) {
	for {
		t.mu.Lock()
		other := t.inside[key]
		if other == nil {
			if t.inside == nil {
				t.inside = map[[32]byte]chan struct{}{}
			}
			mine := make(chan struct{})
			t.inside[key] = mine
			t.mu.Unlock()
			return func() {
				t.mu.Lock()
				defer t.mu.Unlock()
				delete(t.inside, key)
				close(mine)
			}, nil
		}
		t.mu.Unlock()
		select {
		case <-other:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}
