package shard

import (
	"encoding/binary"
	"fmt"
)

// What Decode needs of the Arrow IPC format (columnar format 1.5: File.fbs,
// Schema.fbs, Message.fbs), and no more: the layout that Encode writes. The
// Arrow library is not used here, since it allocates by lengths that a file
// claims, and what it cannot allocate ends the process. Nothing here allocates
// by what a file says, and nothing recurses.

var le = binary.LittleEndian

// fail says what is wrong with a file; reading goes on with zeros after the
// first.
type fail struct{ err error }

func (f *fail) set(format string, args ...any) {
	if f.err == nil {
		f.err = fmt.Errorf(format, args...)
	}
}

// tree is bytes that hold a FlatBuffer. Positions are from the start of b, and
// 0 is nowhere.
type tree struct {
	b []byte
	*fail
}

// at returns n bytes at a position, or zeros.
func (t tree) at(p, n int) []byte {
	if p < 0 || n < 0 || n > len(t.b) || p > len(t.b)-n {
		t.set("an offset points out of the file")
		return make([]byte, 8)
	}
	return t.b[p : p+n]
}

func (t tree) u16(p int) int   { return int(le.Uint16(t.at(p, 2))) }
func (t tree) i32(p int) int   { return int(int32(le.Uint32(t.at(p, 4)))) }
func (t tree) i64(p int) int64 { return int64(le.Uint64(t.at(p, 8))) }

// refer follows an offset.
func (t tree) refer(p int) int {
	if p == 0 {
		return 0
	}
	return p + int(le.Uint32(t.at(p, 4)))
}

// field returns where field i of a table is, or 0.
func (t tree) field(table, i int) int {
	if table == 0 {
		return 0
	}
	v := table - t.i32(table)
	if 4+2*i+2 > t.u16(v) {
		return 0
	}
	if o := t.u16(v + 4 + 2*i); o != 0 {
		return table + o
	}
	return 0
}

// child returns the table, vector or string that field i of a table refers to.
func (t tree) child(table, i int) int { return t.refer(t.field(table, i)) }

// number returns field i of a table, of so many bytes; 0 if it is not there.
func (t tree) number(table, i, bytes int) int64 {
	p := t.field(table, i)
	switch {
	case p == 0:
		return 0
	case bytes == 1:
		return int64(t.at(p, 1)[0])
	case bytes == 2:
		return int64(t.u16(p))
	case bytes == 4:
		return int64(t.i32(p))
	}
	return t.i64(p)
}

// vector returns where the elements of field i of a table are, and how many
// there are, of so many bytes each.
func (t tree) vector(table, i, bytes int) (p, n int) {
	v := t.child(table, i)
	if v == 0 {
		return 0, 0
	}
	n = t.i32(v)
	if n < 0 || v+4 > len(t.b) || n > (len(t.b)-v-4)/bytes {
		t.set("a list of %d elements", n)
		return 0, 0
	}
	return v + 4, n
}

func (t tree) text(table, i int) string {
	p, n := t.vector(table, i, 1)
	return string(t.b[p : p+n])
}

// lookup returns the value of a key in the metadata that is field i of a table.
func (t tree) lookup(table, i int, key string) string {
	p, n := t.vector(table, i, 4)
	for k := range n {
		if pair := t.refer(p + 4*k); t.text(pair, 0) == key {
			return t.text(pair, 1)
		}
	}
	return ""
}

// The numbers of types in a schema.
const (
	typeInt       = 2
	typeFloat     = 3
	typeText      = 5
	typeBool      = 6
	typeTimestamp = 10
	typeList      = 12
	typeStruct    = 13
)

// physical is how the values of a column lie in a buffer.
type physical int

const (
	isOther physical = iota
	isBool
	isUint8
	isInt8
	isInt16
	isInt32
	isInt64
	isUint32
	isUint64
	isFloat32
	isFloat64
	isText
)

// widths are the bytes of a value.
var widths = map[physical]int{isUint8: 1, isInt8: 1, isInt16: 2, isInt32: 4, isInt64: 8, isUint32: 4, isUint64: 8, isFloat32: 4, isFloat64: 8}

// integer returns the form of an Int table.
func (t tree) integer(typ int) physical {
	switch bits, signed := t.number(typ, 0, 4), t.number(typ, 1, 1) != 0; {
	case bits == 8 && !signed:
		return isUint8
	case bits == 8:
		return isInt8
	case bits == 16 && signed:
		return isInt16
	case bits == 32 && !signed:
		return isUint32
	case bits == 32:
		return isInt32
	case bits == 64 && !signed:
		return isUint64
	}
	return isOther
}

