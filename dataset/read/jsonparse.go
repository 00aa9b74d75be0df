package read

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// errPartial means that a value may go on beyond the window.
var errPartial = errors.New("partial")

// jsonError is what is wrong with a value, and where in the window.
type jsonError struct {
	at   int
	path string
	msg  string
}

func (e *jsonError) Error() string { return e.msg }

// jsonKinds are the kinds of values that a column has held.
type jsonKinds uint8

const (
	jsonNumber jsonKinds = 1 << iota
	jsonBool
	jsonText
	jsonArray // not a value: how many numbers an array holds
)

// jsonNode is a place in the objects: a key, and the keys below it. Keys mostly
// come in the same order, so each lookup begins behind the one before.
type jsonNode struct {
	key      string
	path     string
	column   int // -1: no value was met here
	length   int // of the arrays here; 0: none was met
	children []*jsonNode
	index    map[string]*jsonNode
	next     int
}

func (n *jsonNode) child(key []byte) *jsonNode {
	if n.next < len(n.children) && n.children[n.next].key == string(key) {
		n.next++
		return n.children[n.next-1]
	}
	c, ok := n.index[string(key)]
	if !ok {
		c = &jsonNode{key: string(key), column: -1}
		c.path = c.key
		if n.path != "" {
			c.path = n.path + "." + c.key
		}
		if n.index == nil {
			n.index = make(map[string]*jsonNode)
		}
		n.index[c.key] = c
		n.children = append(n.children, c)
		n.next = len(n.children)
		return c
	}
	n.next = 0 // the order is another: begin again
	if i := slices.Index(n.children[:min(len(n.children), 64)], c); i >= 0 {
		n.next = i + 1
	}
	return c
}

// jsonCell is a value of a record: buf[from:to].
type jsonCell struct {
	node     *jsonNode
	kind     jsonKinds
	escaped  bool
	from, to int // of an array: to is the length
}

// jsonParser cuts records, which are objects, into cells.
type jsonParser struct {
	root  jsonNode
	cells []jsonCell
	key   []byte
	depth int // of objects at most
	nodes int // that may still be made

	buf   []byte
	pos   int
	final bool
}

// record parses the object that begins at pos and returns where it ends.
func (p *jsonParser) record(buf []byte, pos int, final bool) (int, error) {
	p.buf, p.pos, p.final, p.cells = buf, pos, final, p.cells[:0]
	if err := p.object(&p.root, 1); err != nil {
		return pos, err
	}
	return p.pos, nil
}

func (p *jsonParser) fail(path, format string, args ...any) error {
	return &jsonError{at: p.pos, path: path, msg: fmt.Sprintf(format, args...)}
}

// peek skips white space and returns the byte behind it.
func (p *jsonParser) peek() (byte, error) {
	for ; p.pos < len(p.buf); p.pos++ {
		switch c := p.buf[p.pos]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c, nil
		}
	}
	if p.final {
		return 0, p.fail("", "the file ends within an object; it is cut short")
	}
	return 0, errPartial
}

// object parses the members of an object, p.pos being at its brace.
func (p *jsonParser) object(n *jsonNode, depth int) error {
	if depth > p.depth {
		return p.fail(shorten(n.path), "objects within objects, more than %d deep", p.depth)
	}
	p.pos++
	n.next = 0
	for first := true; ; first = false {
		c, err := p.peek()
		if err != nil {
			return err
		}
		if c == '}' && first {
			p.pos++
			return nil
		}
		if c != '"' {
			return p.fail(shorten(n.path), "%q stands where a key in double quotes is needed", string(rune(c)))
		}
		child, err := p.member(n)
		if err != nil {
			return err
		}
		if err := p.value(child, depth); err != nil {
			return err
		}
		if c, err = p.peek(); err != nil {
			return err
		}
		if c != ',' && c != '}' {
			return p.fail(shorten(child.path), "%q stands where a comma or a closing brace is needed", string(rune(c)))
		}
		p.pos++
		if c == '}' {
			return nil
		}
	}
}

// member parses a key and its colon.
func (p *jsonParser) member(n *jsonNode) (*jsonNode, error) {
	from, to, esc, err := p.text()
	if err != nil {
		return nil, err
	}
	key := p.buf[from:to]
	if esc {
		if p.key, err = unescapeJSON(p.key[:0], key); err != nil {
			return nil, p.fail(shorten(n.path), "a key: %v", err)
		}
		key = p.key
	}
	if len(key) > maxName || !utf8.Valid(key) {
		return nil, p.fail(shorten(n.path), "a key of %s; at most %d of UTF-8 are taken", count(len(key), "byte"), maxName)
	}
	c, err := p.peek()
	if err != nil {
		return nil, err
	}
	if c != ':' {
		return nil, p.fail(shorten(string(key)), "%q stands where a colon is needed", string(rune(c)))
	}
	p.pos++
	before := len(n.children)
	child := n.child(key)
	if len(n.children) > before {
		if p.nodes--; p.nodes < 0 {
			return nil, p.fail(shorten(child.path), "too many keys; is this a table, or a map that names its rows?")
		}
	}
	return child, nil
}

