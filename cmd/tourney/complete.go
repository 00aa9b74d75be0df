package main

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tourney/cmd/internal/cli"
)

// completeFor is how long a shell may wait for names from a server.
const completeFor = 2 * time.Second

// addCompletion tells the shell what each command's argument may be, by what
// its usage calls it: ids and names come from the server, files from the disk.
func addCompletion(cmd *cobra.Command) {
	if cmd.ValidArgsFunction == nil && !cmd.HasSubCommands() {
		cmd.ValidArgsFunction = completeArgs
	}
	for _, sub := range cmd.Commands() {
		addCompletion(sub)
	}
}

func completeArgs(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	words := strings.Fields(cmd.Use)[1:]
	kind := ""
	if len(args) < len(words) {
		kind = strings.Trim(words[len(args)], "[].")
	} else if len(words) > 0 && strings.Contains(words[len(words)-1], "...") {
		kind = strings.Trim(words[len(words)-1], "[].")
	}
	parent := ""
	if cmd.HasParent() {
		parent = cmd.Parent().Name()
	}
	switch {
	case kind == "FILE", kind == "PATH", kind == "CSV":
		return nil, cobra.ShellCompDirectiveDefault
	case kind == "DIR":
		return nil, cobra.ShellCompDirectiveFilterDirs
	case kind == "ID" && parent == "token":
		return fromServer(cmd, tokenIDs), cobra.ShellCompDirectiveNoFileComp
	case kind == "ID", kind == "SWEEP":
		return fromServer(cmd, sweepIDs), cobra.ShellCompDirectiveNoFileComp
	case kind == "NAME" && parent == "dataset" && cmd.Name() != "add":
		return fromServer(cmd, datasetNames), cobra.ShellCompDirectiveNoFileComp
	case strings.Contains(kind, "|"):
		return strings.Split(kind, "|"), cobra.ShellCompDirectiveNoFileComp
	case kind == "":
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveDefault
}

// fromServer asks the server that the flags, the environment or the config
// file name. A shell that completes has no place for an error: there is nothing
// to offer then.
func fromServer(cmd *cobra.Command, list func(context.Context, *cobra.Command) ([]string, error)) []string {
	if cli.Settle(cmd) != nil || cmd.Flags().Lookup("server") == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), completeFor)
	defer cancel()
	names, err := list(ctx, cmd)
	if err != nil {
		return nil
	}
	return names
}

func sweepIDs(ctx context.Context, cmd *cobra.Command) ([]string, error) {
	sweeps, err := collect(newClient(cmd).Sweeps(ctx), 100)
	var names []string
	for i := range sweeps {
		names = append(names, sweeps[i].ID+"\t"+sweeps[i].Spec.Name+", "+string(sweeps[i].State))
	}
	return names, err
}

func datasetNames(ctx context.Context, cmd *cobra.Command) ([]string, error) {
	all, err := collect(newClient(cmd).Datasets(ctx), 100)
	var names []string
	for i := range all {
		names = append(names, all[i].Name)
	}
	return names, err
}

func tokenIDs(ctx context.Context, cmd *cobra.Command) ([]string, error) {
	tokens, err := newClient(cmd).Tokens(ctx)
	var names []string
	for _, t := range tokens {
		names = append(names, t.ID+"\t"+t.Name)
	}
	return names, err
}
