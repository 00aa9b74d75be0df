package api

import (
	"context"
	"time"

	"tourney"
	"tourney/api/gen"
)

// CreateToken makes a token.
func (s *Server) CreateToken(ctx context.Context, req gen.CreateTokenRequestObject) (gen.CreateTokenResponseObject, error) {
	if fields := req.Body.Check(); len(fields) > 0 {
		return nil, &tourney.InvalidError{Fields: fields}
	}
	if needed, err := s.door.needed(ctx); err != nil {
		return nil, err
	} else if !needed && req.Body.Scope != tourney.ScopeAdmin {
		return nil, tourney.Invalid("scope", "must be admin for the first token: from then on nobody without a token gets in, and somebody has to be able to make others")
	}
	k, err := keyOf(ctx, "createToken", req.Params.IdempotencyKey, true, req.Body)
	if err != nil {
		return nil, err
	}
	token, err := once(ctx, s, k, func() (tourney.IssuedToken, bool, error) {
		token, hash := req.Body.Issue(time.Now().UTC().Truncate(time.Microsecond))
		answer, err := k.seal(token)
		if err == nil {
			err = s.door.access.SaveToken(ctx, token.AccessToken, hash, answer)
		}
		return token, true, err
	})
	if err != nil {
		return nil, err
	}
	s.door.close()
	return gen.CreateToken201JSONResponse(token), nil
}

// ListTokens lists the tokens.
func (s *Server) ListTokens(ctx context.Context, _ gen.ListTokensRequestObject) (gen.ListTokensResponseObject, error) {
	tokens, err := s.door.access.Tokens(ctx)
	if err != nil {
		return nil, err
	}
	return gen.ListTokens200JSONResponse{Items: tokens}, nil
}

// RevokeToken ends a token.
func (s *Server) RevokeToken(ctx context.Context, req gen.RevokeTokenRequestObject) (gen.RevokeTokenResponseObject, error) {
	if err := s.door.access.RevokeToken(ctx, req.Token); err != nil {
		return nil, err
	}
	s.door.end(req.Token)
	if err := s.cfg.Service.Expel(ctx, req.Token); err != nil {
		return nil, err
	}
	return gen.RevokeToken204Response{}, nil
}

// ListAudit lists what was changed.
func (s *Server) ListAudit(ctx context.Context, req gen.ListAuditRequestObject) (gen.ListAuditResponseObject, error) {
	audits, err := s.door.access.Audits(ctx, page(req.Params.Limit, nil).Limit)
	if err != nil {
		return nil, err
	}
	return gen.ListAudit200JSONResponse{Items: audits}, nil
}
