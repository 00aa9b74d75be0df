package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/textproto"
	"path"
	"strings"
	"unicode"

	"tourney"
	"tourney/api/gen"
)

// maxFiles is how many files a table may come in.
const maxFiles = 10_000

// upload is a table on its way from a request to a dataset.
type upload struct {
	s     *Server
	ctx   context.Context
	entry *ingest
	total int64 // bytes of the body; 0: not known
	done  int64 // of them, in the files before

	req   tourney.DatasetRequest
	files []File
	known string // the hash of files that did not come
	place Place  // of files that were fetched
	key   *string
}

// remove removes the files.
func (u *upload) remove() error {
	var errs []error
	for _, f := range u.files {
		if f.Remove != nil {
			errs = append(errs, f.Remove())
		}
	}
	return errors.Join(errs...)
}

// readBody takes the body for the one file of the table.
func (u *upload) readBody(body io.Reader, p gen.AddDatasetParams) error {
	if p.Name == nil {
		return tourney.Invalid("name", "is missing")
	}
	u.req = tourney.DatasetRequest{
		Name: *p.Name, Target: value(p.Target), Task: value(p.Task), Drop: value(p.Drop), Group: value(p.Group), Time: value(p.Time),
		Weight: value(p.Weight), SQL: value(p.SQL), Format: value(p.Format), Seed: uint64(value(p.Seed)), File: cleanFile(value(p.File)),
		Split: tourney.Split{Test: value(p.Test)},
	}
	switch {
	case p.Split != nil && p.Test != nil:
		return tourney.Invalid("test", "does not go with split, which says it already")
	case p.Split != nil:
		split, err := tourney.ParseSplit(*p.Split)
		if err != nil {
			return tourney.Invalid("split", "%v", err)
		}
		u.req.Split = split
	}
	if p.Types != nil {
		dec := json.NewDecoder(strings.NewReader(*p.Types))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&u.req.Types); err != nil {
			return tourney.Invalid("types", `must be a JSON object like {"zip":{"kind":"category"}}: %v`, err)
		}
	}
	if err := u.check(); err != nil {
		return err
	}
	return u.spool(u.req.File, body, false)
}

// queryGiven refuses the parameters that go with a table as the body alone.
func queryGiven(p gen.AddDatasetParams) error {
	p.Ingest = nil
	if p != (gen.AddDatasetParams{}) {
		return tourney.Invalid("", "the parameters beside ingest go with a table as the body; here the options belong into the body")
	}
	return nil
}

// readParts takes a request and its files out of a multipart body.
func (u *upload) readParts(parts *multipart.Reader, p gen.AddDatasetParams) error {
	if err := queryGiven(p); err != nil {
		return err
	}
	for n := 0; ; n++ {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) && n > 0 {
			break
		}
		if err != nil {
			return partError(err)
		}
		switch name := part.FormName(); {
		case n == 0 && name != "request":
			return tourney.Invalid("request", "must be the first part: a JSON object that says how to make a dataset of the files")
		case n == 0:
			var ask ask
			if err := decodeStrict(io.LimitReader(part, maxBody), &ask); err != nil {
				return err
			}
			if ask.Source != nil {
				return tourney.Invalid("source", "does not go with files; send the request alone, as application/json")
			}
			u.req = ask.request()
			if err := u.check(); err != nil {
				return err
			}
		case n > maxFiles:
			return tourney.Invalid("file", "there are more than %d files", maxFiles)
		case name == "file" || name == "test":
			if err := u.spool(fileName(part), part, name == "test"); err != nil {
				return partError(err)
			}
		default:
			short := quote(name)
			return tourney.Invalid(short[1:len(short)-1], "no part has this name%s", tourney.DidYouMean(name, []string{"file", "test"}))
		}
	}
	if len(u.files) == 0 {
		return tourney.Invalid("file", "is missing: send the table as parts of that name")
	}
	return drain(u.ctx)
}

// partError tells a body that is not whole from other failures.
func partError(err error) error {
	if known := new(statusError); errors.As(err, &known) {
		return known
	}
	var refused *tourney.InvalidError
	var header textproto.ProtocolError
	switch {
	case errors.As(err, &refused), errors.Is(err, context.Canceled):
		return err
	case errors.As(err, &header): // its text has the whole line
		return tourney.Invalid("", "the body is no multipart/form-data: the header of a part is malformed")
	case strings.Contains(err.Error(), "multipart: "), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return tourney.Invalid("", "the body is no whole multipart/form-data: %v", err)
	}
	return err
}

