package api_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"math"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"tourney"
	"tourney/api"
	"tourney/api/internal/apitest"
	"tourney/api/problem"
)

func TestASweepIsCreatedFromYAMLAndJSON(t *testing.T) {
	r := newRig(t)
	asJSON := `{"name":"churn","dataset":"telco","trainer":"linear","method":"random","run_cap":20,
		"parameters":{"lr":{"distribution":"log_uniform_values","min":"1e-3","max":1},"depth":{"values":[1,2,3]}}}`
	var specs []string
	for typ, body := range map[string]string{"application/yaml": spec, "application/json": asJSON, "application/json; charset=utf-8": asJSON, "Application/YAML": spec} {
		a := r.do(apitest.Wrong(t.Context()), "POST", "/api/v1/sweeps", body, header{"Content-Type": typ})
		var sweep tourney.Sweep
		if err := json.Unmarshal(a.body, &sweep); err != nil || a.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %s: %v in %s", typ, a.Status, err, a.body)
		}
		var same tourney.Sweep
		if r.get(a.Header.Get("Location"), &same); same.ID != sweep.ID || sweep.ID == "" {
			t.Errorf("Location %q is sweep %q, not %q", a.Header.Get("Location"), same.ID, sweep.ID)
		}
		data, err := json.Marshal(same.Spec)
		if err != nil {
			t.Fatal(err)
		}
		specs = append(specs, string(data))
	}
	for _, s := range specs[1:] {
		if s != specs[0] {
			t.Errorf("specs differ:\n%s\n%s", specs[0], s)
		}
	}
}

func TestEveryWrongFieldOfASweepFileIsNamedWithItsLine(t *testing.T) {
	r := newRig(t)
	body := "dataset: telco\ntrainer: linear\nmethd: random\nrun_cap: none\nparameters:\n  lr:\n    min: 0\n    max: 1\n    qq: 2\n"
	p := r.wrong(http.StatusBadRequest, "POST", "/api/v1/sweeps", body, yaml)
	got := map[string]int{}
	for _, e := range p.Errors {
		got[e.Path] = e.Line
	}
	for path, line := range map[string]int{"methd": 3, "run_cap": 4, "parameters.lr.qq": 9} {
		if got[path] != line {
			t.Errorf("%s is reported at line %d, want %d (all: %v)", path, got[path], line, p.Errors)
		}
	}
	// JSON goes through the same reader, lines and all.
	p = r.wrong(http.StatusBadRequest, "POST", "/api/v1/sweeps", "{\n\"dataset\": \"telco\",\n\"trainr\": 1}", header{"Content-Type": "application/json"})
	if len(p.Errors) == 0 || p.Errors[0].Path != "trainr" || p.Errors[0].Line != 3 || !strings.Contains(p.Errors[0].Message, `did you mean "trainer"`) {
		t.Errorf("errors %v, want trainr at line 3", p.Errors)
	}
	for _, body := range []string{"", "[1, 2", "42", "{"} {
		for _, typ := range []string{"application/json", "application/yaml"} {
			if p := r.wrong(http.StatusBadRequest, "POST", "/api/v1/sweeps", body, header{"Content-Type": typ}); len(p.Errors) == 0 {
				t.Errorf("%q as %s: no errors in %v", body, typ, p)
			}
		}
	}
}

