package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tourney"
	"tourney/store"
)

func newToken() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke the tokens that a server asks for",
		Long: `A server asks for tokens once there is one. The first has to be of scope admin:

  tourney token create --name me --scope admin
  export TOURNEY_TOKEN=tourney_...

Scopes: read looks at everything but test rows; submit also changes sweeps and
datasets; worker lets machines train and nothing else; admin may do everything.

The commands speak to a server, or with --data-dir to a directory that no server
runs on.`,
	}
	serverFlag(cmd)
	cmd.PersistentFlags().String("data-dir", "", "keep tokens in this directory instead of asking a server")
	cmd.AddCommand(newTokenCreate(), newTokenList(), newTokenRevoke())
	return cmd
}

// tokens is where tokens are kept.
type tokens interface {
	CreateToken(ctx context.Context, req tourney.TokenRequest) (tourney.IssuedToken, error)
	Tokens(ctx context.Context) ([]tourney.AccessToken, error)
	RevokeToken(ctx context.Context, id string) error
}

// withTokens has f work where the flags say.
func withTokens(cmd *cobra.Command, f func(tokens) error) error {
	dir, _ := cmd.Flags().GetString("data-dir")
	if dir == "" {
		return f(newClient(cmd))
	}
	db, err := store.Open(cmd.Context(), dir)
	if err != nil {
		return err
	}
	defer db.Close()
	return f(shelved{db})
}

// shelved are the tokens of a directory that no server runs on.
type shelved struct{ *store.Store }

// CreateToken implements tokens.
func (s shelved) CreateToken(ctx context.Context, req tourney.TokenRequest) (tourney.IssuedToken, error) {
	if fields := req.Check(); len(fields) > 0 {
		return tourney.IssuedToken{}, &tourney.InvalidError{Fields: fields}
	}
	token, hash := req.Issue(time.Now().UTC().Truncate(time.Microsecond))
	return token, s.SaveToken(ctx, token.AccessToken, hash, nil)
}

func newTokenCreate() *cobra.Command {
	var req tourney.TokenRequest
	var scope string
	var expires time.Duration
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "create",
		Short: "Make a token; its secret is shown this once",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			req.Scope, req.ExpiresIn = tourney.Scope(scope), expires.Seconds()
			if fields := req.Check(); len(fields) > 0 {
				for i := range fields {
					fields[i].Path = "--" + strings.TrimSuffix(fields[i].Path, "_in")
				}
				return &tourney.InvalidError{Fields: fields}
			}
			return withTokens(cmd, func(t tokens) error {
				token, err := t.CreateToken(cmd.Context(), req)
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), token)
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "token %s of scope %s for %q; keep it, it is not shown again:\n", token.ID, token.Scope, token.Name)
				fmt.Fprintln(cmd.OutOrStdout(), token.Token)
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&req.Name, "name", "", "whose it is, for people")
	f.StringVar(&scope, "scope", "", "read, submit, worker or admin")
	f.StringVar(&req.Pool, "pool", "", "of scope worker: the one pool that its workers may join")
	f.DurationVar(&expires, "expires", 0, "how long it is valid, as in 720h; 0: until it is revoked")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newTokenList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the tokens, newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return withTokens(cmd, func(t tokens) error {
				list, err := t.Tokens(cmd.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), map[string]any{"tokens": list})
				}
				w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
				fmt.Fprintln(w, "ID\tNAME\tSCOPE\tPOOL\tLAST USED\tSTATE")
				for i := range list {
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", list[i].ID, list[i].Name, list[i].Scope, list[i].Pool, minute(list[i].LastUsed), tokenState(&list[i]))
				}
				return w.Flush()
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func minute(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Local().Format("2006-01-02 15:04")
}

func tokenState(t *tourney.AccessToken) string {
	switch {
	case !t.Revoked.IsZero():
		return "revoked " + minute(t.Revoked)
	case !t.Valid(time.Now()):
		return "expired " + minute(t.Expires)
	case t.Expires.IsZero():
		return "valid"
	}
	return "valid until " + minute(t.Expires)
}

func newTokenRevoke() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "revoke ID",
		Short: "Revoke a token, at once, with the sessions of browsers that logged in with it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return withTokens(cmd, func(t tokens) error {
				if err := t.RevokeToken(cmd.Context(), args[0]); err != nil {
					return err
				}
				fmt.Fprintf(cmd.ErrOrStderr(), "token %s is revoked\n", args[0])
				if asJSON {
					return writeJSON(cmd.OutOrStdout(), map[string]string{"revoked": args[0]})
				}
				return nil
			})
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
