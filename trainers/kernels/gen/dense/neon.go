package main

import "fmt"

// neon writes the kernels of arm64: four lanes, 32 registers, and no way to
// leave lanes out, so that there are no partial vectors. R0 is the arguments.
type neon struct{ *printer }

const neonRows = 8 // of a tile of two vectors

func (v *neon) kernels() {
	for _, stepped := range []bool{false, true} {
		for vectors := 1; vectors <= 2; vectors++ {
			v.gemm(vectors, stepped)
		}
	}
	v.row()
	v.lone()
	v.transpose()
	v.add()
	for vectors := 1; vectors <= sparseVectors; vectors *= 2 {
		v.forwardCSR(vectors)
		v.gradientCSR(vectors)
	}
	v.forwardCSROne()
	v.gradientCSROne()
}

// field loads a field of the arguments.
func (v *neon) field(name, reg string) { v.op("MOVD %s(R0), %s", name, reg) }

// load and store move a vector beyond a base register.
func (v *neon) load(base string, vector, reg int) {
	v.op("FMOVQ %s, F%d", at(base, 16*vector), reg)
}

func (v *neon) store(reg int, base string, vector int) {
	v.op("FMOVQ F%d, %s", reg, at(base, 16*vector))
}

func (v *neon) fma(x, y, sum int) { v.op("VFMLA V%d.S4, V%d.S4, V%d.S4", x, y, sum) }

// gemm is the loop over tiles of rows.
//
//	R1 to R8  a of the rows (R1 alone if rows are neighbours)   R9   b
//	R10  ldb   R11  steps left   R12  c   R13  from   R14  a of the tile
//	R15  lda   R16  rows left    R17  strides          R19  from row to step
//	R20  a of the last row and R21 its distance of steps, as in x86.gemm
func (v *neon) gemm(vectors int, stepped bool) {
	name, how := "N", "rows of A are lda apart, steps are neighbours"
	if stepped {
		name, how = "T", "steps of A are lda apart, rows are neighbours"
	}
	v.text(fmt.Sprintf("gemm%s%dNEON", name, vectors), "t *tile",
		fmt.Sprintf("Tiles of %d×%d; %s.", neonRows, 4*vectors, how))
	v.op("MOVD t+0(FP), R0")
	v.field("tile_c", "R12")
	v.field("tile_from", "R13")
	v.field("tile_a", "R14")
	v.field("tile_lda", "R15")
	v.field("tile_ldb", "R10")
	v.field("tile_rows", "R16")
	v.line("tiles:")
	v.op("CMP $%d, R16", neonRows)
	last := neonRows - 1 // the height of the highest tile that can be the last
	if stepped {
		last = neonRows
		v.op("BLE rest")
	} else {
		v.op("BLT rest")
	}
	v.tile(neonRows, vectors, stepped, false)
	if stepped {
		v.op("ADD $%d, R14", 4*neonRows)
	} else {
		v.op("ADD R15<<3, R14")
	}
	v.op("SUB $%d, R16", neonRows)
	v.op("B tiles")
	v.line("rest:")
	for rows := last; rows > 0; rows-- {
		v.op("CMP $%d, R16", rows)
		v.op("BEQ rows%d", rows)
	}
	v.op("RET")
	for rows := last; rows > 0; rows-- {
		v.line("rows%d:", rows)
		v.tile(rows, vectors, stepped, true)
		v.op("RET")
	}
}

// tile writes one tile: its sums are loaded, take all steps, and are stored.
func (v *neon) tile(rows, vectors int, stepped, last bool) {
	v.field("tile_ldf", "R17")
	for i := range rows {
		for j := range vectors {
			v.load("R13", j, i*vectors+j)
		}
		v.op("ADD R17, R13")
	}
	v.field("tile_steps", "R11")
	v.field("tile_b", "R9")
	v.tileBases(rows, stepped, last)
	loop, done := v.label("steps"), v.label("stored")
	v.op("CBZ R11, %s", done)
	v.line("%s:", loop)
	v.tileStep(rows, vectors, stepped, last)
	v.op("SUBS $1, R11")
	v.op("BNE %s", loop)
	v.line("%s:", done)
	v.field("tile_ldc", "R17")
	for i := range rows {
		for j := range vectors {
			v.store(i*vectors+j, "R12", j)
		}
		v.op("ADD R17, R12")
	}
}

