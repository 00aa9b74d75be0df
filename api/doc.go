// Package api hides HTTP: how sweeps, trials, datasets, workers and blobs are
// reached under /api/v1, and nothing else knows a status code or echo.
//
// openapi.yaml is written first. From it come the routes and the strict stubs
// (package gen), the client's requests (package client/gen), and, while the
// server runs, the checks of every parameter and media type (contract.go). So
// a parameter that the document does not name is refused, and a route that it
// does not name is not there.
//
// A request passes, in this order: the log, the net under panics, the headers
// of every answer, the rule on Host, the rule on other sites, the bound on what
// runs at a time, who asks, the dashboard or the route, what its scope allows,
// the contract's checks, the limits on its body, the handler.
// Handlers see a context and typed requests; they return the root package's
// errors, which package problem maps to statuses in one table.
//
// The ports that the handlers read and write through are in ports.go.
package api

//go:generate go tool -modfile=../tools/go.mod oapi-codegen -config gen/config.yaml -o gen/server.gen.go openapi.yaml
//go:generate go tool -modfile=../tools/go.mod oapi-codegen -config client/gen/config.yaml -o client/gen/client.gen.go openapi.yaml
