package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tourney"
	"tourney/store"
)

// The exit codes are part of the command line's promise.
func TestExitCodes(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{errors.New("anything"), 1},
		{tourney.ErrUnavailable, 1},
		{tourney.ErrConflict, 1},
		{tourney.ErrInUse, 1},
		{tourney.ErrNotFound, 1},
		{usageError{errors.New("flag")}, 2},
		{usageError{tourney.ErrRefused}, 2},
		{tourney.Invalid("name", "is empty"), 2},
		{tourney.ErrInvalid, 2},
		{tourney.ErrRefused, 3},
		{quietError{tourney.ErrRefused}, 3},
		{errInterrupted, 130},
		{quietError{errInterrupted}, 130},
	} {
		for _, err := range []error{tt.err, fmt.Errorf("wrapped: %w", tt.err)} {
			if got := exitCode(err); got != tt.want {
				t.Errorf("%v: exit %d, want %d", err, got, tt.want)
			}
		}
	}
}

// tlsDir makes a certificate for this machine.
func tlsDir(t *testing.T) string {
	t.Helper()
	d := filepath.Join(t.TempDir(), "tls")
	must(t, "tls", "init", "--dir", d, "--host", "localhost", "--host", "127.0.0.1")
	return d
}

// tokenIn makes a token in a directory that no server runs on.
func tokenIn(t *testing.T, data, scope string, more ...string) (id, secret string) {
	t.Helper()
	secret = strings.TrimSpace(must(t, append([]string{"token", "create", "--data-dir", data, "--name", "of " + scope, "--scope", scope}, more...)...))
	id, ok := tourney.TokenID(secret)
	if !ok {
		t.Fatalf("%q is no token", secret)
	}
	return id, secret
}

// A server that other machines reach needs TLS and somebody who can log in; it
// says which of it is missing and how to make it.
func TestExposureIsRefused(t *testing.T) {
	files := tlsDir(t)
	nothing := func(*testing.T, string) {}
	admin := func(t *testing.T, data string) { tokenIn(t, data, "admin") }
	const makeTLS, makeToken = "tourney tls init", "tourney token create --data-dir "
	for _, tt := range []struct {
		name    string
		prepare func(*testing.T, string)
		flags   []string
		want    []string
		not     string
	}{
		{"nothing", nothing, nil, []string{"--addr 0.0.0.0:0", makeTLS, makeToken, "--tls-dir"}, ""},
		{"TLS alone", nothing, []string{"--tls-dir", files}, []string{makeToken}, makeTLS},
		{"a token alone", admin, nil, []string{makeTLS}, makeToken},
		{"a token that makes no others", func(t *testing.T, data string) { tokenIn(t, data, "worker") }, []string{"--tls-dir", files}, []string{makeToken}, makeTLS},
		{"a revoked token", func(t *testing.T, data string) {
			id, _ := tokenIn(t, data, "admin")
			must(t, "token", "revoke", "--data-dir", data, id)
		}, []string{"--tls-dir", files}, []string{makeToken}, makeTLS},
		{"an expired token", func(t *testing.T, data string) {
			tokenIn(t, data, "admin", "--expires", "1ns")
		}, []string{"--tls-dir", files}, []string{makeToken}, makeTLS},
		{"the bus without TLS", admin, []string{"--addr", "127.0.0.1:0", "--nats-listen", "0.0.0.0:0"}, []string{"--nats-listen 0.0.0.0:0", makeTLS}, "--addr 127"},
		{"every address by no name", admin, []string{"--addr", ":0"}, []string{makeTLS}, ""},
		{"every address of IPv6", admin, []string{"--addr", "[::]:0"}, []string{makeTLS}, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			data := dir(t)
			tt.prepare(t, data)
			args := append([]string{"up", "--addr", "0.0.0.0:0", "--workers", "0", "--data-dir", data}, tt.flags...)
			stdout, stderr, code := play(t, args...)
			if code != 3 || stdout != "" {
				t.Fatalf("exit %d, want 3\n%s%s", code, stdout, stderr)
			}
			for _, want := range tt.want {
				if !strings.Contains(stderr, want) {
					t.Errorf("%q is not in\n%s", want, stderr)
				}
			}
			if tt.not != "" && strings.Contains(stderr, tt.not) {
				t.Errorf("%q, which is there, is asked for:\n%s", tt.not, stderr)
			}
		})
	}
	for _, flags := range [][]string{{"--tls-cert", "x"}, {"--tls-key", "x"}, {"--tls-dir", files, "--tls-cert", "x"}, {"--tls-dir", t.TempDir()}} {
		args := append([]string{"up", "--addr", "127.0.0.1:0", "--workers", "0", "--data-dir", dir(t)}, flags...)
		if _, stderr, code := play(t, args...); code != 2 || !strings.Contains(stderr, "tls") {
			t.Errorf("%v: exit %d: %s", flags, code, stderr)
		}
	}
}

