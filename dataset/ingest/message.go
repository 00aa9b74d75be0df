package ingest

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"tourney"
)

// shown is the most characters of a value or name that a message shows.
const shown = 60

// invalid returns an error about one thing. Its source, the file, is added by
// who knows it.
func invalid(line int64, path, format string, args ...any) *tourney.InvalidError {
	return &tourney.InvalidError{Fields: []tourney.FieldError{{Line: int(line), Path: path, Message: fmt.Sprintf(format, args...)}}}
}

// columnPath names a column in a message.
func columnPath(name string) string { return "column " + shorten(name) }

// shorten cuts a text for a message.
func shorten(s string) string {
	if utf8.RuneCountInString(s) <= shown {
		return s
	}
	return string([]rune(s)[:shown]) + "…"
}

func quote[T string | []byte](s T) string { return strconv.Quote(shorten(string(s))) }

// list names things in a message, the first of them if they are many.
func list(names []string) string {
	const most = 30
	parts := make([]string, 0, most)
	for _, name := range names[:min(len(names), most)] {
		parts = append(parts, shorten(name))
	}
	text := strings.Join(parts, ", ")
	if len(names) > most {
		text += fmt.Sprintf(" and %d more", len(names)-most)
	}
	return text
}

// grouped writes a count as people do: 20,640.
func grouped[T int | int64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}

// count returns "1 row", "2,000 rows".
func count[T int | int64](n T, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}

// lines returns "line 7", "lines 7 and 9", "lines 7, 9, 12 and others" of the
// first lines out of so many.
func lines(first []int64, of int64) string {
	texts := make([]string, len(first))
	for i, n := range first {
		texts[i] = strconv.FormatInt(n, 10)
	}
	switch n := len(texts); {
	case n == 0:
		return "no line"
	case int64(n) < of:
		return "lines " + strings.Join(texts, ", ") + " and others"
	case n == 1:
		return "line " + texts[0]
	default:
		return "lines " + strings.Join(texts[:n-1], ", ") + " and " + texts[n-1]
	}
}

// percent writes a share as 4.7 %.
func percent(part, of int64) string {
	p := 100 * float64(part) / float64(max(1, of))
	digits := 1
	if p < 0.1 && part > 0 {
		digits = 3
	}
	return strconv.FormatFloat(p, 'f', digits, 64) + " %"
}
