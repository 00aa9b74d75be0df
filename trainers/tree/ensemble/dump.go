package ensemble

import (
	"fmt"
	"strconv"
	"strings"

	"tourney"
	"tourney/dataset"
)

// String tells an ensemble to people: tree by tree as nested questions, with the
// thresholds and the levels that bins stand for, and how many training rows came
// to each leaf.
func (e *Ensemble) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, base %s, link %s", plural(len(e.Trees), "tree"), values(e.Base), e.Link)
	if e.Average {
		b.WriteString(", averaged")
	}
	b.WriteByte('\n')
	for i, t := range e.Trees {
		fmt.Fprintf(&b, "\ntree %d", i)
		if e.PerRound > 1 {
			fmt.Fprintf(&b, " of output %d", i%e.PerRound)
		}
		if w := e.weight(i); w != 1 {
			fmt.Fprintf(&b, ", weight %s", number(w))
		}
		b.WriteString(":\n")
		t.tell(&b, e.Features)
	}
	return b.String()
}

// tell writes a tree. It goes by a stack of its own, as trees may be deep.
func (t *Tree) tell(b *strings.Builder, features *dataset.Binning) {
	type item struct {
		child  int32
		indent int
		before string // a line to write first
	}
	root := int32(0)
	if len(t.Feature) == 0 {
		root = ^int32(0)
	}
	stack := []item{{child: root, indent: 1}}
	for len(stack) > 0 {
		at := stack[len(stack)-1]
		stack = stack[:len(stack)-1]
		if at.before != "" {
			b.WriteString(strings.Repeat("  ", at.indent-1) + at.before + "\n")
		}
		indent := strings.Repeat("  ", at.indent)
		if at.child < 0 {
			leaf := int(^at.child)
			n := len(t.Value) / t.Leaves()
			fmt.Fprintf(b, "%s%s (%s)\n", indent, values(t.Value[leaf*n:(leaf+1)*n]), plural(int(t.Count[t.at(at.child)]), "row"))
			continue
		}
		fmt.Fprintf(b, "%sif %s:\n", indent, t.Question(int(at.child), features))
		stack = append(stack,
			item{t.Right[at.child], at.indent + 1, "else:"},
			item{t.Left[at.child], at.indent + 1, ""})
	}
}

// Question says which rows go left at an inner node, in terms of the values that
// bins stand for.
func (t *Tree) Question(node int, features *dataset.Binning) string {
	f := &features.Features[t.Feature[node]]
	set := t.Cats[node]
	if set == nil && f.Kind.Numeric() {
		return numberQuestion(f, int(t.Bin[node]), t.MissingLeft[node])
	}
	left := t.leftSet(int32(node))
	var names []string
	for _, bin := range members(&left) {
		switch {
		case bin >= f.Bins():
		case bin == Missing:
			names = append(names, "missing")
		case f.Kind == tourney.Text:
			names = append(names, fmt.Sprintf("#%d", bin))
		case bin > len(f.Levels):
			names = append(names, "any other")
		default:
			names = append(names, strconv.Quote(f.Levels[bin-1]))
		}
	}
	of := f.Name
	if f.Kind == tourney.Text {
		of = "hash of " + f.Name
	}
	return fmt.Sprintf("%s is one of {%s}", of, strings.Join(names, ", "))
}

func numberQuestion(f *dataset.BinnedFeature, last int, missingLeft bool) string {
	switch {
	case last == 0 && missingLeft:
		return f.Name + " is missing"
	case last == 0:
		return "never"
	case last > len(f.Edges) && missingLeft:
		return "always"
	case last > len(f.Edges):
		return f.Name + " is not missing"
	case missingLeft:
		return fmt.Sprintf("%s <= %s or is missing", f.Name, number(f.Edges[last-1]))
	}
	return fmt.Sprintf("%s <= %s", f.Name, number(f.Edges[last-1]))
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

func number(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

func values(v []float64) string {
	if len(v) == 1 {
		return number(v[0])
	}
	texts := make([]string, len(v))
	for i := range v {
		texts[i] = number(v[i])
	}
	return "[" + strings.Join(texts, " ") + "]"
}
