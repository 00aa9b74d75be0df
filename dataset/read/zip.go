package read

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// streams returns what a file holds: itself, or the files of a zip archive. The
// closer belongs to them.
func streams(f File, lim Limits) ([]*stream, io.Closer, error) {
	info, err := os.Stat(f.Path)
	if err != nil {
		return nil, nil, fmt.Errorf("open %s: %w", f.Name, err)
	}
	if !info.Mode().IsRegular() {
		return nil, nil, invalid(f.Name, 0, "", "not a regular file")
	}
	file, err := os.Open(f.Path)
	if err != nil {
		return nil, nil, fmt.Errorf("open %s: %w", f.Name, err)
	}
	var magic [6]byte
	n, err := io.ReadFull(file, magic[:])
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return nil, nil, errors.Join(fmt.Errorf("read %s: %w", f.Name, err), file.Close())
	}
	if head := string(magic[:n]); strings.HasPrefix(head, "PK\x03\x04") || strings.HasPrefix(head, "PK\x05\x06") {
		members, err := openZip(f.Name, file, info.Size(), lim)
		if err != nil {
			return nil, nil, errors.Join(err, file.Close())
		}
		return members, file, nil
	}
	if err := file.Close(); err != nil {
		return nil, nil, fmt.Errorf("close %s: %w", f.Name, err)
	}
	s := &stream{name: f.Name, ext: extension(f.Name), size: info.Size(), path: f.Path, lim: lim}
	s.open = func() (io.ReadCloser, error) {
		r, err := os.Open(f.Path)
		if err != nil {
			return nil, fmt.Errorf("open %s: %w", f.Name, err)
		}
		return r, nil
	}
	return []*stream{s}, nil, nil
}

// openZip lists the tables in an archive.
func openZip(name string, file *os.File, size int64, lim Limits) ([]*stream, error) {
	archive, err := zip.NewReader(file, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, invalid(name, 0, "", "the zip archive cannot be read (%v): it is cut short or damaged; copy it again", err)
	}
	if len(archive.File) > lim.Members {
		return nil, invalid(name, 0, "", "the archive holds %d files; at most %d are taken", len(archive.File), lim.Members)
	}
	var members []*zip.File
	var unpacked uint64
	for _, m := range archive.File {
		if err := checkMember(name, m); err != nil {
			return nil, err
		}
		base := path.Base(m.Name)
		if m.FileInfo().IsDir() || strings.HasPrefix(base, ".") || strings.HasPrefix(m.Name, "__MACOSX/") {
			continue
		}
		unpacked += min(m.UncompressedSize64, 1<<62/uint64(lim.Members))
		members = append(members, m)
	}
	if unpacked > uint64(lim.RatioAfter) && unpacked/uint64(lim.Ratio) > uint64(size) {
		return nil, invalid(name, 0, "", "%s unpack to %s, above %d to 1: taken for a decompression bomb and not read",
			bytesOf(size), bytesOf(int64(unpacked)), lim.Ratio)
	}
	members = tablesOf(members, func(m *zip.File) string { return m.Name })
	if len(members) == 0 {
		return nil, invalid(name, 0, "", "the archive holds no file")
	}
	streams := make([]*stream, len(members))
	for i, m := range members {
		inner := name + "/" + m.Name
		streams[i] = &stream{name: inner, ext: extension(m.Name), size: int64(m.CompressedSize64), lim: lim}
		streams[i].open = func() (io.ReadCloser, error) {
			r, err := m.Open()
			if err != nil {
				return nil, invalid(inner, 0, "", "cannot be unpacked (%v); make the archive with deflate, or unpack it first", err)
			}
			return &zipMember{ReadCloser: r, name: inner, size: m.UncompressedSize64}, nil
		}
	}
	return streams, nil
}

// checkMember refuses what has no place in an archive of tables.
func checkMember(archive string, m *zip.File) error {
	switch {
	case !filepath.IsLocal(strings.TrimSuffix(m.Name, "/")) || strings.Contains(m.Name, `\`):
		return invalid(archive, 0, "", "the archive holds %q, a path that leads out of it", shorten(m.Name))
	case m.Name == "[Content_Types].xml":
		return invalid(archive, 0, "", "not a table: it looks like a spreadsheet or a document; save it as CSV")
	case m.Flags&1 != 0:
		return invalid(archive, 0, "", "the archive is encrypted (%s); unpack it first", shorten(m.Name))
	}
	return nil
}

// zipMember says what went wrong in an archive's file, and where.
type zipMember struct {
	io.ReadCloser
	name string
	size uint64
	out  int64
}

func (z *zipMember) Read(p []byte) (int, error) {
	n, err := z.ReadCloser.Read(p)
	z.out += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = invalid(z.name, 0, "", "the zip data are cut short or damaged after %s of %s (%v); copy the archive again",
			bytesOf(z.out), bytesOf(int64(z.size)), err)
	}
	return n, err
}

// tableExtensions are those of files that hold tables. ".txt" and ".data" are
// often tables, and as often not.
var tableExtensions = []string{
	".csv", ".tsv", ".tab", ".psv", ".json", ".jsonl", ".ndjson", ".arrow", ".arrows", ".feather", ".ipc",
	".libsvm", ".svm", ".svmlight", ".idx", ".parquet",
}

// tablesOf leaves the read-me files of a directory out: if some files have the
// extension of a table, those are the table.
func tablesOf[T any](files []T, name func(T) string) []T {
	var tables []T
	for _, f := range files {
		if ext := extension(name(f)); slices.Contains(tableExtensions, ext) || strings.HasSuffix(ext, "-ubyte") {
			tables = append(tables, f)
		}
	}
	if len(tables) > 0 {
		return tables
	}
	return files
}

// extension returns that of a file's name in lower case, without those of
// packings. IDX files have theirs behind a hyphen.
func extension(name string) string {
	base := strings.ToLower(path.Base(filepath.ToSlash(name)))
	for again := true; again; {
		again = false
		for _, p := range append([]string{".zip", ".bz", ".gzip", ".zstd"}, packings[0].ext, packings[1].ext, packings[2].ext) {
			if cut, ok := strings.CutSuffix(base, p); ok {
				base, again = cut, true
			}
		}
	}
	if strings.HasSuffix(base, "-ubyte") {
		return "-ubyte"
	}
	return path.Ext(base)
}
