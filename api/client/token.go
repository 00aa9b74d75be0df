package client

import (
	"context"
	"net/http"

	"tourney"
	"tourney/api/client/gen"
)

// CreateToken makes a token. Its secret is in the answer, and nowhere else.
func (c *Client) CreateToken(ctx context.Context, req tourney.TokenRequest) (tourney.IssuedToken, error) {
	return call[tourney.IssuedToken](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.rest.CreateToken(ctx, nil, req) })
}

// Tokens lists the tokens, newest first.
func (c *Client) Tokens(ctx context.Context) ([]tourney.AccessToken, error) {
	list, err := call[gen.TokenList](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.rest.ListTokens(ctx) })
	return list.Items, err
}

// RevokeToken revokes a token and ends its sessions.
func (c *Client) RevokeToken(ctx context.Context, id string) error {
	_, err := call[nothing](ctx, c, func(ctx context.Context) (*http.Response, error) { return c.rest.RevokeToken(ctx, id) })
	return err
}

// Audit lists what was changed, newest first, at most limit of it.
func (c *Client) Audit(ctx context.Context, limit int) ([]tourney.Audit, error) {
	list, err := call[gen.AuditList](ctx, c, func(ctx context.Context) (*http.Response, error) {
		return c.rest.ListAudit(ctx, &gen.ListAuditParams{Limit: &limit})
	})
	return list.Items, err
}
