package read

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/transform"
)

// text opens a stream of characters as ASCII and its supersets: UTF-16 becomes
// UTF-8, a byte order mark is dropped, single-byte encodings are left for the
// fields. It returns the encoding: the one given, or what the first bytes tell.
func (s *stream) text(ctx context.Context, b *budget, enc Encoding) (io.ReadCloser, Encoding, error) {
	file, err := s.reader(ctx, b)
	if err != nil {
		return nil, "", err
	}
	r := bufio.NewReaderSize(file, 64<<10)
	head, err := r.Peek(4096)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, "", errors.Join(err, file.Close())
	}
	if enc == "" || enc == UTF16 {
		enc = encodingOf(head, enc)
	}
	if bytes.HasPrefix(head, []byte(byteOrderMark)) && enc != UTF16LE && enc != UTF16BE {
		if _, err := r.Discard(len(byteOrderMark)); err != nil {
			return nil, "", errors.Join(err, file.Close())
		}
	}
	var in io.Reader = r
	switch enc {
	case UTF16LE:
		in = transform.NewReader(r, unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder())
	case UTF16BE:
		in = transform.NewReader(r, unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder())
	}
	return &unpackedFile{Reader: in, close: file.Close}, enc, nil
}

const byteOrderMark = "\ufeff"

// encodingOf tells UTF-16 by its mark, or by its NUL bytes: Western text has
// them in every second place.
func encodingOf(head []byte, given Encoding) Encoding {
	switch {
	case bytes.HasPrefix(head, []byte("\xff\xfe")):
		return UTF16LE
	case bytes.HasPrefix(head, []byte("\xfe\xff")):
		return UTF16BE
	}
	var nuls [2]int
	for i, c := range head {
		if c == 0 {
			nuls[i%2]++
		}
	}
	switch half := len(head) / 2; {
	case half > 0 && nuls[1]*10 >= half*4 && nuls[0]*20 <= half:
		return UTF16LE
	case half > 0 && nuls[0]*10 >= half*4 && nuls[1]*20 <= half:
		return UTF16BE
	case given == UTF16:
		return UTF16LE
	}
	return auto8
}

// auto8 is what encodingOf finds where a text is not UTF-16: UTF-8, and fields
// that are not are read as Windows-1252.
const auto8 Encoding = ""

// appendText appends a text in a single-byte encoding as UTF-8.
func appendText(to, text []byte, enc Encoding) []byte {
	for _, c := range text {
		r := rune(c)
		if enc != Latin1 && c >= 0x80 && c < 0xa0 {
			if d := charmap.Windows1252.DecodeByte(c); d != utf8.RuneError {
				r = d
			}
		}
		to = utf8.AppendRune(to, r)
	}
	return to
}

// head returns the beginning of a text: at least its first line, and what
// follows up to size bytes.
func (s *stream) head(ctx context.Context, enc Encoding, size int) (text []byte, all bool, found Encoding, err error) {
	r, found, err := s.text(ctx, &budget{left: s.lim.Bytes}, enc)
	if err != nil {
		return nil, false, "", err
	}
	defer r.Close()
	w := newWindow(r, size, s.lim.Record)
	for {
		err := w.more(ctx)
		if errors.Is(err, errTooLong) {
			return nil, false, "", invalid(s.name, 1, "", "the first line has more than %s; is this a table?", bytesOf(int64(s.lim.Record)))
		}
		if err != nil {
			return nil, false, "", err
		}
		if w.last || bytes.ContainsAny(w.buf, "\n\r") {
			return w.buf, w.last, found, nil
		}
	}
}

// describe says how a text was decoded, or nothing for UTF-8.
func (e Encoding) describe() string {
	if e == auto8 || e == UTF8 {
		return ""
	}
	return "encoding " + string(e)
}
