package dashboard_test

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"tourney"
)

// tabsReady are the views of a sweep and what is there once one is drawn.
var tabsReady = []struct{ tab, ready string }{
	{"", `document.querySelectorAll(".board tbody tr").length > 5 && document.querySelector(".plot canvas") !== null`},
	{"/board", `document.querySelectorAll(".full-board tbody tr[data-trial]").length > 5`},
	{"/bracket", `document.querySelectorAll(".seat").length > 5`},
	{"/parallel", `document.querySelector(".parallel canvas") !== null && document.querySelectorAll(".axis").length > 2`},
	{"/importance", `[...document.querySelectorAll(".drawing")].filter((d) => d.querySelector("canvas")).length === 3`},
	{"/curves", `[...document.querySelectorAll(".drawing")].filter((d) => d.querySelector("canvas")).length === 2`},
	{"/timeline", `document.querySelector(".attempt, .drawing canvas") !== null && document.querySelector("#cost-title") !== null`},
	{"/failures", `document.querySelector(".fault, .none") !== null`},
}

// TestEveryViewAtEverySize looks at each view on a phone and on a desk, of few
// trials in the light and of many in the dark: nothing is wider than the screen,
// and axe finds nothing to complain of. With TOURNEY_SHOTS=DIR it leaves
// screenshots there, of both in both, and with TOURNEY_BIG=1 many are 100,000.
func TestEveryViewAtEverySize(t *testing.T) {
	t.Parallel()
	many := 1000
	if os.Getenv("TOURNEY_BIG") == "1" {
		many = 100_000
	}
	shots := os.Getenv("TOURNEY_SHOTS")
	for _, look := range []struct {
		trials int
		scheme string
		shots  bool // for these alone
	}{{10, "light", false}, {many, "dark", false}, {10, "dark", true}, {many, "light", true}} {
		if look.shots && shots == "" {
			continue
		}
		r := views(t, look.trials)
		for _, view := range tabsReady {
			name := fmt.Sprintf("view-%s-%d-%s", cmp.Or(strings.TrimPrefix(view.tab, "/"), "overview"), look.trials, look.scheme)
			ctx := tab(t)
			do(t, ctx, media(look.scheme))
			for _, size := range [][2]int64{{1440, 1000}, {390, 844}} {
				where := fmt.Sprintf("%s-%d", name, size[0])
				do(t, ctx, chromedp.EmulateViewport(size[0], size[1]), chromedp.Navigate(r.base+"/sweeps/s"+view.tab))
				until(t, ctx, view.ready)
				until(t, ctx, fmt.Sprintf(`innerWidth === %d && document.documentElement.scrollWidth <= innerWidth`, size[0]))
				if small := eval[[]string](t, ctx, tooSmall); len(small) > 0 {
					t.Errorf("%s: too small to hit: %v", where, small)
				}
				if shots != "" {
					screenshot(t, ctx, filepath.Join(shots, where+".png"))
				}
			}
			axe(t, ctx, name)
		}
	}
}

// axe holds the page against the rules of axe-core, which npm ci installs.
func axe(t *testing.T, ctx context.Context, where string) {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("web", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		return // said once, by TestAxeIsInstalled
	}
	eval[bool](t, ctx, string(source)+"; true")
	do(t, ctx, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`window.axeFound = undefined; axe.run(document, {resultTypes: ["violations"]}).then((r) => { window.axeFound = r.violations.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " " + n.failureSummary).join(" | ")); }); true`))
		return err
	}))
	until(t, ctx, `Array.isArray(window.axeFound)`)
	for _, found := range eval[[]string](t, ctx, `window.axeFound`) {
		t.Errorf("%s: %s", where, found)
	}
}

func TestAxeIsInstalled(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat(filepath.Join("web", "node_modules", "axe-core")); err != nil {
		t.Skip("pages are not held against axe-core: run npm ci in dashboard/web")
	}
}

