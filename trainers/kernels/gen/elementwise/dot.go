package main

// The dot product is the one reduction: 16 sums in float64, of c elements that
// are a multiple of 16, added to what s has. Products of float32 are exact in
// float64, so that a fused addition changes nothing.

const dotSignature = "a, b *float32, c int, s *[lanes]float64"

func (p *printer) dotHeader(class string) {
	p.line("\n// func asmDot%s(%s)", class, dotSignature)
	p.line("TEXT ·asmDot%s(SB), NOSPLIT, $0-32", class)
}

func (t *x86) dot() {
	class, width := "AVX2", 4
	if t.wide {
		class, width = "AVX512", 8
	}
	count := 16 / width
	t.dotHeader(class)
	t.op("MOVQ a+0(FP), SI")
	t.op("MOVQ b+8(FP), DI")
	t.op("MOVQ c+16(FP), CX")
	t.op("MOVQ s+24(FP), BX")
	for i := range count {
		t.op("VMOVUPD %d(BX), %s", 8*width*i, t.reg(i))
	}
	label := t.label()
	t.line("loop%d:", label)
	for i := range count {
		t.op("VCVTPS2PD %d(SI), %s", 4*width*i, t.reg(count+i))
		t.op("VCVTPS2PD %d(DI), %s", 4*width*i, t.reg(2*count+i))
		t.op("VFMADD231PD %s, %s, %s", t.reg(2*count+i), t.reg(count+i), t.reg(i))
	}
	t.op("ADDQ $64, SI")
	t.op("ADDQ $64, DI")
	t.op("SUBQ $16, CX")
	t.op("JGT loop%d", label)
	for i := range count {
		t.op("VMOVUPD %s, %d(BX)", t.reg(i), 8*width*i)
	}
	t.op("VZEROUPPER")
	t.op("RET")
}

func (t *arm64) dot() {
	t.dotHeader("NEON")
	t.op("MOVD a+0(FP), R0")
	t.op("MOVD b+8(FP), R1")
	t.op("MOVD c+16(FP), R5")
	t.op("MOVD s+24(FP), R6")
	for i := range 8 {
		t.op("FMOVQ %d(R6), F%d", 16*i, i)
	}
	label := t.label()
	t.line("loop%d:", label)
	widen := func(bits uint32, name string, from, to int) {
		t.word(bits|uint32(from)<<5|uint32(to), "%s V%d.2D, V%d", name, to, from)
	}
	for i := range 4 {
		for operand := range 2 {
			from := 8 + operand
			t.op("FMOVQ %d(R%d), F%d", 16*i, operand, from)
			widen(0x0e617800, "FCVTL", from, 16+2*operand)
			widen(0x4e617800, "FCVTL2", from, 17+2*operand)
		}
		for half := range 2 {
			t.op("VFMLA V%d.D2, V%d.D2, V%d.D2", 18+half, 16+half, 2*i+half)
		}
	}
	t.op("ADD $64, R0, R0")
	t.op("ADD $64, R1, R1")
	t.op("SUBS $16, R5, R5")
	t.op("BGT loop%d", label)
	for i := range 8 {
		t.op("FMOVQ F%d, %d(R6)", i, 16*i)
	}
	t.op("RET")
}
