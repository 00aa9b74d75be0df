package main

import "fmt"

// The registers of all sparse kernels:
//
//	R0  the arguments   R3  col    R5  w, or g      R8   row pointers
//	R1  z, or r         R4  val    R6  ldw          R9   rows left
//	R2  from            R10 entry  R7  columns      R12  row of w
//	                    R11 end of the row          R13  ldz, R14  ldf

func (v *neon) sparseStart() {
	v.op("MOVD s+0(FP), R0")
	for i, name := range []string{"z", "from", "col", "val", "w", "ldw", "d", "ptr", "rows"} {
		v.field("sparse_"+name, fmt.Sprintf("R%d", i+1))
	}
	v.field("sparse_ldz", "R13")
	v.field("sparse_ldf", "R14")
	v.op("MOVD (R8), R10")
	v.op("ADD R10<<2, R3")
	v.op("ADD R10<<2, R4")
}

// sparseRows writes the loop over rows and their entries. An entry of a column
// that is none stops everything.
func (v *neon) sparseRows(before, entry, after func()) {
	v.line("rows:")
	v.op("MOVD 8(R8), R11")
	before()
	v.op("CMP R11, R10")
	v.op("BGE stored")
	v.line("entries:")
	v.op("MOVWU.P 4(R3), R12")
	v.op("CMP R7, R12")
	v.op("BHS outside")
	v.op("MADD R6, R5, R12, R12")
	entry()
	v.op("ADD $1, R10")
	v.op("CMP R11, R10")
	v.op("BLT entries")
	v.line("stored:")
	after()
	v.op("ADD $8, R8")
	v.op("SUBS $1, R9")
	v.op("BNE rows")
	v.op("RET")
	v.line("outside:")
	v.op("MOVD $1, R1")
	v.op("MOVD R1, sparse_outside(R0)")
	v.op("RET")
}

func (v *neon) forwardCSR(vectors int) {
	v.text(fmt.Sprintf("forwardCSR%dNEON", vectors), "s *sparse", fmt.Sprintf("%d columns of outputs.", 4*vectors))
	v.sparseStart()
	v.sparseRows(func() {
		for j := range vectors {
			v.load("R2", j, j)
		}
		v.op("ADD R14, R2")
	}, func() {
		v.op("VLD1R.P 4(R4), [V8.S4]")
		for j := range vectors {
			v.load("R12", j, 9+j)
			v.fma(9+j, 8, j)
		}
	}, func() {
		for j := range vectors {
			v.store(j, "R1", j)
		}
		v.op("ADD R13, R1")
	})
}

func (v *neon) gradientCSR(vectors int) {
	v.text(fmt.Sprintf("gradientCSR%dNEON", vectors), "s *sparse", fmt.Sprintf("%d columns of weights.", 4*vectors))
	v.sparseStart()
	v.sparseRows(func() {
		for j := range vectors {
			v.load("R1", j, j)
		}
		v.op("ADD R13, R1")
	}, func() {
		v.op("VLD1R.P 4(R4), [V8.S4]")
		for j := range vectors {
			v.load("R12", j, 9+j)
			v.fma(j, 8, 9+j)
			v.store(9+j, "R12", j)
		}
	}, func() {})
}

func (v *neon) forwardCSROne() {
	v.text("forwardCSROneNEON", "s *sparse", "One column of outputs.")
	v.sparseStart()
	v.sparseRows(func() {
		v.op("FMOVS (R2), F0")
		v.op("ADD R14, R2")
	}, func() {
		v.op("FMOVS.P 4(R4), F1")
		v.op("FMOVS (R12), F2")
		v.op("FMADDS F1, F0, F2, F0")
	}, func() {
		v.op("FMOVS F0, (R1)")
		v.op("ADD R13, R1")
	})
}

func (v *neon) gradientCSROne() {
	v.text("gradientCSROneNEON", "s *sparse", "One column of weights.")
	v.sparseStart()
	v.sparseRows(func() {
		v.op("FMOVS (R1), F0")
		v.op("ADD R13, R1")
	}, func() {
		v.op("FMOVS.P 4(R4), F1")
		v.op("FMOVS (R12), F2")
		v.op("FMADDS F1, F2, F0, F2")
		v.op("FMOVS F2, (R12)")
	}, func() {})
}