// text parses a string and returns what stands between its quotes.
func (p *jsonParser) text() (from, to int, esc bool, err error) {
	from = p.pos + 1
	for i := from; ; {
		k := bytes.IndexByte(p.buf[i:], '"')
		if k < 0 {
			if n := bytes.IndexByte(p.buf[from:], '\n'); n >= 0 || p.final {
				return 0, 0, false, p.fail("", "a text is not closed on its line")
			}
			return 0, 0, false, errPartial
		}
		to = i + k
		if behindBackslash(p.buf[from:to]) {
			i = to + 1
			continue
		}
		body := p.buf[from:to]
		if bytes.IndexByte(body, '\n') >= 0 {
			return 0, 0, false, p.fail("", "a text is not closed on its line")
		}
		p.pos = to + 1
		return from, to, bytes.IndexByte(body, '\\') >= 0, nil
	}
}

// value parses what a key stands for.
func (p *jsonParser) value(n *jsonNode, depth int) error {
	c, err := p.peek()
	if err != nil {
		return err
	}
	switch c {
	case '{':
		return p.object(n, depth+1)
	case '[':
		return p.array(n)
	case '"':
		from, to, esc, err := p.text()
		if err != nil {
			return err
		}
		p.cells = append(p.cells, jsonCell{node: n, kind: jsonText, escaped: esc, from: from, to: to})
		return nil
	}
	return p.scalar(n)
}

// scalar parses a number, a truth value or null.
func (p *jsonParser) scalar(n *jsonNode) error {
	from := p.pos
	end := from
	for end < len(p.buf) && isScalar(p.buf[end]) {
		end++
	}
	if end == len(p.buf) && !p.final {
		return errPartial
	}
	token := p.buf[from:end]
	cell := jsonCell{node: n, from: from, to: end}
	switch string(token) {
	case "null", "NaN":
		p.pos = end
		return nil
	case "true", "false":
		cell.kind = jsonBool
	case "Infinity", "-Infinity":
		cell.kind = jsonText
	default:
		v, whole, ok := parseFloat(token)
		cell.kind = jsonNumber
		if !ok && !isNumeric(string(token)) || len(token) > 0 && token[0] == '+' {
			if len(token) == 0 {
				token = p.buf[end : end+1]
			}
			return p.fail(shorten(n.path), "%q is no JSON value", shorten(string(token)))
		}
		if !ok || whole && (v >= maxExact || v <= -maxExact) {
			cell.kind = jsonText // as a number it would not be the same
		}
	}
	p.pos = end
	p.cells = append(p.cells, cell)
	return nil
}

func isScalar(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '+' || c == '.' || c == '_'
}

// array parses an array of numbers, each of which is a column.
func (p *jsonParser) array(n *jsonNode) error {
	p.pos++
	at := len(p.cells)
	p.cells = append(p.cells, jsonCell{node: n, kind: jsonArray, from: p.pos})
	n.next = 0
	for i := 0; ; i++ {
		c, err := p.peek()
		if err != nil {
			return err
		}
		if c == ']' && i == 0 {
			p.pos++
			p.cells = p.cells[:at] // an empty array is a missing one
			return nil
		}
		if c != '-' && c != 'n' && c != 'N' && (c < '0' || c > '9') {
			return p.fail(shorten(n.path), "an array of %s; a column holds one value a row, and only arrays of numbers of one length become columns", kindOf(c))
		}
		before := len(n.children)
		child := n.child(strconv.AppendInt(p.key[:0], int64(i), 10))
		if len(n.children) > before {
			if p.nodes--; p.nodes < 0 {
				return p.fail(shorten(n.path), "an array of too many numbers")
			}
		}
		if err := p.scalar(child); err != nil {
			return err
		}
		if c, err = p.peek(); err != nil {
			return err
		}
		if c != ',' && c != ']' {
			return p.fail(shorten(n.path), "%q stands where a comma or a closing bracket is needed", string(rune(c)))
		}
		p.pos++
		if c == ']' {
			p.cells[at].to = i + 1
			return nil
		}
	}
}

func kindOf(c byte) string {
	switch c {
	case '"':
		return "texts"
	case '{':
		return "objects"
	case '[':
		return "arrays"
	}
	return "values that are no numbers"
}

// unescapeJSON appends a string as its escapes mean it.
func unescapeJSON(to, text []byte) ([]byte, error) {
	for i := 0; i < len(text); i++ {
		c := text[i]
		if c != '\\' {
			to = append(to, c)
			continue
		}
		i++ // a backslash is never last: it would escape the closing quote
		switch text[i] {
		case '"', '\\', '/':
			to = append(to, text[i])
		case 'b', 'f', 'n', 'r', 't':
			to = append(to, "\b\f\n\r\t"[strings.IndexByte("bfnrt", text[i])])
		case 'u':
			r, ok := hex4(text[i+1:])
			if !ok {
				return to, fmt.Errorf("\\u is not followed by four hexadecimal digits")
			}
			i += 4
			if utf16.IsSurrogate(r) {
				low, ok := rune(0), false
				if i+2 < len(text) && text[i+1] == '\\' && text[i+2] == 'u' {
					low, ok = hex4(text[i+3:])
				}
				if r = utf16.DecodeRune(r, low); ok && r != utf8.RuneError {
					i += 6
				}
			}
			to = utf8.AppendRune(to, r)
		default:
			return to, fmt.Errorf("\\%c is no escape of JSON", text[i])
		}
	}
	return to, nil
}

func hex4(b []byte) (rune, bool) {
	if len(b) < 4 {
		return 0, false
	}
	v, err := strconv.ParseUint(string(b[:4]), 16, 16)
	return rune(v), err == nil
}
