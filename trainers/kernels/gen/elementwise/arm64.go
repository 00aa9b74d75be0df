package main

import "fmt"

// arm64 writes a loop for NEON. The general registers:
//
//	R0…R3  arrays, moved on as they are read; the row's element by the row
//	R4     rows left          R5  elements left in the row
//	R6     table              R7  bytes from the start of the columns
//	R8     constants          R9, R10  for a moment
//	R11    elements from the start of the arrays
//
// What Go's assembler has no name for is written as a word.
type arm64 struct {
	*printer
	k    *kernel
	tail bool // this copy of the body is for the end of a row
}

func (t *arm64) registers() (vectors, masks []int) { return span(0, 32), nil }

func (t *arm64) write() {
	k := t.k
	b := k.build(false)
	t.header(k, "NEON")
	at := 0
	for i, a := range k.arrays {
		t.op("MOVD %s+%d(FP), R%d", a, at, i)
		at += 8
	}
	if !k.flat {
		t.op("MOVD n+%d(FP), R4", at)
		at += 8
	}
	count := at
	at += 8
	if k.table {
		t.op("MOVD p+%d(FP), R6", at)
	}
	t.op("MOVD $constants<>(SB), R8")
	t.op("MOVD $0, R11")
	keep := kept(b, func() target { return &arm64{printer: new(printer), k: k} })
	t.bringAll(b, keep, func(kind int) bool { return kind != rowScalar })
	label := t.label()
	if !k.flat {
		t.line("row%d:", label)
		t.bringAll(b, keep, func(kind int) bool { return kind == rowScalar })
	}
	t.op("MOVD c+%d(FP), R5", count)
	if k.columns {
		t.op("MOVD $0, R7")
	}
	t.op("SUBS $4, R5, R5")
	t.op("BLT tail%d", label)
	t.line("loop%d:", label)
	keepIn(b, t, keep).run()
	t.next("$16", "$4")
	t.op("SUBS $4, R5, R5")
	t.op("BGE loop%d", label)
	t.line("tail%d:", label)
	t.op("ADDS $4, R5, R5")
	t.op("BEQ end%d", label)
	t.tail = true
	keepIn(b, t, keep).run()
	t.op("LSL $2, R5, R9")
	t.next("R9", "R5")
	t.tail = false
	t.line("end%d:", label)
	if !k.flat {
		if k.rows {
			t.op("ADD $4, R1, R1")
		}
		t.op("SUBS $1, R4, R4")
		t.op("BNE row%d", label)
	}
	t.op("RET")
}

// next moves the arrays on by so many bytes, which are so many elements.
func (t *arm64) next(bytes, elements string) {
	for i := range t.k.arrays {
		if !t.k.rows || i != 1 {
			t.op("ADD %s, R%d, R%d", bytes, i, i)
		}
	}
	t.op("ADD %s, R11, R11", elements)
	if t.k.columns {
		t.op("ADD %s, R7, R7", bytes)
	}
}

func (t *arm64) bringAll(b *body, keep map[value]int, which func(kind int) bool) {
	for _, v := range b.invariants() {
		if r, ok := keep[v]; ok && which(b.from[v].kind) {
			t.bring(b.from[v], r)
		}
	}
}

func (t *arm64) bring(i invariant, r int) {
	switch i.kind {
	case constant:
		t.op("FMOVQ %d(R8), F%d", 16*t.constant(i.bits), r)
	case laneIndex:
		t.op("MOVD $laneIndex<>(SB), R9")
		t.op("FMOVQ (R9), F%d", r)
	case scalar:
		t.op("ADD $%d, R6, R9", 4*i.index)
		t.op("VLD1R (R9), [V%d.S4]", r)
	case rowScalar:
		t.op("VLD1R (R%d), [V%d.S4]", i.index, r)
	}
}

func (t *arm64) move(from, to int) { t.op("VORR V%d.B16, V%d.B16, V%d.B16", from, from, to) }

func (t *arm64) destroys(op string) bool { return op == "choose" }

func (t *arm64) fused(n *node, x, y, z int, lose [3]bool, fresh func() int) int {
	r := z
	if !lose[2] {
		r = fresh()
		t.move(z, r)
	}
	name := map[string]string{"fma": "VFMLA", "fnma": "VFMLS"}[n.op]
	t.op("%s V%d.S4, V%d.S4, V%d.S4", name, y, x, r)
	return r
}

// word is an instruction as its bits are, with its name in a comment.
func (t *arm64) word(bits uint32, format string, args ...any) {
	t.op("WORD $%#08x // %s", bits, fmt.Sprintf(format, args...))
}

