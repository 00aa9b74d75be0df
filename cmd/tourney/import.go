package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tourney"
	"tourney/cmd/tourney/internal/foreign"
	"tourney/store/optuna"
)

func newSweepImport() *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "Turn another tool's configuration of a search into a sweep file",
		Long: `Import reads a search as another tool writes it down and prints a sweep file. It
knows Katib's Experiments (v1beta1), Optuna's distributions, Ray Tune's spaces as
JSON, Determined's experiments, NNI's experiments and search spaces, and W&B's sweep
files, and tells which it is from the file; "-" is standard input.

What a sweep file cannot say is told on stderr, and as comments at the top.`,
		Example: `  tourney sweep import experiment.yaml > sweep.yaml
  tourney sweep import --from ray space.json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if storage, err := optuna.Recognise(args[0]); err == nil && storage {
				return usageError{fmt.Errorf("%s: is a storage of trials, no configuration of a search; tourney sweep import-optuna makes a sweep of it", args[0])}
			}
			data, err := readFileOr(cmd.InOrStdin(), args[0])
			if err != nil {
				return usageError{err}
			}
			r, err := foreign.Convert(data, foreign.Options{From: foreign.Format(from), Source: args[0], Commands: true, Open: beside(args[0])})
			if err != nil {
				return err
			}
			for _, l := range r.Lost {
				fmt.Fprintln(cmd.ErrOrStderr(), "not carried:", l)
			}
			_, err = cmd.OutOrStdout().Write(r.File)
			return err
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "determined, katib, nni, optuna, ray or wandb; told from the file if not given")
	return cmd
}

// beside returns how to read the files that a file names: those in its
// directory or below, of the size of a sweep file.
func beside(file string) func(string) ([]byte, error) {
	if file == "-" {
		return nil
	}
	return func(name string) ([]byte, error) {
		root, err := os.OpenRoot(filepath.Dir(file))
		if err != nil {
			return nil, err
		}
		defer root.Close()
		f, err := root.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return io.ReadAll(io.LimitReader(f, tourney.MaxSpecBytes+1))
	}
}

// readFileOr reads a file, or what comes in for "-", up to a byte more than a
// sweep file may have.
func readFileOr(in io.Reader, name string) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("read file: %w", err)
		}
		defer f.Close()
		in = f
	}
	return io.ReadAll(io.LimitReader(in, tourney.MaxSpecBytes+1))
}
