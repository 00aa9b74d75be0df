package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tourney"
	"tourney/api/client"
)

// serverFlag adds the flag of commands that talk to a server.
func serverFlag(cmd *cobra.Command) {
	cmd.PersistentFlags().String("server", "http://127.0.0.1:8080", "URL of the server")
}

func newClient(cmd *cobra.Command) *client.Client {
	url, _ := cmd.Flags().GetString("server")
	return client.New(url, nil)
}

func newDataset() *cobra.Command {
	cmd := &cobra.Command{Use: "dataset", Short: "Register and list datasets"}
	serverFlag(cmd)
	cmd.AddCommand(newDatasetAdd(), newDatasetList(), newDatasetShow())
	return cmd
}

func newDatasetAdd() *cobra.Command {
	var req tourney.DatasetRequest
	var task string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "add NAME PATH",
		Short: "Register a CSV file as a dataset",
		Long: `Add reads a CSV file with a header, infers the type of each column, shuffles the
rows once, seals a share of them as test rows, and stores the rest as shards. The
same file with the same options makes nothing new.`,
		Example: "  tourney dataset add churn telco_churn.csv --target Churn --drop customerID",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			req.Name, req.Task, req.File = args[0], tourney.Task(task), args[1]
			if err := tourney.CheckName(req.Name); err != nil {
				return usageError{err}
			}
			ds, err := register(cmd.Context(), newClient(cmd), req, args[1])
			if err != nil {
				return interrupted(cmd.Context(), err)
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), ds)
			}
			printDataset(cmd.OutOrStdout(), ds)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&req.Target, "target", "", "the column to predict")
	f.StringVar(&task, "task", "", "classification or regression; told from the target if it is not given")
	f.Float64Var(&req.Test, "test", tourney.DefaultTestShare, "share of the rows to seal as test rows")
	f.StringSliceVar(&req.Drop, "drop", nil, "columns to leave out")
	f.Uint64Var(&req.Seed, "seed", 0, "seed of the shuffle and the split")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
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
				fmt.Fprintf(cmd.OutOrStdout(), "%-24s %-14s %9d rows %5d columns  target %s  %.12s\n", ds.Name, ds.Task, ds.Rows, len(ds.Columns), ds.Target, ds.Version)
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
		Short: "Show a dataset's columns",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ds, err := newClient(cmd).Dataset(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), ds)
			}
			printDataset(cmd.OutOrStdout(), ds)
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printDataset(w io.Writer, ds tourney.Dataset) {
	fmt.Fprintf(w, "%s  version %.12s\n", ds.Name, ds.Version)
	fmt.Fprintf(w, "%d rows, %d of them sealed as test rows; %s of %s", ds.Rows, ds.TestRows, ds.Task, ds.Target)
	if len(ds.Classes) > 0 {
		fmt.Fprintf(w, ", %d classes", len(ds.Classes))
	}
	fmt.Fprintf(w, "; %d shards, %d bytes\n", len(ds.Shards)+len(ds.Test), ds.Bytes)
	for _, c := range ds.Columns {
		what := fmt.Sprintf("%d categories", len(c.Categories))
		if c.Kind == tourney.Number && c.Min != nil {
			what = fmt.Sprintf("%.6g to %.6g, mean %.6g", *c.Min, *c.Max, *c.Mean)
		}
		missing := ""
		if c.Missing > 0 {
			missing = fmt.Sprintf(", %d missing", c.Missing)
		}
		fmt.Fprintf(w, "  %-28s %-9s %s%s\n", c.Name, c.Kind, what, missing)
	}
}
