package api

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"

	"tourney/api/gen"
)

//go:embed docs.html docs.css
var docsFiles embed.FS

// docsPage is openapi.yaml for people, made once. It has no script, and names
// nothing that is elsewhere.
var docsPage = sync.OnceValues(func() ([]byte, error) {
	page, err := readDocs(contractYAML)
	if err != nil {
		return nil, fmt.Errorf("make the page of openapi.yaml: %w", err)
	}
	t, err := template.New("docs.html").Funcs(template.FuncMap{"paragraphs": paragraphs}).ParseFS(docsFiles, "docs.html")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = t.Execute(&b, page)
	return b.Bytes(), err
})

// GetDocs returns the document for people.
func (s *Server) GetDocs(context.Context, gen.GetDocsRequestObject) (gen.GetDocsResponseObject, error) {
	page, err := docsPage()
	return docsAnswer{"text/html; charset=utf-8", page}, err
}

// GetDocsStyle returns the style sheet of that page.
func (s *Server) GetDocsStyle(context.Context, gen.GetDocsStyleRequestObject) (gen.GetDocsStyleResponseObject, error) {
	style, err := docsFiles.ReadFile("docs.css")
	return docsAnswer{"text/css; charset=utf-8", style}, err
}

// docsAnswer is a file of the page.
type docsAnswer struct {
	contentType string
	data        []byte
}

// VisitGetDocsResponse writes the page.
func (a docsAnswer) VisitGetDocsResponse(w http.ResponseWriter) error { return a.write(w) }

// VisitGetDocsStyleResponse writes the style sheet.
func (a docsAnswer) VisitGetDocsStyleResponse(w http.ResponseWriter) error { return a.write(w) }

func (a docsAnswer) write(w http.ResponseWriter) error {
	w.Header().Set("Content-Type", a.contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(a.data)))
	w.WriteHeader(http.StatusOK)
	_, err := w.Write(a.data)
	return err
}

// What the page shows.
type (
	docs struct {
		Title, Description string
		Groups             []docGroup
		Schemas            []docSchema
	}
	docGroup struct {
		Name       string
		Operations []docOperation
	}
	docOperation struct {
		ID, Method, Path, Summary, Description, Scope, Curl string
		Params                                              []docField
		Bodies                                              []docBody
		Answers                                             []docAnswer
	}
	docField struct {
		Name, In, Type, Description string
		Schema                      string // its name; empty: none of its own
		Required                    bool
	}
	docBody   struct{ Type, Schema, Example string }
	docAnswer struct {
		Status, Description string
		Bodies              []docBody
	}
	docSchema struct {
		Name, Description, Example string
		Fields                     []docField
	}
)

// docReader finds its way in a YAML document.
type docReader struct{ root *yaml.Node }

func readDocs(data []byte) (*docs, error) {
	var file yaml.Node
	if err := yaml.Load(data, &file); err != nil {
		return nil, err
	}
	r := &docReader{file.Content[0]}
	info := r.get(r.root, "info")
	page := &docs{Title: r.text(info, "title"), Description: r.text(info, "description")}
	groups := map[string]*docGroup{}
	for _, tag := range r.get(r.root, "tags").Content {
		page.Groups = append(page.Groups, docGroup{Name: r.text(tag, "name")})
	}
	for i := range page.Groups {
		groups[page.Groups[i].Name] = &page.Groups[i]
	}
	for path, item := range r.each(r.get(r.root, "paths")) {
		shared := r.get(item, "parameters")
		for method, op := range r.each(item) {
			if !slices.Contains([]string{"get", "put", "post", "patch", "delete"}, method) {
				continue
			}
			d := r.operation(strings.ToUpper(method), path, shared, op)
			tag := ""
			if tags := r.get(op, "tags"); len(tags.Content) > 0 {
				tag = tags.Content[0].Value
			}
			group := groups[tag]
			if group == nil {
				return nil, fmt.Errorf("%s has the tag %q, which is not in the list", d.ID, tag)
			}
			group.Operations = append(group.Operations, d)
		}
	}
	for name, s := range r.each(r.get(r.get(r.root, "components"), "schemas")) {
		page.Schemas = append(page.Schemas, r.schema(name, s))
	}
	return page, nil
}

