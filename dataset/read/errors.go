package read

import (
	"errors"
	"fmt"
	"strconv"
	"unicode/utf8"

	"tourney"
)

// ErrParquet means that a file is Parquet, which the SQL engine reads.
var ErrParquet = errors.New("a Parquet file")

// invalid returns an error about a file.
func invalid(file string, line int64, path, format string, args ...any) *tourney.InvalidError {
	return &tourney.InvalidError{Source: file, Fields: []tourney.FieldError{{
		Line: int(line), Path: path, Message: fmt.Sprintf(format, args...),
	}}}
}

// columnPath names a column in a message.
func columnPath(name string) string { return "column " + shorten(name) }

// shorten cuts a text for a message.
func shorten(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	r := []rune(s[:min(len(s), (most+1)*utf8.UTFMax)])
	if len(r) <= most {
		return s
	}
	return string(r[:most]) + "…"
}

// count returns "1 row", "2 rows".
func count[T int | int64](n T, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return strconv.FormatInt(int64(n), 10) + " " + noun + "s"
}

// bytesOf returns a size as people read it.
func bytesOf(n int64) string {
	for _, u := range []struct {
		size int64
		unit string
	}{{1 << 40, "TiB"}, {1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= u.size {
			return strconv.FormatFloat(float64(n)/float64(u.size), 'g', 3, 64) + " " + u.unit
		}
	}
	return count(n, "byte")
}
