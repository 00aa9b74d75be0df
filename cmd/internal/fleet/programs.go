package fleet

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
	"tourney/clients/python"
	"tourney/cmd/internal/cli"
	"tourney/worker/command"
)

// Programs says which programs the workers of a process may run.
type Programs struct {
	File  string   // --allow-commands
	GPUs  []string // --gpus
	Allow *command.Allow
	Own   bool // the server is of whoever started the process alone, which has its own token
}

// Flags adds the flags of programs.
func (o *Programs) Flags(f *pflag.FlagSet) {
	f.StringVar(&o.File, "allow-commands", "", "YAML file that names the programs that sweeps may run on this machine; without it there are none")
	f.StringSliceVar(&o.GPUs, "gpus", nil, "graphics cards to hand out to programs that ask for some, as CUDA_VISIBLE_DEVICES names them: 0,1")
}

// Read reads the allow file, if there is one.
func (o *Programs) Read() error {
	if o.File == "" {
		if len(o.GPUs) > 0 && o.Allow == nil {
			return cli.UsageError(errors.New("--gpus goes with --allow-commands: only programs get graphics cards"))
		}
		return nil
	}
	var err error
	if o.Allow, err = command.ReadAllow(o.File); errors.Is(err, fs.ErrNotExist) {
		return cli.UsageError(fmt.Errorf("--allow-commands: %w", err))
	}
	return err
}

// runner makes what runs programs, or nothing if none may run.
func (o *Programs) runner(dir string, blobs command.Put, log *slog.Logger) (*command.Runner, error) {
	if o.Allow == nil {
		return nil, nil
	}
	return command.New(command.Config{Allow: o.Allow, Dir: dir, GPUs: o.GPUs, Shim: python.Shim(), Put: blobs, Log: log})
}

// passed are the variables of whoever runs a file that its program gets: where
// Python and its packages are, and what they have downloaded before.
var passed = []string{
	"HOME", "USER", "VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "PYENV_ROOT", "PYENV_VERSION", "LD_LIBRARY_PATH",
	"SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "CUDA_HOME", "CUDA_VISIBLE_DEVICES", "HF_HOME", "TORCH_HOME", "XDG_CACHE_HOME",
}

// AllowFile allows exactly the program of a sweep file, for whoever runs it
// here: it runs in the directory of the file, as with W&B.
func (o *Programs) AllowFile(file string, spec *tourney.Spec) error {
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
	o.Allow = command.AllowOnly(e)
	return nil
}
