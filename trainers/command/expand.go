package command

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"tourney"
)

// Macros are what a command's macros stand for beside the parameters.
type Macros struct {
	Interpreter string // ${interpreter}
	JSONFile    string // ${args_json_file}: where JSON(params) was written
	// EnvVar returns what ${envvar:NAME} stands for, or why it may not be had.
	// A variable that is not set stands for its own name, as with W&B.
	EnvVar func(name string) (string, error)
}

// Expand returns the argument list of a trial, by the rules of W&B's agent:
// a macro that is an element by itself becomes none, one or several elements.
// What W&B leaves as it stands is replaced too: ${parameter} inside an element.
func Expand(c *tourney.Command, params tourney.Params, m Macros) ([]string, error) {
	var argv []string
	for _, e := range c.Line() {
		switch e {
		case "${env}":
			argv = append(argv, "/usr/bin/env")
		case "${interpreter}":
			argv = append(argv, m.Interpreter)
		case "${program}":
			argv = append(argv, c.Program)
		case "${args}", "${args_no_hyphens}", "${args_no_boolean_flags}", "${args_no_equals}":
			argv = append(argv, arguments(e, params)...)
		case "${args_json}":
			argv = append(argv, JSON(params))
		case "${args_json_file}":
			argv = append(argv, m.JSONFile)
		default:
			text, err := Replace(e, params, m)
			if err != nil {
				return nil, err
			}
			argv = append(argv, text)
		}
	}
	return argv, nil
}

// arguments are what the macros of W&B's args family become.
func arguments(macro string, params tourney.Params) []string {
	var argv []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		v := params[name]
		truth, isTruth := v.(bool)
		switch {
		case macro == "${args_no_hyphens}":
			argv = append(argv, name+"="+Text(v))
		case macro == "${args_no_equals}":
			argv = append(argv, "--"+name, Text(v))
		case macro == "${args_no_boolean_flags}" && isTruth && !truth:
		case macro == "${args_no_boolean_flags}" && isTruth:
			argv = append(argv, "--"+name)
		default:
			argv = append(argv, "--"+name+"="+Text(v))
		}
	}
	return argv
}

// Replace replaces ${envvar:NAME} and ${parameter} inside a text. A parameter
// that has no part in the point is the empty text.
func Replace(text string, params tourney.Params, m Macros) (string, error) {
	var failed error
	text = tourney.EnvVarRE.ReplaceAllStringFunc(text, func(found string) string {
		value, err := m.EnvVar(tourney.EnvVarRE.FindStringSubmatch(found)[1])
		failed = cmp.Or(failed, err)
		// What a variable holds is no template.
		return strings.ReplaceAll(value, "${", "$\x00{")
	})
	text = tourney.MacroRE.ReplaceAllStringFunc(text, func(found string) string {
		v, ok := params[tourney.MacroRE.FindStringSubmatch(found)[1]]
		if !ok {
			return ""
		}
		return strings.ReplaceAll(Text(v), "${", "$\x00{")
	})
	text = strings.ReplaceAll(text, "$\x00{", "${")
	if strings.ContainsRune(text, 0) {
		return "", fmt.Errorf("%w: a zero byte in an argument", tourney.ErrInvalid)
	}
	return text, failed
}

// Text writes a parameter's value as Python's str does: True, False, None,
// 1e-05.
func Text(v any) string {
	switch v := v.(type) {
	case nil:
		return "None"
	case bool:
		if v {
			return "True"
		}
		return "False"
	case float64:
		return number(v)
	case string:
		return v
	}
	return fmt.Sprint(v)
}

// number writes a float as Python does: the shortest digits that read back,
// with an exponent below 1e-4 and from 1e16 on.
func number(x float64) string {
	e := strconv.FormatFloat(x, 'e', -1, 64)
	at := strings.IndexByte(e, 'e')
	if at < 0 { // no finite number
		return strings.ToLower(strings.TrimPrefix(e, "+"))
	}
	if exp, _ := strconv.Atoi(e[at+1:]); exp < -4 || exp >= 16 {
		return e
	}
	text := strconv.FormatFloat(x, 'f', -1, 64)
	if !strings.ContainsRune(text, '.') {
		text += ".0"
	}
	return text
}

// JSON writes a point as Python's json.dumps writes it. Parameters with dots
// in their names, which were nested in the sweep file, are nested again.
func JSON(params tourney.Params) string {
	var b strings.Builder
	writeJSON(&b, nest(params))
	return b.String()
}

// nest turns names with dots into mappings, but for those whose beginning is a
// parameter as well.
func nest(params tourney.Params) map[string]any {
	top := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		at, rest := top, name
		for {
			head, tail, dotted := strings.Cut(rest, ".")
			if !dotted || head == "" || tail == "" {
				break
			}
			next, isMap := at[head].(map[string]any)
			if at[head] != nil && !isMap {
				break
			}
			if _, taken := params[strings.TrimSuffix(name, "."+tail)]; taken {
				break
			}
			if next == nil {
				next = map[string]any{}
				at[head] = next
			}
			at, rest = next, tail
		}
		at[rest] = params[name]
	}
	return top
}

func writeJSON(b *strings.Builder, v any) {
	switch v := v.(type) {
	case map[string]any:
		b.WriteByte('{')
		for i, name := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b.WriteString(", ")
			}
			quote(b, name)
			b.WriteString(": ")
			writeJSON(b, v[name])
		}
		b.WriteByte('}')
	case nil:
		b.WriteString("null")
	case bool:
		b.WriteString(strconv.FormatBool(v))
	case string:
		quote(b, v)
	default:
		b.WriteString(Text(v))
	}
}

// quote writes a text in ASCII alone, as Python does.
func quote(b *strings.Builder, s string) {
	short := map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}
	b.WriteByte('"')
	for _, r := range s {
		switch esc, ok := short[r]; {
		case ok:
			b.WriteString(esc)
		case r >= ' ' && r < utf8.RuneSelf:
			b.WriteRune(r)
		case r > 0xffff:
			hi, lo := utf16.EncodeRune(r)
			fmt.Fprintf(b, `\u%04x\u%04x`, hi, lo)
		default:
			fmt.Fprintf(b, `\u%04x`, r)
		}
	}
	b.WriteByte('"')
}