func TestAnIdempotencyKeyCreatesOnce(t *testing.T) {
	r := newRig(t)
	post := func(body, key string) answer {
		return r.do(t.Context(), "POST", "/api/v1/sweeps", body, header{"Content-Type": "application/yaml", "Idempotency-Key": key})
	}
	first, again, other := post(spec, "k 1"), post(spec, "k 1"), post(spec, "k 2")
	if first.StatusCode != http.StatusCreated || again.StatusCode != http.StatusCreated || string(first.body) != string(again.body) {
		t.Errorf("the same key gave %s %s\nand then %s %s", first.Status, first.body, again.Status, again.body)
	}
	if first.Header.Get("Location") == other.Header.Get("Location") {
		t.Error("two keys gave one sweep")
	}
	p := r.wrong(http.StatusUnprocessableEntity, "POST", "/api/v1/sweeps", strings.Replace(spec, "20", "21", 1), header{"Content-Type": "application/yaml", "Idempotency-Key": "k 1"})
	if !strings.Contains(p.Detail, "k 1") {
		t.Errorf("detail %q does not name the key", p.Detail)
	}
	if p := r.wrong(http.StatusBadRequest, "POST", "/api/v1/sweeps", spec, header{"Content-Type": "application/yaml", "Idempotency-Key": strings.Repeat("k", 129)}); p.Errors[0].Path != "Idempotency-Key" {
		t.Errorf("errors %v", p.Errors)
	}
	if post(spec, strings.Repeat("k", 128)).StatusCode != http.StatusCreated {
		t.Error("a key of 128 characters is refused")
	}
}

func TestOtherMediaTypesAreRefused(t *testing.T) {
	r := newRig(t)
	for _, typ := range []string{"", "text/plain", "application/x-www-form-urlencoded", "application/jsonx", "multipart/form-data", ";"} {
		p := r.wrong(http.StatusUnsupportedMediaType, "POST", "/api/v1/sweeps", spec, header{"Content-Type": typ})
		if !strings.Contains(p.Detail, "application/json or application/yaml") {
			t.Errorf("detail %q does not say what is taken", p.Detail)
		}
	}
	r.wrong(http.StatusUnsupportedMediaType, "POST", "/api/v1/workers", "{}", yaml)
}

func TestBodiesAreBounded(t *testing.T) {
	r := newRig(t)
	pad := func(n int) string { return spec + "# " + strings.Repeat("x", n-len(spec)-3) + "\n" }
	r.wrong(http.StatusRequestEntityTooLarge, "POST", "/api/v1/sweeps", pad(1<<20+1), yaml)
	if a := r.do(t.Context(), "POST", "/api/v1/sweeps", pad(1<<20), yaml); a.StatusCode != http.StatusCreated {
		t.Errorf("1 MiB: %s: %s", a.Status, a.body)
	}
}

func TestSweepsAreListedNewestFirstInPages(t *testing.T) {
	r := newRig(t)
	for range 5 {
		r.create()
	}
	var ids []string
	path := "/api/v1/sweeps?limit=2"
	for pages := 1; ; pages++ {
		var list struct {
			Items []tourney.Sweep
			Next  *string
		}
		r.get(path, &list)
		for _, s := range list.Items {
			ids = append(ids, s.ID)
		}
		if list.Next == nil {
			if pages != 3 {
				t.Errorf("%d pages of 2 for 5 sweeps", pages)
			}
			break
		}
		path = "/api/v1/sweeps?limit=2&cursor=" + *list.Next
	}
	if got := strings.Join(ids, " "); got != "s5 s4 s3 s2 s1" {
		t.Errorf("listed %s", got)
	}
}

func TestEmptyListsAreLists(t *testing.T) {
	r := newRig(t)
	for path, want := range map[string]string{
		"/api/v1/sweeps":  `{"items":[]}`,
		"/api/v1/workers": `{"items":[],"lifetimes":[]}`,
		"/api/v1/datasets?source=" + strings.Repeat("0", 64): `{"items":[]}`,
	} {
		if a := r.get(path, nil); strings.TrimSpace(string(a.body)) != want {
			t.Errorf("%s: %s, want %s", path, a.body, want)
		}
	}
	id := r.create().ID
	want := `{"at":[],"best":[],"rung":[],"step":[],"trial":[],"value":[]}`
	if a := r.get("/api/v1/sweeps/"+id+"/history", nil); strings.TrimSpace(string(a.body)) != want {
		t.Errorf("history: %s, want %s", a.body, want)
	}
}

