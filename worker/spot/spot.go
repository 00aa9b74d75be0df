package spot

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tourney"
)

// Notice is what a cloud says.
type Notice struct {
	Warning bool // it may happen; otherwise the machine goes for sure, and soon
	Why     string
}

// Cloud is one that may take this machine away.
type Cloud interface {
	// Machine says what the machine is, as far as the cloud tells.
	Machine(ctx context.Context) tourney.Machine
	// Watch tells of notices until ctx is done, or the machine goes for sure:
	// each warning once.
	Watch(ctx context.Context, tell func(Notice))
}

// Options say where to look.
type Options struct {
	URL  string        // of the metadata service; empty: where the cloud has it
	DMI  string        // directory of the firmware's strings; empty: Linux's
	Poll time.Duration // between looks; 0: five seconds
	Log  *slog.Logger
}

// Names lists what Find takes.
func Names() []string { return []string{"auto", "aws", "gcp", "azure", "off"} }

// Find returns the cloud of a name; auto is the one that this machine is in, if
// any. It returns nil if there is none to watch, and a *tourney.InvalidError for
// a name that there is not. It asks nobody.
func Find(name string, o Options) (Cloud, error) {
	if !slices.Contains(Names(), name) {
		return nil, tourney.Invalid("spot", "%q must be one of %s", name, strings.Join(Names(), ", "))
	}
	if name == "auto" {
		name = firmware(o.DMI)
	}
	if o.Poll <= 0 {
		o.Poll = 5 * time.Second
	}
	switch name {
	case "aws":
		return &aws{client: newClient(o, "http://169.254.169.254")}, nil
	case "gcp":
		return &gcp{client: newClient(o, "http://169.254.169.254")}, nil
	case "azure":
		return &azure{client: newClient(o, "http://169.254.169.254")}, nil
	case "kubernetes":
		return pod{}, nil
	}
	return nil, nil
}

// azureTag is the asset tag of the chassis of every machine in Azure.
const azureTag = "7783-7084-3265-9085-8269-3286-77"

// firmware returns which cloud the firmware's strings name, else kubernetes in a
// pod, else nothing.
func firmware(dir string) string {
	if dir == "" {
		dir = "/sys/class/dmi/id"
	}
	read := func(name string) string {
		text, _ := os.ReadFile(filepath.Join(dir, name)) // absent on other systems
		return strings.TrimSpace(string(text))
	}
	vendor, product := read("sys_vendor"), read("product_name")
	switch {
	case strings.HasPrefix(vendor, "Amazon EC2"), strings.Contains(strings.ToLower(read("product_version")), "amazon"):
		return "aws"
	case product == "Google Compute Engine" || vendor == "Google":
		return "gcp"
	case read("chassis_asset_tag") == azureTag:
		return "azure"
	case os.Getenv("KUBERNETES_SERVICE_HOST") != "":
		return "kubernetes"
	}
	return ""
}

// pod is a pod whose cloud is not known. Its notice is SIGTERM.
type pod struct{}

// Machine implements Cloud.
func (pod) Machine(context.Context) tourney.Machine { return tourney.Machine{Cloud: "kubernetes"} }

// Watch implements Cloud.
func (pod) Watch(ctx context.Context, _ func(Notice)) { <-ctx.Done() }

// Bounds of what is waited for and read.
const (
	answerWait = time.Second // of a service on this very host
	maxBody    = 1 << 20
)

// client asks a metadata service.
type client struct {
	base string
	poll time.Duration
	http *http.Client
	log  *slog.Logger
}

func newClient(o Options, base string) *client {
	if o.URL != "" {
		base = strings.TrimRight(o.URL, "/")
	}
	log := o.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &client{base: base, poll: o.Poll, log: log, http: &http.Client{
		// No proxy: the service is on this host, and what it says is for it alone.
		Transport:     &http.Transport{DialContext: (&net.Dialer{Timeout: answerWait}).DialContext, MaxIdleConns: 2},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// statusError is an answer other than 200.
type statusError int

// Error implements error.
func (e statusError) Error() string {
	return fmt.Sprintf("the metadata service answers %d %s", int(e), http.StatusText(int(e)))
}

// isStatus reports whether err is an answer of that status.
func isStatus(err error, status int) bool {
	var e statusError
	return errors.As(err, &e) && int(e) == status
}

// do asks and returns the body of a 200, waiting at most so long for all of it.
func (c *client) do(ctx context.Context, wait time.Duration, method, path string, header ...string) (body string, head http.Header, err error) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, http.NoBody)
	if err != nil {
		return "", nil, fmt.Errorf("ask the metadata service: %w", err)
	}
	for pair := range slices.Chunk(header, 2) {
		req.Header.Set(pair[0], pair[len(pair)-1])
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return "", nil, fmt.Errorf("ask the metadata service: %w", err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	switch {
	case err != nil:
		return "", nil, fmt.Errorf("read the metadata service's answer: %w", err)
	case resp.StatusCode != http.StatusOK:
		return "", nil, statusError(resp.StatusCode)
	}
	return strings.TrimSpace(string(text)), resp.Header, nil
}

// troubleAt is how many looks in a row fail before that is told.
const troubleAt = 3

// look calls f every poll, and after a failure less often, until it returns
// true or ctx is done.
func (c *client) look(ctx context.Context, f func(context.Context) (done bool, err error)) {
	failures := 0
	for {
		done, err := f(ctx)
		if done || ctx.Err() != nil {
			return
		}
		wait := c.poll
		if err == nil {
			failures = 0
		} else {
			failures++
			if failures == troubleAt {
				c.log.Warn("the cloud's notices cannot be read; trying on", "error", err)
			}
			if failures > troubleAt { // it may be closed to this process, as to a pod
				wait = min(c.poll*time.Duration(failures), time.Minute)
			}
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// warner tells each warning once.
type warner struct {
	tell func(Notice)
	told map[string]bool
}

func newWarner(tell func(Notice)) *warner { return &warner{tell, map[string]bool{}} }

func (w *warner) warn(why string) {
	if !w.told[why] {
		w.told[why] = true
		w.tell(Notice{Warning: true, Why: why})
	}
}
