package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tourney"
	"tourney/api/client"
	"tourney/store/optuna"
)

func newSweepExport() *cobra.Command {
	var format, out string
	var noCurves bool
	formats := []string{"optuna-sqlite", "optuna-journal"}
	cmd := &cobra.Command{
		Use:   "export ID --format FORMAT -o FILE",
		Short: "Write a sweep as a storage of Optuna's, for its plots and dashboard",
		Long: `Export writes a sweep with its trials, their states, values, learning curves and
constraints as a storage that Optuna 3.2 and later open: a SQLite file, or a
journal. A sweep that runs is exported as it stands.

Optuna keeps times in SQLite without a zone; they are written in this machine's.`,
		Example: `  tourney sweep export ID --format optuna-sqlite -o churn.db
  optuna-dashboard sqlite:///churn.db`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !slices.Contains(formats, format) {
				return usageError{fmt.Errorf("--format %q must be %s%s", format, strings.Join(formats, " or "), tourney.DidYouMean(format, formats))}
			}
			if out == "" {
				return usageError{errors.New("--output is missing: the file to write")}
			}
			study, err := fetchStudy(cmd.Context(), newClient(cmd), args[0], !noCurves, accessOf(cmd).token != "")
			if err != nil {
				return interrupted(cmd.Context(), err)
			}
			if err := writeStudy(cmd.Context(), format, out, study); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "wrote study %s with %d trials to %s\n", study.Name, len(study.Trials), out)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&format, "format", "", strings.Join(formats, " or "))
	f.StringVarP(&out, "output", "o", "", "file to write; one that is there is left alone")
	f.BoolVar(&noCurves, "no-curves", false, "leave out the values on the way, of which each trial is asked by itself")
	return cmd
}

// askEvery is the time between requests of one token, which may send 50 a
// second.
const askEvery = 25 * time.Millisecond

// fetchStudy reads a sweep as a study.
func fetchStudy(ctx context.Context, c *client.Client, id string, curves, slow bool) (optuna.Study, error) {
	sweep, err := c.Sweep(ctx, id)
	if err != nil {
		return optuna.Study{}, err
	}
	trials, err := collect(c.Trials(ctx, id), -1)
	if err != nil {
		return optuna.Study{}, err
	}
	points := map[int][]tourney.Point{}
	for i := range trials {
		if !curves || trials[i].Step == 0 {
			continue
		}
		if points[trials[i].Number], err = c.Points(ctx, id, trials[i].Number); err != nil {
			return optuna.Study{}, err
		}
		if slow {
			select {
			case <-time.After(askEvery):
			case <-ctx.Done():
				return optuna.Study{}, ctx.Err()
			}
		}
	}
	return optuna.FromSweep(&sweep, trials, points), nil
}

func writeStudy(ctx context.Context, format, path string, study optuna.Study) error {
	if format == "optuna-sqlite" {
		return optuna.WriteSQLite(ctx, path, time.Local, study) //nolint:gosmopolitan // Optuna's times are those of the machine
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write Optuna journal: %w", err)
	}
	if err := errors.Join(optuna.WriteJournal(f, study), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}

func newSweepImportOptuna() *cobra.Command {
	var name string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "import-optuna FILE",
		Short: "Make a sweep of an Optuna study, with all its finished trials",
		Long: `Import reads a SQLite file or journal of Optuna 3 or later and makes a sweep of one
of its studies: trainer external, with the study's points in their order, and
told at once what came of each. The sweep has its board, plots and importance,
others may name it in warm_start, and after tourney sweep extend one may go on
with it by asking and telling.

What Optuna can say and a sweep cannot is told: trials that repeat a point, or
that have not ended, are left out; pruned trials are told as failed, and keep
their curves.`,
		Example: `  tourney sweep import-optuna optuna.db --study churn`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			sweep, err := importOptuna(cmd.Context(), newClient(cmd), args[0], name, cmd.ErrOrStderr())
			if err != nil {
				return interrupted(cmd.Context(), err)
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), sweep)
			}
			fmt.Fprintln(cmd.OutOrStdout(), sweep.ID)
			return nil
		},
	}
	cmd.Flags().StringVar(&name, "study", "", "study to import, if the file has several")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// importOptuna makes a sweep of a study in a storage of Optuna's. What could
