package main

import "fmt"

// x86 writes the kernels of AVX2 and AVX-512. They have the same instructions
// but for the width of registers and the way to leave lanes out.
type x86 struct {
	*printer
	name   string // of the class, as the ends of the functions' names have it
	reg    string // Y or Z
	lanes  int    // float32 in a register
	rows   [3]int // of a tile with that many vectors side by side
	opmask bool   // lanes are left out by K1, not by the vector register 15
}

func avx512(p *printer) *x86 {
	return &x86{printer: p, name: "AVX512", reg: "Z", lanes: 16, rows: [3]int{0, 12, 12}, opmask: true}
}

func avx2(p *printer) *x86 {
	return &x86{printer: p, name: "AVX2", reg: "Y", lanes: 8, rows: [3]int{0, 12, 6}}
}

// kernels writes all functions of the class.
func (v *x86) kernels() {
	if !v.opmask {
		v.maskTable()
	}
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
	if v.opmask {
		return // one float32 at a time is the same in both
	}
	v.forwardCSROne()
	v.gradientCSROne()
}

func (v *x86) r(i int) string { return fmt.Sprintf("%s%d", v.reg, i) }

// at is the memory operand of a vector beyond a base register.
func (v *x86) at(base string, vector int) string { return at(base, vector*v.lanes*4) }

func at(base string, offset int) string {
	if offset == 0 {
		return "(" + base + ")"
	}
	return fmt.Sprintf("%d(%s)", offset, base)
}

// load and store move a vector, of which a partial one has fewer lanes; those
// left out are neither read nor written, and are 0 in the register.
func (v *x86) load(mem string, reg int, partial bool) {
	switch {
	case !partial:
		v.op("VMOVUPS %s, %s", mem, v.r(reg))
	case v.opmask:
		v.op("VMOVUPS.Z %s, K1, %s", mem, v.r(reg))
	default:
		v.op("VMASKMOVPS %s, Y15, %s", mem, v.r(reg))
	}
}

func (v *x86) store(reg int, mem string, partial bool) {
	switch {
	case !partial:
		v.op("VMOVUPS %s, %s", v.r(reg), mem)
	case v.opmask:
		v.op("VMOVUPS %s, K1, %s", v.r(reg), mem)
	default:
		v.op("VMASKMOVPS %s, Y15, %s", v.r(reg), mem)
	}
}

// maskTable writes the table in which a window of 8 words has as many ones in
// front as lanes are kept.
func (v *x86) maskTable() {
	v.line("")
	for i := range 4 {
		v.line("DATA denseLanes<>+%d(SB)/8, $-1", 8*i)
	}
	for i := 4; i < 8; i++ {
		v.line("DATA denseLanes<>+%d(SB)/8, $0", 8*i)
	}
	v.line("GLOBL denseLanes<>(SB), RODATA|NOPTR, $64")
}

// mask keeps the first lanes of partial vectors: as many as the field says. It
// spoils CX and DX.
func (v *x86) mask(field string) {
	v.op("MOVQ %s, CX", field)
	if v.opmask {
		v.op("MOVL $1, DX")
		v.op("SHLL CX, DX")
		v.op("DECL DX")
		v.op("KMOVW DX, K1")
		return
	}
	v.op("LEAQ denseLanes<>+32(SB), DX")
	v.op("SHLQ $2, CX")
	v.op("SUBQ CX, DX")
	v.op("VMOVUPS (DX), Y15")
}

// end returns from a function.
func (v *x86) end() {
	v.op("VZEROUPPER")
	v.op("RET")
}

