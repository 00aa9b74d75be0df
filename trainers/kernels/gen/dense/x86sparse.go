package main

import "fmt"

// sparseVectors is how many vectors of columns the widest sparse kernels have.
const sparseVectors = 4

// The registers of all sparse kernels:
//
//	R9  the arguments   AX  col    R10  w, or g      R8   row pointers
//	DI  z, or r         BX  val    R11  ldw          R13  rows left
//	SI  from            CX  entry  R12  columns      R14  offset of a row of w
//	                    DX  end of the row

// sparseStart loads the registers.
func (v *x86) sparseStart() {
	v.op("MOVQ s+0(FP), R9")
	v.op("MOVQ sparse_z(R9), DI")
	v.op("MOVQ sparse_from(R9), SI")
	v.op("MOVQ sparse_col(R9), AX")
	v.op("MOVQ sparse_val(R9), BX")
	v.op("MOVQ sparse_w(R9), R10")
	v.op("MOVQ sparse_ldw(R9), R11")
	v.op("MOVQ sparse_d(R9), R12")
	v.op("MOVQ sparse_ptr(R9), R8")
	v.op("MOVQ sparse_rows(R9), R13")
	v.op("MOVQ (R8), CX")
}

// sparseRows writes the loop over rows and their entries. An entry of a column
// that is none stops everything.
func (v *x86) sparseRows(before, entry, after func()) {
	v.line("rows:")
	v.op("MOVQ 8(R8), DX")
	before()
	v.op("CMPQ CX, DX")
	v.op("JGE stored")
	v.line("entries:")
	v.op("MOVL (AX)(CX*4), R14")
	v.op("CMPQ R14, R12")
	v.op("JAE outside")
	v.op("IMULQ R11, R14")
	entry()
	v.op("INCQ CX")
	v.op("CMPQ CX, DX")
	v.op("JLT entries")
	v.line("stored:")
	after()
	v.op("ADDQ $8, R8")
	v.op("DECQ R13")
	v.op("JNE rows")
	v.end()
	v.line("outside:")
	v.op("MOVQ $1, sparse_outside(R9)")
	v.end()
}

// wide is the memory operand of a vector of the row of w that R14 tells.
func (v *x86) wide(vector int) string {
	return fmt.Sprintf("%d(R10)(R14*1)", vector*v.lanes*4)
}

// forwardCSR writes outputs: sums in registers, entries added to them.
func (v *x86) forwardCSR(vectors int) {
	v.text(fmt.Sprintf("forwardCSR%d%s", vectors, v.name), "s *sparse",
		fmt.Sprintf("%d columns of outputs, of which the last vector may be partial.", vectors*v.lanes))
	v.op("MOVQ s+0(FP), R9")
	v.mask("sparse_last(R9)")
	v.sparseStart()
	v.sparseRows(func() {
		for j := range vectors {
			v.load(v.at("SI", j), j, j == vectors-1)
		}
		v.op("ADDQ sparse_ldf(R9), SI")
	}, func() {
		v.op("VBROADCASTSS (BX)(CX*4), %s", v.r(8))
		for j := range vectors - 1 {
			v.op("VFMADD231PS %s, %s, %s", v.wide(j), v.r(8), v.r(j))
		}
		v.load(v.wide(vectors-1), 9, true)
		v.op("VFMADD231PS %s, %s, %s", v.r(9), v.r(8), v.r(vectors-1))
	}, func() {
		for j := range vectors {
			v.store(j, v.at("DI", j), j == vectors-1)
		}
		v.op("ADDQ sparse_ldz(R9), DI")
	})
}

// gradientCSR writes derivatives: a row of r in registers, added to each
// entry's row of g.
func (v *x86) gradientCSR(vectors int) {
	v.text(fmt.Sprintf("gradientCSR%d%s", vectors, v.name), "s *sparse",
		fmt.Sprintf("%d columns of weights, of which the last vector may be partial.", vectors*v.lanes))
	v.op("MOVQ s+0(FP), R9")
	v.mask("sparse_last(R9)")
	v.sparseStart()
	v.sparseRows(func() {
		for j := range vectors {
			v.load(v.at("DI", j), j, j == vectors-1)
		}
		v.op("ADDQ sparse_ldz(R9), DI")
	}, func() {
		v.op("VBROADCASTSS (BX)(CX*4), %s", v.r(8))
		for j := range vectors {
			v.load(v.wide(j), 9, j == vectors-1)
			v.op("VFMADD231PS %s, %s, %s", v.r(j), v.r(8), v.r(9))
			v.store(9, v.wide(j), j == vectors-1)
		}
	}, func() {})
}

func (v *x86) forwardCSROne() {
	v.text("forwardCSROne"+v.name, "s *sparse", "One column of outputs.")
	v.sparseStart()
	v.sparseRows(func() {
		v.op("VMOVSS (SI), X0")
		v.op("ADDQ sparse_ldf(R9), SI")
	}, func() {
		v.op("VMOVSS (BX)(CX*4), X1")
		v.op("VFMADD231SS (R10)(R14*1), X1, X0")
	}, func() {
		v.op("VMOVSS X0, (DI)")
		v.op("ADDQ sparse_ldz(R9), DI")
	})
}

func (v *x86) gradientCSROne() {
	v.text("gradientCSROne"+v.name, "s *sparse", "One column of weights.")
	v.sparseStart()
	v.sparseRows(func() {
		v.op("VMOVSS (DI), X0")
		v.op("ADDQ sparse_ldz(R9), DI")
	}, func() {
		v.op("VMOVSS (R10)(R14*1), X1")
		v.op("VFMADD231SS (BX)(CX*4), X0, X1")
		v.op("VMOVSS X1, (R10)(R14*1)")
	}, func() {})
}
