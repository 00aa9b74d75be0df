package main

// The kernel that repeats each of n elements of y c times, c ≤ 32: it writes 32
// of them, of which the next ones overwrite what is too much. dst needs room
// for that after the last.

const repeatSignature = "dst, y *float32, n, c int"

func (p *printer) repeatHeader(class string) {
	p.line("\n// func asmRepeat%s(%s)", class, repeatSignature)
	p.line("TEXT ·asmRepeat%s(SB), NOSPLIT, $0-32", class)
}

func (t *x86) repeat() {
	class, bytes := "AVX2", 32
	if t.wide {
		class, bytes = "AVX512", 64
	}
	t.repeatHeader(class)
	t.op("MOVQ dst+0(FP), DI")
	t.op("MOVQ y+8(FP), SI")
	t.op("MOVQ n+16(FP), CX")
	t.op("MOVQ c+24(FP), DX")
	label := t.label()
	t.line("loop%d:", label)
	t.op("VBROADCASTSS (SI), %s", t.reg(0))
	for at := 0; at < 128; at += bytes {
		t.op("VMOVUPS %s, %d(DI)", t.reg(0), at)
	}
	t.op("ADDQ $4, SI")
	t.op("LEAQ (DI)(DX*4), DI")
	t.op("DECQ CX")
	t.op("JNZ loop%d", label)
	t.op("VZEROUPPER")
	t.op("RET")
}

func (t *arm64) repeat() {
	t.repeatHeader("NEON")
	t.op("MOVD dst+0(FP), R0")
	t.op("MOVD y+8(FP), R1")
	t.op("MOVD n+16(FP), R4")
	t.op("MOVD c+24(FP), R5")
	t.op("LSL $2, R5, R5")
	label := t.label()
	t.line("loop%d:", label)
	t.op("VLD1R (R1), [V0.S4]")
	for at := 0; at < 128; at += 16 {
		t.op("FMOVQ F0, %d(R0)", at)
	}
	t.op("ADD $4, R1, R1")
	t.op("ADD R5, R0, R0")
	t.op("SUBS $1, R4, R4")
	t.op("BNE loop%d", label)
	t.op("RET")
}