func TestABrushFiltersEveryViewAndTheTable(t *testing.T) {
	t.Parallel()
	r := views(t, 300)
	ctx := tab(t)
	do(t, ctx, chromedp.EmulateViewport(1440, 1000), chromedp.Navigate(r.base+"/sweeps/s/parallel"))
	until(t, ctx, `document.querySelectorAll(".axis-line").length === 6`)
	// The first axis is a, from 0 to 1: its lower half is dragged over.
	eval[bool](t, ctx, `(() => {
		const line = document.querySelector(".axis-line"), box = line.getBoundingClientRect();
		const at = (type, share) => line.dispatchEvent(new PointerEvent(type, {bubbles: true, pointerId: 1, clientX: box.x + 12, clientY: box.bottom - share * box.height}));
		line.setPointerCapture = () => {};
		at("pointerdown", 0); return true;
	})()`)
	eval[bool](t, ctx, `(() => { const line = document.querySelector(".axis-line"), box = line.getBoundingClientRect();
		line.dispatchEvent(new PointerEvent("pointermove", {bubbles: true, pointerId: 1, clientX: box.x + 12, clientY: box.bottom - 0.5 * box.height})); return true })()`)
	eval[bool](t, ctx, `(() => { const line = document.querySelector(".axis-line"), box = line.getBoundingClientRect();
		line.dispatchEvent(new PointerEvent("pointerup", {bubbles: true, pointerId: 1, clientX: box.x + 12, clientY: box.bottom - 0.5 * box.height})); return true })()`)
	until(t, ctx, `new URLSearchParams(location.search).get("where")?.startsWith("a:..0.") === true`)
	until(t, ctx, `document.querySelector(".chip")?.innerText.startsWith("a ≤ 0.")`)
	until(t, ctx, `/^1[34]\d trials/.test(document.querySelector("#parallel-title .muted").innerText)`)
	// It goes along to the table, and out of it again.
	do(t, ctx, chromedp.Click(`.tabs a[href*="/board"]`))
	until(t, ctx, `/^1[45]\d of 300 trials$/.test(document.querySelector("#board-title .muted")?.innerText)`)
	do(t, ctx, chromedp.Click(".chip"))
	until(t, ctx, `document.querySelector("#board-title .muted").innerText === "300 trials" && document.querySelector(".chip") === null`)
	// Arrow keys do the same.
	do(t, ctx, chromedp.NavigateBack())
	until(t, ctx, `document.querySelector(".axis-line") !== null`)
	eval[bool](t, ctx, `document.querySelector(".axis-line").focus(); document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: "Escape", bubbles: true})); true`)
	until(t, ctx, `!new URLSearchParams(location.search).has("where") && document.querySelector(".axis-line").ariaValueText === "all"`)
	eval[bool](t, ctx, `document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowUp", bubbles: true})); true`)
	until(t, ctx, `/^a:0\.0\d*\.\.$/.test(new URLSearchParams(location.search).get("where"))`)
}

func TestTheBoardScrollsSortsAndKeeps(t *testing.T) {
	t.Parallel()
	r := views(t, 2000)
	ctx := tab(t)
	do(t, ctx, chromedp.EmulateViewport(1440, 1000), chromedp.Navigate(r.base+"/sweeps/s/board"))
	until(t, ctx, `document.querySelectorAll(".full-board tr[data-trial]").length > 20`)
	rows := func() []string {
		return eval[[]string](t, ctx, `[...document.querySelectorAll(".full-board tr[data-trial]")].map((r) => r.dataset.trial)`)
	}
	board, _, err := r.db.Leaderboard(t.Context(), "s", tourney.Page{Limit: 20})
	if err != nil {
		t.Fatal(err)
	}
	got := rows()
	for i, trial := range board {
		if got[i] != fmt.Sprint(trial.Number) {
			t.Fatalf("row %d is trial %s, want %d as on the board", i, got[i], trial.Number)
		}
	}
	if len(got) > 200 {
		t.Errorf("%d rows are drawn of 2,000", len(got))
	}
	// Far down, the rows there are drawn and few others.
	eval[bool](t, ctx, `document.querySelector(".virtual").scrollTo(0, 1500 * 37); true`)
	until(t, ctx, `[...document.querySelectorAll(".full-board .rank")].some((c) => c.innerText === "1,505")`)
	if n := len(rows()); n > 200 {
		t.Errorf("%d rows are drawn of 2,000", n)
	}
	do(t, ctx, chromedp.Click(`.full-board thead th:nth-child(3) button`))
	until(t, ctx, `document.querySelector(".full-board tr[data-trial]").dataset.trial === "0" && new URLSearchParams(location.search).get("sort") === "number" && document.querySelector(".full-board th:nth-child(3)").ariaSort === "ascending"`)
	do(t, ctx, chromedp.Click(`.full-board tr[data-trial="3"] .pin`))
	until(t, ctx, `document.querySelector(".pinned tr")?.dataset.trial === "3" && new URLSearchParams(location.search).get("pin") === "3"`)
	do(t, ctx, chromedp.Click(".menu summary"), chromedp.Click(".menu label:first-of-type input"))
	until(t, ctx, `![...document.querySelectorAll(".full-board th")].some((c) => c.innerText.trim() === "accuracy")`)
	do(t, ctx, chromedp.Reload())
	until(t, ctx, `document.querySelector(".pinned tr")?.dataset.trial === "3" && ![...document.querySelectorAll(".full-board th")].some((c) => c.innerText.trim() === "accuracy")`)
	// The file has every row, whatever is drawn.
	eval[bool](t, ctx, `window.saved = null; URL.createObjectURL = (b) => { b.text().then((s) => { window.saved = s; }); return "data:text/csv,x"; }; HTMLAnchorElement.prototype.click = () => {}; true`)
	do(t, ctx, chromedp.Click(".full-board .chart-controls > button"))
	until(t, ctx, `window.saved !== null`)
	if lines := eval[int](t, ctx, `window.saved.trim().split("\r\n").length`); lines != 2001 {
		t.Errorf("the file has %d lines, want a head and 2,000", lines)
	}
}

