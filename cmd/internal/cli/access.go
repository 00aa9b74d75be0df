package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"

	"github.com/spf13/cobra"

	"tourney/api/client"
)

// Access is how a server is reached: where it is, and what lets one in.
type Access struct {
	Server string // URL
	Token  string // empty: none
	CA     string // file with the certificates that the server's may be signed by; empty: those of the system

	Dial func(ctx context.Context, network, addr string) (net.Conn, error) // nil: by the network
}

// ServerFlags adds the flags of commands that talk to a server.
func ServerFlags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.String("server", "http://127.0.0.1:8080", "URL of the server")
	f.String("token", "", "token that the server asks for; rather put it into TOURNEY_TOKEN, which other users of this machine cannot see")
	f.String("ca", "", "file with the certificate of the authority that signed the server's, as tourney tls init makes it")
}

// AccessOf reads the flags of ServerFlags.
func AccessOf(cmd *cobra.Command) Access {
	var a Access
	a.Server, _ = cmd.Flags().GetString("server")
	a.Token, _ = cmd.Flags().GetString("token")
	a.CA, _ = cmd.Flags().GetString("ca")
	return a
}

// Client returns a client of the server. What is wrong with the flags was told before any
// command has run, by checkAccess.
func (a Access) Client() *client.Client {
	hc, err := a.HTTP()
	if err != nil {
		hc = &http.Client{Transport: broken{err}}
	}
	return client.New(a.Server, hc)
}

// checkAccess returns what is wrong with the flags of ServerFlags, if a command
// has them.
func checkAccess(cmd *cobra.Command) error {
	if cmd.Flags().Lookup("ca") == nil {
		return nil
	}
	_, err := AccessOf(cmd).HTTP()
	return err
}

// broken is a way to no server.
type broken struct{ err error }

// RoundTrip implements http.RoundTripper.
func (b broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, b.err }

// HTTP returns an HTTP client that brings the token to the server, and to
// nobody else.
func (a Access) HTTP() (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one
	if a.Dial != nil {
		transport.DialContext, transport.Proxy = a.Dial, nil
	}
	config, err := a.TLS()
	if err != nil {
		return nil, err
	}
	transport.TLSClientConfig = config
	if a.Token == "" {
		return &http.Client{Transport: transport}, nil
	}
	u, err := url.Parse(a.Server)
	if err != nil || u.Host == "" {
		if u, err = url.Parse("http://" + a.Server); err != nil {
			return nil, usage{fmt.Errorf("--server %s: %w", a.Server, err)}
		}
	}
	if u.Scheme == "http" && !IsLoopback(net.JoinHostPort(u.Hostname(), "80")) {
		return nil, usage{errors.New("--server is http, over which anybody on the way could read the token; use https")}
	}
	return &http.Client{Transport: &bearer{transport, u.Host, a.Token}}, nil
}

// TLS returns how the server, and its bus, prove who they are.
func (a Access) TLS() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.CA == "" {
		return config, nil
	}
	pem, err := os.ReadFile(a.CA)
	if err != nil {
		return nil, usage{fmt.Errorf("--ca: %w", err)}
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, usage{fmt.Errorf("--ca %s: holds no certificate; give the ca.pem that tourney tls init has made", a.CA)}
	}
	return config, nil
}

// bearer adds a token to requests to one host.
type bearer struct {
	next        http.RoundTripper
	host, token string
}

// RoundTrip implements http.RoundTripper.
func (b *bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == b.host {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	return b.next.RoundTrip(r)
}

// IsLoopback reports whether HOST:PORT is an address of this machine alone, or
// none at all.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return true // who listens there says what is wrong with it
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
