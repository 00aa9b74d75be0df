package dashboard_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// sources are what a build reads, as in web/stamp.ts.
var sources = []string{".npmrc", "index.html", "package-lock.json", "package.json", "public", "src", "stamp.ts", "tsconfig.json", "vite.config.ts"}

// sumOf is the SHA-256 over the files at or under the paths, in byte order:
// for each one its own sum, two spaces, its path, and a line feed.
func sumOf(t *testing.T, root string, paths []string) string {
	t.Helper()
	var files []string
	for _, path := range paths {
		err := filepath.WalkDir(filepath.Join(root, path), func(name string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			relative, err := filepath.Rel(root, name)
			files = append(files, filepath.ToSlash(relative))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(files)
	all := sha256.New()
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(all, "%x  %s\n", sha256.Sum256(content), file)
	}
	return hex.EncodeToString(all.Sum(nil))
}

func TestTheBuildIsOfTheseSources(t *testing.T) {
	stamp, err := os.ReadFile(filepath.Join("dist", "BUILD"))
	if err != nil {
		t.Fatalf("%v; run npm run build in dashboard/web", err)
	}
	entries, err := os.ReadDir("dist")
	if err != nil {
		t.Fatal(err)
	}
	var built []string
	for _, entry := range entries {
		if entry.Name() != "BUILD" {
			built = append(built, entry.Name())
		}
	}
	want := fmt.Sprintf("sources %s\ndist %s\n", sumOf(t, "web", sources), sumOf(t, "dist", built))
	if string(stamp) != want {
		t.Errorf("dashboard/dist was not built from dashboard/web: run npm run build there\nstamp:\n%swant:\n%s", stamp, want)
	}
}

func TestNoSourceIsOutsideTheStamp(t *testing.T) {
	entries, err := os.ReadDir("web")
	if err != nil {
		t.Fatal(err)
	}
	known := append([]string{".gitignore", "go.mod", "node_modules", "test"}, sources...)
	for _, entry := range entries {
		if !slices.Contains(known, entry.Name()) {
			t.Errorf("web/%s is not part of the stamp; add it to stamp.ts and to this test", entry.Name())
		}
	}
}

func TestTheLockFileNamesNoHost(t *testing.T) {
	lock, err := os.ReadFile(filepath.Join("web", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(lock), `"resolved"`) {
		t.Error(`package-lock.json has "resolved" entries; install with the .npmrc of that folder`)
	}
}

// The pages show names that anybody chose: text goes into the document as text.
func TestNoSourceWritesMarkup(t *testing.T) {
	forbidden := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|dangerouslySet|\beval\(|new Function`)
	err := filepath.WalkDir(filepath.Join("web", "src"), func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		content, err := os.ReadFile(name)
		if found := forbidden.Find(content); found != nil {
			t.Errorf("%s: %s", name, found)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
