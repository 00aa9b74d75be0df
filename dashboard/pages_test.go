package dashboard_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tourney"
)

func accuracy(value float64, step int) tourney.End {
	return tourney.End{
		Outcome: tourney.OutcomeDone, Step: step, BestStep: step, Value: &value,
		Metrics: tourney.Metrics{"accuracy": value, "logloss": 1 - value},
	}
}

// small is a sweep of three trials: number 1 has finished the final, 2 the
// second rung with a better value, 0 has diverged.
func small(f *fake, id, name string) {
	start := time.Now().Add(-time.Minute)
	f.add(id, digitsSpec(name), start)
	for i := range 3 {
		f.propose(id, tourney.Params{"learning_rate": []float64{0.9, 0.1, 0.02}[i], "optimizer": "sgd"}, start)
	}
	f.report(id, 0, 0, tourney.TrialDiverged, tourney.End{Outcome: tourney.OutcomeDiverged, Step: 1}, start.Add(time.Second))
	f.report(id, 1, 3, tourney.TrialCompleted, accuracy(0.95, 27), start.Add(2*time.Second))
	f.report(id, 2, 1, tourney.TrialPaused, accuracy(0.97, 3), start.Add(3*time.Second))
}

func TestAnEmptyListSaysWhatToDo(t *testing.T) {
	t.Parallel()
	_, base := newFake(t)
	ctx := tab(t)
	do(t, ctx, chromedp.Navigate(base))
	until(t, ctx, `document.body.innerText.includes("tourney run examples/digits.yaml")`)
}

func TestTheListShowsSweepsAndKeepsThemFresh(t *testing.T) {
	t.Parallel()
	f, base := newFake(t)
	small(f, "01a", "older")
	small(f, "01b", "newer")
	f.turn("01a", tourney.SweepFailed, "the dataset is gone", time.Now())
	ctx := tab(t)
	do(t, ctx, chromedp.Navigate(base))
	until(t, ctx, `document.querySelectorAll(".sweeps tbody tr").length === 2`)
	if got := texts(t, ctx, ".sweeps tbody th a"); !slices.Equal(got, []string{"newer", "older"}) {
		t.Errorf("sweeps %v, want the newer one first", got)
	}
	if got := texts(t, ctx, ".sweeps tbody td .badge"); !slices.Equal(got, []string{"running", "failed"}) {
		t.Errorf("states %v", got)
	}
	if got := texts(t, ctx, ".sweeps .progress-count"); !slices.Equal(got, []string{"2 / 120", "3 / 120"}) {
		t.Errorf("progress %v, want the ended trials of a cap of 120", got)
	}
	if got := texts(t, ctx, ".sweeps .best strong"); !slices.Equal(got, []string{"0.95", "0.95"}) {
		t.Errorf("best values %v, want those of the trial that finished the highest rung", got)
	}
	small(f, "01c", "newest")
	until(t, ctx, `document.querySelector(".sweeps tbody th a").innerText === "newest"`)
	f.turn("01c", tourney.SweepPaused, "", time.Now())
	until(t, ctx, `document.querySelector(".sweeps tbody td .badge").innerText.trim() === "paused"`)
}

func TestASweepIsReachedAndLeft(t *testing.T) {
	t.Parallel()
	f, base := newFake(t)
	small(f, "01a", "digits-linear")
	ctx := tab(t)
	do(t, ctx, chromedp.Navigate(base), chromedp.Click(".sweeps tbody th a"))
	until(t, ctx, `location.pathname === "/sweeps/01a" && document.querySelector("h1")?.innerText === "digits-linear"`)
	until(t, ctx, `document.title.startsWith("digits-linear, running")`)
	do(t, ctx, chromedp.NavigateBack())
	until(t, ctx, `location.pathname === "/" && document.querySelector(".sweeps") !== null`)
	do(t, ctx, chromedp.NavigateForward(), chromedp.Reload())
	until(t, ctx, `document.querySelector("h1")?.innerText === "digits-linear"`)
}

