package main

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

// access is how a server is reached: where it is, and what lets one in.
type access struct {
	server string // URL
	token  string // empty: none
	ca     string // file with the certificates that the server's may be signed by; empty: those of the system

	dial func(ctx context.Context, network, addr string) (net.Conn, error) // nil: by the network
}

// serverFlag adds the flags of commands that talk to a server.
func serverFlag(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.String("server", "http://127.0.0.1:8080", "URL of the server")
	f.String("token", "", "token that the server asks for; rather put it into TOURNEY_TOKEN, which other users of this machine cannot see")
	f.String("ca", "", "file with the certificate of the authority that signed the server's, as tourney tls init makes it")
}

// accessOf reads the flags of serverFlag.
func accessOf(cmd *cobra.Command) access {
	var a access
	a.server, _ = cmd.Flags().GetString("server")
	a.token, _ = cmd.Flags().GetString("token")
	a.ca, _ = cmd.Flags().GetString("ca")
	return a
}

// newClient returns a client of the server that the flags name.
func newClient(cmd *cobra.Command) *client.Client { return accessOf(cmd).client() }

// client returns a client. What is wrong with the flags was told before any
// command has run, by checkAccess.
func (a access) client() *client.Client {
	hc, err := a.http()
	if err != nil {
		hc = &http.Client{Transport: broken{err}}
	}
	return client.New(a.server, hc)
}

// checkAccess returns what is wrong with the flags of serverFlag, if a command
// has them.
func checkAccess(cmd *cobra.Command) error {
	if cmd.Flags().Lookup("ca") == nil {
		return nil
	}
	_, err := accessOf(cmd).http()
	return err
}

// broken is a way to no server.
type broken struct{ err error }

// RoundTrip implements http.RoundTripper.
func (b broken) RoundTrip(*http.Request) (*http.Response, error) { return nil, b.err }

// http returns an HTTP client that brings the token to the server, and to
// nobody else.
func (a access) http() (*http.Client, error) {
	transport := http.DefaultTransport.(*http.Transport).Clone() //nolint:forcetypeassert // it is one
	if a.dial != nil {
		transport.DialContext, transport.Proxy = a.dial, nil
	}
	config, err := a.tls()
	if err != nil {
		return nil, err
	}
	transport.TLSClientConfig = config
	if a.token == "" {
		return &http.Client{Transport: transport}, nil
	}
	u, err := url.Parse(a.server)
	if err != nil || u.Host == "" {
		if u, err = url.Parse("http://" + a.server); err != nil {
			return nil, usageError{fmt.Errorf("--server %s: %w", a.server, err)}
		}
	}
	if u.Scheme == "http" && !isLoopback(net.JoinHostPort(u.Hostname(), "80")) {
		return nil, usageError{errors.New("--server is http, over which anybody on the way could read the token; use https")}
	}
	return &http.Client{Transport: &bearer{transport, u.Host, a.token}}, nil
}

// tls returns how the server, and its bus, prove who they are.
func (a access) tls() (*tls.Config, error) {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if a.ca == "" {
		return config, nil
	}
	pem, err := os.ReadFile(a.ca)
	if err != nil {
		return nil, usageError{fmt.Errorf("--ca: %w", err)}
	}
	config.RootCAs = x509.NewCertPool()
	if !config.RootCAs.AppendCertsFromPEM(pem) {
		return nil, usageError{fmt.Errorf("--ca %s: holds no certificate; give the ca.pem that tourney tls init has made", a.ca)}
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
