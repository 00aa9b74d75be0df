package kernels

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
)

// The classes of kernels, by the instructions that they need. All classes give
// the same bits.
const (
	classGo     class = "go"     // no assembly: the definitions themselves
	classNEON   class = "neon"   // 4 lanes, arm64
	classAVX2   class = "avx2"   // 8 lanes: AVX2 and FMA
	classAVX512 class = "avx512" // 16 lanes and masks: AVX-512 F, BW, DQ and VL
)

// class is a set of instructions.
type class string

var (
	// classes are those that this processor and its system can run, the
	// fastest last.
	classes = append([]class{classGo}, detect()...)

	// active is the class in force. A kernel reads it once, when it is called.
	active = choose(syscall.Getenv("TOURNEY_KERNELS"))
)

// choose returns the class that an operator asks for or, where that is none of
// this processor's, the fastest.
func choose(wanted string, found bool) class {
	if found && slices.Contains(classes, class(wanted)) {
		return class(wanted)
	}
	return classes[len(classes)-1]
}

// Class returns the name of the class of kernels in force: avx512, avx2, neon
// or go. The environment variable TOURNEY_KERNELS restricts it at the start of
// the process; a class that the processor lacks is not heeded.
func Class() string { return string(active) }

// Classes returns the names of the classes that this processor can run, the
// fastest last.
func Classes() []string {
	names := make([]string, len(classes))
	for i, c := range classes {
		names[i] = string(c)
	}
	return names
}

// Use puts a class in force until restore is called. It is for tests and
// benchmarks, which compare classes inside one process: no kernel may run
// meanwhile.
func Use(name string) (restore func(), err error) {
	if !slices.Contains(classes, class(name)) {
		return nil, fmt.Errorf("kernels of class %q: this processor runs %s", name, strings.Join(Classes(), ", "))
	}
	before := active
	active = class(name)
	return func() { active = before }, nil
}
