package kernels

import "golang.org/x/sys/cpu"

// detect returns the classes of assembly that can run here, the fastest last.
func detect() []class {
	if cpu.ARM64.HasASIMD {
		return []class{classNEON}
	}
	return nil
}