func TestTheBoardIsInTheServicesOrder(t *testing.T) {
	t.Parallel()
	f, base := newFake(t)
	small(f, "01a", "digits-linear")
	ctx := tab(t)
	do(t, ctx, chromedp.Navigate(base+"/sweeps/01a"))
	until(t, ctx, `document.querySelectorAll(".board tbody tr").length === 3`)
	if got := eval[[]int](t, ctx, order); !slices.Equal(got, []int{1, 2, 0}) {
		t.Errorf("trials %v, want the highest rung first and the diverged one last", got)
	}
	if got := texts(t, ctx, ".board td.value"); !slices.Equal(got, []string{"0.9500", "0.9700", "–"}) {
		t.Errorf("values %v", got)
	}
	if got := texts(t, ctx, ".board td.rank"); !slices.Equal(got[1:], []string{"2", "–"}) {
		t.Errorf("ranks %v, want none for the diverged trial", got)
	}
	if got := texts(t, ctx, ".board .why"); !slices.Equal(got, []string{"its loss stopped being a number at step 1"}) {
		t.Errorf("reasons %v", got)
	}
	if got := eval[[]string](t, ctx, `[...document.querySelectorAll(".board .pips")].map((e) => e.getAttribute("aria-label"))`); !slices.Equal(got, []string{"4 of 4 rungs", "2 of 4 rungs", "0 of 4 rungs"}) {
		t.Errorf("rungs %v", got)
	}
	// Trial 1 has passed all four rounds, trial 2 the first two.
	if got := texts(t, ctx, ".round-count"); !slices.Equal(got, []string{"1", "1", "2", "2"}) {
		t.Errorf("rounds %v, the final first", got)
	}
	if got := texts(t, ctx, ".champion-value"); !slices.Equal(got, []string{"0.95"}) {
		t.Errorf("incumbent %v", got)
	}
	// A fifth of the 1,797 − 360 rows, and √(0.95·0.05/287). The next is of a lower rung.
	until(t, ctx, `document.querySelector(".confidence")?.innerText === "± 0.013 on 287 rows"`)
	do(t, ctx, chromedp.Click(`.segments button:nth-child(2)`))
	until(t, ctx, `document.querySelector(".improvements caption") !== null`)
	if got := texts(t, ctx, ".improvements tbody td:nth-child(2)"); !slices.Equal(got, []string{"1", "2"}) {
		t.Errorf("trials that improved the curve: %v", got)
	}
}

func TestAnEventMakesARowAppear(t *testing.T) {
	t.Parallel()
	f, base := newFake(t)
	small(f, "01a", "digits-linear")
	ctx := tab(t)
	do(t, ctx, chromedp.Navigate(base+"/sweeps/01a"))
	until(t, ctx, `document.querySelectorAll(".board tbody tr").length === 3 && document.querySelector(".connection").dataset.state === "live"`)
	n := f.propose("01a", tourney.Params{"learning_rate": 0.2, "optimizer": "adam"}, time.Now())
	until(t, ctx, fmt.Sprintf(`document.querySelector(".board tr[data-trial='%d'] .state")?.innerText.trim() === "running"`, n))
	f.report("01a", n, 3, tourney.TrialCompleted, accuracy(0.98, 27), time.Now())
	until(t, ctx, fmt.Sprintf(`document.querySelector(".board tbody tr").dataset.trial === "%d"`, n))
	until(t, ctx, `document.querySelector(".champion-value").innerText === "0.98"`)
	until(t, ctx, `document.querySelector(".confidence").innerText === "± 0.0083 on 287 rows\n0.03 ahead of trial 1"`)
	until(t, ctx, `document.querySelector(".readout").innerText.startsWith("3 reports")`)
	until(t, ctx, `document.querySelector(".round-count").innerText === "2"`)
	until(t, ctx, `[...document.querySelectorAll("[role=status]")].some((e) => e.innerText.includes("Trial 3 is the new incumbent"))`)
	// The last job of the winner reports a test value: no part of the curve.
	test := accuracy(0.99, 27)
	f.mu.Lock()
	f.commit("01a", time.Now(), tourney.Reported{Trial: n, Rung: 4, End: test})
	f.mu.Unlock()
	f.turn("01a", tourney.SweepCompleted, "", time.Now())
	until(t, ctx, `document.querySelector(".sealed")?.innerText.includes("test_accuracy")`)
	if got := texts(t, ctx, ".readout"); !strings.HasPrefix(got[0], "3 reports") {
		t.Errorf("after the test value the curve has %v", got)
	}
}

