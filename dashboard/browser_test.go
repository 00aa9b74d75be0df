package dashboard_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// launched is the one browser of this package's tests; each test has a tab of
// its own, without cookies or storage of others.
var launched struct {
	sync.Mutex
	ctx  context.Context
	stop func()
}

func TestMain(m *testing.M) {
	code := m.Run()
	if launched.stop != nil {
		launched.stop()
	}
	os.Exit(code)
}

// findBrowser returns the path of a Chromium, or fails the test with what to do.
func findBrowser(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatal("the dashboard is tested in a browser and there is none; install it:\n\tapt-get install -y chromium\nor set TOURNEY_NO_BROWSER=1 to leave these tests out")
	return ""
}

// launch returns the browser, started by whoever asks first.
func launch(t *testing.T) context.Context {
	t.Helper()
	path := findBrowser(t)
	launched.Lock()
	defer launched.Unlock()
	if launched.ctx != nil {
		return launched.ctx
	}
	profile, err := os.MkdirTemp("", "tourney-browser-")
	if err != nil {
		t.Fatal(err)
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(profile))
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stopBrowser := chromedp.NewContext(allocator)
	stop := func() {
		stopBrowser()
		stopAllocator()
		_ = os.RemoveAll(profile)
	}
	if err := chromedp.Do(ctx); err != nil {
		stop()
		t.Fatalf("start the browser %s: %v", path, err)
	}
	launched.ctx, launched.stop = ctx, stop
	return ctx
}

// tab opens a tab. The test fails if the page throws, or logs a warning or an
// error that does not contain one of the tolerated texts.
func tab(t *testing.T, tolerated ...string) context.Context {
	t.Helper()
	if os.Getenv("TOURNEY_NO_BROWSER") == "1" {
		t.Skip("TOURNEY_NO_BROWSER=1: the dashboard is not tested in a browser")
	}
	ctx, closeTab := chromedp.NewContext(launch(t), chromedp.WithNewBrowserContext())
	limited, cancel := context.WithTimeout(ctx, 5*time.Minute)
	messages := chromedp.Console(ctx)
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		for message, err := range messages {
			if err != nil {
				return
			}
			bad := message.Type == chromedp.ConsoleError || message.Type == chromedp.ConsoleWarning || message.Type == chromedp.ConsoleException
			if bad && !slices.ContainsFunc(tolerated, func(text string) bool { return strings.Contains(message.Text, text) }) {
				t.Errorf("the page says: %s: %s %s", message.Type, message.Text, message.URL)
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		closeTab()
		<-heard
	})
	return limited
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

// eval returns the value of a JavaScript expression in the page.
func eval[T any](t *testing.T, ctx context.Context, expression string) T {
	t.Helper()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// until waits for a JavaScript expression to become true.
func until(t *testing.T, ctx context.Context, expression string) {
	t.Helper()
	poll := func() error {
		_, err := chromedp.Run(ctx, chromedp.Poll[bool](expression, chromedp.WithPollingTimeout(40*time.Second)))
		return err
	}
	err := poll()
	for err != nil && strings.Contains(err.Error(), "Cannot find context") { // another page came meanwhile
		err = poll()
	}
	if err != nil {
		shown, _ := chromedp.Run(ctx, chromedp.Evaluate[string]("document.body.innerText"))
		t.Fatalf("never true: %s: %v\nthe page:\n%s", expression, err, shown)
	}
}

// texts returns what the elements of a selector show.
func texts(t *testing.T, ctx context.Context, selector string) []string {
	t.Helper()
	return eval[[]string](t, ctx, fmt.Sprintf("[...document.querySelectorAll(%q)].map((e) => e.innerText.trim())", selector))
}

// order returns the numbers of the trials on the board, from the top.
const order = `[...document.querySelectorAll(".board tbody tr")].map((row) => Number(row.dataset.trial))`

// boardOf returns the same as the service's own order has it.
func (f *fake) boardOf(id string) []int {
	f.mu.Lock()
	defer f.mu.Unlock()
	var numbers []int
	for _, trial := range f.board(id) {
		numbers = append(numbers, trial.Number)
	}
	return numbers
}
