package api_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"testing"

	"tourney"
	"tourney/api"
	"tourney/api/gen"
)

var csvBody = header{"Content-Type": "text/csv"}

func TestADatasetIsRegistered(t *testing.T) {
	r := newRig(t)
	table := "a,\"b,c\",y\n1,2,0\n3,4,1\n5,6,1\n7,8,0\n"
	path := "/api/v1/datasets?name=toy&target=y&task=regression&test=0.5&drop=a&drop=b%2Cc&seed=7&file=toy.csv&types=%7B%22y%22:%7B%22kind%22:%22date%22%7D%7D"
	for i, typ := range []string{"text/csv", "application/octet-stream"} {
		a := r.do(t.Context(), "POST", path, table, header{"Content-Type": typ})
		var ds tourney.Dataset
		want := []int{http.StatusCreated, http.StatusOK}[i] // the same again makes nothing new
		if err := json.Unmarshal(a.body, &ds); err != nil || a.StatusCode != want {
			t.Fatalf("%s: %s, want %d: %v in %s", typ, a.Status, want, err, a.body)
		}
		if ds.Name != "toy" || ds.Task != tourney.Regression || ds.Rows != 4 || ds.TestRows != 2 || ds.Seed != 7 || len(ds.Columns) != 1 || ds.Columns[0].Name != "y" || ds.Columns[0].Kind != tourney.Date {
			t.Errorf("%s: dataset %+v", typ, ds)
		}
		var same tourney.Dataset
		if r.get(a.Header.Get("Location"), &same); same.Version != ds.Version {
			t.Errorf("Location %q is version %q, not %q", a.Header.Get("Location"), same.Version, ds.Version)
		}
	}
	sum := sha256.Sum256([]byte(table))
	var list struct{ Items []tourney.Dataset }
	if r.get("/api/v1/datasets?source="+hex.EncodeToString(sum[:]), &list); len(list.Items) != 1 || list.Items[0].Name != "toy" {
		t.Errorf("by source: %v", list.Items)
	}
	if r.get("/api/v1/datasets?limit=1", &list); len(list.Items) != 1 || list.Items[0].Name != "telco" {
		t.Errorf("by name: %v", list.Items)
	}
	if n := r.world.Left(); n != 0 {
		t.Errorf("%d files are left behind", n)
	}
}

// part is a part of a multipart body.
type part struct{ name, file, content string }

// form writes a multipart body.
func form(parts ...part) (body string, h header) {
	var b strings.Builder
	w := multipart.NewWriter(&b)
	for _, p := range parts {
		head := textproto.MIMEHeader{"Content-Disposition": {`form-data; name="` + p.name + `"`}, "Content-Type": {"application/json"}}
		if p.file != "" {
			head.Set("Content-Disposition", head.Get("Content-Disposition")+`; filename="`+p.file+`"`)
			head.Set("Content-Type", "application/octet-stream")
		}
		out, err := w.CreatePart(head)
		if err != nil {
			panic(err)
		}
		io.WriteString(out, p.content)
	}
	w.Close()
	return b.String(), header{"Content-Type": w.FormDataContentType()}
}