// A proxy in front, which has to be spelled out, needs neither; then there is
// nobody to ask for a token.
func TestBehindProxy(t *testing.T) {
	up := start(t, "up", "--addr", "0.0.0.0:0", "--workers", "1", "--insecure-behind-proxy", "--data-dir", dir(t))
	var list struct{ Items []tourney.Worker }
	url := up.await(`http://localhost:\d+`)
	if !get(t.Context(), url+"/api/v1/workers", &list) || len(list.Items) != 1 {
		t.Errorf("workers %v, want the one in the process", list)
	}
}

// trusting returns a client that trusts the authority of a directory, and sends
// a token unless it is empty.
func trusting(t *testing.T, files, token string) func(method, url, body string) (int, string) {
	t.Helper()
	pem, err := os.ReadFile(filepath.Join(files, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	hc := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}, Timeout: time.Minute}
	return func(method, url, body string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if body != "" {
			req.Header.Set("Content-Type", "application/json")
		}
		if token != "" {
			req.Header.Set("Authorization", "Bearer "+token)
		}
		resp, err := hc.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if cookies := resp.Cookies(); len(cookies) > 0 {
			return resp.StatusCode, cookies[0].Value
		}
		return resp.StatusCode, string(text)
	}
}

// A server that listens on every address, with TLS and tokens: strangers get
// nothing; a worker of another process trains a sweep by HTTPS and by NATS over
// TLS; when its token is revoked it is shut out at once, and says so; and no
// secret is in any log or file.
func TestExposedServer(t *testing.T) {
	files, data := tlsDir(t), dir(t)
	ca := filepath.Join(files, "ca.pem")
	_, admin := tokenIn(t, data, "admin")
	workerID, worker := tokenIn(t, data, "worker", "--pool", tourney.DefaultPool)
	_, submit := tokenIn(t, data, "submit")

	up := start(t, "coordinator", "--addr", "0.0.0.0:0", "--nats-listen", "0.0.0.0:0", "--tls-dir", files, "--data-dir", data, "--log-level", "debug")
	url := up.await(`https://localhost:\d+`)

	if status, _ := trusting(t, files, "")("GET", url+"/api/v1/sweeps", ""); status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", status)
	}
	if status, _ := trusting(t, files, worker)("GET", url+"/api/v1/sweeps", ""); status != http.StatusForbidden {
		t.Errorf("a worker lists sweeps: %d", status)
	}
	if status, text := trusting(t, files, worker)("POST", url+"/api/v1/workers", `{"host":"h","pool":"gpu","slots":1,"version":"x"}`); status != http.StatusForbidden || !strings.Contains(text, "gpu") {
		t.Errorf("a worker of another pool: %d %s", status, text)
	}
	status, cookie := trusting(t, files, "")("POST", url+"/api/v1/session", fmt.Sprintf(`{"token":%q}`, submit))
	if status != http.StatusCreated || cookie == "" {
		t.Errorf("login: %d", status)
	}
	if _, stderr, code := play(t, "sweep", "list", "--server", url); code != 1 || !strings.Contains(stderr, "--ca") {
		t.Errorf("without --ca: exit %d: %s", code, stderr)
	}
	if _, stderr, code := play(t, "sweep", "list", "--server", url, "--ca", ca); code != 3 || !strings.Contains(stderr, "token") {
		t.Errorf("without a token: exit %d: %s", code, stderr)
	}

	w := startWith(t, []string{"TOURNEY_TOKEN=" + worker}, "worker", "--server", url, "--ca", ca, "--slots", "2", "--cache-dir", t.TempDir(), "--log-level", "debug")
	w.await("training on 2 cores")
	cmd := command(t, "run", sweepFile(t), "--server", url, "--ca", ca, "--json")
	cmd.Env = append(cmd.Env, "TOURNEY_TOKEN="+submit)
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("run: %v\n%s", err, out)
	}
	if o := result(t, string(out)); o.Sweep.State != tourney.SweepCompleted || len(o.Leaderboard) != 4 {
		t.Errorf("the sweep is %s with %d trials", o.Sweep.State, len(o.Leaderboard))
	}

	revoke := command(t, "token", "revoke", workerID, "--server", url, "--ca", ca)
	revoke.Env = append(revoke.Env, "TOURNEY_TOKEN="+admin)
	if out, err := revoke.CombinedOutput(); err != nil {
		t.Fatalf("revoke: %v\n%s", err, out)
	}
	if status, _ := trusting(t, files, worker)("GET", url+"/api/v1/blobs/sha256/"+strings.Repeat("0", 64), ""); status != http.StatusUnauthorized {
		t.Errorf("a blob for the revoked token: %d", status)
	}
	w.await("a token is needed") // it was cut off, and could not enrol again
	<-w.done
	_ = w.Wait()
	if code := w.ProcessState.ExitCode(); code != 3 {
		t.Errorf("the worker that was shut out: exit %d, want 3", code)
	}
	if code := up.terminate(); code != 0 {
		t.Errorf("the server: exit %d", code)
	}

	secrets := map[string]string{"admin token": admin[40:], "worker token": worker[40:], "submit token": submit[40:], "cookie": cookie}
	holdsNone(t, secrets, "the server's log", up.said())
	holdsNone(t, secrets, "the worker's log", w.said())
	err = filepath.WalkDir(data, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		holdsNone(t, secrets, name, string(content))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	audited(t, data)
}

