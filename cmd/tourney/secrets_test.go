package main

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tourney"
)

// wanderer sends requests to a server and remembers all that it answers.
type wanderer struct {
	t     *testing.T
	url   string
	heard map[string]string // by request
}

func (w *wanderer) send(method, path, body string, header map[string]string) (*http.Response, string) {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for key, value := range header {
		req.Header.Set(key, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	w.heard[fmt.Sprintf("%d. %s %s: %d", len(w.heard), method, path, resp.StatusCode)] = string(text)
	return resp, string(text)
}

// read decodes an answer that is right, which is not remembered: it is where a
// secret is shown once.
func (w *wanderer) read(method, path, body string, header map[string]string, into any) *http.Response {
	w.t.Helper()
	resp, text := w.send(method, path, body, header)
	if resp.StatusCode >= 400 || json.Unmarshal([]byte(text), into) != nil {
		w.t.Fatalf("%s %s: %s %s", method, path, resp.Status, text)
	}
	delete(w.heard, fmt.Sprintf("%d. %s %s: %d", len(w.heard)-1, method, path, resp.StatusCode))
	return resp
}

// Secrets are in no log, no page, no problem and no file of a server that was
// given them: tokens, the cookie of a session, the password and the signature in
// a dataset's URL, the credential of a worker, an answer that was kept.
func TestPlantedSecrets(t *testing.T) {
	data := dir(t)
	_, admin := tokenIn(t, data, "admin")
	up := start(t, "up", "--workers", "1", "--addr", "127.0.0.1:0", "--nats-listen", "127.0.0.1:0", "--data-dir", data, "--log-level", "debug", "--allow-url-host", "data.invalid,127.0.0.1")
	w := &wanderer{t: t, url: up.url(), heard: map[string]string{}}
	auth := map[string]string{"Authorization": "Bearer " + admin}
	secrets := map[string]string{"admin token": admin[40:]}

	// They come in by every way there is.
	var made tourney.IssuedToken
	keyed := map[string]string{"Authorization": "Bearer " + admin, "Idempotency-Key": "1"}
	w.read("POST", "/api/v1/tokens", `{"name":"a","scope":"worker"}`, keyed, &made)
	w.read("POST", "/api/v1/tokens", `{"name":"a","scope":"worker"}`, keyed, &made)
	secrets["new token"] = made.Token[40:]
	var session struct{ Scope string }
	resp := w.read("POST", "/api/v1/session", fmt.Sprintf(`{"token":%q}`, admin), nil, &session)
	secrets["cookie"] = resp.Cookies()[0].Value
	var enrolled tourney.Enrolment
	w.read("POST", "/api/v1/workers", `{"host":"h","slots":1,"version":"dev"}`, map[string]string{"Authorization": "Bearer " + made.Token}, &enrolled)
	if secrets["bus password"] = enrolled.Password; enrolled.Password == "" {
		t.Fatalf("enrolled without a password: %+v", enrolled)
	}
	const password, signature, mistaken = "pl4nted-passw0rd", "pl4nted-s1gnature", "pl4nted-m1stake-in-a-t0ken"
	secrets["URL's password"], secrets["URL's signature"], secrets["wrong token"] = password, signature, mistaken
	for i, place := range []string{"data.invalid/t.csv", "other.invalid/t.csv", "127.0.0.1/t.csv", "data.invalid:x/t.csv", "data.invalid/%zz"} {
		at := fmt.Sprintf("https://user:%s@%s?sig=%s", password, place, signature)
		w.send("POST", "/api/v1/datasets", fmt.Sprintf(`{"name":"d%d","target":"y","source":{"url":%q}}`, i, at), auth)
		w.send("POST", "/api/v1/sweeps", fmt.Sprintf(`{"name":"s%d","trainer":"linear","dataset":%q,"target":"y","run_cap":2,"parameters":{"learning_rate":{"min":0.1,"max":1}}}`, i, at), auth)
	}
	var ds tourney.Dataset
	csv := map[string]string{"Authorization": "Bearer " + admin, "Content-Type": "text/csv", "Idempotency-Key": "2"}
	w.read("POST", "/api/v1/datasets?name=d&target=y", "x,y\n"+strings.Repeat("1,0\n2,1\n", 50), csv, &ds)
	var sweep tourney.Sweep
	w.read("POST", "/api/v1/sweeps", `{"name":"s","trainer":"linear","dataset":"d","run_cap":2,"parameters":{"learning_rate":{"min":0.1,"max":1}}}`, auth, &sweep)
	w.send("GET", "/api/v1/sweeps", "", map[string]string{"Authorization": "Bearer " + mistaken})
	w.send("GET", "/api/v1/sweeps", "", map[string]string{"Authorization": "Basic " + mistaken})
	w.send("POST", "/api/v1/session", fmt.Sprintf(`{"token":%q}`, mistaken), nil)
	w.send("GET", "/api/v1/sweeps?token="+mistaken, "", auth)
	w.send("DELETE", "/api/v1/session", "", map[string]string{"Cookie": resp.Cookies()[0].Name + "=" + mistaken})

	// Then all is read that can be.
	paths := []string{
		"/", "/healthz", "/readyz", "/metrics", "/api/docs", "/api/v1/sweeps", "/api/v1/datasets", "/api/v1/ingests", "/api/v1/workers", "/api/v1/tokens", "/api/v1/audit",
		"/api/v1/session", "/api/v1/datasets/d", "/api/v1/datasets/d/sample", "/api/v1/nothing",
	}
	untilSweepEnds(t, w, sweep.ID, auth)
	for _, what := range []string{"", "/leaderboard", "/trials", "/trials/0", "/trials/0/metrics", "/history", "/importance", "/pareto", "/rungs", "/models"} {
		paths = append(paths, "/api/v1/sweeps/"+sweep.ID+what)
	}
	paths = append(paths, "/sweeps/"+sweep.ID)
	for _, path := range paths {
		w.send("GET", path, "", auth)
	}
	for request, text := range w.heard {
		holdsNone(t, secrets, "the answer to "+request, text)
	}
	if code := up.terminate(); code != 0 {
		t.Errorf("the server: exit %d", code)
	}
	holdsNone(t, secrets, "the log", up.said())
	files := 0
	err := filepath.WalkDir(data, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		content, err := os.ReadFile(name)
		holdsNone(t, secrets, name, string(content))
		return err
	})
	if err != nil || files < 3 {
		t.Errorf("%d files: %v", files, err)
	}
}

// untilSweepEnds waits for a sweep by asking for its next state.
func untilSweepEnds(t *testing.T, w *wanderer, id string, auth map[string]string) {
	t.Helper()
	header := map[string]string{"Prefer": "wait=10"}
	for key, value := range auth {
		header[key] = value
	}
	var s tourney.Sweep
	for range 20 {
		if w.read("GET", "/api/v1/sweeps/"+id, "", header, &s); s.State.Terminal() {
			return
		}
	}
	t.Fatalf("sweep %s is %s", id, s.State)
}
