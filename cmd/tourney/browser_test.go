package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"tourney"
)

// browse opens a page in a real browser of its own.
func browse(t *testing.T, url string) context.Context {
	t.Helper()
	if os.Getenv("TOURNEY_NO_BROWSER") == "1" {
		t.Skip("TOURNEY_NO_BROWSER=1: the dashboard is not looked at in a browser")
	}
	path := ""
	for _, name := range []string{"google-chrome", "chromium-browser", "chromium"} {
		if p, err := exec.LookPath(name); err == nil {
			path = p
		}
	}
	if path == "" {
		t.Fatal("the dashboard is looked at in a browser and there is none; install it:\n\tapt-get install -y chromium")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.WindowSize(1440, 1150))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute) // of a machine that does other things as well
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	if err := chromedp.Do(ctx, chromedp.Navigate(url)); err != nil {
		t.Fatal(err)
	}
	return ctx
}

// shown waits until the page shows that an expression is true.
func shown(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	poll := func() error {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(60*time.Second)))
		return err
	}
	err := poll()
	for err != nil && strings.Contains(err.Error(), "Cannot find context") { // another page came meanwhile
		err = poll()
	}
	if err != nil {
		text, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
		t.Fatalf("the page never shows %s: %v\n%s", expression, err, text)
	}
}

// shoot keeps a picture of the page where TOURNEY_SHOTS says.
func shoot(t *testing.T, ctx context.Context, name string) {
	t.Helper()
	dir := os.Getenv("TOURNEY_SHOTS")
	if dir == "" {
		return
	}
	png, err := chromedp.Run(ctx, chromedp.CaptureScreenshot())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, name+".png"), png, 0o600); err != nil {
		t.Fatal(err)
	}
}

// The dashboard of a real server follows a real sweep live, in a real browser,
// to its end, where its board is the one of the API.
func TestDashboardFollowsASweep(t *testing.T) {
	up := start(t, "up", "--addr", "127.0.0.1:0", "--data-dir", dir(t))
	url := up.url()
	ctx := browse(t, url+"/")
	shown(t, ctx, `document.body.innerText.includes("tourney run")`) // what to do when there is nothing
	id := strings.TrimSpace(must(t, "sweep", "create", digits, "--server", url))
	shown(t, ctx, fmt.Sprintf(`document.querySelector('[data-sweep="%s"]') !== null`, id))
	if err := chromedp.Do(ctx, chromedp.Navigate(url+"/sweeps/"+id)); err != nil {
		t.Fatal(err)
	}
	shown(t, ctx, `document.querySelectorAll(".board tbody tr").length >= 40`)
	shoot(t, ctx, "live")
	shown(t, ctx, `document.querySelector("h1 ~ [data-state=completed], [data-state=completed].badge") !== null`)
	shown(t, ctx, `/sealed test rows/i.test(document.querySelector(".champion").textContent) && /accuracy/.test(document.querySelector(".champion .sealed").textContent)`)
	shoot(t, ctx, "completed")
	var board struct{ Items []tourney.Trial }
	if !get(t.Context(), url+"/api/v1/sweeps/"+id+"/leaderboard?limit=5", &board) {
		t.Fatal("the API has no leaderboard")
	}
	for i, trial := range board.Items {
		shown(t, ctx, fmt.Sprintf(`document.querySelectorAll(".board tbody tr")[%d].dataset.trial === "%d"`, i, trial.Number))
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(url+"/sweeps/"+id+"/bracket")); err != nil {
		t.Fatal(err)
	}
	shown(t, ctx, fmt.Sprintf(`document.querySelector(".seat.won")?.getAttribute("href") === "/sweeps/%s/trials/%d"`, id, board.Items[0].Number))
	shoot(t, ctx, "bracket")
}
