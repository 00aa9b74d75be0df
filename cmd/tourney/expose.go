package main

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tourney"
	"tourney/cmd/internal/cli"
	"tourney/cmd/tourney/internal/certs"
)

// exposed returns the flags that let other machines reach the server.
func (o *serverOptions) exposed() []string {
	var flags []string
	if !isLoopback(o.addr) {
		flags = append(flags, "--addr "+o.addr)
	}
	if o.natsURL == "" && o.natsListen != "" && !isLoopback(o.natsListen) {
		flags = append(flags, "--nats-listen "+o.natsListen)
	}
	return flags
}

// guarded reports whether the server itself has to keep strangers out.
func (o *serverOptions) guarded() bool { return !o.insecure && len(o.exposed()) > 0 }

// checkSafety refuses what would let strangers in, as far as the flags tell.
func (o *serverOptions) checkSafety() error {
	if err := o.checkBus(); err != nil {
		return err
	}
	cert, _, err := o.tlsFiles()
	if err != nil || !o.guarded() {
		return err
	}
	_, err = os.Stat(filepath.Join(o.dataDir, "tourney.db"))
	if err != nil || cert == "" {
		return o.refuse(err != nil)
	}
	return nil
}

// checkBus refuses to let workers into a bus that is somebody else's as one user,
// unless it is told to, and flags that do not go together.
func (o *serverOptions) checkBus() error {
	switch {
	case o.natsURL == "" && o.natsKey+o.natsAccount != "":
		return usageError{errors.New("--nats-signing-key and --nats-account do nothing without --nats")}
	case o.natsKey == "" && o.natsAccount != "":
		return usageError{errors.New("--nats-account does nothing without --nats-signing-key")}
	case o.natsKey != "" && o.trusted:
		return usageError{errors.New("give --nats-signing-key or --trusted-network: with the one each worker has credentials of its own, with the other all share those of the URL")}
	case o.natsReplicas < 0 || o.natsReplicas > 5:
		return usageError{fmt.Errorf("--nats-replicas must be between 1 and 5, not %d", o.natsReplicas)}
	case o.natsURL != "" && o.natsKey == "" && !o.trusted:
		return fmt.Errorf("%w: with --nats all workers share the credentials in its URL, so each can speak for the others; have the coordinator sign each a user of its own (--nats-signing-key), or if the network and the workers are trusted, say --trusted-network", tourney.ErrRefused)
	}
	return nil
}

// checkTokens refuses to be reached by other machines while nobody could tell
// them from strangers.
func (o *serverOptions) checkTokens(tokens []tourney.AccessToken) error {
	valid := func(t tourney.AccessToken) bool { return t.Scope == tourney.ScopeAdmin && t.Valid(time.Now()) }
	if o.commands.File != "" && !o.commands.Own && !slices.ContainsFunc(tokens, valid) {
		return fmt.Errorf("%w: with --allow-commands whoever reaches the server may run programs here, so that it asks everybody for a token, and there is none; run `tourney token create --data-dir %s --scope admin --name me`, and start again",
			tourney.ErrRefused, o.dataDir)
	}
	if o.guarded() && !slices.ContainsFunc(tokens, valid) {
		return o.refuse(true)
	}
	return nil
}

// refuse says what is missing and how to make it.
func (o *serverOptions) refuse(noToken bool) error {
	var missing, commands []string
	again := ""
	if o.tlsCert == "" && o.tlsDir == "" {
		missing = append(missing, "TLS")
		commands = append(commands, "`tourney tls init --dir tls --host NAME`")
		again = " with --tls-dir tls"
	}
	if noToken {
		missing = append(missing, "valid token of scope admin")
		commands = append(commands, fmt.Sprintf("`tourney token create --data-dir %s --scope admin --name me`", o.dataDir))
	}
	return fmt.Errorf("%w: %s: reachable from other machines, and there is no %s; run %s, and start again%s (or say --insecure-behind-proxy if a proxy in front does TLS and authentication)",
		tourney.ErrRefused, strings.Join(o.exposed(), " and "), strings.Join(missing, " and no "), strings.Join(commands, " and "), again)
}

func isLoopback(addr string) bool { return cli.IsLoopback(addr) }

// tlsFiles returns the files of the server's certificate, empty for none.
func (o *serverOptions) tlsFiles() (cert, key string, err error) {
	switch {
	case o.tlsDir != "" && o.tlsCert+o.tlsKey != "":
		err = usageError{errors.New("give --tls-dir, or --tls-cert and --tls-key")}
	case o.tlsDir != "":
		return filepath.Join(o.tlsDir, certs.ServerFile), filepath.Join(o.tlsDir, certs.ServerKeyFile), nil
	case (o.tlsCert == "") != (o.tlsKey == ""):
		err = usageError{errors.New("--tls-cert and --tls-key belong together: give both")}
	}
	return o.tlsCert, o.tlsKey, err
}

// openTLS reads the server's certificate; nil for none.
func (o *serverOptions) openTLS(log *slog.Logger) (*certs.Pair, error) {
	cert, key, err := o.tlsFiles()
	if err != nil || cert == "" {
		return nil, err
	}
	pair, err := certs.Open(cert, key, log)
	if err != nil {
		return nil, usageError{fmt.Errorf("TLS: %w; tourney tls init makes a certificate", err)}
	}
	return pair, nil
}

// urlOf is where people find a server that listens on an address.
func urlOf(addr net.Addr, cert *certs.Pair) string {
	scheme, name := "http", "localhost"
	if cert != nil {
		scheme, name = "https", cmp.Or(cert.Name(), name)
	}
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return scheme + "://" + addr.String()
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = name
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}

// expelRevoked shuts out the workers of tokens that were revoked while the
// server did not run.
func expelRevoked(tokens []tourney.AccessToken, expel func(token string) error) error {
	for i := range tokens {
		if !tokens[i].Valid(time.Now()) {
			if err := expel(tokens[i].ID); err != nil {
				return err
			}
		}
	}
	return nil
}
