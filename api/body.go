package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"reflect"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"tourney"
)

const (
	maxBody     = tourney.MaxSpecBytes // of a body that is not streamed
	readWithin  = 30 * time.Second     // a body that is not streamed; one read of one that is
	writeWithin = time.Minute          // an answer that is not streamed
)

// bounded limits the size of an operation's body and the time that it and the
// answer may take. A body that is not streamed is read whole here, so that
// handlers never wait for a slow caller.
func (s *Server) bounded(op *operation) echo.MiddlewareFunc {
	sizes := map[string]int64{"addDataset": s.cfg.MaxDatasetBytes, "putBlob": s.cfg.MaxBlobBytes}
	limit, streams := sizes[op.id]
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			r, rc := c.Request(), http.NewResponseController(c.Response())
			switch {
			case streams && r.Header.Get("Content-Type") != typeJSON:
				if r.ContentLength > limit {
					return tooLarge(limit)
				}
				length := max(0, r.ContentLength)
				r.Body = &steady{http.MaxBytesReader(c.Response().Writer, r.Body, limit), rc}
				defer rc.SetReadDeadline(time.Time{}) //nolint:errcheck // not every writer has deadlines
				c.SetRequest(r.WithContext(context.WithValue(r.Context(), streamKey{}, streamed{r.Body, length})))
			case len(op.takes) > 0:
				if err := readWhole(c, rc); err != nil {
					return err
				}
			}
			within := time.Now().Add(writeWithin)
			if streams {
				within = time.Time{} // as long as the body comes
			}
			rc.SetWriteDeadline(within) //nolint:errcheck // as above
			return next(c)
		}
	}
}

// readWhole replaces the body of a request by its bytes.
func readWhole(c echo.Context, rc *http.ResponseController) error {
	r := c.Request()
	if r.ContentLength > maxBody {
		return tooLarge(maxBody)
	}
	rc.SetReadDeadline(time.Now().Add(readWithin)) //nolint:errcheck // not every writer has deadlines
	data, err := io.ReadAll(http.MaxBytesReader(c.Response().Writer, r.Body, maxBody))
	if err != nil {
		return bodyError(err)
	}
	rc.SetReadDeadline(time.Time{}) //nolint:errcheck // as above
	if r.Header.Get("Content-Type") == typeJSON {
		if err := checkDepth(data); err != nil {
			return err
		}
	}
	r.Body = io.NopCloser(bytes.NewReader(data))
	return nil
}

// streamed is a body that is not read whole at once, as the context of its request has it under
// a streamKey.
type (
	streamed struct {
		body   io.Reader
		length int64 // 0: not known
	}
	streamKey struct{}
)

// bodyLength returns the length of the request's body, 0 if it is not known.
func bodyLength(ctx context.Context) int64 {
	s, _ := ctx.Value(streamKey{}).(streamed)
	return s.length
}

// drain reads what is left of a request's body behind what matters. Only then
// does the server see when the caller hangs up.
func drain(ctx context.Context) error {
	s, ok := ctx.Value(streamKey{}).(streamed)
	if !ok {
		return nil
	}
	_, err := io.Copy(io.Discard, s.body)
	return err
}

// steady is a body that may take as long as it likes, as long as it comes.
type steady struct {
	io.ReadCloser
	rc *http.ResponseController
}

func (b *steady) Read(p []byte) (int, error) {
	b.rc.SetReadDeadline(time.Now().Add(readWithin)) //nolint:errcheck // not every writer has deadlines
	n, err := b.ReadCloser.Read(p)
	switch {
	case errors.Is(err, io.EOF):
		// From now on the server reads ahead, to see whether the caller hangs
		// up; a deadline would look like that.
		b.rc.SetReadDeadline(time.Time{}) //nolint:errcheck // as above
	case err != nil:
		err = bodyError(err)
	}
	return n, err
}

func tooLarge(limit int64) error {
	return failf(http.StatusRequestEntityTooLarge, tourney.ErrInvalid, "the body is too large: at most %d bytes", limit)
}

// bodyError says why a body could not be read. That is never the server's
// fault.
func bodyError(err error) error {
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return tooLarge(large.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return failf(http.StatusRequestTimeout, tourney.ErrInvalid, "the body came too slowly: more than %v without its next bytes", readWithin)
	}
	return failf(http.StatusBadRequest, tourney.ErrInvalid, "the body broke off before its end")
}

// binder reads JSON bodies for the stubs. A raw body is left as it is, for
// those that know its format; in others unknown keys are errors.
type binder struct{}

// Bind implements echo.Binder.
func (binder) Bind(v any, c echo.Context) error {
	if raw, ok := v.(*json.RawMessage); ok {
		data, err := io.ReadAll(c.Request().Body)
		*raw = data
		return err
	}
	return decodeStrict(c.Request().Body, v)
}

// decodeStrict reads one JSON object into the struct that v points to.
func decodeStrict(r io.Reader, v any) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	err = dec.Decode(v)
	if err == nil {
		if _, err := dec.Token(); !errors.Is(err, io.EOF) {
			return tourney.Invalid("", "the body must hold one JSON object and nothing after it")
		}
		return refuseNulls(data, v)
	}
	if inv := tourney.AsInvalid(err); inv != nil {
		return inv
	}
	var typ *json.UnmarshalTypeError
	if errors.As(err, &typ) && typ.Field != "" {
		return tourney.Invalid(typ.Field, "must be %s, not %s", article(typ.Type), typ.Value)
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		name = strings.Trim(name, `"`)
		return tourney.Invalid(name, "unknown key%s", tourney.DidYouMean(name, jsonKeys(v)))
	}
	return tourney.Invalid("", "the body is not a JSON object: %v", err)
}

// refuseNulls refuses a null where the struct that v points to has no place for
// one: Go would take it for a zero.
func refuseNulls(data []byte, v any) error {
	t := reflect.TypeOf(v).Elem()
	var keys map[string]json.RawMessage
	if json.Unmarshal(data, &keys) != nil || keys == nil {
		return tourney.Invalid("", "the body must be a JSON object")
	}
	if t.Kind() != reflect.Struct {
		return nil
	}
	inv := &tourney.InvalidError{}
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if k := f.Type.Kind(); k != reflect.Pointer && k != reflect.Interface && string(keys[name]) == "null" {
			inv.Fields = append(inv.Fields, tourney.FieldError{Path: name, Message: "must not be null; leave it out"})
		}
	}
	if len(inv.Fields) > 0 {
		return inv
	}
	return nil
}

// article names a type of Go as JSON's.
func article(t reflect.Type) string {
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Int, reflect.Int64, reflect.Uint64:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list"
	default:
		return "an object"
	}
}

// jsonKeys returns the keys of the struct that v points to.
func jsonKeys(v any) []string {
	t := reflect.TypeOf(v).Elem()
	if t.Kind() != reflect.Struct {
		return nil
	}
	var keys []string
	for _, f := range reflect.VisibleFields(t) {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
			keys = append(keys, name)
		}
	}
	return keys
}
