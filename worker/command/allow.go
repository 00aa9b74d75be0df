package command

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"tourney"
)

// Allow is what a worker lets sweeps run: nothing but what its own file names.
type Allow struct {
	entries []Entry
}

// Entry allows one program.
type Entry struct {
	Name   string
	Argv   []string // how the command begins; what follows are arguments, and free
	SHA256 string   // of the file that the last element of Argv names; empty: any
	Dir    string   // where it runs, and where relative paths in Argv begin; empty: the trial's own directory
	Env    []string // variables that it gets: from the sweep if that sets them, else the worker's
	EnvVar []string // names that ${envvar:NAME} may have in its command
	Limits Limits
}

// Limits bound each trial of an entry. 0 means none, but for the disk, which
// has a default.
type Limits struct {
	Timeout  time.Duration
	Memory   int64 // bytes
	CPUTime  time.Duration
	Files    int64
	FileSize int64 // bytes
	Procs    int
	Disk     int64 // bytes, of the trial's directory
}

// DefaultDisk bounds a trial's directory, in bytes, where nothing else is said.
const DefaultDisk = 20 << 30

// file is an allow file as it is written.
type file struct {
	Commands map[string]struct {
		Argv     []string `yaml:"argv"`
		SHA256   string   `yaml:"sha256"`
		Dir      string   `yaml:"dir"`
		Env      []string `yaml:"env"`
		EnvVar   []string `yaml:"envvar"`
		Timeout  string   `yaml:"timeout"`
		Memory   string   `yaml:"memory"`
		CPUTime  string   `yaml:"cpu_time"`
		Files    int64    `yaml:"files"`
		FileSize string   `yaml:"file_size"`
		Procs    int      `yaml:"procs"`
		Disk     string   `yaml:"disk"`
	} `yaml:"commands"`
}

var hashRE = regexp.MustCompile(`^[0-9a-f]{64}$`)

// ReadAllow reads an allow file. The error is a *tourney.InvalidError if it is
// wrong.
func ReadAllow(path string) (*Allow, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read allow file: %w", err)
	}
	if info, err := os.Stat(path); err == nil && info.Mode().Perm()&0o022 != 0 {
		return nil, fmt.Errorf("%w: allow file %s may be written by others than its owner, who could then run what they like here; run chmod go-w %s", tourney.ErrRefused, path, path)
	}
	var f file
	if err := yaml.Load(data, &f, yaml.WithKnownFields()); err != nil {
		return nil, &tourney.InvalidError{Source: path, Fields: []tourney.FieldError{{Message: err.Error()}}}
	}
	a := &Allow{}
	inv := &tourney.InvalidError{Source: path}
	for name, c := range f.Commands {
		e := Entry{Name: name, Argv: c.Argv, SHA256: strings.ToLower(c.SHA256), Dir: c.Dir, Env: c.Env, EnvVar: c.EnvVar}
		e.Limits.Files, e.Limits.Procs = c.Files, c.Procs
		bad := func(key, format string, args ...any) {
			inv.Fields = append(inv.Fields, tourney.FieldError{Path: "commands." + name + "." + key, Message: fmt.Sprintf(format, args...)})
		}
		for _, d := range []struct {
			key, text string
			out       *time.Duration
		}{{"timeout", c.Timeout, &e.Limits.Timeout}, {"cpu_time", c.CPUTime, &e.Limits.CPUTime}} {
			if d.text == "" {
				continue
			}
			if *d.out, err = time.ParseDuration(d.text); err != nil || *d.out <= 0 {
				bad(d.key, "%q is no time; write it as 2h30m", d.text)
			}
		}
		for _, d := range []struct {
			key, text string
			out       *int64
		}{{"memory", c.Memory, &e.Limits.Memory}, {"file_size", c.FileSize, &e.Limits.FileSize}, {"disk", c.Disk, &e.Limits.Disk}} {
			if d.text == "" {
				continue
			}
			if *d.out, err = tourney.ParseBytes(d.text); err != nil {
				bad(d.key, "%q is no size; write it as 8GiB", d.text)
			}
		}
		e.check(bad)
		a.entries = append(a.entries, e)
	}
	slices.SortFunc(inv.Fields, func(a, b tourney.FieldError) int { return strings.Compare(a.Path, b.Path) })
	if len(inv.Fields) > 0 {
		return nil, inv
	}
	a.sort()
	return a, nil
}

