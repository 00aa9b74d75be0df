package main

import "fmt"

// The kernels here have rows in lanes: four neighbouring columns of as many rows
// as a register has lanes are read and turned into four vectors.

// turnBases points the base registers at every fourth row from AX on; R10 is
// the distance of rows and R12 its threefold.
func (v *x86) turnBases() []string {
	bases := []string{"AX", "R14", "R8", "SI"}[:v.lanes/4]
	for i := 1; i < len(bases); i++ {
		v.op("LEAQ (%s)(R10*4), %s", bases[i-1], bases[i])
	}
	return bases
}

// turn reads four columns at the bases and leaves them in the registers 8 to
// 11. It spoils those from 0 on to 7.
func (v *x86) turn(bases []string) {
	for i := range 4 {
		for part, base := range bases {
			mem := "(" + base + ")" + []string{"", "(R10*1)", "(R10*2)", "(R12*1)"}[i]
			switch {
			case part == 0:
				v.op("VMOVUPS %s, X%d", mem, i)
			case v.opmask:
				v.op("VINSERTF32X4 $%d, %s, Z%d, Z%d", part, mem, i, i)
			default:
				v.op("VINSERTF128 $%d, %s, Y%d, Y%d", part, mem, i, i)
			}
		}
	}
	pair := func(op string, x, y, to int) { v.op("%s %s, %s, %s", op, v.r(y), v.r(x), v.r(to)) }
	pair("VUNPCKLPS", 0, 1, 4)
	pair("VUNPCKLPS", 2, 3, 5)
	pair("VUNPCKHPS", 0, 1, 6)
	pair("VUNPCKHPS", 2, 3, 7)
	pair("VUNPCKLPD", 4, 5, 8)
	pair("VUNPCKHPD", 4, 5, 9)
	pair("VUNPCKLPD", 6, 7, 10)
	pair("VUNPCKHPD", 6, 7, 11)
}

// advance moves the bases.
func (v *x86) advance(bases []string, bytes int) {
	for _, base := range bases {
		v.op("ADDQ $%d, %s", bytes, base)
	}
}

// lone writes the outputs of models of one column: c of as many rows as there
// are lanes, at a time; there are no others. A row has at least four steps. The
// last steps, if they are no four, are read together with some before them.
func (v *x86) lone() {
	v.text("lone"+v.name, "t *tile", fmt.Sprintf("One column; %d rows of A at a time, at least 4 steps.", v.lanes))
	v.op("MOVQ t+0(FP), R9")
	v.op("MOVQ tile_c(R9), DI")
	v.op("MOVQ tile_lda(R9), R10")
	v.op("MOVQ tile_rows(R9), R13")
	v.op("LEAQ (R10)(R10*2), R12")
	v.op("MOVQ tile_a(R9), R11")
	v.line("rows:")
	v.op("CMPQ R13, $%d", v.lanes)
	v.op("JLT done")
	v.op("MOVQ tile_from(R9), BX")
	v.op("VBROADCASTSS (BX), %s", v.r(13))
	v.op("MOVQ R11, AX")
	bases := v.turnBases()
	v.op("MOVQ tile_b(R9), BX")
	v.op("MOVQ tile_steps(R9), CX")
	v.op("MOVQ CX, DX")
	v.op("SHRQ $2, CX")
	v.op("ANDQ $3, DX")
	v.op("PCALIGN $32")
	v.line("quads:")
	v.turn(bases)
	for j := range 4 {
		v.take(j)
	}
	v.op("ADDQ $16, BX")
	v.advance(bases, 16)
	v.op("DECQ CX")
	v.op("JNE quads")
	v.op("TESTQ DX, DX")
	v.op("JE stored")
	for rest := 1; rest < 4; rest++ {
		v.op("CMPQ DX, $%d", rest)
		v.op("JEQ rest%d", rest)
	}
	v.loneRest(bases)
	v.line("stored:")
	v.op("VMOVUPS %s, (DI)", v.r(13))
	v.op("ADDQ $%d, DI", 4*v.lanes)
	v.op("SUBQ $%d, R13", v.lanes)
	v.op("MOVQ R10, CX")
	v.op("IMULQ $%d, CX", v.lanes)
	v.op("ADDQ CX, R11")
	v.op("JMP rows")
	v.line("done:")
	v.end()
}

// loneRest writes the steps that are no four, read with some before them.
func (v *x86) loneRest(bases []string) {
	for rest := 1; rest < 4; rest++ {
		back := 4 - rest
		v.line("rest%d:", rest)
		v.advance(bases, -4*back)
		v.op("ADDQ $%d, BX", -4*back)
		v.turn(bases)
		for j := back; j < 4; j++ {
			v.take(j)
		}
		if rest < 3 {
			v.op("JMP stored")
		}
	}
}

// take adds the product of the j-th of four turned columns with its weight.
func (v *x86) take(j int) {
	if v.opmask {
		v.op("VFMADD231PS.BCST %s, Z%d, Z13", at("BX", 4*j), 8+j)
		return
	}
	v.op("VBROADCASTSS %s, Y12", at("BX", 4*j))
	v.op("VFMADD231PS Y12, Y%d, Y13", 8+j)
}

// transpose writes the turning of as many rows as there are lanes.
func (v *x86) transpose() {
	v.text("transpose"+v.name, "t *tile",
		fmt.Sprintf("Turns %d rows of A, a multiple of 4 steps, into rows of C.", v.lanes))
	v.op("MOVQ t+0(FP), R9")
	v.op("MOVQ tile_c(R9), DI")
	v.op("MOVQ tile_ldc(R9), R11")
	v.op("MOVQ tile_a(R9), AX")
	v.op("MOVQ tile_lda(R9), R10")
	v.op("LEAQ (R10)(R10*2), R12")
	v.op("MOVQ tile_steps(R9), CX")
	v.op("SHRQ $2, CX")
	bases := v.turnBases()
	v.op("PCALIGN $32")
	v.line("quads:")
	v.turn(bases)
	for j := range 4 {
		v.op("VMOVUPS %s, (DI)", v.r(8+j))
		v.op("ADDQ R11, DI")
	}
	v.advance(bases, 16)
	v.op("DECQ CX")
	v.op("JNE quads")
	v.end()
}

// add writes c += a, steps at a time, where a step is a vector.
func (v *x86) add() {
	v.text("add"+v.name, "t *tile", "C += A for a number of vectors, of which the last is partial.")
	v.op("MOVQ t+0(FP), R9")
	v.mask("tile_last(R9)")
	v.op("MOVQ tile_c(R9), DI")
	v.op("MOVQ tile_a(R9), AX")
	v.op("MOVQ tile_vectors(R9), CX")
	v.op("DECQ CX")
	v.op("JE last")
	v.line("vectors:")
	v.load("(DI)", 0, false)
	v.op("VADDPS (AX), %s, %s", v.r(0), v.r(0))
	v.store(0, "(DI)", false)
	v.op("ADDQ $%d, DI", 4*v.lanes)
	v.op("ADDQ $%d, AX", 4*v.lanes)
	v.op("DECQ CX")
	v.op("JNE vectors")
	v.line("last:")
	v.load("(DI)", 0, true)
	v.load("(AX)", 1, true)
	v.op("VADDPS %s, %s, %s", v.r(1), v.r(0), v.r(0))
	v.store(0, "(DI)", true)
	v.end()
}