func TestMoreRowsAreLoadedAndStay(t *testing.T) {
	t.Parallel()
	f, base := newFake(t)
	spec := digitsSpec("long")
	spec.RunCap = 400
	start := time.Now().Add(-time.Hour)
	f.add("01a", spec, start)
	play(f, "01a", spec, start, 330, time.Second)
	ctx := tab(t)
	do(t, ctx, chromedp.Navigate(base+"/sweeps/01a"))
	until(t, ctx, `document.querySelectorAll(".board tbody tr").length === 100`)
	do(t, ctx, chromedp.Click(".board .more button"))
	until(t, ctx, `document.querySelectorAll(".board tbody tr").length === 200`)
	f.report("01a", 0, 3, tourney.TrialCompleted, accuracy(0.999, 27), time.Now())
	until(t, ctx, `document.querySelector(".board tbody tr").dataset.trial === "0"`)
	if got, want := eval[[]int](t, ctx, order), f.boardOf("01a")[:200]; !slices.Equal(got, want) {
		t.Errorf("rows %v\nwant %v", got, want)
	}
}

func TestHostileTextsAreShownAndNotRun(t *testing.T) {
	t.Parallel()
	texts := []string{
		`<img src=x onerror="window.hit=1">`,
		`</script><script>window.hit=1</script>`,
		`"><svg onload=window.hit=1>`,
		`javascript:window.hit=1`,
	}
	f, base := newFake(t)
	start := time.Now().Add(-time.Minute)
	for i, text := range texts {
		id := fmt.Sprintf("01%d", i)
		spec := digitsSpec(text)
		spec.Dataset, spec.Description, spec.Trainer, spec.Method = text, text, text, tourney.Method(text)
		spec.Metric.Name = text
		spec.Parameters = tourney.Space{{Name: text, Distribution: tourney.Categorical, Values: []any{text, "b"}}}
		f.add(id, spec, start)
		for range 2 {
			f.propose(id, tourney.Params{text: text}, start)
		}
		value := 0.5
		f.report(id, 0, 0, tourney.TrialPaused, tourney.End{Step: 1, BestStep: 1, Value: &value, Metrics: tourney.Metrics{text: 0.5, "test_" + text: 0.5}}, start)
		f.report(id, 1, 0, tourney.TrialFailed, tourney.End{Outcome: tourney.OutcomeFailed, Reason: tourney.Reason(text), Error: text}, start)
		f.turn(id, tourney.SweepFailed, text, start)
	}
	ctx := tab(t, "404 (Not Found)") // of the sweep that is not there
	do(t, ctx, chromedp.Navigate(base))
	until(t, ctx, `document.querySelectorAll(".sweeps tbody tr").length === 4`)
	harmless := func(where string) {
		t.Helper()
		if eval[bool](t, ctx, `"hit" in window || document.querySelector("img, #app script, svg[onload]") !== null`) {
			t.Errorf("%s: a name was taken for markup", where)
		}
	}
	harmless("the list")
	for i, text := range texts {
		do(t, ctx, chromedp.Navigate(fmt.Sprintf("%s/sweeps/01%d", base, i)))
		until(t, ctx, `document.querySelectorAll(".board tbody tr").length === 2`)
		if got := eval[string](t, ctx, `document.querySelector("h1").textContent`); got != text {
			t.Errorf("the name %q is shown as %q", text, got)
		}
		if got := eval[string](t, ctx, `document.querySelector(".board .why").textContent`); !strings.HasSuffix(got, text) {
			t.Errorf("the error %q is shown as %q", text, got)
		}
		harmless(text)
		do(t, ctx, chromedp.Navigate(base+"/sweeps/"+url.PathEscape(strings.NewReplacer(".", "", "/", "").Replace(text))))
		until(t, ctx, `document.querySelector("h1")?.innerText === "Not found"`)
		harmless("the address " + text)
	}
}

func TestButtonsPost(t *testing.T) {
	t.Parallel()
	f, base := newFake(t)
	small(f, "01a", "digits-linear")
	ctx := tab(t)
	do(t, ctx, chromedp.Navigate(base+"/sweeps/01a"), chromedp.Click(".controls > button:first-of-type"))
	until(t, ctx, `document.querySelector("h1 + .badge").dataset.state === "paused"`)
	do(t, ctx, chromedp.Click(".controls > .primary"))
	until(t, ctx, `document.querySelector("h1 + .badge").dataset.state === "running"`)
	// Cancelling asks first, and the answer at hand is to keep the sweep.
	do(t, ctx, chromedp.Click(".controls > button:nth-of-type(2)"))
	until(t, ctx, `document.querySelector("dialog").open && document.activeElement.innerText === "Keep it"`)
	do(t, ctx, chromedp.Click("dialog[open] .button:not(.danger)"))
	until(t, ctx, `document.querySelector("dialog[open]") === null`)
	if got := f.posted(); !slices.Equal(got, []string{"pause 01a", "resume 01a"}) {
		t.Errorf("posted %v before the confirmation", got)
	}
	do(t, ctx, chromedp.Click(".controls > button:nth-of-type(2)"), chromedp.Click("dialog[open] .danger"))
	until(t, ctx, `document.querySelector("h1 + .badge").dataset.state === "cancelled"`)
	if got := texts(t, ctx, ".controls > *:not(dialog)"); !slices.Equal(got, []string{"Clone and edit", "Delete…"}) {
		t.Errorf("a cancelled sweep offers %v", got)
	}
	if got := f.posted(); !slices.Equal(got, []string{"pause 01a", "resume 01a", "cancel 01a"}) {
		t.Errorf("posted %v", got)
	}
}

