package api

import (
	_ "embed"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
	"go.yaml.in/yaml/v4"

	"tourney"
)

//go:embed openapi.yaml
var contractYAML []byte

// operation is what openapi.yaml says of one method of one path, as far as
// requests are checked by it.
type operation struct {
	id      string
	scope   tourney.Scope // that a caller needs; scopeNone: nobody is asked
	params  []parameter
	takes   []string // media types of the body; none: it takes no body
	answers []string // media types of a 200
}

// parameter is a parameter of an operation.
type parameter struct {
	Ref      string `yaml:"$ref"`
	Name     string `yaml:"name"`
	In       string `yaml:"in"`
	Required bool   `yaml:"required"`
	Schema   schema `yaml:"schema"`

	pattern *regexp.Regexp
}

// schema is the part of JSON Schema that parameters use.
type schema struct {
	Ref       string   `yaml:"$ref"`
	Type      string   `yaml:"type"`
	Enum      []string `yaml:"enum"`
	Minimum   *float64 `yaml:"minimum"`
	Maximum   *float64 `yaml:"maximum"`
	Above     *float64 `yaml:"exclusiveMinimum"`
	MinLength int      `yaml:"minLength"`
	MaxLength int      `yaml:"maxLength"`
	MaxItems  int      `yaml:"maxItems"`
	Pattern   string   `yaml:"pattern"`
}

type media map[string]any

type operationDoc struct {
	ID         string                             `yaml:"operationId"`
	Scope      tourney.Scope                      `yaml:"x-scope"`
	Parameters []parameter                        `yaml:"parameters"`
	Body       struct{ Content media }            `yaml:"requestBody"`
	Responses  map[string]struct{ Content media } `yaml:"responses"`
}

type contractDoc struct {
	Paths map[string]struct {
		Parameters []parameter `yaml:"parameters"`

		Get, Head, Post, Put, Patch, Delete *operationDoc
	} `yaml:"paths"`
	Components struct {
		Parameters map[string]parameter `yaml:"parameters"`
		Schemas    map[string]yaml.Node `yaml:"schemas"`
	} `yaml:"components"`
}

// readContract reads the operations of openapi.yaml.
func readContract() ([]*operation, error) {
	var doc contractDoc
	if err := yaml.Load(contractYAML, &doc); err != nil {
		return nil, fmt.Errorf("read openapi.yaml: %w", err)
	}
	var ops []*operation
	for path, item := range doc.Paths {
		for _, o := range []*operationDoc{item.Get, item.Head, item.Post, item.Put, item.Patch, item.Delete} {
			if o == nil {
				continue
			}
			if o.Scope != scopeNone && !slices.Contains(tourney.Scopes(), o.Scope) {
				return nil, fmt.Errorf("read openapi.yaml: %s of %s: x-scope %q", o.ID, path, o.Scope)
			}
			op := &operation{id: o.ID, scope: o.Scope, takes: sortedKeys(o.Body.Content), answers: sortedKeys(o.Responses["200"].Content)}
			for _, p := range slices.Concat(item.Parameters, o.Parameters) {
				p, err := doc.resolve(p)
				if err != nil {
					return nil, fmt.Errorf("read openapi.yaml: %s of %s: %w", o.ID, path, err)
				}
				op.params = append(op.params, p)
			}
			ops = append(ops, op)
		}
	}
	return ops, nil
}

func sortedKeys(m media) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// resolve follows the references of a parameter.
func (doc *contractDoc) resolve(p parameter) (parameter, error) {
	if p.Ref != "" {
		p = doc.Components.Parameters[strings.TrimPrefix(p.Ref, "#/components/parameters/")]
	}
	if ref := p.Schema.Ref; ref != "" {
		node := doc.Components.Schemas[strings.TrimPrefix(ref, "#/components/schemas/")]
		if err := node.Decode(&p.Schema); err != nil {
			return p, fmt.Errorf("parameter %s: %w", p.Name, err)
		}
	}
	if p.Name == "" || p.Schema.Type == "" {
		return p, fmt.Errorf("parameter %q has no name or no type", p.Name)
	}
	var err error
	if p.Schema.Pattern != "" {
		p.pattern, err = regexp.Compile(p.Schema.Pattern)
	}
	return p, err
}

// answersJSON reports whether the operation's answer is worth compressing.
func (op *operation) answersJSON() bool { return slices.Contains(op.answers, "application/json") }

// checked refuses requests that the contract does not allow, naming every
// parameter that is wrong. The stubs parse what is left without error.
func (op *operation) checked(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		query, err := url.ParseQuery(r.URL.RawQuery)
		if err != nil {
			return tourney.Invalid("", "the query cannot be read: a %% must be followed by two hexadecimal digits, and ';' must be written %%3B")
		}
		inv := &tourney.InvalidError{}
		var known []string
		for i := range op.params {
			p := &op.params[i]
			var values []string
			switch p.In {
			case "path":
				value, err := pathValue(c, p.Name)
				if err != nil {
					return err
				}
				values = []string{value}
			case "query":
				known = append(known, p.Name)
				values = query[p.Name]
			case "header":
				values = r.Header.Values(p.Name)
			}
			inv.Fields = append(inv.Fields, p.check(values)...)
		}
		for _, name := range sortedQuery(query) {
			if !slices.Contains(known, name) {
				inv.Fields = append(inv.Fields, tourney.FieldError{Path: name, Message: "unknown query parameter" + tourney.DidYouMean(name, known)})
			}
		}
		if len(inv.Fields) > 0 {
			return inv
		}
		if err := op.checkType(r); err != nil {
			return err
		}
		return next(c)
	}
}

