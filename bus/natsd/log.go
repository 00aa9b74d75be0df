package natsd

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
)

// logger passes on what the NATS server says, and keeps what it calls fatal:
// the library would end the process.
type logger struct {
	log    *slog.Logger
	faults chan struct{} // hears that a store is closed to writing

	mu    sync.Mutex
	first error
}

// fatal returns the first fatal error so far.
func (l *logger) fatal() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first
}

// Fatalf keeps the error, with its cause where the server names one.
func (l *logger) Fatalf(format string, v ...any) {
	text := fmt.Sprintf(format, v...)
	err := errors.New(text)
	for _, arg := range v {
		if cause, ok := arg.(error); ok {
			err = fmt.Errorf("%s: %w", text, cause)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == nil {
		l.first = err
	}
}

// Noticef is for details to us: the server speaks of itself.
func (l *logger) Noticef(format string, v ...any) { l.log.Debug("NATS: " + fmt.Sprintf(format, v...)) }

// Warnf passes a warning on.
func (l *logger) Warnf(format string, v ...any) { l.log.Warn("NATS: " + fmt.Sprintf(format, v...)) }

// Errorf passes an error on.
func (l *logger) Errorf(format string, v ...any) {
	l.log.Error("NATS: " + fmt.Sprintf(format, v...))
	if isWriteFault(format) {
		select {
		case l.faults <- struct{}{}:
		default: // it is known
		}
	}
}

// Debugf passes a detail on.
func (l *logger) Debugf(format string, v ...any) { l.log.Debug("NATS: " + fmt.Sprintf(format, v...)) }

// Tracef drops the protocol, which would show credentials.
func (l *logger) Tracef(string, ...any) {}