// sort puts longer beginnings first: the most exact entry counts.
func (a *Allow) sort() {
	slices.SortFunc(a.entries, func(x, y Entry) int {
		if d := len(y.Argv) - len(x.Argv); d != 0 {
			return d
		}
		return strings.Compare(x.Name, y.Name)
	})
}

func (e *Entry) check(bad func(key, format string, args ...any)) {
	if len(e.Argv) == 0 || e.Argv[0] == "" {
		bad("argv", "is missing: list how the command begins, as in [/usr/bin/env, python, train.py]")
		return
	}
	for i, arg := range e.Argv {
		if strings.Contains(arg, "${") {
			bad(fmt.Sprintf("argv.%d", i), "%q: macros are the sweep's; write what they stand for", arg)
		}
	}
	if e.Dir != "" && !filepath.IsAbs(e.Dir) {
		bad("dir", "%q must be an absolute path", e.Dir)
	}
	if e.SHA256 != "" && !hashRE.MatchString(e.SHA256) {
		bad("sha256", "must be 64 hexadecimal digits; sha256sum FILE prints them")
	}
	if e.Limits.Files < 0 || e.Limits.Procs < 0 {
		bad("files", "must not be negative, nor procs")
	}
}

// AllowOnly allows one program alone: what tourney run does for the file that it
// was given.
func AllowOnly(e Entry) *Allow { return &Allow{entries: []Entry{e}} }

// Prefixes returns how the commands begin that are allowed.
func (a *Allow) Prefixes() [][]string {
	if a == nil {
		return nil
	}
	var all [][]string
	for _, e := range a.entries {
		all = append(all, e.Argv)
	}
	return all
}

// find returns the entry that allows a command, given its elements that are the
// same in every trial. The error says what would allow it.
func (a *Allow) find(fixed []string) (Entry, error) {
	if a != nil {
		for _, e := range a.entries {
			if len(e.Argv) <= len(fixed) && slices.Equal(e.Argv, fixed[:len(e.Argv)]) {
				return e, nil
			}
		}
	}
	quoted := make([]string, len(fixed))
	for i, f := range fixed {
		quoted[i] = fmt.Sprintf("%q", f)
	}
	return Entry{}, fmt.Errorf("%w: this worker does not run %s; a line in its --allow-commands file would let it: commands: {NAME: {argv: [%s]}}",
		tourney.ErrRefused, strings.Join(fixed, " "), strings.Join(quoted, ", "))
}

// verify makes sure that the program is the one that the entry means.
func (e *Entry) verify() error {
	if e.SHA256 == "" {
		return nil
	}
	name := e.Argv[len(e.Argv)-1]
	if !filepath.IsAbs(name) {
		if e.Dir == "" {
			return fmt.Errorf("%w: commands.%s has a sha256, so %s must be an absolute path, or dir say where it lies", tourney.ErrRefused, e.Name, name)
		}
		name = filepath.Join(e.Dir, name)
	}
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("%w: commands.%s: %w", tourney.ErrRefused, e.Name, err)
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return fmt.Errorf("%w: commands.%s: %w", tourney.ErrRefused, e.Name, err)
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != e.SHA256 {
		return fmt.Errorf("%w: %s has changed: its sha256 is %s, and commands.%s.sha256 says %s", tourney.ErrRefused, name, got, e.Name, e.SHA256)
	}
	return nil
}

// variable returns what ${envvar:NAME} stands for.
func (e *Entry) variable(name string) (string, error) {
	if !slices.Contains(e.EnvVar, name) {
		return "", fmt.Errorf("%w: ${envvar:%s} may not be read here; a line in the worker's --allow-commands file would let it: commands.%s.envvar: [%s]",
			tourney.ErrRefused, name, e.Name, name)
	}
	if v, ok := os.LookupEnv(name); ok {
		return v, nil
	}
	return name, nil
}