// readPlace fetches the files that the body names.
func (u *upload) readPlace(body []byte, p gen.AddDatasetParams) error {
	if err := queryGiven(p); err != nil {
		return err
	}
	var ask ask
	if err := decodeStrict(strings.NewReader(string(body)), &ask); err != nil {
		return err
	}
	u.req = ask.request()
	src := ask.Source
	given := 0
	if src != nil {
		for _, text := range []string{src.Path, src.URL, src.SHA256} {
			if text != "" {
				given++
			}
		}
	}
	if given != 1 {
		return tourney.Invalid("source", "must say where the table is: one of path, url and sha256")
	}
	if err := u.check(); err != nil {
		return err
	}
	if u.known = src.SHA256; u.known != "" {
		return nil
	}
	var err error
	u.place = Place{Path: src.Path, URL: src.URL}
	u.files, err = u.s.cfg.Datasets.Fetch(u.ctx, u.place, u.entry.tell)
	return err
}

// check looks at the request before any file is read.
func (u *upload) check() error {
	if err := tourney.CheckName(u.req.Name); err != nil {
		return tourney.Invalid("name", "%v", err)
	}
	u.entry.named(u.req.Name)
	inv := &tourney.InvalidError{}
	for _, e := range u.req.Split.Check() {
		e.Path = "split." + e.Path
		inv.Fields = append(inv.Fields, e)
	}
	if len(inv.Fields) > 0 {
		return inv
	}
	return nil
}

// spool keeps a file that comes with the request.
func (u *upload) spool(name string, r io.Reader, test bool) error {
	if name == "" {
		name = "table"
	}
	var last int64
	f, err := u.s.cfg.Datasets.Spool(u.ctx, name, r, func(p Progress) {
		last = p.Bytes
		u.entry.upload(u.done+p.Bytes, u.total)
	})
	if err != nil {
		return err
	}
	u.done += last
	f.Test = test
	u.files = append(u.files, f)
	return nil
}

// located adds the name of the file to what is wrong with it, since a problem
// document has no place of its own for that.
func (u *upload) located(err error) error {
	inv := tourney.AsInvalid(err)
	if inv == nil || inv.Source == "" || len(u.files) < 2 {
		return err
	}
	named := &tourney.InvalidError{}
	for _, f := range inv.Fields {
		f.Message = inv.Source + ": " + f.Message
		named.Fields = append(named.Fields, f)
	}
	return named
}

// ask is a dataset's request as a body holds it.
type ask struct {
	tourney.DatasetRequest

	Split  split   `json:"split"` // in the place of the request's own
	Source *source `json:"source"`
}

// source is where a table is.
type source struct {
	Path   string `json:"path"`
	URL    string `json:"url"`
	SHA256 string `json:"sha256"`
}

func (a *ask) request() tourney.DatasetRequest {
	req := a.DatasetRequest
	req.Split, req.File = tourney.Split(a.Split), cleanFile(req.File)
	return req
}

// split is a split that may be written in its short form.
type split tourney.Split

// UnmarshalJSON implements json.Unmarshaler.
func (s *split) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		parsed, err := tourney.ParseSplit(text)
		if err != nil {
			return tourney.Invalid("split", "%v", err)
		}
		*s = split(parsed)
		return nil
	}
	err := decodeStrict(strings.NewReader(string(data)), (*tourney.Split)(s))
	if inv := tourney.AsInvalid(err); inv != nil {
		for i := range inv.Fields {
			inv.Fields[i].Path = strings.TrimSuffix("split."+inv.Fields[i].Path, ".")
		}
	}
	return err
}

// fileName returns the name of a part's file with the directories before it,
// since those like year=2026 say something of its rows.
func fileName(part *multipart.Part) string {
	_, params, err := mime.ParseMediaType(part.Header.Get("Content-Disposition"))
	if err != nil {
		return ""
	}
	return cleanFile(params["filename"])
}

// cleanFile makes a name fit for messages: a path that leads nowhere, without
// signs that cannot be printed.
func cleanFile(name string) string {
	name = strings.Map(func(r rune) rune {
		switch {
		case r == '\\':
			return '/'
		case !unicode.IsPrint(r):
			return '_'
		}
		return r
	}, strings.ToValidUTF8(name, "_"))
	if r := []rune(name); len(r) > maxFileName {
		name = string(r[len(r)-maxFileName:]) // the ending says what it is
	}
	return strings.TrimPrefix(path.Clean("/"+name), "/")
}

// maxFileName is the most characters of a file's name that are kept.
const maxFileName = 200

// publicText is what may be said of an error beside its request.
func publicText(err error) string {
	if inv := tourney.AsInvalid(err); inv != nil {
		return inv.Error()
	}
	for _, public := range []error{tourney.ErrInvalid, tourney.ErrNotFound, tourney.ErrConflict, tourney.ErrRefused, tourney.ErrInUse, tourney.ErrUnavailable} {
		if errors.Is(err, public) {
			return fmt.Sprint(err)
		}
	}
	return "the server failed"
}