func TestTheBracketIsLive(t *testing.T) {
	t.Parallel()
	r := views(t, 60)
	ctx := tab(t)
	do(t, ctx, chromedp.EmulateViewport(1440, 1000), chromedp.Navigate(r.base+"/sweeps/s/bracket"))
	until(t, ctx, `document.querySelectorAll(".seat").length > 20 && document.querySelector(".connection").dataset.state === "live"`)
	if got := eval[[]string](t, ctx, `[...document.querySelectorAll(".round-name")].map((e) => e.textContent)`); !slices.Equal(got, []string{"Round 1", "Semifinal", "Final"}) {
		t.Errorf("rounds %v", got)
	}
	params := tourney.Params{"a": 0.5, "b": 0.1, "c": "y", "e": 0.25, "f": int64(3), "fixed": int64(3)}
	value := 3.5
	trial := tourney.Trial{Sweep: "s", Number: 60, State: tourney.TrialCompleted, Params: params, Rung: 2, Step: 9, BestStep: 9, Value: &value}
	c := &tourney.Change{Sweep: "s", Trials: []tourney.Trial{trial}, Events: []tourney.Event{{Body: tourney.Proposed{Trial: 60, Params: params}}}}
	for rung := range 3 {
		c.Events = append(c.Events, tourney.Event{Body: tourney.Reported{Trial: 60, Rung: rung, End: tourney.End{Outcome: tourney.OutcomeDone, Step: 1, BestStep: 1, Value: &value}}})
	}
	r.commit(t, c)
	until(t, ctx, `document.querySelector(".seat.won title")?.textContent === "Final: trial 60 with 3.5 leads the final"`)
	// Its line is marked through all rounds, and leads to it.
	if lit := eval[int](t, ctx, `document.querySelectorAll(".link-line.lit").length`); lit != 2 {
		t.Errorf("%d lines are marked, want the two between its three rounds", lit)
	}
	if href := eval[string](t, ctx, `document.querySelector(".seat.won").getAttribute("href")`); href != "/sweeps/s/trials/60" {
		t.Errorf("the winner leads to %s", href)
	}
	do(t, ctx, chromedp.Click(".bracket .segments button:nth-child(2)"))
	until(t, ctx, `document.querySelectorAll(".bracket tbody tr").length === 3`)
}