// Instructions of two operands: the bits without registers, and the name. The
// operands of atMost come the other way round.
var arm64Binary = map[string]struct {
	bits uint32
	name string
}{
	"add": {0x4e20d400, "FADD"}, "sub": {0x4ea0d400, "FSUB"}, "mul": {0x6e20dc00, "FMUL"}, "div": {0x6e20fc00, "FDIV"},
	"mulInt": {0x4ea09c00, "MUL"}, "greater": {0x6ea0e400, "FCMGT"}, "equal": {0x4e20e400, "FCMEQ"},
	"atMost": {0x6e20e400, "FCMGE"}, "greaterInt": {0x4ea03400, "CMGT"},
}

var (
	arm64Named   = map[string]string{"and": "VAND", "or": "VORR", "xor": "VEOR"}
	arm64Integer = map[string]string{"addInt": "VADD", "subInt": "VSUB"}
	arm64Unary   = map[string]struct {
		bits uint32
		name string
	}{"sqrt": {0x6ea1f800, "FSQRT"}, "toFloat": {0x4e21d800, "SCVTF"}}
)

func (t *arm64) emit(n *node, r int, s []int) {
	if i, ok := arm64Binary[n.op]; ok {
		x, y := s[0], s[1]
		if n.op == "atMost" {
			x, y = y, x
		}
		t.word(i.bits|uint32(y)<<16|uint32(x)<<5|uint32(r), "%s V%d.4S, V%d.4S, V%d.4S", i.name, r, x, y)
	} else if i, ok := arm64Unary[n.op]; ok {
		t.word(i.bits|uint32(s[0])<<5|uint32(r), "%s V%d.4S, V%d.4S", i.name, r, s[0])
	} else if name, ok := arm64Named[n.op]; ok {
		t.op("%s V%d.B16, V%d.B16, V%d.B16", name, s[1], s[0], r)
	} else if name, ok := arm64Integer[n.op]; ok {
		t.op("%s V%d.S4, V%d.S4, V%d.S4", name, s[1], s[0], r)
	} else {
		t.other(n, r, s)
	}
}

func (t *arm64) other(n *node, r int, s []int) {
	switch n.op {
	case "left":
		t.op("VSHL $%d, V%d.S4, V%d.S4", n.shift, s[0], r)
	case "right":
		t.op("VUSHR $%d, V%d.S4, V%d.S4", n.shift, s[0], r)
	case "rightSign":
		t.word(0x4f000400|uint32(64-n.shift)<<16|uint32(s[0])<<5|uint32(r), "SSHR V%d.4S, V%d.4S, #%d", r, s[0], n.shift)
	case "choose":
		t.op("VBSL V%d.B16, V%d.B16, V%d.B16", s[2], s[1], r)
	case "offset":
		t.op("VDUP R11, V%d.S4", r)
	case "load":
		t.get(n.index, r)
	case "store":
		t.put(s[0], n.index)
	case "column":
		t.column(n.index)
		t.get(9, r)
	case "storeColumn":
		t.column(n.index)
		t.put(s[0], 9)
	case "room":
		t.column(n.index)
		t.op("VLD1 (R9), [V%d.S4]", r)
	case "storeRoom":
		t.column(n.index)
		t.op("VST1 [V%d.S4], (R9)", s[0])
	default:
		panic("no instruction for " + n.op)
	}
}

// column puts the address in a column array into R9.
func (t *arm64) column(i int) {
	t.op("MOVD %d(R6), R9", 24*i)
	t.op("ADD R7, R9, R9")
}

// get reads a vector from the address in a register; at the end of a row only
// the elements that there are, the others being 0.
func (t *arm64) get(address, r int) {
	if !t.tail {
		t.op("VLD1 (R%d), [V%d.S4]", address, r)
		return
	}
	t.op("FMOVS (R%d), F%d", address, r)
	t.others(address, "VLD1 (R10), V%d.S[%d]", func(lane int) []any { return []any{r, lane} })
}

func (t *arm64) put(r, address int) {
	if !t.tail {
		t.op("VST1 [V%d.S4], (R%d)", r, address)
		return
	}
	t.op("FMOVS F%d, (R%d)", r, address)
	t.others(address, "VST1 V%d.S[%d], (R10)", func(lane int) []any { return []any{r, lane} })
}

// others does the same for the second and the third element, if there are.
func (t *arm64) others(address int, format string, args func(lane int) []any) {
	label := t.label()
	for lane := 1; lane <= 2; lane++ {
		t.op("CMP $%d, R5", lane)
		t.op("BLE short%d", label)
		t.op("ADD $%d, R%d, R10", 4*lane, address)
		t.op(format, args(lane)...)
	}
	t.line("short%d:", label)
}