func TestADatasetOfSeveralFiles(t *testing.T) {
	r := newRig(t)
	body, h := form(
		part{"request", "", `{"name":"parts","target":"y","split":{"kind":"file"},"drop":["a"]}`},
		part{"file", "../2026/one.csv", "a,y\n1,0\n"}, part{"file", "two.csv", "a,y\n2,1\n3,0\n"}, part{"test", "t.csv", "a,y\n4,1\n"},
	)
	a := r.do(t.Context(), "POST", "/api/v1/datasets?ingest=mine", body, h)
	var ds tourney.Dataset
	if err := json.Unmarshal(a.body, &ds); err != nil || a.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %v in %s", a.Status, err, a.body)
	}
	if ds.Name != "parts" || ds.Rows != 4 || ds.TestRows != 1 || len(ds.Columns) != 1 || ds.Split.Kind != tourney.SplitFile {
		t.Errorf("dataset %+v", ds)
	}
	if n := r.world.Left(); n != 0 {
		t.Errorf("%d files are left behind", n)
	}
	for _, tt := range []struct {
		parts []part
		path  string
		says  string
	}{
		{[]part{{"file", "f.csv", "y\n1\n"}}, "request", "first part"},
		{[]part{{"request", "", `{"name":"x"}`}}, "file", "is missing"},
		{[]part{{"request", "", `{"name":"-"}`}}, "name", "is no name"},
		{[]part{{"request", "", `{"name":"x","targte":"y"}`}}, "targte", `did you mean "target"`},
		{[]part{{"request", "", `{"name":"x","split":"half"}`}}, "split", "is no split"},
		{[]part{{"request", "", `{"name":"x","split":{"test":2}}`}}, "split.test", "at most 0.9"},
		{[]part{{"request", "", `{"name":"x","split":{"tset":0.2}}`}}, "split.tset", `did you mean "test"`},
		{[]part{{"request", "", `{"name":"x","source":{"path":"/"}}`}}, "source", "does not go with files"},
		{[]part{{"request", "", `{"name":"x"}`}, {"flie", "f.csv", "y\n1\n"}}, "flie", `did you mean "file"`},
		{[]part{{"request", "", `{"name":"x","target":"y"}`}, {"file", "f.csv", "y\n1\n"}, {"file", "g.csv", "y\n1,2\n"}}, "", "g.csv: "},
	} {
		body, h := form(tt.parts...)
		p := r.wrong(http.StatusBadRequest, "POST", "/api/v1/datasets", body, h)
		if len(p.Errors) != 1 || p.Errors[0].Path != tt.path || !strings.Contains(p.Errors[0].Message, tt.says) {
			t.Errorf("%v: errors %v, want one of %q that says %q", tt.parts, p.Errors, tt.path, tt.says)
		}
	}
	r.wrong(http.StatusBadRequest, "POST", "/api/v1/datasets?target=y", body, h)
	cut := body[:len(body)-20]
	if p := r.wrong(http.StatusBadRequest, "POST", "/api/v1/datasets", cut, h); !strings.Contains(p.Detail, "no whole multipart") {
		t.Errorf("a body that is cut: %v", p)
	}
	if n := r.world.Left(); n != 0 {
		t.Errorf("%d files are left behind by wrong requests", n)
	}
}

func TestADatasetFromAPlace(t *testing.T) {
	r := newRig(t)
	r.world.Place("/data/t.csv", "a,y\n1,0\n2,1\n")
	r.world.Place("https://files.example/u.csv", "a,y\n1,0\n2,1\n3,1\n")
	post := func(body string) answer {
		return r.do(t.Context(), "POST", "/api/v1/datasets", body, header{"Content-Type": "application/json"})
	}
	var ds tourney.Dataset
	a := post(`{"name":"p","target":"y","split":"0.5","source":{"path":"/data/t.csv"}}`)
	if err := json.Unmarshal(a.body, &ds); err != nil || a.StatusCode != http.StatusCreated || ds.Rows != 2 || ds.TestRows != 1 {
		t.Errorf("a path: %s %s", a.Status, a.body)
	}
	if a := post(`{"name":"u","target":"y","source":{"url":"https://files.example/u.csv"}}`); a.StatusCode != http.StatusCreated {
		t.Errorf("a URL: %s %s", a.Status, a.body)
	}
	if a := post(`{"name":"again","source":{"sha256":"` + ds.Source + `"}}`); a.StatusCode != http.StatusCreated || !strings.Contains(string(a.body), ds.Version) {
		t.Errorf("a known hash: %s %s", a.Status, a.body)
	}
	for body, status := range map[string]int{
		`{"name":"x","source":{"path":"/etc/passwd"}}`:                           http.StatusForbidden,
		`{"name":"x","source":{"url":"http://other.example/"}}`:                  http.StatusForbidden,
		`{"name":"x","source":{"sha256":"` + strings.Repeat("0", 64) + `"}}`:     http.StatusNotFound,
		`{"name":"x","source":{"path":"/data/t.csv","url":"https://a.example"}}`: http.StatusBadRequest,
		`{"name":"x","source":{}}`:                                               http.StatusBadRequest,
		`{"name":"x"}`:                                                           http.StatusBadRequest,
		`{"source":{"path":"/data/t.csv"}}`:                                      http.StatusBadRequest,
		`[]`:                                                                     http.StatusBadRequest,
	} {
		r.wrong(status, "POST", "/api/v1/datasets", body, header{"Content-Type": "application/json"})
	}
	big := `{"name":"x","target":"` + strings.Repeat("y", 1<<20) + `"}`
	r.wrong(http.StatusRequestEntityTooLarge, "POST", "/api/v1/datasets", big, header{"Content-Type": "application/json"})
	if n := r.world.Left(); n != 0 {
		t.Errorf("%d files are left behind", n)
	}
}

