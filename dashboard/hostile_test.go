package dashboard_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"tourney/dashboard"
)

// payloads are texts that run where a page takes them for markup, for an
// attribute's end, for an address or for a template.
var payloads = []string{
	`<img src=x onerror="window.hit=1">`,
	`"><script>window.hit=1</script>`,
	`'"><svg onload=window.hit=1><a href="javascript:window.hit=1" autofocus onfocus=window.hit=1>`,
	`javascript:window.hit=1//{{constructor.constructor("window.hit=1")()}}${window.hit=1}`,
}

// planted is a service whose every answer holds a payload wherever a person, a
// file, a program or a worker chooses the text; what follows it says where.
// Answers of others take the place of its own, bodies or handlers.
func planted(t *testing.T, payload string, others map[string]any) string {
	t.Helper()
	type doc = map[string]any
	text := func(where string) string { return payload + "·" + where }
	const at = "2026-03-01T12:00:00Z"
	metrics := doc{text("metric"): 0.5, text("other"): 0.25, "test_" + text("metric"): 0.4}
	params := doc{"level": text("level"), text("parameter"): 0.5}
	trial := func(n int, state string) doc {
		return doc{
			"sweep": "s", "number": n, "state": state, "params": params, "rung": 1, "step": 3, "best_step": 3, "value": 0.5, "metrics": metrics, "attempts": 2,
			"created_at": at, "ended_at": at, "reason": text("reason"), "error": "Traceback\n" + text("error"),
			"telemetry": doc{"rows_per_second": 1000, "memory_bytes": 1 << 20},
		}
	}
	spec := func(trainer string) doc {
		return doc{
			"name": text("sweep"), "description": text("description"), "dataset": text("dataset"), "trainer": trainer, "method": "random", "seed": 1, "run_cap": 9, "pool": text("pool"),
			"tags": []string{text("tag")}, "notes": text("notes"), "metric": doc{"name": text("metric"), "goal": "maximize"},
			"parameters":      doc{"level": doc{"distribution": "categorical", "values": []string{text("level"), "b"}}, text("parameter"): doc{"distribution": "uniform", "min": 0, "max": 1}},
			"early_terminate": doc{"type": "asha", "min_iter": 1, "max_iter": 3, "eta": 3},
		}
	}
	sweep := func(id, state, trainer string) doc {
		return doc{
			"id": id, "spec": spec(trainer), "plan": doc{"dataset": "v", "budget": 3, "ladder": []int{1, 3}}, "state": state, "reason": text("why"), "cursor": 1,
			"created_at": at, "started_at": at, "ended_at": at, "counts": doc{"completed": 2}, "best": trial(1, "completed"),
		}
	}
	category := doc{
		"name": text("column"), "kind": "category", "why": text("column why"), "missing": 1, "distinct": 2, "categories": []string{text("category"), "b"},
		"top": []doc{{"value": text("category"), "count": 3}},
	}
	number := doc{
		"name": text("number"), "kind": "number", "missing": 0, "histogram": []doc{{"low": 0, "high": 1, "count": 5}, {"low": 1, "high": 2, "count": 3}},
		"min": 0, "max": 2, "mean": 1, "sd": 1, "quartiles": []float64{0, 0.5, 1, 1.5, 2},
	}
	dataset := doc{
		"name": text("dataset"), "version": "9f86d081884c", "created_at": at, "source": "2c26b46b", "task": "classification", "target": text("target"), "classes": []string{text("class"), "b"},
		"split": doc{"kind": "random", "test": 0.2}, "read": []string{text("read")}, "warnings": []doc{{"column": text("column"), "code": "leak", "message": text("warning")}},
		"rows": 100, "test_rows": 20, "columns": []doc{category, number}, "seed": 0, "shards": []doc{}, "test": []doc{}, "bytes": 1000,
	}
	worker := func(id, state string) doc {
		return doc{
			"id": text(id), "host": text("host " + state), "pool": text("worker pool"), "slots": 2, "version": text("version " + state), "enrolled_at": at, "last_seen_at": at, "running": 1, "heats": 1,
			"cloud": text("cloud"), "instance": text("instance"), "zone": text("zone"), "datasets": []string{}, "state": state, "preempted": 0, "lost": 0, "why": text("worker why"), "left_at": at,
		}
	}
	answers := map[string]any{
		"GET /api/v1/session":                      doc{"needed": true, "name": text("token"), "scope": "admin"},
		"GET /api/v1/sweeps":                       doc{"items": []doc{sweep("s", "running", "command"), sweep("done", "completed", "gbdt")}},
		"GET /api/v1/sweeps/s":                     sweep("s", "running", "command"),
		"GET /api/v1/sweeps/done":                  sweep("done", "completed", "gbdt"),
		"GET /api/v1/sweeps/{id}/leaderboard":      doc{"items": []doc{trial(1, "completed"), trial(0, "failed")}, "metric": doc{"name": text("metric"), "goal": "maximize"}},
		"GET /api/v1/sweeps/{id}/history":          doc{"at": []string{at}, "trial": []int{1}, "rung": []int{1}, "step": []int{3}, "value": []float64{0.5}, "best": []float64{0.5}},
		"GET /api/v1/sweeps/{id}/trials/{n}":       trial(0, "completed"),
		"GET /api/v1/sweeps/{id}/models":           doc{"items": []doc{{"trial": 0, "step": 3, "bytes": 1000}}},
		"GET /api/v1/sweeps/{id}/trials/0/metrics": doc{"items": []doc{{"step": 1, "metrics": metrics}, {"step": 3, "metrics": metrics}}},
		"GET /api/v1/sweeps/{id}/trials/1/metrics": doc{"items": []doc{{"step": 1, "metrics": metrics}}},
		"GET /api/v1/sweeps/{id}/trials/{n}/attempts": doc{"items": []doc{
			{"attempt": 1, "rung": 0, "worker": text("worker"), "step": 1, "outcome": text("outcome"), "started_at": at, "ended_at": at},
			{"attempt": 2, "rung": 1, "worker": "w", "host": text("attempt host"), "pool": text("attempt pool"), "step": 3, "outcome": "done", "started_at": at, "ended_at": at},
		}},
		"GET /api/v1/sweeps/{id}/trials/{n}/logs": doc{"attempt": 2, "items": []doc{{"offset": 0, "text": "out| " + text("out") + "\nerr| " + text("err") + "\ntourney| " + text("own") + "\n"}}, "next": 9, "ended": true},
		"GET /api/v1/sweeps/{id}/trials/{n}/artifacts": doc{"items": []doc{
			{"name": text("artifact"), "size": 3, "sha256": "0"}, {"name": "javascript:window.hit=1", "size": 3, "sha256": "0"},
		}},
		"GET /api/v1/sweeps/{id}/trials/{n}/appraisal": doc{
			"rows": 20, "classes": []string{text("class"), "b"}, "confusion": [][]int{{5, 1}, {2, 12}}, "roc": []doc{{"class": text("class"), "auc": 0.9, "fpr": []float64{0, 1}, "tpr": []float64{0, 1}}},
			"calibration": []doc{{"mean": 0.2, "share": 0.3, "rows": 20}}, "importance": []doc{{"column": text("column"), "rise": 0.1}}, "sampled": 20,
		},
		"GET /api/v1/workers": doc{
			"items":     []doc{worker("active id", "active"), worker("draining id", "draining"), worker("lost id", "lost")},
			"lifetimes": []doc{{"pool": text("lifetime pool"), "hours": 3, "ends": 1}},
		},
		"GET /api/v1/datasets":            doc{"items": []doc{dataset}},
		"GET /api/v1/datasets/{ref}":      dataset,
		"GET /api/v1/datasets/{a}/sample": doc{"columns": []string{text("column"), text("number")}, "rows": [][]string{{text("cell"), "1"}}},
		"GET /api/v1/trainers":            doc{"items": []doc{{"name": "gbdt", "budget": "rounds", "params": []doc{{"name": "level", "help": text("help"), "range": text("range")}}}}},
		"POST /api/v1/sweeps/validate":    doc{"valid": false, "errors": []doc{{"path": text("path"), "message": text("message"), "line": 1}}, "warnings": []doc{{"path": "", "message": text("forecast warning")}}, "spec": spec("gbdt"), "proposals": []doc{params}},
		"POST /api/v1/workers/{id}/drain": nil,
		"POST /api/v1/sweeps/{id}/{act}":  nil,
		"DELETE /api/v1/datasets/{ref}":   nil,
	}
	maps.Copy(answers, others)
	mux := http.NewServeMux()
	mux.Handle("/", dashboard.Handler())
	for pattern, body := range answers {
		if handler, ok := body.(http.HandlerFunc); ok {
			mux.HandleFunc(pattern, handler)
			continue
		}
		mux.HandleFunc(pattern, func(w http.ResponseWriter, _ *http.Request) {
			if body == nil {
				refuse(w, http.StatusConflict, text("title"), text("detail"))
				return
			}
			answer(w, body)
		})
	}
	stream := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		said, _ := json.Marshal(doc{"id": 2, "sweep": "s", "seq": 2, "at": at, "kind": "reported", "body": doc{"trial": 0, "rung": 1, "value": 0.5, "reason": text("event"), "best_step": 3}})
		fmt.Fprintf(w, "id: 2\nevent: reported\ndata: %s\n\n", said)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}
	mux.HandleFunc("GET /api/v1/events", stream)
	mux.HandleFunc("GET /api/v1/sweeps/{id}/events", stream)
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server.URL
}

