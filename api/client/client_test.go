package client_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"tourney"
	"tourney/api"
	"tourney/api/client"
	"tourney/api/internal/apitest"
)

const spec = `dataset: telco
trainer: linear
method: random
run_cap: 20
parameters:
  lr: {distribution: uniform, min: 0, max: 1}
`

const telco = "x,y\n1,0\n2,1\n"

// connect starts a server over a world with a dataset "telco", and returns a
// client whose every exchange is checked against openapi.yaml.
func connect(t *testing.T) (*client.Client, *apitest.World) {
	t.Helper()
	base, world := serve(t)
	checker := apitest.NewChecker(t, apitest.Document(t, "../openapi.yaml"), http.DefaultTransport)
	return client.New(base, &http.Client{Transport: checker}), world
}

// serve starts a server over a world with a dataset "telco".
func serve(t *testing.T) (base string, world *apitest.World) {
	t.Helper()
	world = apitest.NewWorld()
	if _, err := world.Table(t.Context(), tourney.DatasetRequest{Name: "telco", Target: "y"}, telco); err != nil {
		t.Fatal(err)
	}
	s, err := api.New(api.Config{Service: world, Reader: world, Datasets: world, Blobs: world, Access: world, Version: "9.9", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	t.Cleanup(s.Close)
	return srv.URL, world
}

// must ends the test if a call failed.
func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// collect reads an iterator to its end.
func collect[T any](t *testing.T, seq iter.Seq2[T, error]) []T {
	t.Helper()
	var out []T
	for v, err := range seq {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

func TestASweepFromFileToBoard(t *testing.T) {
	c, world := connect(t)
	ctx := t.Context()
	sweep := must[tourney.Sweep](t)(c.CreateSweep(ctx, []byte(spec), ""))
	if sweep.ID == "" || sweep.State != tourney.SweepRunning || sweep.Spec.RunCap != 20 || len(sweep.Spec.Parameters) != 1 {
		t.Errorf("sweep %+v", sweep)
	}
	for i := range 250 { // three pages, the first of 100 and the next of up to 1000
		world.Try(sweep.ID, float64((i*7)%250))
	}
	for range 3 {
		must[tourney.Sweep](t)(c.CreateSweep(ctx, []byte(spec), ""))
	}
	board := collect(t, c.Leaderboard(ctx, sweep.ID))
	for i, trial := range board {
		if trial.Value == nil || *trial.Value != float64(i) { // the values are 0 to 249, and less is better
			t.Fatalf("place %d has %v", i, trial.Value)
		}
	}
	trials := collect(t, c.Trials(ctx, sweep.ID))
	if len(board) != 250 || len(trials) != 250 || trials[249].Number != 249 {
		t.Errorf("%d on the board, %d trials", len(board), len(trials))
	}
	trial := must[tourney.Trial](t)(c.Trial(ctx, sweep.ID, 3))
	if trial.Number != 3 || trial.Params["depth"] != int64(3) || trial.Params["lr"] != 0.5 {
		t.Errorf("trial %+v", trial)
	}
	if points := must[[]tourney.Point](t)(c.Points(ctx, sweep.ID, 3)); len(points) != 2 || points[1].Metrics["logloss"] != 21 {
		t.Errorf("points %v", points)
	}
	if sweeps := collect(t, c.Sweeps(ctx)); len(sweeps) != 4 || sweeps[3].ID != sweep.ID {
		t.Errorf("sweeps %v", sweeps)
	}
	for range c.Leaderboard(ctx, sweep.ID) {
		break // and no more pages
	}
}

func TestAct(t *testing.T) {
	c, _ := connect(t)
	ctx := t.Context()
	id := must[tourney.Sweep](t)(c.CreateSweep(ctx, []byte(spec), "")).ID
	for action, state := range map[tourney.Action]tourney.SweepState{tourney.ActionPause: tourney.SweepPaused} {
		if got := must[tourney.Sweep](t)(c.Act(ctx, id, action)); got.State != state {
			t.Errorf("%s: %s", action, got.State)
		}
	}
	if got := must[tourney.Sweep](t)(c.Act(ctx, id, tourney.ActionResume)); got.State != tourney.SweepRunning {
		t.Errorf("resume: %s", got.State)
	}
	must[tourney.Sweep](t)(c.Act(ctx, id, tourney.ActionCancel))
	if _, err := c.Act(ctx, id, tourney.ActionPause); !errors.Is(err, tourney.ErrConflict) || !strings.Contains(err.Error(), "cancelled") {
		t.Errorf("pause after cancel: %v", err)
	}
	if _, err := c.Act(ctx, id, "stop"); !errors.Is(err, tourney.ErrInvalid) {
		t.Errorf("stop: %v", err)
	}
	if got := must[tourney.Sweep](t)(c.Sweep(ctx, id)); got.State != tourney.SweepCancelled {
		t.Errorf("state %s", got.State)
	}
}

func TestErrorsAreThoseOfTheServer(t *testing.T) {
	c, world := connect(t)
	ctx := t.Context()
	if _, err := c.Sweep(ctx, "none"); !errors.Is(err, tourney.ErrNotFound) || errors.Is(err, tourney.ErrInvalid) {
		t.Errorf("no sweep: %v", err)
	}
	_, err := c.CreateSweep(apitest.Wrong(ctx), []byte("dataset: telco\ntrainr: linear\n"), "")
	inv := tourney.AsInvalid(err)
	if inv == nil || !errors.Is(err, tourney.ErrInvalid) || inv.Fields[0].Path != "trainr" || inv.Fields[0].Line != 2 {
		t.Errorf("a wrong file: %v", err)
	}
	must[tourney.Sweep](t)(c.CreateSweep(ctx, []byte(spec), "key"))
	if _, err := c.CreateSweep(ctx, []byte(spec+"seed: 3\n"), "key"); !errors.Is(err, tourney.ErrConflict) {
		t.Errorf("a key used twice: %v", err)
	}
	for _, err := range c.Leaderboard(ctx, "none") {
		if !errors.Is(err, tourney.ErrNotFound) {
			t.Errorf("no board: %v", err)
		}
	}
	world.Sicken(fmt.Errorf("the disk is full: %w", tourney.ErrUnavailable))
	if err := c.Ready(ctx); !errors.Is(err, tourney.ErrUnavailable) || !strings.Contains(err.Error(), "the disk is full") {
		t.Errorf("not ready: %v", err)
	}
	world.Sicken(nil)
	if err := c.Ready(ctx); err != nil {
		t.Error(err)
	}
	if version := must[string](t)(c.Health(ctx)); version != "9.9" {
		t.Errorf("version %q", version)
	}
}

// file is an upload of a text.
func file(name, content string) client.File {
	return client.File{Name: name, Size: int64(len(content)), Open: func() (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}}
}

func TestDatasets(t *testing.T) {
	c, world := connect(t)
	ctx := t.Context()
	table := "a,b,y\n1,2,0\n3,4,1\n"
	req := tourney.DatasetRequest{
		Name: "toy", Target: "y", Task: tourney.Regression, Split: tourney.Split{Test: 0.5}, Drop: []string{"a", "b"}, Seed: 7, File: "toy.csv",
		Types: map[string]tourney.ColumnType{"y": {Kind: tourney.Category, Levels: []string{"1", "0"}}}, Group: "g", Time: "t", Weight: "w",
	}
	var sent int64
	ds := must[tourney.Dataset](t)(c.AddDataset(ctx, req, []client.File{file("toy.csv", table)}, "toy1", func(n int64) { sent = n }))
	if ds.Rows != 2 || ds.TestRows != 1 || ds.Task != tourney.Regression || ds.Seed != 7 || len(ds.Columns) != 1 ||
		ds.Columns[0].Kind != tourney.Category || ds.Group != "g" || ds.Time != "t" || ds.Weight != "w" {
		t.Errorf("dataset %+v", ds)
	}
	if sent <= int64(len(table)) {
		t.Errorf("sent %d bytes of a table of %d and its request", sent, len(table))
	}
	if in := must[client.Ingest](t)(c.Ingest(ctx, "toy1")); in.Phase != "done" || in.Version != ds.Version || in.Name != "toy" {
		t.Errorf("ingest %+v", in)
	}
	if list := must[[]client.Ingest](t)(c.Ingests(ctx)); len(list) != 1 || list[0].ID != "toy1" {
		t.Errorf("ingests %+v", list)
	}
	sum := sha256.Sum256([]byte(table))
	hash := hex.EncodeToString(sum[:])
	if got := must[tourney.Dataset](t)(c.DatasetBySource(ctx, hash)); got.Version != ds.Version {
		t.Errorf("by source: %+v", got)
	}
	if _, err := c.DatasetBySource(ctx, strings.Repeat("0", 64)); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("by an unknown source: %v", err)
	}
	for _, ref := range []string{"toy", "toy@" + ds.Version[:8], ds.Version} {
		if got := must[tourney.Dataset](t)(c.Dataset(ctx, ref)); got.Version != ds.Version {
			t.Errorf("%s: %+v", ref, got)
		}
	}
	if list := collect(t, c.Datasets(ctx)); len(list) != 2 || list[0].Name != "telco" || list[1].Name != "toy" {
		t.Errorf("datasets %v", list)
	}
	if s := must[client.Sample](t)(c.SampleDataset(ctx, "toy", 5)); !slices.Equal(s.Columns, []string{"y"}) || len(s.Rows) != 1 || s.Rows[0][0] != "y 0" {
		t.Errorf("sample %+v", s)
	}
	other := req
	other.Name = "other"
	if got := must[tourney.Dataset](t)(c.AddDatasetFrom(ctx, other, client.Source{SHA256: hash}, "")); got.Name != "other" || got.Version != ds.Version {
		t.Errorf("by the hash of its files: %+v", got)
	}
	if _, err := c.AddDatasetFrom(ctx, other, client.Source{SHA256: strings.Repeat("0", 64)}, ""); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("by an unknown hash: %v", err)
	}
	if _, err := c.AddDatasetFrom(ctx, other, client.Source{Path: "/etc/passwd"}, ""); !errors.Is(err, tourney.ErrRefused) {
		t.Errorf("a path that is not allowed: %v", err)
	}
	if err := c.DeleteDataset(ctx, "other"); err != nil {
		t.Error(err)
	}
	if err := c.DeleteDataset(ctx, "other"); !errors.Is(err, tourney.ErrNotFound) {
		t.Errorf("deleted twice: %v", err)
	}
	if n := world.Left(); n != 0 {
		t.Errorf("%d files are left behind", n)
	}
}

func TestWrongTables(t *testing.T) {
	c, _ := connect(t)
	ctx := t.Context()
	req := tourney.DatasetRequest{Name: "toy", Target: "y", File: "toy.csv"}
	ragged := "a,b,y\n1,2\n"
	add := func(req tourney.DatasetRequest, files ...client.File) error {
		_, err := c.AddDataset(apitest.Wrong(ctx), req, files, "", nil)
		return err
	}
	if inv := tourney.AsInvalid(add(req, file("toy.csv", ragged))); inv == nil || inv.Source != "toy.csv" || inv.Fields[0].Line != 2 {
		t.Errorf("a wrong table: %v", inv)
	}
	err := add(req, file("one.csv", "a,b,y\n1,2,3\n"), file("two.csv", ragged))
	if inv := tourney.AsInvalid(err); inv == nil || inv.Fields[0].Line != 2 || !strings.HasPrefix(inv.Fields[0].Message, "two.csv: ") {
		t.Errorf("the second of two: %v", err)
	}
	big := req
	big.Seed = 1 << 63
	if err := add(big, file("toy.csv", "y\n1\n")); !errors.Is(err, tourney.ErrInvalid) {
		t.Errorf("a seed that JSON readers cannot hold: %v", err)
	}
	base, _ := serve(t)
	plain := client.New(base, nil) // the checker reads bodies before it sends them
	lost := errors.New("the disk is gone")
	for name, f := range map[string]client.File{
		"cannot be opened": {Name: "f", Size: 9, Open: func() (io.ReadCloser, error) { return nil, lost }},
		"breaks off": {Name: "f", Size: 9, Open: func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("a,"), iotest.ErrReader(lost))), nil
		}},
	} {
		if _, err := plain.AddDataset(ctx, req, []client.File{f}, "", nil); !errors.Is(err, lost) {
			t.Errorf("a file that %s: %v", name, err)
		}
	}
	for _, size := range []int64{1, 100} {
		f := file("f", "a,b,y\n1,2,3\n")
		f.Size = size
		if _, err := plain.AddDataset(ctx, req, []client.File{f}, "", nil); err == nil || !strings.Contains(err.Error(), "has changed while it was read") {
			t.Errorf("a file of another length than %d: %v", size, err)
		}
	}
}