func holdsNone(t *testing.T, secrets map[string]string, where, text string) {
	t.Helper()
	for what, secret := range secrets {
		if strings.Contains(text, secret) {
			t.Errorf("the %s is in %s", what, where)
		}
	}
}

// audited checks that the audit of a directory has who did what.
func audited(t *testing.T, data string) {
	t.Helper()
	db, err := store.Open(t.Context(), data)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	audits, err := db.Audits(t.Context(), 1000)
	if err != nil {
		t.Fatal(err)
	}
	done := map[string]int{}
	for _, a := range audits {
		done[fmt.Sprintf("%s %d", a.Action, a.Status)]++
		if a.IP != "127.0.0.1" && a.IP != "::1" {
			t.Errorf("%+v: the address is %q", a, a.IP)
		}
	}
	for _, want := range []string{"createSession 201", "addDataset 201", "createSweep 201", "revokeToken 204"} {
		if done[want] != 1 {
			t.Errorf("the audit has %d of %q: %v", done[want], want, done)
		}
	}
}

// A token that was revoked while no server ran lets no worker come back, though
// the bus still has the worker's credential.
func TestRevokedOffline(t *testing.T) {
	data := dir(t)
	_, _ = tokenIn(t, data, "admin")
	id, secret := tokenIn(t, data, "worker")
	args := []string{"coordinator", "--addr", freePort(t), "--nats-listen", freePort(t), "--data-dir", data}
	first := start(t, args...)
	w := startWith(t, []string{"TOURNEY_TOKEN=" + secret}, "worker", "--server", first.url(), "--slots", "1", "--cache-dir", t.TempDir())
	w.await("training on 1 cores")
	first.terminate()
	must(t, "token", "revoke", "--data-dir", data, id)
	start(t, args...).url()
	w.await("a token is needed")
}