func (r *docReader) operation(method, path string, shared, op *yaml.Node) docOperation {
	d := docOperation{
		ID: r.text(op, "operationId"), Method: method, Path: path, Summary: r.text(op, "summary"),
		Description: r.text(op, "description"), Scope: r.text(op, "x-scope"),
	}
	url, query := path, ""
	for _, p := range slices.Concat(shared.Content, r.get(op, "parameters").Content) {
		p = r.follow(p)
		f := r.field(r.text(p, "name"), r.get(p, "schema"))
		f.In, f.Required, f.Description = r.text(p, "in"), r.text(p, "required") == "true", r.text(p, "description")
		d.Params = append(d.Params, f)
		if example := r.text(p, "example"); example != "" && f.In == "path" {
			url = strings.ReplaceAll(url, "{"+f.Name+"}", example)
		} else if example != "" && f.In == "query" {
			query += map[bool]string{true: "?", false: "&"}[query == ""] + f.Name + "=" + example
		}
	}
	d.Bodies = r.bodies(r.get(op, "requestBody"))
	for status, answer := range r.each(r.get(op, "responses")) {
		answer = r.follow(answer)
		d.Answers = append(d.Answers, docAnswer{status, r.text(answer, "description"), r.bodies(answer)})
	}
	d.Curl = curl(method, url+query, d.Scope, d.Bodies)
	return d
}

// curl is a command that sends a request.
func curl(method, url, scope string, bodies []docBody) string {
	lines := []string{"curl"}
	if method != http.MethodGet {
		lines[0] += " -X " + method
	}
	lines[0] += " " + shell("http://localhost:8080"+url)
	if scope != string(scopeNone) {
		lines = append(lines, `-H "Authorization: Bearer $TOKEN"`)
	}
	if len(bodies) > 0 {
		body := bodies[0]
		lines = append(lines, "-H "+shell("Content-Type: "+body.Type))
		if body.Example == "" {
			lines = append(lines, "--data-binary @FILE")
		} else {
			lines = append(lines, "--data-binary "+shell(body.Example))
		}
	}
	return strings.Join(lines, " \\\n  ")
}

// shell quotes a word.
func shell(word string) string { return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'" }

func (r *docReader) bodies(of *yaml.Node) []docBody {
	var list []docBody
	for media, content := range r.each(r.get(of, "content")) {
		schema := r.get(content, "schema")
		b := docBody{Type: media, Schema: refName(schema)}
		example := r.get(content, "example")
		if example.Kind == 0 {
			example = r.get(r.follow(schema), "example")
		}
		if example.Kind == yaml.ScalarNode {
			b.Example = example.Value
		} else if example.Kind != 0 {
			b.Example = r.json(example, "")
		}
		list = append(list, b)
	}
	return list
}

func (r *docReader) schema(name string, s *yaml.Node) docSchema {
	d := docSchema{Name: name, Description: r.text(s, "description")}
	required := r.get(s, "required")
	for key, p := range r.each(r.get(s, "properties")) {
		f := r.field(key, p)
		f.Description = r.text(p, "description")
		f.Required = slices.ContainsFunc(required.Content, func(n *yaml.Node) bool { return n.Value == key })
		d.Fields = append(d.Fields, f)
	}
	if len(d.Fields) == 0 {
		f := r.field("", s)
		d.Description = strings.TrimSpace(d.Description + "\n\n" + f.Type)
	}
	if example := r.get(s, "example"); example.Kind != 0 {
		d.Example = r.json(example, "")
	}
	return d
}

// field says what a schema allows, in words.
func (r *docReader) field(name string, s *yaml.Node) docField {
	f := docField{Name: name, Schema: refName(s)}
	if f.Schema != "" {
		f.Type = f.Schema
		return f
	}
	words := []string{r.words(r.get(s, "type"), " or ")}
	if words[0] == "array" {
		item := r.field("", r.get(s, "items"))
		words[0], f.Schema = "list of "+item.Type, item.Schema
	}
	if enum := r.get(s, "enum"); len(enum.Content) > 0 {
		words = append(words, "one of "+r.words(enum, ", "))
	}
	for _, rule := range []struct{ key, words string }{
		{"format", ""},
		{"minimum", "at least "},
		{"exclusiveMinimum", "above "},
		{"maximum", "at most "},
		{"maxLength", "at most so many characters: "},
		{"pattern", "of the form "},
		{"default", "if absent "},
	} {
		if v := r.text(s, rule.key); v != "" {
			words = append(words, rule.words+v)
		}
	}
	f.Type = strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), ", ")
	return f
}