func TestWorkers(t *testing.T) {
	c, _ := connect(t)
	e := must[tourney.Enrolment](t)(c.Enrol(t.Context(), tourney.EnrolRequest{Host: "h", Pool: "default", Slots: 4, Version: "1"}))
	if e.Worker != "w1" || e.Lease != 30*time.Second || e.Password != "secret" {
		t.Errorf("enrolment %+v", e)
	}
	if list := must[[]tourney.Worker](t)(c.Workers(t.Context())); len(list) != 1 || list[0].Slots != 4 {
		t.Errorf("workers %v", list)
	}
	if _, err := c.Enrol(t.Context(), tourney.EnrolRequest{}); tourney.AsInvalid(err) == nil {
		t.Errorf("no slots: %v", err)
	}
}

func TestNoServer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	c := client.New(addr, nil)
	_, err = c.Sweep(t.Context(), "s1")
	if !errors.Is(err, tourney.ErrUnavailable) || err.Error() != "nothing listens at http://"+addr+": is the server running? start one with tourney up" {
		t.Errorf("error %v", err)
	}
	for _, err := range c.Events(t.Context(), "", 0) {
		if !errors.Is(err, tourney.ErrUnavailable) {
			t.Errorf("events: %v", err)
		}
	}
	for _, base := range []string{"http://[::1", "ftp://localhost", ""} {
		if _, err := client.New(base, nil).Sweep(t.Context(), "s1"); err == nil {
			t.Errorf("%q is taken for a server", base)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Sweep(ctx, "s1"); !errors.Is(err, context.Canceled) {
		t.Errorf("a call that was given up: %v", err)
	}
}

// answers is a server that says one thing.
func answers(t *testing.T, status int, typ, body string) *client.Client {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", typ)
		w.WriteHeader(status)
		io.WriteString(w, body)
	}))
	t.Cleanup(srv.Close)
	return client.New(srv.URL+"/", nil)
}

