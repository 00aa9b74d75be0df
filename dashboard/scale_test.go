package dashboard_test

import (
	"context"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/memory"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"tourney"
)

// call sends one command to the tab.
func call[P, R any](t *testing.T, ctx context.Context, command cdp.Command[P, R], params P) R {
	t.Helper()
	var result R
	do(t, ctx, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		var err error
		result, err = chromedp.Call(ctx, command, params)
		return err
	}))
	return result
}

// heap returns what the page holds after a collection: bytes, and nodes of all
// documents.
func heap(t *testing.T, ctx context.Context) (bytes float64, nodes int64) {
	t.Helper()
	call(t, ctx, heapprofiler.CollectGarbage, cdp.Empty{})
	use := call(t, ctx, runtime.GetHeapUsage, cdp.Empty{})
	return use.UsedSize + use.EmbedderHeapUsedSize, call(t, ctx, memory.GetDOMCounters, cdp.Empty{}).Nodes
}

// feed has a sweep go on: each call proposes so many trials and reports the
// rungs they reach, three of four events a report, as a live sweep's log has it.
type feed struct {
	r    *real
	seq  int64
	next int
}

func newFeed(t *testing.T, r *real) *feed {
	t.Helper()
	events, err := r.db.Events(t.Context(), "s", 0, 1<<30)
	if err != nil {
		t.Fatal(err)
	}
	trials, err := r.db.Sweep(t.Context(), "s")
	if err != nil {
		t.Fatal(err)
	}
	f := &feed{r: r, seq: int64(len(events))}
	for _, n := range trials.Counts {
		f.next += n
	}
	return f
}

