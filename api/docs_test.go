package api_test

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"tourney/api/internal/apitest"
)

// Each operation shows what is sent and what is answered: a body of JSON or
// text has an example, that of its schema or its own. That they are as their
// schemas say is checked with the document.
func TestEachOperationHasExamples(t *testing.T) {
	doc := apitest.Document(t, "openapi.yaml")
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			check := func(what string, content openapi3.Content) {
				for typ, media := range content {
					if typ == "application/octet-stream" || typ == "multipart/form-data" || typ == "application/yaml" && what == "200" || what == "416" {
						continue // bytes, parts, this document itself, and a text of the standard library
					}
					if media.Example == nil && media.Schema.Value.Example == nil {
						t.Errorf("%s %s: %s as %s has no example", method, path, what, typ)
					}
				}
			}
			if op.RequestBody != nil {
				check("the body", op.RequestBody.Value.Content)
			}
			for status, answer := range op.Responses.Map() {
				check(status, answer.Value.Content)
			}
			if op.Summary == "" || strings.HasSuffix(op.Summary, ".") {
				t.Errorf("%s %s: the summary %q", method, path, op.Summary)
			}
		}
	}
}

// The page has each operation with its scope, its parameters and a command, and
// each schema; it runs no script and needs nothing from elsewhere.
func TestTheDocumentForPeople(t *testing.T) {
	r := newRig(t)
	a := r.get("/api/docs", nil)
	page := string(a.body)
	if typ := a.Header.Get("Content-Type"); typ != "text/html; charset=utf-8" {
		t.Errorf("Content-Type %q", typ)
	}
	if policy := a.Header.Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") {
		t.Errorf("the policy is %q", policy)
	}
	for path, item := range r.checker.Doc.Paths.Map() {
		for method, op := range item.Operations() {
			start := strings.Index(page, `<article id="`+op.OperationID+`">`)
			if start < 0 {
				t.Errorf("%s is not on the page", op.OperationID)
				continue
			}
			part, _, _ := strings.Cut(page[start:], "</article>")
			wants := []string{method, path, html.EscapeString(op.Summary), "curl ", "Scope: " + op.Extensions["x-scope"].(string)}
			for _, p := range append(op.Parameters, item.Parameters...) {
				wants = append(wants, "<code>"+p.Value.Name+"</code>")
			}
			for status := range op.Responses.Map() {
				wants = append(wants, "<b>"+status+"</b>")
			}
			for _, want := range wants {
				if !strings.Contains(part, want) {
					t.Errorf("%s: %q is not on the page", op.OperationID, want)
				}
			}
			if strings.Contains(part, "curl") && strings.Contains(op.Extensions["x-scope"].(string), "none") == strings.Contains(part, "Authorization: Bearer") {
				t.Errorf("%s: the command and the scope do not fit", op.OperationID)
			}
			if regexp.MustCompile(`localhost:8080[^&]*\{`).MatchString(part) {
				t.Errorf("%s: a parameter of the path has no example", op.OperationID)
			}
		}
	}
	for name := range r.checker.Doc.Components.Schemas {
		if !strings.Contains(page, `<article id="schema-`+name+`">`) {
			t.Errorf("schema %s is not on the page", name)
		}
	}
	for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(page, -1) {
		if !strings.Contains(page, `id="`+m[1]+`"`) {
			t.Errorf("a link leads to #%s, which is not there", m[1])
		}
	}
	for _, bad := range []string{"<script", " style=", "<style", "src=", "onclick", "http-equiv"} {
		if strings.Contains(page, bad) {
			t.Errorf("%s is on the page", bad)
		}
	}
	for _, m := range regexp.MustCompile(`(?:href|src|action)="([^"]*)"`).FindAllStringSubmatch(page, -1) {
		if !strings.HasPrefix(m[1], "#") && !strings.HasPrefix(m[1], "/api/") {
			t.Errorf("the page leads elsewhere: %s", m[1])
		}
	}
	if a := r.do(t.Context(), "GET", "/api/docs/style.css", "", nil); a.StatusCode != http.StatusOK || strings.Contains(string(a.body), "url(") || strings.Contains(string(a.body), "@import") {
		t.Errorf("the style sheet: %s", a.Status)
	}
}