func sortedQuery(q url.Values) []string {
	names := make([]string, 0, len(q))
	for name := range q {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// pathValue returns a path parameter, decoded once. The router lets the last
// one of a path run over slashes; such a path is not there.
func pathValue(c echo.Context, name string) (string, error) {
	value := c.Param(name)
	if strings.Contains(value, "/") {
		return "", echo.ErrNotFound
	}
	if c.Request().URL.RawPath == "" {
		return value, nil
	}
	value, err := url.PathUnescape(value)
	if err != nil {
		return "", echo.ErrNotFound
	}
	return value, nil
}

// checkType refuses a body of a media type that the operation does not take,
// and leaves the type's plain name in the header for the stubs.
func (op *operation) checkType(r *http.Request) error {
	if len(op.takes) == 0 {
		return nil
	}
	given := r.Header.Get("Content-Type")
	base, options, err := mime.ParseMediaType(given)
	if err != nil || !slices.Contains(op.takes, base) {
		return failf(http.StatusUnsupportedMediaType, tourney.ErrInvalid,
			"the body's Content-Type must be %s, not %q", strings.Join(op.takes, " or "), given)
	}
	switch base {
	case typeMultipart: // its boundary is in the header
		if options["boundary"] == "" {
			return failf(http.StatusUnsupportedMediaType, tourney.ErrInvalid, "the body's Content-Type %s names no boundary between its parts", typeMultipart)
		}
	case typeOctets:
		// The stubs know one type of stream an operation, see gen/overlay.yaml.
		if slices.Contains(op.takes, typeCSV) {
			base = typeCSV
		}
		fallthrough
	default:
		r.Header.Set("Content-Type", base)
	}
	return nil
}

// The media types of bodies that are treated each in its own way.
const (
	typeCSV       = "text/csv"
	typeOctets    = "application/octet-stream"
	typeMultipart = "multipart/form-data"
	typeJSON      = "application/json"
)

// check returns what is wrong with the values given for a parameter.
func (p *parameter) check(values []string) []tourney.FieldError {
	bad := func(format string, args ...any) []tourney.FieldError {
		return []tourney.FieldError{{Path: p.Name, Message: fmt.Sprintf(format, args...)}}
	}
	s := &p.Schema
	switch {
	case len(values) == 0 && p.Required:
		return bad("is missing")
	case s.Type == "array" && s.MaxItems > 0 && len(values) > s.MaxItems:
		return bad("is there %d times; at most %d", len(values), s.MaxItems)
	case s.Type != "array" && len(values) > 1:
		return bad("is there %d times; give it once", len(values))
	case s.Type == "array":
		return nil
	}
	for _, v := range values {
		if msg := p.wrong(v); msg != "" {
			return bad("%s", msg)
		}
	}
	return nil
}

// wrong says what is wrong with a value, or nothing.
func (p *parameter) wrong(v string) string {
	s := &p.Schema
	switch s.Type {
	case "integer":
		n, err := strconv.ParseInt(v, 10, 64)
		if err != nil {
			return fmt.Sprintf("must be a whole number, not %s", quote(v))
		}
		return s.outside(float64(n), v)
	case "number":
		x, err := strconv.ParseFloat(v, 64)
		if err != nil || x-x != 0 { // NaN and the infinities
			return fmt.Sprintf("must be a number, not %s", quote(v))
		}
		return s.outside(x, v)
	}
	n := utf8.RuneCountInString(v)
	switch {
	case n < s.MinLength:
		return "must not be empty"
	case s.MaxLength > 0 && n > s.MaxLength:
		return fmt.Sprintf("has %d characters; at most %d", n, s.MaxLength)
	case len(s.Enum) > 0 && !slices.Contains(s.Enum, v):
		return fmt.Sprintf("must be %s, not %s%s", strings.Join(s.Enum, " or "), quote(v), tourney.DidYouMean(v, s.Enum))
	case p.pattern != nil && !p.pattern.MatchString(v):
		return fmt.Sprintf("%s does not have the form %s", quote(v), s.Pattern)
	}
	return ""
}

// outside says how a number misses its range, or nothing.
func (s *schema) outside(x float64, v string) string {
	switch {
	case s.Above != nil && !(x > *s.Above):
		return fmt.Sprintf("must be greater than %v, not %s", *s.Above, quote(v))
	case s.Minimum != nil && x < *s.Minimum:
		return fmt.Sprintf("must be at least %v, not %s", *s.Minimum, quote(v))
	case s.Maximum != nil && x > *s.Maximum:
		return fmt.Sprintf("must be at most %v, not %s", *s.Maximum, quote(v))
	}
	return ""
}

// quote shortens a value for a message.
func quote(v string) string {
	if r := []rune(v); len(r) > 60 {
		v = string(r[:60]) + "…"
	}
	return strconv.Quote(v)
}