// Whatever stands in a name, a message, a log line, a column, a host or an
// answer's refusal is shown, letter by letter, and never runs: no script, no
// image, no event handler, and nothing that the content security policy had to
// stop either.
func TestNoTextRunsOnAnyPage(t *testing.T) {
	t.Parallel()
	pages := []struct {
		path, ready string
		shown       []string
		press       []string // what is clicked then, in turn
		after       []string // is shown then
	}{
		{"/", `document.querySelectorAll(".sweeps tbody tr").length === 2`, []string{"sweep", "dataset", "metric", "token"}, nil, nil},
		{"/sweeps/s", `document.querySelectorAll(".board tbody tr").length === 2`, []string{"sweep", "description", "why", "level", "parameter", "metric", "error", "dataset", "other"}, []string{".controls > button:first-of-type"}, []string{"title", "detail"}},
		{"/sweeps/s/trials/0", `document.querySelectorAll(".log").length > 1 && document.querySelector(".files") !== null`, []string{"sweep", "reason", "error", "level", "parameter", "metric", "other", "worker", "outcome", "attempt host", "attempt pool", "out", "err", "own", "artifact"}, nil, nil},
		{"/sweeps/done/trials/0", `document.querySelectorAll(".confusion tbody tr").length === 2 && document.querySelectorAll(".drawing canvas").length === 3`, []string{"class", "column"}, nil, nil},
		{"/compare?trials=s:0,done:1", `document.querySelectorAll(".compare thead th").length === 3`, []string{"sweep", "level", "parameter", "metric"}, nil, nil},
		{"/fleet", `document.querySelectorAll("[data-worker]").length === 3`, []string{"host active", "host draining", "host lost", "worker pool", "active id", "version active", "cloud", "instance", "zone", "worker why", "lifetime pool", "pool", "sweep"}, []string{"[data-worker] button", "dialog[open] .danger, dialog[open] .primary"}, []string{"title", "detail"}},
		{"/datasets", `document.querySelector("[data-dataset]") !== null`, []string{"dataset", "target"}, nil, nil},
		{"/datasets?name=any", `document.querySelectorAll("[data-column]").length === 2 && document.querySelector(".sample tbody tr") !== null`, []string{"dataset", "target", "column", "number", "category", "warning", "cell"}, nil, nil},
		{"/models", `document.querySelector("[data-model]") !== null`, []string{"sweep", "dataset", "metric"}, nil, nil},
		{"/launch?from=done", `document.querySelector(".preview")?.dataset.valid === "false"`, []string{"message", "sweep", "forecast warning"}, []string{".segments button:nth-child(2)"}, []string{"message"}},
	}
	for _, payload := range payloads {
		base := planted(t, payload, nil)
		ctx := tab(t, "409 (Conflict)", "404 (Not Found)")
		call(t, ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{
			Source: `window.stopped = []; document.addEventListener("securitypolicyviolation", (e) => window.stopped.push(e.violatedDirective + " " + e.blockedURI + " " + e.sample));`,
		})
		do(t, ctx, chromedp.EmulateViewport(1440, 1000))
		all := `(document.body.textContent + [...document.querySelectorAll("input, textarea")].map((e) => e.value).join(" "))`
		harmless := func(where string) {
			t.Helper()
			if eval[bool](t, ctx, `"hit" in window || document.querySelector("img, #app script, iframe, object, [onload], [onerror], [onfocus]") !== null`) {
				t.Errorf("%s: %s was taken for markup", where, payload)
			}
			if stopped := eval[[]string](t, ctx, `window.stopped`); len(stopped) > 0 {
				t.Errorf("%s: the policy had to stop %v", where, stopped)
			}
			if links := eval[[]string](t, ctx, `[...document.querySelectorAll("[href], [src], [action]")].map((e) => e.getAttribute("href") ?? e.getAttribute("src") ?? e.getAttribute("action")).filter((a) => !/^(\/|#|\?|https?:)/.test(a))`); len(links) > 0 {
				t.Errorf("%s: links to %v", where, links)
			}
		}
		for _, look := range pages {
			do(t, ctx, chromedp.Navigate(base+look.path))
			until(t, ctx, look.ready)
			for _, where := range look.shown {
				until(t, ctx, fmt.Sprintf(`%s.includes(%q)`, all, payload+"·"+where))
			}
			harmless(look.path)
			for _, selector := range look.press {
				until(t, ctx, fmt.Sprintf(`(() => { const e = document.querySelector(%q); e?.click(); return e !== null; })()`, selector))
			}
			for _, where := range look.after {
				until(t, ctx, fmt.Sprintf(`%s.includes(%q)`, all, payload+"·"+where))
			}
			// Tips are drawn for the points that arrow keys reach, and tables for what is drawn.
			eval[bool](t, ctx, `(() => { for (const d of document.querySelectorAll(".drawing")) { d.focus(); for (let k = 0; k < 3; k++) d.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true})); } for (const b of document.querySelectorAll(".chart .segments button:nth-child(2)")) b.click(); return true; })()`)
			harmless(look.path + ", when it was used")
		}
	}
}
