// Package cli hides what the command lines of all our programs have in common:
// signals and exit codes, flags from the environment and a file, the log, and how
// a server is reached.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"tourney"
)

// The exit codes.
const (
	ExitFailed      = 1
	ExitUsage       = 2
	ExitRefused     = 3
	ExitInterrupted = 130
)

// ErrInterrupted means that the user stopped the program.
var ErrInterrupted = errors.New("interrupted")

// usage is a command line that cannot be.
type usage struct{ error }

func (e usage) Unwrap() error { return e.error }

// Usage marks it: any error with this method is one of usage.
func (usage) Usage() {}

// UsageError returns err as what a command line comes to that cannot be.
func UsageError(err error) error { return usage{err} }

// Prepare gives a program's root command the flags that all have, and the way in
// which errors of usage are told. All its commands have been added.
func Prepare(root *cobra.Command) {
	root.SilenceErrors, root.SilenceUsage = true, true
	root.PersistentPreRunE = func(cmd *cobra.Command, _ []string) error { return Settle(cmd) }
	root.PersistentFlags().String("config", "", "YAML file with a value for any flag, by the flag's name")
	root.PersistentFlags().String("log-level", "warn", "debug, info, warn or error")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage{fmt.Errorf("%w%s; see %s --help", err, nearestFlag(cmd, err), cmd.CommandPath())}
	})
	wrapArgs(root)
}

// Settle gives the flags of a command their values from the environment and the
// config file, as it is done before any command runs.
func Settle(cmd *cobra.Command) error {
	if err := applySettings(cmd); err != nil {
		return err
	}
	return checkAccess(cmd)
}

// Run runs a prepared command until it ends, or is told to by a signal, and
// returns the exit code. An error is told unless it has a method Quiet, which
// means that it has been.
func Run(root *cobra.Command, args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	var told interface{ Quiet() }
	if !errors.As(err, &told) {
		fmt.Fprintln(stderr, root.Name()+": "+errorText(err))
	}
	return ExitCode(err)
}

// ExitCode maps an error to the process's exit code.
func ExitCode(err error) int {
	var wrong interface{ Usage() }
	switch {
	case errors.Is(err, ErrInterrupted):
		return ExitInterrupted
	case errors.As(err, &wrong), errors.Is(err, tourney.ErrInvalid):
		return ExitUsage
	case errors.Is(err, tourney.ErrRefused):
		return ExitRefused
	}
	return ExitFailed
}

// errorText is what a person reads: the fields alone of an invalid input.
func errorText(err error) string {
	if inv := tourney.AsInvalid(err); inv != nil {
		return inv.Error()
	}
	return err.Error()
}

// NewLogger logs to w from a level up.
func NewLogger(level string, w io.Writer) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(strings.ToUpper(level))); err != nil {
		return nil, usage{fmt.Errorf("--log-level %q must be debug, info, warn or error", level)}
	}
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: l})), nil
}

// BuildVersion names the program: what the linker set, else the commit that it
// was built from, else "dev".
func BuildVersion(linked string) string {
	if linked != "" {
		return linked
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

// NewVersion returns the command that prints the version, given what the linker
// set.
func NewVersion(linked string) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if asJSON {
				return json.NewEncoder(cmd.OutOrStdout()).Encode(map[string]string{
					"version": BuildVersion(linked), "go": runtime.Version(), "os": runtime.GOOS, "arch": runtime.GOARCH,
				})
			}
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s %s %s %s/%s\n", cmd.Root().Name(), BuildVersion(linked), runtime.Version(), runtime.GOOS, runtime.GOARCH)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
