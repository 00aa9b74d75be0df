package main

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"tourney"
)

// markup is what a page must never take for markup, wherever it stands.
const markup = `<img src=x onerror="window.hit=1">`

// pageTables writes a table of two classes and one of values; a category of the
// first is markup.
func pageTables(t *testing.T) (classes, values string) {
	t.Helper()
	random := rand.New(rand.NewPCG(1, 2))
	var a, b bytes.Buffer
	fmt.Fprintln(&a, "x,y,kind,left")
	fmt.Fprintln(&b, "x,y,price")
	for i := range 800 {
		x, y := random.NormFloat64(), random.NormFloat64()
		left := "no"
		if x+0.5*y+random.NormFloat64()/2 > 0 {
			left = "yes"
		}
		fmt.Fprintf(&a, "%.4f,%.4f,%s,%s\n", x, y, []string{"plain", strings.ReplaceAll(`"`+strings.ReplaceAll(markup, `"`, `""`)+`"`, "\n", "")}[i%2], left)
		fmt.Fprintf(&b, "%.4f,%.4f,%.4f\n", x, y, 3*x-y+random.NormFloat64()/3)
	}
	folder := t.TempDir()
	classes, values = filepath.Join(folder, "left.csv"), filepath.Join(folder, "price.csv")
	for path, text := range map[string][]byte{classes: a.Bytes(), values: b.Bytes()} {
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return classes, values
}

func pageSweep(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sweep.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// looks shows a page in both themes on a desk and on a phone: it is ready,
// nothing is wider than the screen, axe finds nothing, no text became markup.
func looks(t *testing.T, ctx context.Context, name, url, ready string) {
	t.Helper()
	for _, scheme := range []string{"light", "dark"} {
		media := chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
				Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
			})
			return err
		})
		for _, width := range []int64{1440, 390} {
			if err := chromedp.Do(ctx, media, chromedp.EmulateViewport(width, 1100), chromedp.Navigate(url)); err != nil {
				t.Fatal(err)
			}
			shown(t, ctx, ready)
			shown(t, ctx, fmt.Sprintf(`innerWidth === %d && document.documentElement.scrollWidth <= innerWidth`, width))
			shown(t, ctx, `!("hit" in window) && document.querySelector("img") === null`)
			if dir := os.Getenv("TOURNEY_SHOTS"); dir != "" {
				height, err := chromedp.Run(ctx, chromedp.Evaluate[int64](`Math.min(3000, document.documentElement.scrollHeight)`))
				if err != nil {
					t.Fatal(err)
				}
				if err := chromedp.Do(ctx, chromedp.EmulateViewport(width, height)); err != nil {
					t.Fatal(err)
				}
				shoot(t, ctx, fmt.Sprintf("page-%s-%s-%d", name, scheme, width))
			}
		}
		axe(t, ctx, name+" "+scheme)
	}
}

// axe holds the page against the rules of axe-core, where npm ci has brought it.
func axe(t *testing.T, ctx context.Context, where string) {
	t.Helper()
	source, err := os.ReadFile(filepath.Join("..", "..", "dashboard", "web", "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Logf("%s is not held against axe-core: run npm ci in dashboard/web", where)
		return
	}
	run := `; window.axeFound = undefined; axe.run(document, {resultTypes: ["violations"]}).then((r) => { window.axeFound = r.violations.map((v) => v.id + ": " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160) + " " + n.failureSummary).join(" | ")); }); true`
	if _, err := chromedp.Run(ctx, chromedp.Evaluate[bool](string(source)+run)); err != nil {
		t.Fatal(err)
	}
	shown(t, ctx, `Array.isArray(window.axeFound)`)
	found, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`window.axeFound`))
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Errorf("%s: %s", where, v)
	}
}

// press clicks what has a text, among the elements of a selector.
func press(t *testing.T, ctx context.Context, selector, text string) {
	t.Helper()
	shown(t, ctx, fmt.Sprintf(`(() => { const e = [...document.querySelectorAll(%q)].find((e) => e.innerText.trim().startsWith(%q) && !e.disabled); if (e) e.click(); return e !== undefined; })()`, selector, text))
}

