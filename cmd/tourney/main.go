// Command tourney searches for the best model and hyperparameters by
// tournament. One binary is coordinator, worker, dashboard and command line.
package main

import (
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"

	"tourney/cmd/internal/cli"
	"tourney/dataset/sql"
	supervised "tourney/worker/process"
)

// version is set by the linker for a release.
var version = ""

func main() {
	sql.Main()        // does not return if this process is to be the SQL engine
	supervised.Main() // nor if it is to be a program, or to look after one
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process: it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	return cli.Run(newRoot(), args, stdout, stderr)
}

// buildVersion names the program.
func buildVersion() string { return cli.BuildVersion(version) }

// Exit codes.
const (
	exitRefused     = cli.ExitRefused
	exitInterrupted = cli.ExitInterrupted
)

// errInterrupted means that the user stopped the program.
var errInterrupted = cli.ErrInterrupted

// usageError is a command line that cannot be.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// Usage marks it for package cli.
func (usageError) Usage() {}

// quietError has been told already.
type quietError struct{ error }

func (e quietError) Unwrap() error { return e.error }

// Quiet marks it for package cli.
func (quietError) Quiet() {}

// exitCode maps an error to the process's exit code.
func exitCode(err error) int { return cli.ExitCode(err) }

// newLogger logs to w from a level up.
func newLogger(level string, w io.Writer) (*slog.Logger, error) { return cli.NewLogger(level, w) }

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "tourney",
		Short: "Find the best model and hyperparameters by tournament",
		Long: `Tourney finds the best model and hyperparameters for your data by tournament:
it breaks a search space into trials, trains them together on as many machines
as there are, stops the losers early, and keeps a leaderboard.

  tourney run examples/digits.yaml     play one sweep on this machine
  tourney up                           stay up: REST API, dashboard, workers`,
	}
	root.AddCommand(newRun(), newUp(), newCoordinator(), newWorker(), newSweep(), newDataset(), newModel(), newToken(), newTLS(), newVerify(), newBackup(), newRestore(), cli.NewVersion(version),
		newInit(), newDoctor(), newMan())
	cli.Prepare(root)
	addCompletion(root)
	return root
}
