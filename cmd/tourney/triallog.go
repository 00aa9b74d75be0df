package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"tourney/api/client"
)

// followEvery is how often a log that is followed is asked for what is new.
const followEvery = 500 * time.Millisecond

func newSweepLogs() *cobra.Command {
	var attempt int
	var follow bool
	cmd := &cobra.Command{
		Use:   "logs ID TRIAL",
		Short: "Print what the program of a trial has printed",
		Long: `Logs prints the output of a trial of a command, as far as it is kept: the first
and the last 512 KiB. Each line begins with "out| " or "err| " for the stream
that it is from, or with "tourney| ".`,
		Args: cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			trial, err := strconv.Atoi(args[1])
			if err != nil || trial < 0 {
				return usageError{fmt.Errorf("TRIAL must be the number of a trial, from 0, not %q", args[1])}
			}
			return printLog(cmd.Context(), newClient(cmd), args[0], trial, attempt, follow, cmd.OutOrStdout())
		},
	}
	cmd.Flags().IntVar(&attempt, "attempt", 0, "number of the attempt, from 1; the last one if not given")
	cmd.Flags().BoolVar(&follow, "follow", false, "go on until the attempt has ended")
	return cmd
}

// printLog prints a log, and what comes until its attempt has ended if it is
// followed.
func printLog(ctx context.Context, c *client.Client, sweep string, trial, attempt int, follow bool, out io.Writer) error {
	from := int64(0)
	for {
		page, err := c.Log(ctx, sweep, trial, attempt, from)
		if err != nil {
			return interrupted(ctx, err)
		}
		if page.Attempt > 0 && attempt == 0 {
			attempt = page.Attempt // another one has a log of its own
		}
		for _, chunk := range page.Items {
			if chunk.Offset > from {
				fmt.Fprintf(out, "tourney| %d bytes are not kept\n", chunk.Offset-from)
			}
			if _, err := io.WriteString(out, chunk.Text); err != nil {
				return err
			}
			from = chunk.End()
		}
		switch {
		case len(page.Items) > 0:
			continue
		case page.Ended || !follow:
			return nil
		}
		wait := time.NewTimer(followEvery)
		select {
		case <-ctx.Done():
			wait.Stop()
			return errInterrupted
		case <-wait.C:
		}
	}
}
