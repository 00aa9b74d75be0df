package natsd

import (
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// keysFile holds the credentials' hashes, in the server's directory.
const keysFile = "credentials.json"

// key is one worker's credential.
type key struct {
	Hash    []byte        `json:"sha256"` // of the password
	Pool    string        `json:"pool"`
	TTL     time.Duration `json:"ttl_ns"`
	Expires time.Time     `json:"expires_at"`
	Token   string        `json:"token,omitempty"` // that its worker enrolled with; it ends with that
	Until   time.Time     `json:"until,omitzero"`  // when the token expires; zero: never

	saved time.Time // Expires as in the file
	conns []uint64  // ids of the NATS server for its connections
}

// keyring keeps the workers' credentials, in memory and in a file.
type keyring struct {
	path string

	mu   sync.Mutex
	keys map[string]*key // by worker
}

// last is when the key expires if it is not renewed after now.
func (k *key) last(now time.Time) time.Time {
	end := now.Add(k.TTL)
	if !k.Until.IsZero() && k.Until.Before(end) {
		return k.Until
	}
	return end
}

// openKeyring reads the credentials that an earlier process left. A damaged
// file is no reason not to start: its workers enrol again.
func openKeyring(dir string, log *slog.Logger) (*keyring, error) {
	k := &keyring{path: filepath.Join(dir, keysFile), keys: make(map[string]*key)}
	data, err := os.ReadFile(k.path)
	if errors.Is(err, fs.ErrNotExist) {
		return k, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	var keys map[string]key
	if err := json.Unmarshal(data, &keys); err != nil {
		log.Warn("NATS credentials are damaged: workers have to enrol again", "file", k.path, "error", err)
	}
	for worker, key := range keys {
		key.saved = key.Expires
		k.keys[worker] = &key
	}
	return k, nil
}

// add keeps a worker's new key, and drops all that have expired. It returns
// the connections that no longer have one.
func (k *keyring) add(worker string, new key) (cut []uint64, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := time.Now()
	for w, key := range k.keys {
		if w == worker || !now.Before(key.Expires) {
			cut = append(cut, key.conns...)
			delete(k.keys, w)
		}
	}
	k.keys[worker] = &new
	return cut, k.save()
}

// renew puts off the end of a worker's key. The file is written when it is a
// quarter of the key's time behind, so that a beat costs nothing.
func (k *keyring) renew(worker string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := k.keys[worker]
	if key == nil {
		return nil
	}
	key.Expires = key.last(time.Now())
	if key.Expires.Sub(key.saved) < key.TTL/4 {
		return nil
	}
	return k.save()
}

// remove drops a worker's key and returns its connections.
func (k *keyring) remove(worker string) (cut []uint64, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := k.keys[worker]
	if key == nil {
		return nil, nil
	}
	delete(k.keys, worker)
	return key.conns, k.save()
}

// removeOf drops the keys of the workers that enrolled with a token, and
// returns their connections.
func (k *keyring) removeOf(token string) (cut []uint64, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	found := false
	for worker, key := range k.keys {
		if key.Token == token && token != "" {
			found = true
			cut = append(cut, key.conns...)
			delete(k.keys, worker)
		}
	}
	if !found {
		return nil, nil
	}
	return cut, k.save()
}

// open returns the pool of a worker that knows its password, and until when it
// may stay connected (zero: for ever), and notes the connection. isOpen says
// which of the earlier ones there still are.
func (k *keyring) open(worker, password string, conn uint64, isOpen func(uint64) bool) (pool string, until time.Time, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := k.keys[worker]
	given := hash(password)
	if key == nil || subtle.ConstantTimeCompare(given, key.Hash) != 1 || !time.Now().Before(key.Expires) {
		return "", time.Time{}, false
	}
	key.conns = slices.DeleteFunc(key.conns, func(id uint64) bool { return !isOpen(id) })
	key.conns = append(key.conns, conn)
	return key.Pool, key.Until, true
}

// save writes the file whole or not at all. A lost file costs an enrolment, so
// it is not worth an fsync.
func (k *keyring) save() error {
	data, err := json.Marshal(k.keys)
	if err != nil {
		return fmt.Errorf("save credentials: %w", err)
	}
	tmp := k.path + ".tmp"
	if err := os.WriteFile(tmp, data, 0o600); err != nil {
		return fmt.Errorf("save credentials: %w", err)
	}
	if err := os.Rename(tmp, k.path); err != nil {
		return fmt.Errorf("save credentials: %w", err)
	}
	for _, key := range k.keys {
		key.saved = key.Expires
	}
	return nil
}
