package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"tourney"
	"tourney/api"
)

// token makes a token and returns its secret.
func (r *rig) token(scope tourney.Scope, by string) string {
	r.Helper()
	var h header = map[string]string{"Content-Type": "application/json"}
	if by != "" {
		h["Authorization"] = "Bearer " + by
	}
	a := r.do(r.Context(), "POST", "/api/v1/tokens", fmt.Sprintf(`{"name":"of %s","scope":%q}`, scope, scope), h)
	if a.StatusCode != http.StatusCreated {
		r.Fatalf("token of scope %s: %s %s", scope, a.Status, a.body)
	}
	var t tourney.IssuedToken
	if err := json.Unmarshal(a.body, &t); err != nil {
		r.Fatal(err)
	}
	return t.Token
}

func bearer(secret string) header { return header{"Authorization": "Bearer " + secret} }

// Every operation is refused without a token, and to every scope that does not
// cover its own, and to no other; also by HEAD, OPTIONS and methods that are
// not there. What the scopes cover is written down here once more.
func TestEveryRouteAsksForItsScope(t *testing.T) {
	r := newRig(t, func(c *api.Config) { c.RatePerToken = -1 })
	admin := r.token(tourney.ScopeAdmin, "")
	secrets := map[tourney.Scope]string{tourney.ScopeAdmin: admin}
	for _, s := range []tourney.Scope{tourney.ScopeRead, tourney.ScopeSubmit, tourney.ScopeWorker} {
		secrets[s] = r.token(s, admin)
	}
	covers := map[string][]tourney.Scope{
		"read":   {tourney.ScopeRead, tourney.ScopeSubmit, tourney.ScopeAdmin},
		"submit": {tourney.ScopeSubmit, tourney.ScopeAdmin},
		"worker": {tourney.ScopeWorker, tourney.ScopeAdmin},
		"admin":  {tourney.ScopeAdmin},
	}
	fill := strings.NewReplacer("{id}", "s1", "{n}", "0", "{name}", "telco", "{hex}", strings.Repeat("0", 64), "{token}", strings.Repeat("a", 16))
	operations := 0
	for path, item := range r.checker.Doc.Paths.Map() {
		known := item.Operations()
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"} {
			scope := ""
			if op := known[method]; op != nil {
				operations++
				scope, _ = op.Extensions["x-scope"].(string)
			}
			stream := strings.HasSuffix(path, "/events")
			for name, secret := range map[string]string{"nobody": "", "read": secrets[tourney.ScopeRead], "submit": secrets[tourney.ScopeSubmit], "worker": secrets[tourney.ScopeWorker], "admin": admin} {
				if stream && method == "GET" && name != "nobody" && name != "worker" {
					continue // it would not end
				}
				req, err := http.NewRequestWithContext(t.Context(), method, r.http.URL+fill.Replace(path), http.NoBody)
				if err != nil {
					t.Fatal(err)
				}
				if secret != "" {
					req.Header.Set("Authorization", "Bearer "+secret)
				}
				resp, err := http.DefaultTransport.RoundTrip(req)
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				status := resp.StatusCode
				what := fmt.Sprintf("%s %s by %s: %d", method, path, name, status)
				switch {
				case scope == "" && status < 400 && method != "OPTIONS":
					t.Errorf("%s, of a method that is not there", what)
				case scope == "none" && (status == 401 || status == 403) && path != "/api/v1/session":
					t.Errorf("%s, of an operation for everybody", what)
				case scope == "" || scope == "none":
				case name == "nobody" && status != 401:
					t.Errorf("%s, want 401", what)
				case name != "nobody":
					may := false
					for _, s := range covers[scope] {
						may = may || string(s) == name
					}
					if may == (status == 403) {
						t.Errorf("%s, for scope %s", what, scope)
					}
				}
			}
		}
	}
	if operations < 30 {
		t.Errorf("%d operations were tried", operations)
	}
	if sweeps, _, _ := r.world.Sweeps(t.Context(), tourney.Page{Limit: 10}); len(sweeps) > 0 {
		t.Errorf("%d sweeps were created by requests without a body", len(sweeps))
	}
}

