package intake

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path"
	"strings"
	"syscall"
	"time"

	"tourney"
	"tourney/api"
	"tourney/blob/cloud"
)

const (
	dialWithin   = 10 * time.Second
	answerWithin = 30 * time.Second // the header of an answer, or its next bytes
	maxRedirects = 5
)

// host is one that the configuration lists.
type host struct {
	scheme string // s3 or gs; empty: http and https
	name   string // in lower case, with a port if one was given
	query  string // of a bucket: what is added to its URL
}

func parseHosts(list []string) ([]host, error) {
	hosts := make([]host, len(list))
	for i, text := range list {
		bad := tourney.Invalid("allow-url-host", "%q is no host: give HOST, HOST:PORT, s3://BUCKET or gs://BUCKET", text)
		if cloud.IsURL(text) {
			u, err := url.Parse(text)
			if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" {
				return nil, bad
			}
			hosts[i] = host{u.Scheme, u.Host, u.RawQuery}
			continue
		}
		u, err := url.Parse("//" + text)
		if err != nil || u.Host != text || u.Hostname() == "" {
			return nil, bad
		}
		hosts[i] = host{name: strings.ToLower(text)}
	}
	return hosts, nil
}

// allow checks a URL by its words, and returns it as it is to be opened.
func (d *Desk) allow(u *url.URL) (*url.URL, error) {
	scheme := u.Scheme
	switch scheme {
	case "http", "https":
		scheme = ""
	case "s3", "gs":
		if u.RawQuery != "" {
			return nil, refusef("the URL of a bucket has no parameters here; they belong to --allow-url-host")
		}
	default:
		return nil, tourney.Invalid("source.url", "its scheme is %q; http, https, s3 or gs is needed", u.Scheme)
	}
	if u.User != nil {
		return nil, refusef("a URL with credentials")
	}
	for _, h := range d.hosts {
		if h.scheme != scheme {
			continue
		}
		name := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
		switch {
		case scheme != "" && h.name == u.Host:
			full := *u
			full.RawQuery = h.query
			return &full, nil
		case scheme == "" && h.name == net.JoinHostPort(name, u.Port()), scheme == "" && h.name == name+":"+u.Port(),
			scheme == "" && u.Port() == "" && (h.name == name || h.name == "["+name+"]"):
			return u, nil
		}
	}
	return nil, refusef("%s is not among the hosts from which this server reads tables; start it with --allow-url-host %s", u.Host, u.Host)
}

// fetchURL copies the file at a URL.
func (d *Desk) fetchURL(ctx context.Context, text string, tell func(api.Progress)) ([]api.File, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return nil, tourney.Invalid("source.url", "is no URL")
	}
	if u, err = d.allow(u); err != nil {
		return nil, err
	}
	name := path.Base(u.Path)
	if name == "/" || name == "." {
		name = u.Hostname()
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var body io.ReadCloser
	var size int64
	if cloud.IsURL(u.String()) {
		body, size, err = cloud.OpenObject(ctx, u.String())
	} else {
		body, size, err = d.get(ctx, u)
	}
	if err != nil {
		return nil, err
	}
	defer body.Close()
	if size > d.cfg.MaxBytes {
		return nil, tourney.Invalid("source.url", "the file has %d bytes; at most %d are taken", size, d.cfg.MaxBytes)
	}
	moving := &moving{r: body, stop: time.AfterFunc(answerWithin, func() {
		cancel(fmt.Errorf("read %s: %w: it sent nothing for %v", u.Host, tourney.ErrUnavailable, answerWithin))
	})}
	defer moving.stop.Stop()
	got := d.newFetched(max(0, size), tell)
	err = got.add(ctx, name, moving)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		err = cause
	}
	return got.end(err)
}

// get asks a host that is allowed for a file.
func (d *Desk) get(ctx context.Context, u *url.URL) (io.ReadCloser, int64, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, 0, tourney.Invalid("source.url", "is no URL")
	}
	req.Header.Set("User-Agent", "tourney")
	resp, err := d.client.Do(req)
	if err != nil {
		var known *tourney.InvalidError
		switch {
		case ctx.Err() != nil:
			return nil, 0, context.Cause(ctx)
		case errors.As(err, &known):
			return nil, 0, known
		case errors.Is(err, tourney.ErrRefused):
			return nil, 0, refusef("%s: %w", u.Host, errors.Unwrap(err))
		}
		return nil, 0, fmt.Errorf("read %s: %w: %w", u.Host, tourney.ErrUnavailable, errors.Unwrap(err))
	}
	if resp.StatusCode != http.StatusOK {
		bad := tourney.Invalid("source.url", "%s answers %s", u.Host, resp.Status)
		return nil, 0, errors.Join(bad, resp.Body.Close())
	}
	return resp.Body, resp.ContentLength, nil
}

// newClient returns a client that connects to addresses that are allowed, and
// follows redirects to hosts that are. It takes no proxy from the environment,
// behind which addresses would be anybody's guess.
func (d *Desk) newClient(allowed func(netip.Addr) bool) *http.Client {
	dialer := &net.Dialer{Timeout: dialWithin, Control: func(_, address string, _ syscall.RawConn) error {
		// The address is the one that the connection is made to.
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return refusef("no address: %q", address)
		}
		if !allowed(at.Addr()) {
			return refusef("its address %s is not a public one", at.Addr())
		}
		return nil
	}}
	return &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: dialWithin, ResponseHeaderTimeout: answerWithin,
			MaxResponseHeaderBytes: 64 << 10, DisableCompression: true, DisableKeepAlives: true,
		},
		CheckRedirect: func(req *http.Request, via []*http.Request) error {
			switch before := via[len(via)-1].URL; {
			case len(via) > maxRedirects:
				return tourney.Invalid("source.url", "it redirects more than %d times", maxRedirects)
			case before.Scheme == "https" && req.URL.Scheme != "https":
				return refusef("it redirects from https to %s", req.URL.Scheme)
			case req.URL.Scheme != "http" && req.URL.Scheme != "https":
				return refusef("it redirects to %s", req.URL.Scheme)
			}
			_, err := d.allow(req.URL)
			return err
		},
	}
}

// moving puts off the end as long as bytes come.
type moving struct {
	r    io.Reader
	stop *time.Timer
}

func (m *moving) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if n > 0 {
		m.stop.Reset(answerWithin)
	}
	return n, err
}
