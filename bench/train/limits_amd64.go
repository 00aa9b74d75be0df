package main

import "golang.org/x/sys/cpu"

// fma512 and fma256 do n rounds of 24, or 12, independent fused multiply-adds
// of 16, or 8, float32 each.
func fma512(n int64)
func fma256(n int64)

// sum256 reads n blocks of 256 bytes.
func sum256(p *uint64, n int64) uint64

// peakFlops does about as many rounds and returns how many operations it did.
func peakFlops(rounds int64) int64 {
	switch {
	case cpu.X86.HasAVX512F:
		fma512(rounds)
		return rounds * 24 * 16 * 2
	case cpu.X86.HasAVX2 && cpu.X86.HasFMA:
		fma256(rounds)
		return rounds * 12 * 8 * 2
	}
	return plainFlops(rounds / 10)
}

func sumWords(words []uint64) uint64 {
	if cpu.X86.HasAVX2 {
		return sum256(&words[0], int64(len(words)/32))
	}
	return plainSum(words)
}