// form returns the form of a field, apart from lists and structures.
func (t tree) form(field int) physical {
	typ := t.child(field, 3)
	switch t.number(field, 2, 1) {
	case typeInt:
		return t.integer(typ)
	case typeFloat:
		switch t.number(typ, 0, 2) {
		case 1:
			return isFloat32
		case 2:
			return isFloat64
		}
	case typeBool:
		return isBool
	case typeText:
		return isText
	case typeTimestamp:
		if t.number(typ, 0, 2) == 0 { // seconds
			return isInt64
		}
	}
	return isOther
}

// file is an Arrow IPC file: its footer is in tree, from root.
type file struct {
	tree
	blob   []byte
	root   int
	schema int
}

const magic = "ARROW1"

func openFile(blob []byte, f *fail) file {
	file := file{blob: blob}
	tail := len(blob) - len(magic) - 4
	if tail < 8 || string(blob[:len(magic)]) != magic || string(blob[tail+4:]) != magic {
		f.set("not an Arrow file")
		file.tree = tree{nil, f}
		return file
	}
	size := int(le.Uint32(blob[tail:]))
	if size > tail-8 {
		f.set("a footer of %d bytes", size)
		size = 0
	}
	file.tree = tree{blob[tail-size : tail], f}
	file.root = file.i32(0)
	file.schema = file.child(file.root, 1)
	if file.number(file.schema, 0, 2) != 0 {
		f.set("big-endian values")
	}
	return file
}

// batch is a message with values: nodes and buffers in the order of the
// schema, depth first.
type batch struct {
	tree
	body    []byte
	rows    int64
	id      int64 // of a dictionary
	nodes   int   // where they are, and how many are left
	left    int
	buffers int
	more    int
}

const (
	dictionaries = 2 // fields of the footer, and
	records      = 3
	headDict     = 2 // types of a message's header
	headRecord   = 3
)

// blocks returns how many messages there are of a sort.
func (f file) blocks(sort int) int {
	_, n := f.vector(f.root, sort, 24)
	return n
}

// batch opens message i of a sort.
func (f file) batch(sort, i int) batch {
	p, _ := f.vector(f.root, sort, 24)
	p += 24 * i
	offset, meta, length := f.i64(p), int64(f.i32(p+8)), f.i64(p+16)
	size := int64(len(f.blob))
	if offset < 0 || meta < 8 || length < 0 || offset > size || meta > size-offset || length > size-offset-meta {
		f.set("a message outside of the file")
		return batch{tree: tree{nil, f.fail}}
	}
	b := batch{tree: tree{f.blob[offset+8 : offset+meta], f.fail}, body: f.blob[offset+meta : offset+meta+length]}
	root := b.i32(0)
	header := b.child(root, 2)
	switch typ := b.number(root, 1, 1); {
	case sort == records && typ == headRecord:
	case sort == dictionaries && typ == headDict:
		b.id = b.number(header, 0, 8)
		header = b.child(header, 1)
	default:
		b.set("a message of type %d", typ)
	}
	if b.child(header, 3) != 0 {
		b.set("compressed values")
	}
	b.rows = b.number(header, 0, 8)
	b.nodes, b.left = b.vector(header, 1, 16)
	b.buffers, b.more = b.vector(header, 2, 16)
	return b
}

// node returns the length of the next array.
func (b *batch) node() int64 {
	if b.left == 0 {
		b.set("fewer arrays than columns")
		return 0
	}
	n := b.i64(b.nodes)
	b.nodes += 16
	b.left--
	return n
}

// buffer returns the next buffer.
func (b *batch) buffer() []byte {
	if b.more == 0 {
		b.set("fewer buffers than columns need")
		return nil
	}
	offset, length, size := b.i64(b.buffers), b.i64(b.buffers+8), int64(len(b.body))
	b.buffers += 16
	b.more--
	if offset < 0 || length < 0 || offset > size || length > size-offset {
		b.set("a buffer outside of its message")
		return nil
	}
	return b.body[offset : offset+length]
}

// values returns the next buffer, which is to hold n values of so many bits.
func (b *batch) values(n, bits int) []byte {
	buf := b.buffer()
	if need := (int64(n)*int64(bits) + 7) / 8; int64(len(buf)) < need {
		b.set("a buffer of %d bytes for %d values", len(buf), n)
		return nil
	}
	return buf
}

// validity returns the next buffer as a bitmap of n values, nil if all are
// present.
func (b *batch) validity(n int) bitmap {
	buf := b.buffer()
	if len(buf) > 0 && len(buf) < (n+7)/8 {
		b.set("a bitmap of %d bytes for %d values", len(buf), n)
		return nil
	}
	return buf
}

// bitmap says of each value whether it is there; an empty one, that all are.
type bitmap []byte

func (b bitmap) has(i int) bool { return len(b) == 0 || b[i/8]>>(i%8)&1 != 0 }
