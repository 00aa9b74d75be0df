package read

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tourney"
)

// Format is a file format, or Auto.
type Format string

// The formats.
const (
	Auto    Format = ""
	CSV     Format = "csv"
	TSV     Format = "tsv"
	JSON    Format = "json" // lines of objects, or one array of them
	Arrow   Format = "arrow"
	LIBSVM  Format = "libsvm"
	IDX     Format = "idx"
	Parquet Format = "parquet" // told, not read: see ErrParquet
)

// Encoding is how a text file's bytes stand for characters. Auto is UTF-8 or
// UTF-16 as the first bytes tell; fields that are not valid UTF-8 are then read
// as Windows-1252.
type Encoding string

// The encodings.
const (
	UTF8        Encoding = "utf-8"
	UTF16       Encoding = "utf-16" // by its mark, little-endian without one
	UTF16LE     Encoding = "utf-16le"
	UTF16BE     Encoding = "utf-16be"
	Latin1      Encoding = "latin-1"
	Windows1252 Encoding = "windows-1252"
)

// Header says whether the first record of a CSV table names the columns.
type Header string

// With HeaderAuto the types of the first record against the others tell.
const (
	HeaderAuto Header = ""
	HeaderYes  Header = "yes"
	HeaderNo   Header = "no"
)

// None as a quote or comment character means that there is none.
const None byte = 0xff

// Options say how to read files. What is left empty is told from the files.
type Options struct {
	Format    Format
	Delimiter byte // of CSV; ' ' means runs of white space
	Quote     byte // of CSV; None for none
	Comment   byte // that begins a line to leave out; None for none
	Encoding  Encoding
	Header    Header
	Skip      int // lines before the table begins
	Limits    Limits

	chunk int // bytes of a window; 0: chunkBytes
	rows  int // most rows of a batch; 0: batchRows
}

// Limits bound what a table may ask of the machine. A zero field means its
// default.
type Limits struct {
	Record     int   // bytes of one line, or one record: 16 MiB
	Columns    int   // 20,000
	Bytes      int64 // of all files together, unpacked: 1 TiB
	Ratio      int64 // unpacked to packed bytes: 1000, once RatioAfter are unpacked
	RatioAfter int64 // bytes: 100 MiB
	Members    int   // files in an archive: 10,000
	Depth      int   // of objects within objects in JSON: 64
	Batch      int64 // memory of one record batch of an Arrow file: 256 MiB
}

// DefaultLimits returns what a zero field of Limits means.
func DefaultLimits() Limits {
	return Limits{
		Record: 16 << 20, Columns: 20_000, Bytes: 1 << 40, Ratio: 1000, RatioAfter: 100 << 20,
		Members: 10_000, Depth: 64, Batch: 256 << 20,
	}
}

const (
	chunkBytes = 256 << 10 // so that a window, its fields and a batch stay in the second-level cache
	batchRows  = 8192
	batchBytes = 4 << 20
	maxRecord  = 1 << 29 // what a span can address
)

// optionKeys are the keys that ParseOptions takes.
var optionKeys = []string{"format", "delimiter", "quote", "comment", "encoding", "header", "skip"}

