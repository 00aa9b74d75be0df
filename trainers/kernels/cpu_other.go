//go:build !amd64 && !arm64

package kernels

// detect returns the classes of assembly that can run here: none.
func detect() []class { return nil }