// go on by so many trials, of 2, 3 or 4 events each; it returns how many events that were.
func (f *feed) more(t *testing.T, trials int) int {
	t.Helper()
	c := &tourney.Change{Sweep: "s"}
	now := time.Now()
	for range trials {
		n := f.next
		f.next++
		x := math.Mod(float64(n)*math.Phi, 1)
		params := tourney.Params{"a": x, "b": math.Pow(10, -5*x), "c": []any{"x", "y", "z"}[n%3], "e": x, "f": int64(1 + n%64), "fixed": int64(3)}
		rung := []int{0, 0, 0, 1, 0, 0, 1, 0, 2}[n%9]
		value := math.Mod(float64(n)*math.Sqrt2, 1)
		trial := tourney.Trial{
			Sweep: "s", Number: n, State: tourney.TrialPaused, Params: params, Rung: rung, Step: rung + 1, BestStep: rung + 1, Value: &value,
			Metrics: tourney.Metrics{"accuracy": value}, Attempts: 1, Created: now,
		}
		if rung == 2 {
			trial.State, trial.Ended = tourney.TrialCompleted, &now
		}
		c.Trials = append(c.Trials, trial)
		c.Events = append(c.Events, tourney.Event{Body: tourney.Proposed{Trial: n, Params: params}})
		for k := range rung + 1 {
			c.Events = append(c.Events, tourney.Event{Body: tourney.Reported{Trial: n, Rung: k, End: tourney.End{Outcome: tourney.OutcomeDone, Step: k + 1, BestStep: k + 1, Value: &value, Metrics: trial.Metrics}}})
		}
	}
	for i := range c.Events {
		f.seq++
		c.Events[i].Sweep, c.Events[i].Seq = "s", f.seq
	}
	if err := f.r.db.Commit(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return len(c.Events)
}

// A page of a live sweep holds after an hour what it held after minutes: what
// comes is taken in and let go. The hour is compressed: as many events as a busy
// sweep tells in one go by as fast as the page takes them in, in bursts, and
// after each the page must have shown what the burst has changed. With
// TOURNEY_BIG=1 they are 40,000 on each page, else 4,000 on the one that keeps
// most.
func TestMemoryStaysFlatWhileASweepIsLive(t *testing.T) {
	t.Parallel()
	bursts, trials := 12, 140
	pages := []struct{ tab, ready string }{{"", `document.querySelector(".plot canvas") !== null`}}
	if os.Getenv("TOURNEY_BIG") == "1" {
		trials = 1400
		for _, view := range tabsReady[1:7] {
			pages = append(pages, struct{ tab, ready string }{view.tab, view.ready})
		}
	}
	for _, look := range pages {
		r := views(t, 3000)
		f := newFeed(t, r)
		ctx := tab(t)
		do(t, ctx, chromedp.EmulateViewport(1440, 1000), chromedp.Navigate(r.base+"/sweeps/s"+look.tab))
		until(t, ctx, look.ready+` && document.querySelector(".connection").dataset.state === "live"`)
		var sizes []float64
		var counts []int64
		events := 0
		for range bursts {
			events += f.more(t, trials)
			sweep, err := r.db.Sweep(t.Context(), "s")
			if err != nil {
				t.Fatal(err)
			}
			until(t, ctx, fmt.Sprintf(`document.querySelector(".head-progress p").innerText.replaceAll(",", "").includes("%d waiting")`, sweep.Counts[tourney.TrialPaused]))
			bytes, nodes := heap(t, ctx)
			sizes, counts = append(sizes, bytes/(1<<20)), append(counts, nodes)
		}
		t.Logf("%q after %d events: %.2f MiB, %d nodes", look.tab, events, sizes, counts)
		warm, late := slices.Max(sizes[:bursts/3]), slices.Min(sizes[2*bursts/3:])
		if late > warm+1 {
			t.Errorf("%q holds %.2f MiB late and held %.2f early, after %d events: %.2f", look.tab, late, warm, events, sizes)
		}
		if early, last := slices.Max(counts[:bursts/3]), slices.Min(counts[2*bursts/3:]); last > early+150 {
			t.Errorf("%q has %d nodes late and had %d early: %d", look.tab, last, early, counts)
		}
	}
}

// observe is run before the page's own scripts: it notes the first frame in
// which ready holds, how much moved until then, and how long each input took
// from the hand to the screen.
const observe = `(() => {
	const seen = window.seen = {readyAt: 0, paint: 0, shift: 0, inputs: []};
	new PerformanceObserver((l) => { for (const e of l.getEntries()) if (e.name === "first-contentful-paint") seen.paint = e.startTime; }).observe({type: "paint", buffered: true});
	new PerformanceObserver((l) => { for (const e of l.getEntries()) if (!e.hadRecentInput) seen.shift += e.value; }).observe({type: "layout-shift", buffered: true});
	new PerformanceObserver((l) => { for (const e of l.getEntries()) if (e.interactionId || e.name === "pointermove") seen.inputs.push({name: e.name, duration: e.duration, busy: e.processingEnd - e.processingStart}); }).observe({type: "event", buffered: true, durationThreshold: 16});
	const ready = () => %s;
	const look = () => { let is = false; try { is = ready(); } catch { is = false; } if (is) seen.readyAt = performance.now(); else requestAnimationFrame(look); };
	requestAnimationFrame(look);
})()`

type seen struct {
	ReadyAt, Paint, Shift float64
	Inputs                []struct {
		Name           string
		Duration, Busy float64
	}
}

// TestHowFastPagesAreAt100000Trials measures, and tells, what the browser itself
// saw of each page of a sweep of 100,000 trials: the first look after a start of
// the service and a later one, in milliseconds from the navigation to the first
// frame that shows what the page is for; how long its main thread computed; and
// for what a reader does there, how long it took until it was on the screen. It
// runs with TOURNEY_BIG=1 and holds no page against a time: see make bench-pages.
func TestHowFastPagesAreAt100000Trials(t *testing.T) {
	if os.Getenv("TOURNEY_BIG") != "1" {
		t.Skip("TOURNEY_BIG=1 measures the pages at 100,000 trials")
	}
	r := views(t, 100_000)
	click := func(selector string) func(context.Context) {
		return func(ctx context.Context) { do(t, ctx, chromedp.Click(selector)) }
	}
	drag := func(ctx context.Context) {
		box := eval[[]float64](t, ctx, `(() => { const b = document.querySelectorAll(".axis-line")[1].getBoundingClientRect(); return [b.x + b.width / 2, b.y, b.height] })()`)
		do(t, ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMousePressed, box[0], box[1]+0.9*box[2], chromedp.ButtonLeft, chromedp.ClickCount(1)))
		for i := range 20 {
			do(t, ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, box[0], box[1]+(0.9-0.03*float64(i))*box[2], chromedp.ButtonLeft))
		}
		do(t, ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseReleased, box[0], box[1]+0.3*box[2], chromedp.ButtonLeft, chromedp.ClickCount(1)))
	}
	hover := func(ctx context.Context) {
		for i := range 40 {
			do(t, ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, 300+20*float64(i), 500+5*float64(i%10)))
		}
	}
	acts := map[string][]func(context.Context){
		"":            {click(".segments button:nth-child(2)"), click(".board .more button")},
		"/board":      {click(".full-board thead th:nth-child(3) button"), click(".full-board .pin"), click(".menu summary")},
		"/bracket":    {click(".bracket .segments button:nth-child(2)")},
		"/parallel":   {hover, drag, click(".segments button:nth-child(2)")},
		"/importance": {hover, click(".segments button:nth-child(2)")},
		"/curves":     {hover, click(".segments button:nth-child(2)")},
		"/timeline":   {hover, click(".segments button:nth-child(2)")},
	}
	for _, view := range tabsReady {
		for _, look := range []string{"first look", "later look"} {
			ctx := tab(t)
			call(t, ctx, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: fmt.Sprintf(observe, view.ready)})
			call(t, ctx, performance.Enable, performance.EnableParams{TimeDomain: performance.EnableTimeDomainThreadTicks})
			service := worked(t)
			do(t, ctx, chromedp.EmulateViewport(1440, 1000), chromedp.Navigate(r.base+"/sweeps/s"+view.tab))
			until(t, ctx, `window.seen.readyAt > 0`)
			loaded := busy(t, ctx)
			service = worked(t) - service
			before := loaded
			for _, act := range acts[view.tab] {
				act(ctx)
				eval[bool](t, ctx, `window.framed = false; requestAnimationFrame(() => requestAnimationFrame(() => { window.framed = true; })); true`)
				until(t, ctx, `window.framed && document.querySelector(".loading") === null`)
			}
			got := eval[seen](t, ctx, `window.seen`)
			worst, longest := 0.0, 0.0
			name := ""
			for _, in := range got.Inputs {
				if in.Duration > worst {
					worst, name = in.Duration, in.Name
				}
				longest = max(longest, in.Busy)
			}
			t.Logf("%-11s %s: first paint %4.0f ms, ready %4.0f ms, the page computed %4.0f ms of it and the service %4.0f ms, shifted %.3f; %d inputs, the slowest %3.0f ms to the screen (%s), its handler %3.0f ms; %d acts computed %4.0f ms",
				strings.TrimPrefix(view.tab, "/"), look, got.Paint, got.ReadyAt, 1000*loaded, service.Seconds()*1000, got.Shift, len(got.Inputs), worst, name, longest, len(acts[view.tab]), 1000*(busy(t, ctx)-before))
			if got.Shift > 0.1 {
				t.Errorf("%q: what a reader looks at moves: a layout shift of %.3f", view.tab, got.Shift)
			}
		}
	}
}

// worked returns the processor time that this process, which is the service, has had.
func worked(t *testing.T) time.Duration {
	t.Helper()
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		t.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}

// busy returns for how many seconds of processor time the page's main thread has worked.
func busy(t *testing.T, ctx context.Context) float64 {
	t.Helper()
	for _, m := range call(t, ctx, performance.GetMetrics, cdp.Empty{}).Metrics {
		if m.Name == "TaskDuration" {
			return m.Value
		}
	}
	t.Fatal("the browser does not tell how long it has worked")
	return 0
}
