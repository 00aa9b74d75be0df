package read

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"tourney"
)

// Find returns the files that a path means, in the order of their names: the
// file itself, the files of a directory, or those that a pattern of
// path/filepath matches. Hidden files, and in a directory files that are no
// tables beside some that are, are left out. It follows the path wherever it
// leads: checking that is the caller's.
func Find(path string) ([]File, error) {
	info, err := os.Stat(path)
	var names []string
	switch {
	case err == nil && info.IsDir():
		entries, err := os.ReadDir(path)
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", path, err)
		}
		for _, e := range entries {
			names = append(names, filepath.Join(path, e.Name()))
		}
		names = tablesOf(regular(names), filepath.Base)
	case err == nil:
		names = []string{path}
	default:
		matches, bad := filepath.Glob(path)
		if bad != nil {
			return nil, tourney.Invalid("", "%s: not a pattern: %v", path, bad)
		}
		if !strings.ContainsAny(path, "*?[") {
			return nil, fmt.Errorf("open %s: %w", path, err)
		}
		names = regular(matches)
	}
	if len(names) == 0 {
		return nil, tourney.Invalid("", "%s: no file is there", path)
	}
	files := make([]File, len(names))
	for i, n := range names {
		files[i] = File{Name: n, Path: n}
	}
	return files, nil
}

// regular keeps the files that are neither hidden nor anything but files.
func regular(names []string) []string {
	var kept []string
	for _, n := range names {
		if strings.HasPrefix(filepath.Base(n), ".") {
			continue
		}
		if info, err := os.Stat(n); err == nil && info.Mode().IsRegular() {
			kept = append(kept, n)
		}
	}
	return kept
}