// TestPages plays two sweeps on a real server and looks at every page beside
// the sweep's own, with what is to be seen there and what can be done.
func TestPages(t *testing.T) {
	classes, values := pageTables(t)
	up := start(t, "up", "--addr", "127.0.0.1:0", "--data-dir", dir(t), "--workers", "2")
	url := up.url()
	ctx := browse(t, url+"/datasets")
	shown(t, ctx, `document.body.innerText.includes("tourney dataset add")`)
	must(t, "dataset", "add", "left", classes, "--target", "left", "--server", url)
	must(t, "dataset", "add", "price", values, "--target", "price", "--server", url)
	first := strings.TrimSpace(must(t, "sweep", "create", pageSweep(t, `
name: left-trees
description: "`+strings.ReplaceAll(markup, `"`, `\"`)+`"
dataset: left
trainer: gbdt
method: random
run_cap: 9
metric: {name: logloss}
early_terminate: {type: asha, min_iter: 3, max_iter: 27, eta: 3}
parameters:
  learning_rate: {distribution: log_uniform_values, min: 0.05, max: 0.3}
  num_leaves: {distribution: int_uniform, min: 4, max: 31}
`), "--server", url))
	second := strings.TrimSpace(must(t, "sweep", "create", pageSweep(t, `
name: price-line
dataset: price
trainer: linear
method: random
run_cap: 4
parameters:
  l2: {distribution: log_uniform_values, min: 0.00001, max: 1}
`), "--server", url))
	var finalists []int
	for _, id := range []string{first, second} {
		must(t, "sweep", "watch", id, "--server", url)
		var models struct {
			Items []struct{ Trial int }
		}
		if !get(t.Context(), url+"/api/v1/sweeps/"+id+"/models", &models) || len(models.Items) != 1 {
			t.Fatalf("sweep %s leaves the models %v", id, models)
		}
		finalists = append(finalists, models.Items[0].Trial)
	}
	winner := fmt.Sprintf("%s/sweeps/%s/trials/%d", url, first, finalists[0])

	var trial tourney.Trial
	var attempts struct{ Items []tourney.Attempt }
	at := fmt.Sprintf("%s/api/v1/sweeps/%s/trials/%d", url, first, finalists[0])
	if !get(t.Context(), at, &trial) || !get(t.Context(), at+"/attempts", &attempts) || len(attempts.Items) != trial.Attempts || len(attempts.Items) < 2 {
		t.Fatalf("%d attempts of %d", len(attempts.Items), trial.Attempts)
	}
	for i, a := range attempts.Items {
		if a.Number != i+1 || a.Outcome != string(tourney.OutcomeDone) || a.Worker == "" || a.Host == "" || a.Ended == nil || a.Ended.Before(a.Started) {
			t.Errorf("attempt %d is %+v", i+1, a)
		}
	}

	looks(t, ctx, "trial", winner, `document.querySelectorAll(".drawing canvas").length === 3 && document.querySelectorAll(".confusion tbody tr").length === 2 && document.querySelectorAll(".bars tr").length === 3`)
	looks(t, ctx, "trial-regression", fmt.Sprintf("%s/sweeps/%s/trials/%d", url, second, finalists[1]), `document.querySelectorAll(".drawing canvas").length === 3 && document.body.innerText.includes("Predicted and true")`)
	looks(t, ctx, "compare", fmt.Sprintf("%s/compare?trials=%s:0,%s:1,%s:0", url, first, first, second), `document.querySelectorAll(".compare thead th").length === 4 && document.querySelector(".drawing canvas") !== null`)
	looks(t, ctx, "fleet", url+"/fleet", `document.querySelector("[data-worker]") !== null`)
	looks(t, ctx, "datasets", url+"/datasets", `document.querySelectorAll("[data-dataset]").length === 2`)
	looks(t, ctx, "dataset", url+"/datasets?name=left", `document.querySelectorAll("[data-column]").length === 4 && document.querySelectorAll(".sample tbody tr").length === 20`)
	looks(t, ctx, "launch", url+"/launch?from="+first, `document.querySelector(".preview")?.dataset.valid === "true" && document.querySelectorAll(".parameter").length === 2`)
	looks(t, ctx, "models", url+"/models", `document.querySelectorAll("[data-model]").length === 2 && document.body.innerText.includes("tourney model predict")`)
	launches(t, ctx, url, first)
	adds(t, ctx, url, values)
	drains(t, ctx, url)
}

