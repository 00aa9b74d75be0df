package main

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"tourney"
	"tourney/api/client"
)

// printDataset writes a page about a dataset for people.
func printDataset(w io.Writer, ds tourney.Dataset) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s  version %.12s\n", ds.Name, ds.Version)
	fmt.Fprintf(&b, "%s rows, %s of them sealed as test rows (split %s, seed %d)\n", grouped(int64(ds.Rows)), grouped(int64(ds.TestRows)), ds.Split, ds.Seed)
	fmt.Fprintf(&b, "%s of %s", ds.Task, ds.Target)
	if len(ds.Classes) > 0 {
		fmt.Fprintf(&b, ", %d classes: %s", len(ds.Classes), some(ds.Classes, 10))
	}
	fmt.Fprintf(&b, "\n%d shards, %s\n", len(ds.Shards)+len(ds.Test), showBytes(ds.Bytes))
	for _, role := range []struct{ what, column string }{{"groups by", ds.Group}, {"in the order of", ds.Time}, {"weights in", ds.Weight}} {
		if role.column != "" {
			fmt.Fprintf(&b, "%s %s\n", role.what, role.column)
		}
	}
	for _, line := range ds.Read {
		fmt.Fprintf(&b, "read: %s\n", line)
	}
	fmt.Fprintln(&b)
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "column\tkind\tmissing\tdistinct\tvalues\t\ttold by")
	for i := range ds.Columns {
		c := &ds.Columns[i]
		kind := string(c.Kind)
		if c.Ordered {
			kind += ", ordered"
		}
		distinct := ""
		if c.Distinct > 0 {
			distinct = grouped(int64(c.Distinct))
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", shorten(c.Name, 40), kind, grouped(int64(c.Missing)), distinct, values(c), bars(c.Histogram), c.Why)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	if len(ds.Warnings) > 0 {
		fmt.Fprintln(&b, "\nwhat may hurt:")
	}
	for _, warning := range together(ds.Warnings) {
		fmt.Fprintf(&b, "  %s\n", warning)
	}
	_, err := w.Write(trimLines(b.Bytes()))
	return err
}

// together writes warnings, those of one wording as one.
func together(warnings []tourney.Warning) []string {
	type wording struct{ code, message string }
	var order []wording
	columns := map[wording][]string{}
	for _, w := range warnings {
		key := wording{w.Code, w.Message}
		if _, ok := columns[key]; !ok {
			order = append(order, key)
			columns[key] = []string{}
		}
		if w.Column != "" {
			columns[key] = append(columns[key], shorten(w.Column, 40))
		}
	}
	lines := make([]string, len(order))
	for i, key := range order {
		at := some(columns[key], 10)
		if at != "" {
			at += ": "
		}
		lines[i] = fmt.Sprintf("%s%s (%s)", at, key.message, key.code)
	}
	return lines
}

// values says in short what a column holds.
func values(c *tourney.Column) string {
	switch {
	case c.Kind == tourney.Sparse:
		return grouped(int64(c.Width)) + " features"
	case c.Kind == tourney.Boolean && c.Mean != nil:
		return short(100**c.Mean) + " % true"
	case c.Kind == tourney.Date && c.Min != nil:
		return day(*c.Min) + " to " + day(*c.Max)
	case c.Min != nil && c.Max != nil && c.Mean != nil:
		text := fmt.Sprintf("%s to %s, mean %s", short(*c.Min), short(*c.Max), short(*c.Mean))
		if c.SD != nil {
			text += ", sd " + short(*c.SD)
		}
		return text
	}
	var top []string
	for _, l := range c.Top {
		top = append(top, fmt.Sprintf("%s %s", shorten(l.Value, 20), grouped(int64(l.Count))))
	}
	return some(top, 3)
}

// bars draws a histogram in a line of text.
func bars(bins []tourney.Bin) string {
	const levels = "▁▂▃▄▅▆▇█"
	most := 0
	for _, b := range bins {
		most = max(most, b.Count)
	}
	var s strings.Builder
	for _, b := range bins {
		if b.Count == 0 {
			s.WriteByte(' ')
			continue
		}
		r := []rune(levels)
		s.WriteRune(r[(b.Count*len(r)-1)/most])
	}
	return s.String()
}

// printSample writes rows as a table.
func printSample(w io.Writer, s client.Sample) error {
	var b bytes.Buffer
	tw := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{s.Columns}, s.Rows...) {
		for _, text := range row {
			fmt.Fprintf(tw, "%s\t", shorten(text, 40))
		}
		fmt.Fprintln(tw)
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	_, err := w.Write(trimLines(b.Bytes()))
	return err
}

// trimLines removes blanks at the ends of lines.
func trimLines(text []byte) []byte {
	lines := bytes.Split(text, []byte("\n"))
	for i := range lines {
		lines[i] = bytes.TrimRight(lines[i], " ")
	}
	return bytes.Join(lines, []byte("\n"))
}

// some lists the first of many.
func some(list []string, most int) string {
	if len(list) <= most {
		return strings.Join(list, ", ")
	}
	return fmt.Sprintf("%s, … %s more", strings.Join(list[:most], ", "), grouped(int64(len(list)-most)))
}

// shorten is clip of a text that may hold anything, so that it keeps to its
// cell.
func shorten(text string, most int) string {
	return clip(strings.Map(func(r rune) rune {
		if !strconv.IsPrint(r) {
			return '·'
		}
		return r
	}, text), most)
}

// short writes a number with five digits or so.
func short(x float64) string { return strconv.FormatFloat(x, 'g', 5, 64) }

// day writes a time that is kept as seconds since 1970.
func day(seconds float64) string {
	t := time.Unix(int64(seconds), 0).UTC()
	if t.Truncate(24 * time.Hour).Equal(t) {
		return t.Format(time.DateOnly)
	}
	return t.Format(time.DateTime)
}

// grouped writes a count as people do: 20,640.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for at := len(s) - 3; at > 0 && s[at-1] != '-'; at -= 3 {
		s = s[:at] + "," + s[at:]
	}
	return s
}