// not be carried is told on stderr.
func importOptuna(ctx context.Context, c *client.Client, path, name string, stderr io.Writer) (tourney.Sweep, error) {
	study, err := readStudy(ctx, path, name)
	if err != nil {
		return tourney.Sweep{}, err
	}
	replay, err := study.Replay()
	if err != nil {
		return tourney.Sweep{}, err
	}
	for _, note := range replay.Notes {
		fmt.Fprintln(stderr, "note:", note)
	}
	file, err := json.Marshal(replay.Spec)
	if err != nil {
		return tourney.Sweep{}, fmt.Errorf("write the sweep of study %s: %w", study.Name, err)
	}
	sweep, err := c.CreateSweep(ctx, file, "")
	if err != nil {
		return tourney.Sweep{}, err
	}
	if err := tellReplay(ctx, c, sweep.ID, &replay); err != nil {
		return tourney.Sweep{}, fmt.Errorf("import into sweep %s: %w", sweep.ID, err)
	}
	fmt.Fprintf(stderr, "imported %d of %d trials of study %s\n", len(replay.Tells), len(study.Trials), study.Name)
	return c.Sweep(ctx, sweep.ID)
}

// readStudy reads the study of that name, or the only one.
func readStudy(ctx context.Context, path, name string) (*optuna.Study, error) {
	studies, err := optuna.Read(ctx, path, time.Local) //nolint:gosmopolitan // Optuna's times are those of the machine
	if err != nil {
		return nil, err
	}
	var names []string
	for i := range studies {
		if studies[i].Name == name {
			return &studies[i], nil
		}
		names = append(names, studies[i].Name)
	}
	switch {
	case name != "":
		return nil, usageError{fmt.Errorf("%s has no study %q%s; there are %q", path, name, tourney.DidYouMean(name, names), names)}
	case len(studies) == 0:
		return nil, fmt.Errorf("%w: %s has no study", tourney.ErrInvalid, path)
	case len(studies) > 1:
		return nil, usageError{fmt.Errorf("%s has %d studies; say which with --study: %q", path, len(studies), names)}
	}
	return &studies[0], nil
}

// maxTellBytes keeps requests below the largest that a server takes, 1 MiB.
const maxTellBytes = 512 << 10

// tellReplay asks for the trials of a replay and tells what came of each. A
// failure comes again until it has failed as often as failures may.
func tellReplay(ctx context.Context, c *client.Client, id string, replay *optuna.Replay) error {
	for {
		reply, err := c.Ask(ctx, id, tourney.AskRequest{Count: tourney.MaxAsk, Worker: "import"}, "")
		if err != nil {
			return err
		}
		if len(reply.Trials) == 0 {
			if reply.State.Terminal() {
				return nil
			}
			return fmt.Errorf("the sweep is %s and gives no trial", reply.State)
		}
		var tells []tourney.Tell
		size := 0
		for _, asked := range reply.Trials {
			if asked.Trial >= len(replay.Tells) || !samePoint(asked.Params, replay.Spec.Points[asked.Trial]) {
				return fmt.Errorf("trial %d is none of the study", asked.Trial)
			}
			tell := replay.Tells[asked.Trial]
			tell.Token = asked.Token
			data, err := json.Marshal(tell)
			if err != nil {
				return fmt.Errorf("tell trial %d: %w", asked.Trial, err)
			}
			if size += len(data); size > maxTellBytes && len(tells) > 0 {
				if _, err := c.Tell(ctx, id, tells...); err != nil {
					return err
				}
				tells, size = tells[:0], len(data)
			}
			tells = append(tells, tell)
		}
		if _, err := c.Tell(ctx, id, tells...); err != nil {
			return err
		}
	}
}

// samePoint reports whether a proposed point is the one that was asked for.
func samePoint(got, want tourney.Params) bool {
	var a, b tourney.Params
	return json.Unmarshal([]byte(got.Key()), &a) == nil && json.Unmarshal([]byte(want.Key()), &b) == nil && reflect.DeepEqual(a, b)
}
