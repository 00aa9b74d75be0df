package natsd

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// The library closes a stream to writing for ever when a write has failed, as one
// does on a full disk, and answers nothing to those who publish: it means the
// process to be started anew. Here JetStream alone is, once there is room.

const (
	// roomBytes is how much has to fit onto the disk.
	roomBytes = 1 << 20
	// roomEvery is how often that is tried while it does not.
	roomEvery = time.Second
	// writeFault is in what the library says when it has closed a store.
	writeFault = "ritical write error"
)

// isWriteFault reports whether the library says that a store is closed to writing.
func isWriteFault(format string) bool { return strings.Contains(format, writeFault) }

// heal opens the streams anew whenever one was closed to writing and the disk has
// room, until stop is closed.
func (s *Server) heal(dir string, faults <-chan struct{}, stop <-chan struct{}) {
	wait := func() bool {
		timer := time.NewTimer(roomEvery)
		defer timer.Stop()
		select {
		case <-stop:
			return false
		case <-timer.C:
			return true
		}
	}
	for {
		select {
		case <-stop:
			return
		case <-faults:
		}
		for {
			err := hasRoom(dir)
			if err == nil {
				select {
				case <-faults: // of the same time
				default:
				}
				err = s.reopen(dir)
			}
			if err == nil {
				s.log.Warn("NATS: streams could not be written and were opened anew")
				break
			}
			s.log.Debug("NATS: streams cannot be written", "error", err)
			if !wait() {
				return
			}
		}
	}
}

// hasRoom tries to write to the disk.
func hasRoom(dir string) error {
	name := filepath.Join(dir, "room")
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(make([]byte, roomBytes))
	return errors.Join(err, f.Sync(), f.Close(), os.Remove(name))
}

// reopen stops JetStream and starts it on the same files.
func (s *Server) reopen(dir string) error {
	cfg := s.streams
	cfg.StoreDir = dir // which the library changes
	if err := s.ns.ShutdownJetStream(); err != nil {
		return fmt.Errorf("stop JetStream: %w", err)
	}
	if err := s.ns.EnableJetStream(&cfg); err != nil {
		return fmt.Errorf("start JetStream: %w", err)
	}
	return nil
}
