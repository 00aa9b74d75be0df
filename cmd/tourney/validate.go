package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tourney"
	"tourney/api/client"
)

func newSweepValidate() *cobra.Command {
	var asJSON bool
	var dataset string
	cmd := &cobra.Command{
		Use:   "validate FILE",
		Short: "Say what a sweep would do, and create nothing",
		Long: `Validate has the server read a sweep file and say what is wrong with it, or what
it would come to: how many trials, the rungs and their budgets, the work, and the
first points. Nothing is created; a dataset must be registered. It is the same as
tourney sweep create --dry-run FILE.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return validate(cmd.Context(), newClient(cmd), args[0], dataset, asJSON, cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().StringVar(&dataset, "dataset", "", "take this registered dataset instead of the file's")
	return cmd
}

// validate prints the forecast of a sweep file. A file that is wrong is an
// error that names its lines.
func validate(ctx context.Context, c *client.Client, file, dataset string, asJSON bool, w io.Writer) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return usageError{fmt.Errorf("read sweep file: %w", err)}
	}
	if dataset != "" {
		spec, err := tourney.ParseSpec(data, file)
		if err != nil {
			return err
		}
		spec.Dataset = dataset
		if data, err = json.Marshal(spec); err != nil {
			return fmt.Errorf("write sweep: %w", err)
		}
	}
	f, err := c.Validate(ctx, data)
	if err != nil {
		return err
	}
	var wrong error
	if !f.Valid {
		wrong = &tourney.InvalidError{Source: file, Fields: f.Errors}
	}
	if asJSON {
		return errors.Join(writeJSON(w, f), wrong)
	}
	if wrong != nil {
		return wrong
	}
	printForecast(w, f)
	return nil
}

func printForecast(w io.Writer, f tourney.Forecast) {
	fmt.Fprintf(w, "%s: %s, %s %s, method %s\n", f.Spec.Name, f.Spec.Trainer, f.Spec.Metric.Goal, f.Spec.Metric.Name, f.Spec.Method)
	space := "not finite"
	if f.Plan.Size > 0 {
		space = grouped(f.Plan.Size) + " points"
	}
	trials := "as many as its limits allow"
	if f.Trials > 0 {
		trials = "at most " + grouped(int64(f.Trials))
	}
	fmt.Fprintf(w, "  space     %d parameters, %s\n  trials    %s, %d at a time\n", len(f.Spec.Parameters), space, trials, f.Spec.Parallelism)
	if f.Trials > 0 {
		fmt.Fprintf(w, "  work      about %s jobs, %s steps\n", grouped(f.Jobs), grouped(f.Steps))
	}
	for _, r := range f.Rungs {
		fmt.Fprintf(w, "  rung %-4d %s steps", r.Rung, grouped(int64(r.Budget)))
		if r.Trials > 0 {
			fmt.Fprintf(w, ", about %s trials", grouped(int64(r.Trials)))
		}
		fmt.Fprintln(w)
	}
	for i, p := range f.Proposals {
		var parts []string
		for _, name := range names(p) {
			parts = append(parts, name+"="+formatValue(p[name]))
		}
		fmt.Fprintf(w, "  trial %-3d %s\n", i, strings.Join(parts, " "))
	}
	for _, d := range f.Warnings {
		fmt.Fprintf(w, "  note      %s\n", strings.TrimSpace(d.Path+" "+d.Message))
	}
}

func names(p tourney.Params) []string {
	list := make([]string, 0, len(p))
	for name := range p {
		list = append(list, name)
	}
	slices.Sort(list)
	return list
}
