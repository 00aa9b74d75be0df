// Package kernels hides how fast the inner loops of training are: it defines
// their arithmetic bit by bit, so that any other implementation of a loop, for
// any processor, can be held against it.
//
// All results are functions of the operands alone, on every machine:
//
//   - FMA is the IEEE 754 fused multiply-add of float32, rounded once.
//   - Forward and Gradient have one float32 accumulator for each output. Forward
//     adds features in order, Gradient adds rows in order, each by one FMA.
//     Outputs are independent, so an implementation may compute any of them
//     side by side.
//   - Exp, Log and Log64 are our own polynomials. The standard library's have
//     other bits on other processors and are not used.
//   - Everywhere else a product is converted before it is added, as in
//     float32(x*y) + z, which forbids the compiler to fuse the two.
//
// What is here is the plain Go form. It is the oracle of every faster one and
// the fallback where there is none.
package kernels
