// Package dashboard serves the pages that show sweeps as they run. It hides
// where the pages come from and how browsers may cache them.
//
// The pages are a program of their own: TypeScript under web/, built into
// dist/, which is committed and embedded, so that building the service needs
// no Node. They read the REST interface and its event streams as any other
// client does, and this package knows neither.
//
//	npm ci            in web/, once
//	npm run types     writes src/schema.d.ts from ../../api/openapi.yaml
//	npm test          the logic, without a browser
//	npm run build     checks the types and writes ../dist
//	npm run dev       serves the sources, with data from 127.0.0.1:8080
//
// A build is the same bytes each time and carries the hash of its sources in
// dist/BUILD; a test of this package fails when the two no longer match. The
// pages hold no inline code, and Handler's content security policy allows none.
package dashboard
