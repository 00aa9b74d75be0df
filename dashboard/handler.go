package dashboard

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"strings"
	"time"
)

//go:embed dist
var dist embed.FS

// policy lets the pages load what this handler serves, talk to the origin they
// came from, and do nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
	"connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// contentTypes are set here, not asked of the system, whose answers differ
// from machine to machine. A file of another type does not build.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
	".txt":  "text/plain; charset=utf-8",
}

// asset is one built file as served.
type asset struct {
	content     []byte
	contentType string
	etag        string
	immutable   bool // its name changes with its content
}

// handler serves assets by path. It is read-only after its construction.
type handler struct {
	assets map[string]asset
}

// Handler returns the dashboard: the built files, and the first page for every
// path that the pages route by themselves, such as /sweeps/{id}. It is meant
// for all paths that nothing else serves.
func Handler() http.Handler {
	assets, err := load(dist)
	if err != nil {
		// Embedded files do not change after the build, and the tests load them.
		panic("dashboard: " + err.Error())
	}
	return &handler{assets: assets}
}

// load reads the built files under dist, by the path that each is served at.
func load(files fs.FS) (map[string]asset, error) {
	assets := make(map[string]asset)
	err := fs.WalkDir(files, "dist", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || name == "dist/BUILD" {
			return err
		}
		contentType, ok := contentTypes[path.Ext(name)]
		if !ok {
			return fmt.Errorf("load %s: no content type for such a file", name)
		}
		content, err := fs.ReadFile(files, name)
		if err != nil {
			return fmt.Errorf("load %s: %w", name, err)
		}
		sum := sha256.Sum256(content)
		served := strings.TrimPrefix(name, "dist")
		assets[served] = asset{
			content:     content,
			contentType: contentType,
			etag:        `"` + hex.EncodeToString(sum[:16]) + `"`,
			immutable:   strings.HasPrefix(served, "/assets/"),
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	index, ok := assets["/index.html"]
	if !ok {
		return nil, fmt.Errorf("load dist: no index.html; run npm run build in dashboard/web")
	}
	assets["/"] = index
	return assets, nil
}

// ServeHTTP serves GET and HEAD.
func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "the dashboard is read with GET", http.StatusMethodNotAllowed)
		return
	}
	found, ok := h.assets[r.URL.Path]
	if !ok && isPage(r) {
		found, ok = h.assets["/"]
	}
	if !ok {
		header.Set("Cache-Control", "no-store")
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	header.Set("Content-Type", found.contentType)
	header.Set("ETag", found.etag)
	header.Set("Cache-Control", "no-cache")
	if found.immutable {
		header.Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(found.content))
}

// isPage reports whether the pages themselves route this path: a browser asks
// for a document, and the path names no file and is not of the REST interface.
func isPage(r *http.Request) bool {
	p := r.URL.Path
	if strings.Contains(p, ".") || p == "/api" || strings.HasPrefix(p, "/api/") {
		return false
	}
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}