func TestProgressIsTold(t *testing.T) {
	r := newRig(t)
	var during gen.Ingest
	r.world.During(func(context.Context) {
		r.get("/api/v1/ingests/mine", &during)
		r.wrong(http.StatusConflict, "POST", "/api/v1/datasets?name=b&target=y&ingest=mine", "x,y\n", csvBody)
	})
	if a := r.do(t.Context(), "POST", "/api/v1/datasets?name=a&target=y&ingest=mine", "x,y\n1,0\n", csvBody); a.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	r.world.During(nil)
	if during.Name != "a" || during.Phase != "scan" || during.Rows != 1 || during.TotalRows != 2 || during.Bytes != 3 || during.TotalBytes != 4 {
		t.Errorf("while it goes on: %+v", during)
	}
	r.wrong(http.StatusBadRequest, "POST", "/api/v1/datasets?name=b&target=z&ingest=other", "x,y\n1,0\n", csvBody)
	var list gen.IngestList
	r.get("/api/v1/ingests", &list)
	if len(list.Items) != 2 || list.Items[0].ID != "other" || list.Items[0].Phase != "failed" || !strings.Contains(list.Items[0].Error, "there is no column") ||
		list.Items[1].Phase != "done" || len(list.Items[1].Version) != 64 {
		t.Errorf("afterwards: %+v", list.Items)
	}
	r.wrong(http.StatusNotFound, "GET", "/api/v1/ingests/nowhere", "", nil)
	// An id that is no longer in use may be used again.
	if a := r.do(t.Context(), "POST", "/api/v1/datasets?name=a&target=y&ingest=mine", "x,y\n1,0\n", csvBody); a.StatusCode != http.StatusOK {
		t.Errorf("%s %s", a.Status, a.body)
	}
}

// Who hangs up stops what was begun for him, and leaves nothing.
func TestWhoHangsUpStopsIt(t *testing.T) {
	r := newRig(t)
	ctx, hangUp := context.WithCancel(t.Context())
	stopped := make(chan struct{})
	r.world.During(func(ctx context.Context) {
		hangUp()
		<-ctx.Done() // for ever, if the server did not see it
		close(stopped)
	})
	body, h := form(part{"request", "", `{"name":"a","target":"y"}`}, part{"file", "a.csv", "x,y\n1,0\n"})
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.http.URL+"/api/v1/datasets?ingest=mine", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", h["Content-Type"])
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		t.Fatalf("an answer: %s", resp.Status)
	}
	<-stopped
	r.http.Close() // waits for the handler
	if n := r.world.Left(); n != 0 {
		t.Errorf("%d files are left behind", n)
	}
	if _, err := r.world.Dataset(t.Context(), "a"); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("the dataset: %v", err)
	}
}

func TestADatasetIsDeleted(t *testing.T) {
	r := newRig(t)
	sweep := r.create()
	p := r.wrong(http.StatusConflict, "DELETE", "/api/v1/datasets/telco", "", nil)
	if p.Type != "urn:tourney:in-use" || !strings.Contains(p.Detail, sweep.ID) {
		t.Errorf("problem %+v", p)
	}
	r.do(t.Context(), "POST", "/api/v1/sweeps/"+sweep.ID+"/cancel", "", nil)
	if a := r.do(t.Context(), "DELETE", "/api/v1/datasets/telco", "", nil); a.StatusCode != http.StatusNoContent || len(a.body) != 0 {
		t.Errorf("%s %s", a.Status, a.body)
	}
	r.wrong(http.StatusNotFound, "DELETE", "/api/v1/datasets/telco", "", nil)
	r.wrong(http.StatusNotFound, "GET", "/api/v1/datasets/telco", "", nil)
}

func TestRowsAreShown(t *testing.T) {
	r := newRig(t)
	var s gen.DatasetSample
	r.get("/api/v1/datasets/telco/sample?rows=1", &s)
	if !slices.Equal(s.Columns, []string{"x", "y"}) || len(s.Rows) != 1 || !slices.Equal(s.Rows[0], []string{"x 0", "y 0"}) {
		t.Errorf("sample %+v", s)
	}
	if r.get("/api/v1/datasets/telco/sample", &s); len(s.Rows) != 2 {
		t.Errorf("sample %+v", s)
	}
	r.wrong(http.StatusNotFound, "GET", "/api/v1/datasets/nowhere/sample", "", nil)
	r.wrong(http.StatusBadRequest, "GET", "/api/v1/datasets/telco/sample?rows=0", "", nil)
}