func TestASweepIsPausedResumedAndCancelled(t *testing.T) {
	r := newRig(t)
	id := r.create().ID
	for _, step := range []struct {
		action string
		state  tourney.SweepState
	}{{"pause", tourney.SweepPaused}, {"resume", tourney.SweepRunning}, {"cancel", tourney.SweepCancelled}} {
		a := r.do(t.Context(), "POST", "/api/v1/sweeps/"+id+"/"+step.action, "", nil)
		var sweep tourney.Sweep
		if err := json.Unmarshal(a.body, &sweep); err != nil || a.StatusCode != http.StatusOK || sweep.State != step.state {
			t.Errorf("%s: %s: %v in %s", step.action, a.Status, err, a.body)
		}
	}
	p := r.wrong(http.StatusConflict, "POST", "/api/v1/sweeps/"+id+"/resume", "", nil)
	if p.Type != "urn:tourney:conflict" || !strings.Contains(p.Detail, "cancelled") {
		t.Errorf("problem %+v does not say that the sweep is cancelled", p)
	}
	r.wrong(http.StatusNotFound, "POST", "/api/v1/sweeps/none/pause", "", nil)
}

func TestWhatIsNotThereIsNotFound(t *testing.T) {
	r := newRig(t)
	id := r.create(1).ID
	for _, path := range []string{
		"/api/v1/sweeps/none", "/api/v1/sweeps/none/leaderboard", "/api/v1/sweeps/none/trials", "/api/v1/sweeps/none/history",
		"/api/v1/sweeps/none/events", "/api/v1/sweeps/" + id + "/trials/1", "/api/v1/sweeps/" + id + "/trials/1/metrics",
		"/api/v1/datasets/none", "/api/v1/blobs/sha256/" + strings.Repeat("0", 64),
	} {
		if p := r.wrong(http.StatusNotFound, "GET", path, "", nil); p.Type != "urn:tourney:not-found" {
			t.Errorf("%s: type %s", path, p.Type)
		}
	}
}

func TestTheBoardIsInOrderAndSaysItsMetric(t *testing.T) {
	r := newRig(t)
	id := r.create(0.5, math.NaN(), 0.2, 0.9).ID
	var board struct {
		Metric tourney.Metric
		Items  []tourney.Trial
	}
	r.get("/api/v1/sweeps/"+id+"/leaderboard", &board)
	var order []int
	for _, trial := range board.Items {
		order = append(order, trial.Number)
	}
	// By hand: log loss is to be minimised, and the diverged trial is last.
	if want := []int{2, 0, 3, 1}; len(order) != 4 || [4]int(order) != [4]int(want) {
		t.Errorf("board %v, want %v", order, want)
	}
	if want := (tourney.Metric{Name: "logloss", Goal: tourney.Minimize}); board.Metric != want {
		t.Errorf("metric %v, want %v", board.Metric, want)
	}
}

func TestTrialsAreShown(t *testing.T) {
	r := newRig(t)
	id := r.create(0.5, math.NaN()).ID
	var list struct{ Items []tourney.Trial }
	if r.get("/api/v1/sweeps/"+id+"/trials", &list); len(list.Items) != 2 || list.Items[0].Number != 0 || list.Items[1].Number != 1 {
		t.Errorf("trials %v", list.Items)
	}
	var raw map[string]any
	a := r.get("/api/v1/sweeps/"+id+"/trials/1", &raw)
	if v, ok := raw["value"]; !ok || v != nil || raw["state"] != "diverged" {
		t.Errorf("a diverged trial has no value: %s", a.body)
	}
	if created, _ := raw["created_at"].(string); !strings.HasSuffix(created, "Z") {
		t.Errorf("created_at %q is not in UTC", created)
	}
	var points struct{ Items []tourney.Point }
	r.get("/api/v1/sweeps/"+id+"/trials/0/metrics", &points)
	if len(points.Items) != 2 || points.Items[0].Step != 1 || points.Items[1].Metrics["logloss"] != 0.5 {
		t.Errorf("points %v", points.Items)
	}
}