func TestHostileTextsInEveryView(t *testing.T) {
	t.Parallel()
	r := newReal(t, t.TempDir())
	for i, text := range []string{`<img src=x onerror="window.hit=1">`, `</script><script>window.hit=1</script>`, `"><svg onload=window.hit=1>`, `{a|<b onmouseover=window.hit=1>}`} {
		id := fmt.Sprintf("s%d", i)
		r.hostile(t, id, text)
		ctx := tab(t)
		for _, view := range append(slices.Clone(tabsReady), struct{ tab, ready string }{"/pareto", `document.querySelector(".drawing canvas") !== null`}) {
			ready := strings.ReplaceAll(view.ready, "> 5", "> 3")
			do(t, ctx, chromedp.Navigate(r.base+"/sweeps/"+id+view.tab))
			until(t, ctx, ready)
			// Tips are drawn for the points that arrow keys reach.
			eval[bool](t, ctx, `(() => { for (const d of document.querySelectorAll(".drawing, .seat, .attempt")) { d.focus(); for (let k = 0; k < 3; k++) d.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true})); } for (const b of document.querySelectorAll(".segments button:nth-child(2)")) b.click(); return true; })()`)
			if eval[bool](t, ctx, `"hit" in window || document.querySelector("main img, #app script, svg[onload], [onmouseover]") !== null`) {
				t.Errorf("%s of %q: a text was taken for markup", view.tab, text)
			}
		}
	}
}

func TestActionsOfASweep(t *testing.T) {
	t.Parallel()
	r := views(t, 20)
	ctx := tab(t, "409 (Conflict)")
	do(t, ctx, chromedp.Navigate(r.base+"/sweeps/s"))
	until(t, ctx, `document.querySelector(".controls") !== null`)
	press := func(name string) {
		t.Helper()
		until(t, ctx, fmt.Sprintf(`[...document.querySelectorAll(".controls > button")].some((b) => b.innerText === %q && !b.disabled)`, name))
		eval[bool](t, ctx, fmt.Sprintf(`[...document.querySelectorAll(".controls > button")].find((b) => b.innerText === %q).click(); true`, name))
	}
	press("Extend…")
	until(t, ctx, `document.querySelector("dialog[open] input") !== null`)
	do(t, ctx, chromedp.Click("dialog[open] .primary"))
	until(t, ctx, `document.querySelector("dialog[open]") === null`)
	r.mu.Lock()
	r.refuse = fmt.Errorf("extend: %w: it is being deleted", tourney.ErrConflict)
	r.mu.Unlock()
	press("Extend…")
	until(t, ctx, `document.querySelector("dialog[open] input") !== null`)
	do(t, ctx, chromedp.Click("dialog[open] .primary"))
	until(t, ctx, `document.querySelector(".notice[role=alert]")?.innerText.includes("it is being deleted")`)
	r.mu.Lock()
	r.refuse = nil
	r.mu.Unlock()
	press("Delete…")
	until(t, ctx, `document.activeElement.innerText === "Keep it"`)
	do(t, ctx, chromedp.Click("dialog[open] .danger"))
	until(t, ctx, `location.pathname === "/"`)
	if got, want := r.notes(), []string{"extend s to 400000", "extend s to 400000", "delete s, cancel true"}; !slices.Equal(got, want) {
		t.Errorf("asked for %v, want %v", got, want)
	}
}

// All scripts together stay within what a page may ask of a slow line.
func TestTheScriptsAreSmall(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("dist", "assets", "*.js"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scripts: %v", err)
	}
	total := 0
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var packed bytes.Buffer
		w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(content); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		total += packed.Len()
	}
	if total > 300<<10 {
		t.Errorf("the scripts are %d bytes compressed, want at most 300 KiB", total)
	}
}

// What a page of a large sweep reads is small, whatever there is.
func TestAPageReadsLittle(t *testing.T) {
	t.Parallel()
	r := views(t, 20_000)
	ctx := tab(t)
	for _, view := range tabsReady {
		do(t, ctx, chromedp.Navigate(r.base+"/sweeps/s"+view.tab))
		until(t, ctx, view.ready)
		read := eval[float64](t, ctx, `performance.getEntriesByType("resource").filter((e) => e.name.includes("/api/")).reduce((n, e) => n + e.encodedBodySize, 0)`)
		nodes := eval[int](t, ctx, `document.querySelectorAll("*").length`)
		if read > 1<<20 || nodes > 6000 {
			t.Errorf("%q reads %.0f bytes and has %d elements", view.tab, read, nodes)
		}
	}
	text, err := json.Marshal(r.notes())
	if err != nil || string(text) != "null" {
		t.Errorf("looking asked for changes: %s", text)
	}
}