func TestOtherServers(t *testing.T) {
	for _, tt := range []struct {
		status    int
		typ, body string
		is        error
		says      string
	}{
		{502, "text/html", "<h1>proxy</h1>", nil, "Bad Gateway (status 502)"},
		{503, "text/plain", "busy", tourney.ErrUnavailable, "Service Unavailable (status 503)"},
		{404, "text/plain", "", tourney.ErrNotFound, "Not Found (status 404)"},
		{409, "application/problem+json", `{"type":"urn:tourney:stale","detail":"old"}`, tourney.ErrStale, "old"},
		{422, "application/problem+json", `{"type":"urn:tourney:conflict","detail":"used"}`, tourney.ErrConflict, "used"},
		{500, "application/problem+json", `{"type":"about:blank","detail":"the server failed","id":"abc"}`, nil, "the server failed (request abc in the server's log)"},
		{500, "application/problem+json", `{`, nil, "a problem that cannot be read"},
		{200, "text/html", "<h1>hello</h1>", tourney.ErrUnavailable, "read the answer"},
	} {
		_, err := answers(t, tt.status, tt.typ, tt.body).Sweep(t.Context(), "s1")
		if err == nil || !strings.Contains(err.Error(), tt.says) || tt.is != nil && !errors.Is(err, tt.is) {
			t.Errorf("%d %s: error %v, want %v that says %q", tt.status, tt.body, err, tt.is, tt.says)
		}
		for _, sentinel := range []error{tourney.ErrNotFound, tourney.ErrConflict, tourney.ErrStale, tourney.ErrUnavailable, tourney.ErrInvalid} {
			if !errors.Is(tt.is, sentinel) && errors.Is(err, sentinel) {
				t.Errorf("%d %s: %v is %v as well", tt.status, tt.body, err, sentinel)
			}
		}
	}
}

