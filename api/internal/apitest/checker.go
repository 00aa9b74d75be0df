package apitest

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
)

// Document reads openapi.yaml and fails the test if it is not valid.
func Document(tb testing.TB, path string) *openapi3.T {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		tb.Fatal(err)
	}
	if err := doc.Validate(context.Background()); err != nil {
		tb.Fatalf("openapi.yaml is not valid: %v", err)
	}
	return doc
}

// Checker is a transport that fails the test if an exchange is not as the
// document says. Requests that expect a refusal are not checked, see Wrong.
type Checker struct {
	T      testing.TB
	Doc    *openapi3.T
	Next   http.RoundTripper
	router routers.Router
}

// NewChecker returns a checker.
func NewChecker(tb testing.TB, doc *openapi3.T, next http.RoundTripper) *Checker {
	tb.Helper()
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		tb.Fatal(err)
	}
	return &Checker{T: tb, Doc: doc, Next: next, router: router}
}

type wrongKey struct{}

// Wrong marks the context of a request that breaks the contract on purpose.
func Wrong(ctx context.Context) context.Context { return context.WithValue(ctx, wrongKey{}, true) }

// RoundTrip implements http.RoundTripper.
func (c *Checker) RoundTrip(req *http.Request) (*http.Response, error) {
	var body []byte
	if req.Body != nil {
		var err error
		if body, err = io.ReadAll(req.Body); err != nil {
			return nil, err
		}
		req.Body.Close()
	}
	send, check := req.Clone(req.Context()), req.Clone(req.Context())
	if req.Body != nil {
		send.Body, check.Body = io.NopCloser(bytes.NewReader(body)), io.NopCloser(bytes.NewReader(body))
	}
	resp, err := c.Next.RoundTrip(send)
	if err != nil {
		return nil, err
	}
	route, params, err := c.router.FindRoute(check)
	if err != nil {
		c.unrouted(req, resp)
		return resp, nil //nolint:nilerr // a request for what is not there is a request like others
	}
	input := &openapi3filter.RequestValidationInput{
		Request: check, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}, // a test of its own tells who may do what
	}
	if req.Context().Value(wrongKey{}) == nil {
		if err := openapi3filter.ValidateRequest(req.Context(), input); err != nil {
			c.T.Errorf("%s %s: the request breaks the contract: %v", req.Method, req.URL, err)
		}
	}
	c.response(input, resp)
	return resp, nil
}

// response checks an answer; the messages of streams are checked by Event.
func (c *Checker) response(input *openapi3filter.RequestValidationInput, resp *http.Response) {
	out := &openapi3filter.ResponseValidationInput{
		RequestValidationInput: input, Status: resp.StatusCode, Header: resp.Header,
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	typ, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
	switch typ {
	case "text/event-stream", "text/html", "text/css": // of which the library reads none
		out.Options.ExcludeResponseBody = true
	default:
		out.SetBodyBytes(c.slurp(resp))
	}
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		c.T.Errorf("%s %s: the answer %s breaks the contract: %v", input.Request.Method, input.Request.URL, resp.Status, err)
	}
}

// unrouted checks that what the document does not know is refused as a problem
// document.
func (c *Checker) unrouted(req *http.Request, resp *http.Response) {
	if !strings.HasPrefix(req.URL.Path+"/", "/api/") || req.Method == http.MethodHead || req.Method == http.MethodOptions {
		return
	}
	if resp.StatusCode < 400 || resp.Header.Get("Content-Type") != "application/problem+json" {
		c.T.Errorf("%s %s is not in the contract, but was answered %s as %s", req.Method, req.URL, resp.Status, resp.Header.Get("Content-Type"))
		return
	}
	c.Schema("Problem", c.slurp(resp))
}

// slurp reads a body and leaves it to be read again.
func (c *Checker) slurp(resp *http.Response) []byte {
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		c.T.Errorf("read the answer: %v", err)
	}
	resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(data))
	return data
}

// Schema fails the test if data is not JSON of that schema.
func (c *Checker) Schema(name string, data []byte) {
	c.T.Helper()
	var v any
	if err := json.Unmarshal(data, &v); err != nil {
		c.T.Errorf("%s: %v in %s", name, err, data)
		return
	}
	if err := c.Doc.Components.Schemas[name].Value.VisitJSON(v, openapi3.EnableJSONSchema2020()); err != nil {
		c.T.Errorf("not a %s: %v in %s", name, err, data)
	}
}
