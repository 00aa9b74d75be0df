// Package client hides how a Tourney server is spoken to: requests, problem
// documents, pages, and event streams that break off.
//
// Errors are those of the root package: errors.Is(err, tourney.ErrNotFound)
// holds here if it held in the server, and wrong fields are a
// *tourney.InvalidError. Lists are iterators that fetch pages as they are
// needed. Nothing is sent twice, except to take up an event stream again.
//
// The requests themselves are generated from openapi.yaml (package gen).
package client