func TestTheClientDoesNotLinkTheServersFramework(t *testing.T) {
	out, err := exec.CommandContext(t.Context(), "go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(out, []byte("labstack/echo")) {
		t.Error("package client imports echo")
	}
}

// unreliable cuts each stream after some bytes, and refuses some connections.
type unreliable struct {
	next http.RoundTripper
	cuts atomic.Int64
	rng  *rand.Rand
}

func (u *unreliable) RoundTrip(r *http.Request) (*http.Response, error) {
	if u.cuts.Add(1)%4 == 0 {
		return nil, errors.New("the line is dead")
	}
	resp, err := u.next.RoundTrip(r)
	if err == nil {
		n := int64(u.rng.IntN(9000)) // some streams break inside their first message
		resp.Body = &short{Reader: io.LimitReader(resp.Body, n), Closer: resp.Body}
	}
	return resp, err
}

// short ends with an error, and does not wait for more at its limit.
type short struct {
	io.Reader
	io.Closer
}

func (s *short) Read(p []byte) (int, error) {
	n, err := s.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// memory serves a handler: inside a synctest bubble the pauses
// between attempts cost no time.
type memory struct{ handler http.Handler }

func (m memory) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancel(r.Context())
	in, out := io.Pipe()
	w := &writer{head: make(chan struct{}), header: http.Header{}, out: out}
	r = r.Clone(ctx)
	r.Host = "localhost"
	if r.Body == nil {
		r.Body = http.NoBody
	}
	go func() {
		m.handler.ServeHTTP(w, r)
		out.Close()
		w.WriteHeader(http.StatusOK)
	}()
	<-w.head
	return &http.Response{StatusCode: w.status, Header: w.header, Body: &hangUp{in, cancel}, Request: r}, nil
}

