package sql

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"tourney"
)

// The limits of a request.
const (
	defaultMemory = 512 << 20
	leastMemory   = 128 << 20
	maxQuery      = 1 << 20
	maxFiles      = 100_000
	maxThreads    = 256
)

// Request says which files are read and by which query.
type Request struct {
	Files []File
	// Query is one SELECT over the files. Without one they are Parquet files,
	// whose rows are yielded as they are, file by file.
	Query string
	// Memory bounds the engine's process, in bytes; 0 means 512 MiB.
	Memory int64
	// Threads of the engine; 0 means 1. With more, sums of floating-point
	// numbers may differ in their last bits between runs.
	Threads int
	// TempDir is where the engine's own directory is made; empty means the
	// system's. One that a killed process has left, tourney-sql-…, may be
	// removed by whoever owns TempDir.
	TempDir string
}

// File is a file as the query calls it.
type File struct {
	// Name is what people call it, as in "2026/orders.csv.gz": its ending says
	// what it holds, its base without endings what the query calls it, and
	// directories like year=2026 are columns, as elsewhere with Parquet.
	Name string
	// Path is where it lies.
	Path string
	// Table is what the query calls it instead. Files that it calls the same
	// are read as one, in their order.
	Table string
}

// The formats that the engine reads.
const (
	formatCSV     = "csv"
	formatJSON    = "json"
	formatParquet = "parquet"
)

// formats are the endings by which a format is told.
var formats = map[string]string{
	".csv": formatCSV, ".tsv": formatCSV, ".tab": formatCSV, ".txt": formatCSV, ".data": formatCSV,
	".json": formatJSON, ".jsonl": formatJSON, ".ndjson": formatJSON,
	".parquet": formatParquet, ".parq": formatParquet, ".pq": formatParquet,
}

// compressions are the endings of packed text files that the engine unpacks.
var compressions = map[string]string{".gz": "gzip", ".zst": "zstd"}

// check returns a request with its defaults, or a *tourney.InvalidError.
func (r Request) check() (Request, error) {
	if r.Memory == 0 {
		r.Memory = defaultMemory
	}
	if r.Threads == 0 {
		r.Threads = 1
	}
	r.Query = strings.TrimSpace(r.Query)
	switch {
	case r.Memory < leastMemory:
		return r, tourney.Invalid("memory", "%d bytes are too few; the engine needs at least %d MiB", r.Memory, leastMemory>>20)
	case r.Threads < 1 || r.Threads > maxThreads:
		return r, tourney.Invalid("threads", "%d is not between 1 and %d", r.Threads, maxThreads)
	case len(r.Files) == 0:
		return r, tourney.Invalid("files", "there is no file to read")
	case len(r.Files) > maxFiles:
		return r, tourney.Invalid("files", "there are %d files; at most %d are taken", len(r.Files), maxFiles)
	case len(r.Query) > maxQuery:
		return r, tourney.Invalid("sql", "the query has %d bytes; at most %d are taken", len(r.Query), maxQuery)
	case strings.ContainsRune(r.Query, 0):
		return r, tourney.Invalid("sql", "the query holds a NUL character")
	}
	return r, nil
}

// plan finds out what each file holds and where the child will find it, and
// returns the size of all of them.
func (r Request) plan() ([]jobFile, int64, error) {
	files := make([]jobFile, len(r.Files))
	var bytes int64
	for i, f := range r.Files {
		size, err := checkFile(f)
		if err != nil {
			return nil, 0, err
		}
		bytes += size
		jf := jobFile{Name: f.Name, Table: f.Table}
		ending := strings.ToLower(path.Ext(f.Name))
		if c, ok := compressions[ending]; ok {
			jf.Compression = c
			ending = strings.ToLower(path.Ext(strings.TrimSuffix(f.Name, path.Ext(f.Name))))
		}
		if jf.Format = formats[ending]; jf.Format == "" {
			if jf.Format, err = sniff(f); err != nil {
				return nil, 0, err
			}
		}
		if r.Query == "" && jf.Format != formatParquet {
			return nil, 0, invalidFile(f.Name, "it is no Parquet file; only those are read here without a query")
		}
		if jf.Format == formatParquet && jf.Compression != "" {
			return nil, 0, invalidFile(f.Name, "a Parquet file is packed inside; unpack this one first")
		}
		if jf.Table == "" {
			jf.Table = stem(f.Name)
		}
		jf.Link = link(i, f.Name)
		files[i] = jf
	}
	return files, bytes, nil
}

// checkFile returns the size of a file.
func checkFile(f File) (int64, error) {
	info, err := os.Stat(f.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, invalidFile(f.Name, "there is no such file")
	case err != nil:
		return 0, fmt.Errorf("open %s: %w", f.Name, err)
	case !info.Mode().IsRegular():
		return 0, invalidFile(f.Name, "it is not a regular file")
	case info.Size() == 0:
		return 0, invalidFile(f.Name, "it is empty")
	}
	return info.Size(), nil
}

// sniff tells a Parquet file whose name does not say so.
func sniff(f File) (string, error) {
	file, err := os.Open(f.Path)
	if err != nil {
		return "", fmt.Errorf("open %s: %w", f.Name, err)
	}
	defer file.Close()
	magic := make([]byte, 4)
	if _, err := io.ReadFull(file, magic); err == nil && bytes.Equal(magic, []byte("PAR1")) {
		return formatParquet, nil
	}
	return "", invalidFile(f.Name, "its name does not say what it holds; SQL reads .csv, .tsv, .json, .jsonl (also with .gz or .zst) and .parquet")
}

// stem is the base of a file's name without the endings that are known.
func stem(name string) string {
	base := path.Base(filepath.ToSlash(name))
	if _, ok := compressions[strings.ToLower(path.Ext(base))]; ok {
		base = strings.TrimSuffix(base, path.Ext(base))
	}
	if _, ok := formats[strings.ToLower(path.Ext(base))]; ok {
		base = strings.TrimSuffix(base, path.Ext(base))
	}
	return base
}

// partition is a directory that holds the value of a column for all files
// below it; signs that the engine would take for a pattern are left out.
var partition = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*=[^*?\[\]{}\x00-\x1f]+$`)

// link is where the child finds a file, under a name that holds no signs of
// its user's choice but the partitions.
func link(i int, name string) string {
	dirs := []string{"in", fmt.Sprint(i)}
	for dir := range strings.SplitSeq(path.Dir(filepath.ToSlash(name)), "/") {
		if partition.MatchString(dir) {
			dirs = append(dirs, dir)
		}
	}
	return path.Join(append(dirs, "file")...)
}

// invalidFile is what is wrong with a file.
func invalidFile(name, message string) error {
	return &tourney.InvalidError{Source: name, Fields: []tourney.FieldError{{Message: message}}}
}
