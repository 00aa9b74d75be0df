package main

import "fmt"

// x86 writes a loop for AVX-512 or AVX2. The general registers:
//
//	SI DI R8 R9   arrays; one that is read by row is moved on by the row
//	R11  bytes from the start of the arrays      R13  the same of the columns
//	CX   elements left in the row                DX   rows left
//	BX   table                                   AX, R12  for a moment
//
// K1 (AVX-512) or Y15 (AVX2) is the mask of the elements that a vector has, at
// the end of a row.
type x86 struct {
	*printer
	k      *kernel
	wide   bool // AVX-512
	masked bool // this copy of the body is for the end of a row
}

var x86Arrays = []string{"SI", "DI", "R8", "R9"}

func (t *x86) reg(r int) string {
	if t.wide {
		return fmt.Sprintf("Z%d", r)
	}
	return fmt.Sprintf("Y%d", r)
}

func (t *x86) registers() (vectors, masks []int) {
	if t.wide {
		return span(0, 32), span(2, 8)
	}
	return span(0, 15), nil
}

func span(from, to int) []int {
	var s []int
	for ; from < to; from++ {
		s = append(s, from)
	}
	return s
}

// write writes the whole function.
func (t *x86) write() {
	k := t.k
	b := k.build(t.wide)
	suffix := "AVX2"
	if t.wide {
		suffix = "AVX512"
	}
	t.header(k, suffix)
	at := 0
	for i, a := range k.arrays {
		t.op("MOVQ %s+%d(FP), %s", a, at, x86Arrays[i])
		at += 8
	}
	if !k.flat {
		t.op("MOVQ n+%d(FP), DX", at)
		at += 8
	}
	count := at
	at += 8
	if k.table {
		t.op("MOVQ p+%d(FP), BX", at)
	}
	fresh := func() target { return &x86{printer: new(printer), k: k, wide: t.wide} }
	keep := kept(b, fresh)
	t.bringAll(b, keep, func(kind int) bool { return kind != rowScalar })
	t.op("XORQ R11, R11")
	label := t.label()
	if !k.flat {
		t.line("row%d:", label)
		t.bringAll(b, keep, func(kind int) bool { return kind == rowScalar })
	}
	t.op("MOVQ c+%d(FP), CX", count)
	if k.columns {
		t.op("XORQ R13, R13")
	}
	if t.wide {
		t.loopAVX512(b, keep, label)
	} else {
		t.loopAVX2(b, keep, label)
	}
	t.op("LEAQ (R11)(CX*4), R11")
	if !k.flat {
		if k.rows {
			t.op("ADDQ $4, DI")
		}
		t.op("DECQ DX")
		t.op("JNZ row%d", label)
	}
	t.op("VZEROUPPER")
	t.op("RET")
}

// loopAVX512 has one copy of the body, under a mask; it leaves CX ≤ 0, what R11
// has gone too far.
func (t *x86) loopAVX512(b *body, keep map[value]int, label int) {
	t.op("KXNORW K1, K1, K1")
	t.line("loop%d:", label)
	t.op("CMPQ CX, $16")
	t.op("JGE body%d", label)
	t.op("MOVL $1, AX")
	t.op("SHLL CX, AX")
	t.op("DECL AX")
	t.op("KMOVW AX, K1")
	t.line("body%d:", label)
	t.copyOf(b, keep)
	t.next(64)
	t.op("SUBQ $16, CX")
	t.op("JGT loop%d", label)
}

// loopAVX2 has a second copy of the body for the end of a row.
func (t *x86) loopAVX2(b *body, keep map[value]int, label int) {
	t.op("SUBQ $8, CX")
	t.op("JLT tail%d", label)
	t.line("loop%d:", label)
	t.copyOf(b, keep)
	t.next(32)
	t.op("SUBQ $8, CX")
	t.op("JGE loop%d", label)
	t.line("tail%d:", label)
	t.op("ADDQ $8, CX")
	t.op("JEQ end%d", label)
	t.op("MOVQ CX, AX")
	t.op("NEGQ AX")
	t.op("LEAQ tails<>(SB), R12")
	t.op("VMOVUPS 32(R12)(AX*4), Y15")
	t.masked = true
	t.copyOf(b, keep)
	t.masked = false
	t.line("end%d:", label)
}

func (t *x86) next(bytes int) {
	t.op("ADDQ $%d, R11", bytes)
	if t.k.columns {
		t.op("ADDQ $%d, R13", bytes)
	}
}

func (t *x86) copyOf(b *body, keep map[value]int) {
	keepIn(b, t, keep).run()
}

func (t *x86) bringAll(b *body, keep map[value]int, which func(kind int) bool) {
	for _, v := range b.invariants() {
		if r, ok := keep[v]; ok && which(b.from[v].kind) {
			t.bring(b.from[v], r)
		}
	}
}

func (t *x86) bring(i invariant, r int) {
	switch i.kind {
	case constant:
		t.op("VBROADCASTSS constants<>+%d(SB), %s", 4*t.constant(i.bits), t.reg(r))
	case laneIndex:
		t.op("VMOVDQU%s laneIndex<>+0(SB), %s", t.pick("32", ""), t.reg(r))
	case scalar:
		t.op("VBROADCASTSS %d(BX), %s", 4*i.index, t.reg(r))
	case rowScalar:
		t.op("VBROADCASTSS (%s), %s", x86Arrays[i.index], t.reg(r))
	}
}

func (t *x86) pick(wide, narrow string) string {
	if t.wide {
		return wide
	}
	return narrow
}

