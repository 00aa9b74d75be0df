package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"tourney"
	"tourney/worker/command"
)

// commandOptions say which programs the workers of a process may run.
type commandOptions struct {
	file  string   // --allow-commands
	gpus  []string // --gpus
	allow *command.Allow
	own   bool // the server is of whoever started the process alone, which has its own token
}

// commandFlags adds the flags of programs.
func commandFlags(f *pflag.FlagSet, o *commandOptions) {
	f.StringVar(&o.file, "allow-commands", "", "YAML file that names the programs that sweeps may run on this machine; without it there are none")
	f.StringSliceVar(&o.gpus, "gpus", nil, "graphics cards to hand out to programs that ask for some, as CUDA_VISIBLE_DEVICES names them: 0,1")
}

// read reads the allow file, if there is one.
func (o *commandOptions) read() error {
	if o.file == "" {
		if len(o.gpus) > 0 && o.allow == nil {
			return usageError{errors.New("--gpus goes with --allow-commands: only programs get graphics cards")}
		}
		return nil
	}
	var err error
	if o.allow, err = command.ReadAllow(o.file); errors.Is(err, fs.ErrNotExist) {
		return usageError{fmt.Errorf("--allow-commands: %w", err)}
	}
	return err
}

// runner makes what runs programs, or nothing if none may run.
func (o *commandOptions) runner(dir string, blobs command.Put, log *slog.Logger) (*command.Runner, error) {
	if o.allow == nil {
		return nil, nil
	}
	return command.New(command.Config{Allow: o.allow, Dir: dir, GPUs: o.gpus, Shim: wandbShim(), Put: blobs, Log: log})
}

// passed are the variables of whoever runs a file that its program gets: where
// Python and its packages are, and what they have downloaded before.
var passed = []string{
	"HOME", "USER", "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYENV_ROOT", "PYENV_VERSION", "LD_LIBRARY_PATH",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "CUDA_HOME", "CUDA_VISIBLE_DEVICES", "HF_HOME", "TORCH_HOME", "XDG_CACHE_HOME",
}

// allowFile allows exactly the program of a sweep file, for whoever runs it
// here: it runs in the directory of the file, as with W&B.
func (o *commandOptions) allowFile(file string, spec *tourney.Spec) error {
	dir, err := filepath.Abs(filepath.Dir(file))
	if err != nil {
		return err
	}
	fixed := spec.Command.Fixed(tourney.Interpreters()[0])
	e := command.Entry{
		Name: "run", Argv: fixed, Dir: dir, Env: slices.Concat(passed, slices.Sorted(maps.Keys(spec.Command.Env))),
	}
	for _, text := range append(slices.Clone(spec.Command.Line()), slices.Collect(maps.Values(spec.Command.Env))...) {
		for _, m := range tourney.EnvVarRE.FindAllStringSubmatch(text, -1) {
			e.EnvVar = append(e.EnvVar, m[1])
		}
	}
	if p := spec.Command.Program; p != "" && slices.Contains(fixed, p) {
		at := p
		if !filepath.IsAbs(p) {
			at = filepath.Join(dir, p)
		}
		if _, err := os.Stat(at); err != nil && strings.ContainsAny(p, "./") {
			return &tourney.InvalidError{Source: file, Fields: []tourney.FieldError{{Path: "program", Message: "there is no file " + at + "; a path begins where the sweep file lies"}}}
		}
	}
	o.allow = command.AllowOnly(e)
	return nil
}
