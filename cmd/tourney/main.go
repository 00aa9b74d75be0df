// Command tourney searches for the best model and hyperparameters by
// tournament. One binary is coordinator, worker, dashboard and command line.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"

	"tourney"
	"tourney/dataset/sql"
	"tourney/worker/process"
)

// version is set by the linker for a release.
var version = ""

// buildVersion names the program: what the linker set, else the commit that it
// was built from, else "dev".
func buildVersion() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" && len(s.Value) >= 12 {
				return "dev-" + s.Value[:12]
			}
		}
	}
	return "dev"
}

// The exit codes.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitRefused     = 3
	exitInterrupted = 130
)

func main() {
	sql.Main()     // does not return if this process is to be the SQL engine
	process.Main() // nor if it is to be a program, or to look after one
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var quiet quietError
	if !errors.As(err, &quiet) {
		fmt.Fprintln(stderr, "tourney: "+errorText(err))
	}
	return exitCode(err)
}

// exitCode maps an error to the process's exit code.
func exitCode(err error) int {
	var usage usageError
	switch {
	case errors.Is(err, errInterrupted):
		return exitInterrupted
	case errors.As(err, &usage), errors.Is(err, tourney.ErrInvalid):
		return exitUsage
	case errors.Is(err, tourney.ErrRefused):
		return exitRefused
	}
	return exitFailed
}

// errorText is what a person reads: the fields alone of an invalid input.
func errorText(err error) string {
	if inv := tourney.AsInvalid(err); inv != nil {
		return inv.Error()
	}
	return err.Error()
}

// errInterrupted means that the user stopped the program.
var errInterrupted = errors.New("interrupted")

// usageError is a command line that cannot be.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// quietError has been told already.
type quietError struct{ error }

func (e quietError) Unwrap() error { return e.error }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "tourney",
		Short: "Find the best model and hyperparameters by tournament",
		Long: `Tourney finds the best model and hyperparameters for your data by tournament:
it breaks a search space into trials, trains them together on as many machines
as there are, stops the losers early, and keeps a leaderboard.

  tourney run examples/digits.yaml     play one sweep on this machine
  tourney up                           stay up: REST API, dashboard, workers`,
		SilenceErrors: true,
		SilenceUsage:  true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := applySettings(cmd); err != nil {
				return err
			}
			return checkAccess(cmd)
		},
	}
	root.PersistentFlags().String("config", "", "YAML file with a value for any flag, by the flag's name")
	root.PersistentFlags().String("log-level", "warn", "debug, info, warn or error")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usageError{fmt.Errorf("%w%s; see %s --help", err, nearestFlag(cmd, err), cmd.CommandPath())}
	})
	root.AddCommand(newRun(), newUp(), newCoordinator(), newWorker(), newSweep(), newDataset(), newModel(), newToken(), newTLS(), newVerify(), newBackup(), newRestore(), newVersion(),
		newInit(), newDoctor(), newMan())
	wrapArgs(root)
	addCompletion(root)
	return root
}

// wrapArgs makes a wrong number of arguments, and a command that there is not,
// a usage error with the nearest command.
func wrapArgs(cmd *cobra.Command) {
	check := cmd.Args
	if cmd.HasSubCommands() {
		check = noSuchCommand
		cmd.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	cmd.Args = func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usageError{fmt.Errorf("%w; usage: %s", err, c.UseLine())}
		}
		return nil
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

// noSuchCommand refuses the arguments of a command that only groups others.
func noSuchCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	return fmt.Errorf("no command %q%s", c.CommandPath()+" "+args[0], tourney.DidYouMean(args[0], names))
}

// applySettings gives each flag that is not on the command line its value from
// the environment (TOURNEY_ and the flag's name in capitals), else from the
// config file.
func applySettings(cmd *cobra.Command) error {
	env := func(name string) (string, bool) {
		return os.LookupEnv("TOURNEY_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
	}
	path, _ := cmd.Flags().GetString("config")
	if v, ok := env("config"); ok && path == "" {
		path = v
	}
	file := map[string]any{}
	if path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return usageError{fmt.Errorf("read config file: %w", err)}
		}
		if err := yaml.Unmarshal(data, &file); err != nil {
			return usageError{fmt.Errorf("config file %s: %w", path, err)}
		}
		known := flagNames(cmd.Root())
		for _, key := range slices.Sorted(maps.Keys(file)) {
			if !slices.Contains(known, key) {
				return usageError{fmt.Errorf("config file %s: %s: no flag of that name%s", path, key, tourney.DidYouMean(key, known))}
			}
		}
	}
	var err error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value, ok := env(f.Name)
		values := []any{value}
		if !ok {
			var v any
			v, ok = file[f.Name]
			if values, _ = v.([]any); values == nil { // a list sets a flag that may be repeated
				values = []any{v}
			}
		}
		if !ok || f.Changed || err != nil {
			return
		}
		for _, v := range values {
			if e := cmd.Flags().Set(f.Name, fmt.Sprint(v)); e != nil {
				err = usageError{fmt.Errorf("%s from the environment or config file: %w", f.Name, e)}
			}
		}
	})
	return err
}

// flagNames returns the names of all flags of a command and those below it.
func flagNames(cmd *cobra.Command) []string {
	var names []string
	add := func(f *pflag.Flag) { names = append(names, f.Name) }
	cmd.PersistentFlags().VisitAll(add)
	cmd.Flags().VisitAll(add)
	for _, sub := range cmd.Commands() {
		names = append(names, flagNames(sub)...)
	}
	return names
}

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "tourney %s %s %s/%s\n", buildVersion(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
}
