// Package webhook hides how somebody outside is told of a sweep's end: by a
// signed POST to a host that the server's configuration lists, at a public
// address, without redirects.
package webhook

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tourney"
)

const (
	dialWithin   = 10 * time.Second
	answerWithin = 15 * time.Second
)

// The headers of a notice. The signature is "t=SECONDS,v1=HEX", where HEX is the
// HMAC-SHA256 of SECONDS, a dot and the body, keyed with the secret.
const (
	HeaderID        = "Tourney-Notice"
	HeaderSignature = "Tourney-Signature"
)

// MinSecret is the least length of a secret, in bytes.
const MinSecret = 16

// Config says to whom notices go.
type Config struct {
	Secret []byte   // at least MinSecret bytes
	Hosts  []string // that may be told: HOST, or HOST:PORT
	// Allowed tells which addresses may be connected to: those of the public
	// internet, but in tests.
	Allowed func(netip.Addr) bool
	Now     func() time.Time // nil: time.Now
}

// Sender sends notices. Its methods may be called from many goroutines.
type Sender struct {
	cfg    Config
	client *http.Client
}

// New returns a sender, or a *tourney.InvalidError if the configuration cannot
// be.
func New(cfg Config) (*Sender, error) {
	if len(cfg.Secret) < MinSecret {
		return nil, tourney.Invalid("webhook-secret-file", "the secret has %d bytes; at least %d are needed, as openssl rand -hex 32 gives them", len(cfg.Secret), MinSecret)
	}
	for i, host := range cfg.Hosts {
		u, err := url.Parse("//" + host)
		if err != nil || u.Host != host || u.Hostname() == "" {
			return nil, tourney.Invalid("allow-webhook-host", "%q is no host: give HOST or HOST:PORT", host)
		}
		cfg.Hosts[i] = strings.ToLower(host)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	s := &Sender{cfg: cfg}
	dialer := &net.Dialer{Timeout: dialWithin, Control: func(_, address string, _ syscall.RawConn) error {
		// The address is the one that the connection is made to, after DNS.
		at, err := netip.ParseAddrPort(address)
		if err != nil {
			return fmt.Errorf("%w: no address: %q", tourney.ErrRefused, address)
		}
		if !cfg.Allowed(at.Addr()) {
			return fmt.Errorf("%w: its address %s is not a public one", tourney.ErrRefused, at.Addr())
		}
		return nil
	}}
	s.client = &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSHandshakeTimeout: dialWithin, ResponseHeaderTimeout: answerWithin,
			MaxResponseHeaderBytes: 64 << 10, DisableCompression: true, DisableKeepAlives: true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s, nil
}

// Check returns a *tourney.InvalidError if the host of an address is not listed.
func (s *Sender) Check(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return tourney.Invalid("webhook", "is no URL")
	}
	name := strings.ToLower(strings.TrimSuffix(u.Hostname(), "."))
	port := u.Port()
	if port != "" && slices.Contains(s.cfg.Hosts, net.JoinHostPort(name, port)) {
		return nil
	}
	usual := port == "" || u.Scheme == "https" && port == "443" || u.Scheme == "http" && port == "80"
	if usual && slices.Contains(s.cfg.Hosts, name) {
		return nil
	}
	return tourney.Invalid("webhook", "the server tells nobody at %s; it would with --allow-webhook-host %s", u.Host, u.Host)
}

// Send posts a notice once. It returns nil if the answer is a 2xx,
// tourney.ErrRefused if the notice will never be taken (the host is listed no
// more, the address is not public, the answer is 410 Gone), and
// tourney.ErrUnavailable otherwise.
func (s *Sender) Send(ctx context.Context, n tourney.Notice) error {
	if err := s.Check(n.URL); err != nil {
		return fmt.Errorf("%w: %w", tourney.ErrRefused, err)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, n.URL, bytes.NewReader(n.Body))
	if err != nil {
		return fmt.Errorf("%w: the address cannot be asked", tourney.ErrRefused)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "tourney")
	req.Header.Set(HeaderID, n.ID)
	req.Header.Set(HeaderSignature, s.Sign(n.Body))
	resp, err := s.client.Do(req)
	if err != nil {
		if errors.Is(err, tourney.ErrRefused) {
			return fmt.Errorf("send notice: %w", errors.Unwrap(err))
		}
		return fmt.Errorf("send notice: %w: %w", tourney.ErrUnavailable, errors.Unwrap(err))
	}
	_, _ = io.CopyN(io.Discard, resp.Body, 4096) // what it says is not looked at
	_ = resp.Body.Close()
	switch {
	case resp.StatusCode >= 200 && resp.StatusCode < 300:
		return nil
	case resp.StatusCode == http.StatusGone:
		return fmt.Errorf("send notice: %w: it answers %s", tourney.ErrRefused, resp.Status)
	}
	return fmt.Errorf("send notice: %w: it answers %s", tourney.ErrUnavailable, resp.Status)
}

// Sign returns the signature of a body as of now.
func (s *Sender) Sign(body []byte) string {
	at := strconv.FormatInt(s.cfg.Now().Unix(), 10)
	mac := hmac.New(sha256.New, s.cfg.Secret)
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return "t=" + at + ",v1=" + hex.EncodeToString(mac.Sum(nil))
}
