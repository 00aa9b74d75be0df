package read

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// dialect is how a table is written as text.
type dialect struct {
	delim   byte // 0: one column; ' ': runs of white space
	quote   byte // 0: none
	newline byte
	escape  bool // a backslash in quotes takes the next character as it is
}

// span is a field in a window: buf[from:to]. The flags in to say what is to be
// done before it is a value.
type span struct{ from, to uint32 }

const (
	escaped  = 1 << 31 // holds doubled or escaped quotes
	foreign8 = 1 << 30 // holds bytes that are not UTF-8, or white space beyond ASCII may surround it
	spanMask = foreign8 - 1
)

func (s span) bytes(buf []byte) []byte { return buf[s.from : s.to&spanMask] }

// status is what became of cutting a record.
type status int

const (
	whole   status = iota
	partial        // it may go on beyond the window
	broken         // a quote is not closed; the record ends with its first line
)

// splitter cuts records into fields. It is the hot path: eight bytes are
// looked at in a step, and nothing is copied.
type splitter struct {
	dialect
	spans   []span // of the records since they were last emptied
	lines   int    // that the last record takes
	quoted  bool   // the last record has a quoted field
	escapes bool   // a quote behind a backslash was met
	special [256]bool
	delims  uint64 // the delimiter in each byte
	ends    uint64
	nl      [1]byte // the newline
}

const (
	everyByte = 0x0101010101010101
	lowBits   = 0x7f7f7f7f7f7f7f7f
)

func newSplitter(d dialect) *splitter {
	s := &splitter{dialect: d, delims: everyByte * uint64(d.delim), ends: everyByte * uint64(d.newline), nl: [1]byte{d.newline}}
	if d.delim == 0 {
		s.delims = s.ends
	}
	if d.quote != 0 {
		s.special[d.quote] = true
		s.special[' '] = d.delim != ' '
		s.special['\t'] = d.delim != '\t' && d.delim != ' '
	}
	return s
}

// record cuts the record that begins at pos, appends its fields to spans and
// returns where the next one begins. final says that the text ends with buf.
func (s *splitter) record(buf []byte, pos int, final bool) (next int, st status) {
	before := len(s.spans)
	s.lines, s.quoted = 1, false
	if s.delim == ' ' {
		next, st = s.blanks(buf, pos, final)
	} else {
		next, st = s.fields(buf, pos, final)
	}
	if st == whole {
		return next, st
	}
	s.spans = s.spans[:before]
	s.lines = 1
	if st == broken {
		if k := bytes.IndexByte(buf[pos:], s.newline); k >= 0 {
			return pos + k + 1, broken
		}
		if final {
			return len(buf), broken
		}
	}
	return pos, partial
}

// fields cuts a record whose fields are separated by one character.
func (s *splitter) fields(buf []byte, start int, final bool) (int, status) {
	spans := s.spans
field:
	for {
		if start < len(buf) && s.special[buf[start]] {
			end, sp, st := s.quotedField(buf, start, final)
			if st != whole {
				return start, st
			}
			if end >= 0 {
				spans = append(spans, sp)
				if end == len(buf) || buf[end] == s.newline {
					s.spans = spans
					return min(end+1, len(buf)), whole
				}
				start = end + 1
				continue
			}
		}
		p := start
		for ; p+8 <= len(buf); p += 8 {
			// A byte of hit is 0x80 where the text has a delimiter or a newline.
			w := binary.LittleEndian.Uint64(buf[p:])
			x, y := w^s.delims, w^s.ends
			x = (x&lowBits + lowBits) | x
			y = (y&lowBits + lowBits) | y
			hit := ^(x & y) & highBits
			for hit != 0 {
				i := p + bits.TrailingZeros64(hit)>>3
				hit &= hit - 1
				spans = append(spans, span{uint32(start), uint32(i)})
				start = i + 1
				if buf[i] == s.newline {
					s.spans = spans
					return start, whole
				}
				if start < len(buf) && s.special[buf[start]] {
					continue field
				}
			}
		}
		for ; p < len(buf); p++ {
			c := buf[p]
			if c != s.newline && (c != s.delim || s.delim == 0) {
				continue
			}
			spans = append(spans, span{uint32(start), uint32(p)})
			start = p + 1
			if c == s.newline {
				s.spans = spans
				return start, whole
			}
			if start < len(buf) && s.special[buf[start]] {
				continue field
			}
		}
		if !final {
			return start, partial
		}
		s.spans = append(spans, span{uint32(start), uint32(len(buf))})
		return len(buf), whole
	}
}

