package kernels

import "golang.org/x/sys/cpu"

// detect returns the classes of assembly that can run here, the fastest last.
// The flags are set only if the system saves the registers, too.
func detect() []class {
	var found []class
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		found = append(found, classAVX2)
		if cpu.X86.HasAVX512F && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512DQ && cpu.X86.HasAVX512VL {
			found = append(found, classAVX512)
		}
	}
	return found
}
