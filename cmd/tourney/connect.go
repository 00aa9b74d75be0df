package main

import (
	"context"
	"net"
	"net/http"

	"github.com/spf13/cobra"

	"tourney/api/client"
	"tourney/cmd/internal/cli"
)

// access is how a server is reached: where it is, and what lets one in.
type access struct {
	server string // URL
	token  string // empty: none
	ca     string // file with the certificates that the server's may be signed by; empty: those of the system

	dial func(ctx context.Context, network, addr string) (net.Conn, error) // nil: by the network
}

// shared is the same for package cli.
func (a access) shared() cli.Access {
	return cli.Access{Server: a.server, Token: a.token, CA: a.ca, Dial: a.dial}
}

// serverFlag adds the flags of commands that talk to a server.
func serverFlag(cmd *cobra.Command) { cli.ServerFlags(cmd) }

// accessOf reads the flags of serverFlag.
func accessOf(cmd *cobra.Command) access {
	a := cli.AccessOf(cmd)
	return access{server: a.Server, token: a.Token, ca: a.CA}
}

// newClient returns a client of the server that the flags name.
func newClient(cmd *cobra.Command) *client.Client { return accessOf(cmd).client() }

// client returns a client.
func (a access) client() *client.Client { return a.shared().Client() }

// http returns an HTTP client that brings the token to the server, and to
// nobody else.
func (a access) http() (*http.Client, error) { return a.shared().HTTP() }
