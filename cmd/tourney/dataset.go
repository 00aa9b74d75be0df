package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tourney"
	"tourney/dataset/ingest"
)

func newDataset() *cobra.Command {
	cmd := &cobra.Command{Use: "dataset", Short: "Make datasets of tables; list, show and delete them"}
	serverFlag(cmd)
	cmd.AddCommand(newDatasetAdd(), newDatasetList(), newDatasetShow(), newDatasetSample(), newDatasetDelete(), newDatasetSynth())
	return cmd
}

// addOptions are the flags of tourney dataset add as they are given.
type addOptions struct {
	req                tourney.DatasetRequest
	task, split, types string
	tests              []string
	asJSON             bool
}

func newDatasetAdd() *cobra.Command {
	var o addOptions
	cmd := &cobra.Command{
		Use:   "add NAME PATH...",
		Short: "Make a dataset of a table",
		Long: `Add makes a dataset of a file, a directory of files, a pattern, or a URL that the
server may read: CSV in every dialect, Parquet, Arrow, JSON lines, LIBSVM or IDX,
packed or not. It tells the type of each column, shuffles the rows once, seals a
share of them as test rows, and stores all as shards. The same files with the same
options make nothing new, and are not uploaded again.`,
		Example: `  tourney dataset add churn telco_churn.csv --target Churn --drop customerID
  tourney dataset add clicks 'logs/*.parquet' --target clicked --time at --split time:0.1
  tourney dataset add mnist mnist/
  tourney dataset add orders *.csv --sql 'SELECT * FROM orders JOIN customers USING (id)' --target returned`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.complete(args); err != nil {
				return err
			}
			t, err := findTable(args[1:], o.tests)
			if err != nil {
				return err
			}
			ds, err := register(cmd.Context(), newClient(cmd), o.req, t, cmd.ErrOrStderr())
			if err != nil {
				return interrupted(cmd.Context(), err)
			}
			if o.asJSON {
				return writeJSON(cmd.OutOrStdout(), ds)
			}
			return printDataset(cmd.OutOrStdout(), ds)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.req.Target, "target", "", "the column to predict")
	f.StringVar(&o.task, "task", "auto", "classification, regression, or auto: told from the target")
	f.StringVar(&o.types, "types", "", "YAML file with the kind of columns, or the list of an ordered category's levels")
	f.StringVar(&o.split, "split", "", "which rows to seal as test rows: 0.2, group:0.2, time:0.2, last:0.2, last:ROWS, column:NAME or file")
	f.StringArrayVar(&o.tests, "test-file", nil, "file, directory or pattern with the test rows; may be repeated")
	f.StringVar(&o.req.SQL, "sql", "", "a query over the files, by their names without endings; its result is the table")
	f.StringSliceVar(&o.req.Drop, "drop", nil, "columns to leave out")
	f.StringVar(&o.req.Group, "group", "", "column: rows that share a value stay on one side of every cut")
	f.StringVar(&o.req.Time, "time", "", "column: rows are kept in its order, in blocks")
	f.StringVar(&o.req.Weight, "weight", "", "column with the weights of the rows")
	f.StringVar(&o.req.Format, "format", "", "csv, tsv, json, arrow, libsvm, idx or parquet; told from the files if not given")
	f.Uint64Var(&o.req.Seed, "seed", 0, "seed of the shuffle and the split")
	f.BoolVar(&o.asJSON, "json", false, "print JSON")
	return cmd
}

// complete makes the request of what was given.
func (o *addOptions) complete(args []string) error {
	o.req.Name = args[0]
	if err := tourney.CheckName(o.req.Name); err != nil {
		return usageError{err}
	}
	if o.task != "auto" {
		o.req.Task = tourney.Task(o.task)
	}
	if len(args) == 2 {
		o.req.File = args[1]
	}
	var err error
	if o.split != "" {
		if o.req.Split, err = tourney.ParseSplit(o.split); err != nil {
			return usageError{fmt.Errorf("--split: %w", err)}
		}
	}
	if o.types != "" {
		o.req.Types, err = readTypes(o.types)
	}
	return err
}

