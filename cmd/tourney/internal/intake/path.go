package intake

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tourney"
	"tourney/api"
	"tourney/dataset/read"
)

// checkDir refuses a configuration that cannot be.
func checkDir(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return tourney.Invalid("data-root", "%v", err)
	case !info.IsDir():
		return tourney.Invalid("data-root", "%s is no directory", dir)
	}
	return nil
}

// fetchPath copies the files that a path means: a file, a directory, or a
// pattern, below one of the directories that are allowed.
func (d *Desk) fetchPath(ctx context.Context, name string, tell func(api.Progress)) ([]api.File, error) {
	for _, dir := range d.cfg.Dirs {
		abs, err := filepath.Abs(dir)
		if err != nil {
			return nil, err
		}
		rel := name
		if filepath.IsAbs(name) {
			if rel, err = filepath.Rel(abs, name); err != nil {
				continue
			}
		}
		if !filepath.IsLocal(rel) {
			continue
		}
		files, err := d.fetchBelow(ctx, abs, rel, tell)
		if !filepath.IsAbs(name) && errors.Is(err, errNoFile) {
			continue // a relative path may be below another directory
		}
		return files, err
	}
	switch {
	case len(d.cfg.Dirs) == 0:
		return nil, refusef("this server reads no files for requests; upload the table, or start it with --data-root DIR")
	case filepath.IsAbs(name) || !filepath.IsLocal(name):
		return nil, refusef("%s is not below a directory that --data-root allows", name)
	}
	return nil, tourney.Invalid("source.path", "there is no file %s below the directories that --data-root allows", name)
}

// errNoFile means that there is nothing at a path.
var errNoFile = errors.New("no file is there")

func (d *Desk) fetchBelow(ctx context.Context, dir, rel string, tell func(api.Progress)) (_ []api.File, err error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open --data-root: %w", err)
	}
	defer root.Close()
	names, err := find(root, dir, rel)
	if err != nil {
		return nil, err
	}
	got := d.newFetched(0, tell)
	for i, shown := range Relative(names) {
		if err := got.open(ctx, root, names[i], shown); err != nil {
			return got.end(err)
		}
	}
	return got.end(nil)
}

// find returns the files, as paths below the root. What it lists may lie
// elsewhere, behind a symbolic link; opening that is refused.
func find(root *os.Root, dir, rel string) ([]string, error) {
	if !strings.ContainsAny(rel, "*?[") {
		if _, err := root.Stat(rel); err != nil {
			return nil, outside(rel, err)
		}
	}
	found, err := read.Find(filepath.Join(dir, rel))
	if err != nil {
		return nil, &missing{tourney.Invalid("source.path", "%s: there is no file", rel)}
	}
	names := make([]string, len(found))
	for i, f := range found {
		if names[i], err = filepath.Rel(dir, f.Path); err != nil {
			return nil, err
		}
	}
	return names, nil
}

func (f *fetched) open(ctx context.Context, root *os.Root, name, shown string) error {
	in, err := root.Open(name)
	if err != nil {
		return outside(name, err)
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if !info.Mode().IsRegular() {
		return tourney.Invalid("source.path", "%s is no regular file", name)
	}
	return f.add(ctx, shown, in)
}

// outside tells a file that is not there from one that may not be read.
func outside(name string, err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &missing{tourney.Invalid("source.path", "%s: there is no file", name)}
	case errors.Is(err, fs.ErrPermission):
		return refusef("the server may not read %s", name)
	}
	return refusef("%s leads out of the directories that --data-root allows", name)
}

// missing is an errNoFile that says so to the user.
type missing struct{ *tourney.InvalidError }

// Unwrap returns both.
func (m *missing) Unwrap() []error { return []error{m.InvalidError, errNoFile} }

// Relative returns paths without the directories that they all share, with
// slashes: of one file its base. Those are the names of a table's files.
func Relative(paths []string) []string {
	if len(paths) == 0 {
		return nil
	}
	shared := strings.Split(filepath.ToSlash(filepath.Dir(paths[0])), "/")
	for _, p := range paths[1:] {
		dirs := strings.Split(filepath.ToSlash(filepath.Dir(p)), "/")
		n := 0
		for n < min(len(shared), len(dirs)) && shared[n] == dirs[n] {
			n++
		}
		shared = shared[:n]
	}
	prefix := strings.Join(shared, "/")
	names := make([]string, len(paths))
	for i, p := range paths {
		p = filepath.ToSlash(filepath.Clean(p))
		if prefix == "" && len(shared) == 0 || prefix == "." {
			names[i] = strings.TrimPrefix(p, "/")
			continue
		}
		names[i] = strings.TrimPrefix(strings.TrimPrefix(p, prefix), "/")
	}
	return names
}
