package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"tourney"
	"tourney/api/client"
	"tourney/cmd/tourney/internal/intake"
	"tourney/dataset/ingest"
	"tourney/dataset/read"
)

// place is where a table lies: files of this machine, or a URL that the server
// reads.
type place struct {
	url   string
	files []tableFile
}

type tableFile struct {
	path string
	test bool // its rows are test rows
}

// isURL reports whether a text is a URL rather than a path or a name.
func isURL(s string) bool { return strings.Contains(s, "://") }

// hostOf returns what --allow-url-host calls the place of a URL.
func hostOf(text string) string {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return text
	case u.Scheme == "s3" || u.Scheme == "gs":
		return u.Scheme + "://" + u.Host
	}
	return u.Host
}

// findTable finds the files of paths, directories and patterns, or takes a URL.
func findTable(places, tests []string) (place, error) {
	var t place
	if slices.ContainsFunc(append(slices.Clone(places), tests...), isURL) {
		if len(places) > 1 || len(tests) > 0 {
			return t, usageError{errors.New("a URL stands alone: several files are given by their paths")}
		}
		return place{url: places[0]}, nil
	}
	for i, path := range slices.Concat(places, tests) {
		found, err := read.Find(path)
		if err != nil {
			return t, usageError{fmt.Errorf("read dataset: %w", err)}
		}
		for _, f := range found {
			t.files = append(t.files, tableFile{f.Path, i >= len(places)})
		}
	}
	return t, nil
}

// register makes a dataset of a table, unless the server has one of the same
// bytes and options: then nothing is uploaded. Progress is for a terminal.
func register(ctx context.Context, c *client.Client, req tourney.DatasetRequest, t place, stderr io.Writer) (tourney.Dataset, error) {
	p := newProgress(stderr)
	defer p.clear()
	id := rand.Text()
	if t.url != "" {
		defer p.follow(ctx, c, id)()
		return c.AddDatasetFrom(ctx, req, client.Source{URL: t.url}, id)
	}
	uploads, hashes, err := prepare(ctx, t.files, p)
	if err != nil {
		return tourney.Dataset{}, err
	}
	ds, err := c.AddDatasetFrom(ctx, req, client.Source{SHA256: ingest.HashFiles(hashes)}, "")
	if !errors.Is(err, tourney.ErrNotFound) {
		return ds, err
	}
	defer p.follow(ctx, c, id)()
	return c.AddDataset(ctx, req, uploads, id, nil)
}

// prepare hashes files and says how they are uploaded.
func prepare(ctx context.Context, files []tableFile, p *progress) ([]client.File, []ingest.FileHash, error) {
	paths := make([]string, len(files))
	for i, f := range files {
		paths[i] = f.path
	}
	names := intake.Relative(paths)
	uploads, hashes := make([]client.File, len(files)), make([]ingest.FileHash, len(files))
	for i, f := range files {
		hash, size, err := hashFile(ctx, f.path, p)
		if err != nil {
			return nil, nil, fmt.Errorf("read dataset: %w", err)
		}
		uploads[i] = client.File{Name: names[i], Size: size, Test: f.test, Open: func() (io.ReadCloser, error) { return os.Open(f.path) }}
		hashes[i] = ingest.FileHash{Hash: hash, Test: f.test, Name: names[i]}
	}
	return uploads, hashes, nil
}

func hashFile(ctx context.Context, name string, p *progress) (hash string, size int64, err error) {
	f, err := os.Open(name)
	if err != nil {
		return "", 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", 0, err
	}
	sum := sha256.New()
	buf := make([]byte, 1<<20)
	for err == nil {
		if ctx.Err() != nil {
			return "", 0, ctx.Err()
		}
		var n int
		n, err = f.Read(buf)
		sum.Write(buf[:n])
		size += int64(n)
		p.show("reading "+filepath.Base(name), size, info.Size(), 0)
	}
	if !errors.Is(err, io.EOF) {
		return "", 0, err
	}
	return hex.EncodeToString(sum.Sum(nil)), size, nil
}

// readTypes reads a file of types: a YAML map of columns to a kind, or to the
// list of an ordered category's levels, lowest first.
func readTypes(file string) (map[string]tourney.ColumnType, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, usageError{fmt.Errorf("read types: %w", err)}
	}
	var nodes map[string]yaml.Node
	if err := yaml.Unmarshal(data, &nodes); err != nil {
		return nil, usageError{fmt.Errorf("%s: it must map columns to kinds, as in `zip: category`: %w", file, err)}
	}
	kinds := []string{"number", "category", "boolean", "date", "text", "sparse"}
	types := make(map[string]tourney.ColumnType, len(nodes))
	inv := &tourney.InvalidError{Source: file}
	for name, node := range nodes {
		switch {
		case node.Kind == yaml.ScalarNode && slices.Contains(kinds, node.Value):
			types[name] = tourney.ColumnType{Kind: tourney.ColumnKind(node.Value)}
		case node.Kind == yaml.SequenceNode && len(node.Content) > 0:
			t := tourney.ColumnType{Kind: tourney.Category}
			for _, level := range node.Content {
				t.Levels = append(t.Levels, level.Value) // as it stands there: 01 is no 1
			}
			types[name] = t
		default:
			inv.Fields = append(inv.Fields, tourney.FieldError{Path: name, Line: node.Line, Message: fmt.Sprintf(
				"must be %s, or a list of levels, lowest first%s", strings.Join(kinds, ", "), tourney.DidYouMean(node.Value, kinds))})
		}
	}
	if len(inv.Fields) > 0 {
		slices.SortFunc(inv.Fields, func(a, b tourney.FieldError) int { return cmp.Compare(a.Line, b.Line) })
		return nil, inv
	}
	return types, nil
}

// tableEndings are the endings of files that hold tables, packed or not.
var tableEndings = []string{
	".csv", ".tsv", ".tab", ".txt", ".data", ".json", ".jsonl", ".ndjson", ".parquet", ".parq", ".pq", ".arrow", ".feather", ".ipc",
	".libsvm", ".svm", ".svmlight", ".idx", ".gz", ".zst", ".bz2", ".zip",
}

var notInName = regexp.MustCompile(`[^A-Za-z0-9._-]+`)

// cleanName makes a name of a path or URL: its base without the endings, or of
// a pattern that has nothing else the directory's.
func cleanName(name string) string {
	if u, err := url.Parse(name); isURL(name) && err == nil {
		if name = strings.Trim(path.Clean(u.Path), "./"); name == "" {
			return cmp.Or(tidy(u.Hostname()), "unnamed")
		}
	}
	for part := filepath.Clean(name); ; {
		base := filepath.Base(part)
		whole := base
		for slices.Contains(tableEndings, strings.ToLower(filepath.Ext(base))) {
			base = strings.TrimSuffix(base, filepath.Ext(base))
		}
		if base == whole {
			base = strings.TrimSuffix(base, filepath.Ext(base))
		}
		if base = tidy(base); base != "" {
			return base
		}
		up := filepath.Dir(part)
		if up == part || up == "." {
			return "unnamed"
		}
		part = up
	}
}

// tidy leaves of a text what a name may hold.
func tidy(text string) string {
	text = strings.Trim(notInName.ReplaceAllString(text, "_"), "._-")
	return text[:min(len(text), 100)]
}