type hangUp struct {
	*io.PipeReader
	cancel func()
}

func (h *hangUp) Close() error {
	h.cancel()
	return h.PipeReader.Close()
}

type writer struct {
	status int
	header http.Header
	head   chan struct{}
	out    *io.PipeWriter
}

func (w *writer) Header() http.Header { return w.header }

func (w *writer) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
		close(w.head)
	}
}

func (w *writer) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.out.Write(p)
}

func (w *writer) Flush()                           {}
func (w *writer) SetWriteDeadline(time.Time) error { return nil }

// bubbled is what a test has inside its bubble.
type bubbled struct {
	*testing.T
	client *client.Client
	world  *apitest.World
	server *api.Server
	sweep  string
}

// quick runs a test in a bubble, with a client that reaches a world in memory
// through a transport of the test's.
func quick(t *testing.T, through func(http.RoundTripper) http.RoundTripper, do func(bubbled)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		world := apitest.NewWorld()
		if _, err := world.Table(t.Context(), tourney.DatasetRequest{Name: "telco", Target: "y"}, telco); err != nil {
			t.Fatal(err)
		}
		s, err := api.New(api.Config{Service: world, Reader: world, Datasets: world, Blobs: world, Access: world, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		parsed := must[tourney.Spec](t)(tourney.ParseSpec([]byte(spec), ""))
		sweep := must[tourney.Sweep](t)(world.CreateSweep(t.Context(), parsed, ""))
		do(bubbled{t, client.New("http://localhost", &http.Client{Transport: through(memory{s})}), world, s, sweep.ID})
		s.Close()
		synctest.Wait()
	})
}

func direct(next http.RoundTripper) http.RoundTripper { return next }

func TestEventsSurviveABadLine(t *testing.T) {
	bad := func(next http.RoundTripper) http.RoundTripper {
		return &unreliable{next: next, rng: rand.New(rand.NewPCG(3, 4))}
	}
	quick(t, bad, func(b bubbled) {
		const commits = 500
		go func() {
			for range commits {
				b.world.Commit(b.sweep, tourney.Acted{Action: tourney.ActionPause}, tourney.Acted{Action: tourney.ActionResume})
				time.Sleep(100 * time.Millisecond)
			}
		}()
		var got []int64
		for ev, err := range b.client.Events(b.Context(), b.sweep, 0) {
			if err != nil {
				b.Fatal(err)
			}
			if ev.Sweep != b.sweep || ev.Seq != int64(len(got)+1) || ev.At.IsZero() {
				b.Fatalf("event %d is %+v", len(got), ev)
			}
			if got = append(got, ev.ID); len(got) == 2+2*commits {
				break
			}
		}
		if !slices.Equal(got, b.world.Events(b.sweep)) {
			b.Error("events were repeated or lost")
		}
	})
}