func TestHistoryIsInColumns(t *testing.T) {
	r := newRig(t)
	id := r.create(0.5, 0.7, 0.25).ID
	var h struct {
		At                []string
		Trial, Rung, Step []int
		Value, Best       []float64
	}
	r.get("/api/v1/sweeps/"+id+"/history", &h)
	if len(h.At) != 3 || [3]int(h.Trial) != [3]int{0, 1, 2} || [3]float64(h.Value) != [3]float64{0.5, 0.7, 0.25} || [3]float64(h.Best) != [3]float64{0.5, 0.5, 0.25} {
		t.Errorf("history %+v", h)
	}
	if r.get("/api/v1/sweeps/"+id+"/history?limit=2", &h); len(h.Value) != 2 {
		t.Errorf("limit 2 gave %d points", len(h.Value))
	}
}

// Whatever is posted, the answer is a sweep or says what is wrong with it.
func FuzzCreateSweep(f *testing.F) {
	for _, seed := range []string{
		spec, `{"dataset":"telco"}`, "", "\x00", "a: &a [*a]", "a: &a {<<: *a}", "dataset: telco\nparameters: {}", "parameters: {x: {values: [1e400, .nan]}}",
		strings.Repeat("[", 5000), strings.ReplaceAll(spec, "20", "99999999999999999999"), "? [a, b]\n: c\n", "--- 1\n--- 2\n",
	} {
		f.Add([]byte(seed), true)
		f.Add([]byte(seed), false)
	}
	world := apitest.NewWorld()
	if _, err := world.Table(f.Context(), tourney.DatasetRequest{Name: "telco", Target: "y"}, "y\n1\n"); err != nil {
		f.Fatal(err)
	}
	server, err := api.New(api.Config{Service: world, Reader: world, Datasets: world, Blobs: world, Access: world, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, asYAML bool) {
		req := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/api/v1/sweeps", bytes.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		if asYAML {
			req.Header.Set("Content-Type", "application/yaml")
		}
		w := httptest.NewRecorder()
		server.ServeHTTP(w, req)
		switch w.Code {
		case http.StatusCreated:
		case http.StatusBadRequest:
			var p problem.Problem
			if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || len(p.Errors) == 0 || p.Errors[0].Message == "" {
				t.Errorf("%q is refused without a reason: %v in %s", body, err, w.Body)
			}
		default:
			t.Errorf("%q: status %d: %s", body, w.Code, w.Body)
		}
	})
}

// A sweep may name a table that the server may read; it is registered first,
// and its files do not stay.
func TestSweepOverATableOfItsOwn(t *testing.T) {
	r := newRig(t)
	for at, name := range map[string]string{
		"/data/houses 2.csv": "houses-2", "https://example.com/a/telco.csv.gz?x=1": "telco", "s3://bucket/flats.parquet": "flats",
	} {
		r.world.Place(at, "x,y\n1,0\n2,1\n3,1\n")
		body := strings.Replace(spec, "dataset: telco", "dataset: "+strconv.Quote(at)+"\ntarget: y\nsplit: 0.5", 1)
		a := r.do(r.Context(), http.MethodPost, "/api/v1/sweeps", body, yaml)
		if a.StatusCode != http.StatusCreated {
			t.Errorf("%s: %s: %s", at, a.Status, a.body)
			continue
		}
		var sweep tourney.Sweep
		if err := json.Unmarshal(a.body, &sweep); err != nil {
			t.Fatal(err)
		}
		if got, _, _ := strings.Cut(sweep.Spec.Dataset, "@"); got != name || sweep.Spec.Split != nil {
			t.Errorf("%s: the sweep is over %s", at, sweep.Spec.Dataset)
		}
		if n := r.world.Left(); n != 0 {
			t.Errorf("%s: %d files stay", at, n)
		}
	}
	for _, at := range []string{"/etc/passwd", "http://127.0.0.1/x.csv", "../x.csv", "http://[::1/"} {
		body := strings.Replace(spec, "dataset: telco", "dataset: "+strconv.Quote(at)+"\ntarget: y", 1)
		a := r.do(apitest.Wrong(r.Context()), http.MethodPost, "/api/v1/sweeps", body, yaml)
		if a.StatusCode != http.StatusForbidden && a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %s: %s", at, a.Status, a.body)
		}
	}
}
