package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tourney"
)

func newSweepExtend() *cobra.Command {
	var runCap, more, patience int
	var wall time.Duration
	var hours, cost, target float64
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "extend ID",
		Short: "Give a sweep more trials or other limits; one that is completed goes on",
		Long: `Extend gives a sweep more trials, or other limits instead of those it has. One
that is completed goes on: what was pruned stays pruned, and its next winner is
refitted. Its test metrics were known by then, so it is marked as unsealed.

Trials are added to the sweep's cap. Retries of failed trials are beyond it, and
take nothing of what is added.`,
		Example: `  tourney sweep extend ID --trials 100
  tourney sweep extend ID --run-cap 500 --wall 2h`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := newClient(cmd)
			a := tourney.Amendment{RunCap: runCap}
			f := cmd.Flags()
			sweep, err := c.Sweep(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			if more > 0 {
				if runCap > 0 {
					return usageError{errors.New("give --run-cap, which counts all trials, or --trials, which counts those that are added")}
				}
				if a.RunCap, err = raised(sweep, more); err != nil {
					return err
				}
			}
			if f.Changed("wall") || f.Changed("worker-hours") || f.Changed("cost") || f.Changed("target") || f.Changed("no-improvement") {
				l := sweep.LimitsNow()
				setIf(f.Changed("wall"), &l.Wall, wall.Seconds())
				setIf(f.Changed("worker-hours"), &l.WorkerHours, hours)
				setIf(f.Changed("cost"), &l.Cost, cost)
				setIf(f.Changed("no-improvement"), &l.NoImprovement, patience)
				setIf(f.Changed("target"), &l.Target, &target)
				a.Limits = &l
			}
			if sweep, err = c.Extend(cmd.Context(), args[0], a); err != nil {
				return err
			}
			return tellSweep(cmd, sweep, asJSON)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&asJSON, "json", false, "print JSON")
	f.IntVar(&runCap, "run-cap", 0, "trials in all, those that there are among them, retries left out")
	f.IntVar(&more, "trials", 0, "trials to add to the cap")
	f.DurationVar(&wall, "wall", 0, "time that it may run in all, pauses left out")
	f.Float64Var(&hours, "worker-hours", 0, "hours of slots that it may use in all")
	f.Float64Var(&cost, "cost", 0, "what it may cost in all")
	f.Float64Var(&target, "target", 0, "a value of the metric that is good enough")
	f.IntVar(&patience, "no-improvement", 0, "finished trials in a row without an improvement that end it")
	return cmd
}

func setIf[T any](changed bool, field *T, v T) {
	if changed {
		*field = v
	}
}

// raised returns the cap of trials that is more above the one in force. Retries
// do not count towards a cap, so how many trials there are says nothing of it.
func raised(s tourney.Sweep, more int) (int, error) {
	if limit := capOf(s); limit > 0 {
		return limit + more, nil
	}
	return 0, usageError{errors.New("the sweep has no cap that --trials could raise: its limits end it, or its last point; give other limits, as with --wall")}
}

// capOf returns the cap of trials that is in force.
func capOf(s tourney.Sweep) int {
	if s.Amended != nil && s.Amended.RunCap > 0 {
		return s.Amended.RunCap
	}
	return s.Spec.RunCap
}

func newSweepDelete() *cobra.Command {
	var force, yes, asJSON bool
	cmd := &cobra.Command{
		Use:   "delete ID",
		Short: "Delete a sweep with all that is known of it",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := newClient(cmd)
			if !yes {
				sweep, err := c.Sweep(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if err := confirm(cmd, fmt.Sprintf("delete sweep %s (%s) with its %d trials", sweep.ID, sweep.Spec.Name, total(sweep.Counts))); err != nil {
					return err
				}
			}
			if err := c.DeleteSweep(cmd.Context(), args[0], force); err != nil {
				return err
			}
			fmt.Fprintln(cmd.ErrOrStderr(), "deleted", args[0])
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), map[string]string{"deleted": args[0]})
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	cmd.Flags().BoolVar(&force, "force", false, "cancel it first if it has not ended")
	cmd.Flags().BoolVar(&yes, "yes", false, "do not ask")
	return cmd
}