func (t *x86) move(from, to int) { t.op("VMOVAPS %s, %s", t.reg(from), t.reg(to)) }

func (t *x86) destroys(string) bool { return false }

func (t *x86) fused(n *node, x, y, z int, lose [3]bool, fresh func() int) int {
	name := map[string]string{"fma": "VFMADD", "fnma": "VFNMADD"}[n.op]
	switch {
	case lose[0]:
		t.op("%s213PS %s, %s, %s", name, t.reg(z), t.reg(y), t.reg(x))
		return x
	case lose[1]:
		t.op("%s213PS %s, %s, %s", name, t.reg(z), t.reg(x), t.reg(y))
		return y
	case lose[2]:
		t.op("%s231PS %s, %s, %s", name, t.reg(y), t.reg(x), t.reg(z))
		return z
	}
	r := fresh()
	t.move(z, r)
	t.op("%s231PS %s, %s, %s", name, t.reg(y), t.reg(x), t.reg(r))
	return r
}

// Instructions of two operands and a result, and what they need.
var x86Binary = map[string][2]string{ // AVX-512, AVX2
	"add": {"VADDPS", "VADDPS"}, "sub": {"VSUBPS", "VSUBPS"}, "mul": {"VMULPS", "VMULPS"}, "div": {"VDIVPS", "VDIVPS"},
	"and": {"VPANDD", "VPAND"}, "or": {"VPORD", "VPOR"}, "xor": {"VPXORD", "VPXOR"},
	"addInt": {"VPADDD", "VPADDD"}, "subInt": {"VPSUBD", "VPSUBD"}, "mulInt": {"VPMULLD", "VPMULLD"},
	"scale": {"VSCALEFPS", ""},
}

var (
	x86Unary   = map[string]string{"sqrt": "VSQRTPS", "toFloat": "VCVTDQ2PS"}
	x86Shift   = map[string]string{"left": "VPSLLD", "right": "VPSRLD", "rightSign": "VPSRAD"}
	x86Compare = map[string]int{"greater": 0x1e, "atMost": 0x12, "equal": 0x00}
)

func (t *x86) emit(n *node, r int, s []int) {
	if names, ok := x86Binary[n.op]; ok {
		t.op("%s %s, %s, %s", t.pick(names[0], names[1]), t.reg(s[1]), t.reg(s[0]), t.reg(r))
	} else if name, ok := x86Unary[n.op]; ok {
		t.op("%s %s, %s", name, t.reg(s[0]), t.reg(r))
	} else if name, ok := x86Shift[n.op]; ok {
		t.op("%s $%d, %s, %s", name, n.shift, t.reg(s[0]), t.reg(r))
	} else if code, ok := x86Compare[n.op]; ok {
		t.op("VCMPPS $%d, %s, %s, %s", code, t.reg(s[1]), t.reg(s[0]), t.mask(r))
	} else {
		t.other(n, r, s)
	}
}

func (t *x86) mask(r int) string { return t.pick(fmt.Sprintf("K%d", r), t.reg(r)) }

func (t *x86) other(n *node, r int, s []int) {
	switch n.op {
	case "greaterInt":
		t.op("VPCMPGTD %s, %s, %s", t.reg(s[1]), t.reg(s[0]), t.mask(r))
	case "choose":
		if t.wide {
			t.op("VBLENDMPS %s, %s, K%d, %s", t.reg(s[1]), t.reg(s[2]), s[0], t.reg(r))
		} else {
			t.op("VBLENDVPS %s, %s, %s, %s", t.reg(s[0]), t.reg(s[1]), t.reg(s[2]), t.reg(r))
		}
	case "offset":
		t.op("MOVQ R11, AX")
		t.op("SHRQ $2, AX")
		if t.wide {
			t.op("VPBROADCASTD AX, %s", t.reg(r))
		} else {
			t.op("VMOVD AX, X%d", r)
			t.op("VPBROADCASTD X%d, %s", r, t.reg(r))
		}
	case "load":
		t.get(fmt.Sprintf("(%s)(R11*1)", x86Arrays[n.index]), r)
	case "store":
		t.put(s[0], fmt.Sprintf("(%s)(R11*1)", x86Arrays[n.index]))
	case "column":
		t.op("MOVQ %d(BX), R12", 24*n.index)
		t.get("(R12)(R13*1)", r)
	case "storeColumn":
		t.op("MOVQ %d(BX), R12", 24*n.index)
		t.put(s[0], "(R12)(R13*1)")
	case "room":
		t.op("MOVQ %d(BX), R12", 24*n.index)
		t.op("VMOVUPS (R12)(R13*1), %s", t.reg(r))
	case "storeRoom":
		t.op("MOVQ %d(BX), R12", 24*n.index)
		t.op("VMOVUPS %s, (R12)(R13*1)", t.reg(s[0]))
	default:
		panic("no instruction for " + n.op)
	}
}

func (t *x86) get(address string, r int) {
	switch {
	case t.wide:
		t.op("VMOVUPS.Z %s, K1, %s", address, t.reg(r))
	case t.masked:
		t.op("VMASKMOVPS %s, Y15, %s", address, t.reg(r))
	default:
		t.op("VMOVUPS %s, %s", address, t.reg(r))
	}
}

func (t *x86) put(r int, address string) {
	switch {
	case t.wide:
		t.op("VMOVUPS %s, K1, %s", t.reg(r), address)
	case t.masked:
		t.op("VMASKMOVPS %s, Y15, %s", t.reg(r), address)
	default:
		t.op("VMOVUPS %s, %s", t.reg(r), address)
	}
}
