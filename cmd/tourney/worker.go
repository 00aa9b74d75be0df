package main

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"tourney"
	"tourney/cmd/internal/fleet"
)

// minLease is the shortest lease: workers beat three times in it.
const minLease = 300 * time.Millisecond

func newWorker() *cobra.Command {
	cmd := fleet.NewCommand("worker", buildVersion())
	train := cmd.RunE
	cmd.AddCommand(newWorkerList(), newWorkerDrain())
	cmd.RunE = train
	return cmd
}

func newWorkerList() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the workers heard of in the last hour, newest first",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c := newClient(cmd)
			list, err := c.Workers(cmd.Context())
			if err != nil {
				return err
			}
			lifetimes, err := c.Lifetimes(cmd.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), map[string]any{"workers": list, "lifetimes": lifetimes})
			}
			w := tabwriter.NewWriter(cmd.OutOrStdout(), 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tHOST\tPOOL\tSLOTS\tRUNNING\tHEATS\tMACHINE\tPRICE/H\tSINCE\tGIVEN BACK\tLOST\tSTATE")
			for i := range list {
				k := &list[i]
				fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\t%s\t%d\t%d\t%s\n", k.ID, k.Host, k.Pool, k.Slots, k.Running, k.Heats,
					machineText(k.Machine), priceText(k.PricePerHour), minute(k.Enrolled), k.Preempted, k.Lost, workerText(k))
			}
			if err := w.Flush(); err != nil {
				return err
			}
			for _, l := range lifetimes {
				if l.Ends > 0 {
					fmt.Fprintf(cmd.OutOrStdout(), "pool %s: %d workers went unasked in %.1f hours of the last week\n", l.Pool, l.Ends, l.Hours)
				}
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

func machineText(m tourney.Machine) string {
	text := m.Cloud
	for _, part := range []string{m.Instance, m.Zone} {
		if part != "" {
			text += " " + part
		}
	}
	if m.Spot {
		text += " spot"
	}
	return text
}

func priceText(price float64) string {
	if price == 0 {
		return ""
	}
	return fmt.Sprintf("%.4g", price)
}

func workerText(w *tourney.Worker) string {
	text := string(w.State)
	if w.Reason != "" {
		text += " (" + string(w.Reason)
		if w.Why != "" {
			text += ": " + w.Why
		}
		text += ")"
	}
	return text
}

func newWorkerDrain() *cobra.Command {
	var finish, asJSON bool
	cmd := &cobra.Command{
		Use:   "drain ID...",
		Short: "Have workers leave: they give back what they train",
		Long: `Drain has workers leave. Each claims nothing any more, saves its trials at their
next step and gives them back, and its process ends; nothing counts against a
trial. With --finish it finishes the jobs that it has first. Drain without it
hurries one that finishes.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			mode := tourney.DrainRelease
			if finish {
				mode = tourney.DrainFinish
			}
			c := newClient(cmd)
			var drained []tourney.Worker
			var errs []error
			for _, id := range args {
				w, err := c.Drain(cmd.Context(), id, mode)
				if err != nil {
					errs = append(errs, err)
					continue
				}
				drained = append(drained, w)
				fmt.Fprintf(cmd.ErrOrStderr(), "worker %s on %s leaves\n", w.ID, w.Host)
			}
			if asJSON {
				errs = append(errs, writeJSON(cmd.OutOrStdout(), map[string]any{"workers": drained}))
			}
			return errors.Join(errs...)
		},
	}
	cmd.Flags().BoolVar(&finish, "finish", false, "finish the jobs that run")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