func TestARefusalIsShown(t *testing.T) {
	t.Parallel()
	f, base := newFake(t)
	small(f, "01a", "digits-linear")
	ctx := tab(t, "409 (Conflict)")
	do(t, ctx, chromedp.Navigate(base+"/sweeps/01a"), chromedp.WaitVisible(".controls"))
	f.mu.Lock()
	f.sweep("01a").State = tourney.SweepCompleted // the page has not heard of it
	f.mu.Unlock()
	do(t, ctx, chromedp.Click(".controls > button:first-of-type"))
	until(t, ctx, `document.querySelector("[role=alert]")?.innerText === "Conflict: A sweep that is completed cannot pause."`)
	until(t, ctx, `document.querySelector("h1 + .badge").dataset.state === "completed"`)
}

func TestALostConnectionIsSaidAndMadeUpFor(t *testing.T) {
	t.Parallel()
	f, base := newFake(t)
	small(f, "01a", "digits-linear")
	ctx := tab(t, "net::ERR_")
	do(t, ctx, chromedp.Navigate(base+"/sweeps/01a"))
	until(t, ctx, `document.querySelector(".connection").dataset.state === "live"`)
	f.setCut(true)
	until(t, ctx, `document.querySelector(".stale")?.innerText.includes("Connection lost, reconnecting…")`)
	n := f.propose("01a", tourney.Params{"learning_rate": 0.2, "optimizer": "adam"}, time.Now())
	f.report("01a", n, 3, tourney.TrialCompleted, accuracy(0.98, 27), time.Now())
	if got := eval[[]int](t, ctx, order); slices.Contains(got, n) {
		t.Errorf("the page shows trial %d, whose events it cannot have seen", n)
	}
	f.setCut(false)
	until(t, ctx, fmt.Sprintf(`document.querySelector(".stale") === null && document.querySelector(".board tbody tr").dataset.trial === "%d"`, n))
	until(t, ctx, `document.querySelector(".readout").innerText.startsWith("3 reports")`)
}

func TestWhatIsNotThereIsSaid(t *testing.T) {
	t.Parallel()
	_, base := newFake(t)
	ctx := tab(t, "404 (Not Found)")
	do(t, ctx, chromedp.Navigate(base+"/sweeps/gone"))
	until(t, ctx, `document.querySelector("main").innerText.includes("There is no sweep gone.")`)
	do(t, ctx, chromedp.Navigate(base+"/nowhere/at/all"))
	until(t, ctx, `document.querySelector("main").innerText.includes("There is no page at /nowhere/at/all.")`)
	do(t, ctx, chromedp.Click("main a"))
	until(t, ctx, `location.pathname === "/"`)
}

// A browser opens six connections to a server at most and keeps left pages for
// the back button: if those kept their streams, the seventh page would hang.
func TestPagesThatAreLeftHoldNoConnection(t *testing.T) {
	t.Parallel()
	f, base := newFake(t)
	small(f, "01a", "digits-linear")
	ctx := tab(t)
	for range 2 { // four pages: fewer than would make a leaking one hang
		do(t, ctx, chromedp.Navigate(base))
		until(t, ctx, `document.querySelector(".sweeps") !== null && document.querySelector(".connection").dataset.state === "live"`)
		do(t, ctx, chromedp.Navigate(base+"/sweeps/01a"))
		until(t, ctx, `document.querySelector(".board") !== null && document.querySelector(".connection").dataset.state === "live"`)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.streams > 2 { // the page's own, and one that is about to end
		t.Errorf("%d streams are open after four pages, want one", f.streams)
	}
}
