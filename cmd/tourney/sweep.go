package main

import (
	"encoding/json"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"tourney"
)

func newSweep() *cobra.Command {
	cmd := &cobra.Command{Use: "sweep", Short: "Create, watch and steer sweeps"}
	serverFlag(cmd)
	cmd.AddCommand(
		newSweepCreate(), newSweepValidate(), newSweepList(), newSweepShow(), newSweepWatch(),
		newSweepAct("pause", "Start no more jobs; those that run go on", tourney.ActionPause),
		newSweepAct("resume", "Go on with a paused sweep", tourney.ActionResume),
		newSweepAct("cancel", "End a sweep at once; what its trials have reported is kept", tourney.ActionCancel),
		newSweepLeaderboard(), newSweepTrials(), newSweepImportance(), newSweepPareto(), newSweepReplay(), newSweepExtend(), newSweepRetry(), newSweepDelete(), newSweepLogs(),
		newSweepImport(), newSweepFmt(), newSweepSchema(),
		newSweepExport(), newSweepImportOptuna(),
	)
	return cmd
}

func newSweepCreate() *cobra.Command {
	var o runOptions
	var dryRun bool
	cmd := &cobra.Command{
		Use:   "create FILE",
		Short: "Start a sweep on a server and return",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if dryRun {
				return validate(cmd.Context(), newClient(cmd), args[0], o.dataset, o.asJSON, cmd.OutOrStdout())
			}
			o.seed = -1
			spec, err := o.readSpec(args[0], cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			sweep, err := o.submit(cmd.Context(), newClient(cmd), spec, args[0], cmd.ErrOrStderr())
			if err != nil {
				return interrupted(cmd.Context(), err)
			}
			if o.asJSON {
				return writeJSON(cmd.OutOrStdout(), sweep)
			}
			fmt.Fprintln(cmd.OutOrStdout(), sweep.ID)
			return nil
		},
	}
	cmd.Flags().BoolVar(&o.asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&dryRun, "dry-run", false, "say what the sweep would do, and create nothing")
	cmd.Flags().StringVar(&o.dataset, "dataset", "", "take this dataset, a name, path, pattern or URL, instead of the file's")
	return cmd
}

func newSweepList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the sweeps, newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			sweeps, err := collect(newClient(cmd).Sweeps(cmd.Context()), -1)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), sweeps)
			}
			for _, s := range sweeps {
				printSweepLine(cmd.OutOrStdout(), s)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func printSweepLine(w io.Writer, s tourney.Sweep) {
	best := "-"
	if s.Best != nil && s.Best.Value != nil {
		best = fmt.Sprintf("%s %.4f", s.Spec.Metric.Name, *s.Best.Value)
	}
	fmt.Fprintf(w, "%s  %-10s %6d trials  %-20s %s\n", s.ID, s.State, total(s.Counts), best, s.Spec.Name)
}

func newSweepShow() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "show ID",
		Short: "Show a sweep",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			sweep, err := newClient(cmd).Sweep(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), sweep)
			}
			printSweepLine(cmd.OutOrStdout(), sweep)
			if sweep.Best != nil && sweep.Best.Value != nil {
				printWinner(cmd.OutOrStdout(), sweep)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func newSweepWatch() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "watch ID",
		Short: "Follow a sweep to its end",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			url, c := accessOf(cmd).server, newClient(cmd)
			sweep, err := c.Sweep(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			b := newBoard(c, url, sweep, cmd.OutOrStdout(), cmd.ErrOrStderr(), asJSON)
			if !sweep.State.Terminal() {
				if err := b.watch(cmd.Context()); err != nil {
					return interrupted(cmd.Context(), err)
				}
			}
			return b.finish(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON at the end")
	return cmd
}

func newSweepAct(use, short string, action tourney.Action) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   use + " ID",
		Short: short,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			sweep, err := newClient(cmd).Act(cmd.Context(), args[0], action)
			if err != nil {
				return err
			}
			return tellSweep(cmd, sweep, asJSON)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// tellSweep prints a sweep as a line, or whole.
func tellSweep(cmd *cobra.Command, sweep tourney.Sweep, asJSON bool) error {
	if asJSON {
		return writeJSON(cmd.OutOrStdout(), sweep)
	}
	printSweepLine(cmd.OutOrStdout(), sweep)
	return nil
}

func newSweepLeaderboard() *cobra.Command {
	var canonical, asJSON bool
	var limit int
	cmd := &cobra.Command{
		Use:   "leaderboard ID",
		Short: "Print the board: rung (high first), value, number",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := newClient(cmd)
			sweep, err := c.Sweep(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			trials, err := collect(c.Leaderboard(cmd.Context(), args[0]), -1)
			if err != nil {
				return err
			}
			switch {
			case canonical:
				return writeCanonical(cmd.OutOrStdout(), trials)
			case asJSON:
				return writeJSON(cmd.OutOrStdout(), trials)
			}
			for _, line := range table(sweep.Spec, trials[:min(limit, len(trials))]) {
				fmt.Fprintln(cmd.OutOrStdout(), line)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&canonical, "canonical", false, "print what no machine, timing or loss may change: equal sweeps give equal bytes")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().IntVar(&limit, "limit", 50, "rows to print")
	return cmd
}

// canonicalTrial is a trial without anything that may vary between runs.
type canonicalTrial struct {
	Number  int                `json:"number"`
	Params  tourney.Params     `json:"params"`
	Metrics tourney.Metrics    `json:"metrics"`
	State   tourney.TrialState `json:"state"`
	Reason  tourney.Reason     `json:"reason"`
	Rung    int                `json:"rung"`
}

// writeCanonical writes one line a trial, in the board's order.
func writeCanonical(w io.Writer, trials []tourney.Trial) error {
	for _, t := range trials {
		line, err := json.Marshal(canonicalTrial{t.Number, t.Params, t.Metrics, t.State, t.Reason, t.Rung})
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "%s\n", line); err != nil {
			return err
		}
	}
	return nil
}

func newSweepTrials() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "trials ID",
		Short: "List the trials by number",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := newClient(cmd)
			sweep, err := c.Sweep(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			trials, err := collect(c.Trials(cmd.Context(), args[0]), -1)
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), trials)
			}
			for _, line := range table(sweep.Spec, trials) {
				fmt.Fprintln(cmd.OutOrStdout(), line)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