// launches clones a sweep: an error stands at its field, YAML and form are the
// same file, and the sweep that is started is the one that was shown.
func launches(t *testing.T, ctx context.Context, url, from string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(1440, 1100), chromedp.Navigate(url+"/launch?from="+from)); err != nil {
		t.Fatal(err)
	}
	shown(t, ctx, `document.querySelector(".preview")?.dataset.valid === "true"`)
	set := func(label, text string) {
		t.Helper()
		shown(t, ctx, fmt.Sprintf(`(() => {
			const l = [...document.querySelectorAll(".form-field label")].find((l) => l.textContent === %q), e = l && document.getElementById(l.htmlFor);
			if (!e) return false;
			e.value = %q; e.dispatchEvent(new Event("input", {bubbles: true})); return true;
		})()`, label, text))
	}
	set("Trials at most", "many")
	shown(t, ctx, `[...document.querySelectorAll(".field-wrong")].some((e) => e.closest(".form-field").querySelector("label").textContent === "Trials at most") && document.querySelector(".controls .primary")?.disabled`)
	set("Trials at most", "6")
	set("Name", "clone")
	shown(t, ctx, `document.querySelector(".preview")?.dataset.fresh === "true" && document.querySelector(".preview")?.dataset.valid === "true"`)
	press(t, ctx, ".segments button", "YAML")
	shown(t, ctx, `document.querySelector(".yaml")?.value.includes("run_cap: 6") && document.querySelector(".yaml")?.value.startsWith("name: clone")`)
	edit := func(old, fresh string) {
		t.Helper()
		shown(t, ctx, fmt.Sprintf(`(() => { const a = document.querySelector(".yaml"); if (!a.value.includes(%q)) return false; a.value = a.value.replace(%q, %q); a.dispatchEvent(new Event("input", {bubbles: true})); return true; })()`, old, old, fresh))
	}
	edit("run_cap: 6", "run_kap: 6")
	shown(t, ctx, `document.querySelector(".field-errors")?.innerText.includes("run_cap") && document.querySelector(".controls .primary")?.disabled`)
	edit("run_kap: 6", "run_cap: 5 # fewer")
	shown(t, ctx, `document.querySelector(".preview")?.dataset.fresh === "true" && document.querySelector(".preview")?.dataset.valid === "true"`)
	press(t, ctx, ".segments button", "Form")
	shown(t, ctx, `[...document.querySelectorAll(".form-field input")].some((e) => e.value === "5")`)
	shown(t, ctx, `document.querySelector(".preview")?.dataset.fresh === "true" && document.querySelector(".controls .primary")?.disabled === false`)
	press(t, ctx, ".controls .primary", "Start the sweep")
	shown(t, ctx, `location.pathname.startsWith("/sweeps/") && document.querySelector("h1")?.innerText === "clone"`)
	var list struct{ Items []tourney.Sweep }
	if !get(t.Context(), url+"/api/v1/sweeps", &list) || list.Items[0].Spec.RunCap != 5 || len(list.Items[0].Spec.Parameters) != 2 {
		t.Errorf("started %+v", list.Items[0].Spec)
	}
}

// adds uploads a table, and deletes the dataset that it became.
func adds(t *testing.T, ctx context.Context, url, table string) {
	t.Helper()
	err := chromedp.Do(ctx, chromedp.Navigate(url+"/datasets"), chromedp.Click(".add-dataset summary"), chromedp.WaitVisible("#add-file"),
		chromedp.SetUploadFiles("#add-file", []string{table}))
	if err != nil {
		t.Fatal(err)
	}
	shown(t, ctx, `document.querySelector("#add-name")?.value === "price"`)
	shown(t, ctx, `(() => { document.querySelector("#add-name").value = "uploaded"; document.querySelector("#add-target").value = "price"; return true; })()`)
	press(t, ctx, ".add-dataset button", "Add")
	shown(t, ctx, `document.querySelector("h1")?.innerText === "uploaded" && document.querySelectorAll("[data-column]").length === 3`)
	press(t, ctx, ".controls button", "Delete")
	shown(t, ctx, `document.querySelector("dialog[open]") !== null && document.activeElement.innerText === "Keep it"`)
	press(t, ctx, "dialog[open] button", "Delete the dataset")
	shown(t, ctx, `location.pathname === "/datasets" && location.search === "" && document.querySelectorAll("[data-dataset]").length === 2`)
}

// drains has a worker leave, after a question.
func drains(t *testing.T, ctx context.Context, url string) {
	t.Helper()
	if err := chromedp.Do(ctx, chromedp.Navigate(url+"/fleet")); err != nil {
		t.Fatal(err)
	}
	press(t, ctx, "[data-worker] button", "Drain")
	shown(t, ctx, `document.querySelector("dialog[open]") !== null && document.activeElement.innerText === "Let it stay"`)
	press(t, ctx, "dialog[open] button", "Drain")
	shown(t, ctx, `document.querySelector("#gone-title") !== null || [...document.querySelectorAll("[data-worker] td")].some((e) => e.innerText.startsWith("draining"))`)
}
