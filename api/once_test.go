package api_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"

	"tourney"
	"tourney/api/internal/apitest"
)

func asking(key string) header {
	return header{"Content-Type": "application/json", "Idempotency-Key": key}
}

func (h header) by(token string) header {
	out := header{"Authorization": "Bearer " + token}
	for k, v := range h {
		out[k] = v
	}
	return out
}

// A token that is asked for twice with a key is one token with one secret, also
// at the same time; another body is refused, and the answer is for nobody else.
func TestATokenIsMadeOnceForAKey(t *testing.T) {
	r := newRig(t)
	ask := func(h header, body string) (tourney.IssuedToken, answer) {
		a := r.do(t.Context(), "POST", "/api/v1/tokens", body, h)
		var token tourney.IssuedToken
		if a.StatusCode == http.StatusCreated {
			if err := json.Unmarshal(a.body, &token); err != nil {
				t.Error(err)
			}
		}
		return token, a
	}
	const body = `{"name":"a","scope":"admin"}`
	admin, a := ask(asJSON, body)
	if a.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	mine := asking("k1").by(admin.Token)
	const n = 8
	var wg sync.WaitGroup
	secrets := make([]string, n)
	for i := range n {
		wg.Go(func() {
			token, a := ask(mine, body)
			if secrets[i] = token.Token; token.Token == "" {
				t.Errorf("%s %s", a.Status, a.body)
			}
		})
	}
	wg.Wait()
	for _, secret := range secrets {
		if secret != secrets[0] || secret == admin.Token {
			t.Fatal("the same key gives other tokens")
		}
	}
	if tokens, err := r.world.Tokens(t.Context()); err != nil || len(tokens) != 2 {
		t.Errorf("%d tokens, want 2; %v", len(tokens), err)
	}
	r.wrong(422, "POST", "/api/v1/tokens", `{"name":"b","scope":"admin"}`, mine)
	// The key of somebody else is another.
	if other, a := ask(asking("k1").by(secrets[0]), body); other.Token == "" || other.Token == secrets[0] {
		t.Errorf("another's key: %s %s", a.Status, a.body)
	}
	// In a session of the token the key is known, and its answer is not.
	login := r.do(t.Context(), "POST", "/api/v1/session", `{"token":"`+admin.Token+`"}`, asJSON)
	cookie, _, _ := strings.Cut(login.Header.Get("Set-Cookie"), ";")
	h := asking("k1")
	h["Cookie"] = cookie
	if p := r.wrong(409, "POST", "/api/v1/tokens", body, h); !strings.Contains(p.Detail, "credentials of then") {
		t.Errorf("the detail is %q", p.Detail)
	}
}

// The first token's answer is given once: who asks for it again has shown no
// token, and whoever guesses the key would be admin.
func TestTheFirstTokenIsNotGivenAgain(t *testing.T) {
	r := newRig(t)
	const body = `{"name":"a","scope":"admin"}`
	first := r.do(t.Context(), "POST", "/api/v1/tokens", body, asking("1"))
	var admin tourney.IssuedToken
	if err := json.Unmarshal(first.body, &admin); err != nil || first.StatusCode != http.StatusCreated {
		t.Fatalf("%s %s", first.Status, first.body)
	}
	p := r.wrong(http.StatusUnauthorized, "POST", "/api/v1/tokens", body, asking("1"))
	if text, err := json.Marshal(p); err != nil || strings.Contains(string(text), admin.Token[40:]) {
		t.Errorf("the refusal is %s, %v", text, err)
	}
	// With the token itself the key is another's, and makes another token.
	second := r.do(t.Context(), "POST", "/api/v1/tokens", body, asking("1").by(admin.Token))
	if second.StatusCode != http.StatusCreated || strings.Contains(string(second.body), admin.Token) {
		t.Errorf("with the token: %s", second.Status)
	}
	if tokens, err := r.world.Tokens(t.Context()); err != nil || len(tokens) != 2 {
		t.Errorf("%d tokens, %v", len(tokens), err)
	}
}

// A table that is sent twice with a key is answered the same, also once another
// version has come; another table or other options are refused.
func TestATableIsTakenInOnceForAKey(t *testing.T) {
	r := newRig(t)
	const path = "/api/v1/datasets?name=keyed&target=y"
	h := header{"Content-Type": "text/csv", "Idempotency-Key": "t1"}
	first := r.do(t.Context(), "POST", path, "x,y\n1,0\n2,1\n3,1\n", h)
	again := r.do(t.Context(), "POST", path, "x,y\n1,0\n2,1\n3,1\n", h)
	if first.StatusCode != http.StatusCreated || again.StatusCode != http.StatusCreated || string(again.body) != string(first.body) {
		t.Fatalf("%s %s\n%s %s", first.Status, first.body, again.Status, again.body)
	}
	if a := r.do(t.Context(), "POST", path, "x,y\n1,0\n2,1\n3,1\n", header{"Content-Type": "text/csv"}); a.StatusCode != http.StatusOK {
		t.Errorf("without a key: %s", a.Status)
	}
	r.wrong(422, "POST", path, "x,y\n1,0\n2,1\n3,0\n", h)
	r.wrong(422, "POST", path+"&seed=7", "x,y\n1,0\n2,1\n3,1\n", h)
	if left := r.world.Left(); left != 0 {
		t.Errorf("%d files are left", left)
	}
}

// What is deleted by an ETag is what the caller knows.
func TestDeletingByETag(t *testing.T) {
	r := newRig(t)
	tag := r.get("/api/v1/datasets/telco", nil).Header.Get("ETag")
	if _, err := r.world.Table(t.Context(), tourney.DatasetRequest{Name: "telco", Target: "y"}, "x,y\n1,0\n2,0\n"); err != nil {
		t.Fatal(err)
	}
	r.wrong(412, "DELETE", "/api/v1/datasets/telco", "", header{"If-Match": tag})
	r.wrong(400, "DELETE", "/api/v1/datasets/telco", "", header{"If-Match": "telco"})
	now := r.get("/api/v1/datasets/telco", nil).Header.Get("ETag")
	sweep := "/api/v1/sweeps/" + r.create(1).ID
	old := r.get(sweep, nil).Header.Get("ETag")
	a := r.do(t.Context(), "PATCH", sweep, `{"name":"other"}`, header{"Content-Type": "application/json", "If-Match": old})
	if a.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", a.Status, a.body)
	}
	r.wrong(412, "DELETE", sweep+"?force=cancel", "", header{"If-Match": old})
	for path, tag := range map[string]string{sweep + "?force=cancel": a.Header.Get("ETag"), "/api/v1/datasets/telco": now} {
		if a := r.do(apitest.Wrong(t.Context()), "DELETE", path, "", header{"If-Match": tag}); a.StatusCode != http.StatusNoContent {
			t.Errorf("%s: %s %s", path, a.Status, a.body)
		}
	}
}
