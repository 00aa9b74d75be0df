package command

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"tourney"
	"tourney/trainers/command"
)

// tail follows files as they grow, from their beginning. Its methods belong to
// one goroutine.
type tail struct {
	root    *os.Root
	sources []*followed
}

// followed is a source of metrics that is a file, or a directory of event
// files.
type followed struct {
	tourney.MetricSource
	lines *command.LineReader
	files map[string]*position
}

// position is how far a file was read.
type position struct {
	offset int64
	rest   []byte // a line that has not ended
	events *command.EventReader
	broken bool
}

// maxFollowed bounds how many event files a trial may have.
const maxFollowed = 1000

// readAtOnce bounds what is read of a file in one look, in bytes.
const readAtOnce = 4 << 20

// newTail follows those of the sources that are files below a directory.
func newTail(dir string, sources []tourney.MetricSource, metric string) (*tail, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	t := &tail{root: root}
	for _, m := range sources {
		if m.File == "" {
			continue
		}
		f := &followed{MetricSource: m, files: map[string]*position{}}
		if m.Format != "tensorboard" {
			if f.lines, err = command.NewLineReader(m, metric); err != nil {
				return nil, errors.Join(err, root.Close())
			}
		}
		t.sources = append(t.sources, f)
	}
	return t, nil
}

func (t *tail) close() { _ = t.root.Close() } // it was only read

// look reads what was added since the last look. With end, a last line without
// an end counts.
func (t *tail) look(end bool, take func(command.Observation), complain func(format string, args ...any)) {
	for _, s := range t.sources {
		names := []string{s.File}
		if s.Format == "tensorboard" {
			names = t.eventFiles(s.File)
		}
		for _, name := range names {
			p := s.files[name]
			if p == nil {
				if len(s.files) >= maxFollowed {
					continue
				}
				p = &position{events: &command.EventReader{}}
				s.files[name] = p
			}
			for !p.broken {
				chunk := t.read(name, p)
				if err := s.feed(p, chunk, end, take); err != nil {
					p.broken = true
					complain("%s: %v; it is not read any further", name, err)
				}
				if len(chunk) < readAtOnce {
					break
				}
			}
		}
	}
}

// eventFiles lists TensorBoard's files below a directory, oldest first: their
// names hold the time.
func (t *tail) eventFiles(dir string) []string {
	var names []string
	_ = fs.WalkDir(t.root.FS(), path.Clean(dir), func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil //nolint:nilerr // it may come later
		}
		if d.Type().IsRegular() && strings.Contains(path.Base(name), "tfevents") {
			names = append(names, name)
		}
		if len(names) > maxFollowed {
			return fs.SkipAll
		}
		return nil
	})
	slices.SortFunc(names, func(a, b string) int { return strings.Compare(path.Base(a)+a, path.Base(b)+b) })
	return names
}

// read reads what follows a position. A file that became shorter was written
// anew.
func (t *tail) read(name string, p *position) []byte {
	info, err := t.root.Stat(filepath.FromSlash(name))
	if err != nil || !info.Mode().IsRegular() || info.Size() == p.offset {
		return nil
	}
	f, err := t.root.Open(filepath.FromSlash(name))
	if err != nil {
		return nil
	}
	defer f.Close()
	if info.Size() < p.offset {
		*p = position{events: &command.EventReader{}}
	}
	chunk := make([]byte, min(readAtOnce, info.Size()-p.offset))
	n, err := f.ReadAt(chunk, p.offset)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	p.offset += int64(n)
	return chunk[:n]
}

func (s *followed) feed(p *position, chunk []byte, end bool, take func(command.Observation)) error {
	if s.Format == "tensorboard" {
		found, err := p.events.Feed(chunk)
		for _, o := range found {
			take(o)
		}
		return err
	}
	p.rest = append(p.rest, chunk...)
	for {
		line, rest, whole := bytes.Cut(p.rest, []byte("\n"))
		if !whole && len(p.rest) <= command.MaxLine && (!end || len(p.rest) == 0) {
			p.rest = bytes.Clone(p.rest) // lets go of what was read
			return nil
		}
		p.rest = rest
		for _, o := range s.lines.Read(string(line)) {
			take(o)
		}
	}
}
