// Package kernels hides how fast the inner loops of training are: it defines
// their arithmetic bit by bit, and computes it with the best instructions that
// the processor has.
//
// All results are functions of the operands alone, on every machine:
//
//   - FMA is the IEEE 754 fused multiply-add of float32, rounded once.
//   - Forward, Gradient, Gemm, Gram and their sparse forms have one float32
//     accumulator for each output, which takes in its products in order, by one
//     FMA each. Outputs are independent, so that any of them may be computed
//     side by side, and in any blocks.
//   - Exp, Log and Log64 are our own polynomials. The standard library's have
//     other bits on other processors and are not used.
//   - Everywhere else a product is converted before it is added, as in
//     float32(x*y) + z, which forbids the compiler to fuse the two.
//
// Each kernel has a definition in plain Go, which is its oracle and serves
// where there is nothing faster, and assembly of the classes avx512, avx2 and
// neon. All classes give the same bits; only which NaN a NaN is may differ.
// Class tells which one is in force, and TOURNEY_KERNELS=go|avx2|avx512|neon in
// the environment asks for another. The assembly is written by the commands in
// gen, so that what is edited is a loop and not its unrolled copies.
//
// Kernels are pure functions of their arguments and may be called by many
// goroutines. They panic where a slice is shorter than the shapes say. Assembly cannot be preempted: no call of it lasts longer
// than about half a millisecond (see rowsAtOnce), then Go gets its turn.
package kernels