// An event stream ends with its token.
func TestStreamEndsWithItsToken(t *testing.T) {
	data := dir(t)
	_, admin := tokenIn(t, data, "admin")
	id, secret := tokenIn(t, data, "read")
	url := start(t, "up", "--addr", "127.0.0.1:0", "--workers", "0", "--data-dir", data).url()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/api/v1/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+secret)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	begin := make([]byte, 1)
	if _, err := resp.Body.Read(begin); err != nil {
		t.Fatal(err)
	}
	must(t, "token", "revoke", id, "--server", url, "--token", admin)
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, resp.Body)
		ended <- err
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second): // a ping would come, and an hour pass
		t.Error("the stream goes on without a token")
	}
}

// The commands of docs/security.md, as they stand but for names and ports,
// expose a server that a worker joins.
func TestDocumentedExposure(t *testing.T) {
	text, err := os.ReadFile("../../docs/security.md")
	if err != nil {
		t.Fatal(err)
	}
	var lines [][]string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "tourney ") {
			lines = append(lines, strings.Fields(line)[1:])
		}
	}
	if len(lines) < 4 {
		t.Fatalf("there are %d commands", len(lines))
	}
	work := t.TempDir()
	run := func(replace ...string) []string {
		args := lines[0]
		lines = lines[1:]
		for i := range args {
			args[i] = strings.NewReplacer(append(replace, "tourney.example.com", "localhost", "192.0.2.7", "127.0.0.1",
				"tourney-data", filepath.Join(work, "data"), "0.0.0.0:8080", "0.0.0.0:0", "0.0.0.0:4222", "0.0.0.0:0")...).Replace(args[i])
		}
		return args
	}
	files := filepath.Join(work, "tls")
	must(t, append(run(), "--dir", files)...) // its default is tls
	must(t, run()...)
	_, worker := tokenIn(t, filepath.Join(work, "data"), "worker")
	up := start(t, append(run("tls", files, "--tls-dir", "--tls-dir"), "--workers", "0", "--data-dir", filepath.Join(work, "data"))...)
	url := up.await(`https://localhost:\d+`)
	args := run("https://tourney.example.com:8080", url, "ca.pem", filepath.Join(files, "ca.pem"))
	w := startWith(t, []string{"TOURNEY_TOKEN=" + worker}, append(args, "--cache-dir", t.TempDir())...)
	w.await("training on")
	if code := w.terminate(); code != 0 {
		t.Errorf("the worker: exit %d", code)
	}
}

// The dashboard of a real server asks for a token, shows the pages live after
// the login, and asks again when the token is revoked.
func TestDashboardAsksForAToken(t *testing.T) {
	data := dir(t)
	_, admin := tokenIn(t, data, "admin")
	id, read := tokenIn(t, data, "read")
	url := start(t, "up", "--addr", "127.0.0.1:0", "--workers", "0", "--data-dir", data).url()
	ctx := browse(t, url+"/")
	shown(t, ctx, `document.querySelector(".login input") === document.activeElement`)
	shoot(t, ctx, "login")
	if err := chromedp.Do(ctx, chromedp.SendKeys(".login input", "tourney_wrong\r")); err != nil {
		t.Fatal(err)
	}
	shown(t, ctx, `document.querySelector(".login [role=alert]").innerText.includes("no valid token")`)
	shoot(t, ctx, "login-refused")
	if err := chromedp.Do(ctx, chromedp.SendKeys(".login input", read+"\r")); err != nil {
		t.Fatal(err)
	}
	shown(t, ctx, `document.body.innerText.includes("tourney run") && document.querySelector(".account-name").innerText === "of read"`)
	shown(t, ctx, `document.querySelector(".connection").dataset.state === "live"`)
	shoot(t, ctx, "logged-in")
	must(t, "token", "revoke", id, "--server", url, "--token", admin)
	shown(t, ctx, `document.querySelector(".login input") === document.activeElement`)
}
