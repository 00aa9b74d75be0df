package dashboard_test

import (
	"net/http"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"
)

// What can be done on the pages beside the sweep's own. Those of a sweep are in
// TestButtonsPost and TestActionsOfASweep; launching, uploading, deleting and
// draining are tried on a real server by the tests of the command.

// A failed trial is tried again after a question, once, and the page goes to
// the trial that was made for it.
func TestAFailedTrialIsRetried(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	keys := map[string]int{}
	base := planted(t, "plain", map[string]any{
		"GET /api/v1/sweeps/{id}/trials/{n}": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			state := "failed"
			number := 0
			if r.PathValue("n") == "7" {
				state, number = "queued", 7
			}
			answer(w, map[string]any{"sweep": "s", "number": number, "state": state, "params": map[string]any{}, "rung": -1, "step": 0, "best_step": 0, "value": nil, "metrics": map[string]any{}, "attempts": 1, "created_at": "2026-03-01T12:00:00Z"})
		}),
		"GET /api/v1/sweeps/{id}/trials/7/metrics": map[string]any{"items": []any{}},
		"POST /api/v1/sweeps/{id}/trials/{n}/retry": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			mu.Lock()
			keys[r.Header.Get("Idempotency-Key")]++
			mu.Unlock()
			answer(w, map[string]any{"sweep": "s", "trial": 7})
		}),
	})
	ctx := tab(t)
	do(t, ctx, chromedp.Navigate(base+"/sweeps/s/trials/0"))
	until(t, ctx, `[...document.querySelectorAll(".controls button")].some((b) => b.innerText === "Retry…")`)
	do(t, ctx, chromedp.Click(".controls button.primary"))
	until(t, ctx, `document.querySelector("dialog[open]") !== null && document.activeElement.innerText === "Leave it"`)
	do(t, ctx, chromedp.Click("dialog[open] .danger, dialog[open] .primary"))
	until(t, ctx, `location.pathname === "/sweeps/s/trials/7" && document.querySelector("h1")?.innerText === "Trial 7"`)
	mu.Lock()
	defer mu.Unlock()
	if len(keys) != 1 || keys[""] > 0 {
		t.Errorf("asked with the keys %v, want one, once", keys)
	}
}

// The log of an attempt is the one that is chosen, and a file that a program
// has left is downloaded by its name, whatever that is.
func TestTheLogOfAnAttemptAndItsFiles(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked []string
	base := planted(t, "a name & more", map[string]any{
		"GET /api/v1/sweeps/{id}/trials/{n}/logs": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			of := r.URL.Query().Get("attempt")
			mu.Lock()
			asked = append(asked, of)
			mu.Unlock()
			attempt, text := 2, "out| of the newest\n"
			if of == "1" {
				attempt, text = 1, "out| of the first\nerr| and its end\n"
			}
			if r.URL.Query().Get("from") != "0" {
				answer(w, map[string]any{"attempt": attempt, "items": []any{}, "next": len(text), "ended": true})
				return
			}
			answer(w, map[string]any{"attempt": attempt, "items": []any{map[string]any{"offset": 0, "text": text}}, "next": len(text), "ended": true})
		}),
	})
	ctx := tab(t)
	do(t, ctx, chromedp.Navigate(base+"/sweeps/s/trials/0"))
	until(t, ctx, `document.querySelector("[role=log]")?.innerText.includes("of the newest") && document.querySelector(".files a") !== null`)
	eval[bool](t, ctx, `(() => { const s = [...document.querySelectorAll("select")].find((s) => s.options[0].text === "newest"); s.value = "1"; s.dispatchEvent(new Event("change", {bubbles: true})); return true; })()`)
	until(t, ctx, `document.querySelector("[role=log]").innerText.includes("of the first") && !document.querySelector("[role=log]").innerText.includes("of the newest")`)
	if got, want := eval[string](t, ctx, `document.querySelector(".log-err").innerText`), "and its end\n"; got != want && got+"\n" != want {
		t.Errorf("what the program said of errors is %q", got)
	}
	if got, want := eval[string](t, ctx, `document.querySelector(".files a").getAttribute("href")`), "/api/v1/sweeps/s/trials/0/artifacts/content?name=a%20name%20%26%20more%C2%B7artifact"; got != want {
		t.Errorf("a file is at %s, want %s", got, want)
	}
	if !eval[bool](t, ctx, `document.querySelector(".files a").hasAttribute("download")`) {
		t.Error("a file would be opened in place")
	}
	mu.Lock()
	defer mu.Unlock()
	if len(asked) < 2 {
		t.Errorf("asked for the logs of %v", asked)
	}
}

// Trials are added to a comparison and left out of it; the address says which.
func TestACompareListIsChanged(t *testing.T) {
	t.Parallel()
	base := planted(t, "plain", nil)
	ctx := tab(t)
	do(t, ctx, chromedp.Navigate(base+"/compare"))
	until(t, ctx, `document.body.innerText.includes("Nothing to compare yet") && document.querySelector(".compare-add input") !== null`)
	eval[bool](t, ctx, `(() => { const i = document.querySelector(".compare-add input[name=n]"); i.value = "0"; i.form.requestSubmit(); return true; })()`)
	until(t, ctx, `new URLSearchParams(location.search).get("trials") === "s:0" && document.querySelectorAll(".compare thead th").length === 2`)
	eval[bool](t, ctx, `(() => { const i = document.querySelector(".compare-add input[name=n]"); i.value = "1"; i.form.requestSubmit(); return true; })()`)
	until(t, ctx, `new URLSearchParams(location.search).get("trials") === "s:0,s:1" && document.querySelectorAll(".compare thead th").length === 3`)
	eval[bool](t, ctx, `[...document.querySelectorAll(".compare thead button, .compare thead a")].find((e) => e.innerText === "leave out").click(); true`)
	until(t, ctx, `new URLSearchParams(location.search).get("trials") === "s:1" && document.querySelectorAll(".compare thead th").length === 2`)
}

// A fleet without workers says that sweeps wait, and which command brings one.
func TestAFleetWithoutWorkersSaysWhatToDo(t *testing.T) {
	t.Parallel()
	base := planted(t, "plain", map[string]any{"GET /api/v1/workers": map[string]any{"items": []any{}, "lifetimes": []any{}}})
	ctx := tab(t)
	do(t, ctx, chromedp.Navigate(base+"/fleet"))
	until(t, ctx, `document.body.innerText.includes("No worker is here") && document.body.innerText.includes("Sweeps wait for one.")`)
	if got, want := eval[string](t, ctx, `document.querySelector(".empty code").innerText`), "tourney worker --server "+base+" --token TOKEN"; got != want {
		t.Errorf("the command is %q, want %q", got, want)
	}
	axe(t, ctx, "fleet without workers")
}
