package tourney_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layers is the architecture: which top folders each top folder may import
// beside the root, failpoint and itself. A folder that is not listed fails the test, so
// that a new one is a decision. Commands and benchmarks may import everything.
var layers = map[string][]string{
	"":            {},
	"api":         {},
	"blob":        {},
	"bus":         {},
	"clients":     {},
	"coordinator": {"search"},
	"dashboard":   {},
	"dataset":     {},
	"failpoint":   {},
	"migrations":  {},
	"model":       {"dataset", "trainers"},
	"search":      {},
	"store":       {"migrations"},
	"trainers":    {"dataset"},
	"worker":      {"dataset", "trainers"},
}

// owners are the libraries that one folder alone may import, or several.
var owners = map[string]string{
	"github.com/labstack/echo":      "api",
	"github.com/nats-io/":           "bus",
	"github.com/jmoiron/sqlx":       "store",
	"github.com/mattn/go-sqlite3":   "store",
	"github.com/apache/arrow-go":    "dataset",
	"github.com/pressly/goose":      "store",
	"github.com/spf13/cobra":        "cmd",
	"github.com/getkin/kin-openapi": "api",
	"github.com/duckdb/":            "dataset",
	"github.com/klauspost/compress": "dataset worker",
	"github.com/expr-lang/expr":     "search",
	"gocloud.dev":                   "blob",
	"cloud.google.com/":             "blob",
	"google.golang.org/api":         "blob",
}

type goPackage struct {
	ImportPath string
	Imports    []string
}

func TestLayers(t *testing.T) {
	for _, pkg := range goList(t) {
		top := topOf(pkg.ImportPath)
		allowed, listed := layers[top]
		if !listed && top != "cmd" && top != "bench" {
			t.Errorf("package %s: folder %q is in no layer; add it to layers and to ARCHITECTURE.md", pkg.ImportPath, top)
			continue
		}
		for _, imp := range pkg.Imports {
			for lib, owner := range owners {
				if strings.HasPrefix(imp, lib) && !slices.Contains(strings.Fields(owner), top) {
					t.Errorf("%s imports %s, which is for %s alone", pkg.ImportPath, imp, owner)
				}
			}
			dep, ours := strings.CutPrefix(imp, "tourney/")
			if !ours || top == "cmd" || top == "bench" {
				continue
			}
			if dep = topOf("tourney/" + dep); dep != top && dep != "failpoint" && !slices.Contains(allowed, dep) {
				t.Errorf("%s imports %s; %q may import the root and %v", pkg.ImportPath, imp, top, allowed)
			}
		}
	}
}

// search and trainers give the same results for ever: they read no clock and
// no randomness but what is handed to them.
func TestPure(t *testing.T) {
	for _, pkg := range goList(t) {
		top := topOf(pkg.ImportPath)
		if top != "search" && top != "trainers" || strings.Contains(pkg.ImportPath, "/gen/") { // generators are programs
			continue
		}
		for _, imp := range pkg.Imports {
			if slices.Contains([]string{"crypto/rand", "math/rand", "net", "net/http", "os"}, imp) {
				t.Errorf("%s imports %s; %s is pure", pkg.ImportPath, imp, top)
			}
		}
	}
}

func goList(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var pkgs []goPackage
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var pkg goPackage
		if err := dec.Decode(&pkg); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatal(err)
		}
		pkgs = append(pkgs, pkg)
	}
}

// topOf returns the top folder of a package of this module.
func topOf(path string) string {
	top, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(path, "tourney"), "/"), "/")
	return top
}