// tileBases points registers at a of a tile: at each row or, where rows are
// stepped, at the first one and the last one of all.
func (v *neon) tileBases(rows int, stepped, last bool) {
	v.op("MOVD R14, R1")
	if !stepped {
		for i := 1; i < rows; i++ {
			v.op("ADD R15, R%d, R%d", i, i+1)
		}
		return
	}
	along := rows // the rows that are read one after the other
	if last {
		along--
		v.op("ADD $%d, R14, R20", 4*along)
		v.op("MOVD R15, R21")
		other := v.label("features")
		v.field("tile_ones", "R2")
		v.op("CBZ R2, %s", other)
		v.op("MOVD R2, R20")
		v.op("MOVD ZR, R21")
		v.line("%s:", other)
	}
	v.op("SUB $%d, R15, R19", 4*along)
}

// tileStep writes one step of a tile, and moves on.
func (v *neon) tileStep(rows, vectors int, stepped, last bool) {
	for j := range vectors {
		v.load("R9", j, 16+j)
	}
	if stepped {
		v.op("PRFM %d(R1), PLDL1KEEP", 8*rows) // the tile after this one
	}
	for i := range rows {
		switch {
		case stepped && last && i == rows-1:
			v.op("VLD1R (R20), [V%d.S4]", 18+i)
			v.op("ADD R21, R20")
		case stepped:
			v.op("VLD1R.P 4(R1), [V%d.S4]", 18+i)
		default:
			v.op("VLD1R.P 4(R%d), [V%d.S4]", i+1, 18+i)
		}
		for j := range vectors {
			v.fma(16+j, 18+i, i*vectors+j)
		}
	}
	v.op("ADD R10, R9")
	if stepped {
		v.op("ADD R19, R1")
	}
}

// row writes the product of a single row of A with up to 8 vectors of columns.
// At the same time it sums the row, from and to tile_sum, if that is not nil.
func (v *neon) row() {
	v.text("gemmRowNEON", "t *tile", "One row, up to 8 vectors of columns; the elements of A are lda apart.")
	v.op("MOVD t+0(FP), R0")
	v.field("tile_c", "R12")
	v.field("tile_from", "R13")
	v.field("tile_a", "R14")
	v.field("tile_lda", "R15")
	v.field("tile_b", "R9")
	v.field("tile_ldb", "R10")
	v.field("tile_steps", "R11")
	v.field("tile_sum", "R1")
	v.field("tile_vectors", "R2")
	v.op("VEOR V20.B16, V20.B16, V20.B16")
	v.op("CBZ R1, nosum")
	v.op("FMOVS (R1), F20")
	v.line("nosum:")
	for vectors := 8; vectors > 1; vectors-- {
		v.op("CMP $%d, R2", vectors)
		v.op("BEQ vectors%d", vectors)
	}
	for vectors := 1; vectors <= 8; vectors++ {
		v.line("vectors%d:", vectors)
		for j := range vectors {
			v.load("R13", j, j)
		}
		v.op("CBZ R11, stored%d", vectors)
		v.line("steps%d:", vectors)
		v.op("VLD1R (R14), [V16.S4]")
		for j := range vectors {
			v.load("R9", j, 21+j)
			v.fma(21+j, 16, j)
		}
		v.op("FADDS F16, F20, F20")
		v.op("ADD R15, R14")
		v.op("ADD R10, R9")
		v.op("SUBS $1, R11")
		v.op("BNE steps%d", vectors)
		v.line("stored%d:", vectors)
		for j := range vectors {
			v.store(j, "R12", j)
		}
		v.op("B sum")
	}
	v.line("sum:")
	v.op("CBZ R1, nowhere")
	v.op("FMOVS F20, (R1)")
	v.line("nowhere:")
	v.op("RET")
}

