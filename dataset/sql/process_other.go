//go:build !linux

package sql

import (
	"os"
	"syscall"
)

// executable is this program.
func executable() (string, error) { return os.Executable() }

// attributes asks for nothing: a child sees the end of its parent by the end
// of its stdin.
func attributes() *syscall.SysProcAttr { return nil }

func harden() {}