// quotedField cuts a quoted field that begins at start, white space before it
// aside. It returns where it ends (at the delimiter, the newline or the end of
// buf), or -1 if the field is not quoted.
func (s *splitter) quotedField(buf []byte, start int, final bool) (end int, sp span, st status) {
	open := start
	for open < len(buf) && s.isBlank(buf[open]) {
		open++
	}
	if open == len(buf) {
		if final {
			return -1, sp, whole
		}
		return -1, sp, partial
	}
	if buf[open] != s.quote {
		return -1, sp, whole
	}
	var flags uint32
	stray := false // a quote stood inside: then the field must end on its first line
	for i := open + 1; ; {
		k := bytes.IndexByte(buf[i:], s.quote)
		if stray {
			if n := bytes.IndexByte(buf[open:], s.newline); n >= 0 && (k < 0 || open+n < i+k) {
				return 0, sp, broken
			}
		}
		if k < 0 {
			if final {
				return 0, sp, broken
			}
			return 0, sp, partial
		}
		at := i + k
		i = at + 1
		behind := behindBackslash(buf[open+1 : at])
		if s.escape && behind {
			flags, s.escapes = escaped, true
			continue
		}
		if i < len(buf) && buf[i] == s.quote {
			flags = escaped
			i++
			continue
		}
		end = i
		for end < len(buf) && (s.isBlank(buf[end]) || buf[end] == '\r' && s.newline == '\n') {
			end++
		}
		if end == len(buf) && !final {
			return 0, sp, partial
		}
		if end == len(buf) || buf[end] == s.newline || buf[end] == s.delim && s.delim != 0 || s.delim == ' ' && end > i {
			s.quoted = true
			s.lines += bytes.Count(buf[open:at], s.nl[:])
			return end, span{uint32(open + 1), uint32(at) | flags}, whole
		}
		s.escapes = s.escapes || behind
		flags, stray = escaped, true
	}
}

// isBlank reports whether a byte is white space between delimiters.
func (s *splitter) isBlank(c byte) bool {
	return c == ' ' || c == '\t' && s.delim != '\t'
}

// behindBackslash reports whether a text ends in an odd number of backslashes.
func behindBackslash(b []byte) bool {
	n := 0
	for len(b) > n && b[len(b)-1-n] == '\\' {
		n++
	}
	return n%2 == 1
}

// blanks cuts a record whose fields are separated by runs of white space.
func (s *splitter) blanks(buf []byte, pos int, final bool) (int, status) {
	for {
		for pos < len(buf) && (s.isBlank(buf[pos]) || buf[pos] == '\r' && s.newline == '\n') {
			pos++
		}
		switch {
		case pos == len(buf) && !final:
			return pos, partial
		case pos == len(buf):
			return pos, whole
		case buf[pos] == s.newline:
			return pos + 1, whole
		}
		if buf[pos] == s.quote && s.quote != 0 {
			end, sp, st := s.quotedField(buf, pos, final)
			if st != whole {
				return pos, st
			}
			s.spans = append(s.spans, sp)
			pos = end
			continue
		}
		start := pos
		for pos < len(buf) && !s.isBlank(buf[pos]) && buf[pos] != s.newline {
			pos++
		}
		if pos == len(buf) && !final {
			return pos, partial
		}
		s.spans = append(s.spans, span{uint32(start), uint32(pos)})
	}
}

// unescape appends what stands in quotes as it is meant.
func (s *splitter) unescape(to, text []byte) []byte {
	for {
		i := bytes.IndexByte(text, s.quote)
		if s.escape {
			if k := bytes.IndexByte(text, '\\'); k >= 0 && (i < 0 || k < i) {
				i = k
			}
		}
		if i < 0 {
			return append(to, text...)
		}
		c, behind := text[i], i+1 < len(text)
		switch {
		case c == '\\' && behind && (text[i+1] == s.quote || text[i+1] == c || text[i+1] == s.delim || text[i+1] == s.newline):
			to = append(append(to, text[:i]...), text[i+1])
			i++
		case c == s.quote && behind && text[i+1] == c:
			to = append(to, text[:i+1]...)
			i++
		case c == s.quote && !s.escape && i > 0 && text[i-1] == '\\':
			to = append(append(to, text[:i-1]...), c) // a stray quote behind a backslash: escaped
		default:
			to = append(to, text[:i+1]...)
		}
		text = text[i+1:]
	}
}
