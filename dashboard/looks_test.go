package dashboard_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"tourney"
)

// media makes the system's theme light or dark for a tab.
func media(scheme string) chromedp.Action[chromedp.Void] {
	return chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	})
}

// lowestContrast is the smallest contrast (WCAG 2.2) of a text colour of the
// theme on any ground that text stands on.
const lowestContrast = `(() => {
  const probe = document.body.appendChild(document.createElement("i"));
  const light = (name) => {
    probe.style.color = "var(" + name + ")";
    const [r, g, b] = getComputedStyle(probe).color.match(/\d+/g).map((c) => c / 255)
      .map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const pairs = ["--ink", "--ink-2", "--accent"].flatMap((t) => ["--bg", "--surface", "--accent-soft"].map((g) => [t, g]));
  pairs.push(["--bad", "--surface"], ["--bad", "--bad-soft"], ["--bad", "--bg"], ["--on-accent", "--accent"]);
  const lowest = Math.min(...pairs.map(([t, g]) => contrast(t, g)));
  probe.remove();
  return lowest;
})()`

// tooSmall lists the buttons that are below the 24 pixels of WCAG 2.2.
const tooSmall = `[...document.querySelectorAll("button, .button")]
  .filter((b) => b.checkVisibility() && b.getBoundingClientRect().height < 24)
  .map((b) => b.innerText)`

// screenshot waits for the page to be drawn and writes what it shows to a file.
func screenshot(t *testing.T, ctx context.Context, path string) {
	t.Helper()
	until(t, ctx, `[...document.querySelectorAll(".plot")].every((p) => p.querySelector(".uplot").offsetWidth === p.clientWidth)`)
	shot, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, shot, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestThemesAndSizes looks at both pages in both themes from 360 to 2560
// pixels. With TOURNEY_SHOTS=DIR it leaves its screenshots there.
func TestThemesAndSizes(t *testing.T) {
	t.Parallel()
	f, base := newFake(t)
	now := time.Now()
	fill(f, now)
	shots := os.Getenv("TOURNEY_SHOTS")
	grounds := map[string]string{}
	for _, scheme := range []string{"light", "dark"} {
		ctx := tab(t)
		do(t, ctx, media(scheme))
		for _, page := range []struct{ name, path, ready string }{
			{"list", "/", `document.querySelectorAll(".sweeps tbody tr").length === 6`},
			{"sweep", "/sweeps/01f", `document.querySelectorAll(".board tbody tr").length > 50 && document.querySelector(".plot canvas") !== null`},
		} {
			do(t, ctx, chromedp.EmulateViewport(360, 740), chromedp.Navigate(base+page.path))
			until(t, ctx, page.ready)
			for _, size := range [][2]int64{{2560, 1300}, {1920, 1080}, {1440, 1000}, {1280, 800}, {800, 1000}, {390, 844}, {360, 740}} {
				do(t, ctx, chromedp.EmulateViewport(size[0], size[1]))
				where := fmt.Sprintf("%s-%s-%d", page.name, scheme, size[0])
				until(t, ctx, fmt.Sprintf(`innerWidth === %d && document.documentElement.scrollWidth <= innerWidth`, size[0]))
				if small := eval[[]string](t, ctx, tooSmall); len(small) > 0 {
					t.Errorf("%s: too small to hit: %v", where, small)
				}
				if shots != "" {
					screenshot(t, ctx, filepath.Join(shots, where+".png"))
				}
			}
		}
		grounds[scheme] = eval[string](t, ctx, `getComputedStyle(document.documentElement).backgroundColor`)
		if got := eval[float64](t, ctx, lowestContrast); got < 4.5 {
			t.Errorf("%s: a text has a contrast of %.2f, want at least 4.5", scheme, got)
		}
		// The button turns to the other theme, and the choice outlives the page.
		do(t, ctx, chromedp.Click(".icon-button"), chromedp.Reload(), chromedp.WaitVisible(".icon-button"))
		if turned := eval[string](t, ctx, `getComputedStyle(document.documentElement).backgroundColor`); turned == grounds[scheme] {
			t.Errorf("%s: the theme button changed nothing", scheme)
		}
	}
	if grounds["light"] == grounds["dark"] {
		t.Errorf("light and dark are both %s", grounds["light"])
	}
}

// fill makes a list with a sweep in each state, the newest a tournament that runs.
func fill(f *fake, now time.Time) {
	for i, other := range []struct {
		name, dataset string
		state         tourney.SweepState
		reason        string
		ago           time.Duration
		jobs          int
	}{
		{"digits-baseline", "digits", tourney.SweepCompleted, "", 26 * time.Hour, 160},
		{"housing-ridge", "california_housing", tourney.SweepFailed, "dataset california_housing: shard 3 never matched its hash", 8 * time.Hour, 30},
		{"churn-wide", "telco_churn", tourney.SweepCancelled, "", 5 * time.Hour, 70},
		{"digits-momentum", "digits", tourney.SweepPaused, "", 100 * time.Minute, 90},
		{"adult-income-l2-and-learning-rate", "adult", tourney.SweepCompleted, "", 31 * time.Minute, 165},
	} {
		id := fmt.Sprintf("01%c", 'a'+i)
		spec := digitsSpec(other.name)
		spec.Dataset, spec.Seed = other.dataset, uint64(i)
		start := now.Add(-other.ago)
		f.add(id, spec, start)
		play(f, id, spec, start, other.jobs, 3*time.Second)
		f.turn(id, other.state, other.reason, start.Add(10*time.Minute))
	}
	start := now.Add(-7*time.Minute - 12*time.Second)
	f.add("01f", digitsSpec("digits-linear"), start)
	play(f, "01f", digitsSpec("digits-linear"), start, 118, 3600*time.Millisecond)
}
