package cli

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v4"

	"tourney"
)

// wrapArgs makes a wrong number of arguments, and a command that there is not,
// a usage error with the nearest command.
func wrapArgs(cmd *cobra.Command) {
	check := cmd.Args
	if cmd.HasSubCommands() {
		check = noSuchCommand
		if cmd.RunE == nil {
			cmd.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
		}
	}
	cmd.Args = func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usage{fmt.Errorf("%w; usage: %s", err, c.UseLine())}
		}
		return nil
	}
	for _, sub := range cmd.Commands() {
		wrapArgs(sub)
	}
}

// noSuchCommand refuses the arguments of a command that only groups others.
func noSuchCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	return fmt.Errorf("no command %q%s", c.CommandPath()+" "+args[0], tourney.DidYouMean(args[0], names))
}

// applySettings gives each flag that is not on the command line its value from
// the environment (TOURNEY_ and the flag's name in capitals), else from the
// config file.
func applySettings(cmd *cobra.Command) error {
	env := func(name string) (string, bool) {
		return os.LookupEnv("TOURNEY_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")))
	}
	path, _ := cmd.Flags().GetString("config")
	if v, ok := env("config"); ok && path == "" {
		path = v
	}
	file := map[string]any{}
	if path != "" {
		data, err := os.ReadFile(path)
		if err != nil {
			return usage{fmt.Errorf("read config file: %w", err)}
		}
		if err := yaml.Unmarshal(data, &file); err != nil {
			return usage{fmt.Errorf("config file %s: %w", path, err)}
		}
		known := flagNames(cmd.Root())
		for _, key := range slices.Sorted(maps.Keys(file)) {
			if !slices.Contains(known, key) {
				return usage{fmt.Errorf("config file %s: %s: no flag of that name%s", path, key, tourney.DidYouMean(key, known))}
			}
		}
	}
	var err error
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		value, ok := env(f.Name)
		values := []any{value}
		if !ok {
			var v any
			v, ok = file[f.Name]
			if values, _ = v.([]any); values == nil { // a list sets a flag that may be repeated
				values = []any{v}
			}
		}
		if !ok || f.Changed || err != nil {
			return
		}
		for _, v := range values {
			if e := cmd.Flags().Set(f.Name, fmt.Sprint(v)); e != nil {
				err = usage{fmt.Errorf("%s from the environment or config file: %w", f.Name, e)}
			}
		}
	})
	return err
}

// flagNames returns the names of all flags of a command and those below it.
func flagNames(cmd *cobra.Command) []string {
	var names []string
	add := func(f *pflag.Flag) { names = append(names, f.Name) }
	cmd.PersistentFlags().VisitAll(add)
	cmd.Flags().VisitAll(add)
	for _, sub := range cmd.Commands() {
		names = append(names, flagNames(sub)...)
	}
	return names
}

// nearestFlag names the flag that a misspelt one may have meant.
func nearestFlag(cmd *cobra.Command, err error) string {
	_, name, ok := strings.Cut(err.Error(), "unknown flag: --")
	if !ok {
		return ""
	}
	name, _, _ = strings.Cut(name, "=")
	var known []string
	cmd.Flags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) { known = append(known, f.Name) })
	return tourney.DidYouMean(name, known)
}