// The first token closes the server, and has to be one that can make others.
func TestTheFirstTokenClosesTheServer(t *testing.T) {
	r := newRig(t)
	if a := r.do(t.Context(), "GET", "/api/v1/sweeps", "", nil); a.StatusCode != 200 {
		t.Fatalf("before there is a token: %s", a.Status)
	}
	json := header{"Content-Type": "application/json"}
	if a := r.do(t.Context(), "POST", "/api/v1/tokens", `{"name":"x","scope":"read"}`, json); a.StatusCode != 400 || !strings.Contains(string(a.body), "must be admin") {
		t.Errorf("a first token of scope read: %s %s", a.Status, a.body)
	}
	secret := r.token(tourney.ScopeAdmin, "")
	a := r.do(t.Context(), "GET", "/api/v1/sweeps", "", nil)
	if a.StatusCode != 401 || a.Header.Get("WWW-Authenticate") == "" {
		t.Errorf("without a token: %s", a.Status)
	}
	if a := r.do(t.Context(), "GET", "/api/v1/sweeps", "", bearer(secret)); a.StatusCode != 200 {
		t.Errorf("with it: %s", a.Status)
	}
	id, _ := tourney.TokenID(secret)
	if a := r.do(t.Context(), "DELETE", "/api/v1/tokens/"+id, "", bearer(secret)); a.StatusCode != 204 {
		t.Fatalf("revoking: %s", a.Status)
	}
	for name, h := range map[string]header{"the revoked one": bearer(secret), "none": nil} {
		if a := r.do(t.Context(), "GET", "/api/v1/sweeps", "", h); a.StatusCode != 401 {
			t.Errorf("with %s, after all were revoked: %s", name, a.Status)
		}
	}
}

func TestWrongTokens(t *testing.T) {
	r := newRig(t)
	secret := r.token(tourney.ScopeAdmin, "")
	last := secret[len(secret)-1:]
	other := "a"
	if last == "a" {
		other = "b"
	}
	for name, h := range map[string]string{
		"of another secret": "Bearer " + secret[:len(secret)-1] + other,
		"cut":               "Bearer " + secret[:40],
		"of another id":     "Bearer tourney_aaaaaaaaaaaaaaaa_" + strings.Repeat("a", 52),
		"of another scheme": "Basic " + secret,
		"empty":             "Bearer ",
	} {
		if a := r.do(t.Context(), "GET", "/api/v1/sweeps", "", header{"Authorization": h}); a.StatusCode != 401 {
			t.Errorf("a token %s: %s", name, a.Status)
		}
	}
	if a := r.do(t.Context(), "GET", "/api/v1/sweeps?token="+secret, "", nil); a.StatusCode != 401 {
		t.Errorf("a token in the query: %s", a.Status)
	}
	// Too many of them from an address are not looked at any more, but those
	// who have a right one get in.
	status := 0
	for range 12 {
		status = r.do(t.Context(), "GET", "/api/v1/sweeps", "", header{"Authorization": "Bearer x"}).StatusCode
	}
	if status != 429 {
		t.Errorf("after a dozen wrong tokens: %d", status)
	}
	if a := r.do(t.Context(), "GET", "/api/v1/sweeps", "", bearer(secret)); a.StatusCode != 200 {
		t.Errorf("a right token after wrong ones: %s", a.Status)
	}
	if strings.Contains(r.log.String(), secret[len(secret)-20:]) {
		t.Error("the secret is in the log")
	}
}

func TestExpiry(t *testing.T) {
	r := newRig(t)
	admin := r.token(tourney.ScopeAdmin, "")
	h := bearer(admin)
	h["Content-Type"] = "application/json"
	a := r.do(t.Context(), "POST", "/api/v1/tokens", `{"name":"short","scope":"read","expires_in":0.2}`, h)
	var issued tourney.IssuedToken
	if err := json.Unmarshal(a.body, &issued); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for r.do(t.Context(), "GET", "/api/v1/sweeps", "", bearer(issued.Token)).StatusCode != 401 {
		if time.Now().After(deadline) {
			t.Fatal("it does not expire")
		}
	}
}

