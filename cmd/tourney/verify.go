package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tourney"
	"tourney/coordinator"
	"tourney/search"
	"tourney/store"
)

func newVerify() *cobra.Command {
	var asJSON bool
	var where string
	cmd := &cobra.Command{
		Use:   "verify DIR",
		Short: "Check every invariant of a data directory while nothing runs on it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			db, err := openArchive(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			defer db.Close()
			blobs, err := openBlobs(cmd.Context(), where, args[0])
			if err != nil {
				return err
			}
			defer blobs.Close()
			v, err := coordinator.Verify(cmd.Context(), db, blobs)
			if err != nil {
				return err
			}
			if asJSON {
				err = writeJSON(cmd.OutOrStdout(), v)
			} else {
				err = printVerified(cmd.OutOrStdout(), v)
			}
			if err == nil && len(v.Problems) > 0 {
				return fmt.Errorf("%d problems in %s", len(v.Problems), args[0])
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&where, "blobs", "", "where the server keeps blobs, if not in DIR")
	return cmd
}

func printVerified(w io.Writer, v coordinator.Verified) error {
	for _, p := range v.Problems {
		if _, err := fmt.Fprintln(w, p); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "%d sweeps, %d trials, %d events, %d blobs: %d problems\n", v.Sweeps, v.Trials, v.Events, v.Blobs, len(v.Problems))
	return err
}

// openArchive opens a data directory that has to be there.
func openArchive(ctx context.Context, dir string) (*store.Reader, error) {
	if _, err := os.Stat(filepath.Join(dir, "tourney.db")); err != nil {
		return nil, usageError{fmt.Errorf("%s is no data directory: %w", dir, err)}
	}
	return store.OpenReadOnly(ctx, dir)
}

func newSweepReplay() *cobra.Command {
	var dataDir string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "replay ID",
		Short: "Decide a sweep's whole log again and compare each decision",
		Long: `Replay proves a log: it applies what came from outside, decides again what the
search decided, and compares. It reads the log from a server, or with --data-dir
from a directory that no server runs on. The result is exact for the version and
processor architecture that played the sweep.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ctx := cmd.Context()
			var sweep tourney.Sweep
			var log iter.Seq2[tourney.Event, error]
			if dataDir != "" {
				db, err := openArchive(ctx, dataDir)
				if err != nil {
					return err
				}
				defer db.Close()
				if sweep, err = db.Sweep(ctx, args[0]); err != nil {
					return err
				}
				log = coordinator.Walk(ctx, db, sweep.ID)
			} else {
				c := newClient(cmd)
				var err error
				if sweep, err = c.Sweep(ctx, args[0]); err != nil {
					return err
				}
				log = until(c.Events(ctx, sweep.ID, 0), sweep.Cursor)
			}
			n, err := search.Replay(sweep.Spec, sweep.Plan, log)
			var diverged *search.DivergedError
			if errors.As(err, &diverged) {
				return fmt.Errorf("sweep %s: %w", sweep.ID, err)
			}
			if err != nil {
				return interrupted(ctx, err)
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), map[string]any{"sweep": sweep.ID, "events": n, "same": true})
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "sweep %s: %d events, every decision the same\n", sweep.ID, n)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&dataDir, "data-dir", "", "read the log from this directory instead of a server")
	return cmd
}

// until ends a log with the event of that id.
func until(events iter.Seq2[tourney.Event, error], last int64) iter.Seq2[tourney.Event, error] {
	return func(yield func(tourney.Event, error) bool) {
		for e, err := range events {
			if !yield(e, err) || err != nil || e.ID >= last {
				return
			}
		}
	}
}
