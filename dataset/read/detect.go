package read

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"

	"tourney"
)

// foreign lists what is taken for a table by mistake, by its first bytes.
var foreign = []struct{ magic, what string }{
	{"PK\x03\x04", "a zip archive inside another packing; unpack the outer one first"},
	{"\xfd7zXZ", "an XZ file, which is not read; unpack it first"},
	{"7z\xbc\xaf", "a 7z archive, which is not read; unpack it first"},
	{"Rar!", "a RAR archive, which is not read; unpack it first"},
	{"\x04\x22\x4d\x18", "an LZ4 file, which is not read; unpack it first"},
	{"FEA1", "a Feather file of version 1; write it as version 2"},
	{"SQLite format 3", "an SQLite database; export the table as CSV"},
	{"\xd0\xcf\x11\xe0", "an old Office document; save it as CSV"},
	{"\x89HDF", "an HDF5 file; export the table as CSV or Parquet"},
	{"\x93NUMPY", "a NumPy array; save it as CSV or Parquet"},
	{"ORC", "an ORC file; save it as Parquet"},
	{"Obj\x01", "an Avro file; save it as Parquet"},
	{"\x80\x02", "a Python pickle, which is not read because it can run code; save the table as CSV or Parquet"},
	{"\x80\x03", "a Python pickle, which is not read because it can run code; save the table as CSV or Parquet"},
	{"\x80\x04", "a Python pickle, which is not read because it can run code; save the table as CSV or Parquet"},
	{"\x80\x05", "a Python pickle, which is not read because it can run code; save the table as CSV or Parquet"},
	{"RDX2", "an R data file; save the table as CSV"},
	{"RDX3", "an R data file; save the table as CSV"},
	{"\x89PNG", "a PNG image"},
	{"\xff\xd8\xff", "a JPEG image"},
	{"GIF8", "a GIF image"},
	{"\x7fELF", "a program"},
	{"MZ\x90", "a program"},
	{"%PDF", "a PDF file"},
	{"<!DOCTYPE", "an HTML page"},
	{"<!doctype", "an HTML page"},
	{"<html", "an HTML page"},
	{"<?xml", "an XML file; save the table as CSV"},
}

// headBytes is how much of a file tells its format.
const headBytes = 64 << 10

// detect tells a stream's format, by its content first.
func detect(ctx context.Context, s *stream, opts Options) (Format, error) {
	r, err := s.reader(ctx, &budget{left: s.lim.Bytes})
	if err != nil {
		return "", err
	}
	defer r.Close()
	head := make([]byte, headBytes)
	n, err := io.ReadFull(r, head)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return "", err
	}
	head = head[:n]
	found, err := formatOf(head, s)
	switch {
	case errors.Is(err, ErrParquet), opts.Format == Parquet:
		if opts.Format != Auto && opts.Format != Parquet {
			return "", invalid(s.name, 0, "", "it is a Parquet file, not %s", opts.Format)
		}
		if s.path == "" || slices.ContainsFunc(packings, func(p struct{ magic, name, ext string }) bool { return bytes.HasPrefix(firstBytes(s), []byte(p.magic)) }) {
			return "", invalid(s.name, 0, "", "a Parquet file inside another packing; unpack it first")
		}
		return "", fmt.Errorf("%s: %w", s.name, ErrParquet)
	case err != nil:
		return "", err
	case opts.Format != Auto:
		return opts.Format, nil
	}
	return found, nil
}

// firstBytes returns the first bytes of a stream as it is stored.
func firstBytes(s *stream) []byte {
	var b [4]byte
	f, err := s.open()
	if err != nil {
		return nil
	}
	defer f.Close()
	n, _ := io.ReadFull(f, b[:])
	return b[:n]
}

// formatOf tells a format by the first bytes. Magic numbers that are letters
// may also be the name of a column: those count only among bytes that are not
// text.
func formatOf(head []byte, s *stream) (Format, error) {
	binary := bytes.ContainsFunc(head[:min(len(head), 512)], func(r rune) bool { return r < 0x80 && isBinary(byte(r)) })
	switch {
	case binary && (bytes.HasPrefix(head, []byte("PAR1")) || bytes.HasPrefix(head, []byte("PARE"))):
		return Parquet, ErrParquet
	case bytes.HasPrefix(head, []byte("ARROW1\x00\x00")), isArrowStream(head):
		return Arrow, nil
	case isIDX(head):
		return IDX, nil
	case len(bytes.TrimSpace(head)) == 0:
		return "", invalid(s.name, 0, "", "the file is empty; a table is needed")
	}
	for _, f := range foreign {
		if bytes.HasPrefix(head, []byte(f.magic)) && (binary || f.magic[0] == '<' || f.magic[0] == '%') {
			return "", invalid(s.name, 0, "", "not a table: it looks like %s", f.what)
		}
	}
	if len(head) > 262 && string(head[257:262]) == "ustar" {
		return "", invalid(s.name, 0, "", "not a table: it looks like a tar archive; unpack it first")
	}
	text := bytes.TrimLeft(bytes.TrimPrefix(head, []byte(byteOrderMark)), " \t\r\n")
	if isJSON(text, s.ext) {
		return JSON, nil
	}
	if isLIBSVM(text, s.ext, len(head) < headBytes) {
		return LIBSVM, nil
	}
	return CSV, nil
}

var (
	jsonObject = regexp.MustCompile(`^(\{\s*("|\}|$)|\[\s*(\{\s*("|\}|$)|\]\s*$|$))`)
	svmLine    = regexp.MustCompile(`^[-+.0-9eE,]+(\s+qid:\d+)?((?:\s+\d+:[-+.0-9eE]+)*)\s*(#.*)?$`)
)

// isJSON reports whether a text begins as objects or an array of them do.
// Under a JSON file's name, anything in braces or brackets is one.
func isJSON(text []byte, ext string) bool {
	if ext == ".json" || ext == ".jsonl" || ext == ".ndjson" {
		return len(text) > 0 && (text[0] == '{' || text[0] == '[')
	}
	return jsonObject.Match(text[:min(len(text), 4096)])
}

// isLIBSVM reports whether the first lines are labels followed by pairs. One
// pair a line could be a time of day, so more are asked for, or the name.
func isLIBSVM(text []byte, ext string, all bool) bool {
	named := ext == ".libsvm" || ext == ".svm" || ext == ".svmlight"
	lines, most := 0, 0
	for line := range bytes.Lines(text) {
		complete := all || bytes.HasSuffix(line, []byte("\n"))
		line = bytes.TrimSpace(line)
		if len(line) == 0 || line[0] == '#' {
			continue
		}
		if !complete && lines > 0 || lines == 20 {
			break
		}
		if !complete {
			line = bytes.TrimSpace(line[:bytes.LastIndexByte(line, ' ')+1])
		}
		m := svmLine.FindSubmatch(line)
		if m == nil {
			return false
		}
		most = max(most, bytes.Count(m[2], []byte(":")))
		lines++
	}
	return lines > 0 && (most >= 2 || most == 1 && named)
}

// isBinary reports whether a byte is a control character that text files do
// not hold.
func isBinary(c byte) bool {
	return c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != '\v' || c == 0x7f
}

// checkSample refuses bytes that no text has.
func checkSample(name string, text []byte, except byte) error {
	for i, c := range text {
		if isBinary(c) && c != except {
			return invalid(name, int64(bytes.Count(text[:i], []byte("\n"))+1), "", "not a table: byte %d is 0x%02x, which text does not hold", i+1, c)
		}
	}
	return nil
}

func isInvalid(err error) bool {
	var bad *tourney.InvalidError
	return errors.As(err, &bad)
}