// turn reads four columns of the rows at R1 to R4, moves on, and leaves the
// columns in the registers 8 to 11.
func (v *neon) turn() {
	for i := range 4 {
		v.op("VLD1.P 16(R%d), [V%d.S4]", i+1, i)
	}
	zip := func(op string, x, y, to int, form string) {
		v.op("%s V%d.%s, V%d.%s, V%d.%s", op, y, form, x, form, to, form)
	}
	zip("VZIP1", 0, 1, 4, "S4")
	zip("VZIP1", 2, 3, 5, "S4")
	zip("VZIP2", 0, 1, 6, "S4")
	zip("VZIP2", 2, 3, 7, "S4")
	zip("VZIP1", 4, 5, 8, "D2")
	zip("VZIP2", 4, 5, 9, "D2")
	zip("VZIP1", 6, 7, 10, "D2")
	zip("VZIP2", 6, 7, 11, "D2")
}

// turnBases points R1 to R4 at the rows from R14 on.
func (v *neon) turnBases() {
	v.op("MOVD R14, R1")
	for i := 1; i < 4; i++ {
		v.op("ADD R15, R%d, R%d", i, i+1)
	}
}

// lone is x86.lone.
func (v *neon) lone() {
	v.text("loneNEON", "t *tile", "One column; 4 rows of A at a time, at least 4 steps.")
	v.op("MOVD t+0(FP), R0")
	v.field("tile_c", "R12")
	v.field("tile_from", "R13")
	v.field("tile_a", "R14")
	v.field("tile_lda", "R15")
	v.field("tile_rows", "R16")
	v.line("rows:")
	v.op("CMP $4, R16")
	v.op("BLT done")
	v.op("VLD1R (R13), [V13.S4]")
	v.turnBases()
	v.field("tile_b", "R9")
	v.field("tile_steps", "R11")
	v.op("AND $3, R11, R10")
	v.op("LSR $2, R11")
	v.line("quads:")
	v.turn()
	for j := range 4 {
		v.op("VLD1R.P 4(R9), [V12.S4]")
		v.fma(12, 8+j, 13)
	}
	v.op("SUBS $1, R11")
	v.op("BNE quads")
	v.op("CBZ R10, stored")
	for rest := 1; rest < 4; rest++ {
		v.op("CMP $%d, R10", rest)
		v.op("BEQ rest%d", rest)
	}
	v.loneRest()
	v.line("stored:")
	v.op("VST1.P [V13.S4], 16(R12)")
	v.op("SUB $4, R16")
	v.op("ADD R15<<2, R14")
	v.op("B rows")
	v.line("done:")
	v.op("RET")
}

// loneRest writes the steps that are no four, read with some before them.
func (v *neon) loneRest() {
	for rest := 1; rest < 4; rest++ {
		back := 4 - rest
		v.line("rest%d:", rest)
		for i := range 4 {
			v.op("SUB $%d, R%d", 4*back, i+1)
		}
		v.turn()
		for j := back; j < 4; j++ {
			v.op("VLD1R.P 4(R9), [V12.S4]")
			v.fma(12, 8+j, 13)
		}
		if rest < 3 {
			v.op("B stored")
		}
	}
}

// transpose is x86.transpose.
func (v *neon) transpose() {
	v.text("transposeNEON", "t *tile", "Turns 4 rows of A, a multiple of 4 steps, into rows of C.")
	v.op("MOVD t+0(FP), R0")
	v.field("tile_c", "R12")
	v.field("tile_ldc", "R17")
	v.field("tile_a", "R14")
	v.field("tile_lda", "R15")
	v.field("tile_steps", "R11")
	v.op("LSR $2, R11")
	v.turnBases()
	v.line("quads:")
	v.turn()
	for j := range 4 {
		v.store(8+j, "R12", 0)
		v.op("ADD R17, R12")
	}
	v.op("SUBS $1, R11")
	v.op("BNE quads")
	v.op("RET")
}

// add writes c += a.
func (v *neon) add() {
	v.text("addNEON", "t *tile", "C += A for a number of vectors.")
	v.op("MOVD t+0(FP), R0")
	v.field("tile_c", "R12")
	v.field("tile_a", "R14")
	v.field("tile_vectors", "R11")
	v.line("vectors:")
	v.op("VLD1 (R12), [V0.S4]")
	v.op("VLD1.P 16(R14), [V1.S4]")
	v.op("WORD $0x4e21d400 // FADD V0.4S, V0.4S, V1.4S")
	v.op("VST1.P [V0.S4], 16(R12)")
	v.op("SUBS $1, R11")
	v.op("BNE vectors")
	v.op("RET")
}