func (r *docReader) words(n *yaml.Node, sep string) string {
	if n.Kind == yaml.ScalarNode {
		return n.Value
	}
	var words []string
	for _, c := range n.Content {
		word := c.Value
		if word == "" {
			word = `""`
		}
		words = append(words, word)
	}
	return strings.Join(words, sep)
}

// each walks a mapping in the file's order.
func (r *docReader) each(n *yaml.Node) func(yield func(string, *yaml.Node) bool) {
	return func(yield func(string, *yaml.Node) bool) {
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i].Value, resolveAlias(n.Content[i+1])) {
				return
			}
		}
	}
}

// get returns what a mapping has under a key, or an empty node.
func (r *docReader) get(n *yaml.Node, key string) *yaml.Node {
	if n.Kind == yaml.MappingNode {
		for k, v := range r.each(n) {
			if k == key {
				return v
			}
		}
	}
	return &yaml.Node{}
}

func (r *docReader) text(n *yaml.Node, key string) string {
	return strings.TrimSpace(r.get(n, key).Value)
}

// follow returns what a reference points to.
func (r *docReader) follow(n *yaml.Node) *yaml.Node {
	ref := r.text(n, "$ref")
	if ref == "" {
		return n
	}
	n = r.root
	for part := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		n = r.get(n, part)
	}
	return n
}

// refName returns the last word of a reference.
func refName(n *yaml.Node) string {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "$ref" {
			ref := n.Content[i+1].Value
			return ref[strings.LastIndex(ref, "/")+1:]
		}
	}
	return ""
}

func resolveAlias(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}

// json writes a value as JSON, in the file's order.
func (r *docReader) json(n *yaml.Node, indent string) string {
	deeper := indent + "  "
	var parts []string
	switch n.Kind {
	case yaml.MappingNode:
		for k, v := range r.each(n) {
			parts = append(parts, deeper+strconv.Quote(k)+": "+r.json(v, deeper))
		}
		return enclose("{", parts, "}", indent)
	case yaml.SequenceNode:
		for _, v := range n.Content {
			parts = append(parts, deeper+r.json(resolveAlias(v), deeper))
		}
		return enclose("[", parts, "]", indent)
	}
	var v any
	if err := n.Decode(&v); err != nil {
		v = n.Value
	}
	data, err := json.Marshal(v)
	if err != nil {
		return strconv.Quote(n.Value)
	}
	return string(data)
}

func enclose(open string, parts []string, closing, indent string) string {
	if len(parts) == 0 {
		return open + closing
	}
	trimmed := make([]string, len(parts))
	for i, part := range parts {
		trimmed[i] = strings.TrimSpace(part)
	}
	if short := open + strings.Join(trimmed, ", ") + closing; len(short) <= 72 && !strings.Contains(short, "\n") {
		return short
	}
	return open + "\n" + strings.Join(parts, ",\n") + "\n" + indent + closing
}

// span is a run of words, set as code or not.
type span struct {
	Text string
	Code bool
}

// paragraphs takes a description apart: blank lines end paragraphs, and what is
// between backquotes is code.
func paragraphs(text string) [][]span {
	var out [][]span
	for part := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		var p []span
		for i, words := range strings.Split(part, "`") {
			if words != "" {
				p = append(p, span{words, i%2 == 1})
			}
		}
		out = append(out, p)
	}
	return out
}