// gemm writes a loop over tiles of rows, each as high as the registers allow,
// and the last one exactly as high as it has rows. An element of A is one row
// (ra bytes) or one step beyond its neighbour: where rows are stepped, the next
// row is the next float32 and a step is lda bytes, otherwise the reverse.
//
//	R9  the arguments    DI  c            R10  lda
//	AX  a of the tile    SI  from         R11  ldb
//	R13 rows left        BX  b            R12  3·lda
//	CX  steps, strides   DX, R14, R8  a of the rows 0, 4 and 8
//
// Where rows are stepped, R14 is a of the last row of all and R12 its distance
// of steps: that row is elsewhere if tile_ones says so, and then is a single 1.
func (v *x86) gemm(vectors int, stepped bool) {
	name, how := "N", "rows of A are lda apart, steps are neighbours"
	if stepped {
		name, how = "T", "steps of A are lda apart, rows are neighbours"
	}
	high := v.rows[vectors]
	v.text(fmt.Sprintf("gemm%s%d%s", name, vectors, v.name), "t *tile",
		fmt.Sprintf("Tiles of %d×%d; %s.", high, vectors*v.lanes, how))
	v.op("MOVQ t+0(FP), R9")
	v.mask("tile_last(R9)")
	v.op("MOVQ tile_c(R9), DI")
	v.op("MOVQ tile_from(R9), SI")
	v.op("MOVQ tile_a(R9), AX")
	v.op("MOVQ tile_lda(R9), R10")
	v.op("MOVQ tile_ldb(R9), R11")
	v.op("MOVQ tile_rows(R9), R13")
	v.op("LEAQ (R10)(R10*2), R12")
	v.line("tiles:")
	v.op("CMPQ R13, $%d", high)
	last := high - 1 // the height of the highest tile that can be the last
	if stepped {
		last = high
		v.op("JLE rest")
	} else {
		v.op("JLT rest")
	}
	v.tile(high, vectors, stepped, false)
	if stepped {
		v.op("ADDQ $%d, AX", 4*high)
	} else {
		v.op("LEAQ (AX)(R12*%d), AX", high/3)
	}
	v.op("SUBQ $%d, R13", high)
	v.op("JMP tiles")
	v.line("rest:")
	for rows := last; rows > 0; rows-- {
		v.op("CMPQ R13, $%d", rows)
		v.op("JEQ rows%d", rows)
	}
	v.end()
	for rows := last; rows > 0; rows-- {
		v.line("rows%d:", rows)
		v.tile(rows, vectors, stepped, true)
		v.end()
	}
}

// tile writes one tile: its sums are loaded, take all steps, and are stored.
func (v *x86) tile(rows, vectors int, stepped, last bool) {
	v.op("MOVQ tile_ldf(R9), CX")
	for i := range rows {
		for j := range vectors {
			v.load(v.at("SI", j), i*vectors+j, j == vectors-1)
		}
		v.op("ADDQ CX, SI")
	}
	if !last {
		v.op("MOVQ SI, R8")
		for range rows { // where the next tile starts from
			for j := range vectors {
				v.op("PREFETCHT0 %s", v.at("R8", j))
			}
			v.op("ADDQ CX, R8")
		}
	}
	v.op("MOVQ tile_steps(R9), CX")
	v.op("MOVQ tile_b(R9), BX")
	bases := v.tileBases(rows, stepped, last)
	loop, done := v.label("steps"), v.label("stored")
	v.op("TESTQ CX, CX")
	v.op("JE %s", done)
	v.op("PCALIGN $32")
	v.line("%s:", loop)
	v.tileStep(rows, vectors, stepped, bases)
	v.op("DECQ CX")
	v.op("JNE %s", loop)
	v.line("%s:", done)
	v.op("MOVQ tile_ldc(R9), CX")
	for i := range rows {
		for j := range vectors {
			v.store(i*vectors+j, v.at("DI", j), j == vectors-1)
		}
		v.op("ADDQ CX, DI")
	}
}

// tileBases points registers at a of a tile and returns them: every fourth row
// or, where rows are stepped, the first one and the last one of all.
func (v *x86) tileBases(rows int, stepped, last bool) []string {
	v.op("MOVQ AX, DX")
	if !stepped {
		bases := []string{"DX", "R14", "R8"}[:(rows+3)/4]
		for i := 1; i < len(bases); i++ {
			v.op("LEAQ (%s)(R10*4), %s", bases[i-1], bases[i])
		}
		return bases
	}
	if !last {
		return []string{"DX"}
	}
	v.op("LEAQ %s, R14", at("AX", 4*(rows-1)))
	v.op("MOVQ R10, R12")
	v.op("MOVQ tile_ones(R9), R8")
	v.op("TESTQ R8, R8")
	other := v.label("features")
	v.op("JE %s", other)
	v.op("MOVQ R8, R14")
	v.op("XORQ R12, R12")
	v.line("%s:", other)
	return []string{"DX", "R14"}
}

