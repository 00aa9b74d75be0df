package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tourney"
)

func newSweepImportance() *cobra.Command {
	var req tourney.ImportanceRequest
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "importance ID",
		Short: "Say how much each parameter matters",
		Long: `Importance says which share of what makes trials good or bad each parameter has:
by conditional PED-ANOVA, which takes milliseconds, or with --method fanova by a
random forest, which also knows pairs.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			found, err := newClient(cmd).Importance(cmd.Context(), args[0], req)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), found)
			}
			w := cmd.OutOrStdout()
			fmt.Fprintf(w, "%s of %d trials, by %s\n", found.Metric, found.Trials, found.Method)
			for _, p := range found.Params {
				fmt.Fprintf(w, "  %-28s %5.1f %%  %s\n", p.Name, 100*p.Value, bar(p.Value))
			}
			for _, p := range found.Pairs {
				fmt.Fprintf(w, "  %-28s %5.1f %%  %s\n", p.Names[0]+" × "+p.Names[1], 100*p.Value, bar(p.Value))
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&req.Method, "method", "ped", "ped or fanova")
	f.StringVar(&req.Metric, "metric", "", "a metric that the trials report; default: the sweep's")
	f.IntSliceVar(&req.Trials, "trials", nil, "numbers of the trials to look at; default: all that have a value")
	f.IntVar(&req.Pairs, "pairs", 0, "of fanova: pairs among so many of the first parameters")
	f.BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// bar draws a share of 1.
func bar(share float64) string {
	return strings.Repeat("█", int(min(max(share, 0), 1)*30+0.5))
}

func newSweepPareto() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "pareto ID",
		Short: "List the trials that none is better than in every objective",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			front, err := newClient(cmd).Pareto(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), front)
			}
			w := cmd.OutOrStdout()
			for _, t := range front.Trials {
				fmt.Fprintf(w, "trial %-6d", t.Number)
				for _, m := range front.Metrics {
					fmt.Fprintf(w, "  %s %.6g", m.Name, t.Metrics[m.Name])
				}
				fmt.Fprintf(w, "  %s\n", t.Params.Key())
			}
			if front.Hypervolume != nil {
				fmt.Fprintf(w, "hypervolume %.6g from %v\n", *front.Hypervolume, front.Reference)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