func newDatasetList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the datasets",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			all, err := collect(newClient(cmd).Datasets(cmd.Context()), -1)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), all)
			}
			for _, ds := range all {
				fmt.Fprintf(cmd.OutOrStdout(), "%-24s %-14s %12s rows %6d columns  target %s  %.12s\n", ds.Name, ds.Task, grouped(int64(ds.Rows)), len(ds.Columns), ds.Target, ds.Version)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newDatasetShow() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show NAME",
		Short: "Show a dataset's columns, their statistics, and what may hurt",
		Long: `Show prints what is known of a dataset, NAME or NAME@VERSION. The statistics are of
the rows that are not test rows.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ds, err := newClient(cmd).Dataset(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), ds)
			}
			return printDataset(cmd.OutOrStdout(), ds)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newDatasetSample() *cobra.Command {
	var rows int
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "sample NAME",
		Short: "Print some rows of a dataset, never test rows",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if rows < 1 || rows > 1000 {
				return usageError{fmt.Errorf("--rows must be between 1 and 1000, not %d", rows)}
			}
			s, err := newClient(cmd).SampleDataset(cmd.Context(), args[0], rows)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), s)
			}
			return printSample(cmd.OutOrStdout(), s)
		},
	}
	cmd.Flags().IntVar(&rows, "rows", 20, "how many")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newDatasetDelete() *cobra.Command {
	var yes, asJSON bool
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete a dataset, or one version of it as NAME@VERSION",
		Long: `Delete removes NAME, all its versions, or NAME@VERSION alone. It is refused while a
sweep that has not ended uses it. Sweeps that have ended keep their boards, but
none of their trials can be trained again. It asks first, or needs --yes where
there is nobody to ask.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if !yes {
				if err := confirm(cmd, "delete dataset "+args[0]); err != nil {
					return err
				}
			}
			if err := newClient(cmd).DeleteDataset(cmd.Context(), args[0]); err != nil {
				return err
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "deleted dataset %s\n", args[0])
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), map[string]string{"deleted": args[0]})
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// confirm asks on a terminal whether to do something.
func confirm(cmd *cobra.Command, what string) error {
	in, ok := cmd.InOrStdin().(*os.File)
	if !ok || !term.IsTerminal(int(in.Fd())) {
		return fmt.Errorf("%w: to %s without being asked, say --yes", tourney.ErrRefused, what)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%s? [y/N] ", what)
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read answer: %w", err)
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return fmt.Errorf("%w: nothing is changed", tourney.ErrRefused)
	}
	return nil
}

func newDatasetSynth() *cobra.Command {
	var o ingest.SynthOptions
	var columns int
	var out string
	cmd := &cobra.Command{
		Use:   "synth classification|regression|clicks",
		Short: "Make up a table of any size, as CSV",
		Long: `Synth writes a table of which all is known that can be learnt: the target y is a
known function of the other columns. The same options and seed give the same bytes
on every machine. Click logs have categories by a power law.`,
		Example: "  tourney dataset synth clicks --rows 1000000 --seed 1 --out clicks.csv",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			o.Kind = ingest.SynthKind(args[0])
			if o.Kind == ingest.SynthClicks { // of which two thirds are categories
				o.Numbers = columns / 3
				o.Categories = columns - o.Numbers
			} else {
				o.Numbers = columns
			}
			if err := o.Check(); err != nil {
				return err
			}
			return writeTo(cmd.Context(), cmp.Or(out, "-"), cmd.OutOrStdout(), func(w io.Writer) error { return ingest.Synth(w, o) })
		},
	}
	f := cmd.Flags()
	f.Int64Var(&o.Rows, "rows", 1000, "how many rows")
	f.IntVar(&columns, "columns", 0, "how many columns beside the target; 20, or 39 of clicks, if not given")
	f.Uint64Var(&o.Seed, "seed", 0, "another table for each")
	f.Float64Var(&o.Noise, "noise", 0, "part of the target that cannot be learnt, in standard deviations of a column")
	f.Float64Var(&o.Missing, "missing", 0, "share of the values that are missing")
	f.StringVar(&out, "out", "", "file to write; stdout if not given")
	return cmd
}

// writeTo has f write to a file, which is not there if that fails, or to stdout
// for "-".
func writeTo(ctx context.Context, name string, stdout io.Writer, f func(io.Writer) error) (err error) {
	w := &untilDone{ctx: ctx, w: stdout}
	if name != "-" {
		file, err := os.Create(name)
		if err != nil {
			return usageError{fmt.Errorf("--out: %w", err)}
		}
		w.w = file
		defer func() {
			if cerr := file.Close(); err == nil {
				err = cerr
			}
			if err != nil {
				err = errors.Join(err, os.Remove(name))
			}
		}()
		if err := f(w); err != nil {
			return interrupted(ctx, err)
		}
		return nil
	}
	return interrupted(ctx, f(w))
}

// untilDone stops writing when its context ends.
type untilDone struct {
	ctx context.Context
	w   io.Writer
}

func (u *untilDone) Write(p []byte) (int, error) {
	if err := u.ctx.Err(); err != nil {
		return 0, err
	}
	return u.w.Write(p)
}