// tileStep writes one step of a tile, and moves on.
func (v *x86) tileStep(rows, vectors int, stepped bool, bases []string) {
	sums := rows * vectors
	for j := range vectors {
		v.load(v.at("BX", j), sums+j, j == vectors-1)
	}
	if stepped {
		// The last row of the tile after this one: it is in the cache then,
		// however far apart steps are.
		v.op("PREFETCHT0 %d(DX)", 8*rows-4)
	}
	for i := range rows {
		mem := at("DX", 4*i)
		switch {
		case stepped && len(bases) == 2 && i == rows-1:
			mem = "(R14)"
		case !stepped:
			mem = "(" + bases[i/4] + ")" + []string{"", "(R10*1)", "(R10*2)", "(R12*1)"}[i%4]
		}
		one := v.broadcastRegister(sums+vectors, i)
		v.op("VBROADCASTSS %s, %s", mem, v.r(one))
		for j := range vectors {
			v.op("VFMADD231PS %s, %s, %s", v.r(sums+j), v.r(one), v.r(i*vectors+j))
		}
	}
	v.op("ADDQ R11, BX")
	for i, base := range bases {
		switch {
		case !stepped:
			v.op("ADDQ $4, %s", base)
		case i == 1:
			v.op("ADDQ R12, R14")
		default:
			v.op("ADDQ R10, DX")
		}
	}
}

// broadcastRegister returns the register for row i's element of A, one of
// those from first on that are free.
func (v *x86) broadcastRegister(first, i int) int {
	if v.opmask {
		return first + i%(32-first)
	}
	return first + i%(15-first)
}

// row writes the product of a single row of A with up to 8 vectors of columns.
// At the same time it sums the row, from and to tile_sum, if that is not nil.
func (v *x86) row() {
	v.text("gemmRow"+v.name, "t *tile", "One row, up to 8 vectors of columns; the elements of A are lda apart.")
	v.op("MOVQ t+0(FP), R9")
	v.mask("tile_last(R9)")
	v.op("MOVQ tile_c(R9), DI")
	v.op("MOVQ tile_from(R9), SI")
	v.op("MOVQ tile_a(R9), AX")
	v.op("MOVQ tile_b(R9), BX")
	v.op("MOVQ tile_lda(R9), R10")
	v.op("MOVQ tile_ldb(R9), R11")
	v.op("MOVQ tile_steps(R9), CX")
	v.op("MOVQ tile_sum(R9), R12")
	v.op("MOVQ tile_vectors(R9), R13")
	v.op("VXORPS X12, X12, X12")
	v.op("TESTQ R12, R12")
	v.op("JE nosum")
	v.op("VMOVSS (R12), X12")
	v.line("nosum:")
	for vectors := 8; vectors > 1; vectors-- {
		v.op("CMPQ R13, $%d", vectors)
		v.op("JEQ vectors%d", vectors)
	}
	for vectors := 1; vectors <= 8; vectors++ {
		v.line("vectors%d:", vectors)
		for j := range vectors {
			v.load(v.at("SI", j), j, j == vectors-1)
		}
		v.op("TESTQ CX, CX")
		v.op("JE stored%d", vectors)
		v.op("PCALIGN $32")
		v.line("steps%d:", vectors)
		v.op("VBROADCASTSS (AX), %s", v.r(13))
		v.load(v.at("BX", vectors-1), 14, true)
		for j := range vectors - 1 {
			v.op("VFMADD231PS %s, %s, %s", v.at("BX", j), v.r(13), v.r(j))
		}
		v.op("VFMADD231PS %s, %s, %s", v.r(14), v.r(13), v.r(vectors-1))
		v.op("VADDSS X13, X12, X12")
		v.op("ADDQ R10, AX")
		v.op("ADDQ R11, BX")
		v.op("DECQ CX")
		v.op("JNE steps%d", vectors)
		v.line("stored%d:", vectors)
		for j := range vectors {
			v.store(j, v.at("DI", j), j == vectors-1)
		}
		v.op("JMP sum")
	}
	v.line("sum:")
	v.op("TESTQ R12, R12")
	v.op("JE nowhere")
	v.op("VMOVSS X12, (R12)")
	v.line("nowhere:")
	v.end()
}
