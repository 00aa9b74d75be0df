//go:build !linux

package process

import "time"

// Process is a program that runs.
type Process struct{}

// Start returns ErrUnsupported.
func Start(Spec) (*Process, error) { return nil, ErrUnsupported }

// Stop does nothing.
func (*Process) Stop(time.Duration) {}

// Done returns nil.
func (*Process) Done() <-chan struct{} { return nil }

// Exit returns nothing.
func (*Process) Exit() Exit { return Exit{} }

// Main does nothing: no process is started as a supervisor here.
func Main() {}

// Strays finds nothing.
func Strays() int { return 0 }
