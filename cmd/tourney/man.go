package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newMan() *cobra.Command {
	return &cobra.Command{
		Use:   "man DIR",
		Short: "Write the manual's pages, one a command, into a directory",
		Long: `Man writes a page of section 1 for each command into a directory:

  tourney man ~/.local/share/man/man1 && man tourney-sweep-create`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil { //nolint:gosec // pages are for all to read
				return usageError{fmt.Errorf("man: %w", err)}
			}
			n := 0
			for _, c := range allCommands(cmd.Root()) {
				name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
				if err := os.WriteFile(filepath.Join(args[0], name), manPage(c), 0o644); err != nil { //nolint:gosec // likewise
					return fmt.Errorf("write manual: %w", err)
				}
				n++
			}
			fmt.Fprintf(cmd.ErrOrStderr(), "wrote %d pages into %s\n", n, args[0])
			return nil
		},
	}
}

// allCommands returns a command and those below it that people use.
func allCommands(cmd *cobra.Command) []*cobra.Command {
	all := []*cobra.Command{cmd}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			all = append(all, allCommands(sub)...)
		}
	}
	return all
}

// manPage writes a command's page in the man macros.
func manPage(c *cobra.Command) []byte {
	var b bytes.Buffer
	name := strings.ReplaceAll(c.CommandPath(), " ", "-")
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"tourney %s\" \"Tourney\"\n", strings.ToUpper(roff(name)), roff(buildVersion()))
	fmt.Fprintf(&b, ".SH NAME\n%s \\- %s\n", roff(name), roff(c.Short))
	use := c.UseLine()
	if c.HasAvailableSubCommands() {
		use = c.CommandPath() + " COMMAND"
	}
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(use))
	b.WriteString(".SH DESCRIPTION\n")
	text := c.Long
	if text == "" {
		text = c.Short + "."
	}
	paragraphs(&b, text)
	if c.HasAvailableSubCommands() {
		b.WriteString(".SH COMMANDS\n")
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(&b, ".TP\n.B %s\n%s\n", roff(sub.Name()), roff(sub.Short))
			}
		}
	}
	flags(&b, "OPTIONS", c.NonInheritedFlags())
	flags(&b, "COMMON OPTIONS", c.InheritedFlags())
	if c.Example != "" {
		fmt.Fprintf(&b, ".SH EXAMPLES\n.nf\n%s\n.fi\n", roff(c.Example))
	}
	b.WriteString(".SH ENVIRONMENT\nEach option may be set by TOURNEY_ and its name in capitals, with _ for \\-, or by its name in the file of \\-\\-config.\n")
	b.WriteString(".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage or input, 3 refused for safety, 130 interrupted.\n")
	if c.HasParent() {
		var others []string
		for _, sub := range append([]*cobra.Command{c.Parent()}, c.Parent().Commands()...) {
			if sub != c && (sub == c.Parent() || sub.IsAvailableCommand()) {
				others = append(others, roff(strings.ReplaceAll(sub.CommandPath(), " ", "-"))+"(1)")
			}
		}
		fmt.Fprintf(&b, ".SH SEE ALSO\n%s\n", strings.Join(others, ", "))
	}
	return b.Bytes()
}

// paragraphs writes a text; what is indented is kept as it is.
func paragraphs(b *bytes.Buffer, text string) {
	for i, p := range strings.Split(text, "\n\n") {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		if strings.HasPrefix(p, "  ") {
			fmt.Fprintf(b, ".nf\n%s\n.fi\n", roff(p))
			continue
		}
		fmt.Fprintf(b, "%s\n", roff(p))
	}
}

func flags(b *bytes.Buffer, head string, set *pflag.FlagSet) {
	var list []*pflag.Flag
	set.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			list = append(list, f)
		}
	})
	if len(list) == 0 {
		return
	}
	slices.SortFunc(list, func(x, y *pflag.Flag) int { return strings.Compare(x.Name, y.Name) })
	fmt.Fprintf(b, ".SH %s\n", head)
	for _, f := range list {
		short := ""
		if f.Shorthand != "" {
			short = `\-` + f.Shorthand + ", "
		}
		kind, usage := pflag.UnquoteUsage(f)
		fmt.Fprintf(b, ".TP\n.B %s\\-\\-%s %s\n%s\n", short, roff(f.Name), roff(kind), roff(usage))
	}
}

// roff protects a text from the macros.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, ".") || strings.HasPrefix(l, "'") {
			lines[i] = `\&` + l
		}
	}
	return strings.Join(lines, "\n")
}
