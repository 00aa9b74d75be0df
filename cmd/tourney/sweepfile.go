package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"tourney"
	"tourney/cmd/tourney/internal/sweepfmt"
)

func newSweepFmt() *cobra.Command {
	var write, diff bool
	cmd := &cobra.Command{
		Use:   "fmt [FILE...]",
		Short: "Write sweep files in the one way: order of keys, indent, comments kept",
		Long: `Fmt prints sweep files as they are best written. Keys come in a fixed order, with
the indent of two; comments stay with what they belong to, and values as they are
written. Parameters keep the order that you gave them. Without a file, or for "-",
it reads standard input.`,
		Example: `  tourney sweep fmt -w sweeps/*.yaml
  tourney sweep fmt -d sweep.yaml`,
		Args: cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				args = []string{"-"}
			}
			var wrong []error
			for _, file := range args {
				if err := formatFile(cmd, file, write, diff); err != nil {
					wrong = append(wrong, err)
				}
			}
			return errors.Join(wrong...)
		},
	}
	cmd.Flags().BoolVarP(&write, "write", "w", false, "write the result back instead of printing it")
	cmd.Flags().BoolVarP(&diff, "diff", "d", false, "print what would change instead")
	return cmd
}

func formatFile(cmd *cobra.Command, file string, write, diff bool) error {
	data, err := readFileOr(cmd.InOrStdin(), file)
	if err != nil {
		return usageError{err}
	}
	out, err := sweepfmt.Format(data, file)
	if err != nil {
		return err
	}
	if diff {
		if err := printDiff(cmd.OutOrStdout(), file, data, out); err != nil {
			return err
		}
	}
	switch {
	case write && file == "-":
		return usageError{errors.New("standard input cannot be written back; leave -w out")}
	case write && !bytes.Equal(data, out):
		return replaceFile(file, out)
	case !write && !diff:
		_, err = cmd.OutOrStdout().Write(out)
	}
	return err
}

// replaceFile puts a file in the place of another at once, with its mode.
func replaceFile(file string, data []byte) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(file), ".tourney-*")
	if err != nil {
		return fmt.Errorf("write %s: %w", file, err)
	}
	_, err = f.Write(data)
	err = errors.Join(err, f.Chmod(info.Mode().Perm()), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write %s: %w", file, err), os.Remove(f.Name()))
	}
	return nil
}

// printDiff writes the lines that differ: the old ones with '-', the new ones
// with '+'.
func printDiff(w io.Writer, file string, before, after []byte) error {
	if bytes.Equal(before, after) {
		return nil
	}
	a, b := strings.SplitAfter(string(before), "\n"), strings.SplitAfter(string(after), "\n")
	var s strings.Builder
	fmt.Fprintf(&s, "--- %s\n+++ %s, formatted\n", file, file)
	for _, l := range diffLines(a, b) {
		s.WriteString(strings.TrimRight(l, "\n") + "\n")
	}
	_, err := io.WriteString(w, s.String())
	return err
}

// diffLines returns the lines of two files that are not common to both, in
// order, by the longest common subsequence.
func diffLines(a, b []string) []string {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	var out []string
	if len(a)*len(b) > 16<<20 { // too long to compare: all of it
		for _, l := range a {
			out = append(out, "-"+l)
		}
		for _, l := range b {
			out = append(out, "+"+l)
		}
		return out
	}
	common := make([][]int, len(a)+1)
	for i := range common {
		common[i] = make([]int, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	i, j := 0, 0
	for i < len(a) || j < len(b) {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			out = append(out, "-"+a[i])
			i++
		default:
			out = append(out, "+"+b[j])
			j++
		}
	}
	return out
}

func newSweepSchema() *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of a sweep file, for editors",
		Long: `Schema prints the JSON Schema (draft 2020-12) of a sweep file. An editor with a YAML
language server completes and checks a file that begins with

  # yaml-language-server: $schema=sweep.schema.json`,
		Example: `  tourney sweep schema > sweep.schema.json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(tourney.SpecSchema())
			return err
		},
	}
}