func TestEventsToComeStartAtTheNewest(t *testing.T) {
	quick(t, direct, func(b bubbled) {
		go func() {
			time.Sleep(3 * time.Hour) // longer than a stream lasts
			b.world.Commit(b.sweep, tourney.Acted{Action: tourney.ActionCancel})
		}()
		for ev, err := range b.client.Events(b.Context(), "", -1) {
			if err != nil || ev.Body != (tourney.Acted{Action: tourney.ActionCancel}) {
				b.Errorf("the first event is %+v, %v", ev, err)
			}
			break
		}
	})
}

// dead is a line that can be cut and that falls silent.
type dead struct {
	next http.RoundTripper
	cut  atomic.Bool
	mute atomic.Bool
}

func (d *dead) RoundTrip(r *http.Request) (*http.Response, error) {
	if d.cut.Load() {
		return nil, errors.New("the line is dead")
	}
	if d.mute.Load() {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	return d.next.RoundTrip(r)
}

func TestEventsEndWithAnError(t *testing.T) {
	line := &dead{}
	through := func(next http.RoundTripper) http.RoundTripper { line.next = next; return line }
	quick(t, through, func(b bubbled) {
		last := func(ctx context.Context, sweep string, after int64) (err error) {
			for _, e := range b.client.Events(ctx, sweep, after) {
				err = e
			}
			return err
		}
		if err := last(b.Context(), "none", 0); !errors.Is(err, tourney.ErrNotFound) {
			b.Errorf("no sweep: %v", err)
		}
		ctx, cancel := context.WithTimeout(b.Context(), time.Minute)
		if err := last(ctx, b.sweep, -1); !errors.Is(err, context.DeadlineExceeded) {
			b.Errorf("a reader whose time is up: %v", err)
		}
		cancel()
		start := time.Now()
		time.AfterFunc(time.Minute, func() { line.cut.Store(true); b.server.Close() })
		if err := last(b.Context(), b.sweep, -1); !errors.Is(err, tourney.ErrUnavailable) {
			b.Errorf("no server any more: %v", err)
		}
		// It ends with the first attempt after five minutes without a server,
		// and attempts are at most 22.5 s apart.
		if d := time.Since(start) - time.Minute; d < 5*time.Minute || d > 5*time.Minute+23*time.Second {
			b.Errorf("gave up after %v", d)
		}
	})
}

func TestASilentLineIsTakenForDead(t *testing.T) {
	line := &dead{}
	line.mute.Store(true)
	through := func(next http.RoundTripper) http.RoundTripper { line.next = next; return line }
	quick(t, through, func(b bubbled) {
		start := time.Now()
		for _, err := range b.client.Events(b.Context(), b.sweep, 0) {
			if !errors.Is(err, tourney.ErrUnavailable) {
				b.Errorf("error %v", err)
			}
		}
		if d := time.Since(start); d != 45*time.Second {
			b.Errorf("gave up after %v, want 45 s", d)
		}
	})
}

func TestAnAnswerThatDoesNotCome(t *testing.T) {
	line := &dead{}
	line.mute.Store(true)
	through := func(next http.RoundTripper) http.RoundTripper { line.next = next; return line }
	quick(t, through, func(b bubbled) {
		_, err := b.client.Sweep(b.Context(), b.sweep)
		if !errors.Is(err, tourney.ErrUnavailable) || err.Error() != "no answer from http://localhost within 1m0s: unavailable" {
			b.Errorf("error %v", err)
		}
	})
}

func TestStreamsThatAreNone(t *testing.T) {
	for _, tt := range []struct{ typ, body, says string }{
		{"text/html", "<h1>", "is it a Tourney server?"},
		{"text/event-stream", "id: x\n\n", "not a number"},
		{"text/event-stream", "id: 1\ndata: {\n\n", "read events"},
		{"text/event-stream", "id: 1\ndata: {\"kind\":\"new\",\"body\":{}}\n\n", `no such kind "new"`},
	} {
		for _, err := range answers(t, 200, tt.typ, tt.body).Events(t.Context(), "", 0) {
			if err == nil || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s: error %v, want one that says %q", tt.body, err, tt.says)
			}
		}
	}
}
