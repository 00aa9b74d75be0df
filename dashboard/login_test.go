package dashboard_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tourney"
)

// ask has the fake ask for tokens, and forgets who was logged in.
func (f *fake) ask(tokens map[string]tourney.Scope) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.tokens, f.sessions = tokens, map[string]tourney.Scope{}
	f.cut = false
	close(f.changed)
	f.changed = make(chan struct{})
}

// scope returns what the caller may do, empty for nothing.
func (f *fake) scope(r *http.Request) tourney.Scope {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.tokens == nil {
		return tourney.ScopeAdmin
	}
	cookie, err := r.Cookie("session")
	if err != nil {
		return ""
	}
	return f.sessions[cookie.Value]
}

// guard refuses what needs a token, as the service does.
func (f *fake) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		scope := f.scope(r)
		switch {
		case !strings.HasPrefix(r.URL.Path, "/api/") || r.URL.Path == "/api/v1/session":
		case scope == "":
			refuse(w, http.StatusUnauthorized, "Refused", "a token is needed")
			return
		case r.Method != http.MethodGet && scope == tourney.ScopeRead:
			refuse(w, http.StatusForbidden, "Refused", "this needs a token of scope submit")
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (f *fake) showSession(w http.ResponseWriter, r *http.Request) {
	scope := f.scope(r)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.session(w, scope)
}

func (f *fake) session(w http.ResponseWriter, scope tourney.Scope) {
	body := map[string]any{"needed": f.tokens != nil}
	if f.tokens != nil && scope != "" {
		body["name"], body["scope"] = "of "+string(scope), scope
	}
	answer(w, body)
}

func (f *fake) logIn(w http.ResponseWriter, r *http.Request) {
	var body struct{ Token string }
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		refuse(w, http.StatusBadRequest, "Invalid", err.Error())
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	scope, ok := f.tokens[body.Token]
	if !ok {
		refuse(w, http.StatusUnauthorized, "Refused", "a token is needed, and this is none that is valid")
		return
	}
	value := fmt.Sprint(len(f.sessions))
	f.sessions[value] = scope
	http.SetCookie(w, &http.Cookie{Name: "session", Value: value, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode})
	f.session(w, scope)
}

func (f *fake) logOut(w http.ResponseWriter, r *http.Request) {
	if cookie, err := r.Cookie("session"); err == nil {
		f.mu.Lock()
		delete(f.sessions, cookie.Value)
		f.mu.Unlock()
	}
	w.WriteHeader(http.StatusNoContent)
}

const loginShown = `document.activeElement === document.querySelector(".login input[type=password]")`

// Somebody without a token sees the login and nothing else; a wrong one is
// refused in words that a screen reader says; the right one shows the page that
// was asked for, live; the logout takes all of it away. No token is kept where
// scripts can read, nothing moves when the refusal comes, and one who may only
// read is offered no change.
func TestLogin(t *testing.T) {
	t.Parallel()
	f, base := newFake(t)
	small(f, "01a", "digits-linear")
	f.ask(map[string]tourney.Scope{"tok-7f3a": tourney.ScopeSubmit, "reader": tourney.ScopeRead})
	ctx := tab(t, "401")
	do(t, ctx, chromedp.Navigate(base+"/sweeps/01a"))
	until(t, ctx, loginShown)
	if text := eval[string](t, ctx, `document.body.innerText`); strings.Contains(text, "digits") {
		t.Errorf("the page shows more than the login:\n%s", text)
	}
	if got := eval[string](t, ctx, `document.querySelector(".login input").labels[0].innerText`); got != "Token" {
		t.Errorf("the field's label is %q", got)
	}
	place := `JSON.stringify(document.querySelector(".login button").getBoundingClientRect())`
	before := eval[string](t, ctx, place)
	do(t, ctx, chromedp.SendKeys(".login input", "wrong\r"))
	until(t, ctx, `document.querySelector(".login [role=alert]").innerText.includes("no valid token")`)
	until(t, ctx, loginShown)
	if after := eval[string](t, ctx, place); after != before {
		t.Errorf("the button moved from %s to %s", before, after)
	}
	if got := eval[bool](t, ctx, `(() => { const f = document.querySelector(".login input"); return f.getAttribute("aria-invalid") === "true" && document.getElementById(f.getAttribute("aria-describedby")).innerText !== "" })()`); !got {
		t.Error("the field does not say that it is wrong")
	}

	do(t, ctx, chromedp.SendKeys(".login input", "tok-7f3a\r")) // over the wrong one, which is selected
	until(t, ctx, `document.querySelector("h1")?.innerText === "digits-linear" && location.pathname === "/sweeps/01a"`)
	until(t, ctx, `document.querySelector(".connection").dataset.state === "live"`)
	if got := eval[string](t, ctx, `document.activeElement.id`); got != "main" {
		t.Errorf("the focus is on %q after the login, want the page", got)
	}
	if got := texts(t, ctx, ".controls > button"); !slices.Equal(got, []string{"Pause", "Cancel…", "Extend…", "Delete…"}) {
		t.Errorf("offered to a submitter: %v", got)
	}
	if got := eval[string](t, ctx, `JSON.stringify({...localStorage, ...sessionStorage}) + document.cookie + location.href + document.documentElement.outerHTML`); strings.Contains(got, "7f3a") {
		t.Error("a script of the page can read the token")
	}

	do(t, ctx, chromedp.Click(".account button"))
	until(t, ctx, loginShown)
	do(t, ctx, chromedp.SendKeys(".login input", "reader"), chromedp.Click(".login button"))
	until(t, ctx, `document.querySelectorAll(".board tbody tr").length === 3`)
	if got := texts(t, ctx, ".account-name"); !slices.Equal(got, []string{"of read"}) {
		t.Errorf("logged in as %v", got)
	}
	if got := eval[int](t, ctx, `document.querySelectorAll(".controls, .controls button").length`); got != 0 {
		t.Errorf("%d controls are offered to a reader", got)
	}
}

// A session that ends while its page is open brings the login, by the stream or
// by the next request; after it the page is live again.
func TestSessionEnds(t *testing.T) {
	t.Parallel()
	f, base := newFake(t)
	small(f, "01a", "digits-linear")
	ctx := tab(t, "401", "ERR_", "network connection")
	do(t, ctx, chromedp.Navigate(base))
	until(t, ctx, `document.querySelector(".connection").dataset.state === "live"`)
	if got := eval[int](t, ctx, `document.querySelectorAll(".account").length`); got != 0 {
		t.Error("a server that asks for no token offers a logout")
	}
	f.setCut(true) // as a server that ends the streams of a revoked token
	until(t, ctx, `document.querySelector(".connection").dataset.state !== "live"`)
	f.ask(map[string]tourney.Scope{"tok-7f3a": tourney.ScopeAdmin})
	until(t, ctx, loginShown)
	do(t, ctx, chromedp.SendKeys(".login input", "tok-7f3a\r"))
	until(t, ctx, `document.querySelector(".connection").dataset.state === "live"`)
	small(f, "01b", "newer")
	until(t, ctx, `document.querySelector(".sweeps tbody th a").innerText === "newer"`)
	f.turn("01b", tourney.SweepPaused, "", time.Now())
	until(t, ctx, `document.querySelector(".sweeps tbody td .badge").innerText.trim() === "paused"`)
}