// ParseOptions reads options as people write them: format, delimiter (a
// character, or comma, tab, semicolon, pipe, space), quote (a character, or
// double, single, none), comment (a character or none), encoding, header (auto,
// yes, no) and skip (a number of lines). "auto" is what an absent key means.
func ParseOptions(values map[string]string) (Options, error) {
	var o Options
	invalid := &tourney.InvalidError{}
	keys := make([]string, 0, len(values))
	for k := range values {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, key := range keys {
		if err := o.set(key, values[key]); err != nil {
			invalid.Fields = append(invalid.Fields, tourney.FieldError{Path: key, Message: err.Error()})
		}
	}
	if len(invalid.Fields) > 0 {
		return Options{}, invalid
	}
	return o, nil
}

func (o *Options) set(key, value string) (err error) {
	if value == "auto" && slices.Contains(optionKeys, key) && key != "skip" {
		return nil
	}
	switch key {
	case "format":
		o.Format, err = parseFormat(value)
	case "delimiter":
		o.Delimiter, err = character(value, map[string]byte{"comma": ',', "tab": '\t', `\t`: '\t', "semicolon": ';', "pipe": '|', "space": ' '})
	case "quote":
		o.Quote, err = character(value, map[string]byte{"double": '"', "single": '\'', "none": None})
	case "comment":
		o.Comment, err = character(value, map[string]byte{"none": None})
	case "encoding":
		known := []Encoding{UTF8, UTF16, UTF16LE, UTF16BE, Latin1, Windows1252}
		o.Encoding, err = oneOf(value, known, map[string]Encoding{"utf8": UTF8, "utf16": UTF16, "latin1": Latin1, "iso-8859-1": Latin1, "cp1252": Windows1252})
	case "header":
		o.Header, err = oneOf(value, []Header{HeaderYes, HeaderNo}, map[string]Header{"true": HeaderYes, "false": HeaderNo})
	case "skip":
		if o.Skip, err = strconv.Atoi(value); err != nil || o.Skip < 0 {
			err = fmt.Errorf("%q is not a number of lines; want 0 or more", value)
		}
	default:
		err = fmt.Errorf("unknown option; want one of %s%s", strings.Join(optionKeys, ", "), tourney.DidYouMean(key, optionKeys))
	}
	return err
}

func parseFormat(value string) (Format, error) {
	known := []Format{CSV, TSV, JSON, Arrow, LIBSVM, IDX, Parquet}
	return oneOf(value, known, map[string]Format{"jsonl": JSON, "ndjson": JSON, "feather": Arrow, "svmlight": LIBSVM, "mnist": IDX})
}

// oneOf finds a value in a closed list, under its name or another.
func oneOf[T ~string](value string, known []T, aliases map[string]T) (T, error) {
	lower := strings.ToLower(value)
	if t, ok := aliases[lower]; ok {
		return t, nil
	}
	names := make([]string, len(known))
	for i, k := range known {
		if string(k) == lower {
			return k, nil
		}
		names[i] = string(k)
	}
	return "", fmt.Errorf("%q is not known; want auto, %s%s", value, strings.Join(names, ", "), tourney.DidYouMean(lower, names))
}

// character reads a single ASCII character or the name of one.
func character(value string, names map[string]byte) (byte, error) {
	if c, ok := names[strings.ToLower(value)]; ok {
		return c, nil
	}
	if len(value) == 1 && value[0] > 0 && value[0] < 0x7f && value[0] != '\n' && value[0] != '\r' {
		return value[0], nil
	}
	known := make([]string, 0, len(names))
	for n := range names {
		known = append(known, n)
	}
	slices.Sort(known)
	return 0, fmt.Errorf("%q is not one ASCII character; want one, or %s", value, strings.Join(known, ", "))
}

// complete fills in the defaults and refuses what contradicts itself.
func (o Options) complete() (Options, error) {
	d, l := DefaultLimits(), &o.Limits
	fill(&l.Record, d.Record)
	fill(&l.Columns, d.Columns)
	fill(&l.Bytes, d.Bytes)
	fill(&l.Ratio, d.Ratio)
	fill(&l.RatioAfter, d.RatioAfter)
	fill(&l.Members, d.Members)
	fill(&l.Depth, d.Depth)
	fill(&l.Batch, d.Batch)
	fill(&o.chunk, chunkBytes)
	fill(&o.rows, batchRows)
	if l.Record < 0 || l.Record > maxRecord {
		return o, tourney.Invalid("limits.record", "%d bytes; want 1 to %d", l.Record, maxRecord)
	}
	if o.Skip < 0 {
		return o, tourney.Invalid("skip", "%d lines; want 0 or more", o.Skip)
	}
	if o.Format == TSV {
		o.Format = CSV
		fill(&o.Delimiter, '\t')
	}
	if o.Delimiter != 0 && (o.Delimiter == o.Quote || o.Delimiter == o.Comment) {
		return o, tourney.Invalid("delimiter", "%q is the quote or the comment character too", o.Delimiter)
	}
	if o.Delimiter >= 0x80 || o.Delimiter == '\n' || o.Delimiter == '\r' {
		return o, tourney.Invalid("delimiter", "%q is no delimiter; want an ASCII character that does not end lines", o.Delimiter)
	}
	return o, nil
}

func fill[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