func TestAWrongTableIsRefusedWithItsLine(t *testing.T) {
	r := newRig(t)
	p := r.wrong(http.StatusBadRequest, "POST", "/api/v1/datasets?name=bad&target=y", "x,y\n1,0\n2,1,3\n", csvBody)
	if len(p.Errors) != 1 || p.Errors[0].Line != 3 {
		t.Errorf("errors %v, want one at line 3", p.Errors)
	}
	p = r.wrong(http.StatusBadRequest, "POST", "/api/v1/datasets?name=bad&target=label", "lable,x\n", csvBody)
	if len(p.Errors) != 1 || p.Errors[0].Path != "target" || !strings.Contains(p.Errors[0].Message, `did you mean "lable"`) {
		t.Errorf("errors %v", p.Errors)
	}
	r.wrong(http.StatusNotFound, "GET", "/api/v1/datasets/bad", "", nil)
	r.wrong(http.StatusUnsupportedMediaType, "POST", "/api/v1/datasets?name=bad&target=y", "x,y\n", yaml)
	for query, path := range map[string]string{
		"split=0.2&test=0.2": "test", "split=half": "split", "types=%7B": "types", "types=%7B%22a%22:%7B%22kin%22:1%7D%7D": "types",
	} {
		if p := r.wrong(http.StatusBadRequest, "POST", "/api/v1/datasets?name=bad&target=y&"+query, "y\n1\n", csvBody); len(p.Errors) != 1 || p.Errors[0].Path != path {
			t.Errorf("%s: errors %v", query, p.Errors)
		}
	}
}

func TestTablesAreBounded(t *testing.T) {
	r := newRig(t, func(cfg *api.Config) { cfg.MaxDatasetBytes = 8 })
	if a := r.do(t.Context(), "POST", "/api/v1/datasets?name=fits&target=y", "x,y\n1,0\n", csvBody); a.StatusCode != http.StatusCreated {
		t.Errorf("8 bytes: %s %s", a.Status, a.body)
	}
	r.wrong(http.StatusRequestEntityTooLarge, "POST", "/api/v1/datasets?name=big&target=y", "x,y\n1,00\n", csvBody)
	body, h := form(part{"request", "", `{"name":"big","target":"y"}`}, part{"file", "a.csv", "x,y\n"})
	r.wrong(http.StatusRequestEntityTooLarge, "POST", "/api/v1/datasets", body, h)
	r.wrong(http.StatusNotFound, "GET", "/api/v1/datasets/big", "", nil)

	// Without a length the bytes are counted as they come.
	r = newRig(t, func(cfg *api.Config) { cfg.MaxDatasetBytes = int64(len(body)) - 1 })
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, r.http.URL+"/api/v1/datasets", struct{ io.Reader }{strings.NewReader(body)})
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", h["Content-Type"])
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("chunked: %s", resp.Status)
	}
}

func TestAWorkerEnrols(t *testing.T) {
	r := newRig(t)
	post := header{"Content-Type": "application/json"}
	a := r.do(t.Context(), "POST", "/api/v1/workers", `{"host":"h1","pool":"default","slots":4,"version":"1"}`, post)
	var e tourney.Enrolment
	if err := json.Unmarshal(a.body, &e); err != nil || a.StatusCode != http.StatusCreated || e.Worker != "w1" || e.Lease != 30e9 || e.Expires.Location().String() != "UTC" {
		t.Errorf("%s: %v in %s", a.Status, err, a.body)
	}
	if a.Header.Get("Cache-Control") != "no-store" {
		t.Error("the credential may be cached")
	}
	r.do(t.Context(), "POST", "/api/v1/workers", `{"host":"h2","pool":"default","slots":1,"version":"1"}`, post)
	var list struct{ Items []tourney.Worker }
	if r.get("/api/v1/workers", &list); len(list.Items) != 2 || list.Items[0].Host != "h2" {
		t.Errorf("workers %v", list.Items)
	}
	for body, want := range map[string]struct{ path, says string }{
		`{"host":"h","pool":"p","slots":0,"version":"1"}`:   {"slots", "at least 1"},
		`{"host":"h","pool":"p","slots":"4","version":"1"}`: {"slots", "must be a whole number, not string"},
		`{"host":"h","pool":"p","slots":1.5}`:               {"slots", "must be a whole number"},
		`{"host":"h","slot":4}`:                             {"slot", `did you mean "slots"`},
		`{"host":"h","slots":1}{}`:                          {"", "nothing after it"},
		`{"host":`:                                          {"", "not a JSON object"},
		`[]`:                                                {"", "not a JSON object"},
		``:                                                  {"", "not a JSON object"},
	} {
		p := r.wrong(http.StatusBadRequest, "POST", "/api/v1/workers", body, post)
		if len(p.Errors) != 1 || p.Errors[0].Path != want.path || !strings.Contains(p.Errors[0].Message, want.says) {
			t.Errorf("%s: errors %v, want %v", body, p.Errors, want)
		}
	}
}
