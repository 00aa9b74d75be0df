package api_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"tourney"
	"tourney/api"
)

// A worker's token lets it into its own pool alone; the pool of the token goes
// for one that names none, and nobody but this process is inside it.
func TestWorkerTokensAreOfAPool(t *testing.T) {
	r := newRig(t, func(c *api.Config) { c.Inside = "the inside secret" })
	admin := r.token(tourney.ScopeAdmin, "")
	issue := func(body string) string {
		t.Helper()
		h := bearer(admin)
		h["Content-Type"] = "application/json"
		a := r.do(t.Context(), "POST", "/api/v1/tokens", body, h)
		var issued tourney.IssuedToken
		if err := json.Unmarshal(a.body, &issued); err != nil || issued.Token == "" {
			t.Fatalf("%s %s", a.Status, a.body)
		}
		return issued.Token
	}
	gpu := issue(`{"name":"gpu machines","scope":"worker","pool":"gpu","expires_in":3600}`)
	anywhere := issue(`{"name":"machines","scope":"worker"}`)
	for _, tt := range []struct {
		name, token, pool string
		status            int
		got               string
	}{
		{"its own", gpu, `"gpu"`, 201, "gpu"},
		{"none", gpu, `""`, 201, "gpu"},
		{"another", gpu, `"default"`, 403, ""},
		{"another, almost its own", gpu, `"GPU"`, 403, ""},
		{"any", anywhere, `"gpu"`, 201, "gpu"},
		{"any, and none", anywhere, `""`, 201, ""},
		{"an admin's", admin, `"tpu"`, 201, "tpu"},
		{"this process's", "the inside secret", `"default"`, 201, "default"},
	} {
		h := bearer(tt.token)
		h["Content-Type"] = "application/json"
		a := r.do(t.Context(), "POST", "/api/v1/workers", fmt.Sprintf(`{"host":"h","slots":1,"version":"v","inside":true,"pool":%s}`, tt.pool), h)
		if a.StatusCode != tt.status {
			t.Errorf("%s: %s %s, want %d", tt.name, a.Status, a.body, tt.status)
			continue
		}
		if tt.status != 201 {
			continue
		}
		enrolled := r.world.Enrolled()
		last := enrolled[len(enrolled)-1]
		inside := tt.token == "the inside secret"
		if last.Pool != tt.got || last.Inside != inside || (last.Token == "") != inside {
			t.Errorf("%s: enrolled as %+v, want pool %q and inside %v", tt.name, last, tt.got, inside)
		}
		if id, _ := tourney.TokenID(tt.token); last.Token != id && !inside {
			t.Errorf("%s: enrolled by token %q, want %q", tt.name, last.Token, id)
		}
		if (tt.token == gpu) == last.Until.IsZero() {
			t.Errorf("%s: until %v", tt.name, last.Until)
		}
	}
}

// When a token is revoked its workers are shut out, and what it asked for
// ends; so it does when the token expires. Others go on.
func TestWhatRunsEndsWithItsToken(t *testing.T) {
	r := newRig(t)
	admin := r.token(tourney.ScopeAdmin, "")
	revoked, stays := r.token(tourney.ScopeRead, admin), r.token(tourney.ScopeRead, admin)
	h := bearer(admin)
	h["Content-Type"] = "application/json"
	var short tourney.IssuedToken
	if err := json.Unmarshal(r.do(t.Context(), "POST", "/api/v1/tokens", `{"name":"short","scope":"read","expires_in":1}`, h).body, &short); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	follow := func(token string) func() bool {
		next := r.follow(ctx, "/api/v1/events", bearer(token))
		if _, ok := next(); !ok {
			t.Fatal("the stream does not begin")
		}
		return func() bool { _, ok := next(); return ok }
	}
	short1, revoked1, stays1 := follow(short.Token), follow(revoked), follow(stays)
	if short1() {
		t.Error("the stream of a token that expires goes on")
	}
	id, _ := tourney.TokenID(revoked)
	if a := r.do(t.Context(), "DELETE", "/api/v1/tokens/"+id, "", bearer(admin)); a.StatusCode != 204 {
		t.Fatalf("revoke: %s %s", a.Status, a.body)
	}
	if revoked1() {
		t.Error("the stream of a revoked token goes on")
	}
	if got := r.world.Expelled(); !slices.Equal(got, []string{id}) {
		t.Errorf("shut out %v, want %v", got, id)
	}
	h["Content-Type"] = "application/yaml"
	if a := r.do(t.Context(), "POST", "/api/v1/sweeps", spec, h); a.StatusCode != 201 {
		t.Fatalf("create a sweep: %s %s", a.Status, a.body)
	}
	if !stays1() || ctx.Err() != nil {
		t.Error("the stream of another token ended")
	}
}

// The names of a certificate are names of the server.
func TestNamesOfACertificate(t *testing.T) {
	r := newRig(t, func(c *api.Config) { c.AllowHost = func(name string) bool { return name == "tourney.example.com" } })
	for host, want := range map[string]int{"tourney.example.com:8080": 200, "evil.example.com": 421} {
		if a := r.do(t.Context(), "GET", "/api/v1/sweeps", "", header{"Host": host}); a.StatusCode != want {
			t.Errorf("%s: %s, want %d", host, a.Status, want)
		}
	}
}

// Logging out ends the streams of that session, and of no other.
func TestWhatRunsEndsWithItsSession(t *testing.T) {
	r := newRig(t)
	admin := r.token(tourney.ScopeAdmin, "")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	login := func() header {
		a := r.do(t.Context(), "POST", "/api/v1/session", `{"token":"`+admin+`"}`, asJSON)
		cookie, _, _ := strings.Cut(a.Header.Get("Set-Cookie"), ";")
		if a.StatusCode != 201 || cookie == "" {
			t.Fatalf("login: %s %s", a.Status, a.body)
		}
		return header{"Cookie": cookie}
	}
	ends, stays := login(), login()
	one, other := r.follow(ctx, "/api/v1/events", ends), r.follow(ctx, "/api/v1/events", stays)
	for _, next := range []func() (message, bool){one, other} {
		if _, ok := next(); !ok {
			t.Fatal("the stream does not begin")
		}
	}
	if a := r.do(t.Context(), "DELETE", "/api/v1/session", "", ends); a.StatusCode != 204 {
		t.Fatalf("logout: %s %s", a.Status, a.body)
	}
	if _, ok := one(); ok {
		t.Error("the stream of a session that was left goes on")
	}
	if a := r.do(t.Context(), "POST", "/api/v1/sweeps", spec, header{"Content-Type": "application/yaml"}.by(admin)); a.StatusCode != 201 {
		t.Fatalf("create a sweep: %s %s", a.Status, a.body)
	}
	if _, ok := other(); !ok {
		t.Error("the stream of another session ended")
	}
}