// A browser's session needs the cookie, cannot be used by other sites, and ends
// with its token.
func TestSessions(t *testing.T) {
	r := newRig(t, func(c *api.Config) { c.Secure = true })
	admin := r.token(tourney.ScopeAdmin, "")
	read := r.token(tourney.ScopeRead, admin)
	typed := header{"Content-Type": "application/json"}
	if a := r.do(t.Context(), "POST", "/api/v1/session", `{"token":"tourney_nonsense"}`, typed); a.StatusCode != 401 {
		t.Errorf("a session of nonsense: %s", a.Status)
	}
	if a := r.do(t.Context(), "POST", "/api/v1/session", fmt.Sprintf(`{"token":%q}`, r.token(tourney.ScopeWorker, admin)), typed); a.StatusCode != 403 {
		t.Errorf("a session of a worker: %s", a.Status)
	}
	a := r.do(t.Context(), "POST", "/api/v1/session", fmt.Sprintf(`{"token":%q}`, read), typed)
	cookies := a.Cookies()
	if a.StatusCode != 201 || len(cookies) != 1 || !cookies[0].HttpOnly || !cookies[0].Secure || cookies[0].SameSite != http.SameSiteStrictMode || strings.Contains(cookies[0].Value, read) {
		t.Fatalf("login: %s, cookies %v", a.Status, cookies)
	}
	cookie := header{"Cookie": cookies[0].Name + "=" + cookies[0].Value}
	if a := r.do(t.Context(), "GET", "/api/v1/sweeps", "", cookie); a.StatusCode != 200 {
		t.Errorf("with the cookie: %s", a.Status)
	}
	if a := r.do(t.Context(), "GET", "/api/v1/session", "", cookie); !strings.Contains(string(a.body), `"scope":"read"`) {
		t.Errorf("who am I: %s", a.body)
	}
	cross := header{"Cookie": cookie["Cookie"], "Sec-Fetch-Site": "cross-site"}
	if a := r.do(t.Context(), "DELETE", "/api/v1/session", "", cross); a.StatusCode != 403 {
		t.Errorf("a change from another site: %s", a.Status)
	}
	if a := r.do(t.Context(), "DELETE", "/api/v1/session", "", cookie); a.StatusCode != 204 {
		t.Errorf("logout: %s", a.Status)
	}
	if a := r.do(t.Context(), "GET", "/api/v1/sweeps", "", cookie); a.StatusCode != 401 {
		t.Errorf("after the logout: %s", a.Status)
	}
	a = r.do(t.Context(), "POST", "/api/v1/session", fmt.Sprintf(`{"token":%q}`, read), typed)
	cookie = header{"Cookie": a.Cookies()[0].Name + "=" + a.Cookies()[0].Value}
	id, _ := tourney.TokenID(read)
	r.do(t.Context(), "DELETE", "/api/v1/tokens/"+id, "", bearer(admin))
	if a := r.do(t.Context(), "GET", "/api/v1/sweeps", "", cookie); a.StatusCode != 401 {
		t.Errorf("after its token was revoked: %s", a.Status)
	}
}

// A token that sends too much is told to wait; others are not.
func TestRates(t *testing.T) {
	r := newRig(t, func(c *api.Config) { c.RatePerToken = 1 })
	admin := r.token(tourney.ScopeAdmin, "")
	read := r.token(tourney.ScopeRead, admin)
	limited := 0
	for range 30 {
		if a := r.do(t.Context(), "GET", "/api/v1/sweeps", "", bearer(read)); a.StatusCode == 429 {
			limited++
			if a.Header.Get("Retry-After") == "" {
				t.Error("429 without Retry-After")
			}
		}
	}
	if limited == 0 {
		t.Error("30 requests pass where one a second is allowed")
	}
	if a := r.do(t.Context(), "GET", "/api/v1/sweeps", "", bearer(admin)); a.StatusCode != 200 {
		t.Errorf("another token: %s", a.Status)
	}
}

// Every change is in the audit, with who asked and how it ended, and nothing
// that was only looked at.
func TestAudit(t *testing.T) {
	r := newRig(t)
	admin := r.token(tourney.ScopeAdmin, "")
	read := r.token(tourney.ScopeRead, admin)
	h := bearer(read)
	r.do(t.Context(), "POST", "/api/v1/sweeps/s1/pause", "", h)
	r.do(t.Context(), "GET", "/api/v1/sweeps", "", h)
	a := r.do(t.Context(), "GET", "/api/v1/audit", "", bearer(admin))
	var list struct{ Items []tourney.Audit }
	if err := json.Unmarshal(a.body, &list); err != nil {
		t.Fatal(err)
	}
	if len(list.Items) != 2 {
		t.Fatalf("audit %+v", list.Items)
	}
	if first := list.Items[0]; first.Action != "createToken" || first.Status != 201 {
		t.Errorf("the newest change is %+v", first)
	}
}
