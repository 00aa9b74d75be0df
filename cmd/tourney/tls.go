package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tourney/cmd/tourney/internal/certs"
)

func newTLS() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tls",
		Short: "Make the certificate of a server that other machines reach",
	}
	cmd.AddCommand(newTLSInit())
	return cmd
}

func newTLSInit() *cobra.Command {
	var dir string
	var hosts []string
	var force, asJSON bool
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Make a local authority and a server's certificate",
		Long: `Init makes an authority of your own (ca.pem, ca-key.pem) and a certificate for the
server that it signed (server.pem, server-key.pem). Who is to reach the server
gets ca.pem, and nothing else: --ca ca.pem.

With --force the server's certificate is replaced, for the same names if none are
given; the authority stays, so that nobody has to be given another. A server that
runs takes the new certificate by itself.`,
		Example: `  tourney tls init --dir tls --host tourney.example.com --host 192.0.2.7
  tourney up --addr 0.0.0.0:8080 --tls-dir tls`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			made, err := certs.Init(dir, hosts, force)
			if err != nil {
				return err
			}
			w := cmd.ErrOrStderr()
			ca := filepath.Join(dir, certs.CAFile)
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), map[string]any{"authority": ca, "new_authority": made.NewCA, "names": made.Names, "expires_at": made.Expires})
			}
			if made.NewCA {
				fmt.Fprintf(w, "authority: %s; copy it to every machine that is to reach the server, and keep %s here\n", ca, certs.CAKeyFile)
			} else {
				fmt.Fprintf(w, "authority: %s, as before\n", ca)
			}
			fmt.Fprintf(w, "certificate: for %s, until %s\n", strings.Join(made.Names, ", "), made.Expires.Format(time.DateOnly))
			fmt.Fprintf(w, "serve with --tls-dir %s, connect with --ca %s\n", dir, ca)
			return nil
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.StringVar(&dir, "dir", "tls", "directory for the files")
	f.StringSliceVar(&hosts, "host", nil, "name or address of the server; may be repeated (default: localhost, 127.0.0.1, ::1 and this machine's name)")
	f.BoolVar(&force, "force", false, "replace the server's certificate")
	return cmd
}
