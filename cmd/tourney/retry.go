package main

import (
	"errors"
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"tourney"
)

func newSweepRetry() *cobra.Command {
	var failed, asJSON bool
	cmd := &cobra.Command{
		Use:   "retry ID [N]",
		Short: "Try failed trials again, each as a new one with the same parameters",
		Long: `Retry has failed trials of a sweep tried again. They stay as they are: each gets
a new trial with its parameters and another seed, beyond the sweep's cap. A sweep
that is completed or has failed goes on for them and for nothing else.`,
		Example: `  tourney sweep retry ID 17
  tourney sweep retry ID --failed`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if failed == (len(args) == 2) {
				return usageError{errors.New("give the number of a trial, or --failed for all that failed")}
			}
			c := newClient(cmd)
			var numbers []int
			if failed {
				trials, err := collect(c.Trials(cmd.Context(), args[0]), -1)
				if err != nil {
					return err
				}
				if numbers = untried(trials); len(numbers) == 0 {
					fmt.Fprintln(cmd.ErrOrStderr(), "no trial failed that was not tried again")
				}
			} else {
				n, err := strconv.Atoi(args[1])
				if err != nil || n < 0 {
					return usageError{fmt.Errorf("%q is no number of a trial; they count from 0", args[1])}
				}
				numbers = []int{n}
			}
			retries := make([]tourney.Retry, 0, len(numbers))
			for _, n := range numbers {
				r, err := c.Retry(cmd.Context(), args[0], n, "")
				if err != nil {
					return err
				}
				retries = append(retries, r)
				if !asJSON {
					fmt.Fprintf(cmd.OutOrStdout(), "trial %d is tried again as trial %d\n", r.Of, r.Trial)
				}
			}
			if asJSON {
				return writeJSON(cmd.OutOrStdout(), retries)
			}
			return nil
		},
	}
	cmd.Flags().BoolVar(&failed, "failed", false, "all trials that failed and were not tried again yet")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// untried returns the failed trials that no other tries again.
func untried(trials []tourney.Trial) []int {
	again := map[int]bool{}
	for _, t := range trials {
		if t.RetryOf != nil {
			again[*t.RetryOf] = true
		}
	}
	var numbers []int
	for _, t := range trials {
		if t.State == tourney.TrialFailed && !again[t.Number] {
			numbers = append(numbers, t.Number)
		}
	}
	return numbers
}
